/* Swin Transformers as FaceX-Zoo, SwinFace, Microsoft and timm have them: stages of attention within windows, every other block
 * with the windows shifted by half, between stages four neighbours become one. Depths are those of the names, windows and heads
 * those of the tables of relative positions; where neither masks nor later layers tell the picture's side, it is the first of 112
 * and 224 that the windows fit. */
#include "format/torch/net.h"
#include <math.h>
#include <stdio.h>

#define OPSET 20
#define LN_EPSILON 1e-5f
#define BN_EPSILON 1e-5f
#define FEATURE_EPSILON 2e-5f /* SwinFace's */
#define MAX_STAGES 8
#define MAX_BLOCKS 256
#define MAX_WINDOW 32
#define MAX_SIDE 128    /* patches */
#define REGION_GAP -100 /* added to scores between patches that only the shift made neighbours */

static const char table_leaf[] = "attn.relative_position_bias_table";

typedef struct swin {
    arc_torch_net n;
    int64_t patch, patches; /* pixels and patches on a side */
    int64_t side, channels; /* of the map where building has got to */
    int64_t window, padded; /* sides of the windows and of the whole number of windows that the map is filled up to */
    int stages;
    bool merges_first; /* timm: the layer that halves belongs to the stage behind it */
} swin;

/* The root of a square; 0: it is none. */
static int64_t root(int64_t square) {
    const int64_t r = (int64_t)(sqrt((double)square) + 0.5);
    return r * r == square ? r : 0;
}

/* ---- what the tensors say of the net --------------------------------------------------------------------------------------- */

/* The side of a stage's windows; 0: its table is of no square. */
static int64_t window_of(const swin *v, int stage) {
    char prefix[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, "layers.%d.blocks.0", stage);
    const int64_t r = root(arc_torch_net_dim(&v->n, prefix, table_leaf, 0));
    return r % 2 && r < 2 * MAX_WINDOW ? (r + 1) / 2 : 0;
}

/* timm's windows are no larger than the map, whose odd sides older versions take to be halved downwards and newer ones upwards;
 * where a side is the window's before and larger after that, it depends on the version whether windows shift. */
static bool fits_timm(int64_t window, int64_t largest, int64_t low, int64_t high) {
    return (window == ARC_MIN(largest, low) || window == ARC_MIN(largest, high)) && (low == high || low != largest);
}

/* Whether each stage's windows are those of a net whose first map has so many patches on a side. timm fills maps up to whole
 * windows, elsewhere windows divide the map. */
static bool fits(const swin *v, int64_t patches) {
    if (patches < 1 || patches > MAX_SIDE)
        return false;
    for (int i = 0; i < v->stages; i++) {
        const int64_t window = window_of(v, i), low = patches >> i, high = (patches + ((int64_t)1 << i) - 1) >> i;
        if (window < 1 || low < 1)
            return false;
        if (v->merges_first ? !fits_timm(window, window_of(v, 0), low, high) : low != high || low % window)
            return false;
    }
    return true;
}

/* Patches on a side as a mask, the positions or the layer behind the map say; 0: nothing does. */
static int64_t told_patches(const swin *v) {
    char prefix[ARC_TORCH_NAME];
    for (int i = 0; i < v->stages; i++) {
        snprintf(prefix, sizeof prefix, "layers.%d.blocks.1", i);
        const int64_t windows = arc_torch_net_dim(&v->n, prefix, "attn_mask", 0);
        if (windows > 0)
            return root(windows) * window_of(v, i) << i;
    }
    const int64_t positions = arc_torch_net_dim(&v->n, "", "absolute_pos_embed", 1),
                  flat = arc_torch_net_dim(&v->n, "output_layer.2", "weight", 1),
                  channels = arc_torch_net_dim(&v->n, "output_layer.0", "weight", 0);
    if (positions > 0)
        return root(positions);
    return flat > 0 && channels > 0 ? root(flat / channels) << (v->stages - 1) : 0;
}

static void measure(swin *v) {
    static const int64_t pictures[] = {112, 224};
    char prefix[ARC_TORCH_NAME];
    arc_torch_net *n = &v->n;
    while (v->stages < MAX_STAGES) {
        snprintf(prefix, sizeof prefix, "layers.%d.blocks.0", v->stages);
        if (!arc_torch_net_find(n, prefix, table_leaf))
            break;
        v->stages++;
    }
    v->merges_first = !arc_torch_net_find(n, "layers.0.downsample", "reduction.weight");
    v->channels = arc_torch_net_dim(n, "patch_embed.proj", "weight", 0);
    v->patch = arc_torch_net_dim(n, "patch_embed.proj", "weight", 2);
    v->patches = told_patches(v);
    for (size_t i = 0; i < ARC_COUNT(pictures) && v->patch > 0 && !v->patches; i++)
        if (pictures[i] % v->patch == 0 && fits(v, pictures[i] / v->patch))
            v->patches = pictures[i] / v->patch;
    v->side = v->patches;
}

/* Refuses what cannot be built, before anything is sized by it. */
static void check_measures(swin *v) {
    arc_torch_net *n = &v->n;
    if (v->patch < 1 || v->patch != arc_torch_net_dim(n, "patch_embed.proj", "weight", 3))
        arc_torch_net_refuse(n, "patch_embed.proj", "has no square patches; export it to ONNX instead");
    else if (!v->patches)
        arc_torch_net_refuse(n, "layers", "has windows of neither pictures of 112 nor of 224 pixels; export it to ONNX instead");
    else if (!fits(v, v->patches))
        arc_torch_net_refuse(n, "layers",
                             "has windows that don't fit its maps, or maps of over 128 by 128; export it to ONNX instead");
}

/* ---- attention within windows ---------------------------------------------------------------------------------------------- */

/* What the table gives each pair of patches of a window, [heads, tokens, tokens]. */
static int bias(swin *v, const char *block, int64_t heads) {
    arc_torch_net *n = &v->n;
    char name[ARC_TORCH_NAME];
    const int64_t w = v->window, tokens = w * w, across = 2 * w - 1;
    const arc_torch_tensor *table = arc_torch_net_find(n, block, table_leaf);
    const arc_shape shape = {3, {heads, tokens, tokens}};
    void *room = NULL;
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    n->used[table - n->s->tensor] = true;
    arc_torch_join(name, block, "attn.relative_positions");
    const int made = arc_graph_constant_new(n->g, name, ARC_F32, &shape, &room);
    float *to = room;
    arc_torch_net_check(n, made < 0 ? ARC_ENOMEM : ARC_OK);
    for (int64_t i = 0; made >= 0 && i < tokens; i++)
        for (int64_t j = 0; j < tokens; j++) {
            const int64_t row = (i / w - j / w + w - 1) * across + i % w - j % w + w - 1;
            for (int64_t h = 0; h < heads; h++)
                to[(h * tokens + i) * tokens + j] = table->data[row * heads + h];
        }
    return made;
}

/* Which of three strips of a shifted map a row or column lies in: before the last window, before what came round, what came
 * round. */
static int64_t strip(const swin *v, int64_t at) {
    return at < v->padded - v->window ? 0 : at < v->padded - v->window / 2 ? 1 : 2;
}

/* The region of token `t` of window `window` of a shifted map. */
static int64_t region(const swin *v, int64_t window, int64_t t) {
    const int64_t across = v->padded / v->window;
    return 3 * strip(v, window / across * v->window + t / v->window) + strip(v, window % across * v->window + t % v->window);
}

/* Keeps patches of different regions apart, [windows, 1, tokens, tokens]; one for all blocks of a stage. A mask among the tensors
 * only has to be of the same shape. */
static int mask(swin *v, const char *block, int stage) {
    arc_torch_net *n = &v->n;
    char name[ARC_TORCH_NAME];
    const int64_t across = v->padded / v->window, tokens = v->window * v->window, windows = across * across;
    const arc_shape shape = {4, {windows, 1, tokens, tokens}}, stored = {3, {windows, tokens, tokens}};
    const arc_torch_tensor *own = arc_torch_net_find(n, block, "attn_mask");
    void *room = NULL;
    if (own && !arc_shape_equal(&own->shape, &stored))
        arc_torch_net_refuse(n, block, "has an attn_mask of another size than its shifted windows");
    if (n->st != ARC_OK)
        return ARC_NO_VALUE;
    if (own)
        n->used[own - n->s->tensor] = true;
    snprintf(name, sizeof name, "layers.%d.mask", stage);
    const int known = arc_graph_find(n->g, name);
    const int made = known >= 0 ? known : arc_graph_constant_new(n->g, name, ARC_F32, &shape, &room);
    float *to = room;
    arc_torch_net_check(n, made < 0 ? ARC_ENOMEM : ARC_OK);
    for (int64_t w = 0; to && w < windows; w++)
        for (int64_t i = 0; i < tokens; i++)
            for (int64_t j = 0; j < tokens; j++)
                *to++ = region(v, w, i) == region(v, w, j) ? 0 : REGION_GAP;
    return made;
}

/* The map [N, side, side, C] with its first `by` rows behind the last, and columns likewise. */
static int roll(swin *v, int x, const char *prefix, int64_t by) {
    static const char *const leaf[2][3] = {{"rows", "rows.first", "rows.last"}, {"columns", "columns.first", "columns.last"}};
    char name[ARC_TORCH_NAME];
    for (int i = 0; i < 2; i++) {
        int part[2];
        arc_torch_join(name, prefix, leaf[i][1]);
        part[1] = arc_torch_slice(&v->n, name, x, 1 + i, 0, by);
        arc_torch_join(name, prefix, leaf[i][2]);
        part[0] = arc_torch_slice(&v->n, name, x, 1 + i, by, v->side);
        arc_torch_join(name, prefix, leaf[i][0]);
        x = arc_torch_many(&v->n, "Concat", name, 2, part, 1 + i);
    }
    return x;
}

/* `more` rows and columns of zeros behind the map's. */
static int pad(swin *v, int x, const char *name, int64_t more) {
    char text[ARC_TORCH_NAME];
    const int64_t pads[8] = {0, 0, 0, 0, 0, more, more, 0};
    if (!more)
        return x;
    arc_torch_join(text, name, "by");
    return arc_torch_binary(&v->n, "Pad", name, x, arc_torch_ints(&v->n, text, 8, pads));
}

/* The map's own rows and columns of a padded one. */
static int crop(swin *v, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    if (v->padded == v->side)
        return x;
    arc_torch_join(name, prefix, "rows");
    x = arc_torch_slice(&v->n, name, x, 1, 0, v->side);
    arc_torch_join(name, prefix, "columns");
    return arc_torch_slice(&v->n, name, x, 2, 0, v->side);
}

/* Between windows [N, windows, tokens, C] and the map [N, padded, padded, C]. */
static int windows(swin *v, int x, const char *prefix, bool to_map) {
    static const int64_t perm[6] = {0, 1, 3, 2, 4, 5};
    char name[ARC_TORCH_NAME];
    const int64_t w = v->window, across = v->padded / w;
    const int64_t rows[6] = {0, across, w, across, w, v->channels}, apart[6] = {0, across, across, w, w, v->channels};
    const int64_t tokens[4] = {0, across * across, w * w, v->channels}, map[4] = {0, v->padded, v->padded, v->channels};
    arc_torch_join(name, prefix, "parts");
    x = arc_torch_reshape(&v->n, name, x, 6, to_map ? apart : rows);
    arc_torch_join(name, prefix, "moved");
    x = arc_torch_transpose(&v->n, name, x, 6, perm);
    arc_torch_join(name, prefix, "whole");
    return arc_torch_reshape(&v->n, name, x, 4, to_map ? map : tokens);
}

/* Scores of query and key, times 1/sqrt(size), plus positions and mask; mask_at: ARC_NO_VALUE for none. */
static int scores(swin *v, int q, int keys, const char *block, int64_t heads, int mask_at) {
    arc_torch_net *n = &v->n;
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    const float scale = (float)(1 / sqrt((double)(v->channels / heads)));
    const arc_shape scalar = {0, {0}};
    arc_torch_join(prefix, block, "attn");
    arc_torch_join(name, prefix, "scores");
    int x = arc_torch_binary(n, "MatMul", name, q, keys);
    arc_torch_join(name, prefix, "scale");
    const int factor = arc_torch_floats(n, name, &scalar, &scale);
    arc_torch_join(name, prefix, "scaled");
    x = arc_torch_binary(n, "Mul", name, x, factor);
    arc_torch_join(name, prefix, "biased");
    x = arc_torch_binary(n, "Add", name, x, bias(v, block, heads));
    arc_torch_join(name, prefix, "masked");
    return mask_at >= 0 ? arc_torch_binary(n, "Add", name, x, mask_at) : x;
}

/* Windows [N, windows, tokens, C] to the same. */
static int attention(swin *v, int x, const char *block, int mask_at) {
    static const int64_t split[6] = {3, 0, 1, 4, 2, 5}, swap[5] = {0, 1, 2, 4, 3}, back[5] = {0, 1, 3, 2, 4};
    arc_torch_net *n = &v->n;
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    const int64_t across = v->padded / v->window, count = across * across, tokens = v->window * v->window;
    const int64_t heads = arc_torch_net_dim(n, block, table_leaf, 1);
    if (heads < 1 || v->channels % heads ||
        arc_torch_net_dim(n, block, table_leaf, 0) != (2 * v->window - 1) * (2 * v->window - 1)) {
        arc_torch_net_refuse(n, block,
                             "has a table of relative positions that doesn't belong to its stage's windows and channels");
        return ARC_NO_VALUE;
    }
    const int64_t parts[6] = {0, count, tokens, 3, heads, v->channels / heads}, whole[4] = {0, count, tokens, v->channels};
    arc_torch_join(prefix, block, "attn");
    arc_torch_join(name, prefix, "qkv");
    x = arc_torch_split(n, arc_torch_linear(n, x, name), prefix, 6, parts, split);
    arc_torch_join(name, prefix, "query");
    const int q = arc_torch_pick(n, name, x, 0);
    arc_torch_join(name, prefix, "key");
    const int k = arc_torch_pick(n, name, x, 1);
    arc_torch_join(name, prefix, "value");
    const int value = arc_torch_pick(n, name, x, 2);
    arc_torch_join(name, prefix, "keys");
    x = scores(v, q, arc_torch_transpose(n, name, k, 5, swap), block, heads, mask_at);
    x = arc_torch_attend(n, x, value, prefix, 5, back, whole);
    arc_torch_join(name, prefix, "proj");
    return arc_torch_linear(n, x, name);
}

/* ---- blocks, stages, ends -------------------------------------------------------------------------------------------------- */

static int block(swin *v, int x, const char *prefix, int stage, bool shifted) {
    arc_torch_net *n = &v->n;
    char name[ARC_TORCH_NAME];
    const int64_t by = v->window / 2;
    arc_torch_join(name, prefix, "norm1");
    int y = arc_torch_layer_norm(n, x, name, LN_EPSILON);
    arc_torch_join(name, prefix, "shift");
    y = shifted ? roll(v, y, name, by) : y;
    arc_torch_join(name, prefix, "padded");
    y = pad(v, y, name, v->padded - v->side);
    arc_torch_join(name, prefix, "windows");
    y = windows(v, y, name, false);
    y = attention(v, y, prefix, shifted ? mask(v, prefix, stage) : ARC_NO_VALUE);
    arc_torch_join(name, prefix, "map");
    y = windows(v, y, name, true);
    arc_torch_join(name, prefix, "cropped");
    y = crop(v, y, name);
    arc_torch_join(name, prefix, "unshift");
    y = shifted ? roll(v, y, name, v->side - by) : y;
    arc_torch_join(name, prefix, "sum1");
    x = arc_torch_binary(n, "Add", name, x, y);
    arc_torch_join(name, prefix, "norm2");
    y = arc_torch_layer_norm(n, x, name, LN_EPSILON);
    arc_torch_join(name, prefix, "mlp.fc1");
    y = arc_torch_linear(n, y, name);
    arc_torch_join(name, prefix, "mlp.act");
    y = arc_torch_activate(n, y, name, ARC_TORCH_GELU, "");
    arc_torch_join(name, prefix, "mlp.fc2");
    y = arc_torch_linear(n, y, name);
    arc_torch_join(name, prefix, "sum2");
    return arc_torch_binary(n, "Add", name, x, y);
}

/* Four neighbours, column by column, become one patch; an odd side gets one row and column more. */
static int merge(swin *v, int x, int owner) {
    static const int64_t perm[6] = {0, 1, 3, 4, 2, 5};
    arc_torch_net *n = &v->n;
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    const int64_t half = (v->side + 1) / 2, parts[6] = {0, half, 2, half, 2, v->channels},
                  map[4] = {0, half, half, 4 * v->channels};
    snprintf(prefix, sizeof prefix, "layers.%d.downsample", owner);
    arc_torch_join(name, prefix, "padded");
    x = pad(v, x, name, v->side % 2);
    arc_torch_join(name, prefix, "parts");
    x = arc_torch_reshape(n, name, x, 6, parts);
    arc_torch_join(name, prefix, "moved");
    x = arc_torch_transpose(n, name, x, 6, perm);
    arc_torch_join(name, prefix, "map");
    x = arc_torch_reshape(n, name, x, 4, map);
    arc_torch_join(name, prefix, "norm");
    x = arc_torch_layer_norm(n, x, name, LN_EPSILON);
    arc_torch_join(name, prefix, "reduction");
    v->side = half;
    v->channels = arc_torch_net_dim(n, name, "weight", 0);
    return arc_torch_linear(n, x, name);
}

static int stage(swin *v, int x, int index) {
    char prefix[ARC_TORCH_NAME];
    if (index > 0)
        x = merge(v, x, v->merges_first ? index : index - 1);
    v->window = window_of(v, index);
    v->padded = (v->side + v->window - 1) / v->window * v->window;
    for (int i = 0; i < MAX_BLOCKS; i++) {
        snprintf(prefix, sizeof prefix, "layers.%d.blocks.%d", index, i);
        if (!arc_torch_net_find(&v->n, prefix, table_leaf))
            break;
        x = block(v, x, prefix, index, i % 2 && v->window > 1 && v->patches >> index > v->window);
    }
    return x;
}

/* The picture's patches as a map [N, patches, patches, C]. */
static int embed_patches(swin *v, int x) {
    static const int64_t to_last[4] = {0, 2, 3, 1};
    arc_torch_net *n = &v->n;
    const arc_shape map = {4, {1, v->side, v->side, v->channels}};
    x = arc_torch_conv(n, x, "patch_embed.proj", (int)v->patch, 0, 1);
    x = arc_torch_transpose(n, "patch_embed.map", x, 4, to_last);
    if (arc_torch_net_find(n, "patch_embed.norm", "weight"))
        x = arc_torch_layer_norm(n, x, "patch_embed.norm", LN_EPSILON);
    if (arc_torch_net_find(n, "", "absolute_pos_embed"))
        x = arc_torch_binary(n, "Add", "patch_embed.placed", x, arc_torch_weight(n, "", "absolute_pos_embed", &map));
    return x;
}

/* LayerNorm, the mean over the map and what follows it: SwinFace's two linear layers, a head, or nothing. */
static int mean_and_head(swin *v, int x) {
    static const int64_t to_first[4] = {0, 3, 1, 2};
    arc_torch_net *n = &v->n;
    x = arc_torch_layer_norm(n, x, "norm", LN_EPSILON);
    x = arc_torch_transpose(n, "norm.first", x, 4, to_first);
    x = arc_torch_unary(n, "GlobalAveragePool", "pool", x);
    x = arc_torch_many(n, "Flatten", "flatten", 1, &x, 1);
    if (arc_torch_net_find(n, "feature.0", "weight")) {
        x = arc_torch_gemm(n, x, "feature.0");
        x = arc_torch_batch_norm(n, x, "feature.1", FEATURE_EPSILON);
        x = arc_torch_gemm(n, x, "feature.2");
        v->channels = arc_torch_net_dim(n, "feature.2", "weight", 0);
        return arc_torch_batch_norm(n, x, "feature.3", FEATURE_EPSILON);
    }
    const char *head = arc_torch_net_find(n, "head.fc", "weight") ? "head.fc" : "head";
    if (!arc_torch_net_find(n, head, "weight"))
        return x;
    if (!arc_torch_net_find(n, head, "bias"))
        arc_torch_net_refuse(
            n, head,
            "has no bias, so it may be the centres that a margin was trained with as well as the net's last layer; "
            "export it to ONNX instead");
    v->channels = arc_torch_net_dim(n, head, "weight", 0);
    return arc_torch_gemm(n, x, head);
}

/* FaceX-Zoo's: LayerNorm, Linear of the whole map, BatchNorm. */
static int output_layer(swin *v, int x) {
    arc_torch_net *n = &v->n;
    const int64_t flat[2] = {0, v->side * v->side * v->channels};
    x = arc_torch_layer_norm(n, x, "output_layer.0", LN_EPSILON);
    x = arc_torch_reshape(n, "flatten", x, 2, flat);
    x = arc_torch_gemm(n, x, "output_layer.2");
    v->channels = arc_torch_net_dim(n, "output_layer.2", "weight", 0);
    return arc_torch_batch_norm(n, x, "output_layer.3", BN_EPSILON);
}

arc_status arc_torch_build_swin(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err) {
    swin v = {.n = {.s = s, .file = name, .family = "Swin Transformer", .err = err}};
    arc_torch_net *n = &v.n;
    int x;
    measure(&v);
    const arc_shape input = {4, {-1, 3, v.patch * v.patches, v.patch * v.patches}};
    if (arc_torch_net_start(n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(n, true, out);
    check_measures(&v);
    const bool facex_zoo = arc_torch_net_find(n, "output_layer.2", "weight");
    if (n->st == ARC_OK)
        x = embed_patches(&v, x);
    for (int i = 0; n->st == ARC_OK && i < v.stages; i++)
        x = stage(&v, x, i);
    if (n->st == ARC_OK)
        x = facex_zoo ? output_layer(&v, x) : mean_and_head(&v, x);
    arc_torch_net_give(n, x, (arc_shape){2, {-1, v.channels}});
    arc_torch_net_contract(n, facex_zoo);
    if (facex_zoo && n->st == ARC_OK)
        arc_torch_net_check(n, arc_graph_set_meta(n->g, "arcface.scale", "0.0078125,0.0078125,0.0078125"));
    return arc_torch_net_finish(n, true, out);
}
