/* The context: allocator, worker threads, instruction set and log sink that everything else is opened in. */
#ifndef ARCFACE_CONTEXT_H
#define ARCFACE_CONTEXT_H

#include <arcface/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARC_VERSION_MAJOR 0
#define ARC_VERSION_MINOR 1
#define ARC_VERSION_PATCH 0

/* "0.1.0" of the library that is linked. Thread: any. */
ARC_API const char *arc_version(void);

/* Memory comes through this pair. `get` returns `bytes` bytes aligned to `align` (a power of two, at most 4096) or NULL;
 * `put` takes back what `get` gave, never NULL. Both are called from any thread. */
typedef struct arc_alloc {
    void *(*get)(void *ctx, size_t align, size_t bytes);
    void (*put)(void *ctx, void *p);
    void *ctx;
} arc_alloc;

/* What weights and activations of convolutions are multiplied in; sums, other layers and embeddings are fp32. bf16 takes effect where the
 * processor has fast bfloat16 (AVX-512 BF16); its embeddings have a cosine of about 0.9998 to fp32's. fp16 keeps weights in half precision and
 * multiplies in fp32: less memory to hold and, image by image, to read; cosine above 0.9999. */
typedef enum arc_precision { ARC_PRECISION_FP32, ARC_PRECISION_BF16, ARC_PRECISION_FP16 } arc_precision;

typedef enum arc_log_level { ARC_LOG_WARN, ARC_LOG_INFO, ARC_LOG_DEBUG } arc_log_level;

typedef struct arc_settings {
    size_t struct_size; /* set by arc_settings_default */
    int threads;        /* worker threads including the caller; 0 = one per online core; at most 256 */
    const char *isa; /* highest instruction set to use: "generic" "avx2" "avx512" "neon"; NULL = env ARCFACE_ISA, else the best */
    arc_alloc alloc; /* all NULL = the C library's */
    void (*log)(void *ctx, arc_log_level level, const char *text); /* NULL = silent. Called from the thread that caused it */
    void *log_ctx;
    arc_precision precision;
    bool low_memory; /* weights are kept once: algorithms that store more than the plain weights are not chosen */
    /* Measure the algorithms of each new plan for a second or two and keep the choice in cache_dir, where every later plan of the same network
     * and shape on this machine finds it, with or without tune. Without: the recorded choice, else a cost model's. */
    bool tune;
    const char *cache_dir; /* of measured plans; NULL = $ARCFACE_CACHE, else $XDG_CACHE_HOME/arcface, else ~/.cache/arcface */
} arc_settings;

typedef struct arc_context arc_context;

/* Fills every field with its default. */
ARC_API void arc_settings_default(arc_settings *settings);

/* Opens a context. `settings` may be NULL for defaults. On failure *out is NULL.
 * Errors: ENOMEM; EINVAL for an unknown isa or thread count. Ownership: close with arc_context_close. */
ARC_API ARC_NODISCARD arc_status arc_context_open(arc_context **out, const arc_settings *settings, arc_error *err);

/* Closes the context and nulls the pointer; NULL-safe. Everything opened in it must be freed before. */
ARC_API void arc_context_close(arc_context **ctx);

/* The instruction set in use ("avx512", ...) and the number of threads. */
ARC_API const char *arc_context_isa(const arc_context *ctx);
ARC_API int arc_context_threads(const arc_context *ctx);
/* What takes effect on this machine: the precision asked for, or fp32 where the other is not fast. Thread: any. */
ARC_API arc_precision arc_context_precision(const arc_context *ctx);

/* Frees a text that a call gave to its caller and nulls the pointer; NULL-safe. */
ARC_API void arc_text_free(arc_context *ctx, char **text);

#ifdef __cplusplus
}
#endif
#endif
