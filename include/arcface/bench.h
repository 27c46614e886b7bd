/** @file
 * How fast this machine could compute, how fast a network runs on it, step by step, and how fast photographs become embeddings:
 * the figures of `arcface bench`.
 */
#ifndef ARCFACE_BENCH_H
#define ARCFACE_BENCH_H

#include <arcface/face.h>
#include <arcface/profile.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a network is timed. */
typedef struct arc_bench_options {
    size_t struct_size;           /**< set by arc_bench_options_default */
    const int *batches;           /**< [batch_count] images in one run, each 1 to 4096; default 1 and 8 */
    int batch_count;              /**< at least 1 */
    double seconds;               /**< how long each batch size is timed, three runs at least; default 5 */
    int size_px;                  /**< side of the input of models of free size, 8 to 8192; default 640 */
    bool steps;                   /**< also time every step of the plan, here and on one thread; default false */
    const arc_roofline *roofline; /**< of this machine, measured before; NULL (default): it is measured */
} arc_bench_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_bench_options_default(arc_bench_options *opt);

/** One batch size. */
typedef struct arc_bench_run {
    int batch;               /**< images in one run */
    int runs;                /**< that were timed, after three that warmed up */
    double first_ms;         /**< the first run, which plans and packs weights */
    double min_ms;           /**< the shortest */
    double median_ms;        /**< the median */
    double p99_ms;           /**< the 99th percentile */
    double images_per_s;     /**< at the median */
    double direct_gflops;    /**< 10^9 operations a second, convolutions counted as done directly; at the median */
    double joules_per_image; /**< of the processor's package; negative where it does not tell */
    int64_t peak_bytes;      /**< arc_peak_memory_bytes since the model was loaded */
    const char *plan_id;     /**< of arc_net_plan_id */
    arc_profile *profile;    /**< of every layer and step; NULL unless the steps were asked for */
} arc_bench_run;

/** A network, timed. Arrays and texts belong to it. */
typedef struct arc_bench {
    const char *model;     /**< as it was asked for */
    const char *isa;       /**< instruction set */
    const char *precision; /**< "fp32", "bf16", "fp16"; "int8" for networks in 8 bits */
    int threads;           /**< of the context */
    int height_px;         /**< of the input */
    int width_px;          /**< of the input */
    int64_t macs;          /**< multiply-adds for one image */
    int64_t flops;         /**< 2 * macs */
    double load_ms;        /**< loading the model */
    arc_roofline roofline; /**< of the machine */
    double peak_gflops;    /**< of it, in the network's precision */
    int64_t peak_bytes;    /**< arc_peak_memory_bytes since the model was loaded */
    int runs;              /**< batch sizes */
    arc_bench_run *run;    /**< [runs], in the order of the options */
    void *memory;          /**< private */
} arc_bench;

/** Loads a model (path_or_name as for arc_model_load) and times it on noise, in the context's precision with the context's
 * threads. `opt` may be NULL. Resets arc_peak_memory_bytes.
 * Ownership: free with arc_bench_free. Thread: any, but figures are true only when nothing else runs.
 * Errors: EINVAL (options), those of arc_model_load, arc_net_new and arc_net_run, ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bench_model(arc_context *ctx, const char *path_or_name, const arc_bench_options *opt,
                                                 arc_bench **out, arc_error *err);

/** Frees the bench and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_bench_free(arc_context *ctx, arc_bench **bench);

/** The text that `arcface bench` prints, with a table of the steps behind each batch size that has them; json: a line for each
 * batch size and step. Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bench_describe(arc_context *ctx, const arc_bench *bench, bool json, char **text,
                                                    arc_error *err);

/** Throughput in the way of the model zoo's cards: two threads, an inference each in flight, one resident tensor of noise. */
typedef struct arc_bench_card {
    const char *precision; /**< "fp32", "bf16", "fp16"; "int8" for networks in 8 bits. Static storage */
    const char *isa;       /**< instruction set. Static storage */
    int64_t inferences;    /**< of one picture each, by both threads */
    double seconds;        /**< that they took */
    double fps;            /**< inferences a second */
    double latency_ms;     /**< mean time of one inference */
    char processor[96];    /**< arc_processor_name */
    char sha256[65];       /**< of the model's file, hexadecimal; "" for a new model */
} arc_bench_card;

/** Runs the network for `seconds` (at least once a thread) in the context's precision, each of two threads on a picture of its
 * own; size_px: side of the input of models of free size, 8 to 8192. It is what modelconverter's benchmark measures on a device.
 * Thread: any, but figures are true only when nothing else runs. Errors: EINVAL (a context of one thread, seconds, size_px),
 * those of arc_net_new and arc_net_run. */
ARC_API ARC_NODISCARD arc_status arc_bench_card_model(arc_context *ctx, const arc_model *model, double seconds, int size_px,
                                                      arc_bench_card *out, arc_error *err);

/** The line that `arcface bench --card` prints; json: one object on one line. model: its path. Ownership: free with
 * arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bench_card_describe(arc_context *ctx, const arc_bench_card *card, const char *model,
                                                         bool json, char **text, arc_error *err);

/** The way of a photo, in order. */
typedef enum arc_bench_stage {
    ARC_BENCH_DECODE, /**< from file to pixels */
    ARC_BENCH_DETECT, /**< looking for faces */
    ARC_BENCH_ALIGN,  /**< cutting out the largest */
    ARC_BENCH_EMBED,  /**< its embedding */
    ARC_BENCH_STAGES  /**< how many there are */
} arc_bench_stage;

/** How photographs are timed. */
typedef struct arc_bench_photos_options {
    size_t struct_size;        /**< set by arc_bench_photos_options_default */
    arc_detect_options detect; /**< how faces are looked for */
    /** Photos done, first "one after the other", then "together"; may be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_bench_photos_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_bench_photos_options_default(arc_bench_photos_options *opt);

/** Photographs to embeddings, timed. */
typedef struct arc_bench_photos {
    const char *isa;                        /**< instruction set; static */
    int threads;                            /**< of the context */
    int photos;                             /**< that could be read */
    int without_face;                       /**< of them */
    int unreadable;                         /**< that could not be read */
    int faces_found;                        /**< in all photos */
    double stage_seconds[ARC_BENCH_STAGES]; /**< one after the other: of each stage, all photos together */
    double p50_ms;                          /**< one after the other: median of a photo */
    double p99_ms;                          /**< one after the other: 99th percentile */
    int embedded;                           /**< together: faces */
    double together_seconds;                /**< together: all photos */
} arc_bench_photos;

/** Takes photos to embeddings: first one after the other, with a stopwatch at every stage, then all of them through a
 * pipeline, where decoding overlaps with the networks. Photos that cannot be read are named in the log and left out. photos:
 * [count] of any kind, searched as a whole, whatever landmarks or boxes they have; opt may be NULL.
 * Thread: any, but figures are true only when nothing else runs. Errors: those of arc_pipeline_new and arc_pipeline_run; EINVAL
 * (options, no photos), EFORMAT when no photo can be read, ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bench_pipeline(arc_context *ctx, const arc_model *detector, const arc_model *embedder,
                                                    const arc_photo *photos, int count, const arc_bench_photos_options *opt,
                                                    arc_bench_photos *out, arc_error *err);

/** The text that `arcface bench pipeline` prints; json: one line. Ownership: free with arc_text_free. Thread: any. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_bench_photos_describe(arc_context *ctx, const arc_bench_photos *bench, bool json,
                                                           char **text, arc_error *err);

/** Largest resident size of this process since it began or since arc_peak_memory_reset, in bytes; -1 where the system does not
 * tell. Thread: any. */
ARC_API int64_t arc_peak_memory_bytes(void);

/** Starts the count of arc_peak_memory_bytes anew, where the system can (Linux). Thread: any. */
ARC_API void arc_peak_memory_reset(void);

/** The maker's name of the processor, as the system tells it, NUL-terminated into name, [bytes]; "" where it does not (Linux
 * tells it on x86-64). Thread: any. */
ARC_API void arc_processor_name(char *name, size_t bytes);

/** The processor package's energy counter (RAPL) in joules; it wraps around. Negative where there is none that can be read.
 * Thread: any. */
ARC_API double arc_energy_joules(void);

#ifdef __cplusplus
}
#endif
#endif
