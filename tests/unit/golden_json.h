/* The goldens in tests/golden/data that are JSON: a missing or misnamed number fails the running test. */
#ifndef ARC_GOLDEN_JSON_H
#define ARC_GOLDEN_JSON_H

#include "support.h"
#include <jansson.h>

/* To be given back by json_decref. */
static inline json_t *golden_open(const char *name) {
    char path[512];
    snprintf(path, sizeof path, ARC_SOURCE_DIR "/tests/golden/data/%s", name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static inline double golden_number(const json_t *root, const char *key) {
    const json_t *v = json_object_get(root, key);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

static inline double golden_item(const json_t *root, const char *key, size_t i) {
    const json_t *v = json_array_get(json_object_get(root, key), i);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

/* A whole list; free() it. */
static inline double *golden_list(const json_t *root, const char *key, size_t *count) {
    *count = json_array_size(json_object_get(root, key));
    assert_true(*count > 0);
    double *x = calloc(*count, sizeof *x);
    for (size_t i = 0; i < *count; i++)
        x[i] = golden_item(root, key, i);
    return x;
}

#endif
