/* Messages in packets: the reader's window, the writer's splitting, lies in headers. */
#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"
#include "tds/packet.h"

enum { LONG = 300000 };

/* A stream over the bytes of `input`. */
static tds_stream *memory(const br_buf *input, br_buf *output) {
  tds_stream *s = NULL;
  assert_int_equal(tds_stream_memory(input->data, input->len, output, &s, NULL), BR_OK);
  return s;
}

static void fill_pattern(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    bytes[i] = (uint8_t)(i * 31 + (i >> 8));
  }
}

/* Writes `length` bytes of the pattern as one message of packets of packet_size. */
static void write_message(br_buf *wire, size_t length, size_t packet_size) {
  static uint8_t bytes[LONG];
  fill_pattern(bytes, length);
  tds_stream *s = NULL;
  assert_int_equal(tds_stream_memory("", 0, wire, &s, NULL), BR_OK);
  tds_writer w;
  assert_int_equal(tds_writer_init(&w, s, packet_size, NULL), BR_OK);
  tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
  assert_int_equal(tds_writer_bytes(&w, bytes, length, NULL), BR_OK);
  assert_int_equal(tds_writer_end(&w, NULL), BR_OK);
  tds_writer_done(&w);
  tds_stream_close(s);
}

static void packets_have_the_agreed_size_and_one_end(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 503, 504, 505, 1008, 1009, 5000};
  for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
    br_buf wire;
    br_buf_init(&wire, LONG);
    write_message(&wire, lengths[n], 512);
    size_t pos = 0;
    size_t payload = 0;
    uint8_t id = 1;
    while (pos < wire.len) {
      const uint8_t *h = wire.data + pos;
      size_t length = br_load_u16be(h + 2);
      bool last = pos + length == wire.len;
      assert_int_equal(h[0], TDS_PACKET_RESPONSE);
      assert_int_equal(h[1], last ? TDS_STATUS_EOM : TDS_STATUS_NORMAL);
      assert_true(last ? length <= 512 : length == 512);
      assert_int_equal(h[6], id++);
      payload += length - TDS_HEADER_SIZE;
      pos += length;
    }
    assert_int_equal(pos, wire.len);
    assert_int_equal(payload, lengths[n]);
    br_buf_done(&wire);
  }
}

static void bytes_come_back_in_any_step_over_any_packet_size(void **state) {
  (void)state;
  static const size_t packet_sizes[] = {512, 1000, 4096, 32767};
  static const size_t steps[] = {1, 7, 500, 511, 4095, 65535, TDS_READER_NEED_MAX};
  static uint8_t expected[LONG];
  fill_pattern(expected, LONG);
  for (size_t p = 0; p < sizeof packet_sizes / sizeof *packet_sizes; p++) {
    br_buf wire;
    br_buf_init(&wire, 2 * LONG);
    write_message(&wire, LONG, packet_sizes[p]);
    for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
      tds_stream *s = memory(&wire, NULL);
      tds_reader r;
      assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
      assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
      size_t done = 0;
      while (done < LONG) {
        size_t step = LONG - done < steps[n] ? LONG - done : steps[n];
        assert_int_equal(tds_reader_need(&r, step, NULL), BR_OK);
        assert_memory_equal(r.pos, expected + done, step);
        r.pos += step;
        done += step;
        assert_int_equal(tds_reader_consumed(&r), done);
      }
      bool ended = false;
      assert_int_equal(tds_reader_ended(&r, &ended, NULL), BR_OK);
      assert_true(ended);
      br_error err = BR_ERROR_INIT;
      assert_int_equal(tds_reader_need(&r, 1, &err), BR_ERR_PROTOCOL);
      assert_int_equal(tds_reader_begin(&r, &err), BR_DONE);
      tds_reader_done(&r);
      tds_stream_close(s);
    }
    br_buf_done(&wire);
  }
}

static void skip_and_copy_cross_packets(void **state) {
  (void)state;
  static uint8_t expected[LONG];
  static uint8_t got[LONG];
  fill_pattern(expected, LONG);
  br_buf wire;
  br_buf_init(&wire, 2 * LONG);
  write_message(&wire, LONG, 512);
  tds_stream *s = memory(&wire, NULL);
  tds_reader r;
  assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(tds_reader_skip(&r, 100001, NULL), BR_OK);
  assert_int_equal(tds_reader_copy(&r, got, 150000, NULL), BR_OK);
  assert_memory_equal(got, expected + 100001, 150000);
  assert_int_equal(tds_reader_skip(&r, LONG, NULL), BR_ERR_PROTOCOL);
  tds_reader_done(&r);
  tds_stream_close(s);
  br_buf_done(&wire);
}

/* What is left of a message is dropped; its tail is what an acknowledgement is looked for in. */
static void dropping_a_message_shows_its_tail(void **state) {
  (void)state;
  br_buf wire;
  br_buf_init(&wire, 2 * LONG);
  write_message(&wire, 2000, 512);
  write_message(&wire, 5, 512);
  static uint8_t expected[2000];
  fill_pattern(expected, sizeof expected);
  tds_stream *s = memory(&wire, NULL);
  tds_reader r;
  assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(tds_reader_skip(&r, 3, NULL), BR_OK);
  uint8_t tail[13];
  size_t length = 0;
  assert_int_equal(tds_reader_drop(&r, tail, sizeof tail, &length, NULL), BR_OK);
  assert_int_equal(length, sizeof tail);
  assert_memory_equal(tail, expected + 2000 - 13, 13);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(tds_reader_drop(&r, tail, sizeof tail, &length, NULL), BR_OK);
  assert_int_equal(length, 5);
  assert_memory_equal(tail, expected, 5);
  tds_reader_done(&r);
  tds_stream_close(s);
  br_buf_done(&wire);
}

static void empty_packets_and_a_late_end_are_fine(void **state) {
  (void)state;
  static const uint8_t wire[] = {
      4, 0, 0, 8, 0, 0, 1, 0, /* empty */
      4, 0, 0, 9, 0, 0, 2, 0, 'a', 4, 0, 0, 8,
      0, 0, 3, 0, 4, 1, 0, 8, 0,   0, 4, 0}; /* the end stands in an empty one */
  br_buf input = {.data = (uint8_t *)(uintptr_t)wire, .len = sizeof wire};
  tds_stream *s = memory(&input, NULL);
  tds_reader r;
  uint8_t value = 0;
  bool ended = true;
  assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
  assert_int_equal(tds_reader_begin(&r, NULL), BR_OK);
  assert_int_equal(tds_reader_ended(&r, &ended, NULL), BR_OK);
  assert_false(ended);
  assert_int_equal(tds_reader_u8(&r, &value, NULL), BR_OK);
  assert_int_equal(value, 'a');
  assert_int_equal(tds_reader_ended(&r, &ended, NULL), BR_OK);
  assert_true(ended);
  tds_reader_done(&r);
  tds_stream_close(s);
}

static void a_cut_header_is_no_end(void **state) {
  (void)state;
  static const uint8_t wire[] = {4, 1, 0, 9, 0, 0, 1};
  for (size_t length = 1; length < sizeof wire; length++) {
    br_buf input = {.data = (uint8_t *)(uintptr_t)wire, .len = length};
    tds_stream *s = memory(&input, NULL);
    tds_reader r;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(tds_reader_init(&r, s, NULL), BR_OK);
    assert_int_equal(tds_reader_begin(&r, &err), BR_ERR_NETWORK);
    assert_true(err.retriable);
    tds_reader_done(&r);
    tds_stream_close(s);
  }
}

/* Cancelling a request: nothing sent, nothing said; something sent, the receiver is told. */
static void an_abandoned_message_is_marked_only_where_it_was_begun(void **state) {
  (void)state;
  br_buf wire;
  br_buf_init(&wire, LONG);
  tds_stream *s = NULL;
  assert_int_equal(tds_stream_memory("", 0, &wire, &s, NULL), BR_OK);
  tds_writer w;
  bool answer = true;
  assert_int_equal(tds_writer_init(&w, s, 512, NULL), BR_OK);
  tds_writer_begin(&w, TDS_PACKET_BULK, 0);
  assert_int_equal(tds_writer_u64(&w, 1, NULL), BR_OK);
  assert_int_equal(tds_writer_abandon(&w, &answer, NULL), BR_OK);
  assert_false(answer);
  assert_int_equal(wire.len, 0);

  static uint8_t bytes[600];
  tds_writer_begin(&w, TDS_PACKET_BULK, TDS_STATUS_RESET_CONNECTION);
  assert_int_equal(tds_writer_bytes(&w, bytes, sizeof bytes, NULL), BR_OK);
  assert_int_equal(tds_writer_abandon(&w, &answer, NULL), BR_OK);
  assert_true(answer);
  assert_int_equal(wire.data[1], TDS_STATUS_RESET_CONNECTION);
  assert_int_equal(wire.data[512], TDS_PACKET_BULK);
  assert_int_equal(wire.data[513], TDS_STATUS_EOM | TDS_STATUS_IGNORE);
  tds_writer_done(&w);
  tds_stream_close(s);
  br_buf_done(&wire);
}

static void names_are_counted_in_code_units(void **state) {
  (void)state;
  br_buf buf;
  br_buf_init(&buf, LONG);
  assert_int_equal(tds_buf_bvarchar(&buf, "a\xF0\x9F\x98\x80", NULL), BR_OK);
  static const uint8_t expected[] = {3, 'a', 0, 0x3D, 0xD8, 0x00, 0xDE};
  assert_int_equal(buf.len, sizeof expected);
  assert_memory_equal(buf.data, expected, sizeof expected);
  br_reader view = br_reader_of(buf.data, buf.len);
  char text[16];
  assert_int_equal(tds_view_bvarchar(&view, text, sizeof text, NULL), BR_OK);
  assert_string_equal(text, "a\xF0\x9F\x98\x80");
  /* Cut in front of the character that doesn't fit. */
  view = br_reader_of(buf.data, buf.len);
  assert_int_equal(tds_view_bvarchar(&view, text, 5, NULL), BR_OK);
  assert_string_equal(text, "a");
  char longer[300];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  assert_int_equal(tds_buf_bvarchar(&buf, longer, NULL), BR_ERR_LIMIT);
  assert_int_equal(tds_buf_usvarchar(&buf, longer, NULL), BR_OK);
  br_buf_done(&buf);
}

static void long_names_are_read_whole(void **state) {
  (void)state;
  br_buf buf;
  br_buf_init(&buf, LONG);
  char text[1000];
  for (size_t i = 0; i < 990; i += 3) {
    memcpy(text + i, "\xE6\x97\xA5", 3);
  }
  text[990] = '\0';
  assert_int_equal(tds_buf_usvarchar(&buf, text, NULL), BR_OK);
  char back[1000];
  br_reader view = br_reader_of(buf.data, buf.len);
  assert_int_equal(tds_view_usvarchar(&view, back, sizeof back, NULL), BR_OK);
  assert_string_equal(text, back);
  br_buf_done(&buf);
}

static void packet_sizes_outside_the_protocol_are_refused(void **state) {
  (void)state;
  tds_stream *s = NULL;
  assert_int_equal(tds_stream_memory("", 0, NULL, &s, NULL), BR_OK);
  tds_writer w;
  assert_int_equal(tds_writer_init(&w, s, 511, NULL), BR_ERR_PROTOCOL);
  assert_int_equal(tds_writer_init(&w, s, 32768, NULL), BR_ERR_PROTOCOL);
  tds_stream_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packets_have_the_agreed_size_and_one_end),
      cmocka_unit_test(bytes_come_back_in_any_step_over_any_packet_size),
      cmocka_unit_test(skip_and_copy_cross_packets),
      cmocka_unit_test(dropping_a_message_shows_its_tail),
      cmocka_unit_test(empty_packets_and_a_late_end_are_fine),
      cmocka_unit_test(a_cut_header_is_no_end),
      cmocka_unit_test(an_abandoned_message_is_marked_only_where_it_was_begun),
      cmocka_unit_test(names_are_counted_in_code_units),
      cmocka_unit_test(long_names_are_read_whole),
      cmocka_unit_test(packet_sizes_outside_the_protocol_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
