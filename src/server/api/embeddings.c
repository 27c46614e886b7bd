/* server/api: embeddings that come in JSON. */
#include "server/api/api.h"
#include <math.h>

bool arc_api_embedding(arc_http_response *response, const json_t *row, size_t index, int dim, float *out) {
    double sum = 0;
    if (!json_is_array(row) || json_array_size(row) != (size_t)dim) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "embedding %zu is not an array of %d numbers", index, dim);
        return false;
    }
    for (int k = 0; k < dim; k++) {
        const json_t *x = json_array_get(row, (size_t)k);
        out[k] = json_is_number(x) ? (float)json_number_value(x) : NAN;
        sum += (double)out[k] * (double)out[k];
    }
    if (!(sum > 0) || !isfinite(sum)) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "embedding %zu has something that is no number, or is zero",
                      index);
        return false;
    }
    return true;
}
