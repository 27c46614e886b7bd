/* gallery/store/sqlite: transactions, what other processes write, and the end of what was removed. */
#include "gallery/store/sqlite/sqlite_internal.h"

arc_status arc_sqlite_begin(arc_gallery_store *store, bool write, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    const arc_status st =
        arc_sqlite_change(s, write ? "BEGIN IMMEDIATE" : "BEGIN", NULL, 0, write ? "begin to write" : "read it", err);
    s->within = st == ARC_OK;
    s->revised = false;
    return st;
}

arc_status arc_sqlite_commit(arc_gallery_store *store, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    const arc_status st = arc_sqlite_change(s, "COMMIT", NULL, 0, "store the change", err);
    if (st != ARC_OK)
        arc_sqlite_rollback(store);
    s->within = false;
    return st;
}

void arc_sqlite_rollback(arc_gallery_store *store) {
    arc_sqlite *s = arc_sqlite_of(store);
    if (s->within && !sqlite3_get_autocommit(s->db)) /* after some failures SQLite has rolled back by itself */
        (void)arc_sqlite_change(s, "ROLLBACK", NULL, 0, "roll back", NULL);
    s->within = false;
}

arc_status arc_sqlite_wait(arc_gallery_store *store, int timeout_ms, bool *changed, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    *changed = false;
    for (int waited_ms = 0;; waited_ms += 5) {
        int64_t version;
        const arc_status st = arc_sqlite_number(s, "PRAGMA data_version", NULL, 0, 0, &version, "read it", err);
        if (st != ARC_OK)
            return st;
        if ((int)version != s->data_version) {
            s->data_version = (int)version;
            *changed = true;
            return ARC_OK;
        }
        if (waited_ms >= timeout_ms)
            return ARC_OK;
        sqlite3_sleep(ARC_MIN(5, timeout_ms - waited_ms));
    }
}

/* secure_delete has overwritten what was removed in the pages of the file; the log holds older pages until it is emptied. */
arc_status arc_sqlite_compact(arc_gallery_store *store, bool *complete, arc_error *err) {
    arc_sqlite *s = arc_sqlite_of(store);
    const int rc = sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    *complete = rc == SQLITE_OK;
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY ? ARC_OK : arc_sqlite_fail(s, rc, "empty its log", err);
}
