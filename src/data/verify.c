/* data: verifies a data set: every picture is read, decoded and compared with its checksum; for RecordIO also the index and
 * the identity records. */
#include "base/base.h"
#include "data/sums.h"
#include "format/record/recordio.h"
#include <arcface/data.h>
#include <arcface/image.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 512
#define KEY_BYTES 512
#define MAX_REC_BYTES ((size_t)1 << 46)

typedef enum fault { GOOD, UNREADABLE, BAD_LABEL, UNDECODABLE, CHANGED, UNLISTED, NO_MEMORY } fault;

typedef struct checker {
    arc_context *ctx;
    const arc_data_set *set;
    const arc_data_verify_options *opt;
    const arc_data_sums *sums;
    arc_data_verdict *verdict;
    int64_t first; /* sample of this batch */
    fault fault[BATCH];
    arc_error why[BATCH];
    uint8_t sum[BATCH][ARC_SUM_BYTES];
    size_t bytes[BATCH];
} checker;

void arc_data_verify_options_default(arc_data_verify_options *opt) {
    *opt = (arc_data_verify_options){.struct_size = sizeof *opt, .decode = true};
}

static void tell(const arc_data_verify_options *o, arc_data_verdict *v, const char *fmt, ...) ARC_PRINTF(3, 4);
static void tell(const arc_data_verify_options *o, arc_data_verdict *v, const char *fmt, ...) {
    char text[ARC_ERROR_TEXT_BYTES];
    va_list args;
    v->problems++;
    if (!o->problem)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    o->problem(o->problem_ctx, text);
}

static fault check_picture(checker *c, int64_t sample, const arc_data_item *item, arc_error *why) {
    char key[KEY_BYTES];
    arc_image image;
    arc_data_set_key(c->set, sample, key, sizeof key);
    const int same = c->sums ? arc_data_sums_compare(c->sums, key, item->bytes, item->count) : 1;
    if (same == 0)
        return CHANGED;
    if (c->opt->decode) {
        arc_image_options strict;
        arc_image_options_default(&strict);
        strict.strict = 1;
        const arc_status st = arc_image_decode(c->ctx, item->bytes, item->count, "picture", &strict, &image, NULL, why);
        arc_image_free(c->ctx, &image);
        if (st != ARC_OK)
            return st == ARC_ENOMEM ? NO_MEMORY : UNDECODABLE;
    }
    return same < 0 ? UNLISTED : GOOD;
}

static void check_some(void *arg, size_t begin, size_t end, int thread) {
    checker *c = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const int64_t sample = c->first + (int64_t)i;
        arc_data_item item;
        int64_t label;
        const arc_status st = arc_data_set_read(c->set, sample, &item, &c->why[i]);
        c->bytes[i] = item.count;
        if (st == ARC_OK) {
            c->fault[i] = check_picture(c, sample, &item, &c->why[i]);
            if (c->opt->write_sums)
                arc_data_sum(item.bytes, item.count, c->sum[i]);
        } else if (st == ARC_ENOMEM) {
            c->fault[i] = NO_MEMORY;
        } else {
            /* if the label is wrong the sentence says so; a missing or unreadable record has another one */
            c->fault[i] = arc_data_set_label(c->set, sample, &label, NULL) != ARC_OK && strstr(c->why[i].text, "label ")
                              ? BAD_LABEL
                              : UNREADABLE;
        }
        arc_data_item_release(&item);
    }
}

static arc_status count_some(checker *c, size_t count, arc_writer *sums, arc_error *err) {
    arc_data_verdict *v = c->verdict;
    arc_status st = ARC_OK;
    for (size_t i = 0; st == ARC_OK && i < count; i++) {
        char key[KEY_BYTES], hex[2 * ARC_SUM_BYTES + 1];
        arc_data_set_key(c->set, c->first + (int64_t)i, key, sizeof key);
        v->good += c->fault[i] == GOOD;
        switch (c->fault[i]) {
        case GOOD:
            break;
        case UNREADABLE:
            v->unreadable++;
            tell(c->opt, v, "%s", c->why[i].text);
            break;
        case BAD_LABEL:
            v->bad_labels++;
            tell(c->opt, v, "%s", c->why[i].text);
            break;
        case UNDECODABLE:
            v->undecodable++;
            tell(c->opt, v, "%s: %s", key, c->why[i].text);
            break;
        case CHANGED:
            v->changed++;
            tell(c->opt, v, "%s: is not what its checksum says", key);
            break;
        case UNLISTED:
            v->unlisted++;
            tell(c->opt, v, "%s: has no checksum", key);
            break;
        case NO_MEMORY:
            return arc_fail_nomem(err, "checking pictures");
        }
        if (sums && c->fault[i] != UNREADABLE && c->fault[i] != BAD_LABEL) {
            for (size_t k = 0; k < ARC_SUM_BYTES; k++)
                snprintf(hex + 2 * k, 3, "%02x", c->sum[i][k]);
            st = arc_writer_printf(sums, err, "%s %zu %s\n", hex, c->bytes[i], key);
        }
    }
    return st;
}

static arc_status check_pictures(checker *c, arc_writer *sums, arc_error *err) {
    arc_status st = ARC_OK;
    const int64_t total = c->verdict->pictures;
    while (st == ARC_OK && c->first < total) {
        const size_t count = (size_t)ARC_MIN(total - c->first, (int64_t)BATCH);
        arc_pool_run(c->ctx->pool, count, 8, check_some, c);
        st = count_some(c, count, sums, err);
        c->first += (int64_t)count;
        if (st == ARC_OK && c->opt->progress && c->opt->progress(c->opt->progress_ctx, c->first, total) != 0)
            st = arc_fail(err, ARC_ECANCEL, "checking was stopped");
    }
    return st;
}

/* ---- the records and their index ---- */

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* All pictures of an identity record must have that identity's number. Above 2^24 (float32) the ranges are inexact and not
 * checked. */
static void check_identity(const checker *c, const arc_image_record *record, int64_t identity) {
    const float low = arc_image_record_label(record, 0), high = arc_image_record_label(record, 1);
    int64_t first, last;
    if (high > (float)ARC_RECORD_FLOAT_EXACT)
        return;
    if (!(low >= 1 && high > low && high <= (float)(c->verdict->pictures + 1))) {
        c->verdict->bad_identities++;
        tell(c->opt, c->verdict, "identity record %" PRId64 " claims the pictures %g to %g", identity, (double)low,
             (double)high - 1);
    } else if (arc_data_set_label(c->set, (int64_t)low - 1, &first, NULL) == ARC_OK &&
               arc_data_set_label(c->set, (int64_t)high - 2, &last, NULL) == ARC_OK && first != last) {
        c->verdict->bad_identities++;
        tell(c->opt, c->verdict,
             "identity record %" PRId64 " holds the pictures %g to %g, whose labels are %" PRId64 " and %" PRId64, identity,
             (double)low, (double)high - 1, first, last);
    }
}

/* Every record of the file must be in the index. */
static arc_status check_records(checker *c, arc_error *err) {
    const char *path = arc_data_set_path(c->set);
    const bool identities = strcmp(arc_data_set_notes(c->set)->layout, "identities") == 0;
    arc_map map = {0};
    arc_record_index found = {0}, written = {0};
    arc_record_scan scan = {0};
    arc_buffer joined;
    char idx[4096];
    arc_status st;
    int64_t identity = 0;
    arc_buffer_init(&joined, &c->ctx->alloc, ARC_RECORD_MAX_BYTES);
    snprintf(idx, sizeof idx, "%.*s.idx", (int)(strlen(path) - 4), path);
    ARC_TRY(arc_map_open(&map, path, MAX_REC_BYTES, err));
    ARC_TRY(arc_record_index_scan(&found, &c->ctx->alloc, map.data, map.bytes, path, &scan, err));
    c->verdict->damaged = (int64_t)scan.damaged;
    c->verdict->problems += (int64_t)scan.damaged;
    if (scan.damaged && c->opt->problem)
        c->opt->problem(c->opt->problem_ctx, "the file is damaged between its records");
    if (!arc_data_set_notes(c->set)->scanned) {
        ARC_TRY(arc_record_index_open(&written, &c->ctx->alloc, idx, err));
        qsort(written.offset, written.count, sizeof *written.offset, by_value);
    }
    for (size_t i = 0; i < found.count; i++) {
        arc_record record;
        arc_image_record image;
        if (written.count && !bsearch(&found.offset[i], written.offset, written.count, sizeof *written.offset, by_value)) {
            c->verdict->unindexed++;
            tell(c->opt, c->verdict, "the record at offset %" PRIu64 " is not in the index", found.offset[i]);
        }
        if (identities && arc_record_read(&record, map.data, map.bytes, found.offset[i], &joined, path, NULL) == ARC_OK &&
            arc_image_record_parse(&image, record.data, record.bytes, NULL) == ARC_OK && image.labels == 2 &&
            image.image_bytes == 0 && i + 1 < found.count)
            check_identity(c, &image, identity++);
    }
done:
    arc_buffer_free(&joined);
    arc_record_index_free(&written);
    arc_record_index_free(&found);
    arc_map_close(&map);
    return st;
}

static arc_status run(checker *c, const char *sums_path, arc_error *err) {
    arc_writer *out = NULL;
    arc_status st;
    const arc_data_notes *notes = arc_data_set_notes(c->set);
    c->verdict->duplicate_keys = (int64_t)notes->duplicates;
    c->verdict->problems += c->verdict->duplicate_keys;
    if (notes->duplicates && c->opt->problem)
        c->opt->problem(c->opt->problem_ctx, "keys stand in the index more than once");
    if (strcmp(notes->kind, "recordio") == 0)
        ARC_TRY(check_records(c, err));
    if (c->opt->write_sums) {
        ARC_TRY(arc_writer_open(&out, &c->ctx->alloc, sums_path, err));
        ARC_TRY(arc_writer_printf(out, err, "arcface sums 1\n"));
    }
    ARC_TRY(check_pictures(c, out, err));
    if (out)
        st = arc_writer_commit(&out, err);
done:
    arc_writer_abort(&out);
    return st;
}

arc_status arc_data_verify(arc_context *ctx, const char *path, const arc_data_verify_options *opt, arc_data_verdict *out,
                           arc_error *err) {
    arc_data_verify_options o;
    arc_data_set *set = NULL;
    arc_data_sums *sums = NULL;
    char sums_path[4096];
    arc_status st;
    *out = (arc_data_verdict){0};
    arc_data_verify_options_default(&o);
    if (ARC_CHECK_OPTIONS(arc_data_verify_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    o = opt ? *opt : o;
    checker *c = arc_mem_new(&ctx->alloc, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(err, path);
    ARC_TRY(arc_data_set_open(&set, ctx, path, err));
    snprintf(sums_path, sizeof sums_path, "%s.sums", arc_data_set_path(set));
    if (!o.write_sums && arc_path_kind_of(sums_path) == ARC_PATH_FILE)
        ARC_TRY(arc_data_sums_open(&sums, &ctx->alloc, sums_path, err));
    out->pictures = arc_data_set_samples(set);
    out->sums = sums != NULL;
    c->ctx = ctx;
    c->set = set;
    c->opt = &o;
    c->sums = sums;
    c->verdict = out;
    ARC_TRY(run(c, sums_path, err));
done:
    arc_data_sums_close(&sums);
    arc_data_set_close(&set);
    arc_mem_free(&ctx->alloc, c);
    return st;
}
