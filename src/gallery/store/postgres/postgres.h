/* gallery/store/postgres: galleries in a data base of PostgreSQL, for several machines (store.h). Built where libpq is. */
#ifndef ARC_GALLERY_POSTGRES_H
#define ARC_GALLERY_POSTGRES_H

#include "gallery/store/store.h"

extern const arc_gallery_store_type arc_postgres_store;

#endif
