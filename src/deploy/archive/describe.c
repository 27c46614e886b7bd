/* What is in a container, and what is wrong with it, as text and as JSON. */
#include "base/text.h"
#include "deploy/archive/archive.h"
#include <string.h>

static const char *kind_of(const arc_archive *a) {
    return a->container == ARC_CONTAINER_ARCHIVE ? "NN Archive" : a->container == ARC_CONTAINER_BLOB ? "blob" : "superblob";
}

static const char *platform_of(const arc_archive *a) {
    const char *dot = a->executable_name ? strrchr(a->executable_name, '.') : NULL;
    if (a->has_blob || a->has_superblob)
        return "RVC2";
    return dot && strcmp(dot, ".dlc") == 0 ? "RVC4" : "none: a source that has to be converted";
}

static void put_dims(arc_text *t, const json_t *shape) {
    arc_text_add(t, "[");
    for (size_t i = 0; i < json_array_size(shape); i++)
        arc_text_add(t, "%s%lld", i ? "," : "", (long long)json_integer_value(json_array_get(shape, i)));
    arc_text_add(t, "]");
}

static const char *or_none(const char *text) {
    return text ? text : "(none)";
}

static void put_numbers(arc_text *t, const char *name, const json_t *list) {
    if (json_array_size(list) == 0)
        return;
    arc_text_add(t, ", %s", name);
    for (size_t i = 0; i < json_array_size(list); i++)
        arc_text_add(t, "%s%g", i ? "/" : " ", json_number_value(json_array_get(list, i)));
}

static void put_config(arc_text *t, const arc_archive *a) {
    const json_t *metadata = json_object_get(json_object_get(a->json, "model"), "metadata");
    const json_t *inputs = arc_archive_list(a, "inputs"), *outputs = arc_archive_list(a, "outputs"),
                 *heads = arc_archive_list(a, "heads");
    if (!a->json)
        return;
    arc_text_add(t, "model     %s, %s, weights %s\n", or_none(arc_archive_text(metadata, "name")), or_none(a->executable_name),
                 arc_archive_text(metadata, "precision") ? arc_archive_text(metadata, "precision") : "float32");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *in = json_array_get(inputs, i), *p = json_object_get(in, "preprocessing");
        arc_text_add(t, "input     %s ", or_none(arc_archive_text(in, "name")));
        put_dims(t, json_object_get(in, "shape"));
        arc_text_add(t, " %s %s, %s, frames %s", or_none(arc_archive_text(in, "layout")), or_none(arc_archive_text(in, "dtype")),
                     or_none(arc_archive_text(in, "input_type")), or_none(arc_archive_text(p, "dai_type")));
        put_numbers(t, "mean", json_object_get(p, "mean"));
        put_numbers(t, "scale", json_object_get(p, "scale"));
        arc_text_add(t, "\n");
    }
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *out = json_array_get(outputs, i);
        arc_text_add(t, "output    %s ", or_none(arc_archive_text(out, "name")));
        put_dims(t, json_object_get(out, "shape"));
        const char *layout = arc_archive_text(out, "layout");
        arc_text_add(t, "%s%s %s\n", layout ? " " : "", layout ? layout : "", or_none(arc_archive_text(out, "dtype")));
    }
    for (size_t i = 0; i < json_array_size(heads); i++) {
        const json_t *head = json_array_get(heads, i), *names = json_object_get(head, "outputs");
        arc_text_add(t, "head      %s of", or_none(arc_archive_text(head, "parser")));
        for (size_t k = 0; k < json_array_size(names); k++)
            arc_text_add(t, "%s %s", k ? "," : "", or_none(json_string_value(json_array_get(names, k))));
        arc_text_add(t, json_array_size(names) ? "\n" : " every output\n");
    }
}

static void put_tensors(arc_text *t, const char *word, const arc_blob_tensor *tensor, int count) {
    for (int i = 0; i < count; i++) {
        arc_text_add(t, "%-9s %s [", word, tensor[i].name);
        for (int k = 0; k < tensor[i].rank; k++)
            arc_text_add(t, "%s%lld", k ? "," : "", (long long)tensor[i].dim[k]);
        arc_text_add(t, "] %s, order %x\n", tensor[i].dtype, tensor[i].order);
    }
}

static void put_blob(arc_text *t, const arc_archive *a) {
    const arc_blob *b = &a->blob.base;
    if (!a->has_blob && !a->has_superblob)
        return;
    arc_text_add(t, "blob      version %u.%u, %u shaves, %u CMX slices, %u stages\n", b->version[0], b->version[1], b->shaves,
                 b->slices, b->stages);
    if (a->has_superblob) {
        arc_text_add(t, "shaves   ");
        for (int i = 0; i < ARC_SUPERBLOB_SHAVES; i++)
            if (a->blob.patch_bytes[i] || b->shaves == (uint32_t)i + 1)
                arc_text_add(t, " %d", i + 1);
        arc_text_add(t, "\n");
    }
    put_tensors(t, "in", b->input, b->inputs);
    put_tensors(t, "out", b->output, b->outputs);
}

static void put_text(arc_text *t, const arc_archive *a) {
    arc_text_add(t, "%s: %s, %llu bytes", a->path, kind_of(a), (unsigned long long)a->map.bytes);
    if (a->container == ARC_CONTAINER_ARCHIVE)
        arc_text_add(t, ", compression %s", a->compression);
    arc_text_add(t, "\nplatform  %s\n", platform_of(a));
    for (int i = 0; i < a->members; i++)
        arc_text_add(t, "member    %s, %lld bytes%s\n", a->member[i].name, (long long)a->member[i].bytes,
                     a->member[i].file ? "" : ", no regular file");
    put_config(t, a);
    put_blob(t, a);
}

static void put_json_tensors(arc_text *t, const char *name, const arc_blob_tensor *tensor, int count) {
    arc_text_add(t, ", \"%s\": [", name);
    for (int i = 0; i < count; i++) {
        arc_text_add(t, "%s{\"name\": ", i ? ", " : "");
        arc_text_quote(t, tensor[i].name);
        arc_text_add(t, ", \"dtype\": \"%s\", \"order\": \"%x\", \"shape\": [", tensor[i].dtype, tensor[i].order);
        for (int k = 0; k < tensor[i].rank; k++)
            arc_text_add(t, "%s%lld", k ? ", " : "", (long long)tensor[i].dim[k]);
        arc_text_add(t, "]}");
    }
    arc_text_add(t, "]");
}

static void put_json_blob(arc_text *t, const arc_archive *a) {
    const arc_blob *b = &a->blob.base;
    arc_text_add(t, ", \"blob\": {\"version\": [%u, %u], \"shaves\": %u, \"cmx_slices\": %u, \"stages\": %u", b->version[0],
                 b->version[1], b->shaves, b->slices, b->stages);
    if (a->has_superblob) {
        arc_text_add(t, ", \"patch_bytes\": [");
        for (int i = 0; i < ARC_SUPERBLOB_SHAVES; i++)
            arc_text_add(t, "%s%llu", i ? ", " : "", (unsigned long long)a->blob.patch_bytes[i]);
        arc_text_add(t, "]");
    }
    put_json_tensors(t, "inputs", b->input, b->inputs);
    put_json_tensors(t, "outputs", b->output, b->outputs);
    arc_text_add(t, "}");
}

static int put_dump(const char *text, size_t bytes, void *t) {
    arc_text_add(t, "%.*s", (int)bytes, text);
    return 0;
}

static void put_json_head(arc_text *t, const arc_archive *a) {
    arc_text_add(t, "{\"file\": ");
    arc_text_quote(t, a->path);
    arc_text_add(t, ", \"kind\": \"%s\", \"bytes\": %llu, \"platform\": ", kind_of(a), (unsigned long long)a->map.bytes);
    arc_text_quote(t, platform_of(a));
    if (a->container == ARC_CONTAINER_ARCHIVE) {
        arc_text_add(t, ", \"compression\": \"%s\", \"members\": [", a->compression);
        for (int i = 0; i < a->members; i++) {
            arc_text_add(t, "%s{\"name\": ", i ? ", " : "");
            arc_text_quote(t, a->member[i].name);
            arc_text_add(t, ", \"bytes\": %lld, \"regular_file\": %s}", (long long)a->member[i].bytes,
                         arc_text_bool(a->member[i].file));
        }
        arc_text_add(t, "]");
    }
    if (a->json) {
        arc_text_add(t, ", \"config\": ");
        if (json_dump_callback(a->json, put_dump, t, JSON_COMPACT) != 0 && t->st == ARC_OK)
            t->st = ARC_ENOMEM;
    }
    if (a->has_blob || a->has_superblob)
        put_json_blob(t, a);
}

arc_status arc_archive_info(arc_context *ctx, const char *path, bool json, char **text, arc_error *err) {
    arc_archive a;
    arc_text t;
    arc_status st;
    *text = NULL;
    if ((st = arc_archive_open(&a, &ctx->alloc, path, err)) != ARC_OK)
        return st;
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        put_json_head(&t, &a);
        arc_text_add(&t, "}\n");
    } else {
        put_text(&t, &a);
        arc_text_without_controls(&t);
    }
    st = arc_text_end(&t, text, err);
    arc_archive_close(&a);
    return st;
}

arc_status arc_archive_verify(arc_context *ctx, const char *path, bool json, arc_archive_counts *counts, char **text,
                              arc_error *err) {
    arc_archive a;
    arc_text t;
    arc_status st;
    *text = NULL;
    *counts = (arc_archive_counts){0};
    if ((st = arc_archive_open(&a, &ctx->alloc, path, err)) != ARC_OK)
        return st;
    arc_archive_check(&a);
    arc_findings_count(&a.found, counts);
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        put_json_head(&t, &a);
        arc_findings_put_json(&t, &a.found);
        arc_text_add(&t, "}\n");
    } else {
        arc_findings_put(&t, &a.found, a.path);
        arc_text_without_controls(&t);
    }
    st = arc_text_end(&t, text, err);
    arc_archive_close(&a);
    return st;
}
