/* Checkpoints: any bytes as a state file; every array that it claims to have is read. */
#include "fuzz_memory.h"
#include "train/run/state_file.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_store_file s;
    void *aligned = arc_mem_raw(&fuzz_alloc, size, 1); /* as a mapping is */
    if (!aligned)
        return 0;
    memcpy(aligned, data, size);
    if (arc_store_parse(&s, &fuzz_alloc, &arc_state_kind, aligned, size, "fuzz", NULL) == ARC_OK) {
        for (size_t i = 0; i < s.arrays; i++) {
            float *out = arc_mem_raw(&fuzz_alloc, s.array[i].count, sizeof *out);
            if (out)
                (void)!arc_store_get(&s, s.array[i].name, s.array[i].count, 0, s.array[i].count, out, NULL);
            arc_mem_free(&fuzz_alloc, out);
        }
        arc_store_close(&s);
    }
    arc_mem_free(&fuzz_alloc, aligned);
    return 0;
}
