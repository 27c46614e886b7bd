/** @file
 * Plots: curves, bars and marks on linear, logarithmic or probit axes, as SVG text or PNG pictures.
 */
#ifndef ARCFACE_PLOT_H
#define ARCFACE_PLOT_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How values lie along an axis. */
typedef enum arc_plot_scale {
    ARC_PLOT_LINEAR, /**< evenly */
    ARC_PLOT_LOG,    /**< by logarithm, base 10; values up to 0 are left out */
    /** By the normal deviate of a rate 0..1, as DET curves have it (Martin et al., 1997); labels in percent */
    ARC_PLOT_PROBIT
} arc_plot_scale;

/** One axis. */
typedef struct arc_plot_axis {
    const char *label;    /**< beside the axis; NULL = none */
    arc_plot_scale scale; /**< how values lie */
    double min;           /**< lower end; min >= max: both ends from the data */
    double max;           /**< upper end */
} arc_plot_axis;

/** How the points of a series are drawn. */
typedef enum arc_plot_kind {
    ARC_PLOT_LINE,  /**< joined by straight lines */
    ARC_PLOT_STEPS, /**< y[i] holds from x[i] to x[i+1] */
    /** Translucent bars from the axis to y[i], from x[i] to x[i+1]; the last is as wide as the one before */
    ARC_PLOT_BARS,
    ARC_PLOT_DOTS /**< discs */
} arc_plot_kind;

/** Colour of a series: the next one of a palette that colour-blind people can tell apart. */
#define ARC_PLOT_AUTO 0xFF000000u
/** Colour of a series: number n, from 0, of that palette, so that series that belong together share one. */
#define ARC_PLOT_COLOUR(n) (0xFE000000u | (uint32_t)(n))
/** Most series in a panel. */
#define ARC_PLOT_MAX_SERIES 64
/** Most panels on a sheet. */
#define ARC_PLOT_MAX_PANELS 64

/** One curve, histogram or cloud of points. */
typedef struct arc_plot_series {
    const char *name;   /**< in the legend; NULL = not there */
    arc_plot_kind kind; /**< how it is drawn */
    const double *x;    /**< [count] */
    const double *y;    /**< [count]; a value that is not finite breaks the line */
    size_t count;       /**< number of points */
    uint32_t rgb;       /**< 0xRRGGBB, ARC_PLOT_AUTO or ARC_PLOT_COLOUR(n) */
    double width_px;    /**< width of lines, diameter of dots; 0 = 1.8 */
    bool dashed;        /**< a dashed line */
} arc_plot_series;

/** A straight line over the whole panel: an operating point, a threshold. */
typedef struct arc_plot_mark {
    const char *text; /**< beside it; NULL = none */
    double at;        /**< value of x, or of y when horizontal */
    bool horizontal;  /**< across, at a value of y; else upright */
} arc_plot_mark;

/** One panel; what is not needed is zero. */
typedef struct arc_plot {
    const char *title;             /**< above it; NULL = none */
    arc_plot_axis x;               /**< axis across */
    arc_plot_axis y;               /**< axis upwards */
    const arc_plot_series *series; /**< [series_count] */
    int series_count;              /**< 0 to ARC_PLOT_MAX_SERIES */
    const arc_plot_mark *mark;     /**< [mark_count] */
    int mark_count;                /**< number of marks */
} arc_plot;

/** Several panels side by side, row by row. */
typedef struct arc_plot_sheet {
    const arc_plot *panel; /**< [panels] */
    int panels;            /**< 1 to ARC_PLOT_MAX_PANELS */
    int columns;           /**< panels in a row; 0 = 1 */
    int panel_width_px;    /**< width of a panel; 0 = 560; a whole sheet is at most 8192 wide and high */
    int panel_height_px;   /**< height of a panel; 0 = 380 */
} arc_plot_sheet;

/** Writes .svg or .png by the name's suffix, atomically. Thread: any.
 * Errors: EINVAL (another suffix, sizes or counts out of range; names the panel), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_plot_save(arc_context *ctx, const arc_plot_sheet *sheet, const char *path, arc_error *err);

/** The sheet as an svg element for a page: no XML declaration, text as outlines, no reference to anything outside. `prefix`
 * (letters and digits; NULL = "p") begins every id in it, so that many may stand on one page.
 * Ownership: free *svg with arc_text_free. Thread: any. Errors: EINVAL as for arc_plot_save, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_plot_svg(arc_context *ctx, const arc_plot_sheet *sheet, const char *prefix, char **svg,
                                              arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
