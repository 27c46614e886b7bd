/* arcface gallery info, list, show, check, audit-log: what a gallery holds. */
#include "gallery/open.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const fusions[] = {"max", "mean", "quality"};
static const char *const searches[] = {"memory", "database", "database-hnsw"};

/* ---- info ---- */

static void put_info_json(cli_text *t, const arc_gallery_facts *f) {
    cli_printf(t, "{\"name\": ");
    gallery_put_json(t, f->name);
    cli_printf(t, ", \"store\": \"%s\", \"sealed\": %s, \"identities\": %lld, \"templates\": %lld, \"crops\": %lld", f->store,
               f->sealed ? "true" : "false", (long long)f->identities, (long long)f->templates, (long long)f->crops);
    cli_printf(t,
               ", \"negatives\": %lld, \"audits\": %lld, \"revision\": %lld, \"dim\": %d, \"model\": ", (long long)f->negatives,
               (long long)f->audits, (long long)f->revision, f->dim);
    gallery_put_json(t, f->model_name);
    cli_printf(t, ", \"model_sha256\": \"%s\", \"threshold\": %.9g, \"calibrated\": %s, \"fusion\": \"%s\", \"sketch\": %s",
               f->model_sha256, f->threshold, f->calibrated ? "true" : "false", fusions[f->fusion], f->sketch ? "true" : "false");
    cli_printf(t, ", \"search\": \"%s\", \"search_ready\": %s, \"vector_bytes\": %lld", searches[f->search],
               f->search_ready ? "true" : "false", (long long)f->vector_bytes);
    cli_printf(t, ", \"store_bytes\": %lld, \"index_bytes\": %lld, \"memory_bytes\": %lld, \"schema\": %lld}\n",
               (long long)f->store_bytes, (long long)f->index_bytes, (long long)f->memory_bytes, (long long)f->schema);
}

static void put_info(cli_text *t, const arc_gallery_facts *f) {
    cli_printf(t, "people     %lld, %lld templates, %lld with a crop\n", (long long)f->identities, (long long)f->templates,
               (long long)f->crops);
    if (f->dim > 0)
        cli_printf(t, "model      %s, %d values%s%.16s\n", f->model_name, f->dim, *f->model_sha256 ? ", SHA-256 " : "",
                   f->model_sha256);
    else
        cli_printf(t, "model      none yet: the first enrolment binds the gallery to its model\n");
    cli_printf(t, "threshold  cosine %.4f, %s\n", f->threshold,
               f->calibrated ? "calibrated: probabilities and false accept rates are known"
                             : "the model's own; not calibrated (\"arcface calibrate\")");
    cli_printf(t, "fusion     %s of a person's templates%s\n", fusions[f->fusion], f->sketch ? "; with 1-bit sketches" : "");
    if (f->search != ARC_GALLERY_MEMORY)
        cli_printf(t, "search     also by the server: %s, %.1f MB%s\n",
                   f->search == ARC_GALLERY_DATABASE ? "all vectors" : "all vectors, or an HNSW index",
                   (double)f->vector_bytes / 1e6, f->search_ready ? "" : "; not ready: \"arcface gallery set --search\" goes on");
    cli_printf(t, "sealed     %s\n", f->sealed ? "yes" : "no: who can read the file has templates, crops and names");
    cli_printf(t, "store      %s, %.1f MB; index %.1f MB; revision %lld; %lld negatives; %lld lines in the audit log\n", f->store,
               (double)f->store_bytes / 1e6, (double)f->index_bytes / 1e6, (long long)f->revision, (long long)f->negatives,
               (long long)f->audits);
    if (strcmp(f->store, "qdrant") == 0)
        cli_printf(
            t,
            "           Qdrant says no size, keeps bytes of what was removed until it cleans up, and lets a reader see a change "
            "half made while it is being made\n");
}

static int info(cli *c) {
    arc_gallery *g;
    arc_gallery_facts f;
    arc_error err = {0};
    cli_text t = {0};
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    if (code == CLI_OK && arc_gallery_facts_of(g, &f, &err) != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&g);
    if (code != CLI_OK)
        return code;
    if (cli_given(c, "json"))
        put_info_json(&t, &f);
    else
        put_info(&t, &f);
    return cli_text_print(&t);
}

/* ---- list, show ---- */

typedef struct listing {
    cli_text text;
    bool json;
    int64_t count;
} listing;

static void put_identity_json(cli_text *t, const arc_identity *i) {
    cli_printf(t, "{\"id\": %lld, \"name\": ", (long long)i->id);
    gallery_put_json(t, i->name);
    if (*i->note_json)
        cli_printf(t, ", \"note\": %s", i->note_json);
    if (isfinite(i->threshold))
        cli_printf(t, ", \"threshold\": %.9g", i->threshold);
    cli_printf(t, ", \"templates\": %lld, \"created\": \"", (long long)i->templates);
    gallery_put_time(t, i->created_ms);
    cli_printf(t, "\", \"changed\": \"");
    gallery_put_time(t, i->changed_ms);
    cli_printf(t, "\"");
}

static int list_identity(void *arg, const arc_identity *i) {
    listing *l = arg;
    if (l->json) {
        cli_printf(&l->text, "%s\n  ", l->count ? "," : "");
        put_identity_json(&l->text, i);
        cli_printf(&l->text, "}");
    } else {
        cli_printf(&l->text, "%6lld  %4lld template%s  ", (long long)i->id, (long long)i->templates,
                   i->templates == 1 ? " " : "s");
        gallery_put_time(&l->text, i->created_ms);
        cli_printf(&l->text, "  %s\n", i->name);
    }
    l->count++;
    if (l->text.bytes > 1 << 16) { /* there may be millions */
        fwrite(l->text.data, 1, l->text.bytes, stdout);
        l->text.bytes = 0;
    }
    return 0;
}

static int list(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    listing l = {.json = cli_given(c, "json")};
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    if (code == CLI_OK) {
        if (l.json)
            cli_printf(&l.text, "[");
        if (arc_gallery_list(g, 0, list_identity, &l, &err) != ARC_OK)
            code = cli_fail(&err);
        else if (l.json)
            cli_printf(&l.text, "\n]\n");
        cli_text_print(&l.text);
    }
    arc_gallery_close(&g);
    return code;
}

static int show_identity(void *arg, const arc_identity *i) {
    listing *l = arg;
    if (l->json) {
        put_identity_json(&l->text, i);
        cli_printf(&l->text, ", \"pictures\": [");
        return 0;
    }
    cli_printf(&l->text, "%s: identity %lld, %lld template%s, since ", i->name, (long long)i->id, (long long)i->templates,
               i->templates == 1 ? "" : "s");
    gallery_put_time(&l->text, i->created_ms);
    cli_printf(&l->text, "\n");
    if (*i->note_json)
        cli_printf(&l->text, "  note %s\n", i->note_json);
    if (isfinite(i->threshold))
        cli_printf(&l->text, "  known from cosine %.4f on, not by the gallery's rule\n", i->threshold);
    return 0;
}

static void put_template_json(cli_text *t, const arc_template_record *r) {
    cli_printf(t, "{\"template\": %lld, \"created\": \"", (long long)r->id);
    gallery_put_time(t, r->created_ms);
    cli_printf(t, "\", \"crop\": %s", r->crop_file ? "true" : "false");
    if (isfinite(r->quality))
        cli_printf(t, ", \"quality\": %.6g", (double)r->quality);
    if (*r->detail_json)
        cli_printf(t, ", \"detail\": %s", r->detail_json);
    cli_printf(t, "}");
}

/* The photo that it came from, as enrolment has written it. */
static void put_origin(cli_text *t, const char *detail_json) {
    json_t *detail = json_loads(detail_json, 0, NULL);
    const char *photo = json_string_value(json_object_get(detail, "photo"));
    cli_printf(t, "  %s", photo ? photo : "");
    json_decref(detail);
}

static int show_template(void *arg, const arc_template_record *r) {
    listing *l = arg;
    if (l->json) {
        cli_printf(&l->text, "%s\n  ", l->count ? "," : "");
        put_template_json(&l->text, r);
    } else {
        cli_printf(&l->text, "  template %lld  ", (long long)r->id);
        gallery_put_time(&l->text, r->created_ms);
        if (isfinite(r->quality))
            cli_printf(&l->text, "  quality %.2f", (double)r->quality);
        cli_printf(&l->text, "  %s", r->crop_file ? "with crop" : "without crop");
        put_origin(&l->text, r->detail_json);
        cli_printf(&l->text, "\n");
    }
    l->count++;
    return 0;
}

static int show(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    listing l = {.json = cli_given(c, "json")};
    int64_t id = 0;
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    if (code == CLI_OK)
        code = gallery_person(g, c->args[0], &id);
    if (code == CLI_OK && (arc_gallery_identity(g, id, show_identity, &l, &err) != ARC_OK ||
                           arc_gallery_templates(g, id, true, show_template, &l, &err) != ARC_OK))
        code = cli_fail(&err);
    arc_gallery_close(&g);
    if (code == CLI_OK && l.json)
        cli_printf(&l.text, "]}\n");
    if (code == CLI_OK)
        return cli_text_print(&l.text);
    cli_free(l.text.data);
    return code;
}

/* ---- check, audit-log ---- */

static int show_problem(void *arg, const char *sentence) {
    (void)arg;
    printf("%s\n", sentence);
    return 0;
}

static int check(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    int64_t problems = 0;
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    if (code == CLI_OK && arc_gallery_check(g, show_problem, NULL, &problems, &err) != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&g);
    if (code != CLI_OK)
        return code;
    if (problems == 0)
        puts("the gallery is whole");
    return problems == 0 ? CLI_OK : CLI_NO;
}

static int show_entry(void *arg, const arc_audit_entry *e) {
    listing *l = arg;
    cli_printf(&l->text, l->json ? "{\"id\": %lld, \"when\": \"" : "%6lld  ", (long long)e->id);
    gallery_put_time(&l->text, e->when_ms);
    if (l->json) {
        cli_printf(&l->text, "\", \"actor\": ");
        gallery_put_json(&l->text, e->actor);
        cli_printf(&l->text, ", \"action\": ");
        gallery_put_json(&l->text, e->action);
        cli_printf(&l->text, ", \"subject\": ");
        gallery_put_json(&l->text, e->subject);
        cli_printf(&l->text, "%s%s}\n", *e->detail ? ", \"detail\": " : "", e->detail);
    } else {
        cli_printf(&l->text, "  %s  %s  %s  %s\n", *e->actor ? e->actor : "-", e->action, e->subject, e->detail);
    }
    fwrite(l->text.data, 1, l->text.bytes, stdout);
    l->text.bytes = 0;
    return 0;
}

static int audit_log(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    listing l = {.json = cli_given(c, "json")};
    int64_t after = 0;
    cli_long(c, "after", &after);
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    if (code == CLI_OK && arc_gallery_audit_log(g, after, show_entry, &l, &err) != ARC_OK)
        code = cli_fail(&err);
    arc_gallery_close(&g);
    cli_free(l.text.data);
    return code;
}

/* ---- tables ---- */

static const cli_option info_options[] = {GALLERY_OPTIONS, CLI_JSON_LINE, {0}};
static const cli_option list_options[] = {GALLERY_OPTIONS, CLI_FLAG("json", 'j', "one JSON array"), {0}};
static const cli_option show_options[] = {GALLERY_OPTIONS, CLI_FLAG("json", 'j', "one JSON object"), {0}};
static const cli_option check_options[] = {GALLERY_OPTIONS, GALLERY_MEMORY_OPTION, {0}};
static const cli_option log_options[] = {
    GALLERY_OPTIONS,
    CLI_WHOLE("after", 0, "ID", 0, INT64_MAX, "0", "only lines behind this one"),
    CLI_FLAG("json", 'j', "one JSON object a line"),
    {0},
};

const cli_command cli_gallery_info = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery info",
    .args = "",
    .what = "people, templates, model, threshold and size of a gallery",
    .example = "arcface gallery info --gallery people.gal",
    .options = info_options,
    .run = info,
};
const cli_command cli_gallery_list = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery list",
    .args = "",
    .what = "everybody in a gallery: id, templates, since when, name",
    .example = "arcface gallery list --gallery people.gal --json",
    .options = list_options,
    .run = list,
};
const cli_command cli_gallery_show = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery show",
    .args = "NAME",
    .min_args = 1,
    .max_args = 1,
    .what = "a person of a gallery and each of the person's templates",
    .example = "arcface gallery show \"Ann Smith\" --gallery people.gal",
    .options = show_options,
    .run = show,
};
const cli_command cli_gallery_check = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery check",
    .args = "",
    .what = "is a gallery whole? exit status 0 yes, 1 no, with a sentence for each thing that is wrong",
    .about = "The data base's own structure, that all rows belong together, that every embedding can be opened and has its "
             "numbers, that crops are pictures, and the counts. Reads the whole gallery and changes nothing.",
    .no = "something is wrong",
    .example = "arcface gallery check --gallery people.gal",
    .options = check_options,
    .run = check,
};
const cli_command cli_gallery_audit_log = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery audit-log",
    .args = "",
    .what = "who changed what in a gallery, and when",
    .about = "The log is only ever appended to, and names people by id: what was removed stays removed.",
    .example = "arcface gallery audit-log --gallery people.gal",
    .options = log_options,
    .run = audit_log,
};
