/*
 * cli.c: from argv to an exit status.
 *
 *   argv ──find command──▶ cli_parse ──▶ command->run
 *            │ unknown: nearest name, status 2
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/help.h"
#include "cli/lookup.h"
#include "cli/output.h"

/* A descriptor 0, 1 or 2 that is closed at the start would be the next file's or connection's, and
 * what is printed would go there. Something that can neither be read nor written takes its place.
 */
static br_status hold_standard_streams(br_error *err) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
      continue;
    }
    if (br_sys.open("/", O_PATH, 0) != fd) {
      return br_error_errno(err, errno, "The standard streams are closed and can't be held open");
    }
  }
  return BR_OK;
}

/* A core dump holds passwords, tokens and the TLS key. The hard limit stays: who wants a dump can
 * raise it from outside (prlimit). */
static void dump_no_core(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &limit);
  }
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

/* The help of a family ("events"), or of them all (NULL). */
static int overview(const char *family) {
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, 1 << 20);
  br_status st = cli_help_overview(family, &text, &err);
  int status = st == BR_OK ? cli_print(&text) : cli_fail(&err);
  br_buf_done(&text);
  return status;
}

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int cli_main(int argc, char **argv) {
  /* A reader that goes away (| head) and a file that meets a size limit (ulimit -f) are errors of
   * write(), not a death. */
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  dump_no_core();
  br_error err = BR_ERROR_INIT;
  if (hold_standard_streams(&err) != BR_OK) {
    return cli_fail_run(&err);
  }
  if (argc < 2) {
    (void)overview(NULL);
    return 2;
  }
  char **words = argv + 1;
  const int count = argc - 1;
  if (is_help(words[0])) {
    return overview(NULL);
  }
  static char version_word[] = "version";
  if (strcmp(words[0], "--version") == 0) {
    words[0] = version_word;
  }
  const char *const *names = (const char *const *)words;
  size_t used = 0;
  const cli_command *command = cli_find_command((size_t)count, names, &used);
  if (command != NULL) {
    return run_command(command, count - (int)used, words + used);
  }
  return count > 1 && is_help(words[1]) && cli_is_family(words[0])
             ? overview(words[0])
             : cli_unknown_command((size_t)count, names);
}
