/* Runs a fuzz target over committed files: each whole, and cut at up to 512 places. What libFuzzer found once can't come back.
 * replay FOLDER */
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CUTS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly this size, so that AddressSanitizer sees the first byte behind it. */
static int run(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 1;
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int replay(const char *path, size_t *runs) {
    arc_map map;
    arc_error err;
    if (arc_map_open(&map, path, (size_t)1 << 30, &err) != ARC_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    int failed = run(map.data, map.bytes);
    const size_t step = map.bytes / MAX_CUTS + 1;
    for (size_t cut = 0; cut < map.bytes && !failed; cut += step, ++*runs)
        failed = run(map.data, cut);
    ++*runs;
    arc_map_close(&map);
    return failed;
}

int main(int argc, char **argv) {
    arc_names names;
    arc_error err;
    char path[1024];
    size_t runs = 0;
    int failed = 0;
    if (argc != 2) {
        printf("usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    if (arc_dir_list(&names, &arc_alloc_libc, argv[1], 100000, &err) != ARC_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < names.count; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], names.name[i]);
        failed |= replay(path, &runs);
    }
    printf("%zu files, %zu runs\n", names.count, runs);
    failed |= names.count == 0;
    arc_names_free(&names);
    return failed;
}
