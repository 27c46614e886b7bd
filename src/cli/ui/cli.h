/* cli: the arcface command. Each group of commands has a folder; all are users of include/arcface like any other program. */
#ifndef ARCFACE_CLI_H
#define ARCFACE_CLI_H

#include "ui/table.h"
#include <arcface/arcface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses, as README.md and arcface(1) promise them. */
enum { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_BAD_INPUT = 3, CLI_FAILURE = 4 };

#define CLI_PATH_BYTES 4096

#define CLI_MAX_PRECISIONS 4
#define CLI_MAX_GIVEN 256
#define CLI_NEAR_LETTERS 2 /* so many wrong letters in a word get a "did you mean" */

/* A command at work. */
struct cli {
    const cli_command *command;
    const cli_command *const *all; /* for "help" */
    const cli_option *option[CLI_MAX_OPTIONS];
    const char *value[CLI_MAX_OPTIONS]; /* NULL = not given; "" for a flag */
    int options;
    struct {
        int option;
        const char *value;
        int operands;       /* in front of it */
    } given[CLI_MAX_GIVEN]; /* all of them as they came, for options that may come again */
    int givens;
    char **args; /* positional */
    int arg_count;
    bool quiet;
    arc_context *ctx;
};

/* options.c. cli_parse: false after an error sentence on stderr (usage). Values have been checked against the table then; what is
 * not given leaves *value as it is. */
bool cli_parse(cli *c, const cli_command *command, int argc, char **argv, bool *help);
bool cli_given(const cli *c, const char *name);
/* Gives an option a value (NULL for a flag) as if it had been on the command line, unless it was: that counts more. The value is
 * not copied. false after an error sentence. */
bool cli_set(cli *c, const char *name, const char *value);
const char *cli_value(const cli *c, const char *name); /* NULL when not given */
/* Every value of an option that may be given again, in order: as many as fit into values[most]; the number of all. */
int cli_values(const cli *c, const char *name, const char **values, int most);
/* How many operands stand in front of the index-th giving of an option, which was given so often. */
int cli_operands_before(const cli *c, const char *name, int index);
const char *cli_recipe_value(const cli *c, const char *field); /* of the flag that a recipe's field has */
void cli_int(const cli *c, const char *name, int *value);
void cli_long(const cli *c, const char *name, int64_t *value);
void cli_float(const cli *c, const char *name, double *value);
int cli_word(const cli *c,
             const char *name); /* position in the table's words of the one given, else of the default; -1: neither */

/* report.c: sentences on stderr and the exit statuses that belong to them. */
int cli_usage(const cli *c, const char *fmt, ...) ARC_PRINTF(2, 3);
int cli_bad_input(const char *fmt, ...) ARC_PRINTF(1, 2);
void cli_warn(const cli *c, const char *fmt, ...) ARC_PRINTF(2, 3);
int cli_fail(const arc_error *err);       /* by its code: bad input or failure */
int cli_fail_write(const arc_error *err); /* writing results went wrong */
int cli_fail_photo(const arc_error *err); /* one of several photos: bad input where the others can go on */

/* memory.c: blocks that are there or end the program with one sentence. */
void *cli_new(size_t n, size_t size);
void *cli_grow(void *old, size_t n, size_t size);
void cli_free(void *p);

/* text.c: texts are built in memory and written at once. */
typedef struct cli_text {
    char *data;
    size_t bytes, capacity;
} cli_text;
void cli_put(cli_text *t, const void *data, size_t bytes);
void cli_printf(cli_text *t, const char *fmt, ...) ARC_PRINTF(2, 3);
int cli_text_print(cli_text *t); /* to standard output; frees */
int cli_text_write(cli *c, cli_text *t, const char *path);
/* Prints a description that the library made and frees it, or tells why there is none. */
int cli_show(cli *c, arc_status st, char **text, const arc_error *err);

/* The limits of photos that are no files; put into the table of a command that calls cli_photos_open. */
/* clang-format off */
#define PHOTO_LIMITS \
    CLI_WHOLE("max-bytes", 0, "N", 1, 1099511627776, "134217728", "largest picture from an address, in an archive or on standard input"), \
    CLI_WHOLE("timeout", 0, "S", 1, 86400, "60", "seconds for a picture from an address"), \
    CLI_WHOLE("redirects", 0, "N", 0, 50, "5", "most redirects on the way to it")
/* clang-format on */

/* photos.c: the photos that operands name (arcface/feed.h says what a name may be). */
typedef struct cli_photos {
    arc_feed *feed;
    arc_photo_source source; /* its count is known when there are few */
} cli_photos;
int cli_photos_open(cli *c, const char *const *names, int count, cli_photos *out); /* an exit status */
void cli_photos_close(cli_photos *photos);                                         /* after a failed open too */
/* All of them at once, for commands that take few; the array is freed with cli_free, what it points at is the feed's. An exit
 * status. */
int cli_photos_all(cli_photos *photos, arc_photo **photo, int *count);
/* Paths of at most so many photos, evenly from all; each and the array are freed with cli_free. An exit status. */
int cli_photos_paths(cli *c, const char *name, int most, char ***path, int *count);
int cli_photos_paths_of(cli *c, const char *const *names, int name_count, int most, char ***path,
                        int *count);                           /* of several names */
const char *cli_photo_label(const arc_result *photo);          /* what messages call it */
int cli_make_folder(const char *path);                         /* with parents; an exit status */
void cli_base_name(const char *path, char *out, size_t bytes); /* no folder, no suffix */
bool cli_has_suffix(const char *path, const char *suffix);

/* models.c */
int cli_open(cli *c);                                                /* the context; an exit status */
int cli_open_as(cli *c, arc_precision precision, arc_context **out); /* another one */
int cli_load(cli *c, arc_task task, arc_model **out);
/* The model that cli_load would take: a path or the name of a pack; NULL, after a sentence: there is none. */
const char *cli_model_name(const cli *c, arc_task task);
void cli_model_options(const cli *c, arc_task task, arc_model_options *opt);
bool cli_has_model(const cli *c, arc_task task); /* whether cli_load would find one named or pulled */
int cli_load_any(cli *c, const char *path_or_name, arc_task task, arc_model **out);
/* input, output: names of the picture's input and the embedding's output; NULL: by the rules */
int cli_load_named(cli *c, const char *path_or_name, arc_task task, const char *input, const char *output, arc_model **out);

/* precision.c: the list in --precision; false after an error sentence. */
bool cli_precisions(const cli *c, int most, arc_precision *precision, int *count);

/* progress.c: a bar on stderr when that is a terminal. */
typedef struct cli_progress {
    const char *what;
    bool on, bytes;
    int64_t started_ms, drawn_ms, first_done;
} cli_progress;
void cli_progress_start(cli_progress *p, const cli *c, const char *what);
int cli_progress_tick(void *progress, int64_t done, int64_t total);                     /* total -1: not known */
int cli_progress_stage(void *progress, const char *stage, int64_t done, int64_t total); /* the stage takes the name's place */
int cli_progress_tick_int(void *progress, int done, int total);
void cli_progress_end(cli_progress *p);
double cli_seconds(void);

/* The line of a run of many steps (ui/steps.c); from its start the first Ctrl-C only asks for a stop. */
typedef struct cli_steps {
    const cli *c;
    bool live, drawn; /* stderr is a terminal; a line stands there */
    double next;      /* second from which a line is due */
} cli_steps;
void cli_steps_start(cli_steps *s, const cli *c);
int cli_steps_stop_wanted(void);             /* 1 after Ctrl-C: what a progress function returns */
bool cli_steps_due(cli_steps *s, bool last); /* it is time for a line; never when quiet */
void cli_steps_draw(cli_steps *s, const char *line, bool last);
void cli_steps_say(cli_steps *s, const char *line); /* stays above the line that is drawn in place */
void cli_steps_clear(cli_steps *s);

/* draw.c: the pictures that people look at. */
int cli_draw_faces(cli *c, const arc_image *photo, const arc_face *faces, int count, const char *path);
int cli_draw_pair(cli *c, const arc_pair_side side[2], const char *title, const char *text, bool yes, const char *path);

#endif
