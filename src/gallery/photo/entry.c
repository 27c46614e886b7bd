/* gallery/photo: what is said of a photo that is to be enrolled. */
#include "gallery/photo/entry.h"
#include "base/base.h"
#include "face/text.h"
#include <stdarg.h>
#include <string.h>

void arc_enroll_refuse(arc_enroll_entry *e, arc_status code, const char *fmt, ...) {
    va_list args;
    e->told.as = ARC_ENROLL_FAILED;
    e->told.error.code = code;
    *e->told.doubt = '\0';
    va_start(args, fmt);
    arc_number_print(e->told.error.text, sizeof e->told.error.text, fmt, args);
    va_end(args);
}

void arc_enroll_doubt(arc_enroll_entry *e, const char *fmt, ...) {
    va_list args;
    size_t said = strlen(e->told.doubt);
    if (said > 0 && said + 2 < sizeof e->told.doubt) {
        memcpy(e->told.doubt + said, "; ", 3);
        said += 2;
    }
    va_start(args, fmt);
    arc_number_print(e->told.doubt + said, sizeof e->told.doubt - said, fmt, args);
    va_end(args);
}

const char *arc_enroll_label(const arc_enroll_entry *e) {
    return arc_face_label(&e->photo);
}
