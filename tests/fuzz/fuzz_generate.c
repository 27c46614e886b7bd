/* Files of generation: any bytes as the state of a generator and as measured statistics; every array that they claim to have is
 * read. */
#include "fuzz_memory.h"
#include "generate/measure.h"
#include "generate/state.h"
#include <string.h>

static void read_arrays(const arc_store_file *s) {
    for (size_t i = 0; i < s->arrays; i++) {
        float *out = arc_mem_raw(&fuzz_alloc, s->array[i].count, sizeof *out);
        if (out)
            (void)!arc_store_get(s, s->array[i].name, s->array[i].count, 0, s->array[i].count, out, NULL);
        arc_mem_free(&fuzz_alloc, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_store_file s;
    arc_generate_state state;
    char network[ARC_GENERATE_HASH_TEXT];
    void *aligned = arc_mem_raw(&fuzz_alloc, size, 1); /* as a mapping is */
    if (!aligned)
        return 0;
    memcpy(aligned, data, size);
    if (arc_store_parse(&s, &fuzz_alloc, &arc_generate_state_kind, aligned, size, "fuzz", NULL) == ARC_OK) {
        if (arc_generate_state_read(&s, &state, NULL) == ARC_OK)
            read_arrays(&s);
        arc_store_close(&s);
    }
    if (arc_store_parse(&s, &fuzz_alloc, &arc_generate_measured_kind, aligned, size, "fuzz", NULL) == ARC_OK) {
        if (arc_generate_measured_read(&s, network, NULL) == ARC_OK)
            read_arrays(&s);
        arc_store_close(&s);
    }
    arc_mem_free(&fuzz_alloc, aligned);
    return 0;
}
