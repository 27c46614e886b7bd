/* Any bytes as a list: the first byte chooses which. */
#include "format/format.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_pair_list list;
    arc_ytf_boxes boxes;
    arc_ijb_faces faces;
    arc_number_rows rows;
    arc_error err;
    if (size == 0)
        return 0;
    const int kind = data[0] % 7;
    data++;
    size--;
    if (kind == 0 && arc_pair_list_parse(&list, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        arc_pair_list_close(&list);
    else if (kind == 1 && arc_ytf_splits_parse(&list, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        arc_pair_list_close(&list);
    else if (kind == 2 && arc_ytf_boxes_parse(&boxes, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        arc_ytf_boxes_close(&boxes);
    else if (kind == 3 && arc_ijb_faces_parse(&faces, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        arc_ijb_faces_close(&faces);
    else if (kind >= 4 &&
             arc_ijb_numbers_parse(&rows, &fuzz_alloc, (arc_ijb_list)(kind - 4), data, size, "fuzz", NULL, &err) == ARC_OK)
        arc_mem_free(&fuzz_alloc, rows.value);
    return 0;
}
