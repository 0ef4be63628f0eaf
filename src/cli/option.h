/*
 * option.h: commands and their options as tables. One row of a table makes parsing, help, man page
 * and shell completion.
 *
 *   static const cli_option options[] = {{.name = "country", .kind = CLI_TEXT, .required = true,
 * …}}; const cli_command cli_command_extract = {.name = "extract", .options = options, …, .run =
 * run};
 *
 *   cli_text(args, "country")      in run(); NULL where it was not given
 */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include "base/status.h"

typedef enum cli_option_kind {
  CLI_FLAG,            /* --verbose */
  CLI_TEXT,            /* --country NAME */
  CLI_LIST,            /* --query NAME, repeatable */
  CLI_NUMBER,          /* --parallel 4; within minimum and maximum */
  CLI_SIZE,            /* --memory 160M; bytes, with K, M, G (powers of 1024) */
  CLI_CHOICE,          /* --output table|json */
  CLI_OPTIONAL_CHOICE, /* --sandbox [sqlserver|databricks|both]: the last one where none is given */
} cli_option_kind;

typedef struct cli_option {
  const char *name; /* without -- */
  char letter;      /* 'q' for -q; 0 = none */
  cli_option_kind kind;
  const char *value_name; /* "DIR", for help */
  const char *choices;    /* "table|json", for the two choice kinds */
  const char *initial;    /* default as text; NULL = none */
  uint64_t minimum, maximum;
  bool required;
  const char *help; /* one sentence without its dot */
} cli_option;

typedef struct cli_arguments cli_arguments;

typedef struct cli_command {
  const char *name;    /* "extract", "config show" */
  const char *summary; /* one line */
  const char *details; /* paragraphs for the command's own help; may be NULL */
  const cli_option *options;
  size_t option_count;
  const char *operands; /* "STATEMENT", for help; NULL = takes none */
  size_t operands_min, operands_max;
  int (*run)(const cli_arguments *args); /* returns the exit status */
} cli_command;

/* Every command, NULL at the end; in the order of the help. */
extern const cli_command *const cli_commands[];

/* Parses what stands behind the command's name. On failure one clear sentence in err
 * (BR_ERR_USAGE). */
br_status cli_parse(const cli_command *command, int argc, char **argv, cli_arguments **ret_args,
                    br_error *err) BR_CHECKED;
void cli_arguments_free(cli_arguments *args);

/* Values by name; the name must be one of the command's table. */
bool cli_flag(const cli_arguments *args, const char *name);
const char *cli_text(const cli_arguments *args,
                     const char *name);                           /* NULL = not given, no default */
uint64_t cli_number(const cli_arguments *args, const char *name); /* numbers and sizes; 0 = none */
bool cli_given(const cli_arguments *args, const char *name);
size_t cli_list(const cli_arguments *args, const char *name, const char *const **ret_values);
size_t cli_operands(const cli_arguments *args, const char *const **ret_operands);
bool cli_help_wanted(const cli_arguments *args); /* --help or -h was given */

#endif
