/* gallery/store/qdrant: galleries in a Qdrant server. */
#ifndef ARC_GALLERY_QDRANT_H
#define ARC_GALLERY_QDRANT_H

#include "gallery/store/store.h"

extern const arc_gallery_store_type arc_qdrant_store;

#endif
