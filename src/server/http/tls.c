/* server/http: PEM files, looked at before the server starts, so that a wrong one is a sentence and not a failed handshake. */
#include "server/http/tls.h"
#include "base/file.h"
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <string.h>

#define PEM_BYTES_MAX (1 << 20)

static arc_status read_pem(const arc_alloc *alloc, const char *path, char **out, arc_error *err) {
    arc_map map;
    const arc_status st = arc_map_open(&map, path, PEM_BYTES_MAX, err);
    if (st != ARC_OK)
        return st;
    *out = arc_mem_raw(alloc, map.bytes + 1, 1);
    if (*out) {
        memcpy(*out, map.data, map.bytes);
        (*out)[map.bytes] = '\0';
    }
    arc_map_close(&map);
    return *out ? ARC_OK : arc_fail_nomem(err, path);
}

static arc_status check_pair(const arc_http_tls *tls, const char *certificate, const char *key, arc_error *err) {
    gnutls_certificate_credentials_t pair;
    const gnutls_datum_t a = {(unsigned char *)tls->certificate, (unsigned)strlen(tls->certificate)},
                         b = {(unsigned char *)tls->key, (unsigned)strlen(tls->key)};
    if (gnutls_certificate_allocate_credentials(&pair) != 0)
        return arc_fail_nomem(err, "a certificate");
    const int failed = gnutls_certificate_set_x509_key_mem(pair, &a, &b, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(pair);
    return failed == GNUTLS_E_SUCCESS
               ? ARC_OK
               : arc_fail(err, ARC_EFORMAT, "%.150s and %.150s are no certificate with its key, in PEM: %s", certificate, key,
                          gnutls_strerror(failed));
}

arc_status arc_http_tls_read(const arc_alloc *alloc, const char *certificate, const char *key, arc_http_tls *out,
                             arc_error *err) {
    *out = (arc_http_tls){NULL, NULL};
    if (!certificate && !key)
        return ARC_OK;
    if (!certificate || !key)
        return arc_fail(err, ARC_EINVAL, "TLS needs both a certificate and its key");
    arc_status st = read_pem(alloc, certificate, &out->certificate, err);
    if (st == ARC_OK)
        st = read_pem(alloc, key, &out->key, err);
    if (st == ARC_OK)
        st = check_pair(out, certificate, key, err);
    if (st != ARC_OK)
        arc_http_tls_free(alloc, out);
    return st;
}

void arc_http_tls_free(const arc_alloc *alloc, arc_http_tls *tls) {
    if (tls->key)
        sodium_memzero(tls->key, strlen(tls->key));
    arc_mem_free(alloc, tls->key);
    arc_mem_free(alloc, tls->certificate);
    *tls = (arc_http_tls){NULL, NULL};
}
