/*
 * output.h: results to stdout (as a table, JSON or CSV), everything else to stderr.
 *
 *   cli_table_new(format, columns, count, &table, err)
 *     cli_table_cell(table, text, length, err)     row by row, column by column; NULL = SQL NULL
 *   cli_table_end(table, err);  cli_table_free(table)
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/buf.h"
#include "base/status.h"

typedef enum cli_format { CLI_FORMAT_TABLE, CLI_FORMAT_JSON, CLI_FORMAT_CSV } cli_format;
cli_format cli_format_of(const char *word); /* "table", "json", "csv"; NULL = table */

/* How a cell goes into JSON and how it is aligned in a table. */
typedef enum cli_cell_kind { CLI_CELL_TEXT, CLI_CELL_NUMBER, CLI_CELL_BOOL } cli_cell_kind;

typedef struct cli_column {
  const char *name;
  const char *type; /* for JSON; NULL = left out */
  cli_cell_kind kind;
} cli_column;

typedef struct cli_table cli_table;

/* columns are borrowed until the end. extra: more members of the JSON object, as text
 * (",\"sandbox\":true"), NULL = none. A table on a terminal is measured over its first 1,000 rows.
 */
br_status cli_table_new(cli_format format, const cli_column *columns, size_t count,
                        const char *extra, cli_table **ret_table, br_error *err) BR_CHECKED;
br_status cli_table_cell(cli_table *table, const char *text, size_t length,
                         br_error *err) BR_CHECKED;
br_status cli_table_cstr(cli_table *table, const char *text,
                         br_error *err) BR_CHECKED; /* NULL = SQL NULL */
/* A number, which may stand in a column of texts too: JSON has it as a number. NULL = SQL NULL. */
br_status cli_table_number(cli_table *table, const char *text, br_error *err) BR_CHECKED;
br_status cli_table_end(cli_table *table, br_error *err) BR_CHECKED;
void cli_table_free(cli_table *table);

/* text as a JSON string with its quotes, appended. Invalid UTF-8 becomes U+FFFD. */
br_status cli_json_string(br_buf *out, const char *text, size_t length, br_error *err) BR_CHECKED;

/* Writes text to stdout; returns the exit status. */
int cli_print(br_buf *text);
br_status cli_write(const void *bytes, size_t length, br_error *err) BR_CHECKED;
/* Text of any origin as stderr shows it, cut to size: control characters escaped as the log escapes
 * them, what is no UTF-8 as U+FFFD, and two blanks in front of a line that begins as a message
 * does: nobody's text moves the cursor or looks like another message. */
void cli_plain(char *out, size_t size, const char *text);
/* A line to stderr, redacted and plain: "note: …", "warning: …"; a JSON line of the log with
 * LOG_FORMAT=json. */
void cli_note(const char *format, ...) BR_PRINTF(1, 2);
void cli_warn(const char *format, ...) BR_PRINTF(1, 2);
/* "error: message" to stderr, redacted; returns the exit status that belongs to it: 2 for wrong
 * usage of the command line itself, else 1. */
int cli_fail(const br_error *err);
/* The same with status 1 whatever the class. */
int cli_fail_run(const br_error *err);

#endif
