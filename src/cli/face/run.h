/* A pipeline as the commands on photos need it: models and options from the command line, and what is said of a photo. */
#ifndef ARCFACE_CLI_FACE_RUN_H
#define ARCFACE_CLI_FACE_RUN_H

#include "ui/faces.h"

/* How picture files are read; put into the table of a command that calls face_run_options. */
/* clang-format off */
#define PICTURE_OPTIONS \
    CLI_FLAG("strict", 0, "refuse pictures that end early or are damaged; else what could be decoded is used"), \
    PICTURE_READING
#define PICTURE_READING /* of commands with a --strict of their own */ \
    CLI_WHOLE("frame", 0, "N", 0, 65535, "0", "of a file with several pictures: GIF, PNG, WebP, JPEG XL, TIFF, HEIC"), \
    CLI_FLAG("no-profile", 0, "colours as they are stored: no colour profile is applied")
/* clang-format on */

typedef struct face_run {
    arc_pipeline_options opt; /* filled by face_run_options; a command adds its own before face_run_open */
    arc_model *model, *detector;
    arc_pipeline *pipeline;
} face_run;

void face_run_options(const cli *c, face_run *r);
/* Loads the models and opens the pipeline; embeds: with the recognition model. An exit status. */
int face_run_open(cli *c, face_run *r, bool embeds);
void face_run_close(face_run *r); /* after a failed open too */
/* Says that a photo is damaged, and which face of several is taken. what: what --all does. */
void face_run_warn(const cli *c, const face_run *r, const arc_result *photo, const char *what);

/* Says why a photo gave no face, and what else may help; the exit status. */
int face_run_faceless(const arc_result *photo);

/* The photos that a command names, taken through its pipeline one after the other. */
typedef struct face_photos {
    cli *c;
    const face_run *run;
    const char *what; /* what --all does with every face */
    cli_photos named;
    cli_progress bar;
    int64_t unreadable, faceless;
    int worst; /* exit status */
} face_photos;

int face_photos_open(cli *c, const face_run *r, const char *what, face_photos *out); /* an exit status */
/* For sinks: tells why a photo gave nothing and warns. Whether it could be read. */
bool face_photos_tell(face_photos *photos, int64_t index, const arc_result *photo);
/* So many were given, apart from folders and lists, and so many of them could not be read. */
int64_t face_photos_count(const face_photos *photos, int64_t *unreadable);
/* The last line of a run over several photos: how many could not be read, and which files of folders were skipped. Nothing when
 * all went well. */
void face_photos_end(face_photos *photos);
void face_photos_close(face_photos *photos);

#endif
