#include "batch/type.h"

#include <string.h>

#include "support/cmocka.h"

/* What the documented table of types promises, spelled out a second time. */
static const struct {
  batch_sql_typespec spec;
  const char *name;
  const char *arrow;
  const char *delta;
  unsigned loss;
} promised[] = {
    {{BATCH_SQL_BIT, 0, 0, 0}, "bit", "b", "BOOLEAN", 0},
    {{BATCH_SQL_TINYINT, 0, 0, 0}, "tinyint", "s", "SMALLINT", 0},
    {{BATCH_SQL_SMALLINT, 0, 0, 0}, "smallint", "s", "SMALLINT", 0},
    {{BATCH_SQL_INT, 0, 0, 0}, "int", "i", "INT", 0},
    {{BATCH_SQL_BIGINT, 0, 0, 0}, "bigint", "l", "BIGINT", 0},
    {{BATCH_SQL_DECIMAL, 1, 0, 0}, "decimal(1,0)", "d:1,0,32", "DECIMAL(1,0)", 0},
    {{BATCH_SQL_DECIMAL, 9, 9, 0}, "decimal(9,9)", "d:9,9,32", "DECIMAL(9,9)", 0},
    {{BATCH_SQL_DECIMAL, 10, 2, 0}, "decimal(10,2)", "d:10,2,64", "DECIMAL(10,2)", 0},
    {{BATCH_SQL_DECIMAL, 18, 4, 0}, "decimal(18,4)", "d:18,4,64", "DECIMAL(18,4)", 0},
    {{BATCH_SQL_DECIMAL, 19, 0, 0}, "decimal(19,0)", "d:19,0", "DECIMAL(19,0)", 0},
    {{BATCH_SQL_DECIMAL, 38, 38, 0}, "decimal(38,38)", "d:38,38", "DECIMAL(38,38)", 0},
    {{BATCH_SQL_MONEY, 0, 0, 0}, "money", "d:19,4", "DECIMAL(19,4)", 0},
    {{BATCH_SQL_SMALLMONEY, 0, 0, 0}, "smallmoney", "d:10,4,64", "DECIMAL(10,4)", 0},
    {{BATCH_SQL_REAL, 0, 0, 0}, "real", "f", "FLOAT", 0},
    {{BATCH_SQL_FLOAT, 0, 0, 0}, "float", "g", "DOUBLE", 0},
    {{BATCH_SQL_CHAR, 0, 0, 10}, "char(10)", "u", "STRING", 0},
    {{BATCH_SQL_VARCHAR, 0, 0, 8000}, "varchar(8000)", "u", "STRING", 0},
    {{BATCH_SQL_VARCHAR, 0, 0, BATCH_LENGTH_MAX}, "varchar(max)", "u", "STRING", 0},
    {{BATCH_SQL_TEXT, 0, 0, 0}, "text", "u", "STRING", 0},
    {{BATCH_SQL_NCHAR, 0, 0, 4000}, "nchar(4000)", "u", "STRING", 0},
    {{BATCH_SQL_NVARCHAR, 0, 0, BATCH_LENGTH_MAX}, "nvarchar(max)", "u", "STRING", 0},
    {{BATCH_SQL_NTEXT, 0, 0, 0}, "ntext", "u", "STRING", 0},
    {{BATCH_SQL_XML, 0, 0, 0}, "xml", "u", "STRING", 0},
    {{BATCH_SQL_JSON, 0, 0, 0}, "json", "u", "STRING", 0},
    {{BATCH_SQL_VECTOR, 0, 0, 0}, "vector", "u", "STRING", 0},
    {{BATCH_SQL_BINARY, 0, 0, 16}, "binary(16)", "z", "BINARY", 0},
    {{BATCH_SQL_VARBINARY, 0, 0, BATCH_LENGTH_MAX}, "varbinary(max)", "z", "BINARY", 0},
    {{BATCH_SQL_IMAGE, 0, 0, 0}, "image", "z", "BINARY", 0},
    {{BATCH_SQL_ROWVERSION, 0, 0, 0}, "rowversion", "z", "BINARY", 0},
    {{BATCH_SQL_DATE, 0, 0, 0}, "date", "tdD", "DATE", 0},
    {{BATCH_SQL_TIME, 0, 7, 0}, "time(7)", "u", "STRING", 0},
    {{BATCH_SQL_SMALLDATETIME, 0, 0, 0}, "smalldatetime", "tsu:", "TIMESTAMP_NTZ", 0},
    {{BATCH_SQL_DATETIME, 0, 0, 0}, "datetime", "tsu:", "TIMESTAMP_NTZ", 0},
    {{BATCH_SQL_DATETIME2, 0, 6, 0}, "datetime2(6)", "tsu:", "TIMESTAMP_NTZ", 0},
    {{BATCH_SQL_DATETIME2, 0, 7, 0},
     "datetime2(7)",
     "tsu:",
     "TIMESTAMP_NTZ",
     BATCH_LOSS_SUB_MICROSECOND},
    {{BATCH_SQL_DATETIMEOFFSET, 0, 3, 0},
     "datetimeoffset(3)",
     "tsu:UTC",
     "TIMESTAMP",
     BATCH_LOSS_OFFSET},
    {{BATCH_SQL_DATETIMEOFFSET, 0, 7, 0},
     "datetimeoffset(7)",
     "tsu:UTC",
     "TIMESTAMP",
     BATCH_LOSS_OFFSET | BATCH_LOSS_SUB_MICROSECOND},
    {{BATCH_SQL_UNIQUEIDENTIFIER, 0, 0, 0}, "uniqueidentifier", "u", "STRING", 0},
    {{BATCH_SQL_VARIANT, 0, 0, 0}, "sql_variant", "u", "STRING", BATCH_LOSS_BASE_TYPE},
    {{BATCH_SQL_HIERARCHYID, 0, 0, 0}, "hierarchyid", "z", "BINARY", BATCH_LOSS_CLR},
    {{BATCH_SQL_GEOMETRY, 0, 0, 0}, "geometry", "z", "BINARY", BATCH_LOSS_CLR},
    {{BATCH_SQL_GEOGRAPHY, 0, 0, 0}, "geography", "z", "BINARY", BATCH_LOSS_CLR},
    {{BATCH_SQL_UDT, 0, 0, 0}, "udt", "z", "BINARY", BATCH_LOSS_CLR},
};
enum { PROMISED = sizeof promised / sizeof promised[0] };

static void assert_same_type(const batch_type *a, const batch_type *b) {
  assert_int_equal(a->layout, b->layout);
  assert_int_equal(a->precision, b->precision);
  assert_int_equal(a->scale, b->scale);
}

static void every_type_becomes_what_the_table_promises(void **state) {
  (void)state;
  bool seen[BATCH_SQL_TYPE_COUNT] = {false};
  for (size_t i = 0; i < PROMISED; i++) {
    batch_type type;
    unsigned loss = 99;
    char text[32];
    assert_int_equal(batch_type_resolve(&promised[i].spec, NULL, &type, &loss, NULL), BR_OK);
    assert_int_equal(loss, promised[i].loss);
    batch_sql_typespec_name(&promised[i].spec, text, sizeof text);
    assert_string_equal(text, promised[i].name);
    batch_type_arrow_format(&type, text, sizeof text);
    assert_string_equal(text, promised[i].arrow);
    batch_type_delta_name(&type, text, sizeof text);
    assert_string_equal(text, promised[i].delta);
    seen[promised[i].spec.type] = true;
  }
  for (size_t i = 0; i < BATCH_SQL_TYPE_COUNT; i++) {
    assert_true(seen[i]);
  }
}

static void every_row_is_filled_and_in_its_place(void **state) {
  (void)state;
  for (int i = 0; i < BATCH_SQL_TYPE_COUNT; i++) {
    const batch_type_row *row = batch_type_row_of((batch_sql_type)i);
    assert_int_equal(row->type, i);
    assert_string_not_equal(row->name, "");
    assert_string_not_equal(row->parquet_name, "");
    assert_string_not_equal(row->delta_name, "");
    assert_non_null(row->note);
  }
}

static void options_change_times_and_nothing_else(void **state) {
  (void)state;
  const batch_type_options options = {.timestamp_utc = true, .time_as_time = true};
  for (size_t i = 0; i < PROMISED; i++) {
    batch_type plain;
    batch_type changed;
    unsigned loss = 0;
    assert_int_equal(batch_type_resolve(&promised[i].spec, NULL, &plain, NULL, NULL), BR_OK);
    assert_int_equal(batch_type_resolve(&promised[i].spec, &options, &changed, &loss, NULL), BR_OK);
    if (promised[i].spec.type == BATCH_SQL_TIME) {
      assert_int_equal(changed.layout, BATCH_TIME64_US);
      assert_int_equal(loss, BATCH_LOSS_SUB_MICROSECOND);
    } else if (plain.layout == BATCH_TIMESTAMP_US) {
      assert_int_equal(changed.layout, BATCH_TIMESTAMP_US_UTC);
    } else {
      assert_same_type(&plain, &changed);
    }
  }
}

static void arguments_that_can_not_be_are_refused(void **state) {
  (void)state;
  static const batch_sql_typespec bad[] = {
      {BATCH_SQL_DECIMAL, 0, 0, 0},    {BATCH_SQL_DECIMAL, 39, 0, 0},
      {BATCH_SQL_DECIMAL, 10, 11, 0},  {BATCH_SQL_TIME, 0, 8, 0},
      {BATCH_SQL_DATETIME2, 0, 8, 0},  {BATCH_SQL_DATETIMEOFFSET, 0, 255, 0},
      {BATCH_SQL_TYPE_COUNT, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_error err = BR_ERROR_INIT;
    batch_type type = {.layout = BATCH_BINARY};
    assert_int_equal(batch_type_resolve(&bad[i], NULL, &type, NULL, &err), BR_ERR_DATA);
    assert_int_equal(type.layout, BATCH_BINARY);
    assert_string_not_equal(err.message, "");
  }
}

static void arrow_formats_come_back_as_the_same_type(void **state) {
  (void)state;
  for (int layout = 0; layout < BATCH_LAYOUT_COUNT; layout++) {
    batch_type type = {.layout = (batch_layout)layout};
    if (layout == BATCH_DECIMAL32 || layout == BATCH_DECIMAL64 || layout == BATCH_DECIMAL128) {
      type.precision = 9;
      type.scale = 3;
    }
    char format[32];
    batch_type_arrow_format(&type, format, sizeof format);
    batch_type back;
    assert_int_equal(batch_type_of_arrow_format(format, &back, NULL), BR_OK);
    assert_same_type(&type, &back);
  }
  batch_type zoned;
  assert_int_equal(batch_type_of_arrow_format("tsu:Europe/Madrid", &zoned, NULL), BR_OK);
  assert_int_equal(zoned.layout, BATCH_TIMESTAMP_US_UTC);
  batch_type wide;
  assert_int_equal(batch_type_of_arrow_format("d:5,2,128", &wide, NULL), BR_OK);
  assert_int_equal(wide.layout, BATCH_DECIMAL128);
}

static void formats_without_a_layout_are_unsupported(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",        "c",         "C",       "I",         "U",         "Z",          "+s",
      "tsn:",    "tss:",      "tsu",     "d:",        "d:10",      "d:10,",      "d:,2",
      "d:39,2",  "d:10,-2",   "d:10,11", "d:10,2,32", "d:0,0",     "d:10,2,256", "d:10,2,",
      "d:10,2 ", "d:19,2,64", "w:16",    "d:9999,2",  "d:10,2,64,"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_error err = BR_ERROR_INIT;
    batch_type type;
    assert_int_equal(batch_type_of_arrow_format(bad[i], &type, &err), BR_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, bad[i]));
  }
}

/* A second column keeps what the first one drops, so nothing is lost any more. */
static void second_columns_keep_what_would_be_lost(void **state) {
  (void)state;
  static const struct {
    batch_sql_type type;
    const char *suffix; /* NULL: no second column */
    batch_layout layout, second;
    unsigned loss;
  } expected[] = {
      {BATCH_SQL_DATETIMEOFFSET, "_offset", BATCH_TIMESTAMP_US_UTC, BATCH_INT16, 0},
      {BATCH_SQL_VARIANT, "_type", BATCH_STRING, BATCH_STRING, 0},
      {BATCH_SQL_HIERARCHYID, NULL, BATCH_STRING, BATCH_BOOL, 0},
      {BATCH_SQL_GEOMETRY, "_srid", BATCH_BINARY, BATCH_INT32, 0},
      {BATCH_SQL_GEOGRAPHY, "_srid", BATCH_BINARY, BATCH_INT32, 0},
      {BATCH_SQL_UDT, NULL, BATCH_BINARY, BATCH_BOOL, BATCH_LOSS_CLR},
      {BATCH_SQL_INT, NULL, BATCH_INT32, BATCH_BOOL, 0},
  };
  const batch_type_options all = {
      .offset_column = true, .base_type_column = true, .clr_decoded = true};
  const batch_type_options none = {.timestamp_utc = false};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    const batch_sql_typespec spec = {.type = expected[i].type};
    batch_type type;
    unsigned loss = 99;
    const char *suffix = NULL;
    assert_int_equal(batch_type_resolve(&spec, &all, &type, &loss, NULL), BR_OK);
    assert_int_equal(type.layout, expected[i].layout);
    assert_int_equal(loss, expected[i].loss);
    assert_false(batch_type_companion(spec.type, &none, &type, &suffix));
    bool has = batch_type_companion(spec.type, &all, &type, &suffix);
    assert_int_equal(has, expected[i].suffix != NULL);
    if (has) {
      assert_string_equal(suffix, expected[i].suffix);
      assert_int_equal(type.layout, expected[i].second);
    }
  }
}

static void every_loss_is_put_in_words(void **state) {
  (void)state;
  for (unsigned bit = BATCH_LOSS_SUB_MICROSECOND; bit <= BATCH_LOSS_CLR; bit <<= 1) {
    assert_string_not_equal(batch_loss_text((batch_loss)bit), "unknown loss");
    assert_string_not_equal(batch_loss_text((batch_loss)bit), batch_loss_text(BATCH_LOSS_NONE));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_becomes_what_the_table_promises),
      cmocka_unit_test(every_row_is_filled_and_in_its_place),
      cmocka_unit_test(options_change_times_and_nothing_else),
      cmocka_unit_test(arguments_that_can_not_be_are_refused),
      cmocka_unit_test(arrow_formats_come_back_as_the_same_type),
      cmocka_unit_test(formats_without_a_layout_are_unsupported),
      cmocka_unit_test(second_columns_keep_what_would_be_lost),
      cmocka_unit_test(every_loss_is_put_in_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
