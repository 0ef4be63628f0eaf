/*
 * Bulk loads over memory: what is sent, read again by the server's side, must be the rows that went
 * in; values that don't fit, cut answers, failing allocations and lost connections end as they
 * should.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_dump.h"
#include "base/mem.h"
#include "load_talk.h"
#include "samples.h"
#include "support/cmocka.h"
#include "support/torture.h"
#include "tds/load.h"
#include "tds/server.h"

enum { CAPACITY = 64 };

static const char *const names[] = {"a]", "b]", "c]", "d]"};

static br_status open_load(talk *t, size_t columns, tds_load **ret_load, br_error *err) {
  const tds_load_options options = {
      .table = "[dbo].[T]", .columns = names, .column_count = columns};
  return tds_load_open(t->conn, &options, ret_load, err);
}

/* --- what the client has sent --- */

typedef struct sent {
  tds_stream *stream;
  tds_reader reader;
} sent;

static void read_sent(sent *s, const br_buf *bytes) {
  assert_int_equal(tds_stream_memory(bytes->data, bytes->len, NULL, &s->stream, NULL), BR_OK);
  assert_int_equal(tds_reader_init(&s->reader, s->stream, NULL), BR_OK);
}

static void sent_done(sent *s) {
  tds_reader_done(&s->reader);
  tds_stream_close(s->stream);
}

static void expect_batch(sent *s, const char *sql) {
  br_buf message;
  br_buf text;
  size_t used = 0;
  br_buf_init(&message, TALK_MOST);
  br_buf_init(&text, TALK_MOST);
  assert_int_equal(tds_reader_begin(&s->reader, NULL), BR_OK);
  assert_int_equal(s->reader.type, TDS_PACKET_BATCH);
  assert_int_equal(tds_message_read(&s->reader, &message, NULL), BR_OK);
  assert_int_equal(tds_all_headers_read(message.data, message.len, &used, NULL), BR_OK);
  assert_int_equal(tds_batch_text_read(message.data + used, message.len - used, &text, NULL),
                   BR_OK);
  assert_string_equal(br_buf_cstr(&text), sql);
  br_buf_done(&message);
  br_buf_done(&text);
}

static void skip_message(sent *s, tds_packet_type type) {
  assert_int_equal(tds_reader_begin(&s->reader, NULL), BR_OK);
  assert_int_equal(s->reader.type, type);
}

/* The first column of the stream as text. */
static void dump_stream(sent *s, br_buf *out) {
  tds_bulk bulk;
  batch *b = NULL;
  skip_message(s, TDS_PACKET_BULK);
  assert_int_equal(tds_bulk_begin(&bulk, &s->reader, TALK_MOST, NULL), BR_OK);
  assert_int_equal(batch_new(bulk.schema, CAPACITY, &b, NULL), BR_OK);
  br_status st = BR_OK;
  while (st == BR_OK) {
    batch_reset(b, TALK_MOST);
    st = tds_bulk_read(&bulk, &s->reader, b, NULL);
    sample_dump(b, out);
  }
  assert_int_equal(st, BR_DONE);
  assert_true(bulk.ended);
  assert_true(tds_reader_at_end(&s->reader));
  batch_free(b);
  tds_bulk_done(&bulk);
}

/* --- rows of one type --- */

typedef struct trip {
  talk talk;
  const type_sample *sample;
  bool nullable;
  br_buf before;
} trip;

static void fill(const tds_load *load, const type_sample *sample, bool nulls, batch *b) {
  const batch_schema *schema = tds_load_schema(load);
  while (b->rows + 2 <= b->capacity_rows) {
    for (size_t i = 0; i < sample_cells(sample) && b->rows + 2 <= b->capacity_rows; i++) {
      sample_put(&b->columns[0], &schema->fields[0].type, b->rows++, sample->cells[i]);
      if (nulls) {
        assert_int_equal(batch_column_append_null(&b->columns[0], b->rows++, NULL), BR_OK);
      }
    }
  }
}

static br_status load_sample(void *context, br_error *err) {
  trip *t = context;
  tds_load *load = NULL;
  batch *b = NULL;
  uint64_t rows = 0;
  br_status st = talk_connect(&t->talk, 512, err);
  st = st == BR_OK ? open_load(&t->talk, 1, &load, err) : st;
  st = st == BR_OK ? batch_new(tds_load_schema(load), CAPACITY, &b, err) : st;
  if (st == BR_OK && b->columns[0].offsets != NULL) {
    st = batch_column_reserve_data(&b->columns[0], 16384, err);
  }
  if (st == BR_OK) {
    fill(load, t->sample, t->nullable, b);
    st = tds_load_write(load, b, err);
  }
  st = st == BR_OK ? tds_load_write(load, b, err) : st;
  st = st == BR_OK ? tds_load_finish(load, &rows, err) : st;
  if (st == BR_OK) {
    assert_int_equal(rows, 2 * b->rows);
    assert_true(tds_is_usable(t->talk.conn));
    br_mem_fail_after(-1);
    br_buf_clear(&t->before);
    sample_dump(b, &t->before);
    sample_dump(b, &t->before);
  }
  batch_free(b);
  tds_load_free(load);
  return st;
}

static void load_type(const type_sample *sample, const uint8_t *collation, bool nullable) {
  const load_target to = {.spec = sample->spec, .collation = collation, .nullable = nullable};
  trip t = {.sample = sample, .nullable = nullable};
  br_error err = BR_ERROR_INIT;
  br_buf after;
  br_buf_init(&t.before, TALK_MOST);
  br_buf_init(&after, TALK_MOST);
  talk_answers(&t.talk.answers, &to, 1);
  if (load_sample(&t, &err) != BR_OK) {
    fail_msg("%s: %s", batch_type_row_of(sample->spec.type)->name, err.message);
  }
  sent s;
  read_sent(&s, &t.talk.sent);
  skip_message(&s, TDS_PACKET_BATCH);
  skip_message(&s, TDS_PACKET_BATCH);
  dump_stream(&s, &after);
  assert_string_equal(br_buf_cstr(&after), br_buf_cstr(&t.before));
  sent_done(&s);
  talk_done(&t.talk);
  br_buf_done(&t.talk.answers);
  br_buf_done(&t.before);
  br_buf_done(&after);
}

static void every_type_arrives_as_it_went(void **state) {
  (void)state;
  for (size_t i = 0; i < type_sample_count; i++) {
    if (type_samples[i].spec.type != BATCH_SQL_ROWVERSION) {
      load_type(&type_samples[i], tds_collation_latin1, true);
      load_type(&type_samples[i], tds_collation_latin1, false);
      load_type(&type_samples[i], tds_collation_utf8, true);
    }
  }
}

/* A CLR type is not allowed in the stream (MS-TDS 2.2.6.1): its bytes go as varbinary(max). They
 * are the examples of [MS-SSCLRT] 3: "/1/" and "/1/-2.18/", points with and without SRID, an empty
 * one. */
static void clr_values_go_as_their_bytes(void **state) {
  (void)state;
  static const char empty_point[] = "0x000000000104000000000000000001000000FFFFFFFFFFFFFFFF01";
  static const type_sample clr[] = {
      {{.type = BATCH_SQL_HIERARCHYID}, {"0x", "0x58", "0x59FB0540"}},
      {{.type = BATCH_SQL_GEOMETRY},
       {"0x00000000010C000000000000F03F0000000000000040", empty_point}},
      {{.type = BATCH_SQL_GEOGRAPHY}, {"0xE6100000010C0000000000000040000000000000F03F"}},
      {{.type = BATCH_SQL_UDT}, {"0x", "0x01"}},
  };
  for (size_t i = 0; i < sizeof clr / sizeof *clr; i++) {
    load_type(&clr[i], tds_collation_latin1, true);
    load_type(&clr[i], tds_collation_latin1, false);
    const load_target to = {.spec = clr[i].spec, .nullable = true};
    talk t = {.conn = NULL};
    tds_load *load = NULL;
    talk_answers(&t.answers, &to, 1);
    assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
    assert_int_equal(open_load(&t, 1, &load, NULL), BR_OK);
    assert_int_equal(tds_load_schema(load)->fields[0].source.type, BATCH_SQL_VARBINARY);
    assert_int_equal(tds_load_schema(load)->fields[0].source.length, BATCH_LENGTH_MAX);
    tds_load_free(load);
    talk_done(&t);
    br_buf_done(&t.answers);
  }
}

/* --- the statements --- */

static void the_statement_names_types_collations_and_hints(void **state) {
  (void)state;
  const load_target to[] = {
      {.spec = {.type = BATCH_SQL_VARCHAR, .length = 10}, .collation = tds_collation_latin1},
      {.spec = {.type = BATCH_SQL_NCHAR, .length = 4}, .collation = tds_collation_latin1},
      {.spec = {.type = BATCH_SQL_TEXT}, .collation = tds_collation_utf8, .nullable = true},
      {.spec = {.type = BATCH_SQL_UDT}, .nullable = true}};
  talk t = {.conn = NULL};
  tds_load *load = NULL;
  batch *b = NULL;
  talk_answers(&t.answers, to, 4);
  assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
  const tds_load_options options = {.table = "#t",
                                    .columns = names,
                                    .column_count = 4,
                                    .check_constraints = true,
                                    .table_lock = true,
                                    .rows_expected = 1000};
  assert_int_equal(tds_load_open(t.conn, &options, &load, NULL), BR_OK);
  assert_int_equal(tds_load_schema(load)->fields[2].source.type, BATCH_SQL_VARCHAR);
  assert_int_equal(tds_load_schema(load)->fields[3].source.type, BATCH_SQL_VARBINARY);
  assert_false(tds_load_schema(load)->fields[0].nullable);
  assert_int_equal(batch_new(tds_load_schema(load), 1, &b, NULL), BR_OK);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(batch_column_append_bytes(&b->columns[i], 0, "x", 1, NULL), BR_OK);
  }
  b->rows = 1;
  assert_int_equal(tds_load_write(load, b, NULL), BR_OK);
  assert_int_equal(tds_load_finish(load, NULL, NULL), BR_OK);
  sent s;
  read_sent(&s, &t.sent);
  expect_batch(&s, "SELECT TOP (0) [a]]], [b]]], [c]]], [d]]] FROM #t");
  expect_batch(&s, "INSERT BULK #t ([a]]] varchar(10) COLLATE SQL_Latin1_General_CP1_CI_AS, "
                   "[b]]] nchar(4), [c]]] varchar(max) COLLATE Latin1_General_100_CI_AS_SC_UTF8, "
                   "[d]]] varbinary(max)) WITH (CHECK_CONSTRAINTS, TABLOCK, "
                   "ROWS_PER_BATCH = 1000)");
  sent_done(&s);
  batch_free(b);
  tds_load_free(load);
  talk_done(&t);
  br_buf_done(&t.answers);
}

static void computed_and_rowversion_columns_are_refused(void **state) {
  (void)state;
  const load_target to[] = {{.spec = {.type = BATCH_SQL_INT}, .flags = TDS_COLUMN_COMPUTED},
                            {.spec = {.type = BATCH_SQL_ROWVERSION}}};
  for (size_t i = 0; i < 2; i++) {
    const load_target one = {
        .spec = to[i].spec, .collation = tds_collation_latin1, .flags = to[i].flags};
    talk t = {.conn = NULL};
    tds_load *load = NULL;
    br_error err = BR_ERROR_INIT;
    talk_answers(&t.answers, &one, 1);
    assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
    assert_int_equal(open_load(&t, 1, &load, &err), BR_ERR_USAGE);
    assert_non_null(strstr(err.message, "'a]'"));
    assert_null(load);
    assert_int_equal(t.conn->state, CONN_IDLE);
    talk_done(&t);
    br_buf_done(&t.answers);
  }
}

static void a_load_without_rows_sends_nothing(void **state) {
  (void)state;
  const load_target to = {.spec = {.type = BATCH_SQL_INT}, .collation = tds_collation_latin1};
  talk t = {.conn = NULL};
  tds_load *load = NULL;
  uint64_t rows = 7;
  talk_answers(&t.answers, &to, 1);
  assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
  assert_int_equal(open_load(&t, 1, &load, NULL), BR_OK);
  size_t before = t.sent.len;
  assert_int_equal(tds_load_finish(load, &rows, NULL), BR_OK);
  assert_int_equal(rows, 0);
  assert_int_equal(t.sent.len, before);
  tds_load_free(load);
  talk_done(&t);
  br_buf_done(&t.answers);
}

/* An index with IGNORE_DUP_KEY drops rows without an error. */
static void the_servers_count_is_what_is_reported(void **state) {
  (void)state;
  static const type_sample numbers = {.spec = {.type = BATCH_SQL_INT}, .cells = {"1", "2"}};
  const load_target to = {.spec = numbers.spec, .collation = tds_collation_latin1};
  talk t = {.conn = NULL};
  tds_load *load = NULL;
  batch *b = NULL;
  uint64_t rows = 0;
  talk_answers_of(&t.answers, &to, 1, 1);
  assert_int_equal(talk_connect(&t, 4096, NULL), BR_OK);
  assert_int_equal(open_load(&t, 1, &load, NULL), BR_OK);
  assert_int_equal(batch_new(tds_load_schema(load), CAPACITY, &b, NULL), BR_OK);
  fill(load, &numbers, false, b);
  assert_true(b->rows > 1);
  assert_int_equal(tds_load_write(load, b, NULL), BR_OK);
  assert_int_equal(tds_load_finish(load, &rows, NULL), BR_OK);
  assert_int_equal(rows, 1);
  batch_free(b);
  tds_load_free(load);
  talk_done(&t);
  br_buf_done(&t.answers);
}

/* --- values that don't fit --- */

typedef struct misfit {
  batch_sql_typespec spec;
  const uint8_t *collation;
  bool null;
  const char *bytes;
  size_t length;
  const char *says;
} misfit;

static const misfit misfits[] = {
    {{.type = BATCH_SQL_INT}, tds_collation_latin1, true, "", 0, "NOT NULL"},
    {{.type = BATCH_SQL_NVARCHAR, .length = 3}, tds_collation_latin1, true, "", 0, "NOT NULL"},
    {{.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX},
     tds_collation_latin1,
     true,
     "",
     0,
     "NOT NULL"},
    {{.type = BATCH_SQL_NVARCHAR, .length = 3},
     tds_collation_latin1,
     false,
     "abcd",
     4,
     "4 UTF-16 code units, the column takes 3"},
    {{.type = BATCH_SQL_NCHAR, .length = 3},
     tds_collation_latin1,
     false,
     "a\xF0\x9F\x98\x80z",
     6,
     "4 UTF-16 code units, the column takes 3"},
    {{.type = BATCH_SQL_VARCHAR, .length = 3},
     tds_collation_latin1,
     false,
     "abcd",
     4,
     "4 bytes, the column takes 3"},
    {{.type = BATCH_SQL_VARCHAR, .length = 3},
     tds_collation_utf8,
     false,
     "ab\xC3\xA9",
     4,
     "4 bytes, the column takes 3"},
    {{.type = BATCH_SQL_VARCHAR, .length = 9},
     tds_collation_latin1,
     false,
     "\xE6\x97\xA5",
     3,
     "1252"},
    {{.type = BATCH_SQL_VARBINARY, .length = 1},
     tds_collation_latin1,
     false,
     "ab",
     2,
     "2 bytes, the column takes 1"},
    /* An unpaired surrogate in UTF-8. */
    {{.type = BATCH_SQL_NVARCHAR, .length = 9},
     tds_collation_latin1,
     false,
     "a\xED\xA0\x80",
     4,
     ""},
    {{.type = BATCH_SQL_VARCHAR, .length = 9}, tds_collation_utf8, false, "a\xED\xA0\x80", 4, ""},
    {{.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX},
     tds_collation_latin1,
     false,
     "\xED\xA0\x80",
     3,
     ""},
    {{.type = BATCH_SQL_VARCHAR, .length = BATCH_LENGTH_MAX},
     tds_collation_utf8,
     false,
     "\xED\xA0\x80",
     3,
     "not UTF-8"},
    {{.type = BATCH_SQL_UNIQUEIDENTIFIER}, tds_collation_latin1, false, "x", 1, ""},
    {{.type = BATCH_SQL_TIME, .scale = 0}, tds_collation_latin1, false, "24:00:00", 8, "time(0)"},
};

/* A good row, and behind it one that does not fit. `rows` good rows make packets go out before. */
static void refuse(const misfit *m, size_t rows) {
  const load_target to[] = {
      {.spec = {.type = BATCH_SQL_BINARY, .length = 100}, .collation = tds_collation_latin1},
      {.spec = m->spec, .collation = m->collation}};
  talk t = {.conn = NULL};
  tds_load *load = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  const uint8_t zeros[100] = {0};
  talk_answers(&t.answers, to, 2);
  assert_int_equal(talk_connect(&t, 512, NULL), BR_OK);
  assert_int_equal(open_load(&t, 2, &load, NULL), BR_OK);
  assert_int_equal(batch_new(tds_load_schema(load), rows + 1, &b, NULL), BR_OK);
  b->first_row = 1000;
  batch_column *bad = &b->columns[1];
  for (size_t row = 0; row <= rows; row++) {
    assert_int_equal(batch_column_append_bytes(&b->columns[0], row, zeros, 100, NULL), BR_OK);
    if (bad->offsets != NULL) {
      const char *good = m->spec.type == BATCH_SQL_TIME ? "00:00:00"
                         : m->spec.type == BATCH_SQL_UNIQUEIDENTIFIER
                             ? "6F9619FF-8B86-D011-B42D-00C04FC964FF"
                             : "a";
      const char *bytes = row < rows ? good : m->bytes;
      assert_int_equal(
          batch_column_append_bytes(bad, row, bytes, row < rows ? strlen(good) : m->length, NULL),
          BR_OK);
    } else {
      ((int32_t *)bad->values)[row] = 7;
    }
  }
  uint8_t *validity = calloc(rows / 8 + 1, 1);
  uint8_t *own = bad->validity;
  if (m->null) {
    memset(validity, 0xFF, rows / 8 + 1);
    validity[rows / 8] = (uint8_t)(validity[rows / 8] & ~(1U << (rows % 8)));
    bad->validity = validity;
    bad->nulls = 1;
  }
  b->rows = rows + 1;
  char where[64];
  (void)snprintf(where, sizeof where, "Row %zu, column 2 (b])", 1000 + rows + 1);
  assert_int_equal(tds_load_write(load, b, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, where));
  assert_non_null(strstr(err.message, m->says));
  assert_int_equal(t.conn->state, CONN_IDLE);
  assert_int_equal(tds_load_write(load, b, &err), BR_ERR_INTERNAL);
  assert_int_equal(tds_load_finish(load, NULL, &err), BR_ERR_INTERNAL);
  bad->validity = own;
  free(validity);
  batch_free(b);
  tds_load_free(load);
  /* The stream was given up: ended with IGNORE, or without rows where no packet had gone out. */
  sent s;
  br_buf rest;
  br_buf_init(&rest, TALK_MOST);
  read_sent(&s, &t.sent);
  skip_message(&s, TDS_PACKET_BATCH);
  skip_message(&s, TDS_PACKET_BATCH);
  if (rows > 4) {
    skip_message(&s, TDS_PACKET_BULK);
    assert_int_equal(tds_message_read(&s.reader, &rest, NULL), BR_DONE);
  } else {
    dump_stream(&s, &rest);
    assert_int_equal(rest.len, 0);
  }
  br_buf_done(&rest);
  sent_done(&s);
  talk_done(&t);
  br_buf_done(&t.answers);
}

static void values_that_do_not_fit_name_their_place(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
    refuse(&misfits[i], 1);
    refuse(&misfits[i], 20);
  }
}

/* --- failing surroundings --- */

static br_status load_once(void *context, br_error *err) {
  trip *t = context;
  br_status st = load_sample(t, err);
  talk_done(&t->talk);
  return st;
}

static void failing_allocations_leave_nothing_behind(void **state) {
  (void)state;
  for (size_t i = 0; i < type_sample_count; i++) {
    batch_sql_type type = type_samples[i].spec.type;
    if (type != BATCH_SQL_XML && type != BATCH_SQL_VARCHAR && type != BATCH_SQL_VARIANT) {
      continue;
    }
    const load_target to = {
        .spec = type_samples[i].spec, .collation = tds_collation_latin1, .nullable = true};
    trip t = {.sample = &type_samples[i], .nullable = true};
    br_buf_init(&t.before, TALK_MOST);
    talk_answers(&t.talk.answers, &to, 1);
    torture_allocations(load_once, &t);
    br_buf_done(&t.before);
    br_buf_done(&t.talk.answers);
  }
}

static void a_cut_answer_is_a_lost_connection(void **state) {
  (void)state;
  const type_sample *sample = &type_samples[3];
  const load_target to = {
      .spec = sample->spec, .collation = tds_collation_latin1, .nullable = true};
  trip t = {.sample = sample, .nullable = true};
  br_buf_init(&t.before, TALK_MOST);
  talk_answers(&t.talk.answers, &to, 1);
  size_t whole = t.talk.answers.len;
  for (size_t length = 0; length < whole; length++) {
    br_error err = BR_ERROR_INIT;
    t.talk.answers.len = length;
    assert_int_equal(load_sample(&t, &err), BR_ERR_NETWORK);
    assert_false(tds_is_usable(t.talk.conn));
    talk_done(&t.talk);
  }
  t.talk.answers.len = whole;
  br_buf_done(&t.before);
  br_buf_done(&t.talk.answers);
}

/* Everything is sent through a stream that breaks at a byte; the server says nothing more. */
static void a_stream_that_breaks_is_a_lost_connection(void **state) {
  (void)state;
  static const tds_options options = {.host = "localhost"};
  const type_sample *sample = &type_samples[3];
  const load_target to = {
      .spec = sample->spec, .collation = tds_collation_latin1, .nullable = true};
  br_buf answers;
  talk_answers(&answers, &to, 1);
  for (uint64_t at = 0; at < 900; at += 7) {
    tds_faults faults = TDS_NO_FAULTS;
    faults.write_fails_at = at;
    talk t = {.conn = NULL};
    tds_stream *below = NULL;
    tds_stream *faulty = NULL;
    tds_load *load = NULL;
    batch *b = NULL;
    assert_int_equal(tds_stream_memory(answers.data, answers.len, NULL, &below, NULL), BR_OK);
    assert_int_equal(tds_stream_faulty(below, &faults, &faulty, NULL), BR_OK);
    assert_int_equal(connect_without_login(faulty, &options, NULL, &t.conn, NULL), BR_OK);
    assert_int_equal(tds_writer_set_packet_size(&t.conn->writer, 512, NULL), BR_OK);
    br_status st = open_load(&t, 1, &load, NULL);
    if (st == BR_OK) {
      assert_int_equal(batch_new(tds_load_schema(load), 512, &b, NULL), BR_OK);
      fill(load, sample, true, b);
      st = tds_load_write(load, b, NULL);
      st = st == BR_OK ? tds_load_finish(load, NULL, NULL) : st;
    }
    assert_int_equal(st, BR_ERR_NETWORK);
    assert_false(tds_is_usable(t.conn));
    batch_free(b);
    tds_load_free(load);
    tds_close(t.conn);
  }
  br_buf_done(&answers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_arrives_as_it_went),
      cmocka_unit_test(clr_values_go_as_their_bytes),
      cmocka_unit_test(the_statement_names_types_collations_and_hints),
      cmocka_unit_test(computed_and_rowversion_columns_are_refused),
      cmocka_unit_test(a_load_without_rows_sends_nothing),
      cmocka_unit_test(the_servers_count_is_what_is_reported),
      cmocka_unit_test(values_that_do_not_fit_name_their_place),
      cmocka_unit_test(failing_allocations_leave_nothing_behind),
      cmocka_unit_test(a_cut_answer_is_a_lost_connection),
      cmocka_unit_test(a_stream_that_breaks_is_a_lost_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
