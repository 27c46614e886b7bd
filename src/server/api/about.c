/* server/api: what is served: the gallery and the models. */
#include "gallery/binding.h"
#include "server/api/api.h"
#include <string.h>

static const char *const fusions[] = {[ARC_FUSE_MAX] = "max", [ARC_FUSE_MEAN] = "mean", [ARC_FUSE_QUALITY] = "quality"};

/* binding NULL: without it. */
static void put_gallery(arc_text *t, const arc_gallery_facts *f, const arc_buffer *binding) {
    arc_text_add(t, "{\"name\": ");
    arc_text_quote(t, f->name);
    arc_text_add(t, ", \"store\": \"%s\", \"identities\": %lld, \"templates\": %lld, \"crops\": %lld, \"negatives\": %lld",
                 f->store, (long long)f->identities, (long long)f->templates, (long long)f->crops, (long long)f->negatives);
    arc_text_add(t, ", \"revision\": %lld, \"dim\": %d, \"model_sha256\": \"%s\"", (long long)f->revision, f->dim,
                 f->model_sha256);
    arc_text_add(t, ", \"fusion\": \"%s\", \"sealed\": %s, \"protected\": %s, \"calibrated\": %s", fusions[f->fusion],
                 arc_text_bool(f->sealed), arc_text_bool(f->is_protected), arc_text_bool(f->calibrated));
    arc_api_put_real(t, "threshold", f->threshold);
    arc_text_add(t, ", \"store_bytes\": %lld, \"index_bytes\": %lld, \"memory_bytes\": %lld", (long long)f->store_bytes,
                 (long long)f->index_bytes, (long long)f->memory_bytes);
    if (binding && f->dim > 0)
        arc_text_add(t, ", \"binding\": %.*s", (int)binding->bytes, (const char *)binding->data);
    arc_text_add(t, "}");
}

void arc_api_galleries(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_gallery_facts facts;
    arc_buffer binding;
    arc_error err = {0};
    bool wanted = false;
    arc_status st = arc_http_query_bool(request, "binding", &wanted, &err);
    if (st != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "%s", err.text);
        return;
    }
    arc_buffer_init(&binding, &server->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_text_add(&response->text, "{\"galleries\": [");
    if (server->gallery)
        st = arc_gallery_facts_of(server->gallery, &facts, &err);
    if (server->gallery && wanted && st == ARC_OK)
        st = arc_gallery_tell_binding(server->gallery, &binding, &err);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else if (server->gallery)
        put_gallery(&response->text, &facts, wanted ? &binding : NULL);
    arc_text_add(&response->text, "]}\n");
    arc_buffer_free(&binding);
}

/* The last part of a path: where it lies on the server is nobody's business. */
static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static arc_status put_model(const struct arc_server *server, arc_text *t, const char *task, const char *name,
                            const arc_model *model, arc_error *err) {
    arc_model_facts f;
    const arc_contract *c = arc_model_contract(model);
    const arc_status st = arc_model_facts_get(server->ctx, model, &f, err);
    if (st != ARC_OK)
        return st;
    arc_text_add(t, "{\"task\": \"%s\", \"name\": ", task);
    arc_text_quote(t, base_name(name));
    arc_text_add(t, ", \"sha256\": \"%s\", \"parameters\": %lld, \"macs\": %lld, \"int8\": %s", f.sha256, (long long)f.parameters,
                 (long long)f.macs, arc_text_bool(f.int8));
    if (c->dim > 0)
        arc_text_add(t, ", \"dim\": %d", c->dim);
    arc_api_put_real(t, "threshold", (double)c->threshold);
    arc_text_add(t, "}");
    return ARC_OK;
}

void arc_api_models(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_error err = {0};
    arc_text *t = &response->text;
    arc_engine *engine = arc_work_hold(server->work);
    (void)request;
    arc_text_add(t, "{\"models\": [");
    arc_status st = put_model(server, t, "detect", server->opt.detector, arc_engine_detector(engine), &err);
    arc_text_add(t, ",\n  ");
    if (st == ARC_OK)
        st = put_model(server, t, "embed", server->opt.model, arc_engine_model(engine), &err);
    arc_text_add(t, "]}\n");
    arc_work_release(server->work, engine);
    if (st != ARC_OK)
        arc_http_fail_status(response, st, &err);
}
