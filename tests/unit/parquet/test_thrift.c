#include "memory_file.h"
#include "parquet/thrift.h"

/* One of everything, nested. */
static void put_sample(br_buf *out) {
  parquet_thrift_writer w = parquet_thrift_writer_of(out, NULL);
  parquet_thrift_bool(&w, 1, true);
  parquet_thrift_i32(&w, 2, -5);
  parquet_thrift_struct(&w, 40); /* a step too long for the short form */
  parquet_thrift_i64(&w, 1, INT64_MIN);
  parquet_thrift_text(&w, 2, "text");
  parquet_thrift_end(&w);
  parquet_thrift_list(&w, 41, PARQUET_THRIFT_I32, 20);
  for (int i = 0; i < 20; i++) {
    parquet_thrift_element_int(&w, i);
  }
  parquet_thrift_list(&w, 42, PARQUET_THRIFT_TRUE, 2);
  parquet_thrift_element_bool(&w, true);
  parquet_thrift_element_bool(&w, false);
  parquet_thrift_i8(&w, 43, -7);
  parquet_thrift_end(&w);
  assert_int_equal(parquet_thrift_status(&w), BR_OK);
}

static br_status read_sample(br_reader *in, int64_t *ret_i64, int32_t *ret_i32, int8_t *ret_i8,
                             size_t *ret_count) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, NULL)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 2) {
      st = parquet_thrift_get_i32(in, &field, ret_i32, NULL);
    } else if (field.id == 40) {
      parquet_thrift_field inner = {0};
      st = parquet_thrift_next(in, &inner, NULL);
      if (st == BR_OK) {
        st = parquet_thrift_get_i64(in, &inner, ret_i64, NULL);
      }
      while (st == BR_OK && inner.type != PARQUET_THRIFT_STOP) {
        st = parquet_thrift_next(in, &inner, NULL);
        if (st == BR_OK && inner.type != PARQUET_THRIFT_STOP) {
          st = parquet_thrift_skip(in, inner.type, NULL);
        }
      }
    } else if (field.id == 41) {
      st = parquet_thrift_get_list(in, &field, PARQUET_THRIFT_I32, ret_count, NULL);
      for (size_t i = 0; st == BR_OK && i < *ret_count; i++) {
        st = parquet_thrift_skip(in, PARQUET_THRIFT_I32, NULL);
      }
    } else if (field.id == 43) {
      st = parquet_thrift_get_i8(in, &field, ret_i8, NULL);
    } else {
      st = parquet_thrift_skip(in, field.type, NULL);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static void what_is_written_is_read(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, SIZE_MAX);
  put_sample(&out);
  br_reader in = br_reader_of(out.data, out.len);
  int64_t i64 = 0;
  int32_t i32 = 0;
  int8_t i8 = 0;
  size_t count = 0;
  assert_int_equal(read_sample(&in, &i64, &i32, &i8, &count), BR_OK);
  assert_true(i64 == INT64_MIN && i32 == -5 && i8 == -7 && count == 20);
  assert_int_equal(br_reader_left(&in), 0);
  br_buf_done(&out);
}

static void bytes_are_those_of_the_specification(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, SIZE_MAX);
  parquet_thrift_writer w = parquet_thrift_writer_of(&out, NULL);
  parquet_thrift_i32(&w, 1, 1);
  parquet_thrift_text(&w, 3, "ab");
  parquet_thrift_bool(&w, 4, false);
  parquet_thrift_i64(&w, 20, -300);
  parquet_thrift_end(&w);
  static const uint8_t want[] = {0x15, 0x02, 0x28, 0x02, 'a', 'b', 0x12, 0x06, 0x28, 0xD7, 0x04, 0};
  assert_int_equal(out.len, sizeof want);
  assert_memory_equal(out.data, want, sizeof want);
  br_buf_done(&out);
}

static void every_cut_is_an_error(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, SIZE_MAX);
  put_sample(&out);
  for (size_t length = 0; length < out.len; length++) {
    br_reader in = br_reader_of(out.data, length);
    int64_t i64 = 0;
    int32_t i32 = 0;
    int8_t i8 = 0;
    size_t count = 0;
    assert_int_equal(read_sample(&in, &i64, &i32, &i8, &count), BR_ERR_DATA);
  }
  br_buf_done(&out);
}

static void lies_and_depth_are_errors(void **state) {
  (void)state;
  static const struct {
    uint8_t bytes[16];
    size_t length;
    parquet_thrift_type type;
  } bad[] = {
      {{0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1}, 6, PARQUET_THRIFT_BINARY}, /* longer than what is left */
      {{0xF5, 0xFF, 0xFF, 0xFF, 0x7F, 1}, 6, PARQUET_THRIFT_LIST},   /* more elements than bytes */
      {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, 11, PARQUET_THRIFT_I64},
      {{0x1D, 0x00}, 2, PARQUET_THRIFT_STRUCT}, /* a type that there isn't */
      {{0xFF, 0x7F, 0x88, 0}, 4, PARQUET_THRIFT_MAP},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_reader in = br_reader_of(bad[i].bytes, bad[i].length);
    assert_int_equal(parquet_thrift_skip(&in, bad[i].type, NULL), BR_ERR_DATA);
  }
  uint8_t deep[100];
  memset(deep, 0x1C, sizeof deep); /* structures in structures */
  br_reader in = br_reader_of(deep, sizeof deep);
  assert_int_equal(parquet_thrift_skip(&in, PARQUET_THRIFT_STRUCT, NULL), BR_ERR_DATA);
}

static void wrong_types_are_errors(void **state) {
  (void)state;
  static const uint8_t bytes[] = {2, 'a', 'b'};
  br_reader in = br_reader_of(bytes, sizeof bytes);
  parquet_thrift_field field = {.id = 1, .type = PARQUET_THRIFT_BINARY};
  int32_t i32 = 9;
  bool flag = false;
  size_t count = 0;
  assert_int_equal(parquet_thrift_get_i32(&in, &field, &i32, NULL), BR_ERR_DATA);
  assert_int_equal(parquet_thrift_get_bool(&field, &flag, NULL), BR_ERR_DATA);
  assert_int_equal(parquet_thrift_get_list(&in, &field, PARQUET_THRIFT_I32, &count, NULL),
                   BR_ERR_DATA);
  assert_int_equal(parquet_thrift_want_struct(&field, NULL), BR_ERR_DATA);
  assert_int_equal(i32, 9);
  field.type = PARQUET_THRIFT_I64;
  static const uint8_t big[] = {0xFE, 0xFF, 0xFF, 0xFF, 0x7F};
  in = br_reader_of(big, sizeof big);
  assert_int_equal(parquet_thrift_get_i32(&in, &field, &i32, NULL), BR_ERR_DATA);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(bytes_are_those_of_the_specification),
      cmocka_unit_test(every_cut_is_an_error),
      cmocka_unit_test(lies_and_depth_are_errors),
      cmocka_unit_test(wrong_types_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
