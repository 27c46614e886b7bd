/* Pictures that people look at, written to a file. */
#include "ui/cli.h"

static int save(cli *c, arc_status st, arc_image *picture, const char *path, arc_error *err) {
    if (st != ARC_OK)
        return cli_fail(err);
    st = arc_image_save(c->ctx, picture, path, err);
    arc_image_free(c->ctx, picture);
    return st == ARC_OK ? CLI_OK : cli_fail_write(err);
}

int cli_draw_faces(cli *c, const arc_image *photo, const arc_face *faces, int count, const char *path) {
    arc_error err = {0};
    arc_image picture = {0};
    const arc_status st = arc_draw_faces(c->ctx, photo, faces, count, &picture, &err);
    return save(c, st, &picture, path, &err);
}

int cli_draw_pair(cli *c, const arc_pair_side side[2], const char *title, const char *text, bool yes, const char *path) {
    arc_error err = {0};
    arc_image picture = {0};
    const arc_status st = arc_draw_pair(c->ctx, side, title, text, yes, &picture, &err);
    return save(c, st, &picture, path, &err);
}
