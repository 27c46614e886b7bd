/* ONNX files that nobody exports: circles, chains, bodies and numbers that would take a reader beyond all bounds of time or
 * memory, or past what it knows. Written here field by field, as protobuf has them. */
#include "folder.h"
#include "format/format.h"
#include "support.h"
#include <stdarg.h>
#include <string.h>

/* ---- protobuf ---- */

typedef struct message {
    uint8_t *data;
    size_t bytes, capacity;
} message;

static void put(message *m, const void *data, size_t bytes) {
    if (m->bytes + bytes > m->capacity) {
        m->capacity = 2 * (m->bytes + bytes);
        m->data = realloc(m->data, m->capacity);
        assert_non_null(m->data);
    }
    if (bytes)
        memcpy(m->data + m->bytes, data, bytes);
    m->bytes += bytes;
}

static void put_varint(message *m, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        put(m, &(uint8_t){(uint8_t)(v | 0x80)}, 1);
    put(m, &(uint8_t){(uint8_t)v}, 1);
}

static void put_number(message *m, uint64_t field, uint64_t v) {
    put_varint(m, field << 3);
    put_varint(m, v);
}

static void put_bytes(message *m, uint64_t field, const void *data, size_t bytes) {
    put_varint(m, field << 3 | 2);
    put_varint(m, bytes);
    put(m, data, bytes);
}

static void put_text(message *m, uint64_t field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

/* Puts the inner message into the outer one and empties it. */
static void put_message(message *m, uint64_t field, message *inner) {
    put_bytes(m, field, inner->data, inner->bytes);
    free(inner->data);
    *inner = (message){0};
}

/* ---- ONNX ---- */

enum { F32 = 1, INT64 = 7 };                                                  /* TensorProto.DataType */
enum { NODE = 1, INITIALIZER = 5, INPUT = 11, OUTPUT = 12 };                  /* GraphProto */
enum { GRAPH = 7, OPSET = 8, FUNCTION = 25 };                                 /* ModelProto */
enum { F_NAME = 1, F_INPUT = 4, F_OUTPUT, F_NODE = 7, F_DOC, F_DOMAIN = 10 }; /* FunctionProto */

/* Inputs and outputs are names with spaces between them. */
static void put_names(message *m, uint64_t field, const char *names) {
    while (*names) {
        const size_t n = strcspn(names, " ");
        put_bytes(m, field, names, n);
        names += n + (names[n] == ' ');
    }
}

static message make_node(const char *op, const char *inputs, const char *outputs) {
    message n = {0};
    put_names(&n, 1, inputs);
    put_names(&n, 2, outputs);
    put_text(&n, 4, op);
    return n;
}

static void put_int_attribute(message *node, const char *name, int64_t v) {
    message a = {0};
    put_text(&a, 1, name);
    put_number(&a, 3, (uint64_t)v);
    put_number(&a, 20, 2);
    put_message(node, 5, &a);
}

static void put_graph_attribute(message *node, const char *name, message *graph) {
    message a = {0};
    put_text(&a, 1, name);
    put_message(&a, 6, graph);
    put_number(&a, 20, 5);
    put_message(node, 5, &a);
}

static void put_node(message *graph, uint64_t field, const char *op, const char *inputs, const char *outputs) {
    message n = make_node(op, inputs, outputs);
    put_message(graph, field, &n);
}

static message make_tensor(const char *name, int type, int rank, const int64_t *dims, const void *raw, size_t bytes) {
    message t = {0};
    for (int i = 0; i < rank; i++)
        put_number(&t, 1, (uint64_t)dims[i]);
    put_number(&t, 2, (uint64_t)type);
    put_text(&t, 8, name);
    put_bytes(&t, 9, raw, bytes);
    return t;
}

static void put_integers(message *graph, const char *name, int rank, size_t count, const int64_t *v) {
    message t = make_tensor(name, INT64, rank, &(int64_t){(int64_t)count}, v, count * sizeof *v);
    put_message(graph, INITIALIZER, &t);
}

static void put_floats(message *graph, const char *name, int rank, const int64_t *dims) {
    static const float zeros[1 << 10];
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    assert_true(count <= ARC_COUNT(zeros));
    message t = make_tensor(name, F32, rank, dims, zeros, count * sizeof *zeros);
    put_message(graph, INITIALIZER, &t);
}

/* A float32 value of any shape. */
static void put_value(message *graph, uint64_t field, const char *name) {
    message info = {0}, type = {0}, tensor = {0};
    put_number(&tensor, 1, F32);
    put_message(&type, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &type);
    put_message(graph, field, &info);
}

/* A graph from x to y. */
static message begin_graph(void) {
    message g = {0};
    put_value(&g, INPUT, "x");
    put_value(&g, OUTPUT, "y");
    return g;
}

/* Reads a model of this graph and more fields, which are emptied; the caller frees *out. */
static arc_status load(arc_graph **out, int opset, message *graph, message *more, arc_error *err) {
    message m = {0}, set = {0};
    put_number(&m, 1, 8);
    put_number(&set, 2, (uint64_t)opset);
    put_message(&m, OPSET, &set);
    put(&m, more->data, more->bytes);
    put_message(&m, GRAPH, graph);
    void *own = malloc(m.bytes); /* of its exact size: a sanitizer sees what reads beyond */
    memcpy(own, m.data, m.bytes);
    free(m.data);
    free(more->data);
    *more = (message){0};
    *err = (arc_error){0};
    const arc_status st = arc_onnx_parse(out, &arc_alloc_libc, own, m.bytes, "hostile", err);
    arc_graph_free(out); /* no test looks at the weights */
    free(own);
    return st;
}

static void refused(int opset, message *graph, message *more, arc_status st, const char *text) {
    arc_graph *g;
    arc_error err;
    const arc_status got = load(&g, opset, graph, more, &err);
    if (got != st || !strstr(err.text, text))
        fail_msg("status %d, '%s' instead of %d, '%s'", (int)got, err.text, (int)st, text);
}

static void taken(int opset, message *graph, message *more) {
    arc_graph *g;
    arc_error err;
    if (load(&g, opset, graph, more, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

/* ---- legacy.c ---- */

/* PRelu's slope [4] in opset 8 asks what stands before it. */
static void a_slope_behind_a_circle_or_a_long_chain_is_read(void **state) {
    static const int64_t slope[1] = {4}, kernel[4] = {4, 3, 1, 1};
    message more = {0};
    (void)state;
    message g = begin_graph();
    put_floats(&g, "s", 1, slope);
    put_node(&g, NODE, "Add", "b x", "a");
    put_node(&g, NODE, "Add", "a x", "b");
    put_node(&g, NODE, "PRelu", "a s", "y");
    refused(8, &g, &more, ARC_EFORMAT, "cycle");
    g = begin_graph();
    put_floats(&g, "s", 1, slope);
    put_floats(&g, "w", 4, kernel);
    put_node(&g, NODE, "Conv", "x w", "n0");
    for (int i = 0; i < 100000; i++) {
        char in[32], out[16];
        snprintf(in, sizeof in, "n%d x", i);
        snprintf(out, sizeof out, "n%d", i + 1);
        put_node(&g, NODE, "Add", in, out);
    }
    put_node(&g, NODE, "PRelu", "n100000 s", "y");
    taken(8, &g, &more);
}

/* ---- known.c, inline.c ---- */

/* An If of x and the condition, whose branches are Relu and Neg. */
static void put_if(message *graph, const char *condition, const char *output) {
    static const char *const op[] = {"Relu", "Neg"}, *const name[] = {"then_branch", "else_branch"};
    message n = make_node("If", condition, output);
    for (int i = 0; i < 2; i++) {
        message branch = {0};
        put_node(&branch, NODE, op[i], "x", "r");
        put_value(&branch, OUTPUT, "r");
        put_graph_attribute(&n, name[i], &branch);
    }
    put_message(graph, NODE, &n);
}

/* A sum of a value with itself, twenty times, has a million paths; two hundred conditions ask for it. */
static void conditions_of_endless_paths_are_not_followed(void **state) {
    static const int64_t one = 1, large = 1 << 20;
    message more = {0};
    (void)state;
    for (int asked = 1; asked <= 200; asked += 199) {
        message g = begin_graph();
        put_integers(&g, "n0", 0, 1, &one);
        put_integers(&g, "large", 0, 1, &large);
        for (int i = 0; i < 20; i++) {
            char in[32], out[16];
            snprintf(in, sizeof in, "n%d n%d", i, i);
            snprintf(out, sizeof out, "n%d", i + 1);
            put_node(&g, NODE, "Add", in, out);
        }
        put_node(&g, NODE, "Equal", "n20 large", "yes");
        for (int i = 1; i < asked; i++) {
            char out[16];
            snprintf(out, sizeof out, "y%d", i);
            put_if(&g, "yes", out);
        }
        put_if(&g, "yes", "y");
        if (asked == 1)
            taken(13, &g, &more);
        else
            refused(13, &g, &more, ARC_EUNSUPPORTED, "decides by what is in the picture");
    }
}

/* A function own.F from a to b. */
static message begin_function(void) {
    message f = {0};
    put_text(&f, F_NAME, "F");
    put_text(&f, F_DOMAIN, "own");
    put_text(&f, F_INPUT, "a");
    put_text(&f, F_OUTPUT, "b");
    return f;
}

/* Calls it so many times, one behind the other. */
static message call_often(int times) {
    message g = begin_graph();
    for (int i = 0; i < times; i++) {
        char in[16] = "x", out[16] = "y";
        if (i > 0)
            snprintf(in, sizeof in, "n%d", i);
        if (i + 1 < times)
            snprintf(out, sizeof out, "n%d", i + 1);
        message n = make_node("F", in, out);
        put_text(&n, 7, "own");
        put_message(&g, NODE, &n);
    }
    return g;
}

/* A function of 64 KiB that is called 500 times holds 32 MiB of numbers as varints, 256 MiB when they are decoded. */
static void a_small_file_does_not_become_a_huge_model(void **state) {
    enum { NUMBERS = 1 << 16 };
    message more = {0};
    (void)state;
    for (int times = 1; times <= 500; times += 499) {
        message f = begin_function(), tensor = {0}, a = {0}, n = make_node("Constant", "", "c");
        uint8_t *zeros = calloc(NUMBERS, 1);
        put_number(&tensor, 1, NUMBERS);
        put_number(&tensor, 2, INT64);
        put_bytes(&tensor, 7, zeros, NUMBERS);
        put_text(&a, 1, "value");
        put_message(&a, 5, &tensor);
        put_number(&a, 20, 4);
        put_message(&n, 5, &a);
        put_message(&f, F_NODE, &n);
        put_node(&f, F_NODE, "Relu", "a", "b");
        put_message(&more, FUNCTION, &f);
        message g = call_often(times);
        if (times == 1)
            taken(13, &g, &more);
        else
            refused(13, &g, &more, ARC_ELIMIT, "times as large as the model");
        free(zeros);
    }
}

static void bodies_are_written_out_within_a_bound(void **state) {
    enum { DOC = 1 << 20 };
    message more = {0}, f = begin_function();
    (void)state;
    uint8_t *doc = calloc(DOC, 1);
    put_node(&f, F_NODE, "Relu", "a", "b");
    put_bytes(&f, F_DOC, doc, DOC);
    put_message(&more, FUNCTION, &f);
    message g = call_often(5000);
    refused(13, &g, &more, ARC_ELIMIT, "written out they are more than");
    f = begin_function();
    message n = make_node("F", "a", "b");
    put_text(&n, 7, "own");
    put_message(&f, F_NODE, &n); /* itself */
    put_message(&more, FUNCTION, &f);
    g = call_often(1);
    refused(13, &g, &more, ARC_ELIMIT, "more than 16 deep");
    free(doc);
}

static void attributes_are_not_endless(void **state) {
    message more = {0};
    (void)state;
    for (int count = 256; count <= 257; count++) {
        message g = begin_graph(), n = make_node("Relu", "x", "y");
        for (int i = 0; i < count; i++) {
            char name[16];
            snprintf(name, sizeof name, "a%d", i);
            put_int_attribute(&n, name, i);
        }
        put_message(&g, NODE, &n);
        if (count == 256)
            taken(13, &g, &more);
        else
            refused(13, &g, &more, ARC_ELIMIT, "attributes");
    }
    message f = begin_function();
    for (int i = 0; i < 257; i++) {
        message a = {0};
        put_text(&a, 1, "same");
        put_message(&f, 11, &a);
    }
    put_message(&more, FUNCTION, &f);
    message g = call_often(1);
    refused(13, &g, &more, ARC_ELIMIT, "attributes");
}

/* A branch whose last field is cut off: what is left of it is no branch. */
static void a_cut_branch_is_damage(void **state) {
    static const int64_t one = 1;
    message more = {0}, g = begin_graph(), branch = {0}, n = make_node("If", "yes", "y");
    (void)state;
    put_integers(&g, "yes", 0, 1, &one);
    put_node(&branch, NODE, "Relu", "x", "r");
    put_value(&branch, OUTPUT, "r");
    put_varint(&branch, NODE << 3 | 2);
    put_varint(&branch, 100);
    put_graph_attribute(&n, "then_branch", &branch);
    put_message(&g, NODE, &n);
    refused(13, &g, &more, ARC_ECORRUPT, "malformed body");
}

/* What is no list is not taken for one: rows that are summed, and as many copies as only the run can tell. */
static void conditions_of_rows_and_copies_are_not_known(void **state) {
    static const int64_t numbers[] = {1, 2, 3, 4}, square[] = {2, 2}, first = 0, second = 1, ten = 10, seven = 7, three = 3;
    message more = {0};
    (void)state;
    message g = begin_graph();
    put_integers(&g, "numbers", 1, 4, numbers);
    put_integers(&g, "square", 1, 2, square);
    put_integers(&g, "first", 0, 1, &first);
    put_integers(&g, "ten", 0, 1, &ten);
    put_node(&g, NODE, "Reshape", "numbers square", "rows");
    put_node(&g, NODE, "ReduceSum", "rows", "sum");
    put_node(&g, NODE, "Gather", "sum first", "number");
    put_node(&g, NODE, "Equal", "number ten", "yes");
    put_if(&g, "yes", "y");
    refused(13, &g, &more, ARC_EUNSUPPORTED, "decides by what is in the picture");
    g = begin_graph();
    put_integers(&g, "one", 1, 1, numbers);
    put_integers(&g, "three", 1, 1, &three);
    put_integers(&g, "seven", 1, 1, &seven);
    put_integers(&g, "second", 0, 1, &second);
    put_node(&g, NODE, "Tile", "one three", "ones");
    put_node(&g, NODE, "Concat", "ones seven", "list");
    put_node(&g, NODE, "Gather", "list second", "number");
    put_node(&g, NODE, "Equal", "number seven", "yes");
    put_if(&g, "yes", "y");
    refused(13, &g, &more, ARC_EUNSUPPORTED, "decides by what is in the picture");
}

/* Adds a Scan of `inputs`, the last `scanned` of which are scanned; its body has as many inputs as `body` names. */
static void put_scan(message *graph, const char *inputs, int64_t scanned, const char *body) {
    message n = make_node("Scan", inputs, "y"), turn = {0};
    for (const char *at = body; *at; at += strcspn(at, " "), at += *at == ' ') {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " "), at);
        put_value(&turn, INPUT, name);
    }
    put_node(&turn, NODE, "Relu", "a", "r");
    put_value(&turn, OUTPUT, "r");
    put_graph_attribute(&n, "body", &turn);
    put_int_attribute(&n, "num_scan_inputs", scanned);
    put_message(graph, NODE, &n);
}

static void scans_are_bounded_and_fit_their_body(void **state) {
    static const int64_t short_list[] = {5, 2}, long_list[] = {1024, 1};
    static const struct {
        const char *inputs, *body, *text;
        int64_t scanned;
        int opset;
        arc_status st;
    } cases[] = {{"short", "a", "differ in their inputs or outputs", -1, 13, ARC_EFORMAT},
                 {"short", "a", "differ in their inputs or outputs", INT64_MAX, 13, ARC_EFORMAT},
                 {"short", "a", "differ in their inputs or outputs", 2, 13, ARC_EFORMAT},
                 {"short", "a b", "differ in their inputs or outputs", 1, 13, ARC_EFORMAT},
                 {"short long", "a b", "scanned inputs of 5 and 1024 slices", 2, 13, ARC_EFORMAT},
                 {"x", "a", "length of scanned input 0 is not known", 1, 13, ARC_EUNSUPPORTED},
                 {"", "a", "differ in their inputs or outputs", 1, 13, ARC_EFORMAT},
                 {"short", "a", "opset 8 scans each picture", 1, 8, ARC_EUNSUPPORTED}};
    message more = {0};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        message g = begin_graph();
        put_floats(&g, "short", 2, short_list);
        put_floats(&g, "long", 2, long_list);
        put_scan(&g, cases[i].inputs, cases[i].scanned, cases[i].body);
        refused(cases[i].opset, &g, &more, cases[i].st, cases[i].text);
    }
    message g = begin_graph();
    put_floats(&g, "short", 2, short_list);
    put_scan(&g, "short", 1, "a");
    taken(13, &g, &more);
    g = begin_graph();
    put_floats(&g, "long", 2, long_list);
    for (int i = 0; i < 20; i++)
        put_scan(&g, "long", 1, "a");
    refused(13, &g, &more, ARC_ELIMIT, "written out they are more than");
}

/* Squeeze names its axes in an attribute before opset 13, in an input from then on. */
static void functions_of_another_opset_mean_the_same(void **state) {
    message more = {0};
    (void)state;
    for (int squeezes = 0; squeezes < 2; squeezes++) {
        message f = begin_function(), set = {0};
        put_node(&f, F_NODE, squeezes ? "Squeeze" : "Relu", "a", "b");
        put_number(&set, 2, 11);
        put_message(&f, 9, &set);
        put_message(&more, FUNCTION, &f);
        message g = call_often(1);
        if (squeezes)
            refused(13, &g, &more, ARC_EUNSUPPORTED, "means something else in the model's opset 13");
        else
            taken(13, &g, &more);
    }
}

/* Types that ONNX has and the library not, declared of an input. */
static void other_types_are_refused_by_name(void **state) {
    static const char *const name[] = {
        [8] = "text", [17] = "float8e4m3fn", [19] = "float8e5m2", [22] = "int4", [23] = "float4e2m1"};
    message more = {0};
    (void)state;
    for (uint64_t kind = 0; kind < ARC_COUNT(name); kind++) {
        message g = {0}, info = {0}, type = {0}, tensor = {0};
        if (!name[kind])
            continue;
        put_number(&tensor, 1, kind);
        put_message(&type, 1, &tensor);
        put_text(&info, 1, "x");
        put_message(&info, 2, &type);
        put_message(&g, INPUT, &info);
        put_value(&g, OUTPUT, "y");
        put_node(&g, NODE, "Identity", "x", "y");
        char wanted[80];
        snprintf(wanted, sizeof wanted, "input 'x' has element type %s, which is not supported", name[kind]);
        refused(13, &g, &more, ARC_EUNSUPPORTED, wanted);
    }
}

/* ---- external.c ---- */

static void put_pair(message *tensor, const char *key, const char *value) {
    message pair = {0};
    put_text(&pair, 1, key);
    put_text(&pair, 2, value);
    put_message(tensor, 13, &pair);
}

/* A model y = x + w; w are the two floats from byte `offset` of a file. */
static void write_model_beside(const char *name, const char *location, const char *offset) {
    message m = {0}, set = {0}, w = {0}, g = begin_graph();
    put_number(&w, 1, 2);
    put_number(&w, 2, F32);
    put_text(&w, 8, "w");
    put_pair(&w, "location", location);
    put_pair(&w, "offset", offset);
    put_pair(&w, "length", "8");
    put_number(&w, 14, 1);
    put_message(&g, INITIALIZER, &w);
    put_node(&g, NODE, "Add", "x w", "y");
    put_number(&m, 1, 8);
    put_number(&set, 2, 13);
    put_message(&m, OPSET, &set);
    put_message(&m, GRAPH, &g);
    FILE *f = fopen(in_folder(name), "wb");
    assert_true(f && fwrite(m.data, 1, m.bytes, f) == m.bytes && fclose(f) == 0);
    free(m.data);
}

static void weights_beside_a_model_are_read_where_they_lie(void **state) {
    static const float numbers[] = {1, 2, 3, 4};
    static const struct {
        const char *location, *offset;
        arc_status st;
    } cases[] = {
        {"w.bin", "8", ARC_OK},           {"w.bin", "12", ARC_ECORRUPT},       {"w.bin", "18446744073709551608", ARC_EFORMAT},
        {"none.bin", "0", ARC_ENOTFOUND}, {"../w.bin", "0", ARC_EFORMAT},      {"out.bin", "0", ARC_EFORMAT},
        {"w.bin", "-8", ARC_EFORMAT},     {"models/w.bin", "0", ARC_ENOTFOUND}};
    (void)state;
    assert_int_equal(mkdir(in_folder("models"), 0700), 0);
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(in_folder(i ? "w.bin" : "models/w.bin"), "wb");
        assert_true(f && fwrite(numbers, 1, sizeof numbers, f) == sizeof numbers && fclose(f) == 0);
    }
    assert_int_equal(symlink("../w.bin", in_folder("models/out.bin")), 0);
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        arc_graph *g;
        arc_error err = {0};
        write_model_beside("models/m.onnx", cases[i].location, cases[i].offset);
        const arc_status st = arc_onnx_load(&g, &arc_alloc_libc, in_folder("models/m.onnx"), &err);
        if (st != cases[i].st)
            fail_msg("%s from %s: status %d, '%s'", cases[i].location, cases[i].offset, (int)st, err.text);
        if (st == ARC_OK)
            assert_memory_equal(g->value[arc_graph_find(g, "w")].data, numbers + 2, 8);
        arc_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slope_behind_a_circle_or_a_long_chain_is_read),
        cmocka_unit_test(conditions_of_endless_paths_are_not_followed),
        cmocka_unit_test(conditions_of_rows_and_copies_are_not_known),
        cmocka_unit_test(a_small_file_does_not_become_a_huge_model),
        cmocka_unit_test(bodies_are_written_out_within_a_bound),
        cmocka_unit_test(attributes_are_not_endless),
        cmocka_unit_test(a_cut_branch_is_damage),
        cmocka_unit_test(other_types_are_refused_by_name),
        cmocka_unit_test(functions_of_another_opset_mean_the_same),
        cmocka_unit_test(weights_beside_a_model_are_read_where_they_lie),
        cmocka_unit_test(scans_are_bounded_and_fit_their_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
