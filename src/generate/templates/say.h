/* generate: sentences about an audit of templates, for its text and its page. Each goes into an arena; NULL when memory ends. */
#ifndef ARC_GENERATE_TEMPLATES_SAY_H
#define ARC_GENERATE_TEMPLATES_SAY_H

#include "base/base.h"
#include <arcface/template_audit.h>

const char *arc_template_say_threshold(arc_arena *a, double threshold, arc_threshold_source source, double far);
const char *arc_template_say_plain(arc_arena *a, const arc_template_audit *t);
const char *arc_template_say_elsewhere(arc_arena *a, const arc_template_audit *t);
const char *arc_template_say_unkeyed(arc_arena *a, const arc_template_audit *t);
const char *arc_template_say_keyed(arc_arena *a, const arc_template_audit *t);
/* What the audit cannot tell. */
const char *arc_template_say_limits(arc_arena *a, const arc_template_audit *t);

#endif
