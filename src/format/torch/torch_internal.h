/* PyTorch checkpoints: file.c reads the container, state.c the state dict, safetensors.c both in one, names.c takes wrappers off
 * the names, net.c has the layers that irse.c, iresnet.c, mobilefacenet.c, ghostnet.c, vit.c, swin.c, edgenext.c and retinaface.c
 * build their nets with, leak.c tells activations, families.c lists them, nearest.c tells what an unknown net is like, read.c
 * decides which net it is. */
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

/* Floating-point tensors by name (without what wrappers put in front), float32, contiguous. */
typedef struct arc_torch_tensor {
    const char *name;
    arc_shape shape;
    const float *data;
} arc_torch_tensor;
typedef struct arc_torch_state {
    arc_torch_tensor *tensor; /* sorted by name */
    size_t tensors;
} arc_torch_state;

typedef enum arc_torch_element { ARC_TORCH_NONE, ARC_TORCH_F32, ARC_TORCH_F64, ARC_TORCH_F16, ARC_TORCH_BF16 } arc_torch_element;
size_t arc_torch_element_bytes(arc_torch_element e);
float arc_torch_read_element(const uint8_t *p, arc_torch_element e);

/* names.c: "module.", "_orig_mod.", "model.", "backbone.", "net." and the like go, in any order and number; of tensors that then
 * share a name those of the wrapper with most tensors stay. MXNet's endings (bn0_gamma) become PyTorch's (bn0.weight). Sorts. */
arc_status arc_torch_settle_names(arc_torch_state *s, arc_arena *arena, const char *name, arc_error *err);

/* safetensors.c: a whole file; names and numbers live in `arena`. Errors: EFORMAT, ECORRUPT, ELIMIT, ENOMEM. */
arc_status arc_safetensors_parse(arc_torch_state *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                                 arc_error *err);

/* nearest.c: EUNSUPPORTED with the net of the zoo that these tensors are most like and the first that differ. */
arc_status arc_torch_refuse_unknown(const arc_torch_state *s, const arc_alloc *a, const char *name, arc_error *err);

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
arc_status arc_torch_build_mobilefacenet_tre(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                             arc_error *err);
arc_status arc_torch_build_iresnet(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                   arc_error *err);
arc_status arc_torch_build_irse(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err);
arc_status arc_torch_build_ghostnet(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                    arc_error *err);
arc_status arc_torch_build_vit(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err);
arc_status arc_torch_build_swin(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err);
arc_status arc_torch_build_edgenext(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name,
                                    arc_error *err);

/* families.c: nets that are told by two tensors, and resembled by more. */
#define ARC_TORCH_MARKS 8
typedef struct arc_torch_family {
    const char *name;
    const char *mark[ARC_TORCH_MARKS]; /* the first two belong to no other family; NULL: no further ones */
    arc_status (*build)(arc_graph **out, const arc_alloc *a, const arc_torch_state *s, const char *name, arc_error *err);
} arc_torch_family;
const arc_torch_family *arc_torch_families(size_t *count);

#endif
