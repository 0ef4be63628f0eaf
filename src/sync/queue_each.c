/*
 * Statuses into a table that may not take each of them: a column of its author's is too narrow for
 * a message or a number, or a constraint refuses a word. One such value fails the whole UPDATE, and
 * does not pass. So the reports are written by halves until it is alone; then with less of what it
 * says, which stands whole in the ledger.
 */
#include <string.h>

#include "base/text.h"
#include "sync/queue.h"

enum { LONGEST_SHORT_TEXT = 1000 };

typedef struct writing {
  sync_queue *queue;
  const char *blocked_as;
  br_cancel *cancel;
} writing;

static br_status write_reports(const writing *w, const sync_report *reports, size_t count,
                               br_error *err) {
  br_error_clear(err);
  return sync_queue_write(w->queue, reports, count, w->blocked_as, w->cancel, err);
}

static bool is_about_values(const br_error *err) {
  static const char *const words[] = {"CHAR_VARCHAR", "EXCEED_LIMIT_LENGTH", "CONSTRAINT",
                                      "OVERFLOW", "OUT_OF_RANGE"};
  char state[DBX_SQLSTATE_MAX], condition[DBX_CONDITION_MAX];
  if (dbx_error_sqlstate(err, state) && state[0] == '2' && (state[1] == '2' || state[1] == '3')) {
    return true; /* data exceptions and constraints */
  }
  bool found = false;
  const bool named = dbx_error_condition(err, condition);
  for (size_t i = 0; named && i < sizeof words / sizeof words[0]; i++) {
    found = found || strstr(condition, words[i]) != NULL;
  }
  return found;
}

/* At most `most` bytes of a text, in `into`; NULL: nothing. */
static char *shortened(const char *text, size_t most, char *into) {
  static const char dots[] = "…";
  const size_t length = text == NULL ? 0 : strlen(text);
  if (length == 0 || most < sizeof dots) {
    return NULL;
  }
  const bool whole = length <= most;
  const size_t kept = whole ? length : br_utf8_cut(text, length, most - sizeof dots + 1);
  memcpy(into, text, kept);
  memcpy(into + kept, whole ? "" : dots, whole ? 1 : sizeof dots);
  return into;
}

/* At last the row says how the event has ended, and nothing more. */
static br_status write_shorter(const writing *w, const sync_report *report, br_error *err) {
  static const size_t rooms[] = {LONGEST_SHORT_TEXT, 250, 100, 0};
  char warning[LONGEST_SHORT_TEXT + 1], message[LONGEST_SHORT_TEXT + 1];
  br_status st = err->status;
  const bool has_text = report->warning != NULL || report->error_message != NULL;
  for (size_t i = 0; i < sizeof rooms / sizeof rooms[0] && is_about_values(err); i++) {
    sync_report shorter = *report;
    shorter.warning = shortened(report->warning, rooms[i], warning);
    shorter.error_message = shortened(report->error_message, rooms[i], message);
    shorter.has_rows = report->has_rows && rooms[i] > 0;
    shorter.has_discrepancy = report->has_discrepancy && rooms[i] > 0;
    st = has_text || rooms[i] == 0 ? write_reports(w, &shorter, 1, err) : st;
  }
  return st;
}

/* What is no end is a display: it is left out where the table does not take it. */
static br_status write_refused(const writing *w, const sync_report *report, bool *ret_well,
                               br_error *err) {
  const bool is_end = report->status != SYNC_PENDING && report->status != SYNC_PROCESSING;
  br_status st = write_shorter(w, report, err);
  *ret_well = st == BR_OK || (!is_end && is_about_values(err));
  return *ret_well ? BR_OK : st;
}

static br_status write_each(const writing *w, const sync_report *reports, size_t count,
                            bool *ret_well, br_error *err) {
  br_status st = write_reports(w, reports, count, err);
  for (size_t i = 0; i < count; i++) {
    ret_well[i] = st == BR_OK;
  }
  if (st == BR_OK || !is_about_values(err)) {
    return st;
  }
  if (count == 1) {
    return write_refused(w, reports, ret_well, err);
  }
  const size_t half = count / 2;
  br_error of_second = BR_ERROR_INIT;
  st = write_each(w, reports, half, ret_well, err);
  if (st != BR_OK && !is_about_values(err)) {
    return st;
  }
  br_status second = write_each(w, reports + half, count - half, ret_well + half, &of_second);
  if (second != BR_OK) {
    *err = of_second;
    st = second;
  }
  return st;
}

br_status sync_queue_write_each(sync_queue *queue, const sync_report *reports, size_t count,
                                const char *blocked_as, br_cancel *cancel, bool *ret_well,
                                br_error *err) {
  const writing w = {.queue = queue, .blocked_as = blocked_as, .cancel = cancel};
  br_error why = BR_ERROR_INIT;
  br_status st = write_each(&w, reports, count, ret_well, &why);
  if (st != BR_OK && err != NULL) {
    *err = why;
  }
  return st;
}
