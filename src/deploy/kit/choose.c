/* Which faces to calibrate on, and which to compare with: as unlike each other as can be had, and none in both. */
#include "deploy/kit/kit.h"
#include "vector/farthest.h"
#include <stdlib.h>
#include <string.h>

/* Cosines this near to the least one are taken for equal: light and pose decide between them. */
#define BAND 0.03f
#define GOOD_CALIBRATION 100
/* Of the median norm. Blurred faces of celeba-224 and what a detector takes for a face by mistake are below it. */
#define CLEAR_SHARE (2 / 3.0f)

static int clamp(int x, int least, int most) {
    return ARC_MAX(ARC_MIN(x, most), least);
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void arc_kit_drop_unclear(arc_context *ctx, arc_kit_faces *f, arc_kit_report *report) {
    float sorted[ARC_KIT_MAX_FACES];
    const size_t dim = (size_t)f->dim;
    int kept = 0;
    if (f->count == 0)
        return;
    memcpy(sorted, f->norm, (size_t)f->count * sizeof *sorted);
    qsort(sorted, (size_t)f->count, sizeof *sorted, ascending);
    const float least = CLEAR_SHARE * sorted[f->count / 2];
    for (int i = 0; i < f->count; i++) {
        if (f->norm[i] < least) {
            arc_image_free(ctx, &f->crop[i]);
            continue;
        }
        const arc_image crop = f->crop[i];
        f->crop[i] = (arc_image){0};
        f->crop[kept] = crop;
        f->norm[kept] = f->norm[i];
        memmove(f->embedding + (size_t)kept * dim, f->embedding + (size_t)i * dim, dim * sizeof *f->embedding);
        memmove(f->trait + (size_t)kept * ARC_KIT_TRAITS, f->trait + (size_t)i * ARC_KIT_TRAITS,
                ARC_KIT_TRAITS * sizeof *f->trait);
        kept++;
    }
    report->unclear = f->count - kept;
    f->count = kept;
}

static int tell(void *ctx, int64_t done, int64_t total) {
    const arc_kit_options *opt = ctx;
    return opt->progress ? opt->progress(opt->progress_ctx, "choosing", done, total) : 0;
}

static arc_status too_few(int found, const arc_kit_report *r, arc_error *err) {
    return arc_fail(err, ARC_EFORMAT,
                    "%d different face%s in %lld picture%s (%d more are nearly the same as one of these, %d are hardly to be "
                    "seen, %lld pictures show no face, %lld cannot be read): a kit needs %d, several hundred of many people are "
                    "a good number",
                    found, found == 1 ? "" : "s", (long long)r->pictures, r->pictures == 1 ? "" : "s", r->alike, r->unclear,
                    (long long)r->faceless, (long long)r->unreadable, ARC_KIT_MIN_CALIBRATION + ARC_KIT_MIN_REFERENCE);
}

/* Every so-manyth of the chosen is a reference, so that those are as unlike each other as the rest. */
static void split(const int32_t *chosen, int found, int references, int32_t *calibration, int32_t *reference,
                  arc_kit_report *report) {
    for (int i = 0; i < found; i++) {
        const bool is_reference = (int64_t)(i + 1) * references / found > (int64_t)i * references / found;
        if (is_reference)
            reference[report->reference++] = chosen[i];
        else
            calibration[report->calibration++] = chosen[i];
    }
}

arc_status arc_kit_choose(arc_context *ctx, const arc_kit_faces *faces, const arc_kit_options *opt, int32_t *calibration,
                          int32_t *reference, arc_kit_report *report, arc_error *err) {
    int32_t chosen[ARC_KIT_MAX_FACES], found, alike;
    const arc_farthest f = {.row = faces->embedding,
                            .trait = faces->trait,
                            .rows = faces->count,
                            .dim = faces->dim,
                            .traits = ARC_KIT_TRAITS,
                            .band = BAND,
                            .alike = ARC_KIT_ALIKE,
                            .progress = tell,
                            .progress_ctx = (void *)(uintptr_t)opt};
    int references = clamp(opt->calibration_count / 10, ARC_KIT_MIN_REFERENCE, ARC_KIT_MAX_REFERENCE);
    const arc_status st = arc_farthest_choose(ctx, &f, opt->calibration_count + references, chosen, &found, &alike, err);
    report->alike = alike;
    if (st != ARC_OK)
        return st;
    if (found < ARC_KIT_MIN_CALIBRATION + ARC_KIT_MIN_REFERENCE)
        return too_few(found, report, err);
    if (found < opt->calibration_count + references)
        references = clamp(found / 10, ARC_KIT_MIN_REFERENCE, ARC_KIT_MAX_REFERENCE);
    split(chosen, found, references, calibration, reference, report);
    if (report->calibration < ARC_MIN(GOOD_CALIBRATION, opt->calibration_count))
        arc_log(ctx, ARC_LOG_WARN, "%d different faces are few to calibrate on: several hundred of many people are a good number",
                report->calibration);
    return ARC_OK;
}
