/* Photos into galleries and answers out of them, with a small network and drawn faces: what is stored of which photo, what is
 * told of it, photos that come twice, runs that are cancelled or run out of memory; answers as text, as JSON and drawn. */
#include "base/base.h"
#include "folder.h"
#include "gallery/photo/batch.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MOST = 16 };

static arc_model *embedder;
static arc_pipeline *pipeline;

static arc_pipeline *open_pipeline(bool crops) {
    arc_pipeline *p = NULL;
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    opt.aligned = true;
    opt.keep_crops = crops;
    assert_int_equal(arc_pipeline_new(ctx, NULL, embedder, &opt, &p, NULL), ARC_OK);
    return p;
}

static int setup(void **state) {
    arc_model *fresh = NULL;
    open_context(state);
    if (arc_model_new(ctx, "tiny", 32, 3, &fresh, NULL) != ARC_OK)
        return -1;
    const bool saved = arc_model_save(ctx, fresh, in_folder("tiny.onnx"), NULL) == ARC_OK;
    arc_model_free(&fresh);
    if (!saved || arc_model_load(ctx, in_folder("tiny.onnx"), ARC_TASK_EMBED, NULL, &embedder, NULL) != ARC_OK)
        return -1;
    pipeline = open_pipeline(true);
    return 0;
}

static int teardown(void **state) {
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    return close_context(state);
}

static arc_gallery *new_gallery(const char *name) {
    arc_gallery *g = NULL;
    arc_gallery_options opt;
    arc_error err = {0};
    arc_gallery_options_default(&opt);
    opt.create = true;
    if (arc_gallery_open(ctx, in_folder(name), &opt, &g, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return g;
}

static arc_gallery_facts facts_of(arc_gallery *g) {
    arc_gallery_facts facts;
    assert_int_equal(arc_gallery_facts_of(g, &facts, NULL), ARC_OK);
    return facts;
}

/* ---- photos ---- */

/* Crops of drawn people: photo i is picture[i] of person[i]; picture < 0: a photo that could not be had. */
typedef struct shown {
    const char *name[MOST]; /* whose it is said to be; NULL: nobody's */
    int64_t person[MOST], picture[MOST];
    int count;
    arc_image pixels[MOST];
    arc_photo_source source;
} shown;

static const arc_error lost = {ARC_EIO, "the photo is lost"};

static arc_status next(void *arg, int64_t index, arc_photo *photo, arc_error *err) {
    shown *s = arg;
    (void)err;
    *photo = (arc_photo){.kind = ARC_PHOTO_END};
    if (index < s->count && s->picture[index] < 0)
        *photo = arc_photo_failed(&lost, "lost");
    else if (index < s->count)
        *photo = arc_photo_from_image(&s->pixels[index], "drawn");
    return ARC_OK;
}

static void draw(shown *s) {
    arc_photo_source_default(&s->source);
    s->source.next = next;
    s->source.ctx = s;
    s->source.count = s->count;
    for (int i = 0; i < s->count; i++)
        if (s->picture[i] >= 0)
            assert_int_equal(arc_drawn_face(ctx, 1, s->person[i], s->picture[i], 1, 112, &s->pixels[i], NULL, NULL), ARC_OK);
}

static void wipe(shown *s) {
    for (int i = 0; i < s->count; i++)
        arc_image_free(ctx, &s->pixels[i]);
}

static const char *whose(void *arg, int64_t index, const char *photo, arc_error *err) {
    const shown *s = arg;
    assert_string_equal(photo, s->picture[index] < 0 ? "lost" : "drawn");
    if (!s->name[index])
        *err = (arc_error){ARC_ENOTFOUND, "nobody knows whose it is"};
    return s->name[index];
}

/* What was told. */
typedef struct telling {
    arc_enrolled photo[MOST];
    char person[MOST][32];
    int count, stop_at; /* cancels after so many photos; 0: never */
    int64_t templates;  /* in the gallery when the last was told */
    arc_gallery *gallery;
} telling;

static void told(void *arg, const arc_enrolled *photo) {
    telling *l = arg;
    snprintf(l->person[l->count], sizeof l->person[0], "%s", photo->person);
    assert_non_null(photo->photo);
    l->photo[l->count++] = *photo;
    l->templates = facts_of(l->gallery).templates;
}

static int progress(void *arg, int64_t done, int64_t total) {
    const telling *l = arg;
    assert_true(total == -1 || done <= total);
    return l->stop_at > 0 && done >= l->stop_at;
}

static arc_status run(arc_gallery *g, shown *s, int batch, telling *l, arc_enroll_tally *tally, arc_error *err) {
    arc_enroll_options opt;
    arc_enroll_options_default(&opt);
    opt.batch = batch;
    opt.told = told;
    opt.progress = progress;
    opt.ctx = l;
    l->gallery = g;
    return arc_enroll_source(g, pipeline, &s->source, whose, s, &opt, tally, err);
}

/* ---- enrolling ---- */

static const shown mixed = {.name = {"Ann", "Ann", "Ben", NULL, "Ann", "Cy", "", "Ben"},
                            .person = {1, 1, 2, 3, 1, 1, 4, 2},
                            .picture = {0, 1, 0, 0, -1, 0, 0, 0}, /* 5 is Ann's first once more, 7 Ben's */
                            .count = 8};

static void check_mixed(arc_gallery *g, const telling *l, const arc_enroll_tally *t) {
    static const arc_enrolled_as as[] = {ARC_ENROLLED,      ARC_ENROLLED,      ARC_ENROLLED,      ARC_ENROLL_FAILED,
                                         ARC_ENROLL_FAILED, ARC_ENROLL_FAILED, ARC_ENROLL_FAILED, ARC_ENROLLED_BEFORE};
    assert_int_equal(l->count, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(l->photo[i].as, as[i]);
        assert_string_equal(l->person[i], mixed.name[i] ? mixed.name[i] : "");
        assert_true(l->photo[i].first == (i == 0 || i == 2));
        assert_true((l->photo[i].template_id != 0) == (as[i] != ARC_ENROLL_FAILED || i == 5));
    }
    assert_true(l->photo[0].identity == l->photo[1].identity && l->photo[0].identity != l->photo[2].identity);
    assert_true(l->photo[7].template_id == l->photo[2].template_id && l->photo[7].identity == l->photo[2].identity);
    assert_string_equal(l->photo[3].error.text, "nobody knows whose it is");
    assert_int_equal(l->photo[4].error.code, ARC_EIO);
    assert_non_null(strstr(l->photo[4].error.text, "the photo is lost"));
    assert_non_null(strstr(l->photo[5].error.text, "drawn is enrolled as Ann already and cannot be Cy's too"));
    assert_int_equal(l->photo[6].error.code, ARC_EINVAL); /* a person without a name */
    assert_true(t->photos == 8 && t->stored == 3 && t->before == 1 && t->failed == 4 && t->people == 2 && t->doubtful == 0);
    const arc_gallery_facts f = facts_of(g);
    assert_true(f.identities == 2 && f.templates == 3 && f.crops == 3 && f.dim == 32);
}

/* Whatever the batches are: what comes twice is found in the batch or in the gallery. */
static void photos_fail_alone(void **state) {
    (void)state;
    for (int batch = 1; batch <= 64; batch *= 4) {
        shown s = mixed;
        telling l = {.count = 0};
        arc_enroll_tally t;
        arc_error err = {0};
        char name[32];
        snprintf(name, sizeof name, "mixed-%d.gal", batch);
        arc_gallery *g = new_gallery(name);
        draw(&s);
        if (run(g, &s, batch, &l, &t, &err) != ARC_OK)
            fail_msg("%s", err.text);
        if (batch >= 8) /* a template of one's own batch has its id only afterwards */
            l.photo[5].template_id = 1;
        check_mixed(g, &l, &t);
        wipe(&s);
        arc_gallery_close(&g);
    }
}

static void what_was_told_is_stored(void **state) {
    (void)state;
    shown s = {.name = {"A", "B", "C", "D", "E", "F"}, .person = {1, 2, 3, 4, 5, 6}, .count = 6};
    telling l = {.stop_at = 5};
    arc_enroll_tally t;
    arc_gallery *g = new_gallery("cancelled.gal");
    draw(&s);
    assert_int_equal(run(g, &s, 2, &l, &t, NULL), ARC_ECANCEL);
    assert_true(l.count == 5 && l.templates == 5 && t.stored == 5 && t.people == 5);
    wipe(&s);
    arc_gallery_close(&g);
}

static void one_photo_fails_as_the_call(void **state) {
    (void)state;
    arc_gallery *g = new_gallery("one.gal");
    arc_image pixels = {0};
    arc_enrolled out;
    arc_error err = {0};
    assert_int_equal(arc_drawn_face(ctx, 1, 9, 0, 1, 112, &pixels, NULL, NULL), ARC_OK);
    const arc_photo photo = arc_photo_from_image(&pixels, "nine"), gone = arc_photo_from_path(in_folder("gone.jpg"));
    assert_int_equal(arc_enroll(g, pipeline, "Ann", &gone, NULL, &out, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "gone.jpg"));
    assert_true(out.as == ARC_ENROLL_FAILED && facts_of(g).identities == 0);
    assert_int_equal(arc_enroll(g, pipeline, "Ann", &photo, NULL, &out, NULL), ARC_OK);
    assert_true(out.as == ARC_ENROLLED && out.first && out.template_id > 0 && !out.photo && !out.person);
    assert_int_equal(arc_enroll(g, pipeline, "Ann", &photo, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(arc_enroll(g, pipeline, "Ben", &photo, NULL, NULL, NULL), ARC_EINVAL);
    assert_int_equal(facts_of(g).templates, 1);

    arc_pipeline *bare = open_pipeline(false);
    assert_int_equal(arc_enroll(g, bare, "Ann", &photo, NULL, NULL, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "keep_crops"));
    arc_pipeline_free(&bare);
    arc_image_free(ctx, &pixels);
    arc_gallery_close(&g);
}

/* Enrols one picture a round, with request 1 + round * step for memory refused, until there are fewer requests than that;
 * *enrolled pictures are in the gallery. Returns the rounds. */
static int enroll_poorly(arc_test_heap *heap, arc_gallery *g, arc_pipeline *p, int step, int *enrolled) {
    arc_image pixels = {0};
    arc_error err = {0};
    int rounds = 0;
    for (bool more = true; more; rounds++) {
        assert_int_equal(arc_drawn_face(ctx, 1, 1000 * step + rounds, 0, 1, 112, &pixels, NULL, NULL), ARC_OK);
        const arc_photo photo = arc_photo_from_image(&pixels, "drawn");
        heap->fail_at = heap->requests + 1 + rounds * step;
        const arc_status st = arc_enroll(g, p, "Ann", &photo, NULL, NULL, &err);
        more = heap->requests >= heap->fail_at;
        heap->fail_at = 0;
        if (st != ARC_ENOMEM && st != ARC_OK)
            fail_msg("round %d: %s", rounds, err.text);
        assert_true(more || st == ARC_OK);
        *enrolled += st == ARC_OK;
        const arc_gallery_facts f = facts_of(g);
        assert_true(f.templates == *enrolled && f.identities == (*enrolled > 0));
        arc_image_free(ctx, &pixels);
    }
    return rounds;
}

/* Refused memory leaves the gallery as it was, or with the photo. */
static void memory_may_be_refused(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *poor = arc_test_context(&heap, 1);
    arc_model *model = NULL;
    arc_pipeline *p = NULL;
    arc_gallery *g = NULL;
    arc_pipeline_options how;
    arc_gallery_options opt;
    arc_pipeline_options_default(&how);
    how.aligned = how.keep_crops = true;
    arc_gallery_options_default(&opt);
    opt.create = true;
    assert_int_equal(arc_model_load(poor, in_folder("tiny.onnx"), ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
    assert_int_equal(arc_pipeline_new(poor, NULL, model, &how, &p, NULL), ARC_OK);
    assert_int_equal(arc_gallery_open(poor, in_folder("poor.gal"), &opt, &g, NULL), ARC_OK);
    int enrolled = 0;
    assert_true(enroll_poorly(&heap, g, p, 61, &enrolled) > 2); /* the first one has the typical norm measured */
    assert_true(enroll_poorly(&heap, g, p, 3, &enrolled) > 10);
    arc_gallery_close(&g);
    arc_pipeline_free(&p);
    arc_model_free(&model);
    arc_context_close(&poor);
    assert_int_equal(heap.live, 0);
}

/* ---- quality ---- */

static int take_quality(void *arg, const arc_template_record *record) {
    arc_quality *q = arg;
    json_t *detail = json_loads(record->detail_json, 0, NULL), *parts = json_object_get(detail, "quality");
    q->combined = (double)record->quality;
    q->sharpness = json_number_value(json_object_get(parts, "sharpness"));
    q->detector = json_number_value(json_object_get(parts, "detector")); /* 0: there is none */
    json_decref(detail);
    return 0;
}

static arc_status enroll_pixels(arc_gallery *g, arc_image *pixels, double least, bool strict, arc_enrolled *out, arc_error *err) {
    const arc_photo photo = arc_photo_from_image(pixels, "a face");
    arc_enroll_options opt;
    arc_enroll_options_default(&opt);
    opt.min_quality = least;
    opt.strict = strict;
    return arc_enroll(g, pipeline, "Ann", &photo, &opt, out, err);
}

/* Quality is told and stored; below min_quality a picture is refused, a poor one doubted or refused. */
static void quality_is_stored_and_decides(void **state) {
    (void)state;
    arc_gallery *g = new_gallery("quality.gal");
    arc_image pixels = {0};
    arc_enrolled out;
    arc_quality stored;
    arc_error err = {0};
    assert_int_equal(arc_drawn_face(ctx, 1, 5, 0, 1, 112, &pixels, NULL, NULL), ARC_OK);
    assert_int_equal(enroll_pixels(g, &pixels, 1, false, &out, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "a face: its quality is 0."));
    assert_non_null(strstr(err.text, ", below the 1.000 of --min-quality; "));
    assert_true(facts_of(g).templates == 0 && out.quality.combined > 0);
    assert_int_equal(enroll_pixels(g, &pixels, 0, true, &out, NULL), ARC_OK);
    assert_true(isnan(out.quality.detector) && isnan(out.quality.pose) && !*out.doubt); /* a ready crop */
    assert_int_equal(arc_gallery_templates(g, out.identity, false, take_quality, &stored, NULL), ARC_OK);
    assert_true(fabs(stored.combined - out.quality.combined) < 1e-6 && stored.detector == 0);
    assert_true(fabs(stored.sharpness - out.quality.sharpness) < 1e-5);

    memset(pixels.data, 128, (size_t)pixels.stride_bytes * (size_t)pixels.height_px); /* nothing is to be seen */
    assert_int_equal(enroll_pixels(g, &pixels, 0, true, &out, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "sharpness is 0.00: the face is blurred"));
    assert_int_equal(enroll_pixels(g, &pixels, 0, false, &out, NULL), ARC_OK);
    assert_non_null(strstr(out.doubt, "a face is stored, but its quality is 0."));
    assert_int_equal(facts_of(g).templates, 2);
    assert_int_equal(enroll_pixels(g, &pixels, 1.1, false, &out, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "a least quality of 1.1"));
    const arc_photo gone = arc_photo_from_path(in_folder("gone.jpg"));
    assert_int_equal(arc_enroll(g, pipeline, "Ann", &gone, NULL, &out, NULL), ARC_ENOTFOUND);
    assert_true(isnan(out.quality.combined));
    arc_image_free(ctx, &pixels);
    arc_gallery_close(&g);
}

/* ---- outliers ---- */

/* An entry of a batch with this embedding, [4]. */
static void put_entry(arc_enroll_batch *b, const char *person, const float embedding[4]) {
    arc_enroll_entry *e = &b->entry[b->count++];
    *e = (arc_enroll_entry){.person = arc_mem_strdup(&ctx->alloc, person),
                            .photo = {.path = "photo", .faces = 1, .faces_found = 1}};
    e->photo.face = arc_mem_new(&ctx->alloc, 1, sizeof *e->photo.face);
    e->photo.face[0].embedding = arc_mem_new(&ctx->alloc, 4, sizeof(float));
    memcpy(e->photo.face[0].embedding, embedding, 4 * sizeof(float));
}

static void outliers_are_doubted_or_refused(void **state) {
    (void)state;
    static const float near[4] = {3, 0, 0, 0}, also[4] = {3, 1, 0, 0}, other[4] = {1, 0, 3, 0}, far[4] = {0, 0, 0, 1};
    for (int strict = 0; strict < 2; strict++) {
        arc_gallery *g = new_gallery(strict ? "strict.gal" : "lenient.gal");
        arc_enroll_batch b = {.ctx = ctx, .gallery = g, .strict = strict, .dim = 4};
        assert_int_equal(arc_gallery_bind_foreign(g, "by hand", 4, 0.5, NULL), ARC_OK);
        assert_int_equal(arc_enroll_batch_begin(&b, 8, NULL), ARC_OK);
        put_entry(&b, "Ann", far);   /* the first one is the wrong one */
        put_entry(&b, "Ben", other); /* an only picture, unlike everybody's */
        put_entry(&b, "Ann", near);
        put_entry(&b, "Ann", also);
        assert_int_equal(arc_enroll_batch_store(&b, NULL), ARC_OK);
        for (int i = 0; i < 4; i++) {
            const arc_enrolled *e = &b.entry[i].told;
            assert_int_equal(e->as, strict && i == 0 ? ARC_ENROLL_FAILED : ARC_ENROLLED);
            assert_true((*e->doubt != 0) == (!strict && i == 0));
            assert_true(e->first == (i == 1 || i == (strict ? 2 : 0)));
        }
        assert_non_null(strstr(strict ? b.entry[0].told.error.text : b.entry[0].told.doubt,
                               "photo is unlike the other 2 of Ann: the highest cosine is 0.000, below the threshold 0.500"));
        arc_enroll_batch_clear(&b);
        put_entry(&b, "Ben", near); /* beside what is stored */
        put_entry(&b, "Ann", near);
        assert_int_equal(arc_enroll_batch_store(&b, NULL), ARC_OK);
        assert_true(b.entry[0].told.as == (strict ? ARC_ENROLL_FAILED : ARC_ENROLLED) && b.entry[1].told.as == ARC_ENROLLED);
        assert_true((*b.entry[0].told.doubt != 0) == !strict && !*b.entry[1].told.doubt);
        assert_int_equal(facts_of(g).templates, strict ? 4 : 6);
        arc_enroll_batch_end(&b);
        arc_gallery_close(&g);
    }
}

/* ---- digests ---- */

static void digests_tell_photos_apart(void **state) {
    (void)state;
    uint8_t bytes[64] = {1, 2, 3}, digest[8][ARC_PHOTO_DIGEST_BYTES];
    arc_photo photo[8];
    arc_photo_source list;
    arc_photo_digests d;
    bool known[8];
    const arc_frame frame = {bytes, 4, 2, 12, ARC_FRAME_RGB8}, wide = {bytes, 8, 1, 24, ARC_FRAME_RGB8},
                    none = {bytes, -1, 2, 3, ARC_FRAME_RGB8};
    FILE *file = fopen(in_folder("bytes"), "wb");
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    photo[0] = arc_photo_from_path(in_folder("bytes"));
    photo[1] = arc_photo_from_bytes(bytes, sizeof bytes, "other name");
    photo[2] = photo[3] = photo[1];
    photo[2].has_box = photo[3].has_box = true;
    photo[3].box_px[2] = 9;
    photo[4] = arc_photo_from_frame(&frame, NULL);
    photo[5] = arc_photo_from_frame(&wide, NULL); /* the same bytes in another shape */
    photo[6] = arc_photo_from_frame(&none, NULL);
    photo[7] = arc_photo_from_path(in_folder("nothing"));
    arc_photo_source_default(&list);
    assert_int_equal(arc_photo_digests_begin(&d, &arc_alloc_libc, &list, NULL), ARC_OK);
    for (int i = 0; i < 8; i++) {
        arc_photo_digests_put(&d, i, &photo[i]);
        arc_photo_digests_get(&d, i, digest[i], &known[i]);
        assert_true(known[i] == (i < 6));
        for (int k = 0; k < i && i < 6; k++)
            assert_true((memcmp(digest[i], digest[k], sizeof digest[i]) == 0) == (i == 1 && k == 0));
    }
    arc_photo_digests_end(&d);
    arc_photo_digests_end(&d);
}

/* ---- answers ---- */

static arc_gallery *gallery_of_two(const char *name) {
    shown s = {.name = {"Ann", "Ben \"B\""}, .person = {1, 2}, .count = 2};
    telling l = {.count = 0};
    arc_gallery *g = new_gallery(name);
    draw(&s);
    assert_int_equal(run(g, &s, 64, &l, NULL, NULL), ARC_OK);
    wipe(&s);
    return g;
}

static void identify(arc_gallery *g, int64_t person, arc_image *pixels, arc_identified *out) {
    arc_gallery_query query;
    arc_error err = {0};
    arc_gallery_query_default(&query);
    query.threshold = 0.99999;
    assert_int_equal(arc_drawn_face(ctx, 1, person, 0, 1, 112, pixels, NULL, NULL), ARC_OK);
    const arc_photo photo = arc_photo_from_image(pixels, "a \"photo\"");
    if (arc_identify_photo(g, pipeline, &photo, &query, out, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

static char *text_of(const arc_identified *found, bool json, bool all, bool explain) {
    arc_identified_format f;
    char *text = NULL;
    arc_identified_format_default(&f);
    f.json = json;
    f.all = all;
    f.explain = explain;
    assert_int_equal(arc_identified_describe(ctx, found, &f, &text, NULL), ARC_OK);
    return text;
}

static void answers_are_told(void **state) {
    (void)state;
    arc_gallery *g = gallery_of_two("answers.gal");
    arc_image pixels = {0}, drawn = {0};
    arc_identified found;
    identify(g, 2, &pixels, &found);
    assert_true(found.photo.faces == 1 && found.known == 1 && found.unknown == 0);
    assert_string_equal(found.answer[0].match[0].name, "Ben \"B\"");
    char *text = text_of(&found, false, false, false);
    assert_non_null(strstr(text, "a \"photo\": 1 face\n  1  Ben \"B\"  cosine 1.0000"));
    assert_null(strstr(text, "Ann"));
    arc_text_free(ctx, &text);
    text = text_of(&found, false, true, true);
    assert_non_null(strstr(text, "\n      2. Ann  cosine "));
    assert_non_null(strstr(text, "\n      Known: Ben"));
    arc_text_free(ctx, &text);

    text = text_of(&found, true, false, true);
    json_t *json = json_loads(text, 0, NULL), *face = json_array_get(json_object_get(json, "faces"), 0);
    assert_string_equal(json_string_value(json_object_get(face, "name")), "Ben \"B\"");
    assert_true(json_is_true(json_object_get(face, "known")) && json_is_string(json_object_get(face, "why")));
    assert_int_equal(json_array_size(json_object_get(face, "matches")), 2);
    json_decref(json);
    arc_text_free(ctx, &text);

    assert_int_equal(arc_identified_draw(ctx, &pixels, &found, &drawn, NULL), ARC_OK);
    assert_true(drawn.width_px == 112 && drawn.height_px == 112);
    arc_image_free(ctx, &drawn);
    arc_identified_free(ctx, &found);
    arc_image_free(ctx, &pixels);

    identify(g, 77, &pixels, &found); /* a stranger */
    assert_true(found.known == 0 && found.unknown == 1);
    text = text_of(&found, false, false, false);
    assert_non_null(strstr(text, "  1  unknown  nearest "));
    arc_text_free(ctx, &text);
    text = text_of(&found, true, false, false);
    assert_non_null(strstr(text, "\"known\": false, \"name\": null"));
    arc_text_free(ctx, &text);
    arc_identified_free(ctx, &found);
    arc_image_free(ctx, &pixels);
    arc_gallery_close(&g);
}

/* All in one run, photos that fail among them; a search of nobody. */
static arc_status count_faces(void *arg, int64_t index, arc_identified *photo, arc_error *err) {
    int *faces = arg;
    (void)err;
    if (index == 1)
        assert_true(photo->photo.status == ARC_EIO && !photo->answer);
    faces[0] += photo->known;
    faces[1] += photo->unknown;
    return ARC_OK;
}

static void sources_are_answered(void **state) {
    (void)state;
    shown s = {.person = {2, 0, 1}, .picture = {0, -1, 0}, .count = 3};
    int faces[2] = {0, 0}, none[2] = {0, 0};
    arc_gallery *g = gallery_of_two("sources.gal"), *empty = new_gallery("empty.gal");
    draw(&s);
    assert_int_equal(arc_identify_source(g, pipeline, &s.source, NULL, count_faces, faces, NULL), ARC_OK);
    assert_true(faces[0] == 2 && faces[1] == 0);
    assert_int_equal(arc_identify_source(empty, pipeline, &s.source, NULL, count_faces, none, NULL), ARC_OK);
    assert_true(none[0] == 0 && none[1] == 2);
    wipe(&s);
    arc_gallery_close(&g);
    arc_gallery_close(&empty);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photos_fail_alone),
        cmocka_unit_test(what_was_told_is_stored),
        cmocka_unit_test(one_photo_fails_as_the_call),
        cmocka_unit_test(memory_may_be_refused),
        cmocka_unit_test(quality_is_stored_and_decides),
        cmocka_unit_test(outliers_are_doubted_or_refused),
        cmocka_unit_test(digests_tell_photos_apart),
        cmocka_unit_test(answers_are_told),
        cmocka_unit_test(sources_are_answered),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
