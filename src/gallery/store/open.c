/* gallery/store: which kind of store a location names. */
#include "gallery/store/store.h"
#include <string.h>

#ifdef ARC_WITH_POSTGRES
#include "gallery/store/postgres/postgres.h"
#endif
#ifdef ARC_WITH_QDRANT
#include "gallery/store/qdrant/qdrant.h"
#endif
#ifdef ARC_WITH_SQLITE
#include "gallery/store/sqlite/sqlite.h"
#endif

static bool is_server(const char *location) {
    return strncmp(location, "postgres://", 11) == 0 || strncmp(location, "postgresql://", 13) == 0;
}

static bool is_qdrant(const char *location) {
    return strncmp(location, "qdrant://", 9) == 0 || strncmp(location, "qdrants://", 10) == 0;
}

static arc_status check_name(const char *name, arc_error *err) {
    const size_t bytes = strlen(name);
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-_.", *c)))
            return arc_fail(err, ARC_EINVAL, "a gallery's name behind # is of letters, digits, - _ and . only");
    if (bytes == 0 || bytes > ARC_STORE_GALLERY_NAME_BYTES)
        return arc_fail(err, ARC_EINVAL, "a gallery's name behind # has 1 to %d letters", ARC_STORE_GALLERY_NAME_BYTES);
    return ARC_OK;
}

arc_status arc_gallery_store_open(arc_context *ctx, const char *location, const char *gallery, int flags, arc_gallery_store **out,
                                  arc_error *err) {
    *out = NULL;
    const arc_status st = check_name(gallery, err);
    if (st != ARC_OK)
        return st;
    if (!*location)
        return arc_fail(err, ARC_EINVAL, "a gallery needs a path");
    if (strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: a gallery behind another server is searched only (\"arcface identify\"); what "
                        "changes it is asked of that server",
                        location);
#ifdef ARC_WITH_POSTGRES
    if (is_server(location))
        return arc_postgres_store.open(ctx, location, gallery, flags, out, err);
#else
    if (is_server(location))
        return arc_fail(err, ARC_EMISSING, "galleries in a PostgreSQL server need libpq: install libpq-dev and build again");
#endif
#ifdef ARC_WITH_QDRANT
    if (is_qdrant(location))
        return arc_qdrant_store.open(ctx, location, gallery, flags, out, err);
#else
    if (is_qdrant(location))
        return arc_fail(err, ARC_EMISSING, "galleries in a Qdrant server need the network: build with -DARC_NETWORK=ON");
#endif
#ifdef ARC_WITH_SQLITE
    return arc_sqlite_store.open(ctx, location, gallery, flags, out, err);
#else
    (void)ctx, (void)flags;
    return arc_fail(err, ARC_EMISSING, "%s: galleries in a file need SQLite: install libsqlite3-dev and build again", location);
#endif
}
