/* Timing: what stands in the texts to the byte, what is filled of a real run, what is refused. No test depends on how fast the
 * machine is. */
#include "folder.h"
#include "support.h"
#include <arcface/bench.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static arc_context *ctx;

static int setup(void **state) {
    (void)state;
    ctx = arc_test_context_isa(NULL, 2, "generic");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arc_context_close(&ctx);
    return 0;
}

static void says(arc_status st, char **text, const char *want) {
    assert_int_equal(st, ARC_OK);
    assert_string_equal(*text, want);
    arc_text_free(ctx, text);
}

static void text_of_a_roofline(void **state) {
    (void)state;
    char *text;
    arc_roofline r = {.fp32_gflops = 100, .bf16_gflops = 0, .int8_gops = 400.25, .read_gb_s = 12.5};
    says(arc_roofline_describe(ctx, &r, false, &text, NULL), &text,
         "generic, 2 threads\n"
         "fp32 multiply-add     100.0 GFLOP/s\n"
         "bf16 products           0.0 GFLOP/s (not fast here: fp32 is used)\n"
         "int8 products         400.2 GOP/s\n"
         "reading memory         12.5 GB/s\n");
    r.bf16_gflops = 150;
    says(arc_roofline_describe(ctx, &r, true, &text, NULL), &text,
         "{\"isa\": \"generic\", \"threads\": 2, \"fp32_gflops\": 100.0, \"bf16_gflops\": 150.0, \"int8_gops\": 400.2, "
         "\"read_gb_s\": 12.5}\n");
}

/* Two steps of 1 and 3 ms, alone 1.5 and 6 ms, floors 0.5 and 1.5 ms. */
static arc_profile_step steps[2] = {
    {.layer = {.op = "Conv",
               .name = "stem",
               .algorithm = "winograd 4x4",
               .schedule = "rows",
               .rank = 4,
               .dim = {1, 64, 56, 56},
               .macs = 5000000,
               .bytes = 2000000,
               .ms = 1},
     .one_thread_ms = 1.5,
     .floor_ms = 0.5},
    {.layer = {.op = "Gemm",
               .name = "a \"b\"",
               .algorithm = "gemm",
               .schedule = "",
               .rank = 2,
               .dim = {1, 512},
               .macs = 30000000,
               .bytes = 6000000,
               .ms = 3},
     .one_thread_ms = 6,
     .floor_ms = 1.5},
};
static arc_profile profile = {.threads = 2,
                              .plan_id = "generic-1",
                              .peak_gflops = 50,
                              .steps = 2,
                              .step = steps,
                              .total = {.ms = 4, .one_thread_ms = 7.5, .floor_ms = 2}};
static arc_bench_run runs[2] = {
    {.batch = 1,
     .runs = 7,
     .first_ms = 9,
     .min_ms = 3.5,
     .median_ms = 4,
     .p99_ms = 5,
     .images_per_s = 250,
     .direct_gflops = 25,
     .joules_per_image = 0.125,
     .peak_bytes = 2048,
     .plan_id = "generic-1",
     .profile = &profile},
    {.batch = 8,
     .runs = 3,
     .first_ms = 90,
     .min_ms = 35,
     .median_ms = 40,
     .p99_ms = 50,
     .images_per_s = 200,
     .direct_gflops = 20,
     .joules_per_image = -1,
     .peak_bytes = 4096,
     .plan_id = "generic-8"},
};
static arc_bench example = {.model = "a.onnx",
                            .isa = "generic",
                            .precision = "fp32",
                            .threads = 2,
                            .height_px = 96,
                            .width_px = 112,
                            .macs = 50000000,
                            .flops = 100000000,
                            .load_ms = 12,
                            .peak_gflops = 50,
                            .peak_bytes = 3 << 20,
                            .runs = 2,
                            .run = runs};

static void text_of_a_network(void **state) {
    (void)state;
    char *text;
    example.threads = profile.threads = 2;
    says(
        arc_bench_describe(ctx, &example, false, &text, NULL), &text,
        "a.onnx, 112x96, generic, fp32, 2 threads; loaded in 12 ms; 0.05 GMAC an image\n"
        "batch   1  median    4.000 ms  min    3.500  p99    5.000      250.0 images/s     25.0 GFLOP/s (50 % of 50)  7 runs  "
        "plan "
        "generic-1  0.125 J an image\n"
        "step  operator           algorithm      schedule      output                      ms  share  floor ms % floor   GFLOP/s "
        " "
        "% peak      GB/s   lost  name\n"
        "   0  Conv               winograd 4x4   rows          1x64x56x56              1.0000  25.0%    0.5000   50.0%      10.0 "
        "  "
        "20.0%       2.0  25.0%  stem\n"
        "   1  Gemm               gemm                         1x512                   3.0000  75.0%    1.5000   50.0%      20.0 "
        "  "
        "40.0%       2.0   0.0%  a \"b\"\n"
        "plan generic-1; sum of the steps' least times: 4.000 ms, of their floors 2.000 (50 %), on one thread 7.500 ms: 2 "
        "threads "
        "lose 6.2 % to waiting for each other and for memory (GFLOP/s count the direct convolution: above 100 % is what Winograd "
        "saves)\n"
        "batch   8  median   40.000 ms  min   35.000  p99   50.000      200.0 images/s     20.0 GFLOP/s (40 % of 50)  3 runs  "
        "plan "
        "generic-8\n"
        "peak memory 3 MiB\n");
    example.threads = profile.threads = 1;
    says(arc_bench_describe(ctx, &example, true, &text, NULL), &text,
         "{\"model\": \"a.onnx\", \"isa\": \"generic\", \"threads\": 1, \"precision\": \"fp32\", \"batch\": 1, \"height\": 96, "
         "\"width\": 112, \"runs\": 7, \"first_ms\": 9.000, \"min_ms\": 3.500, \"median_ms\": 4.000, \"p99_ms\": 5.000, "
         "\"images_per_s\": 250.00, \"direct_gflops\": 25.0, \"percent_of_peak\": 50.0, \"load_ms\": 12.0, \"peak_kib\": 2, "
         "\"plan\": \"generic-1\", \"joules_per_image\": 0.1250}\n"
         "{\"step\": 0, \"plan\": \"generic-1\", \"operator\": \"Conv\", \"name\": \"stem\", \"algorithm\": \"winograd 4x4\", "
         "\"schedule\": \"rows\", \"output\": \"1x64x56x56\", \"ms\": 1.00000, \"gflops\": 10.0, \"percent_of_peak\": 20.0, "
         "\"floor_ms\": 0.50000, \"percent_of_floor\": 50.0, \"bytes\": 2000000}\n"
         "{\"step\": 1, \"plan\": \"generic-1\", \"operator\": \"Gemm\", \"name\": \"a \\\"b\\\"\", \"algorithm\": \"gemm\", "
         "\"schedule\": \"\", \"output\": \"1x512\", \"ms\": 3.00000, \"gflops\": 20.0, \"percent_of_peak\": 40.0, "
         "\"floor_ms\": 1.50000, \"percent_of_floor\": 50.0, \"bytes\": 6000000}\n"
         "{\"model\": \"a.onnx\", \"isa\": \"generic\", \"threads\": 1, \"precision\": \"fp32\", \"batch\": 8, \"height\": 96, "
         "\"width\": 112, \"runs\": 3, \"first_ms\": 90.000, \"min_ms\": 35.000, \"median_ms\": 40.000, \"p99_ms\": 50.000, "
         "\"images_per_s\": 200.00, \"direct_gflops\": 20.0, \"percent_of_peak\": 40.0, \"load_ms\": 12.0, \"peak_kib\": 4, "
         "\"plan\": \"generic-8\"}\n");
}

static void text_of_photographs(void **state) {
    (void)state;
    char *text;
    const arc_bench_photos b = {.isa = "generic",
                                .threads = 2,
                                .photos = 4,
                                .without_face = 1,
                                .unreadable = 2,
                                .faces_found = 5,
                                .stage_seconds = {0.04, 0.1, 0.02, 0.04},
                                .p50_ms = 48,
                                .p99_ms = 70,
                                .embedded = 3,
                                .together_seconds = 0.125};
    says(arc_bench_photos_describe(ctx, &b, false, &text, NULL), &text,
         "4 photos (1 without a face, 2 unreadable), 5 faces found, generic, 2 threads\n"
         "one after the other    50.00 ms a photo, p50 48.00, p99 70.00\n"
         "  decode               10.00 ms   20.0 %\n"
         "  detect               25.00 ms   50.0 %\n"
         "  align                 5.00 ms   10.0 %\n"
         "  embed                10.00 ms   20.0 %\n"
         "together               31.25 ms a photo, 32.0 photos/s, 24.0 faces/s; 37.5 % of the time is saved by overlap\n");
    says(arc_bench_photos_describe(ctx, &b, true, &text, NULL), &text,
         "{\"isa\": \"generic\", \"threads\": 2, \"photos\": 4, \"without_face\": 1, \"unreadable\": 2, \"faces_found\": 5, "
         "\"embedded\": 3, \"ms_per_photo\": 31.250, \"photos_per_s\": 32.00, \"faces_per_s\": 24.00, \"one_by_one_ms\": 50.000, "
         "\"p50_ms\": 48.000, \"p99_ms\": 70.000, \"decode_ms\": 10.000, \"detect_ms\": 25.000, \"align_ms\": 5.000, "
         "\"embed_ms\": 10.000}\n");
}

/* A network in a file is timed; what must hold between the figures of any machine holds. */
static void a_network(void **state) {
    (void)state;
    static const int batches[] = {2, 1};
    const arc_roofline roof = {.fp32_gflops = 1, .int8_gops = 1, .read_gb_s = 1};
    const char *path = in_folder("net.onnx");
    arc_model *model = NULL;
    arc_bench *b = NULL;
    arc_bench_options opt;
    assert_int_equal(arc_model_new(ctx, "tiny", 8, 1, &model, NULL), ARC_OK);
    assert_int_equal(arc_model_save(ctx, model, path, NULL), ARC_OK);
    arc_model_free(&model);
    arc_bench_options_default(&opt);
    opt.batches = batches;
    opt.batch_count = 2;
    opt.seconds = 0;
    opt.roofline = &roof;
    opt.steps = true;
    assert_int_equal(arc_bench_model(ctx, path, &opt, &b, NULL), ARC_OK);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(b->model, path);
    assert_string_equal(b->precision, "fp32");
    assert_int_equal(b->threads, 2);
    assert_true(b->macs > 0 && b->flops == 2 * b->macs && b->load_ms > 0 && b->peak_gflops == 1);
    assert_int_equal(b->runs, 2);
    for (int i = 0; i < 2; i++) {
        const arc_bench_run *r = &b->run[i];
        int64_t macs = 0;
        assert_int_equal(r->batch, batches[i]);
        assert_int_equal(r->runs, 3); /* no second is left for more */
        assert_true(r->first_ms > 0 && r->min_ms > 0 && r->min_ms <= r->median_ms && r->median_ms <= r->p99_ms);
        assert_true(fabs(r->images_per_s * r->median_ms / r->batch - 1000) < 1e-6);
        assert_true(strncmp(r->plan_id, "generic-", 8) == 0);
        assert_non_null(r->profile);
        assert_true(r->profile->steps > 3);
        assert_string_equal(r->profile->plan_id, r->plan_id);
        for (int s = 0; s < r->profile->steps; s++) {
            const arc_profile_step *step = &r->profile->step[s];
            assert_true(step->one_thread_ms > 0 && step->layer.ms > 0 && *step->layer.op);
            /* At one operation a nanosecond; Winograd makes less of them. */
            assert_true(step->floor_ms <= 2e-6 * (double)step->layer.macs + 1e-12);
            assert_true((step->floor_ms > 0) == (step->layer.macs > 0));
            macs += step->layer.macs;
        }
        assert_true(macs == b->macs || macs == b->macs * r->batch);
    }
    arc_bench_free(ctx, &b);
    assert_null(b);
}

static void refusals(void **state) {
    (void)state;
    static const int bad[] = {1, 4097};
    arc_bench *b = NULL;
    arc_bench_photos photos;
    arc_bench_options opt;
    arc_error err = {0};
    arc_bench_options_default(&opt);
    opt.batches = bad;
    opt.batch_count = 2;
    assert_int_equal(arc_bench_model(ctx, "none.onnx", &opt, &b, &err), ARC_EINVAL);
    assert_string_equal(err.text, "batch 4097: must be 1 to 4096");
    assert_null(b);
    opt.batch_count = 0;
    assert_int_equal(arc_bench_model(ctx, "none.onnx", &opt, &b, NULL), ARC_EINVAL);
    arc_bench_options_default(&opt);
    opt.seconds = NAN;
    assert_int_equal(arc_bench_model(ctx, "none.onnx", &opt, &b, NULL), ARC_EINVAL);
    arc_bench_options_default(&opt);
    opt.size_px = 7;
    assert_int_equal(arc_bench_model(ctx, "none.onnx", &opt, &b, NULL), ARC_EINVAL);
    const arc_roofline roof = {.fp32_gflops = 1};
    arc_bench_options_default(&opt);
    opt.roofline = &roof;
    assert_int_equal(arc_bench_model(ctx, "/none/none.onnx", &opt, &b, &err), ARC_ENOTFOUND);
    assert_null(b);
    assert_int_equal(arc_bench_pipeline(ctx, NULL, NULL, NULL, 0, NULL, &photos, NULL), ARC_EINVAL);
}

static int cancel_at_once(void *arg, const char *stage, int64_t done, int64_t total) {
    int *calls = arg;
    assert_string_equal(stage, "one after the other");
    assert_int_equal(done, 1);
    assert_int_equal(total, 2);
    return ++*calls;
}

static void photographs(void **state) {
    (void)state;
    const arc_photo both[2] = {arc_photo_from_path(arc_test_file("photos/pairs/img1.jpg")),
                               arc_photo_from_path("/none/none.jpg")};
    arc_model *detector = NULL, *embedder = NULL;
    arc_bench_photos b;
    arc_bench_photos_options opt;
    arc_error err = {0};
    int calls = 0;
    assert_int_equal(
        arc_model_load(ctx, arc_test_file("models/detection/scrfd_2.5g_bnkps.onnx"), ARC_TASK_DETECT, NULL, &detector, NULL),
        ARC_OK);
    assert_int_equal(arc_model_load(ctx, arc_test_file("models/recognition/w600k_mbf_dequantised_fp32.onnx"), ARC_TASK_EMBED,
                                    NULL, &embedder, NULL),
                     ARC_OK);
    arc_bench_photos_options_default(&opt);
    opt.detect.size_px = 160;
    assert_int_equal(arc_bench_pipeline(ctx, detector, embedder, both, 2, &opt, &b, NULL), ARC_OK);
    assert_int_equal(b.photos, 1);
    assert_int_equal(b.unreadable, 1);
    assert_int_equal(b.without_face, 0);
    assert_true(b.faces_found >= 1 && b.embedded == 1 && b.together_seconds > 0);
    double sum_ms = 0;
    for (int i = 0; i < ARC_BENCH_STAGES; i++) {
        assert_true(b.stage_seconds[i] > 0);
        sum_ms += 1e3 * b.stage_seconds[i];
    }
    assert_true(sum_ms <= b.p50_ms && b.p50_ms == b.p99_ms); /* of one photo */
    opt.progress = cancel_at_once;
    opt.progress_ctx = &calls;
    assert_int_equal(arc_bench_pipeline(ctx, detector, embedder, both, 2, &opt, &b, NULL), ARC_ECANCEL);
    assert_int_equal(calls, 1);
    opt.progress = NULL;
    assert_int_equal(arc_bench_pipeline(ctx, detector, embedder, both + 1, 1, &opt, &b, &err), ARC_EFORMAT);
    assert_string_equal(err.text, "none of the 1 pictures could be read");
    arc_model_free(&embedder);
    arc_model_free(&detector);
}

/* Two lanes: both run, and the figures follow from each other. */
static void throughput_of_cards(void **state) {
    (void)state;
    char *text;
    arc_model *model = NULL;
    arc_bench_card card;
    arc_error err;
    assert_int_equal(arc_model_new(ctx, "tiny", 8, 1, &model, NULL), ARC_OK);
    assert_int_equal(arc_bench_card_model(ctx, model, 0, 640, &card, NULL), ARC_OK);
    assert_int_equal(card.inferences, 2); /* one a thread */
    assert_int_equal(arc_bench_card_model(ctx, model, 0.05, 640, &card, NULL), ARC_OK);
    assert_true(card.inferences >= 2 && card.seconds >= 0.05);
    assert_true(fabs(card.fps * card.seconds - (double)card.inferences) < 1e-6 * (double)card.inferences);
    /* what both threads spent is no more than there was */
    assert_true(card.latency_ms * (double)card.inferences <= 2e3 * card.seconds);
    char processor[8];
    arc_processor_name(processor, sizeof processor);
    assert_memory_equal(processor, card.processor, strlen(processor)); /* cut to what there is room for */
    assert_string_equal(card.sha256, "");
    assert_int_equal(arc_bench_card_model(ctx, model, -1, 640, &card, &err), ARC_EINVAL);
    arc_context *alone = arc_test_context_isa(NULL, 1, "generic");
    assert_int_equal(arc_bench_card_model(alone, model, 0, 640, &card, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "two threads"));
    arc_context_close(&alone);
    arc_model_free(&model);
    card = (arc_bench_card){"bf16", "avx512", 500, 20.5, 24.39, 80, "a \"b\"", "0f"};
    says(arc_bench_card_describe(ctx, &card, "r50.onnx", true, &text, NULL), &text,
         "{\"model\": \"r50.onnx\", \"isa\": \"avx512\", \"precision\": \"bf16\", \"threads\": 2, \"in_flight\": 2, \"seconds\": "
         "20.50, \"inferences\": 500, \"fps\": 24.39, \"latency_ms\": 80.000, \"processor\": \"a \\\"b\\\"\", \"sha256\": "
         "\"0f\"}\n");
    says(arc_bench_card_describe(ctx, &card, "r50.onnx", false, &text, NULL), &text,
         "bf16       24.39 FPS     80.000 ms latency   avx512, 2 threads, 2 in flight, 20.5 s, 500 inferences of r50.onnx\n");
}

/* One that takes the points of a face beside the picture. */
static void a_network_of_points(void **state) {
    static const int batches[] = {1, 3};
    (void)state;
    arc_bench *b;
    arc_error err = {0};
    arc_bench_options opt;
    arc_bench_options_default(&opt);
    opt.batches = batches;
    opt.batch_count = 2;
    opt.seconds = 0.01;
    if (arc_bench_model(ctx, arc_test_file("wild-models/two_inputs_kprpe.onnx"), &opt, &b, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(b->runs, 2);
    assert_true(b->run[1].runs >= 3);
    arc_bench_free(ctx, &b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_roofline),
        cmocka_unit_test(text_of_a_network),
        cmocka_unit_test(text_of_photographs),
        cmocka_unit_test(a_network),
        cmocka_unit_test(refusals),
        cmocka_unit_test(photographs),
        cmocka_unit_test(throughput_of_cards),
        cmocka_unit_test(a_network_of_points),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
