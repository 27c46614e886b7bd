/* The loader: the same batches for any number of threads and ranks, resuming, replaced samples; the sampler is a permutation;
 * augmentation. */
#include "data/loader.h"
#include "data/sampler.h"
#include "data_support.h"

enum { IDENTITIES = 6, EACH = 7, SAMPLES = IDENTITIES * EACH, SIZE = 32, BATCH = 8, PICTURE = SIZE * SIZE * 3 };

static arc_data_set *open_set(arc_context *ctx, const char *name) {
    arc_data_set *set = NULL;
    arc_error err = {0};
    if (arc_data_set_open(&set, ctx, in_folder(name), &err) != ARC_OK)
        fail_msg("%s", err.text);
    return set;
}

static arc_loader *open_loader(const arc_data_set *set, arc_loader_options *opt) {
    arc_loader *l;
    arc_error err = {0};
    if (arc_loader_new(&l, set, opt, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return l;
}

static arc_loader_options options(int batch, int threads) {
    arc_loader_options opt;
    arc_loader_options_default(&opt);
    opt.batch = batch;
    opt.threads = threads;
    opt.height_px = opt.width_px = SIZE;
    opt.seed = 3;
    assert_int_equal(arc_augment_parse(&opt.augment, "flip,dali,jitter=0.5,crop=0.3,mask,cutout,jpeg=0.3", NULL), ARC_OK);
    return opt;
}

static void permutation(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 5, 16, 17, 1000, 65537};
    uint8_t *seen = malloc(65537);
    for (size_t k = 0; k < ARC_COUNT(sizes); k++) {
        uint64_t moved = 0, fixed = 0;
        arc_sampler s, next;
        arc_sampler_init(&s, sizes[k], 9, 4, true);
        arc_sampler_init(&next, sizes[k], 9, 5, true);
        memset(seen, 0, sizes[k]);
        for (uint64_t i = 0; i < sizes[k]; i++) {
            const uint64_t at = arc_sampler_at(&s, i);
            assert_true(at < sizes[k] && !seen[at]);
            seen[at] = 1;
            fixed += at == i;
            moved += at != arc_sampler_at(&next, i);
        }
        if (sizes[k] >= 1000)
            assert_true(fixed < 12 && moved > sizes[k] - 12);
        arc_sampler_init(&s, sizes[k], 9, 4, false);
        assert_int_equal(arc_sampler_at(&s, sizes[k] - 1), sizes[k] - 1);
    }
    /* Large sets are reached without storing anything. */
    arc_sampler s;
    arc_sampler_init(&s, 42474557, 1, 0, true);
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(arc_sampler_at(&s, i * 42000) < 42474557);
    free(seen);
}

/* Copies `batches` batches: pixels, labels, records. */
static void take(arc_loader *l, int batches, uint8_t *rgb, int64_t *label, int64_t *record) {
    for (int b = 0; b < batches; b++) {
        arc_batch batch;
        arc_error err = {0};
        if (arc_loader_next(l, &batch, &err) != ARC_OK)
            fail_msg("%s", err.text);
        memcpy(rgb + (size_t)b * batch.n * PICTURE, batch.rgb, (size_t)batch.n * PICTURE);
        memcpy(label + b * batch.n, batch.label, (size_t)batch.n * sizeof *label);
        memcpy(record + b * batch.n, batch.record, (size_t)batch.n * sizeof *record);
    }
}

typedef struct taken {
    uint8_t rgb[16 * BATCH * PICTURE];
    int64_t label[16 * BATCH], record[16 * BATCH];
} taken;

static void same_for_all_threads(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    test_write_rec(ctx, "set", IDENTITIES, EACH, SIZE);
    arc_data_set *set = open_set(ctx, "set.rec");
    taken *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    static const int threads[] = {0, 1, 2, 5};
    for (size_t i = 0; i < ARC_COUNT(threads); i++) {
        arc_loader_options opt = options(BATCH, threads[i]);
        arc_loader *l = open_loader(set, &opt);
        assert_int_equal(arc_loader_steps(l), SAMPLES / BATCH);
        take(l, 16, i ? b->rgb : a->rgb, i ? b->label : a->label, i ? b->record : a->record);
        assert_int_equal(arc_loader_figures_get(l).replaced, 0);
        arc_loader_free(&l);
        if (i)
            assert_memory_equal(a, b, sizeof *a);
    }
    for (int i = 0; i < 16 * BATCH; i++)
        assert_int_equal(a->label[i], a->record[i] / EACH);
    for (int i = 0; i < SAMPLES / BATCH * BATCH; i++) /* within an epoch no sample comes twice */
        for (int j = 0; j < i; j++)
            assert_int_not_equal(a->record[i], a->record[j]);
    free(a);
    free(b);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static void ranks_see_the_global_batch(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_data_set *set = open_set(ctx, "set.rec");
    taken *one = calloc(1, sizeof *one), *part = calloc(1, sizeof *part);
    arc_loader_options opt = options(BATCH, 2);
    arc_loader *l = open_loader(set, &opt);
    take(l, 12, one->rgb, one->label, one->record);
    arc_loader_free(&l);
    for (int ranks = 2; ranks <= 4; ranks += 2)
        for (int rank = 0; rank < ranks; rank++) {
            const int n = BATCH / ranks;
            opt = options(n, rank);
            opt.rank = rank;
            opt.ranks = ranks;
            l = open_loader(set, &opt);
            take(l, 12, part->rgb, part->label, part->record);
            arc_loader_free(&l);
            for (int s = 0; s < 12; s++) {
                const int at = s * BATCH + rank * n;
                assert_memory_equal(part->record + s * n, one->record + at, (size_t)n * sizeof(int64_t));
                assert_memory_equal(part->label + s * n, one->label + at, (size_t)n * sizeof(int64_t));
                assert_memory_equal(part->rgb + (size_t)(s * n) * PICTURE, one->rgb + (size_t)at * PICTURE, (size_t)n * PICTURE);
            }
        }
    free(one);
    free(part);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static void seeking(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_data_set *set = open_set(ctx, "set.rec");
    taken *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    for (int threads = 0; threads < 4; threads += 3) {
        arc_loader_options opt = options(BATCH, threads);
        arc_loader *l = open_loader(set, &opt);
        take(l, 12, a->rgb, a->label, a->record); /* epochs of 5 steps: batch 7 is epoch 1, step 2 */
        arc_loader_seek(l, 1, 2);
        arc_batch batch;
        assert_int_equal(arc_loader_next(l, &batch, NULL), ARC_OK);
        assert_true(batch.epoch == 1 && batch.step == 2);
        assert_memory_equal(batch.rgb, a->rgb + (size_t)(7 * BATCH) * PICTURE, (size_t)BATCH * PICTURE);
        assert_memory_equal(batch.record, a->record + 7 * BATCH, BATCH * sizeof(int64_t));
        take(l, 4, b->rgb, b->label, b->record);
        assert_memory_equal(b->record, a->record + 8 * BATCH, 4 * BATCH * sizeof(int64_t));
        arc_loader_seek(l, 0, 0);
        take(l, 12, b->rgb, b->label, b->record);
        assert_memory_equal(a, b, sizeof *a);
        arc_loader_free(&l);
    }
    free(a);
    free(b);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static int warnings;
static void count_warnings(void *ctx, arc_log_level level, const char *text) {
    (void)ctx;
    if (level == ARC_LOG_WARN && strstr(text, "is left out"))
        warnings++;
}

/* Pictures that do not decode are replaced by others of the set, the same ones every time, counted and named. */
static void bad_samples(void **state) {
    (void)state;
    arc_settings s = arc_test_settings(NULL, 1);
    s.log = count_warnings;
    arc_context *ctx = arc_test_open(&s);
    test_write_rec(ctx, "dirty", IDENTITIES, EACH, SIZE);
    arc_data_set *set = open_set(ctx, "dirty.rec");
    for (int i = 0; i < 3; i++) {
        uint64_t key, offset;
        assert_true(arc_data_set_record(set, 5 * i, &key, &offset));
        test_flip("dirty.rec", (long)offset + (i == 2 ? 0 : 8 + 24), 4, 0x5a);
    }
    taken *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    arc_loader_options opt = options(BATCH, 0);
    arc_loader *l = open_loader(set, &opt);
    take(l, 15, a->rgb, a->label, a->record);
    assert_true(arc_loader_figures_get(l).replaced >= 3 && warnings > 0);
    arc_loader_free(&l);
    opt = options(BATCH, 3);
    l = open_loader(set, &opt);
    take(l, 15, b->rgb, b->label, b->record);
    arc_loader_free(&l);
    assert_memory_equal(a, b, sizeof *a);
    for (int i = 0; i < 15 * BATCH; i++)
        assert_true(a->record[i] != 0 && a->record[i] != 5 && a->record[i] != 10 && a->label[i] == a->record[i] / EACH);
    free(a);
    free(b);
    arc_data_set_close(&set);
    /* A set without a single good picture is an error, not an endless search. */
    test_write_text("words.lst", "words.lst 0\nwords.lst 1\n");
    set = open_set(ctx, "words.lst");
    opt = options(2, 1);
    l = open_loader(set, &opt);
    arc_batch batch;
    arc_error err = {0};
    assert_int_equal(arc_loader_next(l, &batch, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "in a row"));
    assert_null(batch.rgb);
    arc_loader_free(&l);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static void refusals(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_loader *l;
    arc_error err;
    test_write_rec(ctx, "lonely", 1, 9, SIZE);
    arc_data_set *set = open_set(ctx, "lonely.rec");
    arc_loader_options opt = options(2, 0);
    assert_int_equal(arc_loader_new(&l, set, &opt, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "one identity"));
    arc_data_set_close(&set);
    set = open_set(ctx, "set.rec");
    opt = options(SAMPLES / 2 + 1, 0);
    opt.ranks = 2;
    assert_int_equal(arc_loader_new(&l, set, &opt, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "42 pictures"));
    opt = options(0, 0);
    assert_int_equal(arc_loader_new(&l, set, &opt, &err), ARC_EINVAL);
    opt = options(4, 0);
    opt.rank = 1;
    assert_int_equal(arc_loader_new(&l, set, &opt, &err), ARC_EINVAL);
    arc_augment a;
    static const char *const bad[] = {"dalli", "blur=2", "blur=", "flip=x", "flip,,what"};
    for (size_t i = 0; i < ARC_COUNT(bad); i++)
        assert_int_equal(arc_augment_parse(&a, bad[i], &err), ARC_EINVAL);
    assert_int_equal(arc_augment_parse(&a, "none", &err), ARC_OK);
    assert_true(a.flip == 0 && a.blur == 0);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

/* Pictures of another size are cut to shape and scaled; each step of augmentation changes the picture, and flip is exact. */
static void pixels(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_image image = test_paint(ctx, SIZE, 3);
    uint8_t *rgb = malloc(PICTURE), *scratch = malloc(arc_augment_scratch_bytes(SIZE, SIZE));
    static const char *const steps[] = {"flip=1", "crop=1", "low-res=1", "blur=1",   "jitter=1",
                                        "hue=1",  "gray=1", "jpeg=1",    "cutout=1", "mask=1"};
    for (size_t i = 0; i < ARC_COUNT(steps); i++) {
        arc_augment a;
        arc_rng rng;
        size_t changed = 0;
        assert_int_equal(arc_augment_parse(&a, steps[i], NULL), ARC_OK);
        memcpy(rgb, image.data, PICTURE);
        arc_rng_seed(&rng, 5, i);
        assert_int_equal(arc_augment_apply(&a, ctx, rgb, SIZE, SIZE, &rng, scratch, NULL), ARC_OK);
        for (size_t k = 0; k < PICTURE; k++)
            changed += rgb[k] != image.data[k];
        if (changed < PICTURE / 20)
            fail_msg("%s changes only %zu bytes", steps[i], changed);
        for (size_t k = 0; i == 0 && k < PICTURE; k++)
            assert_int_equal(rgb[k], image.data[k / 3 / SIZE * SIZE * 3 + (SIZE - 1 - k / 3 % SIZE) * 3 + k % 3]);
        for (size_t k = 0; i == 6 && k < PICTURE; k += 3)
            assert_true(rgb[k] == rgb[k + 1] && rgb[k] == rgb[k + 2]);
    }
    arc_image_free(ctx, &image);
    free(rgb);
    free(scratch);
    test_write_pictures(ctx, "large", 2, 4, 2 * SIZE);
    arc_data_set *set = open_set(ctx, "large");
    arc_loader_options opt = options(8, 0);
    opt.augment = (arc_augment){0};
    opt.in_order = true;
    arc_loader *l = open_loader(set, &opt);
    arc_batch batch;
    assert_int_equal(arc_loader_next(l, &batch, NULL), ARC_OK);
    for (int i = 0; i < 8; i++) {
        arc_image full = test_paint(ctx, 2 * SIZE, i);
        assert_int_equal(batch.record[i], i);
        for (int y = 0; y < SIZE; y++)
            for (int x = 0; x < SIZE; x++) { /* a halving is the mean of four */
                const uint8_t *p = full.data + 2 * y * full.stride_bytes + 6 * x;
                const int mean = (p[0] + p[3] + p[full.stride_bytes] + p[full.stride_bytes + 3] + 2) / 4;
                assert_int_equal(batch.rgb[(size_t)i * PICTURE + (size_t)(y * SIZE + x) * 3], mean);
            }
        arc_image_free(ctx, &full);
    }
    arc_loader_free(&l);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    arc_data_set *set = open_set(ctx, "set.rec");
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_loader *l;
        arc_batch batch;
        arc_loader_options opt = options(BATCH, 0);
        arc_test_walk_begin(&walk);
        st = arc_loader_new(&l, set, &opt, NULL);
        if (st == ARC_OK)
            st = arc_loader_next(l, &batch, NULL);
        if (st == ARC_OK)
            assert_int_equal(arc_loader_figures_get(l).replaced, 0); /* no memory is not a bad picture */
        arc_loader_free(&l);
    } while (arc_test_walk_again(&walk, st));
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutation), cmocka_unit_test(same_for_all_threads), cmocka_unit_test(ranks_see_the_global_batch),
        cmocka_unit_test(seeking),     cmocka_unit_test(bad_samples),          cmocka_unit_test(refusals),
        cmocka_unit_test(pixels),      cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
