/*
 * Discovery documents, OAuth machine-to-machine tokens and the caller's own identity.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/uri.h"
#include "sandbox/rest.h"
#include "sandbox/sandbox.h"

enum { TOKEN_SECONDS = 3600, ADDRESS_MAX = 1024, FORM_MAX = 4096 };

br_status rest_base_address(const http_request *request, br_buf *out, br_error *err) {
  const char *host = http_request_header(request, "Host");
  /* It goes into addresses: nothing but a name or address and a port. */
  static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  if (host != NULL && host[strspn(host, good)] != '\0') {
    host = NULL;
  }
  /* Only TCP sockets have TLS. */
  bool tls = rest_of(request)->tls && strcmp(http_request_peer(request), "unix") != 0;
  return br_buf_printf(out, err, "%s://%s", tls ? "https" : "http",
                       host != NULL && host[0] != '\0' ? host : "localhost");
}

static br_status address(const http_request *request, const char *path, char *text, size_t size,
                         br_error *err) {
  br_buf buf;
  br_buf_init(&buf, size);
  br_status st = rest_base_address(request, &buf, err);
  if (st == BR_OK) {
    st = br_buf_text(&buf, path, err);
  }
  const char *whole = st == BR_OK ? br_buf_cstr(&buf) : NULL;
  if (whole != NULL) {
    (void)snprintf(text, size, "%s", whole);
  } else if (st == BR_OK) {
    st = br_error_nomem(err);
  }
  br_buf_done(&buf);
  return st;
}

br_status rest_get_config(http_request *request, http_reply *reply, br_error *err) {
  char oidc[ADDRESS_MAX];
  br_status st = address(request, "/oidc", oidc, sizeof oidc, err);
  if (st != BR_OK) {
    return st;
  }
  return rest_reply_json(reply, 200,
                         json_pack("{s:s, s:s, s:s}", "oidc_endpoint", oidc, "workspace_id",
                                   REST_WORKSPACE_ID, "cloud", "AWS"),
                         err);
}

br_status rest_get_oauth_server(http_request *request, http_reply *reply, br_error *err) {
  char issuer[ADDRESS_MAX], authorize[ADDRESS_MAX], token[ADDRESS_MAX];
  br_status st = address(request, "/oidc", issuer, sizeof issuer, err);
  if (st == BR_OK) {
    st = address(request, "/oidc/v1/authorize", authorize, sizeof authorize, err);
  }
  if (st == BR_OK) {
    st = address(request, "/oidc/v1/token", token, sizeof token, err);
  }
  if (st != BR_OK) {
    return st;
  }
  json_t *body = json_pack("{s:s, s:s, s:s, s:[s], s:[s], s:[s,s]}", "authorization_endpoint",
                           authorize, "token_endpoint", token, "issuer", issuer, "scopes_supported",
                           "all-apis", "grant_types_supported", "client_credentials",
                           "token_endpoint_auth_methods_supported", "client_secret_basic",
                           "client_secret_post");
  return rest_reply_json(reply, 200, body, err);
}

/* Basic credentials, or those of the form: both are "id:secret" of the sandbox's kind. */
static br_status secret_is_right(http_request *request, const http_uri *form, bool *ret_right,
                                 br_error *err) {
  const char *header = http_request_header(request, "Authorization");
  *ret_right = false;
  if (header == NULL || !br_text_starts_with(header, "Basic ")) {
    const char *secret = http_uri_query(form, "client_secret");
    *ret_right = secret != NULL && br_text_starts_with(secret, SANDBOX_TOKEN);
    return BR_OK;
  }
  br_buf plain;
  br_buf_init(&plain, FORM_MAX);
  br_status st = br_base64_decode(header + 6, strlen(header + 6), &plain, err);
  const char *text = st == BR_OK ? br_buf_cstr(&plain) : NULL;
  const char *colon = text != NULL ? strchr(text, ':') : NULL;
  *ret_right = colon != NULL && br_text_starts_with(colon + 1, SANDBOX_TOKEN);
  br_buf_done(&plain);
  return st == BR_ERR_DATA || st == BR_ERR_LIMIT ? BR_OK : st;
}

static br_status oauth_error(http_reply *reply, unsigned status, const char *error,
                             const char *description, br_error *err) {
  return rest_reply_json(reply, status,
                         json_pack("{s:s, s:s}", "error", error, "error_description", description),
                         err);
}

static br_status give_token(http_request *request, const http_uri *form, http_reply *reply,
                            br_error *err) {
  const char *grant = http_uri_query(form, "grant_type");
  const char *scope = http_uri_query(form, "scope");
  if (grant == NULL || strcmp(grant, "client_credentials") != 0) {
    return oauth_error(reply, 400, "unsupported_grant_type", "Only client_credentials is supported",
                       err);
  }
  bool right = false;
  char id[BR_UUID_MAX], token[64];
  br_status st = secret_is_right(request, form, &right, err);
  if (st == BR_OK && !right) {
    return oauth_error(reply, 401, "invalid_client", "Client authentication failed", err);
  }
  if (st == BR_OK) {
    st = br_uuid(id, err);
  }
  if (st != BR_OK) {
    return st;
  }
  (void)snprintf(token, sizeof token, "%s-%s", SANDBOX_TOKEN, id);
  return rest_reply_json(reply, 200,
                         json_pack("{s:s, s:s, s:s, s:i}", "access_token", token, "scope",
                                   scope != NULL ? scope : "all-apis", "token_type", "Bearer",
                                   "expires_in", TOKEN_SECONDS),
                         err);
}

br_status rest_post_token(http_request *request, http_reply *reply, br_error *err) {
  size_t length = 0;
  const uint8_t *body = http_request_body(request, &length);
  char form_text[FORM_MAX + 3];
  if (length > FORM_MAX || memchr(length > 0 ? body : (const uint8_t *)"", 0, length) != NULL) {
    return oauth_error(reply, 400, "invalid_request", "The form is not understood", err);
  }
  (void)snprintf(form_text, sizeof form_text, "/?%.*s", (int)length, (const char *)body);
  http_uri form;
  br_status st = http_uri_parse(form_text, &form, NULL);
  if (st != BR_OK) {
    return oauth_error(reply, 400, "invalid_request", "The form is not understood", err);
  }
  st = give_token(request, &form, reply, err);
  http_uri_done(&form);
  return st;
}

br_status rest_get_me(http_request *request, http_reply *reply, br_error *err) {
  (void)request;
  return rest_reply_json(reply, 200,
                         json_pack("{s:[s], s:s, s:s, s:s, s:b}", "schemas",
                                   "urn:ietf:params:scim:schemas:core:2.0:User", "id", "1",
                                   "userName", "sandbox@localhost", "displayName", "Sandbox",
                                   "active", 1),
                         err);
}
