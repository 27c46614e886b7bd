/** @file
 * A server: faces, verification and a gallery over HTTP, for programs that are not written in C. docs/SERVICE.md has the whole
 * of it; a running server describes itself at /openapi.json.
 */
#ifndef ARCFACE_SERVE_H
#define ARCFACE_SERVE_H

#include <arcface/gallery.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A running server, with threads of its own. */
typedef struct arc_server arc_server;

/** What a server serves, and within which bounds. What it points to must live as long as the server. */
typedef struct arc_server_options {
    size_t struct_size;   /**< set by arc_server_options_default */
    const char *listen;   /**< "127.0.0.1:8080" (default), "[::1]:8080", ":8080" for all addresses; port 0: a free one */
    const char *model;    /**< recognition model, as arc_model_load takes it; needed */
    const char *detector; /**< detection model; needed */
    const arc_model_options *model_options;     /**< NULL = the defaults */
    const arc_model_options *detector_options;  /**< NULL = the defaults */
    const char *gallery;                        /**< as arc_gallery_open takes it; NULL = none: faces and verification only */
    const arc_gallery_options *gallery_options; /**< NULL = the defaults, but that it is made if it is not there */
    const char *certificate;                    /**< PEM file for TLS; NULL = none, plain HTTP */
    const char *certificate_key;                /**< PEM file of its key */
    /** Listen elsewhere than on the loopback without keys and TLS, and answer whatever name the client calls this machine by;
     * default false: refused */
    bool insecure;
    int64_t max_body_bytes;    /**< of one request; larger ones get 413; default 10 MiB */
    int64_t max_archive_bytes; /**< of an archive of photos for a job, held in memory, four at a time; default 256 MiB */
    int64_t max_pixels;        /**< of one photo; default 50 million */
    int max_faces;             /**< of one photo: the best ones are taken; default 100 */
    int queue;                 /**< requests that wait for their turn; more get 503 with Retry-After; default 128 */
    int workers;               /**< requests that are worked on at a time; 0 (default) = eight for each thread of the context, 16
                                * to 128 */
    int connections;           /**< clients at a time; default 1000 */
    double timeout_s;          /**< for a request to arrive, and for it to be answered; default 30 */
    int batch;                 /**< most photos that are worked on together; default 32, at most 64 */
    double batch_wait_s;       /**< how long a photo waits at most for others that are about to come; default 0.002 */
    /** Gets a line of JSON for each request and each thing that the operator should know, without its end of line and without
     * personal data, from many threads at a time; NULL = nothing is logged */
    void (*log)(void *ctx, const char *json);
    void *log_ctx; /**< passed to log */
} arc_server_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_server_options_default(arc_server_options *opt);

/** Loads the models, opens the gallery, binds it to the recognition model, and starts to listen: requests are taken when this
 * returns.
 * Ownership: stop with arc_server_stop, before the context is closed. Thread: any.
 * Errors: EINVAL (options, an address, a gallery of another model; listening elsewhere than on the loopback without keys and
 * TLS), EIO (the address is in use), EMISSING (a build without libmicrohttpd), those of arc_model_load and arc_gallery_open. */
ARC_API ARC_NODISCARD arc_status arc_server_start(arc_context *ctx, const arc_server_options *opt, arc_server **out,
                                                  arc_error *err);

/** Where it listens: "http://127.0.0.1:8080", with the port that it got. It belongs to the server. Thread: any. */
ARC_API const char *arc_server_url(const arc_server *server);

/** Loads both models anew, from the same names, and answers every later request by them; requests under way are finished by the
 * old ones. After a failure the old ones stay. Thread: one at a time. Errors: EINVAL (the gallery is bound to another model than
 * the new one), those of arc_model_load. */
ARC_API ARC_NODISCARD arc_status arc_server_reload(arc_server *server, arc_error *err);

/** Takes no new connections, tells /readyz so, and waits until all requests under way are answered. Thread: one at a time.
 * Errors: ELIMIT: after so many seconds some were not. */
ARC_API ARC_NODISCARD arc_status arc_server_drain(arc_server *server, double seconds, arc_error *err);

/** Ends the server and nulls the pointer; NULL is allowed. Requests that a worker has are answered, clients that are still
 * sending are cut off: drain first. Ownership: takes the server over. Thread: one at a time, as its last user. */
ARC_API void arc_server_stop(arc_server **server);

#ifdef __cplusplus
}
#endif
#endif
