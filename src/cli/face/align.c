/* arcface align: faces of photos, turned and scaled to a recognition template, written as PNG crops. */
#include "ui/faces.h"
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 512 /* of a crop below the folder of crops */

typedef struct aligner {
    faces f;
    arc_template shape;
    arc_warp warp;
    const char *dir;
    bool all;
    char (*used)[NAME_BYTES]; /* names written so far */
    int names, crops;
} aligner;

/* The folders between an argument that is a folder and a photo in it ("Ann/" of people/Ann/1.jpg): identities stay apart in the crops. */
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
static void crop_name(cli *c, aligner *a, const char *photo, int face, char *out, size_t bytes) {
    char stem[200], folders[NAME_BYTES - 240], name[NAME_BYTES];
    cli_base_name(photo, stem, sizeof stem);
    folders_of(c, photo, folders, sizeof folders);
    for (int n = 1;; n++) {
        char again[16] = "", index[16] = "";
        if (n > 1)
            snprintf(again, sizeof again, "-%d", n);
        if (face > 0)
            snprintf(index, sizeof index, "_%d", face);
        snprintf(name, sizeof name, "%s%s%s%s.png", folders, stem, again, index);
        int i = a->names; /* photos of one folder follow each other */
        while (i > 0 && strcmp(a->used[i - 1], name) != 0)
            i--;
        if (i == 0)
            break;
    }
    a->used = cli_grow(a->used, (size_t)a->names + 1, sizeof a->used[0]);
    memcpy(a->used[a->names++], name, sizeof name);
    snprintf(out, bytes, "%s/%s", a->dir, name);
}

/* Makes the folder that a crop goes into. */
static int make_folder_of(const char *file) {
    char folder[CLI_PATH_BYTES + NAME_BYTES];
    const size_t length = (size_t)(strrchr(file, '/') - file);
    memcpy(folder, file, length);
    folder[length] = 0;
    return cli_make_folder(folder);
}

static int write_crop(cli *c, aligner *a, const char *path, const arc_image *photo, int index, int order, cli_text *t) {
    arc_error err = {0};
    arc_image crop = {0};
    double residual;
    char name[CLI_PATH_BYTES + NAME_BYTES];
    arc_status st =
        arc_align_face(c->ctx, photo, (const float(*)[2])a->f.face[index].landmark_px, a->shape, a->warp, &crop, &residual, &err);
    int code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    if (code == CLI_OK) {
        crop_name(c, a, path, order, name, sizeof name);
        code = make_folder_of(name);
        if (code == CLI_OK && arc_image_save(c->ctx, &crop, name, &err) != ARC_OK)
            code = cli_fail_write(&err);
        else if (code == CLI_OK)
            cli_printf(t, "%s  from %s  score %.3f  residual %.2f px\n", name, path, (double)a->f.face[index].score, residual);
    }
    a->crops += code == CLI_OK;
    arc_image_free(c->ctx, &crop);
    return code;
}

static int align_photo(cli *c, aligner *a, const char *path, cli_text *t) {
    arc_image photo = {0};
    int code = faces_find(c, &a->f, path, &photo);
    if (code != CLI_OK)
        return code;
    if (a->f.count == 0)
        code = cli_bad_input("%s: no face found", path);
    else if (!a->all) {
        if (a->f.count > 1)
            cli_warn(c, "%s has %d faces, the largest is taken (--all takes every one)", path, a->f.count);
        code = write_crop(c, a, path, &photo, faces_largest(a->f.face, a->f.count), 0, t);
    } else {
        for (int i = 0; i < a->f.count && code == CLI_OK; i++)
            code = write_crop(c, a, path, &photo, i, i, t);
    }
    arc_image_free(c->ctx, &photo);
    return code;
}

static int run(cli *c) {
    aligner a = {.shape = (arc_template)cli_word(c, "template"),
                 .warp = (arc_warp)cli_word(c, "warp"),
                 .dir = cli_value(c, "output"),
                 .all = cli_given(c, "all")};
    cli_paths photos;
    cli_text t = {0};
    if (!a.dir)
        return cli_usage(c, "align needs -o FOLDER for the crops");
    int code = cli_paths_collect(&photos, c->args, c->arg_count) ? faces_open(c, &a.f) : CLI_BAD_INPUT;
    if (code == CLI_OK) {
        code = cli_make_folder(a.dir);
        int worst = code;
        for (int i = 0; code != CLI_FAILURE && i < photos.count; i++) {
            code = align_photo(c, &a, photos.path[i], &t);
            worst = code > worst ? code : worst;
        }
        code = worst == CLI_BAD_INPUT && a.crops > 0 ? CLI_OK : worst; /* a bad photo fails alone */
        faces_close(&a.f);
    }
    cli_text_print(&t);
    cli_free(a.used);
    cli_paths_free(&photos);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("output", 'o', "FOLDER", NULL,
               "where the crops go, in the same folders below it as the photos; made when it is not there"),
    CLI_WORD("template", 0, "SHAPE", "112 112x96 128 224", "112", "112, 112x96, 128 or 224"),
    CLI_WORD("warp", 0, "HOW", "exact opencv", "exact", "exact (float bilinear), or opencv: bit-equal to OpenCV's fixed point"),
    CLI_FLAG("all", 'a', "every face, not only the largest"),
    FACES_OPTIONS,
    {0},
};

const cli_command cli_align = {
    .group = CLI_GROUP_FACES,
    .name = "align",
    .args = "PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "cut faces out, turned to the recognition template",
    .about = "Cuts the largest face of each photo out, turned and scaled to a recognition template, as PNG.",
    .example = "arcface align photos/ -o crops/",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
