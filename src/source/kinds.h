/* source: names and files that are no photos by themselves, but lead to photos: addresses and archives. */
#ifndef ARC_SOURCE_KINDS_H
#define ARC_SOURCE_KINDS_H

#include "base/base.h"

#define ARC_ARCHIVE_KIND_BYTES 512 /* so many first bytes tell */

/* "zip", "tar" or what a tar is packed with: "gzip", "xz", "zstd", "bzip2"; NULL: no archive. Static storage. */
const char *arc_photo_archive_kind(const void *bytes, size_t count);

/* http://... or https://... */
bool arc_is_address(const char *name);
/* Begins as an address of another kind: ftp://... */
bool arc_is_other_address(const char *name);
/* An address as results name it, without user and password; and as messages do, without what follows the path either, which may
 * be a secret. Both cut at `bytes`. */
void arc_address_name(const char *address, char *out, size_t bytes);
void arc_address_label(const char *address, char *out, size_t bytes);

#endif
