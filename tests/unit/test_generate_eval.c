/* Metrics of generated faces: the list of a folder, percentiles and mean cosines against plain loops, pairs with generated sides,
 * and a whole evaluation of pictures whose figures are known. */
#include "data_support.h"

#include "generate/metrics/cosines.h"
#include "generate/metrics/features.h"
#include "generate/metrics/pairs.h"
#include "shared_context.h"
#include <arcface/face.h>
#include <arcface/generate_eval.h>
#include <string.h>

enum { FACES = 6, DIM = 16, SIDE = 112 };

static arc_model *model;
static float embedding[FACES][DIM];

static void put_text(const char *name, const char *text) {
    assert_int_equal(arc_file_save(&arc_alloc_libc, in_folder(name), text, strlen(text), NULL), ARC_OK);
}

/* Pictures person_0001.png, person_0002.png of three people, and a list of them as if they had been generated for themselves. */
static int make_folder(void **state) {
    char text[FACES * DIM * 32] = "{\"faces\": [";
    open_context(state);
    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 3, &model, NULL), ARC_OK);
    arc_embedder *embedder;
    assert_int_equal(arc_embedder_new(ctx, model, &embedder, NULL), ARC_OK);
    for (int i = 0; i < FACES; i++) {
        char name[64];
        arc_image image = test_paint(ctx, SIDE, i);
        snprintf(name, sizeof name, "person%d_%04d.png", i / 2, i % 2 + 1);
        assert_int_equal(arc_image_save(ctx, &image, in_folder(name), NULL), ARC_OK);
        assert_int_equal(arc_embed_crops(embedder, &image, 1, false, embedding[i], NULL), ARC_OK);
        arc_image_free(ctx, &image);
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "%s{\"file\": \"%s\", \"identity\": \"person%d\", \"photo\": \"%.12s\", \"target\": [",
                               i ? ", " : "", name, i / 2, name);
        for (int k = 0; k < DIM; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.9g", k ? ", " : "", (double)embedding[i][k]);
        snprintf(text + at, sizeof text - at, "]}");
    }
    arc_embedder_free(&embedder);
    memcpy(text + strlen(text), "]}", 3);
    put_text("generated.json", text);
    return 0;
}

static int drop_folder(void **state) {
    arc_model_free(&model);
    return close_context(state);
}

static void lists(void **state) {
    (void)state;
    arc_generated g;
    assert_int_equal(arc_generated_open(&g, &arc_alloc_libc, test_folder(), NULL), ARC_OK);
    assert_int_equal(g.faces, FACES);
    assert_int_equal(g.identities, 3);
    assert_int_equal(g.dim, DIM);
    assert_string_equal(g.face[3].photo, "person1_0002");
    assert_int_equal(g.face[2].identity, g.face[3].identity);
    assert_float_equal(g.target[3 * DIM + 5], embedding[3][5], 1e-6 * fabsf(embedding[3][5]));
    arc_generated_close(&g);
    assert_true(arc_is_person("Aaron_Eckhart", "/a/b_1/Aaron_Eckhart_0001.jpg"));
    assert_true(arc_is_person("a", "a.png"));
    assert_false(arc_is_person("Aaron", "Aaron_Eckhart_0001.jpg"));
    assert_false(arc_is_person("Aaron_Eckhart_Junior", "Aaron_Eckhart_0001.jpg"));
}

/* Each is refused with a sentence that says where. */
static void hostile_lists(void **state) {
    (void)state;
    static const struct {
        const char *text, *say;
    } bad[] = {
        {"{\"faces\": [", "line 1"},
        {"[1, 2]", "lists no"},
        {"{\"faces\": []}", "lists no"},
        {"{\"faces\": [7]}", "face 0: \"file\""},
        {"{\"faces\": [{\"file\": \"../x.png\"}]}", "face 0: \"file\""},
        {"{\"faces\": [{\"file\": \"..\"}]}", "face 0: \"file\""},
        {"{\"faces\": [{\"file\": \"\"}]}", "face 0: \"file\""},
        {"{\"faces\": [{\"file\": \"a.png\", \"target\": [1, 2]}, {\"file\": \"b.png\", \"target\": [1]}]}",
         "face 1: \"target\" has 1"},
        {"{\"faces\": [{\"file\": \"a.png\", \"target\": [1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9]},{},{},{},{}]}",
         "not all of 5 faces"},
        {"{\"faces\": [{\"file\": \"a.png\", \"target\": [1, \"x\"]}]}", "number 1 of \"target\""},
        {"{\"faces\": [{\"file\": \"a.png\", \"target\": [1e300]}]}", "number 0 of \"target\""},
    };
    assert_int_equal(arc_dir_make(in_folder("bad"), NULL), ARC_OK);
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        arc_generated g;
        arc_error err = {0};
        put_text("bad/generated.json", bad[i].text);
        assert_int_equal(arc_generated_open(&g, &arc_alloc_libc, in_folder("bad"), &err), ARC_EFORMAT);
        if (!strstr(err.text, bad[i].say))
            fail_msg("\"%s\" is not in: %s", bad[i].say, err.text);
    }
    arc_generated g;
    assert_int_equal(arc_generated_open(&g, &arc_alloc_libc, in_folder("none"), NULL), ARC_ENOTFOUND);
}

static void summaries(void **state) {
    (void)state;
    double x[] = {5, 1, 4, 2, 3};
    arc_generate_cosines c;
    arc_generate_summarise(x, 5, &c);
    assert_int_equal(c.count, 5);
    assert_float_equal(c.mean, 3, 1e-15);
    assert_float_equal(c.least, 1, 0);
    assert_float_equal(c.p5, 1.2, 1e-15); /* 0.05 * 4 = 0.2 of the way from 1 to 2 */
    assert_float_equal(c.median, 3, 0);
    assert_float_equal(c.p95, 4.8, 1e-15);
    arc_generate_summarise(x, 1, &c);
    assert_float_equal(c.p95, 1, 0);
    arc_generate_summarise(x, 0, &c);
    assert_int_equal(c.count, 0);
}

/* All pairs, one by one. */
static void diversity(void **state) {
    (void)state;
    arc_generated g;
    arc_generate_verdict v = {.same = 0};
    float row[FACES][DIM];
    double sum[2] = {0, 0};
    int count[2] = {0, 0};
    assert_int_equal(arc_generated_open(&g, &arc_alloc_libc, test_folder(), NULL), ARC_OK);
    g.face[4].identity = g.face[0].identity; /* three, two and one faces */
    memcpy(row, embedding, sizeof row);
    arc_embedding_normalise(row[0], FACES, DIM);
    for (int i = 0; i < FACES; i++)
        for (int j = 0; j < i; j++) {
            const int same = g.face[i].identity == g.face[j].identity;
            sum[same] += arc_embedding_cosine(row[i], row[j], DIM);
            count[same]++;
        }
    assert_int_equal(arc_generate_diversity(ctx, &g, row[0], DIM, &v, NULL), ARC_OK);
    assert_int_equal(v.same_pairs, 4);
    assert_int_equal(v.other_pairs, 11);
    assert_int_equal(count[1], 4);
    assert_float_equal(v.same, sum[1] / count[1], 1e-6);
    assert_float_equal(v.other, sum[0] / count[0], 1e-6);
    arc_generated_close(&g);
}

/* person9 has pictures and no generated face; person1's second picture has gone. */
static void pairs(void **state) {
    (void)state;
    arc_generated g;
    arc_mixed_pairs p;
    arc_error err = {0};
    const char *images = in_folder("images");
    assert_int_equal(arc_dir_make(images, NULL), ARC_OK);
    static const char *const there[] = {"person0_0001", "person0_0002", "person1_0001", "person9_0001"};
    for (size_t i = 0; i < ARC_COUNT(there); i++) {
        char name[64];
        snprintf(name, sizeof name, "images/%s.png", there[i]);
        put_text(name, "x");
    }
    put_text("pairs.txt",
             "person0_0001.png person0_0002.png 1\nperson1_0001.png person1_0002.png 1\nperson0_0001.png person9_0001.png 0\n"
             "person0_0003.png person1_0001.png 0\n");
    assert_int_equal(arc_generated_open(&g, &arc_alloc_libc, test_folder(), NULL), ARC_OK);
    if (arc_mixed_pairs_open(ctx, in_folder("pairs.txt"), images, &g, &p, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(p.list.pairs, 4);
    assert_int_equal(p.pictures, 4);
    assert_int_equal(p.picture[1][1], -1);
    assert_int_equal(p.face[0][0], 0); /* of the same picture */
    assert_int_equal(p.face[0][1], 1);
    assert_int_equal(p.face[2][1], -1);
    assert_int_equal(p.face[3][0], 0); /* of the same person */
    assert_int_equal(p.picture[3][0], -1);
    arc_mixed_pairs_close(ctx, &p);
    assert_int_equal(arc_mixed_pairs_open(ctx, in_folder("pairs.txt"), in_folder("bad"), &g, &p, &err), ARC_ENOTFOUND);
    arc_generated_close(&g);
}

/* 100 genuine and 100 impostor pairs of plane vectors at known angles. */
static void accuracies(void **state) {
    (void)state;
    enum { PAIRS = 200 };
    static float real[2 * PAIRS][2], face[2 * PAIRS][2];
    static int picture[PAIRS][2], faces[PAIRS][2];
    static arc_listed_pair listed[PAIRS];
    arc_generate_verdict v = {.same = 0};
    for (int i = 0; i < PAIRS; i++) {
        listed[i].same = i % 2 == 0;
        const double angle = listed[i].same ? 0.5 : 1.5;
        for (int k = 0; k < 2; k++) {
            real[2 * i + k][0] = (float)cos(k * angle);
            real[2 * i + k][1] = (float)sin(k * angle);
            /* A generated face is 0.6 off to the outside: genuine pairs with one come to 1.1, with two to 1.7. */
            face[2 * i + k][0] = (float)cos(k * angle + (k ? 0.6 : -0.6));
            face[2 * i + k][1] = (float)sin(k * angle + (k ? 0.6 : -0.6));
            picture[i][k] = faces[i][k] = 2 * i + k;
        }
    }
    faces[7][0] = -1;
    faces[8][1] = faces[8][0]; /* one picture is no pair */
    const arc_mixed_pairs p = {.list = {.pair = listed, .pairs = PAIRS}, .picture = picture, .face = faces};
    assert_int_equal(arc_mixed_pairs_judge(ctx, &p, real[0], face[0], 2, &v, NULL), ARC_OK);
    const arc_generate_accuracy *a = v.accuracy;
    assert_true(v.threshold < cos(0.5) && v.threshold > cos(1.5));
    assert_int_equal(a[ARC_GENERATE_REAL_REAL].pairs, PAIRS);
    assert_float_equal(a[ARC_GENERATE_REAL_REAL].at_threshold, 1, 0);
    assert_float_equal(a[ARC_GENERATE_REAL_REAL].accuracy, 1, 0);
    assert_int_equal(a[ARC_GENERATE_GENERATED_REAL].pairs, 2 * PAIRS - 1);
    assert_float_equal(a[ARC_GENERATE_GENERATED_REAL].accuracy, 1, 0);
    assert_int_equal(a[ARC_GENERATE_GENERATED_GENERATED].pairs, PAIRS - 2);
    assert_int_equal(a[ARC_GENERATE_GENERATED_GENERATED].genuine, PAIRS / 2 - 1);
    /* At the real threshold (the first of the best: squared distance 0.25 = an angle of 0.505) genuine generated pairs are
     * refused; with one of its own they are told apart again. */
    assert_float_equal(a[ARC_GENERATE_GENERATED_GENERATED].at_threshold, 99.0 / 198, 1e-12);
    assert_float_equal(a[ARC_GENERATE_GENERATED_GENERATED].accuracy, 1, 0);
    const arc_mixed_pairs few = {.list = {.pair = listed, .pairs = 20}, .picture = picture, .face = faces};
    assert_int_equal(arc_mixed_pairs_judge(ctx, &few, real[0], face[0], 2, &v, NULL), ARC_EINVAL);
}

/* Two ways to the same numbers: the embedder's, and that of any network. */
static void features(void **state) {
    (void)state;
    const char *path[FACES];
    float *raw, *unit;
    int dims[2];
    for (int i = 0; i < FACES; i++) {
        char name[64];
        snprintf(name, sizeof name, "person%d_%04d.png", i / 2, i % 2 + 1);
        path[i] = in_folder(name);
    }
    const arc_feature_run run = {.model = model, .path = path, .pictures = FACES, .stage = "-"};
    assert_int_equal(arc_feature_raw(ctx, &run, &raw, &dims[0], NULL), ARC_OK);
    assert_int_equal(arc_feature_embed(ctx, &run, &unit, &dims[1], NULL), ARC_OK);
    assert_int_equal(dims[0], DIM);
    assert_int_equal(dims[1], DIM);
    for (int i = 0; i < FACES; i++) {
        double length = 0;
        for (int k = 0; k < DIM; k++) {
            assert_float_equal(raw[i * DIM + k], embedding[i][k], 1e-4);
            length += (double)unit[i * DIM + k] * unit[i * DIM + k];
        }
        assert_float_equal(length, 1, 1e-6);
        assert_float_equal(arc_embedding_cosine(raw + i * DIM, unit + i * DIM, DIM), 1, 1e-6);
    }
    arc_mem_free(&ctx->alloc, raw);
    arc_mem_free(&ctx->alloc, unit);
}

/* Faces that are their own targets and the real pictures too. */
static void whole(void **state) {
    (void)state;
    const char *real[FACES];
    arc_generate_eval e;
    arc_generate_eval_options opt;
    arc_error err = {0};
    char *text;
    for (int i = 0; i < FACES; i++) {
        char name[64];
        snprintf(name, sizeof name, "person%d_%04d.png", i / 2, i % 2 + 1);
        real[i] = in_folder(name);
    }
    arc_generate_eval_options_default(&opt);
    arc_model *wide;
    assert_int_equal(arc_model_new(ctx, "tiny", 2 * DIM, 5, &wide, NULL), ARC_OK);
    const arc_model *const judge[2] = {model, wide};
    opt.judge = judge;
    opt.judges = 2;
    opt.real = real;
    opt.real_count = FACES;
    if (arc_generate_evaluate(ctx, test_folder(), model, &opt, &e, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(e.verdicts, 3);
    assert_float_equal(e.verdict[0].target.least, 1, 1e-6);
    assert_int_equal(e.verdict[1].target.count, 0); /* of the generating model only */
    assert_int_equal(e.verdict[1].real.count, FACES);
    const double alike = arc_embedding_cosine(embedding[0], embedding[1], DIM);
    assert_true(e.verdict[1].real.least <= sqrt((1 + alike) / 2) + 1e-6); /* a face with the mean of itself and its sister */
    assert_int_equal(e.verdict[2].real.count, FACES);
    assert_true(fabs(e.verdict[2].real.mean - e.verdict[1].real.mean) > 1e-6);
    assert_true(e.has_frechet && e.own_features);
    assert_int_equal(e.features_dim, DIM); /* the first judge's */
    assert_float_equal(e.frechet, 0, 1e-12);
    opt.feature_net = model;
    assert_int_equal(arc_generate_evaluate(ctx, test_folder(), model, &opt, &e, &err), ARC_OK);
    assert_true(e.has_frechet && !e.own_features && e.frechet < 1e-6);
    assert_int_equal(arc_generate_eval_describe(ctx, &e, false, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "6 generated faces of 3 identities"));
    assert_non_null(strstr(text, "covariances have ranks 5 and 5 of 16"));
    arc_text_free(ctx, &text);
    arc_model_free(&wide);
    opt.judges = ARC_GENERATE_EVAL_MAX_JUDGES + 1;
    assert_int_equal(arc_generate_evaluate(ctx, test_folder(), model, &opt, &e, &err), ARC_EINVAL);
    arc_model *other;
    assert_int_equal(arc_model_new(ctx, "tiny", 8, 3, &other, NULL), ARC_OK);
    assert_int_equal(arc_generate_evaluate(ctx, test_folder(), other, NULL, &e, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "targets of the generated faces have 16 numbers"));
    arc_model_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists), cmocka_unit_test(hostile_lists), cmocka_unit_test(summaries), cmocka_unit_test(diversity),
        cmocka_unit_test(pairs), cmocka_unit_test(accuracies),    cmocka_unit_test(features),  cmocka_unit_test(whole),
    };
    return cmocka_run_group_tests_name("generate_eval", tests, make_folder, drop_folder);
}
