/** @file
 * What a pipeline found, as text and files: detections for people and programs, embeddings as NPY, JSON or CSV.
 */
#ifndef ARCFACE_RESULTS_H
#define ARCFACE_RESULTS_H

#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The faces of every photo that could be read, as `arcface detect` prints them: boxes, scores and landmarks; json: an array with
 * an object for each photo. results: [count].
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM; ELIMIT for more than 1 GiB of text. */
ARC_API ARC_NODISCARD arc_status arc_results_describe(arc_context *ctx, const arc_result *results, int count, bool json,
                                                      char **text, arc_error *err);

/** Why a photo has no face to go on with: its own error or, for one that could be read, what was looked at in vain and what
 * else may help. Thread: any. */
ARC_API void arc_result_explain(const arc_result *result, arc_error *why);

/** What embeddings are written as. */
typedef enum arc_results_format {
    /** a head line, then a line for each face: path, number of the face in its photo, box, score, values, quality */
    ARC_RESULTS_CSV,
    /** an array with an object for each face: the same, landmarks and residual too. The quality is the norm in its result */
    ARC_RESULTS_JSON,
    ARC_RESULTS_NPY,       /**< float32 [faces][dim]; a second file says which row is whose */
    ARC_RESULTS_FACES,     /**< without embeddings: as arc_results_describe for people */
    ARC_RESULTS_FACES_JSON /**< without embeddings: as arc_results_describe for programs */
} arc_results_format;

/** Writes the embedding of every face, photo after photo. results: [count]; dim: values of each embedding. The file is whole or
 * not there. path "-" is standard output. With ARC_RESULTS_NPY NAME.txt is written first, beside NAME.npy, with a line for each
 * row: path, face, box and score, separated by tabs; not for "-".
 * Thread: any. Errors: EINVAL for faces without embeddings or for another format, those of arc_file_write. */
ARC_API ARC_NODISCARD arc_status arc_results_save(arc_context *ctx, const arc_result *results, int count, int dim,
                                                  arc_results_format format, const char *path, arc_error *err);

/** The same, one result after the other, with memory for one of them. */
typedef struct arc_results_writer arc_results_writer;

/** Begins what arc_results_save writes. Only an array on standard output, a pipe or a device is kept in memory to its end,
 * because its head says how many rows follow. Ownership: ends with arc_results_writer_commit or arc_results_writer_abort. Thread:
 * any. Errors: EINVAL (no such format), those of arc_file_write. */
ARC_API ARC_NODISCARD arc_status arc_results_writer_open(arc_context *ctx, int dim, arc_results_format format, const char *path,
                                                         arc_results_writer **out, arc_error *err);

/** Writes the next photo's faces. After a failure only arc_results_writer_abort is possible. Thread: one at a time.
 * Errors: EINVAL for faces without embeddings, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_results_writer_put(arc_results_writer *writer, const arc_result *result, arc_error *err);

/** Ends the file and gives it its name. Ownership: frees the writer and nulls the pointer, after a failure too. Thread: one at a
 * time.
 * Errors: those of arc_file_write. */
ARC_API ARC_NODISCARD arc_status arc_results_writer_commit(arc_results_writer **writer, arc_error *err);

/** Nothing is left of a file. Ownership: frees the writer and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_results_writer_abort(arc_results_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
