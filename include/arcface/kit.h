/** @file
 * Conversion kits: everything that the tools behind OAK cameras need to turn a model into what a device runs, and to tell whether
 * what it runs is still that model.
 */
#ifndef ARCFACE_KIT_H
#define ARCFACE_KIT_H

#include <arcface/archive.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Fewest faces that a kit calibrates on. */
#define ARC_KIT_MIN_CALIBRATION 20
/** Fewest faces that a converted model is compared on. */
#define ARC_KIT_MIN_REFERENCE 4
/** Most faces that a kit calibrates on. */
#define ARC_KIT_MAX_CALIBRATION 2000

/** How a kit is made. */
typedef struct arc_kit_options {
    size_t struct_size;    /**< set by arc_kit_options_default */
    int calibration_count; /**< faces to calibrate on, ARC_KIT_MIN_CALIBRATION to ARC_KIT_MAX_CALIBRATION; default 300 */
    bool l2;               /**< embeddings of length 1; default false */
    /** Finds the faces of pictures that are no aligned crops; NULL (default): all pictures are aligned crops */
    const arc_model *detector;
    arc_detect_options detect; /**< how faces are looked for */
    /** Called with what is done of a stage; total -1: not known. May be NULL; a non-zero return cancels (ECANCEL) */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< handed to it */
} arc_kit_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_kit_options_default(arc_kit_options *opt);

/** What became of the pictures. */
typedef struct arc_kit_report {
    int64_t pictures;          /**< that the source gave */
    int64_t unreadable;        /**< of them */
    int64_t faceless;          /**< of them: no face was found */
    int64_t faces;             /**< that could have been chosen, one a picture */
    int unclear;               /**< left out: blurred or none at all; their norm is below 2/3 of the median */
    int alike;                 /**< left out: their cosine to a chosen one is above 0.99 */
    int calibration;           /**< faces in calibration.zip */
    int reference;             /**< faces in reference/; none of them is in calibration.zip */
    arc_export_report network; /**< the ONNX file */
} arc_kit_report;

/** Writes a folder with all that a conversion for OAK cameras needs: arcface.onnx and arcface.tar.xz (arc_export_onnx,
 * arc_export_nnarchive), calibration.zip with aligned faces of the source's pictures and calibration.jpg, which shows them,
 * rvc2.yaml and rvc4.yaml for modelconverter, reference/ with pictures and the float32 embeddings that arcface.onnx gives for
 * them, README.md with the commands, SHA256SUMS. Of each picture the largest face is taken; a picture of the model's template's
 * size is an aligned face itself. Faces are chosen so that each next one is the most unlike all chosen before, by embedding, then
 * by light and pose; of more than 4096 faces an even sample is chosen from. Everything is made under a temporary name, which
 * becomes `folder` at the end. `opt` and `report` may be NULL. Thread: any, while nothing else runs on the context.
 * Errors: those of arc_export_nnarchive; EINVAL (options, a folder that is there and not empty, a context that is not float32),
 * EUNSUPPORTED (no float32 embedder), ESHAPE (without a detector, a picture that is no aligned face), EFORMAT (too few pictures
 * or too much alike), ECANCEL, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_export_kit(arc_context *ctx, const arc_model *model, const arc_photo_source *pictures,
                                                const arc_kit_options *opt, const char *folder, arc_kit_report *report,
                                                arc_error *err);

/** Checks a whole kit and gives the text that `arcface export check` prints, a sentence for each thing that is wrong; json: one
 * object with "findings". Every file is there and has its digest, nothing else is; the archive holds the ONNX file and nothing is
 * wrong with it; the ONNX file takes pixels and gives the reference embeddings for the reference pictures; both YAML files agree
 * with it; the calibration pictures are faces of its size. Folders that its README.md tells people to make, calibration/ (the
 * unpacked zip, compared with it) and output/, may be there. *counts: how many findings. Ownership: free *text with
 * arc_text_free. Thread: any, while nothing else runs on the context. Errors: ENOTFOUND (no such folder), EINVAL (a context that
 * is not float32), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_kit_check(arc_context *ctx, const char *folder, bool json, arc_archive_counts *counts,
                                               char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
