#include "databricks/auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "databricks/client.h"
#include "databricks/error.h"
#include "databricks/json.h"
#include "databricks/url.h"

enum {
  DEFAULT_LIFETIME_S = 3600,
  LONGEST_LIFETIME_S = 7 * 24 * 3600,
  LONGEST_HEADER = 64 * 1024,
  EARLY_MS = 300 * 1000,
  GONE_EARLY_MS = 40 * 1000,
  LOOK_MS = 100
};

struct dbx_auth {
  br_secret *token; /* personal access token; NULL: OAuth, by the next two */
  char *client_id;
  br_secret *client_secret;

  pthread_mutex_t lock; /* guards all below */
  pthread_cond_t changed;
  bool fetching;        /* one thread is at the token endpoint */
  br_secret *current;   /* NULL: none yet, or refused */
  uint64_t generation;  /* of current */
  uint64_t renew_at_ms; /* monotonic: from here on a new one is fetched … */
  uint64_t gone_at_ms;  /* … and from here on the old one is not used any more */
};

br_status dbx_credential_check(const char *text, const char *what, br_error *err) {
  for (const char *p = text; *p != '\0'; p++) {
    if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7F) {
      return br_error_set(err, BR_ERR_USAGE,
                          "%s has a blank, line break or other character that can't be in it",
                          what);
    }
  }
  return strlen(text) <= LONGEST_HEADER ? BR_OK
                                        : br_error_set(err, BR_ERR_USAGE, "%s is too long", what);
}

static br_status copy_credentials(dbx_auth *auth, const br_secret *token, const char *client_id,
                                  const br_secret *client_secret, br_error *err) {
  if (!br_secret_empty(token)) {
    br_status st = dbx_credential_check(br_secret_reveal(token), "The Databricks token", err);
    return st != BR_OK ? st : br_secret_copy(token, &auth->token, err);
  }
  if (client_id == NULL || client_id[0] == '\0' || br_secret_empty(client_secret)) {
    return br_error_set(err, BR_ERR_USAGE,
                        "Databricks needs a token, or a client id and a client secret");
  }
  br_status st = dbx_credential_check(client_id, "The Databricks client id", err);
  if (st == BR_OK && strchr(client_id, ':') != NULL) {
    st = br_error_set(err, BR_ERR_USAGE, "The Databricks client id has a colon");
  }
  if (st == BR_OK) {
    st = dbx_credential_check(br_secret_reveal(client_secret), "The Databricks client secret", err);
  }
  if (st != BR_OK) {
    return st;
  }
  auth->client_id = br_strdup(client_id);
  return auth->client_id == NULL ? br_error_nomem(err)
                                 : br_secret_copy(client_secret, &auth->client_secret, err);
}

br_status dbx_auth_new(const br_secret *token, const char *client_id,
                       const br_secret *client_secret, dbx_auth **ret_auth, br_error *err) {
  dbx_auth *auth = br_calloc(1, sizeof *auth);
  if (auth == NULL) {
    return br_error_nomem(err);
  }
  (void)pthread_mutex_init(&auth->lock, NULL);
  (void)pthread_cond_init(&auth->changed, NULL);
  br_status st = copy_credentials(auth, token, client_id, client_secret, err);
  if (st != BR_OK) {
    dbx_auth_free(auth);
    return st;
  }
  *ret_auth = auth;
  return BR_OK;
}

void dbx_auth_free(dbx_auth *auth) {
  if (auth == NULL) {
    return;
  }
  br_secret_free(auth->token);
  br_free(auth->client_id);
  br_secret_free(auth->client_secret);
  br_secret_free(auth->current);
  (void)pthread_cond_destroy(&auth->changed);
  (void)pthread_mutex_destroy(&auth->lock);
  br_free(auth);
}

/* ---- the token endpoint ---- */

static bool is_usable_endpoint(const dbx_client *client, const char *url) {
  /* A document of a workspace elsewhere doesn't send the secret to this machine in clear. */
  return url != NULL && (br_text_starts_with(url, "https://") ||
                         (dbx_url_is_safe(url) && dbx_url_is_loopback(client->base)));
}

/* A text member of a discovery document. BR_DONE: there is no such document or member, and other
 * ways are left. */
static br_status discover(dbx_client *client, const char *url, const char *member, char **ret_text,
                          br_cancel *cancel, br_error *err) {
  dbx_request request = {.what = "OAuth discovery",
                         .method = "GET",
                         .url = url,
                         .anonymous = true,
                         .repeatable = true,
                         .max_body = BR_MIB(1)};
  dbx_http_response response;
  br_error failure = BR_ERROR_INIT;
  br_status st = dbx_request_send(client, &request, cancel, &response, &failure);
  if (st != BR_OK) {
    if (failure.native_code >= 300 && failure.native_code != 429 && failure.native_code != 503) {
      return BR_DONE;
    }
    if (err != NULL) {
      *err = failure;
    }
    return st;
  }
  json_t *root = NULL;
  st = dbx_json_load(response.body.data, response.body.len, &root, err);
  dbx_http_response_done(&response);
  if (st != BR_OK) {
    return st == BR_ERR_PROTOCOL ? BR_DONE : st;
  }
  const char *text = dbx_json_text(root, member);
  char *copy = NULL;
  if (is_usable_endpoint(client, text)) {
    copy = br_strdup(text);
    st = copy == NULL ? br_error_nomem(err) : BR_OK;
  } else {
    st = BR_DONE;
  }
  json_decref(root);
  if (st == BR_OK) {
    *ret_text = copy;
  }
  return st;
}

/* base + suffix, and the member of the document there. */
static br_status discover_at(dbx_client *client, const char *base, const char *suffix,
                             const char *member, char **ret_text, br_cancel *cancel,
                             br_error *err) {
  size_t length = strlen(base);
  while (length > 0 && base[length - 1] == '/') {
    length--;
  }
  char *url = br_asprintf("%.*s%s", (int)length, base, suffix);
  if (url == NULL) {
    return br_error_nomem(err);
  }
  br_status st = discover(client, url, member, ret_text, cancel, err);
  br_free(url);
  return st;
}

/* The workspace names its OIDC server, that one its token endpoint; older workspaces and private
 * links lack the first document or both. */
static br_status find_token_endpoint(dbx_client *client, char **ret_url, br_cancel *cancel,
                                     br_error *err) {
  static const char server_metadata[] = "/.well-known/oauth-authorization-server";
  char *oidc = NULL;
  br_status st = discover_at(client, client->base, "/.well-known/databricks-config",
                             "oidc_endpoint", &oidc, cancel, err);
  if (st == BR_OK) {
    st = discover_at(client, oidc, server_metadata, "token_endpoint", ret_url, cancel, err);
    br_free(oidc);
  }
  if (st == BR_DONE) {
    st = discover_at(client, client->base, "/oidc/.well-known/oauth-authorization-server",
                     "token_endpoint", ret_url, cancel, err);
  }
  if (st == BR_DONE) {
    *ret_url = br_asprintf("%s/oidc/v1/token", client->base);
    st = *ret_url == NULL ? br_error_nomem(err) : BR_OK;
  }
  return st;
}

/* "Basic " and base64 of "id:secret" (RFC 7617). */
static br_status basic_header(const dbx_auth *auth, br_buf *out, br_error *err) {
  char *pair = br_asprintf("%s:%s", auth->client_id, br_secret_reveal(auth->client_secret));
  if (pair == NULL) {
    return br_error_nomem(err);
  }
  br_status st = br_buf_text(out, "Basic ", err);
  if (st == BR_OK) {
    st = br_base64_encode((const uint8_t *)pair, strlen(pair), out, err);
  }
  br_wipe(pair, strlen(pair));
  br_free(pair);
  if (st == BR_OK && br_buf_cstr(out) == NULL) {
    st = br_error_nomem(err);
  }
  return st;
}

static br_status read_token(const dbx_http_response *response, br_secret **ret_token,
                            uint64_t *ret_lifetime_ms, br_error *err) {
  json_t *root = NULL;
  br_status st = dbx_json_load(response->body.data, response->body.len, &root, err);
  if (st != BR_OK) {
    return st;
  }
  const char *token = dbx_json_text(root, "access_token");
  const char *type = dbx_json_text(root, "token_type");
  uint64_t seconds = DEFAULT_LIFETIME_S;
  (void)dbx_json_u64(root, "expires_in", &seconds);
  if (token == NULL || token[0] == '\0') {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The answer has no access_token");
  } else if (type != NULL && !br_text_equal_nocase(type, "Bearer")) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The token is not of type Bearer");
  } else if ((st = dbx_credential_check(token, "The access token", err)) == BR_OK) {
    st = br_secret_new_passing(token, ret_token, err);
    *ret_lifetime_ms = (seconds < LONGEST_LIFETIME_S ? seconds : LONGEST_LIFETIME_S) * 1000;
  }
  json_decref(root);
  return st;
}

static br_status ask_for_token(const dbx_auth *auth, dbx_client *client, const char *endpoint,
                               br_secret **ret_token, uint64_t *ret_lifetime_ms, br_cancel *cancel,
                               br_error *err) {
  static const char form[] = "grant_type=client_credentials&scope=all-apis";
  br_buf header;
  br_buf_init(&header, 2 * LONGEST_HEADER);
  br_status st = basic_header(auth, &header, err);
  if (st == BR_OK) {
    dbx_request request = {.what = "OAuth token",
                           .method = "POST",
                           .url = endpoint,
                           .anonymous = true,
                           .authorization = br_buf_cstr(&header),
                           .content_type = "application/x-www-form-urlencoded",
                           .body = form,
                           .body_length = sizeof form - 1,
                           .repeatable = true,
                           .max_body = BR_MIB(1)};
    dbx_http_response response;
    st = dbx_request_send(client, &request, cancel, &response, err);
    if (st == BR_OK) {
      st = read_token(&response, ret_token, ret_lifetime_ms, err);
      dbx_http_response_done(&response);
      st = st == BR_OK ? st : br_error_context(err, st, "OAuth token");
    }
  }
  br_wipe(header.data, header.len);
  br_buf_done(&header);
  return st;
}

static br_status fetch(const dbx_auth *auth, dbx_client *client, br_secret **ret_token,
                       uint64_t *ret_lifetime_ms, br_cancel *cancel, br_error *err) {
  char *endpoint = NULL;
  br_status st = find_token_endpoint(client, &endpoint, cancel, err);
  if (st == BR_OK) {
    st = ask_for_token(auth, client, endpoint, ret_token, ret_lifetime_ms, cancel, err);
    br_free(endpoint);
  }
  return st;
}

/* ---- the cache ---- */

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* lock is held. */
static void store(dbx_auth *auth, br_secret *token, uint64_t lifetime_ms) {
  uint64_t now = br_clock_monotonic_ms();
  br_secret_free(auth->current);
  auth->current = token;
  auth->generation++;
  auth->renew_at_ms = now + lifetime_ms - smaller(EARLY_MS, lifetime_ms / 5);
  auth->gone_at_ms = now + lifetime_ms - smaller(GONE_EARLY_MS, lifetime_ms / 10);
}

/* Waits until another thread's fetch ends, or for a moment, to look whether we are cancelled. */
static void wait_for_change(dbx_auth *auth) {
  struct timespec until = {0};
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LOOK_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_nsec -= 1000000000L;
    until.tv_sec++;
  }
  (void)pthread_cond_timedwait(&auth->changed, &auth->lock, &until);
}

/* lock is held, and let go during the fetch. A failed renewal is no failure while the old token
 * still holds. */
static br_status refresh(dbx_auth *auth, dbx_client *client, br_cancel *cancel, br_error *err) {
  auth->fetching = true;
  (void)pthread_mutex_unlock(&auth->lock);
  br_secret *token = NULL;
  uint64_t lifetime_ms = 0;
  br_status st = fetch(auth, client, &token, &lifetime_ms, cancel, err);
  (void)pthread_mutex_lock(&auth->lock);
  auth->fetching = false;
  (void)pthread_cond_broadcast(&auth->changed);
  if (st == BR_OK) {
    store(auth, token, lifetime_ms);
  } else if (st != BR_ERR_CANCELLED && auth->current != NULL &&
             br_clock_monotonic_ms() < auth->gone_at_ms) {
    st = BR_OK;
  }
  return st;
}

/* lock is held; on BR_OK current is good to use. */
static br_status ensure_current(dbx_auth *auth, dbx_client *client, br_cancel *cancel,
                                br_error *err) {
  for (;;) {
    br_status st = br_cancel_check(cancel, err);
    if (st != BR_OK) {
      return st;
    }
    uint64_t now = br_clock_monotonic_ms();
    bool usable = auth->current != NULL && now < auth->gone_at_ms;
    if (usable && (now < auth->renew_at_ms || auth->fetching)) {
      return BR_OK;
    }
    if (!auth->fetching) {
      return refresh(auth, client, cancel, err);
    }
    wait_for_change(auth);
  }
}

br_status dbx_auth_header(dbx_auth *auth, dbx_client *client, br_cancel *cancel, char **ret_header,
                          uint64_t *ret_generation, br_error *err) {
  br_status st = BR_OK;
  char *header = NULL;
  if (auth->token != NULL) {
    /* Asked for first: where the token changes in between, it is tried once more in vain. */
    *ret_generation = br_secret_version(auth->token);
    const char *token = br_secret_reveal(auth->token);
    st = dbx_credential_check(token, "The Databricks token", err);
    header = st == BR_OK ? br_asprintf("Bearer %s", token) : NULL;
    if (st != BR_OK && err != NULL) { /* a file has brought it: as if the workspace refused it */
      st = err->status = BR_ERR_AUTH;
      err->native_code = 401;
    }
  } else {
    (void)pthread_mutex_lock(&auth->lock);
    st = ensure_current(auth, client, cancel, err);
    if (st == BR_OK) {
      header = br_asprintf("Bearer %s", br_secret_reveal(auth->current));
      *ret_generation = auth->generation;
    }
    (void)pthread_mutex_unlock(&auth->lock);
  }
  if (st == BR_OK && header == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    *ret_header = header;
  }
  return st;
}

void dbx_auth_header_free(char *header) {
  if (header != NULL) {
    br_wipe(header, strlen(header));
    br_free(header);
  }
}

bool dbx_auth_renew(dbx_auth *auth, uint64_t generation) {
  if (auth->token != NULL) { /* a file may have brought another one meanwhile */
    return br_secret_version(auth->token) != generation;
  }
  (void)pthread_mutex_lock(&auth->lock);
  if (auth->generation == generation) {
    br_secret_free(auth->current);
    auth->current = NULL;
  }
  (void)pthread_mutex_unlock(&auth->lock);
  return true;
}
