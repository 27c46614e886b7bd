/* arcface gallery stats: how many pictures people have and how good they are, who looks like whom, and which pictures are unlike
 * their person's others. */
#include "gallery/open.h"
#include <arcface/face.h>
#include <arcface/gallery_search.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS = 16, MANY = 256 }; /* most people beside oneself that a template is compared with; templates of a search */

typedef struct person {
    int64_t id;
    char *name;
} person;

/* Two people, or a person's picture (second -1) and its highest cosine with the others. */
typedef struct finding {
    int64_t first, second; /* places in the list of people */
    int64_t template_id;
    double cosine;
} finding;

typedef struct findings {
    finding *at;
    int64_t count, capacity;
} findings;

typedef struct survey {
    cli *c;
    arc_gallery *gallery;
    double threshold;
    int dim;
    person *who; /* [people] by rising id */
    int64_t people, room;
    float *row; /* [rows][dim] of one person */
    int64_t *template_id;
    int64_t rows, row_room;
    float *quality; /* [templates] */
    int64_t templates, quality_room, fewest, most, none;
    findings alike, unlike;
} survey;

/* ---- gathering ---- */

static int gather_person(void *arg, const arc_identity *i) {
    survey *s = arg;
    if (s->people == s->room)
        s->who = cli_grow(s->who, (size_t)(s->room = 2 * s->room + 256), sizeof *s->who);
    const size_t bytes = strlen(i->name) + 1;
    s->who[s->people] = (person){i->id, memcpy(cli_new(bytes, 1), i->name, bytes)};
    s->people++;
    s->none += i->templates == 0;
    return 0;
}

static int gather_template(void *arg, const arc_template_record *r) {
    survey *s = arg;
    if (s->rows == s->row_room) {
        s->row_room = 2 * s->row_room + 64;
        s->row = cli_grow(s->row, (size_t)(s->row_room * s->dim), sizeof *s->row);
        s->template_id = cli_grow(s->template_id, (size_t)s->row_room, sizeof *s->template_id);
    }
    memcpy(s->row + s->rows * s->dim, r->embedding, (size_t)s->dim * sizeof *s->row);
    s->template_id[s->rows++] = r->id;
    if (!isfinite(r->quality))
        return 0;
    if (s->templates == s->quality_room)
        s->quality = cli_grow(s->quality, (size_t)(s->quality_room = 2 * s->quality_room + 256), sizeof *s->quality);
    s->quality[s->templates++] = r->quality;
    return 0;
}

static void find(findings *f, finding found) {
    if (f->count == f->capacity)
        f->at = cli_grow(f->at, (size_t)(f->capacity = 2 * f->capacity + 64), sizeof *f->at);
    f->at[f->count++] = found;
}

static int by_id(const void *a, const void *b) {
    const int64_t x = ((const person *)a)->id, y = ((const person *)b)->id;
    return (x > y) - (x < y);
}

static int by_cosine(const void *a, const void *b) {
    const double x = ((const finding *)a)->cosine, y = ((const finding *)b)->cosine;
    return (x < y) - (x > y);
}

static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* ---- comparing ---- */

/* A pair is found from both sides; the one with the lower place tells it, by its highest cosine. */
static void note_alike(survey *s, int64_t place, const arc_match *m) {
    const person key = {.id = m->identity};
    const person *other = bsearch(&key, s->who, (size_t)s->people, sizeof *s->who, by_id);
    if (!other || other - s->who <= place || !(m->best_cosine >= s->threshold))
        return;
    for (int64_t i = s->alike.count - 1; i >= 0 && s->alike.at[i].first == place; i--)
        if (s->alike.at[i].second == other - s->who) {
            s->alike.at[i].cosine = fmax(s->alike.at[i].cosine, m->best_cosine);
            return;
        }
    find(&s->alike, (finding){place, other - s->who, 0, m->best_cosine});
}

static arc_status compare_with_others(survey *s, int64_t place, arc_error *err) {
    arc_gallery_query query;
    arc_answer answer[MANY];
    arc_gallery_query_default(&query);
    query.top = OTHERS;
    for (int64_t from = 0; from < s->rows; from += MANY) {
        const int count = (int)(s->rows - from < MANY ? s->rows - from : MANY);
        const arc_status st = arc_gallery_identify(s->gallery, s->row + from * s->dim, count, &query, answer, err);
        if (st != ARC_OK)
            return st;
        for (int i = 0; i < count; i++)
            for (int k = 0; k < answer[i].matches; k++)
                note_alike(s, place, &answer[i].match[k]);
        arc_answers_free(s->c->ctx, answer, count);
    }
    return ARC_OK;
}

static void compare_within(survey *s, int64_t place) {
    for (int64_t i = 0; s->rows > 1 && i < s->rows; i++) {
        double best = -1;
        for (int64_t k = 0; k < s->rows; k++)
            if (k != i)
                best = fmax(best, arc_embedding_cosine(s->row + i * s->dim, s->row + k * s->dim, s->dim));
        if (best < s->threshold)
            find(&s->unlike, (finding){place, -1, s->template_id[i], best});
    }
}

static arc_status look(survey *s, arc_error *err) {
    arc_gallery_facts f;
    cli_progress bar;
    arc_status st = arc_gallery_facts_of(s->gallery, &f, err);
    s->dim = f.dim;
    s->threshold = f.threshold;
    cli_float(s->c, "threshold", &s->threshold);
    if (st == ARC_OK)
        st = arc_gallery_list(s->gallery, 0, gather_person, s, err);
    cli_progress_start(&bar, s->c, "comparing");
    for (int64_t i = 0; st == ARC_OK && s->dim > 0 && i < s->people; i++) {
        s->rows = 0;
        st = arc_gallery_templates(s->gallery, s->who[i].id, false, gather_template, s, err);
        s->fewest = i == 0 || s->rows < s->fewest ? s->rows : s->fewest;
        s->most = s->rows > s->most ? s->rows : s->most;
        compare_within(s, i);
        if (st == ARC_OK && s->rows > 0)
            st = compare_with_others(s, i, err);
        cli_progress_tick(&bar, i + 1, s->people);
    }
    cli_progress_end(&bar);
    return st;
}

/* ---- telling ---- */

static double quality_at(const survey *s, double share) {
    return (double)s->quality[(int64_t)(share * (double)(s->templates - 1))];
}

static void put_lines(cli_text *t, const survey *s, int64_t most) {
    cli_printf(t, "people       %lld, with %lld to %lld templates; %lld without any\n", (long long)s->people,
               (long long)s->fewest, (long long)s->most, (long long)s->none);
    if (s->templates > 0)
        cli_printf(t, "quality      %.2f to %.2f, half of the templates below %.2f, a tenth below %.2f\n", quality_at(s, 0),
                   quality_at(s, 1), quality_at(s, 0.5), quality_at(s, 0.1));
    cli_printf(t, "look-alikes  %lld pair%s of people at or above the threshold %.4f%s\n", (long long)s->alike.count,
               s->alike.count == 1 ? "" : "s", s->threshold,
               s->alike.count ? ": one person twice (gallery merge), or two who are taken for each other" : "");
    for (int64_t i = 0; i < s->alike.count && i < most; i++)
        cli_printf(t, "  %.4f  %s - %s\n", s->alike.at[i].cosine, s->who[s->alike.at[i].first].name,
                   s->who[s->alike.at[i].second].name);
    cli_printf(t, "outliers     %lld picture%s unlike all others of the same person%s\n", (long long)s->unlike.count,
               s->unlike.count == 1 ? "" : "s",
               s->unlike.count ? ": somebody else's, or useless (gallery remove --template)" : "");
    for (int64_t i = 0; i < s->unlike.count && i < most; i++) {
        const finding *f = &s->unlike.at[s->unlike.count - 1 - i];
        cli_printf(t, "  %.4f  %s, template %lld\n", f->cosine, s->who[f->first].name, (long long)f->template_id);
    }
}

static void put_json(cli_text *t, const survey *s, int64_t most) {
    cli_printf(t, "{\"people\": %lld, \"fewest_templates\": %lld, \"most_templates\": %lld, \"without_templates\": %lld",
               (long long)s->people, (long long)s->fewest, (long long)s->most, (long long)s->none);
    if (s->templates > 0)
        cli_printf(t, ", \"quality\": {\"lowest\": %.6g, \"tenth\": %.6g, \"median\": %.6g, \"highest\": %.6g}", quality_at(s, 0),
                   quality_at(s, 0.1), quality_at(s, 0.5), quality_at(s, 1));
    cli_printf(t, ", \"threshold\": %.9g, \"look_alikes\": %lld, \"outliers\": %lld, \"alike\": [", s->threshold,
               (long long)s->alike.count, (long long)s->unlike.count);
    for (int64_t i = 0; i < s->alike.count && i < most; i++) {
        cli_printf(t, "%s{\"names\": [", i ? ", " : "");
        gallery_put_json(t, s->who[s->alike.at[i].first].name);
        cli_printf(t, ", ");
        gallery_put_json(t, s->who[s->alike.at[i].second].name);
        cli_printf(t, "], \"cosine\": %.9g}", s->alike.at[i].cosine);
    }
    cli_printf(t, "], \"unlike\": [");
    for (int64_t i = 0; i < s->unlike.count && i < most; i++) {
        const finding *f = &s->unlike.at[s->unlike.count - 1 - i];
        cli_printf(t, "%s{\"name\": ", i ? ", " : "");
        gallery_put_json(t, s->who[f->first].name);
        cli_printf(t, ", \"template\": %lld, \"cosine\": %.9g}", (long long)f->template_id, f->cosine);
    }
    cli_printf(t, "]}\n");
}

static void release(survey *s) {
    for (int64_t i = 0; i < s->people; i++)
        cli_free(s->who[i].name);
    cli_free(s->who);
    cli_free(s->row);
    cli_free(s->template_id);
    cli_free(s->quality);
    cli_free(s->alike.at);
    cli_free(s->unlike.at);
}

static int stats(cli *c) {
    survey s = {.c = c};
    arc_error err = {0};
    cli_text t = {0};
    int64_t most = 20;
    cli_long(c, "most", &most);
    int code = gallery_open(c, GALLERY_READ, NULL, &s.gallery);
    if (code == CLI_OK && look(&s, &err) != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&s.gallery);
    if (s.templates > 0)
        qsort(s.quality, (size_t)s.templates, sizeof *s.quality, by_value);
    if (s.alike.count > 0)
        qsort(s.alike.at, (size_t)s.alike.count, sizeof *s.alike.at, by_cosine);
    if (s.unlike.count > 0)
        qsort(s.unlike.at, (size_t)s.unlike.count, sizeof *s.unlike.at, by_cosine);
    if (code == CLI_OK)
        (cli_given(c, "json") ? put_json : put_lines)(&t, &s, most);
    release(&s);
    return code == CLI_OK ? cli_text_print(&t) : code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    CLI_REAL("threshold", 't', "X", -1, 1, "the gallery's rule",
             "cosine from which on people are look-alikes, below which pictures are outliers"),
    CLI_WHOLE("most", 0, "N", 0, INT64_MAX, "20", "most look-alikes and outliers that are listed"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_gallery_stats = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery stats",
    .args = "",
    .what = "pictures and quality of everybody, people who look alike, pictures that are unlike their person",
    .about =
        "Every template is searched in the gallery, so it takes as long as identifying all of them. Two people whose most "
        "similar "
        "pictures reach the threshold are look-alikes: one person under two names, or two who will be mistaken for each other.",
    .example = "arcface gallery stats --gallery people.gal",
    .options = options,
    .run = stats,
};
