/* arcface enroll: photos of people into a gallery. */
#include "face/run.h"
#include "gallery/open.h"
#include "gallery/people.h"
#include <arcface/enroll.h>
#include <stdio.h>
#include <string.h>

typedef struct enrolling {
    cli *c;
    const face_run *run;
    cli_progress bar;
    bool lines; /* one for each photo: they are of one person, not of hundreds */
    bool json;
    int64_t told;
    int worst;
} enrolling;

/* A quality as text, "" where memory is refused; freed with arc_text_free. */
static char *quality_of(const enrolling *e, const arc_enrolled *photo) {
    char *text = NULL;
    return arc_quality_describe(e->c->ctx, &photo->quality, e->json, &text, NULL) == ARC_OK ? text : NULL;
}

static void show_photo(const enrolling *e, const arc_enrolled *photo) {
    char *quality = quality_of(e, photo);
    printf("%s: %s as %s, template %lld, quality %s\n", cli_photo_label(photo->photo),
           photo->as == ARC_ENROLLED ? "enrolled" : "enrolled before", photo->person, (long long)photo->template_id,
           quality ? quality : "unknown");
    arc_text_free(e->c->ctx, &quality);
}

/* An object for each photo, in one array. */
static void show_json(enrolling *e, const arc_enrolled *photo) {
    static const char *const as[] = {"enrolled", "enrolled before", "failed"};
    char *quality = quality_of(e, photo);
    cli_text t = {0};
    cli_printf(&t, "%s\n  {\"path\": ", e->told++ ? "," : "");
    gallery_put_json(&t, cli_photo_label(photo->photo));
    cli_printf(&t, ", \"name\": ");
    gallery_put_json(&t, photo->person);
    cli_printf(&t, ", \"as\": \"%s\"", as[photo->as]);
    if (photo->template_id)
        cli_printf(&t, ", \"template\": %lld", (long long)photo->template_id);
    if (*photo->doubt || photo->as == ARC_ENROLL_FAILED) {
        cli_printf(&t, photo->as == ARC_ENROLL_FAILED ? ", \"error\": " : ", \"doubt\": ");
        gallery_put_json(&t, photo->as == ARC_ENROLL_FAILED ? photo->error.text : photo->doubt);
    }
    cli_printf(&t, ", \"quality\": %s}", quality ? quality : "null");
    fwrite(t.data, 1, t.bytes, stdout);
    cli_free(t.data);
    arc_text_free(e->c->ctx, &quality);
}

static void told(void *ctx, const arc_enrolled *photo) {
    enrolling *e = ctx;
    face_run_warn(e->c, e->run, photo->photo, "takes");
    if (e->json)
        show_json(e, photo);
    if (photo->as == ARC_ENROLL_FAILED) {
        const int code = cli_fail_photo(&photo->error);
        e->worst = code > e->worst ? code : e->worst;
        return;
    }
    if (*photo->doubt)
        cli_warn(e->c, "%s", photo->doubt);
    if (photo->as == ARC_ENROLLED_BEFORE && !e->lines)
        cli_warn(e->c, "%s is one of %s's pictures already: it is not stored again", cli_photo_label(photo->photo),
                 photo->person);
    if (e->lines)
        show_photo(e, photo);
}

static int progress(void *ctx, int64_t done, int64_t total) {
    return cli_progress_tick(&((enrolling *)ctx)->bar, done, total);
}

static void summarise(const cli *c, const arc_enroll_tally *t) {
    if (cli_given(c, "json")) {
        printf("\n], \"photos\": %lld, \"stored\": %lld, \"before\": %lld, \"failed\": %lld, \"doubtful\": %lld, \"new_people\": "
               "%lld}\n",
               (long long)t->photos, (long long)t->stored, (long long)t->before, (long long)t->failed, (long long)t->doubtful,
               (long long)t->people);
        return;
    }
    printf("%lld of %lld photo%s enrolled, %lld new %s", (long long)t->stored, (long long)t->photos, t->photos == 1 ? "" : "s",
           (long long)t->people, t->people == 1 ? "person" : "people");
    if (t->before > 0)
        printf("; %lld %s there before", (long long)t->before, t->before == 1 ? "was" : "were");
    if (t->doubtful > 0)
        printf("; %lld doubtful", (long long)t->doubtful);
    if (t->failed > 0)
        printf("; %lld failed, nothing of %s was stored", (long long)t->failed, t->failed == 1 ? "it" : "them");
    puts("");
}

static int enroll(cli *c, face_run *r, people *p, arc_gallery *g) {
    const bool json = cli_given(c, "json");
    enrolling e = {.c = c, .run = r, .json = json, .lines = p->name && !json && p->source.count >= 0};
    arc_enroll_options opt;
    arc_enroll_tally tally;
    arc_error err = {0};
    r->opt.all_faces = true; /* of several faces it is said here what happens */
    arc_enroll_options_default(&opt);
    opt.largest = cli_given(c, "largest");
    opt.strict = cli_given(c, "strict");
    cli_float(c, "min-quality", &opt.min_quality);
    opt.told = told;
    opt.progress = progress;
    opt.ctx = &e;
    if (json)
        fputs("{\"pictures\": [", stdout);
    cli_progress_start(&e.bar, c, "enrolling");
    const arc_status st = arc_enroll_source(g, r->pipeline, &p->source, people_whose, p, &opt, &tally, &err);
    cli_progress_end(&e.bar);
    if (st != ARC_OK)
        cli_fail(&err);
    summarise(c, &tally);
    const int code = st == ARC_OK ? CLI_OK : st == ARC_EINVAL ? CLI_BAD_INPUT : CLI_FAILURE;
    return code > e.worst ? code : e.worst;
}

static int run(cli *c) {
    face_run r;
    people p = {.c = c};
    arc_gallery *g = NULL;
    arc_gallery_options opt;
    arc_gallery_options_default(&opt);
    opt.keep_crops = !cli_given(c, "no-crops");
    opt.fusion = (arc_fusion)cli_word(c, "fusion");
    opt.sketch = cli_given(c, "sketch");
    face_run_options(c, &r);
    r.opt.aligned = cli_given(c, "aligned");
    r.opt.keep_crops = true;
    int code = people_open(c, &p);
    if (code == CLI_OK)
        code = face_run_open(c, &r, true);
    if (code == CLI_OK)
        code = gallery_open(c, GALLERY_MAKE, &opt, &g);
    if (code == CLI_OK)
        code = gallery_warn_unsealed(c, g);
    if (code == CLI_OK)
        code = enroll(c, &r, &p, g);
    arc_gallery_close(&g);
    face_run_close(&r);
    people_close(&p);
    return code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    CLI_FOLDER("folder", 0, "DIR", NULL, "enrol everybody in DIR, a folder or an archive: DIR/NAME/photo"),
    CLI_FILE("csv", 0, "FILE", NULL, "enrol everybody in a list: lines of name,path"),
    CLI_FLAG("largest", 0, "of several faces in a photo take the largest; else such a photo is refused"),
    CLI_FLAG("strict", 0, "refuse faces unlike the person's others, poor and damaged pictures; else they are told"),
    CLI_REAL("min-quality", 0, "Q", 0, 1, "0", "refuse faces whose quality is lower, 0 to 1"),
    CLI_FLAG("no-crops", 0, "store embeddings only; moving to another model then has to make do without pictures"),
    CLI_WORD("fusion", 0, "HOW", "max mean quality", "max",
             "of a new gallery: how a person's cosines become one: max, mean, quality"),
    CLI_FLAG("sketch", 0, "of a new gallery: keep 1-bit sketches too, for identify --search fast"),
    CLI_FLAG("aligned", 0, "the pictures are ready crops: no detection"),
    CLI_FLAG("json", 'j', "one JSON object, every picture with all parts of its quality"),
    PICTURE_READING,
    PHOTO_LIMITS,
    FACES_OPTIONS,
    {0},
};

const cli_command cli_enroll = {
    .group = CLI_GROUP_GALLERIES,
    .name = "enroll",
    .args = "NAME PHOTO...",
    .takes = CLI_IS_FILE,
    .min_args = 0,
    .max_args = -1,
    .what = "put people's photos into a gallery",
    .about = "Each photo of NAME gives one template: the embedding of its face, with the aligned crop. The first enrolment "
             "makes the gallery and binds it to the model; a name that is there gets more pictures, and a photo that is there is "
             "not stored again. A photo without a face, or with several, is refused and named, others go on, and the exit status "
             "is then 3. What a line says is stored is on the disk. PHOTO may also be a folder, an archive, an address or @FILE, "
             "as for embed.",
    .example = "arcface enroll \"Ann Smith\" ann1.jpg ann2.jpg --gallery people.gal",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
