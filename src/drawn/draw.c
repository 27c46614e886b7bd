/* drawn: draws one face, by calling the parts from back to front. people.c makes the numbers, canvas.c fills the shapes. */
#include "drawn/drawn_internal.h"

void arc_drawn_draw(const arc_drawn_identity *who, const arc_drawn_view *view, const arc_drawn_place *place, void *work,
                    uint8_t *rgb, float landmark_px[5][2]) {
    arc_drawn_canvas canvas;
    arc_drawn_head h = {.who = who, .view = view, .canvas = &canvas};
    arc_drawn_canvas_init(&canvas, place->size_px, work);
    arc_drawn_turn(view->yaw, &h.sine[0], &h.cosine[0]);
    arc_drawn_turn(view->pitch, &h.sine[1], &h.cosine[1]);
    arc_drawn_head_place(&h, place);
    for (int k = 0; k < 5; k++) {
        float at[3];
        arc_drawn_head_landmark(&h, k, at);
        const arc_drawn_point p = arc_drawn_head_at(&h, at[0], at[1], at[2]);
        landmark_px[k][0] = p.x - 0.5f; /* integers are pixel centres */
        landmark_px[k][1] = p.y - 0.5f;
    }
    arc_drawn_back(&h);
    arc_drawn_hair_behind(&h);
    arc_drawn_skin(&h);
    arc_drawn_marks(&h);
    arc_drawn_nose(&h);
    arc_drawn_beard(&h);
    arc_drawn_mouth(&h);
    arc_drawn_eyes(&h);
    arc_drawn_brows(&h);
    arc_drawn_hair_front(&h);
    arc_drawn_glasses(&h);
    arc_drawn_finish(&h, rgb);
}
