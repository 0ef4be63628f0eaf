/*
 * cmd_extract.c: query files and parameters in, extract_run(), summary out.
 *
 *   load queries ▶ load parameters ▶ expand all ▶ open the sides ▶ run or plan ▶ summary
 *
 * Nothing has run yet where a parameter is missing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "extract/prepare.h"
#include "extract/spool.h"

static const cli_option options[] = {
    CLI_OPTION_QUERIES_PATH,
    CLI_OPTION_CONFIG_PATH,
    CLI_OPTION_COUNTRY,
    {.name = "destination",
     .letter = 'd',
     .kind = CLI_TEXT,
     .value_name = "PATH",
     .required = true,
     .help = "/Volumes/catalog/schema/volume[/…] or a folder"},
    {.name = "query",
     .kind = CLI_LIST,
     .value_name = "NAME",
     .help = "only this query: its file name without .sql"},
    {.name = "chunk-size",
     .kind = CLI_NUMBER,
     .value_name = "ROWS",
     .initial = "0",
     .help = "rows per file; 0: files of about 256 MiB"},
    {.name = "overwrite", .kind = CLI_FLAG, .help = "replace an earlier result"},
    {.name = "plan",
     .kind = CLI_FLAG,
     .help = "show what would run, with types and losses; move nothing"},
    {.name = "dry-run", .kind = CLI_FLAG, .help = "the same as --plan"},
    {.name = "limit",
     .kind = CLI_NUMBER,
     .value_name = "ROWS",
     .initial = "0",
     .help = "at most so many rows of each query, for a look; 0: all"},
    {.name = "parallel",
     .kind = CLI_NUMBER,
     .value_name = "N",
     .initial = "4",
     .minimum = 1,
     .maximum = 64,
     .help = "queries at a time"},
    {.name = "memory",
     .kind = CLI_SIZE,
     .value_name = "BYTES",
     .initial = "160M",
     .minimum = 16U << 20,
     .help = "buffers of all queries together"},
    {.name = "max-cell",
     .kind = CLI_SIZE,
     .value_name = "BYTES",
     .initial = "128M",
     .minimum = 1024,
     .maximum = BR_LIMIT_CELL_MAX,
     .help = "the largest single value; a larger one is an error"},
    {.name = "spool-dir",
     .kind = CLI_TEXT,
     .value_name = "DIR",
     .help = "folder for files on their way (default: in the data folder; beside the result where "
             "that is a local folder)"},
    {.name = "timestamp-utc",
     .kind = CLI_FLAG,
     .help = "datetime, datetime2 and smalldatetime hold UTC: TIMESTAMP instead of TIMESTAMP_NTZ"},
    {.name = "time-as-time",
     .kind = CLI_FLAG,
     .help = "time as TIME in microseconds, which Spark does not read, instead of text"},
    {.name = "offset-column",
     .kind = CLI_FLAG,
     .help = "datetimeoffset: a second column NAME_offset, in minutes"},
    {.name = "base-type-column",
     .kind = CLI_FLAG,
     .help = "sql_variant: a second column NAME_type with the value's own type"},
    {.name = "decode-clr",
     .kind = CLI_FLAG,
     .help = "hierarchyid as text; geometry and geography as WKB with a second column NAME_srid"},
    {.name = "replace-invalid-text",
     .kind = CLI_FLAG,
     .help = "characters that are none (unpaired surrogates, bytes outside of a code page) become "
             "U+FFFD; otherwise they are an error"},
    CLI_OPTION_SANDBOX,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_VERBOSE,
};

/* ---- the summary ---- */

static const cli_column columns[] = {
    {.name = "query"},
    {.name = "status"},
    {.name = "rows", .kind = CLI_CELL_NUMBER},
    {.name = "files", .kind = CLI_CELL_NUMBER},
    {.name = "bytes", .kind = CLI_CELL_NUMBER},
    {.name = "seconds", .kind = CLI_CELL_NUMBER},
    {.name = "error"},
};

static br_status add_number(cli_table *table, double value, int digits, br_error *err) {
  char text[32];
  (void)snprintf(text, sizeof text, "%.*f", digits, value);
  return cli_table_cstr(table, text, err);
}

static br_status add_result(cli_table *table, const extract_query *query, br_error *err) {
  extract_state state = (extract_state)query->state;
  bool failed = state == EXTRACT_FAILED || state == EXTRACT_CANCELLED;
  uint64_t bytes = 0;
  for (size_t i = 0; i < query->files.count; i++) {
    bytes += query->files.items[i].bytes;
  }
  br_status st = cli_table_cstr(table, query->name, err);
  st = st == BR_OK ? cli_table_cstr(table, extract_state_name(state), err) : st;
  st = st == BR_OK ? add_number(table, failed ? 0.0 : (double)query->rows, 0, err) : st;
  st = st == BR_OK ? add_number(table, (double)query->files.count, 0, err) : st;
  st = st == BR_OK ? add_number(table, (double)bytes, 0, err) : st;
  st = st == BR_OK ? add_number(table, (double)query->duration_ms / 1000, 3, err) : st;
  return st == BR_OK ? cli_table_cstr(table, failed ? query->error.message : "", err) : st;
}

static br_status print_summary(const extract_prepared *p, cli_format format, const char *mark,
                               br_error *err) {
  cli_table *table = NULL;
  br_status st =
      cli_table_new(format, columns, sizeof columns / sizeof columns[0], mark, &table, err);
  for (size_t i = 0; st == BR_OK && i < p->count; i++) {
    st = add_result(table, &p->queries[i], err);
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  return st;
}

/* ---- the plan ---- */

static const cli_column plan_columns[] = {
    {.name = "query"},    {.name = "column"}, {.name = "sql_type"}, {.name = "parquet_type"},
    {.name = "nullable"}, {.name = "losses"}, {.name = "error"},
};

static void losses_text(unsigned loss, char *text, size_t size) {
  text[0] = '\0';
  size_t used = 0;
  for (unsigned bit = 1; bit != 0 && bit <= loss && used < size; bit <<= 1) {
    if ((loss & bit) != 0) {
      used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : "; ",
                               batch_loss_text((batch_loss)bit));
    }
  }
}

static br_status add_plan_column(cli_table *table, const char *query, const batch_field *field,
                                 br_error *err) {
  char sql[64] = "";
  char delta[64];
  char losses[512];
  if (field->has_source) {
    batch_sql_typespec_name(&field->source, sql, sizeof sql);
  }
  batch_type_delta_name(&field->type, delta, sizeof delta);
  losses_text(field->loss, losses, sizeof losses);
  br_status st = cli_table_cstr(table, query, err);
  st = st == BR_OK ? cli_table_cstr(table, field->name, err) : st;
  st = st == BR_OK ? cli_table_cstr(table, sql, err) : st;
  st = st == BR_OK ? cli_table_cstr(table, delta, err) : st;
  st = st == BR_OK ? cli_table_cstr(table, field->nullable ? "yes" : "no", err) : st;
  st = st == BR_OK ? cli_table_cstr(table, losses, err) : st;
  return st == BR_OK ? cli_table_cstr(table, "", err) : st;
}

/* The row of a query that would fail. */
static br_status add_plan_failure(cli_table *table, const extract_query *query, br_error *err) {
  br_status st = cli_table_cstr(table, query->name, err);
  for (size_t i = 2; st == BR_OK && i < sizeof plan_columns / sizeof plan_columns[0]; i++) {
    st = cli_table_cstr(table, "", err);
  }
  return st == BR_OK ? cli_table_cstr(table, query->error.message, err) : st;
}

static br_status print_plan(const extract_prepared *p, cli_format format, const char *mark,
                            br_error *err) {
  cli_table *table = NULL;
  br_status st = cli_table_new(format, plan_columns, sizeof plan_columns / sizeof plan_columns[0],
                               mark, &table, err);
  for (size_t i = 0; st == BR_OK && i < p->count; i++) {
    const batch_schema *schema = p->queries[i].schema;
    for (size_t k = 0; st == BR_OK && schema != NULL && k < schema->count; k++) {
      st = add_plan_column(table, p->queries[i].name, &schema->fields[k], err);
    }
    if (st == BR_OK && schema == NULL) {
      st = add_plan_failure(table, &p->queries[i], err);
    }
  }
  if (st == BR_OK) {
    st = cli_table_end(table, err);
  }
  cli_table_free(table);
  return st;
}

/* ---- running ---- */

/* Errors of the queries to stderr; the number of those that failed. */
static size_t report_failures(const extract_prepared *p) {
  size_t failures = 0;
  for (size_t i = 0; i < p->count; i++) {
    extract_state state = (extract_state)p->queries[i].state;
    if (state != EXTRACT_FAILED && state != EXTRACT_CANCELLED) {
      continue;
    }
    failures++;
    br_error err = p->queries[i].error;
    br_error_context(&err, err.status, "Query '%s'", p->queries[i].name);
    (void)cli_fail_run(&err);
  }
  return failures;
}

static br_status run_queries(const cli_arguments *args, cli_session *s, extract_prepared *p,
                             extract_request *request, br_error *err) {
  cli_progress progress;
  br_status st = cli_progress_init(&progress, p->count, err);
  if (st == BR_OK) {
    request->on_tick = cli_progress_tick;
    request->on_tick_context = &progress;
    br_error start = BR_ERROR_INIT;
    br_status ran = extract_run(request, &start);
    if (ran != BR_OK && start.status != BR_OK) {
      *err = start;
      st = ran;
    }
  }
  cli_progress_done(&progress);
  if (st != BR_OK) {
    return st;
  }
  cli_format format = cli_format_of(cli_text(args, "output"));
  return request->plan ? print_plan(p, format, cli_session_json_mark(s), err)
                       : print_summary(p, format, cli_session_json_mark(s), err);
}

static bool only_plans(const cli_arguments *args) {
  return cli_flag(args, "plan") || cli_flag(args, "dry-run");
}

static br_status fill_request(const cli_arguments *args, cli_session *s, extract_prepared *p,
                              extract_request *request, br_error *err) {
  *request = (extract_request){
      .queries = p->queries,
      .query_count = p->count,
      .country = cli_text(args, "country"),
      .destination = cli_text(args, "destination"),
      .sandbox = (s->sandbox_sides & SETTINGS_SQLSERVER) != 0,
      .overwrite = cli_flag(args, "overwrite"),
      .plan = only_plans(args),
      .chunk_rows = cli_number(args, "chunk-size"),
      .row_limit = cli_number(args, "limit"),
      .parallel = (size_t)cli_number(args, "parallel"),
      .memory = (size_t)cli_number(args, "memory"),
      .cancel = s->cancel,
  };
  br_status st = cli_session_tds_options(s, p->database, &request->server, err);
  request->server.types = (batch_type_options){
      .timestamp_utc = cli_flag(args, "timestamp-utc"),
      .time_as_time = cli_flag(args, "time-as-time"),
      .offset_column = cli_flag(args, "offset-column"),
      .base_type_column = cli_flag(args, "base-type-column"),
      .clr_decoded = cli_flag(args, "decode-clr"),
      .invalid_replaced = cli_flag(args, "replace-invalid-text"),
  };
  request->server.max_cell = (size_t)cli_number(args, "max-cell");
  request->database_label = request->server.database == NULL ? "" : request->server.database;
  return st;
}

static br_status open_client(cli_session *s, const cli_arguments *args, extract_request *request,
                             br_error *err) {
  if (!extract_place_is_volume(cli_text(args, "destination")) || request->plan) {
    return BR_OK;
  }
  dbx_options connect = {0};
  br_status st = cli_session_dbx_options(s, &connect, err);
  return st == BR_OK ? dbx_client_new(&connect, &request->client, err) : st;
}

static br_status extract(const cli_arguments *args, cli_session *s, extract_prepared *p,
                         br_error *err) {
  extract_request request;
  char *label = NULL;
  char *spool = NULL;
  br_status st = fill_request(args, s, p, &request, err);
  if (st == BR_OK) {
    label = extract_server_label(&request.server, request.sandbox);
    request.server_label = label;
    st = label == NULL ? br_error_nomem(err) : open_client(s, args, &request, err);
  }
  if (st == BR_OK && !request.plan) {
    st = extract_spool_folder(settings_get(s->config, SETTING_BRIDGE_DATA_DIR),
                              cli_text(args, "spool-dir"), cli_text(args, "destination"), &spool,
                              err);
    request.spool_folder = spool;
  }
  if (st == BR_OK) {
    st = run_queries(args, s, p, &request, err);
  }
  dbx_client_free(request.client);
  br_free(label);
  br_free(spool);
  return st;
}

static br_status run_session(const cli_arguments *args, extract_prepared *p, br_error *err) {
  /* A plan asks SQL Server only. */
  bool databricks = extract_place_is_volume(cli_text(args, "destination")) && !only_plans(args);
  cli_session s;
  br_status st =
      cli_session_open(args, SETTINGS_SQLSERVER | (databricks ? SETTINGS_DATABRICKS : 0), &s, err);
  if (st == BR_OK) {
    st = extract(args, &s, p, err);
    cli_session_close(&s);
  }
  return st;
}

static br_status prepare(const cli_arguments *args, extract_prepared *ret_prepared, br_error *err) {
  extract_prepare_options what = {
      .queries_path = cli_text(args, "queries-path"),
      .config_path = cli_text(args, "config-path"),
      .country = cli_text(args, "country"),
  };
  what.only_count = cli_list(args, "query", &what.only);
  return extract_prepare(&what, ret_prepared, err);
}

static int run(const cli_arguments *args) {
  br_error err = BR_ERROR_INIT;
  extract_prepared p = {0};
  br_status st = extract_place_check(cli_text(args, "destination"), &err);
  if (st == BR_OK) {
    st = prepare(args, &p, &err);
  }
  if (st == BR_OK) {
    st = run_session(args, &p, &err);
  }
  /* Also where the summary could not be printed (a full disk, a reader that has gone). */
  size_t failures = report_failures(&p);
  int status = failures == 0 ? 0 : 1;
  if (st != BR_OK) {
    status = cli_fail_run(&err);
  }
  extract_queries_done(p.queries, p.count);
  extract_prepared_done(&p);
  return status;
}

const cli_command cli_command_extract = {
    .name = "extract",
    .summary =
        "Runs queries on SQL Server and puts their results as Parquet into a volume or folder",
    .details = "A result is <destination>/<country>/<query>/<query>.parquet, or several part_ "
               "files, with a _manifest.json beside them. "
               "A complete earlier result of the same query, parameters and source is skipped.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
