#include "sync/target.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sync/query.h"

void sync_target_free(sync_target *target) {
  if (target == NULL) {
    return;
  }
  for (size_t i = 0; i < target->count; i++) {
    br_free(target->columns[i].name);
    br_free(target->columns[i].collation);
  }
  br_free(target->columns);
  br_free(target);
}

/* sys.columns as rows: name, is_identity, is_computed, is_nullable, collation_name,
 * default_object_id; with_key: whether it is in the primary key. */
static br_status read_catalog(const sync_target *target, tds_conn *conn, bool with_key,
                              sync_rows **ret_rows, br_error *err) {
  const char *k = target->catalog;
  const tds_parameter object = sync_text_parameter("object", target->sql);
  br_buf sql;
  br_buf_init(&sql, 4 * SYNC_NAME_TEXT_MAX);
  br_status st = br_buf_text(&sql,
                             "SELECT c.name, c.is_identity, c.is_computed, c.is_nullable, "
                             "c.collation_name, c.default_object_id",
                             err);
  if (st == BR_OK && with_key) {
    st = br_buf_printf(&sql, err,
                       ", CASE WHEN c.column_id IN (SELECT p.column_id FROM %ssys.index_columns AS "
                       "p JOIN %ssys.indexes AS i ON i.object_id = p.object_id AND i.index_id = "
                       "p.index_id WHERE i.is_primary_key = 1 AND i.object_id = "
                       "OBJECT_ID(@object)) THEN 1 ELSE 0 END",
                       k, k);
  }
  st = st == BR_OK ? br_buf_printf(&sql, err,
                                   " FROM %ssys.columns AS c WHERE c.object_id = "
                                   "OBJECT_ID(@object) ORDER BY c.column_id",
                                   k)
                   : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err) : sync_query(conn, text, &object, 1, ret_rows, err);
  }
  br_buf_done(&sql);
  return st;
}

/* The types as a result describes them: alias types are resolved, scales are there. */
static br_status read_types(const sync_target *target, tds_conn *conn, batch_schema **ret_schema,
                            br_error *err) {
  char sql[SYNC_NAME_TEXT_MAX + 64];
  (void)snprintf(sql, sizeof sql, "SELECT TOP (0) * FROM %s", target->sql);
  br_status st = tds_execute(conn, sql, strlen(sql), err);
  st = st == BR_OK ? tds_next_result(conn, err) : st;
  if (st != BR_OK) {
    return st == BR_DONE ? br_error_set(err, BR_ERR_PROTOCOL, "The table has no columns") : st;
  }
  batch_schema *schema = NULL;
  st = batch_schema_copy(tds_result_schema(conn), &schema, err);
  br_status end = BR_OK;
  while (end == BR_OK) {
    end = tds_next_result(conn, st == BR_OK ? err : NULL);
  }
  if (st == BR_OK && end != BR_DONE) {
    st = end;
  }
  if (st != BR_OK) {
    batch_schema_free(schema);
    return st;
  }
  *ret_schema = schema;
  return BR_OK;
}

static br_status take_column(const sync_rows *rows, size_t row, const batch_field *field,
                             bool with_key, sync_target_column *column, br_error *err) {
  const char *collation = sync_rows_text(rows, row, 4);
  *column = (sync_target_column){
      .name = br_strdup(field->name),
      .collation = collation == NULL ? NULL : br_strdup(collation),
      .identity = sync_rows_flag(rows, row, 1),
      .computed = sync_rows_flag(rows, row, 2) || field->source.type == BATCH_SQL_ROWVERSION,
      .nullable = sync_rows_flag(rows, row, 3),
      .has_default = sync_rows_flag(rows, row, 5),
      .names_rows = with_key && sync_rows_flag(rows, row, 6),
      .spec = field->source,
  };
  return column->name == NULL || (collation != NULL && column->collation == NULL)
             ? br_error_nomem(err)
             : BR_OK;
}

/* Joins both descriptions by name; hidden columns stand in the catalog only. */
static br_status join(sync_target *target, const sync_rows *rows, const batch_schema *schema,
                      bool with_key, br_error *err) {
  target->columns = br_calloc(schema->count + 1, sizeof *target->columns);
  if (target->columns == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; i < schema->count && st == BR_OK; i++) {
    for (size_t row = 0; row < sync_rows_count(rows); row++) {
      const char *name = sync_rows_text(rows, row, 0);
      if (name != NULL && strcmp(name, schema->fields[i].name) == 0) {
        st = take_column(rows, row, &schema->fields[i], with_key, &target->columns[target->count++],
                         err);
        break;
      }
    }
  }
  return st == BR_OK && target->count != schema->count
             ? br_error_set(err, BR_ERR_PROTOCOL,
                            "The catalog and the table itself disagree about its columns")
             : st;
}

static br_status describe(sync_target *target, tds_conn *conn, bool with_key, br_error *err) {
  sync_rows *rows = NULL;
  batch_schema *schema = NULL;
  br_status st = read_catalog(target, conn, with_key, &rows, err);
  if (st == BR_OK && sync_rows_count(rows) == 0) {
    st = br_error_set(err, BR_ERR_NOT_FOUND,
                      "The table %s does not exist on SQL Server, or this login may not see it",
                      target->plain);
  }
  st = st == BR_OK ? read_types(target, conn, &schema, err) : st;
  st = st == BR_OK ? join(target, rows, schema, with_key, err) : st;
  sync_rows_free(rows);
  batch_schema_free(schema);
  return st;
}

br_status sync_target_describe(tds_conn *conn, const sync_name *name, bool with_key,
                               sync_target **ret_target, br_error *err) {
  sync_target *target = br_calloc(1, sizeof *target);
  if (target == NULL) {
    return br_error_nomem(err);
  }
  sync_name_sql(name, target->sql);
  sync_name_plain(name, target->plain);
  if (name->count == 3) {
    sync_name_database(name, target->catalog);
  }
  br_status st = describe(target, conn, with_key, err);
  if (st != BR_OK) {
    sync_target_free(target);
    return st == BR_ERR_NOT_FOUND ? st : br_error_context(err, st, "target table");
  }
  *ret_target = target;
  return BR_OK;
}

static const char *database_of(const sync_name *name) {
  return name->count == SYNC_NAME_PARTS ? name->parts[0] : NULL;
}

br_status sync_target_is_same(tds_conn *conn, const sync_name *a, const sync_name *b,
                              bool *ret_same, br_error *err) {
  char of_a[SYNC_NAME_TEXT_MAX], of_b[SYNC_NAME_TEXT_MAX];
  int64_t same = 0;
  sync_name_sql(a, of_a);
  sync_name_sql(b, of_b);
  const tds_parameter parameters[] = {
      sync_text_parameter("a", of_a), sync_text_parameter("b", of_b),
      sync_text_parameter("of_a", database_of(a)), sync_text_parameter("of_b", database_of(b))};
  br_status st = sync_query_number(
      conn,
      "SELECT CASE WHEN OBJECT_ID(@a) = OBJECT_ID(@b) AND DB_ID(ISNULL(@of_a, DB_NAME())) = "
      "DB_ID(ISNULL(@of_b, DB_NAME())) THEN 1 ELSE 0 END",
      parameters, 4, &same, err);
  if (st == BR_OK) {
    *ret_same = same == 1;
  }
  return st;
}

const sync_target_column *sync_target_find(const sync_target *target, const char *name) {
  const sync_target_column *near = NULL;
  size_t nears = 0;
  for (size_t i = 0; i < target->count; i++) {
    if (strcmp(target->columns[i].name, name) == 0) {
      return &target->columns[i];
    }
    if (br_text_equal_nocase(target->columns[i].name, name)) {
      near = &target->columns[i];
      nears++;
    }
  }
  return nears == 1 ? near : NULL;
}

/* "'Name', 'NAME'": the columns that differ from name in case only, where there are several. */
static bool list_nears(const sync_target *target, const char *name, char *text, size_t size) {
  size_t nears = 0, used = 0;
  for (size_t i = 0; i < target->count && used < size; i++) {
    if (br_text_equal_nocase(target->columns[i].name, name)) {
      used += (size_t)snprintf(text + used, size - used, "%s'%.128s'", nears == 0 ? "" : ", ",
                               target->columns[i].name);
      nears++;
    }
  }
  return nears > 1;
}

br_status sync_target_no_column(const sync_target *target, const char *what, const char *name,
                                br_error *err) {
  char nears[512];
  if (list_nears(target, name, nears, sizeof nears)) {
    return br_error_set(err, BR_ERR_DATA,
                        "%s: several columns of %s could be meant by '%.128s', for they differ in "
                        "case only: %s; write the one that is meant as the table has it",
                        what, target->plain, name, nears);
  }
  const char *names[BR_LIMIT_COLUMNS];
  const size_t count = target->count < BR_LIMIT_COLUMNS ? target->count : BR_LIMIT_COLUMNS;
  for (size_t i = 0; i < count; i++) {
    names[i] = target->columns[i].name;
  }
  const char *nearest = br_text_nearest(name, names, count);
  return nearest == NULL ? br_error_set(err, BR_ERR_DATA, "%s: the table %s has no column '%.128s'",
                                        what, target->plain, name)
                         : br_error_set(err, BR_ERR_DATA,
                                        "%s: the table %s has no column '%.128s' (is '%s' meant?)",
                                        what, target->plain, name, nearest);
}

br_status sync_target_column_ddl(const sync_target_column *column, br_buf *out, br_error *err) {
  char type[64];
  /* The stage holds what is sent, and the server converts it on the way to the target; only xml is
   * looked at as it arrives, before the transaction begins. */
  const batch_sql_typespec spec = column->spec.type == BATCH_SQL_XML
                                      ? column->spec
                                      : batch_sql_typespec_sendable(&column->spec);
  batch_sql_typespec_name(&spec, type, sizeof type);
  br_status st = sync_quote(out, SYNC_SQLSERVER, column->name, err);
  st = st == BR_OK ? br_buf_printf(out, err, " %s", type) : st;
  if (st == BR_OK && column->collation != NULL) {
    st = br_buf_printf(out, err, " COLLATE %s", column->collation);
  }
  return st == BR_OK ? br_buf_text(out, " NULL", err) : st;
}

/* ---- what a change sets off ---- */

static br_status list_names(tds_conn *conn, const char *sql, const char *object, sync_listing *list,
                            br_error *err) {
  sync_rows *rows = NULL;
  const tds_parameter parameter = sync_text_parameter("object", object);
  br_status st = sync_query(conn, sql, &parameter, 1, &rows, err);
  const size_t count = st == BR_OK ? sync_rows_count(rows) : 0;
  for (size_t i = 0; st == BR_OK && i < count && !list->full; i++) {
    const char *text = sync_rows_text(rows, i, 0), *name = text == NULL ? "?" : text;
    sync_listing_begin(list);
    st = sync_listing_add(list, SYNC_PIECE_NAME, name, strlen(name), err);
    if (st == BR_OK) {
      sync_listing_end(list);
    }
  }
  sync_rows_free(rows);
  return st == BR_OK ? sync_listing_close(list, count, err) : st;
}

/* sys.trigger_events: type 1 = INSERT, 2 = UPDATE, 3 = DELETE. */
br_status sync_target_triggers(const sync_target *target, tds_conn *conn, unsigned operations,
                               sync_listing *list, br_error *err) {
  static const struct {
    unsigned operation;
    const char *type;
  } fired[] = {{SYNC_FIRES_INSERT, "1"}, {SYNC_FIRES_UPDATE, "2"}, {SYNC_FIRES_DELETE, "3"}};
  char sql[2 * SYNC_NAME_TEXT_MAX + 512], types[16] = "";
  for (size_t i = 0; i < sizeof fired / sizeof *fired; i++) {
    if ((operations & fired[i].operation) != 0) {
      const size_t used = strlen(types);
      (void)snprintf(types + used, sizeof types - used, "%s%s", used > 0 ? ", " : "",
                     fired[i].type);
    }
  }
  (void)snprintf(sql, sizeof sql,
                 "SELECT t.name FROM %ssys.triggers AS t WHERE t.parent_id = OBJECT_ID(@object) "
                 "AND t.is_disabled = 0 AND EXISTS (SELECT 1 FROM %ssys.trigger_events AS e WHERE "
                 "e.object_id = t.object_id AND e.type IN (%s)) ORDER BY t.name",
                 target->catalog, target->catalog, types);
  br_status st = list_names(conn, sql, target->sql, list, err);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "triggers of %s", target->plain);
}
