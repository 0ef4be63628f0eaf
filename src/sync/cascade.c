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
  const char *texts[3];
  for (size_t i = 0; i < 3; i++) {
    const char *text = sync_rows_text(rows, row, 3 + i);
    texts[i] = text == NULL ? "?" : text;
  }
  sync_cascade *items = br_realloc_array(to->items, to->count + 1, sizeof *items);
  if (items == NULL) {
    return br_error_nomem(err);
  }
  to->items = items;
  sync_cascade *item = &items[to->count++];
  *item = (sync_cascade){.key = br_strdup(texts[0]),
                         .table = plain_name(&change->event->target, texts[1], texts[2]),
                         .key_id = id,
                         .table_id = number(rows, row, 1),
                         .deletes = deletes};
  return item->key == NULL || item->table == NULL ? br_error_nomem(err) : BR_OK;
}

/* Whether the change sets the column that the row's key refers to. */
static bool is_set(const sync_change *change, const sync_rows *rows, size_t row) {
  const char *name = sync_rows_text(rows, row, 6);
  for (size_t i = 0; name != NULL && i < sync_source_columns(change->source); i++) {
    if (!sync_source_is_key(change->source, i) &&
        strcmp(sync_source_column(change->source, i)->name, name) == 0) {
      return true;
    }
  }
  return false;
}

/* Foreign keys that a deletion, or an update, of what `where` says carries on. columns: the rows
 * name the columns that they refer to; those that the change sets count. */
static br_status ask(const sync_change *change, bool deletion, bool columns, const char *where,
                     sync_cascades *to, br_error *err) {
  const char *c = change->target->catalog, *on = deletion ? "delete" : "update";
  const tds_parameter object = sync_text_parameter("object", change->target->sql);
  br_buf sql;
  sync_rows *rows = NULL;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(
      &sql, err,
      "SELECT f.object_id AS k, f.parent_object_id AS t, f.%s_referential_action AS a, f.name AS "
      "n, s.name AS s, o.name AS o%s FROM %ssys.foreign_keys AS f JOIN %ssys.objects AS o ON "
      "o.object_id = f.parent_object_id JOIN %ssys.schemas AS s ON s.schema_id = o.schema_id",
      on, columns ? ", c.name AS c" : "", c, c, c);
  if (st == BR_OK && columns) {
    st = br_buf_printf(&sql, err,
                       " JOIN %ssys.foreign_key_columns AS r ON r.constraint_object_id = "
                       "f.object_id JOIN %ssys.columns AS c ON c.object_id = "
                       "r.referenced_object_id AND c.column_id = r.referenced_column_id",
                       c, c);
  }
  st = st == BR_OK ? br_buf_printf(&sql, err,
                                   " WHERE %s AND f.%s_referential_action <> 0 AND f.is_disabled = "
                                   "0 ORDER BY f.name",
                                   where, on)
                   : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK) {
    st =
        text == NULL ? br_error_nomem(err) : sync_query(change->conn, text, &object, 1, &rows, err);
  }
  const size_t count = st == BR_OK ? sync_rows_count(rows) : 0;
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    if (!columns || is_set(change, rows, i)) {
      st = take(change, rows, i, deletion && number(rows, i, 2) < SET_NULL_OR_MORE, to, err);
    }
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
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
                       "r.referenced_object_id AND p.parent_column_id = r.referenced_column_id "
                       "WHERE r.constraint_object_id = f.object_id AND p.constraint_object_id IN "
                       "(%.*s))",
                       c, c, (int)ids.len, (const char *)ids.data);
  }
  const char *text = any && st == BR_OK ? br_buf_cstr(&where) : NULL;
  if (any && st == BR_OK) {
    st = text == NULL ? br_error_nomem(err) : ask(change, deletes, false, text, to, err);
  }
  br_buf_done(&ids);
  br_buf_done(&where);
  return st;
}

br_status sync_cascades_find(const sync_change *change, sync_cascades *ret, br_error *err) {
  const sync_event *event = change->event;
  *ret = (sync_cascades){.count = 0};
  if (event->operation == SYNC_INSERT && !event->options.upsert) {
    return BR_OK;
  }
  const bool deletion = event->operation == SYNC_DELETE;
  br_status st =
      ask(change, deletion, !deletion, "f.referenced_object_id = OBJECT_ID(@object)", ret, err);
  for (size_t from = 0; from < ret->count && st == BR_OK;) {
    const size_t end = ret->count;
    st = follow(change, from, end, true, ret, err);
    st = st == BR_OK ? follow(change, from, end, false, ret, err) : st;
    from = end;
  }
  return st == BR_OK ? BR_OK
                     : br_error_context(err, st, "foreign keys to %s", change->target->plain);
}

/* ---- words ---- */

static bool is_first_of_its_key(const sync_cascades *cascades, size_t index) {
  for (size_t i = 0; i < index; i++) {
    if (cascades->items[i].key_id == cascades->items[index].key_id) {
      return false;
    }
  }
  return true;
}

static br_status add_key(const sync_cascade *item, sync_listing *list, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(16));
  br_status st = br_buf_printf(&text, err, "%s on %s", item->key, item->table);
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

br_status sync_cascades_list(const sync_change *change, sync_listing *list, br_error *err) {
  sync_cascades found;
  size_t keys = 0;
  br_status st = sync_cascades_find(change, &found, err);
  for (size_t i = 0; i < found.count && st == BR_OK; i++) {
    if (is_first_of_its_key(&found, i)) {
      keys++;
      st = list->full ? BR_OK : add_key(&found.items[i], list, err);
    }
  }
  sync_cascades_done(&found);
  return st == BR_OK ? sync_listing_close(list, keys, err) : st;
}

br_status sync_cascades_refuse(const sync_change *change, br_error *err) {
  if (change->event->options.allow_cascade) {
    return BR_OK;
  }
  sync_listing names;
  sync_listing_init(&names, NAMES_ROOM);
  br_status st = sync_cascades_list(change, &names, err);
  if (st == BR_OK && names.shown > 0) {
    st = br_error_set(err, BR_ERR_DATA,
                      "%s %s would change other tables too, through %s; set metadata.allow_cascade "
                      "to true if that is meant",
                      change->event->operation == SYNC_DELETE ? "Deleting from" : "Updating",
                      change->target->plain, (const char *)names.text.data);
  }
  sync_listing_done(&names);
  return st;
}
