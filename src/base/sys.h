/* base: the system calls on files, one function each, which the files of this room use (map.c, input.c, writer.c, append.c,
 * patch.c, folder.c, listing.c, lock.c, paths.c). No other room includes it: they use file.h, paths.h, lock.h and store.h.
 *
 * Tests link tests/faulty_sys.c in place of sys.c and make every single call fail in turn, as their allocator does with every
 * allocation. The library itself has no switch for it. The functions behave like the calls of the same name: -1 or NULL, and
 * errno. */
#ifndef ARC_BASE_SYS_H
#define ARC_BASE_SYS_H

#include "base/status.h"
#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

int arc_sys_open(const char *path, int flags, mode_t mode);
int arc_sys_close(int fd);
ssize_t arc_sys_read(int fd, void *data, size_t bytes);
ssize_t arc_sys_write(int fd, const void *data, size_t bytes);
ssize_t arc_sys_write_at(int fd, const void *data, size_t bytes, off_t at); /* pwrite */
int arc_sys_sync(int fd);                                                   /* fsync */
int arc_sys_truncate(int fd, off_t bytes);
int arc_sys_lock(int fd, int operation); /* flock */
int arc_sys_stat(const char *path, struct stat *out);
int arc_sys_fstat(int fd, struct stat *out);
void *arc_sys_map(int fd, size_t bytes, bool writable); /* private, from the beginning; NULL, not MAP_FAILED */
int arc_sys_rename(const char *from, const char *to);
int arc_sys_unlink(const char *path);
int arc_sys_mkdir(const char *path, mode_t mode);
int arc_sys_rmdir(const char *path);
DIR *arc_sys_opendir(const char *path);
struct dirent *arc_sys_readdir(DIR *dir); /* NULL with errno 0: the end */
/* Starts the program word[0], looked for as a shell does, with these words; *output: what it writes to standard output can be
 * read there. Its standard input and error are ours. -1 and errno. */
pid_t arc_sys_spawn(char *const word[], int *output);
int arc_sys_wait(pid_t program, int *ended); /* 0 when it has ended, *ended as waitpid has it */

/* ---- sys_common.c: built on the calls above ---- */

/* Writes everything, continuing after short writes and interruptions. Returns 0, or -1 with errno. */
int arc_sys_write_all(int fd, const void *data, size_t bytes);

/* "PATH: cannot WHAT: the system's reason" from errno: ENOTFOUND, ENOMEM or EIO. */
arc_status arc_fail_errno(arc_error *err, const char *what, const char *path);

#endif
