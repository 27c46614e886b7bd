/* Every real model against ONNX Runtime's outputs (goldens): embeddings of 64 crops, raw outputs of the detectors. */
#include "format/format.h"
#include "shared_context.h"
#include <arcface/model.h>
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define CROPS 64
#define MAX_OUTPUTS 16

static arc_model *load(const char *name, arc_task task) {
    arc_model *model;
    arc_error err;
    if (arc_model_load(ctx, arc_test_file(name), task, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_model_contract(model)->task, task);
    return model;
}

/* One RGB u8 image [h,w,3] into the network's input as the contract says. The goldens were made by dividing; multiplying by the
 * reciprocal is one unit in the last place away, and run-time quantization makes half a percent of an embedding of that. */
static void fill_input(const arc_contract *c, const uint8_t *rgb, int64_t h, int64_t w, float *out) {
    const float divisor = rintf(16 / c->scale[0]) / 16;
    assert_float_equal(1 / divisor, c->scale[0], 1e-9);
    for (int channel = 0; channel < 3; channel++)
        for (int64_t i = 0; i < h * w; i++)
            out[channel * h * w + i] = ((float)rgb[i * 3 + (c->bgr ? 2 - channel : channel)] - c->mean[channel]) / divisor;
}

static void check_close(const char *name, const float *got, const float *want, size_t count, double range_part, double cosine) {
    float low = want[0], high = want[0];
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
    }
    const double worst = arc_test_max_error(got, want, count) / fmax((double)(high - low), 1e-30),
                 cos = arc_test_cosine(got, want, count);
    printf("%s: largest difference %.2e of the range, cosine %.9f\n", name, worst, cos);
    if (!(worst <= range_part) || !(cos >= cosine))
        fail_msg("%s: largest difference %g of the range (%g allowed), cosine %.9f (%g needed)", name, worst, range_part, cos,
                 cosine);
}

/* Runs all crops in batches of `batch` and compares with the golden array [64,F]. */
static void check_embedder(const char *path, const char *golden, int batch, double range_part, double cosine) {
    arc_error err;
    arc_dtype type;
    arc_shape crops_shape, want_shape;
    void *crops, *want;
    arc_model *model = load(path, ARC_TASK_EMBED);
    assert_int_equal(
        arc_npy_load(&arc_alloc_libc, arc_test_file("goldens/recognition/crops_u8_rgb.npy"), &type, &crops_shape, &crops, &err),
        ARC_OK);
    assert_int_equal(type, ARC_U8);
    assert_int_equal(crops_shape.dim[0], CROPS);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, arc_test_file(golden), &type, &want_shape, &want, &err), ARC_OK);
    assert_int_equal(type, ARC_F32);
    const int64_t h = crops_shape.dim[1], w = crops_shape.dim[2], dim = want_shape.dim[1];
    assert_int_equal(arc_model_contract(model)->dim, dim);
    float *input = arc_mem_raw(&arc_alloc_libc, (size_t)(batch * 3 * h * w), sizeof *input);
    float *got = arc_mem_raw(&arc_alloc_libc, (size_t)(CROPS * dim), sizeof *got);
    assert_non_null(input);
    assert_non_null(got);
    arc_net *net;
    assert_int_equal(arc_net_new(ctx, model, &net, &err), ARC_OK);
    for (int at = 0; at < CROPS; at += batch) {
        for (int b = 0; b < batch; b++)
            fill_input(arc_model_contract(model), (const uint8_t *)crops + (at + b) * h * w * 3, h, w, input + b * 3 * h * w);
        const int64_t in_dim[4] = {batch, 3, h, w};
        arc_net_output out;
        if (arc_net_run(net, input, in_dim, &err) != ARC_OK || arc_net_output_get(net, 0, &out, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(out.dim[0], batch);
        assert_int_equal(out.dim[1], dim);
        memcpy(got + at * dim, out.data, (size_t)(batch * dim) * sizeof *got);
    }
    check_close(path, got, want, (size_t)(CROPS * dim), range_part, 0.0);
    for (int i = 0; i < CROPS; i++) {
        const double c = arc_test_cosine(got + i * dim, (const float *)want + i * dim, (size_t)dim);
        if (!(c >= cosine))
            fail_msg("%s: crop %d has cosine %.9f", path, i, c);
    }
    arc_net_free(&net);
    arc_model_free(&model);
    arc_mem_free(&arc_alloc_libc, got);
    arc_mem_free(&arc_alloc_libc, input);
    arc_mem_free(&arc_alloc_libc, want);
    arc_mem_free(&arc_alloc_libc, crops);
}

static void w600k_fp32(void **state) {
    (void)state;
    check_embedder("models/recognition/w600k_mbf_dequantised_fp32.onnx", "goldens/recognition/w600k_mbf_dequantised_fp32.npy", 8,
                   1e-4, 0.99999);
}

/* A rounding step of an activation apart is as good: the quantized scales come from the float outputs of the layer before. */
static void w600k_int8(void **state) {
    (void)state;
    check_embedder("models/recognition/w600k_mbf_int8_dynamic.onnx", "goldens/recognition/w600k_mbf_int8_dynamic.npy", 1, 5e-2,
                   0.999);
}

static void relu6_128d(void **state) {
    (void)state;
    check_embedder("models/recognition/mobilefacenet_relu6_128d.onnx", "goldens/recognition/mobilefacenet_relu6_128d.npy", 8,
                   1e-4, 0.99999);
}

static void y1_mxnet(void **state) {
    (void)state;
    const char *dir = "models/recognition/mobilefacenet-y1-mxnet";
    arc_names names;
    arc_error err;
    assert_int_equal(arc_dir_list(&names, &arc_alloc_libc, arc_test_file(dir), 100, &err), ARC_OK);
    char path[512] = "";
    for (size_t i = 0; i < names.count; i++)
        if (strstr(names.name[i], ".json"))
            snprintf(path, sizeof path, "%s/%s", dir, names.name[i]);
    arc_names_free(&names);
    check_embedder(path, "goldens/recognition/mobilefacenet_y1_mxnet.npy", 8, 1e-4, 0.99999);
}

/* The arrays of an .npz by output name. */
typedef struct golden {
    char name[MAX_OUTPUTS][64];
    float *data[MAX_OUTPUTS];
    size_t count[MAX_OUTPUTS];
    int arrays;
} golden;

/* A version 1 .npy member: 10 bytes, then a text header, then little-endian float32. */
static void read_member(struct archive *a, size_t bytes, golden *g) {
    uint8_t *raw = arc_mem_raw(&arc_alloc_libc, bytes, 1);
    assert_non_null(raw);
    assert_int_equal(archive_read_data(a, raw, bytes), bytes);
    assert_memory_equal(raw, "\x93NUMPY\x01", 7);
    const size_t start = 10 + (size_t)(raw[8] | raw[9] << 8);
    assert_true(start < bytes);
    raw[start - 1] = '\0';
    assert_non_null(strstr((char *)raw + 10, "'<f4'"));
    const size_t count = (bytes - start) / sizeof(float);
    g->data[g->arrays] = arc_mem_raw(&arc_alloc_libc, count, sizeof(float));
    assert_non_null(g->data[g->arrays]);
    memcpy(g->data[g->arrays], raw + start, count * sizeof(float));
    g->count[g->arrays++] = count;
    arc_mem_free(&arc_alloc_libc, raw);
}

static void read_npz(const char *path, golden *g) {
    memset(g, 0, sizeof *g);
    struct archive *a = archive_read_new();
    archive_read_support_format_zip(a);
    assert_int_equal(archive_read_open_filename(a, path, 65536), ARCHIVE_OK);
    struct archive_entry *entry;
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        assert_true(g->arrays < MAX_OUTPUTS);
        snprintf(g->name[g->arrays], sizeof g->name[0], "%.*s", (int)strlen(archive_entry_pathname(entry)) - 4,
                 archive_entry_pathname(entry));
        read_member(a, (size_t)archive_entry_size(entry), g);
    }
    archive_read_free(a);
}

static void check_detector(const char *path, const char *npz, arc_detector_kind kind) {
    arc_error err;
    arc_dtype type;
    arc_shape shape;
    void *rgb;
    golden want;
    arc_model *model = load(path, ARC_TASK_DETECT);
    assert_int_equal(arc_model_contract(model)->detector, kind);
    assert_int_equal(
        arc_npy_load(&arc_alloc_libc, arc_test_file("goldens/detection/t1_letterbox640_u8_rgb.npy"), &type, &shape, &rgb, &err),
        ARC_OK);
    const int64_t h = shape.dim[shape.rank - 3], w = shape.dim[shape.rank - 2], dim[4] = {1, 3, h, w};
    float *input = arc_mem_raw(&arc_alloc_libc, (size_t)(3 * h * w), sizeof *input);
    assert_non_null(input);
    fill_input(arc_model_contract(model), rgb, h, w, input);
    read_npz(arc_test_file(npz), &want);
    arc_net *net;
    assert_int_equal(arc_net_new(ctx, model, &net, &err), ARC_OK);
    if (arc_net_run(net, input, dim, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_net_outputs(net), want.arrays);
    for (int i = 0; i < want.arrays; i++) {
        arc_net_output out = {0};
        int found = 0;
        for (int k = 0; k < arc_net_outputs(net) && !found; k++) {
            if (arc_net_output_get(net, k, &out, &err) != ARC_OK)
                fail_msg("%s", err.text);
            found = strcmp(out.name, want.name[i]) == 0;
        }
        if (!found)
            fail_msg("%s has no output '%s'", path, want.name[i]);
        size_t count = 1;
        for (int d = 0; d < out.rank; d++)
            count *= (size_t)out.dim[d];
        assert_int_equal(count, want.count[i]);
        char label[256];
        snprintf(label, sizeof label, "%s %s", path, out.name);
        check_close(label, out.data, want.data[i], count, 1e-4, 0.99999);
        arc_mem_free(&arc_alloc_libc, want.data[i]);
    }
    arc_net_free(&net);
    arc_model_free(&model);
    arc_mem_free(&arc_alloc_libc, input);
    arc_mem_free(&arc_alloc_libc, rgb);
}

static void det_500m(void **state) {
    (void)state;
    check_detector("models/detection/det_500m.onnx", "goldens/detection/t1_det_500m_raw.npz", ARC_DETECTOR_SCRFD);
}

static void scrfd_2_5g(void **state) {
    (void)state;
    check_detector("models/detection/scrfd_2.5g_bnkps.onnx", "goldens/detection/t1_scrfd_2.5g_bnkps_raw.npz", ARC_DETECTOR_SCRFD);
}

static void retinaface(void **state) {
    (void)state;
    check_detector("models/detection/retinaface_mnet025_640.onnx", "goldens/detection/t1_retinaface_mnet025_640_raw.npz",
                   ARC_DETECTOR_RETINAFACE);
}

static void yunet(void **state) {
    (void)state;
    check_detector("models/detection/yunet_s_640_640.onnx", "goldens/detection/t1_yunet_s_640_640_raw.npz", ARC_DETECTOR_YUNET);
}

/* The dynamic export has the same weights: it must give the fixed one's outputs. */
static void yunet_dynamic(void **state) {
    (void)state;
    check_detector("models/detection/yunet_s_dynamic.onnx", "goldens/detection/t1_yunet_s_640_640_raw.npz", ARC_DETECTOR_YUNET);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w600k_fp32), cmocka_unit_test(w600k_int8), cmocka_unit_test(relu6_128d),
        cmocka_unit_test(y1_mxnet),   cmocka_unit_test(det_500m),   cmocka_unit_test(scrfd_2_5g),
        cmocka_unit_test(retinaface), cmocka_unit_test(yunet),      cmocka_unit_test(yunet_dynamic),
    };
    if (!arc_test_data()) {
        printf("skipped: no real models (ARCFACE_DATA)\n");
        return 77;
    }
    return cmocka_run_group_tests_name("parity", tests, open_context, close_context);
}
