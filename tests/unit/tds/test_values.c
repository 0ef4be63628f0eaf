/*
 * Values out and in again: what tds_value_write() sends, the decoders must read as the same cell,
 * for every type of the table of types, nullable and not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples.h"
#include "support/cmocka.h"
#include "support/torture.h"
#include "tds/typeinfo.h"

enum { MOST = 1 << 22 };

/* One column of a type, nullable or not, on its way out. */
typedef struct trip {
  const type_sample *sample;
  const uint8_t *collation;
  bool nullable;
  bool unknown_length;
  batch_schema *schema;
  batch *cells;
  tds_type_info info;
  br_buf wire;   /* packets */
  br_buf before; /* the cells as text */
} trip;

static void make_cells(trip *t) {
  batch_type type;
  assert_int_equal(batch_schema_new(1, &t->schema, NULL), BR_OK);
  assert_int_equal(batch_type_resolve(&t->sample->spec, NULL, &type, NULL, NULL), BR_OK);
  assert_int_equal(batch_schema_set(t->schema, 0, "c", type, t->nullable, NULL), BR_OK);
  assert_int_equal(batch_new(t->schema, 16, &t->cells, NULL), BR_OK);
  batch_column *column = &t->cells->columns[0];
  for (size_t i = 0; i < sample_cells(t->sample); i++) {
    sample_put(column, &type, t->cells->rows++, t->sample->cells[i]);
    if (t->nullable) {
      assert_int_equal(batch_column_append_null(column, t->cells->rows++, NULL), BR_OK);
    }
  }
}

/* Packets of 512 bytes, so that most values meet a packet's end somewhere. */
static void send(trip *t) {
  tds_stream *s = NULL;
  tds_writer w;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_stream_memory("", 0, &t->wire, &s, NULL), BR_OK);
  assert_int_equal(tds_writer_init(&w, s, 512, NULL), BR_OK);
  assert_int_equal(
      tds_type_info_of_spec(&t->sample->spec, t->nullable, t->collation, &t->info, NULL), BR_OK);
  t->info.plp_unknown_length = t->unknown_length;
  tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
  assert_int_equal(tds_type_info_write(&w, TDS_IN_RESULT, &t->info, NULL), BR_OK);
  for (size_t row = 0; row < t->cells->rows; row++) {
    if (tds_value_write(&w, &t->info, &t->cells->columns[0], row, &err) != BR_OK) {
      fail_msg("%s: %s", batch_type_row_of(t->sample->spec.type)->name, err.message);
    }
  }
  assert_int_equal(tds_writer_end(&w, NULL), BR_OK);
  tds_writer_done(&w);
  tds_stream_close(s);
}

/* Reads what was sent into a batch of its own. */
static br_status receive(void *context, br_error *err) {
  trip *t = context;
  tds_stream *s = NULL;
  tds_reader r = {.stream = NULL};
  batch *b = NULL;
  br_buf after;
  br_buf_init(&after, MOST);
  tds_type_info info;
  tds_decoder d;
  const tds_decode_options options = {.max_cell = MOST};
  br_status st = tds_stream_memory(t->wire.data, t->wire.len, NULL, &s, err);
  st = st == BR_OK ? tds_reader_init(&r, s, err) : st;
  st = st == BR_OK ? tds_reader_begin(&r, err) : st;
  st = st == BR_OK ? tds_type_info_read(&r, TDS_IN_RESULT, &info, err) : st;
  if (st == BR_OK) {
    info.user_type = t->info.user_type;
    st = tds_decoder_init(&d, &info, &options, err);
  }
  st = st == BR_OK ? batch_new(t->schema, 16, &b, err) : st;
  for (size_t row = 0; st == BR_OK && row < t->cells->rows; row++) {
    st = d.decode(&d, &r, &b->columns[0], row, err);
    b->rows++;
  }
  if (st == BR_OK) {
    batch_sql_typespec spec;
    bool ended = false;
    assert_int_equal(tds_type_info_spec(&info, &spec, NULL), BR_OK);
    assert_int_equal(spec.type, t->sample->spec.type);
    assert_int_equal(spec.precision, t->sample->spec.precision);
    assert_int_equal(spec.scale, t->sample->spec.scale);
    assert_int_equal(tds_reader_ended(&r, &ended, NULL), BR_OK);
    assert_true(ended);
    br_mem_fail_after(-1);
    sample_dump(b, &after);
    assert_string_equal(br_buf_cstr(&after), br_buf_cstr(&t->before));
  }
  batch_free(b);
  br_buf_done(&after);
  tds_reader_done(&r);
  tds_stream_close(s);
  return st;
}

/* The same values, passed over unseen. */
static void pass_over(const trip *t) {
  tds_stream *s = NULL;
  tds_reader r;
  tds_type_info info;
  bool ended = false;
  assert_int_equal(tds_stream_memory(t->wire.data, t->wire.len, NULL, &s, NULL), BR_OK);
  assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(tds_type_info_read(&r, TDS_IN_RESULT, &info, NULL), BR_OK);
  for (size_t row = 0; row < t->cells->rows; row++) {
    assert_int_equal(tds_value_skip(&r, &info, NULL), BR_OK);
  }
  assert_int_equal(tds_reader_ended(&r, &ended, NULL), BR_OK);
  assert_true(ended);
  tds_reader_done(&r);
  tds_stream_close(s);
}

static void trip_done(trip *t) {
  batch_free(t->cells);
  batch_schema_free(t->schema);
  br_buf_done(&t->wire);
  br_buf_done(&t->before);
}

static void travel(const type_sample *s, const uint8_t *collation, bool nullable,
                   bool unknown_length, bool fail_allocations) {
  trip t = {
      .sample = s, .collation = collation, .nullable = nullable, .unknown_length = unknown_length};
  br_buf_init(&t.wire, MOST);
  br_buf_init(&t.before, MOST);
  make_cells(&t);
  sample_dump(t.cells, &t.before);
  send(&t);
  br_error err = BR_ERROR_INIT;
  if (receive(&t, &err) != BR_OK) {
    fail_msg("%s: %s", batch_type_row_of(s->spec.type)->name, err.message);
  }
  pass_over(&t);
  if (fail_allocations) {
    torture_allocations(receive, &t);
  }
  trip_done(&t);
}

static void every_type_comes_back_as_it_went(void **state) {
  (void)state;
  for (size_t i = 0; i < type_sample_count; i++) {
    travel(&type_samples[i], tds_collation_latin1, true, false, true);
    travel(&type_samples[i], tds_collation_latin1, false, false, false);
    travel(&type_samples[i], tds_collation_utf8, true, true, false);
  }
}

static void every_type_that_is_sent_is_sampled(void **state) {
  (void)state;
  for (int type = 0; type < BATCH_SQL_TYPE_COUNT; type++) {
    bool sampled = false;
    for (size_t i = 0; i < type_sample_count; i++) {
      sampled = sampled || (int)type_samples[i].spec.type == type;
    }
    const batch_sql_typespec spec = {.type = (batch_sql_type)type, .precision = 5, .length = 5};
    tds_type_info info;
    br_status st = tds_type_info_of_spec(&spec, true, tds_collation_utf8, &info, NULL);
    assert_int_equal(st, sampled ? BR_OK : BR_ERR_UNSUPPORTED);
  }
}

static void not_null_columns_get_the_fixed_forms(void **state) {
  (void)state;
  const batch_sql_typespec spec = {.type = BATCH_SQL_INT};
  tds_type_info info;
  assert_int_equal(tds_type_info_of_spec(&spec, false, tds_collation_utf8, &info, NULL), BR_OK);
  assert_int_equal(info.id, TDS_TYPE_INT4);
  assert_int_equal(tds_type_info_of_spec(&spec, true, tds_collation_utf8, &info, NULL), BR_OK);
  assert_int_equal(info.id, TDS_TYPE_INTN);
}

static void lengths_over_8000_bytes_become_max(void **state) {
  (void)state;
  static const struct {
    batch_sql_typespec spec;
    uint8_t id;
  } cases[] = {
      {{.type = BATCH_SQL_NVARCHAR, .length = 4001}, TDS_TYPE_NVARCHAR},
      {{.type = BATCH_SQL_CHAR, .length = 8001}, TDS_TYPE_BIGVARCHAR},
      {{.type = BATCH_SQL_NCHAR, .length = 4001}, TDS_TYPE_NVARCHAR},
      {{.type = BATCH_SQL_BINARY, .length = 8001}, TDS_TYPE_BIGVARBINARY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tds_type_info info;
    assert_int_equal(tds_type_info_of_spec(&cases[i].spec, true, tds_collation_utf8, &info, NULL),
                     BR_OK);
    assert_int_equal(info.id, cases[i].id);
    assert_int_equal(info.frame, TDS_FRAME_PLP);
  }
}

/* What doesn't fit is an error, never another value. */
static void values_that_dont_fit_are_refused(void **state) {
  (void)state;
  static const struct {
    batch_sql_typespec as;   /* how the cell lies in memory */
    batch_sql_typespec type; /* what it is sent as */
    const char *cell;
  } cases[] = {
      {{.type = BATCH_SQL_SMALLINT}, {.type = BATCH_SQL_TINYINT}, "-1"},
      {{.type = BATCH_SQL_SMALLINT}, {.type = BATCH_SQL_TINYINT}, "256"},
      {{.type = BATCH_SQL_DECIMAL, .precision = 9, .scale = 0},
       {.type = BATCH_SQL_DECIMAL, .precision = 3, .scale = 0},
       "1000"},
      {{.type = BATCH_SQL_DATETIME2}, {.type = BATCH_SQL_DATETIME}, "1752-12-31 23:59:59"},
      {{.type = BATCH_SQL_DATETIME2}, {.type = BATCH_SQL_SMALLDATETIME}, "2079-06-06 23:59:31"},
      {{.type = BATCH_SQL_VARCHAR, .length = 9}, {.type = BATCH_SQL_VARCHAR, .length = 3}, "abcd"},
      {{.type = BATCH_SQL_NVARCHAR, .length = 9},
       {.type = BATCH_SQL_NVARCHAR, .length = 3},
       "abcd"},
      {{.type = BATCH_SQL_VARCHAR, .length = 9},
       {.type = BATCH_SQL_VARCHAR, .length = 9},
       "\xE6\x97\xA5"},
      {{.type = BATCH_SQL_VARCHAR, .length = 9}, {.type = BATCH_SQL_TIME, .scale = 0}, "24:00:00"},
      {{.type = BATCH_SQL_VARCHAR, .length = 9},
       {.type = BATCH_SQL_TIME, .scale = 0},
       "12:00:00.5"},
      {{.type = BATCH_SQL_VARCHAR, .length = 9}, {.type = BATCH_SQL_UNIQUEIDENTIFIER}, "abc"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const type_sample s = {cases[i].as, {cases[i].cell}};
    trip t = {.sample = &s, .nullable = true};
    make_cells(&t);
    tds_type_info info;
    tds_stream *stream = NULL;
    tds_writer w;
    assert_int_equal(tds_stream_memory("", 0, NULL, &stream, NULL), BR_OK);
    assert_int_equal(tds_writer_init(&w, stream, 512, NULL), BR_OK);
    assert_int_equal(tds_type_info_of_spec(&cases[i].type, true, tds_collation_latin1, &info, NULL),
                     BR_OK);
    tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
    br_status st = tds_value_write(&w, &info, &t.cells->columns[0], 0, NULL);
    if (st != BR_ERR_DATA) {
      fail_msg("%s as type %d: %s", cases[i].cell, (int)cases[i].type.type, br_status_name(st));
    }
    tds_writer_done(&w);
    tds_stream_close(stream);
    trip_done(&t);
  }
}

/* One value of a legacy type, its TYPE_INFO in front, as the bytes of the packet's payload. */
static br_status write_legacy(tds_type_info *info, const batch *cells, size_t row, br_buf *wire,
                              br_error *err) {
  tds_stream *stream = NULL;
  tds_writer w;
  assert_int_equal(tds_stream_memory("", 0, wire, &stream, NULL), BR_OK);
  assert_int_equal(tds_writer_init(&w, stream, 512, NULL), BR_OK);
  tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
  assert_int_equal(tds_type_info_write(&w, TDS_IN_RESULT, info, NULL), BR_OK);
  br_status st = tds_value_write(&w, info, &cells->columns[0], row, err);
  if (st == BR_OK) {
    assert_int_equal(tds_writer_end(&w, NULL), BR_OK);
  }
  tds_writer_done(&w);
  tds_stream_close(stream);
  return st;
}

/* char, varchar, binary and varbinary with a length of one byte (2.2.5.4.3): no collation, and 0 is
 * NULL (2.2.5.2.3), so that an empty value can't be sent. */
static void legacy_forms_have_no_collation_and_no_empty_values(void **state) {
  (void)state;
  static const uint8_t ids[] = {TDS_TYPE_CHAR, TDS_TYPE_VARCHAR, TDS_TYPE_BINARY,
                                TDS_TYPE_VARBINARY};
  for (size_t i = 0; i < sizeof ids; i++) {
    bool text = i < 2;
    const type_sample s = {{.type = text ? BATCH_SQL_VARCHAR : BATCH_SQL_VARBINARY, .length = 5},
                           {text ? "abc" : "0x616263", text ? "" : "0x"}};
    const uint8_t described[] = {ids[i], 5};
    trip t = {.sample = &s, .nullable = true}; /* each cell with a NULL behind it */
    make_cells(&t);
    tds_reader r;
    tds_type_info info;
    tds_reader_init_memory(&r, described, sizeof described);
    assert_int_equal(tds_type_info_read(&r, TDS_IN_RESULT, &info, NULL), BR_OK);
    assert_ptr_equal(r.pos, r.end);
    br_error err = BR_ERROR_INIT;
    br_buf_init(&t.wire, MOST);
    assert_int_equal(write_legacy(&info, t.cells, 0, &t.wire, NULL), BR_OK);
    assert_int_equal(t.wire.len, TDS_HEADER_SIZE + sizeof described + 4);
    assert_memory_equal(t.wire.data + TDS_HEADER_SIZE + 2,
                        "\x03"
                        "abc",
                        4);
    br_buf_clear(&t.wire);
    assert_int_equal(write_legacy(&info, t.cells, 1, &t.wire, NULL), BR_OK);
    assert_int_equal(t.wire.len, TDS_HEADER_SIZE + sizeof described + 1);
    assert_int_equal(t.wire.data[t.wire.len - 1], 0);
    assert_int_equal(write_legacy(&info, t.cells, 2, NULL, &err), BR_ERR_DATA);
    assert_string_equal(err.message, "An empty value is NULL in its type");
    trip_done(&t);
  }
}

/* Ticks of 1/300 s, and the carry into the next day. */
enum { TEXT_MOST = 70, BEHIND = 64 };

/* A text of n characters, all ASCII but the one at `place`, as varchar or nvarchar on the wire;
 * 0xFF lies behind it. */
static size_t put_text(uint8_t *wire, size_t n, size_t place, size_t width) {
  memset(wire, 0xFF, 2 + 2 * TEXT_MOST + BEHIND);
  br_store_u16le(wire, (uint16_t)(n * width));
  for (size_t i = 0; i < n; i++) {
    uint8_t *unit = wire + 2 + i * width;
    unit[width - 1] = 0;
    unit[0] = i == place ? 0xE9 : (uint8_t)('a' + i % 26);
  }
  return 2 + n * width;
}

/* Reads the value into the second row of a column that has room for fast copies, and compares. */
static void read_text(tds_decoder *d, const batch_schema *schema, const uint8_t *wire,
                      size_t length, size_t behind, size_t n, size_t place) {
  batch *b = NULL;
  tds_reader r;
  tds_reader_init_memory(&r, wire, length + behind);
  assert_int_equal(batch_new(schema, 2, &b, NULL), BR_OK);
  batch_column *column = &b->columns[0];
  assert_int_equal(batch_column_reserve_data(column, 4 * TEXT_MOST, NULL), BR_OK);
  assert_int_equal(batch_column_append_bytes(column, 0, "before", 6, NULL), BR_OK);
  assert_int_equal(d->decode(d, &r, column, 1, NULL), BR_OK);
  assert_ptr_equal(r.pos, wire + length);
  size_t at = 6;
  for (size_t i = 0; i < n; i++) {
    if (i == place) {
      assert_memory_equal(column->data + at, "\xC3\xA9", 2);
    } else {
      assert_int_equal(column->data[at], 'a' + i % 26);
    }
    at += i == place ? 2 : 1;
  }
  assert_int_equal(column->offsets[2], at);
  batch_free(b);
}

static void a_character_that_is_not_ascii_is_seen_at_every_place(void **state) {
  (void)state;
  static const batch_sql_type types[] = {BATCH_SQL_VARCHAR, BATCH_SQL_NVARCHAR};
  static uint8_t wire[2 + 2 * TEXT_MOST + BEHIND];
  for (size_t width = 1; width <= 2; width++) {
    const batch_sql_typespec spec = {.type = types[width - 1], .length = 100};
    const tds_decode_options options = {.max_cell = 1000};
    tds_type_info info;
    tds_decoder d;
    batch_schema *schema = NULL;
    assert_int_equal(tds_type_info_of_spec(&spec, true, tds_collation_latin1, &info, NULL), BR_OK);
    assert_int_equal(tds_decoder_init(&d, &info, &options, NULL), BR_OK);
    assert_int_equal(batch_schema_new(1, &schema, NULL), BR_OK);
    assert_int_equal(batch_schema_set(schema, 0, "c", d.type, true, NULL), BR_OK);
    for (size_t n = 0; n <= TEXT_MOST; n++) {
      for (size_t place = 0; place <= n; place++) { /* place n: nowhere */
        size_t length = put_text(wire, n, place, width);
        read_text(&d, schema, wire, length, BEHIND, n, place);
        read_text(&d, schema, wire, length, 0, n, place);
      }
    }
    batch_schema_free(schema);
  }
}

static void datetime_rounds_as_sql_server_does(void **state) {
  (void)state;
  static const struct {
    batch_sql_typespec type;
    const char *in, *out;
  } cases[] = {
      {{.type = BATCH_SQL_DATETIME}, "2000-01-01 00:00:00.001000", "2000-01-01 00:00:00.000000"},
      {{.type = BATCH_SQL_DATETIME}, "2000-01-01 00:00:00.002000", "2000-01-01 00:00:00.003000"},
      {{.type = BATCH_SQL_DATETIME}, "2000-01-01 00:00:00.005000", "2000-01-01 00:00:00.007000"},
      {{.type = BATCH_SQL_DATETIME}, "2000-01-01 00:00:00.009000", "2000-01-01 00:00:00.010000"},
      {{.type = BATCH_SQL_DATETIME}, "1999-12-31 23:59:59.999000", "2000-01-01 00:00:00.000000"},
      {{.type = BATCH_SQL_SMALLDATETIME}, "1999-12-31 23:59:30", "2000-01-01 00:00:00.000000"},
      {{.type = BATCH_SQL_SMALLDATETIME}, "1999-12-31 23:59:29", "1999-12-31 23:59:00.000000"},
      {{.type = BATCH_SQL_DATETIME2, .scale = 0},
       "1999-12-31 23:59:59.500000",
       "2000-01-01 00:00:00.000000"},
      {{.type = BATCH_SQL_DATETIME2, .scale = 2},
       "1960-01-01 00:00:00.004999",
       "1960-01-01 00:00:00.000000"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const type_sample s = {cases[i].type, {cases[i].in}};
    trip t = {.sample = &s, .collation = tds_collation_latin1, .nullable = false};
    br_buf_init(&t.wire, MOST);
    br_buf_init(&t.before, MOST);
    make_cells(&t);
    assert_int_equal(br_buf_printf(&t.before, NULL, "%s|", cases[i].out), BR_OK);
    send(&t);
    assert_int_equal(receive(&t, NULL), BR_OK);
    trip_done(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_comes_back_as_it_went),
      cmocka_unit_test(every_type_that_is_sent_is_sampled),
      cmocka_unit_test(not_null_columns_get_the_fixed_forms),
      cmocka_unit_test(lengths_over_8000_bytes_become_max),
      cmocka_unit_test(values_that_dont_fit_are_refused),
      cmocka_unit_test(legacy_forms_have_no_collation_and_no_empty_values),
      cmocka_unit_test(a_character_that_is_not_ascii_is_seen_at_every_place),
      cmocka_unit_test(datetime_rounds_as_sql_server_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
