/* A checkpoint of no known net: which known net it is most like, and where it first differs from that. The zoo is asked for each
 * of its nets with a source of weights that only notes what is wanted; other families have tensors that they are known by. */
#include "format/torch/torch_internal.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <string.h>

#define SHOWN 3
#define LINE_BYTES 176

typedef struct tally {
    const arc_torch_state *s;
    const arc_alloc *alloc;
    float *zeros;
    size_t zeros_count;
    size_t wanted, same, named; /* named: of another shape, too */
    char differs[SHOWN][LINE_BYTES];
    int differing;
} tally;

static const float *note(void *ctx, const char *name, const arc_shape *shape) {
    tally *t = ctx;
    const size_t count = (size_t)arc_shape_count(shape);
    const arc_torch_tensor *own = arc_torch_find(t->s, name);
    char a[80], b[80];
    t->wanted++;
    t->named += own != NULL;
    if (own && arc_shape_equal(&own->shape, shape))
        t->same++;
    else if (t->differing < SHOWN && own)
        snprintf(t->differs[t->differing++], LINE_BYTES, "'%.60s' is %.40s instead of %.40s", name,
                 arc_shape_text(&own->shape, a, sizeof a), arc_shape_text(shape, b, sizeof b));
    else if (t->differing < SHOWN)
        snprintf(t->differs[t->differing++], LINE_BYTES, "'%.60s' is missing", name);
    if (count > t->zeros_count) {
        arc_mem_free(t->alloc, t->zeros);
        t->zeros = arc_mem_new(t->alloc, count, sizeof *t->zeros);
        t->zeros_count = t->zeros ? count : 0;
    }
    return t->zeros;
}

/* The length of the embedding as the checkpoint's last layer has it. */
static int dim_of(const arc_torch_state *s) {
    static const char *const names[] = {"fc.weight", "features.layers.2.weight"};
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        const arc_torch_tensor *t = arc_torch_find(s, names[i]);
        if (t && t->shape.rank == 2 && t->shape.dim[0] >= 1 && t->shape.dim[0] <= 4096)
            return (int)t->shape.dim[0];
    }
    return 512;
}

static arc_status compare(tally *t, const char *net) {
    arc_graph *g = NULL;
    const arc_weights weights = {.ctx = t, .lookup = note, .borrow = true};
    const arc_status st = arc_zoo_from_weights(&g, t->alloc, net, dim_of(t->s), &weights, NULL);
    arc_graph_free(&g);
    arc_mem_free(t->alloc, t->zeros);
    t->zeros = NULL;
    t->zeros_count = 0;
    return st;
}

/* The net of the zoo with most tensors in common. */
static const char *nearest_of_zoo(const arc_torch_state *s, const arc_alloc *a, tally *found) {
    size_t nets, best = 0;
    const char *const *names = arc_zoo_names(&nets), *nearest = NULL;
    for (size_t i = 0; i < nets; i++) {
        tally t = {.s = s, .alloc = a};
        if (compare(&t, names[i]) != ARC_OK)
            continue;
        const size_t likeness = (t.same + t.named) * 5000 / ARC_MAX(t.wanted + s->tensors - t.named, (size_t)1);
        if (likeness > best) {
            best = likeness;
            nearest = names[i];
            *found = t;
        }
    }
    return nearest;
}

/* The family with most of its marks here, more than half of them and a larger part than `found` has. */
static const char *nearest_family(const arc_torch_state *s, tally *found) {
    size_t count;
    const arc_torch_family *families = arc_torch_families(&count);
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        tally t = {.s = s};
        for (size_t k = 0; k < ARC_TORCH_MARKS && families[i].mark[k]; k++) {
            t.wanted++;
            if (arc_torch_find(s, families[i].mark[k]))
                t.same++;
            else if (t.differing < SHOWN)
                snprintf(t.differs[t.differing++], LINE_BYTES, "'%.60s' is missing", families[i].mark[k]);
        }
        if (2 * t.same > t.wanted && (!found->wanted || t.same * found->wanted > found->same * t.wanted)) {
            nearest = families[i].name;
            *found = t;
        }
    }
    return nearest;
}

/* "a, b, c" of all that is known. */
static void list_known(char *text, size_t bytes) {
    size_t count, used = (size_t)snprintf(text, bytes, "arcface_torch's IResNet or MobileFaceNet");
    const arc_torch_family *families = arc_torch_families(&count);
    for (size_t i = 0; i < count && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "; %s", families[i].name);
}

arc_status arc_torch_refuse_unknown(const arc_torch_state *s, const arc_alloc *a, const char *name, arc_error *err) {
    tally found = {.s = s};
    const char *nearest = nearest_of_zoo(s, a, &found), *family = nearest_family(s, &found);
    if (family)
        nearest = family;
    if (!nearest) {
        char known[512];
        list_known(known, sizeof known);
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: none of the known nets is like these %zu tensors, the first of which is '%.100s': export it to ONNX "
                        "instead. Known are %s",
                        name, s->tensors, s->tensors ? s->tensor[0].name : "", known);
    }
    return arc_fail(err, ARC_EUNSUPPORTED,
                    "%s: these %zu tensors belong to no known net. The nearest is %s: %zu of %zu tensors that it %s are here; "
                    "%s%s%s%s%s. Export it to ONNX instead",
                    name, s->tensors, nearest, found.same, found.wanted, family ? "is known by" : "has", found.differs[0],
                    found.differing > 1 ? ", " : "", found.differs[1], found.differing > 2 ? ", " : "", found.differs[2]);
}
