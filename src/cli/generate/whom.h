/* Whom arcface generate shows, and the models that take part: from its options. */
#ifndef ARCFACE_CLI_GENERATE_WHOM_H
#define ARCFACE_CLI_GENERATE_WHOM_H

#include "ui/faces.h"

typedef struct whom {
    arc_model *model, *detector;
    arc_model *judge[ARC_GENERATE_MAX_JUDGES];
    int judges;
    arc_generate_people *people;
    arc_generate_rows rows; /* embeddings or centres */
    int *class_of;          /* [classes]; NULL = open set */
    int classes;
    char measured[CLI_PATH_BYTES];
    const char *statistics; /* NULL: the model's */
} whom;

int whom_open(cli *c, whom *w, const char *folder); /* an exit status */
void whom_fill(whom *w, arc_generate_job *job);     /* job points into w */
void whom_close(cli *c, whom *w);                   /* after a failed open too */

#endif
