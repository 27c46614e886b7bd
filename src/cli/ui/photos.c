/* Paths: photos named on the command line or found in folders, folders for output, names without folder and suffix. */
#include "ui/cli.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 32

bool cli_has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

/* By its first bytes: names say little. A file that cannot be read is reported with its picture. */
static bool is_picture(const char *path) {
    const char *kind;
    return arc_image_kind_of_file(path, &kind, NULL) != ARC_OK || kind;
}

static char *copy_of(const char *text, size_t length) {
    char *copy = cli_new(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

static void add(cli_paths *out, const char *path) {
    if ((out->count & (out->count - 1)) == 0) /* room for twice as many at every power of two */
        out->path = cli_grow(out->path, out->count ? 2 * (size_t)out->count : 1, sizeof out->path[0]);
    out->path[out->count++] = copy_of(path, strlen(path));
}

static void skip(cli_paths *out, const char *path) {
    if (out->skipped < CLI_SKIPPED_NAMES)
        out->skipped_name[out->skipped] = copy_of(path, strlen(path));
    out->skipped++;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk(cli_paths *out, const char *dir, int depth) {
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, NULL, by_bytes);
    if (n < 0 && depth > 0) {
        skip(out, dir);
        return true;
    }
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
        else
            skip(out, path);
    }
    cli_free(entry);
    return ok;
}

static bool add_folder(cli_paths *out, const char *name) {
    char dir[CLI_PATH_BYTES];
    const int before = out->count;
    snprintf(dir, sizeof dir, "%s", name);
    for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
        dir[n - 1] = '\0';
    if (!walk(out, dir, 0))
        return false;
    if (out->count == before)
        cli_bad_input("folder %s holds no pictures", dir);
    return out->count > before;
}

static bool read_input(cli_paths *out) {
    size_t room = 0;
    ssize_t got = 1;
    if (out->input) {
        cli_bad_input("standard input (-) can be read only once");
        return false;
    }
    for (; got > 0; out->input_bytes += got > 0 ? (size_t)got : 0) {
        if (room - out->input_bytes < 4096)
            out->input = cli_grow(out->input, room = 2 * room + 65536, 1);
        got = read(STDIN_FILENO, out->input + out->input_bytes, room - out->input_bytes);
    }
    if (got < 0)
        cli_bad_input("cannot read standard input: %s", strerror(errno));
    return got == 0;
}

static bool add_any(cli *c, cli_paths *out, const char *name, bool in_list);

static bool add_list(cli *c, cli_paths *out, const char *file) {
    char **path;
    int count;
    arc_error err = {0};
    if (arc_photo_paths_load(c->ctx, file, &path, &count, &err) != ARC_OK) {
        cli_fail(&err);
        return false;
    }
    bool ok = true;
    for (int i = 0; ok && i < count; i++)
        ok = add_any(c, out, path[i], true);
    arc_photo_paths_free(c->ctx, &path);
    return ok;
}

static bool add_any(cli *c, cli_paths *out, const char *name, bool in_list) {
    struct stat st;
    const bool there = stat(name, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return add_folder(out, name);
    if (!there && !in_list && name[0] == '@')
        return add_list(c, out, name + 1);
    if (!in_list && strcmp(name, "-") == 0 && !read_input(out))
        return false;
    add(out, name); /* a missing file is reported with its picture */
    return true;
}

bool cli_paths_collect(cli *c, cli_paths *out, char **args, int count) {
    *out = (cli_paths){0};
    bool ok = true;
    for (int i = 0; ok && i < count; i++)
        ok = add_any(c, out, args[i], false);
    return ok;
}

arc_photo cli_photo(const cli_paths *paths, int index) {
    const char *path = paths->path[index];
    if (paths->input && strcmp(path, "-") == 0)
        return arc_photo_from_bytes(paths->input, paths->input_bytes, "standard input");
    return arc_photo_from_path(path);
}

arc_photo *cli_photos(const cli_paths *paths) {
    arc_photo *photo = cli_new((size_t)paths->count, sizeof *photo);
    for (int i = 0; i < paths->count; i++)
        photo[i] = cli_photo(paths, i);
    return photo;
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
    for (int i = 0; i < CLI_SKIPPED_NAMES; i++)
        cli_free(paths->skipped_name[i]);
    cli_free(paths->path);
    cli_free(paths->input);
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
