/* gallery/exchange: the values of an entry that is imported, checked: a value of another kind is refused, not passed over. */
#include "gallery/exchange/import.h"
#include <math.h>
#include <sodium.h>
#include <string.h>

#define LAST_MS 253402300799999 /* of the year 9999: later ones cannot be printed */

arc_status arc_import_refuse(const arc_importing *m, arc_status code, const char *what, arc_error *err) {
    return arc_fail(err, code, "%s: %s; nothing of it was taken over", m->path, what);
}

arc_status arc_import_text(const arc_importing *m, const json_t *about, const char *key, arc_buffer *buffer, const char **text,
                           arc_error *err) {
    const json_t *value = json_object_get(about, key);
    arc_status st;
    *text = "";
    buffer->bytes = 0;
    if (!value)
        return ARC_OK;
    if (!json_is_object(value))
        return arc_import_refuse(m, ARC_EINVAL, "a note or detail is no JSON object", err);
    st = arc_exchange_put_json(value, buffer);
    if (st == ARC_OK)
        st = arc_buffer_put(buffer, "", 1);
    if (st == ARC_ELIMIT)
        return arc_import_refuse(m, st, "a note or detail is too long", err);
    if (st != ARC_OK)
        return arc_fail_nomem(err, m->path);
    *text = (const char *)buffer->data;
    return ARC_OK;
}

arc_status arc_import_number(const arc_importing *m, const json_t *about, const char *key, double low, double high, double *out,
                             arc_error *err) {
    const json_t *value = json_object_get(about, key);
    *out = (double)NAN;
    if (!value)
        return ARC_OK;
    if (!json_is_number(value) || !(json_number_value(value) >= low && json_number_value(value) <= high))
        return arc_fail(err, ARC_ECORRUPT, "%s: \"%s\" is no number from %g to %g; nothing of it was taken over", m->path, key,
                        low, high);
    *out = json_number_value(value);
    return ARC_OK;
}

arc_status arc_import_time(const arc_importing *m, const json_t *about, const char *key, int64_t *out, arc_error *err) {
    const json_t *value = json_object_get(about, key);
    const json_int_t ms = json_integer_value(value);
    *out = value ? (int64_t)ms : arc_clock_today_ms();
    if (value && (!json_is_integer(value) || ms < 0 || ms > LAST_MS))
        return arc_import_refuse(m, ARC_ECORRUPT, "a time is none; times are milliseconds since 1970", err);
    return ARC_OK;
}

arc_status arc_import_digest(const arc_importing *m, const json_t *about, uint8_t out[32], bool *there, arc_error *err) {
    const json_t *value = json_object_get(about, "source_sha256");
    const char *hex = json_string_value(value), *end = NULL;
    size_t bytes = 0;
    *there = value != NULL;
    if (!value)
        return ARC_OK;
    if (hex && strlen(hex) == 64 && sodium_hex2bin(out, 32, hex, 64, NULL, &bytes, &end) == 0 && bytes == 32)
        return ARC_OK;
    return arc_import_refuse(m, ARC_ECORRUPT, "a source_sha256 is no 64 hexadecimal digits", err);
}
