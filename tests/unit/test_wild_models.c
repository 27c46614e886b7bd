/* Models as people export them today (shared data's wild-models): each must load and give ONNX Runtime's numbers. What is not
 * supported yet stands in a list by name, with the reason; a file of it that comes to run fails the test, so that the list stays
 * true. */
#include "folder.h"
#include "format/format.h"
#include "golden_json.h"
#include "image/image.h"
#include "pass/pass.h"
#include "run/session.h"
#include "shared_context.h"
#include <arcface/face.h>
#include <string.h>
#include <unistd.h>

#define PICTURES 3
#define STEP 4e-3 /* of the largest value: a few steps of the finest codes, none of the coarsest */
#define MAX_OUTPUTS 4

static const struct {
    const char *file, *reason;
} not_yet[] = {
    {"", ""}, /* every file runs */
};

static const char *reason_of(const char *file) {
    for (size_t i = 0; i < ARC_COUNT(not_yet); i++)
        if (strcmp(not_yet[i].file, file) == 0)
            return not_yet[i].reason;
    return NULL;
}

/* Seeds of the fuzz corpus, here in any checkout: functions, branches and loops; what ONNX Runtime writes; scans, lines and
 * masks; doubles and bfloat16. */
static const char *const seeds[] = {"bodies.onnx", "contrib.onnx", "nhwc.onnx", "products.onnx", "turns.onnx", "wide.onnx"};

static bool is_seed(const char *file) {
    for (size_t i = 0; i < ARC_COUNT(seeds); i++)
        if (strcmp(file, seeds[i]) == 0)
            return true;
    return false;
}

/* Loads as arc_model_load does. NULL: it is not supported, and says so in the list. */
static arc_graph *load(const char *file) {
    char name[512];
    arc_graph *g = NULL;
    arc_error err = {0};
    const char *reason = reason_of(file), *path = name;
    snprintf(name, sizeof name, "%s%s", is_seed(file) ? ARC_SOURCE_DIR "/tests/fuzz/corpus/onnx/" : "wild-models/", file);
    if (!is_seed(file))
        path = arc_test_file(name);
    arc_status st = arc_onnx_load(&g, &arc_alloc_libc, path, &err);
    if (st == ARC_OK)
        st = arc_graph_widen(g, &err);
    if (reason) {
        if (st == ARC_OK)
            fail_msg("%s stands in the list of what is not supported and loads", file);
        assert_int_equal(st, ARC_EUNSUPPORTED);
        printf("not yet supported: %s (%s): %s\n", file, reason, err.text);
        return NULL;
    }
    if (st != ARC_OK)
        fail_msg("%s", err.text);
    return g;
}

/* Output 0 for these inputs. */
static const float *run(arc_session *s, const char *file, const arc_tensor *in, arc_tensor *out) {
    arc_error err;
    if (arc_session_run(s, in, out, &err) != ARC_OK)
        fail_msg("%s: %s", file, err.text);
    assert_int_equal(out[0].dtype, ARC_F32);
    return out[0].data;
}

/* ---- the small set, and what ONNX Runtime refuses: tests/golden/make_wild.py ---- */

static void small_model(const char *file, const json_t *golden) {
    arc_graph *g = load(file);
    arc_tensor in = {.dtype = ARC_F32}, out[MAX_OUTPUTS];
    arc_session *s;
    if (!g)
        return;
    assert_int_equal(g->inputs, 1);
    in.shape = g->value[g->input[0]].shape;
    for (int i = 0; i < in.shape.rank; i++)
        in.shape.dim[i] = in.shape.dim[i] < 0 ? 2 : in.shape.dim[i];
    const int64_t count = arc_shape_count(&in.shape);
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)((double)((i * 37 + (i / 251) * 11) % 255 - 127) / 127.5);
    in.data = x;
    assert_int_equal(arc_session_new(&s, ctx, g, NULL, NULL), ARC_OK);
    const float *y = run(s, file, &in, out);
    const size_t n = json_array_size(golden);
    assert_int_equal(arc_shape_count(&out[0].shape), n);
    double worst = 0, most = 0;
    size_t off = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(json_number_value(json_array_get(golden, i))));
    for (size_t i = 0; i < n; i++) {
        const double error = fabs(y[i] - json_number_value(json_array_get(golden, i)));
        worst = fmax(worst, error);
        off += !(error <= 1e-5 * most);
    }
    const bool last = !strcmp(file, "nhwc.onnx"); /* whose coarsest codes are twice as coarse */
    const bool codes = last || !strcmp(file, "contrib.onnx") ||
                       !strcmp(file, "products.onnx"); /* a few of its 8-bit codes are next to ONNX Runtime's */
    const double bound = strstr(file, "fp16") ? 4e-3 : last ? 2 * STEP : codes ? STEP : 1e-5;
    if (!(worst <= bound * most) || (codes && off > n / 50))
        fail_msg("%s: differs by %g of %g, %zu of %zu numbers", file, worst, most, off, n);
    arc_session_free(&s);
    arc_graph_free(&g);
    free(x);
}

static void small_models_give_onnx_runtimes_numbers(void **state) {
    (void)state;
    json_t *root = golden_open("wild_small.json");
    const char *key;
    json_t *golden;
    assert_true(json_object_size(root) >= 28);
    for (size_t i = 0; i < ARC_COUNT(seeds); i++)
        small_model(seeds[i], json_object_get(root, seeds[i]));
    (void)arc_test_file("wild-models/small");
    json_object_foreach(root, key, golden) {
        char file[128];
        if (is_seed(key))
            continue;
        snprintf(file, sizeof file, "%s%s", strcmp(key, "mx_prelu_flat.onnx") == 0 ? "" : "small/", key);
        small_model(file, golden);
    }
    json_decref(root);
}

/* ---- the large ones on three crops ---- */

/* A crop as the model's input wants it: its side, NCHW or NHWC, RGB or gray, (x - 127.5) / 127.5. */
static void fill(const arc_image *crop, const arc_shape *shape, float *x) {
    const bool last = shape->dim[3] == 3;
    const int side = (int)shape->dim[last ? 1 : 2], channels = (int)shape->dim[last ? 3 : 1];
    arc_image sized;
    assert_int_equal(arc_image_new(ctx, side, side, &sized, NULL), ARC_OK);
    assert_int_equal(arc_resize_linear(&ctx->alloc, ctx->pool, crop, &sized, NULL), ARC_OK);
    for (int i = 0; i < side * side; i++) {
        const uint8_t *p = sized.data + i / side * sized.stride_bytes + i % side * 3;
        const float gray = roundf(0.299f * (float)p[0] + 0.587f * (float)p[1] + 0.114f * (float)p[2]);
        for (int c = 0; c < channels; c++)
            x[last ? i * 3 + c : c * side * side + i] = ((channels == 1 ? gray : (float)p[c]) - 127.5f) / 127.5f;
    }
    arc_image_free(ctx, &sized);
}

/* All three pictures in one batch; a model of a larger fixed batch gets the last one again. */
static void large_model(const char *file, double least) {
    static const float points[10] = {38.2946f, 51.6963f, 73.5318f, 51.5014f, 56.0252f,
                                     71.7366f, 41.5493f, 92.3655f, 70.7299f, 92.2041f};
    char name[256];
    arc_graph *g = load(file);
    arc_tensor in[2] = {{.dtype = ARC_F32}, {.dtype = ARC_F32}}, out[MAX_OUTPUTS];
    arc_session *s;
    arc_dtype t;
    arc_shape shape;
    void *golden;
    if (!g)
        return;
    in[0].shape = g->value[g->input[0]].shape;
    const int batch = in[0].shape.dim[0] > 0 ? (int)in[0].shape.dim[0] : PICTURES;
    in[0].shape.dim[0] = batch;
    const size_t each = (size_t)(arc_shape_count(&in[0].shape) / batch);
    float *x = malloc(batch * each * sizeof *x), keypoints[PICTURES][10];
    for (int i = 0; i < batch; i++) {
        arc_image crop;
        snprintf(name, sizeof name, "wild-models/crops/%d.png", ARC_MIN(i, PICTURES - 1));
        assert_int_equal(arc_image_load(ctx, arc_test_file(name), NULL, &crop, NULL, NULL), ARC_OK);
        fill(&crop, &in[0].shape, x + (size_t)i * each);
        arc_image_free(ctx, &crop);
    }
    for (int i = 0; i < PICTURES * 10; i++)
        keypoints[i / 10][i % 10] = points[i % 10] / 112;
    in[0].data = x;
    in[1].data = keypoints;
    in[1].shape = (arc_shape){3, {batch, 5, 2}};
    snprintf(name, sizeof name, "wild-models/%.*s.npy", (int)strlen(file) - 5, file);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, arc_test_file(name), &t, &shape, &golden, NULL), ARC_OK);
    assert_int_equal(shape.dim[0], PICTURES);
    arc_error err;
    if (arc_session_new(&s, ctx, g, NULL, &err) != ARC_OK)
        fail_msg("%s: %s", file, err.text);
    const float *y = run(s, file, in, out);
    assert_true(arc_shape_count(&out[0].shape) == batch * shape.dim[1]);
    for (int i = 0; i < PICTURES; i++) {
        const size_t dim = (size_t)shape.dim[1];
        const double cosine = arc_test_cosine(y + (size_t)i * dim, (const float *)golden + (size_t)i * dim, dim);
        if (!(cosine >= least))
            fail_msg("%s: picture %d has cosine %.7f to ONNX Runtime's embedding", file, i, cosine);
    }
    arc_session_free(&s);
    arc_graph_free(&g);
    arc_mem_free(&arc_alloc_libc, golden);
    free(x);
}

static const struct {
    const char *file;
    double least;
} large[] = {
    {"ir_dyn_default.onnx", 0.9999},
    {"acts_dyn.onnx", 0.9999},
    {"ghost_dyn.onnx", 0.9999},
    {"vit_dyn.onnx", 0.9999},
    {"external/ir_dyn_ext.onnx", 0.9999},
    {"vit17.onnx", 0.9999},
    {"edge17.onnx", 0.9999},
    {"fp16_keepio.onnx", 0.999},
    {"ir_two17.onnx", 0.9999},
    {"two_out_map.onnx", 0.9999},
    {"ir_b4_17.onnx", 0.9999},
    {"ir_160.onnx", 0.99},
    {"ir_gray128.onnx", 0.99},
    {"keras_nhwc.onnx", 0.9999},
    {"two_inputs_kprpe.onnx", 0.9999},
    {"ir_qop.onnx", 0.999},
    {"lpnorm.onnx", 0.9999},
    {"if_const.onnx", 0.9999},
    {"local_function.onnx", 0.9999},
};

static void large_models_give_onnx_runtimes_embeddings(void **state) {
    (void)state;
    (void)arc_test_file("wild-models");
    for (size_t i = 0; i < ARC_COUNT(large); i++)
        large_model(large[i].file, large[i].least);
}

/* ---- the same files as a user has them: a model, a pipeline over ready crops ---- */

/* The crops as files; `flip` of the pipeline is off. *norms: of the three pictures. */
static float *embed_crops(const arc_model *model, const char *file, float norms[PICTURES]) {
    arc_pipeline_options opt;
    arc_pipeline *pipeline;
    arc_result result[PICTURES];
    arc_error err = {0};
    char *path[PICTURES], name[64];
    const size_t dim = (size_t)arc_model_contract(model)->dim;
    float *out = malloc(PICTURES * dim * sizeof *out);
    arc_pipeline_options_default(&opt);
    opt.aligned = true;
    if (arc_pipeline_new(ctx, NULL, model, &opt, &pipeline, &err) != ARC_OK)
        fail_msg("%s: %s", file, err.text);
    for (int i = 0; i < PICTURES; i++) {
        snprintf(name, sizeof name, "wild-models/crops/%d.png", i);
        path[i] = strdup(arc_test_file(name));
    }
    assert_int_equal(arc_pipeline_run(pipeline, (const char *const *)path, PICTURES, result, NULL, NULL, &err), ARC_OK);
    for (int i = 0; i < PICTURES; i++) {
        if (result[i].status != ARC_OK)
            fail_msg("%s: %s", file, result[i].error.text);
        assert_int_equal(result[i].faces, 1);
        assert_int_equal(result[i].resized, arc_model_contract(model)->input_width_px != 112);
        memcpy(out + (size_t)i * dim, result[i].face[0].embedding, dim * sizeof *out);
        norms[i] = result[i].face[0].norm;
        arc_result_free(ctx, &result[i]);
        free(path[i]);
    }
    arc_pipeline_free(&pipeline);
    return out;
}

static void pipelines_give_onnx_runtimes_embeddings(void **state) {
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(large); i++) {
        const char *file = large[i].file;
        char name[256];
        arc_model *model;
        arc_error err = {0};
        arc_dtype t;
        arc_shape shape;
        void *golden;
        float norms[PICTURES];
        snprintf(name, sizeof name, "wild-models/%s", file);
        if (arc_model_load(ctx, arc_test_file(name), ARC_TASK_EMBED, NULL, &model, &err) != ARC_OK)
            fail_msg("%s: %s", file, err.text);
        float *have = embed_crops(model, file, norms);
        snprintf(name, sizeof name, "wild-models/%.*s.npy", (int)strlen(file) - 5, file);
        assert_int_equal(arc_npy_load(&arc_alloc_libc, arc_test_file(name), &t, &shape, &golden, NULL), ARC_OK);
        const size_t dim = (size_t)shape.dim[1];
        assert_int_equal(arc_model_contract(model)->dim, dim);
        assert_int_equal(arc_model_contract(model)->norm_output > 0, strcmp(file, "ir_two17.onnx") == 0);
        for (size_t k = 0; k < PICTURES; k++) {
            const double cosine = arc_test_cosine(have + k * dim, (const float *)golden + k * dim, dim);
            if (!(cosine >= large[i].least))
                fail_msg("%s: picture %zu has cosine %.7f to ONNX Runtime's embedding", file, k, cosine);
            double squares = 0; /* the file's norm output, whose golden is not here, or the length of the embedding */
            for (size_t d = 0; d < dim; d++)
                squares += (double)have[k * dim + d] * (double)have[k * dim + d];
            assert_true(norms[k] > 0);
            assert_int_equal(fabs(norms[k] - sqrt(squares)) <= 1e-5 * norms[k], !arc_model_contract(model)->norm_output);
        }
        free(have);
        arc_mem_free(&arc_alloc_libc, golden);
        arc_model_free(&model);
    }
}

/* What was chosen and why is said, as text and as JSON. */
static void the_choice_is_told(void **state) {
    static const struct {
        const char *file, *text[3], *json[4];
    } told[] = {
        {"ir_two17.onnx",
         {"quality      output 'norm'", "'feature': the highest sum of the rules; 'feature' 10; 'norm' is no embedding", ""},
         {"\"norm_output\": 1", "\"takes_points\": false", "\"embedding_rule\": \"'feature'",
          "\"picture_rule\": \"'data': the only input"}},
        {"two_inputs_kprpe.onnx",
         {"points       input 'kps'", "'data': the first input that is a picture, three channels first",
          "length of the embedding"},
         {"\"norm_output\": 0", "\"takes_points\": true", "\"embedding_rule\"", "\"picture_rule\""}},
        {"keras_nhwc.onnx", {"three channels last", "the only output", ""}, {"three channels last", "", "", ""}},
    };
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(told); i++) {
        char name[128], *text[2];
        arc_model *model;
        snprintf(name, sizeof name, "wild-models/%s", told[i].file);
        assert_int_equal(arc_model_load(ctx, arc_test_file(name), ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
        for (int json = 0; json < 2; json++)
            assert_int_equal(arc_model_describe(ctx, model, json, false, &text[json], NULL), ARC_OK);
        for (size_t k = 0; k < ARC_COUNT(told[i].text); k++)
            if (!strstr(text[0], told[i].text[k]))
                fail_msg("\"%s\" is not in: %s", told[i].text[k], text[0]);
        for (size_t k = 0; k < ARC_COUNT(told[i].json); k++)
            if (!strstr(text[1], told[i].json[k]))
                fail_msg("%s is not in: %s", told[i].json[k], text[1]);
        for (int json = 0; json < 2; json++)
            arc_text_free(ctx, &text[json]);
        arc_model_free(&model);
    }
}

/* Networks that are no recognisers are described, with the reason; what does not fit its picture is refused with the file's name
 * when it is opened. */
static void others_are_described_or_refused_at_once(void **state) {
    static const struct {
        arc_shape input;
        int inputs, width; /* of the layer behind the flattened picture */
        const char *why;
    } made[] = {{{4, {-1, 4, 8, 8}}, 1, 256, "is no picture of three channels or one"},
                {{2, {-1, 64}}, 1, 64, "is no picture of three channels or one"},
                {{4, {-1, 3, 112, 112}}, 2, 3 * 112 * 112, "2 inputs: neither"},
                {{4, {-1, 3, 112, 112}}, 1, 99, NULL}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(made); i++) {
        const char *path = in_folder("other.onnx");
        arc_graph *g;
        arc_model *model;
        arc_embedder *e;
        arc_error err = {0};
        float *weight;
        char *text;
        assert_int_equal(arc_graph_new(&g, &arc_alloc_libc, 17, NULL), ARC_OK);
        const int x = arc_graph_value(g, "x"), flat = arc_graph_value(g, "flat"), y = arc_graph_value(g, "y"),
                  z = arc_graph_value(g, "z"), m = arc_graph_value(g, "m"),
                  w = arc_graph_constant_new(g, "w", ARC_F32, &(arc_shape){2, {made[i].width, 512}}, (void **)&weight);
        assert_int_equal(arc_graph_add_input(g, x, ARC_F32, &made[i].input), ARC_OK);
        assert_non_null(arc_graph_node(g, "Flatten", "", 1, &x, 1, &flat));
        assert_non_null(arc_graph_node(g, "MatMul", "", 2, (int[]){flat, w}, 1, &y));
        if (made[i].inputs == 2) {
            assert_int_equal(arc_graph_add_input(g, m, ARC_F32, &(arc_shape){2, {-1, 512}}), ARC_OK);
            assert_non_null(arc_graph_node(g, "Add", "", 2, (int[]){y, m}, 1, &z));
        }
        assert_int_equal(arc_graph_add_output(g, made[i].inputs == 2 ? z : y), ARC_OK);
        assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
        assert_int_equal(arc_onnx_save(g, path, NULL), ARC_OK);
        arc_graph_free(&g);
        if (arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &model, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(arc_model_contract(model)->task == ARC_TASK_EMBED, made[i].why == NULL);
        assert_int_not_equal(arc_embedder_new(ctx, model, &e, &err), ARC_OK);
        assert_non_null(strstr(err.text, made[i].why ? made[i].why : path));
        for (int json = 0; made[i].why && json < 2; json++) {
            if (arc_model_describe(ctx, model, json, true, &text, &err) != ARC_OK)
                fail_msg("%s", err.text);
            assert_non_null(strstr(text, made[i].why));
            arc_text_free(ctx, &text);
        }
        arc_model_free(&model);
    }
}

/* A pulled-out output or input by name, and names that the file does not have. */
static void names_overrule_the_rules(void **state) {
    (void)state;
    arc_model_options opt;
    arc_model *model;
    arc_error err = {0};
    const char *path = arc_test_file("wild-models/two_out_map.onnx");
    arc_model_options_default(&opt);
    opt.output = "nowhere";
    assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, &opt, &model, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "its outputs are 'embedding', "));
    opt.output = "embedding";
    opt.input = "nothing";
    assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, &opt, &model, &err), ARC_EINVAL);
    opt.input = NULL;
    assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, &opt, &model, &err), ARC_OK);
    arc_model_free(&model);
}

/* Saved, a file keeps what was found out of it, and gives the same embeddings. */
static void a_saved_model_is_the_same(void **state) {
    static const char *const files[] = {"keras_nhwc.onnx", "ir_gray128.onnx", "ir_two17.onnx", "ir_b4_17.onnx"};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        char name[128];
        const char *path = in_folder("again.onnx");
        arc_model *model, *again;
        arc_error err = {0};
        float norms[2][PICTURES];
        snprintf(name, sizeof name, "wild-models/%s", files[i]);
        assert_int_equal(arc_model_load(ctx, arc_test_file(name), ARC_TASK_EMBED, NULL, &model, &err), ARC_OK);
        if (arc_model_save(ctx, model, path, &err) != ARC_OK ||
            arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &again, &err) != ARC_OK)
            fail_msg("%s: %s", files[i], err.text);
        float *a = embed_crops(model, files[i], norms[0]), *b = embed_crops(again, files[i], norms[1]);
        assert_memory_equal(a, b, PICTURES * (size_t)arc_model_contract(model)->dim * sizeof *a);
        assert_memory_equal(norms[0], norms[1], sizeof norms[0]);
        free(a);
        free(b);
        arc_model_free(&model);
        arc_model_free(&again);
    }
}

/* Bytes, channels last, no batch, an output [64]: value 5 of the embedding is the sum of the picture's red bytes. */
static void bytes_without_a_batch_are_taken(void **state) {
    enum { PIXELS = 112 * 112, DIM = 64 };
    (void)state;
    const char *path = in_folder("bytes.onnx");
    arc_graph *g;
    arc_error err = {0};
    arc_model *model;
    float *weight, out[2 * DIM];
    assert_int_equal(arc_graph_new(&g, &arc_alloc_libc, 17, NULL), ARC_OK);
    const int x = arc_graph_value(g, "x"), cast = arc_graph_value(g, "cast"), row = arc_graph_value(g, "row"),
              y = arc_graph_value(g, "y"), flat = arc_graph_value(g, "flat");
    const int64_t one_row[2] = {1, 3 * PIXELS}, all[1] = {DIM};
    const int shape = arc_graph_constant(g, "s", ARC_I64, &(arc_shape){1, {2}}, one_row, true),
              last = arc_graph_constant(g, "l", ARC_I64, &(arc_shape){1, {1}}, all, true),
              w = arc_graph_constant_new(g, "w", ARC_F32, &(arc_shape){2, {3 * PIXELS, DIM}}, (void **)&weight);
    for (int i = 0; i < PIXELS; i++)
        weight[i * 3 * DIM + 5] = 1;
    assert_int_equal(arc_graph_add_input(g, x, ARC_U8, &(arc_shape){3, {112, 112, 3}}), ARC_OK);
    assert_int_equal(arc_node_int(g, arc_graph_node(g, "Cast", "", 1, &x, 1, &cast), "to", ARC_F32), ARC_OK);
    assert_non_null(arc_graph_node(g, "Reshape", "", 2, (int[]){cast, shape}, 1, &row));
    assert_non_null(arc_graph_node(g, "MatMul", "", 2, (int[]){row, w}, 1, &y));
    assert_non_null(arc_graph_node(g, "Reshape", "", 2, (int[]){y, last}, 1, &flat));
    g->value[flat].dtype = ARC_F32;
    g->value[flat].shape = (arc_shape){1, {DIM}};
    assert_int_equal(arc_graph_add_output(g, flat), ARC_OK);
    assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
    if (arc_onnx_save(g, path, &err) != ARC_OK || arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_graph_free(&g);
    arc_image crop[2];
    arc_embedder *e;
    assert_int_equal(arc_embedder_new(ctx, model, &e, &err), ARC_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(arc_image_new(ctx, 112, 112, &crop[i], NULL), ARC_OK);
        for (int k = 0; k < 112; k++)
            crop[i].data[k * crop[i].stride_bytes] = (uint8_t)(i + 2); /* red of the first column */
    }
    if (arc_embed_crops(e, crop, 2, false, out, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_float_equal(out[5], 112 * 2, 0);
    assert_float_equal(out[DIM + 5], 112 * 3, 0);
    for (int i = 0; i < 2; i++)
        arc_image_free(ctx, &crop[i]);
    arc_embedder_free(&e);
    arc_model_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_models_give_onnx_runtimes_numbers),
        cmocka_unit_test(large_models_give_onnx_runtimes_embeddings),
        cmocka_unit_test(pipelines_give_onnx_runtimes_embeddings),
        cmocka_unit_test(the_choice_is_told),
        cmocka_unit_test(others_are_described_or_refused_at_once),
        cmocka_unit_test(names_overrule_the_rules),
        cmocka_unit_test(a_saved_model_is_the_same),
        cmocka_unit_test(bytes_without_a_batch_are_taken),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
