/** @file
 * arcface: the ArcFace face recognition system. This header includes all of the public API.
 *
 * What every comment in these headers relies on:
 *
 * - Errors: a function that can fail returns arc_status and takes an arc_error, which may be NULL, last. "Errors:" lists the
 *   codes; the sentence in the arc_error names the file, layer, record or option and what to do. Out-parameters have a defined
 *   value after a failure: NULL or zero, unless the comment says otherwise. The library never prints, exits or aborts.
 * - Thread: "any" means that any number of threads may call the function at the same time, on the same objects. "One at a time"
 *   means that calls on the same object must not overlap; different objects may be used at the same time.
 * - Ownership: what a function gives through `out` belongs to the caller, who frees it with the function that the comment names.
 *   What a function takes is borrowed for the call, unless the comment says that it must live longer.
 * - Options: fill a struct that begins with struct_size by its NAME_default function, then change fields. NULL in its place means
 *   the defaults. A struct that was filled for another version of the library is refused with EINVAL.
 * - Shapes stand in square brackets, the dimension that changes fastest last: [count][dim]. Units stand in names: _px, _bytes,
 *   _ms, _s, _deg.
 * - Pictures: x counts columns from the left, y rows from the top. Text is UTF-8.
 */
#ifndef ARCFACE_ARCFACE_H
#define ARCFACE_ARCFACE_H

#include <arcface/archive.h>
#include <arcface/audit.h>
#include <arcface/bench.h>
#include <arcface/calibrate.h>
#include <arcface/card.h>
#include <arcface/cohort.h>
#include <arcface/context.h>
#include <arcface/data.h>
#include <arcface/decide.h>
#include <arcface/demo.h>
#include <arcface/deploy.h>
#include <arcface/enroll.h>
#include <arcface/evaluate.h>
#include <arcface/evaluate_compare.h>
#include <arcface/evaluate_rates.h>
#include <arcface/evaluate_report.h>
#include <arcface/evaluate_result.h>
#include <arcface/evaluate_search.h>
#include <arcface/evaluate_template.h>
#include <arcface/face.h>
#include <arcface/feed.h>
#include <arcface/file.h>
#include <arcface/gallery.h>
#include <arcface/gallery_exchange.h>
#include <arcface/gallery_keys.h>
#include <arcface/gallery_migrate.h>
#include <arcface/gallery_search.h>
#include <arcface/gallery_shards.h>
#include <arcface/gallery_survey.h>
#include <arcface/generate.h>
#include <arcface/generate_eval.h>
#include <arcface/hub.h>
#include <arcface/identify.h>
#include <arcface/image.h>
#include <arcface/index.h>
#include <arcface/kit.h>
#include <arcface/model.h>
#include <arcface/page.h>
#include <arcface/parity.h>
#include <arcface/photo.h>
#include <arcface/plot.h>
#include <arcface/probe.h>
#include <arcface/profile.h>
#include <arcface/protect.h>
#include <arcface/quality.h>
#include <arcface/quantize.h>
#include <arcface/results.h>
#include <arcface/serve.h>
#include <arcface/status.h>
#include <arcface/template_audit.h>
#include <arcface/train.h>
#include <arcface/verify.h>

#endif
