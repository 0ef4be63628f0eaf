#include "cli/session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/signals.h"

static unsigned asked_sides(const cli_arguments *args) {
  const char *word = cli_text(args, "sandbox");
  if (word == NULL) {
    return 0;
  }
  if (strcmp(word, "sqlserver") == 0) {
    return SETTINGS_SQLSERVER;
  }
  return strcmp(word, "databricks") == 0 ? SETTINGS_DATABRICKS
                                         : SETTINGS_SQLSERVER | SETTINGS_DATABRICKS;
}

static void print_lines(br_buf *lines) {
  char *text = (char *)lines->data;
  const char *all = br_buf_cstr(lines);
  if (all == NULL || text == NULL) {
    return;
  }
  for (const char *line = all; *line != '\0';) {
    size_t length = strcspn(line, "\n");
    cli_warn("%.*s", (int)length, line);
    line += length + (line[length] == '\n');
  }
}

/* Wrong settings end the command with all of them in one error; lesser ones are warnings. */
static br_status check_settings(const settings *config, unsigned sides, br_error *err) {
  br_buf lines;
  br_buf_init(&lines, BR_KIB(256));
  size_t errors = 0;
  size_t warnings = 0;
  br_status st = settings_problems(config, sides, &lines, &errors, &warnings, err);
  if (st == BR_OK && errors > 0) {
    lines.len--; /* the last line break */
    const char *text = br_buf_cstr(&lines);
    st = br_error_set(err, BR_ERR_DATA, "%zu %s wrong:\n%s", errors,
                      errors == 1 ? "setting is" : "settings are", text == NULL ? "" : text);
  } else if (st == BR_OK && warnings > 0) {
    print_lines(&lines);
  }
  br_buf_done(&lines);
  return st;
}

static const char *side_names(unsigned sides) {
  static const char *const names[] = {"", "SQL Server", "Databricks", "SQL Server and Databricks"};
  return names[sides & 3U];
}

static br_status start_sandbox(cli_session *s, br_error *err) {
  sandbox_options options = {
      .data_folder = settings_get(s->config, SETTING_BRIDGE_DATA_DIR),
      .sqlserver = (s->sandbox_sides & SETTINGS_SQLSERVER) != 0,
      .databricks = (s->sandbox_sides & SETTINGS_DATABRICKS) != 0,
  };
  cli_note("the embedded sandbox stands in for %s; its data lies in %s",
           side_names(s->sandbox_sides), options.data_folder);
  br_status st = br_secret_new(SANDBOX_PASSWORD, &s->sandbox_password, err);
  if (st == BR_OK) {
    st = br_secret_new(SANDBOX_TOKEN, &s->sandbox_token, err);
  }
  return st == BR_OK ? sandbox_start(&options, &s->sb, err) : st;
}

static void configure_log(const settings *config, bool verbose) {
  const char *level = settings_get(config, SETTING_LOG_LEVEL);
  br_log_level lowest = BR_LOG_INFO;
  if (verbose || br_text_equal_nocase(level, "DEBUG")) {
    lowest = BR_LOG_DEBUG;
  } else if (br_text_equal_nocase(level, "WARNING")) {
    lowest = BR_LOG_WARNING;
  } else if (br_text_equal_nocase(level, "ERROR")) {
    lowest = BR_LOG_ERROR;
  }
  bool json = br_text_equal_nocase(settings_get(config, SETTING_LOG_FORMAT), "json");
  br_log_configure(lowest, json ? BR_LOG_JSON : BR_LOG_TEXT, 2);
}

static unsigned configured_sides(const settings *config, unsigned asked) {
  unsigned sides = settings_configured_sides(config) | asked;
  if (settings_is_set(config, SETTING_USE_DATABRICKS)) {
    sides |= SETTINGS_DATABRICKS;
  }
  return sides == 0 ? SETTINGS_BOTH : sides;
}

static br_status open_session(cli_session *s, const cli_arguments *args, unsigned sides,
                              br_error *err) {
  settings_load_options load = {0};
  br_status st = settings_load(&load, &s->config, err);
  if (st == BR_OK && sides == CLI_SIDES_CONFIGURED) {
    sides |= configured_sides(s->config, asked_sides(args));
  }
  s->sides = sides & SETTINGS_BOTH;
  if (st == BR_OK) {
    configure_log(s->config, cli_flag(args, "verbose"));
    st = settings_resolve_sandbox(s->config, sides, asked_sides(args), &s->sandbox_sides, err);
  }
  if (st == BR_OK) {
    st = check_settings(s->config, sides & ~s->sandbox_sides, err);
  }
  if (st == BR_OK) {
    st = br_cancel_new(&s->cancel, err);
  }
  if (st == BR_OK) {
    st = cli_signals_install(s->cancel, err);
  }
  return st == BR_OK && s->sandbox_sides != 0 ? start_sandbox(s, err) : st;
}

br_status cli_session_open(const cli_arguments *args, unsigned needed_sides,
                           cli_session *ret_session, br_error *err) {
  cli_session s = {0};
  br_status st = open_session(&s, args, needed_sides, err);
  if (st != BR_OK) {
    cli_session_close(&s);
    return st;
  }
  *ret_session = s;
  return BR_OK;
}

void cli_session_close(cli_session *s) {
  cli_signals_reset();
  sandbox_stop(s->sb);
  cli_profile_done(&s->profile);
  br_secret_free(s->sandbox_password);
  br_secret_free(s->sandbox_token);
  br_cancel_free(s->cancel);
  settings_free(s->config);
  *s = (cli_session){0};
}

/* NULL for a setting that is not set. */
static const char *text_or_null(const settings *config, setting which) {
  const char *text = settings_get(config, which);
  return text[0] == '\0' ? NULL : text;
}

static br_status parse_encrypt(const settings *config, tds_encrypt *ret_encrypt, br_error *err) {
  const char *word = settings_get(config, SETTING_SQLSERVER_ENCRYPT);
  if (br_text_equal_nocase(word, "optional")) {
    *ret_encrypt = TDS_ENCRYPT_OPTIONAL;
  } else if (br_text_equal_nocase(word, "mandatory")) {
    *ret_encrypt = TDS_ENCRYPT_MANDATORY;
  } else if (br_text_equal_nocase(word, "strict")) {
    *ret_encrypt = TDS_ENCRYPT_STRICT;
  } else {
    return br_error_set(err, BR_ERR_DATA,
                        "SQLSERVER_ENCRYPT: '%s' is not one of optional|mandatory|strict", word);
  }
  return BR_OK;
}

/* What connection strings of other programs hold, and a host name can't. */
static br_status check_host(const settings *config, br_error *err) {
  const char *host = settings_get(config, SETTING_SQLSERVER_HOST);
  const char *colon = strchr(host, ':');
  const bool has_port = colon != NULL && strchr(colon + 1, ':') == NULL; /* IPv6 has more */
  if (strpbrk(host, ",\\/;= ") == NULL && !has_port) {
    return BR_OK;
  }
  return br_error_set(
      err, BR_ERR_DATA,
      "SQLSERVER_HOST (%s) is '%s'; it takes a name or an address alone: a port goes "
      "into SQLSERVER_PORT, a named instance is reached by its port",
      settings_origin(config, SETTING_SQLSERVER_HOST), host);
}

static br_status check_ca_file(const settings *config, br_error *err) {
  const char *path = text_or_null(config, SETTING_SQLSERVER_CA_FILE);
  bool exists = false;
  br_status st = path == NULL ? BR_OK : br_file_exists(path, &exists, err);
  if (st == BR_OK && path != NULL && !exists) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "SQLSERVER_CA_FILE (%s): %s does not exist",
                      settings_origin(config, SETTING_SQLSERVER_CA_FILE), path);
  }
  return st;
}

/* Once in a process, which may connect many times. */
static void warn_of_clear_login(const char *host, uint16_t port) {
  static atomic_flag told = ATOMIC_FLAG_INIT;
  if (!atomic_flag_test_and_set(&told)) {
    cli_warn("%s:%u can't do TLS: the login goes there with its password in clear, as "
             "SQLSERVER_ENCRYPT=optional allows; SQLSERVER_ENCRYPT=mandatory refuses that",
             host, (unsigned)port);
  }
}

br_status cli_session_tds_options(const cli_session *s, const char *database,
                                  tds_options *ret_options, br_error *err) {
  const settings *config = s->config;
  if ((s->sandbox_sides & SETTINGS_SQLSERVER) != 0) {
    *ret_options = (tds_options){
        .host = "sandbox",
        .unix_path = sandbox_sqlserver_socket(s->sb),
        .database = database != NULL ? database : text_or_null(config, SETTING_SQLSERVER_DATABASE),
        .username = SANDBOX_USERNAME,
        .password = s->sandbox_password,
        .encrypt = TDS_ENCRYPT_OPTIONAL,
    };
    return BR_OK;
  }
  tds_encrypt encrypt = TDS_ENCRYPT_MANDATORY;
  br_status st = parse_encrypt(config, &encrypt, err);
  if (st == BR_OK) {
    st = check_host(config, err);
  }
  if (st == BR_OK) {
    st = check_ca_file(config, err);
  }
  if (st != BR_OK) {
    return st;
  }
  *ret_options = (tds_options){
      .host = settings_get(config, SETTING_SQLSERVER_HOST),
      .port = (uint16_t)settings_u64(config, SETTING_SQLSERVER_PORT),
      .database = database != NULL ? database : text_or_null(config, SETTING_SQLSERVER_DATABASE),
      .username = settings_get(config, SETTING_SQLSERVER_USERNAME),
      .password = settings_secret(config, SETTING_SQLSERVER_PASSWORD),
      .encrypt = encrypt,
      .on_clear_login = warn_of_clear_login,
      .ca_file = text_or_null(config, SETTING_SQLSERVER_CA_FILE),
      .trust_server_certificate = settings_bool(config, SETTING_SQLSERVER_TRUST_SERVER_CERTIFICATE),
      .connect_timeout_ms =
          (uint32_t)settings_u64(config, SETTING_SQLSERVER_CONNECT_TIMEOUT_SECONDS) * 1000U,
      .query_timeout_ms =
          (uint32_t)settings_u64(config, SETTING_SQLSERVER_QUERY_TIMEOUT_SECONDS) * 1000U,
  };
  return BR_OK;
}

/* The first that is set of two names for one thing, then the profile's key. */
static const char *first_text(const cli_session *s, setting first, setting second,
                              const char *key) {
  const char *text = text_or_null(s->config, first);
  if (text == NULL && second != SETTING_COUNT) {
    text = text_or_null(s->config, second);
  }
  return text == NULL ? cli_profile_get(&s->profile, key) : text;
}

br_status cli_session_dbx_options(cli_session *s, dbx_options *ret_options, br_error *err) {
  const settings *config = s->config;
  if ((s->sandbox_sides & SETTINGS_DATABRICKS) != 0) {
    *ret_options = (dbx_options){
        .host = "http://localhost",
        .unix_path = sandbox_databricks_socket(s->sb),
        .token = s->sandbox_token,
        .warehouse_id = SANDBOX_WAREHOUSE,
        .catalog = SANDBOX_CATALOG,
        .schema = SANDBOX_SCHEMA,
    };
    return BR_OK;
  }
  br_status st = cli_profile_load(&s->profile, config, err);
  dbx_options options = {.token = settings_secret(config, SETTING_DATABRICKS_TOKEN),
                         .client_secret =
                             settings_secret(config, SETTING_DATABRICKS_CLIENT_SECRET)};
  if (options.token == NULL) {
    options.token = settings_secret(config, SETTING_DATABRICKS_ACCESS_TOKEN);
  }
  options.client_id = first_text(s, SETTING_DATABRICKS_CLIENT_ID, SETTING_COUNT, "client_id");
  const bool oauth = options.token == NULL && options.client_id != NULL;
  const br_secret **secret = oauth ? &options.client_secret : &options.token;
  if (st == BR_OK && *secret == NULL) {
    st = cli_profile_secret(&s->profile, config, oauth ? "client_secret" : "token", secret, err);
  }
  if (st != BR_OK) {
    return st;
  }
  options.host = first_text(s, SETTING_DATABRICKS_HOST, SETTING_DATABRICKS_SERVER_HOSTNAME, "host");
  options.warehouse_id =
      first_text(s, SETTING_DATABRICKS_WAREHOUSE_ID, SETTING_DATABRICKS_HTTP_PATH, "warehouse_id");
  options.catalog = text_or_null(config, SETTING_DATABRICKS_CATALOG);
  options.schema = text_or_null(config, SETTING_DATABRICKS_SCHEMA);
  options.ca_file = text_or_null(config, SETTING_DATABRICKS_CA_FILE);
  *ret_options = options;
  return BR_OK;
}

br_status cli_session_need_warehouse(const char *warehouse, br_error *err) {
  return warehouse != NULL
             ? BR_OK
             : br_error_set(err, BR_ERR_DATA,
                            "No Databricks SQL warehouse is named: set DATABRICKS_WAREHOUSE_ID (or "
                            "DATABRICKS_HTTP_PATH)");
}

const char *cli_session_json_mark(const cli_session *s) {
  static const char *const marks[] = {"", ",\"sandbox\":[\"sqlserver\"]",
                                      ",\"sandbox\":[\"databricks\"]",
                                      ",\"sandbox\":[\"sqlserver\",\"databricks\"]"};
  return marks[s->sandbox_sides & 3U];
}
