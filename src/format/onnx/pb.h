/* pb: reading the protobuf wire format in place. Nothing is copied: a length-delimited field is a pointer into the input. */
#ifndef ARC_FORMAT_ONNX_PB_H
#define ARC_FORMAT_ONNX_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARC_PB_VARINT = 0, ARC_PB_FIXED64 = 1, ARC_PB_BYTES = 2, ARC_PB_FIXED32 = 5 };

/* A message being read. `bad` is set, and stays set, at the first malformed or unexpected byte; `at` then shows where. */
typedef struct arc_pb {
    const uint8_t *at, *end;
    bool bad;
} arc_pb;

typedef struct arc_pb_field {
    uint32_t number;
    uint32_t wire;
    uint64_t value;      /* varint, fixed32, fixed64: the bits */
    const uint8_t *data; /* ARC_PB_BYTES */
    size_t bytes;
} arc_pb_field;

void arc_pb_init(arc_pb *pb, const void *data, size_t bytes);
/* Reads the next field; false at the end or when malformed (then pb->bad). */
bool arc_pb_next(arc_pb *pb, arc_pb_field *f);
/* Checks the wire type of a known field; a mismatch marks the message bad. */
bool arc_pb_is(arc_pb *pb, const arc_pb_field *f, uint32_t wire);
/* Opens a length-delimited field as a message. */
bool arc_pb_enter(arc_pb *pb, const arc_pb_field *f, arc_pb *inner);
/* One varint of at most 10 bytes. */
bool arc_pb_varint(const uint8_t **at, const uint8_t *end, uint64_t *out);

/* Repeated scalars, packed or not: count adds the elements in this field to *n; the walker gives them one by one. */
bool arc_pb_count(arc_pb *pb, const arc_pb_field *f, uint32_t element_wire, size_t *n);
typedef void arc_pb_sink(void *arg, size_t index, uint64_t bits);
/* Calls sink for each element with index *n, *n + 1, ...; the field has passed arc_pb_count. */
void arc_pb_each(const arc_pb_field *f, uint32_t element_wire, size_t *n, arc_pb_sink *sink, void *arg);

#endif
