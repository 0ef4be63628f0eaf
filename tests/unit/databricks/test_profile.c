/* Profiles of ~/.databrickscfg. */
#include "databricks/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/databricks/support.h"

static const char sample[] = "; comment\r\n"
                             "[DEFAULT]\r\n"
                             "host = https://default.example\r\n"
                             "token=dapi=with=equals\r\n"
                             "# comment\n"
                             "\n"
                             "[ staging ]\n"
                             "  HOST : staging.example\n"
                             "client_id = abc\n"
                             "client_secret = s # not a comment\n"
                             "empty =\n"
                             "[__settings__]\n"
                             "default_profile = staging";

static br_status parse(const char *text, const char *name, dbx_profile **ret, br_error *err) {
  *ret = NULL;
  return dbx_profile_parse(text, strlen(text), "cfg", name, ret, err);
}

static void settings_name_the_default_profile(void **state) {
  (void)state;
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(parse(sample, NULL, &profile, &err), BR_OK, &err);
  assert_string_equal(dbx_profile_get(profile, "host"), "staging.example");
  assert_string_equal(dbx_profile_get(profile, "client_secret"), "s # not a comment");
  assert_string_equal(dbx_profile_get(profile, "empty"), "");
  assert_null(dbx_profile_get(profile, "token")); /* nothing is inherited from DEFAULT */
  dbx_profile_free(profile);
}

static void named_profile_wins(void **state) {
  (void)state;
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(parse(sample, "DEFAULT", &profile, &err), BR_OK, &err);
  assert_string_equal(dbx_profile_get(profile, "token"), "dapi=with=equals");
  dbx_profile_free(profile);
}

static void default_is_meant_where_nothing_is_said(void **state) {
  (void)state;
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(parse("\xEF\xBB\xBF[DEFAULT]\nhost=h", NULL, &profile, &err), BR_OK, &err);
  assert_string_equal(dbx_profile_get(profile, "host"), "h");
  dbx_profile_free(profile);
}

static void missing_profile_is_named(void **state) {
  (void)state;
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(parse(sample, "prod", &profile, &err), BR_ERR_NOT_FOUND, &err);
  assert_string_equal(err.message, "cfg has no profile \"prod\"");
  assert_status(parse("", NULL, &profile, &err), BR_ERR_NOT_FOUND, &err);
  assert_string_equal(err.message, "cfg has no profile \"DEFAULT\"");
  assert_status(parse(sample, "__settings__", &profile, &err), BR_ERR_NOT_FOUND, &err);
  assert_null(profile);
}

static void broken_line_is_named_and_its_text_is_not_shown(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *message;
  } cases[] = {
      {"host = x", "cfg, line 1: a key before the first [section]"},
      {"[a]\nsecret-value", "cfg, line 2: neither [section] nor key = value"},
      {"[a\n", "cfg, line 1: a section must be written as [name]"},
      {"[]\n", "cfg, line 1: a section must be written as [name]"},
      {"[a]\n\n= secret-value", "cfg, line 3: a value without a key"},
      {"[a]\n[b]\n[a]", "cfg, line 3: this section is there twice"},
      {"[a]\ntoken=1\nTOKEN = secret-value", "cfg, line 3: this key is in the section twice"},
      {"[a]\nx=\xff", "cfg, line 2: not UTF-8 text"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dbx_profile *profile = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(parse(cases[i].text, "a", &profile, &err), BR_ERR_DATA, &err);
    assert_string_equal(err.message, cases[i].message);
  }
}

static void file_is_read_from_a_path_and_from_the_home_folder(void **state) {
  (void)state;
  char folder[] = "/tmp/dbx-profile-XXXXXX";
  assert_non_null(mkdtemp(folder));
  char path[64];
  (void)snprintf(path, sizeof path, "%s/.databrickscfg", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(sample, file) >= 0);
  assert_int_equal(fclose(file), 0);
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_profile_load(path, "DEFAULT", &profile, &err), BR_OK, &err);
  dbx_profile_free(profile);
  assert_int_equal(setenv("HOME", folder, 1), 0);
  assert_status(dbx_profile_load(NULL, NULL, &profile, &err), BR_OK, &err);
  assert_string_equal(dbx_profile_get(profile, "client_id"), "abc");
  dbx_profile_free(profile);
  assert_int_equal(unlink(path), 0);
  assert_status(dbx_profile_load(path, NULL, &profile, &err), BR_ERR_NOT_FOUND, &err);
  assert_contains(err.message, path);
  assert_int_equal(unsetenv("HOME"), 0);
  assert_status(dbx_profile_load(NULL, NULL, &profile, &err), BR_ERR_NOT_FOUND, &err);
  assert_int_equal(rmdir(folder), 0);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  dbx_profile *profile = NULL;
  br_error err = BR_ERROR_INIT;
  br_mem_fail_after(-1);
  assert_status(parse(sample, NULL, &profile, &err), BR_OK, &err);
  long count = br_mem_count();
  dbx_profile_free(profile);
  for (long i = 0; i < count; i++) {
    br_mem_fail_after(i);
    br_status st = parse(sample, NULL, &profile, &err);
    br_mem_fail_after(-1);
    assert_status(st, BR_ERR_NOMEM, &err);
    assert_null(profile);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_name_the_default_profile),
      cmocka_unit_test(named_profile_wins),
      cmocka_unit_test(default_is_meant_where_nothing_is_said),
      cmocka_unit_test(missing_profile_is_named),
      cmocka_unit_test(broken_line_is_named_and_its_text_is_not_shown),
      cmocka_unit_test(file_is_read_from_a_path_and_from_the_home_folder),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
