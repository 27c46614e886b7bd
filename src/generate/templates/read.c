/* generate: templates from a file, checked. */
#include "format/format.h"
#include "generate/templates/templates.h"
#include <math.h>
#include <string.h>

static arc_status check_row(const char *path, const float *x, int64_t row, int dim, arc_error *err) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * x[i];
    if (sum > 0 && isfinite(sum))
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL, "%s: template %lld %s", path, (long long)row,
                    sum > 0 || isnan(sum) ? "is not finite" : "is zero: there was no face");
}

static arc_status take(arc_context *ctx, const void *data, arc_dtype t, size_t count, float **row, arc_error *err) {
    *row = arc_mem_raw(&ctx->alloc, count, sizeof(float));
    if (!*row)
        return arc_fail_nomem(err, "templates");
    for (size_t i = 0; i < count; i++)
        (*row)[i] = t == ARC_F32 ? ((const float *)data)[i] : (float)((const double *)data)[i];
    return ARC_OK;
}

arc_status arc_templates_read(arc_context *ctx, const char *path, float **row, int64_t *rows, int *dim, arc_error *err) {
    arc_dtype t;
    arc_shape s;
    void *data = NULL;
    *row = NULL;
    arc_status st = arc_npy_load(&ctx->alloc, path, &t, &s, &data, err);
    if (st == ARC_EFORMAT || (st == ARC_EIO && arc_path_kind_of(path) == ARC_PATH_DIR))
        return arc_fail(
            err, ARC_EFORMAT,
            "%s is no .npy array: templates are read from one, as \"arcface embed ... -o FILE.npy\" writes it; galleries "
            "cannot be read yet",
            path);
    if (st != ARC_OK)
        return st;
    if ((t != ARC_F32 && t != ARC_F64) || s.rank < 1 || s.rank > 2 || arc_shape_count(&s) < 1 || s.dim[s.rank - 1] > INT32_MAX) {
        arc_mem_free(&ctx->alloc, data);
        return arc_fail(err, ARC_ESHAPE,
                        "%s: templates are rows of float32 or float64, [templates][numbers]; this array is none of "
                        "these",
                        path);
    }
    *dim = (int)s.dim[s.rank - 1];
    *rows = s.rank == 2 ? s.dim[0] : 1;
    st = take(ctx, data, t, (size_t)*rows * (size_t)*dim, row, err);
    arc_mem_free(&ctx->alloc, data);
    for (int64_t i = 0; st == ARC_OK && i < *rows; i++)
        st = check_row(path, *row + (size_t)i * (size_t)*dim, i, *dim, err);
    if (st != ARC_OK) {
        arc_mem_free(&ctx->alloc, *row);
        *row = NULL;
    }
    return st;
}
