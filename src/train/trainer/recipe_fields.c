/* train: the fields of a recipe: name, type, limits, help. A new field is added here and in recipe.h. */
#include "train/trainer/recipe.h"
#include <math.h>
#include <string.h>

#define HUGE_COUNT 9007199254740992.0 /* 2^53: up to here JSON readers represent whole numbers exactly */

/* clang-format off */
#define FIELDS(X) \
    X(about,            TEXT, 0, 0, NULL, "TEXT", "what the recipe is for") \
    X(network,          TEXT, 0, 0, NULL, "NAME", "r18 r34 r50 r100 r200 mbf mbf-large tiny") \
    X(dim,              INT, 1, 65536, NULL, "N", "length of the embedding") \
    X(init,             TEXT, 0, 0, NULL, "FILE", "start from the weights of this model instead of random ones") \
    X(freeze,           TEXT, 0, 0, NULL, "LIST", \
      "layers that stay as they are, by the beginnings of their names: conv1,layer1.") \
    X(precision,        WORD, 0, 0, "fp32|bf16", "fp32|bf16", \
      "bf16: activations and products in bfloat16, weights and sums in fp32") \
    X(recompute,        WORD, 0, 0, "no|yes", "yes|no", "less memory: activations are computed again for the backward pass") \
    X(seed,             INT, 0, HUGE_COUNT, NULL, "N", "of weights, order, augmentation and sampling") \
    X(loss,             WORD, 0, 0, "softmax|arcface|cosface|sphereface|combined|adaface|magface|curricularface", "NAME", \
                        "softmax arcface cosface sphereface combined adaface magface curricularface") \
    X(m1,               REAL, 0.1, 8, NULL, "X", "cos(m1 theta + m2) - m3 (default: the loss's own)") \
    X(m2,               REAL, 0, 3, NULL, "X", "the additive angle (arcface 0.5)") \
    X(m3,               REAL, 0, 2, NULL, "X", "the additive cosine (cosface 0.35)") \
    X(scale,            REAL, 1, 1000, NULL, "X", "factor of the cosines (64; softmax 20)") \
    X(wrap,             WORD, 0, 0, "auto|none|fallback|mirror", "RULE", "beyond theta + m = pi: auto none fallback mirror") \
    X(margin_gradient,  WORD, 0, 0, "true|straight-through", "KIND", "true, or straight-through as arcface_torch since 2022") \
    X(filter,           REAL, 0, 1, NULL, "X", "cosines to other classes above it are left out (0: none)") \
    X(centers,          INT, 1, 255, NULL, "K", "sub-centers of each class") \
    X(concentration,    REAL, 0, 10, NULL, "X", "adaface: h") \
    X(norm_average,     REAL, 0, 1, NULL, "X", "adaface: share of a batch in the running norm") \
    X(lower_norm,       REAL, 1e-3, 1e6, NULL, "X", "magface: l_a") \
    X(upper_norm,       REAL, 1e-3, 1e6, NULL, "X", "magface: u_a") \
    X(lower_margin,     REAL, 0, 3, NULL, "X", "magface: l_m") \
    X(upper_margin,     REAL, 0, 3, NULL, "X", "magface: u_m") \
    X(regulariser,      REAL, 0, 1e6, NULL, "X", "magface: lambda_g") \
    X(easy_margin,      WORD, 0, 0, "no|yes", "yes|no", "magface: no margin beyond 90 degrees") \
    X(sample_rate,      REAL, 1e-6, 1, NULL, "X", "partial FC: share of the classes in a step") \
    X(partial,          WORD, 0, 0, "v2|v1", "v1|v2", \
      "partial FC: classes that are not sampled do not change (v1) or keep momentum and decay (v2)") \
    X(logits_mb,        INT, 0, 1048576, NULL, "N", "cosines are kept for the backward pass up to so many megabytes") \
    X(optimiser,        WORD, 0, 0, "sgd|adamw", "sgd|adamw", "how weights move") \
    X(rate,             REAL, 0, 1e30, NULL, "X", "learning rate") \
    X(momentum,         REAL, 0, 0.9999, NULL, "X", "of sgd") \
    X(decay,            REAL, 0, 10, NULL, "X", "weight decay") \
    X(decay_all,        WORD, 0, 0, "no|yes", "yes|no", "decay BatchNorm, PReLU and biases too, as arcface_torch does") \
    X(decay_head,       WORD, 0, 0, "no|yes", "yes|no", "decay class centres too") \
    X(beta1,            REAL, 0, 0.9999, NULL, "X", "of adamw") \
    X(beta2,            REAL, 0, 0.999999, NULL, "X", "of adamw") \
    X(epsilon,          REAL, 1e-12, 1, NULL, "X", "of adamw") \
    X(clip,             REAL, 0, 1e9, NULL, "X", "largest norm of the network's gradient (0: any)") \
    X(ema,              REAL, 0, 0.999999, NULL, "X", \
      "the saved model is a running mean of weights with this decay (0: it is not)") \
    X(batch,            INT, 1, 1048576, NULL, "N", "pictures of a step, all ranks together") \
    X(micro_batch,      INT, 0, 1048576, NULL, "N", "pictures that share BatchNorm statistics and memory (0: a rank's share)") \
    X(epochs,           INT, 1, 1000000, NULL, "N", "times through the data") \
    X(steps,            INT, 0, HUGE_COUNT, NULL, "N", "so many steps, whatever the epochs (0: by epochs)") \
    X(schedule,         WORD, 0, 0, "poly|step|cosine|constant", "NAME", "how the rate falls: poly step cosine constant") \
    X(power,            REAL, 0.01, 100, NULL, "X", "of poly (1: linear)") \
    X(factor,           REAL, 1e-6, 1, NULL, "X", "of step: what a milestone multiplies the rate with") \
    X(milestones,       TEXT, 0, 0, NULL, "LIST", "of step, in epochs: 8,14") \
    X(warmup_epochs,    REAL, 0, 1e6, NULL, "X", "epochs in which the rate rises") \
    X(warmup_steps,     INT, 0, HUGE_COUNT, NULL, "N", "the same in steps") \
    X(full_first_step,  WORD, 0, 0, "no|yes", "yes|no", \
      "the first step of a warm-up at the full rate, as arcface_torch's scheduler has it") \
    X(augment,          TEXT, 0, 0, NULL, "LIST", "flip, dali, mxnet, adaface, or steps such as flip,blur=0.3") \
    X(loader_threads,   INT, 0, 256, NULL, "N", "threads that decode ahead") \
    X(teacher,          TEXT, 0, 0, NULL, "FILE", "distil: embeddings shall resemble this model's") \
    X(teacher_weight,   REAL, 0, 1e6, NULL, "X", "weight of the mean of 1 - cosine to the teacher's embedding") \
    X(head_weight,      REAL, 0, 1e6, NULL, "X", "weight of the classification loss (0: only the teacher counts)") \
    X(evaluate,         TEXT, 0, 0, NULL, "LIST", "sets: FILE.bin, or FOLDER:PAIRS.txt of LFW") \
    X(evaluate_every,   INT, 0, HUGE_COUNT, NULL, "N", "steps between evaluations (0: at the end)") \
    X(checkpoint_every, INT, 0, HUGE_COUNT, NULL, "N", "steps between checkpoints (0: at the end)") \
    X(keep,             INT, 1, 100000, NULL, "N", "newest checkpoints that stay") \
    X(log_every,        INT, 1, 1000000, NULL, "N", "steps between lines of the log") \
    X(stop_after,       INT, 1, 1000000, NULL, "N", "steps in a row that are not finite before the training ends")

#define FIELD(name, kind, min, max, words, arg, help) \
    {ARC_FIELD_##kind, offsetof(struct arc_recipe, name), sizeof(((struct arc_recipe *)0)->name), min, max, words},
const arc_field arc_field_table[] = {FIELDS(FIELD)};
#define SHOWN(name, kind, min, max, words, arg, help) {#name, arg, help},
static const arc_recipe_field shown[] = {FIELDS(SHOWN)};
/* clang-format on */

const arc_recipe_field *arc_recipe_fields(size_t *count) {
    *count = ARC_COUNT(shown);
    return shown;
}

static bool same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
            return false;
    return *a == *b;
}

int arc_field_find(const char *name, const char **nearest) {
    *nearest = NULL;
    for (size_t i = 0; i < ARC_COUNT(shown); i++) {
        if (same_name(shown[i].name, name))
            return (int)i;
        *nearest = arc_nearer_word(name, shown[i].name, ARC_MIN(4, (int)strlen(shown[i].name) / 2), *nearest);
    }
    return -1;
}

void arc_recipe_defaults(arc_recipe *r) {
    const arc_alloc alloc = r->alloc;
    *r = (arc_recipe){.alloc = alloc,
                      .network = "r18",
                      .dim = 512,
                      .seed = 2048,
                      .loss = 1,
                      .m1 = NAN,
                      .m2 = NAN,
                      .m3 = NAN,
                      .scale = NAN,
                      .centers = 1,
                      .concentration = 0.333,
                      .norm_average = 0.01,
                      .lower_norm = 10,
                      .upper_norm = 110,
                      .lower_margin = 0.45,
                      .upper_margin = 0.8,
                      .regulariser = 35,
                      .easy_margin = 1,
                      .sample_rate = 1,
                      .logits_mb = 256,
                      .rate = 0.1,
                      .momentum = 0.9,
                      .decay = 5e-4,
                      .decay_all = 1,
                      .decay_head = 1,
                      .beta1 = 0.9,
                      .beta2 = 0.999,
                      .epsilon = 1e-8,
                      .clip = 5,
                      .batch = 128,
                      .epochs = 20,
                      .power = 1,
                      .factor = 0.1,
                      .augment = "flip",
                      .loader_threads = 1,
                      .teacher_weight = 1,
                      .head_weight = 1,
                      .checkpoint_every = 2000,
                      .evaluate_every = 2000,
                      .keep = 2,
                      .log_every = 10,
                      .stop_after = 10};
}
