/* number: decimal text in the C locale, whatever the program's own is. */
#ifndef ARC_BASE_NUMBER_H
#define ARC_BASE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

double arc_number_read(const char *text, const char **end);   /* as strtod; *end == text when there is no number */
int arc_number_write(char *text, size_t bytes, double value); /* 9 significant digits: a float exactly. As snprintf. */
int arc_number_print(char *text, size_t bytes, const char *fmt, va_list args); /* as vsnprintf */

#endif
