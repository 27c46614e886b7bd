/* op: Einsum of any number of inputs and letters, with ellipsis. The equation is worked out once, when the step is prepared: each
 * letter is a loop with a stride in every input; those that the output lacks are summed over, in double. */
#include "op/layer.h"
#include <string.h>

#define MAX_LETTERS 24 /* named ones and the dimensions of the ellipsis */
#define MAX_INPUTS 8
#define DOTS 1 /* codes of the ellipsis' dimensions: DOTS .. DOTS + ARC_MAX_RANK - 1, below any letter */

typedef struct einsum_state {
    int inputs, kept, summed; /* loops: kept ones first, in the output's order */
    int64_t dim[MAX_LETTERS], stride[MAX_INPUTS][MAX_LETTERS];
    int64_t outputs, length;
} einsum_state;

/* One term: a code for each dimension. */
typedef struct term {
    int rank;
    char code[ARC_MAX_RANK];
} term;

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads a term up to `stop`; the ellipsis stands for `dots` dimensions (-1: for what is left of `rank`). */
static const char *read_term(const char *at, int rank, int dots, term *t, int *dots_here) {
    int letters = 0;
    bool seen = false;
    for (const char *p = at; *p && *p != ',' && *p != '-'; p++)
        letters += is_letter(*p);
    t->rank = 0;
    *dots_here = 0;
    for (; *at && *at != ',' && *at != '-'; at++) {
        if (*at == ' ')
            continue;
        if (strncmp(at, "...", 3) == 0 && !seen) {
            *dots_here = dots >= 0 ? dots : rank - letters;
            if (*dots_here < 0 || t->rank + *dots_here > ARC_MAX_RANK)
                return NULL;
            for (int i = 0; i < *dots_here; i++) /* lined up from the right */
                t->code[t->rank++] = (char)(DOTS + ARC_MAX_RANK - *dots_here + i);
            seen = true;
            at += 2;
        } else if (is_letter(*at) && t->rank < ARC_MAX_RANK) {
            t->code[t->rank++] = *at;
        } else {
            return NULL;
        }
    }
    return at;
}

static int find_code(const char *codes, int count, char c) {
    for (int i = 0; i < count; i++)
        if (codes[i] == c)
            return i;
    return -1;
}

/* The output where the equation has none: the ellipsis, then every letter that stands once, in the order of the alphabet. */
static bool implicit_output(const term *in, int inputs, int dots, term *out) {
    int times[128] = {0};
    out->rank = 0;
    for (int i = 0; i < dots; i++)
        out->code[out->rank++] = (char)(DOTS + ARC_MAX_RANK - dots + i);
    for (int k = 0; k < inputs; k++)
        for (int i = 0; i < in[k].rank; i++)
            times[(unsigned char)in[k].code[i] & 127]++;
    for (int c = 'A'; c <= 'z'; c++)
        if (times[c] == 1) {
            if (out->rank == ARC_MAX_RANK)
                return false;
            out->code[out->rank++] = (char)c;
        }
    return true;
}

static const char *read_equation(const arc_node *node, const arc_shape *const *shape, int inputs, term *in, term *out) {
    const char *at = arc_attr_string(node, "equation", "");
    int most = 0, here;
    for (int k = 0; k < inputs; k++) {
        at = read_term(at, shape[k]->rank, -1, &in[k], &here);
        if (!at || in[k].rank != shape[k]->rank || (k + 1 < inputs && *at++ != ','))
            return "the equation does not fit its inputs";
        most = ARC_MAX(most, here);
    }
    if (!*at)
        return implicit_output(in, inputs, most, out) ? NULL : "the result has too many dimensions";
    if (strncmp(at, "->", 2) != 0)
        return "the equation does not fit its inputs";
    at = read_term(at + 2, 0, most, out, &here);
    return at && !*at ? NULL : "the equation's result is malformed";
}

static const char *work_out(const arc_node *node, const arc_shape *const *shape, int inputs, einsum_state *e, arc_shape *y) {
    term in[MAX_INPUTS], out;
    char code[MAX_LETTERS];
    int codes = 0;
    memset(e, 0, sizeof *e);
    if (inputs > MAX_INPUTS)
        return "has too many inputs";
    const char *why = read_equation(node, shape, inputs, in, &out);
    if (why)
        return why;
    for (int i = 0; i < out.rank; i++) {
        if (find_code(code, codes, out.code[i]) >= 0)
            return "a letter stands twice in the result";
        code[codes++] = out.code[i];
    }
    e->kept = codes;
    for (int i = 0; i < MAX_LETTERS; i++)
        e->dim[i] = 1;
    for (int k = 0; k < inputs; k++) {
        int64_t stride = 1;
        for (int i = in[k].rank - 1; i >= 0; stride *= shape[k]->dim[i--]) {
            int at = find_code(code, codes, in[k].code[i]);
            if (at < 0 && codes == MAX_LETTERS)
                return "has too many letters";
            if (at < 0)
                code[at = codes++] = in[k].code[i];
            const int64_t d = shape[k]->dim[i];
            if (d != 1 && e->dim[at] != 1 && d != e->dim[at])
                return "the sizes of a letter differ";
            e->dim[at] = d == 1 ? e->dim[at] : d;
            e->stride[k][at] += d == 1 ? 0 : stride;
        }
    }
    for (int i = 0; i < e->kept; i++) {
        bool found = false;
        for (int k = 0; k < inputs; k++)
            found |= find_code(in[k].code, in[k].rank, code[i]) >= 0;
        if (!found)
            return "a letter of the result is in no input";
    }
    e->inputs = inputs;
    e->summed = codes - e->kept;
    *y = (arc_shape){.rank = e->kept};
    for (int i = 0; i < e->kept; i++)
        y->dim[i] = e->dim[i];
    return NULL;
}

/* Outputs, and products summed into each. False when both together are more than a tensor may have, empty dimensions left out. */
static bool count_products(einsum_state *e) {
    int64_t all = 1;
    e->outputs = e->length = 1;
    for (int i = 0; i < e->kept + e->summed; i++) {
        const int64_t d = e->dim[i];
        if (d > 0 && all > ARC_MAX_ELEMENTS / d)
            return false;
        all *= d > 0 ? d : 1;
        *(i < e->kept ? &e->outputs : &e->length) *= d;
    }
    return true;
}

static arc_status einsum_infer(arc_infer *in) {
    const arc_shape *shape[ARC_OP_MAX_IO];
    einsum_state e;
    arc_shape y;
    const arc_status st = arc_infer_needs(in, ARC_MAX(in->inputs, 1));
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < in->inputs; i++) {
        if (in->in[i]->dtype != in->in[0]->dtype || arc_dtype_bytes(in->in[0]->dtype) == 0)
            return arc_op_fail(in, ARC_EFORMAT, "its inputs differ in type");
        shape[i] = &in->in[i]->shape;
    }
    const char *why = work_out(in->node, shape, in->inputs, &e, &y);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "'%.60s': %s", arc_attr_string(in->node, "equation", ""), why);
    if (!count_products(&e))
        return arc_op_fail(in, ARC_ELIMIT, "'%.60s' is too large", arc_attr_string(in->node, "equation", ""));
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

static arc_status einsum_prepare(arc_prepare *p) {
    const arc_step *s = p->step;
    const arc_shape *shape[ARC_OP_MAX_IO];
    arc_shape y;
    einsum_state *e = arc_arena_new(p->arena, 1, sizeof *e);
    if (!e)
        return arc_fail_nomem(p->err, "Einsum");
    for (int i = 0; i < s->inputs; i++)
        shape[i] = &s->in[i].shape;
    const char *why = work_out(s->node, shape, s->inputs, e, &y);
    if (why)
        return arc_fail(p->err, ARC_ESHAPE, "Einsum '%s': %s", s->node->name, why);
    if (!count_products(e))
        return arc_fail(p->err, ARC_ELIMIT, "Einsum '%s' is too large", s->node->name);
    p->step->state = e;
    return ARC_OK;
}

/* Product of the inputs' elements at `at`. */
static double product(const arc_step *s, const int64_t *at, int inputs) {
    double v = 1;
    for (int k = 0; k < inputs; k++)
        v *= s->in[k].dtype == ARC_F32 ? ((const float *)s->in[k].data)[at[k]]
                                       : arc_element_real(s->in[k].dtype, s->in[k].data, at[k]);
    return v;
}

/* Two float inputs along the innermost summed loop, where nearly all of the time goes. */
static double dot(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i * a_step] * b[i * b_step];
    return sum;
}

static double sum_of(const arc_step *s, const einsum_state *e, int64_t *at) {
    const int loops = e->kept + e->summed, last = loops - 1;
    const bool pair = e->summed > 0 && e->inputs == 2 && s->in[0].dtype == ARC_F32;
    int64_t index[MAX_LETTERS] = {0};
    double sum = 0;
    for (int64_t done = 0; done < e->length;) {
        if (pair) {
            sum += dot((const float *)s->in[0].data + at[0], e->stride[0][last], (const float *)s->in[1].data + at[1],
                       e->stride[1][last], e->dim[last]);
            done += e->dim[last];
        } else {
            sum += product(s, at, e->inputs);
            done++;
        }
        for (int d = pair ? last - 1 : last; d >= e->kept; d--) {
            for (int k = 0; k < e->inputs; k++)
                at[k] += e->stride[k][d];
            if (++index[d] < e->dim[d])
                break;
            for (int k = 0; k < e->inputs; k++)
                at[k] -= e->stride[k][d] * e->dim[d];
            index[d] = 0;
        }
    }
    return sum;
}

static void einsum_items(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const einsum_state *e = s->state;
    (void)thread;
    for (size_t o = begin; o < end; o++) {
        int64_t at[MAX_INPUTS] = {0}, rest = (int64_t)o;
        for (int i = e->kept - 1; i >= 0; i--) {
            for (int k = 0; k < e->inputs; k++)
                at[k] += rest % e->dim[i] * e->stride[k][i];
            rest /= e->dim[i];
        }
        arc_element_set_real(s->out[0].dtype, s->out[0].data, (int64_t)o, sum_of(s, e, at));
    }
}

static void einsum_run(const arc_step *s) {
    const einsum_state *e = s->state;
    if (e->outputs > 0)
        arc_pool_run(e->outputs * ARC_MAX(e->length, (int64_t)1) < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)e->outputs, 0,
                     einsum_items, (void *)(uintptr_t)s);
}

const arc_op arc_ops_einsum[] = {
    {.name = "Einsum", .layout = ARC_OP_PLAIN, .infer = einsum_infer, .prepare = einsum_prepare, .run = einsum_run},
    {.name = NULL},
};
