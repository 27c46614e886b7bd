/* Checkpoints of backbones as their training code saves them: small nets of each family against PyTorch
 * (tests/golden/backbones.py
 * --write; whole nets: the same script), what is told of a checkpoint that is none of them. */
#include "folder.h"
#include "format/format.h"
#include "golden_json.h"
#include "model/model.h"
#include "run/session.h"
#include "shared_context.h"
#include <math.h>
#include <string.h>

#define FOLDER ARC_SOURCE_DIR "/tests/golden/data/backbones/"
#define SIDE 112
#define SAME 0.99999
#define FILE_BYTES ((size_t)1 << 20)

/* The picture that the script embeds, (x - 127.5) / 127.5, channel by channel. */
static void picture(float *x) {
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < SIDE * SIDE; p++) {
            const int i = p * 3 + c;
            x[c * SIDE * SIDE + p] = (float)((i * 37 + i / 251 * 11) % 256) / 127.5f - 1;
        }
}

static double cosine(const float *a, const json_t *golden, const char *key) {
    size_t count;
    double *b = golden_list(golden, key, &count), ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * (double)a[i];
        bb += b[i] * b[i];
    }
    free(b);
    return ab / sqrt(aa * bb);
}

/* The cosine of what the checkpoint's net gives to the golden `key`. */
static double run(const char *path, const json_t *golden, const char *key) {
    static float x[3 * SIDE * SIDE];
    static float points[10] = {38.2946f / 112, 51.6963f / 112, 73.5318f / 112, 51.5014f / 112, 56.0252f / 112,
                               71.7366f / 112, 41.5493f / 112, 92.3655f / 112, 70.7299f / 112, 92.2041f / 112};
    arc_graph *g = NULL;
    arc_session *s = NULL;
    arc_error err = {0};
    picture(x);
    if (arc_torch_load(&g, &arc_alloc_libc, path, &err) != ARC_OK)
        fail_msg("%s", err.text);
    const arc_tensor in[2] = {{.dtype = ARC_F32, .shape = {4, {1, 3, SIDE, SIDE}}, .data = x},
                              {.dtype = ARC_F32, .shape = {3, {1, 5, 2}}, .data = points}};
    arc_tensor out[1];
    if (arc_session_new(&s, ctx, g, NULL, &err) != ARC_OK || arc_session_run(s, in, out, &err) != ARC_OK)
        fail_msg("%s: %s", path, err.text);
    assert_int_equal(arc_shape_count(&out[0].shape), json_array_size(json_object_get(golden, key)));
    const double found = cosine(out[0].data, golden, key);
    arc_session_free(&s);
    arc_graph_free(&g);
    return found;
}

static void every_family_gives_pytorchs_embedding(void **state) {
    (void)state;
    json_t *golden = golden_open("backbones/golden.json");
    const char *key;
    json_t *list;
    assert_true(json_object_size(golden) >= 17);
    json_object_foreach(golden, key, list) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "%s.safetensors", key);
        const double same = run(path, golden, key);
        if (!(same >= SAME))
            fail_msg("%s: cosine %.7f", key, same);
    }
    json_decref(golden);
}

/* ---- the same files with other tensors ---- */

/* A safetensors file: what stands in its header, and its data. */
typedef struct checkpoint {
    json_t *header;
    uint8_t *data;
    size_t bytes;
} checkpoint;

static void open_checkpoint(checkpoint *c, const char *name) {
    char path[512];
    uint8_t length[8];
    uint64_t header = 0;
    snprintf(path, sizeof path, FOLDER "%s.safetensors", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(length, 1, 8, f), 8);
    for (int i = 0; i < 8; i++)
        header |= (uint64_t)length[i] << (8 * i);
    char *text = malloc(header);
    assert_int_equal(fread(text, 1, header, f), header);
    c->header = json_loadb(text, header, 0, NULL);
    assert_non_null(c->header);
    free(text);
    c->data = malloc(FILE_BYTES);
    c->bytes = fread(c->data, 1, FILE_BYTES, f);
    assert_true(c->bytes > 0 && c->bytes < FILE_BYTES);
    fclose(f);
}

/* One float32 more, of a single number. */
static void add_tensor(checkpoint *c, const char *name) {
    json_object_set_new(c->header, name,
                        json_pack("{s:s,s:[i],s:[I,I]}", "dtype", "F32", "shape", 1, "data_offsets", (json_int_t)c->bytes,
                                  (json_int_t)c->bytes + 4));
    memset(c->data + c->bytes, 0, 4);
    c->bytes += 4;
}

/* Writes it to the test's folder and gives it back. */
static const char *close_checkpoint(checkpoint *c) {
    const char *path = in_folder("other.safetensors");
    char *text = json_dumps(c->header, JSON_COMPACT);
    const uint64_t header = strlen(text);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < 8; i++)
        fputc((int)(header >> (8 * i) & 255), f);
    assert_int_equal(fwrite(text, 1, header, f), header);
    assert_int_equal(fwrite(c->data, 1, c->bytes, f), c->bytes);
    fclose(f);
    free(text);
    free(c->data);
    json_decref(c->header);
    return path;
}

static void refused(const char *path, arc_status status, const char *part, const char *other) {
    arc_graph *g = NULL;
    arc_error err = {0};
    assert_int_equal(arc_torch_load(&g, &arc_alloc_libc, path, &err), status);
    assert_null(g);
    if (!strstr(err.text, part) || !strstr(err.text, other))
        fail_msg("'%s' says neither '%s' nor '%s'", err.text, part, other);
}

static void missing_and_surplus_tensors_are_named(void **state) {
    (void)state;
    checkpoint c;
    open_checkpoint(&c, "vit");
    json_object_del(c.header, "blocks.1.attn.proj.bias");
    json_object_del(c.header, "blocks.1.attn.proj.weight");
    refused(close_checkpoint(&c), ARC_EMISSING, "ViT of arcface_torch", "'blocks.1.attn.proj.weight'");
    open_checkpoint(&c, "edgenext");
    add_tensor(&c, "stages.2.blocks.0.mlp.grn.weight");
    refused(close_checkpoint(&c), ARC_EUNSUPPORTED, "1 tensors", "'stages.2.blocks.0.mlp.grn.weight'");
    open_checkpoint(&c, "evolve-irse");
    json_object_del(c.header, "body.7.res_layer.0.weight");
    refused(close_checkpoint(&c), ARC_EFORMAT, "'body'", "7 blocks");
}

/* Only the first `to` rows of a tensor. */
static void cut_tensor(checkpoint *c, const char *name, json_int_t to) {
    json_t *shape = json_object_get(json_object_get(c->header, name), "shape");
    json_t *offsets = json_object_get(json_object_get(c->header, name), "data_offsets");
    const json_int_t from = json_integer_value(json_array_get(shape, 0)), start = json_integer_value(json_array_get(offsets, 0));
    const json_int_t bytes = json_integer_value(json_array_get(offsets, 1)) - start;
    assert_true(from > to);
    json_array_set_new(shape, 0, json_integer(to));
    json_array_set_new(offsets, 1, json_integer(start + bytes / from * to));
}

static void swins_sides_are_inferred_or_refused(void **state) {
    (void)state;
    static const char table[] = "attn.relative_position_bias_table";
    char name[128];
    checkpoint c;
    open_checkpoint(&c, "swin");
    json_object_del(c.header, "layers.1.downsample.reduction.weight");
    refused(close_checkpoint(&c), ARC_EMISSING, "Swin Transformer", "'layers.1.downsample.reduction.weight'");
    open_checkpoint(&c, "swin");
    add_tensor(&c, "layers.0.blocks.0.attn.logit_scale");
    refused(close_checkpoint(&c), ARC_EUNSUPPORTED, "1 tensors", "'layers.0.blocks.0.attn.logit_scale'");
    open_checkpoint(&c, "swin");
    cut_tensor(&c, "layers.1.blocks.1.attn_mask", 1);
    refused(close_checkpoint(&c), ARC_EFORMAT, "'layers.1.blocks.1'", "attn_mask of another size");
    open_checkpoint(&c, "swin");
    cut_tensor(&c, "layers.0.blocks.1.attn_mask", 9); /* 21 patches, which is odd */
    refused(close_checkpoint(&c), ARC_EFORMAT, "'layers'", "windows that don't fit its maps");
    open_checkpoint(&c, "swin-timm");
    snprintf(name, sizeof name, "layers.1.blocks.1.%s", table);
    cut_tensor(&c, name, 121);
    refused(close_checkpoint(&c), ARC_EFORMAT, "'layers.1.blocks.1'", "table of relative positions");
    open_checkpoint(&c, "swin-timm");
    json_object_del(c.header, "absolute_pos_embed");
    snprintf(name, sizeof name, "layers.2.blocks.0.%s", table);
    cut_tensor(&c, name, 25); /* 3 by 3: 112 / 4 / 4 pixels are 7 */
    refused(close_checkpoint(&c), ARC_EFORMAT, "'layers'", "windows of neither pictures of 112 nor of 224");
    open_checkpoint(&c, "swin-timm");
    json_object_del(c.header, "head.fc.bias");
    refused(close_checkpoint(&c), ARC_EFORMAT, "'head.fc'", "has no bias");
}

static int64_t side_of(const char *path) {
    arc_graph *g = NULL;
    arc_error err = {0};
    if (arc_torch_load(&g, &arc_alloc_libc, path, &err) != ARC_OK)
        fail_msg("%s", err.text);
    const int64_t side = g->value[g->input[0]].shape.dim[2];
    arc_graph_free(&g);
    return side;
}

/* Without masks FaceX-Zoo's last layer tells the side; without that, and without positions, it is the first of 112 and 224 that
 * the windows fit: those of 2 by 2 don't divide 7 by 7, which 28 by 28 patches become. */
static void without_masks_a_swins_side_is_inferred(void **state) {
    (void)state;
    static const char *const block[] = {"layers.0.blocks.0", "layers.0.blocks.1", "layers.1.blocks.0", "layers.1.blocks.1",
                                        "layers.2.blocks.0"};
    static const char *const last[] = {"0.weight", "0.bias", "2.weight",       "2.bias",
                                       "3.weight", "3.bias", "3.running_mean", "3.running_var"};
    json_t *golden = golden_open("backbones/golden.json");
    char name[128];
    checkpoint c;
    open_checkpoint(&c, "swin");
    json_object_del(c.header, "layers.0.blocks.1.attn_mask");
    json_object_del(c.header, "layers.1.blocks.1.attn_mask");
    assert_true(run(close_checkpoint(&c), golden, "swin") >= SAME);
    open_checkpoint(&c, "swin-timm");
    json_object_del(c.header, "absolute_pos_embed");
    assert_int_equal(side_of(close_checkpoint(&c)), 112);
    open_checkpoint(&c, "swin");
    json_object_set(c.header, "norm.weight", json_object_get(c.header, "output_layer.0.weight"));
    json_object_set(c.header, "norm.bias", json_object_get(c.header, "output_layer.0.bias"));
    for (size_t i = 0; i < ARC_COUNT(last); i++) {
        snprintf(name, sizeof name, "output_layer.%s", last[i]);
        assert_int_equal(json_object_del(c.header, name), 0);
    }
    for (size_t i = 0; i < ARC_COUNT(block); i++) {
        snprintf(name, sizeof name, "%s.attn_mask", block[i]);
        json_object_del(c.header, name);
        snprintf(name, sizeof name, "%s.attn.relative_position_bias_table", block[i]);
        cut_tensor(&c, name, 9);
    }
    assert_int_equal(side_of(close_checkpoint(&c)), 224);
    json_decref(golden);
}

static void facex_zoos_swin_takes_bgr_by_128(void **state) {
    (void)state;
    char path[512];
    for (int timm = 0; timm < 2; timm++) {
        arc_model *m = NULL;
        snprintf(path, sizeof path, FOLDER "%s.safetensors", timm ? "swin-timm" : "swin");
        assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &m, NULL), ARC_OK);
        assert_int_equal(arc_model_contract(m)->bgr, !timm);
        assert_true(fabsf(arc_model_contract(m)->scale[0] - (timm ? 1 / 127.5f : 1 / 128.f)) < 1e-8f);
        arc_model_free(&m);
    }
}

static void heads_beside_the_net_are_passed_over(void **state) {
    (void)state;
    static const char *const heads[] = {"head.kernel", "module.margin.weight", "loss.centers", "kernel"};
    json_t *golden = golden_open("backbones/golden.json");
    checkpoint c;
    open_checkpoint(&c, "adaface-ir");
    for (size_t i = 0; i < ARC_COUNT(heads); i++)
        add_tensor(&c, heads[i]);
    assert_true(run(close_checkpoint(&c), golden, "adaface-ir") >= SAME);
    json_decref(golden);
}

static void adafaces_own_checkpoints_take_bgr(void **state) {
    (void)state;
    for (int own = 0; own < 2; own++) {
        checkpoint c;
        arc_model *m = NULL;
        open_checkpoint(&c, "adaface-ir");
        if (own) {
            add_tensor(&c, "head.batch_mean");
            add_tensor(&c, "head.batch_std");
        }
        assert_int_equal(arc_model_load(ctx, close_checkpoint(&c), ARC_TASK_EMBED, NULL, &m, NULL), ARC_OK);
        assert_int_equal(arc_model_contract(m)->bgr, own);
        assert_true(fabsf(arc_model_contract(m)->scale[0] - 1 / 127.5f) < 1e-8f);
        arc_model_free(&m);
    }
}

/* Tensors of one number each under the names of nets that are not known. */
static const char *odd(const char *const *names, size_t count) {
    checkpoint c = {json_object(), malloc(FILE_BYTES), 0};
    for (size_t i = 0; i < count; i++)
        add_tensor(&c, names[i]);
    return close_checkpoint(&c);
}

static void what_an_odd_checkpoint_is_like_is_told(void **state) {
    (void)state;
    static const char *const timm[] = {"cls_token",
                                       "pos_embed",
                                       "patch_embed.proj.weight",
                                       "blocks.0.norm1.weight",
                                       "blocks.0.attn.qkv.weight",
                                       "blocks.0.mlp.fc1.weight",
                                       "head.weight"};
    static const char *const inception[] = {"conv2d_1a.conv.weight", "conv2d_1a.bn.weight", "repeat_1.0.branch0.conv.weight",
                                            "last_linear.weight"};
    static const char *const resnet[] = {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.weight",
                                         "fc.weight"};
    static const char *const ir[] = {"input_layer.0.weight", "input_layer.2.weight", "body.0.layer.0.weight",
                                     "output_layer.0.weight", "output_layer.3.weight"};
    static const char *const ghost[] = {"conv_stem.weight", "bn1.weight", "blocks.0.0.ghost1.primary_conv.conv.weight",
                                        "blocks.0.0.ghost1.cheap_operation.0.weight", "blocks.0.0.ghost2.primary_conv.0.weight"};
    refused(odd(timm, ARC_COUNT(timm)), ARC_EUNSUPPORTED, "ViT of arcface_torch or CVLface", "'feature.0.weight' is missing");
    refused(odd(inception, ARC_COUNT(inception)), ARC_EUNSUPPORTED, "none of the known nets", "'conv2d_1a.bn.weight'");
    refused(odd(resnet, ARC_COUNT(resnet)), ARC_EUNSUPPORTED, "The nearest is ", "'conv1.weight' is [1] instead of [");
    refused(odd(ir, ARC_COUNT(ir)), ARC_EUNSUPPORTED, "IR or IR-SE of face.evoLVe", "'body.0.res_layer.0.weight' is missing");
    refused(odd(ghost, ARC_COUNT(ghost)), ARC_EUNSUPPORTED, "GhostNet of face.evoLVe",
            "'blocks.0.0.ghost1.primary_conv.0.weight' is missing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_gives_pytorchs_embedding),  cmocka_unit_test(missing_and_surplus_tensors_are_named),
        cmocka_unit_test(heads_beside_the_net_are_passed_over),   cmocka_unit_test(adafaces_own_checkpoints_take_bgr),
        cmocka_unit_test(what_an_odd_checkpoint_is_like_is_told), cmocka_unit_test(swins_sides_are_inferred_or_refused),
        cmocka_unit_test(without_masks_a_swins_side_is_inferred), cmocka_unit_test(facex_zoos_swin_takes_bgr_by_128),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
