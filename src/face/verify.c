/* face: decides whether two faces belong to the same person, by the threshold and the calibration of the model. eval/ measures
 * thresholds, model/calibration.c stores them in the model. */
#include "base/base.h"
#include "face/pipeline.h"
#include <arcface/results.h>
#include <arcface/verify.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

arc_status arc_verify_rule_of(const arc_model *embedder, arc_verify_rule *out, arc_error *err) {
    const arc_contract *c = arc_model_contract(embedder);
    *out = (arc_verify_rule){.threshold = (double)c->threshold};
    if (c->task != ARC_TASK_EMBED)
        return arc_fail(err, ARC_EINVAL, "this model does not make embeddings: it cannot tell persons apart");
    return arc_model_calibration(embedder, &out->calibration, &out->calibrated, err);
}

static arc_verdict judge(const arc_verify_rule *rule, double cosine) {
    const double bounded = ARC_MAX(-1.0, ARC_MIN(cosine, 1.0));
    arc_verdict v = {.same = cosine >= rule->threshold,
                     .cosine = cosine,
                     .angle_degrees = acos(bounded) * 180.0 / pi,
                     .threshold = rule->threshold,
                     .calibrated = rule->calibrated};
    if (rule->calibrated) {
        v.probability = arc_calibration_probability(&rule->calibration, cosine);
        v.far = arc_calibration_far(&rule->calibration, cosine);
        v.far_of_threshold = arc_calibration_far(&rule->calibration, rule->threshold);
    }
    return v;
}

void arc_verify_embeddings(const arc_verify_rule *rule, const float *a, const float *b, int dim, arc_verdict *out) {
    *out = judge(rule, arc_embedding_cosine(a, b, dim));
}

static arc_status check_photo(const arc_result *r, arc_error *err) {
    arc_error why;
    if (r->status == ARC_OK && r->faces > 0)
        return ARC_OK;
    arc_result_explain(r, &why);
    return arc_fail(err, why.code, "%s", why.text);
}

static void judge_pairs(arc_verified *v, const arc_verify_rule *rule, int dim) {
    const int others = v->photo[1].faces;
    for (int a = 0; a < v->photo[0].faces; a++)
        for (int b = 0; b < others; b++) {
            arc_verdict *pair = &v->pair[a * others + b];
            arc_verify_embeddings(rule, v->photo[0].face[a].embedding, v->photo[1].face[b].embedding, dim, pair);
            if (a + b == 0 || pair->cosine > v->verdict.cosine) {
                v->verdict = *pair;
                v->face[0] = a;
                v->face[1] = b;
            }
        }
}

arc_status arc_verify(arc_pipeline *pipeline, const arc_photo photos[2], const arc_verify_rule *rule, arc_verified *out,
                      arc_error *err) {
    const arc_model *model = arc_pipeline_model(pipeline);
    arc_verify_rule own;
    *out = (arc_verified){0};
    if (!model)
        return arc_fail(err, ARC_EINVAL, "a pipeline without an embedder cannot tell persons apart");
    arc_status st = ARC_OK;
    if (!rule)
        ARC_TRY(arc_verify_rule_of(model, &own, err));
    ARC_TRY(arc_pipeline_run_photos(pipeline, photos, 2, out->photo, NULL, NULL, err));
    for (int k = 0; k < 2; k++)
        ARC_TRY(check_photo(&out->photo[k], err));
    out->pair = arc_mem_new(&arc_pipeline_context(pipeline)->alloc, (size_t)out->photo[0].faces * (size_t)out->photo[1].faces,
                            sizeof *out->pair);
    if (!out->pair) {
        st = arc_fail_nomem(err, "the pairs of faces");
        goto done;
    }
    judge_pairs(out, rule ? rule : &own, arc_model_contract(model)->dim);
done:
    return st;
}

void arc_verified_free(arc_context *ctx, arc_verified *verified) {
    if (!verified)
        return;
    for (int k = 0; k < 2; k++)
        arc_result_free(ctx, &verified->photo[k]);
    arc_mem_free(&ctx->alloc, verified->pair);
    *verified = (arc_verified){0};
}
