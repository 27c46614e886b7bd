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

/** What embeddings are written as. */
typedef enum arc_results_format {
    ARC_RESULTS_CSV,  /**< a head line, then a line for each face: path, number of the face in its photo, box, score, values */
    ARC_RESULTS_JSON, /**< an array with an object for each face: the same, landmarks and residual too */
    ARC_RESULTS_NPY   /**< float32 [faces][dim]; a second file says which row is whose */
} arc_results_format;

/** Writes the embedding of every face, photo after photo. results: [count]; dim: values of each embedding. The file is whole or
 * not there. path "-" is standard output. With ARC_RESULTS_NPY NAME.txt is written first, beside NAME.npy, with a line for each
 * row: path, face, box and score, separated by tabs; not for "-".
 * Thread: any. Errors: EINVAL for faces without embeddings or for another format, those of arc_file_write. */
ARC_API ARC_NODISCARD arc_status arc_results_save(arc_context *ctx, const arc_result *results, int count, int dim,
                                                  arc_results_format format, const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
