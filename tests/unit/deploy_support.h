/* What the tests of exports share: pictures, a model's own embeddings and those of the file that was written. */
#ifndef ARC_TEST_DEPLOY_SUPPORT_H
#define ARC_TEST_DEPLOY_SUPPORT_H

#include "deploy/deploy.h"
#include "face/detect/decode.h"
#include "folder.h"
#include "format/format.h"
#include "net_support.h"
#include "op/op.h"
#include <arcface/image.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 112, PLANE = SIDE * SIDE, MAX_DIM = 512 };

typedef struct fixture {
    arc_context *ctx;
    char file[TEST_PATH_BYTES], model[TEST_PATH_BYTES];
} fixture;

static inline int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    f->ctx = arc_test_context(NULL, 2);
    snprintf(f->file, sizeof f->file, "%s", in_folder("exported.onnx"));
    snprintf(f->model, sizeof f->model, "%s", in_folder("own.onnx"));
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    fixture *f = *state;
    arc_context_close(&f->ctx);
    free(f);
    return 0;
}

/* ---- pictures ---- */

/* BGR pixels [3][112][112] of picture `index`: drawn here, smooth with edges. */
static inline void drawn(int index, uint8_t *bgr) {
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PLANE; i++) {
            const int y = i / SIDE, x = i % SIDE;
            const double v =
                120 + 80 * sin(0.03 * (y + 11 * index) + c) * cos(0.05 * x - index) + ((x / 9 + y / 13 + c) % 2 ? 25 : -25);
            bgr[c * PLANE + i] = (uint8_t)v;
        }
}

/* A photo of a face, its middle 112 x 112 pixels of 224. */
static inline bool photographed(arc_context *ctx, int index, uint8_t *bgr) {
    static const char *const names[] = {"07202", "07203", "07204", "07205"};
    char path[1024];
    arc_image image = {0};
    if (!arc_test_data())
        return false;
    snprintf(path, sizeof path, "%s/celeba-224/%s", arc_test_data(), names[index % 4]);
    arc_names list = {0};
    if (arc_dir_list(&list, &arc_alloc_libc, path, 100, NULL) != ARC_OK)
        return false;
    char file[2048];
    snprintf(file, sizeof file, "%s/%s", path, list.count ? list.name[0] : "");
    arc_names_free(&list);
    if (arc_image_load(ctx, file, NULL, &image, NULL, NULL) != ARC_OK)
        return false;
    assert_true(image.width_px >= SIDE && image.height_px >= SIDE);
    for (int i = 0; i < PLANE; i++) {
        const int y = i / SIDE * image.height_px / SIDE, x = i % SIDE * image.width_px / SIDE;
        for (int c = 0; c < 3; c++)
            bgr[(2 - c) * PLANE + i] = image.data[y * image.stride_bytes + 3 * x + c];
    }
    arc_image_free(ctx, &image);
    return true;
}

/* What the model's own input is for these pixels: subtracted and divided, as models are trained. */
static inline void normalised(const arc_contract *c, const uint8_t *bgr, float *out) {
    for (int channel = 0; channel < 3; channel++)
        for (int i = 0; i < PLANE; i++) {
            const int from = c->bgr ? channel : 2 - channel;
            out[channel * PLANE + i] = ((float)bgr[from * PLANE + i] - c->mean[channel]) / arc_deploy_divisor(c->scale[channel]);
        }
}

/* ---- running ---- */

static inline void run_model(arc_context *ctx, const arc_model *m, const float *image, int batch, float *out, int dim) {
    arc_net *run = NULL;
    arc_error err = {0};
    arc_net_output o;
    const int64_t shape[4] = {batch, 3, SIDE, SIDE};
    assert_int_equal(arc_net_new(ctx, m, &run, &err), ARC_OK);
    if (arc_net_run(run, image, shape, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_net_output_get(run, 0, &o, &err), ARC_OK);
    assert_true(o.dim[0] == batch && o.dim[1] == dim);
    memcpy(out, o.data, (size_t)(batch * dim) * sizeof *out);
    arc_net_free(&run);
}

/* The exported file's rows for `batch` pictures, as bytes or floats. */
static inline void run_export(fixture *f, const uint8_t *bgr, int batch, bool bytes, float *out, int dim) {
    arc_graph *g = NULL;
    arc_session *s = NULL;
    arc_error err = {0};
    arc_tensor o;
    float *floats = calloc((size_t)(batch * 3 * PLANE), sizeof *floats);
    for (int i = 0; i < batch * 3 * PLANE; i++)
        floats[i] = bgr[i];
    if (arc_onnx_load(&g, &arc_alloc_libc, f->file, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(g->value[g->input[0]].name, "images");
    assert_string_equal(g->value[g->output[0]].name, "output");
    assert_true(g->opset <= 13 && g->inputs == 1 && g->outputs == 1);
    for (int i = 0; i < g->metas; i++)
        assert_true(strncmp(g->meta[i].key, "arcface.", 8) == 0);
    assert_int_equal(arc_session_new(&s, f->ctx, g, NULL, &err), ARC_OK);
    const arc_tensor in = {.dtype = bytes ? ARC_U8 : ARC_F32,
                           .layout = ARC_PLAIN,
                           .shape = {4, {batch, 3, SIDE, SIDE}},
                           .data = bytes ? (void *)(uintptr_t)bgr : floats};
    if (arc_session_run(s, &in, &o, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_true(o.shape.rank == 2 && o.shape.dim[0] == batch && o.shape.dim[1] == dim);
    memcpy(out, o.data, (size_t)(batch * dim) * sizeof *out);
    arc_session_free(&s);
    arc_graph_free(&g);
    free(floats);
}

/* The least cosine of exported to own embeddings over four pictures, one a run. */
static inline double least_cosine(fixture *f, const arc_model *m, const arc_export_options *opt, arc_export_report *report) {
    static uint8_t bgr[3 * PLANE];
    static float image[3 * PLANE], want[MAX_DIM], got[MAX_DIM];
    arc_error err = {0};
    const int dim = m->contract.dim;
    double least = 1;
    if (arc_export_onnx(f->ctx, m, opt, f->file, report, &err) != ARC_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 4; i++) {
        if (!photographed(f->ctx, i, bgr))
            drawn(i, bgr);
        normalised(&m->contract, bgr, image);
        run_model(f->ctx, m, image, 1, want, dim);
        run_export(f, bgr, 1, opt && opt->uint8_input, got, dim);
        least = fmin(least, arc_test_cosine(want, got, (size_t)dim));
    }
    return least;
}

static inline arc_model *saved_and_loaded(fixture *f, net *t, int output) {
    arc_model *m = NULL;
    arc_error err = {0};
    net_done(t, output);
    t->g->value[output].dtype = ARC_F32;
    t->g->value[output].shape = net_shape(2, 1, 64, 0, 0);
    assert_int_equal(arc_onnx_save(t->g, f->model, &err), ARC_OK);
    arc_graph_free(&t->g);
    if (arc_model_load(f->ctx, f->model, ARC_TASK_EMBED, NULL, &m, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return m;
}

static inline void refused(fixture *f, const arc_model *m, const arc_export_options *opt, arc_status code, const char *word) {
    arc_error err = {0};
    struct stat st;
    remove(f->file);
    assert_int_equal(arc_export_onnx(f->ctx, m, opt, f->file, NULL, &err), code);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" is not in: %s", word, err.text);
    assert_true(stat(f->file, &st) != 0);
}

#endif
