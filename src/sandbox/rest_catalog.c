#include "sandbox/rest_catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/rest_query.h"
#include "sandbox/sandbox.h"
#include "sandbox/volume.h"

enum { NAME_PARTS_MAX = 3, FULL_NAME_MAX = 800 };

/* A dotted name in its parts; false where it has not just `count` of them, none empty. */
typedef struct dotted {
  char text[FULL_NAME_MAX];
  const char *parts[NAME_PARTS_MAX];
} dotted;

static bool split_name(const char *full, size_t count, dotted *ret_name) {
  size_t length = strlen(full);
  if (length >= sizeof ret_name->text) {
    return false;
  }
  memcpy(ret_name->text, full, length + 1);
  char *p = ret_name->text;
  for (size_t i = 0; i < count; i++) {
    ret_name->parts[i] = p;
    char *dot = strchr(p, '.');
    if (p[0] == '\0' || p[0] == '.' || (dot == NULL) != (i + 1 == count)) {
      return false;
    }
    if (dot != NULL) {
      *dot = '\0';
      p = dot + 1;
    }
  }
  return true;
}

static br_status not_found(http_reply *reply, const char *kind, const char *name, br_error *err) {
  return rest_reply_error(reply, 404, "RESOURCE_DOES_NOT_EXIST", NULL, err,
                          "%s '%s' does not exist.", kind, name);
}

/* How a row of a query becomes an object. */
typedef json_t *(*make_object)(const json_t *row);

static json_t *make_catalog(const json_t *row) {
  return json_pack("{s:s, s:s, s:s}", "name", rest_cell(row, 0), "full_name", rest_cell(row, 0),
                   "catalog_type", "MANAGED_CATALOG");
}

static json_t *with_full_name(json_t *object, const json_t *row, size_t parts) {
  char full[FULL_NAME_MAX];
  int length = parts == 2
                   ? snprintf(full, sizeof full, "%s.%s", rest_cell(row, 0), rest_cell(row, 1))
                   : snprintf(full, sizeof full, "%s.%s.%s", rest_cell(row, 0), rest_cell(row, 1),
                              rest_cell(row, 2));
  if (object != NULL && (length < 0 || (size_t)length >= sizeof full ||
                         json_object_set_new(object, "full_name", json_string(full)) != 0)) {
    json_decref(object);
    return NULL;
  }
  return object;
}

static json_t *make_schema(const json_t *row) {
  return with_full_name(
      json_pack("{s:s, s:s}", "catalog_name", rest_cell(row, 0), "name", rest_cell(row, 1)), row,
      2);
}

static json_t *make_table(const json_t *row) {
  const char *type = rest_cell(row, 3);
  return with_full_name(json_pack("{s:s, s:s, s:s, s:s, s:s}", "catalog_name", rest_cell(row, 0),
                                  "schema_name", rest_cell(row, 1), "name", rest_cell(row, 2),
                                  "table_type", type != NULL ? type : "MANAGED",
                                  "data_source_format", "DELTA"),
                        row, 3);
}

static const char catalogs_sql[] =
    "SELECT catalog_name FROM system.information_schema.catalogs ORDER BY catalog_name";
static const char schemas_sql[] =
    "SELECT catalog_name, schema_name FROM system.information_schema.schemata "
    "WHERE catalog_name = :p0 ORDER BY schema_name";
static const char tables_sql[] =
    "SELECT table_catalog, table_schema, table_name, table_type "
    "FROM system.information_schema.tables "
    "WHERE table_catalog = :p0 AND table_schema = :p1 ORDER BY table_name";
static const char columns_sql[] =
    "SELECT column_name, full_data_type, data_type, is_nullable, numeric_precision, numeric_scale "
    "FROM system.information_schema.columns "
    "WHERE table_catalog = :p0 AND table_schema = :p1 AND table_name = :p2 "
    "ORDER BY ordinal_position";

static br_status list(http_request *request, const char *key, const char *sql,
                      const char *const *parameters, size_t count, make_object make,
                      http_reply *reply, br_error *err) {
  json_t *rows = NULL;
  br_status st = rest_query(rest_of(request), sql, parameters, count, &rows, err);
  if (st != BR_OK) {
    return st;
  }
  json_t *objects = json_array();
  for (size_t i = 0; objects != NULL && i < json_array_size(rows); i++) {
    if (json_array_append_new(objects, make(json_array_get(rows, i))) != 0) {
      json_decref(objects);
      objects = NULL;
    }
  }
  json_decref(rows);
  /* No key at all where there is nothing. */
  json_t *body = objects == NULL                 ? NULL
                 : json_array_size(objects) == 0 ? json_object()
                                                 : json_pack("{s:O}", key, objects);
  json_decref(objects);
  return rest_reply_json(reply, 200, body, err);
}

/* The object of a list whose cell `column` is name (case ignored); NULL object: there is none. */
static br_status find(http_request *request, const char *sql, const char *const *parameters,
                      size_t count, size_t column, const char *name, make_object make,
                      json_t **ret_object, br_error *err) {
  json_t *rows = NULL;
  br_status st = rest_query(rest_of(request), sql, parameters, count, &rows, err);
  if (st != BR_OK) {
    return st;
  }
  json_t *object = NULL;
  bool found = false;
  for (size_t i = 0; !found && i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    const char *cell = rest_cell(row, column);
    found = cell != NULL && br_text_equal_nocase(cell, name);
    object = found ? make(row) : NULL;
  }
  json_decref(rows);
  if (found && object == NULL) {
    return br_error_nomem(err);
  }
  *ret_object = object;
  return BR_OK;
}

br_status rest_list_catalogs(http_request *request, http_reply *reply, br_error *err) {
  return list(request, "catalogs", catalogs_sql, NULL, 0, make_catalog, reply, err);
}

br_status rest_get_catalog(http_request *request, http_reply *reply, br_error *err) {
  const char *name = http_request_capture(request, 0);
  json_t *object = NULL;
  br_status st = find(request, catalogs_sql, NULL, 0, 0, name, make_catalog, &object, err);
  if (st != BR_OK) {
    return st;
  }
  return object != NULL ? rest_reply_json(reply, 200, object, err)
                        : not_found(reply, "Catalog", name, err);
}

static br_status missing(http_reply *reply, const char *name, br_error *err) {
  return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err, "%s is required.",
                          name);
}

br_status rest_list_schemas(http_request *request, http_reply *reply, br_error *err) {
  const char *parameters[] = {http_request_query(request, "catalog_name")};
  return parameters[0] == NULL
             ? missing(reply, "catalog_name", err)
             : list(request, "schemas", schemas_sql, parameters, 1, make_schema, reply, err);
}

br_status rest_get_schema(http_request *request, http_reply *reply, br_error *err) {
  const char *full = http_request_capture(request, 0);
  dotted name;
  json_t *object = NULL;
  if (!split_name(full, 2, &name)) {
    return not_found(reply, "Schema", full, err);
  }
  br_status st =
      find(request, schemas_sql, name.parts, 1, 1, name.parts[1], make_schema, &object, err);
  if (st != BR_OK) {
    return st;
  }
  return object != NULL ? rest_reply_json(reply, 200, object, err)
                        : not_found(reply, "Schema", full, err);
}

br_status rest_list_tables(http_request *request, http_reply *reply, br_error *err) {
  const char *parameters[] = {http_request_query(request, "catalog_name"),
                              http_request_query(request, "schema_name")};
  if (parameters[0] == NULL || parameters[1] == NULL) {
    return missing(reply, parameters[0] == NULL ? "catalog_name" : "schema_name", err);
  }
  return list(request, "tables", tables_sql, parameters, 2, make_table, reply, err);
}

static br_status add_columns(http_request *request, const dotted *name, json_t *table,
                             br_error *err) {
  json_t *rows = NULL;
  br_status st = rest_query(rest_of(request), columns_sql, name->parts, NAME_PARTS_MAX, &rows, err);
  json_t *columns = st == BR_OK ? json_array() : NULL;
  for (size_t i = 0; st == BR_OK && i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    const char *nullable = rest_cell(row, 3);
    json_t *column =
        json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", rest_cell(row, 0), "type_text",
                  rest_cell(row, 1), "type_name", rest_cell(row, 2), "position", (json_int_t)i,
                  "nullable", nullable == NULL || !br_text_equal_nocase(nullable, "NO"));
    if (columns == NULL || json_array_append_new(columns, column) != 0) {
      st = br_error_nomem(err);
    }
  }
  json_decref(rows);
  if (st != BR_OK) {
    json_decref(columns);
    return st;
  }
  return json_object_set_new(table, "columns", columns) == 0 ? BR_OK : br_error_nomem(err);
}

static br_status find_table(http_request *request, dotted *name, json_t **ret_object,
                            br_error *err) {
  *ret_object = NULL;
  return split_name(http_request_capture(request, 0), NAME_PARTS_MAX, name)
             ? find(request, tables_sql, name->parts, 2, 2, name->parts[2], make_table, ret_object,
                    err)
             : BR_OK;
}

br_status rest_get_table(http_request *request, http_reply *reply, br_error *err) {
  dotted name;
  json_t *object = NULL;
  br_status st = find_table(request, &name, &object, err);
  if (st != BR_OK) {
    return st;
  }
  if (object == NULL) {
    return not_found(reply, "Table", http_request_capture(request, 0), err);
  }
  st = add_columns(request, &name, object, err);
  if (st != BR_OK) {
    json_decref(object);
    return st;
  }
  return rest_reply_json(reply, 200, object, err);
}

br_status rest_table_exists(http_request *request, http_reply *reply, br_error *err) {
  dotted name;
  json_t *object = NULL;
  br_status st = find_table(request, &name, &object, err);
  bool exists = object != NULL;
  json_decref(object);
  return st != BR_OK ? st
                     : rest_reply_json(reply, 200, json_pack("{s:b}", "table_exists", exists), err);
}

/* Volumes are folders. */

static json_t *make_volume(const char *catalog, const char *schema, const char *name,
                           const char *disk) {
  json_t *row = json_pack("[s,s,s]", catalog, schema, name);
  json_t *object =
      with_full_name(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "catalog_name", catalog,
                               "schema_name", schema, "name", name, "volume_type", "MANAGED",
                               "storage_location", disk, "owner", "sandbox@localhost"),
                     row, 3);
  json_decref(row);
  return object;
}

static br_status volume_folder(const rest_server *server, const char *catalog, const char *schema,
                               const char *name, volume_path *ret_path, bool *ret_exists,
                               br_error *err) {
  char path[FULL_NAME_MAX + 16];
  *ret_exists = false;
  int length = snprintf(path, sizeof path, "Volumes/%s/%s/%s", catalog, schema, name);
  if (length < 0 || (size_t)length >= sizeof path) {
    return BR_DONE;
  }
  br_status st = volume_path_parse(server->volumes_folder, path, ret_path, NULL);
  if (st == BR_ERR_NOMEM) {
    return br_error_nomem(err);
  }
  if (st != BR_OK || !ret_path->is_root) {
    if (st == BR_OK) {
      volume_path_done(ret_path);
    }
    return BR_DONE;
  }
  st = volume_exists(ret_path, ret_exists, err);
  if (st != BR_OK) {
    volume_path_done(ret_path);
  }
  return st;
}

br_status rest_get_volume(http_request *request, http_reply *reply, br_error *err) {
  const char *full = http_request_capture(request, 0);
  dotted name;
  volume_path path;
  bool exists = false;
  br_status st = !split_name(full, NAME_PARTS_MAX, &name)
                     ? BR_DONE
                     : volume_folder(rest_of(request), name.parts[0], name.parts[1], name.parts[2],
                                     &path, &exists, err);
  if (st == BR_DONE) {
    return not_found(reply, "Volume", full, err);
  }
  if (st != BR_OK) {
    return st;
  }
  st = exists ? rest_reply_json(reply, 200,
                                make_volume(name.parts[0], name.parts[1], name.parts[2], path.disk),
                                err)
              : not_found(reply, "Volume", full, err);
  volume_path_done(&path);
  return st;
}

static br_status add_volumes(const rest_server *server, const char *catalog, const char *schema,
                             json_t *volumes, br_error *err) {
  volume_path path;
  bool exists = false;
  /* Any name will do to check the two parts and to find the folder that holds the volumes. */
  br_status st = volume_folder(server, catalog, schema, "x", &path, &exists, err);
  if (st != BR_OK) {
    return st == BR_DONE ? BR_OK : st;
  }
  *strrchr(path.root, '/') = '\0';
  char **names = NULL;
  size_t count = 0;
  st = br_dir_list(path.root, &names, &count, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    json_t *volume = make_volume(catalog, schema, names[i], path.root);
    if (json_array_append_new(volumes, volume) != 0) {
      st = br_error_nomem(err);
    }
  }
  br_names_free(names, count);
  volume_path_done(&path);
  return st == BR_ERR_NOT_FOUND ? BR_OK : st;
}

br_status rest_list_volumes(http_request *request, http_reply *reply, br_error *err) {
  const char *catalog = http_request_query(request, "catalog_name");
  const char *schema = http_request_query(request, "schema_name");
  if (catalog == NULL || schema == NULL) {
    return missing(reply, catalog == NULL ? "catalog_name" : "schema_name", err);
  }
  json_t *volumes = json_array();
  br_status st = volumes == NULL ? br_error_nomem(err)
                                 : add_volumes(rest_of(request), catalog, schema, volumes, err);
  if (st != BR_OK) {
    json_decref(volumes);
    return st;
  }
  return rest_reply_json(reply, 200, json_pack("{s:o}", "volumes", volumes), err);
}

/* The one warehouse. It is always there to run a statement: to a stopped one a statement is the
 * order to start. */

static json_t *make_warehouse(const rest_server *server) {
  return json_pack("{s:s, s:s, s:s, s:s, s:b, s:{s:s}}", "id", SANDBOX_WAREHOUSE, "name", "Sandbox",
                   "state", atomic_load(&server->stopped) ? "STOPPED" : "RUNNING", "warehouse_type",
                   "PRO", "enable_serverless_compute", 1, "health", "status", "HEALTHY");
}

br_status rest_list_warehouses(http_request *request, http_reply *reply, br_error *err) {
  return rest_reply_json(reply, 200,
                         json_pack("{s:[o]}", "warehouses", make_warehouse(rest_of(request))), err);
}

static br_status with_warehouse(http_request *request, json_t *body, http_reply *reply,
                                br_error *err) {
  const char *id = http_request_capture(request, 0);
  if (strcmp(id, SANDBOX_WAREHOUSE) != 0) {
    json_decref(body);
    return rest_reply_error(reply, 404, "RESOURCE_DOES_NOT_EXIST", NULL, err,
                            "SQL warehouse %s does not exist", id);
  }
  return rest_reply_json(reply, 200, body, err);
}

br_status rest_get_warehouse(http_request *request, http_reply *reply, br_error *err) {
  return with_warehouse(request, make_warehouse(rest_of(request)), reply, err);
}

br_status rest_start_warehouse(http_request *request, http_reply *reply, br_error *err) {
  atomic_store(&rest_of(request)->stopped, false);
  return with_warehouse(request, json_object(), reply, err);
}

br_status rest_stop_warehouse(http_request *request, http_reply *reply, br_error *err) {
  atomic_store(&rest_of(request)->stopped, true);
  return with_warehouse(request, json_object(), reply, err);
}
