/* Any bytes as a PyTorch checkpoint, zip or legacy, down to the tensors of its state dict. */
#include "format/torch/torch_internal.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_torch_file file;
    arc_torch_state state;
    arc_error err;
    if (arc_torch_file_parse(&file, &fuzz_alloc, data, size, "fuzz", &err) != ARC_OK)
        return 0;
    if (arc_torch_state_read(&state, &file, "fuzz", &err) == ARC_OK)
        (void)arc_torch_find(&state, "conv1.weight");
    arc_torch_file_close(&file);
    return 0;
}
