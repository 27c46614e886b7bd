/* server/api: bulk enrolment. Photos go through the micro-batcher, some at a time, beside those of other requests. */
#include "server/api/bulk.h"
#include "gallery/photo/batch.h"
#include "server/api/api.h"
#include "source/archive.h"
#include <sodium.h>
#include <string.h>

#define PHOTOS 8 /* in memory at a time */
#define NAME "photos"

static const char *const no_folder = "the photo lies in no person's folder: it belongs into NAME/";

typedef struct bulk_photo {
    uint8_t *bytes;
    size_t byte_count;
    char *name;   /* in the archive */
    char *person; /* NULL: nobody's */
} bulk_photo;

typedef struct bulk_run {
    struct arc_server *server;
    const arc_alloc *alloc;
    arc_bulk *out;
    bool largest;
    int dim;
    bulk_photo photo[PHOTOS];
    arc_work_item item[PHOTOS];
    int count;
} bulk_run;

static void fail_photo(bulk_run *r, const char *name, arc_problem problem, const char *sentence) {
    arc_bulk *out = r->out;
    pthread_mutex_lock(out->lock);
    out->failed++;
    if (out->problems < ARC_BULK_PROBLEMS_MAX) {
        arc_bulk_problem *p = &out->problem[out->problems++];
        *p = (arc_bulk_problem){arc_mem_strdup(r->alloc, name), problem, arc_mem_strdup(r->alloc, sentence)};
    }
    pthread_mutex_unlock(out->lock);
}

/* ---- storing what was found ---- */

/* What speaks against a photo; false: it is told. */
static bool judge(bulk_run *r, const bulk_photo *photo, const arc_work_item *item) {
    const arc_result *found = &item->result;
    if (found->status != ARC_OK)
        fail_photo(r, photo->name, arc_problem_of_photo(found->status), found->error.text);
    else if (found->faces == 0)
        fail_photo(r, photo->name, ARC_PROBLEM_NO_FACE, arc_problem_text(ARC_PROBLEM_NO_FACE));
    else if (found->faces_found > 1 && !r->largest)
        fail_photo(r, photo->name, ARC_PROBLEM_SEVERAL_FACES, arc_problem_text(ARC_PROBLEM_SEVERAL_FACES));
    else if (!photo->person)
        fail_photo(r, photo->name, ARC_PROBLEM_INVALID_PARAMETER, no_folder);
    else
        return true;
    return false;
}

/* The entry takes result and person over. */
static void add_entry(bulk_run *r, arc_enroll_batch *batch, int index) {
    arc_enroll_entry *e = &batch->entry[batch->count++];
    *e = (arc_enroll_entry){.photo = r->item[index].result, .face = r->item[index].largest, .has_digest = true};
    e->photo.path = e->photo.label = r->photo[index].name;
    e->person = r->photo[index].person;
    r->photo[index].person = NULL;
    r->item[index].result = (arc_result){.path = NULL};
    crypto_hash_sha256(e->told.sha256, r->photo[index].bytes, r->photo[index].byte_count);
}

static void tell(bulk_run *r, const arc_enroll_entry *e) {
    const arc_enrolled *told = &e->told;
    arc_bulk *out = r->out;
    if (told->as == ARC_ENROLL_FAILED) {
        const bool wrong = told->error.code == ARC_EINVAL;
        fail_photo(r, e->photo.path, wrong ? ARC_PROBLEM_CONFLICT : arc_problem_of(told->error.code),
                   wrong ? "the photo is another person's already, or the folder's name cannot be a person's"
                         : arc_problem_text(ARC_PROBLEM_INTERNAL));
        return;
    }
    pthread_mutex_lock(out->lock);
    out->stored += told->as == ARC_ENROLLED;
    out->before += told->as == ARC_ENROLLED_BEFORE;
    out->doubtful += told->as == ARC_ENROLLED && *told->doubt;
    out->people += told->as == ARC_ENROLLED && told->first;
    pthread_mutex_unlock(out->lock);
    arc_metrics_enrolled(&r->server->metrics, told->as == ARC_ENROLLED);
}

static arc_status store(bulk_run *r, arc_error *err) {
    arc_enroll_batch batch = {.ctx = r->server->ctx, .gallery = r->server->gallery, .dim = r->dim};
    arc_status st = arc_enroll_batch_begin(&batch, PHOTOS, err);
    for (int i = 0; st == ARC_OK && i < r->count; i++)
        if (judge(r, &r->photo[i], &r->item[i]))
            add_entry(r, &batch, i);
    if (st == ARC_OK && batch.count > 0) {
        pthread_mutex_lock(&r->server->writing);
        st = arc_enroll_batch_store(&batch, err);
        pthread_mutex_unlock(&r->server->writing);
        for (int i = 0; st == ARC_OK && i < batch.count; i++)
            tell(r, &batch.entry[i]);
    }
    arc_enroll_batch_end(&batch);
    return st;
}

static void clear(bulk_run *r) {
    for (int i = 0; i < r->count; i++) {
        arc_result_free(r->server->ctx, &r->item[i].result);
        arc_mem_free(r->alloc, r->photo[i].bytes);
        arc_mem_free(r->alloc, r->photo[i].name);
        arc_mem_free(r->alloc, r->photo[i].person);
    }
    r->count = 0;
}

static arc_status flush(bulk_run *r, arc_error *err) {
    arc_status st = ARC_OK;
    if (r->count > 0) {
        for (int i = 0; i < r->count; i++)
            r->item[i] = (arc_work_item){.photo = arc_photo_from_bytes(r->photo[i].bytes, r->photo[i].byte_count, "photo"),
                                         .kind = ARC_WORK_LARGEST,
                                         .keep_crops = true};
        st = arc_work_run(r->server->work, r->item, r->count, UINT64_MAX / 2, err);
    }
    if (st == ARC_OK && r->count > 0)
        st = store(r, err);
    clear(r);
    return st;
}

/* ---- reading the archive ---- */

/* Takes the bytes over. The first folder is the person. */
static arc_status add_photo(bulk_run *r, arc_photo_member *member, arc_error *err) {
    const char *name = member->name + strlen(NAME "/");
    const size_t folder = strcspn(name, "/");
    bulk_photo *p = &r->photo[r->count++];
    *p = (bulk_photo){member->bytes, member->byte_count, arc_mem_strdup(r->alloc, name), NULL};
    r->item[r->count - 1] = (arc_work_item){.photo = {.kind = ARC_PHOTO_END}};
    if (name[folder]) {
        p->person = arc_mem_strdup(r->alloc, name);
        if (p->person)
            p->person[folder] = '\0';
    }
    return p->name && (p->person || !name[folder]) ? ARC_OK : arc_fail_nomem(err, "a photo's name");
}

static arc_status take_member(bulk_run *r, arc_photo_member *member, arc_error *err) {
    const bool picture = member->kind == ARC_MEMBER_PICTURE;
    if (picture || member->kind == ARC_MEMBER_FAILED) {
        pthread_mutex_lock(r->out->lock);
        r->out->photos++;
        pthread_mutex_unlock(r->out->lock);
    }
    if (member->kind == ARC_MEMBER_BROKEN)
        return arc_fail(err, member->failure.code, "%s", member->failure.text);
    if (member->kind == ARC_MEMBER_FAILED)
        fail_photo(r, member->name + strlen(NAME "/"), arc_problem_of_photo(member->failure.code), member->failure.text);
    if (!picture)
        return ARC_OK;
    const arc_status st = add_photo(r, member, err);
    return st == ARC_OK && r->count == PHOTOS ? flush(r, err) : st;
}

arc_status arc_bulk_enrol(struct arc_server *server, arc_bytes archive, bool largest, arc_bulk *out, arc_error *err) {
    const arc_photo_archive_limits limits = {.max_bytes = server->opt.max_body_bytes, .bomb_bytes = ARC_BOMB_BYTES};
    bulk_run r = {.server = server, .alloc = &server->ctx->alloc, .out = out, .largest = largest};
    arc_photo_archive *z = NULL;
    arc_photo_member member = {.kind = ARC_MEMBER_SKIPPED};
    arc_engine *engine = arc_work_hold(server->work);
    r.dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    arc_status st = arc_photo_archive_open(&z, r.alloc, NAME, archive.data, archive.bytes, NULL, &limits, err);
    while (st == ARC_OK) {
        if (atomic_load(out->cancelled))
            st = arc_fail(err, ARC_ECANCEL, "it was cancelled; what was stored stays");
        else
            st = arc_photo_archive_next(z, &member, err);
        if (st != ARC_OK || member.kind == ARC_MEMBER_END)
            break;
        st = take_member(&r, &member, err);
    }
    if (st == ARC_OK)
        st = flush(&r, err);
    clear(&r);
    arc_photo_archive_close(&z);
    return st;
}

void arc_bulk_free(const struct arc_server *server, arc_bulk *bulk) {
    for (int i = 0; i < bulk->problems; i++) {
        arc_mem_free(&server->ctx->alloc, bulk->problem[i].photo);
        arc_mem_free(&server->ctx->alloc, bulk->problem[i].sentence);
    }
    bulk->problems = 0;
}
