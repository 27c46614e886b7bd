/* A whole conversion kit: made in a folder of a temporary name beside the one that it is to have, and renamed when it is
 * complete. */
#include "deploy/kit/kit.h"
#include "base/clock.h"
#include "deploy/reference.h"
#include "image/contact_sheet.h"
#include "image/image.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHEET_CELL_PX 112
#define SHEET_SMALL_PX 56
#define SHEET_FEW 600
#define NAME_BYTES 24
#define MAX_KIT_FILES ((size_t)100000)

void arc_kit_options_default(arc_kit_options *opt) {
    *opt = (arc_kit_options){.struct_size = sizeof *opt, .calibration_count = 300};
    arc_detect_options_default(&opt->detect);
}

typedef struct making {
    arc_context *ctx;
    const arc_model *model;
    const arc_kit_options *opt;
    const char *final;
    char folder[ARC_PATH_BYTES]; /* the temporary one; "" before it is made */
    arc_kit_faces faces;
    int32_t *calibration, *reference; /* indices of faces */
    arc_kit_report *report;
    arc_error *err;
} making;

static arc_status path_of(const making *m, const char *name, char path[ARC_PATH_BYTES]) {
    return arc_kit_path(m->folder, name, path, m->err);
}

static arc_status tell(const making *m, const char *stage, int64_t done, int64_t total) {
    if (m->opt->progress && m->opt->progress(m->opt->progress_ctx, stage, done, total) != 0)
        return arc_fail(m->err, ARC_ECANCEL, "the kit was cancelled");
    return ARC_OK;
}

/* ---- before anything is done ---- */

static arc_status check_target(const char *folder, const arc_alloc *a, arc_error *err) {
    arc_names names = {0};
    const arc_path_kind kind = arc_path_kind_of(folder);
    if (kind == ARC_PATH_NONE)
        return ARC_OK;
    if (kind == ARC_PATH_DIR && arc_dir_list(&names, a, folder, 1, NULL) == ARC_OK && names.count == 0) {
        arc_names_free(&names);
        return ARC_OK;
    }
    arc_names_free(&names);
    return arc_fail(err, ARC_EINVAL, "%s is there already: a kit is made in a new folder or an empty one, name another", folder);
}

static arc_status check(const making *m) {
    const arc_model *model = m->model;
    const arc_kit_options *opt = m->opt;
    const char *name = model->path ? model->path : "the model";
    if (opt->calibration_count < ARC_KIT_MIN_CALIBRATION || opt->calibration_count > ARC_KIT_MAX_CALIBRATION)
        return arc_fail(m->err, ARC_EINVAL, "%d faces to calibrate on: %d to %d", opt->calibration_count, ARC_KIT_MIN_CALIBRATION,
                        ARC_KIT_MAX_CALIBRATION);
    if (m->ctx->precision != ARC_PRECISION_FP32)
        return arc_fail(m->err, ARC_EINVAL, "a kit's reference embeddings are float32: leave out --precision");
    if (model->contract.task != ARC_TASK_EMBED)
        return arc_fail(m->err, ARC_EUNSUPPORTED, "%s is no embedder: a kit is made of those; --target nnarchive takes detectors",
                        name);
    if (arc_model_is_int8(model->graph))
        return arc_fail(m->err, ARC_EUNSUPPORTED,
                        "%s is in 8 bits already, and converters quantize float32 networks: take the model that it was made from",
                        name);
    return check_target(m->final, &m->ctx->alloc, m->err);
}

/* ---- the files ---- */

static arc_status put_network(making *m) {
    arc_export_options how;
    char path[ARC_PATH_BYTES];
    arc_status st;
    arc_export_options_default(&how);
    how.l2 = m->opt->l2;
    ARC_TRY(path_of(m, ARC_KIT_ONNX, path));
    ARC_TRY(arc_export_onnx(m->ctx, m->model, &how, path, &m->report->network, m->err));
    ARC_TRY(path_of(m, ARC_KIT_ARCHIVE, path));
    ARC_TRY(arc_export_nnarchive(m->ctx, m->model, &how, path, NULL, m->err));
done:
    return st;
}

static arc_status put_zip(making *m) {
    const arc_alloc *a = &m->ctx->alloc;
    const int count = m->report->calibration;
    char path[ARC_PATH_BYTES];
    arc_status st = ARC_OK;
    arc_pack_member *member = arc_mem_new(a, (size_t)count, sizeof *member);
    arc_buffer *png = arc_mem_new(a, (size_t)count, sizeof *png);
    char(*name)[NAME_BYTES] = arc_mem_new(a, (size_t)count, sizeof *name);
    if (!member || !png || !name)
        ARC_TRY(arc_fail_nomem(m->err, ARC_KIT_ZIP));
    for (int i = 0; i < count; i++) {
        arc_buffer_init(&png[i], a, SIZE_MAX);
        ARC_TRY(arc_encode_memory(&m->faces.crop[m->calibration[i]], a, 0, false, &png[i], m->err));
        snprintf(name[i], NAME_BYTES, "face-%04d.png", i + 1);
        member[i] = (arc_pack_member){name[i], png[i].data, png[i].bytes};
        ARC_TRY(tell(m, "writing", i + 1, count));
    }
    ARC_TRY(path_of(m, ARC_KIT_ZIP, path));
    ARC_TRY(arc_pack_zip(a, path, member, count, m->err));
done:
    for (int i = 0; png && i < count; i++)
        if (png[i].alloc)
            arc_buffer_free(&png[i]);
    arc_mem_free(a, name);
    arc_mem_free(a, png);
    arc_mem_free(a, member);
    return st;
}

static arc_status put_sheet(making *m) {
    const int count = m->report->calibration, cell = count <= SHEET_FEW ? SHEET_CELL_PX : SHEET_SMALL_PX;
    const int columns = (int)ceil(sqrt(1.4 * count));
    arc_contact_sheet *sheet = NULL;
    char path[ARC_PATH_BYTES];
    arc_status st;
    ARC_TRY(arc_contact_sheet_new(&sheet, m->ctx, count, columns, cell, false, m->err));
    for (int i = 0; i < count; i++)
        ARC_TRY(arc_contact_sheet_put(sheet, &m->faces.crop[m->calibration[i]], NULL, 0, m->err));
    ARC_TRY(path_of(m, ARC_KIT_SHEET, path));
    ARC_TRY(arc_contact_sheet_save(sheet, path, m->err));
done:
    arc_contact_sheet_free(&sheet);
    return st;
}

/* What the exported file gives, not what the model does: a converted network is compared with its own source. */
static arc_status put_reference(making *m) {
    const arc_alloc *a = &m->ctx->alloc;
    const int count = m->report->reference;
    char path[ARC_PATH_BYTES];
    const char *name[ARC_KIT_MAX_REFERENCE];
    char text[ARC_KIT_MAX_REFERENCE][NAME_BYTES];
    arc_image crop[ARC_KIT_MAX_REFERENCE];
    arc_model *exported = NULL;
    arc_embedder *embedder = NULL;
    float *embedding = NULL;
    arc_status st;
    ARC_TRY(path_of(m, ARC_KIT_ONNX, path));
    ARC_TRY(arc_model_load(m->ctx, path, ARC_TASK_EMBED, NULL, &exported, m->err));
    ARC_TRY(arc_embedder_new(m->ctx, exported, &embedder, m->err));
    const int dim = arc_embedder_dim(embedder);
    if (!(embedding = arc_mem_raw(a, (size_t)count * (size_t)dim, sizeof *embedding)))
        ARC_TRY(arc_fail_nomem(m->err, "reference embeddings"));
    for (int i = 0; i < count; i++) {
        crop[i] = m->faces.crop[m->reference[i]];
        snprintf(text[i], NAME_BYTES, "reference-%02d", i + 1);
        name[i] = text[i];
    }
    ARC_TRY(arc_embed_crops(embedder, crop, count, false, embedding, m->err));
    ARC_TRY(path_of(m, ARC_KIT_REFERENCE, path));
    ARC_TRY(arc_dir_make(path, m->err));
    ARC_TRY(arc_reference_save(m->ctx, path, name, crop, embedding, count, dim, m->err));
done:
    arc_mem_free(a, embedding);
    arc_embedder_free(&embedder);
    arc_model_free(&exported);
    return st;
}

static arc_status put_texts(making *m) {
    const arc_export_report *r = &m->report->network;
    const arc_kit_network n = {r->input[2], r->input[3], r->output[1], m->opt->l2};
    char path[ARC_PATH_BYTES];
    arc_text t;
    arc_status st;
    for (int target = 0; target < ARC_KIT_TARGETS; target++) {
        ARC_TRY(path_of(m, arc_kit_yaml_name((arc_kit_target)target), path));
        arc_text_begin(&t, &m->ctx->alloc);
        arc_kit_yaml(&t, (arc_kit_target)target, &n);
        ARC_TRY(arc_text_save(&t, path, m->err));
    }
    ARC_TRY(path_of(m, ARC_KIT_README, path));
    arc_text_begin(&t, &m->ctx->alloc);
    arc_kit_readme(&t, &n, m->report);
    ARC_TRY(arc_text_save(&t, path, m->err));
    ARC_TRY(arc_kit_sums_save(&m->ctx->alloc, m->folder, m->err));
done:
    return st;
}

/* ---- the folder ---- */

static arc_status begin_folder(making *m) {
    char path[ARC_PATH_BYTES];
    size_t length = strlen(m->final);
    while (length > 1 && m->final[length - 1] == '/')
        length--;
    const int n = snprintf(path, sizeof path, "%.*s.part-%ld-%llx", (int)length, m->final, (long)getpid(),
                           (unsigned long long)arc_clock_ns());
    if (n < 0 || (size_t)n + 64 >= sizeof path)
        return arc_fail(m->err, ARC_EINVAL, "%.200s: its path is too long", m->final);
    const arc_status st = arc_dir_make(path, m->err);
    if (st == ARC_OK)
        memcpy(m->folder, path, (size_t)n + 1);
    return st;
}

/* Removes a folder of files, and of folders of files where `deep`. What cannot be removed stays: the error that led here counts.
 */
static void remove_folder(const arc_alloc *a, const char *folder, bool deep) {
    arc_names names = {0};
    char path[ARC_PATH_BYTES];
    if (arc_dir_list(&names, a, folder, MAX_KIT_FILES, NULL) != ARC_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (arc_kit_path(folder, names.name[i], path, NULL) != ARC_OK)
            continue;
        if (deep && arc_path_kind_of(path) == ARC_PATH_DIR)
            remove_folder(a, path, false);
        else
            (void)arc_path_remove(path, NULL);
    }
    arc_names_free(&names);
    (void)arc_dir_remove(folder, NULL);
}

static arc_status make(making *m) {
    arc_status st;
    const size_t room = ARC_KIT_MAX_FACES;
    m->calibration = arc_mem_raw(&m->ctx->alloc, room, sizeof *m->calibration);
    m->reference = arc_mem_raw(&m->ctx->alloc, room, sizeof *m->reference);
    if (!m->calibration || !m->reference)
        ARC_TRY(arc_fail_nomem(m->err, "a kit"));
    arc_kit_drop_unclear(m->ctx, &m->faces, m->report);
    ARC_TRY(arc_kit_choose(m->ctx, &m->faces, m->opt, m->calibration, m->reference, m->report, m->err));
    ARC_TRY(begin_folder(m));
    ARC_TRY(put_network(m));
    ARC_TRY(put_zip(m));
    ARC_TRY(put_sheet(m));
    ARC_TRY(put_reference(m));
    ARC_TRY(put_texts(m));
    ARC_TRY(arc_path_rename(m->folder, m->final, m->err));
done:
    if (st != ARC_OK && *m->folder)
        remove_folder(&m->ctx->alloc, m->folder, true);
    arc_mem_free(&m->ctx->alloc, m->reference);
    arc_mem_free(&m->ctx->alloc, m->calibration);
    return st;
}

arc_status arc_export_kit(arc_context *ctx, const arc_model *model, const arc_photo_source *pictures, const arc_kit_options *opt,
                          const char *folder, arc_kit_report *report, arc_error *err) {
    arc_status st;
    arc_kit_options own;
    arc_kit_report r = {0};
    making m = {.ctx = ctx, .model = model, .opt = &own, .final = folder, .report = &r, .err = err};
    if (report)
        *report = r;
    if (ARC_CHECK_OPTIONS(arc_kit_options, opt, err) != ARC_OK ||
        (opt && ARC_CHECK_OPTIONS(arc_detect_options, &opt->detect, err) != ARC_OK))
        return ARC_EINVAL;
    arc_kit_options_default(&own);
    if (opt)
        own = *opt;
    ARC_TRY(check(&m));
    ARC_TRY(arc_kit_gather(ctx, model, pictures, &own, &m.faces, &r, err));
    ARC_TRY(make(&m));
    if (report)
        *report = r;
done:
    arc_kit_faces_free(ctx, &m.faces);
    return st;
}
