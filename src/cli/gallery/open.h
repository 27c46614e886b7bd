/* A gallery as commands name it: its options, opening it, and the people that operands mean. */
#ifndef ARCFACE_CLI_GALLERY_OPEN_H
#define ARCFACE_CLI_GALLERY_OPEN_H

#include "ui/cli.h"
#include <arcface/gallery_shards.h>

/* Put into the table of every command that calls gallery_open. */
/* clang-format off */
#define GALLERY_OPTIONS \
    CLI_FILE("gallery", 'g', "GALLERY", "$ARCFACE_GALLERY", "a file, postgres://USER@HOST/DATABASE, qdrant://HOST/COLLECTION (#NAME: one of several in it), to search also http://HOST:PORT of a server"), \
    CLI_TEXT("key", 0, "NAME", "$ARCFACE_GALLERY_KEY", "key it is sealed with: a file, env:VARIABLE or \"command:WORDS\""), \
    CLI_TEXT("protect-key", 0, "NAME", "$ARCFACE_PROTECT_KEY", "key by which its templates are rotated (gallery protect), named likewise")
/* clang-format on */

/* Put behind GALLERY_OPTIONS by commands that search. */
/* clang-format off */
#define GALLERY_MEMORY_OPTION \
    CLI_WHOLE("index-memory", 0, "MB", 1, 1000000000, "half of the memory", "of a gallery in a server: most that its index may take here; a larger one is searched by the server")
/* clang-format on */

typedef enum gallery_use { GALLERY_READ, GALLERY_CHANGE, GALLERY_MAKE } gallery_use;

const char *gallery_location(const cli *c); /* NULL: neither option nor variable names one */
/* What all galleries of a command are opened with: use, key, actor. */
void gallery_fill(const cli *c, gallery_use use, arc_gallery_options *o);
/* opt: NULL for the defaults; key, actor and what the use needs are filled in. An exit status. */
int gallery_open(cli *c, gallery_use use, const arc_gallery_options *opt, arc_gallery **out);
/* Another one, for reading, with the same keys. An exit status. */
int gallery_open_other(cli *c, const char *location, arc_gallery **out);
/* Every --gallery that is given, searched as one; *out is NULL when there is one only. An exit status. */
int gallery_open_shards(cli *c, arc_shards **out);
/* Says once of a gallery that has just been made and is not sealed that it is not. An exit status. */
int gallery_warn_unsealed(cli *c, arc_gallery *g);
/* The person of this name; an exit status after a sentence with the nearest name when there is nobody. */
int gallery_person(arc_gallery *g, const char *name, int64_t *id);
void gallery_put_json(cli_text *t, const char *text); /* as a JSON string */
void gallery_put_time(cli_text *t, int64_t ms);       /* since 1970: "2026-11-30T06:40:12Z" */
/* Asks on a terminal; --yes agrees by itself. CLI_OK: yes, CLI_NO: no, CLI_USAGE after a sentence: nobody can be asked. */
int gallery_agree(const cli *c, const char *question);

#endif
