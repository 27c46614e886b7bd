/* Any bytes as an ONNX model in a file of its own, with two files of weights beside it ("w" and "sub/w") and a link that leads
 * out: what the model says of other files is hostile. */
#include "format/format.h"
#include "fuzz_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WEIGHT_BYTES 256

static char folder[] = "/tmp/arc-fuzz-external-XXXXXX", model[64], path[4][64];

static void clean_up(void) {
    (void)remove(model);
    for (int i = 3; i >= 0; i--)
        (void)remove(path[i]);
    (void)remove(folder);
}

static void put(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0)
        abort();
}

static void make_folder(void) {
    static const uint8_t weights[WEIGHT_BYTES];
    if (!mkdtemp(folder))
        abort();
    snprintf(model, sizeof model, "%s/m.onnx", folder);
    snprintf(path[0], sizeof path[0], "%s/sub", folder);
    snprintf(path[1], sizeof path[1], "%s/w", folder);
    snprintf(path[2], sizeof path[2], "%s/sub/w", folder);
    snprintf(path[3], sizeof path[3], "%s/out", folder);
    if (mkdir(path[0], 0700) != 0 || symlink("/etc/passwd", path[3]) != 0)
        abort();
    put(path[1], weights, sizeof weights);
    put(path[2], weights, sizeof weights);
    atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_graph *g = NULL;
    arc_error err;
    if (!*model)
        make_folder();
    put(model, data, size);
    if (arc_onnx_load(&g, &fuzz_alloc, model, &err) == ARC_OK)
        for (int i = 0; i < g->sides; i++)
            if (g->side[i].bytes != WEIGHT_BYTES) /* a file that was not meant for it */
                abort();
    arc_graph_free(&g);
    return 0;
}
