/* op: the requantization behind an 8-bit layer, read from the attributes that pass/int8_write.c wrote. */
#include "op/fused.h"
#include "op/int8/int8.h"

void arc_requantize_read(const arc_node *n, arc_requantize *r) {
    arc_epilogue act = {0};
    *r = (arc_requantize){.mid_lo = arc_attr_float(n, "arc.mid_lo", 0),
                          .mid_hi = arc_attr_float(n, "arc.mid_hi", 0),
                          .mid_scale = arc_attr_float(n, "arc.mid_scale", 0),
                          .quantize_scale = arc_attr_float(n, "arc.quantize_scale", 0),
                          .quantize_zero = (int32_t)arc_attr_int(n, "arc.quantize_zero", 0),
                          .act_last = arc_attr_int(n, "arc.act_last", 0) != 0};
    (void)arc_fused_act(n, &act); /* made by a pass: the name is known */
    r->act = act.act;
    r->alpha = act.alpha;
    r->lo = act.lo;
    r->hi = act.hi;
}
