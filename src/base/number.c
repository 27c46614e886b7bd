/* base: numbers as text. Files use the notation of the C locale, whatever locale the calling program has set. */
#include "base/base.h"
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* 0 only if memory is exhausted: then the program's locale is used */
}

double arc_number_read(const char *text, const char **end) {
    char *stop;
    pthread_once(&once, make_locale);
    const char *digits = text + (*text == '-' || *text == '+');
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) { /* "0x0" is a size, not a hexadecimal number */
        *end = digits + 1;
        return 0;
    }
    const double value = c_locale ? strtod_l(text, &stop, c_locale) : strtod(text, &stop);
    *end = stop;
    return value;
}

int arc_number_print(char *text, size_t bytes, const char *fmt, va_list args) {
    pthread_once(&once, make_locale);
    const locale_t old = c_locale ? uselocale(c_locale) : (locale_t)0;
    const int count = vsnprintf(text, bytes, fmt, args);
    if (c_locale)
        uselocale(old);
    return count;
}

static int print(char *text, size_t bytes, const char *fmt, ...) ARC_PRINTF(3, 4);
static int print(char *text, size_t bytes, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const int count = arc_number_print(text, bytes, fmt, args);
    va_end(args);
    return count;
}

int arc_number_write(char *text, size_t bytes, double value) {
    return print(text, bytes, "%.9g", value);
}
