/* face: writes embeddings and detections as text and files, in pieces, so that files may have any size. The formats are
 * stable: programs read them. */
#include "base/base.h"
#include "base/text.h"
#include "face/text.h"
#include "format/format.h"
#include <arcface/results.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES 65536 /* of text, written at a time */

/* ---- detections ---- */

static void describe_plain(arc_text *t, const arc_result *r) {
    arc_text_add(t, "%s: %d face%s in %dx%d\n", arc_face_name(r), r->faces, r->faces == 1 ? "" : "s", r->width_px, r->height_px);
    for (int i = 0; i < r->faces; i++) {
        const arc_face *f = &r->face[i].face;
        arc_text_add(t, "  %d  score %.3f  box %.1f %.1f %.1f %.1f  landmarks", i, (double)f->score, (double)f->x1_px,
                     (double)f->y1_px, (double)f->x2_px, (double)f->y2_px);
        for (int k = 0; k < 5; k++)
            arc_text_add(t, " %.1f,%.1f", (double)f->landmark_px[k][0], (double)f->landmark_px[k][1]);
        arc_text_add(t, "\n");
    }
}

static void describe_json(arc_text *t, const arc_result *r, bool first) {
    arc_text_add(t, "%s\n  {\"path\": ", first ? "" : ",");
    arc_text_quote(t, arc_face_name(r));
    arc_text_add(t, ", \"width\": %d, \"height\": %d%s, \"faces\": [", r->width_px, r->height_px,
                 r->damaged ? ", \"damaged\": true" : "");
    for (int i = 0; i < r->faces; i++) {
        arc_text_add(t, "%s\n    {", i ? "," : "");
        arc_face_json(t, &r->face[i].face);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}");
}

arc_status arc_results_describe(arc_context *ctx, const arc_result *results, int count, bool json, char **text, arc_error *err) {
    arc_text t;
    bool first = true;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        arc_text_add(&t, "[");
    for (int i = 0; i < count; i++) {
        if (results[i].status != ARC_OK)
            continue;
        if (json)
            describe_json(&t, &results[i], first);
        else
            describe_plain(&t, &results[i]);
        first = false;
    }
    if (json)
        arc_text_add(&t, "\n]\n");
    return arc_text_end(&t, text, err);
}

/* ---- embeddings ---- */

typedef struct saver {
    arc_writer *writer;
    arc_text text; /* the piece that is written next */
    int dim;
    bool first;
} saver;

static arc_status write_piece(saver *s, arc_error *err) {
    if (s->text.st != ARC_OK)
        return arc_fail(err, s->text.st, "no memory for results as text");
    const size_t bytes = s->text.buffer.bytes;
    s->text.buffer.bytes = 0;
    return bytes ? arc_writer_put(s->writer, s->text.buffer.data, bytes, err) : ARC_OK;
}

static void put_values(saver *s, const float *x, const char *first, const char *between) {
    for (int d = 0; d < s->dim; d++)
        arc_text_add(&s->text, "%s%.9g", d ? between : first, (double)x[d]);
}

/* A field of CSV, quoted if necessary. */
static void put_field(arc_text *t, const char *text) {
    if (!strpbrk(text, ",\"\n\r")) {
        arc_text_add(t, "%s", text);
        return;
    }
    arc_text_add(t, "\"");
    for (; *text; text++)
        arc_text_add(t, "%s%c", *text == '"' ? "\"" : "", *text);
    arc_text_add(t, "\"");
}

static void put_csv(saver *s, const arc_result *r, int k) {
    const arc_face *f = &r->face[k].face;
    put_field(&s->text, arc_face_name(r));
    arc_text_add(&s->text, ",%d,%.6g,%.6g,%.6g,%.6g,%.6g", k, (double)f->x1_px, (double)f->y1_px, (double)f->x2_px,
                 (double)f->y2_px, (double)f->score);
    put_values(s, r->face[k].embedding, ",", ",");
    arc_text_add(&s->text, "\n");
}

static void put_json(saver *s, const arc_result *r, int k) {
    arc_text_add(&s->text, "%s\n  {\"path\": ", s->first ? "" : ",");
    arc_text_quote(&s->text, arc_face_name(r));
    arc_text_add(&s->text, ", \"face\": %d, ", k);
    arc_face_json(&s->text, &r->face[k].face);
    arc_text_add(&s->text, ", \"residual\": %.6g, \"embedding\": [", r->face[k].align_residual_px);
    put_values(s, r->face[k].embedding, "", ", ");
    arc_text_add(&s->text, "]}");
}

static void put_name(saver *s, const arc_result *r, int k) {
    const arc_face *f = &r->face[k].face;
    arc_text_add(&s->text, "%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", arc_face_name(r), k, (double)f->x1_px, (double)f->y1_px,
                 (double)f->x2_px, (double)f->y2_px, (double)f->score);
}

static arc_status put_row(saver *s, const arc_result *r, int k, arc_error *err) {
    return arc_writer_put(s->writer, r->face[k].embedding, (size_t)s->dim * sizeof(float), err);
}

typedef void put_face(saver *s, const arc_result *r, int k);

static arc_status put_head(saver *s, put_face *put, const char *path, int64_t rows, arc_error *err) {
    if (!put)
        return arc_npy_put_header(s->writer, path, 2, (const int64_t[2]){rows, s->dim}, err);
    if (put == put_json)
        arc_text_add(&s->text, "[");
    if (put == put_csv) {
        arc_text_add(&s->text, "path,face,x1,y1,x2,y2,score");
        for (int d = 0; d < s->dim; d++)
            arc_text_add(&s->text, ",e%d", d);
        arc_text_add(&s->text, "\n");
    }
    return ARC_OK;
}

/* put NULL: rows of an NPY file. */
static arc_status save(arc_context *ctx, const arc_result *results, int count, int dim, put_face *put, const char *path,
                       int64_t rows, arc_error *err) {
    saver s = {.dim = dim, .first = true};
    arc_text_begin(&s.text, &ctx->alloc);
    arc_status st = arc_writer_open(&s.writer, &ctx->alloc, path, err);
    if (st == ARC_OK)
        st = put_head(&s, put, path, rows, err);
    for (int i = 0; i < count; i++)
        for (int k = 0; st == ARC_OK && k < results[i].faces; k++) {
            if (put)
                put(&s, &results[i], k);
            else
                st = put_row(&s, &results[i], k, err);
            s.first = false;
            if (st == ARC_OK && s.text.buffer.bytes >= PIECE_BYTES)
                st = write_piece(&s, err);
        }
    if (put == put_json)
        arc_text_add(&s.text, "\n]\n");
    if (st == ARC_OK)
        st = write_piece(&s, err);
    if (st == ARC_OK)
        st = arc_writer_commit(&s.writer, err);
    arc_writer_abort(&s.writer);
    arc_buffer_free(&s.text.buffer);
    return st;
}

static arc_status save_names(arc_context *ctx, const arc_result *results, int count, const char *path, arc_error *err) {
    const size_t length = strlen(path), bytes = length + sizeof ".txt";
    const size_t stem = length > 4 && strcasecmp(path + length - 4, ".npy") == 0 ? length - 4 : length;
    char *beside = arc_mem_new(&ctx->alloc, bytes, 1);
    if (!beside)
        return arc_fail_nomem(err, "a path");
    memcpy(beside, path, stem);
    memcpy(beside + stem, ".txt", sizeof ".txt");
    const arc_status st = save(ctx, results, count, 0, put_name, beside, 0, err);
    arc_mem_free(&ctx->alloc, beside);
    return st;
}

arc_status arc_results_save(arc_context *ctx, const arc_result *results, int count, int dim, arc_results_format format,
                            const char *path, arc_error *err) {
    int64_t rows = 0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < results[i].faces; k++, rows++)
            if (!results[i].face[k].embedding || dim <= 0)
                return arc_fail(err, ARC_EINVAL, "%s: the faces have no embeddings to write", path);
    switch (format) {
    case ARC_RESULTS_CSV:
        return save(ctx, results, count, dim, put_csv, path, rows, err);
    case ARC_RESULTS_JSON:
        return save(ctx, results, count, dim, put_json, path, rows, err);
    case ARC_RESULTS_NPY: {
        const arc_status st = strcmp(path, "-") == 0 ? ARC_OK : save_names(ctx, results, count, path, err);
        return st == ARC_OK ? save(ctx, results, count, dim, NULL, path, rows, err) : st;
    }
    default:
        return arc_fail(err, ARC_EINVAL, "%s: %d is no format of results", path, (int)format);
    }
}
