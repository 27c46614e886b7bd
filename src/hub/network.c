/* hub: the start of libcurl, which must happen once, before threads use it. */
#include "hub/network.h"
#include <curl/curl.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready;
static void start(void) {
    ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

arc_status arc_network_start(arc_error *err) {
    pthread_once(&once, start);
    return ready == CURLE_OK ? ARC_OK
                             : arc_fail(err, ARC_ENETWORK, "the network library does not start: %s", curl_easy_strerror(ready));
}
