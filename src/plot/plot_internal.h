/* plot: what the files of this room share: axes (ranges, ticks, scales), panels drawn with cairo, sheets written as SVG or
 * PNG. */
#ifndef ARC_PLOT_PLOT_INTERNAL_H
#define ARC_PLOT_PLOT_INTERNAL_H

#include "base/base.h"
#include <arcface/plot.h>

#define ARC_PLOT_MAX_TICKS 24

typedef struct arc_plot_tick {
    double at;
    char text[24]; /* "": a minor tick between decades */
} arc_plot_tick;

/* An axis with its final range, which has a minimal width, is finite and lies within what the scale can show. */
typedef struct arc_plot_range {
    arc_plot_scale scale;
    double min, max;  /* in data units */
    double low, high; /* the same on the scale */
    arc_plot_tick tick[ARC_PLOT_MAX_TICKS];
    int ticks;
} arc_plot_range;

/* axis.c */
/* The standard normal quantile of p in (0,1) (Acklam's approximation, relative error < 1.2e-9). */
double arc_plot_probit(double p);
/* The position of a value on a scale; NaN if it has none. */
double arc_plot_scaled(arc_plot_scale scale, double value);
/* `lowest`, `highest`: the range of the data (lowest > highest: no data). A linear axis of bars includes zero if requested. */
void arc_plot_range_settle(arc_plot_range *range, const arc_plot_axis *axis, double lowest, double highest, bool with_zero);
/* 0..1 along the axis; NaN if the value has no position. */
double arc_plot_position(const arc_plot_range *range, double value);

/* panel.c */
typedef struct _cairo cairo_t;
void arc_plot_panel_draw(cairo_t *pen, const arc_plot *plot, double width, double height);

#endif
