/** @file
 * Decisions of a gallery: from which cosine on somebody is known, what an answer is, and why it came out so. Numbers only:
 * nothing here opens a gallery.
 */
#ifndef ARCFACE_DECIDE_H
#define ARCFACE_DECIDE_H

#include <arcface/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The FPIR that is wished where neither the caller nor the calibration names one. */
#define ARC_FPIR_DEFAULT 0.01

/** How the cosines of an identity's templates become its score. */
typedef enum arc_fusion {
    ARC_FUSE_MAX,    /**< the highest */
    ARC_FUSE_MEAN,   /**< their mean */
    ARC_FUSE_QUALITY /**< their mean, weighted by quality */
} arc_fusion;

/** Where the threshold of a search comes from. */
typedef enum arc_rule_source {
    ARC_RULE_CONTRACT,    /**< the model's contract: for two photos, whatever the size of the gallery */
    ARC_RULE_CALIBRATION, /**< the model's calibration, for this many comparisons */
    ARC_RULE_GIVEN,       /**< the caller */
    ARC_RULE_COHORT       /**< searches for the faces of a cohort, who are not in the gallery */
} arc_rule_source;

/** From which cosine on somebody in a gallery is known. */
typedef struct arc_search_rule {
    double threshold;       /**< cosine, -1 to 1; a score if `normalised` */
    arc_rule_source source; /**< where it comes from */
    int64_t comparisons;    /**< that one search makes; at least 1 */
    double far;             /**< false accept rate of one comparison at the threshold; NAN = not calibrated */
    double fpir;            /**< share of strangers that are taken for somebody at the threshold; NAN = not calibrated */
    int64_t impostor;       /**< pairs of two people behind the rates, or faces of a cohort; 0 = nothing is behind them */
    bool supported;         /**< at least 10 of them lie above the threshold: the rates are measured */
    bool normalised;        /**< it is for scores that a cohort normalised (arcface/cohort.h), not for cosines */
    /** the threshold lies above all of them: it continues the line through the calibration's scores for 100 and for 10 impostor
     * pairs, cosine against logarithm of FAR, and its rates are what was wished, not measured */
    bool extrapolated;
} arc_search_rule;

/** The threshold at which a stranger is taken for somebody in `fpir` of all searches. With a calibration the comparisons of a
 * search are taken as independent: one of them may accept a stranger with FAR = 1 - (1 - fpir)^(1/comparisons), and the
 * calibration's curve has the cosine; the calibration's own threshold for searches is used where it was made for these numbers.
 * Without one it is the model's own threshold, which knows nothing of the gallery's size.
 * comparisons: the templates in the gallery with ARC_FUSE_MAX, its identities otherwise; less than 1 counts as 1. fpir: above 0,
 * below 1; 0 = the calibration's, or ARC_FPIR_DEFAULT where it has none. Thread: any. */
ARC_API void arc_search_rule_of(const arc_verify_rule *model, int64_t comparisons, double fpir, arc_search_rule *out);

/** A threshold that the caller wants, with the rates that the calibration has for it. Thread: any. */
ARC_API void arc_search_rule_given(const arc_verify_rule *model, int64_t comparisons, double threshold, arc_search_rule *out);

/** Sentences: the threshold, where it comes from, its rates, and what they rest on. Ownership: free with arc_text_free. Thread:
 * any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_search_rule_describe(arc_context *ctx, const arc_search_rule *rule, char **text,
                                                          arc_error *err);

/** Somebody whom a face resembles. */
typedef struct arc_match {
    int64_t identity;       /**< who */
    const char *name;       /**< belongs to the answer */
    int64_t template_id;    /**< the most similar template */
    double cosine;          /**< score of the identity, by the gallery's fusion */
    double best_cosine;     /**< of the most similar template */
    double negative_cosine; /**< of the most similar face that is known not to be this person; NAN = there is none */
    double score;           /**< the cosine normalised by a cohort; NAN = without one */
    double threshold;       /**< of cosines: the identity's own, or the search's; of scores in a search with a cohort */
    double own_threshold;   /**< cosine that this person must be reached with, in a search with a cohort too; NAN = none */
    bool accepted;          /**< cosine, or score, >= threshold, the own one is reached too, and not ruled out */
    bool negative;          /**< ruled out: at least as similar to a face that is not this person as to this person */
    double probability;     /**< of one person, at equal priors; NAN = not calibrated */
    double far;             /**< false accept rate of one comparison at this cosine; NAN = not calibrated */
} arc_match;

/** Whether a face is known. */
typedef enum arc_known {
    ARC_UNKNOWN, /**< nobody in the gallery is similar enough */
    ARC_KNOWN,   /**< match[0] is accepted */
    ARC_EMPTY    /**< there was nobody to compare with */
} arc_known;

/** The answer to one face. */
typedef struct arc_answer {
    arc_known known;      /**< the decision */
    int matches;          /**< number of matches */
    arc_match *match;     /**< [matches] highest score first, those that are ruled out last */
    arc_search_rule rule; /**< of the search */
    double
        margin_to_second; /**< cosine or score of the first less that of the second, ruled out ones left aside; NAN = no second */
    int64_t compared;     /**< identities that it was compared with */
} arc_answer;

/** Why the answer is what it is, in sentences: cosine and threshold, where that comes from, the one who comes second, the
 * gallery's size, the picture's quality, who was ruled out. quality: 0 to 1 as arc_face_quality combines it; NAN = unknown.
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_answer_explain(arc_context *ctx, const arc_answer *answer, double quality, char **text,
                                                    arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
