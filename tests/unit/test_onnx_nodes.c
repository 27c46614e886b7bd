/* ONNX's own node tests (Debian's libonnx-testdata): every folder whose operators are all supported must load, plan and give the
 * recorded outputs, with and without passes, unless it stands in the table of exclusions below. What the reference device has an
 * operator in double for must do so there as well: it is what other tests hold results against. */
#include "device/reference/reference.h"
#include "format/format.h"
#include "run/session.h"
#include "support.h"
#include <fnmatch.h>
#include <string.h>

#define MAX_TENSORS 16

/* What is not supported although its operator is, and why. The first pattern that fits counts. */
static const struct {
    const char *pattern, *reason;
} exclusions[] = {
    {"test_*training_mode*", "training"},
    {"test_training_dropout*", "training"},
    {"test_attention_*16", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_attention_*16_expanded", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_attention_*softmax_precision*", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_celu_*16_expanded", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_causal_conv_*fp16_expanded", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_flexattention_*_expanded_*", "matrices in half precision or double, which a model's graph is not left in"},
    {"test_attention_*window*", "means something else in the opset after 24"},
    {"test_qlinearmatmul_*float16", "recorded in half-precision arithmetic, which rounds every step"},
    {"test_gridsample_volumetric_*", "places of three dimensions"},
    {"test_affine_grid_*_expanded", "a branch or a loop that the input decides on"},
    {"test_if", "a branch or a loop that the input decides on"},
    {"test_loop11", "a branch or a loop that the input decides on"},
    {"test_range_*_expanded", "a branch or a loop that the input decides on"},
    {"test_linear_attention_*_expanded", "scans whose length no shape in the file declares"},
    {"test_scan_sum", "Scan of opset 8, which scans each picture of a batch by itself"},
    {"test_maxpool_with_argmax_*", "indices of the maxima"},
    {"test_conv*_3d", "convolution over 3 dimensions"},
    {"test_Conv3d*", "convolution over 3 dimensions"},
    {"test_PReLU_*_multiparam", "the slope broadcasts as opset 6 had it"},
    {"test_cast*STRING*", "tensors of texts"},
    {"test_castlike*STRING*", "tensors of texts"},
    {"test_strnormalizer_*", "tensors of texts"},
    {"test_identity_sequence", "sequences and optional values"},
    {"test_*_opt", "sequences and optional values"},
    {"test_*_seq", "sequences and optional values"},
    {"test_*_seq_none", "sequences and optional values"},
    {"test_sequence_*", "sequences and optional values"},
    {"test_optional_*", "sequences and optional values"},
    {"test_cast_FLOAT_to_BFLOAT16", "recorded by cutting digits off, not by rounding"},
    {"test_castlike_*BFLOAT16*", "recorded inputs that contradict the model"},
    {"test_resize_downsample_scales_linear_align_corners", "expects the output's size before rounding, unlike every runtime"},
    {"test_resize_downsample_scales_cubic_align_corners", "expects the output's size before rounding, unlike every runtime"},
};

#define MAX_MISSING 256

static struct {
    int run, unsupported, excluded, failed, in_double;
    int reason[sizeof exclusions / sizeof exclusions[0]];
    struct missing {
        char what[96]; /* "operator 'GRU'" */
        int count;
    } missing[MAX_MISSING];
} tally;

/* Counts a folder under what the library does not have. */
static void not_supported(const char *what) {
    size_t i = 0;
    tally.unsupported++;
    while (i < MAX_MISSING && tally.missing[i].count && strcmp(tally.missing[i].what, what) != 0)
        i++;
    assert_true(i < MAX_MISSING);
    snprintf(tally.missing[i].what, sizeof tally.missing[i].what, "%s", what);
    tally.missing[i].count++;
}

static int by_count(const void *a, const void *b) {
    return ((const struct missing *)b)->count - ((const struct missing *)a)->count;
}

static void print_tally(size_t folders) {
    printf("%zu folders: %d run, %d of them in double, %d of operators or types that are not supported, %d excluded:\n", folders,
           tally.run, tally.in_double, tally.unsupported, tally.excluded);
    for (size_t i = 0; i < ARC_COUNT(exclusions); i++)
        if (tally.reason[i])
            printf("  %3d %-28s %s\n", tally.reason[i], exclusions[i].pattern, exclusions[i].reason);
    printf("not supported:");
    qsort(tally.missing, MAX_MISSING, sizeof tally.missing[0], by_count);
    for (size_t i = 0; i < MAX_MISSING && tally.missing[i].count; i++)
        printf("%s %s %d", i ? "," : "", tally.missing[i].what, tally.missing[i].count);
    printf("\n");
}

typedef struct tensors {
    arc_arena arena;
    arc_map map[2 * MAX_TENSORS];
    int maps, count[2]; /* inputs, outputs */
    arc_tensor tensor[2][MAX_TENSORS];
} tensors;

static bool read_tensors(tensors *t, const char *folder, int kind, arc_error *err) {
    for (t->count[kind] = 0; t->count[kind] < MAX_TENSORS; t->count[kind]++) {
        char path[1024];
        const char *name;
        const void *data;
        arc_tensor *to = &t->tensor[kind][t->count[kind]];
        snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", folder, kind == 0 ? "input" : "output", t->count[kind]);
        if (arc_path_kind_of(path) != ARC_PATH_FILE)
            return true;
        arc_map *map = &t->map[t->maps];
        if (arc_map_open(map, path, (size_t)1 << 30, err) != ARC_OK)
            return false;
        t->maps++;
        memset(to, 0, sizeof *to);
        if (arc_onnx_tensor_parse(&t->arena, map->data, map->bytes, &to->dtype, &to->shape, &data, &name, err) != ARC_OK)
            return false;
        memcpy(&to->data, &data, sizeof data);
    }
    return true;
}

/* The recorded bfloat16 tensors call themselves uint16. */
static void settle_bfloat(const arc_graph *g, tensors *t) {
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < t->count[kind] && i < (kind == 0 ? g->inputs : g->outputs); i++)
            if (g->value[kind == 0 ? g->input[i] : g->output[i]].dtype == ARC_BF16 && t->tensor[kind][i].dtype == ARC_U16)
                t->tensor[kind][i].dtype = ARC_BF16;
}

static void free_tensors(tensors *t) {
    for (int i = 0; i < t->maps; i++)
        arc_map_close(&t->map[i]);
    arc_arena_free(&t->arena);
}

/* The graph's inputs from `keep` on become constants: what shape arithmetic needs is then known at plan time. */
static void bind_inputs(arc_graph *g, const tensors *t, int keep) {
    static const int64_t nothing = 0;
    for (int i = keep; i < g->inputs; i++) {
        arc_value *v = &g->value[g->input[i]];
        const arc_tensor *x = &t->tensor[0][i];
        v->dtype = x->dtype;
        v->shape = x->shape;
        v->data = x->data ? x->data : &nothing;
        v->data_bytes = (size_t)arc_shape_count(&x->shape) * arc_dtype_bytes(x->dtype);
        v->is_input = false;
    }
    g->inputs = ARC_MIN(g->inputs, keep);
}

static double real_at(const arc_tensor *t, int64_t i) {
    switch (t->dtype) {
    case ARC_F32:
        return ((const float *)t->data)[i];
    case ARC_F64:
        return ((const double *)t->data)[i];
    case ARC_I32:
        return ((const int32_t *)t->data)[i];
    case ARC_I64:
        return (double)((const int64_t *)t->data)[i];
    case ARC_U32:
        return ((const uint32_t *)t->data)[i];
    case ARC_U64:
        return (double)((const uint64_t *)t->data)[i];
    case ARC_U16:
    case ARC_F16:
    case ARC_BF16:
        return ((const uint16_t *)t->data)[i]; /* bit patterns: compared as numbers below only when they are equal */
    case ARC_I16:
        return ((const int16_t *)t->data)[i];
    case ARC_I8:
        return ((const int8_t *)t->data)[i];
    default:
        return ((const uint8_t *)t->data)[i];
    }
}

/* onnx's own tolerance for reals, exact otherwise. Fills why when they differ. */
static bool same_tensor(const arc_tensor *got, const arc_tensor *want, char *why, size_t why_bytes) {
    const bool real = want->dtype == ARC_F32 || want->dtype == ARC_F64;
    char a[160], b[160];
    if (got->dtype != want->dtype || !arc_shape_equal(&got->shape, &want->shape)) {
        snprintf(why, why_bytes, "%s %s instead of %s %s", arc_dtype_name(got->dtype), arc_shape_text(&got->shape, a, sizeof a),
                 arc_dtype_name(want->dtype), arc_shape_text(&want->shape, b, sizeof b));
        return false;
    }
    for (int64_t i = 0, n = arc_shape_count(&want->shape); i < n; i++) {
        const double x = real_at(got, i), y = real_at(want, i);
        if (x == y || (isnan(x) && isnan(y)) || (real && fabs(x - y) <= 1e-5 + 1e-3 * fabs(y)))
            continue;
        snprintf(why, why_bytes, "element %lld is %.9g instead of %.9g", (long long)i, x, y);
        return false;
    }
    return true;
}

/* The three ways a folder is run. */
typedef enum way { WITH_PASSES, AS_WRITTEN, IN_DOUBLE } way;

static arc_status run_graph(const arc_context *ctx, const arc_graph *g, const tensors *t, way how, char *why, size_t why_bytes,
                            arc_error *err) {
    arc_session *s;
    arc_tensor out[MAX_TENSORS] = {{0}};
    arc_execution x = arc_execution_of(ctx);
    x.device = how == IN_DOUBLE ? &arc_device_reference : x.device;
    const arc_session_options options = {.no_passes = how != WITH_PASSES, .execution = &x};
    arc_status st = arc_session_new(&s, ctx, g, &options, err);
    if (st == ARC_OK)
        st = arc_session_run(s, t->tensor[0], out, err);
    for (int i = 0; st == ARC_OK && i < g->outputs && !*why; i++)
        same_tensor(&out[i], &t->tensor[1][i], why, why_bytes);
    arc_session_free(&s);
    return st;
}

/* Opset imports end these files. The operators of the few models older than opset 7 mean the same in 7, which is read instead; so
 * do most of those newer than 24 in 24: the others are excluded above. */
static arc_status load(arc_graph **g, const char *path, arc_error *err) {
    static const uint8_t named[] = {0x42, 0x04, 0x0a, 0x00, 0x10}, bare[] = {0x42, 0x02, 0x10};
    static uint8_t copy[1 << 20];
    arc_map map;
    *g = NULL;
    arc_status st = arc_map_open(&map, path, (size_t)1 << 30, err);
    if (st != ARC_OK)
        return st;
    const size_t bytes = map.bytes;
    const uint8_t *version = map.data + (bytes > sizeof named ? bytes - 1 : 0);
    const bool other =
        bytes > sizeof named && bytes <= sizeof copy && ((*version > 0 && *version < 7) || (*version > 24 && *version <= 28)) &&
        (memcmp(version - sizeof named, named, sizeof named) == 0 || memcmp(version - sizeof bare, bare, sizeof bare) == 0);
    if (other) {
        memcpy(copy, map.data, bytes);
        copy[bytes - 1] = *version < 7 ? 7 : 24;
    }
    arc_map_close(&map);
    return other ? arc_onnx_parse(g, &arc_alloc_libc, copy, bytes, path, err) : arc_onnx_load(g, &arc_alloc_libc, path, err);
}

/* Runs with all inputs given at run time; where their values are wanted earlier, with input 0 only, then with none. */
static void run_loaded(const arc_context *ctx, const char *path, tensors *t, way how, char *why, size_t why_bytes) {
    static const int keeps[] = {MAX_TENSORS, 1, 0};
    for (size_t i = 0; i < ARC_COUNT(keeps); i++) {
        arc_graph *g;
        arc_error err = {0};
        arc_status st = load(&g, path, &err);
        if (st == ARC_OK && (g->inputs != t->count[0] || g->outputs != t->count[1]))
            st = arc_fail(&err, ARC_EFORMAT, "%d inputs and %d outputs, but tensors for %d and %d", g->inputs, g->outputs,
                          t->count[0], t->count[1]);
        if (st == ARC_OK) {
            settle_bfloat(g, t);
            bind_inputs(g, t, keeps[i]);
            st = run_graph(ctx, g, t, how, why, why_bytes, &err);
        }
        arc_graph_free(&g);
        if (st == ARC_OK)
            return;
        if ((!strstr(err.text, "known at plan time") && !strstr(err.text, "is empty")) || i + 1 == ARC_COUNT(keeps)) {
            snprintf(why, why_bytes, "%s", err.text);
            return;
        }
    }
}

static int exclusion_of(const char *name) {
    for (size_t i = 0; i < ARC_COUNT(exclusions); i++)
        if (fnmatch(exclusions[i].pattern, name, 0) == 0)
            return (int)i;
    return -1;
}

/* float8, float4, integers of 2 and, where they are no weights, of 4 bits, texts. */
static bool is_foreign_type(const char *text) {
    return strstr(text, "has element type") || strstr(text, "unsupported element type") || strstr(text, "to element type ");
}

/* The model uses an operator that the library does not have: not a test of ours. What it is goes into `what`. */
static bool is_foreign(const char *path, char *what, size_t what_bytes) {
    arc_graph *g;
    arc_error err = {0};
    char op[64] = "";
    const arc_status st = load(&g, path, &err);
    arc_graph_free(&g);
    if (st == ARC_OK)
        return false;
    const char *name = strstr(err.text, "operator '"), *graphs = strstr(err.text, "model.onnx: ");
    if (name)
        sscanf(name, "operator '%63[^']", op);
    else if (graphs && strstr(err.text, "is a graph or a list")) /* Scan */
        sscanf(graphs, "model.onnx: %63[^ ]", op);
    const char *opset = strstr(err.text, "is of opset ");
    snprintf(what, what_bytes, "%.*s", opset ? 8 : 90,
             *op                         ? op
             : opset                     ? opset + 6
             : is_foreign_type(err.text) ? "a type"
                                         : err.text + strlen(path) + 2);
    return (*op && !arc_op_find(op)) || strstr(err.text, "from the domain") || opset || strstr(err.text, "is of ONNX IR") ||
           is_foreign_type(err.text);
}

static void run_in_double(const arc_context *ctx, const char *path, tensors *t, char *why, size_t why_bytes) {
    run_loaded(ctx, path, t, IN_DOUBLE, why, why_bytes);
    if (strstr(why, "the reference device has no such operator"))
        *why = '\0';
    else
        tally.in_double++;
}

static void test_folder(const arc_context *ctx, const char *root, const char *name) {
    char folder[512], path[600], what[96], why[ARC_ERROR_TEXT_BYTES] = "";
    arc_error err = {0};
    tensors t = {.maps = 0};
    snprintf(folder, sizeof folder, "%s/%s", root, name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    const int exclusion = exclusion_of(name);
    if (is_foreign(path, what, sizeof what)) {
        not_supported(what);
        return;
    }
    if (exclusion >= 0) {
        tally.excluded++;
        tally.reason[exclusion]++;
        return;
    }
    arc_arena_init(&t.arena, &arc_alloc_libc, 0);
    if (!read_tensors(&t, folder, 0, &err) || !read_tensors(&t, folder, 1, &err))
        snprintf(why, sizeof why, "%s", err.text);
    else {
        run_loaded(ctx, path, &t, WITH_PASSES, why, sizeof why);
        if (!*why)
            run_loaded(ctx, path, &t, AS_WRITTEN, why, sizeof why);
        if (!*why)
            run_in_double(ctx, path, &t, why, sizeof why);
    }
    free_tensors(&t);
    if (is_foreign_type(why)) {
        not_supported("a type");
        return;
    }
    tally.run++;
    if (*why) {
        tally.failed++;
        printf("%s: %s\n", name, why);
    }
}

static void node_tests_pass(void **state) {
    static const char *const folders[] = {"node", "simple", "pytorch-operator", "pytorch-converted"};
    const char *root = getenv("ARCFACE_ONNX_NODES"); /* a newer set: PyPI onnx has onnx/backend/test/data */
    if (!root || !*root)
        root = "/usr/share/libonnx-testdata/data";
    size_t total = 0;
    arc_context *ctx;
    arc_error err;
    (void)state;
    if (arc_path_kind_of(root) != ARC_PATH_DIR) {
        printf("skipped: no %s (package libonnx-testdata)\n", root);
        skip();
    }
    ctx = arc_test_context(NULL, 0);
    for (size_t f = 0; f < ARC_COUNT(folders); f++) {
        char path[256];
        arc_names names;
        snprintf(path, sizeof path, "%s/%s", root, folders[f]);
        assert_int_equal(arc_dir_list(&names, &arc_alloc_libc, path, 100000, &err), ARC_OK);
        for (size_t i = 0; i < names.count; i++)
            test_folder(ctx, path, names.name[i]);
        total += names.count;
        arc_names_free(&names);
    }
    print_tally(total);
    arc_context_close(&ctx);
    assert_true(tally.run > 300);
    assert_true(tally.in_double > 400);
    assert_int_equal(tally.failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(node_tests_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
