/* PyTorch checkpoints: file.c reads the container, state.c the state dict, nets.c builds the nets whose layers are known
 * here, leak.c tells activations, torch.c decides which net it is. */
#ifndef ARC_FORMAT_TORCH_TORCH_INTERNAL_H
#define ARC_FORMAT_TORCH_TORCH_INTERNAL_H

#include "format/format.h"
#include "format/pickle/pickle.h"

/* The raw bytes of one storage, by its key. */
typedef struct arc_torch_storage {
    const char *key;
    const uint8_t *data;
    size_t bytes;
} arc_torch_storage;

/* A checkpoint taken apart: the pickled object and its storages. */
typedef struct arc_torch_file {
    arc_map map;
    arc_arena arena;
    arc_pickle pickle;
    arc_torch_storage *storage; /* sorted by key */
    size_t storages;
} arc_torch_file;
arc_status arc_torch_file_open(arc_torch_file *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_torch_file_parse(arc_torch_file *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                arc_error *err);
void arc_torch_file_close(arc_torch_file *file);
const arc_torch_storage *arc_torch_find_storage(const arc_torch_file *file, const uint8_t *key, size_t key_bytes);

/* Floating-point tensors by name ("module." and "backbone." in front removed), float32, contiguous. */
typedef struct arc_torch_tensor {
    const char *name;
    arc_shape shape;
    const float *data;
} arc_torch_tensor;
typedef struct arc_torch_state {
    arc_torch_tensor *tensor; /* sorted by name */
    size_t tensors;
} arc_torch_state;
/* Lives in the file's arena. */
arc_status arc_torch_state_read(arc_torch_state *out, arc_torch_file *file, const char *name, arc_error *err);
const arc_torch_tensor *arc_torch_find(const arc_torch_state *s, const char *name); /* NULL = none */

/* leak.c: ReLU or leaky ReLU? Adds what a depthwise layer between two BatchNorms says; false: such layers are not there. */
bool arc_torch_leak_errors(const arc_torch_state *s, const char *before, const char *conv, const char *after, float slope,
                           double *relu, double *leaky);
/* *out = 0 (ReLU) or slope; EUNSUPPORTED when the errors don't tell. */
arc_status arc_torch_choose_leak(double relu, double leaky, float slope, const char *name, float *out, arc_error *err);

arc_status arc_torch_build_mobilefacenet_xiaoccer(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                                  arc_error *err);
arc_status arc_torch_build_retinaface_mnet025(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                              arc_error *err);

#endif
