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
    PAIRS_PER_PERSON = VIEWS * (VIEWS - 1) / 2,
    PAIRS = 2 * PEOPLE * PAIRS_PER_PERSON
};

typedef struct drawn {
    arc_image photo[PHOTOS], crop[PHOTOS];
    arc_face face[PHOTOS];
    float *embedding; /* [PHOTOS][dim] */
    int dim;
} drawn;

/* A hash of (seed, k) in 0..1: the same pictures on every machine. */
static float chance(uint32_t seed, uint32_t k) {
    uint32_t x = seed * 0x9e3779b9u ^ (k + 1) * 0x85ebca6bu;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return (float)(x >> 8) / 16777216.0f;
}

static uint32_t colour(float r, float g, float b) {
    return (uint32_t)(r * 255) << 16 | (uint32_t)(g * 255) << 8 | (uint32_t)(b * 255);
}

/* Places a point of the face (units of the head's radius, y down) in the picture. */
typedef struct pose {
    float x, y, size, turn;
} pose;
static void place(const pose *p, float u, float v, float *x, float *y) {
    *x = p->x + p->size * (u * cosf(p->turn) - v * sinf(p->turn));
    *y = p->y + p->size * (u * sinf(p->turn) + v * cosf(p->turn));
}

static void dot(arc_image *image, const pose *p, float u, float v, float radius, uint32_t rgb) {
    float x, y;
    place(p, u, v, &x, &y);
    arc_draw_dot(image, x, y, radius * p->size, rgb);
}

/* The person decides colours and proportions, the view decides place, size, turn and light. */
static void draw_person(arc_image *image, arc_face *face, uint32_t person, uint32_t view) {
    uint32_t a = 1000 + person, b = 5000 + person * 64 + view;
    float light = 0.85f + 0.15f * chance(b, 4);
    pose p = {SIDE * (0.45f + 0.1f * chance(b, 0)), SIDE * (0.48f + 0.08f * chance(b, 1)), SIDE * (0.24f + 0.08f * chance(b, 2)),
              0.5f * (chance(b, 3) - 0.5f)};
    float tone = 0.35f + 0.6f * chance(a, 0), eye = 0.30f + 0.12f * chance(a, 1), mouth = 0.22f + 0.16f * chance(a, 2);
    uint32_t skin = colour(light * (0.45f + 0.5f * tone), light * (0.3f + 0.48f * tone), light * (0.22f + 0.4f * tone));
    uint32_t hair = colour(light * 0.8f * chance(a, 3), light * 0.5f * chance(a, 3), light * 0.4f * chance(a, 4));
    uint32_t iris = colour(0.3f * chance(a, 5), 0.5f * chance(a, 6), 0.8f * chance(a, 7));
    uint32_t wall = colour(0.3f + 0.6f * chance(b, 5), 0.3f + 0.6f * chance(b, 6), 0.3f + 0.6f * chance(b, 7));
    arc_draw_dot(image, SIDE / 2.0f, SIDE / 2.0f, SIDE, wall);
    dot(image, &p, 0, -0.25f - 0.1f * chance(a, 8), 1.05f, hair);
    dot(image, &p, 0, 0.05f, 0.92f, skin);
    dot(image, &p, 0, 0.35f + 0.1f * chance(a, 9), 0.7f, skin);
    const float at[5][2] = {{-eye, -0.12f}, {eye, -0.12f}, {0, 0.28f}, {-mouth, 0.62f}, {mouth, 0.62f}};
    for (int k = 0; k < 2; k++) {
        for (int i = -3; i <= 3; i++)
            dot(image, &p, at[k][0] + 0.05f * (float)i, at[k][1] - 0.26f - 0.02f * (float)(3 - abs(i)),
                0.035f + 0.03f * chance(a, 10), hair);
        dot(image, &p, at[k][0], at[k][1], 0.15f, 0xf8f8f8u);
        dot(image, &p, at[k][0], at[k][1], 0.08f, iris);
        dot(image, &p, at[k][0], at[k][1], 0.04f, 0x101010u);
    }
    dot(image, &p, at[2][0], at[2][1], 0.10f + 0.06f * chance(a, 11),
        colour(light * 0.8f * tone, light * 0.5f * tone, light * 0.4f * tone));
    for (int i = -10; i <= 10; i++)
        dot(image, &p, mouth * (float)i / 10, 0.62f + 0.06f * (1 - (float)(i * i) / 100), 0.05f,
            colour(0.7f * light, 0.2f, 0.25f));
    for (int k = 0; k < 5; k++)
        place(&p, at[k][0], at[k][1], &face->landmark_px[k][0], &face->landmark_px[k][1]);
    face->x1_px = p.x - 0.95f * p.size;
    face->x2_px = p.x + 0.95f * p.size;
    face->y1_px = p.y - 1.1f * p.size;
    face->y2_px = p.y + 1.1f * p.size;
    face->score = 1;
}

static arc_status draw_and_align(cli *c, drawn *d, double *worst_residual, arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; i < PHOTOS && st == ARC_OK; i++) {
        double matrix[2][3], residual = 0;
        st = arc_image_new(c->ctx, SIDE, SIDE, &d->photo[i], err);
        if (st == ARC_OK) {
            draw_person(&d->photo[i], &d->face[i], (uint32_t)(i / VIEWS), (uint32_t)(i % VIEWS));
            st = arc_image_new(c->ctx, 112, 112, &d->crop[i], err);
        }
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
