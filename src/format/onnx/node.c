/* Reading a NodeProto: its attributes, its inputs and outputs by name. A node that calls a function of the model's own, or has a
 * body that can be written out, is replaced by that body (inline.c). Operators of other domains are called "domain.Operator". */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
#include <string.h>

typedef struct attr_scan {
    char name[ARC_ONNX_MAX_NAME + 1], ref[ARC_ONNX_MAX_NAME + 1]; /* ref: the attribute of the calling node that is meant */
    uint64_t type, i;
    uint32_t f;
    arc_pb_field s, t;
    size_t ints, floats;
    bool has_f, has_i, has_s, has_t, other; /* other: graphs, sparse tensors, lists of strings or tensors */
} attr_scan;

/* AttributeProto: 1 name, 2 f, 3 i, 4 s, 5 t, 6 g, 7 floats, 8 ints, 9 strings, 10 tensors, 11 graphs, 20 type, 21
 * ref_attr_name. */
static bool scan_attr(arc_pb *m, attr_scan *a) {
    arc_pb_field f;
    memset(a, 0, sizeof *a);
    while (arc_pb_next(m, &f)) {
        switch (f.number) {
        case 1:
            if (!arc_onnx_text(&f, a->name))
                return false;
            break;
        case 2:
            a->has_f = f.wire == ARC_PB_FIXED32;
            a->f = (uint32_t)f.value;
            break;
        case 3:
            a->has_i = f.wire == ARC_PB_VARINT;
            a->i = f.value;
            break;
        case 4:
            a->has_s = f.wire == ARC_PB_BYTES;
            a->s = f;
            break;
        case 5:
            a->has_t = f.wire == ARC_PB_BYTES;
            a->t = f;
            break;
        case 7:
            arc_pb_count(m, &f, ARC_PB_FIXED32, &a->floats);
            break;
        case 8:
            arc_pb_count(m, &f, ARC_PB_VARINT, &a->ints);
            break;
        case 6:
        case 9:
        case 10:
        case 11:
        case 22:
        case 23:
            a->other = true;
            break;
        case 21:
            if (!arc_onnx_text(&f, a->ref))
                return false;
            break;
        case 20:
            a->type = f.value;
            break;
        default:
            break;
        }
    }
    return !m->bad && a->name[0];
}

typedef struct list_sink {
    int64_t *ints;
    float *floats;
} list_sink;

static void put_element(void *arg, size_t i, uint64_t bits) {
    const list_sink *to = arg;
    const uint32_t low = (uint32_t)bits;
    if (to->ints)
        to->ints[i] = (int64_t)bits;
    else
        memcpy(&to->floats[i], &low, sizeof low);
}

static arc_status read_list(arc_onnx_reader *r, arc_node *n, const attr_scan *a, arc_pb m) {
    const bool ints = a->ints > 0 || a->type == 7;
    const size_t count = ints ? a->ints : a->floats;
    if (count > ARC_ONNX_MAX_LIST)
        return arc_fail(r->err, ARC_ELIMIT, "%s: attribute '%.100s' has %zu elements", r->where, a->name, count);
    list_sink to = {0};
    void *list = arc_arena_new(&r->g->arena, count + 1, ints ? sizeof(int64_t) : sizeof(float));
    if (!list)
        return arc_onnx_no_memory(r);
    to.ints = ints ? list : NULL;
    to.floats = ints ? NULL : list;
    arc_pb_field f;
    size_t at = 0;
    while (arc_pb_next(&m, &f))
        if (f.number == (ints ? 8u : 7u))
            arc_pb_each(&f, ints ? ARC_PB_VARINT : ARC_PB_FIXED32, &at, put_element, &to);
    const arc_status st =
        ints ? arc_node_ints(r->g, n, a->name, count, to.ints) : arc_node_floats(r->g, n, a->name, count, to.floats);
    return st == ARC_OK ? st : arc_onnx_no_memory(r);
}

static arc_status read_tensor_attr(arc_onnx_reader *r, arc_node *n, const attr_scan *a) {
    char *name = arc_arena_printf(&r->g->arena, "%.200s.%.100s#%d", n->name, a->name, r->g->values);
    arc_pb message;
    int value;
    if (!name)
        return arc_onnx_no_memory(r);
    arc_pb_init(&message, a->t.data, a->t.bytes);
    const arc_status st = arc_onnx_read_constant(r, &message, name, r->where, &value);
    if (st != ARC_OK)
        return st;
    return arc_node_tensor(r->g, n, a->name, value) == ARC_OK ? ARC_OK : arc_onnx_no_memory(r);
}

static const arc_pb *find_attr(const arc_onnx_attrs *list, const char *name) {
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->name[i], name) == 0)
            return &list->body[i];
    return NULL;
}

static arc_status read_attr(arc_onnx_reader *r, arc_node *n, arc_pb m, const char *rename, int depth);

/* An attribute of a function's body that stands for one of the call; left out where the call and the function's defaults have
 * none. */
static arc_status read_referred(arc_onnx_reader *r, arc_node *n, const attr_scan *a, const char *rename, int depth) {
    arc_onnx_scope *scope = r->scope, *inner = r->scope;
    while (scope && !scope->function)
        scope = scope->outer;
    if (!scope || depth > ARC_ONNX_MAX_DEPTH)
        return arc_fail(r->err, ARC_EFORMAT, "%s: attribute '%.100s' stands for '%.100s' of a call that is not there", r->where,
                        a->name, a->ref);
    const arc_pb *given = find_attr(&scope->given, a->ref),
                 *found = given ? given : find_attr(&scope->function->defaults, a->ref);
    if (given)
        r->scope = scope->outer;
    const arc_status st = found ? read_attr(r, n, *found, rename ? rename : a->name, depth + 1) : ARC_OK;
    r->scope = inner;
    return st;
}

static arc_status read_attr(arc_onnx_reader *r, arc_node *n, arc_pb m, const char *rename, int depth) {
    attr_scan a;
    const arc_pb whole = m;
    if (!scan_attr(&m, &a))
        return arc_onnx_malformed(r, &m, "attribute");
    if (a.ref[0])
        return read_referred(r, n, &a, rename, depth);
    if (rename)
        snprintf(a.name, sizeof a.name, "%s", rename);
    if (a.other)
        return arc_fail(r->err, ARC_EUNSUPPORTED,
                        "%s (opset %d): attribute '%.100s' is a graph or a list of texts, which is not supported", r->where,
                        r->g->opset, a.name);
    arc_status st = ARC_OK;
    if (a.ints || a.floats || a.type == 6 || a.type == 7)
        return read_list(r, n, &a, whole);
    if (a.has_t)
        return read_tensor_attr(r, n, &a);
    if (a.has_s || a.type == 3) {
        if (a.s.bytes && !arc_onnx_text(&a.s, r->text))
            return arc_onnx_malformed(r, &m, "text attribute");
        if (!a.s.bytes)
            r->text[0] = 0;
        st = arc_node_string(r->g, n, a.name, r->text);
    } else if (a.has_f || a.type == 1) {
        float f;
        memcpy(&f, &a.f, sizeof f);
        st = arc_node_float(r->g, n, a.name, f);
    } else if (a.has_i || a.type == 2) { /* proto3 leaves zeros out: the type tells which zero it is */
        st = arc_node_int(r->g, n, a.name, (int64_t)a.i);
    }
    return st == ARC_OK ? st : arc_onnx_no_memory(r);
}

/* What a NodeProto says beside its attributes. */
typedef struct node_scan {
    char op[128], domain[128], overload[128], name[ARC_ONNX_MAX_NAME + 1];
    int inputs, outputs;
} node_scan;

static arc_status add_io(arc_onnx_reader *r, node_scan *n, uint32_t field) {
    int *count = field == 1 ? &n->inputs : &n->outputs, *list = field == 1 ? r->input : r->output;
    if (*count == ARC_MAX_NODE_IO)
        return arc_fail(r->err, ARC_ELIMIT, "%s: a node has more than %d inputs or outputs", r->file, ARC_MAX_NODE_IO);
    const int value = !r->text[0] ? ARC_ONNX_OMITTED : field == 1 ? arc_onnx_reads(r, r->text) : arc_onnx_defines(r, r->text);
    if (value == ARC_ONNX_NO_MEMORY)
        return arc_onnx_no_memory(r);
    list[(*count)++] = value;
    return ARC_OK;
}

/* NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 6 doc_string, 7 domain, 8 overload. */
static arc_status scan_node(arc_onnx_reader *r, arc_pb m, node_scan *n) {
    arc_pb_field f;
    *n = (node_scan){.inputs = 0};
    while (arc_pb_next(&m, &f)) {
        if (f.number == 5 || f.number == 6 || f.number > 8)
            continue;
        if (!arc_onnx_text(&f, r->text))
            return arc_onnx_malformed(r, &m, "node");
        if (f.number == 1 || f.number == 2) {
            const arc_status st = add_io(r, n, f.number);
            if (st != ARC_OK)
                return st;
        } else if (f.number == 3) {
            snprintf(n->name, sizeof n->name, "%s", r->text);
        } else {
            char *to = f.number == 4 ? n->op : f.number == 7 ? n->domain : n->overload;
            snprintf(to, sizeof n->op, "%.127s", r->text);
        }
    }
    if (m.bad || !n->op[0])
        return arc_onnx_malformed(r, &m, "node");
    if (strcmp(n->domain, "ai.onnx") == 0)
        n->domain[0] = 0;
    return ARC_OK;
}

/* Functions, branches and loops: their bodies take the node's place. *done: it was one of them. */
static arc_status write_out(arc_onnx_reader *r, const node_scan *n, const arc_pb *message, bool *done) {
    const arc_onnx_function *f = arc_onnx_find_function(r, n->domain, n->op, n->overload);
    const bool standard = !f && !n->domain[0], branch = standard && strcmp(n->op, "If") == 0;
    const bool loop = standard && strcmp(n->op, "Loop") == 0, scan = standard && strcmp(n->op, "Scan") == 0;
    *done = f || branch || loop || scan;
    if (!*done)
        return ARC_OK;
    const size_t count = (size_t)n->inputs + (size_t)n->outputs;
    int *own = arc_mem_new(r->g->alloc, count + 1, sizeof *own); /* r->input is used again inside */
    if (!own)
        return arc_onnx_no_memory(r);
    memcpy(own, r->input, (size_t)n->inputs * sizeof *own);
    memcpy(own + n->inputs, r->output, (size_t)n->outputs * sizeof *own);
    const arc_onnx_call call = {message, n->name[0] ? n->name : n->op, own, own + n->inputs, n->inputs, n->outputs};
    const arc_status st = f        ? arc_onnx_inline_function(r, &call, f)
                          : branch ? arc_onnx_inline_if(r, &call)
                          : loop   ? arc_onnx_inline_loop(r, &call)
                                   : arc_onnx_inline_scan(r, &call);
    arc_mem_free(r->g->alloc, own);
    return st;
}

static arc_status read_attributes(arc_onnx_reader *r, arc_node *n, arc_pb m) {
    arc_pb_field f;
    arc_pb attr;
    arc_status st = ARC_OK;
    int count = 0;
    while (st == ARC_OK && arc_pb_next(&m, &f))
        if (f.number == 5) {
            if (++count > ARC_ONNX_MAX_ATTRS)
                return arc_fail(r->err, ARC_ELIMIT, "%s has more than %d attributes", r->where, ARC_ONNX_MAX_ATTRS);
            if (!arc_pb_enter(&m, &f, &attr))
                return arc_onnx_malformed(r, &m, "node");
            st = read_attr(r, n, attr, NULL, 0);
        }
    return st;
}

arc_status arc_onnx_read_node(arc_onnx_reader *r, const arc_pb *message) {
    node_scan n;
    char op[260];
    bool done = false;
    arc_status st = scan_node(r, *message, &n);
    if (st == ARC_OK)
        st = write_out(r, &n, message, &done);
    if (st != ARC_OK || done)
        return st;
    snprintf(op, sizeof op, "%s%s%s", n.domain, n.domain[0] ? "." : "", n.op);
    arc_node *node = arc_graph_node(r->g, op, n.name, n.inputs, r->input, n.outputs, r->output);
    if (!node)
        return arc_onnx_no_memory(r);
    arc_onnx_claim(r->g, r->g->nodes - 1);
    snprintf(r->where, sizeof r->where, "%.200s: %.100s '%.150s'", r->file, op, n.name);
    return read_attributes(r, node, *message);
}
