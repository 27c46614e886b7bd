/* data: rebuilds the index of a RecordIO file. */
#include "format/record/recordio.h"
#include <arcface/data.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_REC_BYTES ((size_t)1 << 46)

arc_status arc_data_repair(arc_context *ctx, const char *rec, arc_data_progress *progress, void *progress_ctx, int64_t *records,
                           int64_t *damaged, const char **keys, arc_error *err) {
    char idx[4096];
    arc_map map = {0};
    arc_record_index index = {0};
    arc_record_scan scan = {.progress = progress, .progress_ctx = progress_ctx};
    const size_t n = strlen(rec);
    arc_status st;
    if (n < 5 || strcasecmp(rec + n - 4, ".rec") != 0 || n >= sizeof idx)
        return arc_fail(err, ARC_EINVAL, "%s: not the name of a .rec", rec);
    snprintf(idx, sizeof idx, "%.*s.idx", (int)(n - 4), rec);
    ARC_TRY(arc_map_open(&map, rec, MAX_REC_BYTES, err));
    ARC_TRY(arc_record_index_scan(&index, &ctx->alloc, map.data, map.bytes, rec, &scan, err));
    ARC_TRY(arc_record_index_save(&index, &ctx->alloc, idx, err));
    if (records)
        *records = (int64_t)index.count;
    if (damaged)
        *damaged = (int64_t)scan.damaged;
    if (keys)
        *keys = scan.keys;
done:
    arc_record_index_free(&index);
    arc_map_close(&map);
    return st;
}
