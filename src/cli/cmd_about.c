/*
 * cmd_about.c: the commands about the program itself: version, help, completion, man.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/output.h"

static const cli_option output_only[] = {CLI_OPTION_OUTPUT};

static int run_version(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, BR_KIB(1));
  bool json = cli_format_of(cli_text(args, "output")) == CLI_FORMAT_JSON;
  br_status st =
      br_buf_printf(&text, &err, json ? "{\"name\":\"%s\",\"version\":\"%s\"}\n" : "%s v%s\n",
                    CLI_PROGRAM, BRIDGE_VERSION);
  int status = st == BR_OK ? cli_print(&text) : cli_fail_run(&err);
  br_buf_done(&text);
  return status;
}

const cli_command cli_command_version = {
    .name = "version",
    .summary = "Shows the version",
    .options = output_only,
    .option_count = 1,
    .run = run_version,
};

/* The command that the operands name, e.g. "config" "show"; NULL = none. */
static const cli_command *named_command(const char *const *words, size_t count) {
  char name[64] = "";
  (void)snprintf(name, sizeof name, "%s%s%s", words[0], count > 1 ? " " : "",
                 count > 1 ? words[1] : "");
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    if (strcmp(cli_commands[i]->name, name) == 0) {
      return cli_commands[i];
    }
  }
  return NULL;
}

static int run_help(const cli_arguments *args) {
  const char *const *words = NULL;
  size_t count = cli_operands(args, &words);
  const cli_command *command = count == 0 ? NULL : named_command(words, count);
  br_error err = BR_ERROR_INIT;
  if (count > 0 && command == NULL) {
    br_error_set(&err, BR_ERR_USAGE, "There is no command '%s'; '" CLI_PROGRAM " help' lists all",
                 words[0]);
    return cli_fail(&err);
  }
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  br_status st =
      command == NULL ? cli_help_overview(&text, &err) : cli_help_command(command, &text, &err);
  int status = st == BR_OK ? cli_print(&text) : cli_fail_run(&err);
  br_buf_done(&text);
  return status;
}

const cli_command cli_command_help = {
    .name = "help",
    .summary = "Shows this list, or the help of a command",
    .operands = "[COMMAND]",
    .operands_max = 2,
    .run = run_help,
};

static int print_made(br_status (*make)(br_buf *out, br_error *err)) {
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  int status = make(&text, &err) == BR_OK ? cli_print(&text) : cli_fail_run(&err);
  br_buf_done(&text);
  return status;
}

static int run_completion(const cli_arguments *args) {
  (void)args;
  return print_made(cli_help_completion);
}

const cli_command cli_command_completion = {
    .name = "completion",
    .summary = "Prints the completion script for bash",
    .details = "Use it with: source <(" CLI_PROGRAM " completion)",
    .run = run_completion,
};

static int run_man(const cli_arguments *args) {
  (void)args;
  return print_made(cli_help_man_page);
}

const cli_command cli_command_man = {
    .name = "man",
    .summary = "Prints the manual page",
    .details = "Read it with: " CLI_PROGRAM " man | man -l -",
    .run = run_man,
};
