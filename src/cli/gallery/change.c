/* arcface gallery set, rename, merge, remove: people of a gallery, changed. */
#include "gallery/open.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Opens the gallery and finds as many people as there are ids. */
static int open_for(cli *c, arc_gallery **g, int64_t *id, int count) {
    int code = gallery_open(c, GALLERY_CHANGE, NULL, g);
    for (int i = 0; code == CLI_OK && i < count; i++)
        code = gallery_person(*g, c->args[i], &id[i]);
    return code;
}

static int close_after(arc_gallery **g, arc_status st, const arc_error *err) {
    arc_gallery_close(g);
    return st == ARC_OK ? CLI_OK : st == ARC_EIO ? cli_fail_write(err) : cli_fail(err);
}

static int set_search(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    const int code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    const int closed = close_after(
        &g, code == CLI_OK ? arc_gallery_set_search(g, (arc_gallery_search)cli_word(c, "search"), &err) : ARC_OK, &err);
    return code == CLI_OK ? closed : code;
}

static int set(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    int64_t id;
    const char *note = cli_value(c, "note");
    double threshold = NAN;
    const bool rule = cli_given(c, "gallery-rule"), person = note || rule || cli_given(c, "threshold");
    if (cli_given(c, "search"))
        return c->arg_count > 0 || person ? cli_usage(c, "--search is the gallery's: give it without NAME and what is a person's")
                                          : set_search(c);
    if (c->arg_count == 0)
        return cli_usage(c, "set what? Give NAME with --note, --threshold or --gallery-rule, or --search HOW for the gallery");
    cli_float(c, "threshold", &threshold);
    if (!person)
        return cli_usage(c, "set what? Give --note JSON, --threshold X or --gallery-rule");
    if (rule && !isnan(threshold))
        return cli_usage(c, "--threshold and --gallery-rule exclude each other");
    const int code = open_for(c, &g, &id, 1);
    arc_status st = ARC_OK;
    if (code == CLI_OK && note)
        st = arc_gallery_annotate(g, id, note, &err);
    if (code == CLI_OK && st == ARC_OK && (rule || !isnan(threshold)))
        st = arc_gallery_set_threshold(g, id, threshold, &err);
    const int closed = close_after(&g, st, &err);
    return code == CLI_OK ? closed : code;
}

static int rename_person(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    int64_t id;
    const int code = open_for(c, &g, &id, 1);
    const int closed = close_after(&g, code == CLI_OK ? arc_gallery_rename(g, id, c->args[1], &err) : ARC_OK, &err);
    return code == CLI_OK ? closed : code;
}

static int merge(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    int64_t id[2];
    const int code = open_for(c, &g, id, 2);
    const int closed = close_after(&g, code == CLI_OK ? arc_gallery_merge(g, id[0], id[1], &err) : ARC_OK, &err);
    if (code == CLI_OK && closed == CLI_OK && !c->quiet)
        printf("%s has the templates of %s now\n", c->args[0], c->args[1]);
    return code == CLI_OK ? closed : code;
}

/* ---- remove ---- */

typedef struct removal {
    int64_t templates;
    int64_t wanted; /* a template; 0: all */
    bool there;
} removal;

static int count_templates(void *arg, const arc_identity *identity) {
    ((removal *)arg)->templates += identity->templates;
    return 0;
}

static int look_for_template(void *arg, const arc_template_record *record) {
    removal *r = arg;
    r->there = r->there || record->id == r->wanted;
    return r->there;
}

static int remove_template(cli *c, arc_gallery *g, int64_t person, removal *r) {
    arc_error err = {0};
    char question[256];
    if (arc_gallery_templates(g, person, false, look_for_template, r, &err) != ARC_OK)
        return cli_fail(&err);
    if (!r->there)
        return cli_bad_input("%s has no template %lld; \"arcface gallery show\" lists them", c->args[0], (long long)r->wanted);
    snprintf(question, sizeof question, "Remove template %lld of %.150s for good?", (long long)r->wanted, c->args[0]);
    const int agreed = gallery_agree(c, question);
    if (agreed != CLI_OK)
        return agreed;
    return arc_gallery_remove_template(g, r->wanted, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int remove_people(cli *c, arc_gallery *g, const int64_t *id, removal *r) {
    arc_error err = {0};
    char question[256];
    for (int i = 0; i < c->arg_count; i++)
        if (arc_gallery_identity(g, id[i], count_templates, r, &err) != ARC_OK)
            return cli_fail(&err);
    snprintf(question, sizeof question, "Remove %.120s%s with %lld template%s for good?", c->args[0],
             c->arg_count > 1 ? " and others" : "", (long long)r->templates, r->templates == 1 ? "" : "s");
    const int agreed = gallery_agree(c, question);
    if (agreed != CLI_OK)
        return agreed;
    for (int i = 0; i < c->arg_count; i++) {
        if (arc_gallery_remove(g, id[i], &err) != ARC_OK)
            return cli_fail(&err);
        if (!c->quiet)
            printf("%s is removed\n", c->args[i]);
    }
    return CLI_OK;
}

static int remove_person(cli *c) {
    arc_gallery *g;
    removal r = {0};
    int64_t *id = cli_new((size_t)c->arg_count, sizeof *id);
    cli_long(c, "template", &r.wanted);
    int code = r.wanted && c->arg_count > 1 ? cli_usage(c, "--template is one person's: give one NAME") : CLI_OK;
    g = NULL;
    if (code == CLI_OK)
        code = open_for(c, &g, id, c->arg_count);
    if (code == CLI_OK)
        code = r.wanted ? remove_template(c, g, id[0], &r) : remove_people(c, g, id, &r);
    arc_gallery_close(&g);
    cli_free(id);
    return code;
}

/* ---- tables ---- */

static const cli_option set_options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("note", 0, "JSON", NULL, "what is to be remembered, a JSON object; \"\" forgets it"),
    CLI_REAL("threshold", 't', "X", -1, 1, NULL, "cosine from which on a face is this person's"),
    CLI_FLAG("gallery-rule", 0, "no cosine of the person's own any more"),
    CLI_WORD(
        "search", 0, "HOW", "memory database database-hnsw", NULL,
        "of the gallery, without NAME: can the PostgreSQL server search it too? memory: no; database: all vectors (pgvector); "
        "database-hnsw: an index for fast searches as well"),
    {0},
};
static const cli_option plain_options[] = {GALLERY_OPTIONS, {0}};
static const cli_option remove_options[] = {
    GALLERY_OPTIONS,
    CLI_WHOLE("template", 0, "ID", 1, INT64_MAX, NULL, "only this template of the person"),
    CLI_FLAG("yes", 'y', "do not ask; needed when standard input is not a terminal"),
    {0},
};

const cli_command cli_gallery_set = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery set",
    .args = "[NAME]",
    .min_args = 0,
    .max_args = 1,
    .what = "a note on a person of a gallery, a threshold of the person's own, or what searches the gallery",
    .about =
        "With --search database a PostgreSQL server that has the extension pgvector keeps vectors of the templates and "
        "compares them itself: for galleries whose index does not fit into memory (identify --index-memory), and for commands "
        "that ask once and need not read the whole gallery for that.",
    .example = "arcface gallery set \"Ann Smith\" --threshold 0.5 --gallery people.gal",
    .options = set_options,
    .run = set,
};
const cli_command cli_gallery_rename = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery rename",
    .args = "NAME NEW",
    .min_args = 2,
    .max_args = 2,
    .what = "give a person of a gallery another name",
    .example = "arcface gallery rename \"Ann Smith\" \"Ann Jones\" --gallery people.gal",
    .options = plain_options,
    .run = rename_person,
};
const cli_command cli_gallery_merge = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery merge",
    .args = "NAME OTHER",
    .min_args = 2,
    .max_args = 2,
    .what = "two entries are one person: NAME gets OTHER's templates, OTHER goes",
    .example = "arcface gallery merge \"Ann Smith\" \"A. Smith\" --gallery people.gal",
    .options = plain_options,
    .run = merge,
};
const cli_command cli_gallery_remove = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery remove",
    .args = "NAME...",
    .min_args = 1,
    .max_args = -1,
    .what = "remove people from a gallery for good, with templates and crops",
    .about =
        "Nothing of them is left in any file of the gallery afterwards; the audit log keeps that somebody was removed, without "
        "the name. There is no way back. Asks on a terminal.",
    .no = "it was not wanted after all",
    .example = "arcface gallery remove \"Ann Smith\" --gallery people.gal",
    .options = remove_options,
    .run = remove_person,
};
