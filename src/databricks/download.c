#include "databricks/download.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "databricks/connection.h"

/* curl hands over up to 64 KiB at a time; from here on it is asked to wait. */
#define PAUSE_AT BR_KIB(256)

struct dbx_download {
  dbx_transport *transport; /* borrowed */
  dbx_connection *connection;
  br_cancel *cancel;
  dbx_http_request request;   /* the texts it points to are needed while the request goes out */
  dbx_http_response response; /* moves to the caller's once it is known */
  dbx_exchange exchange;
  dbx_watch watch;
  uint64_t left_ms; /* when the caller was last given something */
  br_buf arrived;   /* bytes of the body from taken on */
  size_t taken;
  bool added; /* the handle is in the multi handle */
  bool paused;
  bool done;
};

static long status_of(dbx_download *d) {
  long status = 0;
  (void)curl_easy_getinfo(d->connection->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static bool is_success(long status) {
  return status >= 200 && status < 300;
}

/* The body of another answer than success is kept whole, for the message. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  dbx_download *d = context;
  dbx_exchange *exchange = &d->exchange;
  size_t length = size * count;
  bool wanted = is_success(status_of(d));
  if (wanted && d->arrived.len >= PAUSE_AT) {
    d->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  exchange->moved += length;
  exchange->ready = wanted;
  exchange->failure =
      br_buf_append(wanted ? &d->arrived : &d->response.body, bytes, length, &exchange->err);
  /* A callback that takes other than it was given ends the transfer. */
  return exchange->failure == BR_OK ? length : length + 1;
}

static br_status prepare(dbx_download *d, br_error *err) {
  CURL *easy = d->connection->easy;
  br_status st = dbx_connection_prepare(d->transport, d->connection, err);
  if (st == BR_OK) {
    st = dbx_exchange_prepare(&d->exchange, easy, err);
  }
  if (st == BR_OK && (curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
                      curl_easy_setopt(easy, CURLOPT_WRITEDATA, d) != CURLE_OK)) {
    st = br_error_set(err, BR_ERR_INTERNAL, "Can't set up the download");
  }
  if (st != BR_OK) {
    return st;
  }
  CURLMcode rc = curl_multi_add_handle(d->connection->multi, easy);
  d->added = rc == CURLM_OK;
  return d->added ? BR_OK : dbx_connection_multi_failed(rc, err);
}

/* Until bytes have arrived, or the transfer has ended. err: never NULL. */
static br_status drive(dbx_download *d, br_error *err) {
  dbx_sigpipe guard = dbx_sigpipe_hold();
  br_status st = BR_OK;
  if (d->left_ms != 0 && d->watch.silence.at_ms != UINT64_MAX) {
    d->watch.silence.at_ms += br_clock_monotonic_ms() - d->left_ms;
  }
  d->exchange.ready = false;
  if (d->paused) {
    d->paused = false;
    CURLcode rc = curl_easy_pause(d->connection->easy, CURLPAUSE_CONT);
    if (rc != CURLE_OK) {
      st = br_error_set(err, BR_ERR_NETWORK, "%s", curl_easy_strerror(rc));
      st = br_error_set_retriable(err, st);
    }
  }
  if (st == BR_OK) {
    st = dbx_connection_drive(d->transport, d->connection, &d->exchange, &d->watch, d->cancel,
                              &d->done, err);
  }
  d->left_ms = br_clock_monotonic_ms();
  dbx_sigpipe_release(&guard);
  return st;
}

static br_status make(dbx_transport *transport, const dbx_http_request *request, br_cancel *cancel,
                      dbx_download **ret_download, br_error *err) {
  dbx_download *d = br_calloc(1, sizeof *d);
  if (d == NULL) {
    return br_error_nomem(err);
  }
  d->transport = transport;
  d->cancel = cancel;
  d->request = *request;
  d->exchange = (dbx_exchange){.request = &d->request, .response = &d->response};
  d->watch = (dbx_watch)DBX_WATCH_INIT;
  br_buf_init(&d->arrived, 2 * PAUSE_AT);
  br_buf_init(&d->response.body, request->max_body);
  d->connection = dbx_connection_borrow(transport);
  if (d->connection == NULL) {
    dbx_download_close(d);
    return br_error_nomem(err);
  }
  *ret_download = d;
  return BR_OK;
}

br_status dbx_download_open(dbx_transport *transport, const dbx_http_request *request,
                            br_cancel *cancel, dbx_download **ret_download,
                            dbx_http_response *response, br_error *err) {
  memset(response, 0, sizeof *response);
  br_status st = br_cancel_check(cancel, err);
  dbx_download *d = NULL;
  if (st == BR_OK) {
    st = make(transport, request, cancel, &d, err);
  }
  if (st != BR_OK) {
    return st;
  }
  br_error failure = BR_ERROR_INIT;
  st = prepare(d, &failure);
  if (st == BR_OK) {
    st = drive(d, &failure);
  }
  if (st == BR_OK) {
    d->response.reach = DBX_ANSWERED;
    d->response.status = status_of(d);
  }
  /* Nobody writes to it any more where the body is to be read. */
  *response = d->response;
  memset(&d->response, 0, sizeof d->response);
  if (st != BR_OK || !is_success(response->status)) {
    dbx_download_close(d);
    d = NULL;
  }
  if (st != BR_OK) {
    if (err != NULL) {
      *err = failure;
    }
    return st;
  }
  *ret_download = d;
  return BR_OK;
}

br_status dbx_download_read(dbx_download *d, void *bytes, size_t size, size_t *ret_length,
                            br_error *err) {
  while (d->taken == d->arrived.len && !d->done) {
    br_buf_clear(&d->arrived);
    d->taken = 0;
    br_error failure = BR_ERROR_INIT;
    br_status st = drive(d, &failure);
    if (st != BR_OK) {
      if (err != NULL) {
        *err = failure;
      }
      return st;
    }
  }
  size_t length = d->arrived.len - d->taken;
  length = length < size ? length : size;
  if (length > 0) {
    memcpy(bytes, d->arrived.data + d->taken, length);
    d->taken += length;
  }
  *ret_length = length;
  return BR_OK;
}

void dbx_download_close(dbx_download *d) {
  if (d == NULL) {
    return;
  }
  if (d->connection != NULL) {
    dbx_sigpipe guard = dbx_sigpipe_hold();
    if (d->added) {
      (void)curl_multi_remove_handle(d->connection->multi, d->connection->easy);
    }
    dbx_connection_give_back(d->transport, d->connection);
    dbx_sigpipe_release(&guard);
  }
  dbx_exchange_done(&d->exchange);
  dbx_http_response_done(&d->response);
  br_buf_done(&d->arrived);
  br_free(d);
}
