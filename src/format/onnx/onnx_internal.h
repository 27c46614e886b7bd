/* Shared by onnx.c, tensor.c and write.c. */
#ifndef ARC_FORMAT_ONNX_ONNX_INTERNAL_H
#define ARC_FORMAT_ONNX_ONNX_INTERNAL_H

#include "format/format.h"
#include "format/onnx/pb.h"

#define ARC_ONNX_MAX_NAME 2048              /* bytes of a value, node or attribute name */
#define ARC_ONNX_MAX_LIST ((size_t)1 << 20) /* entries of an ints or floats attribute */
#define ARC_ONNX_MIN_OPSET 7
#define ARC_ONNX_MAX_OPSET 17

typedef struct arc_onnx_tensor {
    char name[ARC_ONNX_MAX_NAME + 1];
    arc_dtype dtype;
    arc_shape shape;
    const void *data;
    size_t data_bytes;
    const uint8_t *copied_from; /* raw data that was copied because it lay misaligned; NULL when borrowed or decoded */
} arc_onnx_tensor;

/* Reads a TensorProto. `where` ("model.onnx: node 'x'") starts error texts; base = offset 0 of the file for them. */
arc_status arc_onnx_read_tensor(arc_onnx_tensor *out, arc_arena *arena, const arc_pb *message, const char *where,
                                const uint8_t *base, arc_error *err);

/* Copies a protobuf string into text[ARC_ONNX_MAX_NAME + 1]; false when too long or it holds a zero byte. */
bool arc_onnx_text(const arc_pb_field *f, char *text);

#endif
