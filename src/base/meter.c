/* base: memory and processor figures of the system about this process, from small files in /proc and /sys, which cannot be
 * mapped. */
#include "base/base.h"
#include <arcface/bench.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a file as text; empty if it cannot be read. */
static void read_text(const char *path, char *text, size_t bytes) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, text, bytes - 1) : 0;
    text[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

int64_t arc_peak_memory_bytes(void) {
    char text[4096];
    read_text("/proc/self/status", text, sizeof text);
    const char *line = strstr(text, "VmHWM:");
    return line ? strtoll(line + strlen("VmHWM:"), NULL, 10) * 1024 : -1;
}

void arc_peak_memory_reset(void) {
    const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, "5", 1);
    close(fd);
}

void arc_processor_name(char *name, size_t bytes) {
    char text[4096];
    read_text("/proc/cpuinfo", text, sizeof text);
    const char *line = strstr(text, "model name"), *value = line ? strchr(line, ':') : NULL;
    value = value ? value + 1 + strspn(value + 1, " \t") : "";
    snprintf(name, bytes, "%.*s", (int)strcspn(value, "\n"), value);
}

double arc_energy_joules(void) {
    char text[64];
    read_text("/sys/class/powercap/intel-rapl:0/energy_uj", text, sizeof text);
    return *text ? strtod(text, NULL) * 1e-6 : -1;
}
