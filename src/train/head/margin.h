/* train: the margin losses. Each changes the cosine of a sample to its own class (and some change those to other classes)
 * before a scaled softmax. Here are the changed values and their derivatives; the softmax and the gradients are the head's
 * (head.h). */
#ifndef ARC_TRAIN_HEAD_MARGIN_H
#define ARC_TRAIN_HEAD_MARGIN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum arc_loss_kind {
    ARC_LOSS_SOFTMAX,    /* norm-softmax: no margin */
    ARC_LOSS_ARCFACE,    /* cos(theta + m2) */
    ARC_LOSS_COSFACE,    /* cos theta - m3 */
    ARC_LOSS_SPHEREFACE, /* cos(m1 theta) */
    ARC_LOSS_COMBINED,   /* cos(m1 theta + m2) - m3 (Deng et al. 2022, equation 4) */
    ARC_LOSS_ADAFACE,    /* the margin follows the norm within its batch (Kim et al. 2022) */
    ARC_LOSS_MAGFACE,    /* the margin grows with the norm, norms are drawn outwards (Meng et al. 2021) */
    ARC_LOSS_CURRICULAR  /* hard negatives count more as training goes on (Huang et al. 2020) */
} arc_loss_kind;

/* The value for the own class once m1 theta + m2 passes pi, where the cosine would rise again. */
typedef enum arc_margin_wrap {
    ARC_WRAP_AUTO,     /* fallback where m1 is 1, else mirror */
    ARC_WRAP_NONE,     /* the cosine as it is: arcface_torch since December 2022, MXNet, the paper */
    ARC_WRAP_FALLBACK, /* cos theta - m2 sin(pi - m2): arcface_torch of 2022; slope 1, discontinuous at the joint; m1 must be 1 */
    ARC_WRAP_MIRROR    /* -2 - cos(m1 theta + m2): continues to fall, with a continuous derivative */
} arc_margin_wrap;

typedef struct arc_margin {
    arc_loss_kind loss;
    double m1, m2, m3, scale;
    double filter; /* cosines to other classes above this count as 0; 0 = off */
    arc_margin_wrap wrap;
    bool straight_through; /* the derivative for the own class is 1 whatever the margin: arcface_torch since December 2022 */
    double concentration;  /* AdaFace h */
    double norm_average;   /* AdaFace t_alpha: weight of the current batch in the running mean and deviation of norms */
    double lower_norm, upper_norm, lower_margin, upper_margin, regulariser; /* MagFace */
    bool easy_margin;                                                       /* MagFace: no margin beyond 90 degrees */
} arc_margin;

/* What a loss carries over from step to step; part of a checkpoint. */
typedef struct arc_margin_state {
    double norm_mean, norm_deviation; /* AdaFace */
    double curriculum;                /* CurricularFace t */
} arc_margin_state;

/* Ready-to-use values for a loss: m (m1, m2, m3) is set to the named loss, with scale 64 and the constants of the papers. */
void arc_margin_default(arc_margin *m, arc_loss_kind loss);
const char *arc_margin_name(arc_loss_kind loss);
void arc_margin_state_init(arc_margin_state *state);

/* Updates the state with one batch: norms of the raw embeddings and cosines to the own class, n of each. */
void arc_margin_observe(const arc_margin *m, arc_margin_state *state, size_t n, const double *norm, const double *cosine);

/* The own class: the value that replaces the cosine, d value / d cosine, d value / d norm, and the term that the sample's norm
 * adds to its loss, with the derivative of that term. */
typedef struct arc_margin_target {
    double value, slope, norm_slope, penalty, penalty_slope;
} arc_margin_target;
arc_margin_target arc_margin_apply(const arc_margin *m, const arc_margin_state *state, double cosine, double norm);

/* The cosine above which another class is a hard negative for this sample (CurricularFace); +2, that is never, for the other
 * losses. */
double arc_margin_hard(const arc_margin *m, double cosine);
/* One class against n samples of other classes: the value and, unless NULL, d value / d cosine. hard [n] as above. In place
 * allowed. */
void arc_margin_negatives(const arc_margin *m, const arc_margin_state *state, size_t n, const float *cosine, const float *hard,
                          float *value, float *slope);

#endif
