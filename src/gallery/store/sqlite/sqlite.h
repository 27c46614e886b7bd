/* gallery/store/sqlite: galleries in a file of SQLite. */
#ifndef ARC_GALLERY_SQLITE_H
#define ARC_GALLERY_SQLITE_H

#include "gallery/store/store.h"

extern const arc_gallery_store_type arc_sqlite_store;

#endif
