/** @file
 * The context: allocator, worker threads, instruction set and log that everything else is opened in.
 */
#ifndef ARCFACE_CONTEXT_H
#define ARCFACE_CONTEXT_H

#include <arcface/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of these headers: incompatible changes. */
#define ARC_VERSION_MAJOR 0
/** Version of these headers: additions. */
#define ARC_VERSION_MINOR 1
/** Version of these headers: corrections. */
#define ARC_VERSION_PATCH 0

/** The version of the library that is linked, "0.1.0". Static storage. Thread: any. */
ARC_API const char *arc_version(void);

/** Where all memory of a context comes from. Both functions are called from any thread, several at a time. */
typedef struct arc_alloc {
    /** Gives `bytes` bytes at a multiple of `align` (a power of two up to 4096), or NULL */
    void *(*get)(void *ctx, size_t align, size_t bytes);
    void (*put)(void *ctx, void *p); /**< takes back what `get` gave; p is never NULL */
    void *ctx;                       /**< passed to both */
} arc_alloc;

/** What the weights and activations of convolutions are stored and multiplied in. Sums, other layers and embeddings are always
 * float32. */
typedef enum arc_precision {
    ARC_PRECISION_FP32, /**< float32 throughout */
    /** bfloat16, where the processor multiplies it fast (AVX-512 BF16), else float32. Embeddings have a cosine of about 0.9998 to
     * float32's. */
    ARC_PRECISION_BF16,
    /** Weights are kept in half precision and multiplied in float32: less memory to hold and, image by image, to read. Embeddings
     * have a cosine above 0.9999 to float32's. */
    ARC_PRECISION_FP16
} arc_precision;

/** How important a line of the log is. */
typedef enum arc_log_level {
    ARC_LOG_WARN, /**< something that the user should know */
    ARC_LOG_INFO, /**< what is being done */
    ARC_LOG_DEBUG /**< details for whoever works on the library */
} arc_log_level;

/** How a context is opened. */
typedef struct arc_settings {
    size_t struct_size; /**< set by arc_settings_default */
    /** Threads that work, the caller's included; 0 = one for each online core; at most 256 */
    int threads;
    /** Highest instruction set to use: "generic", "avx2", "avx512" or "neon"; NULL = the environment's ARCFACE_ISA, else the best
     * of this machine. */
    const char *isa;
    arc_alloc alloc; /**< allocator; get and put NULL = the C library's */
    /** Gets every line of the log, from the thread that caused it, several at a time; NULL = nothing is logged. */
    void (*log)(void *ctx, arc_log_level level, const char *text);
    void *log_ctx;           /**< passed to log */
    arc_precision precision; /**< of convolutions; default ARC_PRECISION_FP32 */
    /** Keep each weight once: algorithms that store more than the plain weights are not chosen; default false */
    bool low_memory;
    /** Measure the algorithms of each new plan for a second or two and keep the choice in cache_dir, where every later plan of
     * the same network and shape on this machine finds it, with or without `tune`. Default false: the kept choice, else that of a
     * cost model. */
    bool tune;
    /** Folder of measured plans; NULL = $ARCFACE_CACHE, else $XDG_CACHE_HOME/arcface, else ~/.cache/arcface. */
    const char *cache_dir;
} arc_settings;

/** What everything else is opened in. Any number of threads may use one context; their parallel loops take turns on its worker
 * threads. */
typedef struct arc_context arc_context;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_settings_default(arc_settings *settings);

/** Opens a context and starts its worker threads. `settings` may be NULL for the defaults; its texts are copied.
 * Ownership: close with arc_context_close. Thread: any.
 * Errors: EINVAL for an unknown instruction set or precision, a number of threads out of range or half an allocator; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_context_open(arc_context **out, const arc_settings *settings, arc_error *err);

/** Closes the context and nulls the pointer; NULL is allowed. Everything opened in it must have been freed. Thread: any, as its
 * last user. */
ARC_API void arc_context_close(arc_context **ctx);

/** The instruction set in use: "generic", "avx2", "avx512" or "neon". Static storage. Thread: any. */
ARC_API const char *arc_context_isa(const arc_context *ctx);

/** The number of threads that work, the caller's included. Thread: any. */
ARC_API int arc_context_threads(const arc_context *ctx);

/** The precision that takes effect on this machine: the one asked for, or float32 where the other is not fast. Thread: any. */
ARC_API arc_precision arc_context_precision(const arc_context *ctx);

/** "fp32", "bf16" or "fp16"; "?" for anything else. Static storage. Thread: any. */
ARC_API const char *arc_precision_name(arc_precision precision);

/** Frees a text that a call gave to its caller and nulls the pointer; NULL is allowed. Thread: any. */
ARC_API void arc_text_free(arc_context *ctx, char **text);

#ifdef __cplusplus
}
#endif
#endif
