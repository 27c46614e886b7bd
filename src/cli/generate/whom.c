/* Whom arcface generate shows: people by photos, embeddings or classes; statistics measured on a folder. */
#include "generate/whom.h"
#include <arcface/quantize.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void say(void *ctx, const char *line) {
    cli_warn(ctx, "%s", line);
}

/* What each --identity names and the photos behind it, up to the next one: a person. */
static int name_people(const cli *c, const char **path, int *person) {
    const int people = cli_values(c, "identity", path, CLI_MAX_GIVEN);
    for (int i = 0; i < people; i++)
        person[i] = i;
    for (int i = 0; i < c->arg_count; i++) {
        path[people + i] = c->args[i];
        person[people + i] = 0;
        for (int k = 1; k < people && cli_operands_before(c, "identity", k) <= i; k++)
            person[people + i] = k;
    }
    return people + c->arg_count;
}

static int read_people(cli *c, whom *w) {
    arc_generate_people_options o;
    arc_error err = {0};
    const char **path = cli_new(CLI_MAX_GIVEN + (size_t)c->arg_count, sizeof *path);
    int *person = cli_new(CLI_MAX_GIVEN + (size_t)c->arg_count, sizeof *person);
    const int paths = name_people(c, path, person);
    arc_generate_people_options_default(&o);
    faces_options(c, &o.detect);
    o.detector = w->detector;
    o.aligned = cli_given(c, "aligned");
    o.judge = (const arc_model *const *)w->judge;
    o.judges = w->judges;
    o.say = say;
    o.say_ctx = c;
    o.person = person;
    const arc_status st = arc_generate_people_new(c->ctx, w->model, path, paths, &o, &w->people, &err);
    cli_free(person);
    cli_free(path);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int read_rows(cli *c, whom *w, const char *path) {
    arc_error err = {0};
    return arc_generate_rows_load(c->ctx, path, &w->rows, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int read_classes(cli *c, whom *w) {
    const int count = cli_values(c, "class", NULL, 0);
    const char **text = cli_new((size_t)count, sizeof *text);
    cli_values(c, "class", text, count);
    w->class_of = cli_new((size_t)count, sizeof *w->class_of);
    w->classes = count;
    for (int i = 0; i < count; i++)
        w->class_of[i] = (int)strtol(text[i], NULL, 10); /* a number in its range, as the option was checked */
    cli_free(text);
    return read_rows(c, w, cli_value(c, "centers"));
}

/* Crops of the folder through the network; into the output folder. */
static int measure(cli *c, whom *w, const char *from, const char *folder) {
    arc_quantize_photos photos;
    arc_error err = {0};
    cli_progress bar;
    char **path;
    int count, crops = 0, most = 1000;
    cli_int(c, "crops", &most);
    int code = cli_make_folder(folder);
    if (code == CLI_OK)
        code = cli_photos_paths(c, from, most, &path, &count);
    if (code != CLI_OK)
        return code;
    arc_image *crop = cli_new((size_t)count, sizeof *crop);
    arc_quantize_photos_default(&photos);
    faces_options(c, &photos.detect);
    photos.detector = cli_given(c, "detector") ? w->detector : NULL;
    photos.progress = cli_progress_tick_int;
    photos.progress_ctx = &bar;
    cli_progress_start(&bar, c, "reading crops");
    arc_status st = arc_quantize_crops(c->ctx, w->model, &photos, (const char *const *)path, count, crop, &crops, &err);
    cli_progress_end(&bar);
    snprintf(w->measured, sizeof w->measured, "%s/statistics.measured", folder);
    cli_progress_start(&bar, c, "measuring statistics");
    if (st == ARC_OK)
        st = arc_generate_measure(c->ctx, w->model, crop, crops, w->measured, cli_progress_tick_int, &bar, &err);
    cli_progress_end(&bar);
    for (int i = 0; i < count; i++) {
        arc_image_free(c->ctx, &crop[i]);
        cli_free(path[i]);
    }
    cli_free(crop);
    cli_free(path);
    w->statistics = w->measured;
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int find_statistics(cli *c, whom *w, const char *folder) {
    const char *from = cli_value(c, "statistics-from");
    struct stat st;
    if (!from)
        return CLI_OK;
    if (stat(from, &st) == 0 && S_ISDIR(st.st_mode))
        return measure(c, w, from, folder);
    w->statistics = from;
    return CLI_OK;
}

static int check(cli *c) {
    const bool identity = cli_given(c, "identity"), embedding = cli_given(c, "embedding"), class = cli_given(c, "class");
    if (identity + embedding + class != 1)
        return cli_usage(c, "generate needs one of --identity PHOTO..., --embedding FILE.npy, --class N with --centers FILE");
    if (class != cli_given(c, "centers"))
        return cli_usage(c, "--class N and --centers FILE belong together");
    if (cli_values(c, "judge", NULL, 0) > ARC_GENERATE_MAX_JUDGES)
        return cli_usage(c, "--judge is given %d times: at most %d judges are possible", cli_values(c, "judge", NULL, 0),
                         ARC_GENERATE_MAX_JUDGES);
    if (cli_given(c, "judge") && !identity)
        cli_warn(c, "--judge says nothing here: it compares pictures with photos of the same people, which --identity names");
    if (!identity && c->arg_count > 0)
        return cli_usage(c, "unexpected argument \"%s\": photos go with --identity", c->args[0]);
    return CLI_OK;
}

static int load_judges(cli *c, whom *w) {
    const char *path[ARC_GENERATE_MAX_JUDGES];
    const int count = cli_values(c, "judge", path, ARC_GENERATE_MAX_JUDGES);
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < count; i++) {
        code = cli_load_any(c, path[i], ARC_TASK_EMBED, &w->judge[i]);
        w->judges += code == CLI_OK;
    }
    return code;
}

int whom_open(cli *c, whom *w, const char *folder) {
    *w = (whom){0};
    const bool detects = (cli_given(c, "identity") && !cli_given(c, "aligned")) || cli_given(c, "detector");
    int code = check(c);
    if (code == CLI_OK)
        code = cli_load(c, ARC_TASK_EMBED, &w->model);
    if (code == CLI_OK && detects)
        code = cli_load(c, ARC_TASK_DETECT, &w->detector);
    if (code == CLI_OK)
        code = load_judges(c, w);
    if (code == CLI_OK)
        code = cli_given(c, "identity")    ? read_people(c, w)
               : cli_given(c, "embedding") ? read_rows(c, w, cli_value(c, "embedding"))
                                           : read_classes(c, w);
    return code == CLI_OK ? find_statistics(c, w, folder) : code;
}

void whom_fill(whom *w, arc_generate_job *job) {
    job->people = w->people;
    job->embeddings = w->people || w->class_of ? NULL : &w->rows;
    job->centres = w->class_of ? &w->rows : NULL;
    job->class_of = w->class_of;
    job->classes = w->classes;
    job->judge = (const arc_model *const *)w->judge;
    job->judges = w->judges;
}

void whom_close(cli *c, whom *w) {
    arc_generate_people_free(&w->people);
    arc_generate_rows_free(c->ctx, &w->rows);
    cli_free(w->class_of);
    for (int i = 0; i < w->judges; i++)
        arc_model_free(&w->judge[i]);
    arc_model_free(&w->detector);
    arc_model_free(&w->model);
}
