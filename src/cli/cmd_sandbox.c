/*
 * cmd_sandbox.c: opens the embedded SQL Server and workspace on loopback for other tools, until it
 * is told to stop.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/signals.h"

static const cli_option options[] = {
    {.name = "sqlserver-port",
     .kind = CLI_NUMBER,
     .value_name = "PORT",
     .initial = "0",
     .maximum = 65535,
     .help = "port of the SQL Server on 127.0.0.1; 0 chooses a free one"},
    {.name = "databricks-port",
     .kind = CLI_NUMBER,
     .value_name = "PORT",
     .initial = "0",
     .maximum = 65535,
     .help = "port of the workspace on 127.0.0.1; 0 chooses a free one"},
    {.name = "data-dir",
     .kind = CLI_TEXT,
     .value_name = "DIR",
     .help = "data folder (default: BRIDGE_DATA_DIR)"},
    {.name = "tls",
     .kind = CLI_FLAG,
     .help = "offer TLS with a self-signed certificate made in the data folder"},
    {.name = "strict", .kind = CLI_FLAG, .help = "with --tls: accept TDS 8.0 too"},
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static br_status announce(const sandbox *sb, bool json, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(16));
  const char *certificate = sandbox_certificate(sb);
  unsigned sql_port = sandbox_sqlserver_port(sb);
  unsigned rest_port = sandbox_databricks_port(sb);
  br_status st = BR_OK;
  if (json) {
    st = br_buf_printf(&text, err,
                       "{\"sandbox\":true,\"sqlserver\":{\"host\":\"127.0.0.1\",\"port\":%u,"
                       "\"username\":\"%s\",\"password\":"
                       "\"%s\"},\"databricks\":{\"host\":\"%s://"
                       "127.0.0.1:%u\",\"port\":%u,\"token\":\"%s\",\"warehouse_id\":\"%s\"},"
                       "\"certificate\":",
                       sql_port, SANDBOX_USERNAME, SANDBOX_PASSWORD,
                       certificate == NULL ? "http" : "https", rest_port, rest_port, SANDBOX_TOKEN,
                       SANDBOX_WAREHOUSE);
    if (st == BR_OK) {
      st = certificate == NULL ? br_buf_text(&text, "null", err)
                               : cli_json_string(&text, certificate, strlen(certificate), err);
    }
    st = st == BR_OK ? br_buf_text(&text, "}\n", err) : st;
  } else {
    st = br_buf_printf(&text, err,
                       "SQL Server  127.0.0.1,%u  user %s  password %s\nDatabricks  "
                       "%s://127.0.0.1:%u  token %s  warehouse %s\n",
                       sql_port, SANDBOX_USERNAME, SANDBOX_PASSWORD,
                       certificate == NULL ? "http" : "https", rest_port, SANDBOX_TOKEN,
                       SANDBOX_WAREHOUSE);
    if (st == BR_OK && certificate != NULL) {
      st = br_buf_printf(&text, err, "Certificate %s\n", certificate);
    }
  }
  if (st == BR_OK) {
    st = cli_write(text.data, text.len, err);
  }
  br_buf_done(&text);
  return st;
}

static br_status wait_for_stop(const br_cancel *cancel) {
  while (!br_cancel_requested(cancel)) {
    struct pollfd fd = {.fd = br_cancel_fd(cancel), .events = POLLIN};
    (void)br_sys.poll(&fd, 1, -1);
  }
  return BR_OK;
}

static br_status serve(const cli_arguments *args, const settings *config, br_cancel *cancel,
                       br_error *err) {
  const char *folder = cli_text(args, "data-dir");
  sandbox_options start = {
      .data_folder = folder != NULL ? folder : settings_get(config, SETTING_BRIDGE_DATA_DIR),
      .sqlserver = true,
      .databricks = true,
      .listen = true,
      .sqlserver_port = (uint16_t)cli_number(args, "sqlserver-port"),
      .databricks_port = (uint16_t)cli_number(args, "databricks-port"),
      .tls = cli_flag(args, "tls"),
      .strict = cli_flag(args, "strict"),
  };
  sandbox *sb = NULL;
  br_status st = sandbox_start(&start, &sb, err);
  if (st != BR_OK) {
    return st;
  }
  cli_note("the sandbox's data lies in %s; Ctrl-C stops it", start.data_folder);
  st = announce(sb, cli_format_of(cli_text(args, "output")) == CLI_FORMAT_JSON, err);
  if (st == BR_OK) {
    st = wait_for_stop(cancel);
  }
  sandbox_stop(sb);
  return st;
}

static int run(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  settings_load_options load = {0};
  settings *config = NULL;
  br_cancel *cancel = NULL;
  if (cli_flag(args, "strict") && !cli_flag(args, "tls")) {
    br_error_set(&err, BR_ERR_USAGE, "--strict needs --tls");
    return cli_fail(&err);
  }
  br_status st = settings_load(&load, &config, &err);
  if (st == BR_OK && settings_strict(config)) {
    st = br_error_set(
        &err, BR_ERR_USAGE,
        "The sandbox does not run in strict mode (USE_DATABRICKS=true or ENVIRONMENT=production)");
  }
  if (st == BR_OK) {
    st = br_cancel_new(&cancel, &err);
  }
  if (st == BR_OK) {
    st = cli_signals_install(cancel, &err);
  }
  if (st == BR_OK) {
    st = serve(args, config, cancel, &err);
  }
  cli_signals_reset();
  br_cancel_free(cancel);
  settings_free(config);
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_sandbox = {
    .name = "sandbox",
    .summary = "Opens the embedded SQL Server and Databricks workspace on loopback",
    .details = "For a first look and for tests of other tools: a SQL Server that speaks TDS and a "
               "workspace that speaks REST, both on SQLite. Runs until Ctrl-C.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
