#include "databricks/exchange.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

static CURLcode first_failure(CURLcode before, CURLcode now) {
  return before != CURLE_OK ? before : now;
}

/* ---- the answer ---- */

typedef struct wanted_header {
  const char *name;
  size_t offset; /* of the text in dbx_http_response */
} wanted_header;

static const wanted_header wanted_headers[] = {
    {"content-type:", offsetof(dbx_http_response, content_type)},
    {"retry-after:", offsetof(dbx_http_response, retry_after)},
    {"last-modified:", offsetof(dbx_http_response, last_modified)},
    {"location:", offsetof(dbx_http_response, location)},
};

/* The value of a header line between blanks and the line's end. */
static void header_value(const char *line, size_t length, size_t name, const char **ret_value,
                         size_t *ret_length) {
  const char *start = line + name;
  const char *end = line + length;
  while (start < end && (*start == ' ' || *start == '\t')) {
    start++;
  }
  while (end > start && strchr(" \t\r\n", end[-1]) != NULL) {
    end--;
  }
  *ret_value = start;
  *ret_length = (size_t)(end - start);
}

static bool is_header(const char *line, size_t length, const char *name) {
  size_t n = strlen(name);
  return length >= n && strncasecmp(line, name, n) == 0;
}

static void take_length(dbx_http_response *response, const char *value, size_t length) {
  uint64_t number = 0;
  for (size_t i = 0; i < length; i++) {
    if (value[i] < '0' || value[i] > '9' || number > (UINT64_MAX - 9) / 10) {
      return;
    }
    number = number * 10 + (uint64_t)(value[i] - '0');
  }
  response->has_length = length > 0;
  response->length = number;
}

static void take_header(dbx_http_response *response, const char *line, size_t length) {
  static const char length_name[] = "content-length:";
  const char *value = NULL;
  size_t value_length = 0;
  if (is_header(line, length, length_name)) {
    header_value(line, length, sizeof length_name - 1, &value, &value_length);
    take_length(response, value, value_length);
  }
  for (size_t i = 0; i < sizeof wanted_headers / sizeof wanted_headers[0]; i++) {
    if (is_header(line, length, wanted_headers[i].name)) {
      header_value(line, length, strlen(wanted_headers[i].name), &value, &value_length);
      value_length = value_length < DBX_HEADER_TEXT_MAX ? value_length : DBX_HEADER_TEXT_MAX - 1;
      char *text = (char *)response + wanted_headers[i].offset;
      memcpy(text, value, value_length);
      text[value_length] = '\0';
    }
  }
}

/* What an interim answer (100 Continue) said doesn't count. */
static void forget_headers(dbx_http_response *response) {
  response->has_length = false;
  response->length = 0;
  for (size_t i = 0; i < sizeof wanted_headers / sizeof wanted_headers[0]; i++) {
    *((char *)response + wanted_headers[i].offset) = '\0';
  }
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  dbx_exchange *exchange = context;
  size_t length = size * count;
  exchange->moved += length;
  exchange->header_bytes += length;
  if (exchange->header_bytes > BR_LIMIT_HTTP_HEADER) {
    exchange->failure =
        br_error_set(&exchange->err, BR_ERR_LIMIT, "The answer's headers are longer than %zu KiB",
                     BR_LIMIT_HTTP_HEADER / BR_KIB(1));
    return 0;
  }
  if (is_header(line, length, "HTTP/")) {
    forget_headers(exchange->response);
  }
  exchange->header_complete = length > 0 && (line[0] == '\r' || line[0] == '\n');
  take_header(exchange->response, line, length);
  return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  dbx_exchange *exchange = context;
  size_t length = size * count;
  exchange->moved += length;
  br_status st = br_buf_append(&exchange->response->body, bytes, length, &exchange->err);
  if (st == BR_ERR_LIMIT) {
    st = br_error_set(&exchange->err, st, "The answer is longer than %zu bytes",
                      exchange->request->max_body);
  }
  exchange->failure = st;
  /* A callback that takes other than it was given ends the transfer; an empty one is fine. */
  return st == BR_OK ? length : length + 1;
}

/* ---- the request ---- */

static size_t on_upload(char *buffer, size_t size, size_t count, void *context) {
  dbx_exchange *exchange = context;
  const dbx_body *body = exchange->request->upload;
  uint64_t left = body->size - exchange->sent;
  size_t length = size * count;
  length = left < length ? (size_t)left : length;
  if (length == 0) {
    return 0;
  }
  br_status st = body->read_at(body->context, exchange->sent, buffer, length, &exchange->err);
  if (st != BR_OK) {
    exchange->failure = st;
    return CURL_READFUNC_ABORT;
  }
  exchange->sent += length;
  exchange->moved += length;
  if (body->on_progress != NULL) {
    body->on_progress(body->context, exchange->sent);
  }
  return length;
}

/* curl rewinds where a connection kept alive turns out to be dead. */
static int on_seek(void *context, curl_off_t offset, int origin) {
  dbx_exchange *exchange = context;
  if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > exchange->request->upload->size) {
    return CURL_SEEKFUNC_FAIL;
  }
  exchange->sent = (uint64_t)offset;
  return CURL_SEEKFUNC_OK;
}

static br_status add_header(dbx_exchange *exchange, const char *name, const char *value,
                            br_error *err) {
  char *line = value == NULL ? br_asprintf("%s:", name) : br_asprintf("%s: %s", name, value);
  struct curl_slist *longer = line == NULL ? NULL : curl_slist_append(exchange->headers, line);
  if (line != NULL) {
    br_wipe(line, strlen(line));
    br_free(line);
  }
  if (longer == NULL) {
    return br_error_nomem(err);
  }
  exchange->headers = longer;
  return BR_OK;
}

static br_status add_headers(dbx_exchange *exchange, br_error *err) {
  const dbx_http_request *request = exchange->request;
  const struct {
    const char *name;
    const char *value;
    bool needed;
  } lines[] = {
      {"Authorization", request->authorization, request->authorization != NULL},
      {"Accept", request->accept, true}, /* NULL: curl adds none of its own */
      {"Content-Type", request->content_type, true},
      {"Expect", NULL, true}, /* no waiting for 100 Continue: the official clients don't either */
  };
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    br_status st =
        lines[i].needed ? add_header(exchange, lines[i].name, lines[i].value, err) : BR_OK;
    if (st != BR_OK) {
      return st;
    }
  }
  br_status st = BR_OK;
  for (size_t i = 0; i < request->header_count && st == BR_OK; i++) {
    st = add_header(exchange, request->headers[i].name, request->headers[i].value, err);
  }
  return st;
}

static CURLcode prepare_body(dbx_exchange *exchange, CURL *easy) {
  const dbx_http_request *request = exchange->request;
  CURLcode rc = CURLE_OK;
  if (request->upload != NULL) {
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L));
    rc = first_failure(
        rc, curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->upload->size));
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload));
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_READDATA, exchange));
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek));
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange));
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BR_KIB(512)));
  } else if (strcmp(request->method, "HEAD") == 0) {
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_NOBODY, 1L));
  } else if (strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0) {
    const char *body = request->body == NULL ? "" : request->body;
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body));
    rc = first_failure(
        rc, curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length));
  }
  return first_failure(rc, curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method));
}

static CURLcode prepare_answer(dbx_exchange *exchange, CURL *easy) {
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange));
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange));
  if (exchange->request->compressed) {
    rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate"));
  }
  return rc;
}

br_status dbx_exchange_prepare(dbx_exchange *exchange, CURL *easy, br_error *err) {
  br_status st = add_headers(exchange, err);
  if (st != BR_OK) {
    return st;
  }
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, exchange->request->url);
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L));
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers));
  /* The headers above are for the workspace, not for a proxy on the way. */
  rc = first_failure(rc, curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE));
  rc = first_failure(
      rc, curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, exchange->request->fresh ? 1L : 0L));
  rc = first_failure(rc, prepare_body(exchange, easy));
  rc = first_failure(rc, prepare_answer(exchange, easy));
  if (rc == CURLE_OUT_OF_MEMORY) {
    return br_error_nomem(err);
  }
  return rc == CURLE_OK ? BR_OK
                        : br_error_set(err, BR_ERR_INTERNAL, "Can't set up the request: %s",
                                       curl_easy_strerror(rc));
}

void dbx_exchange_done(dbx_exchange *exchange) {
  for (struct curl_slist *line = exchange->headers; line != NULL; line = line->next) {
    br_wipe(line->data, strlen(line->data));
  }
  curl_slist_free_all(exchange->headers);
  exchange->headers = NULL;
}
