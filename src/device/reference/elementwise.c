/* reference: operators that make each element from the elements at its place, and those that only give the same elements another
 * shape. */
#include "device/reference/reference.h"
#include <math.h>
#include <string.h>

/* ---- one operand ----------------------------------------------------------------------------------------------------------- */

typedef double unary(const arc_node *n, double x);

static double relu(const arc_node *n, double x) {
    (void)n;
    return x < 0 ? 0 : x;
}
static double leaky(const arc_node *n, double x) {
    return x < 0 ? x * (double)arc_attr_float(n, "alpha", 0.01f) : x;
}
static double sigmoid(const arc_node *n, double x) {
    (void)n;
    return 1 / (1 + exp(-x));
}
static double hard_sigmoid(const arc_node *n, double x) {
    return fmax(0, fmin(1, (double)arc_attr_float(n, "alpha", 0.2f) * x + (double)arc_attr_float(n, "beta", 0.5f)));
}
static double hard_swish(const arc_node *n, double x) {
    (void)n;
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}
static double elu(const arc_node *n, double x) {
    return x < 0 ? (double)arc_attr_float(n, "alpha", 1) * (exp(x) - 1) : x;
}
static double selu(const arc_node *n, double x) {
    const double alpha = (double)arc_attr_float(n, "alpha", 1.67326319217681884765625f);
    return (double)arc_attr_float(n, "gamma", 1.05070102214813232421875f) * (x > 0 ? x : alpha * (exp(x) - 1));
}
static double softplus(const arc_node *n, double x) {
    (void)n;
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double softsign(const arc_node *n, double x) {
    (void)n;
    return x / (1 + fabs(x));
}
static double thresholded(const arc_node *n, double x) {
    return x > (double)arc_attr_float(n, "alpha", 1) ? x : 0;
}

static double gelu(const arc_node *n, double x) {
    return strcmp(arc_attr_string(n, "approximate", "none"), "tanh") == 0 ? arc_reference_gelu_tanh(x) : arc_reference_gelu(x);
}

#define PLAIN(name, expression)                                                                                                  \
    static double name(const arc_node *n, double x) {                                                                            \
        (void)n;                                                                                                                 \
        return expression;                                                                                                       \
    }
PLAIN(same, x)
PLAIN(hyperbolic, tanh(x))
PLAIN(root, sqrt(x))
PLAIN(exponential, exp(x))
PLAIN(logarithm, log(x))
PLAIN(size, fabs(x))
PLAIN(negative, -x)
PLAIN(lower, floor(x))
PLAIN(upper, ceil(x))
PLAIN(inverse, 1 / x)
PLAIN(nearest_even, nearbyint(x))
PLAIN(sign, (x > 0) - (x < 0))
PLAIN(error_function, erf(x))
PLAIN(sine, sin(x))
PLAIN(cosine, cos(x))

static void each(const arc_reference_call *c, unary *fn) {
    const size_t count = arc_reference_count(c->out[0]);
    for (size_t i = 0; i < count; i++)
        c->out[0]->data[i] = fn(c->node, c->in[0]->data[i]);
}

/* Bounds are attributes before opset 11, inputs from then on. */
static void clip_run(const arc_reference_call *c) {
    const arc_reference_value *lo = c->inputs > 1 ? c->in[1] : NULL, *hi = c->inputs > 2 ? c->in[2] : NULL;
    const double least = lo ? lo->data[0] : (double)arc_attr_float(c->node, "min", -INFINITY);
    const double most = hi ? hi->data[0] : (double)arc_attr_float(c->node, "max", INFINITY);
    for (size_t i = 0; i < arc_reference_count(c->out[0]); i++) {
        const double x = c->in[0]->data[i], above = x < least ? least : x;
        c->out[0]->data[i] = above > most ? most : above;
    }
}

/* ---- two operands, or any number one after the other ----------------------------------------------------------------------- */

typedef double binary(double a, double b);

static double sum_of(double a, double b) {
    return a + b;
}
static double difference(double a, double b) {
    return a - b;
}
static double product(double a, double b) {
    return a * b;
}
static double quotient(double a, double b) {
    return a / b;
}
static double slope(double x, double s) {
    return x < 0 ? x * s : x;
}
static double lesser(double a, double b) {
    return b < a || isnan(b) ? b : a;
}
static double greater(double a, double b) {
    return b > a || isnan(b) ? b : a;
}

static void pairs(const arc_reference_call *c, binary *fn) {
    const arc_reference_value *y = c->out[0];
    for (size_t i = 0; i < arc_reference_count(y); i++) {
        double v = c->in[0]->data[arc_reference_broadcast(&c->in[0]->shape, &y->shape, i)];
        for (int k = 1; k < c->inputs; k++)
            v = fn(v, c->in[k]->data[arc_reference_broadcast(&c->in[k]->shape, &y->shape, i)]);
        y->data[i] = v;
    }
}

static void mean_run(const arc_reference_call *c) {
    pairs(c, sum_of);
    for (size_t i = 0; i < arc_reference_count(c->out[0]); i++)
        c->out[0]->data[i] /= c->inputs;
}

#define EACH(name, fn)                                                                                                           \
    static void name##_run(const arc_reference_call *c) {                                                                        \
        each(c, fn);                                                                                                             \
    }
#define PAIRS(name, fn)                                                                                                          \
    static void name##_run(const arc_reference_call *c) {                                                                        \
        pairs(c, fn);                                                                                                            \
    }
EACH(relu, relu)
EACH(leaky, leaky)
EACH(sigmoid, sigmoid)
EACH(hard_sigmoid, hard_sigmoid)
EACH(hard_swish, hard_swish)
EACH(elu, elu)
EACH(selu, selu)
EACH(softplus, softplus)
EACH(softsign, softsign)
EACH(thresholded, thresholded)
EACH(same, same)
EACH(tanh, hyperbolic)
EACH(sqrt, root)
EACH(exp, exponential)
EACH(log, logarithm)
EACH(abs, size)
EACH(neg, negative)
EACH(floor, lower)
EACH(ceil, upper)
EACH(reciprocal, inverse)
EACH(round, nearest_even)
EACH(sign, sign)
EACH(erf, error_function)
EACH(gelu, gelu)
EACH(sin, sine)
EACH(cos, cosine)
PAIRS(add, sum_of)
PAIRS(sub, difference)
PAIRS(mul, product)
PAIRS(div, quotient)
PAIRS(pow, pow)
PAIRS(prelu, slope)
PAIRS(min, lesser)
PAIRS(max, greater)

const arc_reference_entry arc_reference_elementwise[] = {{"Relu", relu_run},
                                                         {"LeakyRelu", leaky_run},
                                                         {"Sigmoid", sigmoid_run},
                                                         {"HardSigmoid", hard_sigmoid_run},
                                                         {"HardSwish", hard_swish_run},
                                                         {"Elu", elu_run},
                                                         {"Selu", selu_run},
                                                         {"Softplus", softplus_run},
                                                         {"Softsign", softsign_run},
                                                         {"ThresholdedRelu", thresholded_run},
                                                         {"Tanh", tanh_run},
                                                         {"Sqrt", sqrt_run},
                                                         {"Exp", exp_run},
                                                         {"Log", log_run},
                                                         {"Abs", abs_run},
                                                         {"Neg", neg_run},
                                                         {"Floor", floor_run},
                                                         {"Ceil", ceil_run},
                                                         {"Reciprocal", reciprocal_run},
                                                         {"Round", round_run},
                                                         {"Sign", sign_run},
                                                         {"Erf", erf_run},
                                                         {"Gelu", gelu_run},
                                                         {"Sin", sin_run},
                                                         {"Cos", cos_run},
                                                         {"Clip", clip_run},
                                                         {"Add", add_run},
                                                         {"Sub", sub_run},
                                                         {"Mul", mul_run},
                                                         {"Div", div_run},
                                                         {"Pow", pow_run},
                                                         {"PRelu", prelu_run},
                                                         {"Min", min_run},
                                                         {"Max", max_run},
                                                         {"Sum", add_run},
                                                         {"Mean", mean_run},
                                                         {"Identity", same_run},
                                                         {"Dropout", same_run},
                                                         {"Reshape", same_run},
                                                         {"Flatten", same_run},
                                                         {"Squeeze", same_run},
                                                         {"Unsqueeze", same_run},
                                                         {0}};
