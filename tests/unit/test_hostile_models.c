/* ONNX files that nobody exports: circles, chains, bodies and numbers that would take a reader beyond all bounds of time or
 * memory, or past what it knows. Written here field by field, as protobuf has them. */
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

enum { F32 = 1 };                                            /* TensorProto.DataType */
enum { NODE = 1, INITIALIZER = 5, INPUT = 11, OUTPUT = 12 }; /* GraphProto */
enum { GRAPH = 7, OPSET = 8 };                               /* ModelProto */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slope_behind_a_circle_or_a_long_chain_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
