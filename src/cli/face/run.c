/* A pipeline as the commands on photos need it. */
#include "face/run.h"
#include <stdio.h>

void face_run_options(const cli *c, face_run *r) {
    *r = (face_run){.model = NULL};
    arc_pipeline_options_default(&r->opt);
    faces_options(c, &r->opt.detect);
    r->opt.image.strict = cli_given(c, "strict");
    cli_int(c, "frame", &r->opt.image.frame);
}

int face_run_open(cli *c, face_run *r, bool embeds) {
    arc_error err = {0};
    int code = embeds ? cli_load(c, ARC_TASK_EMBED, &r->model) : CLI_OK;
    if (code == CLI_OK && !r->opt.aligned)
        code = cli_load(c, ARC_TASK_DETECT, &r->detector);
    if (code == CLI_OK && arc_pipeline_new(c->ctx, r->detector, r->model, &r->opt, &r->pipeline, &err) != ARC_OK)
        code = cli_fail(&err);
    return code;
}

void face_run_close(face_run *r) {
    arc_pipeline_free(&r->pipeline);
    arc_model_free(&r->detector);
    arc_model_free(&r->model);
}

void face_run_warn(const cli *c, const face_run *r, const arc_result *photo, const char *what) {
    if (photo->status == ARC_OK && photo->damaged)
        cli_warn(c, "%s ends early or is damaged: what could be decoded is used (--strict refuses it)", photo->path);
    if (photo->status == ARC_OK && photo->resized)
        cli_warn(c, "%s is %dx%d pixels: the crop is resized to what the model takes", photo->path, photo->width_px,
                 photo->height_px);
    if (!r->opt.all_faces && photo->status == ARC_OK && photo->faces_found > 1)
        cli_warn(c, "%s has %d faces, the largest is taken (--all %s every one)", photo->path, photo->faces_found, what);
}

void face_run_end(const cli *c, const cli_paths *photos, int unreadable) {
    cli_text t = {0};
    if (c->quiet || photos->count + photos->skipped < 2 || (unreadable == 0 && photos->skipped == 0))
        return;
    cli_printf(&t, "%d of %d pictures could not be read", unreadable, photos->count);
    if (photos->skipped > 0)
        cli_printf(&t, "; skipped %d that %s no picture%s:", photos->skipped, photos->skipped == 1 ? "is" : "are",
                   photos->skipped == 1 ? "" : "s");
    for (int i = 0; i < photos->skipped && i < CLI_SKIPPED_NAMES; i++)
        cli_printf(&t, "%s %s", i ? "," : "", photos->skipped_name[i]);
    fprintf(stderr, "%.*s%s\n", (int)t.bytes, t.data, photos->skipped > CLI_SKIPPED_NAMES ? ", ..." : "");
    cli_free(t.data);
}
