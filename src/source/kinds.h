/* source: names and files that are no photos by themselves, but hold photos. */
#ifndef ARC_SOURCE_KINDS_H
#define ARC_SOURCE_KINDS_H

#include "base/base.h"

#define ARC_ARCHIVE_KIND_BYTES 512 /* so many first bytes tell */

/* "zip", "tar" or what a tar is packed with: "gzip", "xz", "zstd", "bzip2"; NULL: no archive. Static storage. */
const char *arc_photo_archive_kind(const void *bytes, size_t count);

#endif
