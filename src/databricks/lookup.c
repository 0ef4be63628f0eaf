/* Small questions for test-connection: who am I, is the warehouse there, do catalog, schema and
 * volume exist. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "databricks/client.h"
#include "databricks/error.h"
#include "databricks/json.h"
#include "databricks/url.h"

enum { LONGEST_PATH = 16 * 1024 };

/* GET prefix + name; the caller releases the document. */
static br_status get_json(dbx_client *client, const char *what, const char *prefix,
                          const char *name, json_t **ret_root, br_cancel *cancel, br_error *err) {
  br_buf path;
  br_buf_init(&path, LONGEST_PATH);
  br_status st = br_buf_text(&path, prefix, err);
  if (st == BR_OK) {
    st = dbx_url_append_encoded(&path, name, "", err);
  }
  const char *text = st == BR_OK ? br_buf_cstr(&path) : NULL;
  char *described = br_asprintf("%s%s%s", what, name[0] == '\0' ? "" : " ", name);
  if (st == BR_OK && (text == NULL || described == NULL)) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    dbx_request request = {.what = described, .method = "GET", .path = text, .repeatable = true};
    dbx_http_response response;
    st = dbx_request_send(client, &request, cancel, &response, err);
    if (st == BR_OK) {
      st = dbx_json_load(response.body.data, response.body.len, ret_root, err);
      dbx_http_response_done(&response);
      st = st == BR_OK ? st : br_error_context(err, st, "%s", described);
    }
  }
  br_free(described);
  br_buf_done(&path);
  return st;
}

/* One text member of the document, cleaned and cut to size. */
static br_status get_text(dbx_client *client, const char *what, const char *prefix,
                          const char *name, const char *const *members, char *text, size_t size,
                          br_cancel *cancel, br_error *err) {
  json_t *root = NULL;
  br_status st = get_json(client, what, prefix, name, &root, cancel, err);
  if (st != BR_OK) {
    return st;
  }
  const char *found = NULL;
  for (; *members != NULL && found == NULL; members++) {
    found = dbx_json_text(root, *members);
  }
  char *copy = found == NULL ? NULL : br_strdup(found);
  if (copy != NULL) {
    dbx_text_clean(copy);
    (void)snprintf(text, size, "%s", copy);
  } else {
    st = found != NULL
             ? br_error_nomem(err)
             : br_error_set(err, BR_ERR_PROTOCOL, "%s: the answer lacks what was asked for", what);
  }
  br_free(copy);
  json_decref(root);
  return st;
}

br_status dbx_current_user(dbx_client *client, char *name, size_t size, br_cancel *cancel,
                           br_error *err) {
  static const char *const members[] = {"userName", "displayName", "id", NULL};
  return get_text(client, "Current user", "/api/2.0/preview/scim/v2/Me", "", members, name, size,
                  cancel, err);
}

br_status dbx_warehouse_state(dbx_client *client, char *state, size_t size, br_cancel *cancel,
                              br_error *err) {
  static const char *const members[] = {"state", NULL};
  if (client->warehouse_id == NULL) {
    return br_error_set(err, BR_ERR_USAGE, "The Databricks warehouse id is missing");
  }
  return get_text(client, "Warehouse", "/api/2.0/sql/warehouses/", client->warehouse_id, members,
                  state, size, cancel, err);
}

static br_status exists(dbx_client *client, const char *what, const char *prefix,
                        const char *full_name, br_cancel *cancel, br_error *err) {
  json_t *root = NULL;
  br_status st = get_json(client, what, prefix, full_name, &root, cancel, err);
  if (st == BR_OK) {
    json_decref(root);
  }
  return st;
}

br_status dbx_catalog_exists(dbx_client *client, const char *catalog, br_cancel *cancel,
                             br_error *err) {
  return exists(client, "Catalog", "/api/2.1/unity-catalog/catalogs/", catalog, cancel, err);
}

br_status dbx_schema_exists(dbx_client *client, const char *catalog, const char *schema,
                            br_cancel *cancel, br_error *err) {
  char *name = br_asprintf("%s.%s", catalog, schema);
  if (name == NULL) {
    return br_error_nomem(err);
  }
  br_status st = exists(client, "Schema", "/api/2.1/unity-catalog/schemas/", name, cancel, err);
  br_free(name);
  return st;
}

br_status dbx_volume_exists(dbx_client *client, const char *catalog, const char *schema,
                            const char *volume, br_cancel *cancel, br_error *err) {
  char *name = br_asprintf("%s.%s.%s", catalog, schema, volume);
  if (name == NULL) {
    return br_error_nomem(err);
  }
  br_status st = exists(client, "Volume", "/api/2.1/unity-catalog/volumes/", name, cancel, err);
  br_free(name);
  return st;
}
