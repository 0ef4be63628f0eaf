/*
 * torture.h: runs a piece of code once per allocation that it makes, with that one failing.
 *
 *   static br_status build(void *context, br_error *err) { … free what was made … }
 *   torture_allocations(build, NULL);
 *
 * The code must answer each failure with BR_ERR_NOMEM and free all it has (the sanitizer sees
 * leaks), and succeed once nothing fails. It must really allocate: a run without is a test's bug.
 */
#ifndef TESTS_SUPPORT_TORTURE_H
#define TESTS_SUPPORT_TORTURE_H

#include "base/mem.h"
#include "support/cmocka.h"

static inline void torture_allocations(br_status (*run)(void *context, br_error *err),
                                       void *context) {
  enum { FAR_TOO_MANY = 100000 };
  for (long n = 0; n < FAR_TOO_MANY; n++) {
    br_error err = BR_ERROR_INIT;
    br_mem_fail_after(n);
    br_status st = run(context, &err);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 0);
      return;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
    assert_int_equal(err.status, BR_ERR_NOMEM);
    assert_string_not_equal(err.message, "");
  }
  fail_msg("still failing after %d allocations", (int)FAR_TOO_MANY);
}

#endif
