/* op: one element of any dtype as int64 or double, for shape arithmetic, casts and rare types: correctness, not speed. */
#include "op/layer.h"
#include <math.h>
#include <string.h>

bool arc_dtype_is_int(arc_dtype t) {
    return t == ARC_U8 || t == ARC_I8 || t == ARC_U16 || t == ARC_I16 || t == ARC_I32 || t == ARC_I64 || t == ARC_U32 ||
           t == ARC_U64 || t == ARC_BOOL;
}

static float bits_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float half_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return bits_float(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0)
        return (sign ? -1.0f : 1.0f) * ldexpf((float)fraction, -24);
    return bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

/* To nearest, ties to even. */
static uint16_t half_of(double v) {
    const uint16_t sign = signbit(v) ? 0x8000 : 0;
    const double a = fabs(v);
    if (isnan(v))
        return sign | 0x7e00;
    if (a >= 65520.0)
        return sign | 0x7c00;
    if (a < 0x1p-14)
        return (uint16_t)(sign | (uint16_t)nearbyint(a * 0x1p24));
    int exponent;
    const double mantissa = frexp(a, &exponent); /* 0.5 <= mantissa < 1 */
    const uint32_t fraction = (uint32_t)nearbyint((mantissa * 2 - 1) * 1024);
    return (uint16_t)(sign | (((uint32_t)(exponent + 14) << 10) + fraction));
}

static uint16_t bfloat_of(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (isnan(v))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static int64_t int_of(double v) {
    if (isnan(v))
        return 0;
    if (v >= 0x1p63)
        return INT64_MAX;
    return v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

int64_t arc_element_int(arc_dtype t, const void *data, int64_t i) {
    switch (t) {
    case ARC_U8:
        return ((const uint8_t *)data)[i];
    case ARC_BOOL:
        return ((const uint8_t *)data)[i] != 0;
    case ARC_I8:
        return ((const int8_t *)data)[i];
    case ARC_U16:
        return ((const uint16_t *)data)[i];
    case ARC_I16:
        return ((const int16_t *)data)[i];
    case ARC_I32:
        return ((const int32_t *)data)[i];
    case ARC_U32:
        return ((const uint32_t *)data)[i];
    case ARC_I64:
        return ((const int64_t *)data)[i];
    case ARC_U64:
        return (int64_t)((const uint64_t *)data)[i];
    default:
        return int_of(arc_element_real(t, data, i));
    }
}

double arc_element_real(arc_dtype t, const void *data, int64_t i) {
    switch (t) {
    case ARC_F32:
        return ((const float *)data)[i];
    case ARC_F64:
        return ((const double *)data)[i];
    case ARC_F16:
        return half_float(((const uint16_t *)data)[i]);
    case ARC_BF16:
        return bits_float((uint32_t)((const uint16_t *)data)[i] << 16);
    case ARC_U64:
        return (double)((const uint64_t *)data)[i];
    case ARC_NO_DTYPE:
        return 0;
    default:
        return (double)arc_element_int(t, data, i);
    }
}

void arc_element_set_int(arc_dtype t, void *data, int64_t i, int64_t v) {
    switch (t) {
    case ARC_U8:
    case ARC_I8:
        ((uint8_t *)data)[i] = (uint8_t)v;
        break;
    case ARC_BOOL:
        ((uint8_t *)data)[i] = v != 0;
        break;
    case ARC_U16:
    case ARC_I16:
        ((uint16_t *)data)[i] = (uint16_t)v;
        break;
    case ARC_I32:
    case ARC_U32:
        ((uint32_t *)data)[i] = (uint32_t)v;
        break;
    case ARC_I64:
    case ARC_U64:
        ((int64_t *)data)[i] = v;
        break;
    case ARC_F32:
        ((float *)data)[i] = (float)v;
        break;
    default:
        arc_element_set_real(t, data, i, (double)v);
    }
}

void arc_element_set_real(arc_dtype t, void *data, int64_t i, double v) {
    switch (t) {
    case ARC_F32:
        ((float *)data)[i] = (float)v;
        break;
    case ARC_F64:
        ((double *)data)[i] = v;
        break;
    case ARC_F16:
        ((uint16_t *)data)[i] = half_of(v);
        break;
    case ARC_BF16:
        ((uint16_t *)data)[i] = bfloat_of((float)v);
        break;
    case ARC_BOOL:
        ((uint8_t *)data)[i] = v != 0;
        break;
    case ARC_U64:
        ((uint64_t *)data)[i] = v >= 0x1p63 ? v >= 0x1p64 ? UINT64_MAX : (uint64_t)v : (uint64_t)int_of(v);
        break;
    case ARC_NO_DTYPE:
        break;
    default:
        arc_element_set_int(t, data, i, int_of(v));
    }
}
