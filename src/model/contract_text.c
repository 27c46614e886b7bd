/* Words and numbers of the contract, as they stand in metadata_props, options and reports. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const tasks[] = {"unknown", "embed", "detect"};
static const char *const detectors[] = {"none", "scrfd", "retinaface", "retinaface-mxnet", "yunet"};
static const char *const templates[] = {"112", "112x96", "128", "224", "96", "144", "160", "192", "256"};

static int word_index(const char *const *word, size_t words, const char *text) {
    for (size_t i = 0; i < words; i++)
        if (strcmp(word[i], text) == 0)
            return (int)i;
    return -1;
}

const char *arc_task_name(arc_task t) {
    return tasks[t];
}

const char *arc_detector_name(arc_detector_kind k) {
    return detectors[k];
}

const char *arc_template_name(arc_template t) {
    return templates[t];
}

bool arc_task_parse(const char *text, arc_task *out) {
    int i = word_index(tasks, ARC_COUNT(tasks), text);
    if (i >= 0)
        *out = (arc_task)i;
    return i >= 0;
}

bool arc_detector_parse(const char *text, arc_detector_kind *out) {
    int i = word_index(detectors, ARC_COUNT(detectors), text);
    if (i >= 0)
        *out = (arc_detector_kind)i;
    return i >= 0;
}

bool arc_template_parse(const char *text, arc_template *out) {
    int i = word_index(templates, ARC_COUNT(templates), text);
    if (i >= 0)
        *out = (arc_template)i;
    return i >= 0;
}

void arc_contract_imagenet(bool bgr, float mean[3], float scale[3]) {
    static const float rgb_mean[3] = {123.675f, 116.28f, 103.53f}, rgb_deviation[3] = {58.395f, 57.12f, 57.375f};
    for (int i = 0; i < 3; i++) {
        mean[i] = rgb_mean[bgr ? 2 - i : i];
        scale[i] = 1 / rgb_deviation[bgr ? 2 - i : i];
    }
}

bool arc_numbers_parse(const char *text, char separator, int count, float *out) {
    for (int i = 0; i < count; i++) {
        const char *end;
        out[i] = (float)arc_number_read(text, &end);
        if (end == text || !isfinite(out[i]) || *end != (i + 1 < count ? separator : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

void arc_contract_because(arc_contract *c, const char *fmt, ...) {
    size_t used = strlen(c->why);
    if (used && used + 1 < sizeof c->why) {
        c->why[used++] = ' ';
        c->why[used] = '\0';
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->why + used, sizeof c->why - used, fmt, args);
    va_end(args);
}
