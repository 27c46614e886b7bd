/* base: what lies in the place of a file that was to be there: what a server, a download or a checkout left, told by its first
 * bytes. */
#ifndef ARC_BASE_STAND_IN_H
#define ARC_BASE_STAND_IN_H

#include "base/base.h"

typedef enum arc_stand_in {
    ARC_STAND_IN_NONE,
    ARC_STAND_IN_LFS,  /* a pointer of Git LFS */
    ARC_STAND_IN_PAGE, /* an HTML page */
    ARC_STAND_IN_XML   /* another XML text */
} arc_stand_in;

#define ARC_STAND_IN_BYTES 4096 /* so many are looked at */

arc_stand_in arc_stand_in_of(const void *bytes, size_t count);

#endif
