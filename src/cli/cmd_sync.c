/*
 * cmd_sync.c: the poller on the command line, and `init`, which makes what it needs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rotation.h"
#include "cli/syncing.h"
#include "sync/retry.h"
#include "sync/setup.h"

enum { STOP_MS = 20000 };

static const cli_option sync_command_options[] = {
    {.name = "once",
     .kind = CLI_FLAG,
     .help = "carry out the events that are there, then end; status 1 where one failed"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static const cli_column summary_columns[] = {
    {.name = "events_table"},
    {.name = "completed", .kind = CLI_CELL_NUMBER},
    {.name = "failed", .kind = CLI_CELL_NUMBER},
    {.name = "blocked", .kind = CLI_CELL_NUMBER},
    {.name = "replayed", .kind = CLI_CELL_NUMBER},
};

static br_status add_count(cli_table *table, uint64_t count, br_error *err) {
  char text[32];
  (void)snprintf(text, sizeof text, "%" PRIu64, count);
  return cli_table_cstr(table, text, err);
}

static br_status print_summary(const sync_poller_status *status, const cli_arguments *args,
                               const char *mark, br_error *err) {
  cli_table *table = NULL;
  br_status st =
      cli_table_new(cli_format_of(cli_text(args, "output")), summary_columns,
                    sizeof summary_columns / sizeof summary_columns[0], mark, &table, err);
  st = st == BR_OK ? cli_table_cstr(table, status->events_table, err) : st;
  st = st == BR_OK ? add_count(table, status->completed, err) : st;
  st = st == BR_OK ? add_count(table, status->failed, err) : st;
  st = st == BR_OK ? add_count(table, status->blocked, err) : st;
  st = st == BR_OK ? add_count(table, status->replayed, err) : st;
  st = st == BR_OK ? cli_table_end(table, err) : st;
  cli_table_free(table);
  return st;
}

static br_status run_once(sync_poller *poller, cli_syncing *s, const cli_arguments *args,
                          bool *ret_failed, br_error *err) {
  uint64_t events = 0;
  bool all = false;
  sync_poller_status status;
  br_status st = sync_poller_run_once(poller, s->session.cancel, 0, &events, &all, err);
  sync_poller_get_status(poller, &status);
  *ret_failed = status.failed + status.blocked > 0;
  st = st == BR_OK ? print_summary(&status, args, cli_session_json_mark(&s->session), err) : st;
  return st == BR_OK && atomic_load(&s->unaudited)
             ? br_error_set(err, BR_ERR_IO,
                            "The audit can't be written, and in strict mode events wait until it "
                            "can (AUDIT_FILE)")
             : st;
}

static void look(void *context, bool hangup) {
  if (hangup) {
    cli_syncing_reload(context);
  }
}

/* Until Ctrl-C or SIGTERM. */
static br_status run_on(cli_syncing *s, br_error *err) {
  const cli_rotation_options watch = {.session = &s->session, .look = look, .context = s};
  cli_rotation *rotation = NULL;
  br_status st = cli_rotation_start(&watch, &rotation, err);
  if (st != BR_OK) {
    return st;
  }
  br_log(BR_LOG_INFO, "looking for events in %s every %" PRIu64 " s", s->options.events_table,
         s->options.interval_ms / 1000);
  while (br_cancel_sleep_ms(s->session.cancel, 3600000, NULL) == BR_OK) {
  }
  br_log(BR_LOG_INFO, "stopping");
  cli_rotation_stop(rotation);
  return BR_OK;
}

/* Servers may be away for a moment when this starts, and the service waits for them; what is wrong
 * with the settings or the tables does not pass. */
static br_status start(cli_syncing *s, bool once, sync_poller **ret_poller, br_error *err) {
  for (unsigned attempt = 1;; attempt++) {
    br_error why = BR_ERROR_INIT;
    br_status st = sync_poller_start(&s->options, ret_poller, &why);
    if (st == BR_OK || !sync_is_transient(&why) || (once && attempt == SYNC_ATTEMPTS)) {
      *err = why;
      return st;
    }
    br_log(BR_LOG_WARNING, "not ready yet: %s", why.message);
    st = br_cancel_sleep_ms(s->session.cancel,
                            sync_retry_delay_ms(attempt, br_clock_monotonic_ns()), err);
    if (st != BR_OK) {
      return st;
    }
  }
}

static int run_sync(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  cli_syncing s;
  sync_poller *poller = NULL;
  bool failed = false;
  br_status st = cli_syncing_open(args, SETTINGS_SQLSERVER | SETTINGS_DATABRICKS, &s, &err);
  if (st != BR_OK) {
    return cli_fail_run(&err);
  }
  s.options.start_cancel = s.session.cancel;
  st = cli_session_need_warehouse(s.warehouse, &err);
  st = st == BR_OK ? cli_syncing_rights(&s, &err) : st;
  st = st == BR_OK ? cli_syncing_audit(&s, &err) : st;
  st = st == BR_OK ? start(&s, cli_flag(args, "once"), &poller, &err) : st;
  if (st == BR_OK && cli_flag(args, "once")) {
    st = run_once(poller, &s, args, &failed, &err);
  } else if (st == BR_OK) {
    st = run_on(&s, &err);
  }
  if (st == BR_ERR_CANCELLED && !cli_flag(args, "once")) {
    br_log(BR_LOG_INFO, "stopping"); /* as asked: nothing was begun yet */
    st = BR_OK;
  }
  sync_poller_stop(poller, STOP_MS);
  cli_syncing_close(&s);
  return st != BR_OK ? cli_fail_run(&err) : failed ? 1 : 0;
}

const cli_command cli_command_sync = {
    .name = "sync",
    .summary = "Carries out the events of the events table on SQL Server",
    .details =
        "Looks every POLLING_INTERVAL_SECONDS and applies pending events in their order, each in a "
        "transaction of its own, exactly once. Any number of processes may run side by side: "
        "SYNC_PARALLEL_TABLES workers in all do the work, the others take over when one dies. "
        "Ctrl-C or SIGTERM finishes the change under way. 'init' makes the tables that it needs.",
    .options = sync_command_options,
    .option_count = sizeof sync_command_options / sizeof sync_command_options[0],
    .run = run_sync,
};

/* ---- init ---- */

static const cli_option init_options[] = {
    {.name = "test-table",
     .kind = CLI_FLAG,
     .help = "also make test_market_scope_data beside the events table, to try with"},
    {.name = "dry-run", .kind = CLI_FLAG, .help = "print the statements; run nothing"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static const cli_column init_columns[] = {{.name = "what"}, {.name = "result"}};

static const char *const side_names[] = {
    [SYNC_SETUP_DATABRICKS] = "Databricks", [SYNC_SETUP_SQLSERVER] = "SQL Server"};

/* For people: a script that can be run. */
static br_status print_script(const sync_setup *setup, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  br_status st = BR_OK;
  for (size_t i = 0; i < setup->count && st == BR_OK; i++) {
    st = br_buf_printf(&text, err, "-- %s: %s\n%s;\n\n", side_names[setup->steps[i].side],
                       setup->steps[i].what, setup->steps[i].sql);
  }
  st = st == BR_OK ? cli_write(text.data, text.len, err) : st;
  br_buf_done(&text);
  return st;
}

static br_status print_plan(const sync_setup *setup, const cli_arguments *args, const char *mark,
                            br_error *err) {
  static const cli_column columns[] = {{.name = "side"}, {.name = "what"}, {.name = "statement"}};
  const cli_format format = cli_format_of(cli_text(args, "output"));
  cli_table *table = NULL;
  if (format != CLI_FORMAT_JSON) {
    return print_script(setup, err);
  }
  br_status st = cli_table_new(format, columns, 3, mark, &table, err);
  for (size_t i = 0; i < setup->count && st == BR_OK; i++) {
    st = cli_table_cstr(table, side_names[setup->steps[i].side], err);
    st = st == BR_OK ? cli_table_cstr(table, setup->steps[i].what, err) : st;
    st = st == BR_OK ? cli_table_cstr(table, setup->steps[i].sql, err) : st;
  }
  st = st == BR_OK ? cli_table_end(table, err) : st;
  cli_table_free(table);
  return st;
}

/* A catalog or schema that can't be made may be there all the same: the table will tell. */
static br_status run_step(const sync_setup_step *step, cli_syncing *s, tds_conn *conn,
                          cli_table *table, br_error *err) {
  bool made = false;
  br_status st = sync_setup_run(step, s->client, conn, s->session.cancel, &made, err);
  /* Where the statement itself asks, nobody says which of both it was. */
  const char *result = !made ? "was there already" : step->exists != NULL ? "made" : "there";
  if (st != BR_OK && step->may_fail && st != BR_ERR_CANCELLED && st != BR_ERR_NETWORK) {
    cli_warn("%s", err->message);
    br_error_clear(err);
    result = "not made";
    st = BR_OK;
  }
  st = st == BR_OK ? cli_table_cstr(table, step->what, err) : st;
  return st == BR_OK ? cli_table_cstr(table, result, err) : st;
}

static br_status run_steps(const sync_setup *setup, cli_syncing *s, const cli_arguments *args,
                           br_error *err) {
  cli_table *table = NULL;
  tds_conn *conn = NULL;
  br_status st = cli_session_need_warehouse(s->warehouse, err);
  st = st == BR_OK ? tds_connect(&s->sqlserver, s->session.cancel, &conn, NULL, err) : st;
  st = st == BR_OK ? cli_table_new(cli_format_of(cli_text(args, "output")), init_columns, 2,
                                   cli_session_json_mark(&s->session), &table, err)
                   : st;
  for (size_t i = 0; i < setup->count && st == BR_OK; i++) {
    st = run_step(&setup->steps[i], s, conn, table, err);
  }
  st = st == BR_OK ? cli_table_end(table, err) : st;
  st = st == BR_OK ? sync_setup_check(s->options.events_table, s->options.ledger_table, s->client,
                                      conn, s->session.cancel, err)
                   : st;
  cli_table_free(table);
  tds_close(conn);
  return st;
}

static int run_init(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  cli_syncing s;
  sync_setup setup = {.count = 0};
  br_status st = cli_syncing_open(args, SETTINGS_SQLSERVER | SETTINGS_DATABRICKS, &s, &err);
  if (st != BR_OK) {
    return cli_fail_run(&err);
  }
  st = sync_setup_plan(s.options.events_table, s.options.ledger_table, cli_flag(args, "test-table"),
                       &setup, &err);
  if (st == BR_OK) {
    st = cli_flag(args, "dry-run")
             ? print_plan(&setup, args, cli_session_json_mark(&s.session), &err)
             : run_steps(&setup, &s, args, &err);
  }
  sync_setup_done(&setup);
  cli_syncing_close(&s);
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_init = {
    .name = "init",
    .summary = "Makes the events table in Databricks and the ledger in SQL Server",
    .details = "What is there already stays as it is.",
    .options = init_options,
    .option_count = sizeof init_options / sizeof init_options[0],
    .run = run_init,
};
