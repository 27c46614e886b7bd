/* film: frames onto a canvas, as viewers show them (GIF, PNG, WebP). */
#ifndef ARC_IMAGE_FILM_H
#define ARC_IMAGE_FILM_H

#include "image/codec.h"

/* What becomes of a frame's rectangle before the next frame. */
typedef enum arc_dispose { ARC_DISPOSE_KEEP, ARC_DISPOSE_CLEAR, ARC_DISPOSE_BACK } arc_dispose;

typedef struct arc_film_frame {
    const uint8_t *rgba; /* [height][width] */
    int x, y, width, height;
    bool blend; /* over what is there; false: instead of it */
    arc_dispose dispose;
} arc_film_frame;

typedef struct arc_film {
    arc_decode *d;
    uint8_t *canvas; /* RGBA [d->full_height_px][d->full_width_px], transparent at first */
    uint8_t *before; /* the canvas before the last frame, where that is to go away again */
    arc_film_frame last;
} arc_film;

/* Of the size that arc_decode_admit took. Errors: ENOMEM. */
arc_status arc_film_open(arc_film *f, arc_decode *d, arc_error *err);
/* What lies outside the canvas is cut off. Errors: ENOMEM. */
arc_status arc_film_show(arc_film *f, const arc_film_frame *frame, arc_error *err);
/* The canvas on white becomes d->out, its colours converted (d->colour: of RGBA8). Errors: ENOMEM. */
arc_status arc_film_finish(arc_film *f, arc_error *err);
void arc_film_close(arc_film *f);

/* webp_film.c */
arc_status arc_webp_film(arc_decode *d, arc_error *err);

#endif
