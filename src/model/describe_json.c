/* model: the JSON of `arcface model info --json`: the same facts as the text, in one object, with units in the names. */
#include "model/describe_internal.h"
#include <jansson.h>
#include <string.h>

/* Names in model files may be invalid UTF-8, which jansson refuses. */
static json_t *text_of(const char *s) {
    json_t *j = json_string(s ? s : "");
    return j ? j : json_string("(not UTF-8)");
}

static json_t *triple(const float v[3]) {
    return json_pack("[fff]", (double)v[0], (double)v[1], (double)v[2]);
}

static json_t *contract_of(const arc_model *m) {
    const arc_contract *c = &m->contract;
    json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:f, s:s}", "task", arc_task_name(c->task), "color",
                          c->bgr ? "bgr" : "rgb", "input_width_px", c->input_width_px, "input_height_px", c->input_height_px,
                          "mean", triple(c->mean), "scale", triple(c->scale), "threshold", (double)c->threshold, "why", c->why);
    int bad = !o;
    if (o && c->task == ARC_TASK_EMBED) {
        bad |= json_object_set_new(o, "dim", json_integer(c->dim));
        bad |= json_object_set_new(o, "template", json_string(arc_template_name(c->align)));
        bad |= json_object_set_new(o, "norm_output", json_integer(c->norm_output));
        bad |= json_object_set_new(o, "takes_points", json_boolean(c->takes_points));
        bad |= json_object_set_new(o, "embedding_rule", text_of(m->edges_why.output));
    }
    if (o && c->task != ARC_TASK_UNKNOWN)
        bad |= json_object_set_new(o, "picture_rule", text_of(m->edges_why.input));
    if (o && c->task == ARC_TASK_DETECT) {
        bad |= json_object_set_new(o, "detector", json_string(arc_detector_name(c->detector)));
        bad |= json_object_set_new(o, "nms_iou", json_real((double)c->nms_iou));
        if (c->detector == ARC_DETECTOR_RETINAFACE) {
            json_t *priors = json_array();
            for (int i = 0; i < 6; i++)
                bad |= json_array_append_new(priors, json_real((double)c->prior_px[i]));
            bad |= json_object_set_new(o, "prior_px", priors);
        }
    }
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *edge(const arc_value *v) {
    json_t *dims = json_array();
    for (int i = 0; dims && i < v->shape.rank; i++)
        json_array_append_new(dims,
                              v->shape.dim[i] >= 0 ? json_integer(v->shape.dim[i]) : text_of(v->symbol[i] ? v->symbol[i] : "?"));
    return json_pack("{s:o, s:s, s:o}", "name", text_of(v->name), "type", arc_dtype_name(v->dtype ? v->dtype : ARC_F32), "shape",
                     dims);
}

static json_t *edges(const arc_graph *g, const int *value, int count) {
    json_t *list = json_array();
    for (int i = 0; list && i < count; i++)
        json_array_append_new(list, edge(&g->value[value[i]]));
    return list;
}

static json_t *operators_of(const arc_graph *g) {
    arc_op_count ops[ARC_DESCRIBE_MAX_OPS];
    const int count = arc_describe_ops(g, ops);
    json_t *list = json_array();
    for (int i = 0; list && i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:I}", "operator", ops[i].op, "nodes", ops[i].nodes, "numbers",
                                              (json_int_t)ops[i].parameters));
    return list;
}

static json_t *facts_of(const arc_model_facts *f) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:s}", "parameters",
                     (json_int_t)f->parameters, "running_statistics", (json_int_t)f->running_statistics, "macs",
                     (json_int_t)f->macs, "flops", (json_int_t)f->flops, "weight_bytes", (json_int_t)f->weight_bytes,
                     "file_bytes", (json_int_t)f->file_bytes, "activation_bytes", (json_int_t)f->activation_bytes,
                     "activation_sum_bytes", (json_int_t)f->activation_sum_bytes, "packed_bytes", (json_int_t)f->packed_bytes,
                     "scratch_bytes", (json_int_t)f->scratch_bytes, "nodes", f->nodes, "steps", f->steps, "opset", f->opset,
                     "sha256", f->sha256);
}

static int put(const char *text, size_t bytes, void *buffer) {
    return arc_buffer_put(buffer, text, bytes) == ARC_OK ? 0 : -1;
}

/* {"quantize": "...", ...} */
static json_t *notes_of(const arc_graph *g) {
    json_t *notes = json_object();
    for (int i = 0; notes && i < g->metas; i++)
        if (strncmp(g->meta[i].key, ARC_NOTE_PREFIX, strlen(ARC_NOTE_PREFIX)) == 0)
            json_object_set_new(notes, g->meta[i].key + strlen(ARC_NOTE_PREFIX), text_of(g->meta[i].value));
    return notes;
}

arc_status arc_describe_json(const arc_model *m, const arc_model_facts *f, const char *layers, arc_buffer *out, arc_error *err) {
    const arc_graph *g = m->graph;
    json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "file", m->path ? text_of(m->path) : json_null(),
                          "made_by", text_of(g->producer), "contract", contract_of(m), "inputs", edges(g, g->input, g->inputs),
                          "outputs", edges(g, g->output, g->outputs), "facts", f ? facts_of(f) : json_null(), "self_test_vector",
                          arc_graph_meta(g, ARC_SELFTEST_KEY) != NULL, "notes", notes_of(g), "operators", operators_of(g));
    if (o && layers && json_object_set_new(o, "layers", json_loads(layers, 0, NULL)) != 0) {
        json_decref(o);
        o = NULL;
    }
    const bool good = o && json_dump_callback(o, put, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
                      arc_buffer_put(out, "\n", 1) == ARC_OK;
    json_decref(o);
    return good ? ARC_OK : arc_fail_nomem(err, "the description");
}
