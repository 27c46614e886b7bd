/* arcface identify: who is in these photos? Exit status 0 all known, 1 somebody unknown. */
#include "face/run.h"
#include "gallery/open.h"
#include <arcface/cohort.h>
#include <arcface/identify.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct identifying {
    cli *c;
    arc_gallery *gallery; /* NULL: several, searched as one */
    arc_shards *shards;
    face_photos *photos;
    arc_identified_format format;
    const char *draw; /* path of the drawn picture; NULL: none */
    arc_photo photo;  /* to be drawn */
    int64_t told;
    int worst; /* exit status */
} identifying;

static void worsen(identifying *w, int code) {
    w->worst = code > w->worst ? code : w->worst;
}

static int draw(cli *c, const arc_photo *from, const arc_identified *found, const char *path) {
    arc_image photo = {0}, picture = {0};
    arc_error err = {0};
    if (arc_photo_load(c->ctx, from, NULL, &photo, NULL, &err) != ARC_OK)
        return cli_fail(&err);
    arc_status st = arc_identified_draw(c->ctx, &photo, found, &picture, &err);
    arc_image_free(c->ctx, &photo);
    if (st != ARC_OK)
        return cli_fail(&err);
    st = arc_image_save(c->ctx, &picture, path, &err);
    arc_image_free(c->ctx, &picture);
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}

/* What is printed of a photo: of a failed one only to programs, people have a sentence on standard error. */
static arc_status show(identifying *w, const arc_identified *found, arc_error *err) {
    char *text = NULL;
    if (!w->format.json && (found->photo.status != ARC_OK || found->photo.faces == 0))
        return ARC_OK;
    const arc_status st = arc_identified_describe(w->c->ctx, found, &w->format, &text, err);
    if (st == ARC_OK && w->format.json)
        printf("%s%.*s", w->told > 0 ? ",\n" : "", (int)strlen(text) - 1, text); /* without its line end */
    else if (st == ARC_OK)
        fputs(text, stdout);
    w->told++;
    arc_text_free(w->c->ctx, &text);
    return st;
}

static arc_status take(void *ctx, int64_t index, arc_identified *found, arc_error *err) {
    identifying *w = ctx;
    if (face_photos_tell(w->photos, index, &found->photo) && found->photo.faces == 0)
        worsen(w, face_run_faceless(&found->photo));
    if (found->unknown > 0)
        worsen(w, CLI_NO);
    if (w->draw && found->photo.status == ARC_OK)
        worsen(w, draw(w->c, &w->photo, found, w->draw));
    return show(w, found, err);
}

/* --only NAME: people who may be meant. The array is freed with cli_free. */
static int only(const cli *c, arc_gallery *g, int64_t **ids, int64_t *count) {
    const char *names[CLI_MAX_GIVEN];
    *count = cli_values(c, "only", names, CLI_MAX_GIVEN);
    *ids = *count > 0 ? cli_new((size_t)*count, sizeof **ids) : NULL;
    for (int64_t i = 0; i < *count; i++) {
        const int code = gallery_person(g, names[i], &(*ids)[i]);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

/* The one photo that --draw is for. */
static arc_status next_of_one(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    (void)err;
    *photo = index == 0 ? *(const arc_photo *)ctx : (arc_photo){.kind = ARC_PHOTO_END};
    return ARC_OK;
}

static int search(identifying *w, const arc_gallery_query *query) {
    arc_pipeline *pipeline = w->photos->run->pipeline;
    arc_photo_source source = w->photos->named.source;
    arc_error err = {0};
    arc_photo *photo = NULL;
    int count = 0, code = CLI_OK;
    if (w->draw && (code = cli_photos_all(&w->photos->named, &photo, &count)) != CLI_OK)
        return code;
    if (w->draw) {
        w->photo = photo[0];
        arc_photo_source_default(&source);
        source.next = next_of_one;
        source.ctx = photo;
        source.count = 1;
    }
    if (w->format.json)
        fputs("[", stdout);
    cli_progress_start(&w->photos->bar, w->c, "identifying");
    const arc_status st = w->gallery ? arc_identify_source(w->gallery, pipeline, &source, query, take, w, &err)
                                     : arc_identify_shards(w->shards, pipeline, &source, query, take, w, &err);
    cli_progress_end(&w->photos->bar);
    if (w->format.json)
        fputs("]\n", stdout);
    cli_free(photo);
    if (st != ARC_OK)
        return cli_fail(&err);
    face_photos_end(w->photos);
    worsen(w, w->photos->worst);
    return w->worst;
}

/* --cohort FILE.npy, or a gallery of other people. */
static int open_cohort(cli *c, arc_cohort **out) {
    const char *from = cli_value(c, "cohort");
    arc_gallery *others = NULL;
    arc_error err = {0};
    int nearest = 0;
    cli_int(c, "nearest", &nearest);
    if (cli_has_suffix(from, ".npy"))
        return arc_cohort_load(c->ctx, from, nearest, out, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
    int code = gallery_open_other(c, from, &others);
    if (code == CLI_OK && arc_cohort_of_gallery(others, nearest, out, &err) != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&others);
    return code;
}

/* The threshold of scores: --threshold, or what the cohort itself gives for --fpir. */
static int rule_of_cohort(const cli *c, arc_gallery *g, const arc_cohort *cohort, arc_search_rule *rule) {
    double given = 0, fpir = ARC_FPIR_DEFAULT;
    arc_error err = {0};
    cli_float(c, "fpir", &fpir);
    cli_float(c, "threshold", &given);
    if (cli_given(c, "threshold")) {
        arc_cohort_rule_given(given, rule);
        return CLI_OK;
    }
    if (arc_cohort_rule_of(g, cohort, fpir, rule, &err) != ARC_OK)
        return cli_fail(&err);
    if (!rule->supported)
        cli_warn(c, "the threshold is uncertain: for --fpir %g a cohort of %.0f faces is needed, this one has %lld", fpir,
                 ceil(10 / fpir), (long long)arc_cohort_count(cohort));
    return CLI_OK;
}

/* --fpir is not to be had without knowing what cosines strangers have. */
static int warn_uncalibrated(const cli *c, arc_gallery *g) {
    arc_gallery_facts facts;
    arc_error err = {0};
    if (!g || !cli_given(c, "fpir") || cli_given(c, "cohort")) /* another server knows by itself */
        return CLI_OK;
    if (arc_gallery_facts_of(g, &facts, &err) != ARC_OK)
        return cli_fail(&err);
    if (!facts.calibrated)
        cli_warn(c, "--fpir changes nothing: the gallery's model is not calibrated (\"arcface calibrate\")");
    return CLI_OK;
}

static int ask(identifying *w) {
    const cli *c = w->c;
    arc_gallery *g = w->gallery ? w->gallery : arc_shards_gallery(w->shards, 0);
    arc_gallery_query query;
    arc_cohort *cohort = NULL;
    arc_search_rule rule = {0};
    int64_t *ids = NULL;
    arc_gallery_query_default(&query);
    cli_int(c, "top", &query.top);
    if (!cli_given(c, "cohort"))
        cli_float(c, "threshold", &query.threshold);
    cli_float(c, "fpir", &query.fpir);
    query.fast = cli_word(c, "search") % 2 == 1; /* "exact fast database database-fast" */
    query.place = cli_word(c, "search") >= 2 ? ARC_SEARCH_DATABASE : ARC_SEARCH_AUTO;
    query.log = cli_given(c, "log");
    int code = warn_uncalibrated(c, g);
    if (code == CLI_OK)
        code = only(c, g, &ids, &query.only_count);
    query.only = ids;
    if (code == CLI_OK && cli_given(c, "cohort"))
        code = open_cohort(w->c, &cohort);
    if (code == CLI_OK && cohort)
        code = rule_of_cohort(c, g, cohort, &rule);
    query.cohort = cohort;
    query.cohort_rule = cohort ? &rule : NULL;
    if (code == CLI_OK)
        code = search(w, &query);
    arc_cohort_free(&cohort);
    cli_free(ids);
    return code;
}

/* Options that belong together. */
static int check_together(const cli *c) {
    double threshold = 0;
    cli_float(c, "threshold", &threshold);
    if (cli_given(c, "cohort"))
        return CLI_OK;
    if (threshold < -1 || threshold > 1)
        return cli_usage(c, "--threshold %g: without --cohort it is a cosine, -1 to 1", threshold);
    return cli_given(c, "nearest") ? cli_usage(c, "--nearest is how many of a cohort count; give --cohort too") : CLI_OK;
}

static int run(cli *c) {
    face_run r;
    face_photos photos;
    identifying w = {.c = c, .photos = &photos, .draw = cli_value(c, "draw")};
    /* ids, logs and a cohort's threshold are those of one gallery */
    const bool own = cli_given(c, "log") || cli_given(c, "only") || cli_given(c, "cohort");
    arc_identified_format_default(&w.format);
    w.format.json = cli_given(c, "json");
    w.format.all = cli_given(c, "top");
    w.format.explain = cli_given(c, "explain");
    face_run_options(c, &r);
    r.opt.aligned = cli_given(c, "aligned");
    r.opt.all_faces = !cli_given(c, "largest");
    int code = check_together(c);
    if (code != CLI_OK)
        return code;
    code = face_photos_open(c, &r, "takes", &photos);
    if (code == CLI_OK && w.draw && photos.named.source.count != 1)
        code = cli_usage(c, "--draw writes one picture, but several photos are given");
    if (code == CLI_OK && !own)
        code = gallery_open_shards(c, &w.shards);
    if (code == CLI_OK && !w.shards)
        code = gallery_open(c, cli_given(c, "log") ? GALLERY_CHANGE : GALLERY_READ, NULL, &w.gallery);
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    if (code == CLI_OK)
        code = ask(&w);
    arc_shards_close(&w.shards);
    arc_gallery_close(&w.gallery);
    face_run_close(&r);
    face_photos_close(&photos);
    return code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    CLI_WHOLE("top", 0, "N", 1, 1000, "5", "most people of an answer; given, all of them are shown, not the first only"),
    CLI_REAL("threshold", 't', "X", -100, 100, "the gallery's rule",
             "cosine (-1 to 1), with --cohort score, from which on somebody is known"),
    CLI_REAL("fpir", 0, "X", 1e-9, 0.999, "the calibration's, else 0.01",
             "share of strangers that may be taken for somebody, of calibrated models and with --cohort"),
    CLI_FILE(
        "cohort", 0, "FILE", NULL,
        "other people, by whom cosines are normalised to scores (adaptive s-norm): their embeddings as .npy, a row a person, "
        "or a gallery of them"),
    CLI_WHOLE("nearest", 0, "K", 2, ARC_COHORT_MOST, "200", "how many of the cohort count, those that are most similar"),
    CLI_FLAG("json", 'j', "one JSON array, one object a photo"),
    CLI_FILE("draw", 0, "FILE", NULL, "write the photo with boxes and names, others than the gallery's in red (.jpg .png .ppm)"),
    CLI_FLAG("explain", 0, "say why each answer is what it is"),
    CLI_WORD("search", 0, "HOW", "exact fast database database-fast", "exact",
             "exact, or fast: 1-bit sketches in front (galleries made with --sketch); database, database-fast: by the PostgreSQL "
             "server "
             "(gallery set --search), all vectors or its HNSW index"),
    GALLERY_MEMORY_OPTION,
    CLI_TEXT("only", 0, "NAME", NULL, "compare with this person only; again for more"),
    CLI_FLAG("largest", 0, "only the largest face of a photo"),
    CLI_FLAG("log", 0, "write the decisions to the gallery's audit log"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    PICTURE_OPTIONS,
    PHOTO_LIMITS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_identify = {
    .group = CLI_GROUP_GALLERIES,
    .name = "identify",
    .args = "PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "who is it? every face of every photo; exit status 0 all known, 1 somebody unknown",
    .about =
        "Of every face the name, the cosine and the decision, best face first; \"unknown\" where nobody in the gallery is "
        "similar "
        "enough. A calibrated model also says the probability that it is that person and the false accept rate of the cosine, "
        "and its threshold keeps the share of strangers that are taken for somebody, however large the gallery is. A photo "
        "that cannot be read or has no face makes the exit status 3; others go on. PHOTO may also be a folder, an archive, an "
        "address or @FILE, as for embed.",
    .no = "somebody unknown",
    .example = "arcface identify party.jpg --gallery people.gal --draw names.jpg",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
