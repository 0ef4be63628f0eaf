#include "sync/queue_columns.h"

#include <string.h>

#include "base/text.h"

static const char *const names[SYNC_COLUMN_COUNT] = {
    [SYNC_COLUMN_EVENT_ID] = "event_id",
    [SYNC_COLUMN_OPERATION] = "operation",
    [SYNC_COLUMN_SOURCE_TABLE] = "source_table",
    [SYNC_COLUMN_TARGET_TABLE] = "target_table",
    [SYNC_COLUMN_PRIMARY_KEYS] = "primary_keys",
    [SYNC_COLUMN_PRIORITY] = "priority",
    [SYNC_COLUMN_STATUS] = "status",
    [SYNC_COLUMN_ROWS_EXPECTED] = "rows_expected",
    [SYNC_COLUMN_ROWS_AFFECTED] = "rows_affected",
    [SYNC_COLUMN_DISCREPANCY] = "discrepancy",
    [SYNC_COLUMN_WARNING] = "warning",
    [SYNC_COLUMN_ERROR_MESSAGE] = "error_message",
    [SYNC_COLUMN_FILTER_CONDITIONS] = "filter_conditions",
    [SYNC_COLUMN_METADATA] = "metadata",
    [SYNC_COLUMN_CREATED_AT] = "created_at",
    [SYNC_COLUMN_PROCESSED_AT] = "processed_at",
};

const char *sync_column_name(sync_column column) {
  return names[column];
}

static sync_form form_of(const char *type) {
  static const struct {
    const char *prefix;
    sync_form form;
  } forms[] = {
      {"STRING", SYNC_FORM_TEXT},       {"VARCHAR", SYNC_FORM_TEXT},
      {"CHAR", SYNC_FORM_TEXT},         {"ARRAY", SYNC_FORM_LIST},
      {"MAP", SYNC_FORM_MAP},           {"STRUCT", SYNC_FORM_MAP},
      {"VARIANT", SYNC_FORM_MAP},       {"INT", SYNC_FORM_NUMBER},
      {"BIGINT", SYNC_FORM_NUMBER},     {"LONG", SYNC_FORM_NUMBER},
      {"SMALLINT", SYNC_FORM_NUMBER},   {"TINYINT", SYNC_FORM_NUMBER},
      {"DECIMAL", SYNC_FORM_NUMBER},    {"TIMESTAMP_NTZ", SYNC_FORM_LOCAL},
      {"TIMESTAMP", SYNC_FORM_INSTANT},
  };
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    if (br_text_starts_with(type, forms[i].prefix) && !br_text_starts_with(type, "INTERVAL")) {
      return forms[i].form;
    }
  }
  return SYNC_FORM_MISSING;
}

/* A column that is there in a form that nothing can be read from. */
static br_status bad_column(const sync_queue *queue, sync_column column, const char *type,
                            br_error *err) {
  return br_error_set(err, BR_ERR_UNSUPPORTED,
                      "The events table %s has the column %s as %s, which can't be used",
                      queue->plain, names[column], type);
}

static bool form_fits(sync_column column, sync_form form) {
  switch (column) {
  case SYNC_COLUMN_PRIMARY_KEYS:
    return form == SYNC_FORM_LIST || form == SYNC_FORM_TEXT;
  case SYNC_COLUMN_FILTER_CONDITIONS:
  case SYNC_COLUMN_METADATA:
    return form == SYNC_FORM_MAP || form == SYNC_FORM_TEXT;
  case SYNC_COLUMN_PRIORITY:
  case SYNC_COLUMN_ROWS_EXPECTED:
  case SYNC_COLUMN_ROWS_AFFECTED:
  case SYNC_COLUMN_DISCREPANCY:
    return form == SYNC_FORM_NUMBER;
  case SYNC_COLUMN_CREATED_AT:
  case SYNC_COLUMN_PROCESSED_AT:
    return form == SYNC_FORM_INSTANT || form == SYNC_FORM_LOCAL;
  default:
    return form == SYNC_FORM_TEXT;
  }
}

static br_status take_column(sync_queue *queue, const dbx_column *found, br_error *err) {
  for (size_t i = 0; i < SYNC_COLUMN_COUNT; i++) {
    if (br_text_equal_nocase(found->name, names[i])) {
      sync_form form = form_of(found->type_text);
      if (!form_fits((sync_column)i, form)) {
        return bad_column(queue, (sync_column)i, found->type_text, err);
      }
      queue->forms[i] = form;
      queue->wide[i] = br_text_starts_with(found->type_text, "BIGINT") ||
                       br_text_starts_with(found->type_text, "LONG") ||
                       br_text_starts_with(found->type_text, "DECIMAL");
      queue->padded[i] = br_text_starts_with(found->type_text, "CHAR");
    }
  }
  return BR_OK;
}

br_status sync_columns_detect(sync_queue *queue, const dbx_result *result, br_error *err) {
  static const sync_column needed[] = {SYNC_COLUMN_EVENT_ID, SYNC_COLUMN_OPERATION,
                                       SYNC_COLUMN_TARGET_TABLE, SYNC_COLUMN_STATUS};
  for (size_t i = 0; i < dbx_result_columns(result); i++) {
    br_status st = take_column(queue, dbx_result_column(result, i), err);
    if (st != BR_OK) {
      return st;
    }
  }
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
    if (!sync_column_there(queue, needed[i])) {
      return br_error_set(err, BR_ERR_DATA, "The events table %s has no column %s", queue->plain,
                          names[needed[i]]);
    }
  }
  return BR_OK;
}

br_status sync_column_text(const sync_queue *queue, sync_column column, br_buf *out,
                           br_error *err) {
  const char *name = names[column];
  switch (queue->forms[column]) {
  case SYNC_FORM_TEXT:
    return column == SYNC_COLUMN_STATUS ? br_buf_text(out, SYNC_STATUS_TEXT, err)
           : queue->padded[column]      ? br_buf_printf(out, err, "rtrim(%s)", name)
                                        : br_buf_text(out, name, err);
  case SYNC_FORM_LIST:
  case SYNC_FORM_MAP:
    return br_buf_printf(out, err, "to_json(%s)", name);
  case SYNC_FORM_INSTANT:
    return br_buf_printf(out, err, "CAST(unix_micros(%s) AS STRING)", name);
  case SYNC_FORM_LOCAL:
    return br_buf_printf(out, err, "CAST(unix_micros(CAST(%s AS TIMESTAMP)) AS STRING)", name);
  case SYNC_FORM_NUMBER:
    return br_buf_printf(out, err, "CAST(%s AS STRING)", name);
  case SYNC_FORM_MISSING:
    break;
  }
  return br_buf_text(out, "CAST(NULL AS STRING)", err);
}

/* Hashes are joined, not texts: no text can pretend to be two columns. */
br_status sync_column_fingerprint(const sync_queue *queue, br_buf *out, br_error *err) {
  static const sync_column written[] = {SYNC_COLUMN_EVENT_ID,      SYNC_COLUMN_OPERATION,
                                        SYNC_COLUMN_SOURCE_TABLE,  SYNC_COLUMN_TARGET_TABLE,
                                        SYNC_COLUMN_PRIMARY_KEYS,  SYNC_COLUMN_PRIORITY,
                                        SYNC_COLUMN_ROWS_EXPECTED, SYNC_COLUMN_FILTER_CONDITIONS,
                                        SYNC_COLUMN_METADATA,      SYNC_COLUMN_CREATED_AT};
  br_status st = br_buf_text(out, "sha2(concat_ws(','", err);
  for (size_t i = 0; i < sizeof written / sizeof written[0] && st == BR_OK; i++) {
    if (sync_column_there(queue, written[i])) {
      st = br_buf_text(out, ", coalesce(sha2(", err);
      st = st == BR_OK ? sync_column_text(queue, written[i], out, err) : st;
      st = st == BR_OK ? br_buf_text(out, ", 256), '-')", err) : st;
    }
  }
  return st == BR_OK ? br_buf_text(out, "), 256)", err) : st;
}
