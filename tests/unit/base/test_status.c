#include "base/status.h"

#include <errno.h>
#include <string.h>

#include "support/cmocka.h"

static void an_error_is_written_with_its_status(void **state) {
  (void)state;
  br_error err = {.retriable = true, .native_code = 7};
  assert_int_equal(br_error_set(&err, BR_ERR_DATA, "row %d", 3), BR_ERR_DATA);
  assert_int_equal(err.status, BR_ERR_DATA);
  assert_string_equal(err.message, "row 3");
  assert_false(err.retriable);
  assert_int_equal(err.native_code, 0);
}

static void without_an_error_struct_the_status_is_returned_all_the_same(void **state) {
  (void)state;
  assert_int_equal(br_error_set(NULL, BR_ERR_DATA, "x"), BR_ERR_DATA);
  assert_int_equal(br_error_context(NULL, BR_ERR_IO, "x"), BR_ERR_IO);
  assert_int_equal(br_error_append(NULL, BR_ERR_IO, "x"), BR_ERR_IO);
  assert_int_equal(br_error_errno(NULL, ENOSPC, "x"), BR_ERR_DISK_FULL);
  assert_int_equal(br_error_nomem(NULL), BR_ERR_NOMEM);
  assert_int_equal(br_error_set_retriable(NULL, BR_ERR_NETWORK), BR_ERR_NETWORK);
  br_error_clear(NULL);
}

static void context_goes_in_front_and_text_behind(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_DATA, "not a number");
  err.native_code = 245;
  br_error_set_retriable(&err, BR_ERR_DATA);
  assert_int_equal(br_error_context(&err, BR_ERR_DATA, "column %s", "a"), BR_ERR_DATA);
  assert_int_equal(br_error_append(&err, BR_ERR_DATA, " (row %d)", 9), BR_ERR_DATA);
  assert_string_equal(err.message, "column a: not a number (row 9)");
  assert_int_equal(err.native_code, 245);
  assert_true(err.retriable);
}

static void a_long_message_is_cut_between_characters(void **state) {
  (void)state;
  char text[BR_ERROR_MESSAGE_MAX + 100];
  for (size_t i = 0; i < sizeof text - 1; i += 2) {
    memcpy(text + i, "\xC3\xA9", 2);
  }
  text[sizeof text - 1] = '\0';
  for (int shift = 0; shift < 2; shift++) {
    br_error err = BR_ERROR_INIT;
    br_error_set(&err, BR_ERR_DATA, "%s%s", shift == 0 ? "" : "x", text);
    size_t length = strlen(err.message);
    assert_true(length >= BR_ERROR_MESSAGE_MAX - 3);
    assert_int_equal(length % 2, shift);
    br_error_context(&err, BR_ERR_DATA, "where");
    length = strlen(err.message);
    assert_memory_equal(err.message, "where: ", 7);
    assert_int_equal((length - 7) % 2, shift);
    br_error_append(&err, BR_ERR_DATA, "\xC3\xA9\xC3\xA9\xC3\xA9");
    assert_int_equal((strlen(err.message) - 7) % 2, shift);
  }
}

static void context_that_leaves_no_room_is_dropped(void **state) {
  (void)state;
  char text[BR_ERROR_MESSAGE_MAX];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_DATA, "what");
  assert_int_equal(br_error_context(&err, BR_ERR_DATA, "%s", text), BR_ERR_DATA);
  assert_string_equal(err.message, "what");
}

static void a_cleared_error_has_nothing_in_it(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_error_errno(&err, EACCES, "x");
  br_error_set_retriable(&err, BR_ERR_IO);
  br_error_clear(&err);
  assert_int_equal(err.status, BR_OK);
  assert_int_equal(err.native_code, 0);
  assert_false(err.retriable);
  assert_string_equal(err.message, "");
}

static void errno_decides_the_status(void **state) {
  (void)state;
  static const struct {
    int errnum;
    br_status status;
  } cases[] = {
      {ENOSPC, BR_ERR_DISK_FULL}, {EDQUOT, BR_ERR_DISK_FULL}, {ENOENT, BR_ERR_NOT_FOUND},
      {EEXIST, BR_ERR_EXISTS},    {ENOMEM, BR_ERR_NOMEM},     {EACCES, BR_ERR_IO},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_error err = BR_ERROR_INIT;
    assert_int_equal(br_error_errno(&err, cases[i].errnum, "open %s", "f"), cases[i].status);
    assert_int_equal(err.native_code, cases[i].errnum);
    assert_non_null(strstr(err.message, "open f: "));
    assert_non_null(strstr(err.message, strerror(cases[i].errnum)));
  }
}

static void every_status_has_a_name_of_its_own(void **state) {
  (void)state;
  for (int a = BR_OK; a <= BR_ERR_INTERNAL; a++) {
    assert_string_not_equal(br_status_name((br_status)a), "unknown status");
    for (int b = BR_OK; b < a; b++) {
      assert_string_not_equal(br_status_name((br_status)a), br_status_name((br_status)b));
    }
  }
  assert_string_equal(br_status_name((br_status)99), "unknown status");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_error_is_written_with_its_status),
      cmocka_unit_test(without_an_error_struct_the_status_is_returned_all_the_same),
      cmocka_unit_test(context_goes_in_front_and_text_behind),
      cmocka_unit_test(a_long_message_is_cut_between_characters),
      cmocka_unit_test(context_that_leaves_no_room_is_dropped),
      cmocka_unit_test(a_cleared_error_has_nothing_in_it),
      cmocka_unit_test(errno_decides_the_status),
      cmocka_unit_test(every_status_has_a_name_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
