/* base: the version as text, made from the numbers in <arcface/context.h>. */
#include <arcface/context.h>

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *arc_version(void) {
    return VERSION_TEXT(ARC_VERSION_MAJOR, ARC_VERSION_MINOR, ARC_VERSION_PATCH);
}
