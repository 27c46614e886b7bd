/* base: what this machine is. */
#include "base/machine.h"
#include "base/sys.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* "8589934592", or "max"; 0: no limit, or no such file. */
static int64_t limit_of_group(void) {
    char text[32] = "";
    const int fd = arc_sys_open("/sys/fs/cgroup/memory.max", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    const ssize_t bytes = arc_sys_read(fd, text, sizeof text - 1);
    arc_sys_close(fd);
    return bytes > 0 ? strtoll(text, NULL, 10) : 0;
}

int64_t arc_machine_memory(void) {
    const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), group = limit_of_group();
    const int64_t all = pages > 0 && page > 0 ? pages * page : 0;
    return group > 0 && (all == 0 || group < all) ? group : all;
}
