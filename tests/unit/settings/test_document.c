/* docs/SETTINGS.md is what the table of settings says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "settings/table.h"

#ifndef SETTINGS_PAGE
#error "SETTINGS_PAGE names docs/SETTINGS.md"
#endif

static void the_page_is_the_table(void **state) {
  (void)state;
  br_buf made;
  br_buf_init(&made, 1 << 20);
  assert_int_equal(settings_document(&made, NULL), BR_OK);
  if (getenv("BRIDGE_UPDATE_DOCS") != NULL) {
    assert_int_equal(br_file_write_atomic(SETTINGS_PAGE, made.data, made.len, 0644, NULL), BR_OK);
  }
  br_buf page;
  assert_int_equal(br_file_read(SETTINGS_PAGE, 1 << 20, &page, NULL), BR_OK);
  assert_int_equal(page.len, made.len);
  assert_memory_equal(page.data, made.data, made.len);
  br_buf_done(&page);
  br_buf_done(&made);
}

static void every_row_is_complete_and_its_default_is_of_its_kind(void **state) {
  (void)state;
  for (int i = 0; i < SETTING_COUNT; i++) {
    const setting_row *row = &settings_table[i];
    assert_non_null(row->name);
    assert_non_null(row->help);
    assert_int_equal(row->help[strlen(row->help) - 1], '.');
    assert_true((row->kind == SETTING_KIND_CHOICE) == (row->choices != NULL));
    if (row->initial != NULL) {
      br_error err = BR_ERROR_INIT;
      assert_int_equal(settings_check_value(row, row->initial, &err), BR_OK);
    }
  }
}

/* Copied and not filled in, the sample does nothing but remind of its placeholders. */
static void the_sample_of_env_is_understood(void **state) {
  (void)state;
  static const char *const nothing[] = {NULL};
  settings_load_options options = {.env_file = ENV_SAMPLE, .environment = nothing};
  settings *s = NULL;
  assert_int_equal(settings_load(&options, &s, NULL), BR_OK);
  br_buf out;
  br_buf_init(&out, 1 << 16);
  size_t errors = 1;
  size_t warnings = 0;
  assert_int_equal(settings_problems(s, SETTINGS_SQLSERVER | SETTINGS_DATABRICKS, &out, &errors,
                                     &warnings, NULL),
                   BR_OK);
  assert_int_equal(errors, 0);
  assert_true(warnings > 0);
  const char *text = br_buf_cstr(&out);
  size_t placeholders = 0;
  while ((text = strstr(text, "holds a placeholder")) != NULL) {
    placeholders++;
    text++;
  }
  assert_int_equal(placeholders, warnings);
  br_buf_done(&out);
  settings_free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_page_is_the_table),
      cmocka_unit_test(every_row_is_complete_and_its_default_is_of_its_kind),
      cmocka_unit_test(the_sample_of_env_is_understood),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
