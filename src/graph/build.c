/* graph: adding values, nodes, attributes and metadata to a graph. Everything is copied into the arena unless said otherwise. */
#include "base/hash.h"
#include "graph/graph.h"
#include <string.h>

#define FIRST_CAPACITY 64

arc_status arc_graph_new(arc_graph **out, const arc_alloc *a, int opset, arc_error *err) {
    *out = NULL;
    arc_graph *g = arc_mem_new(a, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(err, "a graph");
    g->alloc = a;
    arc_arena_init(&g->arena, a, 0);
    g->opset = opset;
    g->ir_version = 8;
    g->name = g->producer = "";
    *out = g;
    return ARC_OK;
}

void arc_graph_free(arc_graph **graph) {
    arc_graph *g = graph ? *graph : NULL;
    if (!g)
        return;
    const arc_alloc *a = g->alloc;
    arc_mem_free(a, g->value);
    arc_mem_free(a, g->node);
    arc_mem_free(a, g->input);
    arc_mem_free(a, g->output);
    arc_mem_free(a, g->meta);
    arc_mem_free(a, g->slot);
    arc_arena_free(&g->arena);
    arc_map_close(&g->map);
    for (int i = 0; i < g->sides; i++)
        arc_map_close(&g->side[i]);
    arc_mem_free(a, g->side);
    arc_mem_free(a, g);
    *graph = NULL;
}

/* Room for one more element of a growing array; false on exhaustion or above `limit`. */
static bool make_room(const arc_alloc *a, void **array, int count, int *capacity, int limit, size_t size) {
    if (count < *capacity)
        return true;
    if (count >= limit)
        return false;
    const int wanted = ARC_MIN(limit, *capacity ? *capacity * 2 : FIRST_CAPACITY);
    void *grown = arc_mem_grow(a, *array, (size_t)*capacity, (size_t)wanted, size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static uint64_t name_hash(const char *name) {
    const uint64_t h = arc_hash_bytes(ARC_HASH_START, name, strlen(name));
    return h ^ h >> 29;
}

/* The slot of a name: its value's, or the empty one where it belongs. */
static size_t slot_of(const arc_graph *g, const char *name) {
    size_t at = (size_t)name_hash(name) & (g->slots - 1);
    while (g->slot[at] && strcmp(g->value[g->slot[at] - 1].name, name) != 0)
        at = (at + 1) & (g->slots - 1);
    return at;
}

static bool grow_slots(arc_graph *g) {
    const size_t wanted = g->slots ? g->slots * 2 : 4 * FIRST_CAPACITY;
    int *slot = arc_mem_new(g->alloc, wanted, sizeof *slot);
    if (!slot)
        return false;
    arc_mem_free(g->alloc, g->slot);
    g->slot = slot;
    g->slots = wanted;
    for (int i = 0; i < g->values; i++)
        g->slot[slot_of(g, g->value[i].name)] = i + 1;
    return true;
}

int arc_graph_find(const arc_graph *g, const char *name) {
    return g->slots ? g->slot[slot_of(g, name)] - 1 : ARC_NO_VALUE;
}

int arc_graph_value(arc_graph *g, const char *name) {
    const int known = arc_graph_find(g, name);
    if (known >= 0)
        return known;
    if ((size_t)g->values * 2 >= g->slots && !grow_slots(g))
        return ARC_NO_VALUE;
    void *array = g->value;
    const bool room = make_room(g->alloc, &array, g->values, &g->value_capacity, ARC_MAX_VALUES, sizeof *g->value);
    g->value = array;
    const char *copy = room ? arc_arena_strdup(&g->arena, name) : NULL;
    if (!copy)
        return ARC_NO_VALUE;
    g->value[g->values] = (arc_value){.name = copy, .shape.rank = -1, .producer = ARC_NO_VALUE};
    g->slot[slot_of(g, copy)] = g->values + 1;
    return g->values++;
}

int arc_graph_constant(arc_graph *g, const char *name, arc_dtype t, const arc_shape *s, const void *data, bool copy) {
    const int64_t count = arc_shape_count(s);
    size_t bytes;
    if (count < 0 || !arc_mul_size((size_t)count, arc_dtype_bytes(t), &bytes))
        return ARC_NO_VALUE;
    if (copy) {
        void *own = arc_arena_new(&g->arena, ARC_MAX(bytes, (size_t)1), 1);
        if (!own)
            return ARC_NO_VALUE;
        if (bytes)
            memcpy(own, data, bytes);
        data = own;
    }
    const int v = arc_graph_value(g, name);
    if (v < 0)
        return v;
    g->value[v].dtype = t;
    g->value[v].shape = *s;
    g->value[v].data = data;
    g->value[v].data_bytes = bytes;
    return v;
}

int arc_graph_constant_new(arc_graph *g, const char *name, arc_dtype t, const arc_shape *s, void **data) {
    *data = NULL;
    const int64_t count = arc_shape_count(s);
    size_t bytes;
    if (count < 0 || !arc_mul_size((size_t)count, arc_dtype_bytes(t), &bytes))
        return ARC_NO_VALUE;
    void *own = arc_arena_new(&g->arena, ARC_MAX(bytes, (size_t)1), 1);
    const int v = own ? arc_graph_constant(g, name, t, s, own, false) : ARC_NO_VALUE;
    *data = v >= 0 ? own : NULL;
    return v;
}

arc_node *arc_graph_node(arc_graph *g, const char *op, const char *name, int inputs, const int *input, int outputs,
                         const int *output) {
    if (inputs < 0 || outputs < 0 || inputs > ARC_MAX_NODE_IO || outputs > ARC_MAX_NODE_IO)
        return NULL;
    void *array = g->node;
    const bool room = make_room(g->alloc, &array, g->nodes, &g->node_capacity, ARC_MAX_NODES, sizeof *g->node);
    g->node = array;
    if (!room)
        return NULL;
    arc_node n = {.inputs = inputs, .outputs = outputs};
    n.op = arc_arena_strdup(&g->arena, op);
    n.name = arc_arena_strdup(&g->arena, name ? name : "");
    n.input = arc_arena_new(&g->arena, (size_t)inputs + 1, sizeof *n.input);
    n.output = arc_arena_new(&g->arena, (size_t)outputs + 1, sizeof *n.output);
    if (!n.op || !n.name || !n.input || !n.output)
        return NULL;
    for (int i = 0; i < inputs; i++)
        n.input[i] = input[i];
    for (int i = 0; i < outputs; i++)
        n.output[i] = output[i];
    g->node[g->nodes] = n;
    return &g->node[g->nodes++];
}

/* ---- attributes ---- */

/* The attribute of that name, or a new one. The list is a plain array that doubles at powers of two. */
static arc_attr *attr_slot(arc_graph *g, arc_node *n, const char *name) {
    for (int i = 0; i < n->attrs; i++)
        if (strcmp(n->attr[i].name, name) == 0)
            return &n->attr[i];
    if ((n->attrs & (n->attrs - 1)) == 0) {
        arc_attr *grown = arc_arena_new(&g->arena, n->attrs ? 2 * (size_t)n->attrs : 1, sizeof *grown);
        if (!grown)
            return NULL;
        if (n->attrs)
            memcpy(grown, n->attr, (size_t)n->attrs * sizeof *grown);
        n->attr = grown;
    }
    const char *copy = arc_arena_strdup(&g->arena, name);
    if (!copy)
        return NULL;
    n->attr[n->attrs] = (arc_attr){.name = copy, .value = ARC_NO_VALUE};
    return &n->attr[n->attrs++];
}

/* Gives the attribute what `value` has beside its name. */
static arc_status set_attr(arc_graph *g, arc_node *n, const char *name, arc_attr value) {
    arc_attr *a = attr_slot(g, n, name);
    if (!a)
        return ARC_ENOMEM;
    value.name = a->name;
    *a = value;
    return ARC_OK;
}

arc_status arc_node_int(arc_graph *g, arc_node *n, const char *name, int64_t i) {
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_INT, .i = i, .value = ARC_NO_VALUE});
}

arc_status arc_node_float(arc_graph *g, arc_node *n, const char *name, float f) {
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_FLOAT, .f = f, .value = ARC_NO_VALUE});
}

arc_status arc_node_string(arc_graph *g, arc_node *n, const char *name, const char *s) {
    const char *copy = arc_arena_strdup(&g->arena, s);
    if (!copy)
        return ARC_ENOMEM;
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_STRING, .s = copy, .count = strlen(copy), .value = ARC_NO_VALUE});
}

/* NULL on ENOMEM; an empty list is no null pointer. */
static void *copy_list(arc_graph *g, const void *items, size_t count, size_t bytes) {
    void *copy = arc_arena_new(&g->arena, count + 1, bytes);
    if (copy && count > 0)
        memcpy(copy, items, count * bytes);
    return copy;
}

arc_status arc_node_ints(arc_graph *g, arc_node *n, const char *name, size_t count, const int64_t *ints) {
    const int64_t *copy = copy_list(g, ints, count, sizeof *ints);
    if (!copy)
        return ARC_ENOMEM;
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_INTS, .ints = copy, .count = count, .value = ARC_NO_VALUE});
}

arc_status arc_node_floats(arc_graph *g, arc_node *n, const char *name, size_t count, const float *floats) {
    const float *copy = copy_list(g, floats, count, sizeof *floats);
    if (!copy)
        return ARC_ENOMEM;
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_FLOATS, .floats = copy, .count = count, .value = ARC_NO_VALUE});
}

arc_status arc_node_tensor(arc_graph *g, arc_node *n, const char *name, int value) {
    return set_attr(g, n, name, (arc_attr){.kind = ARC_ATTR_TENSOR, .value = value});
}

const arc_attr *arc_node_attr(const arc_node *n, const char *name) {
    for (int i = 0; i < n->attrs; i++)
        if (strcmp(n->attr[i].name, name) == 0)
            return &n->attr[i];
    return NULL;
}

int64_t arc_attr_int(const arc_node *n, const char *name, int64_t fallback) {
    const arc_attr *a = arc_node_attr(n, name);
    return a && a->kind == ARC_ATTR_INT ? a->i : fallback;
}

float arc_attr_float(const arc_node *n, const char *name, float fallback) {
    const arc_attr *a = arc_node_attr(n, name);
    return a && a->kind == ARC_ATTR_FLOAT ? a->f : fallback;
}

const char *arc_attr_string(const arc_node *n, const char *name, const char *fallback) {
    const arc_attr *a = arc_node_attr(n, name);
    return a && a->kind == ARC_ATTR_STRING ? a->s : fallback;
}

/* ---- inputs, outputs, metadata ---- */

/* Lists of indices double at powers of two. */
static bool list_push(const arc_alloc *a, int **list, int *count, int item) {
    if ((*count & (*count - 1)) == 0) {
        int *grown = arc_mem_grow(a, *list, (size_t)*count, *count ? 2 * (size_t)*count : 1, sizeof *grown);
        if (!grown)
            return false;
        *list = grown;
    }
    (*list)[(*count)++] = item;
    return true;
}

arc_status arc_graph_add_input(arc_graph *g, int value, arc_dtype t, const arc_shape *s) {
    if (value < 0 || !list_push(g->alloc, &g->input, &g->inputs, value))
        return ARC_ENOMEM;
    g->value[value].is_input = true;
    g->value[value].dtype = t;
    g->value[value].shape = *s;
    return ARC_OK;
}

arc_status arc_graph_add_output(arc_graph *g, int value) {
    if (value < 0 || !list_push(g->alloc, &g->output, &g->outputs, value))
        return ARC_ENOMEM;
    g->value[value].is_output = true;
    return ARC_OK;
}

int arc_graph_only_reader(const arc_graph *g, int value) {
    int found = -1, readers = g->value[value].is_output ? 2 : 0;
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].inputs; k++)
            if (g->node[i].input[k] == value) {
                found = i;
                readers++;
            }
    return readers == 1 ? found : -1;
}

arc_status arc_graph_set_meta(arc_graph *g, const char *key, const char *value) {
    const char *copy = arc_arena_strdup(&g->arena, value);
    if (!copy)
        return ARC_ENOMEM;
    for (int i = 0; i < g->metas; i++)
        if (strcmp(g->meta[i].key, key) == 0) {
            g->meta[i].value = copy;
            return ARC_OK;
        }
    void *array = g->meta;
    const bool room = make_room(g->alloc, &array, g->metas, &g->meta_capacity, ARC_MAX_NODES, sizeof *g->meta);
    g->meta = array;
    const char *name = room ? arc_arena_strdup(&g->arena, key) : NULL;
    if (!name)
        return ARC_ENOMEM;
    g->meta[g->metas++] = (arc_meta){name, copy};
    return ARC_OK;
}

const char *arc_graph_meta(const arc_graph *g, const char *key) {
    for (int i = 0; i < g->metas; i++)
        if (strcmp(g->meta[i].key, key) == 0)
            return g->meta[i].value;
    return NULL;
}
