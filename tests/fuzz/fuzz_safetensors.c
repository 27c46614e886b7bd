/* Any bytes as a safetensors file, down to its names without wrappers. */
#include "format/torch/torch_internal.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_torch_state state;
    arc_arena arena;
    arc_error err;
    arc_arena_init(&arena, &fuzz_alloc, 0);
    (void)arc_torch_is_safetensors(data, size);
    (void)arc_refuse_other_model(data, size, "fuzz", &err);
    if (arc_safetensors_parse(&state, &arena, data, size, "fuzz", &err) == ARC_OK)
        (void)arc_torch_find(&state, "conv1.weight");
    arc_arena_free(&arena);
    return 0;
}
