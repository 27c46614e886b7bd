/* generate: the loss of identity and its gradient with respect to embeddings. Open set: the squared distance of the embedding and
 * the target, both of length 1. Closed set: ArcFace's loss with the class as its label. Both are means over the pictures. */
#include "generate/generate.h"
#include "kernel/kernel.h"
#include <math.h>

#define LEAST_LENGTH 1e-12

typedef struct identity_job {
    const arc_generate_identity *id;
    const arc_kernels *kernels;
    const float *embedding;
    double *work; /* [images][2]: loss, cosine */
    float *d;
} identity_job;

static double product(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* d, the gradient by the embedding of length 1, becomes that by the embedding itself. */
static void through_length(const float *e, double length, size_t dim, float *d) {
    const double along = product(e, d, dim) / (length * length);
    for (size_t k = 0; k < dim; k++)
        d[k] = (float)(((double)d[k] - along * (double)e[k]) / length);
}

static double open_one(const identity_job *job, const float *e, const float *target, double length, float *d) {
    const arc_generate_identity *id = job->id;
    double loss = 0;
    for (size_t k = 0; k < id->dim; k++) {
        const double apart = (double)e[k] / length - (double)target[k];
        loss += apart * apart;
        d[k] = (float)(2 * id->weight / (double)id->images * apart);
    }
    return loss;
}

/* Cosines of a picture to all centres become the softmax's shares; the own one's after the margin. */
static double closed_one(const identity_job *job, size_t image, const float *e, double length, double cosine, float *d) {
    const arc_generate_identity *id = job->id;
    const size_t own = (size_t)id->class_of[image];
    const arc_margin_target target = arc_margin_apply(&id->margin, &(arc_margin_state){0}, cosine, length);
    float *logit = id->logit + image * id->classes;
    double most = -INFINITY, sum = 0;
    for (size_t c = 0; c < id->classes; c++) {
        const double value = c == own ? target.value : (double)job->kernels->dot(id->dim, e, id->row + c * id->dim) / length;
        logit[c] = (float)(id->margin.scale * value);
        most = fmax(most, (double)logit[c]);
    }
    for (size_t c = 0; c < id->classes; c++)
        sum += exp((double)logit[c] - most);
    const double loss = most + log(sum) - (double)logit[own], share = id->weight * id->margin.scale / (double)id->images;
    for (size_t k = 0; k < id->dim; k++)
        d[k] = 0;
    for (size_t c = 0; c < id->classes; c++) {
        const double p = exp((double)logit[c] - most) / sum;
        const float by = (float)(share * (c == own ? (p - 1) * target.slope : p));
        const float *row = id->row + c * id->dim;
        for (size_t k = 0; k < id->dim; k++)
            d[k] += by * row[k];
    }
    return loss;
}

static void identify_images(void *arg, size_t begin, size_t end, int thread) {
    const identity_job *job = arg;
    const arc_generate_identity *id = job->id;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float *e = job->embedding + i * id->dim;
        const float *target = id->row + (id->classes ? (size_t)id->class_of[i] : i) * id->dim;
        float *d = job->d + i * id->dim;
        const double length = fmax(sqrt(product(e, e, id->dim)), LEAST_LENGTH), cosine = product(e, target, id->dim) / length;
        job->work[2 * i] = id->classes ? closed_one(job, i, e, length, cosine, d) : open_one(job, e, target, length, d);
        job->work[2 * i + 1] = cosine;
        through_length(e, length, id->dim, d);
    }
}

arc_generate_likeness arc_generate_identify(const arc_generate_identity *id, const arc_context *ctx, const float *embedding,
                                            double *work, float *d) {
    identity_job job = {id, ctx->kernels, embedding, work, d};
    arc_generate_likeness out = {0};
    arc_pool_run(ctx->pool, id->images, 1, identify_images, &job);
    for (size_t i = 0; i < id->images; i++) {
        out.loss += id->weight * work[2 * i] / (double)id->images;
        out.cosine += work[2 * i + 1] / (double)id->images;
    }
    return out;
}

arc_status arc_generate_check_classes(const int *class_of, int count, int classes, arc_error *err) {
    for (int i = 0; i < count; i++)
        if (class_of[i] < 0 || class_of[i] >= classes)
            return arc_fail(err, ARC_EINVAL, "class %d is not there: the centres are of classes 0 to %d", class_of[i],
                            classes - 1);
    return ARC_OK;
}
