/* The names of a state dict without what wrappers put in front of them: DataParallel ("module."), torch.compile ("_orig_mod."),
 * Lightning and the training code of every house ("model.", "backbone.", "net."). */
#include "format/torch/torch_internal.h"
#include <stdlib.h>
#include <string.h>

#define MAX_CHAINS 64

static const char *const wrappers[] = {"module.",   "_orig_mod.",       "model.",     "backbone.",  "net.",
                                       "network.",  "student.",         "encoder.",   "ema_model.", "ema.",
                                       "embedder.", "_forward_module.", "state_dict."};

/* What stands in front, as one text: "model.backbone.". */
typedef struct chain {
    const char *text;
    size_t bytes, tensors;
} chain;

typedef struct wrapped {
    const char *full;
    arc_torch_tensor tensor;
    size_t weight; /* tensors of its chain */
} wrapped;

static size_t wrapper_bytes(const char *name) {
    size_t bytes = 0;
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < ARC_COUNT(wrappers); i++) {
            const size_t n = strlen(wrappers[i]);
            if (strncmp(name + bytes, wrappers[i], n) == 0 && name[bytes + n]) {
                bytes += n;
                found = true;
            }
        }
    }
    return bytes;
}

/* The chain of a name; beyond MAX_CHAINS of them all others count as the last. */
static size_t chain_of(chain *list, size_t *count, const char *name, size_t bytes) {
    size_t i = 0;
    while (i < *count && (list[i].bytes != bytes || memcmp(list[i].text, name, bytes) != 0))
        i++;
    if (i == *count && *count < MAX_CHAINS)
        list[(*count)++] = (chain){name, bytes, 0};
    return ARC_MIN(i, (size_t)MAX_CHAINS - 1);
}

/* "bn0_gamma" and "aux:bn0_moving_mean", as converters from MXNet leave them, as PyTorch would call them; NULL: no memory. */
static const char *without_mxnet(const char *name, arc_arena *arena) {
    static const char *const ends[][2] = {
        {"_gamma", ".weight"},           {"_beta", ".bias"},     {"_moving_mean", ".running_mean"},
        {"_moving_var", ".running_var"}, {"_weight", ".weight"}, {"_bias", ".bias"}};
    const char *bare = strncmp(name, "arg:", 4) == 0 || strncmp(name, "aux:", 4) == 0 ? name + 4 : name;
    const size_t bytes = strlen(bare);
    if (strchr(bare, '.'))
        return bare;
    for (size_t i = 0; i < ARC_COUNT(ends); i++) {
        const size_t end = strlen(ends[i][0]), other = strlen(ends[i][1]);
        if (bytes <= end || strcmp(bare + bytes - end, ends[i][0]) != 0)
            continue;
        char *changed = arc_arena_new(arena, bytes - end + other + 1, 1);
        if (!changed)
            return NULL;
        memcpy(changed, bare, bytes - end);
        memcpy(changed + bytes - end, ends[i][1], other + 1);
        return changed;
    }
    return bare;
}

static int by_name(const void *a, const void *b) {
    const wrapped *x = a, *y = b;
    const int order = strcmp(x->tensor.name, y->tensor.name);
    if (order)
        return order;
    return x->weight != y->weight ? (x->weight > y->weight ? -1 : 1) : strcmp(x->full, y->full);
}

static int by_name_alone(const void *a, const void *b) {
    return strcmp(((const arc_torch_tensor *)a)->name, ((const arc_torch_tensor *)b)->name);
}

arc_status arc_torch_settle_names(arc_torch_state *s, arc_arena *arena, const char *name, arc_error *err) {
    chain chains[MAX_CHAINS];
    size_t count = 0, kept = 0;
    wrapped *all = arc_arena_new(arena, s->tensors + 1, sizeof *all);
    if (!all)
        return arc_fail_nomem(err, name);
    for (size_t i = 0; i < s->tensors; i++) {
        const char *full = s->tensor[i].name;
        const size_t bytes = wrapper_bytes(full), which = chain_of(chains, &count, full, bytes);
        chains[which].tensors++;
        all[i] = (wrapped){full, s->tensor[i], which};
        all[i].tensor.name = without_mxnet(full + bytes, arena);
        if (!all[i].tensor.name)
            return arc_fail_nomem(err, name);
    }
    for (size_t i = 0; i < s->tensors; i++)
        all[i].weight = chains[all[i].weight].tensors;
    if (s->tensors)
        qsort(all, s->tensors, sizeof *all, by_name);
    for (size_t i = 0; i < s->tensors; i++)
        if (i == 0 || strcmp(all[i].tensor.name, all[i - 1].tensor.name) != 0)
            s->tensor[kept++] = all[i].tensor;
    s->tensors = kept;
    return ARC_OK;
}

const arc_torch_tensor *arc_torch_find(const arc_torch_state *s, const char *name) {
    const arc_torch_tensor wanted = {.name = name};
    return s->tensors ? bsearch(&wanted, s->tensor, s->tensors, sizeof wanted, by_name_alone) : NULL;
}
