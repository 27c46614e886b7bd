/* Any bytes as a pickle: the machine alone, with every kind of global that our readers allow. */
#include "format/pickle/pickle.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const allowed[] = {"collections.OrderedDict", "_codecs.encode", "numpy.dtype", "torch.FloatStorage", NULL};
    arc_arena arena;
    arc_pickle pickle;
    arc_error err;
    arc_arena_init(&arena, &fuzz_alloc, 0);
    if (arc_pickle_parse(&pickle, &arena, data, size, "fuzz", allowed, &err) == ARC_OK)
        (void)arc_pickle_get(pickle.root, "state_dict");
    arc_arena_free(&arena);
    return 0;
}
