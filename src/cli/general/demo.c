/* arcface demo: the whole main job, step by step. First a recogniser is trained from nothing on drawn people (demo_trained.c); then, with real
 * models and photos at hand (--data, $ARCFACE_DATA, ../shared/data), those do the same on real faces. */
#include "ui/faces.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct demo {
    const char *data, *out;
    faces f;
    arc_model *model;
    bool full;
} demo;

static const char *join(char *buffer, size_t bytes, const char *dir, const char *name) {
    snprintf(buffer, bytes, "%s/%s", dir, name);
    return buffer;
}

static bool has_data(const char *dir) {
    static const char *const needed[] = {"models/detection/scrfd_2.5g_bnkps.onnx",
                                         "models/recognition/w600k_mbf_dequantised_fp32.onnx", "photos/insightface/t1.jpg",
                                         "lfw/pairs.txt"};
    char path[CLI_PATH_BYTES];
    for (int i = 0; i < CLI_COUNT(needed); i++)
        if (access(join(path, sizeof path, dir, needed[i]), R_OK) != 0)
            return false;
    return true;
}

static const char *find_data(const cli *c) {
    const char *given = cli_value(c, "data"), *variable = getenv("ARCFACE_DATA");
    if (given)
        return given;
    if (variable && *variable && has_data(variable))
        return variable;
    return has_data("../shared/data") ? "../shared/data" : NULL;
}

/* Steps 1 and 2: the faces of a group photo, and each of them turned to the template. */
static int detect_and_align(cli *c, demo *d) {
    char photo_path[CLI_PATH_BYTES], path[CLI_PATH_BYTES];
    arc_image photo = {0};
    arc_error err = {0};
    int code = faces_find(c, &d->f, join(photo_path, sizeof photo_path, d->data, "photos/insightface/t1.jpg"), &photo);
    if (code != CLI_OK)
        return code;
    printf("\n7. detect  %s: %d faces\n", photo_path, d->f.count);
    code = cli_draw_faces(c, &photo, d->f.face, d->f.count, join(path, sizeof path, d->out, "7-detect.jpg"));
    if (code == CLI_OK)
        printf("           %s\n8. align   to 112x112:\n", path);
    for (int i = 0; i < d->f.count && code == CLI_OK; i++) {
        double residual;
        char name[32];
        arc_image crop = {0};
        snprintf(name, sizeof name, "8-face-%d.png", i);
        join(path, sizeof path, d->out, name);
        arc_status st = arc_align_face(c->ctx, &photo, (const float(*)[2])d->f.face[i].landmark_px, ARC_TEMPLATE_112,
                                       ARC_WARP_EXACT, &crop, &residual, &err);
        if (st == ARC_OK)
            st = arc_image_save(c->ctx, &crop, path, &err);
        arc_image_free(c->ctx, &crop);
        if (st == ARC_OK)
            printf("           %s  score %.2f, residual %.1f px\n", path, (double)d->f.face[i].score, residual);
        else
            code = cli_fail(&err);
    }
    arc_image_free(c->ctx, &photo);
    return code;
}

/* Step 3: all photos of the pairs folder's two people and one more, through the pipeline, timed. */
static int embed(demo *d, arc_pipeline *pipeline, arc_result *result, const char *const *names, int count) {
    static char path[3][CLI_PATH_BYTES];
    const char *paths[3];
    arc_error err = {0};
    for (int i = 0; i < count; i++) {
        snprintf(path[i], sizeof path[i], "%s/photos/pairs/%s", d->data, names[i]);
        paths[i] = path[i];
    }
    double start = cli_seconds();
    if (arc_pipeline_run(pipeline, paths, count, result, NULL, NULL, &err) != ARC_OK)
        return cli_fail(&err);
    printf("9. embed   %d photos in %.0f ms:\n", count, 1000 * (cli_seconds() - start));
    for (int i = 0; i < count; i++) {
        if (result[i].status != ARC_OK)
            return cli_fail(&result[i].error);
        if (result[i].faces == 0)
            return cli_bad_input("%s: no face found", paths[i]);
        const float *e = result[i].face[0].embedding;
        printf("           %s %dx%d -> %d values: %.3f %.3f %.3f ...\n", names[i], result[i].width_px, result[i].height_px,
               arc_model_contract(d->model)->dim, (double)e[0], (double)e[1], (double)e[2]);
    }
    return CLI_OK;
}

static int verify(cli *c, demo *d, const arc_result *a, const arc_result *b, const char *file) {
    arc_image photo[2] = {{0}, {0}};
    arc_error err = {0};
    const arc_result *r[2] = {a, b};
    const arc_contract *contract = arc_model_contract(d->model);
    double cosine = arc_embedding_cosine(a->face[0].embedding, b->face[0].embedding, contract->dim);
    bool yes = cosine >= (double)contract->threshold;
    const char *title = yes ? "same person" : "different persons";
    char path[CLI_PATH_BYTES], text[96];
    cli_side side[2];
    int code = CLI_OK;
    for (int k = 0; k < 2 && code == CLI_OK; k++) {
        side[k] = (cli_side){&photo[k], &r[k]->face[0].face, &r[k]->face[0].crop};
        if (arc_image_load(c->ctx, r[k]->path, NULL, &photo[k], NULL, &err) != ARC_OK)
            code = cli_fail(&err);
    }
    snprintf(text, sizeof text, "cosine %.3f  (threshold %.3f)", cosine, (double)contract->threshold);
    if (code == CLI_OK)
        code = cli_draw_pair(c, side, title, text, yes, join(path, sizeof path, d->out, file));
    if (code == CLI_OK)
        printf("           %s, %s\n           %s\n", title, text, path);
    for (int k = 0; k < 2; k++)
        arc_image_free(c->ctx, &photo[k]);
    return code;
}

static int embed_and_verify(cli *c, demo *d) {
    static const char *const names[3] = {"img1.jpg", "img2.jpg", "img3.jpg"};
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_result result[3] = {0};
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.keep_crops = true;
    int code = CLI_OK;
    if (arc_pipeline_new(c->ctx, d->f.model, d->model, &opt, &pipeline, &err) != ARC_OK)
        return cli_fail(&err);
    code = embed(d, pipeline, result, names, 3);
    if (code == CLI_OK) {
        printf("10. verify\n");
        code = verify(c, d, &result[0], &result[1], "10-verify-same.jpg");
    }
    if (code == CLI_OK)
        code = verify(c, d, &result[0], &result[2], "10-verify-different.jpg");
    for (int i = 0; i < 3; i++)
        arc_result_free(c->ctx, &result[i]);
    arc_pipeline_free(&pipeline);
    return code;
}

static int evaluate(cli *c, demo *d) {
    char images[CLI_PATH_BYTES], pairs[CLI_PATH_BYTES];
    arc_evaluate_options opt;
    arc_evaluation *e;
    arc_error err = {0};
    cli_progress bar;
    arc_evaluate_options_default(&opt);
    opt.strict = true;
    opt.checks = false;
    opt.bootstrap = 0;
    if (!d->full) { /* two of the official folds, still 600 pairs each */
        opt.max_pairs = 1200;
        opt.folds = 2;
    }
    opt.progress = cli_progress_tick;
    opt.progress_ctx = &bar;
    printf("11. LFW    %s\n", d->full ? "all 6000 pairs" : "the first 2 of 10 folds, 1200 of 6000 pairs (--full takes all)");
    fflush(stdout);
    double start = cli_seconds();
    cli_progress_start(&bar, c, "embedding");
    arc_status st = arc_evaluate_pairs(c->ctx, d->model, join(images, sizeof images, d->data, "lfw/pairs-aligned-112"),
                                       join(pairs, sizeof pairs, d->data, "lfw/pairs.txt"), &opt, &e, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    const arc_verification *v = &e->verification;
    printf("           accuracy %.3f %% +- %.3f, TAR %.2f %% at FAR %g, AUC %.5f, in %.0f s\n", 100 * v->accuracy,
           100 * v->accuracy_std, 100 * v->tar, v->far_target, v->auc, cli_seconds() - start);
    arc_evaluation_free(c->ctx, &e);
    return CLI_OK;
}

static int real(cli *c, demo *d) {
    char path[CLI_PATH_BYTES], detector[CLI_PATH_BYTES];
    arc_error err = {0};
    join(detector, sizeof detector, d->data, "models/detection/scrfd_2.5g_bnkps.onnx");
    int code = cli_load_any(c, detector, ARC_TASK_DETECT, &d->f.model);
    if (code == CLI_OK)
        code = cli_load_any(c, join(path, sizeof path, d->data, "models/recognition/w600k_mbf_dequantised_fp32.onnx"),
                            ARC_TASK_EMBED, &d->model);
    if (code == CLI_OK) {
        d->f.face = cli_new(FACES_MAX, sizeof d->f.face[0]);
        arc_detect_options_default(&d->f.opt);
        if (arc_detector_new(c->ctx, d->f.model, &d->f.detector, &err) != ARC_OK)
            code = cli_fail(&err);
    }
    if (code == CLI_OK) {
        printf("\nThe same job with real models on real photos, from %s\n", d->data);
        code = detect_and_align(c, d);
    }
    if (code == CLI_OK)
        code = embed_and_verify(c, d);
    if (code == CLI_OK)
        code = evaluate(c, d);
    faces_close(&d->f);
    arc_model_free(&d->model);
    return code;
}

static int run(cli *c) {
    demo d = {.data = find_data(c), .out = cli_value(c, "output"), .full = cli_given(c, "full")};
    if (!d.out)
        d.out = "build/demo";
    if (d.data && !has_data(d.data))
        return cli_bad_input("%s lacks the models and photos of the demo (models/detection/scrfd_2.5g_bnkps.onnx and others)",
                             d.data);
    int code = cli_make_folder(d.out);
    if (code == CLI_OK && !cli_given(c, "real"))
        code = cli_demo_trained(c, d.out, cli_given(c, "quick"));
    if (code == CLI_OK && d.data && !cli_given(c, "drawn"))
        code = real(c, &d);
    else if (code == CLI_OK && !cli_given(c, "drawn"))
        printf(
            "\nReal faces: \"arcface pull buffalo_s\" fetches a detector and a recogniser (it shows the licence and asks); then\n"
            "\"arcface verify a.jpg b.jpg\". Or name your own files with --model and --detector.\n");
    if (code == CLI_OK)
        printf("\nEverything lies in %s; begin with %s/report.html.\n", d.out, d.out);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("data", 0, "FOLDER", "$ARCFACE_DATA, else ../shared/data when it is there", "real models and photos"),
    CLI_FOLDER("output", 'o', "FOLDER", "build/demo", "where the pictures go"),
    CLI_FLAG("full", 0, "all 6000 LFW pairs"),
    CLI_FLAG("drawn", 0, "only the part on drawn people, even when real data is there"),
    CLI_FLAG("real", 0, "only the part on real photos"),
    CLI_FLAG("quick", 0, "draw and train very little: shows the way, not the result"),
    {0},
};

const cli_command cli_demo = {
    .group = CLI_GROUP_GENERAL,
    .name = "demo",
    .args = "",
    .what = "the whole main job, step by step: train, evaluate, export, verify",
    .about =
        "First without any model or data: people are drawn, a small network is trained on them, evaluated on people that it "
        "has never seen, exported, asked about two photographs, and all of it is put on a page (report.html). Then, with real "
        "models and photos at hand: detect, align, embed, verify, LFW.",
    .example = "arcface demo -o pictures/",
    .options = options,
    .run = run,
};
