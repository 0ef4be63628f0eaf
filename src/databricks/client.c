#include "databricks/client.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "databricks/url.h"

enum {
  CONNECT_TIMEOUT_MS = 10 * 1000,
  SILENCE_TIMEOUT_MS = 60 * 1000,
  RETRY_BUDGET_MS = 300 * 1000,
  FIRST_BACKOFF_MS = 1000,
  LONGEST_BACKOFF_MS = 30 * 1000,
  FIRST_POLL_MS = 100,
  LONGEST_POLL_MS = 5000,
  WAIT_S = 10
};

static uint32_t value_or(uint32_t value, uint32_t otherwise) {
  return value == 0 ? otherwise : value;
}

static br_status copy_text(const char *text, char **ret_copy, br_error *err) {
  if (text == NULL || text[0] == '\0') {
    return BR_OK;
  }
  *ret_copy = br_strdup(text);
  return *ret_copy == NULL ? br_error_nomem(err) : BR_OK;
}

/* The id itself, or the HTTP path of a warehouse: /sql/1.0/warehouses/<id> (or endpoints/<id>). */
static br_status copy_warehouse(const char *text, char **ret_copy, br_error *err) {
  static const char *const folders[] = {"/warehouses/", "/endpoints/"};
  if (text == NULL || strchr(text, '/') == NULL) {
    return copy_text(text, ret_copy, err);
  }
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    const char *found = strstr(text, folders[i]);
    const char *id = found == NULL ? "" : found + strlen(folders[i]);
    if (id[0] != '\0' && strchr(id, '/') == NULL) {
      return copy_text(id, ret_copy, err);
    }
  }
  return br_error_set(err, BR_ERR_USAGE,
                      "\"%.100s\" is not the HTTP path of a SQL warehouse "
                      "(/sql/1.0/warehouses/<id>)",
                      text);
}

static br_status make_transport(dbx_client *client, const dbx_options *options, br_error *err) {
  dbx_transport_options transport = {
      .unix_path = options->unix_path,
      .ca_file = options->ca_file,
      .loopback = dbx_url_is_loopback(client->base),
      .connect_timeout_ms = value_or(options->connect_timeout_ms, CONNECT_TIMEOUT_MS),
      .silence_timeout_ms = value_or(options->request_timeout_ms, SILENCE_TIMEOUT_MS),
  };
  return dbx_transport_new(&transport, &client->transport, err);
}

static br_status fill(dbx_client *client, const dbx_options *options, br_error *err) {
  /* Over a Unix socket the host is a label; nothing leaves the machine. */
  const char *host = options->unix_path != NULL ? "http://localhost" : options->host;
  if (host == NULL || host[0] == '\0') {
    return br_error_set(err, BR_ERR_USAGE, "The Databricks host is missing");
  }
  br_status st = dbx_url_base(host, &client->base, err);
  if (st == BR_OK) {
    st = copy_warehouse(options->warehouse_id, &client->warehouse_id, err);
  }
  if (st == BR_OK) {
    st = copy_text(options->catalog, &client->catalog, err);
  }
  if (st == BR_OK) {
    st = copy_text(options->schema, &client->schema, err);
  }
  if (st == BR_OK) {
    st = dbx_auth_new(options->token, options->client_id, options->client_secret, &client->auth,
                      err);
  }
  if (st == BR_OK) {
    st = make_transport(client, options, err);
  }
  uint64_t seed = options->random_seed;
  if (st == BR_OK && seed == 0) {
    st = br_random(&seed, sizeof seed, err);
  }
  atomic_init(&client->random, seed);
  return st;
}

br_status dbx_client_new(const dbx_options *options, dbx_client **ret_client, br_error *err) {
  dbx_json_init();
  dbx_client *client = br_calloc(1, sizeof *client);
  if (client == NULL) {
    return br_error_nomem(err);
  }
  client->retry = (dbx_retry_policy){
      .budget_ms = value_or(options->retry_budget_ms, RETRY_BUDGET_MS),
      .first_backoff_ms = FIRST_BACKOFF_MS,
      .longest_backoff_ms = LONGEST_BACKOFF_MS,
  };
  client->poll_first_ms = FIRST_POLL_MS;
  client->poll_longest_ms = LONGEST_POLL_MS;
  /* The server's hold must end well before its silence becomes a time-out. */
  uint32_t silence_ms = value_or(options->request_timeout_ms, SILENCE_TIMEOUT_MS);
  client->wait_seconds = silence_ms >= 2 * WAIT_S * 1000 ? WAIT_S : 0;
  atomic_init(&client->reached, false);
  br_status st = fill(client, options, err);
  if (st != BR_OK) {
    dbx_client_free(client);
    return st;
  }
  *ret_client = client;
  return BR_OK;
}

void dbx_client_free(dbx_client *client) {
  if (client == NULL) {
    return;
  }
  dbx_transport_free(client->transport);
  dbx_auth_free(client->auth);
  br_free(client->base);
  br_free(client->warehouse_id);
  br_free(client->catalog);
  br_free(client->schema);
  br_free(client);
}
