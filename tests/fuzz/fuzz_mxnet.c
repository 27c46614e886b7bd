/* Any bytes as an MXNet model: symbol.json up to the first zero byte, .params behind it. */
#include "format/mxnet/mxnet_internal.h"
#include "fuzz_memory.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *stop = size ? memchr(data, 0, size) : NULL;
    const size_t text = stop ? (size_t)(stop - data) : size;
    arc_graph *g = NULL;
    arc_error err;
    if (arc_graph_new(&g, &fuzz_alloc, ARC_MXNET_OPSET, &err) != ARC_OK)
        return 0;
    arc_status st = ARC_OK;
    if (stop)
        st = arc_mxnet_parse_params(g, stop + 1, size - text - 1, "fuzz.params", &err);
    if (st == ARC_OK)
        (void)!arc_mxnet_parse_symbol(g, (const char *)data, text, "fuzz.json", &err);
    arc_graph_free(&g);
    return 0;
}
