/* base: which of several words a misspelt one was meant to be. */
#include "base/base.h"
#include <limits.h>
#include <string.h>

#define LONGEST 40 /* in bytes; longer words are near nothing */

/* Edit distance (Levenshtein): how many letters must be changed, added or left out. */
static int distance(const char *a, const char *b) {
    int row[LONGEST + 1];
    const int n = (int)strnlen(a, LONGEST + 1), m = (int)strnlen(b, LONGEST + 1);
    if (n > LONGEST || m > LONGEST)
        return INT_MAX;
    for (int j = 0; j <= m; j++)
        row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = ARC_MIN(change, ARC_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

const char *arc_nearer_word(const char *word, const char *candidate, int most, const char *best) {
    const int d = distance(word, candidate);
    return d <= most && (!best || d < distance(word, best)) ? candidate : best;
}
