/* train: the learning rate of a step: the warm-up, then one of four curves over the remaining steps. */
#include "train/trainer/optimiser.h"
#include <math.h>

double arc_schedule_rate(const arc_schedule *s, int64_t step) {
    if (step < s->warmup_steps)
        return step == 0 && s->full_first_step
                   ? s->rate
                   : s->rate * (double)(step + (s->full_first_step ? 0 : 1)) / (double)s->warmup_steps;
    const double span = (double)(s->steps - s->warmup_steps);
    const double t = span > 0 ? fmin((double)(step - s->warmup_steps) / span, 1) : 0;
    double rate = s->rate;
    switch (s->kind) {
    case ARC_SCHEDULE_POLY:
        return rate * pow(1 - t, s->power);
    case ARC_SCHEDULE_COSINE:
        return rate * 0.5 * (1 + cos(3.14159265358979323846 * t));
    case ARC_SCHEDULE_STEP:
        for (int i = 0; i < s->milestones; i++)
            if (step >= s->milestone[i])
                rate *= s->factor;
        return rate;
    case ARC_SCHEDULE_CONSTANT:
        break;
    }
    return rate;
}
