/* Many photos at once: the results of lanes are those of one photo after the other, in order, bit for bit; a bad photo in the
 * middle fails alone;
 * cancelling, failing memory and recycled blocks. Run under ThreadSanitizer too. */
#include "face_support.h"
#include "folder.h"

#include <pthread.h>
#include <unistd.h>

#define PICTURES 40
#define BAD 17 /* not a picture */
#define CUT 23 /* a JPEG that ends early: what was decoded is used */
#define DIM 32

static char path[PICTURES][TEST_PATH_BYTES];

static void write_bytes(const char *name, const void *bytes, size_t count) {
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

/* Crops of 112x112, each its own; JPEG and PNG in turn. */
static int make_pictures(void **state) {
    (void)state;
    arc_context *c = arc_test_context(NULL, 1);
    arc_image large = test_picture(c, 112 + PICTURES, 112 + PICTURES);
    for (int i = 0; i < PICTURES; i++) {
        arc_image crop = large;
        crop.data += i * 3 + i * large.stride_bytes;
        crop.width_px = crop.height_px = 112;
        snprintf(path[i], sizeof path[i], "%s/%02d.%s", test_folder(), i, i % 2 ? "jpg" : "png");
        assert_int_equal(arc_image_save(c, &crop, path[i], NULL), ARC_OK);
    }
    write_bytes(path[BAD], "not a picture", 13);
    arc_map map;
    assert_int_equal(arc_map_open(&map, path[CUT], 1 << 20, NULL), ARC_OK);
    uint8_t half[4096];
    size_t count = map.bytes / 2 < sizeof half ? map.bytes / 2 : sizeof half;
    memcpy(half, map.data, count);
    arc_map_close(&map);
    write_bytes(path[CUT], half, count);
    arc_image_free(c, &large);
    arc_context_close(&c);
    return 0;
}

typedef struct rig {
    arc_context *ctx;
    arc_model *detector, *embedder;
    arc_pipeline *pipeline;
} rig;

/* detector NULL: ready crops. */
static rig open_rig(int threads, const char *detector, bool fast_decode) {
    rig r = {.ctx = arc_test_context(NULL, threads)};
    arc_error err = {0};
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    opt.aligned = !detector;
    opt.all_faces = true;
    opt.image.min_side_px = fast_decode ? 640 : 0;
    if ((detector && arc_model_load(r.ctx, detector, ARC_TASK_DETECT, NULL, &r.detector, &err) != ARC_OK) ||
        arc_model_new(r.ctx, "tiny", DIM, 3, &r.embedder, &err) != ARC_OK ||
        arc_pipeline_new(r.ctx, r.detector, r.embedder, &opt, &r.pipeline, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return r;
}

static void close_rig(rig *r) {
    arc_pipeline_free(&r->pipeline);
    arc_model_free(&r->embedder);
    arc_model_free(&r->detector);
    arc_context_close(&r->ctx);
}

static void free_results(rig *r, arc_result *result, int count) {
    for (int i = 0; i < count; i++)
        arc_result_free(r->ctx, &result[i]);
}

static void same_result(const arc_result *a, const arc_result *b) {
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->error.text, b->error.text);
    assert_int_equal(a->faces_found, b->faces_found);
    assert_int_equal(a->faces, b->faces);
    assert_int_equal(a->width_px, b->width_px);
    for (int k = 0; k < a->faces; k++) {
        assert_memory_equal(&a->face[k].face, &b->face[k].face, sizeof(arc_face));
        assert_memory_equal(a->face[k].embedding, b->face[k].embedding, DIM * sizeof(float));
    }
}

/* All at once on several threads against one photo a call on one thread. */
static void lanes_equal_one_by_one(const char *detector, const char *const *paths, int count) {
    arc_result *alone = calloc((size_t)count, sizeof *alone), *together = calloc((size_t)count, sizeof *together);
    rig one = open_rig(1, detector, false);
    for (int i = 0; i < count; i++)
        assert_int_equal(arc_pipeline_run(one.pipeline, &paths[i], 1, &alone[i], NULL, NULL, NULL), ARC_OK);
    static const int threads[] = {2, 3, 19};
    for (size_t t = 0; t < ARC_COUNT(threads); t++) {
        rig many = open_rig(threads[t], detector, false);
        assert_int_equal(arc_pipeline_run(many.pipeline, paths, count, together, NULL, NULL, NULL), ARC_OK);
        for (int i = 0; i < count; i++)
            same_result(&alone[i], &together[i]);
        free_results(&many, together, count);
        close_rig(&many);
    }
    free_results(&one, alone, count);
    close_rig(&one);
    free(alone);
    free(together);
}

static void crops_keep_order_bits_and_errors(void **state) {
    (void)state;
    const char *paths[PICTURES];
    for (int i = 0; i < PICTURES; i++)
        paths[i] = path[i];
    lanes_equal_one_by_one(NULL, paths, PICTURES);
    rig r = open_rig(2, NULL, false);
    arc_result result[PICTURES];
    assert_int_equal(arc_pipeline_run(r.pipeline, paths, PICTURES, result, NULL, NULL, NULL), ARC_OK);
    for (int i = 0; i < PICTURES; i++) {
        assert_int_equal(result[i].status, i == BAD ? ARC_EFORMAT : ARC_OK);
        assert_int_equal(result[i].faces, i == BAD ? 0 : 1);
        assert_int_equal(result[i].damaged, i == CUT);
    }
    assert_non_null(strstr(result[BAD].error.text, path[BAD]));
    free_results(&r, result, PICTURES);
    close_rig(&r);
}

static void photos_keep_order_bits_and_errors(void **state) {
    (void)state;
    static const char *const names[] = {"photos/pairs/img1.jpg", "photos/insightface/t1.jpg",
                                        "photos/pairs/img3.jpg", "photos/pairs/img40.jpg",
                                        "photos/pairs/img4.jpg", "photos/insightface/mask_blue.jpg"};
    enum { NAMES = ARC_COUNT(names), COUNT = 3 * NAMES + 2 };
    char file[NAMES][1024], detector[1024];
    const char *paths[COUNT];
    snprintf(detector, sizeof detector, "%s", arc_test_file("models/detection/det_500m.onnx"));
    for (int i = 0; i < NAMES; i++)
        snprintf(file[i], sizeof file[i], "%s", arc_test_file(names[i]));
    for (int i = 0; i < COUNT; i++)
        paths[i] = i == 7 ? path[BAD] : i == 12 ? "/nonexistent.jpg" : file[i % NAMES];
    lanes_equal_one_by_one(detector, paths, COUNT);
}

/* Reduced decoding keeps the faces, in pixels of the photo, and nearly their embeddings. */
static void fast_decoding_stays_close(void **state) {
    (void)state;
    char detector[1024];
    snprintf(detector, sizeof detector, "%s", arc_test_file("models/detection/det_500m.onnx"));
    const char *photo = arc_test_file("photos/insightface/t1.jpg"); /* 1280 px, searched and cropped at 640 */
    rig exact = open_rig(2, detector, false), fast = open_rig(2, detector, true);
    arc_result a, b;
    assert_int_equal(arc_pipeline_run(exact.pipeline, &photo, 1, &a, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(arc_pipeline_run(fast.pipeline, &photo, 1, &b, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(a.faces, 6);
    assert_int_equal(b.faces, 6);
    assert_int_equal(b.width_px, 1280);
    for (int i = 0; i < 6; i++) {
        double best = INFINITY;
        for (int k = 0; k < 6; k++)
            best = fmin(best, hypot((double)a.face[i].face.landmark_px[2][0] - (double)b.face[k].face.landmark_px[2][0],
                                    (double)a.face[i].face.landmark_px[2][1] - (double)b.face[k].face.landmark_px[2][1]));
        assert_true(best < 2);
    }
    free_results(&exact, &a, 1);
    free_results(&fast, &b, 1);
    close_rig(&exact);
    close_rig(&fast);
}

typedef struct stopper {
    pthread_t caller;
    int at, last, calls;
} stopper;

static int stop_later(void *arg, int done, int count) {
    stopper *s = arg;
    assert_true(pthread_equal(s->caller, pthread_self()));
    assert_true(done > s->last && done <= count);
    s->last = done;
    s->calls++;
    return done >= s->at;
}

/* More photos than a round of three lanes takes: however the lanes are scheduled, the caller hears of five before all are
 * done. */
static void cancelling_leaves_a_finished_front(void **state) {
    enum { MANY = 100 };
    (void)state;
    const char *paths[MANY];
    for (int i = 0; i < MANY; i++)
        paths[i] = path[0];
    rig r = open_rig(3, NULL, false);
    arc_result result[MANY];
    stopper s = {.caller = pthread_self(), .at = 5};
    arc_error err;
    assert_int_equal(arc_pipeline_run(r.pipeline, paths, MANY, result, stop_later, &s, &err), ARC_ECANCEL);
    int finished = 0;
    while (finished < MANY && result[finished].status == ARC_OK)
        finished++;
    assert_true(finished >= s.last && finished < MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(result[i].status, i < finished ? ARC_OK : ARC_ECANCEL);
        assert_int_equal(result[i].faces, i < finished ? 1 : 0);
        if (i > 0 && i < finished)
            assert_memory_equal(result[i].face->embedding, result[0].face->embedding, DIM * sizeof(float));
    }
    free_results(&r, result, MANY);

    s = (stopper){.caller = pthread_self(), .at = MANY + 1};
    assert_int_equal(arc_pipeline_run(r.pipeline, paths, MANY, result, stop_later, &s, &err), ARC_OK);
    assert_int_equal(s.last, MANY); /* whoever finished the last one */
    free_results(&r, result, MANY);
    close_rig(&r);
}

/* ---- failing memory ---- */

static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;

static void *locked_get(void *ctx, size_t align, size_t bytes) {
    pthread_mutex_lock(&heap_lock);
    void *p = arc_test_heap_get(ctx, align, bytes);
    pthread_mutex_unlock(&heap_lock);
    return p;
}

static void locked_put(void *ctx, void *p) {
    pthread_mutex_lock(&heap_lock);
    arc_test_heap_put(ctx, p);
    pthread_mutex_unlock(&heap_lock);
}

/* Which photo meets the failure depends on the threads; that each is whole or ENOMEM and nothing leaks does not. */
static void any_allocation_may_fail_in_lanes(void **state) {
    (void)state;
    char detector[1024];
    snprintf(detector, sizeof detector, "%s", arc_test_file("models/detection/det_500m.onnx"));
    const char *photo = arc_test_file("photos/insightface/t1.jpg"), *paths[5] = {photo, photo, photo, photo, photo};
    arc_test_heap heap = {0};
    arc_settings settings = arc_test_settings(NULL, 2);
    settings.alloc = (arc_alloc){locked_get, locked_put, &heap};
    rig r = {.ctx = arc_test_open(&settings)};
    assert_int_equal(arc_model_load(r.ctx, detector, ARC_TASK_DETECT, NULL, &r.detector, NULL), ARC_OK);
    assert_int_equal(arc_model_new(r.ctx, "tiny", DIM, 3, &r.embedder, NULL), ARC_OK);
    arc_test_walk walk = {.heap = &heap, .thin = 12, .may_manage = true};
    arc_status st;
    do {
        arc_result result[5] = {{0}};
        arc_test_walk_begin(&walk);
        st = arc_pipeline_new(r.ctx, r.detector, r.embedder, NULL, &r.pipeline, NULL);
        if (st == ARC_OK)
            st = arc_pipeline_run(r.pipeline, paths, 5, result, NULL, NULL, NULL);
        int bad = 0;
        for (int i = 0; i < 5; i++) {
            assert_true(result[i].status == ARC_OK || result[i].status == ARC_ENOMEM);
            bad += result[i].status != ARC_OK;
        }
        if (st == ARC_OK)
            assert_true(arc_test_walk_refused(&walk) == (bad > 0));
        free_results(&r, result, 5);
        arc_pipeline_free(&r.pipeline);
    } while (arc_test_walk_again(&walk, st));
    printf("%ld failing allocations\n", walk.failures);
    close_rig(&r);
    assert_int_equal(heap.live, 0);
}

static void recycler_keeps_large_blocks(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc inner = arc_test_heap_alloc(&heap);
    arc_recycler r;
    arc_recycler_init(&r, &inner);
    void *a = arc_mem_raw(&r.alloc, 1 << 20, 1), *b = arc_mem_raw(&r.alloc, 2 << 20, 1), *c = arc_mem_raw(&r.alloc, 3 << 20, 1);
    assert_true(a && b && c && a != b && b != c);
    assert_int_equal(heap.live, 3);
    arc_mem_free(&r.alloc, c); /* the third goes back, two are kept */
    assert_int_equal(heap.live, 2);
    arc_mem_free(&r.alloc, a);
    arc_mem_free(&r.alloc, b);
    assert_int_equal(heap.live, 2);
    assert_ptr_equal(arc_mem_raw(&r.alloc, (2 << 20) - 5, 1), b);
    void *small = arc_mem_raw(&r.alloc, 100, 1);
    assert_int_equal(heap.live, 3);
    arc_mem_free(&r.alloc, small);
    void *larger = arc_mem_raw(&r.alloc, 4 << 20, 1); /* in place of the idle one */
    assert_non_null(larger);
    assert_int_equal(heap.live, 2);
    arc_mem_free(&r.alloc, larger);
    heap.fail_at = 1;
    assert_null(arc_mem_raw(&r.alloc, 8 << 20, 1));
    assert_int_equal(heap.live, 1);
    arc_mem_free(&r.alloc, b);
    arc_recycler_free(&r);
    arc_recycler_free(&r);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recycler_keeps_large_blocks),        cmocka_unit_test(crops_keep_order_bits_and_errors),
        cmocka_unit_test(cancelling_leaves_a_finished_front), cmocka_unit_test(photos_keep_order_bits_and_errors),
        cmocka_unit_test(fast_decoding_stays_close),          cmocka_unit_test(any_allocation_may_fail_in_lanes),
    };
    return cmocka_run_group_tests(tests, make_pictures, NULL);
}
