/* data: augmentation: the names of recipes, their probabilities, and the order of transforms. The transforms are in
 * augment_transforms.c. */
#include "data/augment.h"
#include "data/augment_transforms.h"
#include <stdio.h>
#include <string.h>

typedef struct transform {
    const char *name;
    size_t at; /* offset of its probability */
} transform;
static const transform transforms[] = {
    {"flip", offsetof(arc_augment, flip)}, {"crop", offsetof(arc_augment, crop)},     {"low-res", offsetof(arc_augment, low_res)},
    {"blur", offsetof(arc_augment, blur)}, {"jitter", offsetof(arc_augment, jitter)}, {"hue", offsetof(arc_augment, hue)},
    {"gray", offsetof(arc_augment, gray)}, {"jpeg", offsetof(arc_augment, jpeg)},     {"cutout", offsetof(arc_augment, cutout)},
    {"mask", offsetof(arc_augment, mask)},
};

static float *probability(arc_augment *a, const transform *s) {
    return (float *)(void *)((char *)a + s->at);
}

/* Returns false if the name is not a recipe. */
static bool add_recipe(arc_augment *a, const char *name) {
    if (strcmp(name, "none") == 0)
        return true;
    if (strcmp(name, "dali") == 0) {
        a->low_res = 0.1f;
        a->low_res_min = 0.5f;
        a->low_res_max = 0.8f;
        a->blur = 0.2f;
        a->hue = 0.2f;
        a->gray = 0.1f;
        return true;
    }
    if (strcmp(name, "mxnet") == 0) {
        a->jitter = 1;
        a->jitter_by = 0.125f;
        a->jpeg = 0.1f;
        a->cutout = 0.1f;
        return true;
    }
    if (strcmp(name, "adaface") == 0) {
        a->crop = a->low_res = a->jitter = 0.2f;
        a->low_res_min = 0.2f;
        a->low_res_max = 1;
        a->jitter_by = 0.5f;
        return true;
    }
    return false;
}

static const transform *find_transform(const char *name) {
    for (size_t i = 0; i < ARC_COUNT(transforms); i++)
        if (strcmp(transforms[i].name, name) == 0)
            return &transforms[i];
    return NULL;
}

static arc_status unknown(const char *word, arc_error *err) {
    return arc_fail(
        err, ARC_EINVAL,
        "augmentation \"%s\" is not known; recipes: none dali mxnet adaface; transforms, alone or as name=probability: flip crop "
        "low-res blur jitter hue gray jpeg cutout mask",
        word);
}

/* "blur" or "blur=0.3". */
static arc_status add_word(arc_augment *a, char *word, arc_error *err) {
    char *value = strchr(word, '=');
    double p = -1;
    if (!value && add_recipe(a, word))
        return ARC_OK;
    if (value)
        *value++ = '\0';
    const transform *s = find_transform(word);
    if (!s)
        return unknown(word, err);
    if (value) {
        const char *end;
        p = arc_number_read(value, &end);
        if (end == value || *end || !(p >= 0 && p <= 1))
            return arc_fail(err, ARC_EINVAL, "augmentation %s=%s: a probability from 0 to 1 is expected", word, value);
    } else {
        p = strcmp(word, "flip") == 0 ? 0.5 : 0.1;
    }
    *probability(a, s) = (float)p;
    return ARC_OK;
}

arc_status arc_augment_parse(arc_augment *out, const char *text, arc_error *err) {
    *out = (arc_augment){.low_res_min = 0.5f, .low_res_max = 0.8f, .jitter_by = 0.125f};
    while (*text) {
        char word[64];
        const size_t bytes = strcspn(text, ",");
        if (bytes >= sizeof word)
            return unknown(text, err);
        memcpy(word, text, bytes);
        word[bytes] = '\0';
        if (bytes) {
            const arc_status st = add_word(out, word, err);
            if (st != ARC_OK)
                return st;
        }
        text += bytes + (text[bytes] == ',');
    }
    return ARC_OK;
}

size_t arc_augment_scratch_bytes(int height, int width) {
    return 2 * (size_t)height * (size_t)width * 3;
}

static bool happens(arc_rng *rng, float probability) {
    return arc_rng_uniform(rng) < probability; /* drawn even for 0, so that the next transform has the same numbers */
}

arc_status arc_augment_apply(const arc_augment *a, const arc_context *ctx, uint8_t *rgb, int height, int width, arc_rng *rng,
                             uint8_t *scratch, arc_error *err) {
    arc_picture p = {rgb, scratch, height, width};
    arc_status st = ARC_OK;
    if (happens(rng, a->flip))
        arc_transform_flip(&p);
    if (happens(rng, a->crop))
        arc_transform_crop(&p, rng);
    if (happens(rng, a->low_res))
        arc_transform_low_res(&p, rng, a->low_res_min, a->low_res_max);
    if (happens(rng, a->blur))
        arc_transform_blur(&p, rng);
    if (happens(rng, a->jitter))
        arc_transform_jitter(&p, rng, a->jitter_by);
    if (happens(rng, a->hue))
        arc_transform_hue(&p, rng);
    if (happens(rng, a->gray))
        arc_transform_gray(&p);
    if (happens(rng, a->cutout))
        arc_transform_cutout(&p, rng);
    if (happens(rng, a->mask))
        arc_transform_mask(&p, rng);
    if (happens(rng, a->jpeg))
        st = arc_transform_jpeg(&p, ctx, rng, err);
    return st;
}
