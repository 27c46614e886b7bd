/* base: what every room may use and most do: errors, memory, files, paths, threads, numbers, the context. It knows nothing of
 * networks or faces. The other headers of this room are included by name: lock.h, store.h, digest.h, hash.h, crc32c.h,
 * stand_in.h. sys.h is for the files of this room only. */
#ifndef ARC_BASE_H
#define ARC_BASE_H

#include "base/clock.h"
#include "base/context.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/paths.h"
#include "base/random.h"
#include "base/status.h"
#include "base/threads.h"

#endif
