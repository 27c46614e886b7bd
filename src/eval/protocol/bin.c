/* eval: InsightFace's verification sets (.bin): encoded pictures in the order of pairs and one label a pair. Identical
 * pictures are embedded once. */
#include "eval/eval_internal.h"
#include "format/format.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct encoded {
    const uint8_t *data;
    size_t bytes;
    int where; /* position in the file */
} encoded;

typedef struct bin_source {
    const char *path;
    const encoded *image; /* [images], sorted */
} bin_source;

/* Equal pictures become neighbours; the position makes the order of equal ones unique. */
static int compare_bytes(const encoded *x, const encoded *y) {
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return x->bytes ? memcmp(x->data, y->data, x->bytes) : 0;
}

static int by_bytes(const void *a, const void *b) {
    const encoded *x = a, *y = b;
    int order = compare_bytes(x, y);
    return order ? order : (x->where > y->where) - (x->where < y->where);
}

static void name_image(const void *source, int64_t index, char *out, size_t bytes) {
    const bin_source *s = source;
    snprintf(out, bytes, "%s, image %d", s->path, s->image[index].where);
}

static arc_status open_image(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    const encoded *e = &((const bin_source *)source)->image[index];
    (void)ctx;
    (void)err;
    name_image(source, index, out->name, 512);
    crypto_hash_sha256(out->digest, e->data, e->bytes);
    out->photo = arc_photo_from_bytes(e->data, e->bytes, out->name);
    return ARC_OK;
}

static int number_images(encoded *e, int count, int (*pair)[2]) {
    qsort(e, (size_t)count, sizeof e[0], by_bytes);
    int images = 0;
    for (int i = 0; i < count; i++) {
        encoded here = e[i];
        if (i == 0 || compare_bytes(&here, &e[images - 1]) != 0)
            e[images++] = here;
        pair[here.where / 2][here.where % 2] = images - 1;
    }
    return images;
}

static arc_status open_bin(arc_context *ctx, const char *bin_file, arc_verification_bin *bin, arc_error *err) {
    arc_status st = arc_verification_bin_open(bin, &ctx->alloc, bin_file, err);
    if (st == ARC_OK && (bin->pairs < 1 || bin->pairs > INT32_MAX / 4)) {
        st = arc_fail(err, ARC_EFORMAT, "%s holds %zu pairs", bin_file, bin->pairs);
        arc_verification_bin_close(bin);
    }
    return st;
}

arc_status arc_evaluate_bin(arc_context *ctx, const arc_model *model, const char *bin_file, const arc_evaluate_options *opt,
                            arc_evaluation **out, arc_error *err) {
    arc_status st;
    arc_evaluate_options defaults;
    arc_verification_bin bin = {0};
    arc_evaluation *e = NULL;
    encoded *image = NULL;
    int(*pair)[2] = NULL;
    *out = NULL;
    if (arc_evaluate_options_check(opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!opt) {
        arc_evaluate_options_default(&defaults);
        opt = &defaults;
    }
    ARC_TRY(open_bin(ctx, bin_file, &bin, err));
    const int list_pairs = (int)bin.pairs;
    if (opt->max_pairs > 0)
        bin.pairs = ARC_MIN(bin.pairs, (size_t)opt->max_pairs);
    ARC_TRY(arc_evaluation_new(ctx, "bin", &e, err));
    image = arc_mem_raw(&ctx->alloc, 2 * bin.pairs, sizeof image[0]);
    pair = arc_mem_raw(&ctx->alloc, bin.pairs, sizeof pair[0]);
    if (!image || !pair) {
        st = arc_fail_nomem(err, "the list of pairs");
        goto done;
    }
    for (size_t i = 0; i < 2 * bin.pairs; i++)
        image[i] = (encoded){bin.image[i], bin.image_bytes[i], (int)i};
    const int images = number_images(image, (int)(2 * bin.pairs), pair);
    const bin_source source = {bin_file, image};
    const arc_eval_set set = {.images = images, .open = open_image, .name = name_image, .source = &source};
    arc_pair_set pairs = {.set = &set,
                          .pairs = (int)bin.pairs,
                          .list_pairs = list_pairs,
                          .image = (const int(*)[2])pair,
                          .same = bin.same,
                          .name = bin_file,
                          .list_bytes = (int64_t)bin.map.bytes};
    crypto_hash_sha256(pairs.list_digest, bin.map.data, bin.map.bytes);
    ARC_TRY(arc_pair_set_run(ctx, model, &pairs, opt, e, err));
    for (int k = 0; k < 2; k++) /* for people, pictures are numbered by their place in the file */
        for (int i = 0; i < (k ? e->worst_impostors : e->worst_genuines); i++)
            for (int side = 0; side < 2; side++) {
                int64_t *index = &(k ? e->worst_impostor : e->worst_genuine)[i].index[side];
                *index = image[*index].where;
            }
    *out = e;
    e = NULL;
done:
    arc_evaluation_free(ctx, &e);
    arc_mem_free(&ctx->alloc, pair);
    arc_mem_free(&ctx->alloc, image);
    arc_verification_bin_close(&bin);
    return st;
}

arc_status arc_bin_image_load(arc_context *ctx, const char *bin_file, int64_t index, arc_image *out, arc_error *err) {
    arc_verification_bin bin;
    *out = (arc_image){0};
    arc_status st = open_bin(ctx, bin_file, &bin, err);
    if (st != ARC_OK)
        return st;
    if (index < 0 || (size_t)index >= 2 * bin.pairs)
        st = arc_fail(err, ARC_EINVAL, "%s has %zu images, there is no image %lld", bin_file, 2 * bin.pairs, (long long)index);
    else
        st = arc_image_decode(ctx, bin.image[index], bin.image_bytes[index], bin_file, NULL, out, NULL, err);
    arc_verification_bin_close(&bin);
    return st;
}
