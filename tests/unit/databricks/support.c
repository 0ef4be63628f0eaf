#include "unit/databricks/support.h"

#include <stdio.h>
#include <string.h>

static dbx_client *make(dbx_options *options) {
  dbx_client *client = NULL;
  br_error err = BR_ERROR_INIT;
  options->warehouse_id = "/sql/1.0/warehouses/abc123";
  options->random_seed = 7;
  if (dbx_client_new(options, &client, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  client->retry.first_backoff_ms = 0;
  client->poll_first_ms = 0;
  client->poll_longest_ms = 0;
  return client;
}

dbx_client *test_client(const char *host) {
  br_secret *token = NULL;
  assert_int_equal(br_secret_new(TEST_TOKEN, &token, NULL), BR_OK);
  dbx_client *client = make(&(dbx_options){.host = host, .token = token});
  br_secret_free(token);
  return client;
}

dbx_client *test_client_oauth(const char *host) {
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("oauth-secret-0123456789", &secret, NULL), BR_OK);
  dbx_client *client =
      make(&(dbx_options){.host = host, .client_id = "client-1", .client_secret = secret});
  br_secret_free(secret);
  return client;
}

static br_status read_at(void *context, uint64_t offset, void *bytes, size_t length,
                         br_error *err) {
  test_body *body = context;
  body->reads++;
  if (offset > body->length || length > body->length - offset) {
    return br_error_set(err, BR_ERR_INTERNAL, "Read behind the end");
  }
  memcpy(bytes, body->bytes + offset, length);
  return BR_OK;
}

static void on_progress(void *context, uint64_t sent) {
  test_body *body = context;
  body->last_progress = sent;
}

dbx_body test_body_of(test_body *body) {
  return (dbx_body){
      .read_at = read_at, .context = body, .size = body->length, .on_progress = on_progress};
}

void assert_status(br_status actual, br_status expected, const br_error *err) {
  if (actual != expected) {
    fail_msg("%s instead of %s: %s", br_status_name(actual), br_status_name(expected),
             err->message);
  }
}

void assert_contains(const char *text, const char *part) {
  if (strstr(text, part) == NULL) {
    fail_msg("\"%s\" does not contain \"%s\"", text, part);
  }
}

void assert_lacks(const char *text, const char *part) {
  if (strstr(text, part) != NULL) {
    fail_msg("\"%s\" contains \"%s\"", text, part);
  }
}
