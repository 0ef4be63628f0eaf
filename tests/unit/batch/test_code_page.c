#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "batch/charset.h"
#include "batch/code_page_tables.h"
#include "support/cmocka.h"
#include "support/torture.h"

typedef struct decoded {
  uint8_t *out;
  size_t written;
  size_t used;
  br_status st;
  br_error err;
} decoded;

static decoded decode(unsigned page, const void *bytes, size_t length, bool more,
                      batch_invalid invalid) {
  decoded d = {.written = 999, .used = 999};
  uint8_t *in = br_malloc(length);
  d.out = br_malloc(3 * length);
  assert_non_null(in);
  assert_non_null(d.out);
  if (length > 0) {
    memcpy(in, bytes, length);
  }
  d.st =
      batch_code_page_to_utf8(page, in, length, more, invalid, d.out, &d.written, &d.used, &d.err);
  br_free(in);
  return d;
}

static void assert_decoded(decoded d, const char *wanted, size_t used) {
  assert_int_equal(d.st, BR_OK);
  assert_int_equal(d.written, strlen(wanted));
  assert_memory_equal(d.out, wanted, d.written);
  assert_int_equal(d.used, used);
  br_free(d.out);
}

static void words_of_many_languages_are_decoded(void **state) {
  (void)state;
  static const struct {
    unsigned page;
    const char *bytes;
    const char *text;
  } cases[] = {
      {437, "caf\x82 \xE1", "caf\xC3\xA9 \xC3\x9F"},
      {850, "\x84\xD5", "\xC3\xA4\xC4\xB1"},
      {874, "\xE4\xB7\xC2", "\xE0\xB9\x84\xE0\xB8\x97\xE0\xB8\xA2"},
      {932, "\x93\xFA\x96{ \xB1", "\xE6\x97\xA5\xE6\x9C\xAC \xEF\xBD\xB1"},
      {936, "\xD6\xD0\xCE\xC4\x80", "\xE4\xB8\xAD\xE6\x96\x87\xE2\x82\xAC"},
      {949, "\xC7\xD1\xB1\xDB", "\xED\x95\x9C\xEA\xB8\x80"},
      {950, "\xA4\xA4\xA4\xE5", "\xE4\xB8\xAD\xE6\x96\x87"},
      {1250, "\xC8\x65sk\xFD",
       "\xC4\x8C"
       "esk\xC3\xBD"},
      {1251, "\xCC\xE8\xF0", "\xD0\x9C\xD0\xB8\xD1\x80"},
      {1252, "\x80 na\xEFve", "\xE2\x82\xAC na\xC3\xAFve"},
      {1253, "\xE1\xE2", "\xCE\xB1\xCE\xB2"},
      {1254, "\xFE\xDD", "\xC5\x9F\xC4\xB0"},
      {1255, "\xF9", "\xD7\xA9"},
      {1256, "\xC7", "\xD8\xA7"},
      {1257, "\xFE", "\xC5\xBE"},
      {1258, "\xFE", "\xE2\x82\xAB"},
      {65001, "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t length = strlen(cases[i].bytes);
    assert_decoded(decode(cases[i].page, cases[i].bytes, length, false, BATCH_INVALID_ERROR),
                   cases[i].text, length);
    br_buf back;
    br_buf_init(&back, 100);
    assert_int_equal(batch_utf8_to_code_page(cases[i].page, cases[i].text, strlen(cases[i].text),
                                             false, &back, NULL),
                     BR_OK);
    assert_string_equal(br_buf_cstr(&back), cases[i].bytes);
    br_buf_done(&back);
  }
}

/* Windows leaves no single byte undefined: C1 controls and private use stand in. */
static void undefined_single_bytes_are_what_windows_makes_of_them(void **state) {
  (void)state;
  assert_decoded(decode(1252, "\x81\x8D", 2, false, BATCH_INVALID_ERROR), "\xC2\x81\xC2\x8D", 2);
  assert_decoded(decode(1253, "\xAA", 1, false, BATCH_INVALID_ERROR), "\xEF\xA3\xB9", 1);
  assert_decoded(decode(932, "\xA0\xFD", 2, false, BATCH_INVALID_ERROR), "\xEF\xA3\xB0\xEF\xA3\xB1",
                 2);
}

static bool is_lead(const batch_code_page *page, unsigned byte) {
  return byte >= 0x80 && page->rows != NULL && page->rows[byte - 0x80] != 0;
}

/* A code is at most two bytes; its character must come back as it, or as one that means the same.
 */
static void assert_round_trip(const batch_code_page *page, const uint8_t *code, size_t length) {
  uint8_t text[8];
  uint8_t again[8];
  size_t written = 0;
  size_t used = 0;
  br_status st = batch_code_page_to_utf8(page->number, code, length, false, BATCH_INVALID_ERROR,
                                         text, &written, &used, NULL);
  if (st == BR_ERR_DATA && length == 2) {
    return;
  }
  br_buf back;
  br_buf_init(&back, 8);
  if (st != BR_OK || used != length ||
      batch_utf8_to_code_page(page->number, (const char *)text, written, false, &back, NULL) !=
          BR_OK) {
    fail_msg("code page %u: %02X %02X", page->number, code[0], length == 2 ? code[1] : 0);
  }
  size_t text_length = written;
  assert_int_equal(batch_code_page_to_utf8(page->number, back.data, back.len, false,
                                           BATCH_INVALID_ERROR, again, &written, &used, NULL),
                   BR_OK);
  assert_int_equal(written, text_length);
  assert_memory_equal(again, text, text_length);
  br_buf_done(&back);
}

static void every_code_of_every_page_comes_back(void **state) {
  (void)state;
  for (size_t i = 0; i < BATCH_CODE_PAGE_COUNT; i++) {
    const batch_code_page *page = &batch_code_pages[i];
    for (unsigned first = 0; first < 256; first++) {
      uint8_t code[2] = {(uint8_t)first, 0};
      if (!is_lead(page, first)) {
        assert_round_trip(page, code, 1);
        continue;
      }
      for (unsigned second = 0; second < 256; second++) {
        code[1] = (uint8_t)second;
        assert_round_trip(page, code, 2);
      }
    }
  }
}

static void pairs_may_be_cut_at_every_byte(void **state) {
  (void)state;
  static const char bytes[] = "a\x93\xFA\x96{b\xB1"
                              "c and a longer tail of ASCII\x93\xFA";
  static const char text[] = "a\xE6\x97\xA5\xE6\x9C\xAC"
                             "b\xEF\xBD\xB1"
                             "c and a longer tail of ASCII\xE6\x97\xA5";
  for (size_t cut = 0; cut < sizeof bytes; cut++) {
    decoded first = decode(932, bytes, cut, true, BATCH_INVALID_ERROR);
    assert_int_equal(first.st, BR_OK);
    assert_true(first.used <= cut && cut - first.used < 2);
    decoded second =
        decode(932, bytes + first.used, sizeof bytes - 1 - first.used, false, BATCH_INVALID_ERROR);
    assert_int_equal(second.st, BR_OK);
    assert_int_equal(first.written + second.written, sizeof text - 1);
    assert_memory_equal(first.out, text, first.written);
    assert_memory_equal(second.out, text + first.written, second.written);
    br_free(first.out);
    br_free(second.out);
  }
}

static void utf8_may_be_cut_at_every_byte(void **state) {
  (void)state;
  static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  for (size_t cut = 0; cut < sizeof text; cut++) {
    decoded d = decode(BATCH_CP_UTF8, text, cut, true, BATCH_INVALID_ERROR);
    assert_int_equal(d.st, BR_OK);
    assert_true(d.used <= cut && cut - d.used < 4);
    assert_int_equal(d.written, d.used);
    assert_memory_equal(d.out, text, d.written);
    br_free(d.out);
  }
}

static void bytes_that_are_nothing_are_an_error_or_replaced(void **state) {
  (void)state;
  static const struct {
    unsigned page;
    const char *bytes;
    size_t length;
    const char *replaced;
    const char *message;
  } cases[] = {
      {932, "a\x85\x40", 3, "a\xEF\xBF\xBD@", "Byte 85 at 1"},
      {932, "\x85\x9F", 2, "\xEF\xBF\xBD", "Bytes 85 9F at 0"},
      {932, "ab\x93", 3, "ab\xEF\xBF\xBD", "Byte 93 at 2"},
      {949, "\x81\x20x", 3, "\xEF\xBF\xBD x", "Byte 81 at 0"},
      {65001, "x\xFFy", 3, "x\xEF\xBF\xBDy", "Not UTF-8 at byte 1"},
      {65001, "\xE2\x82", 2, "\xEF\xBF\xBD", "Not UTF-8 at byte 0"},
      {65001, "\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "Not UTF-8 at byte 0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_decoded(
        decode(cases[i].page, cases[i].bytes, cases[i].length, false, BATCH_INVALID_REPLACE),
        cases[i].replaced, cases[i].length);
    decoded d = decode(cases[i].page, cases[i].bytes, cases[i].length, false, BATCH_INVALID_ERROR);
    assert_int_equal(d.st, BR_ERR_DATA);
    assert_int_equal(d.written, 999);
    assert_non_null(strstr(d.err.message, cases[i].message));
    br_free(d.out);
  }
}

static void characters_that_a_page_lacks_are_an_error_or_the_best_fit(void **state) {
  (void)state;
  static const struct {
    unsigned page;
    const char *text;
    const char *lossy;
  } cases[] = {
      {1252, "\xE2\x88\x9E", "8"},      /* infinity looks like 8, says Windows */
      {1252, "\xEF\xBD\x81", "a"},      /* full width */
      {1252, "x\xD0\x96y", "x?y"},      /* Cyrillic has no fit */
      {1252, "\xF0\x9F\x98\x80", "??"}, /* one mark for each half of a pair */
      {1251, "\xC3\xA9", "e"},          /* an accent is dropped */
      {437, "\xE2\x82\xAC", "?"},       {936, "\xC3\xA5", "?"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_error err = BR_ERROR_INIT;
    br_buf out;
    br_buf_init(&out, 100);
    size_t length = strlen(cases[i].text);
    assert_int_equal(
        batch_utf8_to_code_page(cases[i].page, cases[i].text, length, false, &out, &err),
        BR_ERR_DATA);
    assert_non_null(strstr(err.message, "has no character U+"));
    assert_int_equal(out.len, 0);
    assert_int_equal(
        batch_utf8_to_code_page(cases[i].page, cases[i].text, length, true, &out, NULL), BR_OK);
    assert_string_equal(br_buf_cstr(&out), cases[i].lossy);
    br_buf_done(&out);
  }
}

static void text_that_is_not_utf8_is_refused(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, 100);
  assert_int_equal(batch_utf8_to_code_page(1252, "ab\xC3", 3, true, &out, NULL), BR_ERR_DATA);
  assert_int_equal(batch_utf8_to_code_page(65001, "ab\xC3", 3, true, &out, NULL), BR_ERR_DATA);
  assert_int_equal(out.len, 0);
  br_buf_done(&out);
}

static void other_code_pages_are_unsupported(void **state) {
  (void)state;
  static const unsigned pages[] = {0, 1, 1200, 1259, 28591, 54936};
  br_buf out;
  br_buf_init(&out, 100);
  for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
    assert_false(batch_code_page_known(pages[i]));
    decoded d = decode(pages[i], "a", 1, false, BATCH_INVALID_ERROR);
    assert_int_equal(d.st, BR_ERR_UNSUPPORTED);
    br_free(d.out);
    assert_int_equal(batch_utf8_to_code_page(pages[i], "a", 1, true, &out, NULL),
                     BR_ERR_UNSUPPORTED);
  }
}

static void *encode_in_a_thread(void *result) {
  br_buf out;
  br_buf_init(&out, 100);
  br_status st = batch_utf8_to_code_page(950, "\xE4\xB8\xAD", 3, false, &out, NULL);
  *(bool *)result = st == BR_OK && out.len == 2 && memcmp(out.data, "\xA4\xA4", 2) == 0;
  br_buf_done(&out);
  return NULL;
}

static void threads_may_need_a_page_for_the_first_time_together(void **state) {
  (void)state;
  pthread_t threads[8];
  bool right[8] = {false};
  for (size_t i = 0; i < 8; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, encode_in_a_thread, &right[i]), 0);
  }
  for (size_t i = 0; i < 8; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(right[i]);
  }
}

static br_status encode(void *context, br_error *err) {
  (void)context;
  br_buf out;
  br_buf_init(&out, 100);
  br_status st = batch_utf8_to_code_page(1258, "\xC3\xA9", 2, false, &out, err);
  br_buf_done(&out);
  return st;
}

static void encoding_survives_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(encode, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      /* First: a page's map is made once in a process. */
      cmocka_unit_test(encoding_survives_every_failing_allocation),
      cmocka_unit_test(threads_may_need_a_page_for_the_first_time_together),
      cmocka_unit_test(words_of_many_languages_are_decoded),
      cmocka_unit_test(undefined_single_bytes_are_what_windows_makes_of_them),
      cmocka_unit_test(every_code_of_every_page_comes_back),
      cmocka_unit_test(pairs_may_be_cut_at_every_byte),
      cmocka_unit_test(utf8_may_be_cut_at_every_byte),
      cmocka_unit_test(bytes_that_are_nothing_are_an_error_or_replaced),
      cmocka_unit_test(characters_that_a_page_lacks_are_an_error_or_the_best_fit),
      cmocka_unit_test(text_that_is_not_utf8_is_refused),
      cmocka_unit_test(other_code_pages_are_unsupported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
