/* The demo that needs nothing: people are drawn, a small network learns to tell them apart, and is then asked about people that
 * it has never seen.
 * Draw, train, evaluate, export, verify, identify, and one page with all of it. */
#include "demo/demo.h"
#include <arcface/arcface.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEED = 1, SIDE = 320, SHEET_PEOPLE = 10, SHEET_VIEWS = 8, MAX_POINTS = 100000 };

/* How much is drawn and learnt. */
typedef struct size {
    const char *epochs;
    int64_t identities, pairs;
    int images;
} size;
static const size whole = {"4", 500, 3000, 20}, quick = {"1", 40, 200, 8};

typedef struct trained {
    arc_demo demo;
    size size;
    char data[ARC_DEMO_PATH_BYTES], run[ARC_DEMO_PATH_BYTES], pairs[ARC_DEMO_PATH_BYTES], model_path[ARC_DEMO_PATH_BYTES],
        page_path[ARC_DEMO_PATH_BYTES];
    double *step, *loss, *cosine; /* [points] of the training */
    size_t points;
    double started;
    arc_train_result result;
    arc_model *model;
    arc_evaluation *evaluation;
    arc_image sheet, verdict[2], gallery;
    char verdict_text[2][128], gallery_text[256];
} trained;

/* ---- 1. draw ---- */

static arc_status draw_sheet(trained *t, arc_error *err) {
    arc_status st = arc_image_new(t->demo.ctx, SHEET_VIEWS * 114, SHEET_PEOPLE * 114, &t->sheet, err);
    for (int i = 0; st == ARC_OK && i < SHEET_PEOPLE * SHEET_VIEWS; i++) {
        arc_image face = {0};
        st = arc_drawn_face(t->demo.ctx, SEED, i / SHEET_VIEWS, i % SHEET_VIEWS, 1, 112, &face, NULL, err);
        if (st == ARC_OK)
            arc_draw_image(&t->sheet, i % SHEET_VIEWS * 114 + 1, i / SHEET_VIEWS * 114 + 1, 112, 112, &face);
        arc_image_free(t->demo.ctx, &face);
    }
    return st;
}

static arc_status draw(trained *t, arc_error *err) {
    arc_drawn_options opt;
    char path[ARC_DEMO_PATH_BYTES + 32];
    arc_drawn_options_default(&opt);
    opt.seed = SEED;
    opt.identities = t->size.identities;
    opt.images = t->size.images;
    opt.pairs = t->size.pairs;
    opt.progress = arc_demo_progress;
    opt.progress_ctx = &t->demo;
    const double start = arc_demo_seconds();
    t->demo.stage = "drawing";
    arc_status st = arc_data_drawn(t->demo.ctx, t->data, &opt, err);
    if (st == ARC_OK)
        st = draw_sheet(t, err);
    snprintf(path, sizeof path, "%s/1-people.jpg", t->demo.opt.out);
    if (st == ARC_OK)
        st = arc_image_save(t->demo.ctx, &t->sheet, path, err);
    if (st == ARC_OK)
        arc_demo_say(&t->demo,
                     "1. draw      %lld people, %d pictures of each, and %lld pairs of other people: %.1f s\n             %s\n",
                     (long long)t->size.identities, t->size.images, (long long)t->size.pairs, arc_demo_seconds() - start, path);
    return st;
}

/* ---- 2. train ---- */

static int after_step(void *ctx, const arc_train_progress *p) {
    trained *t = ctx;
    if (t->points < MAX_POINTS && !p->skipped) {
        t->step[t->points] = (double)p->step;
        t->loss[t->points] = p->loss;
        t->cosine[t->points++] = p->cosine;
    }
    return arc_demo_progress(&t->demo, p->step, p->steps);
}

static arc_status configure(const trained *t, arc_recipe *recipe, arc_error *err) {
    arc_status st = arc_recipe_load(recipe, "tiny-synth", err);
    if (st == ARC_OK)
        st = arc_recipe_set(recipe, "epochs", t->size.epochs, err);
    if (st == ARC_OK && t->size.identities < whole.identities)
        st = arc_recipe_set(recipe, "batch", "32", err);
    return st;
}

static arc_status train(trained *t, arc_error *err) {
    arc_recipe *recipe = NULL;
    arc_train_options opt;
    arc_train_options_default(&opt);
    opt.data = t->data;
    opt.run = t->run;
    opt.progress = after_step;
    opt.ctx = t;
    const double start = arc_demo_seconds();
    arc_status st = arc_recipe_new(t->demo.ctx, &recipe, err);
    if (st == ARC_OK)
        st = configure(t, recipe, err);
    t->demo.stage = "training";
    if (st == ARC_OK)
        st = arc_train(t->demo.ctx, recipe, &opt, &t->result, err);
    if (st == ARC_OK)
        arc_demo_say(&t->demo,
                     "2. train     recipe tiny-synth, ArcFace loss %.2f to %.2f in %lld steps: %.0f s\n             %s\n",
                     t->points ? t->loss[0] : 0, t->result.loss, (long long)t->result.steps, arc_demo_seconds() - start, t->run);
    arc_recipe_free(&recipe);
    return st;
}

/* ---- 3. evaluate, 4. export ---- */

static arc_status evaluate(trained *t, arc_error *err) {
    arc_evaluate_options opt;
    const double start = arc_demo_seconds();
    arc_evaluate_options_default(&opt);
    opt.progress = arc_demo_progress;
    opt.progress_ctx = &t->demo;
    arc_status st = arc_model_load(t->demo.ctx, t->result.model, ARC_TASK_EMBED, NULL, &t->model, err);
    t->demo.stage = "embedding";
    if (st == ARC_OK)
        st = arc_evaluate_bin(t->demo.ctx, t->model, t->pairs, &opt, &t->evaluation, err);
    if (st != ARC_OK)
        return st;
    const arc_verification *v = &t->evaluation->verification;
    arc_demo_say(&t->demo,
                 "3. evaluate  people that it has never seen, %d pairs in 10 folds: accuracy %.2f %% +- %.2f, AUC %.4f: %.0f s\n",
                 v->pairs, 100 * v->accuracy, 100 * v->accuracy_std, v->auc, arc_demo_seconds() - start);
    /* what a cosine means on these pictures, for galleries of ten people too: stored in the model */
    arc_calibration calibration;
    st = arc_calibrate(t->evaluation, 0.01, 10, 0.05, &calibration, err);
    if (st == ARC_OK)
        st = arc_model_calibrate(t->model, &calibration, err);
    if (st == ARC_OK)
        st = arc_model_save(t->demo.ctx, t->model, t->model_path, err);
    if (st == ARC_OK)
        arc_demo_say(&t->demo, "4. export    plain ONNX, pixels in and embedding out, with its self-test\n             %s\n",
                     t->model_path);
    return st;
}

/* ---- 5. verify ---- */

typedef struct seen {
    arc_image photo, crop;
    arc_face face;
} seen;

static void forget(trained *t, seen *s) {
    arc_image_free(t->demo.ctx, &s->photo);
    arc_image_free(t->demo.ctx, &s->crop);
}

/* A drawn photograph with its landmarks, turned to the template: what a detector and alignment do with a real one. */
static arc_status look_at(trained *t, int64_t identity, int64_t image, seen *s, arc_error *err) {
    arc_status st = arc_drawn_photo(t->demo.ctx, SEED, identity, image, 1, SIDE, &s->photo, &s->face, err);
    if (st == ARC_OK)
        st = arc_align_face(t->demo.ctx, &s->photo, (const float(*)[2])s->face.landmark_px, ARC_TEMPLATE_112, ARC_WARP_EXACT,
                            &s->crop, NULL, err);
    return st;
}

static arc_status verify(trained *t, arc_embedder *embedder, int which, int64_t other, arc_error *err) {
    const int64_t someone = t->size.identities + 10000; /* neither drawn for training nor for the pairs */
    char path[ARC_DEMO_PATH_BYTES + 32], *text = t->verdict_text[which];
    seen s[2] = {{.photo = {0}}, {.photo = {0}}};
    const int dim = arc_embedder_dim(embedder);
    float *row = arc_mem_new(&t->demo.ctx->alloc, (size_t)2 * (size_t)dim, sizeof *row);
    arc_status st = row ? look_at(t, someone, 0, &s[0], err) : arc_fail_nomem(err, "two embeddings");
    if (st == ARC_OK)
        st = look_at(t, someone + other, 1, &s[1], err);
    if (st == ARC_OK)
        st = arc_embed_crops(embedder, (const arc_image[]){s[0].crop, s[1].crop}, 2, true, row, err);
    if (st == ARC_OK) {
        const arc_verify_rule rule = {.threshold = t->evaluation->verification.best_threshold_cosine};
        arc_verdict v;
        arc_verify_embeddings(&rule, row, row + dim, dim, &v);
        const char *title = v.same ? "same person" : "different persons";
        const arc_pair_side side[2] = {{&s[0].photo, &s[0].face, &s[0].crop}, {&s[1].photo, &s[1].face, &s[1].crop}};
        snprintf(path, sizeof path, "%s/5-verify-%s.jpg", t->demo.opt.out, other ? "two" : "one");
        snprintf(text, sizeof t->verdict_text[which], "%s: cosine %.3f, threshold %.3f: %s", other ? "two people" : "one person",
                 v.cosine, v.threshold, title);
        st = arc_draw_pair(t->demo.ctx, side, title, text, v.same, &t->verdict[which], err);
    }
    if (st == ARC_OK)
        st = arc_image_save(t->demo.ctx, &t->verdict[which], path, err);
    if (st == ARC_OK)
        arc_demo_say(&t->demo, "             %s\n             %s\n", text, path);
    arc_mem_free(&t->demo.ctx->alloc, row);
    forget(t, &s[0]);
    forget(t, &s[1]);
    return st;
}

static arc_status verify_two(trained *t, arc_error *err) {
    arc_embedder *embedder = NULL;
    arc_status st = arc_embedder_new(t->demo.ctx, t->model, &embedder, err);
    if (st == ARC_OK)
        arc_demo_say(&t->demo, "5. verify    photographs of people that nobody has seen\n");
    for (int i = 0; st == ARC_OK && i < 2; i++)
        st = verify(t, embedder, i, i, err);
    arc_embedder_free(&embedder);
    return st;
}

/* ---- 6. gallery ---- */

static arc_status gallery(trained *t, arc_error *err) {
    const arc_demo_people who = {.model = t->model_path, .folder = t->run, .seed = SEED, .first = t->size.identities + 20000};
    return arc_demo_gallery(&t->demo, &who, &t->gallery, t->gallery_text, err);
}

/* ---- 7. the page ---- */

static void put_curves(trained *t, arc_page *page) {
    const arc_plot_series loss = {NULL, ARC_PLOT_LINE, t->step, t->loss, t->points, ARC_PLOT_AUTO, 0, false};
    const arc_plot_series cosine = {NULL, ARC_PLOT_LINE, t->step, t->cosine, t->points, 0x009e73, 0, false};
    const arc_plot plot[] = {
        {.title = "Loss", .x = {.label = "step"}, .y = {.label = "ArcFace loss"}, .series = &loss, .series_count = 1},
        {.title = "Cosine to the own class",
         .x = {.label = "step"},
         .y = {.label = "mean over the batch"},
         .series = &cosine,
         .series_count = 1}};
    arc_page_heading(page, "Training");
    arc_page_plots(page, plot, (int)ARC_COUNT(plot));
}

static arc_status put_page(trained *t, arc_error *err) {
    arc_page *page = NULL;
    char subtitle[512];
    const char *names[] = {"tiny network"}, *verdicts[] = {t->verdict_text[0], t->verdict_text[1]},
               *answers[] = {t->gallery_text};
    const arc_evaluation *evaluation = t->evaluation;
    snprintf(subtitle, sizeof subtitle,
             "arcface %s, %s, %d threads: %lld drawn people, %lld steps of ArcFace training, then people that the network has "
             "never seen. "
             "Drawn faces show that training works; they say nothing about real ones.",
             arc_version(), arc_context_isa(t->demo.ctx), arc_context_threads(t->demo.ctx), (long long)t->size.identities,
             (long long)t->result.steps);
    arc_status st = arc_page_new(t->demo.ctx, "From nothing to a face recogniser", subtitle, &page, err);
    if (st != ARC_OK)
        return st;
    put_curves(t, page);
    arc_page_heading(page, "Two photographs");
    arc_page_images(page, t->verdict, verdicts, 2, 540);
    arc_page_heading(page, "A gallery of ten people");
    arc_page_images(page, &t->gallery, answers, 1, 800);
    arc_page_heading(page, "Some of the people, a row each");
    arc_page_images(page, &t->sheet, NULL, 1, SHEET_VIEWS * 114);
    arc_page_heading(page, "Evaluation on unseen people");
    st = arc_evaluation_onto_page(t->demo.ctx, &evaluation, names, 1, page, err);
    if (st == ARC_OK)
        st = arc_page_save(page, t->page_path, err);
    arc_page_free(&page);
    if (st == ARC_OK)
        arc_demo_say(&t->demo, "7. report    %s\n             %.0f s in all\n", t->page_path, arc_demo_seconds() - t->started);
    return st;
}

static arc_status work(trained *t, arc_error *err) {
    arc_status st = draw(t, err);
    if (st == ARC_OK)
        st = train(t, err);
    if (st == ARC_OK)
        st = evaluate(t, err);
    if (st == ARC_OK)
        st = verify_two(t, err);
    if (st == ARC_OK)
        st = gallery(t, err);
    return st == ARC_OK ? put_page(t, err) : st;
}

/* A folder that no earlier demo trained in: "run", "run-2" and so on. */
static void choose_run(trained *t) {
    const size_t bytes = sizeof t->run;
    snprintf(t->run, bytes, "%s/run", t->demo.opt.out);
    for (int i = 2; i < 1000 && arc_path_kind_of(t->run) != ARC_PATH_NONE; i++)
        snprintf(t->run, bytes, "%s/run-%d", t->demo.opt.out, i);
}

static void free_trained(trained *t) {
    arc_context *ctx = t->demo.ctx;
    arc_evaluation_free(ctx, &t->evaluation);
    arc_model_free(&t->model);
    arc_image_free(ctx, &t->sheet);
    arc_image_free(ctx, &t->gallery);
    arc_image_free(ctx, &t->verdict[0]);
    arc_image_free(ctx, &t->verdict[1]);
    arc_mem_free(&ctx->alloc, t->step);
    arc_mem_free(&ctx->alloc, t->loss);
    arc_mem_free(&ctx->alloc, t->cosine);
    arc_mem_free(&ctx->alloc, t);
}

arc_status arc_demo_drawn(arc_context *ctx, const arc_demo_options *opt, arc_error *err) {
    arc_demo demo;
    arc_status st = arc_demo_begin(&demo, ctx, opt, err);
    if (st != ARC_OK)
        return st;
    trained *t = arc_mem_new(&ctx->alloc, 1, sizeof *t);
    if (!t)
        return arc_fail_nomem(err, "the demo");
    const char *out = opt->out;
    *t = (trained){.demo = demo, .size = opt->quick ? quick : whole, .started = arc_demo_seconds()};
    arc_demo_join(t->data, out, "synth");
    choose_run(t);
    arc_demo_join(t->pairs, out, "synth/verification.bin");
    arc_demo_join(t->model_path, out, "4-tiny.onnx");
    arc_demo_join(t->page_path, out, "report.html");
    t->step = arc_mem_new(&ctx->alloc, MAX_POINTS, sizeof(double));
    t->loss = arc_mem_new(&ctx->alloc, MAX_POINTS, sizeof(double));
    t->cosine = arc_mem_new(&ctx->alloc, MAX_POINTS, sizeof(double));
    if (t->step && t->loss && t->cosine) {
        arc_demo_say(&t->demo, "arcface %s on %d threads (%s): a face recogniser from nothing, on drawn people\n\n",
                     arc_version(), arc_context_threads(ctx), arc_context_isa(ctx));
        st = work(t, err);
    } else {
        st = arc_fail_nomem(err, "the curves of the training");
    }
    free_trained(t);
    return st;
}
