/* Any bytes as an index of RecordIO. */
#include "format/record/recordio.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_record_index index;
    arc_error err;
    if (arc_record_index_parse(&index, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK && index.count > size / 3 + 1)
        __builtin_trap(); /* a line has at least three bytes, the last perhaps without its end */
    arc_record_index_free(&index);
    return 0;
}
