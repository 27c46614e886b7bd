/* Bodies that take the place of their node when a model is read: functions of the model's own, the branch of an If whose
 * condition is known; turns.c does so with every turn of Loop and Scan. What remains is one flat graph, which passes and planner
 * know how to handle. */
#include "format/onnx/onnx_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- scopes ---- */

int arc_onnx_count_fields(arc_pb m, uint32_t number) {
    arc_pb_field f;
    int n = 0;
    while (arc_pb_next(&m, &f))
        n += f.number == number;
    return n;
}

/* inputs: the field number of the body's inputs. */
static arc_status open_scope(arc_onnx_reader *r, arc_onnx_scope *s, const arc_onnx_call *call, const arc_pb *body,
                             uint32_t inputs) {
    const int depth = r->scope ? r->scope->depth + 1 : 1;
    r->body_bytes += (size_t)(body->end - body->at);
    if (depth > ARC_ONNX_MAX_DEPTH || r->bodies == ARC_ONNX_MAX_BODIES || r->body_bytes > ARC_MAX_MODEL_BYTES)
        return arc_fail(r->err, ARC_ELIMIT,
                        "%s: '%.150s': functions, branches and loops lie more than %d deep, or written out they are more than %d "
                        "or %zu bytes",
                        r->file, call->name, ARC_ONNX_MAX_DEPTH, ARC_ONNX_MAX_BODIES, ARC_MAX_MODEL_BYTES);
    const int aliases = arc_onnx_count_fields(*body, inputs);
    *s = (arc_onnx_scope){.outer = r->scope, .depth = depth};
    s->prefix = arc_arena_printf(&r->g->arena, "%s%.100s#%d/", r->scope ? r->scope->prefix : "", call->name, r->bodies++);
    s->alias = arc_arena_new(&r->g->arena, (size_t)aliases + 1, sizeof *s->alias);
    s->alias_value = arc_arena_new(&r->g->arena, (size_t)aliases + 1, sizeof *s->alias_value);
    return s->prefix && s->alias && s->alias_value ? ARC_OK : arc_onnx_no_memory(r);
}

static arc_status add_alias(arc_onnx_reader *r, arc_onnx_scope *s, const char *name, int value) {
    s->alias[s->aliases] = arc_arena_strdup(&r->g->arena, name);
    s->alias_value[s->aliases] = value;
    return s->alias[s->aliases++] ? ARC_OK : arc_onnx_no_memory(r);
}

/* ---- functions ---- */

/* Operators whose inputs, attributes or meaning changed, and since when: a function of another opset may not hold them. */
static bool means_the_same(const char *op, int a, int b) {
    static const struct {
        const char *op;
        int since[4];
    } changed[] = {{"Squeeze", {13}},
                   {"Unsqueeze", {13}},
                   {"Split", {13, 18}},
                   {"ReduceSum", {13}},
                   {"Clip", {11}},
                   {"Slice", {10}},
                   {"Pad", {11, 18, 19}},
                   {"Resize", {10, 11, 13, 19}},
                   {"Dropout", {10, 12}},
                   {"TopK", {10, 11}},
                   {"Softmax", {13}},
                   {"LogSoftmax", {13}},
                   {"Upsample", {9, 10}},
                   {"Hardmax", {13}},
                   {"BatchNormalization", {9, 14}},
                   {"AveragePool", {11, 19}},
                   {"GroupNormalization", {21}}};
    for (size_t i = 0; i < ARC_COUNT(changed); i++)
        for (size_t k = 0; strcmp(changed[i].op, op) == 0 && k < 4 && changed[i].since[k]; k++)
            if ((a < changed[i].since[k]) != (b < changed[i].since[k]))
                return false;
    return strncmp(op, "Reduce", 6) != 0 || (a < 18) == (b < 18);
}

/* FunctionProto: 4 input, 5 output, 7 node. */
static arc_status check_versions(arc_onnx_reader *r, const arc_onnx_function *f) {
    arc_pb m = f->body, node;
    arc_pb_field field, inner;
    if (f->opset == 0 || f->opset == r->g->opset)
        return ARC_OK;
    while (arc_pb_next(&m, &field)) {
        if (field.number != 7 || !arc_pb_enter(&m, &field, &node))
            continue;
        while (arc_pb_next(&node, &inner))
            if (inner.number == 4 && arc_onnx_text(&inner, r->text) && !means_the_same(r->text, f->opset, r->g->opset))
                return arc_fail(r->err, ARC_EUNSUPPORTED,
                                "%s: function '%.100s' is of opset %d and holds %.60s, which means something else in the model's "
                                "opset %d; convert the model to one opset",
                                r->file, f->name, f->opset, r->text, r->g->opset);
    }
    return ARC_OK;
}

arc_status arc_onnx_inline_function(arc_onnx_reader *r, const arc_onnx_call *call, const arc_onnx_function *f) {
    arc_onnx_scope scope;
    arc_pb m = f->body, node;
    arc_pb_field field;
    int outputs = 0;
    arc_status st = open_scope(r, &scope, call, &f->body, 4);
    if (st == ARC_OK)
        st = check_versions(r, f);
    if (st == ARC_OK)
        st = arc_onnx_collect_attributes(r, *call->message, 5, &scope.given);
    if (st != ARC_OK)
        return st;
    scope.function = f;
    for (m = f->body; st == ARC_OK && arc_pb_next(&m, &field);)
        if (field.number == 4)
            st =
                !arc_onnx_text(&field, r->text)
                    ? arc_onnx_malformed(r, &m, "function")
                    : add_alias(r, &scope, r->text, scope.aliases < call->inputs ? call->input[scope.aliases] : ARC_ONNX_OMITTED);
    // cppcheck-suppress autoVariables; taken back below, before the scope ends
    r->scope = &scope;
    for (m = f->body; st == ARC_OK && arc_pb_next(&m, &field);)
        if (field.number == 7)
            st = arc_pb_enter(&m, &field, &node) ? r->read_node(r, &node) : arc_onnx_malformed(r, &m, "function");
    for (m = f->body; st == ARC_OK && arc_pb_next(&m, &field);) {
        if (field.number != 5)
            continue;
        const int to = outputs < call->outputs ? call->output[outputs] : ARC_ONNX_OMITTED;
        outputs++;
        if (!arc_onnx_text(&field, r->text))
            st = arc_onnx_malformed(r, &m, "function");
        else if (to >= 0) {
            const int from = arc_onnx_reads(r, r->text);
            st = from == ARC_ONNX_NO_MEMORY ? arc_onnx_no_memory(r) : arc_onnx_add_node(r, "Identity", 1, &from, to, NULL);
        }
    }
    r->scope = scope.outer;
    return st;
}

/* ---- bodies that are graphs ---- */

/* The GraphProto of an attribute. AttributeProto: 1 name, 6 g. */
bool arc_onnx_find_body(arc_pb node, const char *name, arc_pb *body) {
    arc_pb_field f, g;
    arc_pb attr;
    char text[ARC_ONNX_MAX_NAME + 1];
    while (arc_pb_next(&node, &f)) {
        bool named = false, found = false;
        if (f.number != 5 || !arc_pb_enter(&node, &f, &attr))
            continue;
        while (arc_pb_next(&attr, &g)) {
            named |= g.number == 1 && arc_onnx_text(&g, text) && strcmp(text, name) == 0;
            found |= g.number == 6 && arc_pb_enter(&attr, &g, body);
        }
        if (named && found)
            return true;
    }
    return false;
}

/* ValueInfoProto: 1 name, into r->text. */
static bool read_name(arc_onnx_reader *r, arc_pb *list, const arc_pb_field *f) {
    arc_pb info;
    arc_pb_field g;
    r->text[0] = 0;
    if (!arc_pb_enter(list, f, &info))
        return false;
    while (arc_pb_next(&info, &g))
        if (g.number == 1 && !arc_onnx_text(&g, r->text))
            return false;
    return !info.bad && r->text[0];
}

/* GraphProto: 1 node, 5 initializer, 11 input, 12 output, 15 sparse_initializer. */
arc_status arc_onnx_write_body(arc_onnx_reader *r, const arc_onnx_call *call, const arc_pb *body, int inputs, const int *in,
                               int *out) {
    static const uint32_t order[] = {11, 5, 1, 12};
    arc_onnx_scope scope;
    arc_pb_field f;
    arc_pb inner;
    int next = 0, value;
    arc_status st = open_scope(r, &scope, call, body, 11);
    if (st != ARC_OK)
        return st;
    arc_onnx_scope *const outer = r->scope;
    for (size_t i = 0; st == ARC_OK && i < ARC_COUNT(order); i++) {
        r->scope = order[i] == 11 ? outer : &scope;
        arc_pb m = *body;
        while (st == ARC_OK && arc_pb_next(&m, &f)) {
            if (f.number == 15)
                st = arc_fail(r->err, ARC_EUNSUPPORTED, "%s: sparse initializers are not supported", r->file);
            if (f.number != order[i] || st != ARC_OK)
                continue;
            if (f.number == 11 || f.number == 12)
                st = read_name(r, &m, &f) ? ARC_OK : arc_onnx_malformed(r, &m, "body");
            else
                st = arc_pb_enter(&m, &f, &inner) ? ARC_OK : arc_onnx_malformed(r, &m, "body");
            if (st != ARC_OK)
                continue;
            if (f.number == 11)
                st = add_alias(r, &scope, r->text, scope.aliases < inputs ? in[scope.aliases] : ARC_ONNX_OMITTED);
            else if (f.number == 5)
                st = arc_onnx_read_constant(r, &inner, NULL, r->file, &value);
            else if (f.number == 1)
                st = r->read_node(r, &inner);
            else if ((out[next++] = arc_onnx_reads(r, r->text)) < 0)
                st = arc_onnx_no_memory(r);
        }
        if (st == ARC_OK && m.bad)
            st = arc_onnx_malformed(r, &m, "body");
    }
    r->scope = outer;
    return st;
}

/* What is known of the value; shapes that the file declares are looked up first. */
arc_onnx_known arc_onnx_known_of(arc_onnx_reader *r, int value) {
    arc_onnx_known known;
    if (!r->shapes_read)
        arc_onnx_read_shapes(r);
    arc_onnx_know(r->g, value, &r->looks, &known);
    return known;
}

bool arc_onnx_is_known(const arc_onnx_known *k) {
    return k->count == 1 && k->known[0];
}

arc_status arc_onnx_connect(arc_onnx_reader *r, const arc_onnx_call *call, int i, int from) {
    return i < call->outputs && call->output[i] >= 0 ? arc_onnx_add_node(r, "Identity", 1, &from, call->output[i], NULL) : ARC_OK;
}

arc_status arc_onnx_inline_if(arc_onnx_reader *r, const arc_onnx_call *call) {
    const arc_onnx_known condition = arc_onnx_known_of(r, call->inputs == 1 ? call->input[0] : ARC_NO_VALUE);
    arc_pb body;
    if (!arc_onnx_is_known(&condition))
        return arc_fail(
            r->err, ARC_EUNSUPPORTED,
            "%s: If '%.150s' decides by what is in the picture or by its size; only conditions that are known when the "
            "model is opened are supported: export it with fixed sizes, or simplify it",
            r->file, call->name);
    if (!arc_onnx_find_body(*call->message, condition.value[0] ? "then_branch" : "else_branch", &body))
        return arc_fail(r->err, ARC_EFORMAT, "%s: If '%.150s' has no such branch", r->file, call->name);
    const int outputs = arc_onnx_count_fields(body, 12);
    if (outputs < call->outputs)
        return arc_fail(r->err, ARC_EFORMAT, "%s: If '%.150s': its branch has %d outputs, the node %d", r->file, call->name,
                        outputs, call->outputs);
    int *out = arc_mem_new(r->g->alloc, (size_t)outputs + 1, sizeof *out);
    arc_status st = out ? arc_onnx_write_body(r, call, &body, 0, NULL, out) : arc_onnx_no_memory(r);
    for (int i = 0; st == ARC_OK && i < call->outputs; i++)
        st = arc_onnx_connect(r, call, i, out[i]);
    arc_mem_free(r->g->alloc, out);
    return st;
}
