/* packs: the store of packed weights as its owner, a session, sees it; op.h has what operators ask of it. */
#ifndef ARC_OP_PACKS_H
#define ARC_OP_PACKS_H

#include "op/op.h"

/* The store lies in the memory of `a`, packed weights in `memory`: the device's. NULL on ENOMEM. */
arc_packs *arc_packs_new(const arc_alloc *a, const arc_alloc *memory);
void arc_packs_free(arc_packs **packs); /* NULL-safe */
size_t arc_packs_bytes(const arc_packs *packs);

#endif
