/* server/api: the last lines of the audit log, and those before them. */
#include "server/api/api.h"
#include <string.h>

#define LINES_MOST 1000

/* The last `limit` lines below `before`: their ids in a ring. */
typedef struct tail {
    int64_t before;
    int64_t id[LINES_MOST];
    int64_t limit, seen;
} tail;

static int note_id(void *arg, const arc_audit_entry *entry) {
    tail *last = arg;
    if (entry->id >= last->before)
        return 1;
    last->id[last->seen++ % last->limit] = entry->id;
    return 0;
}

/* The log is read from its beginning to its end; so the reading starts close to the end, and farther away until there are enough.
 * Ids rise with the lines, and there are at least as many ids as lines. */
static arc_status find_tail(const struct arc_server *server, tail *last, int64_t *after, arc_error *err) {
    arc_gallery_facts facts;
    arc_status st = arc_gallery_facts_of(server->gallery, &facts, err);
    int64_t span = last->limit;
    const int64_t end = ARC_MIN(last->before - 1, facts.audits);
    for (*after = ARC_MAX(end - span, 0); st == ARC_OK; span *= 2, *after = ARC_MAX(end - span, 0)) {
        last->seen = 0;
        st = arc_gallery_audit_log(server->gallery, *after, note_id, last, err);
        if (last->seen >= last->limit || *after == 0)
            break;
    }
    return st;
}

typedef struct page {
    arc_text *text;
    int64_t before;
    int count;
} page;

static int put_line(void *arg, const arc_audit_entry *entry) {
    page *p = arg;
    if (entry->id >= p->before)
        return 1;
    arc_text_add(p->text, "%s\n  {\"id\": %lld", p->count++ ? "," : "", (long long)entry->id);
    arc_api_put_time(p->text, "time", entry->when_ms);
    const char *const name[] = {"actor", "action", "subject", "detail"};
    const char *const value[] = {entry->actor, entry->action, entry->subject, entry->detail};
    for (size_t i = 0; i < ARC_COUNT(name); i++) {
        arc_text_add(p->text, ", \"%s\": ", name[i]);
        arc_text_quote(p->text, value[i]);
    }
    arc_text_add(p->text, "}");
    return 0;
}

void arc_api_audit(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    tail last = {.before = INT64_MAX, .limit = 100};
    page p = {.text = &response->text};
    arc_error err = {0};
    int64_t after = 0;
    if (!arc_api_has_gallery(server, response))
        return;
    arc_status st = arc_http_query_int(request, "limit", 1, LINES_MOST, &last.limit, &err);
    if (st == ARC_OK)
        st = arc_http_query_int(request, "before", 1, INT64_MAX, &last.before, &err);
    if (st != ARC_OK) {
        arc_http_fail_status(response, st, &err);
        return;
    }
    st = find_tail(server, &last, &after, &err);
    const int64_t oldest = last.seen > last.limit ? last.id[last.seen % last.limit] : last.id[0];
    p.before = last.before;
    arc_text_add(p.text, "{\"entries\": [");
    if (st == ARC_OK && last.seen > 0)
        st = arc_gallery_audit_log(server->gallery, oldest - 1, put_line, &p, &err);
    arc_text_add(p.text, "]");
    if (last.seen > last.limit || (last.seen > 0 && after > 0))
        arc_text_add(p.text, ", \"previous\": %lld", (long long)oldest);
    arc_text_add(p.text, "}\n");
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
}
