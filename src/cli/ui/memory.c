/* Memory of the command: a block or the end of the program. The library's own memory comes through the context. */
#include "ui/cli.h"
#include <stdio.h>
#include <stdlib.h>

static void *there(void *p) {
    if (p)
        return p;
    fputs("arcface: out of memory\n", stderr);
    exit(CLI_FAILURE);
}

void *cli_new(size_t n, size_t size) {
    return there(calloc(n ? n : 1, size ? size : 1));
}

void *cli_grow(void *old, size_t n, size_t size) {
    return there(reallocarray(old, n ? n : 1, size ? size : 1));
}

void cli_free(void *p) {
    free(p);
}
