/* The pictures that people look at: faces on a photo, and two photos side by side with their score. */
#include "ui/cli.h"
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

int cli_draw_faces(cli *c, const arc_image *photo, const arc_face *faces, int count, const char *path) {
    arc_error err = {0};
    arc_image copy = {0};
    arc_status st = arc_image_new(c->ctx, photo->width_px, photo->height_px, &copy, &err);
    int side = photo->width_px < photo->height_px ? photo->width_px : photo->height_px, thickness = side / 300 + 1;
    if (st == ARC_OK)
        arc_draw_image(&copy, 0, 0, photo->width_px, photo->height_px, photo);
    for (int i = 0; st == ARC_OK && i < count; i++) {
        char score[16];
        float height = fminf(28, fmaxf(12, (faces[i].x2_px - faces[i].x1_px) / 6)), y = faces[i].y1_px - height * 1.3f;
        snprintf(score, sizeof score, "%.2f", (double)faces[i].score);
        draw_face(&copy, &faces[i], 1, 0, 0, thickness, GREEN);
        st = arc_draw_text(c->ctx, &copy, faces[i].x1_px, y > 0 ? y : faces[i].y2_px + 2, height, score, WHITE, &err);
    }
    if (st == ARC_OK)
        st = arc_image_save(c->ctx, &copy, path, &err);
    arc_image_free(c->ctx, &copy);
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}

enum { GAP = 16, BAND = 144, HEIGHT = 440, MAX_WIDTH = 640 };

/* Size of a photo in the pair picture: HEIGHT high unless that is too wide. */
static float side_scale(const arc_image *photo) {
    return fminf((float)HEIGHT / (float)photo->height_px, (float)MAX_WIDTH / (float)photo->width_px);
}

int cli_draw_pair(cli *c, const cli_side side[2], const char *title, const char *text, bool yes, const char *path) {
    arc_error err = {0};
    arc_image canvas = {0};
    int width[2], total = GAP;
    for (int k = 0; k < 2; k++) {
        width[k] = (int)lrintf((float)side[k].photo->width_px * side_scale(side[k].photo));
        total += width[k] + GAP;
    }
    total = total < 560 ? 560 : total;
    arc_status st = arc_image_new(c->ctx, total, HEIGHT + 2 * GAP + BAND, &canvas, &err);
    if (st != ARC_OK)
        return cli_fail(&err);
    for (int y = 0; y < canvas.height_px; y++)
        memset(canvas.data + y * canvas.stride_bytes, 34, 3 * (size_t)canvas.width_px);
    int x = GAP, text_x = GAP, crop_y = HEIGHT + 2 * GAP + (BAND - GAP - 112) / 2;
    for (int k = 0; k < 2; k++) {
        float s = side_scale(side[k].photo);
        int high = (int)lrintf((float)side[k].photo->height_px * s), top = GAP + (HEIGHT - high) / 2;
        arc_draw_image(&canvas, x, top, width[k], high, side[k].photo);
        draw_face(&canvas, side[k].face, s, (float)x, (float)top, 2, yes ? GREEN : RED);
        x += width[k] + GAP;
        if (side[k].crop && side[k].crop->data) {
            arc_draw_image(&canvas, text_x, crop_y, 112 * side[k].crop->width_px / side[k].crop->height_px, 112, side[k].crop);
            text_x += 112 + GAP;
        }
    }
    st = arc_draw_text(c->ctx, &canvas, (float)text_x, (float)crop_y + 18, 30, title, yes ? GREEN : RED, &err);
    if (st == ARC_OK)
        st = arc_draw_text(c->ctx, &canvas, (float)text_x, (float)crop_y + 66, 20, text, WHITE, &err);
    if (st == ARC_OK)
        st = arc_image_save(c->ctx, &canvas, path, &err);
    arc_image_free(c->ctx, &canvas);
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}
