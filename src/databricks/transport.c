#include "databricks/transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "databricks/connection.h"

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void init_curl(void) {
  curl_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, br_malloc, br_free, br_realloc, br_strdup,
                                    br_calloc);
}

br_status dbx_transport_new(const dbx_transport_options *options, dbx_transport **ret_transport,
                            br_error *err) {
  (void)pthread_once(&curl_once, init_curl);
  if (curl_ready != CURLE_OK) {
    return br_error_set(err, BR_ERR_INTERNAL, "Can't start libcurl: %s",
                        curl_easy_strerror(curl_ready));
  }
  dbx_transport *transport = br_calloc(1, sizeof *transport);
  if (transport == NULL) {
    return br_error_nomem(err);
  }
  (void)pthread_mutex_init(&transport->lock, NULL);
  transport->loopback = options->loopback;
  transport->connect_timeout_ms = options->connect_timeout_ms;
  transport->silence_timeout_ms = options->silence_timeout_ms;
  bool copied = true;
  if (options->unix_path != NULL) {
    copied = (transport->unix_path = br_strdup(options->unix_path)) != NULL;
  }
  if (copied && options->ca_file != NULL) {
    copied = (transport->ca_file = br_strdup(options->ca_file)) != NULL;
  }
  if (!copied) {
    dbx_transport_free(transport);
    return br_error_nomem(err);
  }
  *ret_transport = transport;
  return BR_OK;
}

void dbx_transport_free(dbx_transport *transport) {
  if (transport == NULL) {
    return;
  }
  dbx_sigpipe guard = dbx_sigpipe_hold(); /* TLS says goodbye */
  while (transport->kept != NULL) {
    dbx_connection *next = transport->kept->next;
    dbx_connection_free(transport->kept);
    transport->kept = next;
  }
  dbx_sigpipe_release(&guard);
  (void)pthread_mutex_destroy(&transport->lock);
  br_free(transport->unix_path);
  br_free(transport->ca_file);
  br_free(transport);
}

static br_status run(const dbx_transport *transport, dbx_connection *c, dbx_exchange *exchange,
                     br_cancel *cancel, br_error *err) {
  CURLMcode rc = curl_multi_add_handle(c->multi, c->easy);
  if (rc != CURLM_OK) {
    return dbx_connection_multi_failed(rc, err);
  }
  dbx_watch watch = DBX_WATCH_INIT;
  bool done = false;
  br_status st = dbx_connection_drive(transport, c, exchange, &watch, cancel, &done, err);
  (void)curl_multi_remove_handle(c->multi, c->easy);
  return st;
}

br_status dbx_transport_exchange(dbx_transport *transport, const dbx_http_request *request,
                                 br_cancel *cancel, dbx_http_response *response, br_error *err) {
  memset(response, 0, sizeof *response);
  br_buf_init(&response->body, request->max_body);
  br_status st = br_cancel_check(cancel, err);
  if (st != BR_OK) {
    return st;
  }
  dbx_connection *c = dbx_connection_borrow(transport);
  if (c == NULL) {
    return br_error_nomem(err);
  }
  dbx_exchange exchange = {.request = request, .response = response};
  br_error failure = BR_ERROR_INIT;
  dbx_sigpipe guard = dbx_sigpipe_hold();
  st = dbx_connection_prepare(transport, c, &failure);
  if (st == BR_OK) {
    st = dbx_exchange_prepare(&exchange, c->easy, &failure);
  }
  if (st == BR_OK) {
    st = run(transport, c, &exchange, cancel, &failure);
  }
  dbx_connection_give_back(transport, c);
  dbx_exchange_done(&exchange);
  dbx_sigpipe_release(&guard);
  if (st != BR_OK && err != NULL) {
    *err = failure;
  }
  return st;
}

void dbx_http_response_done(dbx_http_response *response) {
  if (response->body.data != NULL) {
    br_wipe(response->body.data, response->body.len);
  }
  br_buf_done(&response->body);
}
