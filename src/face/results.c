/* face: writes embeddings and detections as text and files, one result after the other, so that there may be any number of them.
 * The formats are stable: programs read them. */
#include "base/base.h"
#include "base/text.h"
#include "face/text.h"
#include "format/format.h"
#include <arcface/results.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES 65536 /* of text, written at a time */
#define ROWS_BYTES_MAX (SIZE_MAX / 2)

/* ---- detections ---- */

static void describe_plain(arc_text *t, const arc_result *r) {
    char looks[ARC_LOOKS_BYTES];
    arc_looks_phrase(r->looks, looks);
    arc_text_add(t, "%s: %d face%s in %dx%d%s%s\n", arc_face_name(r), r->faces, r->faces == 1 ? "" : "s", r->width_px,
                 r->height_px, *looks ? ", also looked at " : "", looks);
    for (int i = 0; i < r->faces; i++) {
        const arc_face *f = &r->face[i].face;
        arc_text_add(t, "  %d  score %.3f  box %.1f %.1f %.1f %.1f  landmarks", i, (double)f->score, (double)f->x1_px,
                     (double)f->y1_px, (double)f->x2_px, (double)f->y2_px);
        for (int k = 0; k < 5; k++)
            arc_text_add(t, " %.1f,%.1f", (double)f->landmark_px[k][0], (double)f->landmark_px[k][1]);
        if (f->turned_degrees)
            arc_text_add(t, "  turned %d", f->turned_degrees);
        arc_text_add(t, "\n");
    }
}

static void describe_json(arc_text *t, const arc_result *r, bool first) {
    arc_text_add(t, "%s\n  {\"path\": ", first ? "" : ",");
    arc_text_quote(t, arc_face_name(r));
    arc_text_add(t, ", \"width\": %d, \"height\": %d%s", r->width_px, r->height_px, r->damaged ? ", \"damaged\": true" : "");
    arc_looks_json(t, r->looks);
    arc_text_add(t, ", \"faces\": [");
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

struct arc_results_writer {
    const arc_alloc *alloc;
    arc_results_format format;
    int dim;
    arc_writer *file;
    arc_writer *names; /* of ARC_RESULTS_NPY: the file beside it, or NULL */
    arc_buffer rows;   /* of an array whose file cannot be gone back in: its head tells their number */
    bool keep_rows;
    arc_text text; /* the piece that is written next */
    bool first;
    int64_t faces;
    char path[]; /* for error texts */
};

static arc_status write_piece(arc_results_writer *w, arc_writer *to, arc_error *err) {
    if (w->text.st != ARC_OK)
        return arc_fail(err, w->text.st, "no memory for results as text");
    const size_t bytes = w->text.buffer.bytes;
    w->text.buffer.bytes = 0;
    return bytes ? arc_writer_put(to, w->text.buffer.data, bytes, err) : ARC_OK;
}

static void put_values(arc_results_writer *w, const float *x, const char *first, const char *between) {
    for (int d = 0; d < w->dim; d++)
        arc_text_add(&w->text, "%s%.9g", d ? between : first, (double)x[d]);
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

static void put_csv(arc_results_writer *w, const arc_result *r, int k) {
    const arc_face *f = &r->face[k].face;
    put_field(&w->text, arc_face_name(r));
    arc_text_add(&w->text, ",%d,%.6g,%.6g,%.6g,%.6g,%.6g", k, (double)f->x1_px, (double)f->y1_px, (double)f->x2_px,
                 (double)f->y2_px, (double)f->score);
    put_values(w, r->face[k].embedding, ",", ",");
    arc_text_add(&w->text, ",%.6g\n", (double)r->face[k].norm);
}

static void put_json(arc_results_writer *w, const arc_result *r, int k) {
    arc_text_add(&w->text, "%s\n  {\"path\": ", w->first ? "" : ",");
    arc_text_quote(&w->text, arc_face_name(r));
    arc_text_add(&w->text, ", \"face\": %d, ", k);
    arc_face_json(&w->text, &r->face[k].face);
    arc_text_add(&w->text, ", \"residual\": %.6g, \"quality\": %.6g, \"embedding\": [", r->face[k].align_residual_px,
                 (double)r->face[k].norm);
    put_values(w, r->face[k].embedding, "", ", ");
    arc_text_add(&w->text, "]}");
}

static void put_name(arc_results_writer *w, const arc_result *r, int k) {
    const arc_face *f = &r->face[k].face;
    arc_text_add(&w->text, "%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", arc_face_name(r), k, (double)f->x1_px, (double)f->y1_px,
                 (double)f->x2_px, (double)f->y2_px, (double)f->score);
}

static arc_status put_row(arc_results_writer *w, const arc_result *r, int k, arc_error *err) {
    const size_t bytes = (size_t)w->dim * sizeof(float);
    if (!w->keep_rows)
        return arc_writer_put(w->file, r->face[k].embedding, bytes, err);
    return arc_buffer_put(&w->rows, r->face[k].embedding, bytes) == ARC_OK ? ARC_OK : arc_fail_nomem(err, "embeddings");
}

static arc_status put_head(arc_results_writer *w, arc_error *err) {
    switch (w->format) {
    case ARC_RESULTS_NPY: /* once more at the end, with the number of rows */
        return w->keep_rows ? ARC_OK : arc_npy_put_header(w->file, w->path, 2, (const int64_t[2]){0, w->dim}, err);
    case ARC_RESULTS_CSV:
        arc_text_add(&w->text, "path,face,x1,y1,x2,y2,score");
        for (int d = 0; d < w->dim; d++)
            arc_text_add(&w->text, ",e%d", d);
        arc_text_add(&w->text, ",quality\n");
        return ARC_OK;
    case ARC_RESULTS_FACES:
        return ARC_OK;
    case ARC_RESULTS_JSON:
    case ARC_RESULTS_FACES_JSON:
        arc_text_add(&w->text, "[");
        return ARC_OK;
    }
    return arc_fail(err, ARC_EINVAL, "%s: %d is no format of results", w->path, (int)w->format);
}

/* NAME.txt of NAME.npy. */
static arc_status open_names(arc_results_writer *w, arc_error *err) {
    const char *path = w->path;
    const size_t length = strlen(path), bytes = length + sizeof ".txt";
    const size_t stem = length > 4 && strcasecmp(path + length - 4, ".npy") == 0 ? length - 4 : length;
    char *beside = arc_mem_new(w->alloc, bytes, 1);
    if (!beside)
        return arc_fail_nomem(err, "a path");
    memcpy(beside, path, stem);
    memcpy(beside + stem, ".txt", sizeof ".txt");
    const arc_status st = arc_writer_open(&w->names, w->alloc, beside, err);
    arc_mem_free(w->alloc, beside);
    return st;
}

arc_status arc_results_writer_open(arc_context *ctx, int dim, arc_results_format format, const char *path,
                                   arc_results_writer **out, arc_error *err) {
    const size_t bytes = strlen(path) + 1;
    arc_results_writer *w = *out = arc_mem_new(&ctx->alloc, 1, sizeof *w + bytes);
    arc_status st = ARC_OK;
    if (!w)
        return arc_fail_nomem(err, path);
    *w = (arc_results_writer){.alloc = &ctx->alloc, .format = format, .dim = dim, .first = true};
    memcpy(w->path, path, bytes);
    arc_text_begin(&w->text, w->alloc);
    arc_buffer_init(&w->rows, w->alloc, ROWS_BYTES_MAX);
    if (format == ARC_RESULTS_NPY && strcmp(path, "-") != 0)
        ARC_TRY(open_names(w, err));
    ARC_TRY(arc_writer_open(&w->file, w->alloc, path, err));
    w->keep_rows = format == ARC_RESULTS_NPY && !arc_writer_can_go_back(w->file);
    ARC_TRY(put_head(w, err));
done:
    if (st != ARC_OK)
        arc_results_writer_abort(out);
    return st;
}

static bool lacks_embeddings(const arc_result *r, int dim) {
    for (int k = 0; k < r->faces; k++)
        if (!r->face[k].embedding || dim <= 0)
            return true;
    return false;
}

static arc_status put_face(arc_results_writer *w, const arc_result *r, int k, arc_error *err) {
    arc_status st = ARC_OK;
    if (w->format == ARC_RESULTS_CSV)
        put_csv(w, r, k);
    else if (w->format == ARC_RESULTS_JSON)
        put_json(w, r, k);
    else if (w->names)
        put_name(w, r, k);
    if (w->format == ARC_RESULTS_NPY)
        st = put_row(w, r, k, err);
    w->first = false;
    w->faces++;
    if (st == ARC_OK && w->text.buffer.bytes >= PIECE_BYTES)
        st = write_piece(w, w->names ? w->names : w->file, err);
    return st;
}

static arc_status put_photo(arc_results_writer *w, const arc_result *r, arc_error *err) {
    if (r->status != ARC_OK)
        return ARC_OK;
    if (w->format == ARC_RESULTS_FACES)
        describe_plain(&w->text, r);
    else
        describe_json(&w->text, r, w->first);
    w->first = false;
    w->faces += r->faces;
    return w->text.buffer.bytes >= PIECE_BYTES ? write_piece(w, w->file, err) : ARC_OK;
}

arc_status arc_results_writer_put(arc_results_writer *w, const arc_result *result, arc_error *err) {
    arc_status st = ARC_OK;
    if (w->format == ARC_RESULTS_FACES || w->format == ARC_RESULTS_FACES_JSON)
        return put_photo(w, result, err);
    if (lacks_embeddings(result, w->dim))
        return arc_fail(err, ARC_EINVAL, "%s: the faces have no embeddings to write", w->path);
    for (int k = 0; st == ARC_OK && k < result->faces; k++)
        st = put_face(w, result, k, err);
    return st;
}

/* The head of the array, and its rows where they were kept. */
static arc_status end_rows(arc_results_writer *w, arc_error *err) {
    char header[ARC_NPY_HEADER_BYTES];
    arc_status st = arc_npy_header(header, w->path, 2, (const int64_t[2]){w->faces, w->dim}, err);
    if (st == ARC_OK && !w->keep_rows)
        return arc_writer_put_first(w->file, header, sizeof header, err);
    if (st == ARC_OK)
        st = arc_writer_put(w->file, header, sizeof header, err);
    if (st == ARC_OK && w->rows.bytes)
        st = arc_writer_put(w->file, w->rows.data, w->rows.bytes, err);
    return st;
}

arc_status arc_results_writer_commit(arc_results_writer **writer, arc_error *err) {
    arc_results_writer *w = *writer;
    arc_status st;
    if (w->format == ARC_RESULTS_JSON || w->format == ARC_RESULTS_FACES_JSON)
        arc_text_add(&w->text, "\n]\n");
    ARC_TRY(write_piece(w, w->names ? w->names : w->file, err));
    if (w->format == ARC_RESULTS_NPY)
        ARC_TRY(end_rows(w, err));
    if (w->names)
        ARC_TRY(arc_writer_commit(&w->names, err));
    ARC_TRY(arc_writer_commit(&w->file, err));
done:
    arc_results_writer_abort(writer);
    return st;
}

void arc_results_writer_abort(arc_results_writer **writer) {
    if (!writer || !*writer)
        return;
    arc_results_writer *w = *writer;
    arc_writer_abort(&w->names);
    arc_writer_abort(&w->file);
    arc_buffer_free(&w->text.buffer);
    arc_buffer_free(&w->rows);
    arc_mem_free(w->alloc, w);
    *writer = NULL;
}

arc_status arc_results_save(arc_context *ctx, const arc_result *results, int count, int dim, arc_results_format format,
                            const char *path, arc_error *err) {
    arc_results_writer *w = NULL;
    for (int i = 0; i < count; i++)
        if (lacks_embeddings(&results[i], dim) && format <= ARC_RESULTS_NPY)
            return arc_fail(err, ARC_EINVAL, "%s: the faces have no embeddings to write", path);
    arc_status st = arc_results_writer_open(ctx, dim, format, path, &w, err);
    for (int i = 0; st == ARC_OK && i < count; i++)
        st = arc_results_writer_put(w, &results[i], err);
    if (st == ARC_OK)
        return arc_results_writer_commit(&w, err);
    arc_results_writer_abort(&w);
    return st;
}
