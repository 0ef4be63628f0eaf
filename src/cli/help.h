/*
 * help.h: what people read about the commands, made from their tables: help, man page, shell
 * completion.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buf.h"
#include "cli/option.h"

#define CLI_PROGRAM "sql-databricks-bridge"

/* family: only the commands that begin with this word ("events"); NULL: all. */
br_status cli_help_overview(const char *family, br_buf *out, br_error *err) BR_CHECKED;
br_status cli_help_command(const cli_command *command, br_buf *out, br_error *err) BR_CHECKED;
/* Section 1, in man's own macros. */
br_status cli_help_man_page(br_buf *out, br_error *err) BR_CHECKED;
/* For bash: source <(sql-databricks-bridge completion). */
br_status cli_help_completion(br_buf *out, br_error *err) BR_CHECKED;

#endif
