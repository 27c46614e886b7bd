/* base: what all users of the system calls share: writing everything, and the error sentence for a call that failed. */
#include "base/sys.h"
#include <errno.h>
#include <string.h>

int arc_sys_write_all(int fd, const void *data, size_t bytes) {
    const uint8_t *from = data;
    while (bytes) {
        const ssize_t n = arc_sys_write(fd, from, ARC_MIN(bytes, (size_t)1 << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC; /* write returned 0 and set no errno */
        if (n <= 0)
            return -1;
        from += n;
        bytes -= (size_t)n;
    }
    return 0;
}

arc_status arc_fail_errno(arc_error *err, const char *what, const char *path) {
    const int reason = errno;
    const arc_status code = reason == ENOMEM ? ARC_ENOMEM : reason == ENOENT ? ARC_ENOTFOUND : ARC_EIO;
    char text[128];
    return arc_fail(err, code, "%s: cannot %s: %s", path, what, strerror_r(reason, text, sizeof text));
}
