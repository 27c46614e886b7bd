/* What the commands that copy data sets share: their options, and showing what was written. */
#ifndef ARCFACE_CLI_COPIES_H
#define ARCFACE_CLI_COPIES_H

#include "ui/cli.h"

/* clang-format off */
#define COPY_OPTIONS \
    CLI_FILE("output", 'o', "PATH", NULL, "a folder (it gets train.rec, train.idx, property) or a .rec"), \
    CLI_WORD("layout", 0, "KIND", "identities sequence", "identities", \
             "identities (as InsightFace, with identity records and a header) or sequence " \
             "(as im2rec: pictures only, keys from 0)"), \
    CLI_WHOLE("size", 0, "N", 16, 4096, "pictures are copied byte for byte", "cut square and scale to this side"), \
    CLI_WHOLE("quality", 0, "N", 1, 100, "95", "of JPEGs encoded again with --size"), \
    CLI_FLAG("png", 0, "PNG with --size, not JPEG"), \
    CLI_WHOLE("min-images", 0, "N", 1, 1000000, NULL, "leave out identities with fewer, number the others anew"), \
    CLI_FLAG("shuffle", 0, "random order (sequence layout)"), \
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of what is random"), \
    CLI_JSON_LINE
/* clang-format on */

/* --layout, --size, --quality, --min-images, --shuffle, --seed; starts the bar. */
void copies_read(cli *c, arc_data_copy_options *o, cli_progress *bar, const char *what);
int copies_fail(const cli *c, arc_status st, const arc_error *err); /* an exit status */
int copies_show(cli *c, const char *path, const arc_data_counts *n);

#endif
