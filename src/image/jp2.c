/* JPEG 2000 through OpenJPEG: files (.jp2) and bare code streams, 1 to 24 bits a channel, gray, RGB and YCC, channels of less
 * resolution; transparency is composited on white. Of a file that ends early what was decoded is kept; strict decoding refuses
 * it. */
#include "base/base.h"
#include "image/codec.h"
#include <limits.h>
#include <openjpeg.h>
#include <stdio.h>
#include <string.h>

#define COMPONENTS_MAX 5 /* the library takes memory for each component of each tile before it reads one */
#define TILES_MAX 4096
#define BITS_MAX 24
#define SOT_BYTES 12 /* a marker "start of tile-part" */

typedef struct jp2 {
    arc_decode *d;
    const uint8_t *bytes; /* the file, or `copy` */
    uint8_t *copy;
    size_t at;
    opj_codec_t *codec;
    opj_stream_t *stream;
    opj_image_t *image;
    int warnings;
    char text[160]; /* the first error */
} jp2;

static void on_error(const char *text, void *arg) {
    jp2 *s = arg;
    if (!s->text[0])
        snprintf(s->text, sizeof s->text, "%.*s", (int)strcspn(text, "\n"), text);
}

static void on_warning(const char *text, void *arg) {
    jp2 *s = arg;
    (void)text;
    s->warnings++;
}

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T bytes, void *arg) {
    jp2 *s = arg;
    const size_t count = ARC_MIN(bytes, s->d->count - s->at);
    if (count == 0)
        return (OPJ_SIZE_T)-1; /* the end */
    memcpy(to, s->bytes + s->at, count);
    s->at += count;
    return count;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T bytes, void *arg) {
    jp2 *s = arg;
    if (bytes < 0 || (uint64_t)bytes > s->d->count - s->at) {
        s->at = bytes < 0 ? s->at : s->d->count;
        return -1;
    }
    s->at += (size_t)bytes;
    return bytes;
}

static OPJ_BOOL on_seek(OPJ_OFF_T to, void *arg) {
    jp2 *s = arg;
    if (to < 0 || (uint64_t)to > s->d->count)
        return OPJ_FALSE;
    s->at = (size_t)to;
    return OPJ_TRUE;
}

static arc_status jp2_fail(const jp2 *s, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: JPEG 2000: %s", s->d->name, s->text[0] ? s->text : "the file is damaged");
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Where the code stream begins: of a file, what its box "jp2c" holds. d->count: nowhere. */
static size_t code_stream(const arc_decode *d) {
    if (be32(d->bytes) == 0xff4fff51u)
        return 0;
    for (size_t at = 0; at + 8 <= d->count;) {
        const uint8_t *p = d->bytes + at;
        const size_t left = d->count - at, head = be32(p) == 1 ? 16 : 8;
        if (left < head)
            break;
        const uint64_t bytes = be32(p) == 1 ? (uint64_t)be32(p + 8) << 32 | be32(p + 12) : be32(p);
        if (memcmp(p + 4, "jp2c", 4) == 0)
            return at + head;
        if (bytes < head || bytes > left)
            break;
        at += (size_t)bytes;
    }
    return d->count;
}

/* Sizes from the first marker segment, SIZ, before the library takes memory for what it announces. */
static arc_status admit(arc_decode *d, arc_error *err) {
    const size_t at = code_stream(d);
    if (d->count - at < 42 || be32(d->bytes + at) != 0xff4fff51u)
        return arc_fail(err, ARC_ECORRUPT, "%s: JPEG 2000: there is no code stream", d->name);
    const uint8_t *siz = d->bytes + at + 8; /* behind SOC, SIZ, its length and the capabilities */
    const uint32_t x1 = be32(siz), y1 = be32(siz + 4), x0 = be32(siz + 8), y0 = be32(siz + 12);
    const uint32_t tile_width = be32(siz + 16), tile_height = be32(siz + 20), tile_x = be32(siz + 24), tile_y = be32(siz + 28);
    const unsigned components = (unsigned)siz[32] << 8 | siz[33];
    if (x1 <= x0 || y1 <= y0 || tile_width == 0 || tile_height == 0 || tile_x > x0 || tile_y > y0)
        return arc_fail(err, ARC_ECORRUPT, "%s: JPEG 2000: the header is damaged", d->name);
    if (components < 1 || components > COMPONENTS_MAX)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: JPEG 2000 with %u components", d->name, components);
    const uint64_t tiles =
        (((uint64_t)x1 - tile_x + tile_width - 1) / tile_width) * (((uint64_t)y1 - tile_y + tile_height - 1) / tile_height);
    if (tiles > TILES_MAX)
        return arc_fail(err, ARC_ELIMIT, "%s: JPEG 2000: %llu tiles are more than the limit of %d", d->name,
                        (unsigned long long)tiles, TILES_MAX);
    return arc_decode_admit(d, (int64_t)x1 - x0, (int64_t)y1 - y0, err);
}

/* Parts of tiles say how long they are, and the library takes so much memory at once where it may not refuse a part that ends
 * early. In a copy such a part ends with the file. No data of a picture look like the marker. Errors: ENOMEM. */
static arc_status bound_parts(jp2 *s, arc_error *err) {
    const arc_decode *d = s->d;
    for (size_t at = code_stream(d); at + SOT_BYTES <= d->count; at++) {
        const uint8_t *p = memchr(d->bytes + at, 0xff, d->count - SOT_BYTES - at + 1);
        if (!p)
            break;
        at = (size_t)(p - d->bytes);
        if (be32(p) != 0xff90000au || be32(p + 6) <= d->count - at)
            continue;
        if (!s->copy && !(s->copy = arc_mem_raw(d->alloc, 1, d->count)))
            return arc_fail_nomem(err, d->name);
        if (s->bytes != s->copy)
            memcpy(s->copy, d->bytes, d->count);
        s->bytes = s->copy;
        for (int i = 0; i < 4; i++)
            s->copy[at + 6 + (size_t)i] = (uint8_t)((d->count - at) >> (24 - 8 * i));
    }
    return ARC_OK;
}

/* ---- pixels ---- */

/* Which component is what; -1: none. */
typedef struct roles {
    int colour[3], alpha;
    bool ycc;
} roles;

static bool is_readable(const opj_image_comp_t *c) {
    return c->data && c->w > 0 && c->h > 0 && c->prec >= 1 && c->prec <= BITS_MAX;
}

static bool find_roles(const opj_image_t *image, roles *r) {
    int found[COMPONENTS_MAX], count = 0;
    *r = (roles){.alpha = -1};
    for (OPJ_UINT32 i = 0; i < image->numcomps && i < COMPONENTS_MAX; i++) {
        if (!is_readable(&image->comps[i]))
            return false;
        if (image->comps[i].alpha && r->alpha < 0)
            r->alpha = (int)i;
        else if (!image->comps[i].alpha)
            found[count++] = (int)i;
    }
    if (count == 4 && r->alpha < 0 && image->color_space != OPJ_CLRSPC_CMYK) { /* a bare code stream does not say */
        r->alpha = found[3];
        count = 3;
    }
    if (count == 2 && r->alpha < 0)
        r->alpha = found[1], count = 1;
    if ((count != 1 && count != 3) || image->color_space == OPJ_CLRSPC_CMYK || image->color_space == OPJ_CLRSPC_EYCC)
        return false;
    for (int k = 0; k < 3; k++)
        r->colour[k] = found[count == 3 ? k : 0];
    const opj_image_comp_t *luma = &image->comps[r->colour[0]], *chroma = &image->comps[r->colour[1]];
    r->ycc = count == 3 && (image->color_space == OPJ_CLRSPC_SYCC ||
                            (image->color_space != OPJ_CLRSPC_SRGB && (luma->dx != chroma->dx || luma->dy != chroma->dy)));
    return true;
}

/* A component's sample under a pixel, 0..65535. */
static uint16_t sample(const arc_decode *d, const opj_image_comp_t *c, int x, int y) {
    const size_t column = ARC_MIN((size_t)x * c->w / (size_t)d->full_width_px, (size_t)c->w - 1);
    const size_t row = ARC_MIN((size_t)y * c->h / (size_t)d->full_height_px, (size_t)c->h - 1);
    const int64_t value = (int64_t)c->data[row * c->w + column] + (c->sgnd ? (int64_t)1 << (c->prec - 1) : 0);
    const uint32_t most = (UINT32_C(1) << c->prec) - 1;
    return arc_to_16((uint32_t)ARC_MAX(ARC_MIN(value, (int64_t)most), 0), most);
}

static uint16_t rounded(double value) {
    return (uint16_t)(ARC_MAX(ARC_MIN(value, 65535.0), 0.0) + 0.5);
}

static void rgb_of_ycc(uint16_t *p) {
    const double y = p[0], cb = p[1] - 32768.0, cr = p[2] - 32768.0;
    p[0] = rounded(y + 1.402 * cr);
    p[1] = rounded(y - 0.344136 * cb - 0.714136 * cr);
    p[2] = rounded(y + 1.772 * cb);
}

static arc_status take_pixels(const jp2 *s, const roles *r, arc_error *err) {
    arc_decode *d = s->d;
    const int width = d->full_width_px, channels = r->alpha >= 0 ? 4 : 3;
    uint16_t *row = arc_mem_raw(d->alloc, (size_t)width, (size_t)channels * sizeof *row);
    if (!row)
        return arc_fail_nomem(err, d->name);
    const arc_status st = arc_decode_alloc(d, width, d->full_height_px, false, err);
    for (int y = 0; st == ARC_OK && y < d->full_height_px; y++) {
        for (int x = 0; x < width; x++) {
            uint16_t *p = row + (size_t)x * (size_t)channels;
            for (int k = 0; k < 3; k++)
                p[k] = sample(d, &s->image->comps[r->colour[k]], x, y);
            if (r->ycc)
                rgb_of_ycc(p);
            if (channels == 4)
                p[3] = sample(d, &s->image->comps[r->alpha], x, y);
        }
        arc_deep_row(d->colour, row, channels, d->out->data + y * d->out->stride_bytes, (size_t)width);
    }
    arc_mem_free(d->alloc, row);
    return st;
}

/* ---- decoding ---- */

static bool set_up(jp2 *s) {
    opj_dparameters_t parameters;
    s->codec = opj_create_decompress(code_stream(s->d) == 0 ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    s->stream = opj_stream_create(1 << 16, OPJ_TRUE);
    if (!s->codec || !s->stream)
        return false;
    opj_set_error_handler(s->codec, on_error, s);
    opj_set_warning_handler(s->codec, on_warning, s);
    opj_stream_set_read_function(s->stream, on_read);
    opj_stream_set_skip_function(s->stream, on_skip);
    opj_stream_set_seek_function(s->stream, on_seek);
    opj_stream_set_user_data(s->stream, s, NULL);
    opj_stream_set_user_data_length(s->stream, s->d->count);
    opj_set_default_decoder_parameters(&parameters);
    return opj_setup_decoder(s->codec, &parameters) && opj_decoder_set_strict_mode(s->codec, s->d->strict);
}

static arc_status jp2_run(jp2 *s, arc_error *err) {
    arc_decode *d = s->d;
    roles r;
    if (!opj_read_header(s->stream, s->codec, &s->image) || !s->image)
        return jp2_fail(s, err);
    if (s->image->x1 - s->image->x0 != (OPJ_UINT32)d->full_width_px ||
        s->image->y1 - s->image->y0 != (OPJ_UINT32)d->full_height_px || s->image->numcomps > COMPONENTS_MAX)
        return arc_fail(err, ARC_ECORRUPT, "%s: JPEG 2000: the sizes contradict each other", d->name);
    s->warnings = 0;
    if (!opj_decode(s->codec, s->stream, s->image))
        return jp2_fail(s, err);
    d->damaged = s->warnings > 0 || s->copy;
    if (!opj_end_decompress(s->codec, s->stream))
        d->damaged = true;
    if (d->damaged && d->strict)
        return jp2_fail(s, err);
    if (!find_roles(s->image, &r))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: JPEG 2000 with %u components of this kind; convert it to gray or RGB",
                        d->name, s->image->numcomps);
    const arc_colours says = {.icc = s->image->icc_profile_buf,
                              .icc_bytes = s->image->icc_profile_buf ? s->image->icc_profile_len : 0,
                              .gray = r.colour[0] == r.colour[1]};
    const arc_status st = arc_decode_colours(d, &says, r.alpha >= 0 ? ARC_PIXELS_RGBA16 : ARC_PIXELS_RGB16, err);
    return st == ARC_OK ? take_pixels(s, &r, err) : st;
}

arc_status arc_decode_jp2(arc_decode *d, arc_error *err) {
    jp2 s = {.d = d, .bytes = d->bytes};
    arc_status st = admit(d, err);
    if (st == ARC_OK && !d->strict)
        st = bound_parts(&s, err);
    if (st == ARC_OK)
        st = set_up(&s) ? jp2_run(&s, err) : arc_fail_nomem(err, d->name);
    opj_image_destroy(s.image);
    if (s.stream)
        opj_stream_destroy(s.stream);
    if (s.codec)
        opj_destroy_codec(s.codec);
    arc_mem_free(d->alloc, s.copy);
    return st;
}
