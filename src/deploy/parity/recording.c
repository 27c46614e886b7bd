/* A recording of messages with tensors, as docs/DEPLOY.md describes it: JSON whose keys are those of depthai's TensorInfo. */
#include "deploy/parity/parity.h"
#include "op/layer.h"
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#define MAX_MESSAGES 1000000
#define MAX_DIM 65536
#define MAX_ROOM ((size_t)1 << 30) /* floats of all messages */

/* depthai's TensorInfo::DataType, in the order of its numbers. */
static const struct {
    const char *name;
    arc_dtype type;
} types[] = {{"FP16", ARC_F16}, {"U8F", ARC_U8}, {"INT", ARC_I32}, {"FP32", ARC_F32}, {"I8", ARC_I8}, {"FP64", ARC_F64}};

typedef struct reading {
    arc_candidate *c;
    const char *path;
    const arc_parity_options *opt;
    uint8_t *bytes; /* of one tensor */
    size_t message;
    arc_error *err;
} reading;

static arc_status wrong(const reading *r, const char *what) {
    return arc_fail(r->err, ARC_EFORMAT, "%s: message %zu: %s", r->path, r->message, what);
}

/* The tensor that is compared: the one that opt names, else "output", else the only one. */
static arc_status choose(const reading *r, json_t *message, json_t **out) {
    json_t *list = json_object_get(message, "tensors");
    const char *asked = r->opt->tensor ? r->opt->tensor : ARC_DEPLOY_OUTPUT;
    *out = NULL;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return wrong(r, "it has no list \"tensors\"");
    for (size_t i = 0; i < json_array_size(list) && !*out; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (name && strcmp(name, asked) == 0)
            *out = json_array_get(list, i);
    }
    if (!*out && !r->opt->tensor && json_array_size(list) == 1)
        *out = json_array_get(list, 0);
    if (!*out)
        return arc_fail(r->err, ARC_EFORMAT, "%s: message %zu has no tensor '%.100s': name another one with --tensor", r->path,
                        r->message, asked);
    return json_is_object(*out) ? ARC_OK : wrong(r, "a tensor is no object");
}

static arc_status type_of(const reading *r, const json_t *tensor, arc_dtype *type) {
    const json_t *given = json_object_get(tensor, "dataType");
    for (size_t i = 0; i < ARC_COUNT(types); i++)
        if ((json_is_string(given) && strcmp(json_string_value(given), types[i].name) == 0) ||
            (json_is_integer(given) && json_integer_value(given) == (json_int_t)i)) {
            *type = types[i].type;
            return ARC_OK;
        }
    return wrong(r, "\"dataType\" is none of FP16, U8F, INT, FP32, I8, FP64");
}

/* Numbers of the tensor by its dims. */
static arc_status size_of(const reading *r, const json_t *tensor, int *count) {
    const json_t *dims = json_object_get(tensor, "dims");
    int64_t all = 1;
    if (!json_is_array(dims) || json_array_size(dims) == 0 || json_array_size(dims) > ARC_MAX_RANK)
        return wrong(r, "\"dims\" is no list of sizes");
    for (size_t i = 0; i < json_array_size(dims); i++) {
        const json_t *d = json_array_get(dims, i);
        const json_int_t size = json_is_integer(d) ? json_integer_value(d) : 0;
        if (size < 1 || size > MAX_DIM || (all *= size) > MAX_DIM)
            return wrong(r, "\"dims\" are not those of one embedding");
    }
    *count = (int)all;
    return ARC_OK;
}

/* value = (number - zero) * scale */
static arc_status quantizer_of(const reading *r, const json_t *tensor, arc_dtype type, double *scale, double *zero) {
    const bool whole = type == ARC_U8 || type == ARC_I8 || type == ARC_I32;
    *scale = 1;
    *zero = 0;
    if (json_is_true(json_object_get(tensor, "quantization"))) {
        const json_t *s = json_object_get(tensor, "qpScale"), *z = json_object_get(tensor, "qpZp");
        if (!json_is_number(s) || !(json_number_value(s) > 0) || (z && !json_is_number(z)))
            return wrong(r, "it is quantized, and \"qpScale\" and \"qpZp\" are not its scale and zero point");
        *scale = json_number_value(s);
        *zero = json_number_value(z);
    } else if (whole && r->opt->scale == 0) {
        return wrong(r, "whole numbers without \"quantization\": give --scale S and --zero-point Z of the output");
    } else if (whole) {
        *scale = r->opt->scale;
        *zero = (double)r->opt->zero_point;
    }
    return ARC_OK;
}

static arc_status read_numbers(const reading *r, const json_t *data, int count, double scale, double zero, float *row) {
    if (json_array_size(data) != (size_t)count)
        return wrong(r, "\"data\" has another length than \"dims\" say");
    for (int i = 0; i < count; i++) {
        const json_t *v = json_array_get(data, (size_t)i);
        if (!json_is_number(v))
            return wrong(r, "\"data\" holds what is no number");
        row[i] = (float)((json_number_value(v) - zero) * scale);
    }
    return ARC_OK;
}

static arc_status read_base64(const reading *r, const json_t *data, arc_dtype type, int count, double scale, double zero,
                              float *row) {
    size_t bytes = 0;
    const size_t wanted = (size_t)count * arc_dtype_bytes(type);
    if (sodium_base642bin(r->bytes, (size_t)MAX_DIM * sizeof(double), json_string_value(data), json_string_length(data), " \r\n",
                          &bytes, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        bytes != wanted)
        return wrong(r, "\"data\" is no base64 of as many little-endian numbers as \"dims\" say");
    for (int i = 0; i < count; i++)
        row[i] = (float)((arc_element_real(type, r->bytes, i) - zero) * scale);
    return ARC_OK;
}

static arc_status read_message(reading *r, json_t *message, size_t messages) {
    arc_status st;
    arc_candidate *c = r->c;
    json_t *tensor;
    arc_dtype type = ARC_NO_DTYPE;
    int count = 0;
    double scale, zero;
    ARC_TRY(choose(r, message, &tensor));
    ARC_TRY(type_of(r, tensor, &type));
    ARC_TRY(size_of(r, tensor, &count));
    ARC_TRY(quantizer_of(r, tensor, type, &scale, &zero));
    if (!c->row) {
        if ((size_t)count > MAX_ROOM / messages || !(c->row = arc_arena_new(&c->arena, messages * (size_t)count, sizeof *c->row)))
            ARC_TRY(arc_fail_nomem(r->err, r->path));
        c->dim = count;
    }
    if (count != c->dim)
        ARC_TRY(
            arc_fail(r->err, ARC_ESHAPE, "%s: message %zu has %d numbers, the first one %d", r->path, r->message, count, c->dim));
    float *row = c->row + r->message * (size_t)c->dim;
    const json_t *data = json_object_get(tensor, "data");
    ARC_TRY(json_is_array(data)    ? read_numbers(r, data, count, scale, zero, row)
            : json_is_string(data) ? read_base64(r, data, type, count, scale, zero, row)
                                   : wrong(r, "\"data\" is neither a list nor base64"));
done:
    return st;
}

/* The picture's name, which all messages have or none. */
static arc_status read_name(const reading *r, const json_t *message, size_t messages) {
    arc_candidate *c = r->c;
    const char *name = json_string_value(json_object_get(message, "name"));
    if (r->message == 0 && name && !(c->name = arc_arena_new(&c->arena, messages, sizeof *c->name)))
        return arc_fail_nomem(r->err, r->path);
    if (!name != !c->name)
        return wrong(r, "some messages have a \"name\" and others none");
    if (name && !(c->name[r->message] = arc_arena_strdup(&c->arena, name)))
        return arc_fail_nomem(r->err, r->path);
    return ARC_OK;
}

arc_status arc_recording_parse(arc_candidate *c, const void *bytes, size_t count, const char *path, const arc_parity_options *opt,
                               arc_error *err) {
    arc_status st = ARC_OK;
    json_error_t where;
    reading r = {.c = c, .path = path, .opt = opt, .err = err};
    json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &where), *list = root;
    if (!root)
        return arc_fail(err, ARC_EFORMAT, "%s: neither .npy nor JSON: line %d: %.100s", path, where.line, where.text);
    if (json_is_object(root))
        list = json_object_get(root, "messages");
    const size_t messages = json_array_size(list);
    if (messages == 0 || messages > MAX_MESSAGES)
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: no list of 1 to %d messages", path, MAX_MESSAGES));
    if (!(r.bytes = arc_mem_raw(c->arena.alloc, MAX_DIM, sizeof(double))))
        ARC_TRY(arc_fail_nomem(err, path));
    for (r.message = 0; r.message < messages; r.message++) {
        json_t *message = json_array_get(list, r.message);
        ARC_TRY(read_message(&r, message, messages));
        ARC_TRY(read_name(&r, message, messages));
    }
    c->rows = (int)messages;
done:
    arc_mem_free(c->arena.alloc, r.bytes);
    json_decref(root);
    return st;
}
