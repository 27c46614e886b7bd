/* gallery/exchange: writes a plain folder. Embeddings go to their file as they come; people.json is made in memory and written
 * last, so that a folder without it is not a gallery. */
#include "format/format.h"
#include "gallery/exchange/exchange.h"
#include "gallery/exchange/folder.h"
#include <stdio.h>
#include <string.h>

typedef struct folder_sink {
    arc_exchange_sink sink;
    arc_context *ctx;
    char folder[ARC_PATH_BYTES];
    json_t *head, *people, *templates, *negatives; /* the last two: of the last person; borrowed from `people` */
    arc_writer *embeddings;
    int64_t rows;
    int dim;
} folder_sink;

static void path_in(const folder_sink *s, const char *name, char path[ARC_FOLDER_PATH_BYTES]) {
    snprintf(path, ARC_FOLDER_PATH_BYTES, "%s/%s", s->folder, name);
}

static const char *ending_of(arc_bytes picture) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G'}, jpeg[] = {0xff, 0xd8, 0xff};
    if (picture.bytes > sizeof png && memcmp(picture.data, png, sizeof png) == 0)
        return "png";
    return picture.bytes > sizeof jpeg && memcmp(picture.data, jpeg, sizeof jpeg) == 0 ? "jpg" : "img";
}

static void crop_name(char name[64], int64_t row, const char *ending) {
    snprintf(name, 64, ARC_FOLDER_CROPS "/%08lld.%s", (long long)row, ending);
}

static arc_status put_crop(folder_sink *s, json_t *about, arc_bytes crop, arc_error *err) {
    char name[64], path[ARC_FOLDER_PATH_BYTES];
    arc_writer *w = NULL;
    if (crop.bytes == 0)
        return ARC_OK;
    crop_name(name, s->rows, ending_of(crop));
    path_in(s, name, path);
    arc_status st = json_object_set_new(about, "crop", json_string(name)) == 0 ? ARC_OK : arc_fail_nomem(err, path);
    if (st == ARC_OK)
        st = arc_writer_open(&w, &s->ctx->alloc, path, err);
    if (st == ARC_OK) {
        arc_writer_unsynced(w);
        st = arc_writer_put(w, crop.data, crop.bytes, err);
    }
    return arc_writer_finish(&w, st, err);
}

/* The header says how many rows follow: zero at first, the truth at the end. */
static arc_status put_header(folder_sink *s, char header[ARC_NPY_HEADER_BYTES], arc_error *err) {
    const int64_t shape[] = {s->rows, s->dim};
    return arc_npy_header(header, s->folder, 2, shape, err);
}

static arc_status put_embedding(folder_sink *s, const arc_exchange_item *item, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES], header[ARC_NPY_HEADER_BYTES];
    arc_status st = ARC_OK;
    if (!s->embeddings) {
        s->dim = item->dim;
        path_in(s, ARC_FOLDER_EMBEDDINGS, path);
        ARC_TRY(put_header(s, header, err));
        ARC_TRY(arc_writer_open(&s->embeddings, &s->ctx->alloc, path, err));
        ARC_TRY(arc_writer_put(s->embeddings, header, sizeof header, err));
    }
    ARC_TRY(arc_writer_put(s->embeddings, item->embedding, (size_t)item->dim * sizeof(float), err));
done:
    return st;
}

static arc_status put_vector(folder_sink *s, const arc_exchange_item *item, json_t *list, arc_error *err) {
    json_t *about = json_copy(item->about);
    arc_status st = ARC_OK;
    if (!about || json_object_set_new(about, "row", json_integer(s->rows)) != 0)
        ARC_TRY(arc_fail_nomem(err, s->folder));
    ARC_TRY(put_crop(s, about, item->crop, err));
    ARC_TRY(put_embedding(s, item, err));
    s->rows++;
    if (json_array_append(list, about) != 0)
        ARC_TRY(arc_fail_nomem(err, s->folder));
done:
    json_decref(about);
    return st;
}

static arc_status put_person(folder_sink *s, const arc_exchange_item *item, arc_error *err) {
    json_t *person = json_copy(item->about);
    s->templates = json_array();
    s->negatives = json_array();
    const bool lists = json_object_set_new(person, "templates", s->templates) == 0;
    const bool whole = json_object_set_new(person, "negatives", s->negatives) == 0 && lists; /* in any case: it takes them over */
    if (whole && json_array_append(s->people, person) == 0) {
        json_decref(person);
        return ARC_OK;
    }
    json_decref(person);
    return arc_fail_nomem(err, s->folder);
}

static arc_status put_item(arc_exchange_sink *sink, const arc_exchange_item *item, arc_error *err) {
    folder_sink *s = (folder_sink *)sink;
    switch (item->kind) {
    case ARC_EXCHANGE_HEAD:
        s->head = json_copy(item->about);
        s->people = json_array();
        return s->head && json_object_set_new(s->head, "people", s->people) == 0 ? ARC_OK : arc_fail_nomem(err, s->folder);
    case ARC_EXCHANGE_PERSON:
        return put_person(s, item, err);
    case ARC_EXCHANGE_TEMPLATE:
        return put_vector(s, item, s->templates, err);
    case ARC_EXCHANGE_NEGATIVE:
        return put_vector(s, item, s->negatives, err);
    case ARC_EXCHANGE_END:
        break;
    }
    return ARC_OK;
}

typedef struct saving {
    arc_writer *writer;
    size_t left; /* of what is read again */
    arc_status st;
    arc_error *err;
} saving;

static int put_text(const char *text, size_t bytes, void *arg) {
    saving *to = arg;
    if (bytes > to->left)
        to->st = arc_fail(to->err, ARC_ELIMIT,
                          "its people take more than the %zu MiB that are read from a folder; export it to an encrypted file",
                          ARC_FOLDER_PEOPLE_BYTES >> 20);
    else
        to->st = arc_writer_put(to->writer, text, bytes, to->err);
    to->left -= ARC_MIN(bytes, to->left);
    return to->st == ARC_OK ? 0 : -1;
}

static arc_status save_people(folder_sink *s, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES];
    saving to = {.left = ARC_FOLDER_PEOPLE_BYTES, .err = err};
    path_in(s, ARC_FOLDER_PEOPLE, path);
    arc_status st = arc_writer_open(&to.writer, &s->ctx->alloc, path, err);
    if (st == ARC_OK && json_dump_callback(s->head, put_text, &to, JSON_INDENT(1)) != 0)
        st = to.st == ARC_OK ? arc_fail_nomem(err, path) : to.st;
    return arc_writer_finish(&to.writer, st, err);
}

static arc_status save_all(folder_sink *s, arc_error *err) {
    char header[ARC_NPY_HEADER_BYTES];
    arc_status st = ARC_OK;
    if (s->embeddings) {
        ARC_TRY(put_header(s, header, err));
        ARC_TRY(arc_writer_put_first(s->embeddings, header, sizeof header, err));
        ARC_TRY(arc_writer_commit(&s->embeddings, err));
    }
    st = save_people(s, err);
done:
    return st;
}

/* What was written of a folder that did not get ready. */
static void take_back(const folder_sink *s) {
    static const char *const ending[] = {"png", "jpg", "img"};
    char name[64], path[ARC_FOLDER_PATH_BYTES];
    for (int64_t row = 0; row <= s->rows; row++)
        for (size_t e = 0; e < ARC_COUNT(ending); e++) {
            crop_name(name, row, ending[e]);
            path_in(s, name, path);
            (void)!arc_path_remove(path, NULL);
        }
    path_in(s, ARC_FOLDER_EMBEDDINGS, path);
    (void)!arc_path_remove(path, NULL);
    path_in(s, ARC_FOLDER_CROPS, path);
    (void)!arc_dir_remove(path, NULL);
}

static arc_status finish(arc_exchange_sink *sink, arc_status st, arc_error *err) {
    folder_sink *s = (folder_sink *)sink;
    arc_context *ctx = s->ctx;
    if (st == ARC_OK)
        st = save_all(s, err);
    arc_writer_abort(&s->embeddings);
    if (st != ARC_OK)
        take_back(s);
    json_decref(s->head);
    arc_mem_free(&ctx->alloc, s);
    return st;
}

static arc_status make_folder(const folder_sink *s, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES];
    arc_names names = {0};
    arc_status st = arc_dir_make(s->folder, err);
    if (st != ARC_OK)
        return st;
    st = arc_dir_list(&names, &s->ctx->alloc, s->folder, 1, err);
    if (st == ARC_ELIMIT || (st == ARC_OK && names.count > 0))
        st = arc_fail(err, ARC_EINVAL, "%s: has something in it; give a new folder, or a file's name and a key", s->folder);
    arc_names_free(&names);
    path_in(s, ARC_FOLDER_CROPS, path);
    return st == ARC_OK ? arc_dir_make(path, err) : st;
}

arc_status arc_exchange_folder_write(arc_context *ctx, const char *path, arc_exchange_sink **out, arc_error *err) {
    *out = NULL;
    if (strlen(path) >= ARC_PATH_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%.100s...: the path is too long", path);
    folder_sink *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, path);
    s->sink = (arc_exchange_sink){.put = put_item, .finish = finish};
    s->ctx = ctx;
    memcpy(s->folder, path, strlen(path) + 1);
    const arc_status st = make_folder(s, err);
    if (st == ARC_OK)
        *out = &s->sink;
    else
        arc_mem_free(&ctx->alloc, s);
    return st;
}
