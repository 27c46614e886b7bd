/* base: locks between programs, and between threads. They are advisory (flock), so they bind only those who take them. The
 * system releases a lock when its holder ends, however it ends.
 *
 * A program that changes a file (reads, changes and rewrites it) takes the lock first, reads, writes with arc_writer, and
 * releases the lock; so it loses no other program's change. Readers of one file need no lock, because a file of a writer is
 * always complete; SHARED is for readers of several files that must belong together. The lock is a file of its own that is
 * never removed, or a folder: a file that is replaced by renaming cannot be locked. */
#ifndef ARC_BASE_LOCK_H
#define ARC_BASE_LOCK_H

#include "base/memory.h"

typedef struct arc_lock arc_lock;
typedef enum arc_lock_kind { ARC_LOCK_SHARED, ARC_LOCK_EXCLUSIVE } arc_lock_kind;

/* path: an existing folder, or a file, which is created if missing. wait_ms: how long to wait for other holders; 0: not at
 * all. EIO: another still holds it, or it cannot be opened. *out is NULL after a failure. */
arc_status arc_lock_take(arc_lock **out, const arc_alloc *a, const char *path, arc_lock_kind kind, int64_t wait_ms,
                         arc_error *err);
void arc_lock_release(arc_lock **lock); /* NULL-safe, sets it to NULL */

#endif
