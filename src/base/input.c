/* base: reads standard input. */
#include "base/file.h"
#include "base/sys.h"
#include <errno.h>
#include <unistd.h>

#define PIECE_BYTES 65536

arc_status arc_input_read(arc_buffer *out, arc_error *err) {
    uint8_t piece[PIECE_BYTES];
    for (;;) {
        const ssize_t got = arc_sys_read(STDIN_FILENO, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return arc_fail_errno(err, "read", "standard input");
        if (got == 0)
            return ARC_OK;
        const arc_status st = arc_buffer_put(out, piece, (size_t)got);
        if (st == ARC_ELIMIT)
            return arc_fail(err, st, "standard input: more than the limit of %zu bytes", out->max_bytes);
        if (st != ARC_OK)
            return arc_fail_nomem(err, "standard input");
    }
}
