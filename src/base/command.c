/* base: the output of another program, such as one that holds a secret. */
#include "base/file.h"
#include "base/sys.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 32
#define MAX_WORDS_BYTES 4096

/* Points word at the words of text, whose blanks become ends. */
static arc_status split(char *text, char *word[MAX_WORDS + 1], arc_error *err) {
    int words = 0;
    for (char *rest = NULL, *next = strtok_r(text, " \t\n", &rest); next; next = strtok_r(NULL, " \t\n", &rest)) {
        if (words == MAX_WORDS)
            return arc_fail(err, ARC_ELIMIT, "command: it has more than %d words; put it into a script", MAX_WORDS);
        word[words++] = next;
    }
    word[words] = NULL;
    return words > 0 ? ARC_OK : arc_fail(err, ARC_EINVAL, "command: there is no command behind it");
}

static arc_status read_all(int fd, const char *program, uint8_t *out, size_t capacity, size_t *bytes, arc_error *err) {
    while (*bytes <= capacity) {
        uint8_t beyond;
        const bool full = *bytes == capacity;
        const ssize_t got = arc_sys_read(fd, full ? &beyond : out + *bytes, full ? 1 : capacity - *bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return arc_fail_errno(err, "read the output", program);
        if (got == 0)
            return ARC_OK;
        *bytes += (size_t)got;
    }
    return arc_fail(err, ARC_ELIMIT, "%s: it wrote more than %zu bytes", program, capacity);
}

arc_status arc_command_output(const char *words, uint8_t *out, size_t capacity, size_t *bytes, arc_error *err) {
    char text[MAX_WORDS_BYTES], *word[MAX_WORDS + 1];
    int fd = -1, ended = 0;
    pid_t program;
    *bytes = 0;
    if (strlen(words) >= sizeof text)
        return arc_fail(err, ARC_ELIMIT, "command: it has more than %d bytes; put it into a script", MAX_WORDS_BYTES - 1);
    memcpy(text, words, strlen(words) + 1);
    arc_status st = split(text, word, err);
    if (st != ARC_OK)
        return st;
    program = arc_sys_spawn(word, &fd);
    if (program < 0)
        return arc_fail_errno(err, "run it", word[0]);
    st = read_all(fd, word[0], out, capacity, bytes, err);
    arc_sys_close(fd); /* before the wait: a program that still writes ends then */
    if (arc_sys_wait(program, &ended) != 0) {
        if (st == ARC_OK)
            st = arc_fail_errno(err, "wait for it", word[0]);
    } else if (st == ARC_OK && !WIFEXITED(ended))
        st = arc_fail(err, ARC_EIO, "%s: signal %d ended it", word[0], WTERMSIG(ended));
    else if (st == ARC_OK && WEXITSTATUS(ended) != 0)
        st = arc_fail(err, ARC_EIO, "%s: it ended with status %d", word[0], WEXITSTATUS(ended));
    if (st != ARC_OK) {
        memset(out, 0, capacity);
        *bytes = 0;
    }
    return st;
}
