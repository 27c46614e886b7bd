/** @file
 * Pages: one self-contained HTML file of headings, tables, plots and pictures; it needs no network, fits a phone and
 * is dark where the reader's system is.
 */
#ifndef ARCFACE_PAGE_H
#define ARCFACE_PAGE_H

#include <arcface/image.h>
#include <arcface/plot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A page under construction. Texts are escaped; bytes that are not UTF-8 become U+FFFD. The first failure is kept: later calls
 * do nothing and arc_page_save reports it, so that the calls in between need no check. One thread at a time. */
typedef struct arc_page arc_page;

/** Largest page. */
#define ARC_PAGE_MAX_BYTES ((size_t)512 << 20)

/** An empty page; `subtitle` may be NULL. Ownership: free with arc_page_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_page_new(arc_context *ctx, const char *title, const char *subtitle, arc_page **out,
                                              arc_error *err);

/** Frees the page and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_page_free(arc_page **page);

/** Adds a heading. Thread: one at a time. */
ARC_API void arc_page_heading(arc_page *page, const char *text);

/** Adds a heading within the part that the last arc_page_heading began. Thread: one at a time. */
ARC_API void arc_page_subheading(arc_page *page, const char *text);

/** Adds a paragraph. Thread: one at a time. */
ARC_API void arc_page_text(arc_page *page, const char *text);

/** Adds a sentence that must not be overlooked. Thread: one at a time. */
ARC_API void arc_page_warning(arc_page *page, const char *text);

/** Adds the most important numbers as large tiles: value "99.57 %", label "accuracy". value, label: [count]. Thread: one at a
 * time. */
ARC_API void arc_page_tiles(arc_page *page, const char *const *value, const char *const *label, int count);

/** Adds a table. cells: [rows][columns]; heads: [columns] or NULL; caption: NULL = none. A column whose every cell begins like a
 * number is set to the right. Thread: one at a time. */
ARC_API void arc_page_table(arc_page *page, const char *caption, const char *const *heads, int columns, const char *const *cells,
                            int rows);

/** Adds names with a value each, such as the facts of one thing; on a narrow screen the values stand under the names. name,
 * value: [count]. Thread: one at a time. */
ARC_API void arc_page_fields(arc_page *page, const char *const *name, const char *const *value, int count);

/** Adds a list of addresses, [count]; those of http and https can be followed, others are text. Thread: one at a time. */
ARC_API void arc_page_links(arc_page *page, const char *const *address, int count);

/** Adds text as it is typed: commands, JSON. Thread: one at a time. */
ARC_API void arc_page_code(arc_page *page, const char *text);

/** Adds a drawing: one svg element, which is put as it is, so what it quotes must be escaped. caption: NULL = none. Thread: one
 * at a time. */
ARC_API void arc_page_drawing(arc_page *page, const char *svg, const char *caption);

/** Adds plots, [count], side by side where there is room. Thread: one at a time. */
ARC_API void arc_page_plots(arc_page *page, const arc_plot *plots, int count);

/** One rectangle of a treemap. */
typedef struct arc_treemap_item {
    const char *name;   /**< written on it where there is room, and shown under the pointer */
    const char *label;  /**< a second line of few letters: its value */
    const char *detail; /**< shown under the pointer: lines of text */
    double value;       /**< its area; what is not above 0 is left out */
    int group;          /**< its colour: from 0, as in `groups` */
} arc_treemap_item;

/** Adds a treemap: rectangles, [count], whose areas are their values, and a key of the groups' colours, [group_count], of which
 * eight differ. Thread: one at a time. Source: Bruls et al., Squarified Treemaps, VisSym 2000. */
ARC_API void arc_page_treemap(arc_page *page, const arc_treemap_item *items, int count, const char *const *groups,
                              int group_count);

/** Adds pictures, [count], in a grid, each side_px wide and kept as JPEG. captions: [count], NULL = none. Thread: one at a
 * time. */
ARC_API void arc_page_images(arc_page *page, const arc_image *images, const char *const *captions, int count, int side_px);

/** Writes the page atomically. Thread: one at a time.
 * Errors: the first failure since arc_page_new (ENOMEM, ELIMIT above ARC_PAGE_MAX_BYTES, EINVAL); EIO. */
ARC_API ARC_NODISCARD arc_status arc_page_save(arc_page *page, const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
