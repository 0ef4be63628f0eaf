/*
 * cmd_token.c: makes a token for a user of the REST API, and the lines that let it in.
 */
#include <stdio.h>
#include <string.h>

#include "auth/token.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/output.h"

static const cli_option options[] = {
    {.name = "name",
     .kind = CLI_TEXT,
     .value_name = "NAME",
     .initial = "new-user",
     .help = "name of the user in the permissions file"},
    CLI_OPTION_OUTPUT,
};

/* A JSON string is a YAML one too. */
static br_status make_text(const char *name, const char *token, const char *sha256, br_buf *out,
                           br_error *err) {
  br_status st = br_buf_printf(out, err,
                               "Token, shown this once:\n\n  %s\n\n"
                               "Lines for the permissions file, under users:\n\n  - name: ",
                               token);
  if (st == BR_OK) {
    st = cli_json_string(out, name, strlen(name), err);
  }
  if (st == BR_OK) {
    st = br_buf_printf(out, err,
                       "\n    token_sha256: \"%s\"\n"
                       "    permissions:\n"
                       "      - table: \"dbo.*\"\n"
                       "        access: read\n",
                       sha256);
  }
  return st;
}

static br_status make_json(const char *name, const char *token, const char *sha256, br_buf *out,
                           br_error *err) {
  br_status st = br_buf_text(out, "{\"name\":", err);
  if (st == BR_OK) {
    st = cli_json_string(out, name, strlen(name), err);
  }
  if (st == BR_OK) {
    st = br_buf_printf(out, err, ",\"token\":\"%s\",\"token_sha256\":\"%s\"}\n", token, sha256);
  }
  return st;
}

static int run_new(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  const char *name = cli_text(args, "name");
  char token[AUTH_TOKEN_TEXT_MAX];
  char sha256[BR_SHA256_HEX_MAX];
  br_buf out;
  br_buf_init(&out, BR_KIB(16));
  if (name[strspn(name, " \t\r\n")] == '\0') {
    br_error_set(&err, BR_ERR_USAGE, "--name is empty; the permissions file takes no such user");
    return cli_fail(&err);
  }
  br_status st = auth_token_new(token, sha256, &err);
  if (st == BR_OK) {
    bool json = cli_format_of(cli_text(args, "output")) == CLI_FORMAT_JSON;
    st = (json ? make_json : make_text)(name, token, sha256, &out, &err);
  }
  int status = st == BR_OK ? cli_print(&out) : cli_fail_run(&err);
  br_wipe(token, sizeof token);
  if (out.data != NULL) {
    br_wipe(out.data, out.cap);
  }
  br_buf_done(&out);
  return status;
}

const cli_command cli_command_token_new = {
    .name = "token new",
    .summary = "Makes a token for the REST API and the lines of the permissions file for it",
    .details = "The token is shown once; the permissions file holds only its SHA-256.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run_new,
};
