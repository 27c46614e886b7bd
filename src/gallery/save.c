/* gallery: the index is written to its file. */
#include "base/lock.h"
#include "gallery/gallery_internal.h"

#define TURN_MS 60000

arc_status arc_gallery_save_index(arc_gallery *g, arc_error *err) {
    char folder[ARC_PATH_BYTES];
    arc_lock *turn = NULL;
    arc_status st;
    if (!arc_path_folder(g->index_path, folder, sizeof folder))
        return arc_fail(err, ARC_ELIMIT, "%s: too long a path", g->index_path);
    /* One process at a time, and each with a state that is not older than what it waited for: so no process brings back into the
     * file what another one has just removed from it. */
    ARC_TRY(arc_lock_take(&turn, &g->ctx->alloc, folder, ARC_LOCK_EXCLUSIVE, TURN_MS, err));
    ARC_TRY(arc_gallery_enter(g, false, err));
    st = arc_gallery_follow(g, err);
    if (st == ARC_OK)
        st = arc_gallery_write_index(g, err);
    st = arc_gallery_leave(g, st, err);
done:
    arc_lock_release(&turn);
    return st;
}
