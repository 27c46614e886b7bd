/* The two containers that torch.save writes: a zip of data.pkl and data/KEY (since 1.6), and the older run of pickles followed by
 * raw storages. Nothing in them is executed. */
#include "format/torch/torch_internal.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STORAGES 100000

static const char *const allowed[] = {
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_parameter", "torch.FloatStorage",
    "torch.DoubleStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.LongStorage", "torch.IntStorage",
    "torch.ShortStorage", "torch.CharStorage", "torch.ByteStorage", "torch.BoolStorage", "collections.OrderedDict",
    "_codecs.encode",
    /* what trainers leave beside the weights; none of it is looked at */
    "torch.Size", "torch.device", "collections.defaultdict", "collections.Counter", "argparse.Namespace", "pathlib.PosixPath",
    "pathlib.WindowsPath", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype", "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict", "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict", "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint", "easydict.EasyDict", "builtins.set", "__builtin__.set",
    "builtins.dict", "builtins.slice", "builtins.int", NULL};

static arc_status no_memory(const char *name, arc_error *err) {
    return arc_fail_nomem(err, name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const arc_torch_storage *)a)->key, ((const arc_torch_storage *)b)->key);
}

const arc_torch_storage *arc_torch_find_storage(const arc_torch_file *file, const uint8_t *key, size_t key_bytes) {
    char text[64];
    if (key_bytes >= sizeof text)
        return NULL;
    memcpy(text, key, key_bytes);
    text[key_bytes] = 0;
    const arc_torch_storage wanted = {.key = text};
    return file->storages ? bsearch(&wanted, file->storage, file->storages, sizeof wanted, by_key) : NULL;
}

static arc_status add_storage(arc_torch_file *f, size_t *capacity, const char *key, const uint8_t *data, size_t bytes,
                              const char *name, arc_error *err) {
    if (f->storages == MAX_STORAGES)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %d storages", name, MAX_STORAGES);
    if (f->storages == *capacity) {
        const size_t wanted = *capacity ? 2 * *capacity : 256;
        arc_torch_storage *grown = arc_arena_new(&f->arena, wanted, sizeof *grown);
        if (!grown)
            return no_memory(name, err);
        if (f->storages)
            memcpy(grown, f->storage, f->storages * sizeof *grown);
        f->storage = grown;
        *capacity = wanted;
    }
    f->storage[f->storages] = (arc_torch_storage){arc_arena_strdup(&f->arena, key), data, bytes};
    return f->storage[f->storages++].key ? ARC_OK : no_memory(name, err);
}

/* ---- zip ------------------------------------------------------------------------------------------------------------------- */

/* The whole entry in the arena. torch stores without compression, so an entry is no larger than its file. */
static arc_status read_entry(arc_torch_file *f, struct archive *zip, struct archive_entry *entry, size_t limit, const char *name,
                             const uint8_t **data, size_t *bytes, arc_error *err) {
    const int64_t size = archive_entry_size(entry);
    if (!archive_entry_size_is_set(entry) || size < 0 || (uint64_t)size > limit)
        return arc_fail(err, ARC_ECORRUPT, "%s: zip entry '%.200s' claims more bytes than the file has", name,
                        archive_entry_pathname(entry));
    uint8_t *to = arc_arena_new(&f->arena, (size_t)size + 1, 1);
    if (!to)
        return no_memory(name, err);
    size_t at = 0;
    while (at < (size_t)size) {
        const la_ssize_t n = archive_read_data(zip, to + at, (size_t)size - at);
        if (n <= 0)
            return arc_fail(err, ARC_ECORRUPT, "%s: zip entry '%.200s' is damaged", name, archive_entry_pathname(entry));
        at += (size_t)n;
    }
    *data = to;
    *bytes = at;
    return ARC_OK;
}

static arc_status read_zip_entries(arc_torch_file *f, struct archive *zip, size_t limit, const char *name, const uint8_t **pickle,
                                   size_t *pickle_bytes, arc_error *err) {
    struct archive_entry *entry;
    size_t capacity = 0, total = 0;
    int result;
    while ((result = archive_read_next_header(zip, &entry)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(entry), *slash = path ? strchr(path, '/') : NULL;
        if (!slash) /* everything stands in one folder, named as the file was */
            continue;
        const char *inner = slash + 1;
        const bool is_pickle = strcmp(inner, "data.pkl") == 0, is_storage = strncmp(inner, "data/", 5) == 0;
        const bool is_order = strcmp(inner, "byteorder") == 0;
        const uint8_t *data = NULL;
        size_t bytes = 0;
        if (!is_pickle && !is_storage && !is_order)
            continue;
        arc_status st = read_entry(f, zip, entry, limit - total, name, &data, &bytes, err);
        if (st != ARC_OK)
            return st;
        total += bytes;
        if (is_order && bytes >= 3 && memcmp(data, "big", 3) == 0)
            return arc_fail(err, ARC_EUNSUPPORTED, "%s: was written on a big-endian machine", name);
        if (is_pickle) {
            *pickle = data;
            *pickle_bytes = bytes;
        } else if (is_storage) {
            st = add_storage(f, &capacity, inner + 5, data, bytes, name, err);
            if (st != ARC_OK)
                return st;
        }
    }
    if (result != ARCHIVE_EOF)
        return arc_fail(err, ARC_ECORRUPT, "%s: the zip is damaged: %s", name,
                        archive_error_string(zip) ? archive_error_string(zip) : "no reason");
    if (!*pickle)
        return arc_fail(err, ARC_EFORMAT, "%s: is a zip without data.pkl; it is no PyTorch checkpoint", name);
    return ARC_OK;
}

static arc_status parse_zip(arc_torch_file *f, const void *bytes, size_t count, const char *name, arc_error *err) {
    const uint8_t *pickle = NULL;
    size_t pickle_bytes = 0;
    struct archive *zip = archive_read_new();
    if (!zip)
        return no_memory(name, err);
    archive_read_support_format_zip(zip);
    arc_status st = ARC_OK;
    if (archive_read_open_memory(zip, bytes, count) != ARCHIVE_OK)
        st = arc_fail(err, ARC_ECORRUPT, "%s: the zip is damaged", name);
    if (st == ARC_OK)
        st = read_zip_entries(f, zip, count, name, &pickle, &pickle_bytes, err);
    archive_read_free(zip);
    return st == ARC_OK ? arc_pickle_parse(&f->pickle, &f->arena, pickle, pickle_bytes, name, allowed, err) : st;
}

/* ---- legacy ---------------------------------------------------------------------------------------------------------------- */

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static arc_status next_pickle(arc_torch_file *f, cursor *c, const char *name, arc_pickle *p, arc_error *err) {
    const arc_status st = arc_pickle_parse(p, &f->arena, c->at, (size_t)(c->end - c->at), name, allowed, err);
    c->at += p->bytes;
    return st;
}

static bool is_string(const arc_pickle_value *v) {
    return v->kind == ARC_PICKLE_TEXT || v->kind == ARC_PICKLE_BYTES;
}

/* Bytes of an element by the name of its storage class. */
static size_t element_bytes(const arc_pickle_value *storage_class) {
    static const struct {
        const char *name;
        size_t bytes;
    } classes[] = {{"torch.FloatStorage", 4}, {"torch.DoubleStorage", 8}, {"torch.HalfStorage", 2},  {"torch.BFloat16Storage", 2},
                   {"torch.LongStorage", 8},  {"torch.IntStorage", 4},    {"torch.ShortStorage", 2}, {"torch.CharStorage", 1},
                   {"torch.ByteStorage", 1},  {"torch.BoolStorage", 1}};
    for (size_t i = 0; storage_class->kind == ARC_PICKLE_GLOBAL && i < ARC_COUNT(classes); i++)
        if (strcmp((const char *)storage_class->data, classes[i].name) == 0)
            return classes[i].bytes;
    return 0;
}

/* A legacy storage does not say how wide its elements are: the persistent id of a tensor that uses it does. */
typedef struct key_width {
    const char *key;
    size_t width;
} key_width;

static int by_width_key(const void *a, const void *b) {
    return strcmp(((const key_width *)a)->key, ((const key_width *)b)->key);
}

/* ("storage", class, key, device, elements) of every tensor, sorted by key. */
static arc_status collect_widths(arc_torch_file *f, const char *name, key_width **widths, size_t *count, arc_error *err) {
    key_width *to = arc_arena_new(&f->arena, f->pickle.persistents + 1, sizeof *to);
    *count = 0;
    *widths = to;
    if (!to)
        return no_memory(name, err);
    for (const arc_pickle_value *v = f->pickle.persistent; v; v = v->state) {
        const arc_pickle_value *id = v->item[0];
        if (id->kind != ARC_PICKLE_TUPLE || id->items < 5 || !is_string(id->item[2]))
            continue;
        const char *key = arc_arena_strndup(&f->arena, (const char *)id->item[2]->data, id->item[2]->bytes);
        if (!key)
            return no_memory(name, err);
        to[(*count)++] = (key_width){key, element_bytes(id->item[1])};
    }
    if (*count)
        qsort(to, *count, sizeof *to, by_width_key);
    return ARC_OK;
}

static arc_status read_legacy_storages(arc_torch_file *f, cursor *c, const arc_pickle_value *keys, const char *name,
                                       arc_error *err) {
    size_t capacity = 0, known;
    key_width *widths;
    arc_status st = collect_widths(f, name, &widths, &known, err);
    for (size_t i = 0; st == ARC_OK && i < keys->items; i++) {
        const arc_pickle_value *key = keys->item[i];
        if (!is_string(key))
            return arc_fail(err, ARC_ECORRUPT, "%s: storage key %zu is no text", name, i);
        const char *text = arc_arena_strndup(&f->arena, (const char *)key->data, key->bytes);
        const key_width wanted = {.key = text},
                        *found = text && known ? bsearch(&wanted, widths, known, sizeof wanted, by_width_key) : NULL;
        uint64_t elements = 0;
        size_t bytes;
        if (!text)
            return no_memory(name, err);
        if (c->end - c->at < 8 || !found || !found->width)
            return arc_fail(err, ARC_ECORRUPT, "%s: storage '%.60s' is missing or used by no tensor", name, text);
        for (int k = 0; k < 8; k++)
            elements |= (uint64_t)*c->at++ << (8 * k);
        if (elements > SIZE_MAX || !arc_mul_size((size_t)elements, found->width, &bytes) || bytes > (size_t)(c->end - c->at))
            return arc_fail(err, ARC_ECORRUPT, "%s: storage '%.60s' reaches beyond the end of the file", name, text);
        st = add_storage(f, &capacity, text, c->at, bytes, name, err);
        c->at += bytes;
    }
    return st;
}

static arc_status parse_legacy(arc_torch_file *f, const void *bytes, size_t count, const char *name, arc_error *err) {
    static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    cursor c = {.at = bytes, .end = (const uint8_t *)bytes + count};
    arc_pickle first, protocol, system, keys;
    arc_status st = next_pickle(f, &c, name, &first, err);
    if (st == ARC_OK && (first.root->kind != ARC_PICKLE_BYTES || first.root->bytes != sizeof magic ||
                         memcmp(first.root->data, magic, sizeof magic) != 0))
        return arc_fail(err, ARC_EFORMAT, "%s: is a pickle, but no PyTorch checkpoint", name);
    if (st == ARC_OK)
        st = next_pickle(f, &c, name, &protocol, err);
    if (st == ARC_OK && (protocol.root->kind != ARC_PICKLE_INT || protocol.root->i != 1001))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: is of an unknown PyTorch protocol", name);
    if (st == ARC_OK)
        st = next_pickle(f, &c, name, &system, err);
    if (st == ARC_OK)
        st = next_pickle(f, &c, name, &f->pickle, err);
    if (st == ARC_OK)
        st = next_pickle(f, &c, name, &keys, err);
    if (st == ARC_OK && keys.root->kind != ARC_PICKLE_LIST)
        return arc_fail(err, ARC_ECORRUPT, "%s: the list of storages is missing", name);
    return st == ARC_OK ? read_legacy_storages(f, &c, keys.root, name, err) : st;
}

/* ---- whole ----------------------------------------------------------------------------------------------------------------- */

static arc_status parse(arc_torch_file *f, const void *bytes, size_t count, const char *name, arc_error *err) {
    if (count < 4)
        return arc_fail(err, ARC_EFORMAT, "%s: is too short for a PyTorch checkpoint", name);
    const arc_status st =
        memcmp(bytes, "PK\x03\x04", 4) == 0 ? parse_zip(f, bytes, count, name, err) : parse_legacy(f, bytes, count, name, err);
    if (st == ARC_OK && f->storages)
        qsort(f->storage, f->storages, sizeof *f->storage, by_key);
    return st;
}

arc_status arc_torch_file_parse(arc_torch_file *out, const arc_alloc *a, const void *bytes, size_t count, const char *name,
                                arc_error *err) {
    memset(out, 0, sizeof *out);
    arc_arena_init(&out->arena, a, 0);
    const arc_status st = parse(out, bytes, count, name, err);
    if (st != ARC_OK)
        arc_torch_file_close(out);
    return st;
}

arc_status arc_torch_file_open(arc_torch_file *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_map map = {0};
    memset(out, 0, sizeof *out);
    arc_status st = arc_map_open(&map, path, ARC_MAX_MODEL_BYTES, err);
    if (st == ARC_OK)
        st = arc_torch_file_parse(out, a, map.data, map.bytes, path, err);
    if (st == ARC_OK)
        out->map = map;
    else
        arc_map_close(&map);
    return st;
}

void arc_torch_file_close(arc_torch_file *file) {
    arc_arena_free(&file->arena);
    arc_map_close(&file->map);
    memset(file, 0, sizeof *file);
}
