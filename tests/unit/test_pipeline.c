/* Embedding and the pipeline on real models: goldens, batches, flip, bad photos among good ones, cancelling, failing memory. */
#include "face_support.h"
#include "folder.h"
#include "shared_context.h"

#include <unistd.h>

static arc_model *load(arc_context *c, const char *name, arc_task task) {
    arc_model *model = NULL;
    arc_error err = {0};
    if (arc_model_load(c, arc_test_file(name), task, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return model;
}

#define EMBEDDER "models/recognition/mobilefacenet_relu6_128d.onnx"
#define EMBEDDER_512 "models/recognition/w600k_mbf_dequantised_fp32.onnx"
#define DETECTOR "models/detection/det_500m.onnx"
#define CROPS "goldens/recognition/crops_u8_rgb.npy"

/* The 64 golden crops as views of the mapped file. */
static void golden_crops(const arc_map *map, arc_image crops[64]) {
    test_npy npy = test_npy_parse(map->data);
    assert_int_equal(npy.dim[0], 64);
    for (int i = 0; i < 64; i++)
        crops[i] = (arc_image){(uint8_t *)npy.data + (size_t)i * 112 * 112 * 3, 112, 112, 336, ARC_RGB8};
}

static void embeddings_equal_goldens(void **state) {
    (void)state;
    static const struct {
        const char *model, *golden;
    } table[] = {{EMBEDDER, "goldens/recognition/mobilefacenet_relu6_128d.npy"},
                 {EMBEDDER_512, "goldens/recognition/w600k_mbf_dequantised_fp32.npy"}};
    for (size_t k = 0; k < ARC_COUNT(table); k++) {
        arc_map crops_map, golden_map;
        arc_image crops[64];
        assert_int_equal(arc_map_open(&crops_map, arc_test_file(CROPS), 1 << 26, NULL), ARC_OK);
        assert_int_equal(arc_map_open(&golden_map, arc_test_file(table[k].golden), 1 << 26, NULL), ARC_OK);
        golden_crops(&crops_map, crops);
        test_npy golden = test_npy_parse(golden_map.data);
        arc_model *model = load(ctx, table[k].model, ARC_TASK_EMBED);
        arc_embedder *embedder = NULL;
        assert_int_equal(arc_embedder_new(ctx, model, &embedder, NULL), ARC_OK);
        int dim = arc_embedder_dim(embedder);
        assert_int_equal(dim, golden.dim[1]);
        float *out = malloc(64 * (size_t)dim * sizeof *out), *want = malloc(64 * (size_t)dim * sizeof *want);
        memcpy(want, golden.data, 64 * (size_t)dim * sizeof *want);
        assert_int_equal(arc_embed_crops(embedder, crops, 37, false, out, NULL), ARC_OK); /* 16 + 16 + 4 + 1 */
        double worst = 1;
        for (int i = 0; i < 37; i++)
            worst = fmin(worst, arc_embedding_cosine(out + i * dim, want + i * dim, dim));
        printf("%s: least cosine %.9f\n", table[k].model, worst);
        assert_true(worst > 0.99999);
        free(out);
        free(want);
        arc_embedder_free(&embedder);
        arc_model_free(&model);
        arc_map_close(&crops_map);
        arc_map_close(&golden_map);
    }
}

static void flip_sums_the_mirrored_view(void **state) {
    (void)state;
    arc_map map;
    arc_image crops[64], mirrored;
    assert_int_equal(arc_map_open(&map, arc_test_file(CROPS), 1 << 26, NULL), ARC_OK);
    golden_crops(&map, crops);
    arc_model *model = load(ctx, EMBEDDER, ARC_TASK_EMBED);
    arc_embedder *embedder = NULL;
    assert_int_equal(arc_embedder_new(ctx, model, &embedder, NULL), ARC_OK);
    assert_int_equal(arc_image_new(ctx, 112, 112, &mirrored, NULL), ARC_OK);
    mirrored.format = ARC_BGR8; /* the order of bytes must not matter */
    for (int y = 0; y < 112; y++)
        for (int x = 0; x < 112; x++)
            for (int c = 0; c < 3; c++)
                mirrored.data[y * 336 + 3 * x + c] = crops[9].data[y * 336 + 3 * (111 - x) + 2 - c];
    float sum[11 * 128], plain[128], other[128];
    assert_int_equal(arc_embed_crops(embedder, crops, 11, true, sum, NULL), ARC_OK);
    assert_int_equal(arc_embed_crops(embedder, &crops[9], 1, false, plain, NULL), ARC_OK);
    assert_int_equal(arc_embed_crops(embedder, &mirrored, 1, false, other, NULL), ARC_OK);
    for (int i = 0; i < 128; i++)
        plain[i] += other[i];
    assert_true(arc_test_max_error(plain, sum + 9 * 128, 128) < 1e-4);
    assert_int_equal(arc_embed_crops(embedder, crops, 0, true, sum, NULL), ARC_OK);
    arc_image small = crops[0];
    small.width_px = 100;
    assert_int_equal(arc_embed_crops(embedder, &small, 1, false, plain, NULL), ARC_ESHAPE);
    arc_image_free(ctx, &mirrored);
    arc_embedder_free(&embedder);
    arc_model_free(&model);
    arc_map_close(&map);
}

static void small_helpers(void **state) {
    (void)state;
    float v[4] = {3, 4, 0, 0}, other[2] = {-4, 3};
    arc_embedding_normalise(v, 2, 2);
    assert_float_equal(v[0], 0.6, 1e-7);
    assert_float_equal(v[2], 0, 0);
    assert_true(fabs(arc_embedding_cosine(v, other, 2)) < 1e-7);
    assert_true(arc_embedding_cosine(v + 2, other, 2) == 0);
}

/* Needs no data: a new network of the zoo. Batches of any size give what single runs give, and flip adds the mirrored view. */
static void new_network_embeds_in_batches(void **state) {
    (void)state;
    arc_model *model = NULL;
    arc_embedder *embedder = NULL;
    arc_error err = {0};
    if (arc_model_new(ctx, "mbf", 64, 3, &model, &err) != ARC_OK || arc_embedder_new(ctx, model, &embedder, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_embedder_dim(embedder), 64);
    arc_image photo = test_picture(ctx, 140, 140), crops[7];
    for (int i = 0; i < 7; i++) {
        crops[i] = photo;
        crops[i].data += 3 * i + i * photo.stride_bytes;
        crops[i].width_px = crops[i].height_px = 112;
    }
    float all[7 * 64], one[64];
    assert_int_equal(arc_embed_crops(embedder, crops, 7, true, all, NULL), ARC_OK);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(arc_embed_crops(embedder, &crops[i], 1, true, one, NULL), ARC_OK);
        double size = 0;
        for (int k = 0; k < 64; k++)
            size = fmax(size, fabs((double)one[k]));
        assert_true(size > 0 && arc_test_max_error(one, all + i * 64, 64) <= 1e-5 * size);
    }
    arc_detector *detector = NULL;
    assert_int_equal(arc_detector_new(ctx, model, &detector, &err), ARC_EINVAL);
    assert_null(detector);
    arc_image_free(ctx, &photo);
    arc_embedder_free(&embedder);
    arc_model_free(&model);
}

typedef struct pair {
    arc_model *detector, *embedder;
} pair;

static pair load_pair(arc_context *c) {
    return (pair){load(c, DETECTOR, ARC_TASK_DETECT), load(c, EMBEDDER, ARC_TASK_EMBED)};
}

static void free_pair(pair *p) {
    arc_model_free(&p->detector);
    arc_model_free(&p->embedder);
}

static void a_bad_photo_fails_alone(void **state) {
    (void)state;
    pair models = load_pair(ctx);
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    opt.all_faces = true;
    opt.keep_crops = true;
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(ctx, models.detector, models.embedder, &opt, &pipeline, NULL), ARC_OK);
    const char *paths[] = {arc_test_file("photos/insightface/t1.jpg"), "/nonexistent.jpg", ARC_SOURCE_DIR "/CMakeLists.txt",
                           ARC_SOURCE_DIR "/tests/golden/data/images/420.jpg", arc_test_file("photos/pairs/img1.jpg")};
    arc_result r[5];
    arc_error err = {0};
    assert_int_equal(arc_pipeline_run(pipeline, paths, 5, r, NULL, NULL, &err), ARC_OK);
    assert_int_equal(r[0].status, ARC_OK);
    assert_int_equal(r[0].faces_found, 6);
    assert_int_equal(r[0].faces, 6);
    assert_int_equal(r[0].width_px, 1280);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r[0].face[i].crop.width_px, 112);
        assert_true(r[0].face[i].align_residual_px > 0 && r[0].face[i].align_residual_px < 12);
        assert_true(arc_embedding_cosine(r[0].face[i].embedding, r[0].face[i].embedding, 128) > 0.99);
    }
    assert_int_equal(r[1].status, ARC_ENOTFOUND);
    assert_int_equal(r[2].status, ARC_EFORMAT);
    assert_non_null(strstr(r[2].error.text, "CMakeLists.txt"));
    assert_int_equal(r[3].status, ARC_OK);
    assert_int_equal(r[3].faces, 0);
    assert_int_equal(r[4].status, ARC_OK);
    assert_int_equal(r[4].faces, 1);
    for (int i = 0; i < 5; i++)
        arc_result_free(ctx, &r[i]);
    arc_pipeline_free(&pipeline);
    free_pair(&models);
}

/* Two photos of one person against photos of others; the face a person finds largest. */
static void same_person_scores_higher(void **state) {
    (void)state;
    pair models = load_pair(ctx);
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(ctx, models.detector, models.embedder, NULL, &pipeline, NULL), ARC_OK);
    const char *paths[] = {arc_test_file("photos/pairs/img1.jpg"), arc_test_file("photos/pairs/img2.jpg"),
                           arc_test_file("photos/pairs/img3.jpg")};
    arc_result r[3];
    assert_int_equal(arc_pipeline_run(pipeline, paths, 3, r, NULL, NULL, NULL), ARC_OK);
    for (int i = 0; i < 3; i++) {
        if (r[i].status != ARC_OK || r[i].faces != 1)
            fail_msg("%s: %s", paths[i], r[i].error.text);
        assert_null(r[i].face->crop.data);
    }
    double same = arc_embedding_cosine(r[0].face->embedding, r[1].face->embedding, 128);
    double other = arc_embedding_cosine(r[0].face->embedding, r[2].face->embedding, 128);
    printf("same %.4f, other %.4f\n", same, other);
    assert_true(same > 0.4 && other < 0.3);
    for (int i = 0; i < 3; i++)
        arc_result_free(ctx, &r[i]);
    arc_pipeline_free(&pipeline);
    free_pair(&models);
}

static void aligned_crops_need_no_detector(void **state) {
    (void)state;
    arc_model *embedder = load(ctx, EMBEDDER, ARC_TASK_EMBED);
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(ctx, NULL, embedder, &opt, &pipeline, NULL), ARC_EINVAL);
    assert_null(pipeline);
    opt.aligned = true;
    assert_int_equal(arc_pipeline_new(ctx, NULL, embedder, &opt, &pipeline, NULL), ARC_OK);
    const char *paths[] = {arc_test_file("photos/insightface/Tom_Hanks_54745.png"), arc_test_file("photos/insightface/t1.jpg")};
    arc_result r[2];
    assert_int_equal(arc_pipeline_run(pipeline, paths, 2, r, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(r[0].status, ARC_OK);
    assert_int_equal(r[0].faces, 1);
    assert_int_equal(r[0].from, ARC_FACE_CROP);
    assert_int_equal(r[1].status, ARC_ESHAPE);
    assert_null(r[1].face);
    arc_result_free(ctx, &r[0]);
    arc_result_free(ctx, &r[1]);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
}

static int stop_at_once(void *arg, int done, int count) {
    *(int *)arg = done;
    return done < count;
}

static void cancel_leaves_defined_results(void **state) {
    (void)state;
    pair models = load_pair(ctx);
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(ctx, models.detector, models.embedder, NULL, &pipeline, NULL), ARC_OK);
    const char *paths[12];
    arc_result r[12];
    for (int i = 0; i < 12; i++)
        paths[i] = arc_test_file("photos/pairs/img1.jpg");
    int done = 0;
    assert_int_equal(arc_pipeline_run(pipeline, paths, 12, r, stop_at_once, &done, NULL), ARC_ECANCEL);
    assert_true(done > 0 && done < 12);
    while (done < 12 && r[done].status == ARC_OK) /* begun before it was cancelled */
        done++;
    assert_true(done < 12);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(r[i].status, i < done ? ARC_OK : ARC_ECANCEL);
        assert_int_equal(r[i].faces, i < done ? 1 : 0);
        arc_result_free(ctx, &r[i]);
        arc_result_free(ctx, &r[i]);
    }
    arc_pipeline_free(&pipeline);
    free_pair(&models);
}

/* A photo far larger than the network gives the faces of the small one, in full pixels; decoded reduced on request. */
static void large_photos_are_searched_reduced(void **state) {
    (void)state;
    pair models = load_pair(ctx);
    arc_pipeline_options opt;
    arc_pipeline_options_default(&opt);
    arc_image small, large;
    assert_int_equal(arc_image_load(ctx, arc_test_file("photos/insightface/t1.jpg"), NULL, &small, NULL, NULL), ARC_OK);
    assert_int_equal(arc_image_new(ctx, small.width_px * 3, small.height_px * 3, &large, NULL), ARC_OK);
    arc_draw_image(&large, 0, 0, large.width_px, large.height_px, &small);
    const char *path = in_folder("large.jpg");
    assert_int_equal(arc_image_save(ctx, &large, path, NULL), ARC_OK);
    const char *paths[] = {arc_test_file("photos/insightface/t1.jpg"), path};
    opt.all_faces = true;
    opt.image.min_side_px = 1280;
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(ctx, models.detector, models.embedder, &opt, &pipeline, NULL), ARC_OK);
    arc_result r[2];
    assert_int_equal(arc_pipeline_run(pipeline, paths, 2, r, NULL, NULL, NULL), ARC_OK);
    assert_int_equal(r[1].status, ARC_OK);
    assert_int_equal(r[1].width_px, 3840);
    assert_int_equal(r[1].faces, r[0].faces);
    for (int i = 0; i < r[0].faces; i++) {
        double best = INFINITY, cosine = 0;
        for (int k = 0; k < r[1].faces; k++) {
            double far = hypot((double)r[1].face[k].face.landmark_px[2][0] / 3 - (double)r[0].face[i].face.landmark_px[2][0],
                               (double)r[1].face[k].face.landmark_px[2][1] / 3 - (double)r[0].face[i].face.landmark_px[2][1]);
            if (far < best) {
                best = far;
                cosine = arc_embedding_cosine(r[0].face[i].embedding, r[1].face[k].embedding, 128);
            }
        }
        printf("face %d: nose off by %.2f px, cosine %.4f\n", i, best, cosine);
        assert_true(best < 4 && cosine > 0.9);
    }
    arc_result_free(ctx, &r[0]);
    arc_result_free(ctx, &r[1]);
    arc_image_free(ctx, &small);
    arc_image_free(ctx, &large);
    arc_pipeline_free(&pipeline);
    free_pair(&models);
}

/* Of the embeddings of 13 photos, one of which is none: enough for lanes on up to six threads. */
static uint64_t hash_of_run(int threads, bool tune, const char *cache) {
    enum { PHOTOS = 13, BAD = 5 };
    const char *const photo[] = {arc_test_file("photos/pairs/img1.jpg"), arc_test_file("photos/insightface/t1.jpg"),
                                 arc_test_file("photos/pairs/img3.jpg")};
    arc_settings s = arc_test_settings(NULL, threads);
    s.tune = tune;
    s.cache_dir = cache;
    arc_context *c = arc_test_open(&s);
    pair models = load_pair(c);
    arc_pipeline *pipeline = NULL;
    assert_int_equal(arc_pipeline_new(c, models.detector, models.embedder, NULL, &pipeline, NULL), ARC_OK);
    const char *paths[PHOTOS];
    for (int i = 0; i < PHOTOS; i++)
        paths[i] = i == BAD ? "/dev/null" : photo[i % 3];
    arc_result r[PHOTOS];
    assert_int_equal(arc_pipeline_run(pipeline, paths, PHOTOS, r, NULL, NULL, NULL), ARC_OK);
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < PHOTOS; i++) {
        assert_ptr_equal(r[i].path, paths[i]);
        assert_int_equal(r[i].faces, i == BAD ? 0 : 1);
        const uint8_t *bytes = i == BAD ? NULL : (const uint8_t *)r[i].face->embedding;
        for (size_t k = 0; bytes && k < 128 * sizeof(float); k++)
            h = (h ^ bytes[k]) * 0x100000001b3u;
        arc_result_free(c, &r[i]);
    }
    arc_pipeline_free(&pipeline);
    free_pair(&models);
    arc_context_close(&c);
    return h;
}

static void same_bits_for_any_threads(void **state) {
    (void)state;
    const uint64_t alone = hash_of_run(1, false, NULL);
    for (int threads = 2; threads <= 5; threads++)
        assert_int_equal(hash_of_run(threads, false, NULL), alone);
}

static void lanes_take_the_measured_plan(void **state) {
    (void)state;
    const char *cache = test_folder();
    const uint64_t measured = hash_of_run(2, true, cache);
    assert_int_equal(hash_of_run(1, false, cache), measured);
    assert_int_equal(hash_of_run(3, true, cache), measured);
}

/* Creates a pipeline and runs one photo. */
static arc_status run_once(pair *models, arc_context *c, const char *photo) {
    arc_pipeline *pipeline = NULL;
    arc_result r = {0};
    arc_status st = arc_pipeline_new(c, models->detector, models->embedder, NULL, &pipeline, NULL);
    if (st == ARC_OK)
        st = arc_pipeline_run(pipeline, &photo, 1, &r, NULL, NULL, NULL);
    if (st == ARC_OK)
        st = r.status;
    arc_result_free(c, &r);
    arc_pipeline_free(&pipeline);
    return st;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    pair models = load_pair(c);
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    arc_test_walk walk = {.heap = &heap};
    do {
        walk.thin = walk.nth < 200 ? 0 : 40; /* all of the first, a sample of the thousands that planning makes */
        arc_test_walk_begin(&walk);
    } while (arc_test_walk_again(&walk, run_once(&models, c, photo)));
    printf("%ld failing allocations\n", walk.failures);
    free_pair(&models);
    arc_context_close(&c);
    assert_int_equal(heap.live, 0);
}

/* The same without data: a new network behind the embedder. */
static void every_embedding_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    arc_model *model = NULL;
    assert_int_equal(arc_model_new(c, "mbf", 32, 3, &model, NULL), ARC_OK);
    arc_image crop = test_picture(ctx, 112, 112);
    arc_test_walk walk = {.heap = &heap, .thin = 50};
    arc_status st;
    do {
        float out[32];
        arc_embedder *embedder = NULL;
        arc_test_walk_begin(&walk);
        st = arc_embedder_new(c, model, &embedder, NULL);
        if (st == ARC_OK)
            st = arc_embed_crops(embedder, &crop, 1, false, out, NULL);
        arc_embedder_free(&embedder);
    } while (arc_test_walk_again(&walk, st));
    arc_model_free(&model);
    arc_context_close(&c);
    assert_int_equal(heap.live, 0);
    arc_image_free(ctx, &crop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_helpers),
        cmocka_unit_test(new_network_embeds_in_batches),
        cmocka_unit_test(embeddings_equal_goldens),
        cmocka_unit_test(flip_sums_the_mirrored_view),
        cmocka_unit_test(a_bad_photo_fails_alone),
        cmocka_unit_test(same_person_scores_higher),
        cmocka_unit_test(aligned_crops_need_no_detector),
        cmocka_unit_test(cancel_leaves_defined_results),
        cmocka_unit_test(large_photos_are_searched_reduced),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(lanes_take_the_measured_plan),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_embedding_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
