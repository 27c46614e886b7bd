/* Runs one kernel once, between two marks that bench/a76.py finds in qemu's trace: a76_kernels SLOT SIZE... */
#include "kernel/kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOATS ((size_t)1 << 21)

static float in[FLOATS], out[FLOATS];
static const float *list[1024];

__attribute__((noinline)) void a76_begin(void);
__attribute__((noinline)) void a76_end(void);
void a76_begin(void) {
    __asm__ volatile("");
}
void a76_end(void) {
    __asm__ volatile("");
}

static size_t size_of(int argc, char **argv, int i) {
    return i < argc ? strtoul(argv[i], NULL, 10) : 0;
}

int main(int argc, char **argv) {
    const arc_kernels *k = arc_kernels_get(NULL);
    const size_t a = size_of(argc, argv, 2), b = size_of(argc, argv, 3), c = size_of(argc, argv, 4), d = size_of(argc, argv, 5);
    const char *slot = argc > 1 ? argv[1] : "";
    const arc_epilogue plain = {.act = ARC_ACT_NONE}, prelu = {.bias = in, .slope = in, .act = ARC_ACT_PRELU};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        list[i] = in + i * 1024;
    a76_begin();
    if (strcmp(slot, "igemm") == 0) /* m n kc taps */
        k->igemm(a, b, c, d, list, in, out, 1024, &prelu);
    else if (strcmp(slot, "winograd_in") == 0) /* t channels */
        k->winograd_in((int)a, b, list, out, 1024);
    else if (strcmp(slot, "winograd_out") == 0)
        k->winograd_out((int)a, b, in, 1024, out, 8192, 1024, a, a, &prelu);
    else if (strcmp(slot, "dwconv") == 0) /* pixels channels taps */
        k->dwconv(a, b, c, list, in, out, 1024, &prelu);
    else if (strcmp(slot, "groupconv") == 0) /* pixels channels taps */
        k->groupconv(2, a, b, c, list, in, out, 1024, &prelu);
    else if (strcmp(slot, "products") == 0) /* as igemm, without an epilogue */
        k->igemm(a, b, c, d, list, in, out, 1024, &plain);
    a76_end();
    printf("%s\n", k->name);
    return 0;
}
