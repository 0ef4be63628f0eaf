/*
 * Bulk loads that other clients sent (tests/golden/tds/load), beside what this one sends for the
 * same rows into the same table: every difference, down to the byte, must be one that is written
 * down in NAME.txt.
 *
 * With BRIDGE_TEST_WRITE_GOLDEN=1 the differences are written instead of compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "load_talk.h"
#include "support/cmocka.h"
#include "tds/load.h"
#include "tds/server.h"

enum { COLUMNS_MAX = 32, ROWS_MAX = 8 };

#define NULLABLE(n, ...)                                                                           \
  { .name = n, .spec = {__VA_ARGS__}, .collation = tds_collation_latin1, .nullable = true }

/* The tables that they load into; README.md of the captures has them as SQL. */
static const load_target first_columns[] = {
    {.name = "i", .spec = {.type = BATCH_SQL_INT}, .collation = tds_collation_latin1},
    NULLABLE("b", .type = BATCH_SQL_BIT),
    NULLABLE("t", .type = BATCH_SQL_TINYINT),
    NULLABLE("g", .type = BATCH_SQL_BIGINT),
    NULLABLE("d", .type = BATCH_SQL_DECIMAL, .precision = 10, .scale = 3),
    NULLABLE("m", .type = BATCH_SQL_MONEY),
    NULLABLE("f", .type = BATCH_SQL_FLOAT),
    NULLABLE("r", .type = BATCH_SQL_REAL),
    NULLABLE("c", .type = BATCH_SQL_CHAR, .length = 4),
    NULLABLE("v", .type = BATCH_SQL_VARCHAR, .length = 20),
    NULLABLE("n", .type = BATCH_SQL_NVARCHAR, .length = 20),
    NULLABLE("x", .type = BATCH_SQL_VARBINARY, .length = 8),
    NULLABLE("da", .type = BATCH_SQL_DATE),
    NULLABLE("dt", .type = BATCH_SQL_DATETIME),
    NULLABLE("d2", .type = BATCH_SQL_DATETIME2, .scale = 3),
    NULLABLE("ti", .type = BATCH_SQL_TIME, .scale = 3),
    NULLABLE("u", .type = BATCH_SQL_UNIQUEIDENTIFIER),
    NULLABLE("nm", .type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX),
    NULLABLE("vm", .type = BATCH_SQL_VARCHAR, .length = BATCH_LENGTH_MAX),
    NULLABLE("xm", .type = BATCH_SQL_VARBINARY, .length = BATCH_LENGTH_MAX),
};

/* Greek_CI_AS and Japanese_CI_AS. */
static const uint8_t greek[TDS_COLLATION_SIZE] = {0x08, 0x04, 0xD0, 0x00, 0x00};
static const uint8_t japanese[TDS_COLLATION_SIZE] = {0x11, 0x04, 0xD0, 0x00, 0x00};

static const load_target second_columns[] = {
    {.name = "i", .spec = {.type = BATCH_SQL_INT}, .collation = tds_collation_latin1},
    NULLABLE("s", .type = BATCH_SQL_SMALLINT),
    NULLABLE("sm", .type = BATCH_SQL_SMALLMONEY),
    NULLABLE("d5", .type = BATCH_SQL_DECIMAL, .precision = 5, .scale = 2),
    NULLABLE("d19", .type = BATCH_SQL_DECIMAL, .precision = 19, .scale = 4),
    NULLABLE("d28", .type = BATCH_SQL_DECIMAL, .precision = 28, .scale = 0),
    NULLABLE("d38", .type = BATCH_SQL_DECIMAL, .precision = 38, .scale = 10),
    NULLABLE("nu", .type = BATCH_SQL_DECIMAL, .precision = 12, .scale = 3),
    NULLABLE("nc", .type = BATCH_SQL_NCHAR, .length = 3),
    NULLABLE("bi", .type = BATCH_SQL_BINARY, .length = 3),
    NULLABLE("sd", .type = BATCH_SQL_SMALLDATETIME),
    NULLABLE("o0", .type = BATCH_SQL_DATETIMEOFFSET, .scale = 0),
    NULLABLE("o3", .type = BATCH_SQL_DATETIMEOFFSET, .scale = 3),
    NULLABLE("o7", .type = BATCH_SQL_DATETIMEOFFSET, .scale = 7),
    NULLABLE("t7", .type = BATCH_SQL_TIME, .scale = 7),
    NULLABLE("d27", .type = BATCH_SQL_DATETIME2, .scale = 7),
    NULLABLE("x", .type = BATCH_SQL_XML),
    NULLABLE("tx", .type = BATCH_SQL_TEXT),
    NULLABLE("nt", .type = BATCH_SQL_NTEXT),
    NULLABLE("im", .type = BATCH_SQL_IMAGE),
    NULLABLE("sv", .type = BATCH_SQL_VARIANT),
    {.name = "cg",
     .spec = {.type = BATCH_SQL_VARCHAR, .length = 20},
     .collation = greek,
     .nullable = true},
    {.name = "cj",
     .spec = {.type = BATCH_SQL_CHAR, .length = 6},
     .collation = japanese,
     .nullable = true},
    {.name = "cu",
     .spec = {.type = BATCH_SQL_VARCHAR, .length = 20},
     .collation = tds_collation_utf8,
     .nullable = true},
};

typedef struct golden_table {
  const char *name;
  const load_target *columns;
  size_t count;
} golden_table;

static const golden_table first = {"golden_load", first_columns,
                                   sizeof first_columns / sizeof *first_columns};
static const golden_table second = {"golden_load_2", second_columns,
                                    sizeof second_columns / sizeof *second_columns};

/* The payload of the last BULK message in bytes, which are packets. */
static void bulk_payload(const br_buf *bytes, br_buf *out) {
  br_buf_init(out, TALK_MOST);
  for (size_t at = 0; at + TDS_HEADER_SIZE <= bytes->len;) {
    size_t length = br_load_u16be(bytes->data + at + 2);
    assert_true(length >= TDS_HEADER_SIZE && at + length <= bytes->len);
    if (bytes->data[at] == TDS_PACKET_BULK) {
      assert_int_equal(
          br_buf_append(out, bytes->data + at + TDS_HEADER_SIZE, length - TDS_HEADER_SIZE, NULL),
          BR_OK);
    }
    at += length;
  }
}

/* A stream taken apart: each column's description and each value, as bytes. */
typedef struct parts {
  size_t columns, rows;
  char names[COLUMNS_MAX][8];
  tds_type_info infos[COLUMNS_MAX];
  br_reader described[COLUMNS_MAX];
  br_reader values[ROWS_MAX][COLUMNS_MAX];
  br_reader tail; /* behind the last row */
} parts;

static br_reader between(const uint8_t *from, const uint8_t *to) {
  return br_reader_of(from, (size_t)(to - from));
}

static void take_apart(const br_buf *payload, parts *out) {
  tds_reader r;
  uint8_t token = 0;
  uint16_t count = 0;
  *out = (parts){.rows = 0};
  tds_reader_init_memory(&r, payload->data, payload->len);
  assert_int_equal(tds_reader_u8(&r, &token, NULL), BR_OK);
  assert_int_equal(token, TDS_TOKEN_COLMETADATA);
  assert_int_equal(tds_reader_u16(&r, &count, NULL), BR_OK);
  assert_in_range(count, 1, COLUMNS_MAX);
  out->columns = count;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *from = r.pos;
    br_reader view;
    uint8_t units = 0;
    assert_int_equal(tds_reader_skip(&r, 6, NULL), BR_OK);
    assert_int_equal(tds_type_info_read(&r, TDS_IN_BULK, &out->infos[i], NULL), BR_OK);
    out->described[i] = between(from, r.pos);
    assert_int_equal(tds_reader_u8(&r, &units, NULL), BR_OK);
    assert_int_equal(tds_reader_view(&r, (size_t)units * 2, &view, NULL), BR_OK);
    assert_int_equal(tds_view_utf16(&view, units, out->names[i], sizeof out->names[i], NULL),
                     BR_OK);
  }
  while (r.pos < r.end && *r.pos == TDS_TOKEN_ROW) {
    r.pos++;
    assert_true(out->rows < ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
      const uint8_t *from = r.pos;
      assert_int_equal(tds_value_skip(&r, &out->infos[i], NULL), BR_OK);
      out->values[out->rows][i] = between(from, r.pos);
    }
    out->rows++;
  }
  out->tail = between(r.pos, r.end);
}

/* --- their rows into our load --- */

static void read_rows(const br_buf *payload, tds_bulk *bulk, batch **ret_batch) {
  tds_reader r;
  tds_reader_init_memory(&r, payload->data, payload->len);
  assert_int_equal(tds_bulk_begin(bulk, &r, TALK_MOST, NULL), BR_OK);
  assert_int_equal(batch_new(bulk->schema, ROWS_MAX, ret_batch, NULL), BR_OK);
  assert_int_equal(tds_bulk_read(bulk, &r, *ret_batch, NULL), BR_OK);
}

static void load_same_rows(const golden_table *table, const parts *theirs, const batch *b,
                           br_buf *sent) {
  load_target targets[COLUMNS_MAX];
  const char *names[COLUMNS_MAX];
  for (size_t i = 0; i < theirs->columns; i++) {
    size_t at = 0;
    while (at < table->count && strcmp(table->columns[at].name, theirs->names[i]) != 0) {
      at++;
    }
    assert_true(at < table->count);
    targets[i] = table->columns[at];
    targets[i].flags = TDS_COLUMN_UPDATEABLE_UNKNOWN; /* as the servers of the captures say */
    names[i] = targets[i].name;
  }
  talk t = {.conn = NULL};
  tds_load *load = NULL;
  br_error err = BR_ERROR_INIT;
  talk_answers(&t.answers, targets, theirs->columns);
  assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
  memcpy(t.conn->collation, tds_collation_latin1, TDS_COLLATION_SIZE); /* as a login says it */
  const tds_load_options options = {
      .table = table->name, .columns = names, .column_count = theirs->columns};
  assert_int_equal(tds_load_open(t.conn, &options, &load, NULL), BR_OK);
  batch same = *b;
  same.schema = tds_load_schema(load);
  if (tds_load_write(load, &same, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  assert_int_equal(tds_load_finish(load, NULL, NULL), BR_OK);
  tds_load_free(load);
  bulk_payload(&t.sent, sent);
  talk_done(&t);
  br_buf_done(&t.answers);
}

/* --- the comparison --- */

static void put_hex(br_buf *out, const char *who, br_reader bytes) {
  assert_int_equal(br_buf_printf(out, NULL, "  %s", who), BR_OK);
  for (size_t i = 0; i < bytes.len; i++) {
    assert_int_equal(br_buf_printf(out, NULL, " %02X", bytes.data[i]), BR_OK);
  }
  assert_int_equal(br_buf_text(out, "\n", NULL), BR_OK);
}

static void compare(br_buf *out, br_reader theirs, br_reader ours, const char *what,
                    const char *name) {
  if (theirs.len == ours.len && memcmp(theirs.data, ours.data, ours.len) == 0) {
    return;
  }
  assert_int_equal(br_buf_printf(out, NULL, "%s %s\n", what, name), BR_OK);
  put_hex(out, "theirs", theirs);
  put_hex(out, "ours  ", ours);
}

static void differences(const parts *theirs, const parts *ours, br_buf *out) {
  assert_int_equal(theirs->columns, ours->columns);
  assert_int_equal(theirs->rows, ours->rows);
  for (size_t i = 0; i < ours->columns; i++) {
    assert_string_equal(theirs->names[i], ours->names[i]);
    compare(out, theirs->described[i], ours->described[i], "column", ours->names[i]);
  }
  for (size_t row = 0; row < ours->rows; row++) {
    char what[32];
    (void)snprintf(what, sizeof what, "row %zu", row + 1);
    for (size_t i = 0; i < ours->columns; i++) {
      compare(out, theirs->values[row][i], ours->values[row][i], what, ours->names[i]);
    }
  }
  compare(out, theirs->tail, ours->tail, "behind the rows", "");
}

static void check(const char *client, const golden_table *table) {
  char path[1024];
  br_buf bytes, payload, sent, text, expected;
  (void)snprintf(path, sizeof path, "%s/load/%s.bin", GOLDEN_FOLDER, client);
  assert_int_equal(br_file_read(path, TALK_MOST, &bytes, NULL), BR_OK);
  bulk_payload(&bytes, &payload);
  parts theirs, ours;
  tds_bulk bulk;
  batch *b = NULL;
  take_apart(&payload, &theirs);
  read_rows(&payload, &bulk, &b);
  load_same_rows(table, &theirs, b, &sent);
  take_apart(&sent, &ours);
  br_buf_init(&text, TALK_MOST);
  differences(&theirs, &ours, &text);
  (void)snprintf(path, sizeof path, "%s/load/%s.txt", GOLDEN_FOLDER, client);
  if (getenv("BRIDGE_TEST_WRITE_GOLDEN") != NULL) {
    assert_int_equal(br_file_write_atomic(path, text.data, text.len, 0644, NULL), BR_OK);
  }
  assert_int_equal(br_file_read(path, TALK_MOST, &expected, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&text), br_buf_cstr(&expected));
  batch_free(b);
  tds_bulk_done(&bulk);
  br_buf_done(&bytes);
  br_buf_done(&payload);
  br_buf_done(&sent);
  br_buf_done(&text);
  br_buf_done(&expected);
}

static void freebcp_sends_the_same(void **state) {
  (void)state;
  check("freebcp", &first);
}

static void tedious_sends_the_same(void **state) {
  (void)state;
  check("tedious", &first);
}

static void go_mssqldb_sends_the_same(void **state) {
  (void)state;
  check("go", &first);
}

static void tedious_sends_the_same_into_the_second_table(void **state) {
  (void)state;
  check("tedious_2", &second);
}

static void go_mssqldb_sends_the_same_into_the_second_table(void **state) {
  (void)state;
  check("go_2", &second);
}

static void mssql_jdbc_sends_the_same_into_the_second_table(void **state) {
  (void)state;
  check("jdbc_2", &second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(freebcp_sends_the_same),
      cmocka_unit_test(tedious_sends_the_same),
      cmocka_unit_test(go_mssqldb_sends_the_same),
      cmocka_unit_test(tedious_sends_the_same_into_the_second_table),
      cmocka_unit_test(go_mssqldb_sends_the_same_into_the_second_table),
      cmocka_unit_test(mssql_jdbc_sends_the_same_into_the_second_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
