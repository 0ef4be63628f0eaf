#include "databricks/transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/sys.h"
#include "databricks/error.h"
#include "databricks/exchange.h"

/* Connections kept for the next exchange; more may be in use at once. */
enum { KEPT_CONNECTIONS = 16 };
/* A transfer that moves less than this in the silence time-out has stalled: one byte now and then
 * doesn't keep it alive. */
enum { LEAST_PROGRESS = 64 };
/* Bytes of an upload that the server may digest in a millisecond before its answer is overdue. */
enum { DIGESTED_PER_MS = 16 * 1024 };

typedef struct connection {
  struct connection *next;
  CURL *easy;
  CURLM *multi;
  char message[CURL_ERROR_SIZE];
} connection;

struct dbx_transport {
  char *unix_path;
  char *ca_file;
  bool loopback;
  uint32_t connect_timeout_ms;
  uint32_t silence_timeout_ms;
  pthread_mutex_t lock; /* guards the next two */
  connection *kept;
  size_t kept_count;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void init_curl(void) {
  curl_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, br_malloc, br_free, br_realloc, br_strdup,
                                    br_calloc);
}

/* OpenSSL writes to sockets without MSG_NOSIGNAL: SIGPIPE is held back in this thread and eaten. */
typedef struct sigpipe_guard {
  sigset_t before;
  bool was_pending;
} sigpipe_guard;

static sigpipe_guard sigpipe_hold(void) {
  sigpipe_guard guard = {0};
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

static void sigpipe_release(const sigpipe_guard *guard) {
  sigset_t pipe_only;
  (void)sigemptyset(&pipe_only);
  (void)sigaddset(&pipe_only, SIGPIPE);
  const struct timespec at_once = {0};
  while (!guard->was_pending && sigtimedwait(&pipe_only, NULL, &at_once) == SIGPIPE) {
  }
  (void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

/* ---- the pool ---- */

static void connection_free(connection *c) {
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

static connection *connection_new(void) {
  connection *c = br_calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->easy = curl_easy_init();
  c->multi = curl_multi_init();
  if (c->easy == NULL || c->multi == NULL) {
    connection_free(c);
    return NULL;
  }
  return c;
}

static connection *borrow_connection(dbx_transport *transport) {
  (void)pthread_mutex_lock(&transport->lock);
  connection *c = transport->kept;
  if (c != NULL) {
    transport->kept = c->next;
    transport->kept_count--;
  }
  (void)pthread_mutex_unlock(&transport->lock);
  return c != NULL ? c : connection_new();
}

static void give_back_connection(dbx_transport *transport, connection *c) {
  curl_easy_reset(c->easy);
  (void)pthread_mutex_lock(&transport->lock);
  bool keep = transport->kept_count < KEPT_CONNECTIONS;
  if (keep) {
    c->next = transport->kept;
    transport->kept = c;
    transport->kept_count++;
  }
  (void)pthread_mutex_unlock(&transport->lock);
  if (!keep) {
    connection_free(c);
  }
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
  sigpipe_guard guard = sigpipe_hold(); /* TLS says goodbye */
  while (transport->kept != NULL) {
    connection *next = transport->kept->next;
    connection_free(transport->kept);
    transport->kept = next;
  }
  sigpipe_release(&guard);
  (void)pthread_mutex_destroy(&transport->lock);
  br_free(transport->unix_path);
  br_free(transport->ca_file);
  br_free(transport);
}

/* ---- set-up that is the same for every exchange ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return br_sys.socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode prepare_connection(const dbx_transport *transport, connection *c) {
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

static br_status report_curl(connection *c, CURLcode code, dbx_http_response *response,
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
  return found.retriable ? br_error_set_retriable(err, found.status) : found.status;
}

/* ---- the drive ---- */

/* The state of waiting for one transfer. */
typedef struct watch {
  br_deadline silence;
  br_deadline linger;
  uint64_t marked; /* exchange->moved when silence was last put off */
  bool sending;    /* the connection stands */
  bool cancelled;
} watch;

/* Puts the end of silence off while bytes move. */
static void watch_progress(const dbx_transport *transport, const dbx_exchange *exchange, CURL *easy,
                           watch *w) {
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
static br_status watch_limits(const dbx_exchange *exchange, const br_cancel *cancel, watch *w,
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

static int nearest_ms(const watch *w) {
  enum { LONGEST_WAIT_MS = 1000 };
  int silence = br_deadline_poll_ms(w->silence);
  int linger = br_deadline_poll_ms(w->linger);
  int wait = silence >= 0 && silence < LONGEST_WAIT_MS ? silence : LONGEST_WAIT_MS;
  return linger >= 0 && linger < wait ? linger : wait;
}

static br_status multi_failed(CURLMcode code, br_error *err) {
  return code == CURLM_OUT_OF_MEMORY
             ? br_error_nomem(err)
             : br_error_set(err, BR_ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
}

/* Runs the transfer to its end or to a limit; *ret_code is curl's word on BR_OK. */
static br_status drive(const dbx_transport *transport, connection *c, dbx_exchange *exchange,
                       br_cancel *cancel, CURLcode *ret_code, br_error *err) {
  watch w = {.silence = {UINT64_MAX}, .linger = {UINT64_MAX}};
  for (;;) {
    int running = 0;
    CURLMcode rc = curl_multi_perform(c->multi, &running);
    if (rc != CURLM_OK) {
      return multi_failed(rc, err);
    }
    int left = 0;
    CURLMsg *message = curl_multi_info_read(c->multi, &left);
    if (message != NULL && message->msg == CURLMSG_DONE) {
      *ret_code = message->data.result;
      return BR_OK;
    }
    watch_progress(transport, exchange, c->easy, &w);
    br_status st = watch_limits(exchange, cancel, &w, err);
    if (st != BR_OK) {
      exchange->response->reach = w.sending ? DBX_MAYBE_SENT : DBX_NOT_SENT;
      return st;
    }
    struct curl_waitfd waiting = {.fd = br_cancel_fd(cancel), .events = CURL_WAIT_POLLIN};
    bool watched = cancel != NULL && !w.cancelled;
    rc =
        curl_multi_poll(c->multi, watched ? &waiting : NULL, watched ? 1 : 0, nearest_ms(&w), NULL);
    if (rc != CURLM_OK) {
      return multi_failed(rc, err);
    }
  }
}

static br_status run(const dbx_transport *transport, connection *c, dbx_exchange *exchange,
                     br_cancel *cancel, br_error *err) {
  CURLMcode rc = curl_multi_add_handle(c->multi, c->easy);
  if (rc != CURLM_OK) {
    return multi_failed(rc, err);
  }
  CURLcode code = CURLE_OK;
  br_status st = drive(transport, c, exchange, cancel, &code, err);
  if (st == BR_OK && exchange->failure != BR_OK) {
    exchange->response->reach = DBX_MAYBE_SENT;
    st = exchange->failure;
    *err = exchange->err;
  } else if (st == BR_OK && code != CURLE_OK) {
    st = report_curl(c, code, exchange->response, err);
  } else if (st == BR_OK && !exchange->header_complete) {
    /* curl takes headers that break off for an answer without a body. */
    exchange->response->reach = DBX_MAYBE_SENT;
    br_error_set(err, BR_ERR_NETWORK, "The connection was closed in the middle of the answer");
    st = br_error_set_retriable(err, BR_ERR_NETWORK);
  } else if (st == BR_OK) {
    exchange->response->reach = DBX_ANSWERED;
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &exchange->response->status);
  }
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
  connection *c = borrow_connection(transport);
  if (c == NULL) {
    return br_error_nomem(err);
  }
  c->message[0] = '\0';
  dbx_exchange exchange = {.request = request, .response = response};
  br_error failure = BR_ERROR_INIT;
  sigpipe_guard guard = sigpipe_hold();
  CURLcode rc = prepare_connection(transport, c);
  if (rc != CURLE_OK) {
    st = rc == CURLE_OUT_OF_MEMORY
             ? br_error_nomem(&failure)
             : br_error_set(&failure, BR_ERR_INTERNAL, "Can't set up the connection: %s",
                            curl_easy_strerror(rc));
  } else {
    st = dbx_exchange_prepare(&exchange, c->easy, &failure);
  }
  if (st == BR_OK) {
    st = run(transport, c, &exchange, cancel, &failure);
  }
  give_back_connection(transport, c);
  dbx_exchange_done(&exchange);
  sigpipe_release(&guard);
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
