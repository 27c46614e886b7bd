/* Plots: curves, bars and marks on linear, logarithmic or probit axes, as SVG text or PNG pictures. */
#ifndef ARCFACE_PLOT_H
#define ARCFACE_PLOT_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum arc_plot_scale {
    ARC_PLOT_LINEAR,
    ARC_PLOT_LOG,   /* base 10; values <= 0 are left out */
    ARC_PLOT_PROBIT /* the normal deviate of a rate 0..1, as DET curves have it; rates are shown in percent */
} arc_plot_scale;

typedef struct arc_plot_axis {
    const char *label;
    arc_plot_scale scale;
    double min, max; /* min >= max: from the data */
} arc_plot_axis;

typedef enum arc_plot_kind {
    ARC_PLOT_LINE,
    ARC_PLOT_STEPS, /* y[i] holds from x[i] to x[i+1] */
    ARC_PLOT_BARS,  /* translucent bars from the axis to y[i], from x[i] to x[i+1]; the last is as wide as the one before */
    ARC_PLOT_DOTS
} arc_plot_kind;

#define ARC_PLOT_AUTO 0xFF000000u /* the next colour of a palette that colour-blind people can tell apart */
#define ARC_PLOT_COLOUR(n) (0xFE000000u | (uint32_t)(n)) /* its n-th colour, from 0: series that belong together share one */
#define ARC_PLOT_MAX_SERIES 64
#define ARC_PLOT_MAX_PANELS 64

typedef struct arc_plot_series {
    const char *name; /* in the legend; NULL = not there */
    arc_plot_kind kind;
    const double *x, *y; /* [count], borrowed; a value that is not finite breaks the line */
    size_t count;
    uint32_t rgb;    /* 0xRRGGBB, ARC_PLOT_AUTO or ARC_PLOT_COLOUR */
    double width_px; /* of lines, diameter of dots; 0 = 1.8 */
    bool dashed;
} arc_plot_series;

/* A straight line over the whole plot: an operating point, a threshold. */
typedef struct arc_plot_mark {
    const char *text; /* beside it; NULL = none */
    double at;
    bool horizontal; /* at a value of y; else of x */
} arc_plot_mark;

/* One panel. Zero everything that is not needed. */
typedef struct arc_plot {
    const char *title;
    arc_plot_axis x, y;
    const arc_plot_series *series;
    int series_count; /* 0..ARC_PLOT_MAX_SERIES */
    const arc_plot_mark *mark;
    int mark_count;
} arc_plot;

/* Several panels side by side, row by row. */
typedef struct arc_plot_sheet {
    const arc_plot *panel;
    int panels;                          /* 1..ARC_PLOT_MAX_PANELS */
    int columns;                         /* 0 = 1 */
    int panel_width_px, panel_height_px; /* 0 = 560 x 380; at most 8192 in all */
} arc_plot_sheet;

/* Writes .svg or .png by the name's suffix, atomically. Thread: any.
 * Errors: EINVAL (another suffix, sizes or counts out of range; names the panel), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_plot_save(arc_context *ctx, const arc_plot_sheet *sheet, const char *path, arc_error *err);

/* The sheet as an <svg> element for a page: no XML declaration, text as outlines, no reference to anything outside. Ownership: free with
 * arc_text_free. `prefix` (letters, digits; NULL = "p") begins every id in it, so that many may stand on one page. Errors: as above. */
ARC_API ARC_NODISCARD arc_status arc_plot_svg(arc_context *ctx, const arc_plot_sheet *sheet, const char *prefix, char **svg,
                                              arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
