#include "sync/strays.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "sync/queue_columns.h"

enum { EVERY_MS = 3600000, STATEMENT_MAX = 64 * 1024 };

static bool is_told(const sync_strays *strays, const char *word) {
  for (size_t i = 0; i < strays->count; i++) {
    if (strcmp(strays->told[i], word) == 0) {
      return true;
    }
  }
  return false;
}

static void tell(sync_strays *strays, const sync_queue *queue, const char *word, const char *rows,
                 const char *example) {
  if (strays->count == SYNC_STRAYS_MAX || is_told(strays, word)) {
    return;
  }
  (void)snprintf(strays->told[strays->count++], SYNC_STRAY_WORD_MAX, "%s", word);
  const bool one = strcmp(rows, "1") == 0;
  br_log(BR_LOG_WARNING,
         "%s event%s of %s %s the status '%s', which is no word of the queue (event_id '%s'%s): "
         "%s left alone; only 'pending' ones are carried out",
         rows, one ? "" : "s", queue->plain, one ? "has" : "have", word, example,
         one ? "" : " and more", one ? "it is" : "they are");
}

static br_status ask(sync_queue *queue, br_cancel *cancel, dbx_result **ret_result, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st =
      br_buf_printf(&sql, err,
                    "SELECT left(" SYNC_STATUS_WORD ", 64) AS r0, CAST(count(*) AS STRING) AS r1, "
                    "coalesce(left(min(event_id), 200), '') AS r2 FROM %s WHERE " SYNC_STATUS_WORD
                    " NOT IN ('pending', 'processing', 'completed', 'failed', 'blocked') GROUP BY "
                    "left(" SYNC_STATUS_WORD ", 64) ORDER BY r0 LIMIT %d",
                    queue->sql, SYNC_STRAYS_MAX);
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    const dbx_statement statement = {.sql = text, .repeatable = true};
    st = dbx_statement_run(queue->client, &statement, cancel, ret_result, err);
  }
  br_buf_done(&sql);
  return st;
}

void sync_strays_look(sync_strays *strays, sync_queue *queue, br_cancel *cancel) {
  const uint64_t now_ms = br_clock_monotonic_ms();
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  if (now_ms < strays->next_ms) {
    return;
  }
  strays->next_ms = now_ms + EVERY_MS;
  if (ask(queue, cancel, &result, &err) != BR_OK) {
    br_log(BR_LOG_DEBUG, "statuses of the events table: %s", err.message);
    return;
  }
  for (uint64_t row = 0; row < dbx_result_rows(result); row++) {
    const char *texts[3];
    bool complete = true;
    for (size_t i = 0; i < 3; i++) {
      texts[i] = dbx_result_value(result, row, i);
      complete = complete && texts[i] != NULL;
    }
    if (complete) {
      tell(strays, queue, texts[0], texts[1], texts[2]);
    }
  }
  dbx_result_free(result);
}
