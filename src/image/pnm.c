/* Portable gray and colour maps: P2, P3 (text) and P5, P6 (binary), 8 or 16 bits. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <string.h>

typedef struct pnm {
    const uint8_t *at, *end;
    bool text, gray;
    unsigned max;
} pnm;

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Next number after white space and comments; false at the end, at other characters or above 2^31-1. */
static bool number(pnm *p, int64_t *out) {
    while (p->at < p->end && (is_space(*p->at) || *p->at == '#')) {
        if (*p->at == '#')
            while (p->at < p->end && *p->at != '\n')
                p->at++;
        else
            p->at++;
    }
    if (p->at == p->end || *p->at < '0' || *p->at > '9')
        return false;
    int64_t v = 0;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        v = v * 10 + (*p->at - '0');
        if (v > INT32_MAX)
            return false;
    }
    *out = v;
    return true;
}

static bool sample(pnm *p, uint8_t *out) {
    int64_t v;
    if (p->text) {
        if (!number(p, &v))
            return false;
    } else if (p->max > 255) {
        if (p->end - p->at < 2)
            return false;
        v = p->at[0] << 8 | p->at[1];
        p->at += 2;
    } else {
        if (p->at == p->end)
            return false;
        v = *p->at++;
    }
    if (v > p->max)
        return false;
    *out = p->max == 255 ? (uint8_t)v : (uint8_t)((v * 255 + p->max / 2) / p->max);
    return true;
}

arc_status arc_decode_pnm(arc_decode *d, arc_error *err) {
    char kind = (char)d->bytes[1];
    pnm p = {
        .at = d->bytes + 2, .end = d->bytes + d->count, .text = kind == '2' || kind == '3', .gray = kind == '2' || kind == '5'};
    int64_t width, height, max;
    if (!number(&p, &width) || !number(&p, &height) || !number(&p, &max) || max < 1 || max > 65535)
        return arc_fail(err, ARC_ECORRUPT, "%s: PNM: bad header", d->name);
    if (!p.text && (p.at == p.end || !is_space(*p.at++)))
        return arc_fail(err, ARC_ECORRUPT, "%s: PNM: bad header", d->name);
    p.max = (unsigned)max;
    arc_status st = arc_decode_admit(d, width, height, err);
    if (st != ARC_OK)
        return st;
    /* A sample takes at least one byte: refuse early, before the memory is taken. */
    uint64_t samples = (uint64_t)width * (uint64_t)height * (p.gray ? 1 : 3), bytes = samples * (!p.text && max > 255 ? 2 : 1);
    if (bytes > (uint64_t)(p.end - p.at))
        return arc_fail(err, ARC_ECORRUPT, "%s: PNM: the file ends inside the pixels", d->name);
    st = arc_decode_alloc(d, (int)width, (int)height, true, err);
    if (st != ARC_OK)
        return st;
    uint8_t *to = d->out->data;
    for (uint64_t i = 0; i < samples; i++) {
        uint8_t v;
        if (!sample(&p, &v))
            return arc_fail(err, ARC_ECORRUPT, "%s: PNM: bad or missing sample %llu", d->name, (unsigned long long)i);
        *to++ = v;
        if (p.gray) {
            *to++ = v;
            *to++ = v;
        }
    }
    return ARC_OK;
}

arc_status arc_encode_ppm(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err) {
    uint8_t *row = arc_mem_raw(a, (size_t)image->width_px, 3);
    if (!row)
        return arc_fail_nomem(err, "writing a PPM");
    arc_status st = arc_writer_printf(w, err, "P6\n%d %d\n255\n", image->width_px, image->height_px);
    for (int y = 0; st == ARC_OK && y < image->height_px; y++) {
        arc_row_rgb(image, y, row);
        st = arc_writer_put(w, row, (size_t)image->width_px * 3, err);
    }
    arc_mem_free(a, row);
    return st;
}
