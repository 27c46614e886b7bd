/* Paths: photos named on the command line or found in folders, folders for output, names without folder and suffix. */
#include "ui/cli.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_DEPTH 32

bool cli_has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

static bool is_picture(const char *name) {
    static const char *const suffix[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".pnm"};
    for (int i = 0; i < CLI_COUNT(suffix); i++)
        if (cli_has_suffix(name, suffix[i]))
            return true;
    return false;
}

static void add(cli_paths *out, const char *path) {
    out->path = cli_grow(out->path, (size_t)out->count + 1, sizeof out->path[0]);
    size_t n = strlen(path) + 1;
    out->path[out->count] = cli_new(n, 1);
    memcpy(out->path[out->count++], path, n);
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk(cli_paths *out, const char *dir, int depth) {
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, NULL, by_bytes);
    if (n < 0) {
        cli_bad_input("cannot read folder %s: %s", dir, strerror(errno));
        return false;
    }
    bool ok = true;
    for (int i = 0; i < n; i++) {
        char path[CLI_PATH_BYTES];
        struct stat st;
        int bytes = snprintf(path, sizeof path, "%s/%s", dir, entry[i]->d_name);
        bool hidden = entry[i]->d_name[0] == '.';
        cli_free(entry[i]);
        if (!ok || hidden || bytes < 0 || (size_t)bytes >= sizeof path || stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
            ok = walk(out, path, depth + 1);
        else if (S_ISREG(st.st_mode) && is_picture(path))
            add(out, path);
    }
    cli_free(entry);
    return ok;
}

bool cli_paths_collect(cli_paths *out, char **args, int count) {
    *out = (cli_paths){0};
    for (int i = 0; i < count; i++) {
        struct stat st;
        if (stat(args[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            char dir[CLI_PATH_BYTES];
            snprintf(dir, sizeof dir, "%s", args[i]);
            for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
                dir[n - 1] = '\0';
            int before = out->count;
            if (!walk(out, dir, 0))
                return false;
            if (out->count == before) {
                cli_bad_input("folder %s holds no pictures", dir);
                return false;
            }
        } else {
            add(out, args[i]); /* a missing file is reported with its picture */
        }
    }
    return true;
}

void cli_paths_thin(cli_paths *paths, int count) {
    count = paths->count < count ? paths->count : count;
    for (int i = 0, kept = 0; i < paths->count; i++) {
        if (kept < count && i == (int64_t)kept * paths->count / count)
            paths->path[kept++] = paths->path[i];
        else
            cli_free(paths->path[i]);
    }
    paths->count = count;
}

void cli_paths_free(cli_paths *paths) {
    for (int i = 0; i < paths->count; i++)
        cli_free(paths->path[i]);
    cli_free(paths->path);
    *paths = (cli_paths){0};
}

int cli_make_folder(const char *path) {
    char part[CLI_PATH_BYTES];
    size_t n = strlen(path);
    struct stat st;
    for (size_t i = 1; i <= n && n < sizeof part; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && (errno != EEXIST || stat(part, &st) != 0 || !S_ISDIR(st.st_mode))) {
            cli_bad_input("cannot make folder %s: %s", part, strerror(errno));
            return CLI_FAILURE;
        }
    }
    return CLI_OK;
}

void cli_base_name(const char *path, char *out, size_t bytes) {
    const char *slash = strrchr(path, '/');
    snprintf(out, bytes, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = '\0';
}
