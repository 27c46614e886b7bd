/* server/work: a batch of photos, found in lanes and embedded together, as a pipeline does it. */
#include "server/work/engine.h"
#include "face/embed.h"
#include "face/lanes.h"
#include "face/result.h"
#include "face/searcher.h"
#include "face/text.h"
#include "face/views.h"
#include <string.h>

struct arc_engine {
    arc_context *ctx;
    arc_model *model, *detector;
    arc_verify_rule rule;
    arc_embedder *embedder;
    arc_pipeline_options photos, crops; /* of the lanes below */
    arc_lanes *photo_lanes, *crop_lanes;
    int dim;
    float *rows; /* [ARC_EMBED_BATCH][dim] */
};

static arc_status load_model(arc_context *ctx, const char *name, arc_task task, const arc_model_options *opt, arc_model **out,
                             arc_error *err) {
    const arc_status st = arc_model_load(ctx, name, task, opt, out, err);
    if (st != ARC_OK)
        return st;
    const arc_contract *c = arc_model_contract(*out);
    if (c->task == task)
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL, "%.150s is not a %s model: %.300s", name,
                    task == ARC_TASK_DETECT ? "detection" : "recognition", c->why);
}

static arc_status open_lanes(arc_engine *e, const arc_engine_options *opt, arc_error *err) {
    const arc_template align = arc_embedder_contract(e->embedder)->align;
    arc_pipeline_options *p = &e->photos;
    arc_pipeline_options_default(p);
    p->detect.max_faces = opt->max_faces;
    p->image.max_pixels = opt->max_pixels;
    p->all_faces = true;
    p->keep_crops = true;
    e->crops = *p;
    e->crops.aligned = true;
    const arc_status st = arc_lanes_new(e->ctx, e->detector, p, align, e->dim, &e->photo_lanes, err);
    return st == ARC_OK ? arc_lanes_new(e->ctx, NULL, &e->crops, align, e->dim, &e->crop_lanes, err) : st;
}

arc_status arc_engine_load(arc_context *ctx, const arc_engine_options *opt, arc_engine **out, arc_error *err) {
    arc_engine *e = arc_mem_new(&ctx->alloc, 1, sizeof *e);
    arc_status st;
    *out = e;
    if (!e)
        return arc_fail_nomem(err, "both networks");
    e->ctx = ctx;
    ARC_TRY(load_model(ctx, opt->model, ARC_TASK_EMBED, opt->model_options, &e->model, err));
    ARC_TRY(load_model(ctx, opt->detector, ARC_TASK_DETECT, opt->detector_options, &e->detector, err));
    ARC_TRY(arc_verify_rule_of(e->model, &e->rule, err));
    ARC_TRY(arc_embedder_new(ctx, e->model, &e->embedder, err));
    e->dim = arc_embedder_dim(e->embedder);
    e->rows = arc_mem_raw(&ctx->alloc, ARC_EMBED_BATCH * sizeof *e->rows, (size_t)e->dim);
    st = e->rows ? open_lanes(e, opt, err) : arc_fail_nomem(err, "embeddings");
done:
    if (st != ARC_OK)
        arc_engine_free(out);
    return st;
}

void arc_engine_free(arc_engine **engine) {
    arc_engine *e = *engine;
    if (!e)
        return;
    arc_lanes_free(&e->photo_lanes);
    arc_lanes_free(&e->crop_lanes);
    arc_embedder_free(&e->embedder);
    arc_model_free(&e->detector);
    arc_model_free(&e->model);
    arc_mem_free(&e->ctx->alloc, e->rows);
    arc_mem_free(&e->ctx->alloc, e);
    *engine = NULL;
}

const arc_model *arc_engine_model(const arc_engine *engine) {
    return engine->model;
}

const arc_model *arc_engine_detector(const arc_engine *engine) {
    return engine->detector;
}

const arc_verify_rule *arc_engine_rule(const arc_engine *engine) {
    return &engine->rule;
}

int arc_engine_dim(const arc_engine *engine) {
    return engine->dim;
}

/* ---- photos to crops ---- */

static arc_status next_item(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    arc_work_item *const *items = ctx;
    (void)err;
    *photo = items[index]->photo;
    return ARC_OK;
}

static void find_faces(arc_lanes *lanes, arc_work_item **items, int count) {
    arc_result results[ARC_WORK_BATCH_MAX] = {{0}};
    arc_photo_source source;
    arc_search search = {0};
    arc_error err = {0};
    int done = 0;
    arc_photo_source_default(&source);
    source.next = next_item;
    source.ctx = items;
    source.count = count;
    source.concurrent = true;
    arc_status st = arc_search_begin(&search, lanes, &source, &err);
    while (st == ARC_OK && done < count) {
        int found = 0;
        st = arc_search_round(&search, results + done, count - done, &found, &err);
        done += found;
    }
    arc_search_end(&search);
    for (int i = 0; i < count; i++)
        items[i]->result = i < done ? results[i] : (arc_result){.path = items[i]->photo.name, .status = st, .error = err};
}

/* ---- crops to embeddings ---- */

typedef struct wanted {
    arc_work_item *item;
    int face;
} wanted;

static void points_of(const arc_engine *e, const wanted *w, float points[5][2]) {
    arc_embed_points(&w->item->result.face[w->face].face, arc_embedder_contract(e->embedder)->align, points);
}

/* If a batch fails because of one bad crop, each is tried alone, so that the others succeed. */
static void embed_one(arc_engine *e, const wanted *w) {
    arc_result *r = &w->item->result;
    float points[1][5][2];
    if (r->status != ARC_OK)
        return;
    arc_result_face *face = &r->face[w->face];
    points_of(e, w, points[0]);
    const arc_embed_extra extra = {.points = (const float(*)[5][2])points, .norm = &face->norm};
    const arc_status st = arc_embed_faces(e->embedder, &face->crop, &extra, 1, false, face->embedding, &r->error);
    if (st != ARC_OK)
        arc_result_fail(e->ctx, r, arc_fail_in(&r->error, st, arc_face_label(r)));
}

static void embed_batch(arc_engine *e, const wanted *w, int count) {
    arc_image crops[ARC_EMBED_BATCH] = {{0}};
    float points[ARC_EMBED_BATCH][5][2], norm[ARC_EMBED_BATCH];
    for (int i = 0; i < count; i++) {
        crops[i] = w[i].item->result.face[w[i].face].crop;
        points_of(e, &w[i], points[i]);
    }
    const arc_embed_extra extra = {.points = (const float(*)[5][2])points, .norm = norm};
    const bool together = arc_embed_faces(e->embedder, crops, &extra, count, false, e->rows, NULL) == ARC_OK;
    for (int i = 0; i < count; i++) {
        arc_result_face *face = &w[i].item->result.face[w[i].face];
        if (together) {
            memcpy(face->embedding, e->rows + (size_t)i * (size_t)e->dim, (size_t)e->dim * sizeof *e->rows);
            face->norm = norm[i];
        } else {
            embed_one(e, &w[i]);
        }
    }
}

static bool is_wanted(const arc_work_item *item, int face) {
    return item->kind == ARC_WORK_EMBED || item->kind == ARC_WORK_ALIGNED ||
           (item->kind == ARC_WORK_LARGEST && face == item->largest);
}

static void embed(arc_engine *e, arc_work_item *const *items, int count) {
    wanted queued[ARC_EMBED_BATCH];
    int n = 0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < items[i]->result.faces; k++) {
            if (!is_wanted(items[i], k))
                continue;
            queued[n++] = (wanted){items[i], k};
            if (n == ARC_EMBED_BATCH) {
                embed_batch(e, queued, n);
                n = 0;
            }
        }
    if (n > 0)
        embed_batch(e, queued, n);
}

/* ---- a batch ---- */

static int largest_of(const arc_result *r) {
    int best = 0;
    double most = -1;
    for (int i = 0; i < r->faces; i++) {
        const arc_face *f = &r->face[i].face;
        const double area = ((double)f->x2_px - (double)f->x1_px) * ((double)f->y2_px - (double)f->y1_px);
        if (area > most) {
            most = area;
            best = i;
        }
    }
    return best;
}

/* Frees what nobody wants. */
static void trim(arc_engine *e, arc_work_item *item) {
    for (int k = 0; k < item->result.faces; k++) {
        arc_result_face *face = &item->result.face[k];
        if (!is_wanted(item, k)) {
            arc_mem_free(&e->ctx->alloc, face->embedding);
            face->embedding = NULL;
        }
        if (!item->keep_crops)
            arc_image_free(e->ctx, &face->crop);
    }
}

void arc_engine_run(arc_engine *engine, arc_work_item *const *items, int count) {
    arc_work_item *photos[ARC_WORK_BATCH_MAX], *crops[ARC_WORK_BATCH_MAX];
    int photo_count = 0, crop_count = 0;
    for (int i = 0; i < count; i++) {
        if (items[i]->kind == ARC_WORK_ALIGNED)
            crops[crop_count++] = items[i];
        else
            photos[photo_count++] = items[i];
    }
    if (photo_count > 0)
        find_faces(engine->photo_lanes, photos, photo_count);
    if (crop_count > 0)
        find_faces(engine->crop_lanes, crops, crop_count);
    for (int i = 0; i < count; i++)
        items[i]->largest = largest_of(&items[i]->result);
    embed(engine, items, count);
    for (int i = 0; i < count; i++)
        trim(engine, items[i]);
}

/* ---- before the first request ---- */

/* Runs `count` black pictures. */
static void warm(arc_engine *e, arc_work_kind kind, int count) {
    static const uint8_t black[64 * 64 * 3];
    const arc_frame frame = {black, 64, 64, 64 * 3, ARC_FRAME_RGB8};
    arc_work_item item[ARC_WORK_BATCH_MAX], *items[ARC_WORK_BATCH_MAX] = {NULL};
    for (int i = 0; i < count; i++) {
        item[i] = (arc_work_item){.photo = arc_photo_from_frame(&frame, "warm-up"), .kind = kind};
        items[i] = &item[i];
    }
    arc_engine_run(e, items, count);
    for (int i = 0; i < count; i++)
        arc_result_free(e->ctx, &item[i].result);
}

bool arc_engine_warm(arc_engine *engine, int step) {
    const int lanes = ARC_MIN(2 * arc_context_threads(engine->ctx), ARC_WORK_BATCH_MAX);
    if (step == 0) { /* all that one request at a time needs */
        warm(engine, ARC_WORK_DETECT, 1);
        warm(engine, ARC_WORK_ALIGNED, 1);
    } else if (step == 1) {
        warm(engine, ARC_WORK_DETECT, lanes);
    } else {
        warm(engine, ARC_WORK_ALIGNED, 1 << (step - 1)); /* batches of 2, 4, 8, ... faces */
    }
    return 1 << step <= ARC_EMBED_BATCH;
}
