/*
 * cmd_sql.c: runs SQL on either side and prints what comes back.
 *
 *   SQL Server:  batch ──tds──▶ batches ──▶ cells as text ──▶ table, JSON or CSV; a result set
 * after the other Databricks:  statement ──▶ values as the API's text ──▶ the same
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "batch/value.h"
#include "cli/commands.h"
#include "cli/output.h"

enum { BATCH_ROWS = 1024 };

static const cli_option options[] = {
    {.name = "on",
     .kind = CLI_CHOICE,
     .choices = "sqlserver|databricks",
     .value_name = "sqlserver|databricks",
     .required = true,
     .help = "the side to run it on"},
    {.name = "database",
     .kind = CLI_TEXT,
     .value_name = "NAME",
     .help = "database (SQL Server) or catalog (Databricks)"},
    {.name = "file",
     .letter = 'f',
     .kind = CLI_TEXT,
     .value_name = "FILE",
     .help = "read the SQL from a file"},
    {.name = "output",
     .kind = CLI_CHOICE,
     .choices = "table|json|csv",
     .initial = "table",
     .help = "form of the result"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_VERBOSE,
};

static cli_cell_kind kind_of_layout(batch_layout layout) {
  switch (layout) {
  case BATCH_BOOL:
    return CLI_CELL_BOOL;
  case BATCH_INT16:
  case BATCH_INT32:
  case BATCH_INT64:
  case BATCH_FLOAT:
  case BATCH_DOUBLE:
    return CLI_CELL_NUMBER;
  default:
    return CLI_CELL_TEXT; /* decimals too: a JSON number would lose digits in most readers */
  }
}

/* Names, types and kinds of a result set; types in one block of 64 bytes each. */
static br_status describe(const batch_schema *schema, cli_column **ret_columns, char **ret_types,
                          br_error *err) {
  cli_column *columns = br_calloc(schema->count, sizeof *columns);
  char *types = br_calloc(schema->count, 64);
  if (columns == NULL || types == NULL) {
    br_free(columns);
    br_free(types);
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < schema->count; i++) {
    const batch_field *field = &schema->fields[i];
    char *type = types + i * 64;
    if (field->has_source) {
      batch_sql_typespec_name(&field->source, type, 64);
    } else {
      batch_type_delta_name(&field->type, type, 64);
    }
    columns[i] =
        (cli_column){.name = field->name, .type = type, .kind = kind_of_layout(field->type.layout)};
  }
  *ret_columns = columns;
  *ret_types = types;
  return BR_OK;
}

static br_status print_rows(cli_table *table, const batch *b, br_buf *text, br_error *err) {
  for (size_t row = 0; row < b->rows; row++) {
    for (size_t column = 0; column < b->schema->count; column++) {
      br_buf_clear(text);
      bool null = false;
      br_status st = batch_cell_text(b, column, row, text, &null, err);
      if (st == BR_OK) {
        st = cli_table_cell(table,
                            null             ? NULL
                            : text->len == 0 ? ""
                                             : (const char *)text->data,
                            text->len, err);
      }
      if (st != BR_OK) {
        return st;
      }
    }
  }
  return BR_OK;
}

/* Reads a result set to its end into the table. */
static br_status copy_rows(tds_conn *conn, cli_table *table, br_error *err) {
  batch *b = NULL;
  br_buf text;
  br_buf_init(&text, BR_LIMIT_CELL_MAX);
  br_status st = batch_new(tds_result_schema(conn), BATCH_ROWS, &b, err);
  tds_batch_limits limits = {.bytes = BR_MIB(4)};
  while (st == BR_OK) {
    st = tds_read_batch(conn, &limits, b, err);
    if (st == BR_OK) {
      st = print_rows(table, b, &text, err);
      batch_reset(b, BR_MIB(4));
    }
  }
  batch_free(b);
  br_buf_done(&text);
  return st == BR_DONE ? BR_OK : st;
}

static br_status print_result(tds_conn *conn, cli_format format, const char *mark, br_error *err) {
  cli_column *columns = NULL;
  char *types = NULL;
  cli_table *table = NULL;
  const batch_schema *schema = tds_result_schema(conn);
  br_status st = describe(schema, &columns, &types, err);
  if (st == BR_OK) {
    st = cli_table_new(format, columns, schema->count, mark, &table, err);
  }
  if (st == BR_OK) {
    st = copy_rows(conn, table, err);
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  br_free(columns);
  br_free(types);
  return st;
}

/* A batch without a result set says how many rows it touched. */
static br_status print_count(int64_t rows, cli_format format, const char *mark, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(1));
  br_status st = BR_OK;
  if (format == CLI_FORMAT_JSON) {
    st = rows < 0 ? br_buf_printf(&text, err, "{\"columns\":[],\"rows\":[]%s}\n", mark)
                  : br_buf_printf(&text, err,
                                  "{\"columns\":[],\"rows\":[],\"rows_affected\":%" PRId64 "%s}\n",
                                  rows, mark);
  } else if (format == CLI_FORMAT_TABLE) {
    st = rows < 0 ? br_buf_text(&text, "done\n", err)
                  : br_buf_printf(&text, err, "%" PRId64 " row%s affected\n", rows,
                                  rows == 1 ? "" : "s");
  }
  if (st == BR_OK && text.len > 0) {
    st = cli_write(text.data, text.len, err);
  }
  br_buf_done(&text);
  return st;
}

/* Messages of the server, once the login (which has its own: language, database) is over. */
static void on_message(void *context, int32_t number, uint8_t severity, const char *message) {
  (void)number;
  (void)severity;
  const bool *logged_in = context;
  if (*logged_in) {
    cli_note("%s", message);
  }
}

static br_status run_on_sqlserver(cli_session *s, const cli_arguments *args, const char *sql,
                                  br_error *err) {
  tds_options connect = {0};
  br_status st = cli_session_tds_options(s, cli_text(args, "database"), &connect, err);
  if (st != BR_OK) {
    return st;
  }
  bool logged_in = false;
  connect.on_message = on_message;
  connect.on_message_context = &logged_in;
  tds_conn *conn = NULL;
  st = tds_connect(&connect, s->cancel, &conn, NULL, err);
  if (st != BR_OK) {
    return st;
  }
  logged_in = true;
  cli_format format = cli_format_of(cli_text(args, "output"));
  size_t results = 0;
  st = tds_execute(conn, sql, strlen(sql), err);
  while (st == BR_OK && (st = tds_next_result(conn, err)) == BR_OK) {
    st = print_result(conn, format, cli_session_json_mark(s), err);
    results++;
  }
  if (st == BR_DONE) {
    st = results > 0 ? BR_OK
                     : print_count(tds_rows_affected(conn), format, cli_session_json_mark(s), err);
  }
  tds_close(conn);
  return st;
}

static cli_cell_kind kind_of_type_name(const char *type) {
  static const char *const numbers[] = {"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE"};
  for (size_t i = 0; type != NULL && i < sizeof numbers / sizeof numbers[0]; i++) {
    if (strcmp(type, numbers[i]) == 0) {
      return CLI_CELL_NUMBER;
    }
  }
  return type != NULL && strcmp(type, "BOOLEAN") == 0 ? CLI_CELL_BOOL : CLI_CELL_TEXT;
}

static br_status print_statement(const dbx_result *result, cli_format format, const char *mark,
                                 br_error *err) {
  size_t count = dbx_result_columns(result);
  cli_column *columns = br_calloc(count, sizeof *columns);
  if (columns == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    const dbx_column *column = dbx_result_column(result, i);
    columns[i] =
        (cli_column){column->name, column->type_text, kind_of_type_name(column->type_name)};
  }
  cli_table *table = NULL;
  br_status st = cli_table_new(format, columns, count, mark, &table, err);
  for (uint64_t row = 0; st == BR_OK && row < dbx_result_rows(result); row++) {
    for (size_t i = 0; st == BR_OK && i < count; i++) {
      st = cli_table_cstr(table, dbx_result_value(result, row, i), err);
    }
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  br_free(columns);
  return st;
}

static br_status run_on_databricks(cli_session *s, const cli_arguments *args, const char *sql,
                                   br_error *err) {
  dbx_options connect = {0};
  dbx_client *client = NULL;
  br_status st = cli_session_dbx_options(s, &connect, err);
  st = st == BR_OK ? cli_session_need_warehouse(connect.warehouse_id, err) : st;
  if (st == BR_OK && cli_text(args, "database") != NULL) {
    connect.catalog = cli_text(args, "database");
  }
  if (st == BR_OK) {
    st = dbx_client_new(&connect, &client, err);
  }
  dbx_result *result = NULL;
  if (st == BR_OK) {
    dbx_statement statement = {.sql = sql};
    st = dbx_statement_run(client, &statement, s->cancel, &result, err);
  }
  if (st == BR_OK) {
    cli_format format = cli_format_of(cli_text(args, "output"));
    st = dbx_result_columns(result) == 0
             ? print_count(-1, format, cli_session_json_mark(s), err)
             : print_statement(result, format, cli_session_json_mark(s), err);
  }
  dbx_result_free(result);
  dbx_client_free(client);
  return st;
}

/* Nothing but blanks and semicolons: one server would say that all is done, the other that the
 * request is wrong. */
static br_status check_not_empty(const br_buf *text, br_error *err) {
  for (size_t i = 0; i < text->len; i++) {
    if (strchr(" \t\r\n;", text->data[i]) == NULL) {
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_USAGE, "The statement is empty");
}

/* What a file holds is told with its line; the servers' own words would not say which file. */
static br_status read_file(const char *path, br_buf *text, br_error *err) {
  size_t bad = 0;
  br_status st = br_file_read(path, BR_LIMIT_SQL_FILE, text, err);
  if (st == BR_OK && !br_utf8_valid((const char *)text->data, text->len, &bad)) {
    size_t line = 1;
    for (size_t i = 0; i < bad; i++) {
      line += text->data[i] == '\n';
    }
    st = br_error_set(err, BR_ERR_DATA, "%s, line %zu: not UTF-8; save the file as UTF-8", path,
                      line);
  }
  return st;
}

/* The SQL itself: the operand, or the file's content. Put into text, which is initialised here. */
static br_status read_sql(const cli_arguments *args, br_buf *text, br_error *err) {
  const char *const *operands = NULL;
  size_t count = cli_operands(args, &operands);
  const char *file = cli_text(args, "file");
  if ((count == 0) == (file == NULL)) {
    br_buf_init(text, 1);
    return br_error_set(err, BR_ERR_USAGE,
                        "sql needs one statement: as its operand, or --file FILE");
  }
  if (file != NULL) {
    br_status st = read_file(file, text, err);
    st = st == BR_OK ? check_not_empty(text, err) : st;
    return st == BR_ERR_USAGE ? br_error_context(err, st, "%s", file) : st;
  }
  br_buf_init(text, BR_LIMIT_SQL_FILE);
  br_status st = br_buf_text(text, operands[0], err);
  return st == BR_OK ? check_not_empty(text, err) : st;
}

static br_status run_session(const cli_arguments *args, const char *sql, br_error *err) {
  bool sqlserver = strcmp(cli_text(args, "on"), "sqlserver") == 0;
  cli_session s;
  br_status st =
      cli_session_open(args, sqlserver ? SETTINGS_SQLSERVER : SETTINGS_DATABRICKS, &s, err);
  if (st != BR_OK) {
    return st;
  }
  st = sqlserver ? run_on_sqlserver(&s, args, sql, err) : run_on_databricks(&s, args, sql, err);
  cli_session_close(&s);
  return st;
}

static int run(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  br_buf text;
  br_status st = read_sql(args, &text, &err);
  if (st == BR_ERR_USAGE) {
    br_buf_done(&text);
    return cli_fail(&err);
  }
  const char *sql = st == BR_OK ? br_buf_cstr(&text) : NULL;
  if (st == BR_OK) {
    st = sql == NULL ? br_error_nomem(&err) : run_session(args, sql, &err);
  }
  br_buf_done(&text);
  return st == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_sql = {
    .name = "sql",
    .summary = "Runs SQL on either side and shows the result",
    .details = "Decimals, dates and binary values are texts in JSON, so that no digit is lost. "
               "Several result sets come one after the other.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .operands = "[STATEMENT]",
    .operands_max = 1,
    .run = run,
};
