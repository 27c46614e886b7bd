/* report: HTML pages built in memory, with one style sheet and no scripts; pictures and plots are embedded. eval/report and
 * the audit fill them. */
#include "report/page_internal.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct arc_page {
    arc_context *ctx;
    arc_buffer html;
    int plots; /* the number so far: each plot has its own ids */
    arc_status failed;
    arc_error err;
};

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<style>\n"
    ":root{--ink:#222932;--soft:#66707d;--back:#f4f5f7;--sheet:#fff;--line:#eceef1;--shade:#0002;--warn:#fff3d6;--link:#0b62b0}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e2e6eb;--soft:#9ba6b3;--back:#12161b;--sheet:#1c2229;--line:#303943;"
    "--shade:#0006;--warn:#42360f;--link:#7fb8f0}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0}\n"
    "main{max-width:1160px;margin:0 auto;padding:24px 20px 60px;box-sizing:border-box}\n"
    "h1{font-size:28px;line-height:1.2;margin:12px 0 4px;overflow-wrap:anywhere}h2{font-size:20px;margin:36px 0 10px}\n"
    "h3{font-size:16px;margin:24px 0 8px}\n"
    ".sub{color:var(--soft);margin:0 0 18px;overflow-wrap:anywhere}p{max-width:80ch;overflow-wrap:anywhere}a{color:var(--link)}\n"
    ".warning{background:var(--warn);border-left:4px solid #e69f00;padding:10px 14px;border-radius:4px}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px}\n"
    ".tile{background:var(--sheet);border-radius:8px;padding:14px 16px;box-shadow:0 1px 2px var(--shade)}\n"
    ".tile b{display:block;font-size:24px;line-height:1.2;overflow-wrap:anywhere}.tile span{color:var(--soft);font-size:14px}\n"
    ".scroll{overflow-x:auto;background:var(--sheet);border-radius:8px;box-shadow:0 1px 2px var(--shade)}\n"
    ".scroll+.scroll{margin-top:14px}\n"
    "table{border-collapse:collapse;width:100%;font-size:14px}caption{text-align:left;color:var(--soft);padding:10px 14px 4px}\n"
    "th,td{padding:6px 14px;text-align:left;border-top:1px solid var(--line);overflow-wrap:anywhere}"
    "th{color:var(--soft);font-weight:600}\n"
    "th,td{min-width:10.2em}" /* room for BatchNormalization; a narrow screen scrolls tables rather than setting their texts
                                letter by letter */
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;min-width:0}\n"
    ".fields{display:grid;grid-template-columns:minmax(9em,15em) 1fr;margin:0;padding:6px 16px;background:var(--sheet);"
    "border-radius:8px;box-shadow:0 1px 2px var(--shade);font-size:15px}\n"
    ".fields dt,.fields dd{margin:0;padding:7px 0;overflow-wrap:anywhere}.fields dt{color:var(--soft);padding-right:16px}\n"
    ".fields dt:not(:first-of-type),.fields dt:not(:first-of-type)+dd{border-top:1px solid var(--line)}\n"
    "@media(max-width:600px){.fields{grid-template-columns:1fr}.fields dt{padding-bottom:0;font-size:14px}"
    ".fields dd{padding-top:0}.fields dt:not(:first-of-type)+dd{border-top:0}}\n"
    ".scroll+.fields,.fields+.scroll,.fields+.drawing{margin-top:14px}\n"
    "pre{background:var(--sheet);border-radius:8px;padding:12px 16px;overflow-x:auto;font-size:14px;"
    "box-shadow:0 1px 2px var(--shade)}\n"
    /* plots and pictures are drawn on white */
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px}\n"
    ".plots figure{margin:0;background:#fff;border-radius:8px;padding:8px;box-shadow:0 1px 2px var(--shade)}\n"
    ".plots svg{width:100%;height:auto;display:block}\n"
    "@media(prefers-color-scheme:dark){.plots figure{background:#1f1f1f}.plots svg{filter:invert(.88) hue-rotate(180deg)}}\n"
    ".drawing{margin:0;padding:16px 6px;background:var(--sheet);border-radius:8px;box-shadow:0 1px 2px var(--shade)}\n"
    ".drawing svg{max-width:100%;height:auto;display:block;margin:0 auto}.drawing figcaption{text-align:center;margin-top:8px}\n"
    ".pictures{display:flex;flex-wrap:wrap;gap:12px}.pictures figure{margin:0}\n"
    ".pictures img{display:block;width:100%;border-radius:6px}\n"
    "figcaption{font-size:12px;color:var(--soft);overflow-wrap:anywhere}\n"
    ".treemap{margin:0;background:var(--sheet);border-radius:8px;padding:8px;box-shadow:0 1px 2px var(--shade)}\n"
    ".treemap svg{width:100%;height:auto;display:block}.treemap .tall{display:none}\n"
    ".key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:14px;padding:2px 4px 8px}"
    ".key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px}\n"
    "@media(max-width:640px){.treemap .wide{display:none}.treemap .tall{display:block}main{padding:12px 12px 40px}"
    ".tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:10px 12px}.tile b{font-size:19px}}\n"
    "</style>\n";

static void put(arc_page *page, const char *data, size_t bytes) {
    if (page->failed != ARC_OK)
        return;
    page->failed = arc_buffer_put(&page->html, data, bytes);
    if (page->failed == ARC_ENOMEM)
        arc_fail_nomem(&page->err, "page");
    else if (page->failed != ARC_OK)
        arc_fail(&page->err, page->failed, "the page is larger than %zu MiB; show fewer pictures", ARC_PAGE_MAX_BYTES >> 20);
}

void arc_page_put(arc_page *page, const char *text) {
    put(page, text, strlen(text));
}

/* The length of the UTF-8 character at `s` in bytes, 0 if it is not valid. */
static size_t utf8_bytes(const unsigned char *s) {
    if (s[0] < 0x80)
        return 1;
    size_t bytes = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (s[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return overlong || outside ? 0 : bytes;
}

void arc_page_put_escaped(arc_page *page, const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t bytes = utf8_bytes(s);
        switch (*s) {
        case '<':
            arc_page_put(page, "&lt;");
            break;
        case '>':
            arc_page_put(page, "&gt;");
            break;
        case '&':
            arc_page_put(page, "&amp;");
            break;
        case '"':
            arc_page_put(page, "&quot;");
            break;
        default:
            if (bytes == 0 || (*s < 0x20 && *s != '\n' && *s != '\t'))
                arc_page_put(page, "\xef\xbf\xbd");
            else
                put(page, (const char *)s, bytes);
        }
        s += bytes ? bytes : 1;
    }
}

void arc_page_putf(arc_page *page, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    arc_number_print(text, sizeof text, fmt, args);
    va_end(args);
    arc_page_put(page, text);
}

const arc_alloc *arc_page_alloc(const arc_page *page) {
    return &page->ctx->alloc;
}

void arc_page_nomem(arc_page *page) {
    if (page->failed == ARC_OK)
        page->failed = arc_fail_nomem(&page->err, "page");
}

static void put_element(arc_page *page, const char *before, const char *text, const char *after) {
    arc_page_put(page, before);
    arc_page_put_escaped(page, text);
    arc_page_put(page, after);
}

arc_status arc_page_new(arc_context *ctx, const char *title, const char *subtitle, arc_page **out, arc_error *err) {
    arc_page *page = *out = arc_mem_new(&ctx->alloc, 1, sizeof *page);
    if (!page)
        return arc_fail_nomem(err, "page");
    page->ctx = ctx;
    arc_buffer_init(&page->html, &ctx->alloc, ARC_PAGE_MAX_BYTES);
    arc_page_put(page, head);
    put_element(page, "<title>", title, "</title></head>\n<body><main>\n");
    put_element(page, "<h1>", title, "</h1>\n");
    if (subtitle)
        put_element(page, "<p class=\"sub\">", subtitle, "</p>\n");
    return ARC_OK;
}

void arc_page_free(arc_page **page) {
    if (!page || !*page)
        return;
    arc_buffer_free(&(*page)->html);
    arc_mem_free(&(*page)->ctx->alloc, *page);
    *page = NULL;
}

void arc_page_heading(arc_page *page, const char *text) {
    put_element(page, "<h2>", text, "</h2>\n");
}

void arc_page_subheading(arc_page *page, const char *text) {
    put_element(page, "<h3>", text, "</h3>\n");
}

void arc_page_text(arc_page *page, const char *text) {
    put_element(page, "<p>", text, "</p>\n");
}

void arc_page_warning(arc_page *page, const char *text) {
    put_element(page, "<p class=\"warning\">", text, "</p>\n");
}

void arc_page_tiles(arc_page *page, const char *const *value, const char *const *label, int count) {
    arc_page_put(page, "<div class=\"tiles\">\n");
    for (int i = 0; i < count; i++) {
        put_element(page, "<div class=\"tile\"><b>", value[i], "</b>");
        put_element(page, "<span>", label[i], "</span></div>\n");
    }
    arc_page_put(page, "</div>\n");
}

void arc_page_code(arc_page *page, const char *text) {
    put_element(page, "<pre>", text, "</pre>\n");
}

/* An address that a browser opens as a page; others, such as those of scripts, stay text. */
static bool can_be_followed(const char *text) {
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

void arc_page_links(arc_page *page, const char *const *address, int count) {
    arc_page_put(page, "<ul>\n");
    for (int i = 0; i < count; i++) {
        arc_page_put(page, "<li>");
        if (can_be_followed(address[i]))
            put_element(page, "<a href=\"", address[i], "\">");
        put_element(page, "", address[i], can_be_followed(address[i]) ? "</a></li>\n" : "</li>\n");
    }
    arc_page_put(page, "</ul>\n");
}

void arc_page_fields(arc_page *page, const char *const *name, const char *const *value, int count) {
    arc_page_put(page, "<dl class=\"fields\">\n");
    for (int i = 0; i < count; i++) {
        put_element(page, "<dt>", name[i], "</dt>");
        put_element(page, "<dd>", value[i], "</dd>\n");
    }
    arc_page_put(page, "</dl>\n");
}

void arc_page_drawing(arc_page *page, const char *svg, const char *caption) {
    arc_page_put(page, "<figure class=\"drawing\">");
    arc_page_put(page, svg);
    if (caption)
        put_element(page, "<figcaption>", caption, "</figcaption>");
    arc_page_put(page, "</figure>\n");
}

static bool like_a_number(const char *cell) {
    const char *c = cell;
    if (*c == '-' || *c == '+')
        c++;
    return isdigit((unsigned char)*c) || strcmp(cell, "-") == 0 || strcmp(cell, "") == 0;
}

static bool number_column(const char *const *cells, int rows, int columns, int column) {
    for (int r = 0; r < rows; r++)
        if (!like_a_number(cells[r * columns + column]))
            return false;
    return rows > 0;
}

static void put_cell(arc_page *page, bool is_head, bool number, const char *text) {
    arc_page_put(page, is_head ? "<th" : "<td");
    arc_page_put(page, number ? " class=\"n\">" : ">");
    arc_page_put_escaped(page, text);
    arc_page_put(page, is_head ? "</th>" : "</td>");
}

void arc_page_table(arc_page *page, const char *caption, const char *const *heads, int columns, const char *const *cells,
                    int rows) {
    arc_page_put(page, "<div class=\"scroll\"><table>\n");
    if (caption)
        put_element(page, "<caption>", caption, "</caption>\n");
    for (int r = heads ? -1 : 0; r < rows; r++) {
        arc_page_put(page, "<tr>");
        for (int c = 0; c < columns; c++)
            put_cell(page, r < 0, number_column(cells, rows, columns, c), r < 0 ? heads[c] : cells[r * columns + c]);
        arc_page_put(page, "</tr>\n");
    }
    arc_page_put(page, "</table></div>\n");
}

void arc_page_plots(arc_page *page, const arc_plot *plots, int count) {
    arc_page_put(page, "<div class=\"plots\">\n");
    for (int i = 0; i < count && page->failed == ARC_OK; i++) {
        char prefix[24], *svg;
        snprintf(prefix, sizeof prefix, "plot%d", page->plots++);
        const arc_plot_sheet sheet = {&plots[i], 1, 1, 0, 0};
        page->failed = arc_plot_svg(page->ctx, &sheet, prefix, &svg, &page->err);
        if (page->failed != ARC_OK)
            return;
        arc_page_put(page, "<figure>");
        arc_page_put(page, svg);
        arc_page_put(page, "</figure>\n");
        arc_text_free(page->ctx, &svg);
    }
    arc_page_put(page, "</div>\n");
}

static void put_base64(arc_page *page, const uint8_t *bytes, size_t count) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char line[1024];
    size_t used = 0;
    for (size_t i = 0; i < count; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < count ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < count ? bytes[i + 2] : 0;
        line[used++] = digit[three >> 18];
        line[used++] = digit[three >> 12 & 63];
        line[used++] = i + 1 < count ? digit[three >> 6 & 63] : '=';
        line[used++] = i + 2 < count ? digit[three & 63] : '=';
        if (used == sizeof line) {
            put(page, line, used);
            used = 0;
        }
    }
    put(page, line, used);
}

void arc_page_images(arc_page *page, const arc_image *images, const char *const *captions, int count, int side_px) {
    arc_page_put(page, "<div class=\"pictures\">\n");
    for (int i = 0; i < count && page->failed == ARC_OK; i++) {
        uint8_t *jpeg;
        size_t bytes;
        char width[64];
        page->failed = arc_image_encode(page->ctx, &images[i], ".jpg", &jpeg, &bytes, &page->err);
        if (page->failed != ARC_OK)
            return;
        snprintf(width, sizeof width, "<figure style=\"width:min(100%%,%dpx)\">", side_px);
        arc_page_put(page, width);
        put_element(page, "<img alt=\"", captions && captions[i] ? captions[i] : "", "\" src=\"data:image/jpeg;base64,");
        put_base64(page, jpeg, bytes);
        arc_page_put(page, "\">");
        arc_image_bytes_free(page->ctx, &jpeg);
        if (captions && captions[i])
            put_element(page, "<figcaption>", captions[i], "</figcaption>");
        arc_page_put(page, "</figure>\n");
    }
    arc_page_put(page, "</div>\n");
}

arc_status arc_page_save(arc_page *page, const char *path, arc_error *err) {
    size_t whole = page->html.bytes;
    arc_page_put(page, "</main></body></html>\n");
    if (page->failed != ARC_OK) {
        if (err)
            *err = page->err;
        return page->failed;
    }
    const arc_status st = arc_file_save(&page->ctx->alloc, path, page->html.data, page->html.bytes, err);
    page->html.bytes = whole; /* so that more may be added and the page saved again */
    return st;
}
