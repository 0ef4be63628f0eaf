/*
 * connection.h: the curl handles behind transport.h and download.h: a pool of connections, their
 * set-up, and the wait for a transfer.
 */
#ifndef DATABRICKS_CONNECTION_H
#define DATABRICKS_CONNECTION_H

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "databricks/exchange.h"
#include "databricks/transport.h"

typedef struct dbx_connection {
  struct dbx_connection *next;
  CURL *easy;
  CURLM *multi;
  char message[CURL_ERROR_SIZE];
  bool fit; /* its last exchange was answered: it may be kept */
} dbx_connection;

struct dbx_transport {
  char *unix_path;
  char *ca_file;
  bool loopback;
  uint32_t connect_timeout_ms;
  uint32_t silence_timeout_ms;
  pthread_mutex_t lock; /* guards the next two */
  dbx_connection *kept;
  size_t kept_count;
};

/* OpenSSL writes to sockets without MSG_NOSIGNAL: SIGPIPE is held back in this thread and eaten. */
typedef struct dbx_sigpipe {
  sigset_t before;
  bool was_pending;
} dbx_sigpipe;
dbx_sigpipe dbx_sigpipe_hold(void);
void dbx_sigpipe_release(const dbx_sigpipe *guard);

/* NULL: no memory. */
dbx_connection *dbx_connection_borrow(dbx_transport *transport);
void dbx_connection_give_back(dbx_transport *transport, dbx_connection *c);
void dbx_connection_free(dbx_connection *c);
/* The set-up that is the same for every exchange. */
br_status dbx_connection_prepare(const dbx_transport *transport, dbx_connection *c,
                                 br_error *err) BR_CHECKED;

/* The state of waiting for one transfer. */
typedef struct dbx_watch {
  br_deadline silence;
  br_deadline linger;
  uint64_t marked; /* exchange->moved when silence was last put off */
  bool sending;    /* the connection stands */
  bool cancelled;
} dbx_watch;
#define DBX_WATCH_INIT                                                                             \
  {                                                                                                \
    .silence = {UINT64_MAX}, .linger = { UINT64_MAX }                                              \
  }

/* Runs the transfer, whose handle has been added, to its end or until a callback sets
 * exchange->ready; *ret_done tells which. Then exchange->response says how far it got. Failures are
 * those of the exchange: limits, curl's, cancelling. */
br_status dbx_connection_drive(const dbx_transport *transport, dbx_connection *c,
                               dbx_exchange *exchange, dbx_watch *watch, br_cancel *cancel,
                               bool *ret_done, br_error *err) BR_CHECKED;
br_status dbx_connection_multi_failed(CURLMcode code, br_error *err);

#endif
