/*
 * session.h: what a command that touches a server starts with: settings read and checked, the
 * sandbox started where it stands in, Ctrl-C caught.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/cancel.h"
#include "cli/option.h"
#include "cli/profile.h"
#include "databricks/databricks.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"
#include "tds/tds.h"

typedef struct cli_session {
  settings *config;
  unsigned sides;         /* settings_side bits that are there, configured or stood in for */
  unsigned sandbox_sides; /* settings_side bits that the sandbox takes */
  sandbox *sb;            /* NULL: none */
  br_cancel *cancel;
  br_secret *sandbox_password, *sandbox_token;
  cli_profile profile;
} cli_session;

/* The option --sandbox for a command's table. */
#define CLI_OPTION_SANDBOX                                                                         \
  {                                                                                                \
    .name = "sandbox", .kind = CLI_OPTIONAL_CHOICE, .choices = "sqlserver|databricks|both",        \
    .help = "let the embedded sandbox stand in for one side or both"                               \
  }
#define CLI_OPTION_OUTPUT                                                                          \
  {                                                                                                \
    .name = "output", .kind = CLI_CHOICE, .choices = "table|json", .initial = "table",             \
    .help = "form of the result"                                                                   \
  }
#define CLI_OPTION_QUERIES_PATH                                                                    \
  {                                                                                                \
    .name = "queries-path", .letter = 'q', .kind = CLI_TEXT, .value_name = "DIR",                  \
    .required = true, .help = "folder with the query files (*.sql)"                                \
  }
#define CLI_OPTION_CONFIG_PATH                                                                     \
  {                                                                                                \
    .name = "config-path", .letter = 'c', .kind = CLI_TEXT, .value_name = "DIR", .required = true, \
    .help = "folder with common_params.yaml and a file for each country"                           \
  }
#define CLI_OPTION_COUNTRY                                                                         \
  {                                                                                                \
    .name = "country", .kind = CLI_TEXT, .value_name = "NAME", .required = true,                   \
    .help = "country whose parameters are used: the name of its file without .yaml"                \
  }
#define CLI_OPTION_VERBOSE                                                                         \
  { .name = "verbose", .letter = 'v', .kind = CLI_FLAG, .help = "say more on stderr" }

/* What the service needs: the sides that are configured or asked for; both where nothing is. */
enum { CLI_SIDES_CONFIGURED = SETTINGS_SERVICE };

/* Opens a session for the sides needed (settings_side bits). Prints warnings about settings and the
 * sandbox's announcement to stderr. On failure nothing is left open. */
br_status cli_session_open(const cli_arguments *args, unsigned needed_sides,
                           cli_session *ret_session, br_error *err) BR_CHECKED;
void cli_session_close(cli_session *session);

/* Options of a connection by the settings, or to the sandbox. database NULL: the settings' own.
 * Borrowed from the session. */
br_status cli_session_tds_options(const cli_session *session, const char *database,
                                  tds_options *ret_options, br_error *err) BR_CHECKED;
br_status cli_session_dbx_options(cli_session *session, dbx_options *ret_options,
                                  br_error *err) BR_CHECKED;
/* For commands that run statements: the options' warehouse_id, or the error that none is named. */
br_status cli_session_need_warehouse(const char *warehouse, br_error *err) BR_CHECKED;
/* ",\"sandbox\":[\"sqlserver\"]" for JSON results, "" where there is no sandbox. */
const char *cli_session_json_mark(const cli_session *session);

#endif
