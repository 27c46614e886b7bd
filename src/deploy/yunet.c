/* YuNet of 2023 behind pixels, as depthai-nodes' YuNetParser decodes it, which is made for the models before: three to two
 * boxes of fixed sizes in each cell of strides 8 to 64, all cells of a stride before those of the next, outputs loc [rows,14],
 * conf [rows,2] and iou [rows,1]. A model of 2023 has one face in each cell of strides 8 to 32. It takes the first box of its
 * cell; the others have confidence 0, which no threshold lets through. With stride s and a box of m pixels
 *
 *   the parser                                    the model
 *   centre   (column + 0.5) s + 0.1 m loc         (column + b) s            loc = 10 s/m (b - 0.5)
 *   size     m exp(0.2 loc)                       s exp(b)                  loc = 5 (b + ln(s/m))
 *   score    sqrt(conf[1] clip(iou, 0, 1))        sqrt(class object)        conf[1] = class, iou = object
 *
 * and landmarks as the centre: a multiplication and an addition for each column, the same for all cells of a stride. Sources:
 * depthai_nodes/node/parsers/utils/yunet.py, face/detect/yunet.c. */
#include "deploy/detector.h"
#include <math.h>

enum { LOC, CONF, IOU, PARTS };
enum { BOX = 4, MARK = 10, NUMBERS = BOX + MARK };
static const char *const part_name[PARTS] = {"loc", "conf", "iou"};
static const int64_t part_columns[PARTS] = {NUMBERS, 2, 1};
/* The parser's boxes of a cell at strides 8, 16, 32 and 64, and the first one's side in pixels. */
static const struct {
    int anchors;
    double side_px;
} cell[ARC_YUNET_LEVELS + 1] = {{3, 10}, {2, 32}, {2, 64}, {3, 128}};

static int64_t cells(int64_t height, int64_t width, int level) {
    return (height / (8 << level)) * (width / (8 << level));
}

int64_t arc_deploy_yunet_rows(int64_t height, int64_t width) {
    int64_t rows = 0;
    for (int k = 0; k <= ARC_YUNET_LEVELS; k++)
        rows += cells(height, width, k) * cell[k].anchors;
    return rows;
}

/* What the model's numbers are multiplied by and what is added then. */
static void map_of(int level, float factor[NUMBERS], float shift[NUMBERS]) {
    const double ratio = (8 << level) / cell[level].side_px;
    for (int i = 0; i < NUMBERS; i++) {
        const bool is_size = i == 2 || i == 3;
        factor[i] = (float)(is_size ? 5 : 10 * ratio);
        shift[i] = (float)(is_size ? 5 * log(ratio) : -5 * ratio);
    }
}

static arc_status find(arc_deploy_writer *w, arc_deploy_detection *d, arc_error *err) {
    if (d->raw.width_px % 32 != 0 || d->raw.height_px % 32 != 0)
        return arc_fail(err, ARC_ESHAPE, "the model is for %dx%d pixels: YuNetParser's grid needs multiples of 32",
                        d->raw.width_px, d->raw.height_px);
    for (d->levels = 0; d->levels < ARC_YUNET_LEVELS; d->levels++) {
        if (!arc_yunet_level(&d->raw, 8 << d->levels, d->yunet[d->levels]))
            return arc_fail(err, ARC_ESHAPE, "YuNet's scores, boxes and landmarks of stride %d are not all there at %dx%d",
                            8 << d->levels, d->raw.width_px, d->raw.height_px);
        for (int kind = 0; kind < ARC_YUNET_KINDS; kind++)
            d->needed[d->count++] = d->yunet[d->levels][kind];
    }
    for (int part = 0; part < PARTS; part++) /* taken before another value gets the name */
        if (arc_graph_value(w->g, part_name[part]) < 0)
            return arc_fail_nomem(err, "an exported network");
    return ARC_OK;
}

/* ---- nodes ---- */

static int integers(arc_deploy_writer *w, int64_t count, const int64_t *value) {
    return arc_deploy_numbers(w, ARC_I64, 1, count, value);
}

static int table(arc_deploy_writer *w, int x, int64_t rows, int64_t columns) {
    const int64_t shape[2] = {rows, columns};
    const int in[2] = {x, integers(w, 2, shape)};
    return arc_deploy_node(w, "Reshape", 2, in, ARC_NO_VALUE, NULL);
}

static int concat(arc_deploy_writer *w, int count, const int *in, int64_t axis) {
    arc_node *n = NULL;
    const int out = arc_deploy_node(w, "Concat", count, in, ARC_NO_VALUE, &n);
    return out >= 0 && arc_node_int(w->g, n, "axis", axis) == ARC_OK ? out : ARC_NO_VALUE;
}

/* Zeros around a table: pads = rows and columns in front, rows and columns behind. */
static int pad(arc_deploy_writer *w, int x, const int64_t pads[4], int out) {
    const bool as_input = w->g->opset >= 11;
    const int in[2] = {x, as_input ? integers(w, 4, pads) : ARC_NO_VALUE};
    arc_node *n = NULL;
    out = arc_deploy_node(w, "Pad", as_input ? 2 : 1, in, out, &n);
    return out >= 0 && (as_input || arc_node_ints(w->g, n, "pads", 4, pads) == ARC_OK) ? out : ARC_NO_VALUE;
}

/* From a row of each cell to one of each of the parser's boxes, of which only the first says something. */
static int spread(arc_deploy_writer *w, int x, int level, int64_t rows, int64_t before, int64_t columns) {
    const int64_t anchors = cell[level].anchors, pads[4] = {0, before, 0, columns * (anchors - 1)};
    return table(w, pad(w, x, pads, ARC_NO_VALUE), rows * anchors, columns);
}

/* The model's output of that kind as [rows, columns]. */
static int output_of(arc_deploy_writer *w, const arc_deploy_detection *d, int level, int kind, int64_t rows, int64_t columns) {
    const int output = d->yunet[level][kind], value = w->as[arc_deploy_source(w->from, w->from->output[output])];
    return d->own[output].rank == 2 ? value : table(w, value, rows, columns);
}

static bool put_level(arc_deploy_writer *w, const arc_deploy_detection *d, int level, int part[PARTS]) {
    const int64_t rows = cells(d->raw.height_px, d->raw.width_px, level);
    float factor[NUMBERS], shift[NUMBERS];
    const int own[2] = {output_of(w, d, level, ARC_YUNET_BOX, rows, BOX), output_of(w, d, level, ARC_YUNET_MARK, rows, MARK)};
    map_of(level, factor, shift);
    const int scaled = arc_deploy_binary(w, "Mul", concat(w, 2, own, 1), arc_deploy_numbers(w, ARC_F32, 1, NUMBERS, factor),
                                         ARC_NO_VALUE),
              moved = arc_deploy_binary(w, "Add", scaled, arc_deploy_numbers(w, ARC_F32, 1, NUMBERS, shift), ARC_NO_VALUE);
    part[LOC] = spread(w, moved, level, rows, 0, NUMBERS);
    part[CONF] = spread(w, output_of(w, d, level, ARC_YUNET_CLASS, rows, 1), level, rows, 1, 2);
    part[IOU] = spread(w, output_of(w, d, level, ARC_YUNET_OBJECT, rows, 1), level, rows, 0, 1);
    return part[LOC] >= 0 && part[CONF] >= 0 && part[IOU] >= 0;
}

static arc_status finish(arc_deploy_writer *w, const arc_deploy_detection *d) {
    const int64_t height = d->raw.height_px, width = d->raw.width_px,
                  last[4] = {0, 0, cells(height, width, ARC_YUNET_LEVELS) * cell[ARC_YUNET_LEVELS].anchors, 0};
    int part[ARC_YUNET_LEVELS][PARTS];
    for (int k = 0; k < ARC_YUNET_LEVELS; k++)
        if (!put_level(w, d, k, part[k]))
            return ARC_ENOMEM;
    for (int p = 0; p < PARTS; p++) {
        const int levels[ARC_YUNET_LEVELS] = {part[0][p], part[1][p], part[2][p]},
                  out = pad(w, concat(w, ARC_YUNET_LEVELS, levels, 0), last, arc_graph_find(w->g, part_name[p]));
        const arc_shape s = {2, {arc_deploy_yunet_rows(height, width), part_columns[p]}};
        if (out < 0 || arc_deploy_output(w, out, &s) != ARC_OK)
            return ARC_ENOMEM;
    }
    return ARC_OK;
}

/* ---- whether it is the model's ---- */

typedef struct likeness {
    double product, own, got;
} likeness;

static void add(likeness *l, float own, double got) {
    l->product += (double)own * got;
    l->own += (double)own * (double)own;
    l->got += got * got;
}

static arc_status alike(const likeness *l, const char *what, int stride, double tolerance, arc_error *err) {
    const double c = l->own == 0 && l->got == 0 ? 1 : l->product / sqrt(l->own * l->got);
    return c >= 1 - tolerance
               ? ARC_OK
               : arc_fail(err, ARC_ECORRUPT, "the exported detector's %s of stride %d differ from the model's: cosine %.6f", what,
                          stride, c);
}

static arc_status compare(const arc_deploy_detection *d, const arc_deploy_writer *w, const arc_tensor *got, double tolerance,
                          arc_error *err) {
    arc_status st;
    int64_t row = 0;
    (void)w;
    const float *loc = got[LOC].data, *conf = got[CONF].data, *iou = got[IOU].data;
    for (int k = 0; k < ARC_YUNET_LEVELS; k++) {
        const int *level = d->yunet[k];
        const float *box = d->own[level[ARC_YUNET_BOX]].data, *mark = d->own[level[ARC_YUNET_MARK]].data,
                    *class = d->own[level[ARC_YUNET_CLASS]].data, *object = d->own[level[ARC_YUNET_OBJECT]].data;
        const int64_t rows = cells(d->raw.height_px, d->raw.width_px, k);
        float factor[NUMBERS], shift[NUMBERS];
        likeness scores = {0}, places = {0};
        map_of(k, factor, shift);
        for (int64_t i = 0; i < rows; i++, row += cell[k].anchors) {
            add(&scores, class[i], (double)conf[2 * row + 1]);
            add(&scores, object[i], (double)iou[row]);
            for (int c = 0; c < NUMBERS; c++)
                add(&places, c < BOX ? box[i * BOX + c] : mark[i * MARK + c - BOX],
                    ((double)loc[row * NUMBERS + c] - (double)shift[c]) / (double)factor[c]);
        }
        ARC_TRY(alike(&scores, "scores", 8 << k, tolerance, err));
        ARC_TRY(alike(&places, "boxes and landmarks", 8 << k, tolerance, err));
    }
    st = ARC_OK;
done:
    return st;
}

const arc_deploy_family arc_deploy_yunet = {find, finish, compare};
