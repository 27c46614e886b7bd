/* The page: whole and escaped, pictures that decode again, the first failure kept. */
#include "base/base.h"
#include "folder.h"
#include "support.h"
#include <arcface/page.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static arc_context context, *ctx = &context;
static const char *path;

static const char *saved(arc_page *page, arc_map *map) {
    arc_error err = {0};
    if (arc_page_save(page, path, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_map_open(map, path, 1 << 26, &err), ARC_OK);
    char *text = malloc(map->bytes + 1);
    memcpy(text, map->data, map->bytes);
    text[map->bytes] = 0;
    return text;
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        count++;
    return count;
}

static void texts_are_escaped(void **state) {
    (void)state;
    arc_page *page;
    arc_map map;
    assert_int_equal(arc_page_new(ctx, "a <b> & \"c\"", NULL, &page, NULL), ARC_OK);
    arc_page_heading(page, "Zo\xc3\xab");
    arc_page_text(page, "\xff\x01 \xe2\x82\xac \xc0\xaf \xed\xa0\x80");
    const char *heads[] = {"name", "value"}, *cells[] = {"<x>", "-1.5", "y", "12 %"};
    arc_page_table(page, "caption", heads, 2, cells, 2);
    arc_page_table(page, NULL, NULL, 2, cells, 2);
    char *text = (char *)(uintptr_t)saved(page, &map);
    assert_non_null(strstr(text, "<h1>a &lt;b&gt; &amp; &quot;c&quot;</h1>"));
    assert_non_null(strstr(text, "<h2>Zo\xc3\xab</h2>"));
    assert_non_null(strstr(text, "<p>\xef\xbf\xbd\xef\xbf\xbd \xe2\x82\xac \xef\xbf\xbd\xef\xbf\xbd "));
    assert_non_null(strstr(text, "<th>name</th><th class=\"n\">value</th>"));
    assert_non_null(strstr(text, "<td>&lt;x&gt;</td><td class=\"n\">-1.5</td>"));
    assert_int_equal(count_of(text, "<tr>"), 3 + 2); /* the second table has no heads */
    assert_non_null(strstr(text, "</html>"));
    assert_null(strstr(text, "http:/")); /* needs nothing from elsewhere; see also plots below */
    free(text);
    arc_map_close(&map);
    arc_page_free(&page);
    arc_page_free(&page);
}

static void parts_of_a_card(void **state) {
    (void)state;
    arc_page *page;
    arc_map map;
    assert_int_equal(arc_page_new(ctx, "t", NULL, &page, NULL), ARC_OK);
    const char *names[] = {"a<b", "c"}, *values[] = {"1 & 2", "\"3\""};
    arc_page_subheading(page, "<i>");
    arc_page_fields(page, names, values, 2);
    arc_page_code(page, "a < b\n  c");
    const char *addresses[] = {"https://x.org/?a=1&b=\"2\"", "javascript:alert(1)", "HTTP://x", "http://y"};
    arc_page_links(page, addresses, 4);
    arc_page_drawing(page, "<svg><path/></svg>", "a > b");
    char *text = (char *)(uintptr_t)saved(page, &map);
    assert_non_null(strstr(text, "<h3>&lt;i&gt;</h3>"));
    assert_non_null(strstr(text, "<dt>a&lt;b</dt><dd>1 &amp; 2</dd>\n<dt>c</dt><dd>&quot;3&quot;</dd>\n</dl>"));
    assert_non_null(strstr(text, "<pre>a &lt; b\n  c</pre>"));
    assert_non_null(
        strstr(text, "<a href=\"https://x.org/?a=1&amp;b=&quot;2&quot;\">https://x.org/?a=1&amp;b=&quot;2&quot;</a>"));
    assert_non_null(strstr(text, "<li>javascript:alert(1)</li>\n<li>HTTP://x</li>\n<li><a href=\"http://y\">"));
    assert_non_null(strstr(text, "<svg><path/></svg><figcaption>a &gt; b</figcaption>"));
    free(text);
    arc_map_close(&map);
    arc_page_free(&page);
}

static size_t from_base64(const char *text, uint8_t *bytes) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t count = 0;
    uint32_t bits = 0;
    int held = 0;
    for (; *text != '"' && *text != '='; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digit, *text) - digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[count++] = (uint8_t)(bits >> held);
        }
    }
    return count;
}

static void pictures_decode_again(void **state) {
    (void)state;
    static uint8_t pixels[40 * 30 * 3], jpeg[1 << 16];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / 90 * 2);
    for (int width = 28; width <= 30; width++) { /* every length of the last base64 group, surely */
        arc_page *page;
        arc_map map;
        arc_image image = {pixels, width, 40, 90, ARC_RGB8}, back;
        const char *caption = "one";
        assert_int_equal(arc_page_new(ctx, "t", "s", &page, NULL), ARC_OK);
        arc_page_images(page, &image, &caption, 1, 112);
        char *text = (char *)(uintptr_t)saved(page, &map);
        const char *data = strstr(text, "base64,");
        assert_non_null(data);
        size_t count = from_base64(data + 7, jpeg);
        assert_int_equal(arc_image_decode(ctx, jpeg, count, "page", NULL, &back, NULL, NULL), ARC_OK);
        assert_int_equal(back.width_px, width);
        arc_image_free(ctx, &back);
        free(text);
        arc_map_close(&map);
        arc_page_free(&page);
    }
}

static void plots_have_their_own_ids(void **state) {
    (void)state;
    static const double x[] = {0, 1, 2}, y[] = {1, 0, 1};
    arc_plot_series series = {"s", ARC_PLOT_LINE, x, y, 3, ARC_PLOT_AUTO, 0, false};
    arc_plot plot[2] = {{.title = "one", .series = &series, .series_count = 1},
                        {.title = "two", .series = &series, .series_count = 1}};
    arc_page *page;
    arc_map map;
    assert_int_equal(arc_page_new(ctx, "t", NULL, &page, NULL), ARC_OK);
    arc_page_plots(page, plot, 2);
    char *text = (char *)(uintptr_t)saved(page, &map);
    assert_non_null(strstr(text, "id=\"plot0"));
    assert_non_null(strstr(text, "id=\"plot1"));
    free(text);
    arc_map_close(&map);
    plot[0].series_count = -1;
    arc_page_plots(page, plot, 1);
    arc_page_text(page, "later calls do nothing");
    arc_error err = {0};
    assert_int_equal(arc_page_save(page, path, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "series"));
    arc_page_free(&page);
}

static void failing_memory(void **state) {
    (void)state;
    static uint8_t pixels[12 * 12 * 3];
    arc_test_heap heap = {0};
    arc_context small = {.alloc = arc_test_heap_alloc(&heap)};
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_page *page = NULL;
        arc_error err = {0};
        arc_image image = {pixels, 12, 12, 36, ARC_RGB8};
        arc_test_walk_begin(&walk);
        st = arc_page_new(&small, "t", NULL, &page, &err);
        if (st == ARC_OK) {
            arc_page_images(page, &image, NULL, 1, 50);
            st = arc_page_save(page, path, &err);
        }
        arc_page_free(&page);
    } while (arc_test_walk_again(&walk, st));
}

/* Reads ` name="number"` behind *at, and moves it on. */
static double number_in(const char **at, const char *name) {
    char key[32];
    snprintf(key, sizeof key, " %s=\"", name);
    *at = strstr(*at, key);
    assert_non_null(*at);
    *at += strlen(key);
    return strtod(*at, NULL);
}

/* Areas are values, tiles stay inside and side by side; twice, and nothing for what has no area. */
static void treemaps(void **state) {
    (void)state;
    const arc_treemap_item items[] = {
        {"a <b>", "6 ms", "detail &", 6, 0},      {"absent", "0", "", 0, 1}, {"c", "3 ms", "d", 3, 1},
        {"long name of a layer", "1", "d", 1, 1}, {"e", "2 ms", "d", 2, 0},  {"not", "", "", NAN, 0}};
    const double width[2] = {1120, 350}, height[2] = {520, 640};
    const char *const groups[] = {"x", "y"};
    arc_page *page;
    arc_map map;
    assert_int_equal(arc_page_new(ctx, "t", NULL, &page, NULL), ARC_OK);
    arc_page_treemap(page, items, (int)ARC_COUNT(items), groups, 2);
    char *text = (char *)(uintptr_t)saved(page, &map);
    assert_int_equal(count_of(text, "<rect "), 2 * 4);
    assert_non_null(strstr(text, "<title>a &lt;b&gt;\ndetail &amp;</title>"));
    assert_null(strstr(text, "absent"));
    const char *at = text;
    for (int form = 0; form < 2; form++) {
        static const double value[] = {6, 3, 2, 1};
        double x[4], y[4], w[4], h[4];
        for (int i = 0; i < 4; i++) {
            at = strstr(at, "<rect");
            x[i] = number_in(&at, "x");
            y[i] = number_in(&at, "y");
            w[i] = number_in(&at, "width") + 1; /* the gap */
            h[i] = number_in(&at, "height") + 1;
            assert_true(fabs(w[i] * h[i] / (width[form] * height[form]) - value[i] / 12) < 1e-3);
            assert_true(x[i] >= 0 && y[i] >= 0 && x[i] + w[i] <= width[form] + 0.1 && y[i] + h[i] <= height[form] + 0.1);
            assert_true(fmax(w[i] / h[i], h[i] / w[i]) < 4); /* near to squares */
            for (int k = 0; k < i; k++)
                assert_true(x[i] >= x[k] + w[k] - 0.1 || x[k] >= x[i] + w[i] - 0.1 || y[i] >= y[k] + h[k] - 0.1 ||
                            y[k] >= y[i] + h[i] - 0.1);
        }
    }
    free(text);
    arc_map_close(&map);
    arc_page_free(&page);
}

int main(void) {
    context.alloc = arc_alloc_libc;
    path = in_folder("page.html");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),        cmocka_unit_test(parts_of_a_card), cmocka_unit_test(pictures_decode_again),
        cmocka_unit_test(plots_have_their_own_ids), cmocka_unit_test(treemaps),        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
