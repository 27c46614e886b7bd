/** @file
 * Model cards: what a model is, what it was trained on, how well and how fast it works, on one page; every field measured or
 * "not stated".
 */
#ifndef ARCFACE_CARD_H
#define ARCFACE_CARD_H

#include <arcface/bench.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most files of one kind on a card. */
#define ARC_CARD_MAX_FILES 64

/** What a card is made of beside the model. Texts are plain, whatever the card is written as. Paths are those of files. */
typedef struct arc_card_options {
    size_t struct_size;      /**< set by arc_card_options_default */
    const char *name;        /**< what the model is called; NULL (default): its file's name */
    const char *description; /**< what it is for; NULL (default): not stated */
    const char *developer;   /**< who made it; NULL (default): not stated */
    const char *sharer;      /**< who offers it; NULL (default): not stated */
    const char *license;     /**< what may be done with it; NULL (default): what the file's metadata says, if anything */
    const char *data;        /**< what it was trained on; NULL (default): what the file's metadata says, if anything */
    const char *recipe;      /**< recipe that trained it (JSON); NULL (default): the run's, else the file's metadata */
    const char *run;         /**< folder of the training: its recipe and its log; NULL (default): none */
    const char *int8;        /**< the same model in 8 bits (ONNX), for throughput and what 8 bits cost; NULL (default): none */
    const char *date;        /**< day of the card; NULL (default): today, YYYY-MM-DD in UTC */
    int resource_count;      /**< 0 to ARC_CARD_MAX_FILES */
    int evaluation_count;    /**< 0 to ARC_CARD_MAX_FILES */
    int bench_count;         /**< 0 to ARC_CARD_MAX_FILES */
    int quantization_count;  /**< 0 to ARC_CARD_MAX_FILES */
    int throughput_count;    /**< 0 to ARC_CARD_MAX_FILES */
    const char *const *resource;   /**< [resource_count] addresses of papers, code, data */
    const char *const *evaluation; /**< [evaluation_count] what `arcface eval ... --json` printed of the model or of int8 */
    const char *const *bench;      /**< [bench_count] what `arcface bench --card --json` printed of the model or of int8 */
    const char *const
        *quantization; /**< [quantization_count] what `arcface quantize --json` printed, or predictions of devices */
    const arc_bench_card *throughput; /**< [throughput_count] measured by the caller, in front of those of the files */
} arc_card_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_card_options_default(arc_card_options *opt);

/** Writes the card of an embedder or a detector, atomically: path ends in .html for a page that stands alone, or in .md for
 * Markdown, beside which the picture of the architecture is written as NAME.svg first. The sections are those of HubAI's
 * template. A result that was measured with another file than the model's or int8's is refused. `opt` may be NULL.
 * Thread: any, while nothing else runs on the context. Errors: EINVAL (options, another suffix, a result of another file, an
 * int8 that is no embedder of the same size), EFORMAT (a file that is not what it should be: names it and what it lacks),
 * EUNSUPPORTED (a model that takes no picture), ENOTFOUND, EIO, ELIMIT, ENOMEM, those of arc_model_load. */
ARC_API ARC_NODISCARD arc_status arc_card_save(arc_context *ctx, const arc_model *model, const arc_card_options *opt,
                                               const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
