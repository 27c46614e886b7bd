/* base: the system calls on files, unchanged. Tests replace this file. */
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int arc_sys_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

int arc_sys_close(int fd) {
    return close(fd);
}

ssize_t arc_sys_read(int fd, void *data, size_t bytes) {
    return read(fd, data, bytes);
}

ssize_t arc_sys_write(int fd, const void *data, size_t bytes) {
    return write(fd, data, bytes);
}

ssize_t arc_sys_write_at(int fd, const void *data, size_t bytes, off_t at) {
    return pwrite(fd, data, bytes, at);
}

int arc_sys_sync(int fd) {
    return fsync(fd);
}

int arc_sys_truncate(int fd, off_t bytes) {
    return ftruncate(fd, bytes);
}

int arc_sys_lock(int fd, int operation) {
    return flock(fd, operation);
}

int arc_sys_stat(const char *path, struct stat *out) {
    return stat(path, out);
}

int arc_sys_fstat(int fd, struct stat *out) {
    return fstat(fd, out);
}

void *arc_sys_map(int fd, size_t bytes, bool writable) {
    void *data = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_PRIVATE, fd, 0);
    return data == MAP_FAILED ? NULL : data;
}

int arc_sys_rename(const char *from, const char *to) {
    return rename(from, to);
}

int arc_sys_unlink(const char *path) {
    return unlink(path);
}

int arc_sys_mkdir(const char *path, mode_t mode) {
    return mkdir(path, mode);
}

int arc_sys_rmdir(const char *path) {
    return rmdir(path);
}

DIR *arc_sys_opendir(const char *path) {
    return opendir(path);
}

struct dirent *arc_sys_readdir(DIR *dir) {
    errno = 0;
    return readdir(dir);
}

extern char **environ;

pid_t arc_sys_spawn(char *const word[], int *output) {
    int ends[2];
    pid_t program = -1;
    posix_spawn_file_actions_t actions;
    *output = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
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
    return which == program ? 0 : -1;
}
