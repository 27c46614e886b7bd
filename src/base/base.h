/* base: status and error, the allocator door and arena, the file door, threads, random numbers, log and progress.
 * Knows nothing of nets or faces; every other room may include it. */
#ifndef ARC_BASE_H
#define ARC_BASE_H

#include <arcface/context.h>
#include <arcface/status.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define ARC_MIN(a, b) ((a) < (b) ? (a) : (b))
#define ARC_MAX(a, b) ((a) > (b) ? (a) : (b))
#define ARC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every status-returning call inside a function that has a `done:` label. */
#define ARC_TRY(expr)                                                                                                            \
    do {                                                                                                                         \
        st = (expr);                                                                                                             \
        if (st != ARC_OK)                                                                                                        \
            goto done;                                                                                                           \
    } while (0)

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/* Writes the sentence (truncated to fit) and returns `code`, so that `return arc_fail(...)` reads well. err may be NULL. */
arc_status arc_fail(arc_error *err, arc_status code, const char *fmt, ...) ARC_PRINTF(3, 4);
arc_status arc_fail_nomem(arc_error *err, const char *what);
/* Prefixes an existing error text with "prefix: ", for callers that know the file name. Returns err's code or `code`. */
arc_status arc_fail_in(arc_error *err, arc_status code, const char *prefix);

/* Every public function that takes a struct with a struct_size begins with this check: ARC_OK for NULL (the caller asks for defaults) and for a struct
 * that `name`_default of this version filled, else EINVAL. struct_size is the first field of all of them. */
#define ARC_CHECK_OPTIONS(type, options, err) arc_options_check(options, sizeof(type), #type, err)
arc_status arc_options_check(const void *options, size_t bytes, const char *name, arc_error *err);

/* ---- mem.c: the one overflow-checked door to memory ----------------------------------------------------------- */

#define ARC_ALIGN 64 /* cache line and AVX-512 register; every arc_mem block starts on it */

extern const arc_alloc arc_alloc_libc;
/* n*size zeroed bytes, NULL on overflow or exhaustion. n*size == 0 gives a valid 1-byte block. */
void *arc_mem_new(const arc_alloc *a, size_t n, size_t size);
/* The same, not zeroed. */
void *arc_mem_raw(const arc_alloc *a, size_t n, size_t size);
/* New block with the first min(old_n,new_n)*size bytes copied, the old one freed; NULL leaves the old one as it was. */
void *arc_mem_grow(const arc_alloc *a, void *old, size_t old_n, size_t new_n, size_t size);
char *arc_mem_strdup(const arc_alloc *a, const char *text);
void arc_mem_free(const arc_alloc *a, void *p);     /* NULL-safe */
bool arc_mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
bool arc_add_size(size_t a, size_t b, size_t *out);

/* Bump allocator: many small blocks with one lifetime (a graph, a parsed file). Zeroed blocks, freed together. */
typedef struct arc_arena {
    const arc_alloc *alloc;
    struct arc_arena_chunk *chunk;
    size_t used_bytes;  /* handed out in all */
    size_t limit_bytes; /* 0 = none; allocation beyond it fails: hostile files can't exhaust the machine */
} arc_arena;
void arc_arena_init(arc_arena *arena, const arc_alloc *a, size_t limit_bytes);
void *arc_arena_new(arc_arena *arena, size_t n, size_t size); /* NULL on failure */
char *arc_arena_strdup(arc_arena *arena, const char *text);
char *arc_arena_strndup(arc_arena *arena, const char *text, size_t bytes);
char *arc_arena_printf(arc_arena *arena, const char *fmt, ...) ARC_PRINTF(2, 3);
void arc_arena_free(arc_arena *arena); /* NULL-safe, idempotent */

/* Growable byte buffer with a mandatory maximum. */
typedef struct arc_buffer {
    const arc_alloc *alloc;
    uint8_t *data;
    size_t bytes, capacity_bytes, max_bytes;
} arc_buffer;
void arc_buffer_init(arc_buffer *b, const arc_alloc *a, size_t max_bytes);
arc_status arc_buffer_put(arc_buffer *b, const void *data, size_t bytes); /* ENOMEM or ELIMIT */
arc_status arc_buffer_printf(arc_buffer *b, const char *fmt, ...) ARC_PRINTF(2, 3);
void arc_buffer_free(arc_buffer *b);

/* ---- recycler.c: an allocator in front of another that keeps two large blocks for the next requests; one thread at a time -------- */

typedef struct arc_recycled {
    void *data;
    size_t bytes, align;
    bool used;
} arc_recycled;
typedef struct arc_recycler {
    const arc_alloc *inner;
    arc_alloc alloc; /* what its users are given */
    arc_recycled block[2];
} arc_recycler;
void arc_recycler_init(arc_recycler *r, const arc_alloc *inner); /* r must not move afterwards */
void arc_recycler_free(arc_recycler *r);                         /* every block was put back before; idempotent */

/* ---- io.c: the one door to files ------------------------------------------------------------------------------ */

/* A whole file, mapped read-only. data is never NULL after success (an empty file gives bytes == 0). */
typedef struct arc_map {
    const uint8_t *data;
    size_t bytes;
    bool mapped;
} arc_map;
arc_status arc_map_open(arc_map *out, const char *path, size_t max_bytes, arc_error *err);
void arc_map_close(arc_map *map); /* idempotent */
/* Tells the kernel that these mapped pages are not needed now: keeps peak RSS at one copy of the weights. */
void arc_map_drop(const arc_map *map, const void *from, size_t bytes);

/* Atomic writer: a temporary name beside `path`, synced and renamed by commit; abort leaves no trace.
 * path "-" is standard output (no rename). */
typedef struct arc_writer arc_writer;
arc_status arc_writer_open(arc_writer **out, const arc_alloc *a, const char *path, arc_error *err);
/* The same into memory: what is put goes into `out`, whose maximum it keeps; commit and abort only free the writer. */
arc_status arc_writer_open_memory(arc_writer **out, const arc_alloc *a, arc_buffer *buffer, arc_error *err);
arc_status arc_writer_put(arc_writer *w, const void *data, size_t bytes, arc_error *err);
arc_status arc_writer_printf(arc_writer *w, arc_error *err, const char *fmt, ...) ARC_PRINTF(3, 4);
/* Leaves out waiting for the disk at commit: for thousands of small files that can be made again. Still all there or not there. */
void arc_writer_unsynced(arc_writer *w);
arc_status arc_writer_commit(arc_writer **w, arc_error *err); /* nulls *w; on failure nothing stands under the final name */
void arc_writer_abort(arc_writer **w);                        /* NULL-safe */

/* Sorted names of a folder's entries (without . and ..). */
typedef struct arc_names {
    char **name;
    size_t count;
    arc_arena arena;
} arc_names;
arc_status arc_dir_list(arc_names *out, const arc_alloc *a, const char *path, size_t max_count, arc_error *err);
void arc_names_free(arc_names *names);
typedef enum arc_path_kind { ARC_PATH_NONE, ARC_PATH_FILE, ARC_PATH_DIR, ARC_PATH_OTHER } arc_path_kind;
arc_path_kind arc_path_kind_of(const char *path);
arc_status arc_dir_make(const char *path, arc_error *err); /* with parents; no error when it is there */
uint64_t arc_clock_ns(void);                               /* monotonic */

/* ---- meter.c: what the kernel tells ---------------------------------------------------------------------------- */

/* The folder of the running program, so that what lies beside it is found wherever it was put; "" when unknown. */
void arc_program_folder(char *path, size_t bytes);

/* ---- cache_dir.c ---------------------------------------------------------------------------------------------- */

/* The folder of what can be fetched or measured again; cache_dir NULL or "" = by the environment. */
arc_status arc_cache_root(const char *cache_dir, char *path, size_t path_bytes, arc_error *err);

/* ---- part_file.c: a file that grows over several attempts, for downloads --------------------------------------- */

/* Opens or makes `path` for appending, locked; *have_bytes = what is there already. The file stays after close. */
typedef struct arc_part arc_part;
arc_status arc_part_open(arc_part **out, const arc_alloc *a, const char *path, int64_t *have_bytes, arc_error *err);
arc_status arc_part_put(arc_part *part, const void *data, size_t bytes, arc_error *err);
arc_status arc_part_restart(arc_part *part, arc_error *err); /* empties it */
arc_status arc_part_close(arc_part **part, arc_error *err);  /* synced; nulls *part, NULL-safe */
arc_status arc_path_rename(const char *from, const char *to, arc_error *err);
arc_status arc_path_remove(const char *path, arc_error *err); /* no error when it is not there */

/* ---- pool.c: worker threads ----------------------------------------------------------------------------------- */

typedef struct arc_pool arc_pool;
/* fn handles tiles [begin,end) on thread index `thread` (0 = caller). Tiles are *outputs*: a reduction is never split,
 * so that results do not depend on the number of threads. */
typedef void arc_pool_fn(void *arg, size_t begin, size_t end, int thread);
arc_status arc_pool_new(arc_pool **out, const arc_alloc *a, int threads, arc_error *err);
void arc_pool_free(arc_pool **pool);
int arc_pool_threads(const arc_pool *pool); /* NULL pool = 1 */
/* Runs fn over all tiles and returns when all are done. A NULL pool runs on the caller. Not re-entrant from a tile. One caller
 * at a time (an internal mutex serialises callers). `grain` = tiles taken at once (0 = count/threads, one static share each). */
void arc_pool_run(arc_pool *pool, size_t count, size_t grain, arc_pool_fn *fn, void *arg);

/* ---- number.c: decimal text in the C locale, whatever the program's own is ------------------------------------- */

double arc_number_read(const char *text, const char **end);   /* as strtod; *end == text when there is no number */
int arc_number_write(char *text, size_t bytes, double value); /* 9 significant digits: a float exactly. As snprintf. */

/* ---- rng.c: counter-based, the same numbers on every machine -------------------------------------------------- */

typedef struct arc_rng {
    uint64_t key, counter;
} arc_rng;
void arc_rng_seed(arc_rng *r, uint64_t seed, uint64_t stream);
uint32_t arc_rng_u32(arc_rng *r);
float arc_rng_uniform(arc_rng *r); /* [0,1) with 24 bits */
float arc_rng_normal(arc_rng *r);  /* N(0,1), Box-Muller in double */
uint64_t arc_rng_hash(uint64_t key, uint64_t counter);

/* ---- log.c ---------------------------------------------------------------------------------------------------- */

void arc_log(const arc_context *ctx, arc_log_level level, const char *fmt, ...) ARC_PRINTF(3, 4);

/* The context's inside: base owns it; kernel's table is opaque here. */
struct arc_context {
    arc_alloc alloc;
    arc_pool *pool;
    const struct arc_kernels *kernels;
    const char *isa;
    void (*log)(void *ctx, arc_log_level level, const char *text);
    void *log_ctx;
    bool low_memory;
    arc_precision precision;
    bool tune;
    char *cache_dir; /* NULL = by the environment */
};

#endif
