/* gallery: everything is read and checked. */
#include "base/text.h"
#include "gallery/gallery_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct checking {
    arc_gallery *g;
    arc_gallery_problem_fn *visit;
    void *arg;
    int64_t problems;
    int64_t identities, templates, embedded, crops, negatives;
    bool ended;
} checking;

static arc_status say(checking *c, const char *sentence) {
    c->problems++;
    c->ended = c->visit && c->visit(c->arg, sentence) != 0;
    return c->ended ? ARC_ECANCEL : ARC_OK;
}

static arc_status take_problem(void *arg, const char *sentence, arc_error *err) {
    (void)err;
    return say(arg, sentence);
}

/* A value that cannot be opened is a problem, unless memory ran out. */
static arc_status judge(checking *c, arc_status st, const arc_error *why) {
    return st == ARC_OK || st == ARC_ENOMEM ? st : say(c, why->text);
}

static arc_status check_identity(void *arg, const arc_identity_row *row, arc_error *err) {
    checking *c = arg;
    arc_gallery *g = c->g;
    arc_error why = {0};
    arc_seal_lookup lookup;
    const char *name = "", *note;
    char text[160];
    bool found = false;
    (void)err;
    c->identities++;
    arc_status st =
        arc_gallery_text(g, (arc_seal_place){.column = ARC_SEAL_NAME, .row = row->id}, row->name, &g->scratch.name, &name, &why);
    if (st == ARC_OK) {
        arc_seal_lookup_of(g->seal, ARC_SEAL_BY_NAME, (arc_bytes){.data = name, .bytes = strlen(name)}, &lookup);
        for (int i = 0; i < lookup.keys; i++)
            found |= lookup.key[i].bytes == row->name_key.bytes &&
                     memcmp(lookup.key[i].data, row->name_key.data, row->name_key.bytes) == 0;
        if (!found || arc_gallery_check_name(g, name, &why) != ARC_OK) {
            snprintf(text, sizeof text, "identity %lld has a name that it is not looked up by", (long long)row->id);
            st = say(c, text);
        }
    } else
        st = judge(c, st, &why);
    if (st == ARC_OK)
        st = judge(c,
                   arc_gallery_text(g, (arc_seal_place){.column = ARC_SEAL_NOTE, .row = row->id}, row->note, &g->scratch.note,
                                    &note, &why),
                   &why);
    if (st == ARC_OK && row->threshold == row->threshold && !(row->threshold >= -1 && row->threshold <= 1)) {
        snprintf(text, sizeof text, "identity %lld has the threshold %g, which is no cosine", (long long)row->id, row->threshold);
        st = say(c, text);
    }
    return st;
}

static arc_status check_vector(checking *c, arc_seal_column column, int64_t id, arc_bytes value, const char *kind) {
    arc_gallery *g = c->g;
    const float *x;
    arc_error why = {0};
    double sum = 0;
    char text[160];
    const arc_status st = arc_gallery_embedding(g, column, id, value, &g->scratch.embedding, &x, &why);
    if (st != ARC_OK)
        return judge(c, st, &why);
    for (int k = 0; k < g->binding.dim; k++)
        sum += (double)x[k] * (double)x[k];
    if (fabs(sum - 1) < 1e-4) /* not for NaN */
        return ARC_OK;
    snprintf(text, sizeof text, "the embedding of %s %lld has length %g, not 1", kind, (long long)id, sqrt(sum));
    return say(c, text);
}

static arc_status check_template(void *arg, const arc_template_row *row, arc_error *err) {
    checking *c = arg;
    arc_gallery *g = c->g;
    arc_error why = {0};
    arc_bytes crop;
    const char *detail;
    arc_status st = ARC_OK;
    (void)err;
    c->templates++;
    if (row->embedding.bytes) {
        c->embedded++;
        st = check_vector(c, ARC_SEAL_EMBEDDING, row->id, row->embedding, "template");
    } else {
        char text[160];
        snprintf(text, sizeof text, "template %lld has no embedding of the bound model", (long long)row->id);
        st = say(c, text);
    }
    if (st == ARC_OK && row->crop.bytes) {
        c->crops++;
        st = judge(c,
                   arc_seal_get(g->seal, (arc_seal_place){.column = ARC_SEAL_CROP, .row = row->id}, row->crop, &g->scratch.crop,
                                &crop, &why),
                   &why);
    }
    if (st == ARC_OK)
        st = judge(c,
                   arc_gallery_text(g, (arc_seal_place){.column = ARC_SEAL_DETAIL, .row = row->id}, row->detail,
                                    &g->scratch.detail, &detail, &why),
                   &why);
    return st;
}

static arc_status check_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    checking *c = arg;
    (void)err;
    c->negatives++;
    return check_vector(c, ARC_SEAL_NEGATIVE, row->id, row->embedding, "negative");
}

static arc_status compare(checking *c, const char *what, int64_t counted, int64_t seen) {
    char text[160];
    if (counted == seen)
        return ARC_OK;
    snprintf(text, sizeof text, "%s: %lld are counted, there are %lld", what, (long long)counted, (long long)seen);
    return say(c, text);
}

static arc_status check_rows(checking *c, arc_error *err) {
    arc_gallery *g = c->g;
    const arc_template_query all = {.generation = g->binding.generation,
                                    .parts = ARC_READ_EMBEDDING | ARC_READ_CROP | ARC_READ_DETAIL};
    arc_store_counts counts;
    arc_status st;
    ARC_TRY(g->store->type->counts(g->store, &counts, err));
    ARC_TRY(g->store->type->identity_each(g->store, 0, check_identity, c, err));
    ARC_TRY(g->store->type->template_each(g->store, &all, check_template, c, err));
    ARC_TRY(g->store->type->negative_each(g->store, 0, g->binding.generation, check_negative, c, err));
    ARC_TRY(compare(c, "identities", counts.identities, c->identities));
    ARC_TRY(compare(c, "templates", counts.templates, c->templates));
    ARC_TRY(compare(c, "crops", counts.crops, c->crops));
    if (g->binding.dim > 0 && c->problems == 0 && arc_gallery_fits(g, counts.templates)) {
        ARC_TRY(arc_gallery_follow(g, err));
        ARC_TRY(compare(c, "templates in the index", arc_index_count(g->index), c->embedded));
    }
done:
    return st;
}

arc_status arc_gallery_check(arc_gallery *g, arc_gallery_problem_fn *visit, void *arg, int64_t *problems, arc_error *err) {
    checking c = {.g = g, .visit = visit, .arg = arg};
    pthread_mutex_lock(&g->lock);
    arc_status st = g->store->type->check(g->store, take_problem, &c, err);
    pthread_mutex_unlock(&g->lock);
    if (st == ARC_OK) {
        st = arc_gallery_enter(g, false, err);
        if (st == ARC_OK) {
            st = check_rows(&c, err);
            st = arc_gallery_leave(g, c.ended ? ARC_OK : st, err);
        }
    }
    *problems = c.problems;
    return c.ended ? ARC_OK : st;
}
