/* Vision transformers as arcface_torch has them (ViT-T, -S, -B, -L, -H: patches of 9, LayerNorm, ReLU6) and as CVLface has them
 * (patches of 8), there also with relative positions that the face's five points give (KPRPE). Depth and widths are the tensors';
 * heads are the families': 8, and 16 where the MLP is three times as wide as the tokens. */
#include "format/torch/net.h"
#include <math.h>
#include <stdio.h>

#define OPSET 17
#define LN_EPSILON 1e-5f
#define FEATURE_EPSILON 2e-5f
#define MAX_BLOCKS 256
#define POINTS 10  /* coordinates of the five points */
#define BUCKETS 49 /* (2 * 3 + 1)^2 relative positions that KPRPE tells apart */
#define REACH 3
#define ALPHA                                                                                                                    \
    1.9 /* patches up to which each offset has a bucket of its own; 2 and 8 times as far lie the last one and the end            \
         */

typedef struct vit {
    arc_torch_net n;
    int64_t side_patches, tokens, width, heads, depth;
    int points;       /* [N, heads * depth, tokens, BUCKETS] of KPRPE; ARC_NO_VALUE without */
    bool batch_norms; /* over tokens, in place of LayerNorm */
} vit;

static int norm(vit *v, int x, const char *prefix) {
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, "bn");
    return v->batch_norms ? arc_torch_batch_norm(&v->n, x, name, LN_EPSILON) : arc_torch_layer_norm(&v->n, x, prefix, LN_EPSILON);
}

/* The offset between two patches as one of -REACH..REACH. */
static int64_t bucket(int64_t offset) {
    const double far = fabs((double)offset), beta = 2 * ALPHA, gamma = 8 * ALPHA;
    if (far <= ALPHA)
        return offset;
    const double y = fmin(nearbyint(ALPHA + log(far / ALPHA) / log(gamma / ALPHA) * (beta - ALPHA)), beta);
    return offset < 0 ? -(int64_t)y : (int64_t)y;
}

/* The relative positions of a block, [N, heads, tokens, tokens]: bucket (i, j) of row i. */
static int relative(vit *v, int block) {
    arc_torch_net *n = &v->n;
    char name[ARC_TORCH_NAME];
    const int64_t rows[3] = {0, v->heads, v->tokens * BUCKETS};
    snprintf(name, sizeof name, "blocks.%d.attn.points", block);
    int x = arc_torch_slice(n, name, v->points, 1, block * v->heads, (block + 1) * v->heads);
    snprintf(name, sizeof name, "blocks.%d.attn.rows", block);
    x = arc_torch_reshape(n, name, x, 3, rows);
    int index = n->st == ARC_OK ? arc_graph_find(n->g, "buckets") : ARC_NO_VALUE;
    if (index < 0 && n->st == ARC_OK) {
        const arc_shape shape = {2, {v->tokens, v->tokens}};
        void *room = NULL;
        index = arc_graph_constant_new(n->g, "buckets", ARC_I64, &shape, &room);
        arc_torch_net_check(n, index < 0 ? ARC_ENOMEM : ARC_OK);
        for (int64_t i = 0; index >= 0 && i < v->tokens; i++)
            for (int64_t j = 0; j < v->tokens; j++)
                ((int64_t *)room)[i * v->tokens + j] =
                    i * BUCKETS + (bucket(i / v->side_patches - j / v->side_patches) + REACH) * (2 * REACH + 1) +
                    bucket(i % v->side_patches - j % v->side_patches) + REACH;
    }
    const int in[2] = {x, index};
    snprintf(name, sizeof name, "blocks.%d.attn.relative", block);
    return arc_torch_many(n, "Gather", name, 2, in, 2);
}

/* One of query, key and value: [N, heads, tokens, width / heads]. */
static int third(vit *v, int qkv, const char *prefix, int64_t which) {
    static const char *const leaf[] = {"query", "key", "value"};
    char name[ARC_TORCH_NAME];
    arc_torch_join(name, prefix, leaf[which]);
    return arc_torch_pick(&v->n, name, qkv, which);
}

static int attention(vit *v, int x, int block) {
    static const int64_t split[5] = {2, 0, 3, 1, 4}, swap[4] = {0, 1, 3, 2}, back[4] = {0, 2, 1, 3};
    arc_torch_net *n = &v->n;
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    const int64_t size = v->width / v->heads, parts[5] = {0, v->tokens, 3, v->heads, size}, whole[3] = {0, v->tokens, v->width};
    const float scale = (float)(1 / sqrt((double)size));
    const arc_shape scalar = {0, {0}};
    snprintf(prefix, sizeof prefix, "blocks.%d.attn", block);
    arc_torch_join(name, prefix, "qkv");
    x = arc_torch_split(n, arc_torch_linear(n, x, name), prefix, 5, parts, split);
    const int q = third(v, x, prefix, 0), k = third(v, x, prefix, 1), value = third(v, x, prefix, 2);
    arc_torch_join(name, prefix, "keys");
    const int keys = arc_torch_transpose(n, name, k, 4, swap);
    arc_torch_join(name, prefix, "scores");
    x = arc_torch_binary(n, "MatMul", name, q, keys);
    arc_torch_join(name, prefix, "scaled");
    x = arc_torch_binary(n, "Mul", name, x, arc_torch_floats(n, "attention.scale", &scalar, &scale));
    arc_torch_join(name, prefix, "biased");
    if (v->points >= 0)
        x = arc_torch_binary(n, "Add", name, x, relative(v, block));
    x = arc_torch_attend(n, x, value, prefix, 4, back, whole);
    arc_torch_join(name, prefix, "proj");
    return arc_torch_linear(n, x, name);
}

static int block(vit *v, int x, int index) {
    arc_torch_net *n = &v->n;
    char prefix[ARC_TORCH_NAME], name[ARC_TORCH_NAME];
    snprintf(prefix, sizeof prefix, "blocks.%d", index);
    arc_torch_join(name, prefix, "norm1");
    int y = attention(v, norm(v, x, name), index);
    arc_torch_join(name, prefix, "sum1");
    x = arc_torch_binary(n, "Add", name, x, y);
    arc_torch_join(name, prefix, "norm2");
    y = norm(v, x, name);
    arc_torch_join(name, prefix, "mlp.fc1");
    y = arc_torch_linear(n, y, name);
    arc_torch_join(name, prefix, "mlp.act");
    y = arc_torch_activate(n, y, name, ARC_TORCH_RELU6, "");
    arc_torch_join(name, prefix, "mlp.fc2");
    y = arc_torch_linear(n, y, name);
    arc_torch_join(name, prefix, "sum2");
    return arc_torch_binary(n, "Add", name, x, y);
}

/* The second input [N,5,2], and what its distances from the middles of the patches give every head of every block. */
static void points(vit *v) {
    arc_torch_net *n = &v->n;
    const arc_shape input = {3, {-1, POINTS / 2, 2}}, grid_shape = {3, {1, v->tokens, POINTS}};
    const int64_t flat[3] = {0, 1, POINTS}, rows[4] = {0, v->tokens, v->heads * v->depth, BUCKETS}, perm[4] = {0, 2, 1, 3};
    void *room = NULL;
    int grid = ARC_NO_VALUE, keypoints = ARC_NO_VALUE;
    if (n->st != ARC_OK)
        return;
    keypoints = arc_graph_value(n->g, "keypoints");
    grid = arc_graph_constant_new(n->g, "patches", ARC_F32, &grid_shape, &room);
    if (keypoints < 0 || grid < 0 || arc_graph_add_input(n->g, keypoints, ARC_F32, &input) != ARC_OK) {
        arc_torch_net_check(n, ARC_ENOMEM);
        return;
    }
    for (int64_t t = 0; t < v->tokens; t++)
        for (int64_t i = 0; i < POINTS; i++) {
            const int64_t at = i % 2 ? t / v->side_patches : t % v->side_patches;
            ((float *)room)[t * POINTS + i] = (float)(((double)at + 0.5) / (double)v->side_patches);
        }
    int x = arc_torch_reshape(n, "keypoints.flat", keypoints, 3, flat);
    x = arc_torch_binary(n, "Sub", "keypoints.distance", grid, x);
    x = arc_torch_linear(n, x, "keypoint_linear");
    x = arc_torch_reshape(n, "keypoints.heads", x, 4, rows);
    v->points = arc_torch_transpose(n, "keypoints.buckets", x, 4, perm);
}

/* Linear without bias, BatchNorm, Linear without bias, BatchNorm. */
static int features(vit *v, int x) {
    const int64_t flat[2] = {0, v->tokens * v->width};
    x = arc_torch_reshape(&v->n, "flatten", x, 2, flat);
    x = arc_torch_gemm(&v->n, x, "feature.0");
    x = arc_torch_batch_norm(&v->n, x, "feature.1", FEATURE_EPSILON);
    x = arc_torch_gemm(&v->n, x, "feature.2");
    return arc_torch_batch_norm(&v->n, x, "feature.3", FEATURE_EPSILON);
}

/* What the tensors say of the net; a sentence if they don't belong together. */
static const char *measure(vit *v) {
    char prefix[ARC_TORCH_NAME];
    v->width = arc_torch_net_dim(&v->n, "patch_embed.proj", "weight", 0);
    v->tokens = arc_torch_net_dim(&v->n, "", "pos_embed", 1);
    v->side_patches = (int64_t)(sqrt((double)v->tokens) + 0.5);
    v->batch_norms = arc_torch_net_find(&v->n, "blocks.0.norm1", "bn.weight");
    while (v->depth < MAX_BLOCKS) {
        snprintf(prefix, sizeof prefix, "blocks.%d", (int)v->depth);
        if (!arc_torch_net_find(&v->n, prefix, "attn.qkv.weight"))
            break;
        v->depth++;
    }
    const bool narrow_mlp = arc_torch_net_dim(&v->n, "blocks.0", "mlp.fc1.weight", 0) == 3 * v->width;
    v->heads = narrow_mlp ? 16 : 8;
    if (v->tokens < 1 || v->side_patches * v->side_patches != v->tokens)
        return "are no square of patches";
    if (v->width < 1 || v->width % v->heads)
        return "have a width that the heads don't divide";
    if (arc_torch_net_find(&v->n, "keypoint_linear", "weight") &&
        (arc_torch_net_dim(&v->n, "keypoint_linear", "weight", 1) != POINTS ||
         arc_torch_net_dim(&v->n, "keypoint_linear", "weight", 0) != BUCKETS * v->heads * v->depth))
        return "come with points that don't give each head of each block its own positions; export it to ONNX instead";
    return NULL;
}

arc_status arc_torch_build_vit(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err) {
    static const int64_t perm[3] = {0, 2, 1};
    vit v = {.n = {.s = s, .file = name, .family = "ViT of arcface_torch or CVLface", .err = err}, .points = ARC_NO_VALUE};
    arc_torch_net *n = &v.n;
    int x;
    const char *wrong = measure(&v);
    const int64_t patch = arc_torch_net_dim(n, "patch_embed.proj", "weight", 2);
    const int64_t side = patch * v.side_patches == 108 ? 112 : patch * v.side_patches; /* 12 patches of 9 leave 4 pixels over */
    const arc_shape input = {4, {-1, 3, side, side}};
    const int64_t rows[3] = {0, v.width, v.tokens};
    if (arc_torch_net_start(n, a, OPSET, &input, &x) != ARC_OK)
        return arc_torch_net_finish(n, true, out);
    if (wrong)
        arc_torch_net_refuse(n, "blocks", wrong);
    x = arc_torch_conv(n, x, "patch_embed.proj", (int)patch, 0, 1);
    x = arc_torch_reshape(n, "patch_embed.rows", x, 3, rows);
    x = arc_torch_transpose(n, "patch_embed.tokens", x, 3, perm);
    x = arc_torch_binary(n, "Add", "pos_embed.sum", x, arc_torch_weight(n, "", "pos_embed", NULL));
    if (n->st == ARC_OK && arc_torch_net_find(n, "keypoint_linear", "weight"))
        points(&v);
    for (int64_t i = 0; i < v.depth; i++)
        x = block(&v, x, (int)i);
    x = norm(&v, x, "norm");
    x = features(&v, x);
    arc_torch_net_give(n, x, (arc_shape){2, {-1, arc_torch_net_dim(n, "feature.2", "weight", 0)}});
    arc_torch_net_contract(n, false);
    return arc_torch_net_finish(n, true, out);
}
