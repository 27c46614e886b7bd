/* server/page: the web page, whose files (web/) are in the library. */
#ifndef ARC_SERVER_PAGE_PAGE_H
#define ARC_SERVER_PAGE_PAGE_H

#include "server/route/route.h"

/* A file of the page. cmake/embed.cmake writes the table from web/. */
typedef struct arc_page_file {
    const char *name; /* "app.js"; NULL ends the table */
    const unsigned char *data;
    size_t bytes;
} arc_page_file;

extern const arc_page_file arc_page_files[];
extern const arc_route_group arc_page_group; /* "/" and "/page/NAME" */

#endif
