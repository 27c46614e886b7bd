/* Any bytes as a NumPy array. */
#include "format/format.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_dtype type;
    arc_shape shape;
    arc_error err;
    void *array = NULL;
    if (arc_npy_parse(&fuzz_alloc, data, size, "fuzz", &type, &shape, &array, &err) == ARC_OK)
        arc_mem_free(&fuzz_alloc, array);
    return 0;
}
