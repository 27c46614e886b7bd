/* deploy: what a check found, in sentences: kept in order, counted, told as text and as JSON. */
#ifndef ARC_DEPLOY_FINDINGS_H
#define ARC_DEPLOY_FINDINGS_H

#include "base/text.h"
#include <arcface/archive.h>

#define ARC_MAX_FINDINGS 256

typedef struct arc_finding {
    bool serious; /* somebody refuses it, or results are wrong */
    const char *where, *text;
} arc_finding;

typedef struct arc_findings {
    arc_arena *arena; /* of the texts */
    arc_finding list[ARC_MAX_FINDINGS];
    int count;
    bool crowded; /* there were more */
} arc_findings;

/* The texts are copied. */
void arc_findings_add(arc_findings *f, bool serious, const char *where, const char *fmt, ...) ARC_PRINTF(4, 5);
void arc_findings_add_args(arc_findings *f, bool serious, const char *where, const char *fmt, va_list args);
void arc_findings_count(const arc_findings *f, arc_archive_counts *n);
/* A line each, and a last one about all of `path`. */
void arc_findings_put(arc_text *t, const arc_findings *f, const char *path);
/* , "errors": 1, ..., "findings": [...] */
void arc_findings_put_json(arc_text *t, const arc_findings *f);
/* Names come from files: nothing in them may steer a terminal. */
void arc_text_without_controls(arc_text *t);

#endif
