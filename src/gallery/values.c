/* gallery: what may be in a row, checked on its way in, and opened and checked on its way out. */
#include "base/text.h"
#include "gallery/gallery_internal.h"
#include "gallery/json.h"
#include <math.h>
#include <string.h>

arc_status arc_gallery_check_name(const arc_gallery *g, const char *name, arc_error *err) {
    const size_t bytes = strlen(name);
    if (bytes == 0 || bytes > ARC_GALLERY_NAME_BYTES)
        return arc_gallery_fail(g, err, ARC_EINVAL, "a name has 1 to %d bytes, this one %lld", ARC_GALLERY_NAME_BYTES,
                                (long long)bytes);
    if (!arc_text_is_utf8(name))
        return arc_gallery_fail(g, err, ARC_EINVAL, "a name that is not UTF-8");
    if (name[0] == ' ' || name[bytes - 1] == ' ')
        return arc_gallery_fail(g, err, ARC_EINVAL, "the name \"%.80s\" begins or ends with a blank", name);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return arc_gallery_fail(g, err, ARC_EINVAL, "a name with the control character %d in it", *c);
    return ARC_OK;
}

/* How deep lists and objects lie in each other. */
static int depth_of(const char *json) {
    int depth = 0, deepest = 0;
    bool quoted = false;
    for (; *json; json++) {
        if (quoted && *json == '\\' && json[1])
            json++;
        else if (*json == '"')
            quoted = !quoted;
        else if (!quoted) {
            depth += (*json == '{' || *json == '[') - (*json == '}' || *json == ']');
            deepest = ARC_MAX(deepest, depth);
        }
    }
    return deepest;
}

arc_status arc_gallery_check_json(const arc_gallery *g, const char *json, const char *what, arc_error *err) {
    json_error_t why = {.line = 0};
    if (!json || !*json)
        return ARC_OK;
    if (strlen(json) > ARC_GALLERY_NOTE_BYTES)
        return arc_gallery_fail(g, err, ARC_EINVAL, "%s has %d bytes at most", what, ARC_GALLERY_NOTE_BYTES);
    if (depth_of(json) > ARC_GALLERY_NOTE_DEPTH)
        return arc_gallery_fail(g, err, ARC_EINVAL, "in %s lists and objects lie %d deep in each other at most", what,
                                ARC_GALLERY_NOTE_DEPTH);
    json_t *object = json_loads(json, 0, &why);
    const bool there = object != NULL, good = json_is_object(object);
    json_decref(object);
    if (!there && arc_json_starved(&why))
        return arc_fail_nomem(err, what);
    return good
               ? ARC_OK
               : arc_gallery_fail(g, err, ARC_EINVAL, "%s is no JSON object: %s", what, there ? "it is another value" : why.text);
}

arc_status arc_gallery_unit(const arc_gallery *g, const float *in, float *out, const char *what, int64_t number, arc_error *err) {
    double sum = 0;
    for (int k = 0; k < g->binding.dim; k++)
        sum += (double)in[k] * (double)in[k];
    if (!isfinite(sum))
        return arc_gallery_fail(g, err, ARC_EINVAL, "%s %lld has a number that is not finite", what, (long long)number);
    if (sum < 1e-24)
        return arc_gallery_fail(g, err, ARC_EINVAL, "%s %lld is zero: it has no direction", what, (long long)number);
    const double scale = 1 / sqrt(sum);
    for (int k = 0; k < g->binding.dim; k++)
        out[k] = (float)((double)in[k] * scale);
    if (g->protection)
        arc_protect(g->protection, out, 1, out);
    return ARC_OK;
}

static arc_status open_value(const arc_gallery *g, arc_seal_place place, arc_bytes value, arc_buffer *buffer, arc_bytes *out,
                             arc_error *err) {
    buffer->bytes = 0;
    const arc_status st = arc_seal_get(g->seal, place, value, buffer, out, err);
    return st == ARC_OK ? ARC_OK : arc_fail_in(err, st, g->location);
}

arc_status arc_gallery_text(const arc_gallery *g, arc_seal_place place, arc_bytes value, arc_buffer *buffer, const char **text,
                            arc_error *err) {
    arc_bytes plain;
    *text = "";
    arc_status st = open_value(g, place, value, buffer, &plain, err);
    if (st != ARC_OK)
        return st;
    if (plain.data != buffer->data || plain.bytes == 0) {
        buffer->bytes = 0;
        ARC_TRY(arc_buffer_put(buffer, plain.data, plain.bytes));
    }
    ARC_TRY(arc_buffer_put(buffer, "", 1));
    *text = (const char *)buffer->data;
    return ARC_OK;
done:
    return arc_gallery_fail(g, err, st, "row %lld: a text of %lld bytes does not fit", (long long)place.row,
                            (long long)plain.bytes);
}

arc_status arc_gallery_embedding(const arc_gallery *g, arc_seal_column column, int64_t row, arc_bytes value, arc_buffer *buffer,
                                 const float **out, arc_error *err) {
    const arc_seal_place place = {.column = column, .row = row, .generation = g->binding.generation};
    const size_t bytes = (size_t)g->binding.dim * sizeof(float);
    arc_bytes plain;
    *out = NULL;
    arc_status st = open_value(g, place, value, buffer, &plain, err);
    if (st != ARC_OK)
        return st;
    if (plain.bytes != bytes)
        return arc_gallery_fail(g, err, ARC_ECORRUPT, "the embedding of template %lld has %lld bytes, not %lld", (long long)row,
                                (long long)plain.bytes, (long long)bytes);
    if (plain.data != buffer->data) { /* floats lie at their own alignment */
        buffer->bytes = 0;
        st = arc_buffer_put(buffer, plain.data, plain.bytes);
        if (st != ARC_OK)
            return arc_fail_nomem(err, "an embedding");
    }
    *out = (const float *)(const void *)buffer->data;
    return ARC_OK;
}

void arc_gallery_scratch_begin(arc_gallery_scratch *s, const arc_alloc *alloc) {
    arc_buffer_init(&s->name, alloc, ARC_GALLERY_NAME_BYTES + 128);
    arc_buffer_init(&s->note, alloc, ARC_GALLERY_NOTE_BYTES + 128);
    arc_buffer_init(&s->embedding, alloc, 4096 * sizeof(float) + 128);
    arc_buffer_init(&s->crop, alloc, ARC_GALLERY_CROP_BYTES + 128);
    arc_buffer_init(&s->detail, alloc, ARC_GALLERY_NOTE_BYTES + 128);
}

void arc_gallery_scratch_end(arc_gallery_scratch *s) {
    arc_buffer_free(&s->name);
    arc_buffer_free(&s->note);
    arc_buffer_free(&s->embedding);
    arc_buffer_free(&s->crop);
    arc_buffer_free(&s->detail);
}
