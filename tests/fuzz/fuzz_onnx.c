/* Any bytes as an ONNX model; what loads is also prepared for a run, so that shape rules and passes see hostile graphs. */
#include "format/format.h"
#include "fuzz_memory.h"
#include "run/session.h"
#include <arcface/context.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plan(const arc_context *ctx, const arc_graph *g) {
    arc_shape shape[4];
    arc_session *s = NULL;
    arc_error err;
    if (g->inputs > 4)
        return;
    for (int i = 0; i < g->inputs; i++) {
        shape[i] = g->value[g->input[i]].shape;
        for (int d = 0; d < shape[i].rank; d++)
            if (shape[i].dim[d] < 0)
                shape[i].dim[d] = d == 0 ? 1 : 16;
    }
    if (arc_session_new(&s, ctx, g, NULL, &err) == ARC_OK)
        (void)arc_session_plan(s, shape, &err);
    arc_session_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arc_context *ctx;
    if (!ctx) {
        arc_settings settings;
        arc_settings_default(&settings);
        settings.threads = 1;
        settings.alloc = fuzz_alloc;
        if (arc_context_open(&ctx, &settings, NULL) != ARC_OK)
            return 0;
    }
    arc_graph *g = NULL;
    arc_error err;
    if (arc_onnx_parse(&g, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        plan(ctx, g);
    arc_graph_free(&g);
    return 0;
}
