/* Plots: the normal quantile, ranges and ticks by hand, documents that are whole, refusals, failing memory. */
#include "folder.h"
#include "plot/plot_internal.h"
#include "support.h"
#include <string.h>

static arc_context context, *ctx = &context;

static void test_probit(void **state) {
    (void)state;
    const double known[][2] = {
        {0.5, 0}, {0.975, 1.959963984540054}, {0.001, -3.090232306167813}, {1e-6, -4.753424308822899}, {0.8413447460685429, 1}};
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        assert_true(fabs(arc_plot_probit(known[i][0]) - known[i][1]) < 1e-8);
    assert_true(isnan(arc_plot_probit(0)) && isnan(arc_plot_probit(1)) && isnan(arc_plot_probit(NAN)));
}

static void test_linear_ticks(void **state) {
    (void)state;
    arc_plot_range range;
    arc_plot_range_settle(&range, &(arc_plot_axis){0}, 0.13, 1.87, false);
    assert_true(range.min == 0 && range.max == 2);
    assert_int_equal(range.ticks, 11);
    assert_string_equal(range.tick[0].text, "0.0");
    assert_string_equal(range.tick[10].text, "2.0");
    assert_true(fabs(arc_plot_position(&range, 0.5) - 0.25) < 1e-12);

    arc_plot_range_settle(&range, &(arc_plot_axis){.min = -1, .max = 1}, 5, 6, false); /* own ends win over data */
    assert_true(range.min == -1 && range.max == 1);
    arc_plot_range_settle(&range, &(arc_plot_axis){0}, 3, 3, false); /* one value: still a range */
    assert_true(range.min < 3 && range.max > 3);
    arc_plot_range_settle(&range, &(arc_plot_axis){0}, INFINITY, -INFINITY, false); /* no data */
    assert_true(range.min < range.max && range.ticks >= 2);
    arc_plot_range_settle(&range, &(arc_plot_axis){0}, 4, 9, true); /* bars stand on zero */
    assert_true(range.min == 0);
}

static void test_other_ticks(void **state) {
    (void)state;
    arc_plot_range range;
    arc_plot_range_settle(&range, &(arc_plot_axis){.scale = ARC_PLOT_LOG}, 3e-6, 0.7, false);
    assert_true(fabs(range.min / 1e-6 - 1) < 1e-9 && fabs(range.max - 1) < 1e-9);
    assert_string_equal(range.tick[0].text, "1e-6");
    assert_string_equal(range.tick[range.ticks - 1].text, "1");
    assert_true(fabs(arc_plot_position(&range, 1e-3) - 0.5) < 1e-9 && isnan(arc_plot_position(&range, 0)));
    arc_plot_range_settle(&range, &(arc_plot_axis){.scale = ARC_PLOT_PROBIT, .min = 0.001, .max = 0.5}, 1, 0, false);
    assert_string_equal(range.tick[0].text, "0.1%");
    assert_string_equal(range.tick[range.ticks - 1].text, "50%");
    assert_true(fabs(arc_plot_position(&range, 0.5) - 1) < 1e-9);
}

#define POINTS 2000
static double curve_x[POINTS], curve_y[POINTS];

static arc_plot_sheet a_sheet(void) {
    static arc_plot_series series[3];
    static const arc_plot_mark mark[] = {{"here", 500, false}, {NULL, 0.5, true}};
    static arc_plot panel[2];
    for (int i = 0; i < POINTS; i++) {
        curve_x[i] = i;
        curve_y[i] = i % 97 == 0 ? NAN : sin(i / 200.0);
    }
    series[0] = (arc_plot_series){"sine <&>", ARC_PLOT_LINE, curve_x, curve_y, POINTS, ARC_PLOT_AUTO, 0, false};
    series[1] = (arc_plot_series){"bars", ARC_PLOT_BARS, curve_x, curve_x, 20, ARC_PLOT_AUTO, 0, false};
    series[2] = (arc_plot_series){"dots", ARC_PLOT_DOTS, curve_x, curve_x, 20, 0xff0000, 0, true};
    panel[0] = (arc_plot){"one", {.label = "x"}, {.label = "y"}, series, 1, mark, 2};
    panel[1] = (arc_plot){"two", {.scale = ARC_PLOT_LOG}, {0}, series + 1, 2, NULL, 0};
    return (arc_plot_sheet){panel, 2, 2, 300, 200};
}

static void test_svg(void **state) {
    (void)state;
    arc_error err = {0};
    char *svg = NULL;
    arc_plot_sheet sheet = a_sheet();
    assert_int_equal(arc_plot_svg(ctx, &sheet, "roc", &svg, &err), ARC_OK);
    assert_true(strncmp(svg, "<svg", 4) == 0);
    assert_non_null(strstr(svg, "</svg>"));
    assert_non_null(strstr(svg, "id=\"roc"));
    assert_null(strstr(svg, "id=\"glyph")); /* every id has the prefix */
    assert_null(strstr(svg, "href=\"#glyph"));
    assert_null(strstr(svg, "nan"));
    arc_text_free(ctx, &svg);
    assert_null(svg);
}

static int times_in(const char *text, const char *part) {
    int times = 0;
    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        times++;
    return times;
}

/* The first colour of the palette: the first series', by its number, and spelt out. */
static void test_colours(void **state) {
    (void)state;
    static const uint32_t rgb[3][2] = {
        {ARC_PLOT_AUTO, ARC_PLOT_COLOUR(0)}, {ARC_PLOT_COLOUR(0), 0x0072b2}, {0x0072b2, ARC_PLOT_AUTO}};
    static const double x[] = {0, 1};
    for (int i = 0; i < 3; i++) {
        const arc_plot_series series[] = {{NULL, ARC_PLOT_LINE, x, x, 2, rgb[i][0], 0, false},
                                          {NULL, ARC_PLOT_LINE, x, x, 2, rgb[i][1], 0, false}};
        const arc_plot panel = {.series = series, .series_count = 2};
        char *svg;
        assert_int_equal(arc_plot_svg(ctx, &(arc_plot_sheet){&panel, 1, 1, 0, 0}, NULL, &svg, NULL), ARC_OK);
        assert_int_equal(times_in(svg, "44.705882%"), i < 2 ? 2 : 1); /* 0x72, and cairo's way to write it */
        arc_text_free(ctx, &svg);
    }
}

static void test_files(void **state) {
    (void)state;
    arc_error err = {0};
    arc_plot_sheet sheet = a_sheet();
    const char *png = in_folder("plot.png");
    assert_int_equal(arc_plot_save(ctx, &sheet, png, &err), ARC_OK);
    arc_map map;
    assert_int_equal(arc_map_open(&map, png, 1 << 24, &err), ARC_OK);
    assert_true(map.bytes > 1000 && memcmp(map.data, "\x89PNG", 4) == 0);
    arc_map_close(&map);
    assert_int_equal(arc_path_remove(png, &err), ARC_OK);

    assert_int_equal(arc_plot_save(ctx, &sheet, in_folder("x.gif"), &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, ".svg or .png"));
    sheet.panel_width_px = 5000;
    assert_int_equal(arc_plot_save(ctx, &sheet, in_folder("x.png"), &err), ARC_EINVAL);
    sheet = a_sheet();
    sheet.panels = 0;
    assert_int_equal(arc_plot_save(ctx, &sheet, in_folder("x.png"), &err), ARC_EINVAL);
    char *svg;
    sheet = a_sheet();
    assert_int_equal(arc_plot_svg(ctx, &sheet, "a\"b", &svg, &err), ARC_EINVAL);
    assert_null(svg);
}

static void test_failing_memory(void **state) {
    (void)state;
    arc_plot_sheet sheet = a_sheet();
    arc_test_heap heap = {0};
    arc_context small = {.alloc = arc_test_heap_alloc(&heap)};
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_error err = {0};
        char *svg;
        arc_test_walk_begin(&walk);
        st = arc_plot_svg(&small, &sheet, NULL, &svg, &err);
        arc_text_free(&small, &svg);
    } while (arc_test_walk_again(&walk, st));
}

int main(void) {
    context.alloc = arc_alloc_libc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probit),         cmocka_unit_test(test_linear_ticks),
        cmocka_unit_test(test_other_ticks),    cmocka_unit_test(test_svg),
        cmocka_unit_test(test_colours),        cmocka_unit_test(test_files),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
