/** @file
 * Probing: what an embedder's file does not say, the channel order and the normalisation of its input, found out by trying what
 * people use and seeing under which of them faces separate best.
 */
#ifndef ARCFACE_PROBE_H
#define ARCFACE_PROBE_H

#include <arcface/evaluate_result.h>
#include <arcface/face.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most trials of a probe. */
#define ARC_PROBE_TRIALS 24

/** On which faces a model is probed. */
typedef struct arc_probe_options {
    size_t struct_size; /**< set by arc_probe_options_default */
    /** DIR/person/picture; NULL (default): people that this project draws, whom every recogniser tells apart less well */
    const char *images;
    /** Finds the faces of photos; NULL (default): only aligned crops can be used. A picture of the template's size, or of 112 x
     * 112, is taken as an aligned crop all the same. */
    const arc_model *detector;
    arc_detect_options detect; /**< for photos */
    bool aligned;              /**< all pictures are aligned crops, of any size; default false */
    bool photos;               /**< none is, whatever their size; default false */
    bool writes;               /**< arc_probe_write follows: a file that keeps no contract is refused at once; default false */
    int people;                /**< at most so many, evenly from the folder's with most pictures, two at least; default 60 */
    int images_each;           /**< at most so many of each; default 3 */
    int bootstrap;             /**< replicates over people, 100 to 100000; default 1000 */
    uint64_t seed;             /**< of the drawn people and the bootstrap; default 1 */
    /** Runs of the network over all faces; may be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_probe_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_probe_options_default(arc_probe_options *opt);

/** One way to feed the model, and how well it separates people. */
typedef struct arc_probe_trial {
    bool bgr;              /**< as in arc_contract */
    float mean[3];         /**< as in arc_contract */
    float scale[3];        /**< as in arc_contract */
    char name[96];         /**< of the normalisation, as --norm takes it: "127.5/127.5" */
    bool flip;             /**< the embedding of the mirrored face is added */
    bool current;          /**< the model's contract says so now */
    bool finite;           /**< false: the network overflows; what follows is 0 */
    double dprime;         /**< (mean genuine - mean impostor cosine) / root of their mean variance */
    arc_interval interval; /**< 95 % of dprime, over people */
    arc_interval behind;   /**< 95 % of the best contract's dprime (with the same flip) minus this one's, over the same people */
    double auc;            /**< share of pairs of a genuine and an impostor cosine in which the genuine one is larger */
    double genuine;        /**< mean cosine of two pictures of one person */
    double impostor;       /**< mean cosine of two people */
    double agreement;      /**< mean cosine of its embeddings and the best contract's (with the same flip) */
    bool alike;            /**< both give practically the same embeddings: their d' differ by chance */
} arc_probe_trial;

/** What a probe says of the contract in the model. */
typedef enum arc_probe_verdict {
    ARC_PROBE_CONFIRMED, /**< none separates better than the model's own, or none does so differently */
    ARC_PROBE_OTHER,     /**< another one separates better than the model's, by more than chance */
    ARC_PROBE_CLOSE,     /**< too close to call */
    ARC_PROBE_NOTHING    /**< none separates these people: is it a trained recogniser? */
} arc_probe_verdict;

/** The result of a probe. */
typedef struct arc_probe {
    arc_probe_verdict verdict;               /**< what it says */
    int trials;                              /**< in `trial` */
    arc_probe_trial trial[ARC_PROBE_TRIALS]; /**< [trials] the best first */
    /** Index of the contract to use, in `trial`; -1 when nothing is decided */
    int chosen;
    bool alike;             /**< others give practically the embeddings of the chosen one */
    arc_interval flip_gain; /**< 95 % of what adding the mirrored face brings to dprime, for the best contract */
    bool drawn;             /**< the people are drawn */
    int people;             /**< people */
    int images;             /**< pictures used */
    int skipped;            /**< pictures without a face, or that cannot be read */
    char first_problem[ARC_ERROR_TEXT_BYTES]; /**< why the first of the skipped was */
    int64_t genuine;                          /**< pairs of one person */
    int64_t impostor;                         /**< pairs of two people */
} arc_probe;

/** Embeds some faces of some people under every plausible contract, RGB and BGR by five normalisations (and the model's own,
 * where it is none of these), with and without the mirrored face, and ranks them by d'. docs/PROTOCOLS.md says how it decides.
 * `opt` may be NULL.
 * Thread: any. Errors: EINVAL (options, no embedder, fewer than two people of two usable pictures each, photos without a
 * detector; the sentence says what to do), those of arc_pipeline_new, ENOTFOUND, EIO, ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_probe(arc_context *ctx, const arc_model *model, const arc_probe_options *opt,
                                                 arc_probe *out, arc_error *err);

/** The text that `arcface model probe` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_probe_describe(arc_context *ctx, const arc_probe *probe, bool json, char **text,
                                                    arc_error *err);

/** Writes the chosen contract into the metadata of the model's own ONNX file, atomically; everything else of the file stays byte
 * for byte. A calibration that was made with another contract is dropped, and the threshold is the default again. *changed (may
 * be NULL): whether the file says something else now. The model in memory keeps its contract. Thread: one at a time for a file.
 * Errors: EINVAL when nothing was decided; EUNSUPPORTED for models of other formats, pulled packs and new models (the sentence
 * says how to get a file of one's own), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_probe_write(arc_context *ctx, const arc_model *model, const arc_probe *probe, bool *changed,
                                                 arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
