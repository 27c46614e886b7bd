/* train: cleaning by sub-centers (Deng et al. 2022, 3.2; drop.py of sub-center ArcFace). Each picture belongs to the nearest
 * centre of its identity; the centre of most pictures of an identity is its dominant one; pictures farther from it than an
 * angle are dropped. */
#include "base/base.h"
#include "data/picks.h"
#include "image/image.h"
#include "train/trainer/trainer_internal.h"
#include <arcface/face.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 64
#define SHEET_COLUMNS 12
#define SHEET_ROWS 12
#define CELL_PX 116
#define DEGREES (180 / 3.14159265358979323846)

void arc_clean_options_default(arc_clean_options *options) {
    *options = (arc_clean_options){.struct_size = sizeof *options, .drop_angle = 75};
}

typedef struct cleaner {
    arc_context *ctx;
    const arc_clean_options *o;
    arc_data_set *set;
    arc_store_file state;
    arc_embedder *embedder;
    int64_t samples, identities;
    size_t centres, dim;
    int width_px, height_px;
    float *centre;   /* [identities][centres][dim], unit length */
    float *cosine;   /* [samples][centres] cosines to the centres of the own identity; NAN = unreadable */
    int32_t *label;  /* [samples], -1 = unreadable */
    uint8_t *chosen; /* [identities] dominant centre */
    uint8_t *rgb;    /* [BATCH] pictures */
    float *embedding;
    arc_image image[BATCH];
    arc_status status[BATCH];
    int64_t first;
} cleaner;

static arc_status read_centres(cleaner *c, const char *path, arc_error *err) {
    json_int_t centres = 0;
    arc_status st = arc_store_open(&c->state, &c->ctx->alloc, &arc_state_kind, path, err);
    if (st != ARC_OK)
        return st;
    json_t *root = json_loadb(c->state.text, c->state.text_bytes, 0, NULL);
    json_int_t identities = -1;
    const int got = json_unpack(root, "{s:I,s:{s:I}}", "identities", &identities, "recipe", "centers", &centres);
    json_decref(root);
    if (got != 0 || centres < 1 || centres > 255)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no class centres", path);
    if (identities != c->identities)
        return arc_fail(err, ARC_EINVAL, "%s: has centres of %lld identities, the data set has %lld", path, (long long)identities,
                        (long long)c->identities);
    c->centres = (size_t)centres;
    const size_t rows = (size_t)c->identities * c->centres;
    c->centre = arc_mem_raw(&c->ctx->alloc, rows, c->dim * sizeof(float));
    if (!c->centre)
        return arc_fail_nomem(err, "the class centres");
    st = arc_store_get(&c->state, "head/centres", rows * c->dim, 0, rows * c->dim, c->centre, err);
    if (st == ARC_OK)
        arc_embedding_normalise(c->centre, (int)ARC_MIN(rows, (size_t)INT32_MAX), (int)c->dim);
    return st;
}

/* ---- cosines ---- */

static void load_some(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    cleaner *c = arg;
    const size_t bytes = (size_t)c->width_px * (size_t)c->height_px * 3;
    for (size_t i = begin; i < end; i++) {
        arc_data_item item;
        uint8_t *rgb = c->rgb + i * bytes;
        c->label[c->first + (int64_t)i] = -1;
        c->image[i] = (arc_image){rgb, c->width_px, c->height_px, (ptrdiff_t)c->width_px * 3, ARC_RGB8};
        c->status[i] = arc_data_set_read(c->set, c->first + (int64_t)i, &item, NULL);
        if (c->status[i] == ARC_OK) {
            c->status[i] = arc_image_decode_into(c->ctx, item.bytes, item.count, "picture", rgb, c->width_px, c->height_px, NULL);
            if (c->status[i] == ARC_OK)
                c->label[c->first + (int64_t)i] = (int32_t)item.label;
            arc_data_item_release(&item);
        }
        if (c->status[i] != ARC_OK)
            memset(rgb, 0, bytes);
    }
}

static arc_status measure(cleaner *c, arc_error *err) {
    for (c->first = 0; c->first < c->samples; c->first += BATCH) {
        const int n = (int)ARC_MIN((int64_t)BATCH, c->samples - c->first);
        arc_pool_run(c->ctx->pool, (size_t)n, 1, load_some, c);
        const arc_status st = arc_embed_crops(c->embedder, c->image, n, false, c->embedding, err);
        if (st != ARC_OK)
            return st;
        arc_embedding_normalise(c->embedding, n, (int)c->dim);
        for (int i = 0; i < n; i++)
            for (size_t k = 0; k < c->centres; k++) {
                const int32_t label = c->label[c->first + i];
                float *to = c->cosine + ((size_t)(c->first + i)) * c->centres + k;
                *to = label < 0 ? NAN
                                : c->ctx->kernels->dot(c->dim, c->embedding + (size_t)i * c->dim,
                                                       c->centre + ((size_t)label * c->centres + k) * c->dim);
            }
        if (c->o->progress && c->o->progress(c->o->progress_ctx, c->first + n, c->samples) != 0)
            return arc_fail(err, ARC_ECANCEL, "cleaning was cancelled");
    }
    return ARC_OK;
}

static arc_status choose_dominant(cleaner *c, arc_error *err) {
    int32_t *votes = arc_mem_new(&c->ctx->alloc, (size_t)c->identities * c->centres, sizeof *votes);
    if (!votes)
        return arc_fail_nomem(err, "the votes");
    for (int64_t i = 0; i < c->samples; i++) {
        const float *cosine = c->cosine + (size_t)i * c->centres;
        size_t best = 0;
        for (size_t k = 1; k < c->centres; k++)
            best = cosine[k] > cosine[best] ? k : best;
        if (c->label[i] >= 0)
            votes[(size_t)c->label[i] * c->centres + best]++;
    }
    for (int64_t id = 0; id < c->identities; id++)
        for (size_t k = 1; k < c->centres; k++)
            if (votes[(size_t)id * c->centres + k] > votes[(size_t)id * c->centres + c->chosen[id]])
                c->chosen[id] = (uint8_t)k;
    arc_mem_free(&c->ctx->alloc, votes);
    return ARC_OK;
}

static double angle_of(const cleaner *c, int64_t sample) {
    const double cosine = (double)c->cosine[(size_t)sample * c->centres + c->chosen[c->label[sample]]];
    return acos(fmin(fmax(cosine, -1), 1)) * DEGREES;
}

static bool keeps(const cleaner *c, int64_t sample) {
    return c->label[sample] >= 0 &&
           (double)c->cosine[(size_t)sample * c->centres + c->chosen[c->label[sample]]] > cos(c->o->drop_angle / DEGREES);
}

/* ---- output ---- */

/* Writes the list of dropped pictures with their angles. */
static arc_status write_list(cleaner *c, const char *path, arc_error *err) {
    arc_writer *w = NULL;
    char key[512];
    arc_status st;
    ARC_TRY(arc_writer_open(&w, &c->ctx->alloc, path, err));
    ARC_TRY(arc_writer_printf(w, err, "key\tlabel\tangle\tdominant\n"));
    for (int64_t i = 0; i < c->samples; i++) {
        if (c->label[i] < 0 || keeps(c, i))
            continue;
        arc_data_set_key(c->set, i, key, sizeof key);
        ARC_TRY(arc_writer_printf(w, err, "%s\t%d\t%.3f\t%d\n", key, c->label[i], angle_of(c, i), c->chosen[c->label[i]]));
    }
    return arc_writer_commit(&w, err);
done:
    arc_writer_abort(&w);
    return st;
}

/* For each picture that is not dropped: its key and label before, and its label now. */
static arc_status write_undo(cleaner *c, const arc_data_picks *picks, const char *path, arc_error *err) {
    arc_writer *w = NULL;
    char key[512];
    arc_status st;
    ARC_TRY(arc_writer_open(&w, &c->ctx->alloc, path, err));
    ARC_TRY(arc_writer_printf(w, err, "key\tlabel_before\tlabel\n"));
    for (size_t i = 0; i < picks->count; i++) {
        const arc_data_pick *p = &picks->at[i];
        arc_data_set_key(c->set, p->sample, key, sizeof key);
        ARC_TRY(arc_writer_printf(w, err, "%s\t%d\t%" PRId64 "\n", key, c->label[p->sample], p->label));
    }
    return arc_writer_commit(&w, err);
done:
    arc_writer_abort(&w);
    return st;
}

/* A contact sheet of the first dropped pictures, each with its angle. */
static arc_status draw_sheet(cleaner *c, int64_t dropped, const char *path, arc_error *err) {
    arc_image sheet = {0};
    const int64_t cells = ARC_MIN(dropped, (int64_t)SHEET_COLUMNS * SHEET_ROWS);
    const int rows = (int)ARC_MAX((cells + SHEET_COLUMNS - 1) / SHEET_COLUMNS, (int64_t)1);
    char text[32];
    arc_status st = arc_image_new(c->ctx, SHEET_COLUMNS * CELL_PX, rows * CELL_PX, &sheet, err);
    for (int64_t i = 0, cell = 0; st == ARC_OK && i < c->samples && cell < cells; i++) {
        if (c->label[i] < 0 || keeps(c, i))
            continue;
        const int32_t label = c->label[i];
        c->first = i;
        load_some(c, 0, 1, 0);
        c->label[i] = label;
        const int x = (int)(cell % SHEET_COLUMNS) * CELL_PX + 2, y = (int)(cell / SHEET_COLUMNS) * CELL_PX + 2;
        arc_draw_image(&sheet, x, y, CELL_PX - 4, CELL_PX - 4, &c->image[0]);
        snprintf(text, sizeof text, "%d: %.0f\xc2\xb0", label, angle_of(c, i));
        st = arc_draw_text(c->ctx, &sheet, (float)x, (float)y, 14, text, 0xFFFFFF, err);
        cell++;
    }
    if (st == ARC_OK)
        st = arc_image_save(c->ctx, &sheet, path, err);
    arc_image_free(c->ctx, &sheet);
    return st;
}

static arc_status write_set(cleaner *c, const char *path, arc_clean_result *out, arc_error *err) {
    arc_data_picks picks;
    arc_data_counts counts = {0};
    arc_data_copy_options copy;
    arc_status st = ARC_OK;
    arc_data_picks_init(&picks, &c->ctx->alloc);
    arc_data_copy_options_default(&copy);
    for (int64_t i = 0; i < c->samples; i++) {
        out->unreadable += c->label[i] < 0;
        out->dropped += c->label[i] >= 0 && !keeps(c, i);
        if (keeps(c, i))
            ARC_TRY(arc_data_picks_add(&picks, 0, i, c->label[i], err));
    }
    out->kept = (int64_t)picks.count;
    arc_data_picks_sort(&picks);
    (void)arc_data_picks_renumber(&picks, 1);
    out->identities = picks.count ? picks.at[picks.count - 1].label + 1 : 0;
    if (c->o->undo)
        ARC_TRY(write_undo(c, &picks, c->o->undo, err));
    if (path)
        ARC_TRY(arc_data_picks_write(&picks, c->ctx, &c->set, path, &copy, &counts, err));
done:
    arc_data_picks_free(&picks);
    return st;
}

/* ---- the whole cleaning ---- */

static arc_status open_all(cleaner *c, const char *set, const arc_model *model, const char *centres, arc_error *err) {
    arc_status st;
    const arc_alloc *a = &c->ctx->alloc;
    const arc_contract *k = arc_model_contract(model);
    ARC_TRY(arc_data_set_open(&c->set, c->ctx, set, err));
    c->samples = arc_data_set_samples(c->set);
    c->identities = arc_data_set_identities(c->set);
    arc_template_get(k->align, &c->width_px, &c->height_px, (float[5][2]){{0}});
    ARC_TRY(arc_embedder_new(c->ctx, model, &c->embedder, err));
    c->dim = (size_t)arc_embedder_dim(c->embedder);
    ARC_TRY(read_centres(c, centres, err));
    c->cosine = arc_mem_raw(a, (size_t)c->samples * c->centres, sizeof *c->cosine);
    c->label = arc_mem_raw(a, (size_t)c->samples, sizeof *c->label);
    c->chosen = arc_mem_new(a, (size_t)c->identities, 1);
    c->rgb = arc_mem_raw(a, BATCH, (size_t)c->width_px * (size_t)c->height_px * 3);
    c->embedding = arc_mem_raw(a, BATCH, c->dim * sizeof(float));
    if (!c->cosine || !c->label || !c->chosen || !c->rgb || !c->embedding)
        st = arc_fail_nomem(err, "the cleaning");
done:
    return st;
}

static void close_all(cleaner *c) {
    const arc_alloc *a = &c->ctx->alloc;
    arc_mem_free(a, c->centre);
    arc_mem_free(a, c->cosine);
    arc_mem_free(a, c->label);
    arc_mem_free(a, c->chosen);
    arc_mem_free(a, c->rgb);
    arc_mem_free(a, c->embedding);
    arc_store_close(&c->state);
    arc_embedder_free(&c->embedder);
    arc_data_set_close(&c->set);
}

arc_status arc_data_clean(arc_context *ctx, const char *set, const arc_model *model, const char *centres, const char *path,
                          const arc_clean_options *options, arc_clean_result *out, arc_error *err) {
    arc_status st;
    *out = (arc_clean_result){0};
    if (ARC_CHECK_OPTIONS(arc_clean_options, options, err) != ARC_OK)
        return ARC_EINVAL;
    if (!options || !(options->drop_angle > 0 && options->drop_angle <= 180))
        return arc_fail(err, ARC_EINVAL, "a drop angle above 0 and up to 180 degrees is needed");
    cleaner *c = arc_mem_new(&ctx->alloc, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, "the cleaning");
    c->ctx = ctx;
    c->o = options;
    ARC_TRY(open_all(c, set, model, centres, err));
    ARC_TRY(measure(c, err));
    ARC_TRY(choose_dominant(c, err));
    ARC_TRY(write_set(c, path, out, err));
    if (options->list)
        ARC_TRY(write_list(c, options->list, err));
    if (options->sheet)
        ARC_TRY(draw_sheet(c, out->dropped, options->sheet, err));
done:
    close_all(c);
    arc_mem_free(&ctx->alloc, c);
    return st;
}
