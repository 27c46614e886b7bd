/* model: what the text and the JSON description share. */
#ifndef ARC_MODEL_DESCRIBE_INTERNAL_H
#define ARC_MODEL_DESCRIBE_INTERNAL_H

#include "model/describe_graph.h"
#include "model/model.h"

/* layers: an array in JSON, NULL: layers are only counted by operator. f NULL: work and memory are not known. */
arc_status arc_describe_json(const arc_model *m, const arc_model_facts *f, const char *layers, arc_buffer *out, arc_error *err);

#endif
