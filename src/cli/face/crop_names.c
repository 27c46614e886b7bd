/* What the crops of photos are called. */
#include "face/crop_names.h"
#include <stdio.h>
#include <string.h>

/* The folders between an argument that is a folder and a photo in it ("Ann/" of people/Ann/1.jpg): identities stay apart in the
 * crops. */
static void folders_of(const cli *c, const char *photo, char *out, size_t bytes) {
    const char *name = strrchr(photo, '/');
    *out = 0;
    for (int i = 0; name && i < c->arg_count; i++) {
        size_t root = strlen(c->args[i]);
        while (root > 0 && c->args[i][root - 1] == '/')
            root--;
        if (strncmp(photo, c->args[i], root) != 0 || photo[root] != '/' || photo + root >= name)
            continue;
        const char *from = photo + root + strspn(photo + root, "/");
        const size_t length = from <= name ? (size_t)(name + 1 - from) : 0;
        if (length < bytes) {
            memcpy(out, from, length);
            out[length] = 0;
        }
        return;
    }
}

/* photo.png, photo_1.png for the second face, photo-2.png when another photo had that name. */
void crop_name(const cli *c, crop_names *n, const char *dir, const char *photo, int face, char out[CROP_PATH_BYTES]) {
    char stem[200], folders[CROP_NAME_BYTES - 240], name[CROP_NAME_BYTES];
    cli_base_name(photo, stem, sizeof stem);
    folders_of(c, photo, folders, sizeof folders);
    for (int time = 1;; time++) {
        char again[16] = "", index[16] = "";
        if (time > 1)
            snprintf(again, sizeof again, "-%d", time);
        if (face > 0)
            snprintf(index, sizeof index, "_%d", face);
        snprintf(name, sizeof name, "%s%s%s%s.png", folders, stem, again, index);
        int i = n->count; /* photos of one folder follow each other */
        while (i > 0 && strcmp(n->used[i - 1], name) != 0)
            i--;
        if (i == 0)
            break;
    }
    n->used = cli_grow(n->used, (size_t)n->count + 1, sizeof n->used[0]);
    memcpy(n->used[n->count++], name, sizeof name);
    snprintf(out, CROP_PATH_BYTES, "%s/%s", dir, name);
}

void crop_names_free(crop_names *n) {
    cli_free(n->used);
    *n = (crop_names){0};
}
