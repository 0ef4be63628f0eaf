#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sandbox/fault.h"

static bool strikes(sandbox_faults *f, sandbox_fault_action action, const char *text,
                    const char *method) {
  sandbox_fault fault;
  return sandbox_fault_strikes(f, action, text, method, &fault);
}

static void rules_count_only_what_fits(void **state) {
  (void)state;
  sandbox_faults *f = NULL;
  assert_int_equal(
      sandbox_faults_parse("rest.status=500, after=1, times=2, match=/a, method=PUT;;", &f, NULL),
      BR_OK);
  assert_false(strikes(f, SANDBOX_FAULT_REST_STATUS, "/a", "GET"));
  assert_false(strikes(f, SANDBOX_FAULT_REST_STATUS, "/b", "PUT"));
  assert_false(strikes(f, SANDBOX_FAULT_REST_DELAY, "/a", "PUT"));
  assert_false(strikes(f, SANDBOX_FAULT_REST_STATUS, "/a", "PUT")); /* after */
  assert_true(strikes(f, SANDBOX_FAULT_REST_STATUS, "/x/a/", "PUT"));
  assert_true(strikes(f, SANDBOX_FAULT_REST_STATUS, "/a", "PUT"));
  assert_false(strikes(f, SANDBOX_FAULT_REST_STATUS, "/a", "PUT")); /* times */
  sandbox_faults_free(f);
}

static void values_are_handed_over(void **state) {
  (void)state;
  sandbox_faults *f = NULL;
  sandbox_fault fault;
  assert_int_equal(
      sandbox_faults_parse("rest.status=429,retry_after=7; tds.close_row=12", &f, NULL), BR_OK);
  assert_true(sandbox_fault_strikes(f, SANDBOX_FAULT_REST_STATUS, "/", "GET", &fault));
  assert_int_equal(fault.value, 429);
  assert_int_equal(fault.retry_after, 7);
  assert_true(sandbox_fault_strikes(f, SANDBOX_FAULT_TDS_CLOSE_ROW, NULL, NULL, &fault));
  assert_int_equal(fault.value, 12);
  assert_true(fault.retry_after == UINT64_MAX);
  sandbox_faults_free(f);
}

static void no_rules_never_strike(void **state) {
  (void)state;
  sandbox_faults *f = NULL;
  assert_false(strikes(NULL, SANDBOX_FAULT_REST_STATUS, "/", "GET"));
  assert_int_equal(sandbox_faults_parse(NULL, &f, NULL), BR_OK);
  assert_false(strikes(f, SANDBOX_FAULT_REST_STATUS, "/", "GET"));
  sandbox_faults_free(f);
}

static void what_is_not_understood_is_named(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"rest.explode=1", "BRIDGE_SANDBOX_FAULTS: \"rest.explode=1\" is not understood"},
      {"rest.status", "\"rest.status\""},
      {"rest.status=many", "\"rest.status=many\""},
      {"rest.hang_up=1", "\"rest.hang_up=1\""},
      {"rest.status=500,often=1", "\"often=1\""},
      {"rest.status=500,times=x", "\"times=x\""},
      {"rest.status=500,match=", "\"match\""},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sandbox_faults *f = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(sandbox_faults_parse(bad[i][0], &f, &err), BR_ERR_USAGE);
    assert_non_null(strstr(err.message, bad[i][1]));
    assert_null(f);
  }
}

static void too_many_rules_are_refused(void **state) {
  (void)state;
  static char text[65 * 14 + 1];
  for (size_t i = 0; i < 65; i++) {
    memcpy(text + i * 14, "rest.delay=1; ", 14);
  }
  sandbox_faults *f = NULL;
  assert_int_equal(sandbox_faults_parse(text, &f, NULL), BR_ERR_LIMIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rules_count_only_what_fits),
      cmocka_unit_test(values_are_handed_over),
      cmocka_unit_test(no_rules_never_strike),
      cmocka_unit_test(what_is_not_understood_is_named),
      cmocka_unit_test(too_many_rules_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
