/* Pages: one self-contained HTML file of headings, tables, plots and pictures; it needs no network and fits a phone. */
#ifndef ARCFACE_PAGE_H
#define ARCFACE_PAGE_H

#include <arcface/image.h>
#include <arcface/plot.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A page under construction. Texts are UTF-8 and escaped; bytes that are not UTF-8 become U+FFFD. One thread at a time.
 * The first failure is kept: later calls do nothing and arc_page_save reports it, so that a page is written without a check a line. */
typedef struct arc_page arc_page;

#define ARC_PAGE_MAX_BYTES ((size_t)512 << 20)

/* `subtitle` may be NULL. Ownership: free with arc_page_free. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_page_new(arc_context *ctx, const char *title, const char *subtitle, arc_page **out,
                                              arc_error *err);
ARC_API void arc_page_free(arc_page **page); /* NULL-safe, nulls */

ARC_API void arc_page_heading(arc_page *page, const char *text);
ARC_API void arc_page_text(arc_page *page, const char *text);
/* A sentence that must not be overlooked. */
ARC_API void arc_page_warning(arc_page *page, const char *text);
/* The numbers that people come for, as large tiles: `value` "99.57 %", `label` "accuracy". */
ARC_API void arc_page_tiles(arc_page *page, const char *const *value, const char *const *label, int count);
/* rows x columns cells, row by row; heads: [columns]. heads and caption may be NULL. A column whose every cell begins like a number is set to the
 * right. */
ARC_API void arc_page_table(arc_page *page, const char *caption, const char *const *heads, int columns, const char *const *cells,
                            int rows);
/* One figure a panel, side by side where there is room. */
ARC_API void arc_page_plots(arc_page *page, const arc_plot *plots, int count);
/* Pictures with captions (NULL = none) in a grid, each shown `side_px` wide; kept as JPEG. */
ARC_API void arc_page_images(arc_page *page, const arc_image *images, const char *const *captions, int count, int side_px);

/* Writes the page atomically. Errors: whatever went wrong since arc_page_new (ENOMEM, ELIMIT above ARC_PAGE_MAX_BYTES, EINVAL), EIO. */
ARC_API ARC_NODISCARD arc_status arc_page_save(arc_page *page, const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
