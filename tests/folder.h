/* The temporary folder of a test program: made when it is first asked for, removed with all that is in it when the program ends.
 *
 *     arc_image_save(ctx, &image, in_folder("picture.png"), NULL);
 *
 * A test that wants to begin with nothing there has test_empty_folder as its setup or teardown. */
#ifndef ARC_TEST_FOLDER_H
#define ARC_TEST_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEST_FOLDER_BYTES = 192, TEST_PATH_BYTES = 512, TEST_PATHS = 16 };

static struct {
    char path[TEST_FOLDER_BYTES];
    pid_t owner; /* the process that removes it: no child of a fork */
} test_folder_made;

static inline int test_remove_inside(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    (void)kind;
    return at->level > 0 ? remove(path) : 0;
}

static inline int test_empty_folder(void **state) {
    (void)state;
    return test_folder_made.owner ? nftw(test_folder_made.path, test_remove_inside, 16, FTW_DEPTH | FTW_PHYS) : 0;
}

static inline void test_folder_end(void) {
    if (getpid() == test_folder_made.owner && (test_empty_folder(NULL) != 0 || rmdir(test_folder_made.path) != 0))
        perror(test_folder_made.path);
}

/* In $TMPDIR, else /tmp. */
static inline const char *test_folder(void) {
    if (!test_folder_made.owner) {
        const char *dir = getenv("TMPDIR");
        char *path = test_folder_made.path;
        /* mkdtemp puts six letters in the place of the X, so that no two programs share a folder. */
        const int length = snprintf(path, TEST_FOLDER_BYTES, "%s/arcface-test-XXXXXX", dir && *dir ? dir : "/tmp");
        if (length >= TEST_FOLDER_BYTES || !mkdtemp(path)) {
            fprintf(stderr, "no folder can be made in $TMPDIR: %s\n", path);
            exit(1);
        }
        test_folder_made.owner = getpid();
        atexit(test_folder_end);
    }
    return test_folder_made.path;
}

/* The path of `name` in it; good for TEST_PATHS calls more. */
static inline const char *in_folder(const char *name) {
    static char ring[TEST_PATHS][TEST_PATH_BYTES];
    static int at;
    char *path = ring[at++ % TEST_PATHS];
    snprintf(path, TEST_PATH_BYTES, "%s/%s", test_folder(), name);
    return path;
}

#endif
