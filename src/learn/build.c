/* learn: the steps of a learner from its graph. Shapes come from the operators' own rules; a PRelu or Relu whose only input is a
 * normalisation joins its step, and so does the addition behind it when its other operand is made before that step. */
#include "learn/learner_internal.h"
#include <string.h>

typedef struct builder {
    arc_learner *l;
    const arc_graph *g;
    arc_tensor *tensor; /* of each graph value, once inferred */
    int *activation;    /* of each graph value: value of the learner, ARC_NO_VALUE */
    int *users;         /* of each graph value: how many live nodes read it */
    bool *live;         /* of each node: the output depends on it */
    arc_error *err;
} builder;

static arc_status refuse(const builder *b, const arc_node *n, const char *why) {
    return arc_learn_refuse(n, why, b->err);
}

/* ---- shapes ---------------------------------------------------------------------------------------------------------------- */

static arc_status infer_node(builder *b, const arc_node *n) {
    if (n->inputs > ARC_OP_MAX_IO || n->outputs > ARC_OP_MAX_IO)
        return refuse(b, n, "it has too many inputs");
    arc_infer in = {.graph = b->g, .node = n, .opset = b->g->opset, .inputs = n->inputs, .outputs = n->outputs, .err = b->err};
    for (int i = 0; i < n->inputs; i++)
        in.in[i] = n->input[i] < 0 ? NULL : &b->tensor[n->input[i]];
    for (int i = 0; i < n->outputs; i++)
        in.out[i] = n->output[i] < 0 ? NULL : &b->tensor[n->output[i]];
    return n->entry->infer(&in);
}

static void begin_tensors(builder *b) {
    for (int v = 0; v < b->g->values; v++) {
        const arc_value *value = &b->g->value[v];
        b->activation[v] = ARC_NO_VALUE;
        if (value->data)
            b->tensor[v] = (arc_tensor){
                .dtype = value->dtype, .shape = value->shape, .data = (void *)(uintptr_t)value->data, .is_const = true};
    }
    for (int i = b->g->nodes - 1; i >= 0; i--) { /* nodes are in topological order */
        const arc_node *n = &b->g->node[i];
        for (int k = 0; k < n->outputs; k++)
            b->live[i] |= n->output[k] >= 0 && (b->users[n->output[k]] > 0 || b->g->value[n->output[k]].is_output);
        for (int k = 0; b->live[i] && k < n->inputs; k++)
            if (n->input[k] >= 0)
                b->users[n->input[k]]++;
    }
}

/* ---- parameters ------------------------------------------------------------------------------------------------------------ */

static bool has_prefix(const arc_learner_options *o, const char *name) {
    for (size_t i = 0; i < o->frozens; i++)
        if (strncmp(name, o->frozen[i], strlen(o->frozen[i])) == 0)
            return true;
    return false;
}

/* Input `input` of the node as a parameter of `count` floats, or as a statistic where the operator has one there. */
static arc_status take(builder *b, const arc_node *n, int input, size_t count, bool decays, arc_learn_parameter **out) {
    arc_learner *l = b->l;
    const bool statistic = n->entry->statistic_inputs & ARC_INPUT(input);
    const int v = input < n->inputs ? n->input[input] : ARC_NO_VALUE;
    const arc_value *value = v >= 0 ? &b->g->value[v] : NULL;
    if (!value || !value->data || value->dtype != ARC_F32 || (size_t)arc_shape_count(&value->shape) != count)
        return refuse(b, n, "its weights must be float32 initializers of one value a channel or the layer's shape");
    if (l->owner[v])
        return refuse(b, n, "its weights are another layer's as well");
    arc_learn_parameter *p = statistic ? &l->statistic[l->statistics++] : &l->parameter[l->parameters++];
    l->owner[v] = statistic ? -(int)l->statistics : (int)l->parameters;
    *p = (arc_learn_parameter){.name = value->name, .shape = value->shape, .count = count, .decays = decays};
    p->frozen =
        statistic || l->options.input_only || has_prefix(&l->options, value->name) || strcmp(value->name, "features.weight") == 0;
    *out = p;
    return ARC_OK;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

static int add_value(builder *b, const arc_shape *shape, arc_store store, int producer) {
    arc_learner *l = b->l;
    l->value[l->values] = (arc_learn_value){.shape = *shape, .store = store, .producer = producer, .last_user = ARC_NO_VALUE};
    return l->values++;
}

/* A step over the activations among the node's first two inputs. */
static arc_status add_step(builder *b, const arc_node *n, int inputs, arc_learn_step **out) {
    arc_learner *l = b->l;
    arc_learn_step *s = &l->step[l->steps];
    *s = (arc_learn_step){
        .op = n->entry, .node = n, .name = n->name[0] ? n->name : n->op, .inputs = inputs, .momentum = l->options.momentum};
    for (int i = 0; i < inputs; i++) {
        s->in[i] = b->activation[n->input[i]];
        if (s->in[i] < 0)
            return refuse(b, n, "an input is a constant where an activation is needed");
        s->in_shape[i] = l->value[s->in[i]].shape;
        s->in_store[i] = l->value[s->in[i]].store;
    }
    s->out_shape = b->tensor[n->output[0]].shape;
    if (s->out_shape.rank < 2 || s->out_shape.dim[0] != l->options.batch)
        return refuse(b, n, "its output does not have one row an image");
    *out = s;
    return ARC_OK;
}

static void end_step(builder *b, arc_learn_step *s, arc_store store) {
    arc_learner *l = b->l;
    s->out_store = store;
    s->out = add_value(b, &s->out_shape, store, l->steps);
    b->activation[s->node->output[0]] = s->out;
    l->steps++;
}

/* Whole maps are kept in bfloat16 when asked for, from the first convolution on. */
static arc_status store_of(const builder *b, const arc_learn_step *s, bool grouped, arc_store *store) {
    const bool half_in = s->in_store[0] == ARC_STORE_BF16, whole = arc_learn_pixels(&s->out_shape) > 1 && !grouped;
    *store = b->l->options.bf16 && (half_in || whole) ? ARC_STORE_BF16 : ARC_STORE_F32;
    if (*store == ARC_STORE_BF16 && s->out_shape.dim[1] % 2)
        return refuse(b, s->node, "an odd number of channels does not go in bfloat16; use fp32");
    return ARC_OK;
}

static arc_status build_conv(builder *b, const arc_node *n) {
    arc_learn_step *s = NULL;
    arc_status st = add_step(b, n, 1, &s);
    const int64_t count = n->input[1] >= 0 ? arc_shape_count(&b->g->value[n->input[1]].shape) : -1;
    if (st == ARC_OK)
        st = take(b, n, 1, (size_t)ARC_MAX(count, 0), true, &s->weight);
    if (st == ARC_OK && n->inputs > 2 && n->input[2] >= 0)
        st = take(b, n, 2, (size_t)s->out_shape.dim[1], false, &s->bias);
    if (st != ARC_OK)
        return st;
    arc_store store;
    const arc_status stored = store_of(b, s, arc_attr_int(n, "group", 1) > 1, &store);
    if (stored == ARC_OK)
        end_step(b, s, store);
    return stored;
}

static arc_status build_norm(builder *b, const arc_node *n) {
    arc_learn_step *s = NULL;
    arc_status st = add_step(b, n, 1, &s);
    const size_t c = st == ARC_OK ? (size_t)s->out_shape.dim[1] : 0;
    for (int i = 1; st == ARC_OK && i <= 4; i++) {
        arc_learn_parameter **const to[] = {&s->weight, &s->bias, &s->running_mean, &s->running_variance};
        st = take(b, n, i, c, false, to[i - 1]);
    }
    if (st != ARC_OK)
        return st;
    arc_learner *l = b->l;
    float *gradient = arc_arena_new(&l->arena, 2 * c, sizeof *gradient);
    if (!gradient)
        return arc_fail_nomem(b->err, "a normalisation");
    s->norm = &l->norm[l->norms++];
    *s->norm = (arc_learn_norm){.name = s->name,
                                .channels = c,
                                .running_mean = s->running_mean,
                                .running_variance = s->running_variance,
                                .d_mean = gradient,
                                .d_variance = gradient + c};
    end_step(b, s, s->in_store[0]);
    return ARC_OK;
}

/* The normalisation that made this activation, when nothing else reads it and no activation or addition joined it yet. */
static arc_learn_step *open_norm(const builder *b, int graph_value, bool with_act) {
    const int a = b->activation[graph_value];
    if (a < 0 || b->users[graph_value] != 1 || b->g->value[graph_value].is_output || b->l->value[a].producer < 0)
        return NULL;
    arc_learn_step *s = &b->l->step[b->l->value[a].producer];
    return s->norm && s->inputs == 1 && (with_act || (!s->slope && !s->relu)) ? s : NULL;
}

/* ONNX lines shapes up from the right: [c,1,1] beside maps, [c] beside rows. */
static bool one_a_channel(const arc_shape *s, const arc_shape *of) {
    const int channel = s->rank - (of->rank == 4 ? 3 : 1);
    return channel >= 0 && s->dim[channel] == of->dim[1] && arc_shape_count(s) == of->dim[1];
}

static arc_status build_act(builder *b, const arc_node *n) {
    arc_learn_step *s = open_norm(b, n->input[0], false);
    const bool joins = s != NULL;
    arc_status st = joins ? ARC_OK : add_step(b, n, 1, &s);
    if (st == ARC_OK && arc_node_is(n, ARC_KIND_PRELU) && !one_a_channel(&b->tensor[n->input[1]].shape, &s->out_shape))
        st = refuse(b, n, "its slopes must be one a channel");
    if (st == ARC_OK && arc_node_is(n, ARC_KIND_PRELU))
        st = take(b, n, 1, (size_t)s->out_shape.dim[1], false, &s->slope);
    if (st != ARC_OK)
        return st;
    s->relu = arc_node_is(n, ARC_KIND_RELU);
    if (joins)
        b->activation[n->output[0]] = s->out;
    else
        end_step(b, s, s->in_store[0]);
    return ARC_OK;
}

/* The later of two normalisations takes the other operand in as its residual. */
static bool join_add(builder *b, const arc_node *n) {
    arc_learner *l = b->l;
    int best = ARC_NO_VALUE;
    for (int k = 0; k < 2; k++) {
        const arc_learn_step *s = open_norm(b, n->input[k], true);
        const int other = b->activation[n->input[1 - k]];
        if (!s || other < 0 || l->value[other].producer >= (int)(s - l->step) || l->value[other].store != s->out_store)
            continue;
        if (best < 0 || s->out > b->activation[n->input[best]])
            best = k;
    }
    if (best < 0)
        return false;
    arc_learn_step *s = open_norm(b, n->input[best], true);
    s->inputs = 2;
    s->in[1] = b->activation[n->input[1 - best]];
    s->in_shape[1] = l->value[s->in[1]].shape;
    s->in_store[1] = l->value[s->in[1]].store;
    b->activation[n->output[0]] = s->out;
    return true;
}

static arc_status build_constant(builder *b, const arc_node *n) {
    const bool first = b->activation[n->input[0]] < 0;
    const arc_tensor *c = &b->tensor[n->input[first ? 0 : 1]];
    if (first && !arc_node_is(n, ARC_KIND_ADD) && !arc_node_is(n, ARC_KIND_MUL))
        return refuse(b, n, "a constant minus or over an activation has no backward");
    arc_node *turned = arc_arena_new(&b->l->arena, 1, sizeof *turned);
    int *input = arc_arena_new(&b->l->arena, 2, sizeof *input);
    if (!turned || !input)
        return arc_fail_nomem(b->err, "a step");
    *turned = *n;
    turned->input = input;
    input[0] = n->input[first];
    input[1] = n->input[!first];
    arc_learn_step *s = NULL;
    const arc_status st = add_step(b, turned, 1, &s);
    if (st != ARC_OK)
        return st;
    const int64_t count = arc_shape_count(&c->shape);
    if (!c->data || c->dtype != ARC_F32 || (count != 1 && !one_a_channel(&c->shape, &s->out_shape)) ||
        s->in_store[0] != ARC_STORE_F32)
        return refuse(b, n, "its constant must be one number or one a channel");
    s->constant = c->data;
    s->constants = (size_t)count;
    end_step(b, s, ARC_STORE_F32);
    return ARC_OK;
}

static arc_status build_pair(builder *b, const arc_node *n) {
    const int a = b->activation[n->input[0]], c = b->activation[n->input[1]];
    if (a < 0 || c < 0)
        return build_constant(b, n);
    arc_learn_step *s = NULL;
    const arc_shape *x = &b->l->value[a].shape, *y = &b->l->value[c].shape;
    const bool same = arc_shape_equal(x, y) && b->l->value[a].store == b->l->value[c].store;
    if (arc_node_is(n, ARC_KIND_ADD) && same) {
        if (join_add(b, n))
            return ARC_OK;
        const arc_status st = add_step(b, n, 2, &s);
        if (st == ARC_OK)
            end_step(b, s, s->in_store[0]);
        return st;
    }
    if (!arc_node_is(n, ARC_KIND_MUL) || x->rank != 4 || y->rank != 4 || x->dim[1] != y->dim[1] || arc_learn_pixels(y) != 1)
        return refuse(b, n, "two activations can be added, or multiplied by one value a channel (the second)");
    const arc_status st = add_step(b, n, 2, &s);
    if (st == ARC_OK)
        end_step(b, s, s->in_store[0]);
    return st;
}

static arc_status build_gemm(builder *b, const arc_node *n) {
    arc_learn_step *s = NULL;
    arc_status st = add_step(b, n, 1, &s);
    if (st != ARC_OK)
        return st;
    st = take(b, n, 1, (size_t)(s->in_shape[0].dim[1] * s->out_shape.dim[1]), true, &s->weight);
    if (st == ARC_OK && n->inputs > 2 && n->input[2] >= 0)
        st = take(b, n, 2, (size_t)s->out_shape.dim[1], false, &s->bias);
    if (st == ARC_OK)
        end_step(b, s, ARC_STORE_F32);
    return st;
}

/* Layers without parameters and with one input; their result is float32. */
static arc_status build_single(builder *b, const arc_node *n) {
    arc_learn_step *s = NULL;
    const arc_status st = add_step(b, n, 1, &s);
    if (st == ARC_OK)
        end_step(b, s, ARC_STORE_F32);
    return st;
}

/* The node's output is its input. */
static bool does_nothing(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_IDENTITY) ||
           (arc_node_is(n, ARC_KIND_DROPOUT) && arc_attr_float(n, "ratio", 0) == 0 && n->inputs < 2);
}

static arc_status build_node(builder *b, const arc_node *n) {
    if (arc_node_is(n, ARC_KIND_CONSTANT))
        return ARC_OK;
    if (does_nothing(n)) {
        b->activation[n->output[0]] = b->activation[n->input[0]];
        b->users[n->input[0]] += b->users[n->output[0]] - 1;
        return ARC_OK;
    }
    if (!n->entry->forward)
        return refuse(b, n, "the operator has no backward here");
    switch (n->entry->kind) {
    case ARC_KIND_CONV:
        return build_conv(b, n);
    case ARC_KIND_BATCH_NORM:
        return build_norm(b, n);
    case ARC_KIND_RELU:
    case ARC_KIND_PRELU:
        return build_act(b, n);
    case ARC_KIND_ADD:
    case ARC_KIND_SUB:
    case ARC_KIND_MUL:
    case ARC_KIND_DIV:
        return build_pair(b, n);
    case ARC_KIND_GEMM:
        return build_gemm(b, n);
    default:
        return build_single(b, n);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

static bool has_weights_to_learn(const arc_learn_step *s) {
    const arc_learn_parameter *const p[] = {s->weight, s->bias, s->slope};
    for (size_t i = 0; i < ARC_COUNT(p); i++)
        if (p[i] && !p[i]->frozen)
            return true;
    return false;
}

static void mark_values(arc_learner *l) {
    for (int i = 0; i < l->steps; i++) {
        const arc_learn_step *s = &l->step[i];
        bool learns = has_weights_to_learn(s);
        for (int k = 0; k < s->inputs; k++) {
            arc_learn_value *v = &l->value[s->in[k]];
            v->users++;
            v->last_user = i;
            learns |= v->learns;
        }
        l->value[s->out].learns = learns;
    }
}

static arc_status make_room(builder *b) {
    arc_learner *l = b->l;
    const size_t values = (size_t)b->g->values, nodes = (size_t)b->g->nodes;
    b->tensor = arc_arena_new(&l->arena, values, sizeof *b->tensor);
    b->activation = arc_arena_new(&l->arena, values, sizeof *b->activation);
    b->users = arc_arena_new(&l->arena, values, sizeof *b->users);
    b->live = arc_arena_new(&l->arena, nodes + 1, sizeof *b->live);
    l->owner = arc_arena_new(&l->arena, values, sizeof *l->owner);
    l->step = arc_arena_new(&l->arena, nodes + 1, sizeof *l->step);
    l->value = arc_arena_new(&l->arena, nodes + 2, sizeof *l->value);
    l->norm = arc_arena_new(&l->arena, nodes + 1, sizeof *l->norm);
    l->parameter = arc_arena_new(&l->arena, values + 1, sizeof *l->parameter);
    l->statistic = arc_arena_new(&l->arena, values + 1, sizeof *l->statistic);
    const bool all = b->tensor && b->activation && b->users && b->live && l->owner && l->step && l->value && l->norm &&
                     l->parameter && l->statistic;
    return all ? ARC_OK : arc_fail_nomem(b->err, "the learner's steps");
}

arc_status arc_learn_build(arc_learner *l, const arc_shape *input, arc_error *err) {
    builder b = {.l = l, .g = l->graph, .err = err};
    if (b.g->inputs != 1 || b.g->outputs != 1 || input->rank != 4)
        return arc_fail(err, ARC_EUNSUPPORTED, "a network that learns has one input [n,c,h,w] and one output; this has %d and %d",
                        b.g->inputs, b.g->outputs);
    arc_status st = make_room(&b);
    if (st != ARC_OK)
        return st;
    begin_tensors(&b);
    arc_shape images = *input;
    images.dim[0] = l->options.batch;
    if (arc_shape_count(&images) <= 0)
        return arc_fail(err, ARC_EINVAL, "the images' shape must be known");
    const int x = b.g->input[0];
    b.tensor[x] = (arc_tensor){.dtype = ARC_F32, .shape = images};
    b.activation[x] = add_value(&b, &images, ARC_STORE_F32, ARC_NO_VALUE);
    for (int i = 0; st == ARC_OK && i < b.g->nodes; i++) {
        if (!b.live[i])
            continue;
        st = infer_node(&b, &b.g->node[i]);
        if (st == ARC_OK)
            st = build_node(&b, &b.g->node[i]);
    }
    if (st != ARC_OK)
        return st;
    const int out = b.activation[b.g->output[0]];
    if (out <= 0 || l->value[out].shape.rank != 2)
        return arc_fail(err, ARC_EUNSUPPORTED, "the network's output must be one row of numbers an image");
    l->value[out].is_output = true;
    mark_values(l);
    return ARC_OK;
}
