/*
 * One call of the Databricks client, so that a test can see what it sends and how it reads an
 * answer (tests/system/test_databricks_requests.py).
 *
 *   databricks_interop HOST put PATH TEXT true|false   head|get|delete|mkdir|rmdir|list PATH
 *                           sql STATEMENT ROW_LIMIT [NAME VALUE TYPE]…    ("-": none)
 *                           rows FROM WAY WHERE ORDER_BY     ("-": none; WAY auto, inline, links)
 *                           count FROM WAY                   (rows, bytes of values, peak memory)
 *                           me  warehouse  catalog C  schema C S  volume C S V
 *
 * Credentials and defaults come from INTEROP_TOKEN, INTEROP_CLIENT_ID, INTEROP_CLIENT_SECRET,
 * INTEROP_WAREHOUSE, INTEROP_CATALOG, INTEROP_SCHEMA. The answer is printed as JSON.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/value.h"
#include "databricks/databricks.h"

enum { MOST_PARAMETERS = 16, LARGEST_FILE = 1 << 20, BATCH_ROWS = 4096, BATCH_BYTES = 1 << 20 };

typedef struct call {
  dbx_client *client;
  int count; /* of arguments behind the command */
  char **arguments;
  json_t *answer;
} call;

static br_status read_text(void *context, uint64_t offset, void *bytes, size_t length,
                           br_error *err) {
  (void)err;
  memcpy(bytes, (const char *)context + offset, length);
  return BR_OK;
}

static br_status put(call *c, br_error *err) {
  dbx_body body = {
      .read_at = read_text, .context = c->arguments[1], .size = strlen(c->arguments[1])};
  return dbx_files_put(c->client, c->arguments[0], &body, strcmp(c->arguments[2], "true") == 0,
                       NULL, err);
}

static json_t *info_json(const dbx_file_info *info) {
  return json_pack("{s:s, s:s, s:b, s:I, s:I}", "path", info->path, "name", info->name,
                   "is_directory", (int)info->is_directory, "size", (json_int_t)info->size,
                   "modified_ms", (json_int_t)info->modified_ms);
}

static br_status head(call *c, br_error *err) {
  dbx_file_info info = {0};
  br_status st = dbx_files_head(c->client, c->arguments[0], &info, NULL, err);
  if (st == BR_OK) {
    (void)json_object_set_new(c->answer, "file", info_json(&info));
    dbx_file_info_done(&info);
  }
  return st;
}

static br_status get(call *c, br_error *err) {
  br_buf out;
  br_status st = dbx_files_get(c->client, c->arguments[0], LARGEST_FILE, &out, NULL, err);
  if (st == BR_OK) {
    (void)json_object_set_new(c->answer, "text", json_stringn((const char *)out.data, out.len));
  }
  br_buf_done(&out);
  return st;
}

static br_status delete_file(call *c, br_error *err) {
  return dbx_files_delete(c->client, c->arguments[0], NULL, err);
}

static br_status make_folder(call *c, br_error *err) {
  return dbx_directories_create(c->client, c->arguments[0], NULL, err);
}

static br_status delete_folder(call *c, br_error *err) {
  return dbx_directories_delete(c->client, c->arguments[0], NULL, err);
}

static br_status list(call *c, br_error *err) {
  dbx_file_info *infos = NULL;
  size_t count = 0;
  br_status st = dbx_directories_list(c->client, c->arguments[0], &infos, &count, NULL, err);
  if (st != BR_OK) {
    return st;
  }
  json_t *entries = json_array();
  for (size_t i = 0; i < count; i++) {
    (void)json_array_append_new(entries, info_json(&infos[i]));
  }
  (void)json_object_set_new(c->answer, "entries", entries);
  dbx_file_infos_free(infos, count);
  return BR_OK;
}

static json_t *result_json(const dbx_result *result) {
  json_t *columns = json_array();
  json_t *rows = json_array();
  for (size_t i = 0; i < dbx_result_columns(result); i++) {
    const dbx_column *column = dbx_result_column(result, i);
    (void)json_array_append_new(columns, json_pack("[s, s]", column->name, column->type_text));
  }
  for (uint64_t row = 0; row < dbx_result_rows(result); row++) {
    json_t *cells = json_array();
    for (size_t i = 0; i < dbx_result_columns(result); i++) {
      const char *value = dbx_result_value(result, row, i);
      size_t length = dbx_result_value_length(result, row, i);
      (void)json_array_append_new(cells, value == NULL ? json_null() : json_stringn(value, length));
    }
    (void)json_array_append_new(rows, cells);
  }
  return json_pack("{s:s, s:o, s:o}", "statement_id", dbx_result_statement_id(result), "columns",
                   columns, "rows", rows);
}

static const char *unless_dash(const char *text) {
  return strcmp(text, "-") == 0 ? NULL : text;
}

static br_status sql(call *c, br_error *err) {
  dbx_parameter parameters[MOST_PARAMETERS];
  dbx_statement statement = {.sql = c->arguments[0],
                             .parameters = parameters,
                             .row_limit = strtoull(c->arguments[1], NULL, 10)};
  for (int i = 2; i + 2 < c->count && statement.parameter_count < MOST_PARAMETERS; i += 3) {
    parameters[statement.parameter_count++] =
        (dbx_parameter){.name = c->arguments[i],
                        .value = unless_dash(c->arguments[i + 1]),
                        .type = unless_dash(c->arguments[i + 2])};
  }
  dbx_result *result = NULL;
  br_status st = dbx_statement_run(c->client, &statement, NULL, &result, err);
  if (st == BR_OK) {
    (void)json_object_set_new(c->answer, "result", result_json(result));
    dbx_result_free(result);
  }
  return st;
}

/* ---- reading tables ---- */

static dbx_rows_way way_of(const char *name) {
  return strcmp(name, "inline") == 0  ? DBX_ROWS_INLINE
         : strcmp(name, "links") == 0 ? DBX_ROWS_LINKS
                                      : DBX_ROWS_AUTO;
}

static json_t *schema_json(const dbx_rows *rows) {
  const batch_schema *schema = dbx_rows_schema(rows);
  json_t *columns = json_array();
  for (size_t i = 0; i < schema->count; i++) {
    char format[32];
    batch_type_arrow_format(&schema->fields[i].type, format, sizeof format);
    (void)json_array_append_new(columns, json_pack("[s, s, s]", schema->fields[i].name,
                                                   dbx_rows_type_text(rows, i), format));
  }
  return columns;
}

static br_status add_rows_json(const batch *b, json_t *list, br_error *err) {
  br_buf text;
  br_buf_init(&text, (size_t)64 << 20);
  br_status st = BR_OK;
  for (size_t row = 0; row < b->rows && st == BR_OK; row++) {
    json_t *cells = json_array();
    for (size_t i = 0; i < b->schema->count && st == BR_OK; i++) {
      bool null = false;
      br_buf_clear(&text);
      st = batch_cell_text(b, i, row, &text, &null, err);
      (void)json_array_append_new(cells, null ? json_null()
                                              : json_stringn((const char *)text.data, text.len));
    }
    (void)json_array_append_new(list, cells);
  }
  br_buf_done(&text);
  return st;
}

/* Of this program alone: what getrusage() says includes the parent that started it. */
static long peak_kib(void) {
  long peak = -1;
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    (void)sscanf(line, "VmHWM: %ld", &peak);
  }
  if (status != NULL) {
    (void)fclose(status);
  }
  return peak;
}

/* Reads all batches; list NULL: only counts. */
static br_status read_all(call *c, dbx_rows *rows, json_t *list, br_error *err) {
  batch *b = NULL;
  uint64_t count = 0;
  uint64_t bytes = 0;
  br_status st = batch_new(dbx_rows_schema(rows), BATCH_ROWS, &b, err);
  while (st == BR_OK) {
    batch_reset(b, BATCH_BYTES);
    st = dbx_rows_next(rows, b, BATCH_BYTES, err);
    if (st == BR_OK && b->first_row != count) {
      st = br_error_set(err, BR_ERR_INTERNAL, "A batch begins with the wrong row");
    }
    if (st == BR_OK) {
      count += b->rows;
      bytes += batch_bytes(b);
      st = list == NULL ? BR_OK : add_rows_json(b, list, err);
    }
  }
  batch_free(b);
  (void)json_object_set_new(c->answer, "count", json_integer((json_int_t)count));
  (void)json_object_set_new(c->answer, "bytes", json_integer((json_int_t)bytes));
  (void)json_object_set_new(c->answer, "peak_kib", json_integer(peak_kib()));
  return st == BR_DONE ? BR_OK : st;
}

static br_status read_rows(call *c, const dbx_rows_options *options, json_t *list, br_error *err) {
  dbx_rows *rows = NULL;
  br_status st = dbx_rows_open(c->client, options, NULL, &rows, err);
  if (st == BR_OK) {
    (void)json_object_set_new(c->answer, "columns", schema_json(rows));
    (void)json_object_set_new(c->answer, "total", json_integer((json_int_t)dbx_rows_total(rows)));
    st = read_all(c, rows, list, err);
  }
  dbx_rows_close(rows);
  return st;
}

static br_status rows(call *c, br_error *err) {
  const dbx_rows_options options = {.from = c->arguments[0],
                                    .way = way_of(c->arguments[1]),
                                    .where = unless_dash(c->arguments[2]),
                                    .order_by = unless_dash(c->arguments[3]),
                                    .rows_expected = 1};
  json_t *list = json_array();
  (void)json_object_set_new(c->answer, "rows", list);
  return read_rows(c, &options, list, err);
}

static br_status count(call *c, br_error *err) {
  const dbx_rows_options options = {
      .from = c->arguments[0], .way = way_of(c->arguments[1]), .rows_expected = UINT64_MAX};
  return read_rows(c, &options, NULL, err);
}

static br_status text_answer(call *c, br_status st, const char *text) {
  if (st == BR_OK) {
    (void)json_object_set_new(c->answer, "text", json_string(text));
  }
  return st;
}

static br_status me(call *c, br_error *err) {
  char text[128] = "";
  return text_answer(c, dbx_current_user(c->client, text, sizeof text, NULL, err), text);
}

static br_status warehouse(call *c, br_error *err) {
  char text[128] = "";
  return text_answer(c, dbx_warehouse_state(c->client, text, sizeof text, NULL, err), text);
}

static br_status catalog(call *c, br_error *err) {
  return dbx_catalog_exists(c->client, c->arguments[0], NULL, err);
}

static br_status schema(call *c, br_error *err) {
  return dbx_schema_exists(c->client, c->arguments[0], c->arguments[1], NULL, err);
}

static br_status volume(call *c, br_error *err) {
  return dbx_volume_exists(c->client, c->arguments[0], c->arguments[1], c->arguments[2], NULL, err);
}

static const struct {
  const char *name;
  int arguments; /* at least */
  br_status (*run)(call *c, br_error *err);
} commands[] = {
    {"put", 3, put},
    {"head", 1, head},
    {"get", 1, get},
    {"delete", 1, delete_file},
    {"mkdir", 1, make_folder},
    {"rmdir", 1, delete_folder},
    {"list", 1, list},
    {"sql", 2, sql},
    {"rows", 4, rows},
    {"count", 2, count},
    {"me", 0, me},
    {"warehouse", 0, warehouse},
    {"catalog", 1, catalog},
    {"schema", 2, schema},
    {"volume", 3, volume},
};

static br_status secret_of(const char *name, br_secret **ret_secret, br_error *err) {
  const char *text = getenv(name);
  return text == NULL ? BR_OK : br_secret_new(text, ret_secret, err);
}

static br_status connect_to(const char *host, dbx_client **ret_client, br_error *err) {
  br_secret *token = NULL;
  br_secret *client_secret = NULL;
  br_status st = secret_of("INTEROP_TOKEN", &token, err);
  if (st == BR_OK) {
    st = secret_of("INTEROP_CLIENT_SECRET", &client_secret, err);
  }
  if (st == BR_OK) {
    dbx_options options = {.host = host,
                           .token = token,
                           .client_id = getenv("INTEROP_CLIENT_ID"),
                           .client_secret = client_secret,
                           .warehouse_id = getenv("INTEROP_WAREHOUSE"),
                           .catalog = getenv("INTEROP_CATALOG"),
                           .schema = getenv("INTEROP_SCHEMA")};
    st = dbx_client_new(&options, ret_client, err);
  }
  br_secret_free(token);
  br_secret_free(client_secret);
  return st;
}

static br_status run(call *c, const char *host, const char *command, br_error *err) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, command) == 0 && c->count >= commands[i].arguments) {
      br_status st = connect_to(host, &c->client, err);
      if (st == BR_OK) {
        st = commands[i].run(c, err);
      }
      dbx_client_free(c->client);
      return st;
    }
  }
  return br_error_set(err, BR_ERR_USAGE, "No such command, or too few arguments");
}

int main(int argc, char **argv) {
  if (argc < 3) {
    (void)fprintf(stderr, "HOST and a command are needed\n");
    return 2;
  }
  call c = {.count = argc - 3, .arguments = argv + 3, .answer = json_object()};
  br_error err = BR_ERROR_INIT;
  br_status st = run(&c, argv[1], argv[2], &err);
  (void)json_object_set_new(c.answer, "status", json_string(br_status_name(st)));
  if (st != BR_OK) {
    (void)json_object_set_new(c.answer, "message", json_string(err.message));
    (void)json_object_set_new(c.answer, "http", json_integer((json_int_t)err.native_code));
  }
  (void)json_dumpf(c.answer, stdout, JSON_COMPACT);
  (void)putchar('\n');
  json_decref(c.answer);
  return st == BR_OK ? 0 : 1;
}
