/* What several commands need of photos with faces: options of detection, crops from a folder. */
#include "ui/faces.h"
#include <arcface/quantize.h>

void faces_options(const cli *c, arc_detect_options *opt) {
    cli_int(c, "size", &opt->size_px);
    opt->multi_scale = cli_given(c, "multi-scale");
    opt->no_turn = cli_given(c, "no-turn");
    opt->one_look = cli_given(c, "one-look");
}

int faces_crops_of(cli *c, const arc_model *model, const arc_model *detector, const char *const *names, int name_count,
                   arc_image **crop, int *crops) {
    arc_quantize_photos photos;
    arc_error err = {0};
    cli_progress bar;
    char **path;
    int count, most = 500;
    cli_int(c, "count", &most);
    const int code = cli_photos_paths_of(c, names, name_count, most, &path, &count);
    *crop = cli_new((size_t)count, sizeof **crop);
    arc_quantize_photos_default(&photos);
    faces_options(c, &photos.detect);
    photos.detector = detector;
    photos.progress = cli_progress_tick_int;
    photos.progress_ctx = &bar;
    cli_progress_start(&bar, c, "finding faces");
    const arc_status st = code != CLI_OK
                              ? ARC_OK
                              : arc_quantize_crops(c->ctx, model, &photos, (const char *const *)path, count, *crop, crops, &err);
    cli_progress_end(&bar);
    for (int i = 0; i < count; i++)
        cli_free(path[i]);
    cli_free(path);
    if (code != CLI_OK)
        return code;
    if (st != ARC_OK)
        return cli_fail(&err);
    if (*crops < 2)
        return cli_bad_input("%s%s: %d usable crop%s: at least 2 are needed, 100 to 1000 are a good number", names[0],
                             name_count > 1 ? " and others" : "", *crops, *crops == 1 ? "" : "s");
    if (*crops < 50)
        cli_warn(c, "%d crops are few to calibrate on: 100 to 1000 are a good number", *crops);
    return CLI_OK;
}

int faces_crops(cli *c, const arc_model *model, const arc_model *detector, const char *folder, arc_image **crop, int *crops) {
    return faces_crops_of(c, model, detector, &folder, 1, crop, crops);
}
