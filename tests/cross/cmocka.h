/* The part of cmocka that our tests use, for cross builds whose sysroot has no cmocka. Each test runs in a child process, which
 * ends with status 1 when it fails and 77 when it skips: no jump out of a test is needed, and a crash counts as one failure. */
#ifndef ARC_CROSS_CMOCKA_H
#define ARC_CROSS_CMOCKA_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void CMUnitTestFunction(void **state);
typedef int CMFixtureFunction(void **state);
struct CMUnitTest {
    const char *name;
    CMUnitTestFunction *test_func;
    CMFixtureFunction *setup_func, *teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f)                                                                                                      \
    { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                                                      \
    { #f, f, setup, teardown, NULL }
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                                                \
    arc_cross_run(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) cmocka_run_group_tests_name(#tests, tests, setup, teardown)

#define print_message printf
#define fail_msg(...) (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), arc_cross_end(1))
#define fail() fail_msg("failed")
#define skip() arc_cross_end(77)
#define arc_cross_check(ok, text)                                                                                                \
    do {                                                                                                                         \
        if (!(ok))                                                                                                               \
            fail_msg("%s", text);                                                                                                \
    } while (0)

#define assert_true(x) arc_cross_check((x), #x)
#define assert_false(x) arc_cross_check(!(x), "not " #x)
#define assert_null(p) arc_cross_check((p) == NULL, #p " == NULL")
#define assert_non_null(p) arc_cross_check((p) != NULL, #p " != NULL")
#define assert_ptr_equal(a, b) arc_cross_check((const void *)(a) == (const void *)(b), #a " == " #b)
#define assert_ptr_not_equal(a, b) arc_cross_check((const void *)(a) != (const void *)(b), #a " != " #b)
#define assert_int_equal(a, b) arc_cross_equal((long long)(a), (long long)(b), true, #a " == " #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) arc_cross_equal((long long)(a), (long long)(b), false, #a " != " #b, __FILE__, __LINE__)
#define assert_in_range(a, lo, hi) arc_cross_check((a) >= (lo) && (a) <= (hi), #a " in " #lo ".." #hi)
#define assert_string_equal(a, b) arc_cross_check(strcmp((a), (b)) == 0, #a " == " #b)
#define assert_string_not_equal(a, b) arc_cross_check(strcmp((a), (b)) != 0, #a " != " #b)
#define assert_memory_equal(a, b, n) arc_cross_check(memcmp((a), (b), (n)) == 0, #a " == " #b)
#define assert_memory_not_equal(a, b, n) arc_cross_check(memcmp((a), (b), (n)) != 0, #a " != " #b)
#define assert_float_equal(a, b, eps) arc_cross_check((a) - (b) <= (eps) && (b) - (a) <= (eps), #a " == " #b)

__attribute__((noreturn, unused)) static void arc_cross_end(int status) {
    fflush(stdout);
    _exit(status);
}

__attribute__((unused)) static void arc_cross_equal(long long a, long long b, bool want, const char *text, const char *file,
                                                    int line) {
    if ((a == b) == want)
        return;
    printf("%s:%d: %s: %lld, %lld\n", file, line, text, a, b);
    arc_cross_end(1);
}

/* Group setup runs in every child: a fork has no threads of its parent, so a context with a pool has to be the child's own. */
__attribute__((noreturn, unused)) static void arc_cross_child(const struct CMUnitTest *test, CMFixtureFunction *setup,
                                                              CMFixtureFunction *teardown) {
    void *group = NULL;
    if (setup && setup(&group) != 0)
        arc_cross_end(1);
    void *mine = test->initial_state ? test->initial_state : group;
    if (test->setup_func && test->setup_func(&mine) != 0)
        arc_cross_end(1);
    test->test_func(&mine);
    if (test->teardown_func && test->teardown_func(&mine) != 0)
        arc_cross_end(1);
    arc_cross_end(teardown && teardown(&group) != 0);
}

__attribute__((unused)) static int arc_cross_run(const char *group, const struct CMUnitTest *tests, size_t count,
                                                 CMFixtureFunction *setup, CMFixtureFunction *teardown) {
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0)
            arc_cross_child(&tests[i], setup, teardown);
        int status = 1;
        const bool ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
        const int code = ended ? WEXITSTATUS(status) : 1;
        printf("[ %s ] %s\n", code == 0 ? "OK" : code == 77 ? "SKIPPED" : "FAILED", tests[i].name);
        failures += code != 0 && code != 77;
    }
    printf("%s: %zu tests, %d failed\n", group, count, failures);
    return failures;
}

#endif
