/* train: gradients summed over ranks while the backward pass still goes on below them. A thread of its own sends them in blocks; what a block
 * is depends on the network alone, so every rank makes the same calls and a run repeats bit for bit. */
#ifndef ARC_TRAIN_RUN_EXCHANGE_H
#define ARC_TRAIN_RUN_EXCHANGE_H

#include "learn/learner.h"
#include "train/run/ranks.h"

typedef struct arc_exchange arc_exchange;

/* Room for `parameters` gradients a step. ranks is borrowed. */
arc_status arc_exchange_new(arc_exchange **out, const arc_alloc *a, const arc_ranks *ranks, size_t parameters, arc_error *err);
void arc_exchange_free(arc_exchange **exchange);

/* From here to arc_exchange_end nobody else may speak to the other ranks. */
void arc_exchange_begin(arc_exchange *e);
/* An arc_learn_ready_fn; ctx is the exchange. Gradients of a step come in the same order on every rank, frozen ones not at all. */
void arc_exchange_give(void *ctx, const arc_learn_parameter *p);
/* Waits for what is still on its way. *finite: this rank's own gradients all were. */
arc_status arc_exchange_end(arc_exchange *e, bool *finite, arc_error *err);

#endif
