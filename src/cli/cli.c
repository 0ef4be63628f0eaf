/*
 * cli.c: from argv to an exit status.
 *
 *   argv ──find command──▶ cli_parse ──▶ command->run
 *            │ unknown: nearest name, status 2
 */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"

/* The command that the first words name; *ret_words of them. "config show" is two. */
static const cli_command *find_command(int argc, char **argv, int *ret_words) {
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    const char *name = cli_commands[i]->name;
    size_t first = strcspn(name, " ");
    if (strlen(argv[0]) != first || memcmp(name, argv[0], first) != 0) {
      continue;
    }
    if (name[first] == '\0') {
      *ret_words = 1;
      return cli_commands[i];
    }
    if (argc > 1 && strcmp(argv[1], name + first + 1) == 0) {
      *ret_words = 2;
      return cli_commands[i];
    }
  }
  return NULL;
}

/* "events" alone: the commands that begin with it. */
static bool add_family(const char *word, br_error *err) {
  const size_t length = strlen(word);
  bool any = false;
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    const char *name = cli_commands[i]->name;
    if (strncmp(name, word, length) == 0 && name[length] == ' ') {
      br_error_append(err, BR_ERR_USAGE, "%s '%s'", any ? "," : "; there are", name);
      any = true;
    }
  }
  return any;
}

static int unknown_command(const char *word) {
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count = 0;
  while (count < MOST && cli_commands[count] != NULL) {
    names[count] = cli_commands[count]->name;
    count++;
  }
  const char *nearest = br_text_nearest(word, names, count);
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_USAGE, "There is no command '%s'", word);
  if (!add_family(word, &err)) {
    if (nearest != NULL) {
      br_error_append(&err, BR_ERR_USAGE, "; did you mean '%s'?", nearest);
    }
    br_error_append(&err, BR_ERR_USAGE,
                    nearest != NULL ? " '%s help' lists all" : "; '%s help' lists all",
                    CLI_PROGRAM);
  }
  return cli_fail(&err);
}

static int run_command(const cli_command *command, int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  cli_arguments *args = NULL;
  if (cli_parse(command, argc, argv, &args, &err) != BR_OK) {
    br_error_append(&err, BR_ERR_USAGE, " (see '" CLI_PROGRAM " %s --help')", command->name);
    return cli_fail(&err);
  }
  int status = 0;
  if (cli_help_wanted(args)) {
    br_buf text;
    br_buf_init(&text, 1 << 20);
    br_status st = cli_help_command(command, &text, &err);
    status = st == BR_OK ? cli_print(&text) : cli_fail(&err);
    br_buf_done(&text);
  } else {
    status = command->run(args);
  }
  cli_arguments_free(args);
  return status;
}

static int overview(void) {
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, 1 << 20);
  int status = cli_help_overview(&text, &err) == BR_OK ? cli_print(&text) : cli_fail(&err);
  br_buf_done(&text);
  return status;
}

int cli_main(int argc, char **argv) {
  /* A reader that goes away (| head) and a file that meets a size limit (ulimit -f) are errors of
   * write(), not a death. */
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  if (argc < 2) {
    (void)overview();
    return 2;
  }
  char **words = argv + 1;
  int count = argc - 1;
  if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
    return overview();
  }
  static char version_word[] = "version";
  if (strcmp(words[0], "--version") == 0) {
    words[0] = version_word;
  }
  int used = 0;
  const cli_command *command = find_command(count, words, &used);
  return command == NULL ? unknown_command(words[0])
                         : run_command(command, count - used, words + used);
}
