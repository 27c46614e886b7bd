/* base: what lies in the place of a file that was to be there. */
#include "base/stand_in.h"
#include <string.h>
#include <strings.h>

static bool begins(const char *text, size_t count, const char *with) {
    return count >= strlen(with) && strncasecmp(text, with, strlen(with)) == 0;
}

arc_stand_in arc_stand_in_of(const void *bytes, size_t count) {
    static const char *const starts[] = {"<!doctype html", "<html", "<head", "<body"};
    const char *text = bytes;
    size_t at = begins(text, count, "\xef\xbb\xbf") ? 3 : 0;
    count = ARC_MIN(count, (size_t)ARC_STAND_IN_BYTES);
    if (begins(text, count, "version https://git-lfs.github.com/spec/"))
        return ARC_STAND_IN_LFS;
    while (at < count && at < 512 && text[at] && strchr(" \t\r\n", text[at]))
        at++;
    for (size_t i = 0; i < ARC_COUNT(starts); i++)
        if (begins(text + at, count - at, starts[i]))
            return ARC_STAND_IN_PAGE;
    if (!begins(text + at, count - at, "<?xml"))
        return ARC_STAND_IN_NONE;
    return memmem(text, count, "<html", 5) ? ARC_STAND_IN_PAGE : at == 0 ? ARC_STAND_IN_XML : ARC_STAND_IN_NONE;
}
