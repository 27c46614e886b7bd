/* The contract: arcface.* metadata of the file over what the structure tells, options over both. */
#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACT_VERSION "1"

/* A key that the file has and whose text is wrong is an error: a file that speaks must speak clearly. */
static arc_status bad(const char *key, const char *text, const char *want, arc_error *err) {
    return arc_fail(err, ARC_EFORMAT, "metadata %s is '%.60s': %s is expected", key, text, want);
}

static arc_status read_triple(const arc_graph *g, const char *key, float out[3], arc_error *err) {
    const char *text = arc_graph_meta(g, key);
    if (text && !arc_numbers_parse(text, ',', 3, out))
        return bad(key, text, "three numbers like 127.5,127.5,127.5", err);
    return ARC_OK;
}

static arc_status read_float(const arc_graph *g, const char *key, float low, float high, float *out, arc_error *err) {
    const char *text = arc_graph_meta(g, key);
    if (text && (!arc_numbers_parse(text, ',', 1, out) || *out < low || *out > high))
        return bad(key, text, "a number in range", err);
    return ARC_OK;
}

static arc_status read_priors(arc_contract *c, const arc_graph *g, arc_error *err) {
    float prior[6];
    const char *text = arc_graph_meta(g, "arcface.priors");
    if (!text)
        return ARC_OK;
    bool good = arc_numbers_parse(text, ',', 6, prior);
    for (int i = 0; good && i < 6; i++)
        good = prior[i] >= 1 && prior[i] <= 65536;
    if (!good)
        return bad("arcface.priors", text, "six sides in pixels like 16,32,64,128,256,512", err);
    memcpy(c->prior_px, prior, sizeof prior);
    return ARC_OK;
}

static arc_status read_sizes(arc_contract *c, const arc_graph *g, arc_error *err) {
    float size[2], dim;
    const char *text = arc_graph_meta(g, "arcface.input");
    if (text) {
        if (!arc_numbers_parse(text, 'x', 2, size) || size[0] < 0 || size[1] < 0 || size[0] > 65536 || size[1] > 65536)
            return bad("arcface.input", text, "WIDTHxHEIGHT in pixels (0x0 = free)", err);
        c->input_width_px = (int)size[0];
        c->input_height_px = (int)size[1];
    }
    text = arc_graph_meta(g, "arcface.dim");
    if (text) {
        if (!arc_numbers_parse(text, ',', 1, &dim) || dim < 1 || dim > 65536)
            return bad("arcface.dim", text, "the embedding's length, 1 to 65536", err);
        c->dim = (int)dim;
    }
    return ARC_OK;
}

static arc_status read_words(arc_contract *c, const arc_graph *g, arc_error *err) {
    const char *text = arc_graph_meta(g, "arcface.contract");
    if (text && strcmp(text, CONTRACT_VERSION) != 0)
        return bad("arcface.contract", text, "version " CONTRACT_VERSION " (a newer arcface wrote this file?)", err);
    if ((text = arc_graph_meta(g, "arcface.detector"))) {
        arc_detector_kind kind;
        if (!arc_detector_parse(text, &kind))
            return bad("arcface.detector", text, "none, scrfd, retinaface, retinaface-mxnet or yunet", err);
        if (kind != ARC_DETECTOR_NONE && kind != c->detector)
            arc_contract_detector_defaults(c, kind);
        c->detector = kind;
    }
    if ((text = arc_graph_meta(g, "arcface.task")) && !arc_task_parse(text, &c->task))
        return bad("arcface.task", text, "embed, detect or unknown", err);
    if ((text = arc_graph_meta(g, "arcface.template")) && !arc_template_parse(text, &c->align))
        return bad("arcface.template", text, "112, 112x96, 128 or 224", err);
    if ((text = arc_graph_meta(g, "arcface.color"))) {
        if (strcmp(text, "rgb") != 0 && strcmp(text, "bgr") != 0)
            return bad("arcface.color", text, "rgb or bgr", err);
        c->bgr = strcmp(text, "bgr") == 0;
    }
    return ARC_OK;
}

static arc_status read_metadata(arc_contract *c, const arc_graph *g, arc_error *err) {
    arc_status st;
    char found[256] = "";
    size_t used = 0;
    for (int i = 0; i < g->metas; i++) {
        const char *key = g->meta[i].key;
        if (strncmp(key, "arcface.", 8) == 0 && strcmp(key, ARC_SELFTEST_KEY) != 0 &&
            strncmp(key, ARC_NOTE_PREFIX, strlen(ARC_NOTE_PREFIX)) != 0 && used + strlen(key) < sizeof found - 2)
            used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", used ? " " : "", key + 8);
    }
    if (!used)
        return ARC_OK;
    ARC_TRY(read_words(c, g, err));
    ARC_TRY(read_sizes(c, g, err));
    ARC_TRY(read_triple(g, "arcface.mean", c->mean, err));
    ARC_TRY(read_triple(g, "arcface.scale", c->scale, err));
    ARC_TRY(read_float(g, "arcface.threshold", -1, 1, &c->threshold, err));
    ARC_TRY(read_float(g, "arcface.nms_iou", 0, 1, &c->nms_iou, err));
    ARC_TRY(read_priors(c, g, err));
    if (arc_graph_meta(g, "arcface.contract"))
        c->why[0] = '\0'; /* nothing was left to infer */
    arc_contract_because(c, "From the file's metadata: %s.", found);
done:
    return st;
}

/* "127.5" or "m0,m1,m2" */
static bool read_channels(const char *text, size_t bytes, float out[3]) {
    char part[96];
    if (bytes >= sizeof part)
        return false;
    memcpy(part, text, bytes);
    part[bytes] = '\0';
    if (strchr(part, ','))
        return arc_numbers_parse(part, ',', 3, out);
    if (!arc_numbers_parse(part, ',', 1, out))
        return false;
    out[1] = out[2] = out[0];
    return true;
}

/* "127.5/128", "m0,m1,m2/d" or "m0,m1,m2/d0,d1,d2" in the tensor's channel order, or "imagenet". */
static arc_status read_normalise(arc_contract *c, const char *text, arc_error *err) {
    float mean[3], divisor[3];
    const char *slash = strchr(text, '/');
    if (strcmp(text, "imagenet") == 0) {
        arc_contract_imagenet(c->bgr, c->mean, c->scale);
    } else {
        bool good =
            slash && read_channels(text, (size_t)(slash - text), mean) && read_channels(slash + 1, strlen(slash + 1), divisor);
        for (int i = 0; good && i < 3; i++)
            good = divisor[i] > 0;
        if (!good)
            return arc_fail(err, ARC_EINVAL,
                            "normalisation '%.60s': MEAN/DIVISOR is expected, like 127.5/128 or 104,117,123/1, or imagenet",
                            text);
        for (int i = 0; i < 3; i++) {
            c->mean[i] = mean[i];
            c->scale[i] = 1 / divisor[i];
        }
    }
    arc_contract_because(c, "Normalisation %s as asked.", text);
    return ARC_OK;
}

static arc_status read_options(arc_contract *c, const arc_model_options *opt, arc_error *err) {
    arc_status st = ARC_OK;
    if (opt->detector) {
        arc_detector_kind kind;
        if (!arc_detector_parse(opt->detector, &kind) || kind == ARC_DETECTOR_NONE)
            return arc_fail(err, ARC_EINVAL, "detector '%.60s': scrfd, retinaface, retinaface-mxnet or yunet is expected",
                            opt->detector);
        if (kind != c->detector)
            arc_contract_detector_defaults(c, kind);
        arc_contract_because(c, "Detector %s as asked.", opt->detector);
    }
    if (opt->colour) {
        if (strcmp(opt->colour, "rgb") != 0 && strcmp(opt->colour, "bgr") != 0)
            return arc_fail(err, ARC_EINVAL, "colour order '%.60s': rgb or bgr is expected", opt->colour);
        c->bgr = strcmp(opt->colour, "bgr") == 0;
        arc_contract_because(c, "Colour order %s as asked.", opt->colour);
    }
    if (opt->normalise)
        st = read_normalise(c, opt->normalise, err);
    return st;
}

arc_status arc_contract_read(arc_contract *out, const arc_graph *g, const arc_model_options *opt, arc_error *err) {
    arc_contract_infer(out, g, (opt && opt->output) || arc_graph_meta(g, "arcface.output"));
    arc_status st = read_metadata(out, g, err);
    if (st == ARC_OK && opt)
        st = read_options(out, opt, err);
    return st;
}

static void write_numbers(char *text, size_t bytes, const float *value, int count) {
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        if (i)
            text[used++] = ',';
        used += (size_t)arc_number_write(text + used, bytes - used, (double)value[i]);
    }
}

arc_status arc_contract_write(arc_graph *g, const arc_contract *c, arc_error *err) {
    arc_status st;
    char text[96];
    ARC_TRY(arc_graph_set_meta(g, "arcface.contract", CONTRACT_VERSION));
    ARC_TRY(arc_graph_set_meta(g, "arcface.task", arc_task_name(c->task)));
    if (c->task == ARC_TASK_DETECT)
        ARC_TRY(arc_graph_set_meta(g, "arcface.detector", arc_detector_name(c->detector)));
    snprintf(text, sizeof text, "%dx%d", c->input_width_px, c->input_height_px);
    ARC_TRY(arc_graph_set_meta(g, "arcface.input", text));
    ARC_TRY(arc_graph_set_meta(g, "arcface.color", c->bgr ? "bgr" : "rgb"));
    write_numbers(text, sizeof text, c->mean, 3);
    ARC_TRY(arc_graph_set_meta(g, "arcface.mean", text));
    write_numbers(text, sizeof text, c->scale, 3);
    ARC_TRY(arc_graph_set_meta(g, "arcface.scale", text));
    if (c->task == ARC_TASK_EMBED) {
        ARC_TRY(arc_graph_set_meta(g, "arcface.template", arc_template_name(c->align)));
        snprintf(text, sizeof text, "%d", c->dim);
        ARC_TRY(arc_graph_set_meta(g, "arcface.dim", text));
    }
    (void)arc_number_write(text, sizeof text, (double)c->threshold);
    ARC_TRY(arc_graph_set_meta(g, "arcface.threshold", text));
    if (c->task == ARC_TASK_DETECT) {
        (void)arc_number_write(text, sizeof text, (double)c->nms_iou);
        ARC_TRY(arc_graph_set_meta(g, "arcface.nms_iou", text));
        if (c->detector == ARC_DETECTOR_RETINAFACE) {
            write_numbers(text, sizeof text, c->prior_px, 6);
            ARC_TRY(arc_graph_set_meta(g, "arcface.priors", text));
        }
    }
done:
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "the model's metadata");
}
