/* generate: the presets, and which options are possible. docs/GENERATION.md says what was tried for each choice. */
#include "generate/generate.h"
#include <math.h>

static arc_generate_options paper(void) {
    return (arc_generate_options){
        .struct_size = sizeof(arc_generate_options),
        .steps = 20000,
        .identity_weight = 1,
        .class_weight = 1,
        .bn_weight = 0.05,
        .tv_weight = 1e-3,
        .l2_weight = 1e-4,
        .first_bn = 1,
        .folded = 40,
        .distance = ARC_GENERATE_SQUARED,
        .rate = 0.25,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .levels = 1,
        .fine = 1,
        .noise = 1,
        .margin = 0.5,
        .scale = 64,
    };
}

void arc_generate_options_preset(arc_generate_options *options, arc_generate_preset preset) {
    *options = paper();
    if (preset == ARC_GENERATE_PAPER)
        return;
    options->steps = 300;
    options->identity_weight = 100;
    options->class_weight = 2 / options->scale; /* slopes by the cosine: 2 of the squared distance, up to s of ArcFace's loss */
    options->bn_weight = 0.15;
    options->distance = ARC_GENERATE_RELATIVE;
    options->folded = 1;
    options->tv_weight = 0.3;
    options->first_bn = 10;
    options->rate = 0.1;
    options->warmup = 20;
    options->cosine = true;
    options->levels = 4;
    options->coarse = 0.7;
    options->fine = 0.4;
    options->noise = 0.1;
    options->sketch = 1;
    options->symmetric = 0.3;
    options->jitter_px = 2;
    options->flip = true;
    options->clip = true;
}

void arc_generate_options_default(arc_generate_options *options) {
    arc_generate_options_preset(options, ARC_GENERATE_QUICK);
}

void arc_generate_targets_default(arc_generate_targets *targets) {
    *targets = (arc_generate_targets){.struct_size = sizeof *targets};
}
