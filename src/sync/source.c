/* The source's columns and their partners in the target; what is loaded where is in load.c. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sync/source_internal.h"

static br_status no_such_source(const sync_event *event, br_status st, br_error *err) {
  char name[SYNC_NAME_TEXT_MAX];
  sync_name_plain(&event->source, name);
  return br_error_context(err, st, "source_table %.300s", name);
}

/* What stands behind FROM: the table, or its keys alone. */
static br_status from_clause(const sync_event *event, bool keys_only, br_buf *out, br_error *err) {
  char name[SYNC_NAME_TEXT_MAX];
  sync_name_sql(&event->source, name);
  if (!keys_only) {
    return br_buf_text(out, name, err);
  }
  br_status st = br_buf_text(out, "(SELECT ", err);
  for (size_t i = 0; i < event->key_count && st == BR_OK; i++) {
    st = i > 0 ? br_buf_text(out, ", ", err) : BR_OK;
    st = st == BR_OK ? sync_quote(out, SYNC_DATABRICKS, event->keys[i], err) : st;
  }
  return st == BR_OK ? br_buf_printf(out, err, " FROM %s)", name) : st;
}

static br_status open_rows(sync_source *s, const sync_event *event, dbx_client *client,
                           bool keys_only, br_cancel *cancel, br_error *err) {
  br_buf from;
  br_buf_init(&from, BR_KIB(256));
  br_status st = from_clause(event, keys_only, &from, err);
  const char *text = st == BR_OK ? br_buf_cstr(&from) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    dbx_rows_options options = {
        .from = text,
        .rows_expected = event->has_rows_expected && event->rows_expected >= 0
                             ? (uint64_t)event->rows_expected
                             : UINT64_MAX,
    };
    st = dbx_rows_open(client, &options, cancel, &s->rows, err);
    st = st == BR_OK ? BR_OK : no_such_source(event, st, err);
  }
  br_buf_done(&from);
  return st;
}

/* Columns that the server fills by itself. */
static br_status check_writable(const sync_event *event, const sync_target *target,
                                const sync_target_column *column, bool is_key, br_error *err) {
  if (column->computed && !is_key) {
    return br_error_set(err, BR_ERR_DATA,
                        "Column '%s' of %s is computed by SQL Server and can't be written; leave "
                        "it out of the source (a view without it will do)",
                        column->name, target->plain);
  }
  if (!column->identity) {
    return BR_OK;
  }
  if (event->operation == SYNC_INSERT && !event->options.identity_insert) {
    return br_error_set(err, BR_ERR_DATA,
                        "Cannot insert explicit value for identity column '%s' in table '%s': "
                        "leave the column out of the source (a view without it will do), or set "
                        "metadata.identity_insert to true to keep the source's values",
                        column->name, target->plain);
  }
  const bool updates = event->operation == SYNC_UPDATE || event->options.upsert;
  return updates && !is_key
             ? br_error_set(err, BR_ERR_DATA,
                            "Cannot update identity column '%s' of %s: leave it out of the source, "
                            "or name it in primary_keys",
                            column->name, target->plain)
             : BR_OK;
}

static bool is_key_column(const sync_event *event, const sync_target *target,
                          const sync_target_column *column) {
  for (size_t i = 0; i < event->key_count; i++) {
    if (br_text_equal_nocase(event->keys[i], column->name) &&
        sync_target_find(target, event->keys[i]) == column) {
      return true;
    }
  }
  return false;
}

static br_status pair_columns(sync_source *s, const sync_event *event, br_error *err) {
  const batch_schema *schema = dbx_rows_schema(s->rows);
  s->columns = br_calloc(schema->count + 1, sizeof *s->columns);
  s->is_key = br_calloc(schema->count + 1, sizeof *s->is_key);
  s->naming = br_calloc(schema->count + 1, sizeof *s->naming);
  if (s->columns == NULL || s->is_key == NULL || s->naming == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < schema->count; i++) {
    const char *name = schema->fields[i].name;
    const sync_target_column *column = sync_target_find(s->target, name);
    if (column == NULL) {
      return sync_target_no_column(s->target, "source_table", name, err);
    }
    for (size_t k = 0; k < i; k++) {
      if (s->columns[k] == column) {
        return br_error_set(err, BR_ERR_DATA, "Two columns of the source mean the column '%s'",
                            column->name);
      }
    }
    s->columns[i] = column;
    s->is_key[i] = is_key_column(event, s->target, column);
    s->has_identity = s->has_identity || column->identity;
    s->key_count += s->is_key[i];
    br_status st = check_writable(event, s->target, column, s->is_key[i], err);
    if (st != BR_OK) {
      return st;
    }
    s->count++;
  }
  return BR_OK;
}

/* A part of the target's primary key names no row, so it must be here whole. */
static void choose_naming(sync_source *s) {
  size_t missing = 0;
  for (size_t i = 0; i < s->target->count; i++) {
    missing += s->target->columns[i].names_rows;
  }
  for (size_t i = 0; i < s->count; i++) {
    missing -= s->columns[i]->names_rows;
  }
  for (size_t i = 0; i < s->count; i++) {
    if (s->key_count > 0 ? s->is_key[i] : missing == 0 && s->columns[i]->names_rows) {
      s->naming[s->naming_count++] = i;
    }
  }
}

/* Every key is a column of the source and of the target, and an UPDATE has something to set. */
static br_status check_keys(const sync_source *s, const sync_event *event, br_error *err) {
  const bool by_key = event->operation != SYNC_INSERT || event->options.upsert;
  for (size_t i = 0; i < event->key_count; i++) {
    const sync_target_column *column = sync_target_find(s->target, event->keys[i]);
    if (column == NULL) {
      return sync_target_no_column(s->target, "primary_keys", event->keys[i], err);
    }
    bool found = !by_key;
    for (size_t k = 0; k < s->count && !found; k++) {
      found = s->columns[k] == column;
    }
    if (!found) {
      return br_error_set(err, BR_ERR_DATA,
                          "The source has no column '%.128s', which primary_keys names",
                          event->keys[i]);
    }
  }
  if (event->operation == SYNC_UPDATE && s->key_count == s->count) {
    return br_error_set(err, BR_ERR_DATA,
                        "The source has nothing but the keys: there is no column to update");
  }
  return BR_OK;
}

br_status sync_source_open(dbx_client *client, const sync_event *event, const sync_target *target,
                           bool keys_only, br_cancel *cancel, sync_source **ret_source,
                           br_error *err) {
  sync_source *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  s->target = target;
  br_status st = open_rows(s, event, client, keys_only, cancel, err);
  st = st == BR_OK ? pair_columns(s, event, err) : st;
  st = st == BR_OK ? check_keys(s, event, err) : st;
  if (st != BR_OK) {
    sync_source_close(s);
    return st;
  }
  choose_naming(s);
  *ret_source = s;
  return BR_OK;
}

void sync_source_close(sync_source *s) {
  if (s != NULL) {
    dbx_rows_close(s->rows);
    br_free(s->columns);
    br_free(s->is_key);
    br_free(s->naming);
    br_free(s);
  }
}

size_t sync_source_columns(const sync_source *s) {
  return s->count;
}

const sync_target_column *sync_source_column(const sync_source *s, size_t index) {
  return s->columns[index];
}

bool sync_source_is_key(const sync_source *s, size_t index) {
  return s->is_key[index];
}

bool sync_source_names_rows(const sync_source *s, size_t index) {
  for (size_t i = 0; i < s->naming_count; i++) {
    if (s->naming[i] == index) {
      return true;
    }
  }
  return false;
}

bool sync_source_has_identity(const sync_source *s) {
  return s->has_identity;
}

uint64_t sync_source_total(const sync_source *s) {
  return dbx_rows_total(s->rows);
}

bool sync_source_sends_nulls(const sync_source *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (s->columns[i]->has_default && s->columns[i]->nullable) {
      return true;
    }
  }
  return false;
}

br_status sync_source_check_defaults(const sync_source *s, br_error *err) {
  if (!sync_source_sends_nulls(s)) {
    return BR_OK;
  }
  for (size_t i = 0; i < s->target->count; i++) {
    const sync_target_column *column = &s->target->columns[i];
    bool sent = false;
    for (size_t k = 0; k < s->count && !sent; k++) {
      sent = s->columns[k] == column;
    }
    if (column->has_default && !sent) {
      return br_error_set(err, BR_ERR_DATA,
                          "metadata.bulk 'direct' can't fill column '%s' of %s by its default and "
                          "keep a NULL in another column that has one: send the column too, or "
                          "leave bulk out",
                          column->name, s->target->plain);
    }
  }
  return BR_OK;
}
