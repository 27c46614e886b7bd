/* A gallery as commands name it. */
#include "gallery/open.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *from_environment(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

void gallery_fill(const cli *c, gallery_use use, arc_gallery_options *o) {
    o->create = use == GALLERY_MAKE;
    o->read_only = use == GALLERY_READ;
    o->key = cli_given(c, "key") ? cli_value(c, "key") : from_environment("ARCFACE_GALLERY_KEY");
    o->protect = cli_given(c, "protect-key") ? cli_value(c, "protect-key") : from_environment("ARCFACE_PROTECT_KEY");
    o->actor = from_environment("USER");
    if (cli_given(c, "index-memory")) {
        cli_long(c, "index-memory", &o->index_memory_bytes);
        o->index_memory_bytes *= 1000000;
    }
}

const char *gallery_location(const cli *c) {
    return cli_given(c, "gallery") ? cli_value(c, "gallery") : from_environment("ARCFACE_GALLERY");
}

int gallery_open(cli *c, gallery_use use, const arc_gallery_options *opt, arc_gallery **out) {
    arc_gallery_options o;
    arc_error err = {0};
    const char *location = gallery_location(c);
    *out = NULL;
    if (!location)
        return cli_usage(c, "which gallery? Give --gallery FILE (or $ARCFACE_GALLERY)");
    if (cli_values(c, "gallery", NULL, 0) > 1)
        return cli_usage(c, "several galleries are for identify without --only, --log and --cohort; give one --gallery");
    if (opt)
        o = *opt;
    else
        arc_gallery_options_default(&o);
    gallery_fill(c, use, &o);
    return arc_gallery_open(c->ctx, location, &o, out, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

int gallery_open_other(cli *c, const char *location, arc_gallery **out) {
    arc_gallery_options o;
    arc_error err = {0};
    arc_gallery_options_default(&o);
    gallery_fill(c, GALLERY_READ, &o);
    return arc_gallery_open(c->ctx, location, &o, out, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

int gallery_open_shards(cli *c, arc_shards **out) {
    const char *location[CLI_MAX_GIVEN];
    arc_gallery_options o;
    arc_error err = {0};
    const int count = cli_values(c, "gallery", location, CLI_MAX_GIVEN);
    *out = NULL;
    if (count < 1 || (count < 2 && strncmp(location[0], "http://", 7) != 0 && strncmp(location[0], "https://", 8) != 0))
        return CLI_OK;
    arc_gallery_options_default(&o);
    gallery_fill(c, GALLERY_READ, &o);
    return arc_shards_open(c->ctx, location, count, &o, out, &err) == ARC_OK ? CLI_OK : cli_fail(&err);
}

int gallery_warn_unsealed(cli *c, arc_gallery *g) {
    arc_gallery_facts facts;
    arc_error err = {0};
    if (arc_gallery_facts_of(g, &facts, &err) != ARC_OK)
        return cli_fail(&err);
    if (facts.dim == 0 && !facts.sealed)
        cli_warn(c,
                 "this new gallery is not sealed: who can read its file has everybody's templates, crops and names (make it with "
                 "--key to seal it)");
    return CLI_OK;
}

/* ---- people ---- */

typedef struct near {
    const char *word;
    char best[256];
} near;

static int compare_name(void *arg, const arc_identity *identity) {
    near *n = arg;
    const char *nearer = arc_nearer_word(n->word, identity->name, CLI_NEAR_LETTERS, *n->best ? n->best : NULL);
    if (nearer == identity->name)
        snprintf(n->best, sizeof n->best, "%s", identity->name);
    return 0;
}

int gallery_person(arc_gallery *g, const char *name, int64_t *id) {
    arc_error err = {0};
    near n = {.word = name};
    bool found = false;
    if (arc_gallery_find(g, name, id, &found, &err) != ARC_OK)
        return cli_fail(&err);
    if (found)
        return CLI_OK;
    if (arc_gallery_list(g, 0, compare_name, &n, &err) != ARC_OK)
        return cli_fail(&err);
    return *n.best ? cli_bad_input("the gallery has nobody named \"%s\", did you mean \"%s\"?", name, n.best)
                   : cli_bad_input("the gallery has nobody named \"%s\"; \"arcface gallery list\" shows who is there", name);
}

/* ---- words ---- */

void gallery_put_json(cli_text *t, const char *text) {
    cli_put(t, "\"", 1);
    for (; *text; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            cli_printf(t, "\\%c", byte);
        else if (byte < 0x20)
            cli_printf(t, "\\u%04x", byte);
        else
            cli_put(t, text, 1);
    }
    cli_put(t, "\"", 1);
}

void gallery_put_time(cli_text *t, int64_t ms) {
    char text[32] = "?";
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    cli_printf(t, "%s", text);
}

int gallery_agree(const cli *c, const char *question) {
    char answer[16] = "";
    if (cli_given(c, "yes"))
        return CLI_OK;
    if (!isatty(STDIN_FILENO))
        return cli_usage(c, "%s Standard input is not a terminal: give --yes if you mean it", question);
    printf("%s [y/N] ", question);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && tolower((unsigned char)answer[0]) == 'y' ? CLI_OK : CLI_NO;
}
