/* Any bytes as a RecordIO file: scanned, every record that is found read and taken apart, and reading tried at every other
 * place. */
#include "format/record/recordio.h"
#include "fuzz_memory.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink; /* so that the reads stay */

static void touch(const arc_image_record *image) {
    for (size_t i = 0; i < image->image_bytes; i++)
        sink ^= image->image[i];
    for (uint32_t i = 0; i < image->labels; i++)
        sink ^= arc_image_record_label(image, i) > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_record_index index;
    arc_record_scan scan = {0};
    arc_error err;
    arc_buffer joined;
    arc_buffer_init(&joined, &fuzz_alloc, 1 << 24);
    if (arc_record_index_scan(&index, &fuzz_alloc, data, size, "fuzz", &scan, &err) != ARC_OK)
        return 0;
    for (size_t i = 0; i < index.count; i++) {
        arc_record record;
        arc_image_record image;
        if (index.offset[i] >= size || arc_record_read(&record, data, size, index.offset[i], &joined, "fuzz", &err) != ARC_OK ||
            arc_image_record_parse(&image, record.data, record.bytes, &err) != ARC_OK)
            __builtin_trap(); /* the scan promised it */
        touch(&image);
    }
    /* Reading at any other place must be refused or stay inside. */
    for (uint64_t at = 0; at < size && at < 4096; at++) {
        arc_record record;
        if (arc_record_read(&record, data, size, at, &joined, "fuzz", &err) == ARC_OK && record.next_offset > size)
            __builtin_trap();
    }
    arc_record_index_free(&index);
    arc_buffer_free(&joined);
    return 0;
}
