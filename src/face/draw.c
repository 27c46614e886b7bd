/* The pictures that people look at: faces on a photo, and two photos side by side with their score. */
#include "base/base.h"
#include "image/image.h"
#include <arcface/face.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define GREEN 0x35d07fu
#define RED 0xff5a5fu
#define YELLOW 0xffd23fu
#define WHITE 0xffffffu

static void draw_face(arc_image *image, const arc_face *f, float scale, float dx, float dy, int thickness, uint32_t rgb) {
    arc_draw_box(image, f->x1_px * scale + dx, f->y1_px * scale + dy, f->x2_px * scale + dx, f->y2_px * scale + dy, thickness,
                 rgb);
    float radius = fmaxf(1.5f, (f->x2_px - f->x1_px) * scale / 40);
    for (int k = 0; k < 5; k++)
        arc_draw_dot(image, f->landmark_px[k][0] * scale + dx, f->landmark_px[k][1] * scale + dy, radius, YELLOW);
}

/* Above the box, below it where there is no room, and not beyond the photo's right side. */
static arc_status draw_label(arc_context *ctx, arc_image *image, const arc_face *f, const char *label, arc_error *err) {
    const int side = ARC_MIN(image->width_px, image->height_px);
    const float most = fmaxf(28, (float)side / 30), height = fminf(most, fmaxf(12, (f->x2_px - f->x1_px) / 6));
    const float y = f->y1_px - height * 1.3f,
                beyond = f->x1_px + (float)arc_draw_text_width(label, height) - (float)image->width_px;
    return arc_draw_text(ctx, image, fmaxf(0, f->x1_px - fmaxf(0, beyond)), y > 0 ? y : f->y2_px + 2, height, label, WHITE, err);
}

arc_status arc_draw_labelled_faces(arc_context *ctx, const arc_image *photo, const arc_labelled_face *faces, int count,
                                   arc_image *out, arc_error *err) {
    arc_status st = arc_image_new(ctx, photo->width_px, photo->height_px, out, err);
    const int side = ARC_MIN(photo->width_px, photo->height_px), thickness = side / 300 + 1;
    if (st == ARC_OK)
        arc_draw_image(out, 0, 0, photo->width_px, photo->height_px, photo);
    for (int i = 0; st == ARC_OK && i < count; i++)
        draw_face(out, faces[i].face, 1, 0, 0, thickness, faces[i].rgb);
    for (int i = 0; st == ARC_OK && i < count; i++) /* over all boxes */
        if (faces[i].label && *faces[i].label)
            st = draw_label(ctx, out, faces[i].face, faces[i].label, err);
    if (st != ARC_OK)
        arc_image_free(ctx, out);
    return st;
}

arc_status arc_draw_faces(arc_context *ctx, const arc_image *photo, const arc_face *faces, int count, arc_image *out,
                          arc_error *err) {
    typedef char score[16];
    score *text = arc_mem_new(&ctx->alloc, (size_t)count, sizeof *text);
    arc_labelled_face *labelled = arc_mem_new(&ctx->alloc, (size_t)count, sizeof *labelled);
    arc_status st = text && labelled ? ARC_OK : arc_fail_nomem(err, "labels of faces");
    *out = (arc_image){0};
    for (int i = 0; st == ARC_OK && i < count; i++) {
        snprintf(text[i], sizeof text[i], "%.2f", (double)faces[i].score);
        labelled[i] = (arc_labelled_face){&faces[i], text[i], GREEN};
    }
    if (st == ARC_OK)
        st = arc_draw_labelled_faces(ctx, photo, labelled, count, out, err);
    arc_mem_free(&ctx->alloc, labelled);
    arc_mem_free(&ctx->alloc, text);
    return st;
}

enum { GAP = 16, BAND = 144, HEIGHT = 440, MAX_WIDTH = 640 };

/* Size of a photo in the pair picture: HEIGHT high unless that is too wide. */
static float side_scale(const arc_image *photo) {
    return fminf((float)HEIGHT / (float)photo->height_px, (float)MAX_WIDTH / (float)photo->width_px);
}

arc_status arc_draw_pair(arc_context *ctx, const arc_pair_side side[2], const char *title, const char *text, bool yes,
                         arc_image *out, arc_error *err) {
    int width[2], total = GAP;
    for (int k = 0; k < 2; k++) {
        width[k] = (int)lrintf((float)side[k].photo->width_px * side_scale(side[k].photo));
        total += width[k] + GAP;
    }
    total = total < 560 ? 560 : total;
    arc_status st = arc_image_new(ctx, total, HEIGHT + 2 * GAP + BAND, out, err);
    if (st != ARC_OK)
        return st;
    for (int y = 0; y < out->height_px; y++)
        memset(out->data + y * out->stride_bytes, 34, 3 * (size_t)out->width_px);
    int x = GAP, text_x = GAP, crop_y = HEIGHT + 2 * GAP + (BAND - GAP - 112) / 2;
    for (int k = 0; k < 2; k++) {
        float s = side_scale(side[k].photo);
        int high = (int)lrintf((float)side[k].photo->height_px * s), top = GAP + (HEIGHT - high) / 2;
        arc_draw_image(out, x, top, width[k], high, side[k].photo);
        draw_face(out, side[k].face, s, (float)x, (float)top, 2, yes ? GREEN : RED);
        x += width[k] + GAP;
        if (side[k].crop && side[k].crop->data) {
            arc_draw_image(out, text_x, crop_y, 112 * side[k].crop->width_px / side[k].crop->height_px, 112, side[k].crop);
            text_x += 112 + GAP;
        }
    }
    st = arc_draw_text(ctx, out, (float)text_x, (float)crop_y + 18, 30, title, yes ? GREEN : RED, err);
    if (st == ARC_OK)
        st = arc_draw_text(ctx, out, (float)text_x, (float)crop_y + 66, 20, text, WHITE, err);
    if (st != ARC_OK)
        arc_image_free(ctx, out);
    return st;
}
