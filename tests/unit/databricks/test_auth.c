/* OAuth machine-to-machine: discovery, the token's life, refusals. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "unit/databricks/support.h"

/* base64 of "client-1:oauth-secret-0123456789" */
#define BASIC "Basic Y2xpZW50LTE6b2F1dGgtc2VjcmV0LTAxMjM0NTY3ODk="

/* A workspace with its OIDC server; the members say what it does. */
typedef struct workspace {
  char base[64];
  bool no_config;       /* no /.well-known/databricks-config */
  bool no_metadata;     /* no /oidc/.well-known/oauth-authorization-server */
  const char *endpoint; /* NULL: its own */
  const char *config_oidc;
  unsigned lifetime; /* seconds */
  bool lifetime_as_text;
  bool token_fails; /* the token endpoint answers 401 */
  unsigned refused; /* tokens up to this number are refused by the API */
  int refusal;      /* with this status */
  unsigned issued;
  bool fail_after_first; /* the token endpoint works once */
} workspace;

static script_step reply_json(int status, const char *body) {
  return (script_step){.reply = script_json(status, NULL, body)};
}

static script_step give_token(workspace *w) {
  char body[256];
  if (w->token_fails || (w->fail_after_first && w->issued > 0)) {
    return reply_json(401, "{\"error\":\"invalid_client\",\"error_description\":\"Client "
                           "authentication failed\"}");
  }
  w->issued++;
  const char *quote = w->lifetime_as_text ? "\"" : "";
  (void)snprintf(body, sizeof body,
                 "{\"access_token\":\"issued-token-%u\",\"token_type\":\"Bearer\",\"expires_in\":"
                 "%s%u%s,\"scope\":\"all-apis\"}",
                 w->issued, quote, w->lifetime, quote);
  return reply_json(200, body);
}

static script_step serve(void *context, const script_request *request, size_t nth) {
  (void)nth;
  workspace *w = context;
  char body[512];
  if (strcmp(request->target, "/.well-known/databricks-config") == 0 && !w->no_config) {
    (void)snprintf(body, sizeof body, "{\"oidc_endpoint\":\"%s/oidc\",\"workspace_id\":\"1\"}",
                   w->config_oidc != NULL ? w->config_oidc : w->base);
    return reply_json(200, body);
  }
  if (strcmp(request->target, "/oidc/.well-known/oauth-authorization-server") == 0 &&
      !w->no_metadata) {
    (void)snprintf(body, sizeof body, "{\"token_endpoint\":\"%s/own/token\"}", w->base);
    return reply_json(200, w->endpoint != NULL ? w->endpoint : body);
  }
  if (strcmp(request->target, "/own/token") == 0 ||
      strcmp(request->target, "/oidc/v1/token") == 0) {
    return give_token(w);
  }
  char header[128] = "";
  unsigned number = 0;
  (void)script_header(request, "Authorization", header, sizeof header);
  if (sscanf(header, "Bearer issued-token-%u", &number) == 1) {
    return number > w->refused
               ? reply_json(200, "{\"userName\":\"robot\"}")
               : reply_json(w->refusal,
                            "{\"error_code\":403,\"message\":\"Invalid access token.\"}");
  }
  return reply_json(404, "{}");
}

typedef struct fixture {
  workspace workspace;
  script_server *server;
  dbx_client *client;
} fixture;

static void begin(fixture *f, workspace w) {
  *f = (fixture){.workspace = w};
  if (f->workspace.lifetime == 0) {
    f->workspace.lifetime = 3600;
  }
  f->server = script_start_routed(serve, &f->workspace);
  (void)snprintf(f->workspace.base, sizeof f->workspace.base, "%s", script_base(f->server));
  f->client = test_client_oauth(f->workspace.base);
}

static void end(fixture *f) {
  dbx_client_free(f->client);
  script_stop(f->server);
}

static br_status who(fixture *f, br_error *err) {
  char name[32] = "";
  br_error_clear(err);
  br_status st = dbx_current_user(f->client, name, sizeof name, NULL, err);
  if (st == BR_OK) {
    assert_string_equal(name, "robot");
  }
  return st;
}

static void token_is_found_through_discovery_and_kept(void **state) {
  (void)state;
  fixture f;
  begin(&f, (workspace){0});
  br_error err = BR_ERROR_INIT;
  assert_status(who(&f, &err), BR_OK, &err);
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(script_request_count(f.server), 5);
  const script_request *request = script_request_at(f.server, 2);
  char text[256];
  assert_string_equal(request->method, "POST");
  assert_string_equal(request->target, "/own/token");
  assert_true(script_header(request, "Authorization", text, sizeof text));
  assert_string_equal(text, BASIC);
  assert_true(script_header(request, "Content-Type", text, sizeof text));
  assert_string_equal(text, "application/x-www-form-urlencoded");
  assert_string_equal((const char *)request->body, "grant_type=client_credentials&scope=all-apis");
  /* The documents are public: nothing to prove there. */
  assert_false(script_header(script_request_at(f.server, 0), "Authorization", text, sizeof text));
  assert_false(script_header(script_request_at(f.server, 1), "Authorization", text, sizeof text));
  end(&f);
}

static void older_workspaces_are_asked_at_their_known_places(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, (workspace){.no_config = true});
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(script_count(f.server, "POST", "/own/token"), 1);
  end(&f);
  begin(&f, (workspace){.no_config = true, .no_metadata = true});
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(script_count(f.server, "POST", "/oidc/v1/token"), 1);
  end(&f);
}

static void secret_never_goes_to_an_address_in_clear(void **state) {
  (void)state;
  static const char *const documents[] = {"{\"token_endpoint\":\"http://evil.example.com/token\"}",
                                          "{\"token_endpoint\":\"ftp://127.0.0.1/token\"}",
                                          "{\"token_endpoint\":17}", "[]", "x"};
  for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
    fixture f;
    br_error err = BR_ERROR_INIT;
    begin(&f, (workspace){.endpoint = documents[i]});
    assert_status(who(&f, &err), BR_OK, &err);
    assert_int_equal(script_count(f.server, "POST", "/oidc/v1/token"), 1);
    end(&f);
  }
}

static void foreign_oidc_server_in_clear_is_passed_over(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, (workspace){.config_oidc = "http://evil.example.com"});
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(script_count(f.server, "POST", "/own/token"), 1);
  end(&f);
}

static void refused_client_is_an_authentication_error_without_the_secret(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, (workspace){.token_fails = true});
  assert_status(who(&f, &err), BR_ERR_AUTH, &err);
  assert_contains(err.message, "OAuth token: HTTP 401 invalid_client");
  assert_lacks(err.message, "oauth-secret");
  end(&f);
}

static void refused_token_is_renewed_once(void **state) {
  (void)state;
  static const int refusals[] = {401, 403};
  for (size_t i = 0; i < 2; i++) {
    fixture f;
    br_error err = BR_ERROR_INIT;
    begin(&f, (workspace){.refused = 1, .refusal = refusals[i]});
    assert_status(who(&f, &err), BR_OK, &err);
    assert_int_equal(f.workspace.issued, 2);
    end(&f);
    begin(&f, (workspace){.refused = 100, .refusal = refusals[i]});
    assert_status(who(&f, &err), BR_ERR_AUTH, &err);
    assert_int_equal(f.workspace.issued, 2);
    assert_int_equal(script_count(f.server, "GET", "/api/"), 2);
    end(&f);
  }
}

static void refused_personal_token_is_final(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(401, NULL, "{}")}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  char name[32];
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_current_user(client, name, sizeof name, NULL, &err), BR_ERR_AUTH, &err);
  assert_int_equal(script_request_count(server), 1);
  dbx_client_free(client);
  script_stop(server);
}

/* A header stays one line, whatever a file brings while the client lives. */
static void token_that_was_replaced_by_two_lines_is_not_sent(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(200, NULL, "{\"userName\":\"robot\"}")}};
  script_server *server = script_start(steps, 1);
  br_secret *token = NULL;
  assert_int_equal(br_secret_new("token-of-one-line", &token, NULL), BR_OK);
  const dbx_options options = {.host = script_base(server), .token = token};
  dbx_client *client = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_client_new(&options, &client, &err), BR_OK, &err);
  assert_int_equal(br_secret_replace(token, "token-of\r\nX-Two: lines", NULL), BR_OK);
  char name[32];
  assert_status(dbx_current_user(client, name, sizeof name, NULL, &err), BR_ERR_AUTH, &err);
  assert_true(dbx_error_is_unauthenticated(&err));
  assert_contains(err.message, "The Databricks token has a blank, line break");
  assert_int_equal(script_request_count(server), 0);
  br_error_clear(&err);
  assert_int_equal(br_secret_replace(token, "another-token-of-one-line", NULL), BR_OK);
  assert_status(dbx_current_user(client, name, sizeof name, NULL, &err), BR_OK, &err);
  dbx_client_free(client);
  br_secret_free(token);
  script_stop(server);
}

static void token_that_runs_out_is_renewed(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, (workspace){.lifetime = 0});
  f.workspace.lifetime = 0; /* gone as soon as it comes */
  assert_status(who(&f, &err), BR_OK, &err);
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(f.workspace.issued, 2);
  f.workspace.lifetime = 3600;
  f.workspace.lifetime_as_text = true;
  assert_status(who(&f, &err), BR_OK, &err);
  assert_status(who(&f, &err), BR_OK, &err);
  assert_int_equal(f.workspace.issued, 3);
  end(&f);
}

static void tokens_that_ran_out_do_not_pile_up(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, (workspace){.lifetime = 0});
  f.workspace.lifetime = 0;
  size_t before = br_secret_count();
  for (int i = 0; i < 2 * BR_SECRETS_PASSED; i++) {
    assert_status(who(&f, &err), BR_OK, &err);
  }
  assert_int_equal(f.workspace.issued, 2 * BR_SECRETS_PASSED);
  assert_true(br_secret_count() <= before + BR_SECRETS_PASSED + 1);
  end(&f);
}

static void broken_token_answers_are_refused(void **state) {
  (void)state;
  static const char *const answers[] = {"{}", "{\"access_token\":\"\"}", "{\"access_token\":5}",
                                        "{\"access_token\":\"a\\r\\nX: 1\"}",
                                        "{\"access_token\":\"abcd\",\"token_type\":\"mac\"}"};
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    const script_step steps[] = {{.reply = script_json(404, NULL, "")},
                                 {.reply = script_json(404, NULL, "")},
                                 {.reply = script_json(200, NULL, answers[i])}};
    script_server *server = script_start(steps, 3);
    dbx_client *client = test_client_oauth(script_base(server));
    char name[32];
    br_error err = BR_ERROR_INIT;
    br_status st = dbx_current_user(client, name, sizeof name, NULL, &err);
    assert_true(st == BR_ERR_PROTOCOL || st == BR_ERR_USAGE);
    assert_int_equal(script_request_count(server), 3);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void *ask_who(void *argument) {
  br_error err = BR_ERROR_INIT;
  return who(argument, &err) == BR_OK ? argument : NULL;
}

static void many_threads_wait_for_one_token(void **state) {
  (void)state;
  enum { THREADS = 8 };
  fixture f;
  begin(&f, (workspace){0});
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, ask_who, &f), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    void *done = NULL;
    assert_int_equal(pthread_join(threads[i], &done), 0);
    assert_ptr_equal(done, &f);
  }
  assert_int_equal(f.workspace.issued, 1);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(token_is_found_through_discovery_and_kept),
      cmocka_unit_test(older_workspaces_are_asked_at_their_known_places),
      cmocka_unit_test(secret_never_goes_to_an_address_in_clear),
      cmocka_unit_test(foreign_oidc_server_in_clear_is_passed_over),
      cmocka_unit_test(refused_client_is_an_authentication_error_without_the_secret),
      cmocka_unit_test(refused_token_is_renewed_once),
      cmocka_unit_test(refused_personal_token_is_final),
      cmocka_unit_test(token_that_was_replaced_by_two_lines_is_not_sent),
      cmocka_unit_test(token_that_runs_out_is_renewed),
      cmocka_unit_test(tokens_that_ran_out_do_not_pile_up),
      cmocka_unit_test(broken_token_answers_are_refused),
      cmocka_unit_test(many_threads_wait_for_one_token),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
