/* generate: what a run writes: pictures, sheets of them, and the list that says whom they show and how alike they are. */
#include "base/text.h"
#include "generate/job_internal.h"
#include "generate/metrics/generated.h"
#include "image/contact_sheet.h"
#include <arcface/face.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 80
#define MAX_SHEET 400
#define CELL_PX 112

/* A person's name as a part of a file's. */
static void name_of(const arc_generate_run *r, int person, char name[NAME_BYTES]) {
    if (r->job->people)
        snprintf(name, NAME_BYTES, "%s", r->job->people->name[person]);
    else if (r->target)
        snprintf(name, NAME_BYTES, "row%d", person);
    else
        snprintf(name, NAME_BYTES, "class%d", r->job->class_of[person]);
}

void arc_generate_path_of(const arc_generate_run *r, int picture, bool only_name, char path[ARC_PATH_BYTES]) {
    char name[NAME_BYTES];
    const int person = arc_generate_person_of(r, picture);
    name_of(r, person, name);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_-.", *c) && (unsigned char)*c < 0x80)
            *c = '_';
    snprintf(path, ARC_PATH_BYTES, "%.3900s%s%03d-%s-%d.png", only_name ? "" : r->job->folder, only_name ? "" : "/", person, name,
             picture / r->people + 1);
}

static int batch_size(const arc_generate_run *r, int batch) {
    return arc_generate_first_of(r, batch + 1) - arc_generate_first_of(r, batch);
}

arc_status arc_generate_write_pictures(const arc_generate_run *r, arc_generator *g, int batch, arc_error *err) {
    arc_status st = ARC_OK;
    char path[ARC_PATH_BYTES];
    for (int i = 0; st == ARC_OK && i < batch_size(r, batch); i++) {
        arc_image image;
        st = arc_generator_image(g, i, &image, err);
        if (st != ARC_OK)
            break;
        arc_generate_path_of(r, arc_generate_first_of(r, batch) + i, false, path);
        st = arc_image_save(r->ctx, &image, path, err);
        arc_image_free(r->ctx, &image);
    }
    return st;
}

static arc_status save_sheet(const arc_generate_run *r, arc_contact_sheet **sheet, const char *name, arc_status st,
                             arc_error *err) {
    char path[ARC_PATH_BYTES];
    snprintf(path, sizeof path, "%.4000s/%s", r->job->folder, name);
    if (st == ARC_OK)
        st = arc_contact_sheet_save(*sheet, path, err);
    arc_contact_sheet_free(sheet);
    return st;
}

static int columns_for(int pictures) {
    return ARC_MAX((int)ceil(sqrt((double)pictures)), 1);
}

arc_status arc_generate_write_preview(const arc_generate_run *r, arc_generator *g, int batch, arc_error *err) {
    arc_contact_sheet *sheet = NULL;
    const int count = ARC_MIN(batch_size(r, batch), MAX_SHEET);
    arc_status st = arc_contact_sheet_new(&sheet, r->ctx, count, columns_for(count), CELL_PX, false, err);
    for (int i = 0; st == ARC_OK && i < count; i++) {
        arc_image image;
        st = arc_generator_image(g, i, &image, err);
        if (st == ARC_OK)
            st = arc_contact_sheet_put(sheet, &image, NULL, 0, err);
        arc_image_free(r->ctx, &image);
    }
    return save_sheet(r, &sheet, "preview.png", st, err);
}

/* ---- cosines -----------------------------------------------------------------------------------------------------------------
 */

static const float *target_of(const arc_generate_run *r, int model, int person, int dim) {
    if (r->job->people)
        return r->job->people->embedding[model] + (size_t)person * (size_t)dim;
    if (model > 0)
        return NULL; /* a judge has nothing to compare with */
    return r->target ? r->target + (size_t)person * (size_t)dim
                     : r->job->centres->row + (size_t)r->job->class_of[person] * (size_t)dim;
}

/* The pictures as they were written, by one model; NAN where it has no target. */
static arc_status cosines_by(const arc_generate_run *r, int model, double *cosine, arc_error *err) {
    const arc_model *m = model == 0 ? r->model : r->job->judge[model - 1];
    arc_embedder *embedder = NULL;
    char path[ARC_PATH_BYTES];
    const int dim = arc_model_contract(m)->dim;
    float *e = arc_mem_new(&r->ctx->alloc, (size_t)dim, sizeof *e);
    arc_status st = e ? arc_embedder_new(r->ctx, m, &embedder, err) : arc_fail_nomem(err, "an embedding");
    for (int i = 0; st == ARC_OK && i < r->pictures; i++) {
        arc_image image = {0};
        const float *target = target_of(r, model, arc_generate_person_of(r, i), dim);
        cosine[i] = (double)NAN;
        if (!target)
            continue;
        arc_generate_path_of(r, i, false, path);
        st = arc_image_load(r->ctx, path, NULL, &image, NULL, err);
        if (st == ARC_OK)
            st = arc_embed_crops(embedder, &image, 1, false, e, err);
        if (st == ARC_OK)
            cosine[i] = arc_embedding_cosine(e, target, dim);
        arc_image_free(r->ctx, &image);
    }
    arc_embedder_free(&embedder);
    arc_mem_free(&r->ctx->alloc, e);
    return st;
}

/* ---- the list ----------------------------------------------------------------------------------------------------------------
 */

static void put_face(arc_text *t, const arc_generate_run *r, int picture, const double *cosine) {
    char path[ARC_PATH_BYTES], name[NAME_BYTES];
    const int person = arc_generate_person_of(r, picture);
    arc_generate_path_of(r, picture, true, path);
    name_of(r, person, name);
    arc_text_add(t, "%s\n  {\"file\": ", picture ? "," : "");
    arc_text_quote(t, path);
    arc_text_add(t, ", \"identity\": ");
    arc_text_quote(t, name);
    if (r->job->people && r->job->people->photo[person]) {
        arc_text_add(t, ", \"photo\": ");
        arc_text_quote(t, r->job->people->photo[person]);
    }
    arc_text_add(t, ", \"cosine\": %.6f", cosine[picture]);
    for (int j = 0; j < r->job->judges; j++) {
        const double by = cosine[(size_t)(j + 1) * (size_t)r->pictures + (size_t)picture];
        if (isfinite(by))
            arc_text_add(t, "%s%.6f%s", j ? ", " : ", \"judges\": [", by, j + 1 == r->job->judges ? "]" : "");
    }
    const float *target = target_of(r, 0, person, r->dim);
    arc_text_add(t, ", \"target\": [");
    for (int k = 0; k < r->dim; k++)
        arc_text_add(t, "%s%.9g", k ? ", " : "", (double)target[k]);
    arc_text_add(t, "]}");
}

/* By each judge: the mean over the faces, whose own cosines come in the same order. */
static void put_judges(arc_text *t, const arc_generate_run *r) {
    arc_text_add(t, " \"judges\": [");
    for (int j = 0; j < r->job->judges; j++) {
        const char *path = r->job->judge[j]->path;
        arc_text_add(t, j ? ", {\"model\": " : "{\"model\": ");
        arc_text_quote(t, path ? arc_path_name(path) : "");
        arc_text_add(t, ", \"cosine\": ");
        if (isfinite(r->out->judge_cosine[j]))
            arc_text_add(t, "%.6f}", r->out->judge_cosine[j]);
        else
            arc_text_add(t, "null}");
    }
    arc_text_add(t, "],\n");
}

static arc_status write_list(const arc_generate_run *r, const double *cosine, arc_error *err) {
    arc_text t;
    char path[ARC_PATH_BYTES];
    arc_text_begin(&t, &r->ctx->alloc);
    arc_text_add(&t, "{\"steps\": %lld, \"seed\": %llu, \"cosine\": %.6f, \"least_cosine\": %.6f,\n", (long long)r->options.steps,
                 (unsigned long long)r->options.seed, r->out->cosine, r->out->least_cosine);
    if (r->job->judges > 0)
        put_judges(&t, r);
    arc_text_add(&t, " \"faces\": [");
    for (int i = 0; i < r->pictures; i++)
        put_face(&t, r, i, cosine);
    arc_text_add(&t, "\n ]}\n");
    snprintf(path, sizeof path, "%.4000s/" ARC_GENERATED_LIST, r->job->folder);
    return arc_text_save(&t, path, err);
}

static arc_status write_grid(const arc_generate_run *r, const double *cosine, arc_error *err) {
    arc_contact_sheet *sheet = NULL;
    char path[ARC_PATH_BYTES], caption[32];
    const int count = ARC_MIN(r->pictures, MAX_SHEET);
    arc_status st = arc_contact_sheet_new(&sheet, r->ctx, count, columns_for(count), CELL_PX, true, err);
    for (int i = 0; st == ARC_OK && i < count; i++) {
        arc_image image = {0};
        arc_generate_path_of(r, i, false, path);
        snprintf(caption, sizeof caption, "%.3f", cosine[i]);
        st = arc_image_load(r->ctx, path, NULL, &image, NULL, err);
        if (st == ARC_OK)
            st = arc_contact_sheet_put(sheet, &image, caption, 0, err);
        arc_image_free(r->ctx, &image);
    }
    return save_sheet(r, &sheet, "grid.png", st, err);
}

static void mean_of(const double *cosine, int count, double *mean, double *least) {
    *mean = 0;
    *least = (double)INFINITY;
    for (int i = 0; i < count; i++) {
        *mean += cosine[i] / count;
        *least = fmin(*least, cosine[i]);
    }
}

arc_status arc_generate_write_outcome(const arc_generate_run *r, arc_error *err) {
    const int models = 1 + r->job->judges;
    double least;
    double *cosine = arc_mem_new(&r->ctx->alloc, (size_t)models * (size_t)r->pictures, sizeof *cosine);
    arc_status st = cosine ? ARC_OK : arc_fail_nomem(err, "the cosines");
    for (int m = 0; st == ARC_OK && m < models; m++) {
        double *own = cosine + (size_t)m * (size_t)r->pictures;
        st = cosines_by(r, m, own, err);
        mean_of(own, r->pictures, m ? &r->out->judge_cosine[m - 1] : &r->out->cosine, m ? &least : &r->out->least_cosine);
    }
    if (st == ARC_OK)
        st = write_list(r, cosine, err);
    if (st == ARC_OK)
        st = write_grid(r, cosine, err);
    arc_mem_free(&r->ctx->alloc, cosine);
    return st;
}
