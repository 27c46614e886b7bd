/* eval: listed pairs over a folder of pictures. The list is parsed in format/list/. */
#include "eval/eval_internal.h"
#include "format/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reference {
    const char *path;
    int where; /* 2*pair + side */
} reference;

typedef struct folder {
    const char *dir;
    const reference *image; /* [images], sorted */
    bool suffix;            /* the listed paths have suffixes */
} folder;

static int by_path(const void *a, const void *b) {
    const reference *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->where > y->where) - (x->where < y->where);
}

/* The file of a picture; false if there is none. If the list gives no suffixes, the usual ones are tried. */
static bool find_file(const folder *f, int64_t index, char *path, size_t bytes) {
    static const char *const suffix[] = {".jpg", ".png", ".jpeg"};
    for (size_t i = 0; i < (f->suffix ? 1 : ARC_COUNT(suffix)); i++) {
        int n = snprintf(path, bytes, "%s/%s%s", f->dir, f->image[index].path, f->suffix ? "" : suffix[i]);
        if (n > 0 && (size_t)n < bytes && arc_path_kind_of(path) == ARC_PATH_FILE)
            return true;
    }
    return false;
}

static arc_status open_image(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    const folder *f = source;
    char path[4096];
    (void)ctx;
    if (find_file(f, index, path, sizeof path))
        return arc_eval_open_file(path, out, err);
    return arc_fail(err, ARC_ENOTFOUND, "%s/%s%s is missing; the pairs file names it", f->dir, f->image[index].path,
                    f->suffix ? "" : ".jpg (or .png)");
}

static void name_image(const void *source, int64_t index, char *out, size_t bytes) {
    const folder *f = source;
    if (!find_file(f, index, out, bytes))
        snprintf(out, bytes, "%s/%s", f->dir, f->image[index].path);
}

/* Sorts the 2*pairs references and numbers the distinct ones. */
static int number_images(reference *r, int count, int (*pair)[2]) {
    qsort(r, (size_t)count, sizeof r[0], by_path);
    int images = 0;
    for (int i = 0; i < count; i++) {
        reference here = r[i];
        if (i == 0 || strcmp(here.path, r[images - 1].path) != 0)
            r[images++] = here;
        pair[here.where / 2][here.where % 2] = images - 1;
    }
    return images;
}

/* The length of the part of a path that names its person: the folders (CFP: the first one, as the next is the view), else the
 * name up to its number ("Aaron_Eckhart_0001.jpg"). */
static size_t person_bytes(const char *path, bool first_folder) {
    const char *slash = first_folder ? strchr(path, '/') : strrchr(path, '/'), *number = strrchr(path, '_');
    return slash ? (size_t)(slash - path) : number ? (size_t)(number - path) : strlen(path);
}

/* Numbers the identities of the sorted pictures: neighbours of the same person share a number. */
static int number_people(const reference *r, int images, bool first_folder, int *person) {
    int people = 0;
    for (int i = 0; i < images; i++) {
        const size_t bytes = person_bytes(r[i].path, first_folder);
        if (i == 0 || bytes != person_bytes(r[i - 1].path, first_folder) || memcmp(r[i].path, r[i - 1].path, bytes) != 0)
            people++;
        person[i] = people - 1;
    }
    return people;
}

typedef struct listed {
    arc_pair_list list;
    int list_pairs; /* as many as the file lists */
    reference *image;
    int (*pair)[2], (*identity)[2], *person;
    uint8_t *same;
} listed;

static void listed_close(arc_context *ctx, listed *l) {
    const arc_alloc *a = &ctx->alloc;
    arc_mem_free(a, l->same);
    arc_mem_free(a, l->person);
    arc_mem_free(a, l->identity);
    arc_mem_free(a, l->pair);
    arc_mem_free(a, l->image);
    arc_pair_list_close(&l->list);
}

static arc_status listed_open(arc_context *ctx, listed *l, const char *pairs_file, int max_pairs, arc_error *err) {
    const arc_alloc *a = &ctx->alloc;
    arc_status st = arc_pair_list_open(&l->list, a, pairs_file, err);
    if (st != ARC_OK)
        return st;
    l->list_pairs = l->list.pairs;
    if (max_pairs > 0)
        l->list.pairs = ARC_MIN(l->list.pairs, max_pairs);
    const size_t pairs = (size_t)l->list.pairs;
    l->image = arc_mem_raw(a, 2 * pairs, sizeof *l->image);
    l->pair = arc_mem_raw(a, pairs, sizeof *l->pair);
    l->identity = arc_mem_raw(a, pairs, sizeof *l->identity);
    l->person = arc_mem_raw(a, 2 * pairs, sizeof *l->person);
    l->same = arc_mem_raw(a, pairs, 1);
    if (!l->image || !l->pair || !l->identity || !l->person || !l->same)
        return arc_fail_nomem(err, "the list of pairs");
    for (int i = 0; i < l->list.pairs; i++) {
        l->same[i] = l->list.pair[i].same;
        for (int k = 0; k < 2; k++)
            l->image[2 * i + k] = (reference){l->list.pair[i].path[k], 2 * i + k};
    }
    return ARC_OK;
}

static arc_status contradictions(const listed *l, arc_evaluation *e, arc_error *err) {
    int same_picture = 0, wrong = 0;
    for (int i = 0; i < l->list.pairs; i++) {
        same_picture += l->pair[i][0] == l->pair[i][1];
        wrong += l->same[i] == 0 && l->identity[i][0] == l->identity[i][1];
    }
    arc_status st = ARC_OK;
    if (same_picture)
        st = arc_evaluation_note(e, err, "%d pairs name the same picture twice", same_picture);
    if (st == ARC_OK && wrong)
        st = arc_evaluation_note(e, err, "%d pairs are labelled different but their names are of one person", wrong);
    return st;
}

arc_status arc_evaluate_pairs(arc_context *ctx, const arc_model *model, const char *images_dir, const char *pairs_file,
                              const arc_evaluate_options *opt, arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_evaluate_options defaults;
    listed l = {0};
    arc_evaluation *e = NULL;
    *out = NULL;
    if (arc_evaluate_options_check(opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!opt) {
        arc_evaluate_options_default(&defaults);
        opt = &defaults;
    }
    if (arc_path_kind_of(images_dir) != ARC_PATH_DIR)
        return arc_fail(err, ARC_EIO, "%s is not a folder of images", images_dir);
    ARC_TRY(listed_open(ctx, &l, pairs_file, opt->max_pairs, err));
    ARC_TRY(arc_evaluation_new(ctx, "pairs", &e, err));
    const int images = number_images(l.image, 2 * l.list.pairs, l.pair);
    const int people = number_people(l.image, images, l.list.first_folder, l.person);
    for (int i = 0; i < l.list.pairs; i++)
        for (int k = 0; k < 2; k++)
            l.identity[i][k] = l.person[l.pair[i][k]];
    const folder source = {images_dir, l.image, l.list.suffix};
    const arc_eval_set set = {
        .images = images, .open = open_image, .name = name_image, .names_are_paths = true, .source = &source};
    arc_pair_set pairs = {.set = &set,
                          .pairs = l.list.pairs,
                          .list_pairs = l.list_pairs,
                          .image = (const int(*)[2])l.pair,
                          .same = l.same,
                          .identity = (const int(*)[2])l.identity,
                          .identities = people,
                          .folds = opt->max_pairs > 0 ? 0 : l.list.folds,
                          .name = pairs_file,
                          .list_bytes = l.list.bytes};
    memcpy(pairs.list_digest, l.list.digest, sizeof pairs.list_digest);
    ARC_TRY(contradictions(&l, e, err));
    ARC_TRY(arc_pair_set_run(ctx, model, &pairs, opt, e, err));
    *out = e;
    e = NULL;
done:
    arc_evaluation_free(ctx, &e);
    listed_close(ctx, &l);
    return st;
}
