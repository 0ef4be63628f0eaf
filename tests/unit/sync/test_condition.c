/* Conditions of a DELETE against written answers: what each value is sent as, and what is refused
 * before anything is sent. */
#include <string.h>

#include "base/mem.h"
#include "canned.h"
#include "support/cmocka.h"
#include "sync/change_internal.h"

static char column_name[] = "digest";

/* dbo.T (digest …), and one condition on it. */
typedef struct fixture {
  canned server;
  sync_target target;
  sync_target_column column;
  sync_event event;
  char *values[2];
  sync_condition condition;
  sync_change change;
} fixture;

static void begin(fixture *f, batch_sql_typespec spec, char *first, char *second) {
  memset(f, 0, sizeof *f);
  f->column = (sync_target_column){.name = column_name, .nullable = true, .spec = spec};
  f->target = (sync_target){.sql = "[dbo].[T]", .plain = "dbo.T", .count = 1};
  f->target.columns = &f->column;
  f->values[0] = first;
  f->values[1] = second;
  f->condition = (sync_condition){.column = column_name, .values = f->values, .count = 2};
  f->event =
      (sync_event){.operation = SYNC_DELETE, .conditions = &f->condition, .condition_count = 1};
  canned_init(&f->server);
  canned_number(&f->server, 1);
  canned_connect(&f->server);
  sync_change_init(&f->change, f->server.conn, NULL, NULL, &f->event, "#stage");
  f->change.target = &f->target;
}

static void end(fixture *f) {
  br_buf_done(&f->change.notes);
  canned_done(&f->server);
}

static bool was_sent(const fixture *f, const char *bytes, size_t length) {
  const br_buf *sent = &f->server.sent;
  for (size_t at = 0; at + length <= sent->len; at++) {
    if (memcmp(sent->data + at, bytes, length) == 0) {
      return true;
    }
  }
  return false;
}

static const batch_sql_typespec varbinary = {.type = BATCH_SQL_VARBINARY, .length = 100};

static char *copy(const char *text) {
  char *to = br_strdup(text);
  assert_non_null(to);
  return to;
}

static void binary_is_sent_as_its_bytes(void **state) {
  (void)state;
  static const struct {
    batch_sql_typespec spec;
    const char *text, *declared, *bytes; /* bytes: length and value as MS-TDS has them */
    size_t length;
  } cases[] = {
      {{.type = BATCH_SQL_VARBINARY, .length = 100}, "0x00fF", "varbinary(100)", "\2\0\0\xFF", 4},
      {{.type = BATCH_SQL_BINARY, .length = 2}, "0X01aB", "varbinary(2)", "\2\0\1\xAB", 4},
      {{.type = BATCH_SQL_VARBINARY, .length = 9}, "0x", "varbinary(9)", "\0\0", 2},
      {{.type = BATCH_SQL_ROWVERSION},
       "0x00000000000007D1",
       "varbinary(8)",
       "\x8\0\0\0\0\0\0\0\x7\xD1",
       10},
      {{.type = BATCH_SQL_HIERARCHYID}, "0x58", "varbinary(max)", "\1\0\0\0\x58\0\0\0\0", 9},
      {{.type = BATCH_SQL_VARBINARY, .length = BATCH_LENGTH_MAX},
       "0xFE",
       "varbinary(max)",
       "\1\0\0\0\xFE\0\0\0\0",
       9},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    int64_t rows = 0;
    br_error err = BR_ERROR_INIT;
    char *text = copy(cases[i].text), *other = copy("0x77");
    begin(&f, cases[i].spec, text, other);
    if (sync_change_run(&f.change, &rows, &err) != BR_OK) {
      fail_msg("%s: %s", cases[i].text, err.message);
    }
    assert_int_equal(rows, 1);
    assert_true(canned_was_sent(&f.server, cases[i].declared));
    assert_true(was_sent(&f, cases[i].bytes, cases[i].length));
    assert_false(was_sent(&f, text, strlen(text)));
    end(&f);
    br_free(text);
    br_free(other);
  }
}

static void expect_refused(fixture *f, const char *words) {
  br_error err = BR_ERROR_INIT;
  int64_t rows = 0;
  assert_int_equal(sync_change_run(&f->change, &rows, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, words));
  assert_int_equal(f->server.sent.len, 0);
  end(f);
}

static void what_is_no_hex_is_refused_and_nothing_is_sent(void **state) {
  (void)state;
  static const char *const bad[] = {"",      "0",     "00FF", "x00FF",  "0x0",     "0x0G",
                                    " 0x00", "0x00 ", "0x-1", "0x0x00", "\\x00FF", "1x00",
                                    "0y00",  "255",   "AP8=", "0x00F",  "\xC3\xA9"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    fixture f;
    char *good = copy("0x00"), *text = copy(bad[i]);
    begin(&f, varbinary, good, text);
    expect_refused(&f, "condition on 'digest': '");
    begin(&f, varbinary, text, NULL);
    expect_refused(&f, "' is no binary value; write its bytes as 0x and two hexadecimal digits");
    br_free(good);
    br_free(text);
  }
}

static void bytes_that_the_column_can_not_hold_are_refused(void **state) {
  (void)state;
  fixture f;
  char good[] = "0x00", longer[] = "0x000102";
  begin(&f, (batch_sql_typespec){.type = BATCH_SQL_BINARY, .length = 2}, good, longer);
  expect_refused(&f, "condition on 'digest': 3 bytes, the type takes 2");
}

/* null can be asked of every type. */
static void types_that_can_not_be_compared_are_refused(void **state) {
  (void)state;
  static const struct {
    batch_sql_type type;
    const char *words;
  } cases[] = {
      {BATCH_SQL_TEXT, "condition on 'digest': a column of type text can't be compared"},
      {BATCH_SQL_NTEXT, "a column of type ntext can't be compared"},
      {BATCH_SQL_IMAGE, "a column of type image can't be compared"},
      {BATCH_SQL_XML, "a column of type xml can't be compared"},
      {BATCH_SQL_JSON, "a column of type json can't be compared"},
      {BATCH_SQL_VECTOR, "a column of type vector can't be compared"},
      {BATCH_SQL_VARIANT, "a column of type sql_variant can't be compared"},
      {BATCH_SQL_GEOMETRY, "a column of type geometry can't be compared"},
      {BATCH_SQL_GEOGRAPHY, "a column of type geography can't be compared"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    int64_t rows = 0;
    char value[] = "0x00";
    begin(&f, (batch_sql_typespec){.type = cases[i].type}, NULL, value);
    expect_refused(&f, cases[i].words);
    begin(&f, (batch_sql_typespec){.type = cases[i].type}, NULL, NULL);
    assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
    assert_true(canned_was_sent(&f.server, "WHERE (t.[digest] IS NULL)"));
    end(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(binary_is_sent_as_its_bytes),
      cmocka_unit_test(what_is_no_hex_is_refused_and_nothing_is_sent),
      cmocka_unit_test(bytes_that_the_column_can_not_hold_are_refused),
      cmocka_unit_test(types_that_can_not_be_compared_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
