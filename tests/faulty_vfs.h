/* A file system for SQLite in which calls fail where the test says: the disk is full, or broken. It stands in front of SQLite's
 * own and becomes the default one, so that what is tested need not know of it.
 *
 *     vfs_faults_begin((vfs_faults){.at = n, .on = true, .code = SQLITE_FULL});
 *     ...
 *     if (vfs_faults_end() < n) ... there were fewer calls */
#ifndef ARC_FAULTY_VFS_H
#define ARC_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

/* Of writes, syncs and truncations the at-th fails (counted from 1; 0: none), and with `on` all behind it. */
typedef struct vfs_faults {
    long at;
    bool on;
    int code; /* SQLITE_FULL, SQLITE_IOERR_WRITE, ... */
} vfs_faults;

typedef struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* lies behind it */
} faulty_file;

static struct {
    sqlite3_vfs vfs, *real;
    vfs_faults now;
    long calls;
} faulty;

static inline void vfs_faults_begin(vfs_faults faults) {
    faulty.now = faults;
    faulty.calls = 0;
}

static inline long vfs_faults_end(void) {
    faulty.now = (vfs_faults){0};
    return faulty.calls;
}

static inline bool vfs_fails(void) {
    const long n = ++faulty.calls;
    return faulty.now.at > 0 && (n == faulty.now.at || (faulty.now.on && n > faulty.now.at));
}

static inline sqlite3_file *real_of(sqlite3_file *file) {
    return ((faulty_file *)(void *)file)->real;
}

static inline int faulty_write(sqlite3_file *f, const void *data, int bytes, sqlite3_int64 at) {
    if (!vfs_fails())
        return real_of(f)->pMethods->xWrite(real_of(f), data, bytes, at);
    real_of(f)->pMethods->xWrite(real_of(f), data, bytes / 2, at); /* half of it came through */
    return faulty.now.code;
}

static inline int faulty_truncate(sqlite3_file *f, sqlite3_int64 bytes) {
    return vfs_fails() ? SQLITE_IOERR_TRUNCATE : real_of(f)->pMethods->xTruncate(real_of(f), bytes);
}

static inline int faulty_sync(sqlite3_file *f, int flags) {
    return vfs_fails() ? SQLITE_IOERR_FSYNC : real_of(f)->pMethods->xSync(real_of(f), flags);
}

/* The calls that are passed on as they are. */
static inline int faulty_close(sqlite3_file *f) {
    return real_of(f)->pMethods ? real_of(f)->pMethods->xClose(real_of(f)) : SQLITE_OK;
}
static inline int faulty_read(sqlite3_file *f, void *data, int bytes, sqlite3_int64 at) {
    return real_of(f)->pMethods->xRead(real_of(f), data, bytes, at);
}
static inline int faulty_size(sqlite3_file *f, sqlite3_int64 *bytes) {
    return real_of(f)->pMethods->xFileSize(real_of(f), bytes);
}
static inline int faulty_lock(sqlite3_file *f, int level) {
    return real_of(f)->pMethods->xLock(real_of(f), level);
}
static inline int faulty_unlock(sqlite3_file *f, int level) {
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}
static inline int faulty_reserved(sqlite3_file *f, int *out) {
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}
static inline int faulty_control(sqlite3_file *f, int op, void *arg) {
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static inline int faulty_sector(sqlite3_file *f) {
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}
static inline int faulty_kind(sqlite3_file *f) {
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}
static inline int faulty_map(sqlite3_file *f, int page, int bytes, int extend, void volatile **out) {
    return real_of(f)->pMethods->xShmMap(real_of(f), page, bytes, extend, out);
}
static inline int faulty_shm_lock(sqlite3_file *f, int at, int n, int flags) {
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}
static inline void faulty_barrier(sqlite3_file *f) {
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static inline int faulty_unmap(sqlite3_file *f, int remove) {
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_kind,
    .xShmMap = faulty_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_barrier,
    .xShmUnmap = faulty_unmap,
};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
    faulty_file *f = (faulty_file *)(void *)file;
    (void)vfs;
    f->real = (sqlite3_file *)(void *)(f + 1);
    const int rc = faulty.real->xOpen(faulty.real, name, f->real, flags, out);
    f->base.pMethods = f->real->pMethods ? &faulty_methods : NULL;
    return rc;
}

/* For the rest of the program. */
static inline void vfs_faults_install(void) {
    faulty.real = sqlite3_vfs_find(NULL);
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.szOsFile = (int)sizeof(faulty_file) + faulty.real->szOsFile;
    faulty.vfs.xOpen = faulty_open;
    sqlite3_vfs_register(&faulty.vfs, 1);
}

#endif
