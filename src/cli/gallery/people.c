/* The photos that `enroll` takes, and whose they are. */
#include "gallery/people.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- a list: lines of name,path ---- */

/* Cuts the next field out of the line in place and goes behind its comma; quotes are taken off, of two in a quoted field one
 * stays. *more: there was a comma. NULL: a quote is not closed or is followed by letters. */
static char *next_field(char **at, bool *more) {
    char *field = *at, *to = field, *from = field;
    if (*from == '"') {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            *to++ = *from;
        }
        if (*from++ != '"' || (*from && *from != ','))
            return NULL;
    } else {
        to = from += strcspn(from, ",");
    }
    *more = *from == ',';
    *at = from + *more;
    *to = '\0';
    return field;
}

static int read_list(people *p, const char *file) {
    arc_error err = {0};
    int lines;
    if (arc_photo_paths_load(p->c->ctx, file, &p->line, &lines, &err) != ARC_OK)
        return cli_fail(&err);
    p->person = cli_new((size_t)lines, sizeof *p->person);
    p->path = cli_new((size_t)lines, sizeof *p->path);
    for (int i = 0; i < lines; i++) {
        char *at = p->line[i];
        bool more = false;
        const char *name = next_field(&at, &more), *path = name && more ? next_field(&at, &more) : NULL;
        if (!path || more || !*path || !*name)
            return cli_bad_input("%s: entry %d is not name,path", file, i + 1);
        if (i == 0 && strcmp(name, "name") == 0 && strcmp(path, "path") == 0)
            continue;
        p->person[p->count] = name;
        p->path[p->count++] = path;
    }
    arc_photo_source_of_paths(&p->source, p->path, p->count);
    return p->count > 0 ? CLI_OK : cli_bad_input("%s: there is no entry name,path in it", file);
}

/* ---- all three ---- */

int people_open(cli *c, people *p) {
    const char *csv = cli_value(c, "csv");
    int code;
    *p = (people){.c = c, .folder = cli_value(c, "folder")};
    if ((csv != NULL) + (p->folder != NULL) + (c->arg_count > 0) != 1)
        return cli_usage(c, "whom? Give NAME PHOTO..., or --folder DIR, or --csv FILE");
    if (csv)
        return read_list(p, csv);
    if (p->folder) {
        code = cli_photos_open(c, &p->folder, 1, &p->named);
    } else {
        if (c->arg_count < 2)
            return cli_usage(c, "enroll needs NAME PHOTO...: which photos of \"%s\"?", c->args[0]);
        p->name = c->args[0];
        code = cli_photos_open(c, (const char *const *)c->args + 1, c->arg_count - 1, &p->named);
    }
    p->source = p->named.source;
    return code;
}

void people_close(people *p) {
    cli_photos_close(&p->named);
    arc_photo_paths_free(p->c->ctx, &p->line);
    cli_free(p->person);
    cli_free(p->path);
}

static const char *nobody(arc_error *err, const char *fmt, ...) ARC_PRINTF(2, 3);
static const char *nobody(arc_error *err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    err->code = ARC_EINVAL;
    return NULL;
}

/* DIR/NAME/photo, however deep the photo lies. */
static const char *by_folder(people *p, const char *photo, arc_error *err) {
    size_t n = strlen(p->folder);
    while (n > 0 && p->folder[n - 1] == '/')
        n--;
    const char *name = photo + (strncmp(photo, p->folder, n) == 0 ? n : 0);
    name += strspn(name, "/");
    const size_t length = strcspn(name, "/");
    if (!name[length])
        return nobody(err, "%s lies in no person's folder: it belongs into %.*s/NAME/", photo, (int)n, p->folder);
    if (length >= sizeof p->found)
        return nobody(err, "%s: the folder's name is too long for a person's", photo);
    memcpy(p->found, name, length);
    p->found[length] = '\0';
    return p->found;
}

const char *people_whose(void *ctx, int64_t index, const char *photo, arc_error *err) {
    people *p = ctx;
    return p->name ? p->name : p->folder ? by_folder(p, photo, err) : p->person[index];
}
