/* source: the pictures in a zip or tar archive, one after the other, as they stand in it. Nothing is written anywhere. Memory
 * holds one member, the decoder's window and, of a zip, the list of its members, up to ARC_ZIP_LIST_BYTES of the file: a longer
 * list is not read, and members are found by their own heads instead.
 *
 * An archive may come from anywhere. A member is refused by name when its name is absolute, has a ".." or control characters in
 * it, when it is a link, is encrypted or too large; an archive that unpacks to ARC_BOMB_RATIO times its size and more than the
 * limit's bomb_bytes is not read on. */
#ifndef ARC_SOURCE_ARCHIVE_H
#define ARC_SOURCE_ARCHIVE_H

#include "base/base.h"

#define ARC_ZIP_LIST_BYTES ((size_t)1 << 26)
#define ARC_BOMB_RATIO 200
#define ARC_BOMB_BYTES ((int64_t)1 << 30)

typedef struct arc_photo_archive_limits {
    int64_t max_bytes;  /* of a member */
    int64_t bomb_bytes; /* of all of them, before their ratio to the archive counts */
    bool names_only;    /* members have no bytes */
} arc_photo_archive_limits;

typedef enum arc_photo_member_kind {
    ARC_MEMBER_END,
    ARC_MEMBER_PICTURE,
    ARC_MEMBER_SKIPPED, /* no picture */
    ARC_MEMBER_CLOSED,  /* an archive in the archive */
    ARC_MEMBER_FAILED,  /* a picture, or what may be one, that is refused */
    ARC_MEMBER_BROKEN   /* the archive is refused, or what follows cannot be read; the next one is the end */
} arc_photo_member_kind;

typedef struct arc_photo_member {
    arc_photo_member_kind kind;
    const char *name; /* ARCHIVE/MEMBER, or ARCHIVE at the end and when it is broken; until the next call */
    uint8_t *bytes;   /* [byte_count] of a picture: the caller's, freed with arc_mem_free; NULL with names_only */
    size_t byte_count;
    arc_error failure; /* of FAILED and BROKEN */
} arc_photo_member;

typedef struct arc_photo_archive arc_photo_archive;
/* The archive in bytes, [count], or, if `map` is given, in that mapping, whose pages are let go when they have been read. They
 * must outlive it. name: for error texts and the names of members. Errors: EUNSUPPORTED, ECORRUPT, ENOMEM. */
arc_status arc_photo_archive_open(arc_photo_archive **out, const arc_alloc *a, const char *name, const void *bytes, size_t count,
                                  const arc_map *map, const arc_photo_archive_limits *limits, arc_error *err);
/* Errors: ENOMEM. Everything else is a member that failed. */
arc_status arc_photo_archive_next(arc_photo_archive *z, arc_photo_member *member, arc_error *err);
void arc_photo_archive_close(arc_photo_archive **archive); /* NULL-safe */

#endif
