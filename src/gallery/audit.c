/* gallery: the audit log. It names people by id, so that a person who was removed is in it no more than as a number. */
#include "gallery/gallery_internal.h"
#include <stdio.h>
#include <string.h>

static arc_bytes bytes_of(const char *text) {
    return (arc_bytes){.data = text, .bytes = strlen(text)};
}

arc_status arc_gallery_note(arc_gallery *g, const char *action, const char *subject, arc_error *err, const char *fmt, ...) {
    char detail[512];
    va_list args;
    va_start(args, fmt);
    arc_number_print(detail, sizeof detail, fmt, args);
    va_end(args);
    const arc_audit_row row = {.when_ms = arc_clock_today_ms(),
                               .actor = bytes_of(g->actor),
                               .action = bytes_of(action),
                               .subject = bytes_of(subject),
                               .detail = bytes_of(detail)};
    return g->store->type->audit_put(g->store, &row, err);
}

typedef struct reading {
    arc_gallery *g;
    arc_audit_fn *visit;
    void *arg;
    arc_buffer text; /* the four of a line */
    bool ended;
} reading;

static arc_status put_text(reading *r, arc_bytes value, size_t *at) {
    *at = r->text.bytes;
    const arc_status st = arc_buffer_put(&r->text, value.data, value.bytes);
    return st == ARC_OK ? arc_buffer_put(&r->text, "", 1) : st;
}

static arc_status read_line(void *arg, const arc_audit_row *row, arc_error *err) {
    reading *r = arg;
    size_t actor, action, subject, detail;
    arc_status st;
    r->text.bytes = 0;
    ARC_TRY(put_text(r, row->actor, &actor));
    ARC_TRY(put_text(r, row->action, &action));
    ARC_TRY(put_text(r, row->subject, &subject));
    ARC_TRY(put_text(r, row->detail, &detail));
    const char *text = (const char *)r->text.data;
    const arc_audit_entry entry = {.id = row->id,
                                   .when_ms = row->when_ms,
                                   .actor = text + actor,
                                   .action = text + action,
                                   .subject = text + subject,
                                   .detail = text + detail};
    r->ended = r->visit(r->arg, &entry) != 0;
    return r->ended ? ARC_ECANCEL : ARC_OK;
done:
    return arc_fail(err, st, "a line of the audit log does not fit into memory");
}

arc_status arc_gallery_audit_log(arc_gallery *g, int64_t after_id, arc_audit_fn *visit, void *arg, arc_error *err) {
    reading r = {.g = g, .visit = visit, .arg = arg};
    arc_buffer_init(&r.text, &g->ctx->alloc, (size_t)1 << 20);
    arc_status st = arc_gallery_enter(g, false, err);
    if (st == ARC_OK) {
        st = g->store->type->audit_each(g->store, after_id, read_line, &r, err);
        st = arc_gallery_leave(g, r.ended ? ARC_OK : st, err);
    }
    arc_buffer_free(&r.text);
    return st;
}
