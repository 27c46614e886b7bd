/* config.json against its schema (luxonis-ml, version 1.0) and against what depthai makes of it at run time. The two readers
 * differ: luxonis-ml refuses unknown keys and wrong types, depthai lets most of that pass and fails, or computes nonsense, later.
 */
#include "deploy/archive/archive.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PLACE_BYTES 160
#define SCRFD_SIDE_PX 640 /* of depthai-nodes' SCRFDParser */

typedef enum kind { TEXT, NUMBERS, WHOLES, TEXTS, OBJECT, LIST, FLAG, TYPE, ANY } kind;

typedef struct key {
    const char *name;
    kind kind;
    bool required, nullable;
} key;

static const key top_keys[] = {{"config_version", TEXT, false, false}, {"model", OBJECT, true, false}};
static const key model_keys[] = {{"metadata", OBJECT, true, false},
                                 {"inputs", LIST, true, false},
                                 {"outputs", LIST, true, false},
                                 {"heads", LIST, true, true}};
static const key metadata_keys[] = {{"name", TEXT, true, false}, {"path", TEXT, true, false}, {"precision", TYPE, false, false}};
static const key input_keys[] = {{"name", TEXT, true, false},       {"dtype", TYPE, true, false},
                                 {"input_type", TEXT, true, false}, {"shape", WHOLES, true, false},
                                 {"layout", TEXT, false, false},    {"preprocessing", OBJECT, true, false}};
static const key preprocessing_keys[] = {{"mean", NUMBERS, false, true},          {"scale", NUMBERS, false, true},
                                         {"reverse_channels", FLAG, false, true}, {"interleaved_to_planar", FLAG, false, true},
                                         {"dai_type", TEXT, false, true},         {"resize_mode", TEXT, false, true}};
static const key output_keys[] = {
    {"name", TEXT, true, false}, {"dtype", TYPE, true, false}, {"shape", WHOLES, false, true}, {"layout", TEXT, false, true}};
static const key head_keys[] = {{"name", TEXT, false, true},
                                {"parser", TEXT, true, false},
                                {"metadata", OBJECT, true, false},
                                {"outputs", TEXTS, false, true}};

static const char *const types[] = {"int4",   "int8",   "int16",   "int32",   "int64",   "uint4",   "uint8", "uint16",
                                    "uint32", "uint64", "float16", "float32", "float64", "boolean", "string"};
/* depthai's ImgFrame.Type; the name is looked up as it is written. */
static const char *const frame_types[] = {
    "YUV422i",       "YUV444p",       "YUV420p",       "YUV422p", "YUV400p", "RGBA8888", "RGB161616", "RGB888p", "BGR888p",
    "RGB888i",       "BGR888i",       "LUT2",          "LUT4",    "LUT16",   "RAW16",    "RAW14",     "RAW12",   "RAW10",
    "RAW8",          "PACK10",        "PACK12",        "YUV444i", "NV12",    "NV21",     "BITSTREAM", "HDR",     "RGBF16F16F16p",
    "BGRF16F16F16p", "RGBF16F16F16i", "BGRF16F16F16i", "GRAY8",   "GRAYF16", "RAW32",    "NONE"};
static const char *const resize_modes[] = {"CROP", "STRETCH", "LETTERBOX"};
/* depthai-nodes 0.7; a parser of another name is somebody's own. */
static const char *const parsers[] = {"ClassificationParser",
                                      "ClassificationSequenceParser",
                                      "DetectionParser",
                                      "EmbeddingsParser",
                                      "FastSAMParser",
                                      "HRNetParser",
                                      "ImageOutputParser",
                                      "KeypointParser",
                                      "LaneDetectionParser",
                                      "MapOutputParser",
                                      "MPPalmDetectionParser",
                                      "MLSDParser",
                                      "PPTextDetectionParser",
                                      "RegressionParser",
                                      "RFDETRParser",
                                      "SCRFDParser",
                                      "SegmentationParser",
                                      "SuperAnimalParser",
                                      "YOLOExtendedParser",
                                      "YOLO",
                                      "SSD",
                                      "YuNetParser",
                                      "XFeatMonoParser",
                                      "XFeatStereoParser"};

static bool among(const char *word, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}
#define AMONG(word, list) among(word, list, ARC_COUNT(list))

static bool all_are(const json_t *list, bool (*is)(const json_t *)) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!is(json_array_get(list, i)))
            return false;
    return json_is_array(list);
}

static bool is_number(const json_t *j) {
    return json_is_number(j);
}
static bool is_whole(const json_t *j) {
    return json_is_integer(j);
}
static bool is_text(const json_t *j) {
    return json_is_string(j);
}

static bool fits(const json_t *j, kind k) {
    switch (k) {
    case TEXT:
        return json_is_string(j);
    case TYPE:
        return json_is_string(j) && AMONG(json_string_value(j), types);
    case NUMBERS:
        return all_are(j, is_number);
    case WHOLES:
        return all_are(j, is_whole);
    case TEXTS:
        return all_are(j, is_text);
    case OBJECT:
        return json_is_object(j);
    case LIST:
        return json_is_array(j);
    case FLAG:
        return json_is_boolean(j);
    case ANY:
        break;
    }
    return true;
}

static const char *expected(kind k) {
    static const char *const words[] = {[TEXT] = "a text",
                                        [NUMBERS] = "a list of numbers",
                                        [WHOLES] = "a list of whole numbers",
                                        [TEXTS] = "a list of texts",
                                        [OBJECT] = "an object",
                                        [LIST] = "a list",
                                        [FLAG] = "true or false",
                                        [TYPE] = "a type in lower case, such as float32 or uint8",
                                        [ANY] = "anything"};
    return words[k];
}

/* closed: luxonis-ml refuses other keys. */
static void check_keys(arc_archive *a, const char *where, const json_t *object, const key *keys, size_t count, bool closed) {
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return; /* said where it hangs */
    for (size_t i = 0; i < count; i++) {
        const json_t *j = json_object_get(object, keys[i].name);
        if (!j && keys[i].required)
            arc_archive_find(a, true, where, "\"%s\" is missing: luxonis-ml refuses the archive", keys[i].name);
        else if (j && !(keys[i].nullable && json_is_null(j)) && !fits(j, keys[i].kind))
            arc_archive_find(a, true, where, "\"%s\" must be %s", keys[i].name, expected(keys[i].kind));
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        bool known = !closed;
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(name, keys[i].name) == 0;
        if (!known)
            arc_archive_find(a, true, where, "unknown key \"%.80s\": luxonis-ml refuses the archive", name);
    }
}
#define CHECK_KEYS(a, where, object, keys, closed) check_keys(a, where, object, keys, ARC_COUNT(keys), closed)

static void check_version(arc_archive *a) {
    const char *version = arc_archive_text(a->json, "config_version");
    int major, minor, length = 0;
    if (!version)
        return;
    if (sscanf(version, "%d.%d%n", &major, &minor, &length) != 2 || version[length] || !isdigit((unsigned char)*version))
        arc_archive_find(a, true, "config_version", "\"%.40s\" is no version like \"1.0\": luxonis-ml refuses the archive",
                         version);
    else if (strcmp(version, "1.0") != 0)
        arc_archive_find(a, true, "config_version",
                         "nobody knows version %.40s; both readers take it for 1.0 without a word, so write 1.0", version);
}

static void check_layout(arc_archive *a, const char *where, const char *layout, const json_t *shape, bool input) {
    const size_t letters = strlen(layout);
    char upper[ARC_MAX_RANK + 2] = "";
    for (size_t i = 0; i < letters && i + 1 < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)layout[i]);
    if (strcmp(upper, layout) != 0 && letters < sizeof upper)
        arc_archive_find(a, input, where, "layout \"%.20s\" is in lower case: depthai does not understand it%s", layout,
                         input ? " and knows no input size" : "");
    if (json_is_array(shape) && letters != json_array_size(shape))
        arc_archive_find(a, true, where, "layout \"%.20s\" has %zu letters, the shape %zu numbers", layout, letters,
                         json_array_size(shape));
    if (strpbrk(layout, "Nn") && toupper((unsigned char)*layout) != 'N')
        arc_archive_find(a, true, where, "layout \"%.20s\": N must come first", layout);
    for (size_t i = 0; i < letters; i++)
        if (strchr(layout + i + 1, layout[i])) {
            arc_archive_find(a, input, where, "layout \"%.20s\" has the letter %c twice", layout, layout[i]);
            break;
        }
}

static void check_shape(arc_archive *a, const char *where, const json_t *shape) {
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_int_t dim = json_integer_value(json_array_get(shape, i));
        if (json_is_integer(json_array_get(shape, i)) && dim <= 0) {
            arc_archive_find(a, true, where, "dimension %zu of the shape is %lld: devices need every size", i, (long long)dim);
            break;
        }
    }
}

/* Of an input that is a picture: its layout and the type of frame that the camera shall send must agree. */
static void check_image(arc_archive *a, const char *where, const json_t *input, const char *frame) {
    const char *layout = arc_archive_text(input, "layout");
    const json_t *shape = json_object_get(input, "shape");
    if (!layout) {
        arc_archive_find(a, false, where, "no layout: depthai knows no input size, so pipelines cannot scale to it");
        return;
    }
    if (!strpbrk(layout, "Cc"))
        arc_archive_find(a, true, where, "layout \"%.20s\" of a picture has no C: luxonis-ml refuses the archive", layout);
    const bool planes = strcmp(layout, "NCHW") == 0, pixels = strcmp(layout, "NHWC") == 0;
    if (!planes && !pixels) {
        arc_archive_find(a, true, where, "layout \"%.20s\": depthai reads the input size of NCHW and NHWC alone", layout);
        return;
    }
    if (json_array_size(shape) == 4) {
        const json_int_t second = json_integer_value(json_array_get(shape, 1)),
                         last = json_integer_value(json_array_get(shape, 3));
        const json_int_t channels = planes ? second : last, other = planes ? last : second;
        if (channels != 1 && channels != 3 && channels != 4 && (other == 1 || other == 3))
            arc_archive_find(a, true, where,
                             "layout %s contradicts the shape: %lld channels; readers let that pass and feed "
                             "pictures of the wrong size",
                             layout, (long long)channels);
    }
    const size_t n = frame ? strlen(frame) : 0;
    const bool color = n > 3 && (strncmp(frame, "RGB", 3) == 0 || strncmp(frame, "BGR", 3) == 0) && AMONG(frame, frame_types);
    if (color && frame[n - 1] == 'i' && planes)
        arc_archive_find(a, true, where, "dai_type %s is interleaved, layout NCHW is not: the pixels are read in the wrong order",
                         frame);
    if (color && frame[n - 1] == 'p' && pixels)
        arc_archive_find(a, true, where, "dai_type %s has planes, layout NHWC has none: the pixels are read in the wrong order",
                         frame);
}

static bool all_equal(const json_t *list, double value) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_number_value(json_array_get(list, i)) != value)
            return false;
    return true;
}

static bool has_zero(const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_number_value(json_array_get(list, i)) == 0)
            return true;
    return false;
}

static bool compiled(const arc_archive *a) {
    const char *dot = a->executable_name ? strrchr(a->executable_name, '.') : NULL;
    return dot && (strcmp(dot, ".blob") == 0 || strcmp(dot, ".superblob") == 0 || strcmp(dot, ".dlc") == 0);
}

static void check_preprocessing(arc_archive *a, const char *where, const json_t *input, const json_t *p) {
    const char *frame = arc_archive_text(p, "dai_type"), *resize = arc_archive_text(p, "resize_mode");
    const char *type = arc_archive_text(input, "input_type");
    const json_t *mean = json_object_get(p, "mean"), *scale = json_object_get(p, "scale");
    if (frame && !AMONG(frame, frame_types))
        arc_archive_find(a, true, where,
                         "dai_type \"%.40s\" is unknown: both readers let it pass, and the pipeline stops with it", frame);
    if (resize && !AMONG(resize, resize_modes))
        arc_archive_find(a, true, where, "resize_mode \"%.40s\" is none of CROP, STRETCH, LETTERBOX", resize);
    if (!frame && type && strcmp(type, "image") == 0)
        arc_archive_find(a, false, where, "no dai_type: depthai takes BGR888p on RVC2 and BGR888i on RVC4");
    if (compiled(a) && (!all_equal(mean, 0) || !all_equal(scale, 1)))
        arc_archive_find(a, true, where,
                         "mean and scale are declared and nothing applies them at run time: they must be inside the "
                         "network, and here 0 and 1");
    if (json_is_array(scale) && has_zero(scale))
        arc_archive_find(a, true, where, "scale has a 0, by which would be divided");
    const json_t *shape = json_object_get(input, "shape");
    const char *layout = arc_archive_text(input, "layout");
    const char *c = layout ? strchr(layout, 'C') : NULL;
    const json_int_t channels = c ? json_integer_value(json_array_get(shape, (size_t)(c - layout))) : 0;
    const json_t *const lists[2] = {mean, scale};
    for (int i = 0; i < 2; i++)
        if (channels > 0 && json_array_size(lists[i]) > 0 && (json_int_t)json_array_size(lists[i]) != channels)
            arc_archive_find(a, true, where, "%s has %zu numbers for %lld channels", i ? "scale" : "mean",
                             json_array_size(lists[i]), (long long)channels);
    static const char *const old[] = {"reverse_channels", "interleaved_to_planar"};
    for (size_t i = 0; i < ARC_COUNT(old); i++)
        if (json_is_boolean(json_object_get(p, old[i])))
            arc_archive_find(a, false, where, "%s is out of date and nothing reads it at run time: dai_type says it", old[i]);
    if (type && strcmp(type, "image") == 0)
        check_image(a, where, input, frame);
}

static void check_inputs(arc_archive *a) {
    const json_t *list = arc_archive_list(a, "inputs");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *input = json_array_get(list, i);
        const char *name = arc_archive_text(input, "name"), *type = arc_archive_text(input, "input_type"),
                   *layout = arc_archive_text(input, "layout");
        char where[PLACE_BYTES];
        snprintf(where, sizeof where, "input %.100s", name ? name : "without name");
        if (!json_is_object(input)) {
            arc_archive_find(a, true, where, "an input must be an object");
            continue;
        }
        CHECK_KEYS(a, where, input, input_keys, true);
        CHECK_KEYS(a, where, json_object_get(input, "preprocessing"), preprocessing_keys, true);
        if (type && strcmp(type, "image") != 0 && strcmp(type, "raw") != 0)
            arc_archive_find(a, true, where, "input_type \"%.40s\" is neither image nor raw", type);
        if (json_is_array(json_object_get(input, "shape")) && json_array_size(json_object_get(input, "shape")) == 0)
            arc_archive_find(a, true, where, "the shape is empty");
        check_shape(a, where, json_object_get(input, "shape"));
        if (layout)
            check_layout(a, where, layout, json_object_get(input, "shape"), true);
        check_preprocessing(a, where, input, json_object_get(input, "preprocessing"));
    }
    if (json_is_array(list) && json_array_size(list) == 0)
        arc_archive_find(a, true, "inputs", "the list is empty");
}

static void check_outputs(arc_archive *a) {
    const json_t *list = arc_archive_list(a, "outputs");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *output = json_array_get(list, i);
        const char *name = arc_archive_text(output, "name"), *layout = arc_archive_text(output, "layout");
        char where[PLACE_BYTES];
        snprintf(where, sizeof where, "output %.100s", name ? name : "without name");
        if (!json_is_object(output)) {
            arc_archive_find(a, true, where, "an output must be an object");
            continue;
        }
        CHECK_KEYS(a, where, output, output_keys, true);
        check_shape(a, where, json_object_get(output, "shape"));
        if (layout && !json_is_array(json_object_get(output, "shape")))
            arc_archive_find(a, true, where, "a layout without a shape: luxonis-ml refuses the archive");
        else if (layout)
            check_layout(a, where, layout, json_object_get(output, "shape"), false);
    }
    if (json_is_array(list) && json_array_size(list) == 0)
        arc_archive_find(a, true, "outputs", "the list is empty");
}

static bool is_output(const arc_archive *a, const char *name) {
    const json_t *list = arc_archive_list(a, "outputs");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *other = arc_archive_text(json_array_get(list, i), "name");
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

/* How many of a head's outputs have this in their name. */
static size_t outputs_with(const json_t *outputs, const char *part) {
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const char *name = json_string_value(json_array_get(outputs, i));
        n += name && strstr(name, part);
    }
    return n;
}

/* Height and width of the first input; false where depthai knows none. */
static bool picture_size(const arc_archive *a, json_int_t *height, json_int_t *width) {
    const json_t *input = json_array_get(arc_archive_list(a, "inputs"), 0), *shape = json_object_get(input, "shape");
    const char *layout = arc_archive_text(input, "layout");
    const bool planes = layout && strcmp(layout, "NCHW") == 0;
    if (!layout || json_array_size(shape) != 4 || (!planes && strcmp(layout, "NHWC") != 0))
        return false;
    *height = json_integer_value(json_array_get(shape, planes ? 2 : 1));
    *width = json_integer_value(json_array_get(shape, planes ? 3 : 2));
    return true;
}

static void check_scrfd(arc_archive *a, const char *where, const json_t *outputs) {
    json_int_t height, width;
    if (outputs_with(outputs, "score") == 0 || outputs_with(outputs, "score") != outputs_with(outputs, "bbox") ||
        outputs_with(outputs, "score") != outputs_with(outputs, "kps"))
        arc_archive_find(a, true, where, "SCRFDParser needs as many outputs score_N as bbox_N and kps_N");
    if (!picture_size(a, &height, &width) || height != SCRFD_SIDE_PX || width != SCRFD_SIDE_PX)
        arc_archive_find(a, false, where,
                         "SCRFDParser decodes for pictures of %d x %d pixels unless the application calls setInputSize",
                         SCRFD_SIDE_PX, SCRFD_SIDE_PX);
}

static void check_yunet(arc_archive *a, const char *where, const json_t *outputs) {
    static const char *const parts[] = {"loc", "conf", "iou"};
    const json_t *list = arc_archive_list(a, "outputs");
    json_int_t height, width;
    bool complete = json_array_size(outputs) == ARC_COUNT(parts);
    for (size_t i = 0; i < ARC_COUNT(parts); i++)
        complete &= outputs_with(outputs, parts[i]) == 1;
    if (!complete)
        arc_archive_find(a, true, where,
                         "YuNetParser takes three outputs whose names have loc, conf and iou, and stops at any other");
    if (!complete || !picture_size(a, &height, &width) || height <= 0 || width <= 0)
        return;
    const int64_t rows = arc_deploy_yunet_rows(height, width);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *shape = json_object_get(json_array_get(list, i), "shape");
        bool same = json_array_size(shape) == 0;
        for (size_t k = 0; k < json_array_size(shape); k++)
            same |= json_integer_value(json_array_get(shape, k)) == rows;
        if (!same) {
            arc_archive_find(a, true, where,
                             "YuNetParser's grid has %lld rows for %lld x %lld pixels, output %zu has others: models of "
                             "2023 have another grid, which \"arcface export --target nnarchive\" puts on this one",
                             (long long)rows, (long long)width, (long long)height, i);
            return;
        }
    }
}

static void check_parser(arc_archive *a, const char *where, const char *parser, const json_t *outputs) {
    const size_t count = json_array_size(outputs);
    if (strcmp(parser, "EmbeddingsParser") == 0 && count != 1)
        arc_archive_find(a, true, where,
                         count == 0 ? "EmbeddingsParser gets no output: \"outputs\" must name the embedding"
                                    : "EmbeddingsParser takes one output, \"outputs\" names more");
    if (strcmp(parser, "SCRFDParser") == 0)
        check_scrfd(a, where, outputs);
    if (strcmp(parser, "YuNetParser") == 0)
        check_yunet(a, where, outputs);
    if (!AMONG(parser, parsers))
        arc_archive_find(a, false, where, "parser \"%.60s\" is none of depthai-nodes': pipelines that build parsers by name stop",
                         parser);
}

static void check_heads(arc_archive *a) {
    const json_t *list = arc_archive_list(a, "heads");
    if (json_array_size(list) == 0)
        arc_archive_find(a, false, "heads",
                         "none: ParsingNeuralNetwork refuses such a model, the plain NeuralNetwork node runs it");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *head = json_array_get(list, i), *outputs = json_object_get(head, "outputs");
        const char *parser = arc_archive_text(head, "parser");
        char where[PLACE_BYTES];
        snprintf(where, sizeof where, "head %zu", i);
        if (!json_is_object(head)) {
            arc_archive_find(a, true, where, "a head must be an object");
            continue;
        }
        CHECK_KEYS(a, where, head, head_keys, false);
        for (size_t k = 0; k < json_array_size(outputs); k++) {
            const char *name = json_string_value(json_array_get(outputs, k));
            if (name && !is_output(a, name))
                arc_archive_find(a, true, where,
                                 "output \"%.80s\" is no output of the model: both readers let that pass, and the "
                                 "parser finds nothing",
                                 name);
        }
        if (parser)
            check_parser(a, where, parser, outputs);
        if (parser && strcmp(parser, "EmbeddingsParser") == 0 && json_array_size(list) > 1)
            arc_archive_find(a, false, where, "depthai's own EmbeddingsParser takes archives of a single head");
    }
}

void arc_archive_check_config(arc_archive *a) {
    const json_t *model = json_object_get(a->json, "model");
    if (!a->json)
        return;
    if (!json_is_object(a->json)) {
        arc_archive_find(a, true, ARC_ARCHIVE_CONFIG, "must be one object");
        return;
    }
    CHECK_KEYS(a, ARC_ARCHIVE_CONFIG, a->json, top_keys, true);
    CHECK_KEYS(a, "model", model, model_keys, true);
    CHECK_KEYS(a, "model.metadata", json_object_get(model, "metadata"), metadata_keys, false);
    check_version(a);
    check_inputs(a);
    check_outputs(a);
    check_heads(a);
}
