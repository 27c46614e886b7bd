/* The system calls of base/sys.h, counted, and failing where the test says. */
#include "faulty_sys.h"
#include "base/sys.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static arc_faults now;
static long calls;
static const char *first = "";

void arc_faults_begin(arc_faults faults) {
    now = faults;
    first = "";
    __atomic_store_n(&calls, 0, __ATOMIC_SEQ_CST);
}

long arc_faults_end(void) {
    now = (arc_faults){0};
    return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}

const char *arc_faults_call(void) {
    return first;
}

/* Whether this call is to fail; errno is set then. */
static bool fails(const char *call) {
    const long n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (now.at == 0 || n < now.at || (n > now.at && !now.on))
        return false;
    if (now.kill)
        raise(SIGKILL);
    if (n == now.at)
        first = call;
    errno = now.reason;
    return true;
}

int arc_sys_open(const char *path, int flags, mode_t mode) {
    return fails("open") ? -1 : open(path, flags, mode);
}

int arc_sys_close(int fd) {
    const bool bad = fails("close");
    const int reason = errno, result = close(fd); /* the system lets go of it either way */
    if (bad)
        errno = reason;
    return bad ? -1 : result;
}

ssize_t arc_sys_read(int fd, void *data, size_t bytes) {
    return fails("read") ? -1 : read(fd, data, now.most_bytes ? ARC_MIN(bytes, now.most_bytes) : bytes);
}

ssize_t arc_sys_write(int fd, const void *data, size_t bytes) {
    if (now.kill && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) + 1 == now.at)
        (void)!write(fd, data, bytes / 2);
    if (fails("write"))
        return -1;
    return write(fd, data, now.most_bytes ? ARC_MIN(bytes, now.most_bytes) : bytes);
}

ssize_t arc_sys_write_at(int fd, const void *data, size_t bytes, off_t at) {
    return fails("write_at") ? -1 : pwrite(fd, data, now.most_bytes ? ARC_MIN(bytes, now.most_bytes) : bytes, at);
}

int arc_sys_sync(int fd) {
    return fails("sync") ? -1 : fsync(fd);
}

int arc_sys_truncate(int fd, off_t bytes) {
    return fails("truncate") ? -1 : ftruncate(fd, bytes);
}

int arc_sys_lock(int fd, int operation) {
    return fails("lock") ? -1 : flock(fd, operation);
}

int arc_sys_stat(const char *path, struct stat *out) {
    return fails("stat") ? -1 : stat(path, out);
}

int arc_sys_fstat(int fd, struct stat *out) {
    return fails("fstat") ? -1 : fstat(fd, out);
}

void *arc_sys_map(int fd, size_t bytes, bool writable) {
    const int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *data = fails("map") ? MAP_FAILED : mmap(NULL, bytes, access, MAP_PRIVATE, fd, 0);
    return data == MAP_FAILED ? NULL : data;
}

int arc_sys_rename(const char *from, const char *to) {
    return fails("rename") ? -1 : rename(from, to);
}

int arc_sys_unlink(const char *path) {
    return fails("unlink") ? -1 : unlink(path);
}

int arc_sys_mkdir(const char *path, mode_t mode) {
    return fails("mkdir") ? -1 : mkdir(path, mode);
}

int arc_sys_rmdir(const char *path) {
    return fails("rmdir") ? -1 : rmdir(path);
}

DIR *arc_sys_opendir(const char *path) {
    return fails("opendir") ? NULL : opendir(path);
}

struct dirent *arc_sys_readdir(DIR *dir) {
    if (fails("readdir"))
        return NULL;
    errno = 0;
    return readdir(dir);
}

extern char **environ;

pid_t arc_sys_spawn(char *const word[], int *output) {
    int ends[2];
    pid_t program = -1;
    posix_spawn_file_actions_t actions;
    *output = -1;
    if (fails("spawn") || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (!failed)
            failed = posix_spawnp(&program, word[0], &actions, NULL, word, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (!failed) {
        *output = ends[0];
        return program;
    }
    close(ends[0]);
    errno = failed;
    return -1;
}

int arc_sys_wait(pid_t program, int *ended) {
    pid_t which;
    do {
        which = waitpid(program, ended, 0);
    } while (which < 0 && errno == EINTR);
    return which == program && !fails("wait") ? 0 : -1;
}
