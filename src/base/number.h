/* base: decimal text in the notation of the C locale, whatever locale the program has set. */
#ifndef ARC_BASE_NUMBER_H
#define ARC_BASE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

double arc_number_read(const char *text, const char **end);   /* as strtod; *end == text if there is no number */
int arc_number_write(char *text, size_t bytes, double value); /* 9 significant digits, which is exact for a float; as snprintf */
int arc_number_print(char *text, size_t bytes, const char *fmt, va_list args); /* as vsnprintf */

#endif
