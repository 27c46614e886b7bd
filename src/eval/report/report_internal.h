/* eval: what the files of an evaluation's report share. */
#ifndef ARC_EVAL_REPORT_REPORT_INTERNAL_H
#define ARC_EVAL_REPORT_REPORT_INTERNAL_H

#include "base/text.h"
#include <arcface/evaluate_report.h>

/* The evaluations of one page. */
typedef struct arc_report {
    arc_context *ctx;
    const arc_evaluation *const *evaluation;
    const char *const *name;
    int count;
    arc_arena arena; /* texts and curves, until the page is written */
} arc_report;

arc_status arc_report_begin(arc_report *r, arc_context *ctx, const arc_evaluation *const *evaluations, const char *const *names,
                            int count, arc_error *err);
void arc_report_end(arc_report *r);

/* curves.c: the plots of these evaluations; at most ARC_REPORT_MAX_PANELS. Their data lie in r->arena. */
#define ARC_REPORT_MAX_PANELS 6
arc_status arc_report_panels(arc_report *r, arc_plot *panel, int *panels, arc_error *err);

/* pairs.c: adds pictures of the worst pairs of each evaluation. */
arc_status arc_report_pairs(arc_report *r, arc_page *page, arc_error *err);

/* describe.c, describe_json.c: for people and for programs. */
void arc_describe_evaluation(arc_text *t, const arc_evaluation *e);
void arc_describe_provenance(arc_text *t, const arc_provenance *p);
void arc_describe_evaluation_json(arc_text *t, const arc_evaluation *e);
void arc_describe_provenance_json(arc_text *t, const arc_provenance *p); /* a JSON object */

#endif
