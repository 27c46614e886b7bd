/* vector: the key of a protection, from a file, from the environment, from a command or from a passphrase. */
#include "base/base.h"
#include <arcface/protect.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES 4096

/* Without a salt that is kept somewhere the same passphrase could not give the same key again; so it is the same for all, and a
 * weak passphrase is a weak key. */
static const unsigned char salt[crypto_pwhash_SALTBYTES + 1] = "arcface protect1";

static arc_status from_passphrase(const char *text, size_t bytes, uint8_t *key, arc_error *err) {
    if (crypto_pwhash(key, ARC_PROTECT_KEY_BYTES, text, bytes, salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                      crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return arc_fail_nomem(err, "a key from a passphrase");
    return ARC_OK;
}

static arc_status from_text(const char *text, size_t bytes, const char *name, uint8_t *key, arc_error *err) {
    size_t made = 0;
    if (bytes == 0)
        return arc_fail(err, ARC_EINVAL, "%s: there is no key in it", name);
    if (bytes == 2 * ARC_PROTECT_KEY_BYTES && sodium_hex2bin(key, ARC_PROTECT_KEY_BYTES, text, bytes, NULL, &made, NULL) == 0 &&
        made == ARC_PROTECT_KEY_BYTES)
        return ARC_OK;
    return from_passphrase(text, bytes, key, err);
}

/* Of a file or of a command's output. */
static arc_status from_bytes(const uint8_t *data, size_t bytes, const char *name, uint8_t *key, arc_error *err) {
    if (bytes == ARC_PROTECT_KEY_BYTES) {
        memcpy(key, data, bytes);
        return ARC_OK;
    }
    while (bytes > 0 && (data[bytes - 1] == '\n' || data[bytes - 1] == '\r'))
        bytes--;
    return from_text((const char *)data, bytes, name, key, err);
}

static arc_status from_command(const char *words, uint8_t *key, arc_error *err) {
    uint8_t output[MAX_FILE_BYTES];
    size_t bytes;
    arc_status st = arc_command_output(words, output, sizeof output, &bytes, err);
    if (st == ARC_OK)
        st = from_bytes(output, bytes, "the output of the command", key, err);
    sodium_memzero(output, sizeof output);
    return st;
}

arc_status arc_protect_key(const char *name, uint8_t key[ARC_PROTECT_KEY_BYTES], arc_protect_source *source, arc_error *err) {
    arc_map file;
    arc_protect_source unused = ARC_PROTECT_FILE, *from = source ? source : &unused;
    sodium_memzero(key, ARC_PROTECT_KEY_BYTES);
    *from = ARC_PROTECT_FILE;
    if (strncmp(name, "env:", 4) == 0) {
        const char *text = getenv(name + 4);
        *from = ARC_PROTECT_ENVIRONMENT;
        if (!text)
            return arc_fail(err, ARC_ENOTFOUND, "%s: the environment has no variable of this name", name);
        return from_text(text, strlen(text), name, key, err);
    }
    if (strncmp(name, "command:", 8) == 0) {
        *from = ARC_PROTECT_COMMAND;
        return from_command(name + 8, key, err);
    }
    arc_status st = arc_map_open(&file, name, MAX_FILE_BYTES, err);
    if (st == ARC_OK) {
        st = from_bytes(file.data, file.bytes, name, key, err);
        arc_map_close(&file);
    } else if (st == ARC_ENOTFOUND && !strchr(name, '/')) {
        *from = ARC_PROTECT_TEXT;
        st = from_text(name, strlen(name), "the passphrase", key, err);
    }
    return st;
}
