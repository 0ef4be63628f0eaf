/*
 * event.c: a row's texts into an event. Each step that finds something wrong leaves a message in
 * err with BR_ERR_DATA, which becomes the event's problem; only lack of memory is a failure.
 */
#include "sync/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/event_parts.h"
#include "sync/queue_columns.h"

const char *sync_operation_name(sync_operation operation) {
  static const char *const names[] = {"INSERT", "UPDATE", "DELETE"};
  return names[operation];
}

void sync_event_label(const sync_event *event, char *text) {
  if (event->event_id == NULL) {
    (void)snprintf(text, 128, "an event without event_id");
  } else {
    (void)snprintf(text, 128, "event '%.100s'", event->event_id);
  }
}

br_status sync_event_key(const char *events_table, const char *event_id,
                         char ret_key[BR_SHA256_HEX_MAX], br_error *err) {
  br_sha256 *hash = NULL;
  br_status st = br_sha256_new(&hash, err);
  /* The terminating NUL keeps table and id apart. */
  st = st == BR_OK ? br_sha256_update(hash, events_table, strlen(events_table) + 1, err) : st;
  st = st == BR_OK ? br_sha256_update(hash, event_id, strlen(event_id), err) : st;
  st = st == BR_OK ? br_sha256_final_hex(hash, ret_key, err) : st;
  br_sha256_free(hash);
  return st;
}

/* Of what the event asks for; its place in the queue is no part of it. */
static br_status hash_content(const sync_event_row *row, char *hex, br_error *err) {
  const char *const parts[] = {row->operation,    row->source_table,      row->target_table,
                               row->primary_keys, row->filter_conditions, row->metadata,
                               row->rows_expected};
  br_sha256 *hash = NULL;
  br_status st = br_sha256_new(&hash, err);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0] && st == BR_OK; i++) {
    /* A byte in front tells NULL from text, the NUL behind keeps texts apart. */
    st = br_sha256_update(hash, parts[i] == NULL ? "0" : "1", 1, err);
    if (st == BR_OK && parts[i] != NULL) {
      st = br_sha256_update(hash, parts[i], strlen(parts[i]) + 1, err);
    }
  }
  st = st == BR_OK ? br_sha256_final_hex(hash, hex, err) : st;
  br_sha256_free(hash);
  return st;
}

#define BLANKS " \t\r\n"

static bool is_blank(const char *text) {
  return text == NULL || text[strspn(text, BLANKS)] == '\0';
}

static br_status parse_number(const char *what, const char *text, int64_t *ret_number,
                              br_error *err) {
  char *end = NULL;
  errno = 0;
  const long long number = strtoll(text, &end, 10);
  if (end == text || *end != '\0' || errno == ERANGE) {
    return br_error_set(err, BR_ERR_DATA, "%s is '%.100s', which is no whole number", what, text);
  }
  *ret_number = number;
  return BR_OK;
}

static br_status parse_operation(sync_event *event, const char *text, br_error *err) {
  static const char *const names[] = {"INSERT", "UPDATE", "DELETE"};
  if (is_blank(text)) {
    return br_error_set(err, BR_ERR_DATA, "operation is missing; it is INSERT, UPDATE or DELETE");
  }
  const char *word = text + strspn(text, BLANKS);
  size_t length = strlen(word);
  while (length > 0 && strchr(BLANKS, word[length - 1]) != NULL) {
    length--;
  }
  for (size_t i = 0; i < 3; i++) {
    if (length == strlen(names[i]) && strncasecmp(word, names[i], length) == 0) {
      event->operation = (sync_operation)i;
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_DATA,
                      "operation is '%.100s'; only INSERT, UPDATE and DELETE are known", text);
}

/* parquet.`/Volumes/…` reads files, with the rights of this service instead of the author's. No
 * name of a table holds a slash. */
static br_status refuse_paths(const sync_name *source, br_error *err) {
  for (size_t i = 0; i < source->count; i++) {
    if (strchr(source->parts[i], '/') != NULL) {
      return br_error_set(err, BR_ERR_DATA,
                          "'%.200s' is a path; name a table or a view (catalog.schema.table)",
                          source->parts[i]);
    }
  }
  return BR_OK;
}

/* #name is the service's own session's, and gone with it. */
static br_status refuse_temporary(const sync_name *target, br_error *err) {
  const char *table = target->parts[target->count - 1];
  return table[0] == '#' ? br_error_set(err, BR_ERR_DATA,
                                        "'%.200s' is a temporary table; name one that stays", table)
                         : BR_OK;
}

static br_status parse_tables(sync_event *event, const sync_event_row *row, br_error *err) {
  br_status st = BR_OK;
  if (is_blank(row->target_table)) {
    return br_error_set(err, BR_ERR_DATA, "target_table is missing");
  }
  st = sync_name_parse(SYNC_SQLSERVER, row->target_table, &event->target, err);
  st = st == BR_OK ? refuse_temporary(&event->target, err) : st;
  if (st != BR_OK) {
    return br_error_context(err, st, "target_table");
  }
  event->target_text = br_strdup(row->target_table);
  if (event->target_text == NULL) {
    return br_error_nomem(err);
  }
  event->has_source = !is_blank(row->source_table);
  if (!event->has_source) {
    return event->operation == SYNC_DELETE
               ? BR_OK
               : br_error_set(err, BR_ERR_DATA, "source_table is missing");
  }
  st = sync_name_parse(SYNC_DATABRICKS, row->source_table, &event->source, err);
  st = st == BR_OK ? refuse_paths(&event->source, err) : st;
  return st == BR_OK ? BR_OK : br_error_context(err, st, "source_table");
}

/* What the operation needs beyond its tables. */
static br_status check_needs(const sync_event *event, br_error *err) {
  const char *name = sync_operation_name(event->operation);
  if (event->operation != SYNC_DELETE && event->condition_count > 0) {
    return br_error_set(err, BR_ERR_DATA,
                        "filter_conditions are for a DELETE; an %s takes every row of its source: "
                        "choose them there, by a view for instance",
                        name);
  }
  if (event->operation == SYNC_INSERT) {
    return !event->options.upsert || event->key_count > 0
               ? BR_OK
               : br_error_set(err, BR_ERR_DATA,
                              "Primary keys required for INSERT with mode upsert");
  }
  if (event->key_count == 0 && (event->operation == SYNC_UPDATE || event->has_source)) {
    return br_error_set(err, BR_ERR_DATA, "Primary keys required for %s operation", name);
  }
  if (event->operation == SYNC_DELETE && event->key_count == 0) {
    return br_error_set(err, BR_ERR_DATA, "Primary keys required for DELETE operation");
  }
  if (event->operation == SYNC_DELETE && !event->has_source && event->condition_count == 0) {
    return br_error_set(err, BR_ERR_DATA,
                        "A DELETE without any condition is refused: give filter_conditions or a "
                        "source_table with the keys to delete");
  }
  return BR_OK;
}

static br_status refuse_length(const char *name, br_error *err) {
  size_t limit = 0;
  for (size_t i = 0; i < SYNC_COLUMN_COUNT && limit == 0; i++) {
    const sync_column column = (sync_column)i;
    limit = strcmp(sync_column_name(column), name) == 0 ? sync_column_limit(column) : 0;
  }
  return br_error_set(err, BR_ERR_DATA,
                      "%s is too long for an event, which takes %zu characters of it", name, limit);
}

static br_status parse_all(sync_event *event, const sync_event_row *row, br_error *err) {
  if (row->holds_nul != NULL) {
    return br_error_set(err, BR_ERR_DATA, "%s holds a NUL character (U+0000), which no event takes",
                        row->holds_nul);
  }
  if (row->too_long != NULL) {
    return refuse_length(row->too_long, err);
  }
  if (is_blank(row->event_id)) {
    return br_error_set(err, BR_ERR_DATA, "event_id is missing");
  }
  br_status st = parse_operation(event, row->operation, err);
  st = st == BR_OK ? sync_parse_options(event, row, err) : st;
  st = st == BR_OK ? parse_tables(event, row, err) : st;
  st = st == BR_OK ? sync_parse_keys(event, row->primary_keys, err) : st;
  st = st == BR_OK ? sync_parse_conditions(event, row, err) : st;
  if (st == BR_OK && row->rows_expected != NULL) {
    st = parse_number("rows_expected", row->rows_expected, &event->rows_expected, err);
    event->has_rows_expected = st == BR_OK;
  }
  return st == BR_OK ? check_needs(event, err) : st;
}

/* Id, key, hash and place in the queue: needed to report even a broken event. */
static br_status identify(sync_event *event, const char *events_table, const sync_event_row *row,
                          br_error *err) {
  (void)snprintf(event->fingerprint, sizeof event->fingerprint, "%s",
                 row->fingerprint == NULL ? "" : row->fingerprint);
  event->was_processing = row->status != NULL && strcmp(row->status, "processing") == 0;
  br_status st = hash_content(row, event->hash, err);
  if (st == BR_OK && row->event_id != NULL && row->holds_nul == NULL) {
    event->event_id = br_strdup(row->event_id);
    st = event->event_id == NULL ? br_error_nomem(err)
                                 : sync_event_key(events_table, row->event_id, event->key, err);
  }
  if (st == BR_OK && row->priority != NULL) {
    br_error ignored = BR_ERROR_INIT; /* the column is an INT; text that is none counts as 0 */
    if (parse_number("priority", row->priority, &event->priority, &ignored) != BR_OK) {
      event->priority = 0;
    }
  }
  return st;
}

br_status sync_event_make(const char *events_table, const sync_event_row *row,
                          sync_event **ret_event, br_error *err) {
  sync_event *event = br_calloc(1, sizeof *event);
  if (event == NULL) {
    return br_error_nomem(err);
  }
  br_error wrong = BR_ERROR_INIT;
  br_status st = identify(event, events_table, row, err);
  if (st == BR_OK && parse_all(event, row, &wrong) != BR_OK) {
    event->problem = wrong.status == BR_ERR_NOMEM ? NULL : br_strdup(wrong.message);
    st = event->problem == NULL ? br_error_nomem(err) : BR_OK;
  }
  if (st != BR_OK) {
    sync_event_free(event);
    return st;
  }
  *ret_event = event;
  return BR_OK;
}

void sync_event_free(sync_event *event) {
  if (event == NULL) {
    return;
  }
  for (size_t i = 0; i < event->key_count; i++) {
    br_free(event->keys[i]);
  }
  for (size_t i = 0; i < event->condition_count; i++) {
    sync_condition *condition = &event->conditions[i];
    for (size_t k = 0; k < condition->count; k++) {
      br_free(condition->values[k]);
    }
    br_free(condition->values);
    br_free(condition->column);
  }
  br_free(event->keys);
  br_free(event->conditions);
  br_free(event->event_id);
  br_free(event->target_text);
  br_free(event->problem);
  br_free(event);
}
