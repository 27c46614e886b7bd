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

/* FNV-1a. Two names with one hash cost a number in the second one's name. */
static uint64_t hash_of(const char *name) {
    uint64_t hash = 14695981039346656037u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    return hash ? hash : 1;
}

/* Where a hash stands, or where it is to stand. */
static uint64_t *place_of(const crop_names *n, uint64_t hash) {
    size_t i = (size_t)hash & (n->places - 1);
    while (n->used[i] && n->used[i] != hash)
        i = (i + 1) & (n->places - 1);
    return &n->used[i];
}

static void make_room(crop_names *n) {
    if (2 * n->count < n->places)
        return;
    const crop_names old = *n;
    n->places = old.places ? 2 * old.places : 256;
    n->used = cli_new(n->places, sizeof *n->used);
    for (size_t i = 0; i < old.places; i++)
        if (old.used[i])
            *place_of(n, old.used[i]) = old.used[i];
    cli_free(old.used);
}

/* Whether nobody has this name yet; it is taken then. */
static bool take(crop_names *n, const char *name) {
    make_room(n);
    const uint64_t hash = hash_of(name);
    uint64_t *place = place_of(n, hash);
    if (*place)
        return false;
    *place = hash;
    n->count++;
    return true;
}

/* photo.png, photo_1.png for the second face, photo-2.png when another photo had that name. */
void crop_name(const cli *c, crop_names *n, const char *dir, const char *photo, int face, char out[CROP_PATH_BYTES]) {
    char stem[200], folders[CROP_NAME_BYTES - 240], name[CROP_NAME_BYTES];
    cli_base_name(photo, stem, sizeof stem);
    if (!*stem) /* of an address that ends with a slash */
        snprintf(stem, sizeof stem, "photo");
    folders_of(c, photo, folders, sizeof folders);
    int time = 1;
    do {
        char again[16] = "", index[16] = "";
        if (time > 1)
            snprintf(again, sizeof again, "-%d", time);
        if (face > 0)
            snprintf(index, sizeof index, "_%d", face);
        snprintf(name, sizeof name, "%s%s%s%s.png", folders, stem, again, index);
        time++;
    } while (!take(n, name));
    snprintf(out, CROP_PATH_BYTES, "%s/%s", dir, name);
}

void crop_names_free(crop_names *n) {
    cli_free(n->used);
    *n = (crop_names){0};
}
