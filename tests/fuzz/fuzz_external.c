/* Any bytes as an ONNX model in a file of its own, with two files of weights beside it ("w" and "sub/w") and a link that leads
 * out: what the model says of other files is hostile. */
#include "folder.h"
#include "format/format.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WEIGHT_BYTES 256

static char model[TEST_PATH_BYTES];

static void put(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0)
        abort();
}

static void fill_folder(void) {
    static const uint8_t weights[WEIGHT_BYTES];
    snprintf(model, sizeof model, "%s", in_folder("m.onnx"));
    if (mkdir(in_folder("sub"), 0700) != 0 || symlink("/etc/passwd", in_folder("out")) != 0)
        abort();
    put(in_folder("w"), weights, sizeof weights);
    put(in_folder("sub/w"), weights, sizeof weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_graph *g = NULL;
    arc_error err;
    if (!*model)
        fill_folder();
    put(model, data, size);
    if (arc_onnx_load(&g, &fuzz_alloc, model, &err) == ARC_OK)
        for (int i = 0; i < g->sides; i++)
            if (g->side[i].bytes != WEIGHT_BYTES) /* a file that was not meant for it */
                abort();
    arc_graph_free(&g);
    return 0;
}
