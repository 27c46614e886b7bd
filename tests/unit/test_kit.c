/* Conversion kits: one that is made has nothing wrong with it; every file of it damaged, missing or added is found; so is every
 * file that is whole but says what is not so. What no kit can be made of is told, and leaves nothing behind. */
#include "deploy/kit/kit.h"
#include "deploy/reference.h"
#include "folder.h"
#include "format/format.h"
#include "net_support.h"
#include "shared_context.h"
#include <arcface/file.h>
#include <stdio.h>
#include <string.h>

enum { PICTURES = 40, SIDE = 112, LENGTH = 64 };

/* ---- pictures ---- */

/* Waves of three colours: no two pictures are alike, not even to a network of random weights. */
static void wave(int index, int width, int height, arc_image *out) {
    arc_rng rng;
    float f[3][4];
    arc_rng_seed(&rng, 11, (uint64_t)index);
    for (int i = 0; i < 12; i++)
        f[i / 4][i % 4] = arc_rng_normal(&rng);
    assert_int_equal(arc_image_new(ctx, width, height, out, NULL), ARC_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const float turn = f[c][0] * (float)x / 8 + f[c][1] * (float)y / 8 + 3 * f[c][2];
                out->data[y * out->stride_bytes + 3 * x + c] = (uint8_t)(128 + 100 * sinf(turn) * cosf(f[c][3] * (float)x / 5));
            }
}

static const char *picture_path(int index) {
    char name[40];
    snprintf(name, sizeof name, "pictures/%02d.png", index);
    return in_folder(name);
}

static void save_wave(int index, int width, int height, const char *path) {
    arc_image picture;
    wave(index, width, height, &picture);
    assert_int_equal(arc_image_save(ctx, &picture, path, NULL), ARC_OK);
    arc_image_free(ctx, &picture);
}

static int set_up(void **state) {
    open_context(state);
    assert_int_equal(arc_dir_make(in_folder("pictures"), NULL), ARC_OK);
    for (int i = 0; i < PICTURES; i++)
        save_wave(i, SIDE, SIDE, picture_path(i));
    return 0;
}

/* The first `count` pictures as a source. */
static void source_of(arc_photo_source *source, int count) {
    static char text[PICTURES][TEST_PATH_BYTES];
    static const char *path[PICTURES];
    for (int i = 0; i < count; i++) {
        snprintf(text[i], sizeof text[i], "%s", picture_path(i));
        path[i] = text[i];
    }
    arc_photo_source_of_paths(source, path, count);
}

/* A small network of seed `seed`, with embeddings of LENGTH numbers: its weights take no time to pack. */
static arc_model *new_model(uint32_t seed) {
    net t;
    arc_model *model;
    arc_error err = {0};
    net_new(&t, &arc_alloc_libc, seed);
    int x = net_input(&t, "data", net_shape(4, -1, 3, SIDE, SIDE));
    x = net_prelu(&t, net_conv(&t, x, (net_conv_spec){3, 8, 4, 4, 0, 1, true}), 8);
    x = net_prelu(&t, net_conv(&t, x, (net_conv_spec){8, 8, 4, 4, 0, 1, true}), 8);
    x = net_node(&t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_gemm(&t, x, 8 * 7 * 7, LENGTH, false);
    net_done(&t, x);
    t.g->value[x].dtype = ARC_F32;
    t.g->value[x].shape = net_shape(2, -1, LENGTH, 0, 0);
    assert_int_equal(arc_onnx_save(t.g, in_folder("own.onnx"), NULL), ARC_OK);
    arc_graph_free(&t.g);
    if (arc_model_load(ctx, in_folder("own.onnx"), ARC_TASK_EMBED, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return model;
}

static void make_kit(const char *folder, arc_kit_report *report) {
    arc_photo_source source;
    arc_error err = {0};
    arc_model *model = new_model(3);
    source_of(&source, PICTURES);
    if (arc_export_kit(ctx, model, &source, NULL, folder, report, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_model_free(&model);
}

/* What check says; the caller frees it. */
static char *checked(const char *folder, arc_archive_counts *n) {
    char *text;
    arc_error err = {0};
    if (arc_kit_check(ctx, folder, false, n, &text, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return text;
}

static void expect_finding(const char *folder, const char *where, const char *sentence) {
    arc_archive_counts n;
    char *text = checked(folder, &n), wanted[300];
    snprintf(wanted, sizeof wanted, "error: %s", where);
    if (n.errors == 0 || !strstr(text, wanted) || !strstr(text, sentence))
        fail_msg("\"%s\" and \"%s\" are not in\n%s", wanted, sentence, text);
    arc_text_free(ctx, &text);
}

static void expect_whole(const char *folder) {
    arc_archive_counts n;
    char *text = checked(folder, &n);
    if (n.errors != 0)
        fail_msg("%s", text);
    arc_text_free(ctx, &text);
}

/* ---- a whole kit ---- */

static const char *const files[] = {"README.md",
                                    "arcface.onnx",
                                    "arcface.tar.xz",
                                    "calibration.jpg",
                                    "calibration.zip",
                                    "reference/embeddings.npy",
                                    "reference/names.txt",
                                    "reference/reference-01.png",
                                    "reference/reference-04.png",
                                    "rvc2.yaml",
                                    "rvc4.yaml",
                                    "SHA256SUMS"};

static void load(const char *folder, const char *name, arc_map *map) {
    char path[ARC_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(arc_map_open(map, path, SIZE_MAX, NULL), ARC_OK);
}

static void store(const char *folder, const char *name, const void *bytes, size_t count) {
    char path[ARC_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(arc_file_write(ctx, path, bytes, count, NULL), ARC_OK);
}

static void test_whole(void **state) {
    (void)state;
    char first[TEST_PATH_BYTES], second[TEST_PATH_BYTES];
    snprintf(first, sizeof first, "%s", in_folder("first"));
    snprintf(second, sizeof second, "%s", in_folder("second"));
    char told[120];
    arc_kit_report r;
    arc_archive_counts n;
    arc_map one, two;
    make_kit(first, &r);
    assert_int_equal(r.pictures, PICTURES);
    assert_int_equal(r.faces, PICTURES);
    assert_int_equal(r.reference, ARC_KIT_MIN_REFERENCE);
    assert_int_equal(r.calibration + r.unclear, PICTURES - ARC_KIT_MIN_REFERENCE);
    assert_true(r.alike == 0 && r.unclear <= 2 && r.faceless == 0 && r.unreadable == 0);
    assert_int_equal(r.network.output[1], LENGTH);
    char *text = checked(first, &n);
    assert_int_equal(n.errors, 0);
    assert_int_equal(n.warnings, 1); /* so many are few */
    snprintf(told, sizeof told, "%d faces to calibrate on, 4 to compare with: least cosine 1.0000000", r.calibration);
    assert_non_null(strstr(text, told));
    arc_text_free(ctx, &text);
    assert_int_equal(arc_kit_check(ctx, first, true, &n, &text, NULL), ARC_OK);
    snprintf(told, sizeof told, "\"calibration\": %d, \"reference\": 4, \"least_cosine\": 1.0000000", r.calibration);
    assert_non_null(strstr(text, told));
    assert_non_null(strstr(text, "\"errors\": 0, \"warnings\": 1"));
    arc_text_free(ctx, &text);
    assert_int_equal(arc_dir_make(second, NULL), ARC_OK); /* an empty folder is as good as none */
    make_kit(second, NULL);
    load(first, ARC_KIT_SUMS, &one); /* the same pictures give the same kit */
    load(second, ARC_KIT_SUMS, &two);
    assert_int_equal(one.bytes, two.bytes);
    assert_memory_equal(one.data, two.data, one.bytes);
    arc_map_close(&one);
    arc_map_close(&two);
}

/* Each file with one byte changed, cut, absent; and one that nobody knows. */
static void test_damage(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES], path[2 * TEST_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", in_folder("damaged"));
    make_kit(folder, NULL);
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        arc_map map;
        load(folder, files[i], &map);
        const size_t count = map.bytes;
        uint8_t *bytes = malloc(count);
        memcpy(bytes, map.data, count);
        arc_map_close(&map);
        bytes[count / 2] ^= 1;
        store(folder, files[i], bytes, count);
        expect_finding(folder, i + 1 == ARC_COUNT(files) ? "" : files[i], i + 1 == ARC_COUNT(files) ? "" : "digest");
        bytes[count / 2] ^= 1;
        store(folder, files[i], bytes, count - 2); /* a list without its last end of line says the same */
        expect_finding(folder, i + 1 == ARC_COUNT(files) ? "" : files[i], "");
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        assert_int_equal(remove(path), 0);
        expect_finding(folder, files[i], "");
        store(folder, files[i], bytes, count);
        free(bytes);
    }
    expect_whole(folder);
    store(folder, "reference/more.png", "more", 4);
    expect_finding(folder, "reference/more.png", "no part of the kit");
    snprintf(path, sizeof path, "%s/reference/more.png", folder);
    assert_int_equal(remove(path), 0);
    store(folder, "notes.txt", "notes", 5);
    expect_finding(folder, "notes.txt", "no part of the kit");
}

/* ---- whole files that say what is not so ---- */

/* A new kit whose file has this content, with the digests made anew. */
static const char *kit_with(const char *name, const void *bytes, size_t count) {
    static char folder[TEST_PATH_BYTES];
    static int made;
    char leaf[32];
    snprintf(leaf, sizeof leaf, "kit-%d", made++);
    snprintf(folder, sizeof folder, "%s", in_folder(leaf));
    make_kit(folder, NULL);
    store(folder, name, bytes, count);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    return folder;
}

static void test_false_yaml(void **state) {
    (void)state;
    static const struct {
        const char *file, *old, *new, *sentence;
    } cases[] = {
        {"rvc4.yaml", "name: images", "name: data", "inputs.0.name is data, of the network it is images"},
        {"rvc4.yaml", "[1, 3, 112, 112]", "[1, 3, 96, 112]",
         "inputs.0.shape is [1, 3, 96, 112], of the network it is [1,3,112,112]"},
        {"rvc2.yaml", "from: BGR", "from: RGB", "inputs.0.encoding.from is RGB"},
        {"rvc2.yaml", "to: BGR", "to: RGB", "inputs.0.encoding.to is RGB"},
        {"rvc2.yaml", "mean_values: [0, 0, 0]", "mean_values: [127.5, 127.5, 127.5]", "inputs.0.mean_values is [127.5"},
        {"rvc4.yaml", "scale_values: [1, 1, 1]", "scale_values: 127.5", "inputs.0.scale_values is 127.5"},
        {"rvc4.yaml", "name: output", "name: fc1", "outputs.0.name is fc1"},
        {"rvc4.yaml", "shape: [1, 64]", "shape: [1, 512]", "of the network it is [1,64]"},
        {"rvc4.yaml", "path: calibration", "path: photos", "inputs.0.calibration.path is photos"},
        {"rvc4.yaml", "input_model: arcface.onnx", "input_model: other.onnx", "input_model is other.onnx"},
        {"rvc4.yaml", "layout: NCHW", "layout: NHWC", "inputs.0.layout is NHWC"},
        {"rvc4.yaml", "    layout: NF\n", "", "outputs.0.layout is missing: NF"},
        {"rvc4.yaml", "quantization_mode: INT8_STANDARD", "quantization_mode: INT4", "modelconverter has no INT4"},
        {"rvc4.yaml", "name: arcface", "name: arcface\nmean_values: 127.5", "mean_values: 127.5 is no setting that a kit has"},
        {"rvc2.yaml", "name: arcface", "\tname: arcface", "line 6: a tab"},
    };
    arc_text t;
    const arc_kit_network n = {SIDE, SIDE, LENGTH, false};
    const char *folder = kit_with("rvc2.yaml", "", 0);
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        char *whole, text[8192];
        const arc_kit_target target = strcmp(cases[i].file, "rvc2.yaml") == 0 ? ARC_KIT_RVC2 : ARC_KIT_RVC4;
        for (int k = 0; k < ARC_KIT_TARGETS; k++) {
            arc_text_begin(&t, &arc_alloc_libc);
            arc_kit_yaml(&t, (arc_kit_target)k, &n);
            assert_int_equal(arc_text_end(&t, &whole, NULL), ARC_OK);
            if (k == (int)target) {
                const char *at = strstr(whole, cases[i].old);
                assert_non_null(at);
                snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, cases[i].new, at + strlen(cases[i].old));
            } else {
                snprintf(text, sizeof text, "%s", whole);
            }
            store(folder, arc_kit_yaml_name((arc_kit_target)k), text, strlen(text));
            arc_mem_free(&arc_alloc_libc, whole);
        }
        assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
        expect_finding(folder, cases[i].file, cases[i].sentence);
    }
}

static void test_false_references(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES];
    const char *folder = kit_with("README.md", "read", 4);
    arc_reference r;
    expect_whole(folder);
    snprintf(path, sizeof path, "%s/reference", folder);
    assert_int_equal(arc_reference_open(&r, &arc_alloc_libc, path, NULL), ARC_OK);
    r.embedding[2 * r.dim] += 0.5f * (fabsf(r.embedding[2 * r.dim]) + 1);
    const int64_t shape[] = {r.count, r.dim};
    snprintf(path, sizeof path, "%s/reference/embeddings.npy", folder);
    assert_int_equal(arc_npy_save(ctx, path, r.embedding, 2, shape, NULL), ARC_OK);
    arc_reference_close(&r);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "reference/reference-03.png", "another embedding");
    snprintf(path, sizeof path, "%s/reference/reference-01.png", folder);
    save_wave(77, 96, SIDE, path);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "reference/reference-01.png", "96x112");
}

static void test_false_networks(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES];
    arc_export_options raw;
    arc_model *other = new_model(4), *own = new_model(3);
    const char *folder = kit_with("README.md", "read", 4);
    snprintf(path, sizeof path, "%s/arcface.tar.xz", folder);
    assert_int_equal(arc_export_nnarchive(ctx, other, NULL, path, NULL, NULL), ARC_OK);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "arcface.tar.xz", "the network in it is not arcface.onnx");
    snprintf(path, sizeof path, "%s/arcface.onnx", folder);
    assert_int_equal(arc_export_onnx(ctx, other, NULL, path, NULL, NULL), ARC_OK);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "reference/reference-01.png", "another embedding");
    arc_export_options_default(&raw);
    raw.raw = true;
    own->contract.bgr = false;
    assert_int_equal(arc_export_onnx(ctx, own, &raw, path, NULL, NULL), ARC_OK);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "arcface.onnx", "does not take pixels as they are");
    raw.raw = false;
    raw.batch = 0;
    own->contract.bgr = true;
    assert_int_equal(arc_export_onnx(ctx, own, &raw, path, NULL, NULL), ARC_OK);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
    expect_finding(folder, "arcface.onnx", "its ends are not");
    arc_model_free(&own);
    arc_model_free(&other);
}

/* A zip of `count` waves, the first of this size; flat: the second one has one colour. */
static void zip_waves(const char *folder, const char *format, int count, int width, bool flat) {
    static arc_pack_member member[PICTURES];
    static char name[PICTURES][64];
    uint8_t *bytes[PICTURES];
    char path[TEST_PATH_BYTES];
    for (int i = 0; i < count; i++) {
        arc_image picture;
        size_t size;
        wave(i, i == 0 ? width : SIDE, SIDE, &picture);
        if (flat && i == 1)
            memset(picture.data, 90, (size_t)picture.stride_bytes * SIDE);
        assert_int_equal(arc_image_encode(ctx, &picture, ".png", &bytes[i], &size, NULL), ARC_OK);
        arc_image_free(ctx, &picture);
        snprintf(name[i], sizeof name[i], format, i);
        member[i] = (arc_pack_member){name[i], bytes[i], size};
    }
    snprintf(path, sizeof path, "%s/%s", folder, ARC_KIT_ZIP);
    assert_int_equal(arc_pack_zip(&arc_alloc_libc, path, member, count, NULL), ARC_OK);
    for (int i = 0; i < count; i++)
        arc_image_bytes_free(ctx, &bytes[i]);
    assert_int_equal(arc_kit_sums_save(&arc_alloc_libc, folder, NULL), ARC_OK);
}

static void test_false_calibration(void **state) {
    (void)state;
    const char *folder = kit_with("README.md", "read", 4);
    zip_waves(folder, "%d.png", 30, SIDE, false);
    expect_whole(folder);
    zip_waves(folder, "%d.png", ARC_KIT_MIN_CALIBRATION - 1, SIDE, false);
    expect_finding(folder, "calibration.zip", "19 faces are too few to calibrate on: at least 20");
    zip_waves(folder, "%d.png", 30, 96, false);
    expect_finding(folder, "calibration.zip: 0.png", "is 96x112 pixels");
    zip_waves(folder, "%d.png", 30, SIDE, true);
    expect_finding(folder, "calibration.zip: 1.png", "one colour");
    zip_waves(folder, "%d.jpeg", 30, SIDE, false);
    expect_finding(folder, "calibration.zip: 3.jpeg", "must be called NAME.png");
    zip_waves(folder, "same.png", 30, SIDE, false);
    expect_finding(folder, "calibration.zip", "two members are called same.png");
    zip_waves(folder, "../%d.png", 30, SIDE, false);
    expect_finding(folder, "calibration.zip", "in no folder");
    store(folder, ARC_KIT_ZIP, "no zip at all", 13);
    expect_finding(folder, "calibration.zip", "no zip archive");
}

/* What modelconverter reads is the unpacked zip. */
static void test_unpacked(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES];
    const char *folder = kit_with("README.md", "read", 4);
    zip_waves(folder, "%d.png", 20, SIDE, false);
    snprintf(path, sizeof path, "%s/calibration", folder);
    assert_int_equal(arc_dir_make(path, NULL), ARC_OK);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/calibration/%d.png", folder, i);
        save_wave(i, SIDE, SIDE, path);
    }
    expect_whole(folder);
    store(folder, "calibration/more.png", "more", 4);
    expect_finding(folder, "calibration", "has 21 files, calibration.zip 20");
    snprintf(path, sizeof path, "%s/calibration/more.png", folder);
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/calibration/7.png", folder);
    save_wave(99, SIDE, SIDE, path);
    expect_finding(folder, "calibration/7.png", "is not the picture in calibration.zip");
    assert_int_equal(remove(path), 0);
    expect_finding(folder, "calibration/7.png", "is missing");
}

/* Norms 9 8 12 7 3 10 6: the median is 8, two thirds of it 5.33; only 3 is below. */
static void test_unclear(void **state) {
    (void)state;
    enum { FACES = 7, DIM = 2 };
    static const float norms[FACES] = {9, 8, 12, 7, 3, 10, 6};
    arc_image crop[FACES] = {{0}};
    float embedding[FACES * DIM], trait[FACES * ARC_KIT_TRAITS], norm[FACES];
    arc_kit_faces f = {.crop = crop, .embedding = embedding, .trait = trait, .norm = norm, .count = FACES, .dim = DIM};
    arc_kit_report r = {0};
    memcpy(norm, norms, sizeof norm);
    for (int i = 0; i < FACES; i++) {
        assert_int_equal(arc_image_new(ctx, i + 1, 1, &crop[i], NULL), ARC_OK);
        embedding[i * DIM + 1] = trait[i * ARC_KIT_TRAITS + 4] = (float)i;
    }
    arc_kit_drop_unclear(ctx, &f, &r);
    assert_int_equal(r.unclear, 1);
    assert_int_equal(f.count, FACES - 1);
    for (int i = 0; i < f.count; i++) {
        const int was = i < 4 ? i : i + 1;
        assert_int_equal(crop[i].width_px, was + 1);
        assert_true(norm[i] == norms[was] && embedding[i * DIM + 1] == (float)was && trait[i * ARC_KIT_TRAITS + 4] == (float)was);
        arc_image_free(ctx, &crop[i]);
    }
}

/* ---- what no kit can be made of ---- */

static void refused(const arc_photo_source *source, const arc_kit_options *opt, arc_status code, const char *sentence) {
    arc_error err = {0};
    arc_kit_report r;
    arc_names names;
    arc_model *model = new_model(3);
    assert_int_equal(arc_dir_make(in_folder("where/refused"), NULL), ARC_OK);
    assert_int_equal(arc_dir_remove(in_folder("where/refused"), NULL), ARC_OK);
    assert_int_equal(arc_export_kit(ctx, model, source, opt, in_folder("where/refused"), &r, &err), code);
    if (!strstr(err.text, sentence))
        fail_msg("\"%s\" is not in: %s", sentence, err.text);
    assert_int_equal(r.calibration, 0);
    assert_int_equal(arc_dir_list(&names, &arc_alloc_libc, in_folder("where"), 10, NULL), ARC_OK);
    assert_int_equal(names.count, 0);
    arc_names_free(&names);
    arc_model_free(&model);
}

static int cancel(void *arg, const char *stage, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    return strcmp(stage, arg) == 0;
}

static void test_refused(void **state) {
    (void)state;
    arc_photo_source source;
    arc_kit_options opt;
    arc_kit_options_default(&opt);
    source_of(&source, 23);
    refused(&source, NULL, ARC_EFORMAT, "23 different faces in 23 pictures");
    source_of(&source, PICTURES);
    opt.calibration_count = 19;
    refused(&source, &opt, ARC_EINVAL, "19 faces to calibrate on: 20 to 2000");
    opt.calibration_count = 300;
    opt.progress = cancel;
    static char stages[][16] = {"finding faces", "choosing", "writing"};
    for (size_t i = 0; i < ARC_COUNT(stages); i++) {
        opt.progress_ctx = stages[i];
        refused(&source, &opt, ARC_ECANCEL, "cancelled");
    }
    const char *path[PICTURES];
    char few[3][TEST_PATH_BYTES];
    for (int i = 0; i < 2; i++)
        snprintf(few[i], TEST_PATH_BYTES, "%s", picture_path(i));
    for (int i = 0; i < PICTURES; i++)
        path[i] = few[i % 2];
    arc_photo_source_of_paths(&source, path, PICTURES);
    refused(&source, NULL, ARC_EFORMAT,
            "2 different faces in 40 pictures (38 more are nearly the same as one of these, 0 are hardly");
    save_wave(1, 224, 224, in_folder("photo.png"));
    snprintf(few[2], TEST_PATH_BYTES, "%s", in_folder("photo.png"));
    path[7] = few[2];
    refused(&source, NULL, ARC_ESHAPE, "224x224 pixels, no aligned face of 112x112: \"arcface align\"");
}

static void test_refused_models(void **state) {
    (void)state;
    arc_photo_source source;
    arc_error err = {0};
    arc_archive_counts n;
    char *text;
    arc_model *model = new_model(3);
    source_of(&source, PICTURES);
    assert_int_equal(arc_export_kit(ctx, model, &source, NULL, in_folder("pictures"), NULL, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "is there already"));
    arc_settings s = arc_test_settings(NULL, 1);
    s.precision = ARC_PRECISION_FP16;
    arc_context *half = arc_test_open(&s);
    if (arc_context_precision(half) != ARC_PRECISION_FP32) {
        assert_int_equal(arc_export_kit(half, model, &source, NULL, in_folder("half"), NULL, &err), ARC_EINVAL);
        assert_int_equal(arc_kit_check(half, in_folder("pictures"), false, &n, &text, &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "--precision"));
    }
    arc_context_close(&half);
    model->contract.task = ARC_TASK_UNKNOWN;
    assert_int_equal(arc_export_kit(ctx, model, &source, NULL, in_folder("none"), NULL, &err), ARC_EUNSUPPORTED);
    arc_model_free(&model);
    assert_int_equal(arc_kit_check(ctx, in_folder("nowhere"), false, &n, &text, &err), ARC_ENOTFOUND);
    assert_null(text);
    assert_int_equal(arc_kit_check(ctx, in_folder("pictures"), false, &n, &text, &err), ARC_OK); /* a folder of something else */
    assert_true(n.errors > 5);
    arc_text_free(ctx, &text);
}

/* ---- YAML ---- */

static void test_yaml(void **state) {
    (void)state;
    static const char text[] =
        "# head\nname: arcface  # a name\r\n\nlist:\n- one\n- two: 2\n  three: [3, 4]\nmap:\n  deep:\n    key: \"a#b\"\n"
        "  items:\n    - name: x\n      shape:\n        - 1\n        - 3\nlast: 1";
    static const arc_yaml_setting wanted[] = {{"name", "arcface"},
                                              {"list.0", "one"},
                                              {"list.1.two", "2"},
                                              {"list.1.three", "[3, 4]"},
                                              {"map.deep.key", "\"a#b\""},
                                              {"map.items.0.name", "x"},
                                              {"map.items.0.shape.0", "1"},
                                              {"map.items.0.shape.1", "3"},
                                              {"last", "1"}};
    arc_yaml_setting setting[ARC_YAML_MAX_SETTINGS];
    arc_arena arena;
    arc_error err = {0};
    int count;
    arc_arena_init(&arena, &arc_alloc_libc, 0);
    if (arc_yaml_read(&arena, text, sizeof text - 1, "t.yaml", setting, &count, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count, ARC_COUNT(wanted));
    for (int i = 0; i < count; i++) {
        assert_string_equal(setting[i].path, wanted[i].path);
        assert_string_equal(setting[i].value, wanted[i].value);
    }
    static const struct {
        const char *text, *sentence;
    } refusals[] = {{"a: 1\na: 2\n", "line 2: this setting stands twice"},
                    {"a:\n    b: 1\n  c: 2\n", "line 3: indented like nothing"},
                    {"a: 1\n  b: 2\n", "line 2: indented like nothing"},
                    {"a: {b: 1}\n", "line 1: a value that is more"},
                    {"a: |\n  text\n", "line 1: a value that is more"},
                    {"word\n", "line 1: no \"key: value\""},
                    {"a:1\n", "line 1: no \"key: value\""},
                    {"- 1\n", "line 1: an item of no list"},
                    {"a:\n  - 1\n  b: 2\n", "line 3: "},
                    {"a:\n  -\n", "line 2: an item without a value"},
                    {"a b: 1\n", "line 1: a key of other signs"}};
    for (size_t i = 0; i < ARC_COUNT(refusals); i++) {
        assert_int_equal(arc_yaml_read(&arena, refusals[i].text, strlen(refusals[i].text), "t.yaml", setting, &count, &err),
                         ARC_ECORRUPT);
        if (!strstr(err.text, refusals[i].sentence))
            fail_msg("\"%s\" is not in: %s", refusals[i].sentence, err.text);
        assert_int_equal(count, 0);
    }
    arc_arena_free(&arena);
}

/* ---- memory that fails ---- */

static void test_failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *own = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap, .thin = 2};
    arc_archive_counts n;
    arc_error err = {0};
    arc_status st;
    char *text;
    char folder[TEST_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", in_folder("walked"));
    make_kit(folder, NULL);
    do {
        arc_test_walk_begin(&walk);
        st = arc_kit_check(own, folder, false, &n, &text, &err);
        arc_text_free(own, &text);
    } while (arc_test_walk_again(&walk, st));
    assert_int_equal(n.errors, 0);
    arc_context_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_false_yaml),     cmocka_unit_test(test_false_references),
        cmocka_unit_test(test_false_networks), cmocka_unit_test(test_false_calibration),
        cmocka_unit_test(test_unpacked),       cmocka_unit_test(test_unclear),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_refused_models),
        cmocka_unit_test(test_yaml),           cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, set_up, close_context);
}
