#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

static void the_allocation_asked_for_fails_and_only_that(void **state) {
  (void)state;
  br_mem_fail_after(1);
  void *first = br_malloc(1);
  void *second = br_malloc(1);
  void *third = br_malloc(1);
  assert_int_equal(br_mem_count(), 3);
  br_mem_fail_after(-1);
  assert_non_null(first);
  assert_null(second);
  assert_non_null(third);
  br_free(first);
  br_free(third);
}

static void an_array_whose_size_overflows_is_refused(void **state) {
  (void)state;
  assert_null(br_realloc_array(NULL, SIZE_MAX / 2, 3));
}

static void empty_allocations_are_no_failures(void **state) {
  (void)state;
  void *a = br_malloc(0);
  void *b = br_calloc(0, 8);
  assert_non_null(a);
  assert_non_null(b);
  br_free(a);
  br_free(b);
  br_free(NULL);
}

static void copies_of_text_end_where_asked(void **state) {
  (void)state;
  char *copy = br_strndup("abcdef", 3);
  char *text = br_asprintf("%s-%d", copy, 42);
  assert_string_equal(copy, "abc");
  assert_string_equal(text, "abc-42");
  br_free(copy);
  br_free(text);
}

static void wiping_leaves_zeros(void **state) {
  (void)state;
  char text[] = "secret";
  br_wipe(text, sizeof text);
  for (size_t i = 0; i < sizeof text; i++) {
    assert_int_equal(text[i], 0);
  }
}

static void numbers_are_written_and_read_in_both_byte_orders(void **state) {
  (void)state;
  br_buf buf;
  br_buf_init(&buf, 100);
  assert_int_equal(br_buf_u8(&buf, 0x01, NULL), BR_OK);
  assert_int_equal(br_buf_u16le(&buf, 0x0203, NULL), BR_OK);
  assert_int_equal(br_buf_u32le(&buf, 0x04050607, NULL), BR_OK);
  assert_int_equal(br_buf_u64le(&buf, UINT64_C(0x08090A0B0C0D0E0F), NULL), BR_OK);
  assert_int_equal(br_buf_u16be(&buf, 0x1011, NULL), BR_OK);
  assert_int_equal(br_buf_u32be(&buf, 0x12131415, NULL), BR_OK);
  static const uint8_t wire[] = {1,  3,  2, 7, 6,    5,    4,    15,   14,   13,  12,
                                 11, 10, 9, 8, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15};
  assert_int_equal(buf.len, sizeof wire);
  assert_memory_equal(buf.data, wire, sizeof wire);

  br_reader r = br_reader_of(buf.data, buf.len);
  uint8_t u8 = 0;
  uint16_t u16 = 0;
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  assert_int_equal(br_reader_u8(&r, &u8, NULL), BR_OK);
  assert_int_equal(u8, 1);
  assert_int_equal(br_reader_u16le(&r, &u16, NULL), BR_OK);
  assert_int_equal(u16, 0x0203);
  assert_int_equal(br_reader_u32le(&r, &u32, NULL), BR_OK);
  assert_int_equal(u32, 0x04050607);
  assert_int_equal(br_reader_u64le(&r, &u64, NULL), BR_OK);
  assert_true(u64 == UINT64_C(0x08090A0B0C0D0E0F));
  assert_int_equal(br_reader_u16be(&r, &u16, NULL), BR_OK);
  assert_int_equal(u16, 0x1011);
  assert_int_equal(br_reader_u32be(&r, &u32, NULL), BR_OK);
  assert_int_equal(u32, 0x12131415);
  assert_int_equal(br_reader_left(&r), 0);
  br_buf_done(&buf);
}

static void a_full_buffer_is_a_limit_and_stays_as_it_was(void **state) {
  (void)state;
  br_buf buf;
  br_error err = BR_ERROR_INIT;
  br_buf_init(&buf, 5);
  assert_int_equal(br_buf_text(&buf, "abc", &err), BR_OK);
  assert_int_equal(br_buf_text(&buf, "def", &err), BR_ERR_LIMIT);
  assert_int_equal(br_buf_printf(&buf, &err, "%d", 12345), BR_ERR_LIMIT);
  assert_int_equal(br_buf_fill(&buf, 'x', SIZE_MAX, &err), BR_ERR_LIMIT);
  assert_int_equal(buf.len, 3);
  assert_int_equal(br_buf_fill(&buf, 'x', 2, &err), BR_OK);
  assert_memory_equal(buf.data, "abcxx", 5);
  assert_null(br_buf_cstr(&buf));
  assert_null(br_buf_take(&buf, NULL));
  assert_int_equal(buf.len, 5);
  br_buf_done(&buf);
  assert_int_equal(buf.max, 5);
}

static void taking_hands_the_bytes_over(void **state) {
  (void)state;
  br_buf buf;
  size_t length = 0;
  br_buf_init(&buf, 1000);
  assert_int_equal(br_buf_printf(&buf, NULL, "%s %d", "row", 7), BR_OK);
  char *text = br_buf_take(&buf, &length);
  assert_string_equal(text, "row 7");
  assert_int_equal(length, 5);
  assert_int_equal(buf.len, 0);
  assert_null(buf.data);
  assert_int_equal(br_buf_text(&buf, "again", NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&buf), "again");
  br_buf_clear(&buf);
  assert_string_equal(br_buf_cstr(&buf), "");
  br_free(text);
  br_buf_done(&buf);
}

static void a_short_read_fails_and_does_not_move(void **state) {
  (void)state;
  static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (size_t length = 0; length < 8; length++) {
    br_reader r = br_reader_of(bytes, length);
    br_error err = BR_ERROR_INIT;
    uint64_t u64 = 99;
    const uint8_t *view = NULL;
    assert_int_equal(br_reader_u64le(&r, &u64, &err), BR_ERR_PROTOCOL);
    assert_int_equal(br_reader_skip(&r, SIZE_MAX, &err), BR_ERR_PROTOCOL);
    assert_int_equal(br_reader_view(&r, length + 1, &view, &err), BR_ERR_PROTOCOL);
    assert_true(u64 == 99);
    assert_null(view);
    assert_int_equal(r.pos, 0);
    assert_int_equal(br_reader_skip(&r, length, &err), BR_OK);
    assert_int_equal(r.pos, length);
  }
}

static br_status build_text(void *context, br_error *err) {
  (void)context;
  br_buf buf;
  br_buf_init(&buf, 100000);
  br_status st = BR_OK;
  for (int i = 0; st == BR_OK && i < 1000; i++) {
    size_t before = buf.len;
    st = br_buf_printf(&buf, err, "%d,", i);
    assert_true(st == BR_OK || buf.len == before);
  }
  br_buf_done(&buf);
  return st;
}

static void growing_survives_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(build_text, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_allocation_asked_for_fails_and_only_that),
      cmocka_unit_test(an_array_whose_size_overflows_is_refused),
      cmocka_unit_test(empty_allocations_are_no_failures),
      cmocka_unit_test(copies_of_text_end_where_asked),
      cmocka_unit_test(wiping_leaves_zeros),
      cmocka_unit_test(numbers_are_written_and_read_in_both_byte_orders),
      cmocka_unit_test(a_full_buffer_is_a_limit_and_stays_as_it_was),
      cmocka_unit_test(taking_hands_the_bytes_over),
      cmocka_unit_test(a_short_read_fails_and_does_not_move),
      cmocka_unit_test(growing_survives_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
