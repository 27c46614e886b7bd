/* graph: building and reading the graph. Names, attributes and in-memory initializers live in the graph's arena; values are found
 * by name through an open-addressing table, so that files with hundreds of thousands of values stay linear. */
#include "graph/graph.h"
#include <stdio.h>
#include <string.h>

size_t arc_dtype_bytes(arc_dtype t) {
    switch (t) {
    case ARC_U8:
    case ARC_I8:
    case ARC_BOOL:
        return 1;
    case ARC_U16:
    case ARC_I16:
    case ARC_F16:
    case ARC_BF16:
        return 2;
    case ARC_F32:
    case ARC_I32:
    case ARC_U32:
        return 4;
    case ARC_I64:
    case ARC_U64:
    case ARC_F64:
        return 8;
    case ARC_NO_DTYPE:
        break;
    }
    return 0;
}

/* In ONNX's numbering; those that are no arc_dtype as well, so that they can be refused by name. */
const char *arc_dtype_name(arc_dtype t) {
    static const char *const names[] = {
        "no type",   "float32",    "uint8",      "int8",         "uint16",         "int16",      "int32",
        "int64",     "text",       "bool",       "float16",      "float64",        "uint32",     "uint64",
        "complex64", "complex128", "bfloat16",   "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
        "uint4",     "int4",       "float4e2m1", "float8e8m0",   "uint2",          "int2"};
    return (size_t)t < ARC_COUNT(names) ? names[t] : "an unknown type";
}

int64_t arc_shape_count(const arc_shape *s) {
    if (s->rank < 0 || s->rank > ARC_MAX_RANK)
        return -1;
    int64_t count = 1;
    bool empty = false;
    for (int i = 0; i < s->rank; i++) {
        const int64_t d = s->dim[i];
        if (d < 0 || d > ARC_MAX_DIM)
            return -1;
        if (d == 0) {
            empty = true;
            continue;
        }
        if (count > ARC_MAX_ELEMENTS / d)
            return -1;
        count *= d;
    }
    return empty ? 0 : count;
}

bool arc_shape_equal(const arc_shape *a, const arc_shape *b) {
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

const char *arc_shape_text(const arc_shape *s, char *text, size_t text_bytes) {
    size_t at = 0;
    if (text_bytes == 0)
        return text;
    text[0] = 0;
    if (s->rank < 0 || s->rank > ARC_MAX_RANK) {
        snprintf(text, text_bytes, "[unknown]");
        return text;
    }
    for (int i = 0; i <= s->rank; i++) {
        int n;
        if (i == s->rank)
            n = snprintf(text + at, text_bytes - at, s->rank ? "]" : "[]");
        else if (s->dim[i] < 0)
            n = snprintf(text + at, text_bytes - at, "%s?", i ? "," : "[");
        else
            n = snprintf(text + at, text_bytes - at, "%s%lld", i ? "," : "[", (long long)s->dim[i]);
        if (n < 0 || (size_t)n >= text_bytes - at)
            return text;
        at += (size_t)n;
    }
    return text;
}
