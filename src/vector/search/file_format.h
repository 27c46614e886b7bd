/* vector/search: what the file of an index looks like. Numbers are little-endian.
 *
 *   0      record: what the file holds, with a checksum
 *   2048   a second record; the one with the higher version counts, the other is overwritten by the next change
 *   4096   segments as they are in memory (slots.h), one behind the other; sealed ones each as nonce, ciphertext, tag
 *
 * A change writes places behind the ones that the record counts, then a record that counts them too; so a crash leaves what was
 * there before. Removed templates become zeros where they are, their id first: that is no contradiction to either record.
 * Everything else that may be half written is found by the templates' checksums (checksum.h), or by a segment's seal. */
#ifndef ARC_VECTOR_SEARCH_FILE_FORMAT_H
#define ARC_VECTOR_SEARCH_FILE_FORMAT_H

#include "vector/search/index_internal.h"

#define ARC_INDEX_FILE_HEADER 4096
#define ARC_INDEX_FILE_RECORD 2048 /* bytes for one record */

typedef struct arc_index_record {
    char magic[8];
    uint32_t format;
    uint32_t sealed;
    uint8_t check[16]; /* of this record with zeros here: CRC-32C, or a keyed BLAKE2b of a sealed file */
    uint32_t dim, sketch, rows, reserved;
    uint64_t segment_bytes; /* of one in memory */
    int64_t used, live;
    uint8_t name[ARC_INDEX_FILE_NAME]; /* random, of each file that was written whole */
    uint64_t version;                  /* rises with each change */
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
} arc_index_record;

/* Fills in everything but name, version and stamp, and then the check of a complete one. */
void arc_index_record_make(arc_index_record *r, const arc_index *x);
void arc_index_record_close(arc_index_record *r, const arc_index *x);
/* The valid record of the two in a header [ARC_INDEX_FILE_HEADER] with the higher version; which: 0 or 1. NULL: neither is valid.
 */
const arc_index_record *arc_index_record_find(const uint8_t *header, const arc_index *x, int *which, arc_index_record *out);
/* Whether a record fits the index that is to be loaded. Errors: EFORMAT, EUNSUPPORTED, ESHAPE, ECORRUPT; `path` for the sentence.
 */
arc_status arc_index_record_check(const uint8_t *header, const arc_index *x, const char *path, arc_error *err);

/* Bytes of a segment in the file, and where it begins. */
size_t arc_index_file_segment_bytes(const arc_index *x);
uint64_t arc_index_file_segment_at(const arc_index *x, size_t segment);

/* One segment to and from its sealed form, bound to its number and the file's name. open: false if it is damaged. */
void arc_index_seal(const arc_index *x, const uint8_t *name, size_t segment, uint8_t *sealed);
bool arc_index_unseal(const arc_index *x, const uint8_t *name, size_t segment, const uint8_t *sealed);

#endif
