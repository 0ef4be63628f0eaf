/* The loop around one request: credentials, tries, waiting. */
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "databricks/client.h"
#include "databricks/error.h"

/* A host that has never answered is more likely mistyped than down. */
enum { TRIES_OF_UNKNOWN_HOST = 3 };

typedef struct attempt {
  uint64_t generation; /* of the token used */
  dbx_http_response response;
  br_status status;
} attempt;

uint64_t dbx_client_random(dbx_client *client) {
  /* SplitMix64. */
  uint64_t z = atomic_fetch_add(&client->random, UINT64_C(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static br_status try_once(dbx_client *client, const dbx_request *request, const char *url,
                          br_cancel *cancel, attempt *now, br_error *err) {
  char *header = NULL;
  memset(&now->response, 0, sizeof now->response);
  if (!request->anonymous) {
    br_status st = dbx_auth_header(client->auth, client, cancel, &header, &now->generation, err);
    if (st != BR_OK) {
      return st;
    }
  }
  dbx_http_request http = {
      .method = request->method,
      .url = url,
      .authorization = request->anonymous ? request->authorization : header,
      .content_type = request->content_type,
      .accept = !request->plain                       ? "application/json"
                : strcmp(request->method, "GET") == 0 ? "application/octet-stream"
                                                      : NULL,
      .body = request->body,
      .body_length = request->body_length,
      .upload = request->upload,
      .max_body = request->max_body == 0 ? BR_LIMIT_HTTP_BODY : request->max_body,
      .compressed = !request->plain,
      .fresh = !request->repeatable || request->uncertain != NULL,
      .silence_timeout_ms = request->time_limit_ms,
      .linger_ms = request->linger_ms,
  };
  br_status st = dbx_transport_exchange(client->transport, &http, cancel, &now->response, err);
  dbx_auth_header_free(header);
  return st;
}

/* Whether the failed try may be followed by another, and after how long. */
static bool may_repeat(dbx_client *client, const dbx_request *request, const attempt *last,
                       unsigned tries, const br_error *failure, uint64_t *ret_wait_ms) {
  const dbx_http_response *response = &last->response;
  *ret_wait_ms = dbx_retry_backoff(&client->retry, tries, dbx_client_random(client));
  if (response->reach == DBX_ANSWERED && response->status != 0) {
    uint64_t asked_ms = 0;
    if (response->retry_after[0] != '\0' &&
        dbx_retry_after(response->retry_after, br_clock_wall_us() / 1000000, &asked_ms)) {
      /* Jitter on top, never less than asked for. */
      *ret_wait_ms =
          asked_ms + dbx_client_random(client) % (client->retry.first_backoff_ms / 2 + 1);
    }
    return tries < dbx_retry_tries_of_status(response->status, request->repeatable);
  }
  if (!failure->retriable || (!request->repeatable && response->reach != DBX_NOT_SENT)) {
    return false;
  }
  return atomic_load(&client->reached) || tries < TRIES_OF_UNKNOWN_HOST;
}

static bool was_maybe_carried_out(const dbx_http_response *response) {
  return response->reach == DBX_MAYBE_SENT ||
         (response->reach == DBX_ANSWERED &&
          dbx_retry_tries_of_status(response->status, true) > 1 &&
          dbx_retry_tries_of_status(response->status, false) == 1);
}

static br_status give_up(const dbx_request *request, const dbx_http_response *response,
                         br_status st, unsigned tries, const br_error *failure, br_error *err) {
  if (err == NULL) {
    return st;
  }
  char asked[DBX_HEADER_TEXT_MAX];
  memcpy(asked, response->retry_after, sizeof asked);
  dbx_text_clean(asked);
  *err = *failure;
  if (st == BR_ERR_NOMEM || st == BR_ERR_CANCELLED) {
    return st;
  }
  if (asked[0] != '\0') {
    br_error_append(err, st, " (Retry-After: %s)", asked);
  }
  if (tries > 1) {
    br_error_append(err, st, " (after %u tries)", tries);
  }
  return br_error_context(err, st, "%s", request->what);
}

static bool is_success(const dbx_http_response *response) {
  return response->status >= 200 && response->status < 300;
}

/* A sign-in page of a portal or proxy on the way says 200 too. A file may be a page. */
static bool is_web_page(const dbx_request *request, const dbx_http_response *response) {
  bool content_wanted = request->plain && (strcmp(request->method, "GET") == 0 ||
                                           strcmp(request->method, "HEAD") == 0);
  return !content_wanted && strncasecmp(response->content_type, "text/html", 9) == 0;
}

static br_status take_success(const dbx_request *request, dbx_http_response *now,
                              dbx_http_response *response, br_error *err) {
  if (is_web_page(request, now)) {
    dbx_http_response_done(now);
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "%s: the host answers with a web page; is it the workspace's address, and "
                        "does a proxy on the way ask to sign in?",
                        request->what);
  }
  *response = *now;
  return BR_OK;
}

static br_status send_to(dbx_client *client, const dbx_request *request, const char *url,
                         br_cancel *cancel, dbx_http_response *response, br_error *err) {
  uint64_t end_ms =
      br_clock_monotonic_ms() +
      (request->time_limit_ms != 0 ? request->time_limit_ms : client->retry.budget_ms);
  bool renewed = false;
  for (unsigned tries = 1;; tries++) {
    attempt now = {0};
    br_error failure = BR_ERROR_INIT;
    br_status st = try_once(client, request, url, cancel, &now, &failure);
    if (now.response.reach == DBX_ANSWERED) {
      atomic_store(&client->reached, true);
    }
    if (st == BR_OK && is_success(&now.response)) {
      return take_success(request, &now.response, response, err);
    }
    bool again = false;
    uint64_t wait_ms = 0;
    if (st == BR_OK) {
      st = dbx_error_of_answer(&now.response, &failure);
      again = !renewed && !request->anonymous && dbx_answer_refuses_credentials(&now.response) &&
              dbx_auth_renew(client->auth, now.generation);
      renewed = renewed || again;
    }
    if (request->uncertain != NULL && was_maybe_carried_out(&now.response)) {
      *request->uncertain = true;
    }
    if (!again) {
      again = may_repeat(client, request, &now, tries, &failure, &wait_ms) &&
              br_clock_monotonic_ms() + wait_ms < end_ms;
    }
    dbx_http_response_done(&now.response);
    if (!again) {
      return give_up(request, &now.response, st, tries, &failure, err);
    }
    if ((st = br_cancel_sleep_ms(cancel, wait_ms, err)) != BR_OK) {
      return st;
    }
  }
}

br_status dbx_request_send(dbx_client *client, const dbx_request *request, br_cancel *cancel,
                           dbx_http_response *response, br_error *err) {
  if (request->url != NULL) {
    return send_to(client, request, request->url, cancel, response, err);
  }
  char *url = br_asprintf("%s%s", client->base, request->path);
  if (url == NULL) {
    return br_error_nomem(err);
  }
  br_status st = send_to(client, request, url, cancel, response, err);
  br_free(url);
  return st;
}
