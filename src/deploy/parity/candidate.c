/* Embeddings as a device gave them: an array in .npy, or a recording (recording.c). */
#include "deploy/parity/parity.h"
#include "format/format.h"
#include "op/layer.h"
#include <math.h>
#include <string.h>

#define MAX_BYTES ((size_t)1 << 32)
#define MAX_ROWS 1000000
#define MAX_DIM 65536

static arc_status check_array(arc_dtype t, const arc_shape *s, const char *path, const arc_parity_options *opt, arc_error *err) {
    char shape[128];
    const bool whole = t == ARC_U8 || t == ARC_I8 || t == ARC_U16 || t == ARC_I16;
    if (t != ARC_F32 && t != ARC_F16 && t != ARC_F64 && !whole)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: holds %s: embeddings are float32, float16, float64, or quantized to 8 or 16 bits", path,
                        arc_dtype_name(t));
    if (s->rank != 2 || s->dim[0] < 1 || s->dim[1] < 1 || s->dim[0] > MAX_ROWS || s->dim[1] > MAX_DIM)
        return arc_fail(err, ARC_ESHAPE, "%s: its shape is %s: embeddings are [N,F], a row for each picture", path,
                        arc_shape_text(s, shape, sizeof shape));
    if (whole && opt->scale == 0)
        return arc_fail(
            err, ARC_EINVAL,
            "%s: holds quantized numbers (%s): give --scale S and --zero-point Z of the output, value = (number - Z) * S", path,
            arc_dtype_name(t));
    if (!whole && opt->scale != 0)
        return arc_fail(err, ARC_EINVAL, "%s: holds %s, which has no scale: leave out --scale, or give the quantized numbers",
                        path, arc_dtype_name(t));
    return ARC_OK;
}

static arc_status read_array(arc_candidate *c, const arc_map *map, const char *path, const arc_parity_options *opt,
                             arc_error *err) {
    arc_dtype t;
    arc_shape s;
    void *data = NULL;
    arc_status st;
    ARC_TRY(arc_npy_parse(c->arena.alloc, map->data, map->bytes, path, &t, &s, &data, err));
    ARC_TRY(check_array(t, &s, path, opt, err));
    c->rows = (int)s.dim[0];
    c->dim = (int)s.dim[1];
    const size_t count = (size_t)c->rows * (size_t)c->dim;
    if (!(c->row = arc_arena_new(&c->arena, count, sizeof *c->row)))
        ARC_TRY(arc_fail_nomem(err, path));
    for (size_t i = 0; i < count; i++) {
        const double v = arc_element_real(t, data, (int64_t)i);
        c->row[i] = (float)(opt->scale != 0 ? (v - (double)opt->zero_point) * opt->scale : v);
    }
done:
    arc_mem_free(c->arena.alloc, data);
    return st;
}

arc_status arc_candidate_open(arc_candidate *c, const arc_alloc *a, const char *path, const arc_parity_options *opt,
                              arc_error *err) {
    arc_map map = {0};
    *c = (arc_candidate){0};
    arc_arena_init(&c->arena, a, 0);
    arc_status st = arc_map_open_real(&map, path, MAX_BYTES, err);
    if (st == ARC_OK)
        st = map.bytes > 0 && map.data[0] == 0x93 ? read_array(c, &map, path, opt, err)
                                                  : arc_recording_parse(c, map.data, map.bytes, path, opt, err);
    arc_map_close(&map);
    return st;
}

void arc_candidate_close(arc_candidate *c) {
    if (c->arena.alloc)
        arc_arena_free(&c->arena);
    *c = (arc_candidate){0};
}
