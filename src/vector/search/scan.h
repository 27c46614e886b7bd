/* vector/search: the scan: every template against every probe in 8-bit integers, into shortlists. */
#ifndef ARC_VECTOR_SEARCH_SCAN_H
#define ARC_VECTOR_SEARCH_SCAN_H

#include "kernel/kernel.h"
#include "vector/search/quantise.h"
#include "vector/search/shortlist.h"
#include "vector/search/slots.h"

#define ARC_SCAN_MAX_PROBES 64 /* in one scan */

/* The probes of one scan, quantised: as rows, and as the packed columns of int8_igemm. */
typedef struct arc_scan_probes {
    int count;
    int8_t *code;   /* [count][stride] */
    int8_t *panels; /* [panel][stride / 4][nr][4]; NULL: too few probes for them to be used */
    float scale[ARC_SCAN_MAX_PROBES], error[ARC_SCAN_MAX_PROBES], whole[ARC_SCAN_MAX_PROBES];
    int32_t zero[ARC_SCAN_MAX_PROBES]; /* what the 128 in every code of templates adds to a sum */
} arc_scan_probes;

/* probes [count][dim], count at most ARC_SCAN_MAX_PROBES. Errors: ENOMEM. */
arc_status arc_scan_probes_make(arc_scan_probes *out, const arc_context *ctx, const arc_segment_layout *l, const float *probes,
                                int count, arc_error *err);
void arc_scan_probes_free(arc_scan_probes *p, const arc_context *ctx);

typedef struct arc_scan {
    const arc_kernels *kernels;
    arc_slots *slots;
    const arc_scan_probes *probes;
    const uint64_t *allowed; /* filter.h */
    arc_shortlist *list;     /* [threads][probes] */
    _Atomic bool damaged;    /* a checksum is wrong */
} arc_scan;

/* All segments, on all threads of the context. Memory that was missing is marked in the lists. */
void arc_scan_run(const arc_context *ctx, arc_scan *scan);
/* One probe with one template, into one list. */
void arc_scan_one(const arc_scan *scan, uint32_t slot, int probe, arc_shortlist *list);

#endif
