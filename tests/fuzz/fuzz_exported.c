/* Any bytes as an exported gallery that is imported. First byte 'S': the items of a sealed file, each with its length in four
 * bytes; they are sealed here, because what was changed behind the seal would be refused before it is looked at. 'F': a folder,
 * the length of people.json in four bytes, people.json, embeddings.npy. Everything else: the file itself. A gallery that took
 * something over is made anew for the next. */
#include "folder.h"
#include "fuzz_memory.h"
#include "gallery/exchange/sealed.h"
#include <arcface/gallery_exchange.h>
#include <arcface/protect.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_name[] = "env:ARC_FUZZ_KEY";

static void put_file(const char *path, const uint8_t *data, size_t size) {
    FILE *f = fopen(path, "wb");
    if (!f)
        abort();
    if (size && fwrite(data, 1, size, f) != size)
        abort();
    fclose(f);
}

static void seal(const char *path, const uint8_t *data, size_t size) {
    static uint8_t frame[4 + (1 << 20)];
    uint8_t head[ARC_SEALED_HEAD_BYTES] = ARC_SEALED_MAGIC, user[ARC_PROTECT_KEY_BYTES], key[ARC_DERIVED_BYTES];
    uint8_t *const id = head + ARC_SEALED_MAGIC_BYTES;
    crypto_secretstream_xchacha20poly1305_state stream;
    FILE *f = fopen(path, "wb");
    if (!f || arc_protect_key(key_name, user, NULL, NULL) != ARC_OK)
        abort();
    arc_sealed_key(user, id, key, id + ARC_DERIVE_ID_BYTES);
    crypto_secretstream_xchacha20poly1305_init_push(&stream, id + ARC_DERIVE_ID_BYTES + ARC_SEALED_CHECK_BYTES, key);
    fwrite(head, 1, sizeof head, f);
    while (size >= 4) {
        size_t bytes = arc_sealed_get32(data);
        data += 4;
        size -= 4;
        bytes = bytes < size ? bytes : size;
        bytes = bytes < sizeof frame - 64 ? bytes : sizeof frame - 64;
        const bool last = bytes > 0 && data[0] == 5; /* the end */
        arc_sealed_put32(frame, bytes + crypto_secretstream_xchacha20poly1305_ABYTES);
        crypto_secretstream_xchacha20poly1305_push(&stream, frame + 4, NULL, data, bytes, NULL, 0,
                                                   last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                        : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
        fwrite(frame, 1, 4 + bytes + crypto_secretstream_xchacha20poly1305_ABYTES, f);
        data += bytes;
        size -= bytes;
    }
    fclose(f);
}

static void put_folder(const char *path, const uint8_t *data, size_t size) {
    char name[TEST_PATH_BYTES + 32];
    size_t people = size >= 4 ? arc_sealed_get32(data) : 0;
    const size_t rest = size >= 4 ? size - 4 : 0;
    people = people < rest ? people : rest;
    mkdir(path, 0700);
    snprintf(name, sizeof name, "%s/people.json", path);
    put_file(name, data + 4, people);
    snprintf(name, sizeof name, "%s/embeddings.npy", path);
    put_file(name, data + 4 + people, rest - people);
}

static arc_context *ctx;
static arc_gallery *gallery;

static void open_gallery(void) {
    arc_settings settings;
    arc_gallery_options options;
    setenv("ARC_FUZZ_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1);
    arc_settings_default(&settings);
    settings.threads = 1;
    settings.alloc = fuzz_alloc;
    arc_gallery_options_default(&options);
    options.create = true;
    if ((!ctx && arc_context_open(&ctx, &settings, NULL) != ARC_OK) ||
        arc_gallery_open(ctx, in_folder("people.gal"), &options, &gallery, NULL) != ARC_OK)
        abort();
}

/* What was taken over can be read again. */
static void close_whole(void) {
    static const char *const files[] = {"people.gal", "people.gal-wal", "people.gal-shm", "people.gal.index"};
    int64_t problems = 0;
    if (arc_gallery_check(gallery, NULL, NULL, &problems, NULL) == ARC_OK && problems > 0)
        __builtin_trap();
    arc_gallery_close(&gallery);
    for (size_t i = 0; i < ARC_COUNT(files); i++)
        (void)remove(in_folder(files[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_gallery_exchange_options options;
    arc_gallery_facts facts;
    if (size == 0 || size > 1 << 16)
        return 0;
    if (!gallery)
        open_gallery();
    arc_gallery_exchange_options_default(&options);
    const bool folder = data[0] == 'F';
    const char *path = in_folder(folder ? "folder" : "file");
    options.key = folder ? NULL : key_name;
    if (folder)
        put_folder(path, data + 1, size - 1);
    else if (data[0] == 'S')
        seal(path, data + 1, size - 1);
    else
        put_file(path, data, size);
    (void)!arc_gallery_import_check(ctx, path, &options, NULL);
    const arc_status st = arc_gallery_import(gallery, path, &options, NULL, NULL);
    if (arc_gallery_facts_of(gallery, &facts, NULL) == ARC_OK && st != ARC_OK &&
        (facts.identities || facts.templates || facts.dim))
        __builtin_trap(); /* a part was taken over */
    if (st == ARC_OK)
        close_whole();
    return 0;
}
