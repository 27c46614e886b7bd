/* Sources of photos: results in order with the bits of an array, on any number of threads, from sources that are called by one
 * thread at a time and by many; one that ends, breaks or gives a bad photo in the middle; a sink that fails or keeps what it is
 * given. Run under ThreadSanitizer too. */
#include "face_support.h"

#include <stdatomic.h>

#define PHOTOS 53
#define BAD 17
#define DIM 32

static const arc_error lost = {ARC_ECORRUPT, "frame 17 was lost"};

typedef struct rig {
    arc_context *ctx;
    arc_model *embedder;
    arc_pipeline *pipeline;
    arc_image picture;
} rig;

static rig open_rig(int threads, arc_test_heap *heap) {
    rig r = {.ctx = arc_test_context(heap, threads)};
    arc_pipeline_options opt;
    arc_error err = {0};
    arc_pipeline_options_default(&opt);
    opt.aligned = true;
    if (arc_model_new(r.ctx, "tiny", DIM, 3, &r.embedder, &err) != ARC_OK ||
        arc_pipeline_new(r.ctx, NULL, r.embedder, &opt, &r.pipeline, &err) != ARC_OK)
        fail_msg("%s", err.text);
    r.picture = test_picture(r.ctx, 112 + PHOTOS, 112 + PHOTOS);
    return r;
}

static void close_rig(rig *r) {
    arc_image_free(r->ctx, &r->picture);
    arc_pipeline_free(&r->pipeline);
    arc_model_free(&r->embedder);
    arc_context_close(&r->ctx);
}

/* A crop of its own for each index; one cannot be had. */
static arc_photo photo_of(const rig *r, int64_t index) {
    arc_image crop = r->picture;
    crop.data += index % PHOTOS * (3 + crop.stride_bytes);
    crop.width_px = crop.height_px = 112;
    return index == BAD ? arc_photo_failed(&lost, "frame 17") : arc_photo_from_image(&crop, NULL);
}

/* A source over them and what it saw of its callers; a sink and what it was given. */
typedef struct film {
    rig *rig;
    int64_t end, breaks, sink_fails; /* -1: never */
    bool bare;                       /* breaks without a sentence */
    int64_t last;                    /* index that was asked for */
    atomic_int inside, out;
    atomic_int most_inside, most_out, given, released;
    int64_t handed, widest; /* results; photos asked for beyond them */
    arc_result *kept;       /* [PHOTOS] or NULL */
} film;

static void note_most(atomic_int *most, int value) {
    int seen = atomic_load(most);
    while (value > seen && !atomic_compare_exchange_weak(most, &seen, value))
        ;
}

static arc_status next(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    film *f = ctx;
    note_most(&f->most_inside, atomic_fetch_add(&f->inside, 1) + 1);
    arc_status st = ARC_OK;
    if (index == f->breaks) {
        st = ARC_ENETWORK;
        if (!f->bare)
            snprintf(err->text, sizeof err->text, "the camera is gone");
    } else if (index != f->end) {
        *photo = photo_of(f->rig, index);
        atomic_fetch_add(&f->given, 1);
        note_most(&f->most_out, atomic_fetch_add(&f->out, 1) + 1);
    }
    atomic_fetch_sub(&f->inside, 1);
    return st;
}

/* One thread at a time, in order: plain variables will do. */
static arc_status next_in_order(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    film *f = ctx;
    assert_int_equal(index, f->last + 1);
    f->last = index;
    return next(ctx, index, photo, err);
}

static void release(void *ctx, int64_t index, arc_photo *photo) {
    film *f = ctx;
    note_most(&f->most_inside, atomic_fetch_add(&f->inside, 1) + 1);
    assert_int_equal(photo->kind, index == BAD ? ARC_PHOTO_FAILED : ARC_PHOTO_FRAME);
    atomic_fetch_add(&f->released, 1);
    atomic_fetch_sub(&f->out, 1);
    atomic_fetch_sub(&f->inside, 1);
}

static arc_status take(void *ctx, int64_t index, arc_result *result, arc_error *err) {
    film *f = ctx;
    assert_int_equal(index, f->handed);
    if (index == f->sink_fails) {
        snprintf(err->text, sizeof err->text, "the disk is full");
        return ARC_EIO;
    }
    const int64_t ahead = atomic_load(&f->given) - f->handed++;
    f->widest = ahead > f->widest ? ahead : f->widest;
    if (f->kept) {
        f->kept[index] = *result;
        *result = (arc_result){0};
    }
    return ARC_OK;
}

static film film_of(rig *r) {
    return (film){.rig = r, .end = PHOTOS, .breaks = -1, .sink_fails = -1, .last = -1};
}

static arc_status play(film *f, bool concurrent, int64_t count, arc_error *err) {
    arc_photo_source source;
    arc_photo_source_default(&source);
    source.next = concurrent ? next : next_in_order;
    source.release = release;
    source.ctx = f;
    source.concurrent = concurrent;
    source.count = count;
    const arc_status st = arc_pipeline_run_source(f->rig->pipeline, &source, take, f, err);
    assert_int_equal(atomic_load(&f->given), atomic_load(&f->released));
    assert_int_equal(atomic_load(&f->out), 0);
    assert_true(atomic_load(&f->most_out) <= 32);
    if (!concurrent)
        assert_true(atomic_load(&f->most_inside) <= 1);
    return st;
}

/* The same photos as an array, on one thread. */
static void array_results(arc_result *out) {
    rig r = open_rig(1, NULL);
    arc_photo photos[PHOTOS];
    for (int i = 0; i < PHOTOS; i++)
        photos[i] = photo_of(&r, i);
    assert_int_equal(arc_pipeline_run_photos(r.pipeline, photos, PHOTOS, out, NULL, NULL, NULL), ARC_OK);
    close_rig(&r);
}

static void free_results(arc_context *ctx, arc_result *result, int count) {
    for (int i = 0; i < count; i++)
        arc_result_free(ctx, &result[i]);
}

static void same_results(const arc_result *a, const arc_result *b, int count) {
    for (int i = 0; i < count; i++) {
        assert_int_equal(a[i].status, i == BAD ? ARC_ECORRUPT : ARC_OK);
        assert_int_equal(a[i].status, b[i].status);
        assert_string_equal(a[i].error.text, b[i].error.text);
        assert_int_equal(a[i].faces, i == BAD ? 0 : 1);
        assert_int_equal(a[i].faces, b[i].faces);
        if (a[i].faces)
            assert_memory_equal(a[i].face->embedding, b[i].face->embedding, DIM * sizeof(float));
    }
}

static void sources_give_what_arrays_give(void **state) {
    (void)state;
    static const int threads[] = {1, 3, 9};
    arc_result want[PHOTOS], got[PHOTOS];
    arc_context *ctx = arc_test_context(NULL, 1);
    array_results(want);
    assert_string_equal(want[BAD].error.text, lost.text);
    for (size_t t = 0; t < ARC_COUNT(threads); t++) {
        rig r = open_rig(threads[t], NULL);
        for (int way = 0; way < 4; way++) { /* of known and unknown length, called by one thread and by many */
            film f = film_of(&r);
            f.kept = got;
            arc_error err = {0};
            if (play(&f, way & 1, way & 2 ? PHOTOS : -1, &err) != ARC_OK)
                fail_msg("%s", err.text);
            assert_int_equal(f.handed, PHOTOS);
            same_results(got, want, PHOTOS);
            free_results(r.ctx, got, PHOTOS);
        }
        close_rig(&r);
    }
    free_results(ctx, want, PHOTOS);
    arc_context_close(&ctx);
}

static void empty_and_short_sources(void **state) {
    (void)state;
    rig r = open_rig(2, NULL);
    for (int way = 0; way < 4; way++)
        for (int end = 0; end <= 1; end++) { /* ends before its count, too */
            film f = film_of(&r);
            f.end = end;
            assert_int_equal(play(&f, way & 1, way & 2 ? PHOTOS : -1, NULL), ARC_OK);
            assert_int_equal(f.handed, end);
        }
    film f = film_of(&r);
    assert_int_equal(play(&f, false, 0, NULL), ARC_OK);
    assert_int_equal(f.last, -1);
    close_rig(&r);
}

static void a_broken_source_ends_the_run(void **state) {
    (void)state;
    arc_result want[PHOTOS], got[PHOTOS];
    arc_context *ctx = arc_test_context(NULL, 1);
    array_results(want);
    for (int threads = 1; threads <= 3; threads++) {
        rig r = open_rig(threads, NULL);
        for (int way = 0; way < 4; way++)
            for (int at = 0; at <= 41; at += 41) {
                film f = film_of(&r);
                arc_error err = {0};
                f.breaks = at;
                f.bare = way & 2;
                f.kept = got;
                assert_int_equal(play(&f, way & 1, -1, &err), ARC_ENETWORK);
                if (f.bare)
                    assert_non_null(strstr(err.text, at ? "photo 41" : "photo 0"));
                else
                    assert_string_equal(err.text, "the camera is gone");
                assert_int_equal(err.code, ARC_ENETWORK);
                assert_int_equal(f.handed, at);
                same_results(got, want, at);
                free_results(r.ctx, got, at);
                film again = film_of(&r);
                again.breaks = at;
                assert_int_equal(play(&again, way & 1, -1, NULL), ARC_ENETWORK); /* and without an error to write to */
            }
        close_rig(&r);
    }
    free_results(ctx, want, PHOTOS);
    arc_context_close(&ctx);
}

static void a_sink_that_fails_ends_the_run(void **state) {
    (void)state;
    rig r = open_rig(3, NULL);
    for (int at = 0; at < PHOTOS; at += 29) {
        film f = film_of(&r);
        arc_error err = {0};
        f.sink_fails = at;
        assert_int_equal(play(&f, false, -1, &err), ARC_EIO);
        assert_string_equal(err.text, "the disk is full");
        assert_int_equal(f.handed, at);
    }
    close_rig(&r);
}

/* One face, then thousands of photos without any: the face does not wait for company for ever, nor do the photos behind it. */
static arc_status next_faceless(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    film *f = ctx;
    (void)err;
    if (index == f->end)
        return ARC_OK;
    *photo = index == 5 ? photo_of(f->rig, index) : arc_photo_failed(&lost, NULL);
    atomic_fetch_add(&f->given, 1);
    return ARC_OK;
}

static void a_face_does_not_wait_for_ever(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        rig r = open_rig(threads, NULL);
        film f = film_of(&r);
        arc_photo_source source;
        arc_photo_source_default(&source);
        source.next = next_faceless;
        source.ctx = &f;
        f.end = 5000;
        assert_int_equal(arc_pipeline_run_source(r.pipeline, &source, take, &f, NULL), ARC_OK);
        assert_int_equal(f.handed, 5000);
        printf("%d threads: at most %d photos ahead of their results\n", threads, (int)f.widest);
        assert_true(f.widest <= 256 + 2 * 16 * threads);
        close_rig(&r);
    }
}

static void senseless_sources_are_refused(void **state) {
    (void)state;
    rig r = open_rig(1, NULL);
    arc_error err = {0};
    arc_photo_source source;
    film f = film_of(&r);
    arc_photo_source_default(&source);
    assert_int_equal(arc_pipeline_run_source(r.pipeline, &source, take, &f, &err), ARC_EINVAL);
    assert_int_equal(arc_pipeline_run_source(r.pipeline, NULL, take, &f, &err), ARC_EINVAL);
    source.next = next;
    source.ctx = &f;
    assert_int_equal(arc_pipeline_run_source(r.pipeline, &source, NULL, &f, &err), ARC_EINVAL);
    assert_int_equal(atomic_load(&f.given), 0);
    close_rig(&r);
}

/* The n-th allocation fails, all through a short run: it ends or photos fail, nothing leaks. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    rig r = open_rig(1, &heap);
    film f = film_of(&r);
    f.end = 3;
    assert_int_equal(play(&f, false, -1, NULL), ARC_OK); /* plans are made once */
    arc_test_walk walk = {.heap = &heap, .may_manage = true};
    do {
        f = film_of(&r);
        f.end = 3;
        arc_test_walk_begin(&walk);
    } while (arc_test_walk_again(&walk, play(&f, false, -1, NULL)));
    printf("%ld failing allocations\n", walk.failures);
    assert_true(walk.failures >= 5);
    close_rig(&r);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_give_what_arrays_give), cmocka_unit_test(empty_and_short_sources),
        cmocka_unit_test(a_broken_source_ends_the_run),  cmocka_unit_test(a_sink_that_fails_ends_the_run),
        cmocka_unit_test(a_face_does_not_wait_for_ever), cmocka_unit_test(senseless_sources_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
