/* base: what every room may use and most do: errors, memory, files, paths, threads, numbers, the context. Knows nothing of nets or faces.
 * Its other headers are included by name: lock.h, store.h, digest.h, hash.h, crc32c.h; sys.h is for its own files. */
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
