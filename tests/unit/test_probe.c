/* Probing a model's contract: a network that only one contract serves, over pictures whose red channel alone says who is who; the
 * decisions that are none; writing the contract into a file whose other bytes stay. With the shared data also real networks. */
#include "folder.h"
#include "format/format.h"
#include "model/model.h"
#include "net_support.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <string.h>

enum { PEOPLE = 12, EACH = 3, BLOCKS = 16, SIDE = 112 };

/* ---- a network for RGB (x - 127.5) / 127.5 and nothing else ---- */

static int scalar(net *t, float value) {
    return arc_graph_constant(t->g, net_name(t), ARC_F32, &(arc_shape){1, {1}}, &value, true);
}

/* Blocks of channel 0 whose mean is near 0.4 are seen, all others are nothing; far beyond 20 it overflows. */
static void build(net *t) {
    static const float first[3] = {1, 0, 0};
    static const int64_t pool[2] = {7, 7};
    arc_node *n;
    net_new(t, &arc_alloc_libc, 7);
    int x = net_input(t, "pixels", net_shape(4, -1, 3, SIDE, SIDE));
    const int w = arc_graph_constant(t->g, "first", ARC_F32, &(arc_shape){4, {1, 3, 1, 1}}, first, true);
    x = net_node(t, "Conv", x, w, ARC_NO_VALUE, NULL);
    x = net_node(t, "AveragePool", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "kernel_shape", 2, pool), ARC_OK);
    assert_int_equal(arc_node_ints(t->g, n, "strides", 2, pool), ARC_OK);
    const int off =
        net_node(t, "Abs", net_node(t, "Sub", x, scalar(t, 0.4f), ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int near =
        net_node(t, "Relu", net_node(t, "Sub", scalar(t, 0.25f), off, ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int far =
        net_node(t, "Relu", net_node(t, "Sub", x, scalar(t, 20), ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int burst = net_node(t, "Mul", far, scalar(t, 3e38f), ARC_NO_VALUE, NULL);
    const int flat =
        net_node(t, "Flatten", net_node(t, "Add", near, burst, ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int y =
        net_node(t, "MatMul", flat, net_constant(t, net_shape(2, BLOCKS * BLOCKS, 64, 0, 0), -1, 1), ARC_NO_VALUE, NULL);
    assert_int_equal(arc_graph_add_output(t->g, y), ARC_OK);
}

/* The network as a file that says BGR, x / 255, with a calibration. */
static const char *wrong_model(void) {
    static char path[TEST_PATH_BYTES];
    net t;
    build(&t);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.color", "bgr"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.mean", "0,0,0"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.scale", "0.00392156886,0.00392156886,0.00392156886"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.threshold", "0.7"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "arcface.calibration.threshold", "0.1,0.7,0.6,0.8,10,20,0,1"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(t.g, "somebody.else", "stays"), ARC_OK);
    snprintf(path, sizeof path, "%s", in_folder("wrong.onnx"));
    assert_int_equal(arc_graph_check(t.g, NULL), ARC_OK);
    assert_int_equal(arc_onnx_save(t.g, path, NULL), ARC_OK);
    arc_graph_free(&t.g);
    return path;
}

static arc_model *load(const char *path, const arc_model_options *opt) {
    arc_model *m = NULL;
    arc_error err = {0};
    if (arc_model_load(ctx, path, ARC_TASK_EMBED, opt, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return m;
}

/* ---- people as blocks of colour ---- */

typedef enum who { IN_RED, IN_RED_AND_BLUE, IN_NOTHING } who;

/* Bit `block` of a person's code; blue has another code. */
static bool bit_of(int person, int channel, int block) {
    return arc_rng_hash((uint64_t)(person * 3 + channel), (uint64_t)block) & 1;
}

static void draw(arc_image *image, int person, int picture, who said) {
    arc_rng r;
    arc_rng_seed(&r, 99, (uint64_t)(person * 100 + picture));
    for (int block = 0; block < BLOCKS * BLOCKS; block++)
        for (int c = 0; c < 3; c++) {
            const bool coded = (c == 0 && said != IN_NOTHING) || (c == 2 && said == IN_RED_AND_BLUE);
            const float u = arc_rng_uniform(&r);
            const float v = !coded ? 255 * u : bit_of(person, c, block) ? 172 + 13 * u : 6 + 58 * u;
            for (int i = 0; i < 49; i++)
                image->data[(block / BLOCKS * 7 + i / 7) * image->stride_bytes + 3 * (block % BLOCKS * 7 + i % 7) + c] =
                    (uint8_t)v;
        }
}

static const char *people_of(const char *name, who said, int width_px) {
    static char folder[TEST_PATH_BYTES];
    arc_image image;
    snprintf(folder, sizeof folder, "%s", in_folder(name));
    assert_int_equal(arc_image_new(ctx, width_px, SIDE, &image, NULL), ARC_OK);
    for (int p = 0; p < PEOPLE; p++)
        for (int k = 0; k < EACH; k++) {
            char path[TEST_PATH_BYTES + 64];
            draw(&image, p, k, said);
            snprintf(path, sizeof path, "%s/%02d/%d.png", folder, p, k);
            assert_int_equal(arc_dir_make_for(path, NULL), ARC_OK);
            assert_int_equal(arc_image_save(ctx, &image, path, NULL), ARC_OK);
        }
    arc_image_free(ctx, &image);
    return folder;
}

static const arc_probe_trial *trial_of(const arc_probe *p, bool bgr, const char *name) {
    for (int i = 0; i < p->trials; i++)
        if (p->trial[i].bgr == bgr && !p->trial[i].flip && strcmp(p->trial[i].name, name) == 0)
            return &p->trial[i];
    fail_msg("%s is not among the trials", name);
    return NULL;
}

static arc_probe probe_of(const arc_model *m, const char *images) {
    arc_probe p;
    arc_probe_options opt;
    arc_error err = {0};
    arc_probe_options_default(&opt);
    opt.images = images;
    if (arc_model_probe(ctx, m, &opt, &p, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return p;
}

static void the_right_contract_is_found_and_written(void **state) {
    (void)state;
    const char *path = wrong_model(), *images = people_of("red", IN_RED, SIDE);
    arc_model *m = load(path, NULL);
    arc_probe p = probe_of(m, images);
    bool changed = false;
    assert_true(m->contract.bgr);
    assert_int_equal(p.trials, 20);
    assert_int_equal(p.people, PEOPLE);
    assert_int_equal(p.images, PEOPLE * EACH);
    assert_int_equal(p.genuine, PEOPLE * EACH * (EACH - 1) / 2);
    assert_int_equal(p.impostor, PEOPLE * (PEOPLE - 1) / 2 * EACH * EACH);
    assert_int_equal(p.verdict, ARC_PROBE_OTHER);
    assert_true(p.alike); /* by 127.5/128 */
    assert_string_equal(p.trial[p.chosen].name, "127.5/127.5");
    assert_false(p.trial[p.chosen].bgr);
    assert_true(p.trial[p.chosen].auc > 0.99);
    assert_true(trial_of(&p, false, "127.5/128")->agreement > 0.999);
    assert_true(trial_of(&p, true, "127.5/127.5")->behind.low > 0);
    assert_true(trial_of(&p, true, "0/255")->current);
    assert_false(trial_of(&p, false, "0/1")->finite);
    assert_true(trial_of(&p, false, "imagenet")->dprime == 0); /* nothing is seen: all embeddings are zero */
    for (int i = 1; i < p.trials; i++)
        assert_true(p.trial[i - 1].dprime >= p.trial[i].dprime || !p.trial[i].finite);

    arc_map before, after;
    assert_int_equal(arc_map_open(&before, path, 1 << 24, NULL), ARC_OK);
    assert_int_equal(arc_probe_write(ctx, m, &p, &changed, NULL), ARC_OK);
    assert_true(changed);
    arc_model *written = load(path, NULL);
    assert_false(written->contract.bgr);
    for (int i = 0; i < 3; i++) {
        assert_true(written->contract.mean[i] == 127.5f);
        assert_true(written->contract.scale[i] == 1 / 127.5f);
    }
    assert_true(written->contract.threshold == ARC_EMBED_THRESHOLD); /* the calibrated one meant other scores */
    assert_null(arc_graph_meta(written->graph, "arcface.calibration.threshold"));
    assert_string_equal(arc_graph_meta(written->graph, "somebody.else"), "stays");
    assert_non_null(arc_graph_meta(written->graph, ARC_SELFTEST_KEY));
    /* The weights are the last in the file that this project writes: the same bytes, then the metadata. */
    assert_int_equal(arc_map_open(&after, path, 1 << 24, NULL), ARC_OK);
    const size_t weights = (size_t)BLOCKS * BLOCKS * 64 * sizeof(float);
    assert_true(before.bytes > weights);
    bool found = false;
    for (size_t at = 0; !found && at + weights <= after.bytes; at++)
        found = memcmp(after.data + at, before.data + before.bytes - weights, weights) == 0;
    assert_true(found);
    p = probe_of(written, images);
    assert_int_equal(p.verdict, ARC_PROBE_CONFIRMED);
    assert_true(p.trial[p.chosen].current);
    assert_int_equal(arc_probe_write(ctx, written, &p, &changed, NULL), ARC_OK);
    assert_false(changed);
    arc_map_close(&before);
    arc_map_close(&after);
    arc_model_free(&written);
    arc_model_free(&m);
}

static void a_contract_of_ones_own_takes_part(void **state) {
    (void)state;
    arc_model_options opt;
    arc_model_options_default(&opt);
    opt.colour = "rgb";
    opt.normalise = "127.5,127,128/126,127,129";
    arc_model *m = load(wrong_model(), &opt);
    const arc_probe p = probe_of(m, people_of("red", IN_RED, SIDE));
    assert_int_equal(p.trials, 22);
    assert_int_equal(p.verdict, ARC_PROBE_CONFIRMED); /* the same embeddings as the best's */
    assert_true(p.trial[p.chosen].current);
    arc_model_free(&m);
}

static void what_is_close_is_not_decided(void **state) {
    (void)state;
    arc_error err;
    arc_model *m = load(wrong_model(), NULL);
    arc_probe p = probe_of(m, people_of("both", IN_RED_AND_BLUE, SIDE));
    char *text = NULL;
    assert_int_equal(p.verdict, ARC_PROBE_CLOSE);
    assert_int_equal(p.chosen, -1);
    assert_int_equal(arc_probe_write(ctx, m, &p, NULL, &err), ARC_EINVAL);
    assert_int_equal(arc_probe_describe(ctx, &p, false, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "too close to call"));
    arc_text_free(ctx, &text);
    p = probe_of(m, people_of("nothing", IN_NOTHING, SIDE));
    assert_true(p.verdict == ARC_PROBE_NOTHING || p.verdict == ARC_PROBE_CLOSE);
    assert_int_equal(p.chosen, -1);
    arc_model_free(&m);
}

static void what_cannot_be_probed_or_written_says_so(void **state) {
    (void)state;
    arc_error err;
    arc_probe p;
    arc_probe_options opt;
    arc_model *m = load(wrong_model(), NULL), *fresh = NULL;
    arc_probe_options_default(&opt);
    opt.images = people_of("wide", IN_RED, 2 * SIDE);
    assert_int_equal(arc_model_probe(ctx, m, &opt, &p, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "--detector"));
    opt.images = in_folder("nobody");
    assert_int_equal(arc_model_probe(ctx, m, &opt, &p, &err), ARC_ENOTFOUND);
    opt.images = NULL;
    opt.people = 1;
    assert_int_equal(arc_model_probe(ctx, m, &opt, &p, &err), ARC_EINVAL);
    opt.people = 3;
    opt.aligned = opt.photos = true;
    assert_int_equal(arc_model_probe(ctx, m, &opt, &p, &err), ARC_EINVAL);
    assert_int_equal(arc_model_new(ctx, "tiny", 64, 1, &fresh, NULL), ARC_OK);
    p = (arc_probe){.verdict = ARC_PROBE_OTHER, .chosen = 0, .trials = 1};
    assert_int_equal(arc_probe_write(ctx, fresh, &p, NULL, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "convert"));
    err.text[0] = '\0';
    opt = (arc_probe_options){0};
    arc_probe_options_default(&opt);
    opt.writes = true; /* refused before anything is embedded */
    assert_int_equal(arc_model_probe(ctx, fresh, &opt, &p, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "convert"));
    arc_model_free(&fresh);
    arc_model_free(&m);
}

/* Drawn people, and any network: the same numbers for any number of threads, and the JSON has every trial. */
static void drawn_people_serve(void **state) {
    (void)state;
    arc_probe p[2];
    arc_probe_options opt;
    char *text = NULL;
    arc_probe_options_default(&opt);
    opt.people = 4;
    opt.images_each = 2;
    for (int i = 0; i < 2; i++) {
        arc_context *own = arc_test_context(NULL, i == 0 ? 1 : 3);
        arc_model *m = NULL;
        assert_int_equal(arc_model_new(own, "tiny", 64, 1, &m, NULL), ARC_OK);
        assert_int_equal(arc_model_probe(own, m, &opt, &p[i], NULL), ARC_OK);
        arc_model_free(&m);
        arc_context_close(&own);
    }
    assert_true(p[0].drawn);
    for (int i = 0; i < p[0].trials; i++) {
        assert_string_equal(p[0].trial[i].name, p[1].trial[i].name);
        assert_true(p[0].trial[i].dprime == p[1].trial[i].dprime);
        assert_true(p[0].trial[i].behind.high == p[1].trial[i].behind.high);
    }
    assert_int_equal(arc_probe_describe(ctx, &p[0], true, &text, NULL), ARC_OK);
    int trials = 0;
    for (const char *at = text; (at = strstr(at, "\"dprime\"")); at++)
        trials++;
    assert_true(trials >= p[0].trials);
    arc_text_free(ctx, &text);
}

/* Real networks told the wrong thing, on real faces. */
static void real_networks_are_put_right(void **state) {
    (void)state;
    static const struct {
        const char *file, *right;
    } real[] = {{"models/recognition/w600k_mbf_dequantised_fp32.onnx", "127.5/127.5"},
                {"models/recognition/mobilefacenet_casia_112x96.ckpt", "127.5/127.5"}};
    arc_probe_options opt;
    arc_model_options wrong;
    arc_probe_options_default(&opt);
    arc_model_options_default(&wrong);
    wrong.colour = "bgr";
    wrong.normalise = "0/255";
    opt.images = arc_test_file("lfw/pairs-aligned-112");
    opt.people = 24; /* as many as these networks need */
    for (int i = 0; i < arc_test_part(1, ARC_COUNT(real)); i++) {
        arc_model *m = load(arc_test_file(real[i].file), &wrong);
        arc_probe p;
        assert_int_equal(arc_model_probe(ctx, m, &opt, &p, NULL), ARC_OK);
        assert_int_equal(p.verdict, ARC_PROBE_OTHER);
        assert_false(p.trial[p.chosen].bgr);
        assert_string_equal(p.trial[p.chosen].name, real[i].right);
        arc_model_free(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_right_contract_is_found_and_written, test_empty_folder),
        cmocka_unit_test_setup(a_contract_of_ones_own_takes_part, test_empty_folder),
        cmocka_unit_test_setup(what_is_close_is_not_decided, test_empty_folder),
        cmocka_unit_test_setup(what_cannot_be_probed_or_written_says_so, test_empty_folder),
        cmocka_unit_test(drawn_people_serve),
        cmocka_unit_test(real_networks_are_put_right),
    };
    return cmocka_run_group_tests_name("probe", tests, open_context, close_context);
}
