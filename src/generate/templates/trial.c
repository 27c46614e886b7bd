/* generate: how often faces are accepted in the place of their owners, and of others. */
#include "generate/metrics/cosines.h"
#include "generate/templates/templates.h"

static double dot(const float *a, const float *b, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

arc_status arc_trial_run(arc_context *ctx, const float *face, const float *owner, int count, int dim, double threshold,
                         double *cosine, arc_template_trial *out, arc_error *err) {
    double *own = arc_mem_raw(&ctx->alloc, (size_t)count, sizeof *own);
    int64_t accepted = 0, strangers = 0;
    if (!own)
        return arc_fail_nomem(err, "cosines");
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            const double c = dot(face + (size_t)i * (size_t)dim, owner + (size_t)j * (size_t)dim, dim);
            if (i == j) {
                own[i] = c;
                accepted += c >= threshold;
            } else {
                strangers += c >= threshold;
            }
        }
    for (int i = 0; cosine && i < count; i++)
        cosine[i] = own[i];
    arc_generate_summarise(own, count, &out->cosine);
    out->accepted = arc_rate_of(accepted, count);
    out->strangers = arc_rate_of(strangers, (int64_t)count * (count - 1));
    arc_mem_free(&ctx->alloc, own);
    return ARC_OK;
}
