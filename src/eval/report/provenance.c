/* eval: the provenance of a result: the model's bytes and contract, the set, the engine. */
#include "eval/eval_internal.h"
#include "model/model.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static arc_status hash_file(const char *path, char hex[65], arc_error *err) {
    arc_map map;
    uint8_t digest[32];
    arc_status st = arc_map_open(&map, path, (size_t)8 << 30, err);
    if (st != ARC_OK)
        return st;
    crypto_hash_sha256(digest, map.data, map.bytes);
    sodium_bin2hex(hex, 65, digest, sizeof digest);
    arc_map_close(&map);
    return ARC_OK;
}

static const char *contract_text(arc_arena *a, const arc_contract *c) {
    return arc_arena_printf(a, "%s, mean %.6g %.6g %.6g, scale %.6g %.6g %.6g, template %s, %d numbers", c->bgr ? "BGR" : "RGB",
                            (double)c->mean[0], (double)c->mean[1], (double)c->mean[2], (double)c->scale[0], (double)c->scale[1],
                            (double)c->scale[2], arc_template_name(c->align), c->dim);
}

arc_status arc_evaluation_provenance(arc_context *ctx, arc_evaluation *e, const arc_model *model, const char *set,
                                     const uint8_t set_digest[32], const arc_evaluate_options *opt, arc_error *err) {
    arc_arena *a = arc_evaluation_arena(e);
    arc_provenance *p = &e->provenance;
    char hex[65] = "";
    if (model->path) {
        arc_status st = hash_file(model->path, hex, err);
        if (st != ARC_OK)
            return st;
    }
    p->model = arc_arena_strdup(a, model->path ? model->path : "(not stored)");
    p->model_sha256 = arc_arena_strdup(a, hex);
    p->contract = contract_text(a, arc_model_contract(model));
    sodium_bin2hex(hex, sizeof hex, set_digest, 32);
    p->set = arc_arena_strdup(a, set);
    p->set_sha256 = arc_arena_strdup(a, hex);
    p->engine = arc_version();
    p->isa = arc_context_isa(ctx);
    p->precision = arc_precision_name(arc_context_precision(ctx));
    p->seed = opt->seed;
    return p->model && p->model_sha256 && p->contract && p->set && p->set_sha256 ? ARC_OK : arc_fail_nomem(err, "the provenance");
}
