/* choice: the choices of one plan among its layers' candidates (op/candidate.h), by record, measurement or cost model. */
#ifndef ARC_PLAN_CHOICE_H
#define ARC_PLAN_CHOICE_H

#include "device/device.h"
#include "op/candidate.h"

/* ---- rates.c ---- */

/* Whether the shipped rates of the x86 levels were measured on such a processor (arc_cpu_text). */
bool arc_rates_know(const char *cpu);
/* The rates for plans of this execution. A processor that the shipped table does not know is measured once, for a tenth of a
 * second; the figures hold only once they are kept in the cache, so that every plan finds the same. Fails with ENOMEM alone. */
arc_status arc_rates_find(arc_rates *out, const arc_execution *x, const char *cpu, arc_error *err);

/* ---- choice.c ---- */

typedef struct arc_choices arc_choices;

typedef struct arc_choices_of {
    const arc_execution *x;
    const arc_graph *graph;
    const arc_shape *input_shape;
} arc_choices_of;

/* Reads what is recorded for this network, input and machine. A cache that can't be read counts as empty and one that can't be
 * written turns measuring off, each with a warning. Fails with ENOMEM alone. */
arc_status arc_choices_open(arc_choices **out, const arc_choices_of *of, arc_error *err);
/* The part that layers ask through arc_choose; lives as long as the choices. NULL-safe. */
const arc_chooser *arc_choices_chooser(const arc_choices *choices);
/* Writes what was measured. NULL-safe. */
void arc_choices_close(arc_choices **choices);

#endif
