/* audit: an audit from files. Pictures are read and decoded by all threads, one block at a time, and embedded together. */
#include "base/hash.h"
#include "data/set.h"
#include "eval/audit/audit_internal.h"
#include <math.h>
#include <string.h>

#define BLOCK 64 /* pictures that are decoded, then embedded */

/* What is stored of one set while it is audited. */
typedef struct set_memory {
    const arc_alloc *alloc;
    float *embedding, *sharpness;
    int64_t *identity;
    uint64_t *content;
} set_memory;

typedef struct block {
    arc_context *ctx;
    const arc_data_set *set;
    set_memory *memory;
    int64_t first;
    int width_px, height_px;
    arc_image crop[BLOCK]; /* data NULL: unreadable */
    bool label_failed[BLOCK];
} block;

/* Variance of the 4-neighbour Laplacian of the luma: the usual measure of focus. */
static float sharpness_of(const arc_image *image) {
    double sum = 0, square = 0;
    int64_t count = 0;
    for (int y = 1; y + 1 < image->height_px; y++)
        for (int x = 1; x + 1 < image->width_px; x++) {
            const uint8_t *p = image->data + (ptrdiff_t)y * image->stride_bytes + (ptrdiff_t)x * 3;
            double laplacian = 0;
            static const double luma[3] = {0.299, 0.587, 0.114};
            for (int c = 0; c < 3; c++)
                laplacian +=
                    luma[c] * (p[c - 3] + p[c + 3] + p[c - image->stride_bytes] + p[c + image->stride_bytes] - 4.0 * p[c]);
            sum += laplacian;
            square += laplacian * laplacian;
            count++;
        }
    return count ? (float)(square / (double)count - sum / (double)count * (sum / (double)count)) : 0;
}

/* Scales a picture of another size to the network's: folders hold crops of every size. */
static void fit(block *b, arc_image *image) {
    if (image->width_px == b->width_px && image->height_px == b->height_px)
        return;
    arc_image scaled;
    if (arc_image_new(b->ctx, b->width_px, b->height_px, &scaled, NULL) == ARC_OK)
        arc_draw_image(&scaled, 0, 0, b->width_px, b->height_px, image);
    arc_image_free(b->ctx, image);
    *image = scaled;
}

static void decode(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    block *b = arg;
    arc_image_options strict; /* a part of a picture would be judged like a wrong label: it counts as unreadable */
    arc_image_options_default(&strict);
    strict.strict = 1;
    for (size_t i = begin; i < end; i++) {
        size_t at = (size_t)b->first + i;
        arc_data_item item;
        char name[256];
        b->crop[i] = (arc_image){0};
        b->label_failed[i] = arc_data_set_label(b->set, (int64_t)at, &b->memory->identity[at], NULL) != ARC_OK;
        if (b->label_failed[i] || arc_data_set_read(b->set, (int64_t)at, &item, NULL) != ARC_OK)
            continue;
        arc_data_set_key(b->set, (int64_t)at, name, sizeof name);
        b->memory->content[at] = arc_hash_bytes(ARC_HASH_START, item.bytes, item.count);
        if (arc_image_decode(b->ctx, item.bytes, item.count, name, &strict, &b->crop[i], NULL, NULL) == ARC_OK) {
            b->memory->sharpness[at] = sharpness_of(&b->crop[i]);
            fit(b, &b->crop[i]);
        }
        arc_data_item_release(&item);
    }
}

/* Embeds the readable pictures; the rows of the others stay zero. */
static arc_status embed_block(block *b, arc_embedder *embedder, int count, bool flip, float *row, int dim, arc_error *err) {
    arc_image crop[BLOCK];
    int of[BLOCK], crops = 0;
    for (int i = 0; i < count; i++)
        if (b->crop[i].data) {
            crop[crops] = b->crop[i];
            of[crops++] = i;
        }
    arc_status st = crops ? arc_embed_crops(embedder, crop, crops, flip, row, err) : ARC_OK;
    for (int k = 0; st == ARC_OK && k < crops; k++)
        memcpy(b->memory->embedding + ((size_t)b->first + (size_t)of[k]) * (size_t)dim, row + (size_t)k * (size_t)dim,
               (size_t)dim * sizeof *row);
    for (int i = 0; i < count; i++)
        arc_image_free(b->ctx, &b->crop[i]);
    return st;
}

static arc_status embed_set(arc_context *ctx, arc_embedder *embedder, const arc_contract *contract, const arc_data_set *set,
                            const arc_audit_options *opt, const char *stage, set_memory *memory, arc_error *err) {
    int dim = arc_embedder_dim(embedder);
    int64_t samples = arc_data_set_samples(set);
    float *row = arc_mem_raw(&ctx->alloc, (size_t)BLOCK * (size_t)dim, sizeof *row);
    block *b = arc_mem_new(&ctx->alloc, 1, sizeof *b);
    arc_status st = row && b ? ARC_OK : arc_fail_nomem(err, "audit");
    if (st == ARC_OK) {
        *b = (block){.ctx = ctx, .set = set, .memory = memory};
        arc_template_get(contract->align, &b->width_px, &b->height_px, (float[5][2]){{0}});
    }
    for (; st == ARC_OK && b->first < samples; b->first += BLOCK) {
        int count = (int)ARC_MIN((int64_t)BLOCK, samples - b->first);
        arc_pool_run(ctx->pool, (size_t)count, 1, decode, b);
        st = embed_block(b, embedder, count, opt->flip, row, dim, err);
        for (int i = 0; st == ARC_OK && i < count; i++)
            if (b->label_failed[i]) {
                char key[256];
                arc_data_set_key(set, b->first + i, key, sizeof key);
                st = arc_fail(err, ARC_ECORRUPT,
                              "%s: record %s has no readable label; 'arcface data verify' shows what is damaged",
                              arc_data_set_path(set), key);
            }
        if (st == ARC_OK && opt->progress && opt->progress(opt->progress_ctx, stage, b->first + count, samples) != 0)
            st = arc_fail(err, ARC_ECANCEL, "stopped");
    }
    arc_mem_free(&ctx->alloc, row);
    arc_mem_free(&ctx->alloc, b);
    return st;
}

static void set_memory_free(set_memory *m) {
    if (!m->alloc)
        return;
    arc_mem_free(m->alloc, m->embedding);
    arc_mem_free(m->alloc, m->sharpness);
    arc_mem_free(m->alloc, m->identity);
    arc_mem_free(m->alloc, m->content);
}

static arc_status open_set(arc_context *ctx, arc_embedder *embedder, const arc_model *model, const char *path,
                           const arc_audit_options *opt, const char *stage, arc_data_set **set, set_memory *m, arc_audit_set *out,
                           arc_error *err) {
    arc_status st = arc_data_set_open(set, ctx, path, err);
    if (st != ARC_OK)
        return st;
    size_t samples = (size_t)arc_data_set_samples(*set), dim = (size_t)arc_embedder_dim(embedder);
    m->alloc = &ctx->alloc;
    m->embedding = arc_mem_new(m->alloc, samples, dim * sizeof(float));
    m->sharpness = arc_mem_new(m->alloc, samples, sizeof(float));
    m->identity = arc_mem_new(m->alloc, samples, sizeof(int64_t));
    m->content = arc_mem_new(m->alloc, samples, sizeof(uint64_t));
    if (!m->embedding || !m->sharpness || !m->identity || !m->content)
        return arc_fail(err, ARC_ENOMEM, "%s: %zu pictures need %zu MiB; audit a part of them ('arcface data split')", path,
                        samples, samples * (dim * 4 + 24) >> 20);
    st = embed_set(ctx, embedder, arc_model_contract(model), *set, opt, stage, m, err);
    *out = (arc_audit_set){m->embedding, m->identity, m->content, m->sharpness, (int64_t)samples, arc_data_set_identities(*set)};
    return st;
}

/* The name or key of a sample, for people; NULL if memory is short. */
static const char *key_of(arc_arena *arena, const arc_data_set *set, int64_t sample) {
    char key[4096] = "";
    if (sample >= 0)
        arc_data_set_key(set, sample, key, sizeof key);
    return arc_arena_strdup(arena, key);
}

static arc_status name_findings(arc_audit *audit, const arc_alloc *a, const arc_data_set *set, const arc_data_set *other,
                                arc_error *err) {
    arc_arena *arena = audit->memory = arc_mem_new(a, 1, sizeof *arena);
    if (!arena)
        return arc_fail_nomem(err, "audit");
    arc_arena_init(arena, a, 0);
    bool ok = true;
    for (int64_t i = 0; ok && i < audit->suspects; i++)
        ok = (audit->suspect[i].key = key_of(arena, set, audit->suspect[i].sample)) != NULL;
    for (int64_t i = 0; ok && i < audit->duplicates; i++)
        for (int k = 0; ok && k < 2; k++)
            ok = (audit->duplicate[i].key[k] = key_of(arena, set, audit->duplicate[i].sample[k])) != NULL;
    for (int64_t i = 0; ok && i < audit->shareds; i++)
        for (int k = 0; ok && k < 2; k++)
            ok = (audit->shared[i].key[k] = key_of(arena, k && other ? other : set, audit->shared[i].sample[k])) != NULL;
    return ok ? ARC_OK : arc_fail_nomem(err, "audit");
}

arc_status arc_audit_run(arc_context *ctx, const arc_model *model, const char *path, const char *other_path,
                         const arc_audit_options *opt, arc_audit **out, arc_error *err) {
    arc_audit_options defaults;
    arc_audit_options_default(&defaults);
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_audit_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    opt = opt ? opt : &defaults;
    arc_embedder *embedder = NULL;
    arc_data_set *set = NULL, *other = NULL;
    set_memory memory = {0}, other_memory = {0};
    arc_audit_set first, second;
    arc_status st = arc_embedder_new(ctx, model, &embedder, err);
    if (st != ARC_OK)
        return st;
    ARC_TRY(open_set(ctx, embedder, model, path, opt, "embedding", &set, &memory, &first, err));
    if (other_path)
        ARC_TRY(open_set(ctx, embedder, model, other_path, opt, "embedding the other set", &other, &other_memory, &second, err));
    ARC_TRY(arc_audit_embeddings(ctx, &first, other_path ? &second : NULL, arc_embedder_dim(embedder), opt, out, err));
    ARC_TRY(name_findings(*out, &ctx->alloc, set, other, err));
done:
    if (st != ARC_OK)
        arc_audit_free(ctx, out);
    set_memory_free(&memory);
    set_memory_free(&other_memory);
    arc_data_set_close(&set);
    arc_data_set_close(&other);
    arc_embedder_free(&embedder);
    return st;
}
