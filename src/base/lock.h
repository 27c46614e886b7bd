/* lock: one program, or one thread, at a time. Advisory (flock), so it binds those who take it; the system gives it back when its holder ends, however
 * it ends.
 *
 * What writes a file anew from what it holds (read, change, write) takes the lock first, reads, writes with arc_writer, and lets go: no
 * change of another is lost. Readers need no lock, because a writer's file is whole at every moment; SHARED is for readers of several
 * files that must belong together. The lock is a file of its own, never removed, or a folder: a file that is replaced by renaming cannot guard
 * itself. */
#ifndef ARC_BASE_LOCK_H
#define ARC_BASE_LOCK_H

#include "base/memory.h"

typedef struct arc_lock arc_lock;
typedef enum arc_lock_kind { ARC_LOCK_SHARED, ARC_LOCK_EXCLUSIVE } arc_lock_kind;

/* path: a folder that is there, or a file, made when it is missing. wait_ms: how long others are waited for; 0 = not at all. EIO: it is still held, or
 * cannot be opened. *out is NULL after a failure. */
arc_status arc_lock_take(arc_lock **out, const arc_alloc *a, const char *path, arc_lock_kind kind, int64_t wait_ms,
                         arc_error *err);
void arc_lock_release(arc_lock **lock); /* NULL-safe, nulls it */

#endif
