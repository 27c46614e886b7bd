/* gallery: templates that are rotated by a key of the user (arcface/protect.h). The binding has a hash of the key, so that a
 * wrong one is noticed before a single probe is compared with templates that it cannot match. */
#include "gallery/gallery_internal.h"
#include <sodium.h>
#include <string.h>

void arc_gallery_protection_check(const uint8_t *key, char check[ARC_BINDING_CHECK_BYTES]) {
    static const uint8_t purpose[] = "arcface gallery: the right key of protection";
    uint8_t hash[(ARC_BINDING_CHECK_BYTES - 1) / 2];
    check[0] = 0;
    if (!key)
        return;
    crypto_generichash(hash, sizeof hash, purpose, sizeof purpose, key, ARC_PROTECT_KEY_BYTES);
    sodium_bin2hex(check, ARC_BINDING_CHECK_BYTES, hash, sizeof hash);
}

arc_status arc_gallery_protection_open(arc_gallery *g, const char *name, arc_error *err) {
    g->protecting = name != NULL;
    return name ? arc_protect_key(name, g->protect_key, NULL, err) : ARC_OK;
}

/* The rotation of the key, for embeddings that are as long as those of the binding are now. */
static arc_status make_rotation(arc_gallery *g, arc_error *err) {
    const int dim = g->binding.dim;
    if (!g->protecting || dim == 0 || (g->protection && g->protection_dim == dim))
        return ARC_OK;
    arc_protection_free(g->ctx, &g->protection);
    g->protection_dim = dim;
    return arc_protection_new(g->ctx, g->protect_key, dim, &g->protection, err);
}

arc_status arc_gallery_protection_follow(arc_gallery *g, arc_error *err) {
    char check[ARC_BINDING_CHECK_BYTES];
    arc_gallery_protection_check(g->protecting ? g->protect_key : NULL, check);
    if (strcmp(check, g->binding.protection) == 0)
        return make_rotation(g, err);
    if (!g->protecting)
        return arc_gallery_fail(g, err, ARC_EINVAL, "its templates are protected by a key; give it (--protect-key)");
    if (*g->binding.protection)
        return arc_gallery_fail(g, err, ARC_EINVAL,
                                "its templates are protected by another key than the one that was given; if they were "
                                "issued anew, open the gallery with the new key");
    return arc_gallery_fail(g, err, ARC_EINVAL,
                            "its templates are not protected, but a key of protection was given; \"arcface gallery "
                            "protect\" protects them");
}

void arc_gallery_protection_change(arc_gallery *g, const uint8_t *key, arc_protection **rotation) {
    arc_gallery_protection_close(g);
    g->protecting = key != NULL;
    if (key)
        memcpy(g->protect_key, key, sizeof g->protect_key);
    g->protection = *rotation;
    g->protection_dim = g->binding.dim;
    *rotation = NULL;
}

void arc_gallery_protection_close(arc_gallery *g) {
    arc_protection_free(g->ctx, &g->protection);
    sodium_memzero(g->protect_key, sizeof g->protect_key);
    g->protecting = false;
}

void arc_gallery_plain(const arc_gallery *g, float *embedding) {
    if (g->protection)
        arc_unprotect(g->protection, embedding, 1, embedding);
}
