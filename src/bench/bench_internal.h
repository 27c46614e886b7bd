/* What the files of a bench share: what networks are fed, and the profile of one that is already at hand. */
#ifndef ARC_BENCH_INTERNAL_H
#define ARC_BENCH_INTERNAL_H

#include "base/text.h"
#include "model/model.h"
#include <arcface/bench.h>

/* Noise and, for networks that take them, the template's points of a face. */
typedef struct arc_bench_input {
    float *pixels;         /* [dim[0]][3][dim[2]][dim[3]] */
    float (*points)[5][2]; /* [dim[0]] */
    int64_t dim[4];
} arc_bench_input;

/* input.c. Free with arc_bench_input_free, after a failure too. Errors: ELIMIT, ENOMEM. */
arc_status arc_bench_input_new(arc_context *ctx, const arc_model *model, int batch, int size_px, arc_bench_input *out,
                               arc_error *err);
void arc_bench_input_free(arc_context *ctx, arc_bench_input *in);
arc_status arc_bench_run_once(arc_net *net, const arc_bench_input *in, arc_error *err);

/* profile.c: counts the layers for this input. */
arc_status arc_bench_count(arc_context *ctx, const arc_model *model, const arc_bench_input *in, arc_flops_convention convention,
                           arc_profile **out, arc_error *err);
/* profile.c: adds the times of its steps. alone: the same network on one thread; NULL: is not timed. roof: of this machine. */
arc_status arc_bench_time(arc_context *ctx, const arc_model *model, arc_net *net, arc_net *alone, const arc_bench_input *in,
                          const arc_roofline *roof, arc_profile *p, arc_error *err);
/* The peak that a network is compared with. */
double arc_bench_peak(const arc_context *ctx, bool int8, const arc_roofline *roof);

#endif
