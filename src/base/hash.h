/* base: a fast 64-bit hash, for names and against accidental damage. It does not resist attackers; digest.h does. */
#ifndef ARC_BASE_HASH_H
#define ARC_BASE_HASH_H

#include "base/base.h"

/* FNV-1a; start with ARC_HASH_START. */
#define ARC_HASH_START 14695981039346656037u
uint64_t arc_hash_bytes(uint64_t hash, const void *data, size_t bytes);

#endif
