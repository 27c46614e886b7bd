/* gallery/photo: digests of photos on their way to the pipeline. They are taken by the lanes, which also read and decode, so
 * several at a time, and are looked up when the photo's result comes out. */
#include "gallery/photo/digests.h"
#include "base/digest.h"
#include <assert.h>
#include <string.h>

/* Results come at most some hundred photos after their own; one lane after the other may be a round ahead. */
#define PLACES 4096

static uint8_t digit_of(char hex) {
    return (uint8_t)(hex <= '9' ? hex - '0' : hex - 'a' + 10);
}

static void bytes_of(const char hex[ARC_DIGEST_HEX_BYTES], uint8_t out[ARC_PHOTO_DIGEST_BYTES]) {
    for (int i = 0; i < ARC_PHOTO_DIGEST_BYTES; i++)
        out[i] = (uint8_t)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
}

static int channels_of(arc_frame_format format) {
    return format == ARC_FRAME_GRAY8 ? 1 : format <= ARC_FRAME_BGR8 ? 3 : 4;
}

/* What arc_photo_load refuses has no digest. */
static bool frame_is_whole(const arc_frame *f) {
    const int64_t row = (int64_t)f->width_px * channels_of(f->format);
    return f->data && f->width_px > 0 && f->height_px > 0 && (f->stride_bytes >= row || -f->stride_bytes >= row);
}

static void add_frame(arc_digest *d, const arc_frame *f) {
    const int64_t facts[3] = {f->width_px, f->height_px, f->format};
    arc_digest_add(d, facts, sizeof facts);
    for (int y = 0; y < f->height_px; y++)
        arc_digest_add(d, f->data + y * f->stride_bytes, (size_t)f->width_px * (size_t)channels_of(f->format));
}

/* Whether there is something to take a digest of. */
static bool digest_of(const arc_photo *p, uint8_t out[ARC_PHOTO_DIGEST_BYTES]) {
    char hex[ARC_DIGEST_HEX_BYTES];
    arc_digest d;
    arc_map map = {0};
    switch (p->kind) {
    case ARC_PHOTO_PATH:
        if (!p->name || arc_map_open(&map, p->name, (size_t)1 << 32, NULL) != ARC_OK)
            return false;
        arc_digest_begin(&d);
        arc_digest_add(&d, map.data, map.bytes);
        arc_map_close(&map);
        break;
    case ARC_PHOTO_BYTES:
        if (!p->bytes)
            return false;
        arc_digest_begin(&d);
        arc_digest_add(&d, p->bytes, p->byte_count);
        break;
    case ARC_PHOTO_FRAME:
        if (!frame_is_whole(&p->frame))
            return false;
        arc_digest_begin(&d);
        add_frame(&d, &p->frame);
        break;
    default:
        return false;
    }
    if (p->has_landmarks)
        arc_digest_add(&d, p->landmark_px, sizeof p->landmark_px);
    else if (p->has_box)
        arc_digest_add(&d, p->box_px, sizeof p->box_px);
    arc_digest_end(&d, hex);
    bytes_of(hex, out);
    return true;
}

void arc_photo_digests_put(arc_photo_digests *d, int64_t index, const arc_photo *photo) {
    arc_photo_digest digest = {.index = index};
    digest.known = digest_of(photo, digest.sha256);
    pthread_mutex_lock(&d->lock);
    d->place[index % PLACES] = digest;
    pthread_mutex_unlock(&d->lock);
}

static arc_status next(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    arc_photo_digests *d = ctx;
    const arc_status st = d->inner->next(d->inner->ctx, index, photo, err);
    if (st == ARC_OK && photo->kind != ARC_PHOTO_END)
        arc_photo_digests_put(d, index, photo);
    return st;
}

static void release(void *ctx, int64_t index, arc_photo *photo) {
    const arc_photo_digests *d = ctx;
    if (d->inner->release)
        d->inner->release(d->inner->ctx, index, photo);
}

arc_status arc_photo_digests_begin(arc_photo_digests *d, const arc_alloc *a, const arc_photo_source *inner, arc_error *err) {
    *d = (arc_photo_digests){.source = *inner, .inner = inner, .alloc = a};
    d->source.next = next;
    d->source.release = release;
    d->source.ctx = d;
    arc_photo_digest *place = arc_mem_new(a, PLACES, sizeof *place);
    if (!place)
        return arc_fail_nomem(err, "digests of photos");
    if (pthread_mutex_init(&d->lock, NULL) != 0) {
        arc_mem_free(a, place);
        return arc_fail_nomem(err, "a lock");
    }
    for (int i = 0; i < PLACES; i++)
        place[i].index = -1;
    d->place = place;
    return ARC_OK;
}

void arc_photo_digests_end(arc_photo_digests *d) {
    if (!d->place)
        return;
    pthread_mutex_destroy(&d->lock);
    arc_mem_free(d->alloc, d->place);
    d->place = NULL;
}

void arc_photo_digests_get(arc_photo_digests *d, int64_t index, uint8_t sha256[ARC_PHOTO_DIGEST_BYTES], bool *known) {
    pthread_mutex_lock(&d->lock);
    const arc_photo_digest digest = d->place[index % PLACES];
    pthread_mutex_unlock(&d->lock);
    assert(digest.index == index);
    memcpy(sha256, digest.sha256, sizeof digest.sha256);
    *known = digest.known;
}
