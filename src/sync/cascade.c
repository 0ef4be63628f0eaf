#include "sync/cascade.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sync/change_internal.h"

enum { NAMES_ROOM = 6000, SET_NULL_OR_MORE = 2 };

void sync_cascades_done(sync_cascades *cascades) {
  for (size_t i = 0; i < cascades->count; i++) {
    br_free(cascades->items[i].key);
    br_free(cascades->items[i].table);
  }
  br_free(cascades->items);
  *cascades = (sync_cascades){.count = 0};
}

/* ---- one level ---- */

static int64_t number(const sync_rows *rows, size_t row, size_t column) {
  const char *text = sync_rows_text(rows, row, column);
  return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* In the target's database, which goes in front where the event names it. */
static char *plain_name(const sync_name *target, const char *schema, const char *table) {
  sync_name name = *target;
  char text[SYNC_NAME_TEXT_MAX];
  name.dialect = SYNC_SQLSERVER;
  name.count = target->count == 3 ? 3 : 2;
  (void)snprintf(name.parts[name.count - 2], sizeof name.parts[0], "%s", schema);
  (void)snprintf(name.parts[name.count - 1], sizeof name.parts[0], "%s", table);
  sync_name_plain(&name, text);
  return br_strdup(text);
}

static br_status take(const sync_change *change, const sync_rows *rows, size_t row, bool deletes,
                      sync_cascades *to, br_error *err) {
  const int64_t id = number(rows, row, 0);
  for (size_t i = 0; i < to->count; i++) {
    if (to->items[i].key_id == id && to->items[i].deletes == deletes) {
      return BR_OK;
    }
  }
  const char *key = sync_rows_text(rows, row, 3), *schema = sync_rows_text(rows, row, 4);
  const char *table = sync_rows_text(rows, row, 5);
  const bool seen = schema != NULL && table != NULL;
  sync_cascade *items = br_realloc_array(to->items, to->count + 1, sizeof *items);
  if (items == NULL) {
    return br_error_nomem(err);
  }
  to->items = items;
  sync_cascade *item = &items[to->count++];
  *item = (sync_cascade){.key = br_strdup(key == NULL ? "?" : key),
                         .table = seen ? plain_name(&change->event->target, schema, table) : NULL,
                         .key_id = id,
                         .table_id = number(rows, row, 1),
                         .deletes = deletes};
  return item->key == NULL || (seen && item->table == NULL) ? br_error_nomem(err) : BR_OK;
}

/* Behind a condition on foreign keys: those that do something. */
static br_status add_acting(bool deletion, br_buf *where, br_error *err) {
  return br_buf_printf(where, err, " AND f.%s_referential_action <> 0 AND f.is_disabled = 0",
                       deletion ? "delete" : "update");
}

/* Foreign keys that a deletion, or an update, of what `where` says carries on. The name of a table
 * is NULL where the login may not see it, though it sees the key. */
static br_status ask(const sync_change *change, bool deletion, br_buf *where, sync_cascades *to,
                     br_error *err) {
  const char *c = change->target->catalog, *text = br_buf_cstr(where);
  const tds_parameter object = sync_text_parameter("object", change->target->sql);
  br_buf sql;
  sync_rows *rows = NULL;
  if (text == NULL) {
    return br_error_nomem(err);
  }
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(
      &sql, err,
      "SELECT f.object_id AS k, f.parent_object_id AS t, f.%s_referential_action AS a, f.name AS "
      "n, s.name AS s, o.name AS o FROM %ssys.foreign_keys AS f LEFT JOIN %ssys.tables AS o ON "
      "o.object_id = f.parent_object_id LEFT JOIN %ssys.schemas AS s ON s.schema_id = o.schema_id "
      "WHERE %s ORDER BY f.name",
      deletion ? "delete" : "update", c, c, c, text);
  text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK) {
    st =
        text == NULL ? br_error_nomem(err) : sync_query(change->conn, text, &object, 1, &rows, err);
  }
  const size_t count = st == BR_OK ? sync_rows_count(rows) : 0;
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    st = take(change, rows, i, deletion && number(rows, i, 2) < SET_NULL_OR_MORE, to, err);
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
  return st;
}

/* ---- the first level ---- */

/* What the server computes may change with any other column. */
static bool stays(const sync_change *change, const sync_target_column *column) {
  for (size_t i = 0; i < sync_source_columns(change->source); i++) {
    if (sync_source_column(change->source, i) == column && !sync_source_is_key(change->source, i)) {
      return false;
    }
  }
  return !column->computed;
}

/* " AND" not all columns that the key refers to stay as they are. */
static br_status add_changed(const sync_change *change, br_buf *where, br_error *err) {
  const sync_target *target = change->target;
  bool any = false;
  br_status st = br_buf_printf(
      where, err,
      " AND EXISTS (SELECT 1 FROM %ssys.foreign_key_columns AS r WHERE r.constraint_object_id = "
      "f.object_id AND NOT EXISTS (SELECT 1 FROM %ssys.columns AS c WHERE c.object_id = "
      "r.referenced_object_id AND c.column_id = r.referenced_column_id AND c.name IN (",
      target->catalog, target->catalog);
  for (size_t i = 0; i < target->count && st == BR_OK; i++) {
    if (stays(change, &target->columns[i])) {
      st = br_buf_text(where, any ? ", " : "", err);
      st = st == BR_OK ? sync_literal(where, target->columns[i].name, err) : st;
      any = true;
    }
  }
  return st == BR_OK ? br_buf_text(where, any ? ")))" : "NULL)))", err) : st;
}

br_status sync_cascades_where(const sync_change *change, br_buf *where, br_error *err) {
  const bool deletion = change->event->operation == SYNC_DELETE;
  br_status st = br_buf_text(where, "f.referenced_object_id = OBJECT_ID(@object)", err);
  st = st == BR_OK && !deletion ? add_changed(change, where, err) : st;
  return st == BR_OK ? add_acting(deletion, where, err) : st;
}

static br_status find_first(const sync_change *change, sync_cascades *to, br_error *err) {
  br_buf where;
  br_buf_init(&where, SYNC_SQL_MAX);
  br_status st = sync_cascades_where(change, &where, err);
  st = st == BR_OK ? ask(change, change->event->operation == SYNC_DELETE, &where, to, err) : st;
  br_buf_done(&where);
  return st;
}

/* ---- all levels ---- */

/* "1, 2": the tables whose rows the level deletes, or the keys whose columns it sets; "": none. */
static br_status list_ids(const sync_cascades *cascades, size_t from, size_t end, bool deletes,
                          br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = from; i < end && st == BR_OK; i++) {
    const sync_cascade *item = &cascades->items[i];
    if (item->deletes == deletes) {
      st = br_buf_printf(out, err, "%s%" PRId64, out->len > 0 ? ", " : "",
                         deletes ? item->table_id : item->key_id);
    }
  }
  return st;
}

/* A column that is set may change those that the server computes. */
static br_status follow(const sync_change *change, size_t from, size_t end, bool deletes,
                        sync_cascades *to, br_error *err) {
  const char *c = change->target->catalog;
  br_buf ids, where;
  br_buf_init(&ids, SYNC_SQL_MAX);
  br_buf_init(&where, SYNC_SQL_MAX);
  br_status st = list_ids(to, from, end, deletes, &ids, err);
  const bool any = st == BR_OK && ids.len > 0;
  if (any && deletes) {
    st = br_buf_printf(&where, err, "f.referenced_object_id IN (%.*s)", (int)ids.len,
                       (const char *)ids.data);
  } else if (any) {
    st = br_buf_printf(&where, err,
                       "EXISTS (SELECT 1 FROM %ssys.foreign_key_columns AS r JOIN "
                       "%ssys.foreign_key_columns AS p ON p.parent_object_id = "
                       "r.referenced_object_id AND (p.parent_column_id = r.referenced_column_id OR "
                       "EXISTS (SELECT 1 FROM %ssys.computed_columns AS c WHERE c.object_id = "
                       "r.referenced_object_id AND c.column_id = r.referenced_column_id)) WHERE "
                       "r.constraint_object_id = f.object_id AND p.constraint_object_id IN (%.*s))",
                       c, c, c, (int)ids.len, (const char *)ids.data);
  }
  st = any && st == BR_OK ? add_acting(deletes, &where, err) : st;
  st = any && st == BR_OK ? ask(change, deletes, &where, to, err) : st;
  br_buf_done(&ids);
  br_buf_done(&where);
  return st;
}

br_status sync_cascades_find(const sync_change *change, sync_cascades *ret, br_error *err) {
  const sync_event *event = change->event;
  *ret = (sync_cascades){.count = 0};
  if (event->operation == SYNC_INSERT && !(event->options.upsert && sync_has_others(change))) {
    return BR_OK;
  }
  br_status st = find_first(change, ret, err);
  for (size_t from = 0; from < ret->count && st == BR_OK;) {
    const size_t end = ret->count;
    st = follow(change, from, end, true, ret, err);
    st = st == BR_OK ? follow(change, from, end, false, ret, err) : st;
    from = end;
  }
  return st == BR_OK ? BR_OK
                     : br_error_context(err, st, "foreign keys to %s", change->target->plain);
}

bool sync_cascades_is_first(const sync_cascades *cascades, size_t index, sync_cascade_part part) {
  const sync_cascade *items = cascades->items;
  for (size_t i = 0; i < index; i++) {
    if (part == SYNC_CASCADE_KEY ? items[i].key_id == items[index].key_id
                                 : items[i].table_id == items[index].table_id) {
      return false;
    }
  }
  return true;
}

/* ---- words ---- */

static br_status add_key(const sync_cascade *item, sync_listing *list, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(16));
  br_status st =
      br_buf_printf(&text, err, "%s on %s", item->key,
                    item->table == NULL ? "a table that this login may not see" : item->table);
  if (st == BR_OK) {
    sync_listing_begin(list);
    st = sync_listing_add(list, SYNC_PIECE_NAME, (const char *)text.data, text.len, err);
  }
  if (st == BR_OK) {
    sync_listing_end(list);
  }
  br_buf_done(&text);
  return st;
}

static br_status list_keys(const sync_cascades *found, sync_listing *list, br_error *err) {
  size_t keys = 0;
  br_status st = BR_OK;
  for (size_t i = 0; i < found->count && st == BR_OK; i++) {
    if (sync_cascades_is_first(found, i, SYNC_CASCADE_KEY)) {
      keys++;
      st = list->full ? BR_OK : add_key(&found->items[i], list, err);
    }
  }
  return st == BR_OK ? sync_listing_close(list, keys, err) : st;
}

br_status sync_cascades_list(const sync_change *change, sync_listing *list, br_error *err) {
  sync_cascades found;
  br_status st = sync_cascades_find(change, &found, err);
  st = st == BR_OK ? list_keys(&found, list, err) : st;
  sync_cascades_done(&found);
  return st;
}

static bool any_seen(const sync_cascades *found) {
  for (size_t i = 0; i < found->count; i++) {
    if (found->items[i].table != NULL) {
      return true;
    }
  }
  return false;
}

br_status sync_cascades_refuse(const sync_change *change, br_error *err) {
  sync_cascades found;
  sync_listing names;
  sync_listing_init(&names, NAMES_ROOM);
  br_status st = sync_cascades_find(change, &found, err);
  if (st == BR_OK && any_seen(&found)) {
    st = list_keys(&found, &names, err);
    st = st == BR_OK
             ? br_error_set(err, BR_ERR_DATA,
                            "%s %s would change other tables too, through %s; set "
                            "metadata.allow_cascade to true if that is meant",
                            change->event->operation == SYNC_DELETE ? "Deleting from" : "Updating",
                            change->target->plain, (const char *)names.text.data)
             : st;
  }
  sync_listing_done(&names);
  sync_cascades_done(&found);
  return st;
}
