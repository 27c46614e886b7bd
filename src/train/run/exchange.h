/* train: sums gradients over ranks while the backward pass continues in the layers below. A thread of its own sends them in
 * blocks. The blocks depend on the network alone, so every rank makes the same calls and a repeated run has the same bits. */
#ifndef ARC_TRAIN_RUN_EXCHANGE_H
#define ARC_TRAIN_RUN_EXCHANGE_H

#include "learn/learner.h"
#include "train/run/ranks.h"

typedef struct arc_exchange arc_exchange;

/* Room for `parameters` gradients a step. `ranks` is borrowed. */
arc_status arc_exchange_new(arc_exchange **out, const arc_alloc *a, const arc_ranks *ranks, size_t parameters, arc_error *err);
void arc_exchange_free(arc_exchange **exchange);

/* Until arc_exchange_end no other code may communicate with the other ranks. */
void arc_exchange_begin(arc_exchange *e);
/* An arc_learn_ready_fn; ctx is the exchange. The gradients of a step come in the same order on every rank; frozen parameters
 * have none. */
void arc_exchange_give(void *ctx, const arc_learn_parameter *p);
/* Waits until everything is sent. *finite: all gradients of this rank were finite. */
arc_status arc_exchange_end(arc_exchange *e, bool *finite, arc_error *err);

#endif
