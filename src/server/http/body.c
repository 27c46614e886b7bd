/* server/http: bodies that are JSON or have base64 in them. */
#include "server/http/body.h"
#include <sodium.h>
#include <string.h>

arc_status arc_http_json(arc_http_request *r, bool array, arc_error *err) {
    json_error_t at;
    if (r->json)
        return ARC_OK;
    r->json = json_loadb((const char *)r->body.data, r->body.bytes, JSON_REJECT_DUPLICATES, &at);
    if (!r->json)
        return arc_fail(err, ARC_EINVAL, "the body is not JSON: line %d, column %d: %.120s", at.line, at.column, at.text);
    if (!json_is_object(r->json) && !(array && json_is_array(r->json)))
        return arc_fail(err, ARC_EINVAL, "the body is JSON, but no object%s", array ? " and no array" : "");
    return ARC_OK;
}

arc_status arc_http_base64(const arc_alloc *alloc, const char *text, size_t text_bytes, uint8_t **data, size_t *bytes,
                           arc_error *err) {
    *data = NULL;
    *bytes = 0;
    if (text_bytes > 5 && memcmp(text, "data:", 5) == 0) {
        const char *comma = memchr(text, ',', text_bytes);
        if (!comma)
            return arc_fail(err, ARC_EINVAL, "a data: address without a comma");
        text_bytes -= (size_t)(comma + 1 - text);
        text = comma + 1;
    }
    while (text_bytes > 0 && text[text_bytes - 1] == '=') /* padding is allowed, not required */
        text_bytes--;
    const size_t capacity = text_bytes / 4 * 3 + 3;
    uint8_t *out = arc_mem_raw(alloc, capacity, 1);
    const char *end = NULL;
    if (!out)
        return arc_fail_nomem(err, "a picture");
    if (sodium_base642bin(out, capacity, text, text_bytes, "\r\n \t", bytes, &end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) !=
            0 ||
        end != text + text_bytes) {
        arc_mem_free(alloc, out);
        *bytes = 0;
        return arc_fail(err, ARC_EINVAL, "the text is not base64");
    }
    *data = out;
    return ARC_OK;
}
