/*
 * The server's side of a load, told in advance.
 */
#include "load_talk.h"

#include "answer_dump.h"
#include "support/cmocka.h"
#include "tds/server.h"

static bool is_clr(batch_sql_type type) {
  return type == BATCH_SQL_UDT || type == BATCH_SQL_HIERARCHYID || type == BATCH_SQL_GEOMETRY ||
         type == BATCH_SQL_GEOGRAPHY;
}

/* UDT_INFO in COLMETADATA (MS-TDS 2.2.5.5.2): most bytes, database, schema, type, assembly. */
static void put_clr_info(tds_writer *w, batch_sql_type type) {
  assert_int_equal(tds_writer_u8(w, TDS_TYPE_UDT, NULL), BR_OK);
  assert_int_equal(tds_writer_u16(w, UINT16_MAX, NULL), BR_OK);
  assert_int_equal(tds_writer_bvarchar(w, "db", NULL), BR_OK);
  assert_int_equal(tds_writer_bvarchar(w, "sys", NULL), BR_OK);
  assert_int_equal(tds_writer_bvarchar(w, batch_type_row_of(type)->name, NULL), BR_OK);
  assert_int_equal(tds_writer_u16(w, 0, NULL), BR_OK);
}

static void put_target(tds_writer *w, const load_target *t, const char *name) {
  tds_type_info info = {.id = 0};
  if (is_clr(t->spec.type)) {
    assert_int_equal(tds_writer_u32(w, 0, NULL), BR_OK);
    assert_int_equal(tds_writer_u16(w, t->nullable ? TDS_COLUMN_NULLABLE : 0, NULL), BR_OK);
    put_clr_info(w, t->spec.type);
  } else {
    assert_int_equal(tds_type_info_of_spec(&t->spec, t->nullable, t->collation, &info, NULL),
                     BR_OK);
    assert_int_equal(tds_writer_u32(w, info.user_type, NULL), BR_OK);
    assert_int_equal(
        tds_writer_u16(w, (uint16_t)(t->flags | (t->nullable ? TDS_COLUMN_NULLABLE : 0)), NULL),
        BR_OK);
    assert_int_equal(tds_type_info_write(w, TDS_IN_RESULT, &info, NULL), BR_OK);
  }
  assert_int_equal(tds_writer_bvarchar(w, name, NULL), BR_OK);
}

void talk_answers(br_buf *out, const load_target *targets, size_t count) {
  talk_answers_of(out, targets, count, -1);
}

void talk_answers_of(br_buf *out, const load_target *targets, size_t count, int64_t rows) {
  tds_stream *s = NULL;
  tds_writer w;
  br_buf_init(out, TALK_MOST);
  assert_int_equal(tds_stream_memory("", 0, out, &s, NULL), BR_OK);
  assert_int_equal(tds_writer_init(&w, s, 4096, NULL), BR_OK);
  tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
  assert_int_equal(tds_writer_u8(&w, TDS_TOKEN_COLMETADATA, NULL), BR_OK);
  assert_int_equal(tds_writer_u16(&w, (uint16_t)count, NULL), BR_OK);
  for (size_t i = 0; i < count; i++) {
    const char name[] = {(char)('a' + i), ']', '\0'};
    put_target(&w, &targets[i], targets[i].name != NULL ? targets[i].name : name);
  }
  for (int i = 0; i < 3; i++) {
    if (i > 0) {
      tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
    }
    const bool counted = i < 2 || rows >= 0;
    assert_int_equal(tds_put_done(&w, TDS_TOKEN_DONE, counted ? TDS_DONE_COUNT : 0, 0xC1,
                                  i < 2 || rows < 0 ? 0 : (uint64_t)rows, NULL),
                     BR_OK);
    assert_int_equal(tds_writer_end(&w, NULL), BR_OK);
  }
  tds_writer_done(&w);
  tds_stream_close(s);
}

br_status talk_connect(talk *t, size_t packet_size, br_error *err) {
  static const tds_options options = {.host = "localhost"};
  tds_stream *s = NULL;
  br_buf_init(&t->sent, TALK_MOST);
  br_status st = tds_stream_memory(t->answers.data, t->answers.len, &t->sent, &s, err);
  if (st == BR_OK) {
    st = connect_without_login(s, &options, NULL, &t->conn, err);
  }
  return st == BR_OK ? tds_writer_set_packet_size(&t->conn->writer, packet_size, err) : st;
}

void talk_done(talk *t) {
  tds_close(t->conn);
  t->conn = NULL;
  br_buf_done(&t->sent);
}
