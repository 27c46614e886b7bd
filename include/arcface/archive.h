/** @file
 * NN Archives and blobs: what the makers of OAK cameras load, written, read and checked.
 */
#ifndef ARCFACE_ARCHIVE_H
#define ARCFACE_ARCHIVE_H

#include <arcface/deploy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Writes an embedder or an SCRFD detector as an NN Archive (NAME.tar.xz), atomically: the ONNX file of arc_export_onnx, float32,
 * and a config.json that says what is true of it: input "images" NCHW, BGR888p, nothing left to normalise; output "output" NF;
 * one head of EmbeddingsParser with that output, or of SCRFDParser with a detector's outputs, thresholds, strides and anchors.
 * The archive is what modelconverter and HubAI take as a source; a device runs what they make of it. The same model and options
 * give the same bytes. `opt` and `report` may be NULL. Thread: any, while nothing else runs on the context. Errors: those of
 * arc_export_onnx; EINVAL for options that a device cannot have (any batch, raw) and for a path that does not end in .tar.xz. */
ARC_API ARC_NODISCARD arc_status arc_export_nnarchive(arc_context *ctx, const arc_model *model, const arc_export_options *opt,
                                                      const char *path, arc_export_report *report, arc_error *err);

/** What was found wrong with an archive. */
typedef struct arc_archive_counts {
    int errors;   /**< a reader refuses it, or a device computes something else than is meant */
    int warnings; /**< it works, but not everywhere or not as well as it could */
} arc_archive_counts;

/** The text that `arcface archive info` prints of an NN Archive (tar, plain or compressed by xz, gzip or bzip2), a blob or a
 * superblob: members, inputs, outputs, heads, shaves; json: one object. Nothing is unpacked to disk. Ownership: free *text with
 * arc_text_free. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT (neither archive nor blob), ECORRUPT (damaged: names member or offset), ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_archive_info(arc_context *ctx, const char *path, bool json, char **text, arc_error *err);

/** The text that `arcface archive verify` prints: each thing that would go wrong, in a sentence; json: one object with
 * "findings". What the vendor's two readers refuse, what they let pass and a device then gets wrong. *counts: how many.
 * Ownership: free *text with arc_text_free. Thread: any. Errors: those of arc_archive_info. */
ARC_API ARC_NODISCARD arc_status arc_archive_verify(arc_context *ctx, const char *path, bool json, arc_archive_counts *counts,
                                                    char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
