/* op: NonMaxSuppression: for each image and class the boxes with the best scores that overlap no better one. How many they are
 * depends on the scores, so boxes and scores must be known at plan time; a detector's own suppression (face/detect) follows its
 * network and needs no such node. */
#include "op/layer.h"

enum { BOXES, SCORES, MOST, OVERLAP, LEAST, INPUTS }; /* inputs */

typedef struct suppression {
    const arc_tensor *boxes, *scores; /* [images][n][4], [images][classes][n] */
    int64_t images, classes, n, most;
    double overlap, least;
    bool has_least, centred; /* centred: middle and size, else two corners */
} suppression;

static double number(const arc_tensor *t, double otherwise) {
    return t && t->data ? arc_element_real(t->dtype, t->data, 0) : otherwise;
}

/* What is wrong, or NULL. in[i] NULL: omitted. */
static const char *read_request(const arc_node *node, const arc_tensor *const *in, suppression *q) {
    const arc_shape *b = &in[BOXES]->shape, *s = &in[SCORES]->shape;
    *q = (suppression){.boxes = in[BOXES], .scores = in[SCORES], .centred = arc_attr_int(node, "center_point_box", 0) != 0};
    if (b->rank != 3 || s->rank != 3 || b->dim[2] != 4 || b->dim[0] != s->dim[0] || b->dim[1] != s->dim[2])
        return "boxes must be [N,B,4] and scores [N,C,B]";
    if (in[BOXES]->dtype != ARC_F32 || in[SCORES]->dtype != ARC_F32)
        return "boxes and scores must be float32";
    for (int i = MOST; i < INPUTS; i++)
        if (in[i] && (arc_shape_count(&in[i]->shape) != 1 || (i == MOST) != arc_dtype_is_int(in[i]->dtype)))
            return "a limit is no single number";
    q->images = s->dim[0];
    q->classes = s->dim[1];
    q->n = s->dim[2];
    q->most = in[MOST] && in[MOST]->data ? arc_element_int(in[MOST]->dtype, in[MOST]->data, 0) : 0;
    q->most = ARC_MIN(q->most, q->n);
    q->overlap = number(in[OVERLAP], 0);
    q->has_least = in[LEAST] != NULL;
    q->least = number(in[LEAST], 0);
    return NULL;
}

/* y0, x0, y1, x1 in order of size. */
static void corners(const suppression *q, int64_t image, int64_t box, double c[4]) {
    const float *b = (const float *)q->boxes->data + (image * q->n + box) * 4;
    for (int i = 0; i < 2; i++) {
        const double first = q->centred ? b[1 - i] - b[3 - i] / 2.0 : b[i],
                     second = q->centred ? b[1 - i] + b[3 - i] / 2.0 : b[2 + i];
        c[i] = ARC_MIN(first, second);
        c[2 + i] = ARC_MAX(first, second);
    }
}

static double overlap_of(const double a[4], const double b[4]) {
    const double h = ARC_MIN(a[2], b[2]) - ARC_MAX(a[0], b[0]), w = ARC_MIN(a[3], b[3]) - ARC_MAX(a[1], b[1]);
    const double areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
    return h > 0 && w > 0 ? h * w / (areas - h * w) : 0;
}

/* The best box after `last` in the order of falling scores, the lower index first of equal ones; -1: none is left. */
static int64_t next_best(const suppression *q, const float *score, int64_t last) {
    int64_t best = -1;
    for (int64_t i = 0; i < q->n; i++) {
        const bool enough = !q->has_least || score[i] > q->least;
        const bool after = last < 0 || score[i] < score[last] || (score[i] == score[last] && i > last);
        if (enough && after && (best < 0 || score[i] > score[best]))
            best = i;
    }
    return best;
}

/* The boxes kept of one class of one image: how many; kept [most]. */
static int64_t keep(const suppression *q, int64_t image, int64_t class, int64_t *kept) {
    const float *score = (const float *)q->scores->data + (image * q->classes + class) * q->n;
    int64_t count = 0;
    for (int64_t i = next_best(q, score, -1); i >= 0 && count < q->most; i = next_best(q, score, i)) {
        double box[4], better[4];
        bool free = true;
        corners(q, image, i, box);
        for (int64_t k = 0; free && k < count; k++) {
            corners(q, image, kept[k], better);
            free = !(overlap_of(box, better) > q->overlap);
        }
        if (free)
            kept[count++] = i;
    }
    return count;
}

static arc_status suppress_infer(arc_infer *in) {
    const arc_tensor *given[INPUTS] = {NULL};
    suppression q;
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < in->inputs && i < INPUTS; i++)
        given[i] = in->in[i];
    const char *why = read_request(in->node, given, &q);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "%s", why);
    for (int i = 0; i < INPUTS; i++)
        if (given[i] && !given[i]->data && arc_shape_count(&given[i]->shape) > 0)
            return arc_op_fail(in, ARC_EUNSUPPORTED,
                               "how many boxes are left must be known at plan time; export the detector without suppression");
    arc_shape y = {2, {0, 3}};
    if (q.n > 0) {
        const arc_alloc *a = in->graph ? in->graph->alloc : &arc_alloc_libc;
        int64_t *kept = arc_mem_new(a, (size_t)q.n, sizeof *kept);
        if (!kept)
            return arc_fail_nomem(in->err, "NonMaxSuppression");
        for (int64_t i = 0; i < q.images * q.classes; i++)
            y.dim[0] += keep(&q, i / q.classes, i % q.classes, kept);
        arc_mem_free(a, kept);
    }
    return arc_infer_out(in, 0, ARC_I64, &y);
}

static arc_status suppress_prepare(arc_prepare *p) {
    const arc_shape *scores = &p->step->in[SCORES].shape;
    p->step->shared_scratch_bytes = (size_t)ARC_MAX(scores->dim[2], (int64_t)1) * sizeof(int64_t);
    return ARC_OK;
}

static void suppress_run(const arc_step *s) {
    const arc_tensor *given[INPUTS] = {NULL};
    suppression q;
    int64_t *y = s->out[0].data, *kept = (int64_t *)(void *)s->shared_scratch;
    for (int i = 0; i < s->inputs && i < INPUTS; i++)
        given[i] = s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
    if (read_request(s->node, given, &q) || q.n == 0)
        return;
    for (int64_t i = 0; i < q.images * q.classes; i++)
        for (int64_t k = 0, count = keep(&q, i / q.classes, i % q.classes, kept); k < count; k++, y += 3) {
            y[0] = i / q.classes;
            y[1] = i % q.classes;
            y[2] = kept[k];
        }
}

const arc_op arc_ops_suppress[] = {
    {.name = "NonMaxSuppression",
     .refused = "boxes and scores that are known at run time only",
     .layout = ARC_OP_PLAIN,
     .infer = suppress_infer,
     .prepare = suppress_prepare,
     .run = suppress_run},
    {.name = NULL},
};
