/* System calls on files that fail on demand. A test that compiles faulty_sys.c defines what base/sys.h declares, so the linker
 * leaves base's own sys.c out:
 *
 *     for (long n = 1;; n++) {
 *         arc_faults_begin((arc_faults){.at = n, .reason = EIO});
 *         arc_status st = what_is_tested();
 *         if (arc_faults_end() < n)
 *             break; // every call has failed once
 *         ...
 *     } */
#ifndef ARC_TEST_FAULTY_SYS_H
#define ARC_TEST_FAULTY_SYS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct arc_faults {
    long at;           /* the call that fails, counted from 1; 0 = none */
    bool on;           /* every later one fails too, as on a disk that is gone; false: that one alone */
    int reason;        /* errno */
    bool kill;         /* instead of failing, the process gets SIGKILL; a write gets half way first */
    size_t most_bytes; /* of one read or write; 0 = all: a short one */
} arc_faults;

void arc_faults_begin(arc_faults faults);
/* Back to what the system does. Gives the number of calls since the beginning. */
long arc_faults_end(void);
/* "rename": the call that failed first; "" when none did. */
const char *arc_faults_call(void);

#endif
