/* deploy/card: the whole card: what it is made of, its sections in the order of the template, the file. */
#include "deploy/card/card.h"
#include <string.h>
#include <time.h>

void arc_card_options_default(arc_card_options *opt) {
    *opt = (arc_card_options){.struct_size = sizeof *opt};
}

static bool ends_in(const char *path, const char *suffix) {
    const size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

/* The file without its suffix. */
static const char *name_of(arc_card_document *d, const arc_card_sources *s) {
    if (s->opt->name)
        return s->opt->name;
    const char *file = s->model->path ? arc_path_name(s->model->path) : s->model->graph->name;
    if (!file || !*file)
        return "A model";
    const char *dot = strrchr(file, '.');
    return arc_card_print(d, "%.*s", (int)(dot && dot > file ? dot - file : (ptrdiff_t)strlen(file)), file);
}

static const char *subtitle_of(arc_card_document *d, const arc_contract *c) {
    if (c->task == ARC_TASK_EMBED)
        return arc_card_print(
            d, "Face recognition: an aligned face of %d x %d pixels becomes %d numbers, which are compared by cosine",
            c->input_width_px, c->input_height_px, c->dim);
    return c->task == ARC_TASK_DETECT ? "Face detection: a photo becomes boxes, scores and landmarks of faces" : "A network";
}

static void today(char text[16]) {
    const time_t now = time(NULL);
    struct tm utc;
    text[0] = '\0';
    if (gmtime_r(&now, &utc))
        strftime(text, 16, "%Y-%m-%d", &utc);
}

static arc_status write_card(const arc_card_sources *s, arc_card_document *d, const char *path, arc_error *err) {
    arc_card_blocks blocks;
    const arc_status st = arc_card_blocks_find(s->ctx, s->model, d, &blocks, err);
    if (st != ARC_OK)
        return st;
    d->title = arc_card_print(d, "%s", name_of(d, s));
    d->subtitle = subtitle_of(d, &s->model->contract);
    arc_card_tiles(d, s);
    arc_card_details(d, s);
    arc_card_training(d, s);
    arc_card_metrics(d, s);
    arc_card_technical(d, s, &blocks);
    if (d->full)
        return arc_fail(err, d->arena.at_limit ? ARC_ELIMIT : ARC_ENOMEM, "the card does not fit into memory");
    return ends_in(path, ".html") ? arc_card_page(s->ctx, d, path, err) : arc_card_markdown(s->ctx, d, path, err);
}

arc_status arc_card_save(arc_context *ctx, const arc_model *model, const arc_card_options *opt, const char *path,
                         arc_error *err) {
    arc_card_options o;
    arc_card_sources s;
    char day[16];
    arc_card_options_default(&o);
    if (opt) {
        if (ARC_CHECK_OPTIONS(arc_card_options, opt, err) != ARC_OK)
            return ARC_EINVAL;
        o = *opt;
    }
    if (!ends_in(path, ".html") && !ends_in(path, ".md"))
        return arc_fail(err, ARC_EINVAL, "%s: a card is a page or Markdown, name it .html or .md", path);
    today(day);
    if (!o.date)
        o.date = day;
    arc_card_document *d = arc_mem_new(&ctx->alloc, 1, sizeof *d);
    if (!d)
        return arc_fail_nomem(err, "the card");
    arc_card_document_open(d, &ctx->alloc);
    arc_status st = arc_card_sources_open(&s, ctx, model, &o, err);
    if (st == ARC_OK)
        st = write_card(&s, d, path, err);
    arc_card_sources_close(&s);
    arc_card_document_close(d);
    arc_mem_free(&ctx->alloc, d);
    return st;
}
