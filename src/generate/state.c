/* generate: the state of a generator in a file, from which it goes on bit for bit. */
#include "generate/state.h"
#include "generate/generator_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const arc_store_kind arc_generate_state_kind = {
    .magic = "ARCGENER",
    .version = 1,
    .what = "the state of a generation",
    .advice = "begin again without --resume",
    .mismatch = "it belongs to another network or size",
};

static const char *const part_name[3] = {"pixels", "means", "squares"};

arc_status arc_generator_save(const arc_generator *g, const char *path, arc_error *err) {
    arc_store_writer *w = NULL;
    char text[256], name[32];
    snprintf(text, sizeof text,
             "{\"of\": \"%016" PRIx64 "\", \"step\": %" PRId64 ", \"halvings\": %" PRId64 ", \"in_row\": %" PRId64 "}",
             g->fingerprint, g->at.step, g->at.halvings, g->at.in_row);
    arc_status st;
    ARC_TRY(arc_store_create(&w, &g->alloc, &arc_generate_state_kind, path, text, err));
    for (int l = 0; l < g->levels; l++)
        for (int k = 0; k < 6; k++) {
            const arc_generate_level *v = &g->level[l];
            snprintf(name, sizeof name, "%s%s/%d", k < 3 ? "" : "before/", part_name[k % 3], l);
            ARC_TRY(arc_store_put(w, name, k < 3 ? v->now[k] : v->before[k - 3], arc_generate_count(&v->size), err));
        }
    return arc_store_commit(&w, err);
done:
    arc_store_abort(&w);
    return st;
}

arc_status arc_generate_state_read(const arc_store_file *f, arc_generate_state *out, arc_error *err) {
    const char *of = NULL;
    json_int_t step = -1, halvings = -1, in_row = -1;
    json_t *root = json_loadb(f->text, f->text_bytes, 0, NULL);
    bool read = json_unpack(root, "{s:s,s:I,s:I,s:I}", "of", &of, "step", &step, "halvings", &halvings, "in_row", &in_row) == 0;
    read = read && strlen(of) == 16 && step >= 0 && halvings >= 0 && halvings <= step && in_row >= 0 && in_row <= halvings;
    if (read) {
        *out = (arc_generate_state){.step = step, .halvings = halvings, .in_row = in_row};
        snprintf(out->of, sizeof out->of, "%s", of);
    }
    json_decref(root);
    return read ? ARC_OK : arc_fail(err, ARC_ECORRUPT, "%s: its text is not that of a generation; %s", f->name, f->kind->advice);
}

/* Every array is checked before anything changes, so that a failure leaves the generator as it was. */
static arc_status read_levels(const arc_store_file *f, arc_generator *g, bool check, arc_error *err) {
    char name[32];
    arc_status st = ARC_OK;
    for (int l = 0; st == ARC_OK && l < g->levels; l++)
        for (int k = 0; st == ARC_OK && k < 6; k++) {
            const arc_generate_level *v = &g->level[l];
            const size_t count = arc_generate_count(&v->size);
            snprintf(name, sizeof name, "%s%s/%d", k < 3 ? "" : "before/", part_name[k % 3], l);
            float *to = check ? v->gradient : k < 3 ? v->now[k] : v->before[k - 3]; /* each step writes the gradient anew */
            st = arc_store_get(f, name, count, 0, count, to, err);
            for (size_t i = 0; check && st == ARC_OK && i < count; i++)
                if (!isfinite(to[i]))
                    st = arc_fail(err, ARC_ECORRUPT, "%s: '%s' holds numbers that are not finite; %s", f->name, name,
                                  f->kind->advice);
        }
    return st;
}

arc_status arc_generator_load(arc_generator *g, const char *path, arc_error *err) {
    arc_store_file f;
    arc_generate_state at;
    char own[20];
    arc_status st = arc_store_open(&f, &g->alloc, &arc_generate_state_kind, path, err);
    if (st != ARC_OK)
        return st;
    snprintf(own, sizeof own, "%016" PRIx64, g->fingerprint);
    st = arc_generate_state_read(&f, &at, err);
    if (st == ARC_OK && strcmp(at.of, own) != 0)
        st = arc_fail(err, ARC_EINVAL, "%s: belongs to another model, other targets or other options; %s", path, f.kind->advice);
    if (st == ARC_OK)
        st = read_levels(&f, g, true, err);
    if (st == ARC_OK)
        st = read_levels(&f, g, false, err);
    if (st == ARC_OK)
        g->at = (arc_generate_at){at.step, at.halvings, at.in_row};
    arc_store_close(&f);
    return st;
}
