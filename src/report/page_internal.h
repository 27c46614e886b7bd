/* report: what the files of this room share: adding to a page under construction. */
#ifndef ARC_REPORT_PAGE_INTERNAL_H
#define ARC_REPORT_PAGE_INTERNAL_H

#include "base/base.h"
#include <arcface/page.h>

void arc_page_put(arc_page *page, const char *html);         /* as it is */
void arc_page_put_escaped(arc_page *page, const char *text); /* with entities; bytes that are not UTF-8 become U+FFFD */
void arc_page_putf(arc_page *page, const char *fmt, ...) ARC_PRINTF(2, 3); /* short; numbers have a decimal point */
const arc_alloc *arc_page_alloc(const arc_page *page);
void arc_page_nomem(arc_page *page); /* later calls do nothing, saving reports it */

#endif
