/* gallery: binding to a model, by the digest of its file. */
#include "base/digest.h"
#include "base/text.h"
#include "gallery/gallery_internal.h"
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static arc_status other_model(const arc_gallery *g, const arc_binding *wanted, arc_error *err) {
    const arc_binding *b = &g->binding;
    if (b->dim != wanted->dim)
        return arc_gallery_fail(
            g, err, ARC_EINVAL,
            "bound to %s, whose embeddings have %d numbers; those of %s have %d. \"arcface gallery migrate\" moves "
            "it to another model, another gallery (--gallery PATH) begins anew",
            b->model_name, b->dim, wanted->model_name, wanted->dim);
    return arc_gallery_fail(
        g, err, ARC_EINVAL,
        "bound to the model %s (sha256 %.12s...), and %s (%.12s...) is another one: their embeddings cannot be "
        "compared. \"arcface gallery migrate\" moves it to another model, another gallery (--gallery PATH) begins "
        "anew",
        b->model_name, b->model_sha256, wanted->model_name, wanted->model_sha256);
}

static arc_status bind_within(arc_gallery *g, arc_binding *wanted, arc_error *err) {
    const arc_binding *b = &g->binding;
    arc_status st;
    if (b->dim > 0) {
        const bool same = b->dim == wanted->dim && strcmp(b->model_sha256, wanted->model_sha256) == 0 &&
                          (*b->model_sha256 || strcmp(b->model_name, wanted->model_name) == 0);
        return same ? ARC_OK : other_model(g, wanted, err);
    }
    wanted->fusion = b->fusion;
    wanted->sketch = b->sketch;
    wanted->generation = b->generation;
    memcpy(wanted->protection, b->protection, sizeof wanted->protection);
    ARC_TRY(arc_gallery_put_binding(g, wanted, err));
    ARC_TRY(arc_gallery_note(g, "bind", "gallery", err, "{\"sha256\":\"%s\",\"dim\":%d}", wanted->model_sha256, wanted->dim));
done:
    return st;
}

/* Most calls find the gallery bound already, and need not write. */
static arc_status bind_to(arc_gallery *g, arc_binding *wanted, arc_error *err) {
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    const bool bound = g->binding.dim > 0;
    st = arc_gallery_leave(g, bound ? bind_within(g, wanted, err) : ARC_OK, err);
    if (st != ARC_OK || bound)
        return st;
    if (g->read_only)
        return arc_gallery_fail(g, err, ARC_EINVAL, "nobody is enrolled in it yet; the first enrolment binds it to a model");
    ARC_TRY(arc_gallery_enter(g, true, err));
    ARC_TRY(arc_gallery_leave(g, bind_within(g, wanted, err), err));
    ARC_TRY(arc_gallery_enter(g, false, err)); /* reads it */
    st = arc_gallery_leave(g, ARC_OK, err);
done:
    return st;
}

arc_status arc_gallery_binding_of(const arc_gallery *g, const arc_model *embedder, arc_binding *out, arc_error *err) {
    const arc_status st = arc_gallery_binding_of_model(embedder, out, err);
    return st == ARC_OK ? ARC_OK : arc_fail_in(err, st, g->location);
}

arc_status arc_gallery_binding_of_model(const arc_model *embedder, arc_binding *out, arc_error *err) {
    const arc_contract *c = arc_model_contract(embedder);
    arc_status st;
    *out = (arc_binding){.dim = c->dim};
    if (!embedder->path)
        return arc_fail(err, ARC_EUNSUPPORTED, "a gallery is bound to a model's file; save this model first");
    ARC_TRY(arc_verify_rule_of(embedder, &out->rule, err));
    ARC_TRY(arc_digest_file(embedder->path, out->model_sha256, err));
    const char *name = arc_path_name(embedder->path);
    snprintf(out->model_name, sizeof out->model_name, "%s", arc_text_is_utf8(name) ? name : "a model");
    snprintf(out->align, sizeof out->align, "%s", arc_template_name(c->align));
done:
    return st;
}

arc_status arc_gallery_bind(arc_gallery *g, const arc_model *embedder, arc_error *err) {
    arc_binding wanted;
    const arc_status st = arc_gallery_binding_of(g, embedder, &wanted, err);
    return st == ARC_OK ? bind_to(g, &wanted, err) : st;
}

arc_status arc_gallery_bind_foreign(arc_gallery *g, const char *name, int dim, double threshold, arc_error *err) {
    arc_binding wanted = {.dim = dim, .rule.threshold = threshold};
    if (dim < 1 || dim > 4096)
        return arc_gallery_fail(g, err, ARC_EINVAL, "embeddings of %d numbers; they have 1 to 4096", dim);
    if (!(threshold >= -1 && threshold <= 1))
        return arc_gallery_fail(g, err, ARC_EINVAL, "a threshold is a cosine, -1 to 1, not %g", threshold);
    const arc_status st = arc_gallery_check_name(g, name, err);
    if (st != ARC_OK)
        return st;
    if (strlen(name) >= sizeof wanted.model_name)
        return arc_gallery_fail(g, err, ARC_EINVAL, "the name of the embeddings' origin is too long");
    memcpy(wanted.model_name, name, strlen(name) + 1);
    return bind_to(g, &wanted, err);
}

arc_status arc_gallery_tell_binding(arc_gallery *g, arc_buffer *out, arc_error *err) {
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    arc_binding told = g->binding;
    told.protection[0] = '\0'; /* the check of a key; whoever asks sends plain embeddings */
    return arc_gallery_leave(g, arc_binding_write(&told, out, err), err);
}
