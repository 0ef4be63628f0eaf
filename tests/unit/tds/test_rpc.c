/*
 * Statements with parameters over memory: the call that is sent, read again by the server's side,
 * must be sp_executesql with the values that went in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_dump.h"
#include "base/mem.h"
#include "batch/value.h"
#include "load_talk.h"
#include "support/cmocka.h"
#include "support/torture.h"
#include "tds/server.h"

/* RETURNSTATUS 0; DONEINPROC with 5 rows; DONEPROC. */
static const uint8_t answer[] = {4,    1,    0, 39, 0, 0, 1, 0, 0xFF, 0x11, 0, 0xC3, 0,
                                 5,    0,    0, 0,  0, 0, 0, 0, 0x79, 0,    0, 0,    0,
                                 0xFE, 0x00, 0, 0,  0, 0, 0, 0, 0,    0,    0, 0,    0};

static void connect_it(talk *t, int answers) {
  br_buf_init(&t->answers, TALK_MOST);
  for (int i = 0; i < answers; i++) {
    assert_int_equal(br_buf_append(&t->answers, answer, sizeof answer, NULL), BR_OK);
  }
  assert_int_equal(talk_connect(t, 4096, NULL), BR_OK);
  memcpy(t->conn->collation, tds_collation_latin1, TDS_COLLATION_SIZE);
}

static void done(talk *t) {
  talk_done(t);
  br_buf_done(&t->answers);
}

/* The first message that was sent, as a call. */
static void read_call(const talk *t, br_buf *payload, tds_rpc *rpc) {
  tds_stream *s = NULL;
  tds_reader r;
  size_t used = 0;
  br_buf_init(payload, TALK_MOST);
  assert_int_equal(tds_stream_memory(t->sent.data, t->sent.len, NULL, &s, NULL), BR_OK);
  assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(r.type, TDS_PACKET_RPC);
  assert_int_equal(tds_message_read(&r, payload, NULL), BR_OK);
  tds_reader_done(&r);
  tds_stream_close(s);
  assert_int_equal(tds_all_headers_read(payload->data, payload->len, &used, NULL), BR_OK);
  tds_reader_init_memory(&r, payload->data + used, payload->len - used);
  assert_int_equal(tds_rpc_read(&r, rpc, NULL), BR_OK);
  assert_true(r.pos == r.end);
}

static void expect(const tds_rpc_parameter *p, const char *name, const char *type,
                   const char *value) {
  char text[32];
  br_buf cell;
  br_buf_init(&cell, TALK_MOST);
  batch_sql_typespec_name(&p->spec, text, sizeof text);
  assert_string_equal(p->name, name);
  assert_string_equal(text, type);
  assert_int_equal(batch_cell_text(p->value, 0, 0, &cell, NULL, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&cell), value);
  br_buf_done(&cell);
}

typedef struct sample {
  tds_parameter parameter;
  const char *declared; /* type in @params */
  const char *value;
} sample;

#define SAMPLE(declared_, value_, text_, ...)                                                      \
  {                                                                                                \
    .parameter = {.name = "p",                                                                     \
                  .type = {__VA_ARGS__},                                                           \
                  .text = (text_),                                                                 \
                  .length = sizeof(text_) - 1},                                                    \
    .declared = (declared_), .value = (value_)                                                     \
  }

static const sample samples[] = {
    SAMPLE("bit", "true", "1", .type = BATCH_SQL_BIT),
    SAMPLE("tinyint", "255", "255", .type = BATCH_SQL_TINYINT),
    SAMPLE("int", "-5", "-5", .type = BATCH_SQL_INT),
    SAMPLE("bigint", "9223372036854775807", "9223372036854775807", .type = BATCH_SQL_BIGINT),
    SAMPLE("decimal(10,2)", "-12.50", "-12.5", .type = BATCH_SQL_DECIMAL, .precision = 10,
           .scale = 2),
    SAMPLE("money", "1.2500", "1.25", .type = BATCH_SQL_MONEY),
    SAMPLE("float", "0.1", "0.1", .type = BATCH_SQL_FLOAT),
    SAMPLE("varchar(10)", "cafe~", "cafe~", .type = BATCH_SQL_VARCHAR, .length = 10),
    SAMPLE("nvarchar(10)", "\xE6\x97\xA5\xF0\x9F\x98\x80", "\xE6\x97\xA5\xF0\x9F\x98\x80",
           .type = BATCH_SQL_NVARCHAR, .length = 10),
    SAMPLE("nvarchar(10)", "", "", .type = BATCH_SQL_NVARCHAR, .length = 10),
    SAMPLE("nvarchar(max)", "long", "long", .type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX),
    SAMPLE("nvarchar(max)", "", "", .type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX),
    SAMPLE("nvarchar(max)", "<a/>", "<a/>", .type = BATCH_SQL_XML),
    SAMPLE("nvarchar(max)", "{}", "{}", .type = BATCH_SQL_JSON),
    SAMPLE("varchar(max)", "t", "t", .type = BATCH_SQL_TEXT),
    SAMPLE("varbinary(4)", "0x00FF", "\0\xFF", .type = BATCH_SQL_VARBINARY, .length = 4),
    SAMPLE("varbinary(max)", "0x00", "\0", .type = BATCH_SQL_IMAGE),
    SAMPLE("varbinary(max)", "0x59FB0540", "\x59\xFB\x05\x40", .type = BATCH_SQL_HIERARCHYID),
    SAMPLE("varbinary(max)", "0x", "", .type = BATCH_SQL_HIERARCHYID),
    SAMPLE("varbinary(max)", "0xE61000000224", "\xE6\x10\0\0\x02\x24", .type = BATCH_SQL_GEOMETRY),
    SAMPLE("varbinary(max)", "0xE610", "\xE6\x10", .type = BATCH_SQL_GEOGRAPHY),
    SAMPLE("varbinary(max)", "0x01", "\1", .type = BATCH_SQL_UDT),
    SAMPLE("varbinary(8)", "0x0000000000000001", "\0\0\0\0\0\0\0\1", .type = BATCH_SQL_ROWVERSION),
    SAMPLE("date", "2024-02-29", "2024-02-29", .type = BATCH_SQL_DATE),
    SAMPLE("time(3)", "23:59:59.123", "23:59:59.123", .type = BATCH_SQL_TIME, .scale = 3),
    SAMPLE("datetime2(6)", "2024-01-31 10:00:00.123456", "2024-01-31T10:00:00.123456",
           .type = BATCH_SQL_DATETIME2, .scale = 6),
    SAMPLE("datetimeoffset(0)", "2024-01-31 10:00:00.000000Z", "2024-01-31T10:00:00Z",
           .type = BATCH_SQL_DATETIMEOFFSET),
    SAMPLE("uniqueidentifier", "6F9619FF-8B86-D011-B42D-00C04FC964FF",
           "6F9619FF-8B86-D011-B42D-00C04FC964FF", .type = BATCH_SQL_UNIQUEIDENTIFIER),
};

/* The column's code page may hold what the database's does not, or have other bytes for it. */
static const sample beyond_ascii[] = {
    SAMPLE("nvarchar(10)", "caf\xC3\xA9", "caf\xC3\xA9", .type = BATCH_SQL_VARCHAR, .length = 10),
    SAMPLE("nvarchar(3)", "\xD0\x9F\xD1\x80\xD0\xB8", "\xD0\x9F\xD1\x80\xD0\xB8",
           .type = BATCH_SQL_CHAR, .length = 3),
    SAMPLE("nvarchar(4000)", "\xC2\x80", "\xC2\x80", .type = BATCH_SQL_VARCHAR, .length = 4000),
    SAMPLE("nvarchar(max)", "\xC2\x80", "\xC2\x80", .type = BATCH_SQL_VARCHAR, .length = 4001),
    SAMPLE("nvarchar(max)", "\xC3\xA9", "\xC3\xA9", .type = BATCH_SQL_TEXT),
    SAMPLE("varchar(4)", "ab", "ab", .type = BATCH_SQL_CHAR, .length = 4),
};

static void send_one(const tds_parameter *parameter, const char *declared, const char *value) {
  talk t = {.conn = NULL};
  tds_rpc rpc;
  br_buf payload;
  br_error err = BR_ERROR_INIT;
  char declaration[64];
  int64_t rows = 0;
  connect_it(&t, 1);
  if (tds_run_parameters(t.conn, "SELECT @p", parameter, 1, &rows, &err) != BR_OK) {
    fail_msg("%s: %s", declared, err.message);
  }
  assert_int_equal(rows, 5);
  read_call(&t, &payload, &rpc);
  assert_int_equal(rpc.procedure, TDS_PROCEDURE_EXECUTESQL);
  assert_int_equal(rpc.count, 3);
  (void)snprintf(declaration, sizeof declaration, "@p %s", declared);
  expect(&rpc.parameters[0], "", "nvarchar(4000)", "SELECT @p");
  expect(&rpc.parameters[1], "", "nvarchar(4000)", declaration);
  expect(&rpc.parameters[2], "@p", declared, value);
  tds_rpc_done(&rpc);
  br_buf_done(&payload);
  done(&t);
}

static void every_type_arrives_as_it_went(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    send_one(&samples[i].parameter, samples[i].declared, samples[i].value);
    tds_parameter null = samples[i].parameter;
    null.text = NULL;
    send_one(&null, samples[i].declared, "NULL");
  }
}

static void characters_beyond_ascii_go_in_unicode(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof beyond_ascii / sizeof *beyond_ascii; i++) {
    send_one(&beyond_ascii[i].parameter, beyond_ascii[i].declared, beyond_ascii[i].value);
  }
}

static void a_statement_without_parameters_has_one(void **state) {
  (void)state;
  talk t = {.conn = NULL};
  tds_rpc rpc;
  br_buf payload;
  connect_it(&t, 1);
  assert_int_equal(tds_run_parameters(t.conn, "SELECT 1", NULL, 0, NULL, NULL), BR_OK);
  read_call(&t, &payload, &rpc);
  assert_int_equal(rpc.count, 1);
  tds_rpc_done(&rpc);
  br_buf_done(&payload);
  done(&t);
}

static void a_long_statement_goes_as_max(void **state) {
  (void)state;
  talk t = {.conn = NULL};
  tds_rpc rpc;
  br_buf payload;
  char *sql = malloc(10001);
  assert_non_null(sql);
  memset(sql, 'x', 10000);
  sql[10000] = '\0';
  connect_it(&t, 1);
  assert_int_equal(tds_run_parameters(t.conn, sql, NULL, 0, NULL, NULL), BR_OK);
  read_call(&t, &payload, &rpc);
  expect(&rpc.parameters[0], "", "nvarchar(max)", sql);
  tds_rpc_done(&rpc);
  br_buf_done(&payload);
  done(&t);
  free(sql);
}

static void a_value_that_does_not_fit_leaves_nothing_sent(void **state) {
  (void)state;
  const tds_parameter bad[] = {
      {.name = "q", .type = {.type = BATCH_SQL_INT}, .text = "abc", .length = 3},
      {.name = "q", .type = {.type = BATCH_SQL_TINYINT}, .text = "-1", .length = 2},
      {.name = "q", .type = {.type = BATCH_SQL_NVARCHAR, .length = 3}, .text = "abcd", .length = 4},
      {.name = "q",
       .type = {.type = BATCH_SQL_VARCHAR, .length = 3},
       .text = "\xE6\x97\xA5yyy",
       .length = 6},
      {.name = "q", .type = {.type = BATCH_SQL_VARBINARY, .length = 1}, .text = "ab", .length = 2},
  };
  talk t = {.conn = NULL};
  connect_it(&t, 1);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    br_error err = BR_ERROR_INIT;
    assert_int_equal(tds_run_parameters(t.conn, "x", &bad[i], 1, NULL, &err), BR_ERR_DATA);
    assert_non_null(strstr(err.message, "@q"));
    assert_int_equal(t.sent.len, 0);
  }
  const tds_parameter nameless = {.name = "", .type = {.type = BATCH_SQL_INT}};
  assert_int_equal(tds_run_parameters(t.conn, "x", &nameless, 1, NULL, NULL), BR_ERR_USAGE);
  assert_int_equal(tds_run_parameters(t.conn, "x", NULL, 2099, NULL, NULL), BR_ERR_LIMIT);
  assert_int_equal(t.sent.len, 0);
  assert_int_equal(tds_run_parameters(t.conn, "x", NULL, 0, NULL, NULL), BR_OK);
  done(&t);
}

static br_status run_once(void *context, br_error *err) {
  (void)context;
  const tds_parameter parameters[] = {samples[4].parameter, beyond_ascii[0].parameter,
                                      samples[11].parameter};
  static const tds_options options = {.host = "localhost"};
  tds_stream *s = NULL;
  tds_conn *conn = NULL;
  br_status st = tds_stream_memory(answer, sizeof answer, NULL, &s, err);
  st = st == BR_OK ? connect_without_login(s, &options, NULL, &conn, err) : st;
  st = st == BR_OK ? tds_run_parameters(conn, "SELECT 1", parameters, 3, NULL, err) : st;
  tds_close(conn);
  return st;
}

static void failing_allocations_leave_nothing_behind(void **state) {
  (void)state;
  torture_allocations(run_once, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_arrives_as_it_went),
      cmocka_unit_test(characters_beyond_ascii_go_in_unicode),
      cmocka_unit_test(a_statement_without_parameters_has_one),
      cmocka_unit_test(a_long_statement_goes_as_max),
      cmocka_unit_test(a_value_that_does_not_fit_leaves_nothing_sent),
      cmocka_unit_test(failing_allocations_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
