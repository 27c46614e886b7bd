/** @file
 * Status codes and the caller-owned error text that every fallible arcface call reports through.
 */
#ifndef ARCFACE_STATUS_H
#define ARCFACE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** @def ARC_NODISCARD
 * The compiler warns when the result of the function is not looked at. */
/** @def ARC_PRINTF
 * The compiler checks the arguments from number `args` on against the format, argument number `fmt`. */
/** @def ARC_API
 * Marks what the shared library exports. */
#if defined(__GNUC__) || defined(__clang__)
#define ARC_NODISCARD __attribute__((warn_unused_result))
#define ARC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARC_API __attribute__((visibility("default")))
#else
#define ARC_NODISCARD
#define ARC_PRINTF(fmt, args)
#define ARC_API
#endif

/** All status codes as X(name, sentence): the enum, the names and the sentences come from this one list. */
#define ARC_STATUS_MAP(X)                                                                                                        \
    X(OK, "ok")                                                                                                                  \
    X(ENOMEM, "out of memory")                                                                                                   \
    X(EINVAL, "invalid argument")                                                                                                \
    X(EIO, "input/output error")                                                                                                 \
    X(EFORMAT, "not a file of this kind")                                                                                        \
    X(EUNSUPPORTED, "not supported")                                                                                             \
    X(ECORRUPT, "truncated or corrupt data")                                                                                     \
    X(ESHAPE, "shape mismatch")                                                                                                  \
    X(ENOTFOUND, "not found")                                                                                                    \
    X(ELIMIT, "limit exceeded")                                                                                                  \
    X(EMISSING, "an optional component is missing from this build")                                                              \
    X(ENETWORK, "network error")                                                                                                 \
    X(ESELFTEST, "model self-test failed")                                                                                       \
    X(ECANCEL, "cancelled")

/** How a call ended: ARC_OK (0), or one of the codes of ARC_STATUS_MAP, ARC_ENOMEM to ARC_ECANCEL. */
typedef enum arc_status {
/** One code of the enum, for ARC_STATUS_MAP. */
#define ARC_STATUS_ENUM(name, text) ARC_##name,
    ARC_STATUS_MAP(ARC_STATUS_ENUM)
#undef ARC_STATUS_ENUM
} arc_status;

/** Room for the text of an arc_error, in bytes, with the zero at its end. Longer sentences are cut. */
#define ARC_ERROR_TEXT_BYTES 512

/** What went wrong. Owned by the caller, who may pass NULL wherever a function takes one. Written only when a call fails. */
typedef struct arc_error {
    arc_status code; /**< the status that the function returned */
    /** One sentence that names the file, layer, record, offset or option, and what to do */
    char text[ARC_ERROR_TEXT_BYTES];
} arc_error;

/** The fixed sentence of a code, for example "out of memory"; "unknown status" for other numbers. Never NULL, static storage.
 * Thread: any. */
ARC_API const char *arc_status_text(arc_status code);

/** The name of a code, for example "ENOMEM"; "UNKNOWN" for other numbers. Never NULL, static storage. Thread: any. */
ARC_API const char *arc_status_name(arc_status code);

/** For sentences that end with "did you mean": `candidate` if at most `most` letters of it must be changed, added or left out to
 * get `word`, and fewer than of `best`; else `best`, which may be NULL. Called with one candidate after the other, the first of
 * those nearest stays. Words of more than 40 bytes are near nothing. Never a copy: one of the pointers that were given. Thread:
 * any. */
ARC_API const char *arc_nearer_word(const char *word, const char *candidate, int most, const char *best);

#ifdef __cplusplus
}
#endif
#endif
