/* LFW: aligned crops in a folder of people (Name/Name_0001.jpg) and the official pairs.txt. A missing picture is an error: dropping its pair
 * would shift every later fold. */
#include "eval/eval_internal.h"
#include "format/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reference {
    const char *name;
    int index;
    int where; /* 2*pair + side */
} reference;

typedef struct folder {
    const char *dir;
    const reference *image; /* [images], sorted */
} folder;

static int by_name(const void *a, const void *b) {
    const reference *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static arc_status load_image(arc_context *ctx, const void *source, int index, arc_image *out, arc_error *err) {
    static const char *const suffix[] = {"jpg", "png", "jpeg"};
    const folder *f = source;
    const reference *r = &f->image[index];
    char path[4096];
    for (size_t i = 0; i < ARC_COUNT(suffix); i++) {
        int n = snprintf(path, sizeof path, "%s/%s/%s_%04d.%s", f->dir, r->name, r->name, r->index, suffix[i]);
        if (n < 0 || (size_t)n >= sizeof path)
            return arc_fail(err, ARC_ELIMIT, "the path of %s %d under %s is too long", r->name, r->index, f->dir);
        if (arc_path_kind_of(path) == ARC_PATH_FILE)
            return arc_image_load(ctx, path, NULL, out, NULL, err);
    }
    return arc_fail(err, ARC_ENOTFOUND, "%s/%s/%s_%04d.jpg (or .png) is missing; the pairs file names it", f->dir, r->name,
                    r->name, r->index);
}

static void name_image(const void *source, int index, char *out, size_t bytes) {
    const folder *f = source;
    snprintf(out, bytes, "%s/%s_%04d", f->dir, f->image[index].name, f->image[index].index);
}

/* Sorts the 2*pairs references and numbers the different ones. */
static int number_images(reference *r, int count, int (*pair)[2]) {
    qsort(r, (size_t)count, sizeof r[0], by_name);
    int images = 0;
    for (int i = 0; i < count; i++) {
        if (i == 0 || by_name(&r[i], &r[images - 1]) != 0)
            r[images++] = (reference){r[i].name, r[i].index, r[i].where};
        pair[r[i].where / 2][r[i].where % 2] = images - 1;
    }
    return images;
}

arc_status arc_eval_lfw(arc_context *ctx, const arc_model *model, const char *images_dir, const char *pairs_file,
                        const arc_eval_options *opt, arc_verification *out, arc_error *err) {
    arc_status st;
    arc_eval_options defaults;
    arc_pairs pairs = {0};
    reference *image = NULL;
    int(*pair)[2] = NULL;
    uint8_t *same = NULL;
    if (!opt) {
        arc_eval_options_default(&defaults);
        opt = &defaults;
    }
    *out = (arc_verification){0};
    if (arc_path_kind_of(images_dir) != ARC_PATH_DIR)
        return arc_fail(err, ARC_EIO, "%s is not a folder of images", images_dir);
    ARC_TRY(arc_pairs_open(&pairs, &ctx->alloc, pairs_file, err));
    if (pairs.pairs < 1) {
        st = arc_fail(err, ARC_EFORMAT, "%s lists no pairs", pairs_file);
        goto done;
    }
    if (opt->max_pairs > 0)
        pairs.pairs = ARC_MIN(pairs.pairs, opt->max_pairs);
    image = arc_mem_raw(&ctx->alloc, 2 * (size_t)pairs.pairs, sizeof image[0]);
    pair = arc_mem_raw(&ctx->alloc, (size_t)pairs.pairs, sizeof pair[0]);
    same = arc_mem_raw(&ctx->alloc, (size_t)pairs.pairs, 1);
    if (!image || !pair || !same) {
        st = arc_fail_nomem(err, "the list of pairs");
        goto done;
    }
    for (int i = 0; i < pairs.pairs; i++) {
        same[i] = pairs.pair[i].same;
        for (int k = 0; k < 2; k++)
            image[2 * i + k] = (reference){pairs.pair[i].name[k], pairs.pair[i].index[k], 2 * i + k};
    }
    int images = number_images(image, 2 * pairs.pairs, pair);
    folder source = {images_dir, image};
    arc_eval_set set = {.images = images,
                        .pairs = pairs.pairs,
                        .pair = pair,
                        .same = same,
                        .load = load_image,
                        .name = name_image,
                        .source = &source};
    ARC_TRY(arc_eval_set_run(ctx, model, &set, opt, out, err));
done:
    arc_mem_free(&ctx->alloc, same);
    arc_mem_free(&ctx->alloc, pair);
    arc_mem_free(&ctx->alloc, image);
    arc_pairs_close(&pairs);
    return st;
}
