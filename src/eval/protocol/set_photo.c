/* eval: one photo of an evaluation's set, with the memory that it points at and the digest of its bytes. */
#include "eval/eval_internal.h"
#include <sodium.h>
#include <stdio.h>

arc_status arc_eval_open_file(const char *path, arc_eval_photo *out, arc_error *err) {
    snprintf(out->name, sizeof out->name, "%s", path);
    const arc_status st = arc_map_open(&out->map, path, (size_t)1 << 30, err);
    if (st != ARC_OK)
        return st;
    crypto_hash_sha256(out->digest, out->map.data, out->map.bytes);
    out->photo = arc_photo_from_bytes(out->map.data, out->map.bytes, out->name);
    return ARC_OK;
}

void arc_eval_photo_close(arc_context *ctx, arc_eval_photo *photo) {
    arc_image_free(ctx, &photo->image);
    arc_map_close(&photo->map);
}
