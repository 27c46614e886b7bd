/* What the files of this folder share: findings, members, what config.json holds. */
#include "deploy/archive/archive.h"
#include <string.h>

void arc_archive_find(arc_archive *a, bool serious, const char *where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    arc_findings_add_args(&a->found, serious, where, fmt, args);
    va_end(args);
}

const arc_member *arc_archive_member(const arc_archive *a, const char *name) {
    for (int i = 0; i < a->members; i++)
        if (strcmp(a->member[i].name, name) == 0)
            return &a->member[i];
    return NULL;
}

const char *arc_archive_text(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

json_t *arc_archive_list(const arc_archive *a, const char *name) {
    json_t *list = json_object_get(json_object_get(a->json, "model"), name);
    return json_is_array(list) ? list : NULL;
}
