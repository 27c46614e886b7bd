/* Any bytes as a request: a line with its target, a line with its Content-Type, and a body, which is read as a form, as JSON and
 * as base64, whatever the type says. */
#include "fuzz_memory.h"
#include "server/api/table.h"
#include "server/http/address.h"
#include "server/http/body.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line, as a text in `out`. */
static void take_line(const uint8_t **data, size_t *size, char *out, size_t bytes) {
    const uint8_t *end = memchr(*data, '\n', *size);
    const size_t n = end ? (size_t)(end - *data) : *size, kept = ARC_MIN(n, bytes - 1);
    memcpy(out, *data, kept);
    out[kept] = '\0';
    *data += n + (end != NULL);
    *size -= n + (end != NULL);
}

static void read_body(arc_http_request *r, const char *type, const uint8_t *data, size_t size) {
    uint8_t *decoded;
    size_t bytes;
    arc_error err;
    r->body.max_bytes = size;
    if (arc_http_request_add_header(r, "Content-Type", type, &err) != ARC_OK || arc_buffer_put(&r->body, data, size) != ARC_OK)
        return;
    (void)!arc_http_parts(r, &err);
    (void)arc_http_part_named(r, "photo");
    (void)!arc_http_json(r, true, &err);
    if (arc_http_base64(&fuzz_alloc, (const char *)data, size, &decoded, &bytes, &err) == ARC_OK)
        arc_mem_free(&fuzz_alloc, decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const arc_route_group *const groups[] = {&arc_api_group, NULL};
    const arc_route_group *group;
    arc_http_request r;
    arc_error err;
    char target[1024], type[256], methods[64];
    int64_t n = 0;
    double x = 0;
    take_line(&data, &size, target, sizeof target);
    take_line(&data, &size, type, sizeof type);
    (void)arc_http_host_is_loopback(type);
    if (arc_http_request_begin(&r, &fuzz_alloc, target, &err) == ARC_OK) {
        r.method = "POST";
        (void)arc_route_find(groups, &r, &group, methods);
        (void)!arc_http_query_int(&r, "top", 1, 1000, &n, &err);
        (void)!arc_http_query_real(&r, "threshold", -1, 1, &x, &err);
        read_body(&r, type, data, size);
    }
    arc_http_request_end(&r);
    return 0;
}
