/* The demo of a fresh machine: an untrained r18, pictures that the command draws itself with known landmarks, and the whole path from there: align,
 * embed, verify, protocol. What the numbers can and cannot say is printed with them. */
#include "cli.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PEOPLE = 8,
    VIEWS = 4,
    PHOTOS = PEOPLE * VIEWS,
    SIDE = 320,
    SEED = 1,
    PAIRS_PER_PERSON = VIEWS * (VIEWS - 1) / 2,
    PAIRS = 2 * PEOPLE * PAIRS_PER_PERSON
};

#define NUISANCE 0.6f /* untrained weights see little more than colours */

typedef struct drawn {
    arc_image photo[PHOTOS], crop[PHOTOS];
    arc_face face[PHOTOS];
    float *embedding; /* [PHOTOS][dim] */
    int dim;
} drawn;

static arc_status draw_and_align(cli *c, drawn *d, double *worst_residual, arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; i < PHOTOS && st == ARC_OK; i++) {
        double matrix[2][3], residual = 0;
        st = arc_synth_photo(c->ctx, SEED, i / VIEWS, i % VIEWS, NUISANCE, SIDE, &d->photo[i], &d->face[i], err);
        if (st == ARC_OK)
            st = arc_image_new(c->ctx, 112, 112, &d->crop[i], err);
        if (st == ARC_OK)
            st = arc_align_estimate((const float(*)[2])d->face[i].landmark_px, ARC_TEMPLATE_112, matrix, &residual, err);
        if (st == ARC_OK)
            st = arc_align_warp(&d->photo[i], (const double(*)[3])matrix, ARC_WARP_EXACT, &d->crop[i], err);
        *worst_residual = fmax(*worst_residual, residual);
    }
    return st;
}

/* All crops in one picture, a row for each person. */
static arc_status save_sheet(cli *c, const drawn *d, const char *path, arc_error *err) {
    arc_image sheet = {0};
    arc_status st = arc_image_new(c->ctx, VIEWS * 2 * 116, PEOPLE / 2 * 116, &sheet, err);
    for (int i = 0; i < PHOTOS && st == ARC_OK; i++) {
        int person = i / VIEWS, column = person % 2 * VIEWS + i % VIEWS;
        arc_draw_image(&sheet, 2 + column * 116, 2 + person / 2 * 116, 112, 112, &d->crop[i]);
    }
    if (st == ARC_OK)
        st = arc_image_save(c->ctx, &sheet, path, err);
    arc_image_free(c->ctx, &sheet);
    return st;
}

static int verify(cli *c, const drawn *d, int a, int b, const char *out_dir, const char *file) {
    char path[CLI_PATH_BYTES], text[64];
    double cosine =
        arc_embedding_cosine(d->embedding + (size_t)a * (size_t)d->dim, d->embedding + (size_t)b * (size_t)d->dim, d->dim);
    bool same = a / VIEWS == b / VIEWS;
    const cli_side side[2] = {{&d->photo[a], &d->face[a], &d->crop[a]}, {&d->photo[b], &d->face[b], &d->crop[b]}};
    snprintf(path, sizeof path, "%s/%s", out_dir, file);
    snprintf(text, sizeof text, "cosine %.3f (untrained network)", cosine);
    int code = cli_draw_pair(c, side, same ? "one drawn person" : "two drawn persons", text, same, path);
    if (code == CLI_OK)
        printf("            %s: %s\n            %s\n", same ? "one person" : "two persons", text, path);
    return code;
}

/* Every pair of views of one person, each followed by a pair of two persons, so that all folds hold both kinds. */
static int evaluate(cli *c, const drawn *d) {
    float *rows = cli_new((size_t)2 * PAIRS * (size_t)d->dim, sizeof(float));
    uint8_t same[PAIRS];
    arc_verification v;
    arc_error err = {0};
    int n = 0;
    for (int person = 0; person < PEOPLE; person++)
        for (int i = 0; i < VIEWS; i++)
            for (int j = i + 1; j < VIEWS; j++)
                for (int other = 0; other < 2; other++, n++) {
                    int to = other ? (person + 1 + (i + j) % (PEOPLE - 1)) % PEOPLE : person;
                    const int photo[2] = {person * VIEWS + i, to * VIEWS + j};
                    same[n] = !other;
                    for (int k = 0; k < 2; k++)
                        memcpy(rows + (size_t)(2 * n + k) * (size_t)d->dim, d->embedding + (size_t)photo[k] * (size_t)d->dim,
                               (size_t)d->dim * sizeof(float));
                }
    arc_status st = arc_eval_verification(c->ctx, rows, d->dim, same, PAIRS, 10, 0.05, &v, &err);
    cli_free(rows);
    if (st != ARC_OK)
        return cli_fail(&err);
    printf(
        "5. protocol  10 folds over %d made-up pairs: accuracy %.1f %%, AUC %.3f\n"
        "            (these drawings differ in colour, which random weights pass on; on real faces this network is worthless)\n",
        v.pairs, 100 * v.accuracy, v.auc);
    return CLI_OK;
}

static int work(cli *c, drawn *d, arc_embedder *embedder, const char *out_dir) {
    char path[CLI_PATH_BYTES];
    arc_error err = {0};
    double residual = 0;
    snprintf(path, sizeof path, "%s/2-align.png", out_dir);
    arc_status st = draw_and_align(c, d, &residual, &err);
    if (st == ARC_OK)
        st = save_sheet(c, d, path, &err);
    if (st != ARC_OK)
        return cli_fail(&err);
    printf("1. draw     %d pictures of %d persons, landmarks known (detection needs a trained detector)\n", PHOTOS, PEOPLE);
    printf("2. align    to 112x112, residual at most %.1f px\n            %s\n", residual, path);
    fflush(stdout);
    double start = cli_seconds();
    if (arc_embed_crops(embedder, d->crop, PHOTOS, true, d->embedding, &err) != ARC_OK)
        return cli_fail(&err);
    printf("3. embed    %d crops and their mirror images in %.1f s\n4. verify\n", PHOTOS, cli_seconds() - start);
    int code = verify(c, d, 0, 1, out_dir, "4-verify-same.jpg");
    if (code == CLI_OK)
        code = verify(c, d, 0, VIEWS, out_dir, "4-verify-different.jpg");
    return code == CLI_OK ? evaluate(c, d) : code;
}

int cli_demo_drawn(cli *c, const char *out_dir) {
    arc_model *model = NULL;
    arc_embedder *embedder = NULL;
    arc_error err = {0};
    drawn *d = cli_new(1, sizeof *d);
    printf("arcface %s on %d threads (%s)\n", arc_version(), arc_context_threads(c->ctx), arc_context_isa(c->ctx));
    printf("No real models here: this demo uses drawn faces and an r18 with UNTRAINED weights, so its scores mean nothing about "
           "people.\n\n");
    arc_status st = arc_model_new(c->ctx, "r18", 512, 1, &model, &err);
    if (st == ARC_OK)
        st = arc_embedder_new(c->ctx, model, &embedder, &err);
    int code = st == ARC_OK ? CLI_OK : cli_fail(&err);
    if (code == CLI_OK) {
        d->dim = arc_embedder_dim(embedder);
        d->embedding = cli_new((size_t)PHOTOS * (size_t)d->dim, sizeof(float));
        code = work(c, d, embedder, out_dir);
    }
    if (code == CLI_OK)
        printf(
            "\nReal ones: \"arcface pull buffalo_s\" fetches a detector and a recogniser (it shows the licence and asks); then\n"
            "\"arcface verify a.jpg b.jpg\". Or name your own files with --model and --detector.\n");
    for (int i = 0; i < PHOTOS; i++) {
        arc_image_free(c->ctx, &d->photo[i]);
        arc_image_free(c->ctx, &d->crop[i]);
    }
    cli_free(d->embedding);
    cli_free(d);
    arc_embedder_free(&embedder);
    arc_model_free(&model);
    return code;
}
