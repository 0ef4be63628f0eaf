/*
 * cmd_config.c: every setting, its value (secrets masked) and where it came from; then what is
 * wrong with them.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/commands.h"
#include "cli/output.h"

static const cli_option options[] = {CLI_OPTION_OUTPUT, CLI_OPTION_VERBOSE};

static const cli_column columns[] = {
    {.name = "setting"},
    {.name = "value"},
    {.name = "origin"},
};

/* A value that is no secret may hold one: a password in an address. */
static br_status print_value(cli_table *table, const settings *config, setting which,
                             br_error *err) {
  if (settings_secret(config, which) != NULL) {
    return cli_table_cstr(table, "********", err);
  }
  char *value = br_strdup(settings_get(config, which));
  if (value == NULL) {
    return br_error_nomem(err);
  }
  br_secret_redact(value);
  br_status st = cli_table_cstr(table, value, err);
  br_free(value);
  return st;
}

static br_status print_settings(const settings *config, cli_format format, br_error *err) {
  cli_table *table = NULL;
  br_status st =
      cli_table_new(format, columns, sizeof columns / sizeof columns[0], NULL, &table, err);
  for (int i = 0; st == BR_OK && i < SETTING_COUNT; i++) {
    setting which = (setting)i;
    st = cli_table_cstr(table, settings_name(which), err);
    st = st == BR_OK ? print_value(table, config, which, err) : st;
    st = st == BR_OK ? cli_table_cstr(table, settings_origin(config, which), err) : st;
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  return st;
}

/* Problems go to stderr; wrong ones make the command fail. */
static br_status print_problems(const settings *config, br_error *err) {
  br_buf lines;
  br_buf_init(&lines, BR_KIB(256));
  size_t errors = 0;
  size_t warnings = 0;
  br_status st = settings_problems(config, 0, &lines, &errors, &warnings, err);
  const char *text = st == BR_OK ? br_buf_cstr(&lines) : NULL;
  if (st == BR_OK && errors > 0) {
    st = br_error_set(err, BR_ERR_DATA, "%zu %s wrong:\n%s", errors,
                      errors == 1 ? "setting is" : "settings are", text == NULL ? "" : text);
  } else if (st == BR_OK && warnings > 0 && text != NULL) {
    cli_warn("%s", text);
  }
  br_buf_done(&lines);
  return st;
}

static int run(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  settings_load_options load = {0};
  settings *config = NULL;
  br_status st = settings_load(&load, &config, &err);
  if (st == BR_OK) {
    st = print_settings(config, cli_format_of(cli_text(args, "output")), &err);
  }
  if (st == BR_OK) {
    st = print_problems(config, &err);
  }
  settings_free(config);
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_config_show = {
    .name = "config show",
    .summary = "Shows every setting, its value and where it came from",
    .details = "Secrets are masked. The environment wins over .env, which wins over the defaults.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
