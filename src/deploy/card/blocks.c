/* deploy/card: the blocks of a network. Where all that depends on the picture passes through one value the network is cut; what
 * lies between two cuts is a single layer, or a unit with branches that meet at its end. Layers without weights join the one in
 * front, and blocks that follow each other with the same layers, shapes and work become one that is counted. */
#include "deploy/card/card.h"
#include "op/op.h"
#include "plan/cost.h"
#include <stdio.h>
#include <string.h>

#define DETAIL_BYTES 512
#define MAX_NODES 20000  /* of larger ones there are no blocks */
#define MAX_PERIOD 4     /* blocks that are repeated together */
#define MAX_ROW 5        /* layers with weights in one block */
#define MAX_WORDS 14     /* of a unit; of more the weights are counted */
#define DOT " \xc2\xb7 " /* between words */

typedef enum type { LAYER, UNIT, ENDING } type; /* ENDING: joins the block in front */

typedef struct piece {
    const char *title;
    char detail[DETAIL_BYTES];
    type type;
    int words, weights;
    arc_shape out;
    int64_t parameters, macs;
} piece;

typedef struct finder {
    arc_card_network net;
    const arc_graph *g;
    arc_arena arena; /* of the search */
    bool *live;      /* [values] */
    arc_shape *out;  /* [nodes] */
    int64_t *parameters, *macs;
    int *node, nodes; /* those that compute something from the picture, in order */
    int *piece_of;    /* [g->nodes] */
    bool *cut;        /* [nodes] all passes through the result of this one */
    piece *piece;
    int pieces;
} finder;

/* ---- what depends on the picture ---- */

static bool reads_live(const finder *f, const arc_node *n) {
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0 && f->live[n->input[i]])
            return true;
    return false;
}

static void find_live(finder *f) {
    for (int i = 0; i < f->g->inputs; i++)
        f->live[f->g->input[i]] = true;
    for (int i = 0; i < f->g->nodes; i++) {
        const arc_node *n = &f->g->node[i];
        if (n->entry->shape_query || !reads_live(f, n))
            continue;
        f->node[f->nodes++] = i;
        for (int k = 0; k < n->outputs; k++)
            if (n->output[k] >= 0)
                f->live[n->output[k]] = true;
    }
}

/* Cuts behind every node after which one live value alone is still needed. */
static bool find_cuts(finder *f) {
    int *last = arc_arena_new(&f->arena, (size_t)f->g->values + 1, sizeof *last); /* 1 + place of its last reader; 0: none */
    if (!last)
        return false;
    for (int k = 0; k < f->nodes; k++) {
        const arc_node *n = &f->g->node[f->node[k]];
        for (int i = 0; i < n->inputs; i++)
            if (n->input[i] >= 0 && f->live[n->input[i]])
                last[n->input[i]] = k + 1;
    }
    int open = 0;
    for (int i = 0; i < f->g->inputs; i++)
        open += last[f->g->input[i]] > 0;
    for (int k = 0; k < f->nodes; k++) {
        const arc_node *n = &f->g->node[f->node[k]];
        for (int i = 0; i < n->inputs; i++)
            if (n->input[i] >= 0 && last[n->input[i]] == k + 1) {
                open--;
                last[n->input[i]] = 0; /* x + x reads x once */
            }
        for (int i = 0; i < n->outputs; i++)
            open += n->output[i] >= 0 && last[n->output[i]] > 0;
        f->cut[k] = open <= 1;
    }
    return true;
}

/* ---- pieces ---- */

static void say(piece *p, const char *word) {
    const size_t used = strlen(p->detail);
    if (*word)
        snprintf(p->detail + used, DETAIL_BYTES - used, "%s%s", used ? DOT : "", word);
    p->words += *word != '\0';
}

static bool is_softmax(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_SOFTMAX) || arc_node_is(n, ARC_KIND_ATTENTION);
}

/* The sum of two branches. */
static bool joins(const finder *f, const arc_node *n) {
    return arc_node_is(n, ARC_KIND_ADD) && f->live[n->input[0]] && f->live[n->input[1]];
}

static const char *title_of(const piece *p, bool residual, bool attention) {
    const bool convolves = strstr(p->detail, "\xc3\x97") != NULL; /* a kernel's size */
    if (attention)
        return "Attention";
    if (residual)
        return convolves ? "Residual unit" : "Feed-forward";
    if (p->weights > 1)
        return "Branches";
    if (!p->weights)
        return p->words ? "Pooling" : "Pixels";
    return !convolves ? "Fully connected" : strncmp(p->detail, "depthwise", 9) == 0 ? "Depthwise convolution" : "Convolution";
}

/* Too many layers to list. */
static void summarise(piece *p, int convolutions, int products) {
    int used = snprintf(p->detail, DETAIL_BYTES, "%d convolutions", convolutions);
    if (products && used > 0)
        snprintf(p->detail + used, DETAIL_BYTES - (size_t)used, DOT "%d products with weights", products);
}

/* Nodes from..to of the list as one piece. */
static void make_piece(const finder *f, int from, int to, piece *p) {
    bool attention = false;
    int convolutions = 0;
    char word[96];
    *p = (piece){.out = f->out[f->node[to]]};
    for (int k = from; k <= to; k++) {
        const arc_node *n = &f->g->node[f->node[k]];
        const bool weights = arc_card_has_weights(&f->net, n);
        arc_card_word(&f->net, n, word, sizeof word);
        convolutions += weights && strstr(word, "\xc3\x97") != NULL;
        p->weights += weights;
        attention |= is_softmax(n);
        say(p, word);
    }
    const bool residual = to > from && joins(f, &f->g->node[f->node[to]]) && (p->weights > 0 || attention);
    p->type = residual || p->weights > 1                                                    ? UNIT
              : p->weights == 1 || strstr(p->detail, "pool") || strstr(p->detail, "global") ? LAYER
                                                                                            : ENDING;
    p->title = title_of(p, residual, attention && p->type == UNIT);
    if (p->words > MAX_WORDS)
        summarise(p, convolutions, p->weights - convolutions);
    if (residual) /* no word of its own: a line must not begin with it */
        snprintf(p->detail + strlen(p->detail), DETAIL_BYTES - strlen(p->detail), " +");
}

/* A normalisation behind a unit is a layer of its own; all else without weights ends what is in front. */
static bool ends_last(const finder *f, const piece *p) {
    const piece *last = f->pieces ? &f->piece[f->pieces - 1] : NULL;
    if (!last || p->type != ENDING)
        return false;
    return last->type != UNIT || !p->words || strstr(p->detail, "LU") != NULL;
}

/* Of what stands in front of the first layer. */
static const char *pixel_word(const arc_node *n) {
    const bool scales = arc_node_is(n, ARC_KIND_SUB) || arc_node_is(n, ARC_KIND_ADD) || arc_node_is(n, ARC_KIND_MUL) ||
                        arc_node_is(n, ARC_KIND_DIV);
    return scales ? "normalisation" : n->op;
}

static void take_piece(finder *f, int from, int to) {
    piece *p = &f->piece[f->pieces];
    make_piece(f, from, to, p);
    if (ends_last(f, p)) {
        piece *last = &f->piece[f->pieces - 1];
        if (p->words)
            say(last, p->detail);
        last->out = p->out;
    } else {
        if (p->type == ENDING && p->words)
            p->title = "Normalisation";
        else if (p->type == ENDING)
            say(p, pixel_word(&f->g->node[f->node[from]]));
        f->pieces++;
    }
    for (int k = from; k <= to; k++)
        f->piece_of[f->node[k]] = f->pieces - 1;
}

/* Work on constants, such as weights in 8 bits, belongs to the first piece that reads its result. */
static void add_costs(finder *f) {
    for (int i = f->g->nodes - 1; i >= 0; i--) {
        const arc_node *n = &f->g->node[i];
        for (int k = 0; k < n->inputs; k++) {
            const int from = n->input[k] >= 0 ? f->g->value[n->input[k]].producer : -1;
            if (from >= 0 && !f->live[n->input[k]])
                f->piece_of[from] = ARC_MIN(f->piece_of[from], f->piece_of[i]);
        }
    }
    for (int i = 0; i < f->g->nodes; i++)
        if (f->piece_of[i] < f->pieces) {
            f->piece[f->piece_of[i]].parameters += f->parameters[i];
            f->piece[f->piece_of[i]].macs += f->macs[i];
        }
}

/* ---- repeats ---- */

/* Parameters may differ: what two share counts at the first. */
static bool alike(const piece *a, const piece *b) {
    return strcmp(a->title, b->title) == 0 && strcmp(a->detail, b->detail) == 0 && arc_shape_equal(&a->out, &b->out) &&
           a->macs == b->macs;
}

/* How often the `period` pieces from `at` follow themselves. */
static int times_of(const finder *f, int at, int period) {
    int times = 1;
    for (int next = at + period; next + period <= f->pieces; next += period, times++)
        for (int i = 0; i < period; i++)
            if (!alike(&f->piece[at + i], &f->piece[next + i]))
                return times;
    return times;
}

/* Layers that stand alone, in a row; `own`: the name of what they are made of. */
static const char *row_title(const finder *f, int at, int count, const char *own) {
    const arc_shape *from = at > 0 ? &f->piece[at - 1].out : NULL, *to = &f->piece[at + count - 1].out;
    if (at + count == f->pieces)
        return "Head";
    if (at == 0)
        return "Stem";
    return count > 1 && from->rank == 4 && to->rank == 4 && to->dim[2] < from->dim[2] ? "Downsampling" : own;
}

/* A picture of one pixel is a vector. */
static int64_t height_of(const arc_shape *s) {
    return s->rank == 4 && s->dim[2] * s->dim[3] > 1 ? s->dim[2] : 0;
}

/* How many pieces from `at` are single layers that no repetition begins with, among them at most one that changes the resolution
 * `height`. */
static int row_length(const finder *f, int at, int64_t height) {
    int count = 0, weights = 0;
    bool changed = false;
    for (int i = at; i < f->pieces && f->piece[i].type != UNIT && weights < MAX_ROW; i++, count++) {
        for (int p = 1; p <= MAX_PERIOD; p++)
            if (times_of(f, i, p) > 1)
                return count;
        if (height_of(&f->piece[i].out) != height) {
            if (changed)
                return count;
            changed = true;
            height = height_of(&f->piece[i].out);
        }
        weights += f->piece[i].weights;
    }
    return count;
}

static const char *title_of_several(const piece *p, int count) {
    bool units = false;
    for (int i = 0; i < count; i++)
        units |= p[i].type == UNIT;
    if (count == 2 && strcmp(p[0].title, "Attention") == 0 && strcmp(p[1].title, "Feed-forward") == 0)
        return "Transformer block";
    return units ? "Units" : "Layers";
}

/* `count` pieces, `times` times. */
static void put_block(arc_card_document *d, const piece *p, int count, int times, arc_card_block *b) {
    *b = (arc_card_block){.title = count > 1 ? title_of_several(p, count) : p->title,
                          .detail = arc_card_print(d, "%s", p->detail),
                          .times = times,
                          .out = p[count - 1].out};
    for (int i = 0; i < count * times; i++) {
        b->parameters += p[i].parameters;
        b->macs += p[i].macs;
    }
    for (int i = 1; i < count; i++)
        b->detail = arc_card_print(d, "%s" DOT "%s", b->detail, p[i].detail);
}

static void put_blocks(const finder *f, arc_card_document *d, const arc_shape *in, arc_card_blocks *out) {
    for (int at = 0; at < f->pieces;) {
        int period = 1, times = 1;
        for (int p = 1; p <= MAX_PERIOD; p++) {
            const int t = times_of(f, at, p);
            if (t > 1 && (times == 1 || t * p > times * period)) {
                period = p;
                times = t;
            }
        }
        arc_card_block *b = &out->block[out->count++];
        const int row = times == 1 ? row_length(f, at, height_of(at > 0 ? &f->piece[at - 1].out : in)) : 0;
        put_block(d, &f->piece[at], ARC_MAX(row, period), times, b);
        if (row > 0)
            b->title = row_title(f, at, row, b->title);
        at += row > 0 ? row : period * times;
    }
}

/* ---- whole ---- */

static arc_status fill_costs(finder *f, arc_context *ctx, const arc_model *model, arc_error *err) {
    arc_graph_cost sum;
    const arc_shape one = arc_model_report_shape(model), shape[2] = {one, arc_model_points_shape(model, one.dim[0])};
    arc_node_cost *each = arc_mem_new(&ctx->alloc, (size_t)f->g->nodes + 1, sizeof *each);
    if (!each)
        return arc_fail_nomem(err, "the architecture");
    const arc_status st = arc_graph_costs(f->g, shape, each, &sum, NULL, err);
    for (int i = 0; st == ARC_OK && i < f->g->nodes; i++) {
        f->out[i] = each[i].out;
        f->macs[i] = each[i].macs / one.dim[0];
        f->parameters[i] = each[i].parameters;
    }
    arc_mem_free(&ctx->alloc, each);
    return st;
}

static bool open_finder(finder *f, const arc_context *ctx, const arc_graph *g) {
    const size_t nodes = (size_t)g->nodes + 1;
    *f = (finder){.g = g};
    arc_arena_init(&f->arena, &ctx->alloc, 0);
    f->live = arc_arena_new(&f->arena, (size_t)g->values + 1, sizeof *f->live);
    f->out = arc_arena_new(&f->arena, nodes, sizeof *f->out);
    f->parameters = arc_arena_new(&f->arena, nodes, sizeof *f->parameters);
    f->macs = arc_arena_new(&f->arena, nodes, sizeof *f->macs);
    f->node = arc_arena_new(&f->arena, nodes, sizeof *f->node);
    f->piece_of = arc_arena_new(&f->arena, nodes, sizeof *f->piece_of);
    f->cut = arc_arena_new(&f->arena, nodes, sizeof *f->cut);
    f->piece = arc_arena_new(&f->arena, nodes, sizeof *f->piece);
    f->net = (arc_card_network){g, f->out, f->live};
    for (int i = 0; f->piece_of && i < g->nodes; i++)
        f->piece_of[i] = g->nodes;
    return f->live && f->out && f->parameters && f->macs && f->node && f->piece_of && f->cut && f->piece;
}

arc_status arc_card_blocks_find(arc_context *ctx, const arc_model *model, arc_card_document *d, arc_card_blocks *out,
                                arc_error *err) {
    arc_status st;
    finder f;
    *out = (arc_card_blocks){0};
    if (model->graph->nodes > MAX_NODES)
        return ARC_OK;
    if (!open_finder(&f, ctx, model->graph)) {
        st = arc_fail_nomem(err, "the architecture");
        goto done;
    }
    ARC_TRY(fill_costs(&f, ctx, model, err));
    find_live(&f);
    if (!find_cuts(&f)) {
        st = arc_fail_nomem(err, "the architecture");
        goto done;
    }
    for (int from = 0, k = 0; k < f.nodes; k++)
        if (f.cut[k] || k == f.nodes - 1) {
            take_piece(&f, from, k);
            from = k + 1;
        }
    add_costs(&f);
    out->block = arc_arena_new(&d->arena, (size_t)f.pieces + 1, sizeof *out->block);
    d->full |= !out->block;
    const arc_shape in = arc_model_report_shape(model);
    if (out->block)
        put_blocks(&f, d, &in, out);
done:
    arc_arena_free(&f.arena);
    return st;
}
