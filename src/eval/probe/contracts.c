/* eval: the contracts that a probe tries. Recognisers are trained on one of five normalisations; the literature and the exports
 * that people pass on know no others:
 *   (x - 127.5) / 127.5  InsightFace (PyTorch), AdaFace, CVLface: -1..1
 *   (x - 127.5) / 128    InsightFace's and SphereFace's older networks; 0.4 % off the first
 *   x / 255              Keras and TensorFlow exports (DeepFace), torchvision's ToTensor: 0..1
 *   ImageNet             (x / 255 - mean) / deviation of torchvision's and timm's backbones
 *   raw 0..255           MXNet and graphs that normalise themselves
 */
#include "eval/probe/probe_internal.h"
#include "model/edges.h"
#include <stdio.h>
#include <string.h>

typedef struct normalisation {
    const char *name;    /* as --norm takes it */
    float mean, divisor; /* divisor 0: ImageNet's */
} normalisation;

static const normalisation known[] = {
    {"127.5/127.5", 127.5f, 127.5f}, {"127.5/128", 127.5f, 128}, {"0/255", 0, 255}, {"imagenet", 0, 0}, {"0/1", 0, 1},
};

static void add(arc_probe *out, const arc_probe_trial *t) {
    for (int flip = 0; flip < 2; flip++) {
        out->trial[out->trials] = *t;
        out->trial[out->trials++].flip = flip;
    }
}

static void add_known(arc_probe *out, const normalisation *n, bool bgr, const arc_contract *current) {
    arc_probe_trial t = {.bgr = bgr};
    snprintf(t.name, sizeof t.name, "%s", n->name);
    if (n->divisor == 0)
        arc_contract_imagenet(bgr, t.mean, t.scale);
    for (int i = 0; i < 3 && n->divisor > 0; i++) {
        t.mean[i] = n->mean;
        t.scale[i] = 1 / n->divisor;
    }
    t.current = bgr == current->bgr && memcmp(t.mean, current->mean, sizeof t.mean) == 0 &&
                memcmp(t.scale, current->scale, sizeof t.scale) == 0;
    add(out, &t);
}

static void add_own(arc_probe *out, const arc_contract *c) {
    arc_probe_trial t = {.bgr = c->bgr, .current = true};
    memcpy(t.mean, c->mean, sizeof t.mean);
    memcpy(t.scale, c->scale, sizeof t.scale);
    snprintf(t.name, sizeof t.name, "%.6g,%.6g,%.6g/%.6g,%.6g,%.6g", (double)c->mean[0], (double)c->mean[1], (double)c->mean[2],
             1 / (double)c->scale[0], 1 / (double)c->scale[1], 1 / (double)c->scale[2]);
    add(out, &t);
}

void arc_probe_list(const arc_model *model, arc_probe *out) {
    const bool gray = arc_adapt_has(model->graph, ARC_ADAPT_GRAY);  /* luma has one meaning */
    const bool whole = arc_adapt_has(model->graph, ARC_ADAPT_CAST); /* whole numbers can only be the pixels */
    bool own = false;
    for (size_t n = 0; n < ARC_COUNT(known); n++)
        for (int bgr = 0; bgr < (gray ? 1 : 2); bgr++)
            if (!whole || known[n].divisor == 1)
                add_known(out, &known[n], bgr, &model->contract);
    for (int i = 0; i < out->trials; i++)
        own |= out->trial[i].current;
    if (!own)
        add_own(out, &model->contract);
}
