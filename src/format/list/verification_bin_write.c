/* Writing verification sets: the opcodes that Python's pickler gives for a pair of lists, in protocol 3, which Python 2 users
 * can't read and every reader of today can. */
#include "format/format.h"
#include <string.h>

#define BATCH 1000 /* items that the pickler appends at once */

struct arc_bin_writer {
    const arc_alloc *alloc;
    arc_writer *file;
    size_t pairs, images;
    uint32_t memo; /* the next number */
};

static arc_status put_op(arc_bin_writer *w, const char *op, size_t bytes, arc_error *err) {
    return arc_writer_put(w->file, op, bytes, err);
}

/* An opcode with a number of one byte, or another with one of four. */
static arc_status put_number(arc_bin_writer *w, char small, char large, uint32_t value, arc_error *err) {
    const char op[5] = {value < 256 ? small : large, (char)(value & 0xff), (char)(value >> 8 & 0xff), (char)(value >> 16 & 0xff),
                        (char)(value >> 24)};
    return put_op(w, op, value < 256 ? 2 : 5, err);
}

static arc_status remember(arc_bin_writer *w, arc_error *err) {
    return put_number(w, 'q', 'r', w->memo++, err);
}

static arc_status begin_list(arc_bin_writer *w, arc_error *err) {
    const arc_status st = put_op(w, "]", 1, err);
    return st == ARC_OK ? remember(w, err) : st;
}

/* Before and after item `i` of `count`. */
static arc_status before_item(arc_bin_writer *w, size_t i, size_t count, arc_error *err) {
    return count > 1 && i % BATCH == 0 ? put_op(w, "(", 1, err) : ARC_OK;
}

static arc_status after_item(arc_bin_writer *w, size_t i, size_t count, arc_error *err) {
    if (count == 1)
        return put_op(w, "a", 1, err);
    return i % BATCH == BATCH - 1 || i == count - 1 ? put_op(w, "e", 1, err) : ARC_OK;
}

arc_status arc_bin_writer_open(arc_bin_writer **out, const arc_alloc *a, const char *path, size_t pairs, arc_error *err) {
    arc_status st;
    *out = NULL;
    if (pairs < 1 || pairs > UINT32_MAX / 4)
        return arc_fail(err, ARC_EINVAL, "%s: a verification set of %zu pairs cannot be written", path, pairs);
    arc_bin_writer *w = arc_mem_new(a, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, path);
    w->alloc = a;
    w->pairs = pairs;
    ARC_TRY(arc_writer_open(&w->file, a, path, err));
    ARC_TRY(put_op(w, "\x80\x03", 2, err));
    ARC_TRY(begin_list(w, err));
    *out = w;
done:
    if (st != ARC_OK)
        arc_bin_writer_abort(&w);
    return st;
}

arc_status arc_bin_writer_put(arc_bin_writer *w, const void *image, size_t bytes, arc_error *err) {
    arc_status st;
    if (w->images == 2 * w->pairs || bytes > UINT32_MAX)
        return arc_fail(err, ARC_EINVAL, "a verification set of %zu pairs takes %zu images of less than 4 GB", w->pairs,
                        2 * w->pairs);
    ARC_TRY(before_item(w, w->images, 2 * w->pairs, err));
    ARC_TRY(put_number(w, 'C', 'B', (uint32_t)bytes, err));
    ARC_TRY(arc_writer_put(w->file, image, bytes, err));
    ARC_TRY(remember(w, err));
    ARC_TRY(after_item(w, w->images, 2 * w->pairs, err));
    w->images++;
done:
    return st;
}

static arc_status put_labels(arc_bin_writer *w, const uint8_t *same, arc_error *err) {
    arc_status st;
    if (w->images != 2 * w->pairs)
        return arc_fail(err, ARC_EINVAL, "a verification set of %zu pairs has %zu images", w->pairs, w->images);
    ARC_TRY(begin_list(w, err));
    for (size_t i = 0; i < w->pairs; i++) {
        ARC_TRY(before_item(w, i, w->pairs, err));
        ARC_TRY(put_op(w, same[i] ? "\x88" : "\x89", 1, err));
        ARC_TRY(after_item(w, i, w->pairs, err));
    }
    ARC_TRY(put_op(w, "\x86", 1, err));
    ARC_TRY(remember(w, err));
    ARC_TRY(put_op(w, ".", 1, err));
done:
    return st;
}

arc_status arc_bin_writer_commit(arc_bin_writer **writer, const uint8_t *same, arc_error *err) {
    arc_bin_writer *w = *writer;
    arc_status st = put_labels(w, same, err);
    if (st == ARC_OK)
        st = arc_writer_commit(&w->file, err);
    arc_bin_writer_abort(writer);
    return st;
}

void arc_bin_writer_abort(arc_bin_writer **writer) {
    if (!writer || !*writer)
        return;
    arc_bin_writer *w = *writer;
    *writer = NULL;
    arc_writer_abort(&w->file);
    arc_mem_free(w->alloc, w);
}
