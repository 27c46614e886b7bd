/* JPEG through libjpeg-turbo: the library's default integer DCT and triangle chroma upsampling, so that pixels equal those of
 * Pillow and OpenCV. Of data that ends early or does not decode cleanly the whole rows of blocks are kept, the rest is gray;
 * strict decoding refuses it. A colour profile in APP2 segments is applied, also one of inks to a CMYK picture. */
#include "base/base.h"
#include "image/codec.h"
#include "image/image.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#define SCANS_MAX 500 /* a small hostile progressive file can hold thousands of whole-picture scans */

typedef struct jpeg_state {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr mgr;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
    bool no_memory, limit, strict;
    bool damaged;      /* data were lost, or the end marker is missing */
    bool damaged_rows; /* data were lost */
    bool nothing;      /* they were lost before the first row of blocks was whole */
    uint8_t *row;      /* CMYK line */
    JOCTET *profile;   /* libjpeg's malloc */
} jpeg_state;

static void on_error(j_common_ptr cinfo) {
    jpeg_state *s = cinfo->client_data;
    cinfo->err->format_message(cinfo, s->text);
    s->no_memory = cinfo->err->msg_code == JERR_OUT_OF_MEMORY;
    longjmp(s->jump, 1);
}

/* Warnings that mean lost picture data are noted, or stop strict decoding; harmless ones (padding, odd headers) pass. A missing
 * end marker alone loses nothing. */
static void on_message(j_common_ptr cinfo, int level) {
    jpeg_state *s = cinfo->client_data;
    if (level >= 0)
        return;
    switch (cinfo->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
        s->nothing |= !s->damaged_rows && s->cinfo.input_scan_number <= 1 && s->cinfo.input_iMCU_row == 0;
        s->damaged_rows = true;
        /* fall through */
    case JWRN_JPEG_EOF:
        s->damaged = true;
        if (s->strict)
            on_error(cinfo);
        break;
    default:
        break;
    }
}

static void on_progress(j_common_ptr cinfo) {
    jpeg_state *s = cinfo->client_data;
    if (s->cinfo.input_scan_number > SCANS_MAX) {
        s->limit = true;
        snprintf(s->text, sizeof s->text, "more than %d scans", SCANS_MAX);
        longjmp(s->jump, 1);
    }
}

/* Pixels as Adobe stores them (255 = no ink) to RGB, rounded as Pillow does. */
static void cmyk_row(const uint8_t *in, uint8_t *rgb, size_t pixels, bool inverted) {
    for (size_t i = 0; i < pixels; i++, in += 4, rgb += 3) {
        unsigned white = inverted ? in[3] : 255u - in[3];
        for (int c = 0; c < 3; c++) {
            unsigned ink = inverted ? 255u - in[c] : in[c], t = ink * white + 128u;
            t = ((t >> 8) + t) >> 8;
            rgb[c] = (uint8_t)(white > t ? white - t : 0);
        }
    }
}

/* The Exif block, NULL when there is none. */
static jpeg_saved_marker_ptr find_exif(const jpeg_state *s) {
    for (jpeg_saved_marker_ptr m = s->cinfo.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return m;
    return NULL;
}

/* A profile counts before what EXIF says. */
static arc_status read_colours(arc_decode *d, jpeg_state *s, arc_error *err) {
    arc_colours says = {.gray = s->cinfo.num_components == 1};
    const jpeg_saved_marker_ptr exif = find_exif(s);
    unsigned bytes = 0;
    arc_pixels layout = ARC_PIXELS_RGB8;
    if (d->keep_colours)
        return ARC_OK;
    if (s->cinfo.num_components == 4)
        layout = s->cinfo.saw_Adobe_marker ? ARC_PIXELS_CMYK8_INVERTED : ARC_PIXELS_CMYK8;
    if (jpeg_read_icc_profile(&s->cinfo, &s->profile, &bytes)) {
        says.icc = s->profile;
        says.icc_bytes = bytes;
    } else if (exif && arc_exif_is_adobe_rgb(d->alloc, exif->data, exif->data_length)) {
        arc_colours_adobe_rgb(&says);
    }
    return arc_decode_colours(d, &says, layout, err);
}

static unsigned reduction(const arc_decode *d) {
    int side = ARC_MAX(d->full_width_px, d->full_height_px);
    unsigned denominator = 1;
    while (d->min_side_px > 0 && denominator < 8 && side / (int)(denominator * 2) >= d->min_side_px)
        denominator *= 2;
    return denominator;
}

/* Runs under setjmp: everything that outlives a longjmp lives in *s and *d. */
static arc_status jpeg_run(arc_decode *d, jpeg_state *s, arc_error *err) {
    struct jpeg_decompress_struct *cinfo = &s->cinfo;
    jpeg_mem_src(cinfo, d->bytes, d->count);
    jpeg_save_markers(cinfo, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(cinfo, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(cinfo, TRUE);
    arc_status st = arc_decode_admit(d, cinfo->image_width, cinfo->image_height, err);
    if (st != ARC_OK)
        return st;
    const jpeg_saved_marker_ptr exif = d->want_orientation ? find_exif(s) : NULL;
    if (exif)
        d->orientation = arc_exif_orientation(d->alloc, exif->data, exif->data_length);
    st = read_colours(d, s, err);
    if (st != ARC_OK)
        return st;
    bool four = cinfo->num_components == 4;
    cinfo->out_color_space = four ? JCS_CMYK : JCS_RGB;
    cinfo->scale_num = 1;
    cinfo->scale_denom = reduction(d);
    jpeg_start_decompress(cinfo);
    st = arc_decode_alloc(d, (int)cinfo->output_width, (int)cinfo->output_height, false, err);
    if (st != ARC_OK)
        return st;
    if (four && !(s->row = arc_mem_raw(d->alloc, cinfo->output_width, 4)))
        return arc_fail_nomem(err, d->name);
    while (cinfo->output_scanline < cinfo->output_height) {
        uint8_t *to = d->out->data + (ptrdiff_t)cinfo->output_scanline * d->out->stride_bytes;
        JSAMPROW rows[1] = {four ? s->row : to};
        jpeg_read_scanlines(cinfo, rows, 1);
        if (four && d->colour)
            arc_colour_convert(d->colour, s->row, to, cinfo->output_width);
        else if (four)
            cmyk_row(s->row, to, cinfo->output_width, cinfo->saw_Adobe_marker);
    }
    jpeg_finish_decompress(cinfo);
    if (s->nothing)
        return arc_fail(err, ARC_ECORRUPT, "%s: JPEG: the file ends or is damaged before the first rows of the picture", d->name);
    d->damaged = s->damaged;
    return ARC_OK;
}

static void gray_below(const arc_image *image, int row) {
    for (int y = row; y < image->height_px; y++)
        memset(image->data + y * image->stride_bytes, 128, (size_t)image->width_px * 3);
}

/* Where the last marker segment before the error begins; 0: nowhere. A progressive picture that breaks there has the scans before
 * it. */
static size_t last_marker(const arc_decode *d, const jpeg_state *s) {
    const uint8_t *next = s->cinfo.src ? s->cinfo.src->next_input_byte : NULL; /* beyond the end: in libjpeg's end marker */
    size_t at = next >= d->bytes && next <= d->bytes + d->count ? (size_t)(next - d->bytes) : d->count;
    for (at = at < d->count ? at : d->count - 1; at > 2; at--) {
        const uint8_t code = d->bytes[at];
        if (d->bytes[at - 1] == 0xff && code != 0 && code != 0xff && (code < JPEG_RST0 || code > JPEG_RST0 + 7))
            return at - 1;
    }
    return 0;
}

/* `cut` gets the number of bytes to try once more with, else 0. */
static arc_status decode_once(arc_decode *d, size_t *cut, arc_error *err) {
    jpeg_state *s = arc_mem_new(d->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, d->name);
    *cut = 0;
    s->strict = d->strict;
    s->cinfo.err = jpeg_std_error(&s->mgr);
    s->mgr.error_exit = on_error;
    s->mgr.emit_message = on_message;
    s->cinfo.client_data = s;
    volatile arc_status st;
    if (setjmp(s->jump)) {
        st = s->no_memory ? ARC_ENOMEM : s->limit ? ARC_ELIMIT : ARC_ECORRUPT;
        if (st == ARC_ECORRUPT && !s->strict && !s->nothing && s->cinfo.output_scanline > 0 && d->out->data) {
            gray_below(d->out, (int)s->cinfo.output_scanline);
            d->damaged = true;
            st = ARC_OK;
        } else {
            if (st == ARC_ECORRUPT && !s->strict && s->cinfo.input_scan_number >= 1 && !d->out->data)
                *cut = last_marker(d, s);
            arc_fail(err, st, "%s: JPEG: %s", d->name, s->text);
        }
    } else {
        jpeg_create_decompress(&s->cinfo);
        s->cinfo.client_data = s; /* create clears nothing of ours, but that is not promised */
        s->progress.progress_monitor = on_progress;
        s->cinfo.progress = &s->progress;
        st = jpeg_run(d, s, err);
    }
    jpeg_destroy_decompress(&s->cinfo);
    if (st == ARC_OK && !s->row)
        arc_decode_convert(d);
    arc_mem_free(&arc_alloc_libc, s->profile);
    arc_mem_free(d->alloc, s->row);
    arc_mem_free(d->alloc, s);
    return st;
}

arc_status arc_decode_jpeg(arc_decode *d, arc_error *err) {
    size_t cut;
    arc_status st = decode_once(d, &cut, err);
    if (st != ARC_OK && cut > 0) {
        arc_decode shorter = *d;
        shorter.count = cut;
        st = decode_once(&shorter, &cut, err);
        shorter.count = d->count;
        *d = shorter;
    }
    return st;
}

/* ---- writing ---- */

typedef struct jpeg_writer {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr mgr;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
    uint8_t *row;
    unsigned char *bytes; /* grown by libjpeg with malloc */
    unsigned long count;
} jpeg_writer;

static void on_write_error(j_common_ptr cinfo) {
    jpeg_writer *s = cinfo->client_data;
    cinfo->err->format_message(cinfo, s->text);
    longjmp(s->jump, 1);
}

static void jpeg_compress(const arc_image *image, int quality, bool full_colour, jpeg_writer *s) {
    struct jpeg_compress_struct *cinfo = &s->cinfo;
    jpeg_mem_dest(cinfo, &s->bytes, &s->count);
    cinfo->image_width = (JDIMENSION)image->width_px;
    cinfo->image_height = (JDIMENSION)image->height_px;
    cinfo->input_components = 3;
    cinfo->in_color_space = JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    if (full_colour)
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1; /* 4:4:4 */
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        arc_row_rgb(image, (int)cinfo->next_scanline, s->row);
        JSAMPROW rows[1] = {s->row};
        jpeg_write_scanlines(cinfo, rows, 1);
    }
    jpeg_finish_compress(cinfo);
}

arc_status arc_encode_jpeg_quality(const arc_image *image, const arc_alloc *a, int quality, bool full_colour, arc_writer *w,
                                   arc_error *err) {
    if (image->width_px > JPEG_MAX_DIMENSION || image->height_px > JPEG_MAX_DIMENSION)
        return arc_fail(err, ARC_ELIMIT, "JPEG holds at most %ld pixels a side; write a .png", (long)JPEG_MAX_DIMENSION);
    jpeg_writer *s = arc_mem_new(a, 1, sizeof *s);
    uint8_t *row = arc_mem_raw(a, (size_t)image->width_px, 3);
    if (!s || !row) {
        arc_mem_free(a, s);
        arc_mem_free(a, row);
        return arc_fail_nomem(err, "writing a JPEG");
    }
    s->row = row;
    s->cinfo.err = jpeg_std_error(&s->mgr);
    s->mgr.error_exit = on_write_error;
    s->cinfo.client_data = s;
    volatile arc_status st;
    if (setjmp(s->jump)) {
        st = arc_fail(err, ARC_EIO, "JPEG: %s", s->text);
    } else {
        jpeg_create_compress(&s->cinfo);
        s->cinfo.client_data = s;
        jpeg_compress(image, quality, full_colour, s);
        st = arc_writer_put(w, s->bytes, s->count, err);
    }
    jpeg_destroy_compress(&s->cinfo);
    arc_mem_free(&arc_alloc_libc, s->bytes);
    arc_mem_free(a, s->row);
    arc_mem_free(a, s);
    return st;
}

arc_status arc_encode_jpeg(const arc_image *image, const arc_alloc *a, arc_writer *w, arc_error *err) {
    return arc_encode_jpeg_quality(image, a, 95, true, w, err);
}
