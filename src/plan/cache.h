/* plan: files of what was measured on a machine: the ways that the layers of a plan take, and the rates of a processor that the
 * shipped table does not know. Text, written whole under another name and renamed, with a checksum; a file that can't be read as
 * one counts as absent:
 *
 *   arcface plan 1
 *   owner avx512 on AuthenticAMD family 26 model 2 stepping 1 (AMD EPYC), arcface 0.1.0
 *   rates 100 8 7 2
 *   choice 0 TAB conv 1x14x14x256 ... TAB winograd 4x4        0: the algorithm, for any number of threads
 *   choice 2 TAB conv 1x14x14x256 ... TAB shared blocks       the schedule on 2 threads
 *   end 0123456789abcdef                                      FNV-1a of the bytes above */
#ifndef ARC_PLAN_CACHE_H
#define ARC_PLAN_CACHE_H

#include "base/hash.h"
#include "plan/choice.h"

#define ARC_PLAN_OWNER_BYTES 200
#define ARC_PLAN_MAX_CHOICES 8192
#define ARC_PLAN_MAX_BYTES ((size_t)2 << 20)

typedef struct arc_plan_choice {
    int threads; /* 0: the algorithm */
    char key[ARC_CHOICE_KEY_BYTES], name[ARC_CHOICE_NAME_BYTES];
} arc_plan_choice;

typedef struct arc_plan_record {
    const arc_alloc *alloc;
    arc_plan_choice *choice;
    size_t choices, capacity;
    arc_rates rates; /* macs == 0: none */
} arc_plan_record;

void arc_plan_record_init(arc_plan_record *r, const arc_alloc *a);
void arc_plan_record_free(arc_plan_record *r); /* idempotent */

const char *arc_plan_record_find(const arc_plan_record *r, const char *key, int threads); /* NULL: not there */
arc_status arc_plan_record_set(arc_plan_record *r, const char *key, int threads, const char *name, arc_error *err);

/* Fails with ENOTFOUND (no such file), EFORMAT (not such a file), ECORRUPT, ENOMEM, or EUNSUPPORTED when it is another owner's;
 * the record is empty then. `name` is for the sentence. */
arc_status arc_plan_record_parse(arc_plan_record *r, const uint8_t *data, size_t bytes, const char *owner, const char *name,
                                 arc_error *err);
arc_status arc_plan_record_load(arc_plan_record *r, const char *path, const char *owner, arc_error *err);
/* Makes the folder, too. */
arc_status arc_plan_record_save(const arc_plan_record *r, const char *path, const char *owner, arc_error *err);

#endif
