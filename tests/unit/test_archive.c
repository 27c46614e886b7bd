/* NN Archives and blobs: what is exported has nothing wrong with it; each thing that goes wrong on a device is found, in archives
 * and blobs that are made here; damaged ones are refused. */
#include "deploy/archive/archive.h"
#include "folder.h"
#include "format/format.h"
#include "net_support.h"
#include "shared_context.h"
#include <arcface/file.h>
#include <string.h>

static arc_context *ctx;

static int set_up(void **state) {
    (void)state;
    ctx = arc_test_context(NULL, 2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arc_context_close(&ctx);
    return 0;
}

/* ---- archives ---- */

#define INPUT                                                                                                                    \
    "{\"name\":\"images\",\"dtype\":\"float32\",\"input_type\":\"image\",\"shape\":[1,3,112,112],\"layout\":\"NCHW\","           \
    "\"preprocessing\":{\"mean\":[0,0,0],\"scale\":[1,1,1],\"dai_type\":\"BGR888p\"}}"
#define OUTPUT "{\"name\":\"output\",\"dtype\":\"float32\",\"shape\":[1,512],\"layout\":\"NF\"}"
#define HEAD "{\"parser\":\"EmbeddingsParser\",\"metadata\":{},\"outputs\":[\"output\"]}"
#define CONFIG                                                                                                                   \
    "{\"config_version\":\"1.0\",\"model\":{\"metadata\":{\"name\":\"face\",\"path\":\"face.dlc\"},\"inputs\":[" INPUT           \
    "],\"outputs\":[" OUTPUT "],\"heads\":[" HEAD "]}}"

/* CONFIG with the first `old` made `new`. */
static const char *changed(const char *old, const char *new) {
    static char text[4096];
    const char *at = strstr(CONFIG, old);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - CONFIG), CONFIG, new, at + strlen(old));
    return text;
}

static const char *packed(const char *config) {
    static char path[TEST_PATH_BYTES];
    const arc_pack_member members[] = {{"face.dlc", "weights", 7}, {ARC_ARCHIVE_CONFIG, config, strlen(config)}};
    snprintf(path, sizeof path, "%s", in_folder("made.tar.xz"));
    assert_int_equal(arc_pack_save(&arc_alloc_libc, path, members, 2, NULL), ARC_OK);
    return path;
}

/* The findings of a file, as verify prints them. */
static char *verified(const char *path, arc_archive_counts *n) {
    char *text;
    arc_error err = {0};
    if (arc_archive_verify(ctx, path, false, n, &text, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return text;
}

typedef struct fault {
    const char *old, *new, *finding;
    bool serious;
} fault;

static const fault faults[] = {
    {"\"config_version\":\"1.0\"", "\"config_version\":\"9.7\"", "nobody knows version 9.7", true},
    {"\"config_version\":\"1.0\"", "\"config_version\":\"1\"", "is no version", true},
    {"\"path\":\"face.dlc\"", "\"path\":\"other.dlc\"", "is no member", true},
    {"\"path\":\"face.dlc\"", "\"path\":\"./face.dlc\"", "the ./ included", true},
    {"\"dtype\":\"float32\",\"input", "\"dtype\":\"fp32\",\"input", "must be a type in lower case", true},
    {"\"input_type\":\"image\"", "\"input_type\":\"picture\"", "neither image nor raw", true},
    {"[1,3,112,112]", "[1,3,112]", "4 letters, the shape 3 numbers", true},
    {"[1,3,112,112]", "[-1,3,112,112]", "dimension 0 of the shape is -1", true},
    {"[1,3,112,112]", "[1,112,112,3]", "contradicts the shape: 112 channels", true},
    {"\"layout\":\"NCHW\"", "\"layout\":\"nchw\"", "lower case", true},
    {"\"layout\":\"NCHW\"", "\"layout\":\"CNHW\"", "N must come first", true},
    {"\"layout\":\"NCHW\"", "\"layout\":\"NCHH\"", "the letter H twice", true},
    {"\"layout\":\"NCHW\"", "\"layout\":\"NHWC\"", "has planes, layout NHWC has none", true},
    {"\"layout\":\"NCHW\",", "", "no layout", false},
    {"BGR888p", "BGR888i", "is interleaved, layout NCHW is not", true},
    {"BGR888p", "bgr888p", "is unknown", true},
    {",\"dai_type\":\"BGR888p\"", "", "no dai_type", false},
    {"\"mean\":[0,0,0]", "\"mean\":[127.5,127.5,127.5]", "nothing applies them at run time", true},
    {"\"scale\":[1,1,1]", "\"scale\":[1,1,0]", "a 0, by which", true},
    {"\"scale\":[1,1,1]", "\"scale\":[1]", "1 numbers for 3 channels", true},
    {"\"mean\":[0,0,0]", "\"mean\":[0,0,0],\"std\":[1,1,1]", "unknown key \"std\"", true},
    {"\"mean\":[0,0,0]", "\"reverse_channels\":true", "out of date", false},
    {"\"mean\":[0,0,0]", "\"resize_mode\":\"crop\"", "none of CROP", true},
    {"\"layout\":\"NF\"", "\"layout\":\"NFC\"", "3 letters, the shape 2 numbers", true},
    {"\"shape\":[1,512],", "", "a layout without a shape", true},
    {"\"outputs\":[\"output\"]", "\"outputs\":[]", "gets no output", true},
    {",\"outputs\":[\"output\"]", "", "gets no output", true},
    {"\"outputs\":[\"output\"]", "\"outputs\":[\"fc1\"]", "is no output of the model", true},
    {"\"outputs\":[\"output\"]", "\"outputs\":[\"output\",\"output\"]", "names more", true},
    {"EmbeddingsParser", "SCRFDParser", "as many outputs score_N", true},
    {"EmbeddingsParser", "YuNetParser", "stops at any other", true},
    {"EmbeddingsParser", "FaceParser", "none of depthai-nodes'", false},
    {",\"metadata\":{},", ",", "\"metadata\" is missing", true},
    {",\"heads\":[" HEAD "]", "", "\"heads\" is missing", true},
    {"\"heads\":[" HEAD "]", "\"heads\":[]", "ParsingNeuralNetwork refuses", false},
    {HEAD, HEAD "," HEAD, "a single head", false},
    {"\"config_version\"", "\"version\"", "unknown key \"version\"", true},
    {"{\"config_version\"", "[\"config_version\"", "line 1", true},
    {CONFIG, "", "it is empty", true},
};

static void test_faults(void **state) {
    (void)state;
    arc_archive_counts n;
    char *text = verified(packed(CONFIG), &n);
    if (n.errors + n.warnings)
        fail_msg("a sound archive has findings:\n%s", text);
    arc_text_free(ctx, &text);
    for (size_t i = 0; i < ARC_COUNT(faults); i++) {
        const fault *f = &faults[i];
        text = verified(packed(changed(f->old, f->new)), &n);
        if (!strstr(text, f->finding) || (f->serious ? n.errors : n.warnings) == 0 || (!f->serious && n.errors))
            fail_msg("\"%s\" for \"%s\": \"%s\" not found in\n%s", f->new, f->old, f->finding, text);
        arc_text_free(ctx, &text);
    }
}

static void test_members(void **state) {
    (void)state;
    arc_archive_counts n;
    static const struct {
        const char *config, *other, *finding;
    } cases[] = {
        {"./config.json", "face.dlc", "must be called config.json and nothing else"},
        {"settings.json", "face.dlc", "no config.json"},
        {"config.json", "config.json", "two members have this name"},
        {"config.json", "../face.dlc", "points outside"},
        {"config.json", "/face.dlc", "points outside"},
        {"config.json", "a\\face.dlc", "points outside"},
    };
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("members.tar.xz"));
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        const arc_pack_member members[] = {{cases[i].config, CONFIG, strlen(CONFIG)}, {cases[i].other, "weights", 7}};
        assert_int_equal(arc_pack_save(&arc_alloc_libc, path, members, 2, NULL), ARC_OK);
        char *text = verified(path, &n);
        if (!strstr(text, cases[i].finding) || n.errors == 0)
            fail_msg("\"%s\" not found in\n%s", cases[i].finding, text);
        arc_text_free(ctx, &text);
    }
}

/* A gigabyte of zeros in a few hundred kilobytes. */
static void test_bomb(void **state) {
    (void)state;
    const size_t bytes = (size_t)200 << 20, noise = (size_t)1 << 20;
    uint8_t *zeros = calloc(bytes, 1);
    assert_non_null(zeros);
    uint32_t random = 1;
    for (size_t i = 0; i < noise; i++) { /* beside something that does not shrink */
        random = random * 1664525u + 1013904223u;
        zeros[i] = (uint8_t)(random >> 24);
    }
    const arc_pack_member members[] = {{"face.dlc", zeros, bytes}, {ARC_ARCHIVE_CONFIG, CONFIG, strlen(CONFIG)}};
    const char *path = in_folder("bomb.tar.xz");
    assert_int_equal(arc_pack_save(&arc_alloc_libc, path, members, 2, NULL), ARC_OK);
    free(zeros);
    arc_archive a;
    arc_error err = {0};
    assert_int_equal(arc_archive_open(&a, &arc_alloc_libc, path, &err), ARC_ELIMIT);
    assert_non_null(strstr(err.text, "not weights"));
}

/* Cut anywhere and changed anywhere, an archive is refused or read, and nothing else. */
static void test_damage(void **state) {
    (void)state;
    arc_map map;
    arc_archive a;
    arc_error err = {0};
    assert_int_equal(arc_map_open(&map, packed(CONFIG), 1 << 20, NULL), ARC_OK);
    uint8_t *copy = malloc(map.bytes);
    assert_non_null(copy);
    for (size_t cut = 0; cut < map.bytes; cut += 7) {
        memcpy(copy, map.data, cut);
        if (arc_archive_parse(&a, &arc_alloc_libc, copy, cut, "cut", &err) == ARC_OK)
            fail_msg("the first %zu of %zu bytes are taken for an archive", cut, map.bytes);
        assert_true(err.text[0] != 0);
    }
    for (size_t at = 0; at < map.bytes; at += 3) {
        memcpy(copy, map.data, map.bytes);
        copy[at] ^= 0x55;
        if (arc_archive_parse(&a, &arc_alloc_libc, copy, map.bytes, "changed", &err) == ARC_OK) {
            arc_archive_check(&a);
            arc_archive_close(&a);
        }
    }
    free(copy);
    arc_map_close(&map);
}

/* ---- what arcface itself writes ---- */

static arc_model *new_model(void) {
    arc_model *model = NULL;
    arc_error err = {0};
    arc_graph *g = net_embedder(112, 1, false);
    assert_int_equal(arc_onnx_save(g, in_folder("own.onnx"), &err), ARC_OK);
    arc_graph_free(&g);
    if (arc_model_load(ctx, in_folder("own.onnx"), ARC_TASK_EMBED, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return model;
}

static void export_archive(const char *path, const arc_export_options *opt) {
    arc_error err = {0};
    arc_model *model = new_model();
    if (arc_export_nnarchive(ctx, model, opt, path, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_model_free(&model);
}

static void test_exported(void **state) {
    (void)state;
    arc_archive_counts n;
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("face.tar.xz"));
    for (int form = 0; form < 4; form++) {
        arc_export_options opt;
        arc_export_options_default(&opt);
        opt.uint8_input = form == 1;
        opt.fp16 = form == 2;
        opt.batch = form == 3 ? 4 : 1;
        export_archive(path, &opt);
        char *text = verified(path, &n);
        if (n.errors + n.warnings)
            fail_msg("form %d: %s", form, text);
        arc_text_free(ctx, &text);
    }
    arc_map first, second;
    export_archive(path, NULL);
    export_archive(in_folder("again.tar.xz"), NULL);
    assert_int_equal(arc_map_open(&first, path, 1 << 30, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&second, in_folder("again.tar.xz"), 1 << 30, NULL), ARC_OK);
    assert_int_equal(first.bytes, second.bytes);
    assert_memory_equal(first.data, second.data, first.bytes);
    arc_map_close(&first);
    arc_map_close(&second);
}

/* A small detector of its own as an archive, looked at; warnings: how many it shall have. */
static void export_detector(arc_graph *g, int side, int warnings, const char *path) {
    arc_model *model = NULL;
    arc_archive_counts n;
    arc_error err = {0};
    arc_export_options opt;
    assert_int_equal(arc_onnx_save(g, in_folder("detector.onnx"), &err), ARC_OK);
    arc_graph_free(&g);
    assert_int_equal(arc_model_load(ctx, in_folder("detector.onnx"), ARC_TASK_DETECT, NULL, &model, &err), ARC_OK);
    arc_export_options_default(&opt);
    opt.size_px = side;
    if (arc_export_nnarchive(ctx, model, &opt, path, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
    char *text = verified(path, &n);
    if (n.errors != 0 || n.warnings != warnings)
        fail_msg("%s", text);
    arc_text_free(ctx, &text);
    arc_model_free(&model);
}

/* A detector's archive has the head that depthai-nodes' parser is built from. */
static void test_detector(void **state) {
    (void)state;
    arc_archive a;
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("detector.tar.xz"));
    export_detector(net_detector(), 640, 0, path);
    export_detector(net_detector(), 320, 1, path); /* setInputSize */
    assert_int_equal(arc_archive_open(&a, &arc_alloc_libc, path, NULL), ARC_OK);
    const json_t *head = json_array_get(arc_archive_list(&a, "heads"), 0), *settings = json_object_get(head, "metadata");
    assert_string_equal(arc_archive_text(head, "parser"), "SCRFDParser");
    assert_int_equal(json_array_size(json_object_get(head, "outputs")), 9);
    assert_int_equal(json_integer_value(json_object_get(settings, "num_anchors")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(settings, "feat_stride_fpn"), 2)), 32);
    assert_true(json_real_value(json_object_get(settings, "iou_threshold")) == 0.4);
    arc_archive_close(&a);
}

static void test_yunet(void **state) {
    (void)state;
    arc_archive a;
    arc_archive_counts n;
    char path[TEST_PATH_BYTES], text[8192];
    snprintf(path, sizeof path, "%s", in_folder("yunet.tar.xz"));
    export_detector(net_yunet(), 320, 0, path);
    assert_int_equal(arc_archive_open(&a, &arc_alloc_libc, path, NULL), ARC_OK);
    const json_t *head = json_array_get(arc_archive_list(&a, "heads"), 0), *settings = json_object_get(head, "metadata");
    assert_string_equal(arc_archive_text(head, "parser"), "YuNetParser");
    assert_string_equal(json_string_value(json_array_get(json_object_get(head, "outputs"), 0)), "loc");
    assert_true(json_real_value(json_object_get(settings, "conf_threshold")) == 0.6);
    assert_null(json_object_get(settings, "num_anchors"));
    /* the same network on another grid */
    char *config = json_dumps(a.json, JSON_COMPACT | JSON_SORT_KEYS);
    char *at = strstr(config, "[5875,14]");
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s[2100,14]%s", (int)(at - config), config, at + 9);
    const arc_pack_member members[] = {{"arcface.onnx", a.executable.data, a.executable.bytes},
                                       {ARC_ARCHIVE_CONFIG, text, strlen(text)}};
    assert_int_equal(arc_pack_save(&arc_alloc_libc, in_folder("other.tar.xz"), members, 2, NULL), ARC_OK);
    char *told = verified(in_folder("other.tar.xz"), &n);
    assert_true(n.errors >= 1);
    assert_non_null(strstr(told, "grid has 5875 rows for 320 x 320 pixels"));
    arc_text_free(ctx, &told);
    free(config);
    arc_archive_close(&a);
}

/* config.json beside the network of an export: each contradiction is found. */
static void test_contradictions(void **state) {
    (void)state;
    static const struct {
        const char *old, *new, *finding;
    } cases[] = {
        {"BGR888p", "RGB888p", "but the network takes BGR"},
        {"\"mean\":[0.0", "\"mean\":[127.5", "left out or done twice"},
        {"\"name\":\"images\"", "\"name\":\"image\"", "the network has no input of this name"},
        {"\"layout\":\"NF\",\"name\":\"output\"", "\"layout\":\"NF\",\"name\":\"fc1\"", "the network has no output of this name"},
        {"\"shape\":[1,3,112,112]", "\"shape\":[1,3,96,96]", "config.json another shape"},
        {"\"dtype\":\"float32\",\"input_type\"", "\"dtype\":\"uint8\",\"input_type\"", "the network has float32"},
    };
    arc_archive a;
    arc_archive_counts n;
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("crossed.tar.xz"));
    export_archive(path, NULL);
    assert_int_equal(arc_archive_open(&a, &arc_alloc_libc, path, NULL), ARC_OK);
    char *config = json_dumps(a.json, JSON_COMPACT | JSON_SORT_KEYS), text[8192];
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        const char *at = strstr(config, cases[i].old);
        if (!at)
            fail_msg("no %s in %s", cases[i].old, config);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, cases[i].new, at + strlen(cases[i].old));
        const arc_pack_member members[] = {{"arcface.onnx", a.executable.data, a.executable.bytes},
                                           {ARC_ARCHIVE_CONFIG, text, strlen(text)}};
        assert_int_equal(arc_pack_save(&arc_alloc_libc, path, members, 2, NULL), ARC_OK);
        char *findings = verified(path, &n);
        if (!strstr(findings, cases[i].finding) || n.errors == 0)
            fail_msg("\"%s\" not found in\n%s", cases[i].finding, findings);
        arc_text_free(ctx, &findings);
    }
    free(config);
    arc_archive_close(&a);
}

static void test_refused_options(void **state) {
    (void)state;
    arc_error err = {0};
    arc_export_options opt;
    arc_model *model = new_model();
    arc_export_options_default(&opt);
    assert_int_equal(arc_export_nnarchive(ctx, model, &opt, in_folder("face.tar"), NULL, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, ".tar.xz"));
    opt.batch = 0;
    assert_int_equal(arc_export_nnarchive(ctx, model, &opt, in_folder("no.tar.xz"), NULL, &err), ARC_EINVAL);
    arc_export_options_default(&opt);
    opt.raw = true;
    assert_int_equal(arc_export_nnarchive(ctx, model, &opt, in_folder("no.tar.xz"), NULL, &err), ARC_EINVAL);
    struct stat st;
    assert_int_not_equal(stat(in_folder("no.tar.xz"), &st), 0);
    arc_model_free(&model);
}

/* ---- blobs ---- */

static void put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

enum { BLOB_BYTES = 400, IN = 132, OUT = 220, DIMS = 320 };

static void put_tensor(uint8_t *blob, size_t at, const char *name, uint32_t type, uint32_t rank, uint32_t dims) {
    const uint32_t padded = 8;
    put32(blob + at + 8, padded);
    memcpy(blob + at + 12, name, strlen(name));
    put32(blob + at + 20, type);
    put32(blob + at + 24, rank == 4 ? 0x4321 : 0x43);
    put32(blob + at + 28, rank);
    put32(blob + at + 36, dims);
}

static void make_blob(uint8_t blob[BLOB_BYTES]) {
    static const uint32_t header[20] = {9709, BLOB_BYTES, 2022, 3, 1, 1, 77, 0, 0, 1, 0, 6, 6, 1, 1, 1, IN, OUT, 0, DIMS};
    static const uint32_t dims[6] = {112, 112, 3, 1, 512, 1};
    memset(blob, 0, BLOB_BYTES);
    memcpy(blob, "\177ELF", 4);
    for (int i = 0; i < 20; i++)
        put32(blob + 52 + 4 * i, header[i]);
    put_tensor(blob, IN, "images", 1, 4, 0);
    put_tensor(blob, OUT, "output", 0, 2, 16);
    for (int i = 0; i < 6; i++)
        put32(blob + DIMS + 4 * i, dims[i]);
}

static void test_blob(void **state) {
    (void)state;
    uint8_t blob[BLOB_BYTES];
    arc_archive a;
    arc_error err = {0};
    make_blob(blob);
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, blob, sizeof blob, "made.blob", &err), ARC_OK);
    assert_int_equal(a.container, ARC_CONTAINER_BLOB);
    const arc_blob *b = &a.blob.base;
    assert_int_equal(b->shaves, 6);
    assert_int_equal(b->inputs, 1);
    assert_string_equal(b->input[0].name, "images");
    assert_string_equal(b->input[0].dtype, "uint8");
    assert_int_equal(b->input[0].rank, 4);
    assert_int_equal(b->input[0].dim[2], 3);
    assert_string_equal(b->output[0].name, "output");
    assert_string_equal(b->output[0].dtype, "float16");
    assert_int_equal(b->output[0].dim[0], 512);
    arc_archive_close(&a);
    for (size_t cut = 0; cut < sizeof blob; cut++)
        assert_int_not_equal(arc_archive_parse(&a, &arc_alloc_libc, blob, cut, "cut.blob", &err), ARC_OK);
    for (size_t at = 52; at < sizeof blob; at++)
        for (int bit = 0; bit < 8; bit++) {
            make_blob(blob);
            blob[at] ^= (uint8_t)(1 << bit);
            if (arc_archive_parse(&a, &arc_alloc_libc, blob, sizeof blob, "changed.blob", &err) == ARC_OK) {
                arc_archive_check(&a);
                arc_archive_close(&a);
            }
        }
}

static void test_superblob(void **state) {
    (void)state;
    enum { HEADER = 136, PATCH = 10, WHOLE = HEADER + BLOB_BYTES + PATCH };
    uint8_t bytes[WHOLE] = {0};
    arc_archive a;
    arc_error err = {0};
    bytes[6] = BLOB_BYTES >> 8;
    bytes[7] = BLOB_BYTES & 255;
    bytes[8 * 4 + 7] = PATCH; /* of 4 shaves */
    make_blob(bytes + HEADER);
    memcpy(bytes + HEADER + BLOB_BYTES, "BSDIFF40", 8);
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE, "made.superblob", &err), ARC_OK);
    assert_int_equal(a.container, ARC_CONTAINER_SUPERBLOB);
    assert_int_equal(a.blob.patch_bytes[3], PATCH);
    assert_int_equal(a.blob.base.inputs, 1);
    arc_archive_close(&a);
    bytes[HEADER + BLOB_BYTES] = 'X';
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE, "bad.superblob", &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "does not begin with BSDIFF"));
    bytes[HEADER + BLOB_BYTES] = 'B';
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE - 1, "short.superblob", &err), ARC_ECORRUPT);
    memset(bytes + 8 * 16, 0xff, 8);
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE, "huge.superblob", &err), ARC_ECORRUPT);
    bytes[0] = 0x7f; /* what is called a superblob is read as one */
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE, "base.superblob", &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "its header says a blob of 91"));
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, HEADER - 1, "cut.superblob", &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "ends within the header"));
    assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, bytes, WHOLE, "made.blob", &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "offset 52"));
}

/* A version that no compiler has written. */
static void test_blob_version(void **state) {
    (void)state;
    uint8_t blob[BLOB_BYTES];
    arc_archive a;
    for (int major = 5; major < 9; major++) {
        make_blob(blob);
        put32(blob + 60, (uint32_t)major);
        assert_int_equal(arc_archive_parse(&a, &arc_alloc_libc, blob, sizeof blob, "made.blob", NULL), ARC_OK);
        arc_archive_check(&a);
        assert_int_equal(a.found.count, major > 6);
        arc_archive_close(&a);
    }
}

/* A blob inside an archive is held against config.json. */
static void test_blob_inside(void **state) {
    (void)state;
    uint8_t blob[BLOB_BYTES];
    arc_archive_counts n;
    make_blob(blob);
    for (int wrong = 0; wrong < 2; wrong++) {
        char config[4096];
        snprintf(config, sizeof config, "%s", changed("face.dlc", "face.blob"));
        if (wrong)
            memcpy(strstr(config, "\"name\":\"images\"") + 8, "imagez", 6);
        const arc_pack_member members[] = {{"face.blob", blob, sizeof blob}, {ARC_ARCHIVE_CONFIG, config, strlen(config)}};
        const char *path = in_folder("blob.tar.xz");
        assert_int_equal(arc_pack_save(&arc_alloc_libc, path, members, 2, NULL), ARC_OK);
        char *text = verified(path, &n);
        assert_int_equal(n.errors, wrong);
        assert_true(!wrong || strstr(text, "the blob has no input of this name"));
        arc_text_free(ctx, &text);
    }
}

static void test_info(void **state) {
    (void)state;
    char *text;
    arc_error err = {0};
    const char *path = packed(CONFIG);
    assert_int_equal(arc_archive_info(ctx, path, false, &text, &err), ARC_OK);
    assert_non_null(
        strstr(text, "input     images [1,3,112,112] NCHW float32, image, frames BGR888p, mean 0/0/0, scale 1/1/1\n"));
    assert_non_null(strstr(text, "head      EmbeddingsParser of output\n"));
    assert_non_null(strstr(text, "platform  RVC4\n"));
    arc_text_free(ctx, &text);
    assert_int_equal(arc_archive_info(ctx, path, true, &text, &err), ARC_OK);
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    assert_string_equal(arc_archive_text(j, "compression"), "xz");
    json_decref(j);
    arc_text_free(ctx, &text);
    arc_archive_counts n;
    assert_int_equal(arc_archive_verify(ctx, packed(changed("BGR888p", "\\u001b[2J")), false, &n, &text, &err), ARC_OK);
    assert_null(strchr(text, '\033'));
    arc_text_free(ctx, &text);
    assert_int_equal(arc_file_write(ctx, in_folder("page.html"), "<html>no archive", 16, NULL), ARC_OK);
    assert_int_equal(arc_archive_info(ctx, in_folder("page.html"), false, &text, &err), ARC_EFORMAT);
    assert_int_equal(arc_archive_info(ctx, in_folder("none.tar.xz"), false, &text, &err), ARC_ENOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),       cmocka_unit_test(test_members),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_exported),       cmocka_unit_test(test_detector),
        cmocka_unit_test(test_yunet),        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_blob),         cmocka_unit_test(test_superblob),      cmocka_unit_test(test_blob_inside),
        cmocka_unit_test(test_blob_version), cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
