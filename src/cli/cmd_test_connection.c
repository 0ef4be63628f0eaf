/* cmd_test_connection.c: walks each side step by step and says what to do about what fails. */
#include <string.h>

#include "cli/commands.h"
#include "cli/walk_sides.h"

static const cli_option options[] = {
    {.name = "side",
     .kind = CLI_CHOICE,
     .choices = "sqlserver|databricks|both",
     .initial = "both",
     .help = "what to test"},
    {.name = "wake",
     .kind = CLI_FLAG,
     .help = "run the statements also where that starts the warehouse"},
    CLI_OPTION_OUTPUT,
    CLI_OPTION_SANDBOX,
    CLI_OPTION_VERBOSE,
};

static const cli_column columns[] = {
    {.name = "side"}, {.name = "step"}, {.name = "result"}, {.name = "details"}};

static br_status test_sides(const cli_arguments *args, cli_walk *walk, unsigned sides,
                            br_error *err) {
  cli_session s;
  br_status st = cli_session_open(args, sides, &s, err);
  if (st != BR_OK) {
    return st;
  }
  st = cli_table_new(cli_format_of(cli_text(args, "output")), columns,
                     sizeof columns / sizeof columns[0], cli_session_json_mark(&s), &walk->table,
                     err);
  if (st == BR_OK && (sides & SETTINGS_SQLSERVER) != 0) {
    st = cli_walk_sqlserver(walk, &s, err);
  }
  if (st == BR_OK && (sides & SETTINGS_DATABRICKS) != 0) {
    st = cli_walk_databricks(walk, &s, cli_flag(args, "wake"), err);
  }
  if (st == BR_OK) {
    st = cli_table_end(walk->table, err);
  }
  cli_table_free(walk->table);
  cli_session_close(&s);
  return st;
}

static int run(const cli_arguments *args) {
  const char *side = cli_text(args, "side");
  unsigned sides = SETTINGS_SQLSERVER | SETTINGS_DATABRICKS;
  if (strcmp(side, "both") != 0) {
    sides = strcmp(side, "sqlserver") == 0 ? SETTINGS_SQLSERVER : SETTINGS_DATABRICKS;
  }
  br_error err = BR_ERROR_INIT;
  cli_walk walk = {0};
  br_status st = test_sides(args, &walk, sides, &err);
  if (st != BR_OK) {
    if (strcmp(side, "both") == 0) {
      br_error_append(&err, st, "\n--side sqlserver or --side databricks tests only that one");
    }
    return cli_fail_run(&err);
  }
  return walk.failures == 0 ? 0 : 1;
}

const cli_command cli_command_test_connection = {
    .name = "test-connection",
    .summary = "Walks each side step by step and says what to do about what fails",
    .details =
        "SQL Server: name, TCP, prelogin, TLS, login, database, rights. Databricks: name, TCP, "
        "TLS, token, catalog, schema, volume (an empty file is written and deleted), "
        "warehouse, and on one that runs a statement and a link to storage. A warehouse that "
        "is asleep stays so unless --wake is given. Exit status 1 where a step fails.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
