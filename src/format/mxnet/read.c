/* MXNet models: symbol.json and .params as one ONNX-style graph. Only what the embedding needs is converted: the network ends at
 * the node called "fc1" when it has one (InsightFace's name for the embedding), otherwise at its single head. */
#include "format/mxnet/mxnet_internal.h"
#include <stdio.h>
#include <string.h>

#define MAX_SYMBOL_BYTES ((size_t)64 << 20)

typedef struct symbol {
    arc_graph *g;
    const char *file;
    const json_t *nodes;
    size_t count;
    int *value;   /* [count] output 0 of each node, ARC_NO_VALUE until converted */
    bool *wanted; /* [count] reached from the output */
    arc_error *err;
} symbol;

static const char *text_member(const json_t *node, const char *key) {
    const char *t = json_string_value(json_object_get(node, key));
    return t ? t : "";
}

/* Input i of a node as node number; -1 when malformed. Inputs come before their users in the file. */
static int64_t input_of(const symbol *s, size_t node, size_t i) {
    const json_t *entry = json_array_get(json_object_get(json_array_get(s->nodes, node), "inputs"), i);
    const json_t *from = json_array_get(entry, 0);
    if (json_integer_value(json_array_get(entry, 1)) != 0) /* no operator that we know has a second output of use */
        return -1;
    if (!json_is_integer(from) || json_integer_value(from) < 0 || json_integer_value(from) >= (json_int_t)node)
        return -1;
    return json_integer_value(from);
}

static size_t inputs_of(const symbol *s, size_t node) {
    return json_array_size(json_object_get(json_array_get(s->nodes, node), "inputs"));
}

static arc_status mark_wanted(symbol *s, size_t output) {
    s->wanted[output] = true;
    for (size_t n = output + 1; n-- > 0;) {
        if (!s->wanted[n])
            continue;
        for (size_t i = 0; i < inputs_of(s, n); i++) {
            const int64_t from = input_of(s, n, i);
            if (from < 0)
                return arc_fail(s->err, ARC_EFORMAT, "%s: input %zu of node '%.200s' is malformed", s->file, i,
                                text_member(json_array_get(s->nodes, n), "name"));
            s->wanted[from] = true;
        }
    }
    return ARC_OK;
}

/* A variable: a constant of the .params, or the network's input. */
static arc_status convert_variable(symbol *s, size_t node, const char *name) {
    const int known = arc_graph_find(s->g, name);
    if (known >= 0 && s->g->value[known].data) {
        s->value[node] = known;
        return ARC_OK;
    }
    if (s->g->inputs > 0)
        return arc_fail(s->err, ARC_EMISSING, "%s: '%.200s' is in no .params file", s->file, name);
    const arc_shape image = {4, {-1, 3, -1, -1}};
    const int value = arc_graph_value(s->g, name);
    if (value < 0 || arc_graph_add_input(s->g, value, ARC_F32, &image) != ARC_OK)
        return arc_fail_nomem(s->err, s->file);
    s->value[node] = value;
    return ARC_OK;
}

static const json_t *attributes_of(const json_t *node) {
    static const char *const keys[] = {"attrs", "attr", "param"};
    for (size_t i = 0; i < ARC_COUNT(keys); i++)
        if (json_is_object(json_object_get(node, keys[i])))
            return json_object_get(node, keys[i]);
    return NULL;
}

static arc_status convert_node(symbol *s, size_t index) {
    const json_t *node = json_array_get(s->nodes, index);
    const char *op = text_member(node, "op"), *name = text_member(node, "name");
    if (!*op || !*name)
        return arc_fail(s->err, ARC_EFORMAT, "%s: node %zu has no operator or no name", s->file, index);
    if (strcmp(op, "null") == 0)
        return convert_variable(s, index, name);
    arc_mxnet_node n = {.g = s->g, .file = s->file, .op = op, .name = name, .attributes = attributes_of(node), .err = s->err};
    if (inputs_of(s, index) > ARC_MXNET_MAX_INPUTS)
        return arc_fail(s->err, ARC_ELIMIT, "%s: node '%.200s' has more than %d inputs", s->file, name, ARC_MXNET_MAX_INPUTS);
    if (arc_graph_find(s->g, name) >= 0)
        return arc_fail(s->err, ARC_EFORMAT, "%s: the name '%.200s' is used twice", s->file, name);
    for (n.inputs = 0; n.inputs < (int)inputs_of(s, index); n.inputs++)
        n.input[n.inputs] = s->value[input_of(s, index, (size_t)n.inputs)];
    n.output = arc_graph_value(s->g, name);
    if (n.output < 0)
        return arc_fail_nomem(s->err, s->file);
    s->value[index] = n.output;
    return arc_mxnet_convert(&n);
}

/* The node that the network ends at. */
static arc_status find_output(const symbol *s, const json_t *root, size_t *output) {
    const json_t *heads = json_object_get(root, "heads");
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(text_member(json_array_get(s->nodes, i), "name"), "fc1") == 0 &&
            strcmp(text_member(json_array_get(s->nodes, i), "op"), "null") != 0) {
            *output = i;
            return ARC_OK;
        }
    const json_t *head = json_array_get(json_array_get(heads, 0), 0);
    if (json_array_size(heads) != 1 || !json_is_integer(head) || json_integer_value(head) < 0 ||
        (size_t)json_integer_value(head) >= s->count)
        return arc_fail(s->err, ARC_EUNSUPPORTED, "%s: the symbol has no node 'fc1' and not exactly one head", s->file);
    *output = (size_t)json_integer_value(head);
    return ARC_OK;
}

/* An embedding comes out of a FullyConnected, perhaps through a BatchNorm: [N, units]. Other outputs stay undeclared. */
static void declare_output(arc_graph *g, int value) {
    int from = value;
    for (int steps = 0; steps < 8 && g->value[from].producer >= 0; steps++) {
        const arc_node *n = &g->node[g->value[from].producer];
        if (strcmp(n->op, "Gemm") == 0 && g->value[n->input[1]].data && g->value[n->input[1]].shape.rank == 2) {
            g->value[value].dtype = ARC_F32;
            g->value[value].shape = (arc_shape){2, {-1, g->value[n->input[1]].shape.dim[0]}};
            return;
        }
        if (strcmp(n->op, "BatchNormalization") != 0 && strcmp(n->op, "Identity") != 0)
            return;
        from = n->input[0];
    }
}

static arc_status convert_all(symbol *s, const json_t *root) {
    size_t output = 0;
    arc_status st = find_output(s, root, &output);
    if (st == ARC_OK)
        st = mark_wanted(s, output);
    for (size_t i = 0; st == ARC_OK && i <= output; i++)
        if (s->wanted[i])
            st = convert_node(s, i);
    if (st == ARC_OK && s->g->inputs != 1)
        st = arc_fail(s->err, ARC_EFORMAT, "%s: the network has no input", s->file);
    if (st == ARC_OK && arc_graph_add_output(s->g, s->value[output]) != ARC_OK)
        st = arc_fail_nomem(s->err, s->file);
    return st;
}

arc_status arc_mxnet_parse_symbol(arc_graph *g, const char *text, size_t bytes, const char *name, arc_error *err) {
    json_error_t why;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return arc_fail(err, ARC_EFORMAT, "%s: line %d: %s", name, why.line, why.text);
    symbol s = {.g = g, .file = name, .nodes = json_object_get(root, "nodes"), .err = err};
    s.count = json_array_size(s.nodes);
    arc_status st = ARC_OK;
    s.value = arc_mem_new(g->alloc, s.count + 1, sizeof *s.value);
    s.wanted = arc_mem_new(g->alloc, s.count + 1, sizeof *s.wanted);
    if (!s.value || !s.wanted)
        st = arc_fail_nomem(err, name);
    else if (s.count == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: holds no nodes; it is no MXNet symbol", name);
    else
        st = convert_all(&s, root);
    arc_mem_free(g->alloc, s.value);
    arc_mem_free(g->alloc, s.wanted);
    json_decref(root);
    if (st != ARC_OK)
        return st;
    st = arc_graph_check(g, err);
    if (st != ARC_OK)
        return arc_fail_in(err, st, name);
    declare_output(g, g->output[0]);
    return ARC_OK;
}

/* ---- the pair of files ----------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

/* "dir/model-symbol.json" and "dir/model-0000.params" from either; the params with the highest epoch when several fit. */
static arc_status find_pair(const arc_alloc *a, const char *path, char symbol_path[1024], char params_path[1024],
                            arc_error *err) {
    const bool is_symbol = ends_with(path, "-symbol.json");
    const char *dash = strrchr(path, '-'), *slash = strrchr(path, '/');
    if (!is_symbol && !ends_with(path, ".params"))
        return arc_fail(err, ARC_EFORMAT, "%s: MXNet models are a pair NAME-symbol.json and NAME-0000.params", path);
    if (!dash || (slash && dash < slash) || strlen(path) > 900)
        return arc_fail(err, ARC_EFORMAT, "%s: MXNet models are a pair NAME-symbol.json and NAME-0000.params", path);
    const int stem = (int)(dash - path);
    snprintf(symbol_path, 1024, "%.*s-symbol.json", stem, path);
    snprintf(params_path, 1024, "%s", path);
    if (!is_symbol)
        return ARC_OK;
    char folder[1024];
    const int base = slash ? (int)(slash - path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s", ARC_MAX(base, 1), slash ? path : ".");
    arc_names names;
    const arc_status st = arc_dir_list(&names, a, folder, 1000000, err);
    if (st != ARC_OK)
        return st;
    params_path[0] = 0;
    for (size_t i = 0; i < names.count; i++) /* sorted: the last one wins */
        if (ends_with(names.name[i], ".params") && strncmp(names.name[i], path + base, (size_t)(stem - base) + 1) == 0 &&
            !strchr(names.name[i] + (stem - base) + 1, '-') && strlen(names.name[i]) < 100)
            snprintf(params_path, 1024, "%.*s%s", base, path, names.name[i]);
    arc_names_free(&names);
    return params_path[0]
               ? ARC_OK
               : arc_fail(err, ARC_EMISSING, "%s: there is no %.*s-NNNN.params beside it", path, stem - base, path + base);
}

arc_status arc_mxnet_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err) {
    char symbol_path[1024], params_path[1024];
    arc_map text = {0};
    arc_graph *g = NULL;
    arc_status st = ARC_OK;
    *out = NULL;
    ARC_TRY(find_pair(a, path, symbol_path, params_path, err));
    ARC_TRY(arc_graph_new(&g, a, ARC_MXNET_OPSET, err));
    ARC_TRY(arc_map_open(&text, symbol_path, MAX_SYMBOL_BYTES, err));
    ARC_TRY(arc_mxnet_read_params(g, params_path, err));
    ARC_TRY(arc_mxnet_parse_symbol(g, (const char *)text.data, text.bytes, symbol_path, err));
    g->producer = "mxnet";
done:
    arc_map_close(&text);
    if (st != ARC_OK)
        arc_graph_free(&g);
    *out = g;
    return st;
}
