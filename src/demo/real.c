/* The demo on real faces, with real models: the faces of a group photo, each turned to the template, people compared, LFW. */
#include "demo/demo.h"
#include <arcface/arcface.h>
#include <stdio.h>

#define MAX_FACES 2048
#define DETECTOR "models/detection/scrfd_2.5g_bnkps.onnx"
#define RECOGNISER "models/recognition/w600k_mbf_dequantised_fp32.onnx"
#define GROUP_PHOTO "photos/insightface/t1.jpg"

typedef struct real {
    arc_demo demo;
    arc_model *detector, *model;
} real;

bool arc_demo_has_data(const char *dir) {
    static const char *const needed[] = {DETECTOR, RECOGNISER, GROUP_PHOTO, "lfw/pairs.txt"};
    char path[ARC_DEMO_PATH_BYTES];
    for (int i = 0; i < (int)ARC_COUNT(needed); i++)
        if (arc_path_kind_of(arc_demo_join(path, dir, needed[i])) == ARC_PATH_NONE)
            return false;
    return true;
}

static arc_status save_and_free(const real *r, arc_status st, arc_image *picture, const char *path, arc_error *err) {
    if (st == ARC_OK)
        st = arc_image_save(r->demo.ctx, picture, path, err);
    arc_image_free(r->demo.ctx, picture);
    return st;
}

/* ---- 8. detect, 9. align --------------------------------------------------------------------------------------------------- */

static arc_status align(real *r, const arc_image *photo, const arc_face *face, int index, arc_error *err) {
    char path[ARC_DEMO_PATH_BYTES], name[32];
    arc_image crop = {0};
    double residual;
    snprintf(name, sizeof name, "9-face-%d.png", index);
    arc_demo_join(path, r->demo.opt.out, name);
    arc_status st = arc_align_face(r->demo.ctx, photo, (const float(*)[2])face->landmark_px, ARC_TEMPLATE_112, ARC_WARP_EXACT,
                                   &crop, &residual, err);
    st = save_and_free(r, st, &crop, path, err);
    if (st == ARC_OK)
        arc_demo_say(&r->demo, "           %s  score %.2f, residual %.1f px\n", path, (double)face->score, residual);
    return st;
}

static arc_status find(real *r, const arc_image *photo, arc_face *face, int *count, arc_error *err) {
    arc_detector *detector = NULL;
    arc_status st = arc_detector_new(r->demo.ctx, r->detector, &detector, err);
    if (st == ARC_OK)
        st = arc_detect(detector, photo, NULL, face, MAX_FACES, count, err);
    *count = ARC_MIN(*count, MAX_FACES);
    arc_detector_free(&detector);
    return st;
}

static arc_status detect_and_align(real *r, arc_error *err) {
    char photo_path[ARC_DEMO_PATH_BYTES], path[ARC_DEMO_PATH_BYTES];
    arc_image photo = {0}, drawn = {0};
    int count = 0;
    arc_face *face = arc_mem_new(&r->demo.ctx->alloc, MAX_FACES, sizeof *face);
    if (!face)
        return arc_fail_nomem(err, "faces");
    arc_demo_join(photo_path, r->demo.opt.data, GROUP_PHOTO);
    arc_demo_join(path, r->demo.opt.out, "8-detect.jpg");
    arc_status st = arc_image_load(r->demo.ctx, photo_path, NULL, &photo, NULL, err);
    if (st == ARC_OK)
        st = find(r, &photo, face, &count, err);
    if (st == ARC_OK)
        arc_demo_say(&r->demo, "\n8. detect  %s: %d faces\n", photo_path, count);
    if (st == ARC_OK)
        st = save_and_free(r, arc_draw_faces(r->demo.ctx, &photo, face, count, &drawn, err), &drawn, path, err);
    if (st == ARC_OK)
        arc_demo_say(&r->demo, "           %s\n9. align   to 112x112:\n", path);
    for (int i = 0; i < count && st == ARC_OK; i++)
        st = align(r, &photo, &face[i], i, err);
    arc_image_free(r->demo.ctx, &photo);
    arc_mem_free(&r->demo.ctx->alloc, face);
    return st;
}

/* ---- 10. embed, 11. verify ------------------------------------------------------------------------------------------------- */

enum { PHOTOS = 3 };
static const char *const names[PHOTOS] = {"img1.jpg", "img2.jpg", "img3.jpg"};

/* All three photos through the pipeline, timed. */
static arc_status embed(real *r, arc_pipeline *pipeline, const char *const *paths, arc_result *result, arc_error *err) {
    const double start = arc_demo_seconds();
    const arc_status st = arc_pipeline_run(pipeline, paths, PHOTOS, result, NULL, NULL, err);
    if (st != ARC_OK)
        return st;
    arc_demo_say(&r->demo, "10. embed  %d photos in %.0f ms:\n", PHOTOS, 1000 * (arc_demo_seconds() - start));
    for (int i = 0; i < PHOTOS; i++) {
        if (result[i].status != ARC_OK || result[i].faces == 0) {
            arc_error why;
            arc_result_explain(&result[i], &why);
            return arc_fail(err, why.code, "%s", why.text);
        }
        const float *e = result[i].face[0].embedding;
        arc_demo_say(&r->demo, "           %s %dx%d -> %d values: %.3f %.3f %.3f ...\n", names[i], result[i].width_px,
                     result[i].height_px, arc_model_contract(r->model)->dim, (double)e[0], (double)e[1], (double)e[2]);
    }
    return ARC_OK;
}

static arc_status verify(real *r, const arc_result *a, const arc_result *b, const char *file, arc_error *err) {
    arc_image photo[2] = {{0}, {0}}, drawn = {0};
    const arc_result *side_of[2] = {a, b};
    arc_verify_rule rule;
    arc_verdict v;
    char path[ARC_DEMO_PATH_BYTES], text[96];
    arc_pair_side side[2];
    arc_status st = arc_verify_rule_of(r->model, &rule, err);
    arc_verify_embeddings(&rule, a->face[0].embedding, b->face[0].embedding, arc_model_contract(r->model)->dim, &v);
    const char *title = v.same ? "same person" : "different persons";
    for (int k = 0; k < 2 && st == ARC_OK; k++) {
        side[k] = (arc_pair_side){&photo[k], &side_of[k]->face[0].face, &side_of[k]->face[0].crop};
        st = arc_image_load(r->demo.ctx, side_of[k]->path, NULL, &photo[k], NULL, err);
    }
    snprintf(text, sizeof text, "cosine %.3f  (threshold %.3f)", v.cosine, v.threshold);
    arc_demo_join(path, r->demo.opt.out, file);
    if (st == ARC_OK)
        st = save_and_free(r, arc_draw_pair(r->demo.ctx, side, title, text, v.same, &drawn, err), &drawn, path, err);
    if (st == ARC_OK)
        arc_demo_say(&r->demo, "           %s, %s\n           %s\n", title, text, path);
    for (int k = 0; k < 2; k++)
        arc_image_free(r->demo.ctx, &photo[k]);
    return st;
}

static arc_status embed_and_verify(real *r, arc_error *err) {
    char folder[ARC_DEMO_PATH_BYTES], path[PHOTOS][ARC_DEMO_PATH_BYTES];
    const char *paths[PHOTOS];
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options opt;
    arc_result result[PHOTOS] = {0};
    arc_demo_join(folder, r->demo.opt.data, "photos/pairs");
    for (int i = 0; i < PHOTOS; i++)
        paths[i] = arc_demo_join(path[i], folder, names[i]);
    arc_pipeline_options_default(&opt);
    opt.keep_crops = true;
    arc_status st = arc_pipeline_new(r->demo.ctx, r->detector, r->model, &opt, &pipeline, err);
    if (st == ARC_OK)
        st = embed(r, pipeline, paths, result, err);
    if (st == ARC_OK) {
        arc_demo_say(&r->demo, "11. verify\n");
        st = verify(r, &result[0], &result[1], "11-verify-same.jpg", err);
    }
    if (st == ARC_OK)
        st = verify(r, &result[0], &result[2], "11-verify-different.jpg", err);
    for (int i = 0; i < PHOTOS; i++)
        arc_result_free(r->demo.ctx, &result[i]);
    arc_pipeline_free(&pipeline);
    return st;
}

/* ---- 12. LFW --------------------------------------------------------------------------------------------------------------- */

static arc_status evaluate(real *r, arc_error *err) {
    char images[ARC_DEMO_PATH_BYTES], pairs[ARC_DEMO_PATH_BYTES];
    const bool full = r->demo.opt.full;
    arc_evaluate_options opt;
    arc_evaluation *e = NULL;
    arc_evaluate_options_default(&opt);
    opt.strict = true;
    opt.checks = false;
    opt.bootstrap = 0;
    if (!full) { /* two of the official folds, still 600 pairs each */
        opt.max_pairs = 1200;
        opt.folds = 2;
    }
    opt.progress = arc_demo_progress;
    opt.progress_ctx = &r->demo;
    r->demo.stage = "embedding";
    arc_demo_say(&r->demo, "12. LFW    %s\n",
                 full ? "all 6000 pairs" : "the first 2 of 10 folds, 1200 of 6000 pairs (--full takes all)");
    const double start = arc_demo_seconds();
    arc_demo_join(images, r->demo.opt.data, "lfw/pairs-aligned-112");
    arc_demo_join(pairs, r->demo.opt.data, "lfw/pairs.txt");
    const arc_status st = arc_evaluate_pairs(r->demo.ctx, r->model, images, pairs, &opt, &e, err);
    if (st != ARC_OK)
        return st;
    const arc_verification *v = &e->verification;
    arc_demo_say(&r->demo, "           accuracy %.3f %% +- %.3f, TAR %.2f %% at FAR %g, AUC %.5f, in %.0f s\n", 100 * v->accuracy,
                 100 * v->accuracy_std, 100 * v->tar, v->far_target, v->auc, arc_demo_seconds() - start);
    arc_evaluation_free(r->demo.ctx, &e);
    return ARC_OK;
}

arc_status arc_demo_real(arc_context *ctx, const arc_demo_options *opt, arc_error *err) {
    char path[ARC_DEMO_PATH_BYTES];
    real r = {.model = NULL};
    arc_status st = arc_demo_begin(&r.demo, ctx, opt, err);
    if (st == ARC_OK && !opt->data)
        st = arc_fail(err, ARC_EINVAL, "the demo on real photos needs a folder of models and photos");
    if (st == ARC_OK)
        st = arc_model_load(ctx, arc_demo_join(path, opt->data, DETECTOR), ARC_TASK_DETECT, NULL, &r.detector, err);
    if (st == ARC_OK)
        st = arc_model_load(ctx, arc_demo_join(path, opt->data, RECOGNISER), ARC_TASK_EMBED, NULL, &r.model, err);
    if (st == ARC_OK) {
        arc_demo_say(&r.demo, "\nThe same job with real models on real photos, from %s\n", opt->data);
        st = detect_and_align(&r, err);
    }
    if (st == ARC_OK)
        st = embed_and_verify(&r, err);
    if (st == ARC_OK)
        st = evaluate(&r, err);
    arc_model_free(&r.detector);
    arc_model_free(&r.model);
    return st;
}
