/* gallery/decide: why an answer is what it is, in sentences. */
#include "base/text.h"
#include "gallery/decide/decide.h"
#include <arcface/quality.h>
#include <math.h>

static void add_support(arc_text *t, const arc_search_rule *r) {
    char pairs[32], wanted[32];
    arc_text_grouped(r->impostor, pairs);
    if (r->supported) {
        arc_text_add(t, " Measured with %s pairs of two people.", pairs);
        return;
    }
    arc_text_grouped((int64_t)ceil(10 / r->far), wanted);
    if (r->extrapolated)
        arc_text_add(
            t,
            " That is not measured: no pair of two people in the calibration lies so high, so its curve was continued in a "
            "straight line. It has %s such pairs, and %s are needed: calibrate with more people.",
            pairs, wanted);
    else
        arc_text_add(
            t,
            " That is uncertain: fewer than 10 of the calibration's %s pairs of two people lie so high, and %s pairs are "
            "needed: calibrate with more people.",
            pairs, wanted);
}

static void describe_rule_of_scores(arc_text *t, const arc_search_rule *r) {
    char n[32], faces[32];
    arc_text_grouped(r->comparisons, n);
    arc_text_grouped(r->impostor, faces);
    arc_text_add(t, "The threshold %.4f is one of scores: cosines normalised by a cohort of other people.", r->threshold);
    if (r->source != ARC_RULE_COHORT) {
        arc_text_add(t, " It was given for this search.");
        return;
    }
    arc_text_add(t, " Of the cohort's %s faces %.3g %% at most are taken for somebody of %s.", faces, 100 * r->fpir, n);
    if (!r->supported)
        arc_text_add(t, " That is uncertain: fewer than 10 of them reach it; take a larger cohort.");
}

static void describe_rule(arc_text *t, const arc_search_rule *r) {
    char n[32];
    if (r->normalised) {
        describe_rule_of_scores(t, r);
        return;
    }
    arc_text_grouped(r->comparisons, n);
    if (r->source == ARC_RULE_CALIBRATION)
        arc_text_add(t, "The threshold %.4f comes from the model's calibration", r->threshold);
    else if (r->source == ARC_RULE_GIVEN)
        arc_text_add(t, "The threshold %.4f was given for this search", r->threshold);
    else
        arc_text_add(t, "The threshold %.4f is that of the model's contract for two photos", r->threshold);
    if (isnan(r->far)) {
        arc_text_add(
            t,
            ". The model was never calibrated, so nobody knows how many strangers it takes for somebody in %s comparison%s: "
            "see arcface calibrate --gallery.",
            n, r->comparisons == 1 ? "" : "s");
        return;
    }
    arc_text_add(t, ": of strangers %.3g %% are taken for somebody in %s comparison%s (FAR %.3g of one).", 100 * r->fpir, n,
                 r->comparisons == 1 ? "" : "s", r->far);
    add_support(t, r);
}

arc_status arc_search_rule_describe(arc_context *ctx, const arc_search_rule *rule, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    describe_rule(&t, rule);
    arc_text_add(&t, "\n");
    return arc_text_end(&t, text, err);
}

static const char *name_of(const arc_match *m) {
    return m->name ? m->name : "(no name)";
}

static void explain_score(arc_text *t, const arc_match *m) {
    if (m->accepted)
        arc_text_add(t, "Known: %s, whose cosine %.4f a cohort makes the score %.4f, which reaches the threshold %.4f.",
                     name_of(m), m->cosine, m->score, m->threshold);
    else
        arc_text_add(t, "Unknown: first is %s, whose cosine %.4f a cohort makes the score %.4f; the threshold is %.4f.",
                     name_of(m), m->cosine, m->score, m->threshold);
    if (!isnan(m->own_threshold))
        arc_text_add(t, " Besides, the cosine must reach %.4f, which is %s's own threshold.", m->own_threshold, name_of(m));
}

static void explain_first(arc_text *t, const arc_match *m, const arc_search_rule *r) {
    if (r->normalised)
        explain_score(t, m);
    else if (m->accepted)
        arc_text_add(t, "Known: %s, with cosine %.4f, which reaches the threshold %.4f.", name_of(m), m->cosine, m->threshold);
    else
        arc_text_add(t, "Unknown: the most similar is %s with cosine %.4f, below the threshold %.4f.", name_of(m), m->cosine,
                     m->threshold);
    if (!r->normalised && m->threshold != r->threshold)
        arc_text_add(t, " This threshold is %s's own.", name_of(m));
    if (!isnan(m->probability))
        arc_text_add(t, " At this cosine two faces are one person's with probability %.4f, if both are equally likely before.",
                     m->probability);
    arc_text_add(t, "\n");
}

static void explain_second(arc_text *t, const arc_answer *a) {
    if (isnan(a->margin_to_second))
        return;
    const arc_match *second = &a->match[1];
    if (a->rule.normalised)
        arc_text_add(t, "Second is %s with score %.4f, %.4f less", name_of(second), second->score, a->margin_to_second);
    else
        arc_text_add(t, "Second is %s with cosine %.4f, %.4f less", name_of(second), second->cosine, a->margin_to_second);
    arc_text_add(t, "%s.\n", a->known == ARC_KNOWN && second->accepted ? ", which reaches the threshold too: look at both" : "");
}

static void explain_ruled_out(arc_text *t, const arc_answer *a) {
    for (int i = 0; i < a->matches; i++)
        if (a->match[i].negative)
            arc_text_add(
                t,
                "%s is ruled out: with a face that is known to be somebody else the cosine is %.4f, with the pictures of "
                "this person %.4f.\n",
                name_of(&a->match[i]), a->match[i].negative_cosine, a->match[i].best_cosine);
}

arc_status arc_answer_explain(arc_context *ctx, const arc_answer *answer, double quality, char **text, arc_error *err) {
    arc_text t;
    char n[32];
    arc_text_begin(&t, &ctx->alloc);
    if (answer->known == ARC_EMPTY)
        arc_text_add(&t, "Unknown: there was nobody to compare with.\n");
    else if (answer->matches > 0 && !answer->match[0].negative)
        explain_first(&t, &answer->match[0], &answer->rule);
    else
        arc_text_add(&t, "Unknown: nobody is left whom the face could be.\n");
    explain_second(&t, answer);
    explain_ruled_out(&t, answer);
    if (answer->known != ARC_EMPTY) {
        arc_text_add(&t, "Compared with %s %s.\n", arc_text_grouped(answer->compared, n),
                     answer->compared == 1 ? "person" : "people");
        describe_rule(&t, &answer->rule);
        arc_text_add(&t, "\n");
    }
    if (quality < ARC_QUALITY_POOR)
        arc_text_add(&t, "The picture is poor (quality %.2f of 1): a better one may be decided otherwise.\n", quality);
    return arc_text_end(&t, text, err);
}
