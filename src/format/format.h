/* format: every parser and writer of outside bytes, one file each. All input is hostile: every length is bounded, nothing is
 * executed, errors name file and offset. */
#ifndef ARC_FORMAT_FORMAT_H
#define ARC_FORMAT_FORMAT_H

#include "graph/graph.h"

#define ARC_MAX_MODEL_BYTES ((size_t)4 << 30)

/* ---- foreign.c ---- */
/* EFORMAT for what downloads leave in place of a file: a Git LFS pointer, an HTML page, a server's message. ARC_OK for anything
 * else. */
arc_status arc_refuse_stand_in(const void *bytes, size_t count, const char *name, arc_error *err);
/* arc_map_open that refuses stand-ins; on errors nothing is mapped. */
arc_status arc_map_open_real(arc_map *map, const char *path, size_t max_bytes, arc_error *err);
/* The same for a model's file; EUNSUPPORTED also for models of other frameworks (TorchScript, TensorFlow, Keras, TFLite,
 * OpenVINO, ncnn), packed archives, pictures: the sentence says what it is and what to do. */
arc_status arc_refuse_other_model(const void *bytes, size_t count, const char *name, arc_error *err);
/* EUNSUPPORTED for the folder of a SavedModel, EIO for any other folder: the sentence says which file to name. ARC_OK for what is
 * no folder. */
arc_status arc_refuse_model_folder(const char *path, arc_error *err);

/* ---- onnx.c (reader), format/onnx/write.c ---- */
/* Maps the file; raw tensors of 4-byte-or-smaller alignment are borrowed from the mapping, others copied to the arena. Data in
 * other files of the model's folder are mapped as well. The graph owns the maps. */
arc_status arc_onnx_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err);
/* The same, for looking at files with operators that nobody knows (keeps_unknown). */
arc_status arc_onnx_look(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err);
/* From memory that must outlive the graph; for tests and fuzzing. */
arc_status arc_onnx_parse(arc_graph **out, const arc_alloc *a, const void *bytes, size_t count, const char *name, arc_error *err);
/* Streams the file: weights go from where they lie to the writer. Fused arc.* attributes are refused (EINVAL). */
arc_status arc_onnx_save(const arc_graph *g, const char *path, arc_error *err);
/* The same into a writer that is open; the caller commits. */
arc_status arc_onnx_write(const arc_graph *g, arc_writer *w, arc_error *err);
/* The file with these entries in place of its metadata_props, written anew beside it and renamed; all
 * other bytes stay. A link's target is replaced. Errors: ENOTFOUND, EIO, ECORRUPT, ENOMEM. */
arc_status arc_onnx_replace_metadata(const arc_alloc *a, const char *path, const arc_meta *meta, int metas, arc_error *err);
/* One serialized TensorProto (libonnx-testdata's input_0.pb): value data points into bytes or the arena. */
arc_status arc_onnx_tensor_parse(arc_arena *arena, const void *bytes, size_t count, arc_dtype *t, arc_shape *s, const void **data,
                                 const char **name, arc_error *err);

/* ---- mxnet.c ---- symbol.json + .params (arg:/aux: names), any network of the supported operators; either path may be given,
 * the pair is found beside it (name-symbol.json, name-0000.params). BN eps defaults and fix_gamma as MXNet has them. */
arc_status arc_mxnet_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err);

/* ---- pickle.c ---- the strict unpickler: opcodes of protocols 0..5, symbolic globals, nothing is executed. */
/* ---- torch/ ---- zip and legacy checkpoints and safetensors -> state dict; arcface_torch's IResNet and MobileFaceNet and the
 * families of torch/families.c are recognised by their names and shapes and built as graphs. */
bool arc_torch_is_safetensors(const void *bytes, size_t count); /* by its first bytes */
arc_status arc_torch_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err);

/* ---- verification_bin.c ---- InsightFace .bin: images stay where they lie in the mapping (or the arena when escaped). */
typedef struct arc_verification_bin {
    arc_map map;
    arc_arena arena;
    size_t pairs;
    const uint8_t **image; /* [2*pairs] encoded JPEG/PNG */
    size_t *image_bytes;
    uint8_t *same; /* [pairs] */
} arc_verification_bin;
arc_status arc_verification_bin_open(arc_verification_bin *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_verification_bin_parse(arc_verification_bin *out, const arc_alloc *a, const void *bytes, size_t count,
                                      const char *name, arc_error *err);
void arc_verification_bin_close(arc_verification_bin *bin);

/* ---- verification_bin_write.c ---- the same, written as Python's pickle.dump((images, same), file, protocol=3) does, byte for
 * byte. Every image is put in pair order, 2*pairs in all; commit takes the labels. Errors: EIO, ENOMEM; EINVAL for another number
 * of images. */
typedef struct arc_bin_writer arc_bin_writer;
arc_status arc_bin_writer_open(arc_bin_writer **out, const arc_alloc *a, const char *path, size_t pairs, arc_error *err);
arc_status arc_bin_writer_put(arc_bin_writer *w, const void *image, size_t bytes, arc_error *err);
arc_status arc_bin_writer_commit(arc_bin_writer **w, const uint8_t *same, arc_error *err);
void arc_bin_writer_abort(arc_bin_writer **w); /* NULL-safe */

/* ---- pairs.c ---- LFW pairs.txt */
typedef struct arc_pair {
    const char *name[2];
    int index[2];
    uint8_t same;
} arc_pair;
typedef struct arc_pairs {
    arc_arena arena;
    arc_pair *pair;
    int pairs, folds, per_fold; /* folds and pairs of each kind per fold as the header says; 0 without a header */
} arc_pairs;
arc_status arc_pairs_open(arc_pairs *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_pairs_parse(arc_pairs *out, const arc_alloc *a, const void *bytes, size_t count, const char *name, arc_error *err);
void arc_pairs_close(arc_pairs *pairs);

/* ---- pair_list.c ---- any list of pairs of picture files: LFW's pairs.txt; "PATH PATH LABEL" (or LABEL first) a line; two lines
 * "PATH LABEL" a pair (CALFW, CPLFW; label 0 = different); or the folder Split/FF or Split/FP of CFP's Protocol. Paths are
 * relative and stay inside. */
typedef struct arc_listed_pair {
    const char *path[2]; /* LFW: without suffix */
    uint8_t same;
} arc_listed_pair;
typedef struct arc_pair_list {
    arc_arena arena;
    arc_listed_pair *pair;
    int pairs, folds;   /* folds 0: not said */
    bool suffix;        /* the paths have their suffix */
    bool first_folder;  /* a path's first folder names the person, not all of its folders */
    const char *kind;   /* "LFW pairs", "path path label", "path label, two lines a pair", "CFP split" */
    int64_t bytes;      /* of all files read */
    uint8_t digest[32]; /* SHA-256 of them */
} arc_pair_list;
arc_status arc_pair_list_open(arc_pair_list *out, const arc_alloc *a, const char *path, arc_error *err);
arc_status arc_pair_list_parse(arc_pair_list *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err);
void arc_pair_list_close(arc_pair_list *list);
void arc_pair_list_digest(arc_pair_list *list, const void *bytes, size_t count);

/* ---- format/list/ijb.c ---- IJB-B / IJB-C as InsightFace packs them, YouTube Faces. */
typedef struct arc_ijb_face {
    const char *name;
    float landmark_px[5][2], score;
} arc_ijb_face;
typedef struct arc_ijb_faces { /* name_5pts_score.txt */
    arc_arena arena;
    arc_ijb_face *face;
    size_t faces;
} arc_ijb_faces;
arc_status arc_ijb_faces_parse(arc_ijb_faces *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err);
void arc_ijb_faces_close(arc_ijb_faces *faces);
typedef enum arc_ijb_list {
    ARC_IJB_TID_MID, /* face_tid_mid.txt: template, media */
    ARC_IJB_PAIRS,   /* template_pair_label.txt: template, template, label */
    ARC_IJB_SUBJECTS /* 1N_gallery_*.csv, 1N_probe_mixed.csv: template, subject */
} arc_ijb_list;
typedef struct arc_number_rows {
    int *value; /* [rows][columns]; free with arc_mem_free */
    size_t rows;
    int columns;
} arc_number_rows;
/* map: the mapping that `bytes` lies in, whose read pages are given back; may be NULL. */
arc_status arc_ijb_numbers_parse(arc_number_rows *out, const arc_alloc *a, arc_ijb_list kind, const void *bytes, size_t count,
                                 const char *name, const arc_map *map, arc_error *err);
arc_status arc_ijb_numbers_open(arc_number_rows *out, const arc_alloc *a, arc_ijb_list kind, const char *path, arc_error *err);

/* splits.txt and its corrected form: path = Name/video, in the order of the splits. Close with arc_pair_list_close. */
arc_status arc_ytf_splits_parse(arc_pair_list *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                arc_error *err);
typedef struct arc_ytf_box {
    const char *path; /* Name/video/video.frame.jpg */
    float box_px[4];  /* x1 y1 x2 y2 */
} arc_ytf_box;
typedef struct arc_ytf_boxes { /* Name.labeled_faces.txt */
    arc_arena arena;
    arc_ytf_box *box;
    size_t boxes;
} arc_ytf_boxes;
arc_status arc_ytf_boxes_parse(arc_ytf_boxes *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                               arc_error *err);
void arc_ytf_boxes_close(arc_ytf_boxes *boxes);

/* ---- npy.c ---- */
/* The head of a float32 array of at most 4 dimensions, for writers that have its rows one after the other; path: for error
 * texts. It has the same size for every shape. */
#define ARC_NPY_HEADER_BYTES 128 /* one multiple of 64 that fits every header */
arc_status arc_npy_header(char header[ARC_NPY_HEADER_BYTES], const char *path, int rank, const int64_t *dim, arc_error *err);
arc_status arc_npy_put_header(arc_writer *w, const char *path, int rank, const int64_t *dim, arc_error *err);
arc_status arc_npy_save_f32(const arc_alloc *a, const char *path, const float *data, int rank, const int64_t *dim,
                            arc_error *err);
/* Reads little-endian C-order f4 / u1 arrays (goldens, crops); data is malloc'ed by `a`. */
arc_status arc_npy_parse(const arc_alloc *a, const void *bytes, size_t count, const char *name, arc_dtype *t, arc_shape *s,
                         void **data, arc_error *err);
arc_status arc_npy_load(const arc_alloc *a, const char *path, arc_dtype *t, arc_shape *s, void **data, arc_error *err);

#endif
