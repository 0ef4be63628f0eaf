/*
 * cmd_serve.c: the service: starts, says where it listens, waits for a signal, ends in order.
 *
 *   SIGTERM ▶ not ready, no new work ▶ grace ▶ stops listening ▶ running jobs ▶ poller ▶ 0
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rotation.h"
#include "cli/tls_files.h"
#include "http/listen.h"

static const cli_option options[] = {
    {.name = "host",
     .kind = CLI_TEXT,
     .value_name = "ADDRESS",
     .initial = "0.0.0.0",
     .help = "address to listen at; :: for IPv6 too"},
    {.name = "port",
     .kind = CLI_NUMBER,
     .value_name = "PORT",
     .initial = "8000",
     .maximum = 65535,
     .help = "port to listen at; 0 chooses a free one"},
    {.name = "tls-certificate",
     .kind = CLI_TEXT,
     .value_name = "FILE",
     .help = "serve HTTPS with this certificate (PEM, with those between it and the root)"},
    {.name = "tls-key", .kind = CLI_TEXT, .value_name = "FILE", .help = "its private key (PEM)"},
    {.name = "grace",
     .kind = CLI_NUMBER,
     .value_name = "SECONDS",
     .initial = "2",
     .maximum = 600,
     .help = "at the end: how long requests are still served while readiness says no"},
    {.name = "patience",
     .kind = CLI_NUMBER,
     .value_name = "SECONDS",
     .initial = "20",
     .maximum = 3600,
     .help =
         "at the end: how long running jobs may go on; others begin again after the next start"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

static br_status sqlserver_options(void *context, const char *database, tds_options *ret_options,
                                   br_error *err) {
  return cli_session_tds_options(context, database, ret_options, err);
}

static br_status announce(const cli_arguments *args, uint16_t port, bool tls, const char *mark,
                          br_error *err) {
  const char *host = cli_text(args, "host");
  const bool json = cli_format_of(cli_text(args, "output")) == CLI_FORMAT_JSON;
  const bool six = strchr(host, ':') != NULL;
  char url[300], text[512];
  (void)snprintf(url, sizeof url, "http%s://%s%.200s%s:%u", tls ? "s" : "", six ? "[" : "", host,
                 six ? "]" : "", port);
  if (json) {
    (void)snprintf(text, sizeof text, "{\"url\":\"%s\",\"port\":%u%s}\n", url, port, mark);
  } else {
    (void)snprintf(text, sizeof text, "Serving at %s\n", url);
  }
  return cli_write(text, strlen(text), err);
}

static void wait_for_stop(const br_cancel *cancel) {
  while (!br_cancel_requested(cancel)) {
    struct pollfd fd = {.fd = br_cancel_fd(cancel), .events = POLLIN};
    (void)br_sys.poll(&fd, 1, -1);
  }
}

static void end_in_order(const cli_arguments *args, api *service) {
  const int grace_ms = (int)cli_number(args, "grace") * 1000;
  br_log(BR_LOG_INFO, "stopping");
  api_drain(service);
  (void)br_sys.poll(NULL, 0, grace_ms);
  api_stop(service, cli_number(args, "patience") * 1000);
  br_log(BR_LOG_INFO, "stopped");
}

/* What is looked at while the service runs. */
typedef struct watched {
  api *service;
  cli_tls_files *tls;
} watched;

static void look(void *context, bool hangup) {
  const watched *w = context;
  if (hangup) {
    api_reload(w->service);
  }
  cli_tls_files_look(w->tls, w->service, hangup);
  api_tidy(w->service);
}

static br_status run_service(const cli_arguments *args, cli_session *s, api *service,
                             cli_tls_files *tls, uint16_t port, br_error *err) {
  watched w = {.service = service, .tls = tls};
  const cli_rotation_options watch = {.session = s, .look = look, .context = &w};
  cli_rotation *rotation = NULL;
  br_status st = cli_rotation_start(&watch, &rotation, err);
  if (st == BR_OK) {
    st = announce(args, port, tls->certificate != NULL, cli_session_json_mark(s), err);
  }
  if (st == BR_OK) {
    wait_for_stop(s->cancel);
  }
  cli_rotation_stop(rotation);
  return st;
}

static br_status serve(const cli_arguments *args, cli_session *s, api_options *start,
                       cli_tls_files *tls, br_error *err) {
  uint16_t port = 0;
  api *service = NULL;
  br_status st = http_listen_tcp(cli_text(args, "host"), (uint16_t)cli_number(args, "port"),
                                 &start->listen_fd, &port, err);
  if (st != BR_OK) {
    return st;
  }
  st = api_start(start, &service, err);
  if (st != BR_OK) {
    (void)br_sys.close(start->listen_fd);
    return st;
  }
  st = run_service(args, s, service, tls, port, err);
  end_in_order(args, service);
  return st;
}

/* Where the warehouse could have stood in the profile. */
static br_status check_warehouse(const cli_session *s, const dbx_options *databricks,
                                 br_error *err) {
  if (databricks->warehouse_id != NULL || !settings_strict(s->config) ||
      !settings_bool(s->config, SETTING_POLLER_ENABLED)) {
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_USAGE,
                      "DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is not set, and the "
                      "profile %s has no warehouse_id",
                      settings_get(s->config, SETTING_DATABRICKS_PROFILE));
}

static br_status run_session(const cli_arguments *args, cli_session *s, br_error *err) {
  cli_tls_files tls;
  dbx_options databricks = {.host = NULL};
  api_options start = {.config = s->config,
                       .version = BRIDGE_VERSION,
                       .sides = s->sides,
                       .sandbox_sides = s->sandbox_sides,
                       .sqlserver = sqlserver_options,
                       .context = s};
  br_status st =
      cli_tls_files_load(cli_text(args, "tls-certificate"), cli_text(args, "tls-key"), &tls, err);
  if (st == BR_OK && (s->sides & SETTINGS_DATABRICKS) != 0) {
    st = cli_session_dbx_options(s, &databricks, err);
    st = st == BR_OK ? check_warehouse(s, &databricks, err) : st;
    start.databricks = &databricks;
  }
  start.tls_certificate = tls.certificate;
  start.tls_key = tls.key;
  st = st == BR_OK ? serve(args, s, &start, &tls, err) : st;
  cli_tls_files_done(&tls);
  return st;
}

static int run(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  cli_session s;
  br_mem_share_heaps();
  br_status st = cli_session_open(args, CLI_SIDES_CONFIGURED, &s, &err);
  if (st == BR_OK) {
    st = run_session(args, &s, &err);
    cli_session_close(&s);
  }
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_serve = {
    .name = "serve",
    .summary = "Runs the service: REST API, extraction jobs, the poller of events",
    .details =
        "Starts also while a side can't be reached: /health/ready says so, and the poller "
        "begins as soon as both sides are there. SIGTERM ends it in order: not ready, no new "
        "work, running jobs to a safe point; a second signal ends it at once. Secrets from files "
        "and from ~/.databrickscfg, certificate and key are read again when they change; SIGHUP "
        "does so at once, opens the audit again and reads the permissions.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
