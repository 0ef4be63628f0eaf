/*
 * cmd_about.c: the commands about the program itself: version, help, completion, man.
 */
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/lookup.h"
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

static int run_help(const cli_arguments *args) {
  const char *const *words = NULL;
  const size_t count = cli_operands(args, &words);
  size_t used = 0;
  const cli_command *command = count == 0 ? NULL : cli_find_command(count, words, &used);
  const char *family = count == 1 && cli_is_family(words[0]) ? words[0] : NULL;
  if (used != count && family == NULL) {
    return cli_unknown_command(count, words);
  }
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  br_status st = command == NULL ? cli_help_overview(family, &text, &err)
                                 : cli_help_command(command, &text, &err);
  int status = st == BR_OK ? cli_print(&text) : cli_fail_run(&err);
  br_buf_done(&text);
  return status;
}

const cli_command cli_command_help = {
    .name = "help",
    .summary = "Shows this list, or the help of a command or of a group of them",
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
