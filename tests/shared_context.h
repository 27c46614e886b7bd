/* One context on two threads for all tests of a file: cmocka_run_group_tests(tests, open_context, close_context), or called by
 * setup and teardown functions that have more to do. */
#ifndef ARC_TEST_SHARED_CONTEXT_H
#define ARC_TEST_SHARED_CONTEXT_H

#include "support.h"

static arc_context *ctx;

static inline int open_context(void **state) {
    (void)state;
    ctx = arc_test_context(NULL, 2);
    return 0;
}

static inline int close_context(void **state) {
    (void)state;
    arc_context_close(&ctx);
    return 0;
}

#endif
