/* Detection as several commands need it. */
#include "ui/faces.h"
#include <arcface/quantize.h>

void faces_options(const cli *c, arc_detect_options *opt) {
    cli_int(c, "size", &opt->size_px);
    opt->multi_scale = cli_given(c, "multi-scale");
}

int faces_open(cli *c, faces *f) {
    arc_error err = {0};
    *f = (faces){0};
    arc_detect_options_default(&f->opt);
    faces_options(c, &f->opt);
    int code = cli_load(c, ARC_TASK_DETECT, &f->model);
    if (code != CLI_OK)
        return code;
    f->face = cli_new(FACES_MAX, sizeof f->face[0]);
    if (arc_detector_new(c->ctx, f->model, &f->detector, &err) == ARC_OK)
        return CLI_OK;
    faces_close(f);
    return cli_fail(&err);
}

void faces_close(faces *f) {
    arc_detector_free(&f->detector);
    arc_model_free(&f->model);
    cli_free(f->face);
    f->face = NULL;
}

int faces_find(cli *c, faces *f, const char *path, arc_image *photo) {
    arc_error err = {0};
    f->count = 0;
    arc_status st = arc_image_load(c->ctx, path, NULL, photo, NULL, &err);
    if (st == ARC_OK)
        st = arc_detect(f->detector, photo, &f->opt, f->face, FACES_MAX, &f->count, &err);
    if (f->count > FACES_MAX)
        f->count = FACES_MAX;
    if (st == ARC_OK)
        return CLI_OK;
    arc_image_free(c->ctx, photo);
    return cli_fail(&err);
}

int faces_largest(const arc_face *face, int count) {
    int best = 0;
    float best_area = -1;
    for (int i = 0; i < count; i++) {
        float area = (face[i].x2_px - face[i].x1_px) * (face[i].y2_px - face[i].y1_px);
        if (area > best_area) {
            best_area = area;
            best = i;
        }
    }
    return best;
}

int faces_crops(cli *c, const arc_model *model, const arc_model *detector, const char *folder, arc_image **crop, int *crops) {
    cli_paths paths;
    arc_quantize_photos photos;
    arc_error err = {0};
    cli_progress bar;
    int count = 500;
    char *name = (char *)folder;
    cli_int(c, "count", &count);
    if (!cli_paths_collect(c, &paths, &name, 1)) {
        cli_paths_free(&paths);
        return CLI_BAD_INPUT;
    }
    cli_paths_thin(&paths, count);
    *crop = cli_new((size_t)paths.count, sizeof **crop);
    arc_quantize_photos_default(&photos);
    faces_options(c, &photos.detect);
    photos.detector = detector;
    photos.progress = cli_progress_tick_int;
    photos.progress_ctx = &bar;
    cli_progress_start(&bar, c, "finding faces");
    const arc_status st =
        arc_quantize_crops(c->ctx, model, &photos, (const char *const *)paths.path, paths.count, *crop, crops, &err);
    cli_progress_end(&bar);
    cli_paths_free(&paths);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (*crops < 2)
        return cli_bad_input("%s holds %d usable crop%s: at least 2 are needed, 100 to 1000 are a good number", folder, *crops,
                             *crops == 1 ? "" : "s");
    if (*crops < 50)
        cli_warn(c, "%d crops are few to calibrate on: 100 to 1000 are a good number", *crops);
    return CLI_OK;
}
