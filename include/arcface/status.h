/* Status codes and the caller-owned error text that every fallible arcface call reports through. */
#ifndef ARCFACE_STATUS_H
#define ARCFACE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ARC_NODISCARD __attribute__((warn_unused_result))
#define ARC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARC_API __attribute__((visibility("default")))
#else
#define ARC_NODISCARD
#define ARC_PRINTF(fmt, args)
#define ARC_API
#endif

/* One list: the enum, the names and the sentences all come from it. */
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

typedef enum arc_status {
#define ARC_STATUS_ENUM(name, text) ARC_##name,
    ARC_STATUS_MAP(ARC_STATUS_ENUM)
#undef ARC_STATUS_ENUM
} arc_status;

#define ARC_ERROR_TEXT_BYTES 512

/* What went wrong, in one sentence that names the file, layer, record, offset or option and what to do.
 * Owned by the caller; may be NULL wherever a function takes `arc_error *`. Written only on failure. */
typedef struct arc_error {
    arc_status code;
    char text[ARC_ERROR_TEXT_BYTES];
} arc_error;

/* The fixed sentence of a code, e.g. "out of memory". Never NULL. Thread: any. */
ARC_API const char *arc_status_text(arc_status code);
/* The name of a code, e.g. "ENOMEM". Never NULL. Thread: any. */
ARC_API const char *arc_status_name(arc_status code);

#ifdef __cplusplus
}
#endif
#endif
