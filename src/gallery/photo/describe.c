/* gallery/photo: answers as lines for people and as JSON for programs, and drawn on their photo. The JSON is stable: programs
 * read it. */
#include "base/base.h"
#include "base/text.h"
#include "face/text.h"
#include <arcface/identify.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define GREEN 0x35d07fu
#define RED 0xff5a5fu
#define LABEL_BYTES 96

void arc_identified_format_default(arc_identified_format *format) {
    *format = (arc_identified_format){.struct_size = sizeof *format};
}

/* ---- for people ---- */

static void put_rates(arc_text *t, const arc_match *m) {
    if (isfinite(m->probability))
        arc_text_add(t, "  probability %.4f", m->probability);
    if (isfinite(m->far))
        arc_text_add(t, "  FAR %.2g", m->far);
}

static void put_score(arc_text *t, const arc_match *m) {
    if (isfinite(m->score))
        arc_text_add(t, "  score %.4f", m->score);
}

static void put_decision(arc_text *t, const arc_answer *a) {
    const arc_match *m = a->match;
    if (a->known == ARC_EMPTY || a->matches == 0) {
        arc_text_add(t, "unknown  (the gallery has nobody to compare with)\n");
        return;
    }
    if (a->known == ARC_KNOWN)
        arc_text_add(t, "%s  cosine %.4f", m->name, m->cosine);
    else
        arc_text_add(t, "unknown  nearest %s, cosine %.4f", m->name, m->cosine);
    put_score(t, m);
    put_rates(t, m);
    arc_text_add(t, "  (threshold %.4f)%s\n", m->threshold,
                 m->negative ? "  ruled out: somebody said that it is another person" : "");
}

/* Each line of the text, four more to the right. */
static void put_indented(arc_text *t, const char *text) {
    while (*text) {
        const int n = (int)strcspn(text, "\n");
        if (n > 0)
            arc_text_add(t, "      %.*s\n", n, text);
        text += text[n] ? n + 1 : n;
    }
}

static arc_status put_reasons(arc_context *ctx, arc_text *t, const arc_identified *p, int face, bool json, arc_error *err) {
    char *why = NULL;
    const arc_status st = arc_answer_explain(ctx, &p->answer[face], (double)NAN, &why, err);
    if (st != ARC_OK)
        return st;
    if (json) {
        for (size_t n = strlen(why); n > 0 && why[n - 1] == '\n'; n--)
            why[n - 1] = '\0';
        arc_text_add(t, ", \"why\": ");
        arc_text_quote(t, why);
    } else {
        put_indented(t, why);
    }
    arc_text_free(ctx, &why);
    return ARC_OK;
}

static arc_status put_lines(arc_context *ctx, arc_text *t, const arc_identified *p, const arc_identified_format *f,
                            arc_error *err) {
    arc_status st = ARC_OK;
    arc_text_add(t, "%s: %d face%s\n", arc_face_name(&p->photo), p->photo.faces, p->photo.faces == 1 ? "" : "s");
    for (int i = 0; st == ARC_OK && i < p->photo.faces; i++) {
        const arc_answer *a = &p->answer[i];
        arc_text_add(t, "  %d  ", i + 1);
        put_decision(t, a);
        for (int k = 0; f->all && k < a->matches; k++) {
            const arc_match *m = &a->match[k];
            arc_text_add(t, "      %d. %s  cosine %.4f", k + 1, m->name, m->cosine);
            put_score(t, m);
            put_rates(t, m);
            arc_text_add(t, "%s\n", m->negative ? "  ruled out" : "");
        }
        if (f->explain)
            st = put_reasons(ctx, t, p, i, false, err);
    }
    return st;
}

/* ---- for programs ---- */

static void put_number(arc_text *t, const char *name, double value) {
    if (isfinite(value))
        arc_text_add(t, ", \"%s\": %.9g", name, value);
}

static void put_match(arc_text *t, const arc_match *m, bool first) {
    arc_text_add(t, "%s\n        {\"identity\": %lld, \"name\": ", first ? "" : ",", (long long)m->identity);
    arc_text_quote(t, m->name);
    arc_text_add(t, ", \"template\": %lld", (long long)m->template_id);
    put_number(t, "cosine", m->cosine);
    put_number(t, "best_cosine", m->best_cosine);
    put_number(t, "score", m->score);
    put_number(t, "threshold", m->threshold);
    put_number(t, "probability", m->probability);
    put_number(t, "far", m->far);
    arc_text_add(t, ", \"accepted\": %s, \"ruled_out\": %s}", arc_text_bool(m->accepted), arc_text_bool(m->negative));
}

static arc_status put_face(arc_context *ctx, arc_text *t, const arc_identified *p, int face, bool explain, arc_error *err) {
    const arc_answer *a = &p->answer[face];
    arc_status st = ARC_OK;
    arc_text_add(t, "%s\n    {\"known\": %s, \"name\": ", face ? "," : "", arc_text_bool(a->known == ARC_KNOWN));
    if (a->known == ARC_KNOWN)
        arc_text_quote(t, a->match[0].name);
    else
        arc_text_add(t, "null");
    arc_text_add(t, ", ");
    arc_face_json(t, &p->photo.face[face].face);
    put_number(t, "threshold", a->rule.threshold);
    put_number(t, "threshold_far", a->rule.far);
    put_number(t, "threshold_fpir", a->rule.fpir);
    put_number(t, "margin_to_second", a->margin_to_second);
    arc_text_add(t, ", \"compared\": %lld", (long long)a->compared);
    if (explain)
        st = put_reasons(ctx, t, p, face, true, err);
    arc_text_add(t, ", \"matches\": [");
    for (int k = 0; k < a->matches; k++)
        put_match(t, &a->match[k], k == 0);
    arc_text_add(t, "]}");
    return st;
}

static arc_status put_json(arc_context *ctx, arc_text *t, const arc_identified *p, bool explain, arc_error *err) {
    arc_status st = ARC_OK;
    arc_text_add(t, "{\"path\": ");
    arc_text_quote(t, arc_face_name(&p->photo));
    if (p->photo.status != ARC_OK) {
        arc_text_add(t, ", \"error\": ");
        arc_text_quote(t, p->photo.error.text);
    }
    arc_text_add(t, ", \"width\": %d, \"height\": %d", p->photo.width_px, p->photo.height_px);
    arc_looks_json(t, p->photo.looks);
    arc_text_add(t, ", \"faces_found\": %d, \"known\": %d, \"unknown\": %d, \"faces\": [", p->photo.faces_found, p->known,
                 p->unknown);
    for (int i = 0; st == ARC_OK && i < p->photo.faces; i++)
        st = put_face(ctx, t, p, i, explain, err);
    arc_text_add(t, "]}\n");
    return st;
}

arc_status arc_identified_describe(arc_context *ctx, const arc_identified *photo, const arc_identified_format *format,
                                   char **text, arc_error *err) {
    arc_identified_format f;
    arc_text t;
    *text = NULL;
    if (ARC_CHECK_OPTIONS(arc_identified_format, format, err) != ARC_OK)
        return ARC_EINVAL;
    arc_identified_format_default(&f);
    if (format)
        f = *format;
    arc_text_begin(&t, &ctx->alloc);
    const arc_status st = f.json ? put_json(ctx, &t, photo, f.explain, err) : put_lines(ctx, &t, photo, &f, err);
    const arc_status made = arc_text_end(&t, text, st == ARC_OK ? err : NULL);
    if (st != ARC_OK)
        arc_text_free(ctx, text);
    return st == ARC_OK ? made : st;
}

/* ---- drawn ---- */

/* The name and the cosine; long names are cut between two characters. */
static void put_label(const arc_answer *a, char label[LABEL_BYTES]) {
    if (a->known != ARC_KNOWN) {
        snprintf(label, LABEL_BYTES, "unknown");
        return;
    }
    const char *name = a->match[0].name;
    size_t n = strlen(name), most = LABEL_BYTES - 16;
    const bool cut = n > most;
    for (n = ARC_MIN(n, most); cut && n > 0 && ((unsigned char)name[n] & 0xc0u) == 0x80u;)
        n--;
    snprintf(label, LABEL_BYTES, "%.*s%s %.2f", (int)n, name, cut ? "..." : "", a->match[0].cosine);
}

arc_status arc_identified_draw(arc_context *ctx, const arc_image *image, const arc_identified *photo, arc_image *out,
                               arc_error *err) {
    typedef char label[LABEL_BYTES];
    const int faces = photo->photo.faces;
    label *text = arc_mem_new(&ctx->alloc, (size_t)faces, sizeof *text);
    arc_labelled_face *drawn = arc_mem_new(&ctx->alloc, (size_t)faces, sizeof *drawn);
    arc_status st = text && drawn ? ARC_OK : arc_fail_nomem(err, "names to be drawn");
    *out = (arc_image){0};
    for (int i = 0; st == ARC_OK && i < faces; i++) {
        put_label(&photo->answer[i], text[i]);
        drawn[i] = (arc_labelled_face){&photo->photo.face[i].face, text[i], photo->answer[i].known == ARC_KNOWN ? GREEN : RED};
    }
    if (st == ARC_OK)
        st = arc_draw_labelled_faces(ctx, image, drawn, faces, out, err);
    arc_mem_free(&ctx->alloc, drawn);
    arc_mem_free(&ctx->alloc, text);
    return st;
}
