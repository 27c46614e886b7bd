/* A pipeline as the commands on photos need it. */
#include "face/run.h"
#include <stdio.h>

void face_run_options(const cli *c, face_run *r) {
    *r = (face_run){.model = NULL};
    arc_pipeline_options_default(&r->opt);
    faces_options(c, &r->opt.detect);
    r->opt.image.strict = cli_given(c, "strict");
    r->opt.image.ignore_profile = cli_given(c, "no-profile");
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
        cli_warn(c, "%s ends early or is damaged: what could be decoded is used (--strict refuses it)", cli_photo_label(photo));
    if (photo->status == ARC_OK && photo->resized)
        cli_warn(c, "%s is %dx%d pixels: the crop is resized to what the model takes", cli_photo_label(photo), photo->width_px,
                 photo->height_px);
    if (photo->status == ARC_OK && photo->faces > 0 && photo->face[0].face.turned_degrees)
        cli_warn(c, "%s seems to be turned: its face is upright after %d degrees clockwise (--no-turn takes it as it is)",
                 cli_photo_label(photo), photo->face[0].face.turned_degrees);
    if (!r->opt.all_faces && photo->status == ARC_OK && photo->faces_found > 1)
        cli_warn(c, "%s has %d faces, the largest is taken (--all %s every one)", cli_photo_label(photo), photo->faces_found,
                 what);
}

int face_run_faceless(const arc_result *photo) {
    arc_error why;
    arc_result_explain(photo, &why);
    return cli_fail(&why);
}

int face_photos_open(cli *c, const face_run *r, const char *what, face_photos *out) {
    *out = (face_photos){.c = c, .run = r, .what = what};
    return cli_photos_open(c, (const char *const *)c->args, c->arg_count, &out->named);
}

bool face_photos_tell(face_photos *photos, int64_t index, const arc_result *photo) {
    cli *c = photos->c;
    int code = CLI_OK;
    if (photo->status != ARC_OK)
        code = cli_fail_photo(&photo->error);
    photos->unreadable += photo->status != ARC_OK;
    photos->faceless += photo->status == ARC_OK && photo->faces_found == 0;
    photos->worst = code > photos->worst ? code : photos->worst;
    face_run_warn(c, photos->run, photo, photos->what);
    cli_progress_tick(&photos->bar, index + 1, photos->named.source.count);
    return photo->status == ARC_OK;
}

int64_t face_photos_count(const face_photos *photos, int64_t *unreadable) {
    arc_feed_tally t;
    arc_feed_tally_get(photos->named.feed, &t);
    *unreadable = photos->unreadable - t.parts;
    return t.photos - t.parts;
}

/* What is told of files that gave no photos. */
static void put_skipped(cli_text *t, const arc_feed_tally *tally) {
    const bool one = tally->archives == 1;
    if (tally->skipped > 0)
        cli_printf(t, "; skipped %lld that %s no picture%s:", (long long)tally->skipped, tally->skipped == 1 ? "is" : "are",
                   tally->skipped == 1 ? "" : "s");
    for (int i = 0; i < tally->skipped && i < ARC_FEED_SKIPPED_NAMES; i++)
        cli_printf(t, "%s %s", i ? "," : "", tally->skipped_name[i]);
    if (tally->skipped > ARC_FEED_SKIPPED_NAMES)
        cli_printf(t, ", ...");
    if (tally->archives > 0)
        cli_printf(t, "; %lld archive%s not opened, name %s to read %s: %s%s", (long long)tally->archives,
                   one ? " was" : "s were", one ? "it" : "them", one ? "it" : "them", tally->archive_name, one ? "" : ", ...");
}

void face_photos_end(face_photos *photos) {
    cli_text t = {0};
    arc_feed_tally tally;
    cli_progress_end(&photos->bar);
    arc_feed_tally_get(photos->named.feed, &tally);
    const int64_t passed_over = tally.skipped + tally.archives;
    if (photos->c->quiet || tally.photos + passed_over < 2 || (photos->unreadable == 0 && passed_over == 0))
        return;
    const long long all = tally.photos - tally.parts, unread = photos->unreadable - tally.parts;
    if (all > 0)
        cli_printf(&t, "%lld of %lld pictures", unread, all);
    if (tally.parts > 0)
        cli_printf(&t, "%s%lld %s", all > 0 ? " and " : "", (long long)tally.parts,
                   tally.parts == 1 ? "folder, list or archive" : "folders, lists or archives");
    cli_printf(&t, " could not be read");
    put_skipped(&t, &tally);
    fprintf(stderr, "%.*s\n", (int)t.bytes, t.data);
    cli_free(t.data);
}

void face_photos_close(face_photos *photos) {
    cli_photos_close(&photos->named);
}
