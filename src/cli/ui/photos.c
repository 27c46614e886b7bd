/* Paths: photos named on the command line or found in folders, folders for output, names without folder and suffix. */
#include "ui/cli.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool cli_has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

static char *copy_of(const char *text) {
    const size_t bytes = strlen(text) + 1;
    return memcpy(cli_new(bytes, 1), text, bytes);
}

int cli_photos_open(cli *c, const char *const *names, int count, cli_photos *out) {
    arc_error err = {0};
    arc_feed_options opt;
    *out = (cli_photos){.feed = NULL};
    arc_feed_options_default(&opt);
    cli_long(c, "max-bytes", &opt.max_bytes);
    cli_int(c, "timeout", &opt.timeout_s);
    cli_int(c, "redirects", &opt.max_redirects);
    if (arc_feed_open(c->ctx, names, count, &opt, &out->feed, &err) != ARC_OK)
        return cli_fail(&err);
    arc_feed_source(out->feed, &out->source);
    return CLI_OK;
}

void cli_photos_close(cli_photos *photos) {
    arc_feed_close(&photos->feed);
}

int cli_photos_all(cli_photos *photos, arc_photo **photo, int *count) {
    arc_error err = {0};
    int room = 0;
    *photo = NULL;
    for (*count = 0;; ++*count) {
        if (*count == room)
            *photo = cli_grow(*photo, (size_t)(room = 2 * room + 16), sizeof **photo);
        if (photos->source.next(photos->source.ctx, *count, *photo + *count, &err) != ARC_OK)
            return cli_fail(&err);
        if ((*photo)[*count].kind == ARC_PHOTO_END)
            return CLI_OK;
    }
}

/* Goes through the names of a feed: counts them, and copies those whose turn it is. all: how many there are, when known. */
static int pick(cli *c, const char *const *names, int name_count, int64_t all, int most, char **path, int *count, int64_t *seen) {
    arc_feed_options opt;
    arc_feed *feed;
    arc_photo_source source;
    arc_photo photo;
    arc_error err = {0};
    int code = CLI_OK;
    arc_feed_options_default(&opt);
    opt.names_only = true;
    if (arc_feed_open(c->ctx, names, name_count, &opt, &feed, &err) != ARC_OK)
        return cli_fail(&err);
    arc_feed_source(feed, &source);
    for (*seen = 0;; ++*seen) {
        if (source.next(source.ctx, *seen, &photo, &err) != ARC_OK) {
            code = cli_fail(&err);
            break;
        }
        if (photo.kind == ARC_PHOTO_END)
            break;
        if (*count < most && all > 0 && *seen == *count * all / most)
            path[(*count)++] = copy_of(photo.name);
        if (all == 0 && photo.kind == ARC_PHOTO_FAILED)
            code = cli_fail_photo(photo.failure);
        if (photo.kind == ARC_PHOTO_BYTES) {
            code = cli_bad_input("%s: photos are taken from files here: unpack or download them, and name their folder",
                                 photo.label ? photo.label : photo.name);
            break;
        }
        source.release(source.ctx, *seen, &photo);
    }
    arc_feed_close(&feed);
    return code;
}

int cli_photos_paths_of(cli *c, const char *const *names, int name_count, int most, char ***path, int *count) {
    int64_t all, again;
    int none = 0;
    *path = NULL;
    *count = 0;
    const int code = pick(c, names, name_count, 0, 0, NULL, &none, &all);
    if (code != CLI_OK)
        return code;
    most = all < most ? (int)all : most;
    *path = cli_new((size_t)most, sizeof **path);
    return pick(c, names, name_count, all, most, *path, count, &again);
}

int cli_photos_paths(cli *c, const char *name, int most, char ***path, int *count) {
    return cli_photos_paths_of(c, &name, 1, most, path, count);
}

const char *cli_photo_label(const arc_result *photo) {
    return photo->label ? photo->label : photo->path;
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
