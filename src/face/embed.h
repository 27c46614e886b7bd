/* face: what other rooms need of an embedder beyond <arcface/face.h>. */
#ifndef ARC_FACE_EMBED_H
#define ARC_FACE_EMBED_H

#include <arcface/face.h>

const arc_contract *arc_embedder_contract(const arc_embedder *embedder);

#endif
