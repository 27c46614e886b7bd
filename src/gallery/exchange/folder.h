/* gallery/exchange: the files of a plain folder. */
#ifndef ARC_GALLERY_FOLDER_H
#define ARC_GALLERY_FOLDER_H

#define ARC_FOLDER_PEOPLE "people.json"
#define ARC_FOLDER_EMBEDDINGS "embeddings.npy"
#define ARC_FOLDER_CROPS "crops"
/* Most of people.json, which is read as a whole: for about five million templates. */
#define ARC_FOLDER_PEOPLE_BYTES ((size_t)1 << 30)
#define ARC_FOLDER_PATH_BYTES (4096 + 64)

#endif
