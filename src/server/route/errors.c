/* server/route: the table of problems. */
#include "server/route/errors.h"
#include "base/status.h"

static const struct {
    const char *code;
    int status;
    const char *text;
} problems[ARC_PROBLEMS] = {
#define ARC_PROBLEM_ROW(name, code, status, text) {code, status, text},
    ARC_PROBLEM_MAP(ARC_PROBLEM_ROW)
#undef ARC_PROBLEM_ROW
};

const char *arc_problem_code(arc_problem p) {
    return problems[p].code;
}

const char *arc_problem_text(arc_problem p) {
    return problems[p].text;
}

int arc_problem_status(arc_problem p) {
    return problems[p].status;
}

arc_problem arc_problem_of(arc_status st) {
    switch (st) {
    case ARC_EINVAL:
    case ARC_ESHAPE:
        return ARC_PROBLEM_INVALID_PARAMETER;
    case ARC_ENOTFOUND:
        return ARC_PROBLEM_NOT_FOUND;
    case ARC_ELIMIT:
        return ARC_PROBLEM_TOO_LARGE;
    case ARC_ECANCEL:
        return ARC_PROBLEM_TIMED_OUT;
    default:
        return ARC_PROBLEM_INTERNAL;
    }
}

arc_problem arc_problem_of_photo(arc_status st) {
    switch (st) {
    case ARC_EUNSUPPORTED:
    case ARC_EFORMAT:
    case ARC_ECORRUPT:
    case ARC_EINVAL:
    case ARC_ESHAPE:
        return ARC_PROBLEM_BAD_PHOTO;
    case ARC_ELIMIT:
        return ARC_PROBLEM_PHOTO_TOO_LARGE;
    case ARC_ENOTFOUND:
        return ARC_PROBLEM_NO_FACE;
    default:
        return arc_problem_of(st);
    }
}
