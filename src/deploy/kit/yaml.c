/* modelconverter's configuration of a network for RVC2 and RVC4: written with every choice explained, and held against the
 * network. Its schema is modelconverter/utils/config.py, version 0.6. */
#include "deploy/kit/kit.h"
#include <stdio.h>
#include <string.h>

const char *arc_kit_yaml_name(arc_kit_target target) {
    return target == ARC_KIT_RVC2 ? "rvc2.yaml" : "rvc4.yaml";
}

/* ---- writing ---- */

static const char rvc2_head[] = "# " ARC_KIT_ONNX " for RVC2 (OAK cameras with Myriad X), as modelconverter takes it:\n"
                                "#   modelconverter convert rvc2 --path rvc2.yaml\n"
                                "# gives the network alone. From " ARC_KIT_ARCHIVE
                                " it also gets its head, EmbeddingsParser: README.md has that command, and\n"
                                "# everything below can be written behind it.\n";

static const char rvc4_head[] =
    "# " ARC_KIT_ONNX " for RVC4 (OAK 4), as modelconverter takes it, after \"unzip calibration.zip -d calibration\":\n"
    "#   modelconverter convert rvc4 --path rvc4.yaml\n"
    "# gives the network alone. From " ARC_KIT_ARCHIVE
    " it also gets its head, EmbeddingsParser: README.md has that command, and\n"
    "# everything below can be written behind it.\n";

static const char ends_text[] = "\n"
                                "# The network takes pixels as cameras give them: blue, green, red, 0 to 255. Channel order and "
                                "normalisation are inside it.\n"
                                "# Without these lines modelconverter takes a network for RGB and exchanges the channels once "
                                "more.\n";

static const char rvc2_tail[] =
    "\n"
    "# RVC2 computes in half precision: nothing is calibrated.\n"
    "rvc2:\n"
    "  compress_to_fp16: true\n"
    "  # A superblob serves any number of SHAVE cores; it is compiled for 8 and holds patches for 1 to 16.\n"
    "  superblob: true\n"
    "  number_of_shaves: 8\n";

static const char rvc4_tail[] =
    "\n"
    "rvc4:\n"
    "  # How it is quantized. W8A16: weights of 8 bits, 16 between layers.\n"
    "  #   INT8_STANDARD          W8A8, a weight scale for each channel, ranges from least to greatest value. Fastest,\n"
    "  #                          smallest, least like float32. Begin here, and compare (README.md).\n"
    "  #   INT8_ACCURACY_FOCUSED  W8A8, ranges by SNPE's \"enhanced\" quantizer, which cuts off outliers. As fast; try it when\n"
    "  #                          the comparison with INT8_STANDARD is not good enough.\n"
    "  #   INT8_INT16_MIXED       W8A16. Slower and larger, nearer to float32; how near is foretold by\n"
    "  #                          \"arcface export --simulate rvc4-int16\".\n"
    "  #   INT8_INT16_MIXED_ACCURACY_FOCUSED  W8A16 with the \"enhanced\" quantizer.\n"
    "  #   INT16_STANDARD         W16A16, one scale for all of a layer's weights. modelconverter alone, HubAI has it not.\n"
    "  #   FP16_STANDARD          half precision throughout, also at input and output. Nothing is calibrated. Slower and\n"
    "  #                          larger, nearest to float32.\n"
    "  #   CUSTOM                 what snpe_onnx_to_dlc_args, snpe_dlc_quant_args and snpe_dlc_graph_prepare_args say; every\n"
    "  #                          other mode ignores those three.\n"
    "  quantization_mode: INT8_STANDARD\n"
    "  use_per_channel_quantization: true\n"
    "  # The last layer can have a scale for each row too: true may be nearer to float32.\n"
    "  use_per_row_quantization: false\n"
    "  # The chip of OAK 4.\n"
    "  htp_socs: [sm8550]\n"
    "  # 1 to 3: longer preparation, faster network.\n"
    "  optimization_level: 2\n";

static const char calibration_text[] =
    "    # Aligned faces of this network's size. Without them modelconverter calibrates on 20 pictures of noise.\n"
    "    calibration:\n"
    "      path: " ARC_KIT_UNPACKED "\n"
    "      max_images: -1\n"
    "      resize_method: RESIZE\n";

void arc_kit_yaml(arc_text *t, arc_kit_target target, const arc_kit_network *n) {
    arc_text_add(t, "%s\nname: arcface\ninput_model: %s\n%s", target == ARC_KIT_RVC2 ? rvc2_head : rvc4_head, ARC_KIT_ONNX,
                 ends_text);
    arc_text_add(t,
                 "inputs:\n  - name: %s\n    shape: [1, 3, %lld, %lld]\n    layout: NCHW\n    data_type: float32\n"
                 "    encoding:\n      from: BGR\n      to: BGR\n    mean_values: [0, 0, 0]\n    scale_values: [1, 1, 1]\n",
                 ARC_DEPLOY_INPUT, (long long)n->height_px, (long long)n->width_px);
    if (target == ARC_KIT_RVC4)
        arc_text_add(t, "%s", calibration_text);
    arc_text_add(t, "outputs:\n  - name: %s\n    shape: [1, %lld]\n    layout: NF\n    data_type: float32\n%s", ARC_DEPLOY_OUTPUT,
                 (long long)n->dim, target == ARC_KIT_RVC2 ? rvc2_tail : rvc4_tail);
}

/* ---- checking ---- */

static const char *const modes[] = {"INT8_STANDARD",
                                    "INT8_ACCURACY_FOCUSED",
                                    "INT8_INT16_MIXED",
                                    "INT8_INT16_MIXED_ACCURACY_FOCUSED",
                                    "INT16_STANDARD",
                                    "FP16_STANDARD",
                                    "CUSTOM"};

/* Settings that say something of the network, with what is true of it. */
typedef struct expected {
    const char *path;
    char value[64];
    arc_kit_target only; /* ARC_KIT_TARGETS: both */
} expected;

#define MAX_EXPECTED 24
static int expect(expected list[MAX_EXPECTED], const arc_kit_network *n) {
    static const struct {
        const char *path, *value;
    } fixed[] = {{"input_model", ARC_KIT_ONNX},       {"inputs.0.name", ARC_DEPLOY_INPUT},  {"inputs.0.layout", "NCHW"},
                 {"inputs.0.data_type", "float32"},   {"inputs.0.encoding.from", "BGR"},    {"inputs.0.encoding.to", "BGR"},
                 {"inputs.0.mean_values", "[0,0,0]"}, {"inputs.0.scale_values", "[1,1,1]"}, {"outputs.0.name", ARC_DEPLOY_OUTPUT},
                 {"outputs.0.layout", "NF"},          {"outputs.0.data_type", "float32"}};
    int count = 0;
    for (size_t i = 0; i < ARC_COUNT(fixed); i++, count++) {
        list[count] = (expected){.path = fixed[i].path, .only = ARC_KIT_TARGETS};
        snprintf(list[count].value, sizeof list[count].value, "%s", fixed[i].value);
    }
    list[count] = (expected){.path = "inputs.0.shape", .only = ARC_KIT_TARGETS};
    snprintf(list[count].value, sizeof list[count].value, "[1,3,%lld,%lld]", (long long)n->height_px, (long long)n->width_px);
    count++;
    list[count] = (expected){.path = "outputs.0.shape", .only = ARC_KIT_TARGETS};
    snprintf(list[count].value, sizeof list[count].value, "[1,%lld]", (long long)n->dim);
    count++;
    list[count++] = (expected){.path = "inputs.0.calibration.path", .value = ARC_KIT_UNPACKED, .only = ARC_KIT_RVC4};
    return count;
}

/* Settings that anybody may change. */
static bool is_free(const char *path) {
    static const char *const known[] = {"name",
                                        "rich_logging",
                                        "inputs.0.calibration.max_images",
                                        "inputs.0.calibration.resize_method",
                                        "onnx_simplification",
                                        "onnx_optimizations",
                                        "keep_intermediate_outputs"};
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        if (strcmp(path, known[i]) == 0)
            return true;
    return strncmp(path, "rvc2.", 5) == 0 || strncmp(path, "rvc4.", 5) == 0;
}

/* Equal but for blanks and quotes. */
static bool same_value(const char *a, const char *b) {
    for (;; a++, b++) {
        a += strspn(a, " \"'");
        b += strspn(b, " \"'");
        if (*a != *b || !*a)
            return *a == *b;
    }
}

static bool is_mode(const char *value) {
    for (size_t i = 0; i < ARC_COUNT(modes); i++)
        if (same_value(value, modes[i]))
            return true;
    return false;
}

static const arc_yaml_setting *setting_of(const arc_yaml_setting *setting, int count, const char *path) {
    for (int i = 0; i < count; i++)
        if (strcmp(setting[i].path, path) == 0)
            return &setting[i];
    return NULL;
}

static void hold(arc_findings *f, arc_kit_target target, const arc_kit_network *n, const arc_yaml_setting *setting, int count) {
    expected list[MAX_EXPECTED];
    const char *name = arc_kit_yaml_name(target);
    const int wanted = expect(list, n);
    for (int i = 0; i < wanted; i++) {
        const arc_yaml_setting *s = setting_of(setting, count, list[i].path);
        if (list[i].only != ARC_KIT_TARGETS && list[i].only != target)
            continue;
        if (!s)
            arc_findings_add(f, true, name, "%s is missing: %s", list[i].path, list[i].value);
        else if (!same_value(s->value, list[i].value))
            arc_findings_add(f, true, name, "%s is %.100s, of the network it is %s", list[i].path, s->value, list[i].value);
    }
    for (int i = 0; i < count; i++) {
        bool known = is_free(setting[i].path);
        for (int k = 0; k < wanted && !known; k++)
            known = strcmp(setting[i].path, list[k].path) == 0 && (list[k].only == ARC_KIT_TARGETS || list[k].only == target);
        if (!known)
            arc_findings_add(f, true, name, "%.100s: %.100s is no setting that a kit has", setting[i].path, setting[i].value);
    }
    const arc_yaml_setting *mode = setting_of(setting, count, "rvc4.quantization_mode");
    if (mode && !is_mode(mode->value))
        arc_findings_add(f, true, name, "rvc4.quantization_mode: modelconverter has no %.100s", mode->value);
}

void arc_kit_yaml_check(arc_findings *f, arc_kit_target target, const arc_kit_network *n, const void *bytes, size_t count) {
    arc_arena arena;
    arc_yaml_setting setting[ARC_YAML_MAX_SETTINGS];
    arc_error why = {0};
    int settings;
    arc_arena_init(&arena, f->arena->alloc, 0);
    if (arc_yaml_read(&arena, bytes, count, arc_kit_yaml_name(target), setting, &settings, &why) == ARC_OK)
        hold(f, target, n, setting, settings);
    else
        arc_findings_add(f, true, arc_kit_yaml_name(target), "%s", why.text);
    arc_arena_free(&arena);
}
