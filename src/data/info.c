/* data: statistics of a data set, and a contact sheet of it. */
#include "base/base.h"
#include "data/picks.h"
#include "data/sampler.h"
#include "image/contact_sheet.h"
#include <arcface/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_EVERY 8192
#define TRIES 64 /* pictures that are tried to find the size */
#define CELL_PX 112

static int by_value(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The number of pictures of each identity: [identities]. */
static arc_status count_labels(const arc_data_set *set, int64_t *per, arc_data_progress *progress, void *progress_ctx,
                               arc_data_info *out, arc_error *err) {
    for (int64_t i = 0; i < out->pictures; i++) {
        arc_data_item item;
        int64_t label;
        const arc_status st = arc_data_set_read(set, i, &item, NULL);
        if (st == ARC_ENOMEM)
            return arc_fail_nomem(err, "reading labels");
        if (st == ARC_OK) {
            per[item.label]++;
            out->bytes += (int64_t)item.count;
        } else {
            const bool labelled = arc_data_set_label(set, i, &label, NULL) == ARC_OK;
            out->unreadable += labelled;
            out->bad_labels += !labelled;
        }
        arc_data_item_release(&item);
        if (i % PROGRESS_EVERY == 0 && progress && progress(progress_ctx, i, out->pictures) != 0)
            return arc_fail(err, ARC_ECANCEL, "reading labels was stopped");
    }
    return ARC_OK;
}

static void statistics(int64_t *per, arc_data_info *out) {
    int64_t used = 0;
    for (int64_t i = 0; i < out->identities; i++)
        if (per[i] > 0)
            per[used++] = per[i];
    out->used = used;
    if (used == 0)
        return;
    qsort(per, (size_t)used, sizeof *per, by_value);
    out->least = per[0];
    out->median = per[used / 2];
    out->most = per[used - 1];
    while (out->singles < used && per[out->singles] == 1)
        out->singles++;
}

static void first_size(arc_context *ctx, const arc_data_set *set, arc_data_info *out) {
    for (int64_t i = 0; i < ARC_MIN(out->pictures, (int64_t)TRIES) && out->width_px == 0; i++) {
        arc_data_item item;
        arc_image image;
        if (arc_data_set_read(set, i, &item, NULL) != ARC_OK)
            continue;
        if (arc_image_decode(ctx, item.bytes, item.count, "picture", NULL, &image, NULL, NULL) == ARC_OK) {
            out->width_px = image.width_px;
            out->height_px = image.height_px;
        }
        arc_image_free(ctx, &image);
        arc_data_item_release(&item);
    }
}

arc_status arc_data_info_get(arc_context *ctx, const char *path, arc_data_progress *progress, void *progress_ctx,
                             arc_data_info *out, arc_error *err) {
    arc_data_set *set = NULL;
    int64_t *per = NULL;
    arc_status st;
    *out = (arc_data_info){.property_identities = -1};
    ARC_TRY(arc_data_set_open(&set, ctx, path, err));
    const arc_data_notes *notes = arc_data_set_notes(set);
    *out = (arc_data_info){.kind = notes->kind,
                           .layout = notes->layout,
                           .pictures = arc_data_set_samples(set),
                           .identities = arc_data_set_identities(set),
                           .duplicate_keys = (int64_t)notes->duplicates,
                           .damaged = (int64_t)notes->damaged,
                           .empty_folders = (int64_t)notes->empty_folders,
                           .ignored_files = (int64_t)notes->ignored_files,
                           .property_identities = notes->property_identities,
                           .indexed = !notes->scanned};
    per = arc_mem_new(&ctx->alloc, (size_t)out->identities, sizeof *per);
    if (!per)
        ARC_TRY(arc_fail_nomem(err, "counting identities"));
    ARC_TRY(count_labels(set, per, progress, progress_ctx, out, err));
    statistics(per, out);
    first_size(ctx, set, out);
done:
    arc_mem_free(&ctx->alloc, per);
    arc_data_set_close(&set);
    return st;
}

/* ---- contact sheet ---- */

static arc_status put_sample(arc_context *ctx, const arc_data_set *set, const arc_data_pick *p, arc_contact_sheet *sheet,
                             arc_error *err) {
    arc_data_item item;
    arc_image image = {0};
    char caption[64];
    arc_error why = {0};
    arc_status st = arc_data_set_read(set, p->sample, &item, &why);
    if (st == ARC_OK)
        st = arc_image_decode(ctx, item.bytes, item.count, "picture", NULL, &image, NULL, &why);
    arc_data_item_release(&item);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, "a contact sheet");
    snprintf(caption, sizeof caption, "%lld%s", (long long)p->label, st == ARC_OK ? "" : " unreadable");
    st = arc_contact_sheet_put(sheet, st == ARC_OK ? &image : NULL, caption, 0, err);
    arc_image_free(ctx, &image);
    return st;
}

/* Where each identity begins among the picks: [*count]. */
static size_t *find_starts(const arc_alloc *a, const arc_data_picks *p, size_t *count) {
    size_t *start = arc_mem_raw(a, p->count, sizeof *start);
    *count = 0;
    for (size_t i = 0; start && i < p->count; i++)
        if (i == 0 || p->at[i].label != p->at[i - 1].label)
            start[(*count)++] = i;
    return start;
}

static arc_status fill_sheet(arc_context *ctx, const arc_data_set *set, const arc_data_picks *p, int rows, int columns,
                             uint64_t seed, arc_contact_sheet *sheet, arc_error *err) {
    size_t identities;
    arc_sampler order;
    arc_status st = ARC_OK;
    size_t *start = find_starts(&ctx->alloc, p, &identities);
    if (!start)
        return arc_fail_nomem(err, "a contact sheet");
    arc_sampler_init(&order, identities, seed, 0, true);
    for (int row = 0; st == ARC_OK && row < rows && (size_t)row < identities; row++) {
        const size_t at = start[arc_sampler_at(&order, (uint64_t)row)];
        for (int k = 0; st == ARC_OK && k < columns; k++) {
            const size_t i = at + (size_t)k;
            st = i < p->count && p->at[i].label == p->at[at].label ? put_sample(ctx, set, &p->at[i], sheet, err)
                                                                   : arc_contact_sheet_put(sheet, NULL, NULL, 0, err);
        }
    }
    arc_mem_free(&ctx->alloc, start);
    return st;
}

arc_status arc_data_sheet(arc_context *ctx, const char *set, int rows, int columns, uint64_t seed, const char *path,
                          arc_error *err) {
    arc_data_set *source = NULL;
    arc_data_picks picks;
    arc_data_counts counts = {0};
    arc_contact_sheet *sheet = NULL;
    arc_status st;
    arc_data_picks_init(&picks, &ctx->alloc);
    if (rows < 1 || columns < 1 || rows > 1000 || columns > 1000)
        return arc_fail(err, ARC_EINVAL, "a sheet of %d rows and %d columns: 1 to 1000 are possible", rows, columns);
    ARC_TRY(arc_data_set_open(&source, ctx, set, err));
    ARC_TRY(arc_data_picks_add_set(&picks, source, 0, 0, &counts, err));
    arc_data_picks_sort(&picks);
    if (picks.count == 0)
        ARC_TRY(arc_fail(err, ARC_ECORRUPT, "%s: no picture has a label", set));
    ARC_TRY(arc_contact_sheet_new(&sheet, ctx, rows * columns, columns, CELL_PX, true, err));
    ARC_TRY(fill_sheet(ctx, source, &picks, rows, columns, seed, sheet, err));
    ARC_TRY(arc_contact_sheet_save(sheet, path, err));
done:
    arc_contact_sheet_free(&sheet);
    arc_data_picks_free(&picks);
    arc_data_set_close(&source);
    return st;
}
