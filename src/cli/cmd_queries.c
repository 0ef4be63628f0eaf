/*
 * cmd_queries.c: the commands that only look at files: list-queries and show-params.
 */
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "extract/params.h"
#include "extract/queries.h"
#include "extract/template.h"

static const cli_option list_options[] = {CLI_OPTION_QUERIES_PATH, CLI_OPTION_OUTPUT,
                                          CLI_OPTION_VERBOSE};

static const cli_column list_columns[] = {{.name = "query"}, {.name = "parameters"}};

static br_status add_query(cli_table *table, const extract_query_file *file, br_error *err) {
  extract_names names = {0};
  br_buf text;
  br_buf_init(&text, BR_LIMIT_SQL_FILE);
  br_status st = extract_template_names(file->sql, file->length, &names, err);
  for (size_t i = 0; st == BR_OK && i < names.count; i++) {
    st = br_buf_printf(&text, err, "%s%s", i == 0 ? "" : ", ", names.items[i]);
  }
  if (st == BR_OK) {
    st = cli_table_cstr(table, file->name, err);
  }
  if (st == BR_OK) {
    st = cli_table_cell(table, text.len == 0 ? "" : (const char *)text.data, text.len, err);
  }
  extract_names_done(&names);
  br_buf_done(&text);
  return st;
}

static br_status list_queries(const cli_arguments *args, br_error *err) {
  extract_query_files files = {0};
  cli_table *table = NULL;
  br_status st =
      extract_query_files_load(cli_text(args, "queries-path"), NULL, 0, NULL, &files, err);
  if (st == BR_OK) {
    st = cli_table_new(cli_format_of(cli_text(args, "output")), list_columns, 2, NULL, &table, err);
  }
  for (size_t i = 0; st == BR_OK && i < files.count; i++) {
    st = add_query(table, &files.items[i], err);
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  extract_query_files_done(&files);
  return st;
}

static int run_list_queries(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  return list_queries(args, &err) == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_list_queries = {
    .name = "list-queries",
    .summary = "Lists the query files and the parameters that they use",
    .options = list_options,
    .option_count = sizeof list_options / sizeof list_options[0],
    .run = run_list_queries,
};

static const cli_option params_options[] = {CLI_OPTION_CONFIG_PATH, CLI_OPTION_COUNTRY,
                                            CLI_OPTION_OUTPUT, CLI_OPTION_VERBOSE};

static const cli_column params_columns[] = {
    {.name = "parameter"}, {.name = "value"}, {.name = "file"}};

static br_status show_params(const cli_arguments *args, br_error *err) {
  extract_params *params = NULL;
  cli_table *table = NULL;
  br_status st = extract_params_load(cli_text(args, "config-path"), cli_text(args, "country"), NULL,
                                     &params, err);
  if (st == BR_OK) {
    st = cli_table_new(cli_format_of(cli_text(args, "output")), params_columns, 3, NULL, &table,
                       err);
  }
  for (size_t i = 0; st == BR_OK && i < extract_params_count(params); i++) {
    const extract_param *param = extract_params_at(params, i);
    st = cli_table_cstr(table, param->name, err);
    st = st == BR_OK ? cli_table_cstr(table, param->value, err) : st;
    st = st == BR_OK ? cli_table_cstr(table, param->file, err) : st;
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  extract_params_free(params);
  return st;
}

static int run_show_params(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  return show_params(args, &err) == BR_OK ? 0 : cli_fail_run(&err);
}

const cli_command cli_command_show_params = {
    .name = "show-params",
    .summary = "Shows the parameters of a country and the file each came from",
    .details =
        "A parameter is used in SQL by its name here, or by its last part where only one has it.",
    .options = params_options,
    .option_count = sizeof params_options / sizeof params_options[0],
    .run = run_show_params,
};
