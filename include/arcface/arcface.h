/* arcface: the ArcFace face recognition system. This header includes all of the public API. */
#ifndef ARCFACE_ARCFACE_H
#define ARCFACE_ARCFACE_H

#include <arcface/audit.h>
#include <arcface/bench.h>
#include <arcface/calibrate.h>
#include <arcface/context.h>
#include <arcface/data.h>
#include <arcface/evaluate.h>
#include <arcface/evaluate_compare.h>
#include <arcface/evaluate_rates.h>
#include <arcface/evaluate_report.h>
#include <arcface/evaluate_result.h>
#include <arcface/evaluate_search.h>
#include <arcface/evaluate_template.h>
#include <arcface/face.h>
#include <arcface/file.h>
#include <arcface/hub.h>
#include <arcface/image.h>
#include <arcface/model.h>
#include <arcface/page.h>
#include <arcface/photo.h>
#include <arcface/plot.h>
#include <arcface/quantize.h>
#include <arcface/status.h>
#include <arcface/train.h>
#include <arcface/verify.h>

#endif
