/* audit: checks whether pictures reach the model as it was trained. Red and blue exchanged, or crops cut differently, reduce
 * accuracy without any error. A sample of pairs is embedded again with each of these changes; if a change improves the result,
 * the input had that mistake. */
#include "eval/audit/checks.h"
#include <math.h>
#include <string.h>

#define SAMPLE 50 /* pairs of each kind */
/* With correct input every change makes the result worse. A change counts as an improvement if the separation grows by GAIN,
 * or by LEAST_GAIN if also the genuine cosines rise pair by pair: Student's t of their differences is 8 to 12 for exchanged
 * colours, far below 0 for correct ones. */
#define GAIN 1.15
#define LEAST_GAIN 1.05
#define SURE_T 6.0

typedef enum variant { AS_GIVEN, SWAPPED, CLOSER, WIDER, HIGHER, LOWER, LEFT, RIGHT, VARIANTS } variant;

static const char *const advice[VARIANTS] = {
    "",
    "with red and blue exchanged the pairs separate better: the model wants the other colour order (--color), or the pictures "
    "were stored swapped",
    "cut 15 % closer the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
    "cut 15 % wider the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
    "cut 8 % higher the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
    "cut 8 % lower the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
    "cut 8 % further left the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
    "cut 8 % further right the pairs separate better: these are not crops of the model's template; align them from the photos "
    "(--detector)",
};

typedef struct varied {
    const arc_eval_set *inner;
    const int64_t *image; /* [count] */
    variant how;
} varied;

/* Cuts a part out of the picture and scales it to the picture's size. zoom is about the centre, shifts are in heights and
 * widths; black outside. */
static arc_status recut(arc_context *ctx, arc_image *image, double zoom, double shift, double sideways, arc_error *err) {
    arc_image out;
    arc_status st = arc_image_new(ctx, image->width_px, image->height_px, &out, err);
    if (st != ARC_OK)
        return st;
    const int w = (int)lrint(image->width_px * zoom), h = (int)lrint(image->height_px * zoom);
    arc_draw_image(&out, (image->width_px - w) / 2 + (int)lrint(sideways * image->width_px),
                   (image->height_px - h) / 2 + (int)lrint(shift * image->height_px), w, h, image);
    out.format = image->format;
    arc_image_free(ctx, image);
    *image = out;
    return ARC_OK;
}

static arc_status vary(arc_context *ctx, variant how, arc_image *image, arc_error *err) {
    switch (how) {
    case SWAPPED:
        image->format = image->format == ARC_BGR8 ? ARC_RGB8 : ARC_BGR8;
        return ARC_OK;
    case CLOSER:
    case WIDER:
        return recut(ctx, image, how == CLOSER ? 1.15 : 1 / 1.15, 0, 0, err);
    case HIGHER:
    case LOWER:
        return recut(ctx, image, 1, how == HIGHER ? 0.08 : -0.08, 0, err);
    case LEFT:
    case RIGHT:
        return recut(ctx, image, 1, 0, how == LEFT ? 0.08 : -0.08, err);
    case AS_GIVEN:
    default:
        return ARC_OK;
    }
}

static arc_status open_varied(arc_context *ctx, const void *source, int64_t index, arc_eval_photo *out, arc_error *err) {
    const varied *v = source;
    arc_status st = v->inner->open(ctx, v->inner->source, v->image[index], out, err);
    if (st == ARC_OK)
        st = arc_photo_load(ctx, &out->photo, NULL, &out->image, NULL, err);
    if (st == ARC_OK)
        st = vary(ctx, v->how, &out->image, err);
    arc_photo known = out->photo;
    out->photo = arc_photo_from_image(&out->image, known.name);
    out->photo.has_landmarks = known.has_landmarks;
    out->photo.has_box = known.has_box;
    memcpy(out->photo.landmark_px, known.landmark_px, sizeof known.landmark_px);
    memcpy(out->photo.box_px, known.box_px, sizeof known.box_px);
    return st;
}

static void name_varied(const void *source, int64_t index, char *out, size_t bytes) {
    const varied *v = source;
    v->inner->name(v->inner->source, v->image[index], out, bytes);
}

typedef struct sample {
    int pairs;
    int pair[2 * SAMPLE];      /* indices of pairs of the set */
    int64_t image[4 * SAMPLE]; /* two of each pair */
} sample;

/* Chooses pairs spread evenly over the set, half of them genuine; rejected pairs are not chosen. */
static void choose(sample *s, const arc_pair_set *p, const arc_evaluation *e) {
    for (int kind = 0; kind < 2; kind++) {
        int64_t total = 0, seen = 0, taken = 0;
        for (int i = 0; i < p->pairs; i++)
            total += (p->same[i] != 0) == kind && e->pair_score[i] > -1;
        const int64_t want = ARC_MIN((int64_t)SAMPLE, total);
        for (int i = 0; i < p->pairs && taken < want; i++) {
            if ((p->same[i] != 0) != kind || !(e->pair_score[i] > -1))
                continue;
            if (seen++ * want / total < taken) /* skipped, so that the chosen pairs are evenly spread */
                continue;
            s->image[2 * s->pairs] = p->image[i][0];
            s->image[2 * s->pairs + 1] = p->image[i][1];
            s->pair[s->pairs++] = i;
            taken++;
        }
    }
}

/* Student's t of the increase of the genuine pairs' cosines over `before`. */
static double t_of_gains(const sample *s, const arc_pair_set *p, const double *before, const double *now) {
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = 0; i < s->pairs; i++)
        if (p->same[s->pair[i]]) {
            sum += now[i] - before[i];
            squares += (now[i] - before[i]) * (now[i] - before[i]);
            n++;
        }
    const double mean = sum / n, variance = ARC_MAX((squares - n * mean * mean) / (n - 1), 1e-12);
    return mean / sqrt(variance / n);
}

/* Difference of the two means in standard deviations. cosine_of: [pairs], the cosines. */
static double separation(const sample *s, const arc_pair_set *p, const arc_rows *rows, double *cosine_of) {
    double sum[2] = {0, 0}, squares[2] = {0, 0}, mean[2], variance[2];
    int n[2] = {0, 0};
    for (int i = 0; i < s->pairs; i++) {
        const float *a = rows->row + (size_t)(2 * i) * (size_t)rows->dim;
        const double cosine = arc_embedding_cosine(a, a + rows->dim, rows->dim);
        const int kind = p->same[s->pair[i]] != 0;
        cosine_of[i] = cosine;
        sum[kind] += cosine;
        squares[kind] += cosine * cosine;
        n[kind]++;
    }
    for (int kind = 0; kind < 2; kind++) {
        mean[kind] = sum[kind] / n[kind];
        variance[kind] = ARC_MAX(squares[kind] / n[kind] - mean[kind] * mean[kind], 1e-9);
    }
    return (mean[1] - mean[0]) / sqrt((variance[0] + variance[1]) / 2);
}

arc_status arc_input_checks(arc_context *ctx, const arc_model *model, const arc_pair_set *p, const arc_evaluate_options *opt,
                            arc_evaluation *e, arc_error *err) {
    sample s = {0};
    double given = 0, best = 0, before[2 * SAMPLE], now[2 * SAMPLE];
    variant winner = AS_GIVEN;
    choose(&s, p, e);
    if (s.pairs < 2 * SAMPLE) /* too few for a conclusion */
        return ARC_OK;
    arc_evaluate_options plain = *opt;
    plain.flip = false;
    plain.progress = NULL;
    const variant last = opt->detector || p->set->knows_landmarks ? CLOSER : VARIANTS; /* photos are aligned here */
    for (variant how = AS_GIVEN; how < last; how++) {
        varied v = {p->set, s.image, how};
        const arc_eval_set set = {.images = 2 * (int64_t)s.pairs,
                                  .open = open_varied,
                                  .name = name_varied,
                                  .knows_landmarks = p->set->knows_landmarks,
                                  .source = &v};
        arc_embed_run run = {.set = &set, .opt = &plain};
        arc_rows rows;
        arc_status st = arc_eval_embed_rows(ctx, model, &run, NULL, &rows, err);
        if (st == ARC_ENOTFOUND && how != AS_GIVEN) /* no face is found with colours exchanged: certainly not better */
            continue;
        if (st != ARC_OK)
            return st;
        const double d = separation(&s, p, &rows, how == AS_GIVEN ? before : now);
        arc_rows_free(ctx, &rows);
        if (how == AS_GIVEN)
            given = best = d;
        else if (d > best && (d > GAIN * given || (d > LEAST_GAIN * given && t_of_gains(&s, p, before, now) > SURE_T))) {
            best = d;
            winner = how;
        }
    }
    return winner == AS_GIVEN ? ARC_OK
                              : arc_evaluation_note(e, err, "%s (separation %.2f instead of %.2f on %d pairs)", advice[winner],
                                                    best, given, s.pairs);
}
