/* Lists of generated faces: any bytes as generated.json; all that an accepted list says is read. */
#include "fuzz_memory.h"
#include "generate/metrics/generated.h"
#include <math.h>
#include <string.h>

static void use(const arc_generated *g) {
    char stem[64];
    for (int i = 0; i < g->faces; i++) {
        const arc_generated_face *f = &g->face[i];
        if (strncmp(f->path, "folder/", 7) != 0 || strchr(f->path + 7, '/')) /* it would lead out of the folder */
            abort();
        if (f->identity < 0 || f->identity >= g->identities)
            abort();
        arc_picture_stem(f->path, stem, sizeof stem);
        (void)arc_is_person(f->person, f->photo ? f->photo : f->path);
        for (int k = 0; k < g->dim; k++)
            if (!isfinite(g->target[(size_t)i * (size_t)g->dim + (size_t)k]))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_generated g;
    if (arc_generated_parse(&g, &fuzz_alloc, "folder", data, size, NULL) == ARC_OK)
        use(&g);
    arc_generated_close(&g);
    return 0;
}
