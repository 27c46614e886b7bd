/* contact_sheet: many small pictures with captions on one large one, for people to look through. */
#ifndef ARC_IMAGE_CONTACT_SHEET_H
#define ARC_IMAGE_CONTACT_SHEET_H

#include "base/base.h"
#include <arcface/image.h>

typedef struct arc_contact_sheet arc_contact_sheet;

/* `count` cells in rows of `columns`, each cell_px square and a caption's line high where captions is true. Errors: EINVAL,
 * ELIMIT (more than
 * 100 MP), ENOMEM. */
arc_status arc_contact_sheet_new(arc_contact_sheet **out, arc_context *ctx, int count, int columns, int cell_px, bool captions,
                                 arc_error *err);
/* The next cell. image NULL: an empty cell; caption NULL: none; rgb: the caption's colour and a frame's, 0 = no frame and white
 * text. Cells beyond `count` are left out. */
arc_status arc_contact_sheet_put(arc_contact_sheet *sheet, const arc_image *image, const char *caption, uint32_t rgb,
                                 arc_error *err);
/* .png, .jpg or .ppm by suffix, atomically. */
arc_status arc_contact_sheet_save(const arc_contact_sheet *sheet, const char *path, arc_error *err);
void arc_contact_sheet_free(arc_contact_sheet **sheet); /* NULL-safe */

#endif
