/* Bodies that are written out once for each turn when a model is read: Loop whose number of turns is known, Scan over inputs
 * whose length is declared. */
#include "format/onnx/onnx_internal.h"
#include <string.h>

/* Loop: in holds turn, condition, carried values; out condition, carried values, rows that the turns leave. Scan: in holds
 * carried values and one slice of each scanned input; out carried values, rows. */
typedef struct loop {
    arc_pb body;
    int carried, rows;
    int *in, *out, *row;
} loop;

static arc_status new_lists(arc_onnx_reader *r, loop *l, int inputs, int outputs) {
    l->in = arc_mem_new(r->g->alloc, (size_t)inputs + 1, sizeof *l->in);
    l->out = arc_mem_new(r->g->alloc, (size_t)outputs + 1, sizeof *l->out);
    l->row = arc_mem_new(r->g->alloc, (size_t)l->rows + 1, sizeof *l->row);
    for (int i = 0; l->row && i < l->rows; i++)
        l->row[i] = ARC_NO_VALUE;
    return l->in && l->out && l->row ? ARC_OK : arc_onnx_no_memory(r);
}

static void free_lists(arc_onnx_reader *r, loop *l) {
    arc_mem_free(r->g->alloc, l->in);
    arc_mem_free(r->g->alloc, l->out);
    arc_mem_free(r->g->alloc, l->row);
}

static int small_constant(arc_onnx_reader *r, const char *what, arc_dtype t, int rank, int64_t v) {
    char *name = arc_arena_printf(&r->g->arena, "%s#%d.%d", what, r->bodies, r->g->values);
    const arc_shape shape = {rank, {1}};
    const uint8_t truth = v != 0;
    return name ? arc_graph_constant(r->g, name, t, &shape, t == ARC_BOOL ? (const void *)&truth : &v, true) : ARC_NO_VALUE;
}

/* Row `v` of one turn, along a new axis, behind those of the turns before or in front of them. */
static arc_status add_row(arc_onnx_reader *r, int *rows, int v, int64_t axis, bool in_front) {
    const bool listed = r->g->opset < 13;
    const int axes = listed ? ARC_NO_VALUE : small_constant(r, "axis", ARC_I64, 1, axis), in[2] = {v, axes};
    const int own = small_constant(r, "row", ARC_I64, 0, 0); /* a name that nothing else has */
    char *name = own >= 0 ? arc_arena_printf(&r->g->arena, "%s.row", r->g->value[own].name) : NULL;
    const int row = name ? arc_graph_value(r->g, name) : ARC_NO_VALUE;
    arc_node *n;
    if (row < 0 || (!listed && axes < 0))
        return arc_onnx_no_memory(r);
    arc_status st = arc_onnx_add_node(r, "Unsqueeze", listed ? 1 : 2, in, row, &n);
    if (st == ARC_OK && listed)
        st = arc_node_ints(r->g, n, "axes", 1, &axis);
    if (st != ARC_OK || *rows < 0) {
        *rows = row;
        return st;
    }
    char *joined = arc_arena_printf(&r->g->arena, "%s.joined", name);
    const int both = joined ? arc_graph_value(r->g, joined) : ARC_NO_VALUE,
              pair[2] = {in_front ? row : *rows, in_front ? *rows : row};
    if (both < 0)
        return arc_onnx_no_memory(r);
    *rows = both;
    st = arc_onnx_add_node(r, "Concat", 2, pair, both, &n);
    return st == ARC_OK && arc_node_int(r->g, n, "axis", axis) != ARC_OK ? arc_onnx_no_memory(r) : st;
}

/* ---- Loop ---- */

static arc_status refuse_loop(arc_onnx_reader *r, const arc_onnx_call *call) {
    return arc_fail(
        r->err, ARC_EUNSUPPORTED,
        "%s: Loop '%.150s': how often it turns is not known when the model is opened, which is needed; export the model with "
        "fixed sizes, or simplify it",
        r->file, call->name);
}

static arc_status turn(arc_onnx_reader *r, const arc_onnx_call *call, loop *l, int64_t i, bool *go_on) {
    l->in[0] = small_constant(r, "turn", ARC_I64, 0, i);
    l->in[1] = small_constant(r, "condition", ARC_BOOL, 0, 1);
    if (l->in[0] < 0 || l->in[1] < 0)
        return arc_onnx_no_memory(r);
    arc_status st = arc_onnx_write_body(r, call, &l->body, 2 + l->carried, l->in, l->out);
    if (st != ARC_OK)
        return st;
    const arc_onnx_known condition = arc_onnx_known_of(r, l->out[0]);
    if (!arc_onnx_is_known(&condition))
        return refuse_loop(r, call);
    *go_on = condition.value[0] != 0;
    memcpy(l->in + 2, l->out + 1, (size_t)l->carried * sizeof *l->in);
    for (int k = 0; st == ARC_OK && k < l->rows; k++)
        st = add_row(r, &l->row[k], l->out[1 + l->carried + k], 0, false);
    return st;
}

static arc_status run_loop(arc_onnx_reader *r, const arc_onnx_call *call, loop *l) {
    const bool counted = call->input[0] >= 0, guarded = call->input[1] >= 0;
    const arc_onnx_known turns = arc_onnx_known_of(r, call->input[0]), condition = arc_onnx_known_of(r, call->input[1]);
    arc_status st = ARC_OK;
    if ((counted && !arc_onnx_is_known(&turns)) || (guarded && !arc_onnx_is_known(&condition)) || (!counted && !guarded))
        return refuse_loop(r, call);
    bool go_on = !guarded || condition.value[0];
    memcpy(l->in + 2, call->input + 2, (size_t)l->carried * sizeof *l->in);
    for (int64_t i = 0; go_on && (!counted || i < turns.value[0]); i++)
        ARC_TRY(turn(r, call, l, i, &go_on));
    for (int i = 0; i < l->carried; i++)
        ARC_TRY(arc_onnx_connect(r, call, i, l->in[2 + i]));
    for (int i = 0; i < l->rows; i++) {
        if (l->row[i] < 0)
            return arc_fail(r->err, ARC_EUNSUPPORTED, "%s: Loop '%.150s' never turns", r->file, call->name);
        ARC_TRY(arc_onnx_connect(r, call, l->carried + i, l->row[i]));
    }
done:
    return st;
}

arc_status arc_onnx_inline_loop(arc_onnx_reader *r, const arc_onnx_call *call) {
    loop l = {.carried = call->inputs - 2};
    const bool found = arc_onnx_find_body(*call->message, "body", &l.body);
    const int outputs = found ? arc_onnx_count_fields(l.body, 12) : 0;
    l.rows = outputs - 1 - l.carried;
    if (!found || l.carried < 0 || l.rows < 0 || arc_onnx_count_fields(l.body, 11) != 2 + l.carried)
        return arc_fail(r->err, ARC_EFORMAT, "%s: Loop '%.150s' and its body differ in their inputs or outputs", r->file,
                        call->name);
    arc_status st = new_lists(r, &l, 2 + l.carried, outputs);
    if (st == ARC_OK)
        st = run_loop(r, call, &l);
    free_lists(r, &l);
    return st;
}

/* ---- Scan: the body runs over slices of some inputs, which it is given one by one ----------------------------------- */

#define MAX_SCANNED 64

typedef struct scan {
    loop l;
    int scanned; /* inputs */
    int64_t axis[MAX_SCANNED], turns;
    int64_t backwards[MAX_SCANNED], row_axis[MAX_SCANNED], row_backwards[MAX_SCANNED];
} scan;

typedef struct list_sink {
    int64_t *to;
} list_sink;

static void put_int(void *arg, size_t i, uint64_t bits) {
    const list_sink *sink = arg;
    if (i < MAX_SCANNED)
        sink->to[i] = (int64_t)bits;
}

/* AttributeProto: 1 name, 3 i, 8 ints. An absent list leaves zeros; false: it has another length. */
static bool read_numbers(arc_pb node, const char *name, size_t count, int64_t *to) {
    arc_pb_field f, g;
    arc_pb attr;
    char text[ARC_ONNX_MAX_NAME + 1];
    while (arc_pb_next(&node, &f)) {
        int64_t own[MAX_SCANNED] = {0};
        list_sink sink = {own};
        size_t at = 0;
        bool named = false;
        if (f.number != 5 || !arc_pb_enter(&node, &f, &attr))
            continue;
        while (arc_pb_next(&attr, &g)) {
            named |= g.number == 1 && arc_onnx_text(&g, text) && strcmp(text, name) == 0;
            if (g.number == 3 && g.wire == ARC_PB_VARINT)
                put_int(&sink, at++, g.value);
            else if (g.number == 8)
                arc_pb_each(&g, ARC_PB_VARINT, &at, put_int, &sink);
        }
        if (!named)
            continue;
        memcpy(to, own, count * sizeof *own);
        return at == count;
    }
    return true;
}

/* The number of turns: the length of every scanned input along its axis. */
static arc_status measure(arc_onnx_reader *r, const arc_onnx_call *call, scan *s) {
    s->turns = -1;
    if (!r->shapes_read)
        arc_onnx_read_shapes(r);
    for (int i = 0; i < s->scanned; i++) {
        const int v = call->input[s->l.carried + i];
        const arc_shape *shape = v >= 0 ? &r->g->value[v].shape : NULL;
        if (shape && shape->rank > 0 && s->axis[i] < 0)
            s->axis[i] += shape->rank;
        const bool inside = shape && s->axis[i] >= 0 && s->axis[i] < shape->rank;
        const int64_t length = inside ? shape->dim[s->axis[i]] : -1;
        if (length < 1)
            return arc_fail(r->err, ARC_EUNSUPPORTED,
                            "%s: Scan '%.150s': the length of scanned input %d is not known when the model is opened, which is "
                            "needed; export the model with fixed sizes, or simplify it",
                            r->file, call->name, i);
        if (s->turns >= 0 && length != s->turns)
            return arc_fail(r->err, ARC_EFORMAT, "%s: Scan '%.150s': scanned inputs of %lld and %lld slices", r->file, call->name,
                            (long long)s->turns, (long long)length);
        s->turns = length;
    }
    return ARC_OK;
}

/* Slice i of a value along an axis. */
static arc_status take_slice(arc_onnx_reader *r, int value, int64_t axis, int64_t i, int *slice) {
    const int index = small_constant(r, "slice", ARC_I64, 0, i), in[2] = {value, index};
    char *name = index >= 0 ? arc_arena_printf(&r->g->arena, "%s.slice", r->g->value[index].name) : NULL;
    arc_node *n;
    *slice = name ? arc_graph_value(r->g, name) : ARC_NO_VALUE;
    if (*slice < 0)
        return arc_onnx_no_memory(r);
    const arc_status st = arc_onnx_add_node(r, "Gather", 2, in, *slice, &n);
    return st == ARC_OK && arc_node_int(r->g, n, "axis", axis) != ARC_OK ? arc_onnx_no_memory(r) : st;
}

static arc_status run_scan(arc_onnx_reader *r, const arc_onnx_call *call, scan *s) {
    loop *l = &s->l;
    arc_status st = ARC_OK;
    memcpy(l->in, call->input, (size_t)l->carried * sizeof *l->in);
    for (int64_t turn = 0; turn < s->turns; turn++) {
        for (int i = 0; i < s->scanned; i++)
            ARC_TRY(take_slice(r, call->input[l->carried + i], s->axis[i], s->backwards[i] ? s->turns - 1 - turn : turn,
                               &l->in[l->carried + i]));
        ARC_TRY(arc_onnx_write_body(r, call, &l->body, l->carried + s->scanned, l->in, l->out));
        memcpy(l->in, l->out, (size_t)l->carried * sizeof *l->in);
        for (int k = 0; k < l->rows; k++)
            ARC_TRY(add_row(r, &l->row[k], l->out[l->carried + k], s->row_axis[k], s->row_backwards[k] != 0));
    }
    for (int i = 0; i < l->carried + l->rows; i++)
        ARC_TRY(arc_onnx_connect(r, call, i, i < l->carried ? l->in[i] : l->row[i - l->carried]));
done:
    return st;
}

arc_status arc_onnx_inline_scan(arc_onnx_reader *r, const arc_onnx_call *call) {
    scan s = {.scanned = 0};
    int64_t scanned = 0;
    if (r->g->opset < 9)
        return arc_fail(
            r->err, ARC_EUNSUPPORTED,
            "%s: Scan '%.150s' of opset %d scans each picture of a batch by itself, which is not supported; export it "
            "with opset 9 or later",
            r->file, call->name, r->g->opset);
    const bool found = arc_onnx_find_body(*call->message, "body", &s.l.body) &&
                       read_numbers(*call->message, "num_scan_inputs", 1, &scanned) && scanned >= 1 && scanned <= MAX_SCANNED &&
                       scanned <= call->inputs;
    s.scanned = found ? (int)scanned : 0;
    s.l.carried = call->inputs - s.scanned;
    const int outputs = found ? arc_onnx_count_fields(s.l.body, 12) : 0;
    s.l.rows = outputs - s.l.carried;
    if (!found || s.l.rows < 0 || s.l.rows > MAX_SCANNED || arc_onnx_count_fields(s.l.body, 11) != call->inputs ||
        !read_numbers(*call->message, "scan_input_axes", (size_t)s.scanned, s.axis) ||
        !read_numbers(*call->message, "scan_input_directions", (size_t)s.scanned, s.backwards) ||
        !read_numbers(*call->message, "scan_output_axes", (size_t)s.l.rows, s.row_axis) ||
        !read_numbers(*call->message, "scan_output_directions", (size_t)s.l.rows, s.row_backwards))
        return arc_fail(r->err, ARC_EFORMAT, "%s: Scan '%.150s' and its body differ in their inputs or outputs", r->file,
                        call->name);
    arc_status st = measure(r, call, &s);
    if (st == ARC_OK)
        st = new_lists(r, &s.l, call->inputs, outputs);
    if (st == ARC_OK)
        st = run_scan(r, call, &s);
    free_lists(r, &s.l);
    return st;
}
