/* vector/search: CRC-32C of every template: one of all that the scan reads of it (codes, sketch, scale and bounds, id, owner) and
 * one of its float32 numbers. They are made when a template is added, and compared before the first use of what came from a file:
 * the first when a scan comes to its segment for the first time, the second whenever the template is compared in full. */
#ifndef ARC_VECTOR_SEARCH_CHECKSUM_H
#define ARC_VECTOR_SEARCH_CHECKSUM_H

#include "kernel/kernel.h"
#include "vector/search/slots.h"

/* Writes those of the places first..first+count-1 of one segment. */
void arc_checksum_write(const arc_kernels *k, const arc_slots *s, size_t segment, size_t first, size_t count);
/* Writes the first checksum of one place, whose owner has changed. */
void arc_checksum_code(const arc_kernels *k, const arc_slots *s, uint32_t slot);
/* Whether all of a segment's first checksums are right. A place that another process emptied since the file was opened is right.
 */
bool arc_checksum_segment(const arc_kernels *k, const arc_slots *s, size_t segment);
/* The same, once for each segment; any number of threads may ask at the same time. */
bool arc_checksum_ready(const arc_kernels *k, arc_slots *s, size_t segment);

typedef enum arc_checked { ARC_CHECKED_RIGHT, ARC_CHECKED_GONE, ARC_CHECKED_WRONG } arc_checked;
/* The second one of a place, whose row must be held. GONE: another process removed the template. */
arc_checked arc_checksum_row(const arc_kernels *k, const arc_slots *s, uint32_t slot);

#endif
