#include "databricks/connection.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "databricks/databricks.h"
#include "databricks/error.h"

/* Connections kept for the next exchange; more may be in use at once. */
enum { KEPT_CONNECTIONS = 16 };
/* A transfer that moves less than this in the silence time-out has stalled: one byte now and then
 * doesn't keep it alive. */
enum { LEAST_PROGRESS = 64 };
/* Bytes of an upload that the server may digest in a millisecond before its answer is overdue. */
enum { DIGESTED_PER_MS = 16 * 1024 };

dbx_sigpipe dbx_sigpipe_hold(void) {
  dbx_sigpipe guard = {0};
  sigset_t pipe_only;
  sigset_t pending;
  (void)sigemptyset(&pipe_only);
  (void)sigaddset(&pipe_only, SIGPIPE);
  (void)sigemptyset(&pending);
  (void)sigpending(&pending);
  guard.was_pending = sigismember(&pending, SIGPIPE) == 1;
  (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &guard.before);
  return guard;
}

void dbx_sigpipe_release(const dbx_sigpipe *guard) {
  sigset_t pipe_only;
  (void)sigemptyset(&pipe_only);
  (void)sigaddset(&pipe_only, SIGPIPE);
  const struct timespec at_once = {0};
  while (!guard->was_pending && sigtimedwait(&pipe_only, NULL, &at_once) == SIGPIPE) {
  }
  (void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

/* ---- the pool ---- */

void dbx_connection_free(dbx_connection *c) {
  if (c != NULL) {
    if (c->multi != NULL) {
      (void)curl_multi_cleanup(c->multi);
    }
    if (c->easy != NULL) {
      curl_easy_cleanup(c->easy);
    }
    br_free(c);
  }
}

static dbx_connection *connection_new(void) {
  dbx_connection *c = br_calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->easy = curl_easy_init();
  c->multi = curl_multi_init();
  if (c->easy == NULL || c->multi == NULL) {
    dbx_connection_free(c);
    return NULL;
  }
  return c;
}

dbx_connection *dbx_connection_borrow(dbx_transport *transport) {
  (void)pthread_mutex_lock(&transport->lock);
  dbx_connection *c = transport->kept;
  if (c != NULL) {
    transport->kept = c->next;
    transport->kept_count--;
  }
  (void)pthread_mutex_unlock(&transport->lock);
  return c != NULL ? c : connection_new();
}

void dbx_connection_give_back(dbx_transport *transport, dbx_connection *c) {
  curl_easy_reset(c->easy);
  (void)pthread_mutex_lock(&transport->lock);
  /* What broke off may leave a handle that can't be used again: where there was no address for the
   * name, libcurl (7.88) refuses to set the buffer's size for ever after. */
  bool keep = c->fit && transport->kept_count < KEPT_CONNECTIONS;
  if (keep) {
    c->next = transport->kept;
    transport->kept = c;
    transport->kept_count++;
  }
  (void)pthread_mutex_unlock(&transport->lock);
  if (!keep) {
    dbx_connection_free(c);
  }
}

/* ---- set-up that is the same for every exchange ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return br_sys.socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode set_up(const dbx_transport *transport, dbx_connection *c) {
  CURL *easy = c->easy;
  CURLcode rc = CURLE_OK;
#define SET(option, value)                                                                         \
  do {                                                                                             \
    CURLcode set_rc = curl_easy_setopt(easy, option, value);                                       \
    rc = rc != CURLE_OK ? rc : set_rc;                                                             \
  } while (0)
  SET(CURLOPT_ERRORBUFFER, c->message);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_USERAGENT, "sql-databricks-bridge/" DBX_VERSION);
  SET(CURLOPT_PROTOCOLS_STR, transport->loopback ? "https,http" : "https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)transport->connect_timeout_ms);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_BUFFERSIZE, (long)BR_KIB(64));
  if (transport->ca_file != NULL) {
    SET(CURLOPT_CAINFO, transport->ca_file);
    SET(CURLOPT_CAPATH, NULL);
  }
  if (transport->unix_path != NULL) {
    SET(CURLOPT_UNIX_SOCKET_PATH, transport->unix_path);
  }
  if (transport->unix_path != NULL || transport->loopback) {
    SET(CURLOPT_PROXY, "");
  }
#undef SET
  return rc;
}

br_status dbx_connection_prepare(const dbx_transport *transport, dbx_connection *c, br_error *err) {
  c->message[0] = '\0';
  CURLcode rc = set_up(transport, c);
  c->fit = false;
  if (rc == CURLE_OUT_OF_MEMORY) {
    return br_error_nomem(err);
  }
  return rc == CURLE_OK ? BR_OK
                        : br_error_set(err, BR_ERR_INTERNAL, "Can't set up the connection: %s",
                                       curl_easy_strerror(rc));
}

/* ---- what went wrong ---- */

typedef struct curl_failure {
  CURLcode code;
  br_status status;
  bool retriable;
  bool before_sending;
} curl_failure;

static const curl_failure curl_failures[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, BR_ERR_NETWORK, true, true},
    {CURLE_COULDNT_RESOLVE_HOST, BR_ERR_NETWORK, true, true},
    {CURLE_COULDNT_CONNECT, BR_ERR_NETWORK, true, true},
    {CURLE_INTERFACE_FAILED, BR_ERR_NETWORK, true, true},
    {CURLE_PROXY, BR_ERR_NETWORK, true, true},
    /* Cut in the middle of the handshake, or refused by either side. */
    {CURLE_SSL_CONNECT_ERROR, BR_ERR_TLS, true, true},
    {CURLE_PEER_FAILED_VERIFICATION, BR_ERR_TLS, false, true},
    {CURLE_SSL_CACERT_BADFILE, BR_ERR_TLS, false, true},
    {CURLE_SSL_ISSUER_ERROR, BR_ERR_TLS, false, true},
    {CURLE_SSL_CIPHER, BR_ERR_TLS, false, true},
    {CURLE_SSL_CERTPROBLEM, BR_ERR_TLS, false, true},
    {CURLE_OPERATION_TIMEDOUT, BR_ERR_TIMEOUT, true, false},
    {CURLE_SEND_ERROR, BR_ERR_NETWORK, true, false},
    {CURLE_RECV_ERROR, BR_ERR_NETWORK, true, false},
    {CURLE_GOT_NOTHING, BR_ERR_NETWORK, true, false},
    {CURLE_PARTIAL_FILE, BR_ERR_NETWORK, true, false},
    {CURLE_SEND_FAIL_REWIND, BR_ERR_NETWORK, true, false},
    {CURLE_WEIRD_SERVER_REPLY, BR_ERR_PROTOCOL, false, false},
    {CURLE_BAD_CONTENT_ENCODING, BR_ERR_PROTOCOL, false, false},
    {CURLE_UNSUPPORTED_PROTOCOL, BR_ERR_PROTOCOL, false, false},
    {CURLE_OUT_OF_MEMORY, BR_ERR_NOMEM, false, false},
};

static bool still_connecting(CURL *easy) {
  curl_off_t pretransfer = 0;
  return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer) != CURLE_OK ||
         pretransfer == 0;
}

/* How far the connection came, as -1 - dbx_stage. */
static int64_t stage_code(CURL *easy, const curl_failure *failure) {
  curl_off_t connected = 0;
  switch (failure->code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return -1 - (int64_t)DBX_STAGE_NAME;
  case CURLE_COULDNT_CONNECT:
  case CURLE_INTERFACE_FAILED:
  case CURLE_PROXY:
    return -1 - (int64_t)DBX_STAGE_TCP;
  default:
    break;
  }
  (void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
  if (failure->status == BR_ERR_TLS || (still_connecting(easy) && connected > 0)) {
    return -1 - (int64_t)DBX_STAGE_TLS;
  }
  return -1 - (int64_t)(still_connecting(easy) ? DBX_STAGE_TCP : DBX_STAGE_HTTP);
}

dbx_stage dbx_error_stage(const br_error *err) {
  return err->native_code < 0 && err->native_code >= -1 - (int64_t)DBX_STAGE_HTTP
             ? (dbx_stage)(-1 - err->native_code)
             : DBX_STAGE_HTTP;
}

static br_status report_curl(dbx_connection *c, CURLcode code, dbx_http_response *response,
                             br_error *err) {
  curl_failure found = {code, BR_ERR_NETWORK, false, false};
  for (size_t i = 0; i < sizeof curl_failures / sizeof curl_failures[0]; i++) {
    if (curl_failures[i].code == code) {
      found = curl_failures[i];
    }
  }
  long proxy_status = 0;
  (void)curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  bool unsent = found.before_sending || still_connecting(c->easy);
  response->reach = unsent ? DBX_NOT_SENT : DBX_MAYBE_SENT;
  if (found.status == BR_ERR_NOMEM) {
    return br_error_nomem(err);
  }
  const char *message = c->message[0] != '\0' ? c->message : curl_easy_strerror(code);
  char text[CURL_ERROR_SIZE];
  (void)memcpy(text, message, strnlen(message, sizeof text - 1) + 1);
  text[sizeof text - 1] = '\0';
  dbx_text_clean(text);
  if (unsent && proxy_status >= 400) {
    found.retriable = found.retriable && proxy_status >= 500;
    br_error_set(err, found.status, "The proxy answered HTTP %ld: %s", proxy_status, text);
  } else {
    br_error_set(err, found.status, "%s", text);
  }
  if (err != NULL) {
    err->native_code = stage_code(c->easy, &found);
  }
  return found.retriable ? br_error_set_retriable(err, found.status) : found.status;
}

/* ---- the drive ---- */

/* Puts the end of silence off while bytes move. */
static void watch_progress(const dbx_transport *transport, const dbx_exchange *exchange, CURL *easy,
                           dbx_watch *w) {
  bool started = !w->sending && !still_connecting(easy);
  w->sending = w->sending || started;
  if (!w->sending || (!started && exchange->moved < w->marked + LEAST_PROGRESS)) {
    return;
  }
  w->marked = exchange->moved;
  uint64_t limit = exchange->request->silence_timeout_ms;
  limit = limit == 0 ? transport->silence_timeout_ms : limit;
  const dbx_body *upload = exchange->request->upload;
  if (upload != NULL && exchange->sent == upload->size) {
    limit += upload->size / DIGESTED_PER_MS;
  }
  w->silence = br_deadline_after_ms(limit);
}

/* BR_OK: go on waiting. */
static br_status watch_limits(const dbx_exchange *exchange, const br_cancel *cancel, dbx_watch *w,
                              br_error *err) {
  if (!w->cancelled && br_cancel_requested(cancel)) {
    w->cancelled = true;
    w->linger = br_deadline_after_ms(
        w->sending && exchange->request->linger_ms > 0 ? exchange->request->linger_ms : 1);
    if (!w->sending || exchange->request->linger_ms == 0) {
      return br_cancel_check(cancel, err);
    }
  }
  if (w->cancelled && br_deadline_passed(w->linger)) {
    return br_cancel_check(cancel, err);
  }
  if (br_deadline_passed(w->silence)) {
    br_error_set(err, BR_ERR_TIMEOUT, "The server fell silent");
    return br_error_set_retriable(err, BR_ERR_TIMEOUT);
  }
  return BR_OK;
}

static int nearest_ms(const dbx_watch *w) {
  enum { LONGEST_WAIT_MS = 1000 };
  int silence = br_deadline_poll_ms(w->silence);
  int linger = br_deadline_poll_ms(w->linger);
  int wait = silence >= 0 && silence < LONGEST_WAIT_MS ? silence : LONGEST_WAIT_MS;
  return linger >= 0 && linger < wait ? linger : wait;
}

br_status dbx_connection_multi_failed(CURLMcode code, br_error *err) {
  return code == CURLM_OUT_OF_MEMORY
             ? br_error_nomem(err)
             : br_error_set(err, BR_ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
}

/* The outcome of a transfer that has ended with curl's word. */
static br_status judge(dbx_connection *c, dbx_exchange *exchange, CURLcode code, br_error *err) {
  dbx_http_response *response = exchange->response;
  if (exchange->failure != BR_OK) {
    response->reach = DBX_MAYBE_SENT;
    *err = exchange->err;
    return exchange->failure;
  }
  if (code != CURLE_OK) {
    return report_curl(c, code, response, err);
  }
  if (!exchange->header_complete) {
    /* curl takes headers that break off for an answer without a body. */
    response->reach = DBX_MAYBE_SENT;
    br_error_set(err, BR_ERR_NETWORK, "The connection was closed in the middle of the answer");
    return br_error_set_retriable(err, BR_ERR_NETWORK);
  }
  response->reach = DBX_ANSWERED;
  c->fit = true;
  (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &response->status);
  return BR_OK;
}

/* Waits for the next thing to happen, or for the nearest limit. */
static br_status wait_for_event(dbx_connection *c, const dbx_watch *w, br_cancel *cancel,
                                br_error *err) {
  struct curl_waitfd waiting = {.fd = br_cancel_fd(cancel), .events = CURL_WAIT_POLLIN};
  bool watched = cancel != NULL && !w->cancelled;
  CURLMcode rc =
      curl_multi_poll(c->multi, watched ? &waiting : NULL, watched ? 1 : 0, nearest_ms(w), NULL);
  return rc == CURLM_OK ? BR_OK : dbx_connection_multi_failed(rc, err);
}

br_status dbx_connection_drive(const dbx_transport *transport, dbx_connection *c,
                               dbx_exchange *exchange, dbx_watch *watch, br_cancel *cancel,
                               bool *ret_done, br_error *err) {
  for (;;) {
    int running = 0;
    CURLMcode rc = curl_multi_perform(c->multi, &running);
    if (rc != CURLM_OK) {
      return dbx_connection_multi_failed(rc, err);
    }
    int left = 0;
    CURLMsg *message = curl_multi_info_read(c->multi, &left);
    if (message != NULL && message->msg == CURLMSG_DONE) {
      *ret_done = true;
      return judge(c, exchange, message->data.result, err);
    }
    if (exchange->ready) {
      *ret_done = false;
      return BR_OK;
    }
    watch_progress(transport, exchange, c->easy, watch);
    br_status st = watch_limits(exchange, cancel, watch, err);
    if (st != BR_OK) {
      exchange->response->reach = watch->sending ? DBX_MAYBE_SENT : DBX_NOT_SENT;
      return st;
    }
    if ((st = wait_for_event(c, watch, cancel, err)) != BR_OK) {
      return st;
    }
  }
}
