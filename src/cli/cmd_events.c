/*
 * cmd_events.c: the events table for authors and operators: list, show, emit, retry, cancel, watch,
 * plan.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/syncing.h"
#include "sync/cancel_event.h"

#define EVENT_ID "EVENT_ID"

/* ---- rows ---- */

static bool is_time(sync_column column) {
  return column == SYNC_COLUMN_CREATED_AT || column == SYNC_COLUMN_PROCESSED_AT;
}

static bool is_number(sync_column column) {
  return column == SYNC_COLUMN_PRIORITY || column == SYNC_COLUMN_ROWS_EXPECTED ||
         column == SYNC_COLUMN_ROWS_AFFECTED || column == SYNC_COLUMN_DISCREPANCY;
}

static br_status add_cell(cli_table *table, const dbx_result *result, uint64_t row,
                          sync_column column, br_error *err) {
  const char *text = dbx_result_value(result, row, (size_t)column);
  char time[BR_CLOCK_TEXT_MAX];
  if (text != NULL && is_time(column)) {
    br_clock_format_us(strtoll(text, NULL, 10), time);
    text = time;
  }
  return is_number(column) ? cli_table_number(table, text, err) : cli_table_cstr(table, text, err);
}

/* Some of the table's columns, row by row. */
static br_status print_events(const dbx_result *result, const sync_column *shown, size_t count,
                              const cli_arguments *args, const char *mark, br_error *err) {
  cli_column columns[SYNC_COLUMN_COUNT];
  cli_table *table = NULL;
  for (size_t i = 0; i < count; i++) {
    columns[i] = (cli_column){.name = sync_column_name(shown[i]),
                              .kind = is_number(shown[i]) ? CLI_CELL_NUMBER : CLI_CELL_TEXT};
  }
  br_status st =
      cli_table_new(cli_format_of(cli_text(args, "output")), columns, count, mark, &table, err);
  for (uint64_t row = 0; st == BR_OK && row < dbx_result_rows(result); row++) {
    for (size_t i = 0; st == BR_OK && i < count; i++) {
      st = add_cell(table, result, row, shown[i], err);
    }
  }
  st = st == BR_OK ? cli_table_end(table, err) : st;
  cli_table_free(table);
  return st;
}

/* Every column of one event, a line each. */
static br_status print_event(const dbx_result *result, const cli_arguments *args, const char *mark,
                             br_error *err) {
  static const cli_column columns[] = {{.name = "column"}, {.name = "value"}};
  cli_table *table = NULL;
  br_status st =
      cli_table_new(cli_format_of(cli_text(args, "output")), columns, 2, mark, &table, err);
  for (size_t i = 0; st == BR_OK && i < SYNC_COLUMN_COUNT; i++) {
    st = cli_table_cstr(table, sync_column_name((sync_column)i), err);
    st = st == BR_OK ? add_cell(table, result, 0, (sync_column)i, err) : st;
  }
  st = st == BR_OK ? cli_table_end(table, err) : st;
  cli_table_free(table);
  return st;
}

/* ---- a command on the open events table ---- */

typedef br_status (*event_action)(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                                  br_error *err);

static int run_action(const cli_arguments *args, unsigned sides, event_action action) {
  br_error err = BR_ERROR_INIT;
  cli_syncing s;
  sync_queue *queue = NULL;
  br_status st = cli_syncing_open(args, sides, &s, &err);
  if (st != BR_OK) {
    return cli_fail_run(&err);
  }
  st = cli_syncing_queue(&s, &queue, &err);
  st = st == BR_OK ? action(&s, queue, args, &err) : st;
  sync_queue_free(queue);
  cli_syncing_close(&s);
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

static const char *first_operand(const cli_arguments *args) {
  const char *const *operands = NULL;
  return cli_operands(args, &operands) > 0 ? operands[0] : "";
}

static sync_row_name row_name(const dbx_result *row) {
  return (sync_row_name){.event_id = dbx_result_value(row, 0, SYNC_COLUMN_EVENT_ID),
                         .fingerprint = dbx_result_value(row, 0, SYNC_COLUMN_FINGERPRINT)};
}

/* The newest row of an event. BR_ERR_NOT_FOUND. */
static br_status find_row(cli_syncing *s, sync_queue *queue, const char *event_id,
                          dbx_result **ret_result, br_error *err) {
  const sync_list_options options = {.event_id = event_id, .limit = 1};
  dbx_result *result = NULL;
  br_status st = sync_queue_list(queue, &options, s->session.cancel, &result, err);
  if (st == BR_OK && dbx_result_rows(result) == 0) {
    dbx_result_free(result);
    return br_error_set(err, BR_ERR_NOT_FOUND, "There is no event '%.200s' in %s", event_id,
                        sync_queue_name(queue));
  }
  if (st == BR_OK) {
    *ret_result = result;
  }
  return st;
}

/* ---- list, show ---- */

static const cli_option list_options[] = {
    {.name = "status",
     .kind = CLI_CHOICE,
     .choices = "pending|processing|completed|failed|blocked",
     .help = "only events in this state"},
    {.name = "operation",
     .kind = CLI_CHOICE,
     .choices = "INSERT|UPDATE|DELETE",
     .help = "only events of this operation"},
    {.name = "limit",
     .kind = CLI_NUMBER,
     .value_name = "N",
     .initial = "100",
     .minimum = 1,
     .maximum = 1000,
     .help = "at most so many events"},
    {.name = "offset",
     .kind = CLI_NUMBER,
     .value_name = "N",
     .initial = "0",
     .help = "leave out the newest N"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static br_status list_events(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                             br_error *err) {
  static const sync_column shown[] = {
      SYNC_COLUMN_EVENT_ID,      SYNC_COLUMN_OPERATION,     SYNC_COLUMN_TARGET_TABLE,
      SYNC_COLUMN_PRIORITY,      SYNC_COLUMN_STATUS,        SYNC_COLUMN_ROWS_EXPECTED,
      SYNC_COLUMN_ROWS_AFFECTED, SYNC_COLUMN_ERROR_MESSAGE, SYNC_COLUMN_CREATED_AT,
  };
  const sync_list_options options = {.status = cli_text(args, "status"),
                                     .operation = cli_text(args, "operation"),
                                     .limit = cli_number(args, "limit"),
                                     .offset = cli_number(args, "offset")};
  dbx_result *result = NULL;
  br_status st = sync_queue_list(queue, &options, s->session.cancel, &result, err);
  st = st == BR_OK ? print_events(result, shown, sizeof shown / sizeof shown[0], args,
                                  cli_session_json_mark(&s->session), err)
                   : st;
  dbx_result_free(result);
  return st;
}

static int run_list(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS, list_events);
}

const cli_command cli_command_events_list = {
    .name = "events list",
    .summary = "Lists events, the newest first",
    .options = list_options,
    .option_count = sizeof list_options / sizeof list_options[0],
    .run = run_list,
};

static const cli_option plain_options[] = {CLI_OPTION_SANDBOX, CLI_OPTION_OUTPUT,
                                           CLI_OPTION_VERBOSE};
enum { PLAIN_OPTIONS = sizeof plain_options / sizeof plain_options[0] };

static br_status show_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                            br_error *err) {
  dbx_result *result = NULL;
  br_status st = find_row(s, queue, first_operand(args), &result, err);
  st = st == BR_OK ? print_event(result, args, cli_session_json_mark(&s->session), err) : st;
  dbx_result_free(st == BR_ERR_NOT_FOUND ? NULL : result);
  return st;
}

static int run_show(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS, show_event);
}

const cli_command cli_command_events_show = {
    .name = "events show",
    .summary = "Shows all columns of an event",
    .options = plain_options,
    .option_count = PLAIN_OPTIONS,
    .operands = EVENT_ID,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_show,
};

/* ---- retry, cancel ---- */

static br_status say_text(const char *event_id, const char *what, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  br_status st = br_buf_printf(&text, err, "%s: %s\n", event_id, what);
  st = st == BR_OK ? cli_write(text.data, text.len, err) : st;
  br_buf_done(&text);
  return st;
}

/* What became of an event: "id: pending" for people, a row of two columns as JSON. */
static br_status say(const cli_syncing *s, const cli_arguments *args, const char *event_id,
                     const char *name, const char *what, br_error *err) {
  const cli_column columns[] = {{.name = "event_id"}, {.name = name}};
  const cli_format format = cli_format_of(cli_text(args, "output"));
  cli_table *table = NULL;
  if (format != CLI_FORMAT_JSON) {
    return say_text(event_id, what, err);
  }
  br_status st = cli_table_new(format, columns, 2, cli_session_json_mark(&s->session), &table, err);
  st = st == BR_OK ? cli_table_cstr(table, event_id, err) : st;
  st = st == BR_OK ? cli_table_cstr(table, what, err) : st;
  st = st == BR_OK ? cli_table_end(table, err) : st;
  cli_table_free(table);
  return st;
}

/* The newest row, where several have the id. */
static br_status retry_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                             br_error *err) {
  const char *event_id = first_operand(args);
  dbx_result *row = NULL;
  bool done = false;
  br_status st = find_row(s, queue, event_id, &row, err);
  if (st != BR_OK) {
    return st;
  }
  const sync_row_name name = row_name(row);
  st = sync_queue_retry(queue, &name, s->session.cancel, &done, err);
  if (st == BR_OK && done) {
    st = say(s, args, event_id, "status", "pending", err);
  } else if (st == BR_OK) {
    const char *status = dbx_result_value(row, 0, SYNC_COLUMN_STATUS);
    st = br_error_set(err, BR_ERR_CONFLICT,
                      "The event '%.200s' is %s; only failed and blocked ones can be retried",
                      event_id, status == NULL ? "pending" : status);
  }
  dbx_result_free(row);
  return st;
}

static int run_retry(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS, retry_event);
}

const cli_command cli_command_events_retry = {
    .name = "events retry",
    .summary = "Puts a failed or blocked event back into the queue",
    .options = plain_options,
    .option_count = PLAIN_OPTIONS,
    .operands = EVENT_ID,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_retry,
};

static br_status cancel_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                              br_error *err) {
  sync_ledger ledger;
  sync_session session = {.options = &s->sqlserver,
                          .lock_timeout_s = s->options.lock_timeout_s,
                          .cancel = s->session.cancel};
  dbx_result *row = NULL;
  br_status st = sync_ledger_init(&ledger, s->options.ledger_table, err);
  st = st == BR_OK ? find_row(s, queue, first_operand(args), &row, err) : st;
  if (st == BR_OK) {
    const sync_row_name name = row_name(row);
    const char *status = dbx_result_value(row, 0, SYNC_COLUMN_STATUS);
    st = status != NULL && strcmp(status, "pending") != 0
             ? br_error_set(err, BR_ERR_CONFLICT,
                            "The event '%.200s' is %s; only pending ones can be cancelled",
                            name.event_id, status)
             : sync_cancel_event(queue, &ledger, &session, &name, s->session.cancel, err);
  }
  dbx_result_free(row);
  sync_session_close(&session);
  return st == BR_OK ? say(s, args, first_operand(args), "status", "cancelled", err) : st;
}

static int run_cancel(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS | SETTINGS_SQLSERVER, cancel_event);
}

const cli_command cli_command_events_cancel = {
    .name = "events cancel",
    .summary = "Takes a pending event out of the queue",
    .options = plain_options,
    .option_count = PLAIN_OPTIONS,
    .operands = EVENT_ID,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_cancel,
};

/* ---- plan ---- */

static br_status plan_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                            br_error *err) {
  br_status st = cli_syncing_rights(s, err);
  if (st != BR_OK) {
    return st;
  }
  sync_event *event = NULL;
  sync_ledger ledger;
  char *text = NULL;
  sync_session session = {.options = &s->sqlserver,
                          .lock_timeout_s = s->options.lock_timeout_s,
                          .cancel = s->session.cancel};
  const sync_apply_options options = {.client = s->client,
                                      .queue = queue,
                                      .ledger = &ledger,
                                      .principal = s->options.principal,
                                      .empty_is_fine = s->options.empty_is_fine,
                                      .cancel = s->session.cancel,
                                      .rights = s->options.rights,
                                      .rights_context = s->options.rights_context};
  st = sync_ledger_init(&ledger, s->options.ledger_table, err);
  st = st == BR_OK ? sync_queue_find(queue, first_operand(args), s->session.cancel, &event, err)
                   : st;
  st = st == BR_OK ? sync_preview(&options, &session, event, &text, err) : st;
  st = st == BR_OK ? say(s, args, first_operand(args), "plan", text, err) : st;
  br_free(text);
  sync_event_free(event);
  sync_session_close(&session);
  return st;
}

static int run_plan(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS | SETTINGS_SQLSERVER, plan_event);
}

const cli_command cli_command_events_plan = {
    .name = "events plan",
    .summary = "Says what an event would change, and changes nothing",
    .details = "The change runs in a transaction that is rolled back: rows, triggers and foreign "
               "keys that it would set off, and the first rows with their old and new values.",
    .options = plain_options,
    .option_count = PLAIN_OPTIONS,
    .operands = EVENT_ID,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_plan,
};

/* ---- emit, watch ---- */

static const cli_option watch_options[] = {
    {.name = "timeout",
     .kind = CLI_NUMBER,
     .value_name = "SECONDS",
     .initial = "300",
     .help = "give up after so long; 0: never"},
    {.name = "interval",
     .kind = CLI_NUMBER,
     .value_name = "SECONDS",
     .initial = "2",
     .minimum = 1,
     .maximum = 3600,
     .help = "between two looks"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static bool has_ended(const char *status) {
  return strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0 ||
         strcmp(status, "blocked") == 0;
}

static br_status ended(const dbx_result *row, const cli_arguments *args, const char *mark,
                       br_error *err) {
  const char *status = dbx_result_value(row, 0, SYNC_COLUMN_STATUS);
  const char *why = dbx_result_value(row, 0, SYNC_COLUMN_ERROR_MESSAGE);
  br_status st = print_event(row, args, mark, err);
  return st == BR_OK && strcmp(status, "completed") != 0
             ? br_error_set(err, BR_ERR_REMOTE, "The event is %s: %s", status,
                            why == NULL ? "no message" : why)
             : st;
}

static br_status watch(cli_syncing *s, sync_queue *queue, const char *event_id,
                       const cli_arguments *args, uint64_t timeout_s, uint64_t interval_s,
                       br_error *err) {
  const br_deadline by = br_deadline_after_ms(timeout_s * 1000);
  char last[32] = "";
  for (;;) {
    dbx_result *row = NULL;
    br_status st = find_row(s, queue, event_id, &row, err);
    if (st != BR_OK) {
      return st;
    }
    const char *value = dbx_result_value(row, 0, SYNC_COLUMN_STATUS);
    const char *status = value == NULL ? "pending" : value;
    if (strcmp(status, last) != 0) {
      (void)snprintf(last, sizeof last, "%.31s", status);
      cli_note("%s: %s", event_id, last);
    }
    const bool end = has_ended(last);
    st = end ? ended(row, args, cli_session_json_mark(&s->session), err) : BR_OK;
    dbx_result_free(row);
    if (st != BR_OK || end) {
      return st;
    }
    if (br_deadline_passed(by)) {
      return br_error_set(err, BR_ERR_TIMEOUT,
                          "The event '%.200s' is still %s after %" PRIu64
                          " s; does the service ('sync') run?",
                          event_id, last, timeout_s);
    }
    st = br_cancel_sleep_ms(s->session.cancel, interval_s * 1000, err);
    if (st != BR_OK) {
      return st;
    }
  }
}

static br_status watch_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                             br_error *err) {
  return watch(s, queue, first_operand(args), args, cli_number(args, "timeout"),
               cli_number(args, "interval"), err);
}

static int run_watch(const cli_arguments *args) {
  return run_action(args, SETTINGS_DATABRICKS, watch_event);
}

const cli_command cli_command_events_watch = {
    .name = "events watch",
    .summary = "Waits until an event has ended",
    .details = "Status 0 where it is completed, 1 where it failed, was blocked, or time ran out.",
    .options = watch_options,
    .option_count = sizeof watch_options / sizeof watch_options[0],
    .operands = EVENT_ID,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_watch,
};

static const cli_option emit_options[] = {
    {.name = "operation",
     .kind = CLI_CHOICE,
     .choices = "INSERT|UPDATE|DELETE",
     .required = true,
     .help = "what is to be done"},
    {.name = "target",
     .kind = CLI_TEXT,
     .value_name = "TABLE",
     .required = true,
     .help = "table of SQL Server: schema.table"},
    {.name = "source",
     .kind = CLI_TEXT,
     .value_name = "TABLE",
     .help = "table of Databricks: catalog.schema.table"},
    {.name = "key",
     .kind = CLI_LIST,
     .value_name = "COLUMN",
     .help = "a column of the primary key; needed for UPDATE and DELETE"},
    {.name = "filter",
     .kind = CLI_TEXT,
     .value_name = "JSON",
     .help = "conditions of a DELETE: {\"column\": value}"},
    {.name = "metadata", .kind = CLI_TEXT, .value_name = "JSON", .help = "options and notes"},
    {.name = "priority", .kind = CLI_TEXT, .value_name = "N", .help = "place in the queue"},
    {.name = "rows-expected",
     .kind = CLI_TEXT,
     .value_name = "N",
     .help = "how many rows should be affected"},
    {.name = "event-id",
     .kind = CLI_TEXT,
     .value_name = "ID",
     .help = "the event's id; made up where it is not given"},
    {.name = "wait", .kind = CLI_FLAG, .help = "wait until it has ended, for five minutes"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

/* A whole number from minimum to what an INT holds, in the words of other options' numbers. */
static br_status whole_number(const cli_arguments *args, const char *option, int64_t minimum,
                              bool *ret_given, int64_t *ret_number, br_error *err) {
  const char *text = cli_text(args, option);
  *ret_given = text != NULL;
  if (text == NULL) {
    return BR_OK;
  }
  const char *digits = text + (text[0] == '-');
  if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
    return br_error_set(err, BR_ERR_USAGE, "--%s: '%s' is not a whole number", option, text);
  }
  *ret_number = strtoll(text, NULL, 10); /* what is too long for it becomes its largest */
  return *ret_number >= minimum && *ret_number <= INT32_MAX
             ? BR_OK
             : br_error_set(err, BR_ERR_USAGE, "--%s: %s is out of range: %" PRId64 " to %" PRId32,
                            option, text, minimum, INT32_MAX);
}

static br_status numbers(const cli_arguments *args, sync_new_event *event, br_error *err) {
  br_status st =
      whole_number(args, "priority", INT32_MIN, &event->has_priority, &event->priority, err);
  return st == BR_OK ? whole_number(args, "rows-expected", 0, &event->has_rows_expected,
                                    &event->rows_expected, err)
                     : st;
}

/* Problems name columns; here they came from options. */
static const char *option_of_problem(const char *problem) {
  static const char *const names[][2] = {
      {"event_id", "--event-id"}, {"source_table", "--source"}, {"target_table", "--target"},
      {"primary_keys", "--key"},  {"Primary keys", "--key"},    {"filter_conditions", "--filter"},
      {"metadata", "--metadata"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strncmp(problem, names[i][0], strlen(names[i][0])) == 0) {
      return names[i][1];
    }
  }
  return NULL;
}

/* The same rules as the poller's: what it would refuse is told now. */
static br_status check_new(cli_syncing *s, sync_queue *queue, const sync_new_event *event,
                           br_error *err) {
  sync_event *parsed = NULL;
  br_status st = sync_queue_check(queue, event, s->session.cancel, &parsed, err);
  if (st == BR_OK && parsed->problem != NULL) {
    const char *option = option_of_problem(parsed->problem);
    st = option == NULL ? br_error_set(err, BR_ERR_USAGE, "%s", parsed->problem)
                        : br_error_set(err, BR_ERR_USAGE, "%s (%s)", parsed->problem, option);
  }
  sync_event_free(parsed);
  return st;
}

static br_status emit_event(cli_syncing *s, sync_queue *queue, const cli_arguments *args,
                            br_error *err) {
  char made[BR_UUID_MAX];
  sync_new_event event = {.event_id = cli_text(args, "event-id"),
                          .operation = cli_text(args, "operation"),
                          .source_table = cli_text(args, "source"),
                          .target_table = cli_text(args, "target"),
                          .filter_conditions = cli_text(args, "filter"),
                          .metadata = cli_text(args, "metadata")};
  event.key_count = cli_list(args, "key", &event.keys);
  br_status st = numbers(args, &event, err);
  if (st == BR_OK && event.event_id == NULL) {
    st = br_uuid(made, err);
    event.event_id = made;
  }
  st = st == BR_OK ? check_new(s, queue, &event, err) : st;
  st = st == BR_OK ? sync_queue_emit(queue, &event, s->session.cancel, err) : st;
  if (st == BR_OK && cli_flag(args, "wait")) {
    return watch(s, queue, event.event_id, args, 300, 2, err);
  }
  return st == BR_OK ? say(s, args, event.event_id, "status", "pending", err) : st;
}

static int run_emit(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  sync_new_event event = {.event_id = NULL};
  if (numbers(args, &event, &err) != BR_OK) {
    return cli_fail(&err);
  }
  return run_action(args, SETTINGS_DATABRICKS, emit_event);
}

const cli_command cli_command_events_emit = {
    .name = "events emit",
    .summary = "Puts an event into the queue",
    .options = emit_options,
    .option_count = sizeof emit_options / sizeof emit_options[0],
    .run = run_emit,
};
