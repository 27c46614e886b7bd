/* The photos that `enroll` takes, and whose they are: one person's, those of a folder of people, those of a list. */
#ifndef ARCFACE_CLI_GALLERY_PEOPLE_H
#define ARCFACE_CLI_GALLERY_PEOPLE_H

#include "ui/cli.h"

typedef struct people {
    cli *c;
    arc_photo_source source;
    const char *name;   /* everybody's; NULL: by folder or list */
    const char *folder; /* NULL: by list */
    cli_photos named;
    char **line;         /* of the list, cut into fields */
    const char **person; /* [count] of its lines */
    const char **path;   /* [count] */
    int64_t count;
    char found[1024]; /* the folder's name that was told last */
} people;

int people_open(cli *c, people *p); /* an exit status */
void people_close(people *p);       /* after a failed open too */
const char *people_whose(void *people, int64_t index, const char *photo, arc_error *err);

#endif
