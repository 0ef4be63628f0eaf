/* Reading tables inline: what is asked for each type, and what its values become. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/value.h"
#include "databricks/rows.h"
#include "unit/databricks/support.h"

#define ID "01f00000-0000-1000-8000-000000000001"

/* ---- a workspace that knows one table ---- */

typedef struct table {
  const char *described; /* manifest columns of the LIMIT 0 */
  const char *columns;   /* of the result */
  const char *rows;      /* a JSON array */
  unsigned long count;
  const char *failure; /* of the second statement; NULL: none */
} table;

static script_step answer(void *context, const script_request *request, size_t nth) {
  static char text[64 * 1024];
  const table *t = context;
  (void)nth;
  bool describing = strstr((const char *)request->body, "LIMIT 0") != NULL;
  if (!describing && t->failure != NULL) {
    (void)snprintf(text, sizeof text,
                   "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"FAILED\",\"error\":{"
                   "\"error_code\":\"BAD_REQUEST\",\"message\":\"%s\"}}}",
                   t->failure);
  } else {
    (void)snprintf(text, sizeof text,
                   "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},"
                   "\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":[%s]},"
                   "\"total_row_count\":%lu,\"truncated\":false},\"result\":{\"data_array\":%s}}",
                   describing ? t->described : t->columns, describing ? 0UL : t->count,
                   describing ? "[]" : t->rows);
  }
  return (script_step){.reply = script_json(200, NULL, text)};
}

#define COLUMN(name, type) "{\"name\":\"" name "\",\"type_text\":\"" type "\"}"

static br_status open_table(dbx_client *client, dbx_rows **rows, br_error *err) {
  const dbx_rows_options options = {.from = "`c`.`t`", .way = DBX_ROWS_INLINE};
  return dbx_rows_open(client, &options, NULL, rows, err);
}

enum { TYPES = 18 };
static const char *const names[TYPES] = {"b`l", "t", "s",   "i",  "l",   "f",
                                         "d",   "n", "day", "ts", "ntz", "str",
                                         "bin", "a", "st",  "v",  "iv",  "nothing"};
static const char *const described[TYPES] = {"BOOLEAN",
                                             "TINYINT",
                                             "SMALLINT",
                                             "INT",
                                             "BIGINT",
                                             "FLOAT",
                                             "DOUBLE",
                                             "DECIMAL(38,3)",
                                             "DATE",
                                             "TIMESTAMP",
                                             "TIMESTAMP_NTZ",
                                             "VARCHAR(9)",
                                             "BINARY",
                                             "ARRAY<INT>",
                                             "STRUCT<x: INT, t: TIMESTAMP>",
                                             "VARIANT",
                                             "INTERVAL DAY TO SECOND",
                                             "VOID"};
/* What the select list turns them into. */
static const char *const selected[TYPES] = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INT",    "BIGINT", "STRING", "STRING", "STRING", "INT",
    "BIGINT",  "STRING",  "STRING",   "STRING", "STRING", "STRING", "STRING", "STRING", "STRING"};

static void put_columns(const char *const *types, char *text, size_t size) {
  size_t length = 0;
  for (size_t i = 0; i < TYPES; i++) {
    length +=
        (size_t)snprintf(text + length, size - length, "%s{\"name\":\"%s\",\"type_text\":\"%s\"}",
                         i > 0 ? "," : "", names[i], types[i]);
  }
}

static void every_type_is_asked_for_in_an_exact_form(void **state) {
  (void)state;
  char before[2048];
  char behind[2048];
  put_columns(described, before, sizeof before);
  put_columns(selected, behind, sizeof behind);
  table t = {
      .described = before,
      .columns = behind,
      .rows = "[[\"true\",\"-128\",\"-32768\",\"-2147483648\",\"-9223372036854775808\",\"NaN\","
              "\"-Infinity\",\"-0.001\",\"-719162\",\"-1\",\"9999-12-31 23:59:59.999999\",\"\\u00e4"
              "\",\"00fF\",\"[1]\",\"{}\",\"3\",\"INTERVAL '1 00:00:00' DAY TO SECOND\",null],"
              "[\"false\",\"127\",\"32767\",\"2147483647\",\"9223372036854775807\",\"1.0E-45\","
              "\"1.7976931348623157E308\",\"0E-3\",\"2932896\",\"253402300799999999\",\"0001-01-01 "
              "00:00:00\",\"\",\"\",null,null,null,null,null]]",
      .count = 2,
  };
  script_server *server = script_start_by_body(answer, &t);
  dbx_client *client = test_client(script_base(server));
  const dbx_rows_options options = {
      .from = "`c`.`t`", .where = "i > 1", .order_by = "`ts`", .way = DBX_ROWS_INLINE};
  dbx_rows *rows = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_rows_open(client, &options, NULL, &rows, &err), BR_OK, &err);
  assert_contains((const char *)script_request_at(server, 0)->body,
                  "\"SELECT * FROM `c`.`t` LIMIT 0\"");
  assert_contains(
      (const char *)script_request_at(server, 1)->body,
      "\"SELECT `b``l`, `t`, `s`, `i`, `l`, CAST(`f` AS STRING) AS `_c5`, CAST(`d` AS STRING) AS "
      "`_c6`, CAST(`n` AS STRING) AS `_c7`, unix_date(`day`) AS `_c8`, unix_micros(`ts`) AS `_c9`, "
      "CAST(`ntz` AS STRING) AS `_c10`, `str`, hex(`bin`) AS `_c12`, to_json(`a`) AS `_c13`, "
      "to_json(`st`, map('ignoreNullFields', 'false', 'timeZone', 'UTC', 'timestampFormat', "
      "'yyyy-MM-dd\\\\'T\\\\'HH:mm:ss.SSSSSSXXX', 'timestampNTZFormat', "
      "'yyyy-MM-dd\\\\'T\\\\'HH:mm:ss.SSSSSS')) AS `_c14`, to_json(`v`) AS `_c15`, "
      "CAST(`iv` AS STRING) AS `_c16`, CAST(`nothing` AS STRING) AS `_c17` FROM `c`.`t` WHERE i > "
      "1 "
      "ORDER BY `ts`\"");
  assert_int_equal(dbx_rows_total(rows), 2);
  assert_string_equal(dbx_rows_type_text(rows, 14), "STRUCT<x: INT, t: TIMESTAMP>");

  batch *b = NULL;
  assert_int_equal(batch_new(dbx_rows_schema(rows), 9, &b, NULL), BR_OK);
  assert_status(dbx_rows_next(rows, b, 0, &err), BR_OK, &err);
  assert_int_equal(b->rows, 2);
  static const char *const expected[2][TYPES] = {
      {"true", "-128", "-32768", "-2147483648", "-9223372036854775808", "NaN", "-Infinity",
       "-0.001", "0001-01-01", "1969-12-31 23:59:59.999999Z", "9999-12-31 23:59:59.999999", "ä",
       "0x00FF", "[1]", "{}", "3", "INTERVAL '1 00:00:00' DAY TO SECOND", "NULL"},
      {"false", "127", "32767", "2147483647", "9223372036854775807", "1.4013e-45",
       "1.7976931348623157e+308", "0.000", "9999-12-31", "9999-12-31 23:59:59.999999Z",
       "0001-01-01 00:00:00.000000", "", "0x", "NULL", "NULL", "NULL", "NULL", "NULL"}};
  for (size_t row = 0; row < 2; row++) {
    for (size_t i = 0; i < TYPES; i++) {
      br_buf text;
      br_buf_init(&text, 1024);
      assert_int_equal(batch_cell_text(b, i, row, &text, NULL, NULL), BR_OK);
      if (strcmp(br_buf_cstr(&text), expected[row][i]) != 0) {
        fail_msg("row %zu, column %zu: %s", row, i, br_buf_cstr(&text));
      }
      br_buf_done(&text);
    }
  }
  batch_reset(b, 0);
  assert_int_equal(dbx_rows_next(rows, b, 0, &err), BR_DONE);
  batch_free(b);
  dbx_rows_close(rows);
  dbx_client_free(client);
  script_stop(server);
}

/* A batch that is small, or full by bytes, gives the rest to the next ones. */
static void rows_come_in_order_over_many_batches(void **state) {
  (void)state;
  table t = {.described = COLUMN("i", "INT"),
             .columns = COLUMN("i", "INT"),
             .rows = "[[\"0\"],[\"1\"],[\"2\"],[\"3\"],[\"4\"]]",
             .count = 5};
  script_server *server = script_start_by_body(answer, &t);
  dbx_client *client = test_client(script_base(server));
  for (size_t way = 0; way < 2; way++) {
    dbx_rows *rows = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(open_table(client, &rows, &err), BR_OK, &err);
    batch *b = NULL;
    assert_int_equal(batch_new(dbx_rows_schema(rows), way == 0 ? 2 : 100, &b, NULL), BR_OK);
    uint64_t seen = 0;
    while (dbx_rows_next(rows, b, way == 0 ? 0 : 1, &err) == BR_OK) {
      assert_int_equal(b->first_row, seen);
      assert_true(b->rows >= 1 && b->rows <= 2);
      for (size_t row = 0; row < b->rows; row++) {
        assert_int_equal(((const int32_t *)b->columns[0].values)[row], (int32_t)seen++);
      }
      batch_reset(b, 0);
    }
    assert_int_equal(seen, 5);
    batch_free(b);
    dbx_rows_close(rows);
  }
  dbx_client_free(client);
  script_stop(server);
}

/* Texts that are not the form that was asked for. */
static void values_in_another_form_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *type;
    const char *text;
  } bad[] = {
      {"BOOLEAN", "True"},
      {"BOOLEAN", ""},
      {"TINYINT", "32768"},
      {"INT", "2147483648"},
      {"INT", "1.0"},
      {"INT", "-"},
      {"INT", ""},
      {"INT", " 1"},
      {"BIGINT", "9223372036854775808"},
      {"DOUBLE", "nan"},
      {"DOUBLE", "0x10"},
      {"DOUBLE", "1e999"},
      {"DOUBLE", ""},
      {"DOUBLE", "1.0 "},
      {"FLOAT", "1e39"},
      {"DECIMAL(4,1)", "1.25"},
      {"DECIMAL(4,1)", "1000"},
      {"DECIMAL(4,1)", ""},
      {"DATE", "2024-01-01"},
      {"TIMESTAMP", "2024-01-01 00:00:00"},
      {"TIMESTAMP_NTZ", "2024-01-01 00:00:00Z"},
      {"TIMESTAMP_NTZ", "1"},
      {"BINARY", "0"},
      {"BINARY", "0g"},
      {"BINARY", "AAA="},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    dbx_rows_column about = {0};
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_rows_type_parse(bad[i].type, &about, &err), BR_OK, &err);
    about.type_text = br_strdup(bad[i].type);
    batch_schema *schema = NULL;
    batch *b = NULL;
    assert_int_equal(batch_schema_new(1, &schema, NULL), BR_OK);
    assert_int_equal(batch_schema_set(schema, 0, "x", about.type, true, NULL), BR_OK);
    assert_int_equal(batch_new(schema, 1, &b, NULL), BR_OK);
    br_status st =
        dbx_rows_append(&about, &b->columns[0], 0, bad[i].text, strlen(bad[i].text), &err);
    if (st != BR_ERR_PROTOCOL) {
      fail_msg("\"%s\" was taken for a %s", bad[i].text, bad[i].type);
    }
    assert_contains(err.message, bad[i].type);
    batch_free(b);
    batch_schema_free(schema);
    br_free(about.type_text);
  }
}

static void types_that_are_none_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    br_status expected;
  } texts[] = {
      {"", BR_ERR_UNSUPPORTED},
      {"GEOMETRY(4326)", BR_ERR_UNSUPPORTED},
      {"INTS", BR_ERR_UNSUPPORTED},
      {"DECIMAL(39,0)", BR_ERR_PROTOCOL},
      {"DECIMAL(3,4)", BR_ERR_PROTOCOL},
      {"DECIMAL(", BR_ERR_PROTOCOL},
      {"DECIMAL(3,", BR_ERR_PROTOCOL},
      {"DECIMAL(3,1", BR_ERR_PROTOCOL},
      {"DECIMAL(3,1)x", BR_ERR_PROTOCOL},
      {"DECIMAL(0,0)", BR_ERR_PROTOCOL},
      {"DECIMAL", BR_OK},
      {"decimal(5, 2)", BR_OK},
      {"STRING COLLATE UTF8_LCASE", BR_OK},
      {"INTERVAL YEAR", BR_OK},
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    dbx_rows_column column = {0};
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_rows_type_parse(texts[i].text, &column, &err), texts[i].expected, &err);
  }
}

static br_status open_failing(table *t, br_error *err) {
  script_server *server = script_start_by_body(answer, t);
  dbx_client *client = test_client(script_base(server));
  dbx_rows *rows = NULL;
  br_status st = open_table(client, &rows, err);
  assert_true(st != BR_OK);
  dbx_client_free(client);
  script_stop(server);
  return st;
}

static void tables_that_change_in_between_are_refused(void **state) {
  (void)state;
  table t = {.described = COLUMN("i", "INT"),
             .columns = COLUMN("i", "STRING"),
             .rows = "[[\"1\"]]",
             .count = 1};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(open_failing(&t, &err), BR_ERR_CONFLICT);
  assert_contains(err.message, "Column i: The type was INT when the table was described");
  t.columns = COLUMN("i", "INT") "," COLUMN("j", "INT");
  t.rows = "[[\"1\",\"2\"]]";
  assert_int_equal(open_failing(&t, &err), BR_ERR_PROTOCOL);
  t.described = COLUMN("g", "GEOGRAPHY(4326)");
  assert_int_equal(open_failing(&t, &err), BR_ERR_UNSUPPORTED);
  assert_contains(err.message, "Column g: The type GEOGRAPHY(4326) is not supported");
  t.described = "";
  assert_int_equal(open_failing(&t, &err), BR_ERR_PROTOCOL);
}

/* An alias that is a column's name would take its place in ORDER BY. */
static void aliases_are_no_columns_names(void **state) {
  (void)state;
  table t = {.described = COLUMN("_c0", "DOUBLE") "," COLUMN("_C_x", "INT"),
             .columns = COLUMN("x", "STRING") "," COLUMN("_C_x", "INT"),
             .rows = "[[\"1.5\",\"2\"]]",
             .count = 1};
  script_server *server = script_start_by_body(answer, &t);
  dbx_client *client = test_client(script_base(server));
  dbx_rows *rows = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(open_table(client, &rows, &err), BR_OK, &err);
  assert_contains((const char *)script_request_at(server, 1)->body,
                  "SELECT CAST(`_c0` AS STRING) AS `_c__0`, `_C_x` FROM");
  dbx_rows_close(rows);
  dbx_client_free(client);
  script_stop(server);
}

static void failures_name_what_was_read(void **state) {
  (void)state;
  table t = {.described = COLUMN("i", "INT"), .failure = "[DIVIDE_BY_ZERO] no. SQLSTATE: 22012"};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(open_failing(&t, &err), BR_ERR_REMOTE);
  assert_contains(err.message, "Reading `c`.`t`: ");
  assert_contains(err.message, "DIVIDE_BY_ZERO");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_is_asked_for_in_an_exact_form),
      cmocka_unit_test(rows_come_in_order_over_many_batches),
      cmocka_unit_test(values_in_another_form_are_refused),
      cmocka_unit_test(types_that_are_none_are_refused),
      cmocka_unit_test(tables_that_change_in_between_are_refused),
      cmocka_unit_test(aliases_are_no_columns_names),
      cmocka_unit_test(failures_name_what_was_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
