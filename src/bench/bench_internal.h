/* What the files of a bench share: its object and its steps. */
#ifndef ARC_BENCH_INTERNAL_H
#define ARC_BENCH_INTERNAL_H

#include "base/text.h"
#include "model/model.h"
#include <arcface/bench.h>

/* steps.c: the steps of one batch size, timed. alone: the same network on one thread; NULL: there is one thread anyway. Fills
 * run->step and run->steps in the arena. */
arc_status arc_bench_steps(const arc_roofline *roof, arc_net *net, arc_net *alone, const float *input, const int64_t dim[4],
                           arc_arena *arena, arc_bench_run *run, arc_error *err);

#endif
