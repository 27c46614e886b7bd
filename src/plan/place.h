/* place: blocks of memory that do not all live at once, placed in one arena: the activations of a session's plan (activations.c),
 * the activations and gradients of a learner (learn/schedule.c). */
#ifndef ARC_PLAN_PLACE_H
#define ARC_PLAN_PLACE_H

#include <stddef.h>

typedef struct arc_block {
    size_t bytes, offset;
    int first, last; /* it lives from this point of the schedule to that one, both included */
} arc_block;

/* Gives each block an offset where none that lives at the same time lies: the largest first, each as low as it goes. Returns the
 * arena's size. The pointers are sorted; blocks of one size are taken in the order of their addresses, so they had better be of
 * one array. */
size_t arc_place_blocks(arc_block **block, int count);

#endif
