/** @file
 * Protection of templates: a rotation of the space of embeddings that a secret key chooses.
 *
 * All cosines between templates under one key stay what they were, so comparing and searching work on protected templates as on
 * plain ones. Without the key a protected template says nothing to a model; under a new key the same people have templates that
 * match none of the old ones, so stolen templates can be revoked. It is no encryption: cosines between the stolen templates can
 * be seen, the holder of the key can undo it, and so can a thief who knows the plain embeddings of as many of them as an
 * embedding has numbers. docs/GENERATION.md says what faces can be rebuilt from templates with and without it.
 */
#ifndef ARCFACE_PROTECT_H
#define ARCFACE_PROTECT_H

#include <arcface/context.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a key. */
#define ARC_PROTECT_KEY_BYTES 32

/** Where a key came from. */
typedef enum arc_protect_source {
    ARC_PROTECT_FILE,        /**< a file */
    ARC_PROTECT_ENVIRONMENT, /**< an environment variable */
    ARC_PROTECT_TEXT,        /**< the words themselves, which other users of the machine may see in the list of processes */
    ARC_PROTECT_COMMAND      /**< the output of a command */
} arc_protect_source;

/** A key from what people name it by: the path of a file; "env:NAME", a variable of the environment; "command:WORDS", what the
 * command of these words writes (words separated by blanks, no quotes, no shell; it may ask on the terminal, and must end with
 * status 0); otherwise (no such file and no slash in it) a passphrase itself. A file or output of 32 bytes is the key; so are 64
 * hexadecimal digits, with or without a newline behind them. All else is a passphrase of which Argon2id makes the key (a tenth of
 * a second, 64 MiB); newlines at the end of a file or output are no part of it. The same words give the same key on every
 * machine. `source` may be NULL. Thread: any. Errors: EINVAL (nothing in it), ENOTFOUND (no such file, variable or program),
 * ELIMIT (a file or output of more than 4096 bytes), EIO (also: the command failed), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_protect_key(const char *name, uint8_t key[ARC_PROTECT_KEY_BYTES], arc_protect_source *source,
                                                 arc_error *err);

/** A rotation that a key chose: an orthogonal matrix, every one as likely as any other. */
typedef struct arc_protection arc_protection;

/** The rotation of embeddings of dim numbers, 1 to 4096. Takes dim^2 * 4 bytes. Ownership: free with arc_protection_free. Thread:
 * any. Errors: EINVAL (dim), ENOMEM. Source: Stewart, SIAM J. Numerical Analysis 17, 1980; Mezzadri, Notices of the AMS 54,
 * 2007. */
ARC_API ARC_NODISCARD arc_status arc_protection_new(arc_context *ctx, const uint8_t key[ARC_PROTECT_KEY_BYTES], int dim,
                                                    arc_protection **out, arc_error *err);

/** Rotates: in, out [rows][dim], which may be the same. Lengths and cosines change by float32's rounding, about 1e-7. Same bits
 * for any number of threads. Thread: any. */
ARC_API void arc_protect(const arc_protection *protection, const float *in, int64_t rows, float *out);

/** Rotates back: what arc_protect was given, but for float32's rounding. Thread: any. */
ARC_API void arc_unprotect(const arc_protection *protection, const float *in, int64_t rows, float *out);

/** Overwrites and frees the rotation and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_protection_free(arc_context *ctx, arc_protection **protection);

#ifdef __cplusplus
}
#endif
#endif
