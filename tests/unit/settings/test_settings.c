/* Settings: which source wins, what is a problem, when the sandbox stands in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "settings/settings.h"

enum { BOTH = SETTINGS_SQLSERVER | SETTINGS_DATABRICKS };

/* A folder of its own with a .env of that content; the working directory of the test. */
static void write_env(const char *content) {
  assert_int_equal(br_file_write_atomic("test.env", content, strlen(content), 0600, NULL), BR_OK);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const no_environment[] = {NULL};

static settings *load(const char *const *environment, const char *file) {
  write_env(file);
  settings_load_options options = {.env_file = "test.env", .environment = environment};
  settings *s = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = settings_load(&options, &s, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return s;
}

/* Loads, and asserts what settings_problems() says of both sides. */
static void assert_problems(const char *const *environment, const char *file, size_t errors,
                            size_t warnings, const char *lines) {
  settings *s = load(environment, file);
  br_buf out;
  br_buf_init(&out, 1 << 16);
  size_t found_errors = 99;
  size_t found_warnings = 99;
  assert_int_equal(settings_problems(s, BOTH, &out, &found_errors, &found_warnings, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&out), lines);
  assert_int_equal(found_errors, errors);
  assert_int_equal(found_warnings, warnings);
  br_buf_done(&out);
  settings_free(s);
}

static void the_environment_wins_over_the_file_over_the_default(void **state) {
  (void)state;
  settings *s = load(ENV("SQLSERVER_HOST=env", "LOG_LEVEL="),
                     "SQLSERVER_HOST=file\nSQLSERVER_PORT=1500\nLOG_LEVEL=debug\n");
  assert_string_equal(settings_get(s, SETTING_SQLSERVER_HOST), "env");
  assert_string_equal(settings_origin(s, SETTING_SQLSERVER_HOST), "environment");
  assert_int_equal(settings_u64(s, SETTING_SQLSERVER_PORT), 1500);
  assert_string_equal(settings_origin(s, SETTING_SQLSERVER_PORT), "test.env:2");
  assert_int_equal(settings_u64(s, SETTING_POLLING_INTERVAL_SECONDS), 10);
  assert_string_equal(settings_origin(s, SETTING_POLLING_INTERVAL_SECONDS), "default");
  /* Set to nothing in the environment: hides the file's. */
  assert_string_equal(settings_get(s, SETTING_LOG_LEVEL), "INFO");
  assert_string_equal(settings_get(s, SETTING_SQLSERVER_DATABASE), "");
  assert_false(settings_is_set(s, SETTING_SQLSERVER_DATABASE));
  settings_free(s);
}

static void defaults_are_the_safe_ones(void **state) {
  (void)state;
  settings *s = load(no_environment, "");
  assert_string_equal(settings_get(s, SETTING_SQLSERVER_ENCRYPT), "mandatory");
  assert_false(settings_bool(s, SETTING_SQLSERVER_TRUST_SERVER_CERTIFICATE));
  assert_true(settings_bool(s, SETTING_AUTH_ENABLED));
  assert_int_equal(settings_u64(s, SETTING_SYNC_MAX_DELETE_ROWS), 10000);
  assert_false(settings_strict(s));
  settings_free(s);
}

static void secrets_come_from_files_and_are_never_text(void **state) {
  (void)state;
  assert_int_equal(br_file_write_atomic("secret", "from-a-file\n", 12, 0600, NULL), BR_OK);
  settings *s = load(ENV("SQLSERVER_PASSWORD_FILE=secret"), "DATABRICKS_TOKEN=inline-token");
  assert_string_equal(br_secret_reveal(settings_secret(s, SETTING_SQLSERVER_PASSWORD)),
                      "from-a-file");
  assert_string_equal(settings_origin(s, SETTING_SQLSERVER_PASSWORD), "file secret");
  assert_string_equal(br_secret_reveal(settings_secret(s, SETTING_DATABRICKS_TOKEN)),
                      "inline-token");
  assert_string_equal(settings_get(s, SETTING_DATABRICKS_TOKEN), "");
  char line[] = "it is inline-token or from-a-file";
  br_secret_redact(line);
  assert_null(strstr(line, "inline"));
  assert_null(strstr(line, "from-a"));
  settings_free(s);
  (void)unlink("secret");
}

static void secret_files_that_do_not_work_are_problems(void **state) {
  (void)state;
  assert_int_equal(br_file_write_atomic("secret", "\n", 1, 0600, NULL), BR_OK);
  assert_problems(ENV("SQLSERVER_PASSWORD_FILE=secret"), "", 1, 0,
                  "SQLSERVER_PASSWORD_FILE: secret is empty\n");
  (void)unlink("secret");
  assert_problems(ENV("SQLSERVER_PASSWORD_FILE=secret"), "", 1, 0,
                  "SQLSERVER_PASSWORD_FILE: Can't open secret: No such file or directory\n");
  assert_problems(ENV("SQLSERVER_PASSWORD=x1x2x3", "SQLSERVER_PASSWORD_FILE=secret"), "", 1, 0,
                  "SQLSERVER_PASSWORD and SQLSERVER_PASSWORD_FILE are both set (environment): keep "
                  "one\n");
}

static void aliases_are_read_through_what_they_stand_for(void **state) {
  (void)state;
  settings *s = load(ENV("DATABRICKS_SERVER_HOSTNAME=a.example", "DATABRICKS_ACCESS_TOKEN=tok-1234",
                         "DATABRICKS_HTTP_PATH=/sql/1.0/warehouses/abc123"),
                     "DATABRICKS_HOST=b.example");
  assert_string_equal(settings_get(s, SETTING_DATABRICKS_HOST), "a.example");
  assert_string_equal(br_secret_reveal(settings_secret(s, SETTING_DATABRICKS_TOKEN)), "tok-1234");
  assert_string_equal(settings_get(s, SETTING_DATABRICKS_WAREHOUSE_ID), "abc123");
  settings_free(s);
  assert_problems(ENV("DATABRICKS_SERVER_HOSTNAME=a.example", "DATABRICKS_HOST=b.example"), "", 1,
                  0,
                  "DATABRICKS_HOST (environment) and DATABRICKS_SERVER_HOSTNAME (environment) say "
                  "different things: keep one\n");
  assert_problems(ENV("DATABRICKS_SERVER_HOSTNAME=a.example", "DATABRICKS_HOST=a.example"), "", 0,
                  0, "");
}

static void wrong_values_are_problems_in_any_mode(void **state) {
  (void)state;
  assert_problems(
      no_environment,
      "SQLSERVER_PORT=abc\nSQLSERVER_ENCRYPT=yes\nDEBUG=maybe\nMAX_EVENTS_PER_POLL=0\n"
      "DATABRICKS_HOST=http://w.example\nSYNC_MAX_DELETE_ROWS=-1\n",
      6, 0,
      "DEBUG is 'maybe'; it takes true or false (test.env:3)\n"
      "MAX_EVENTS_PER_POLL is '0'; it takes a whole number from 1 to 10000 (test.env:4)\n"
      "SYNC_MAX_DELETE_ROWS is '-1'; it takes a whole number from 0 (test.env:6)\n"
      "SQLSERVER_PORT is 'abc'; it takes a whole number from 1 to 65535 (test.env:1)\n"
      "SQLSERVER_ENCRYPT is 'yes'; it takes optional, mandatory or strict (test.env:2)\n"
      "DATABRICKS_HOST is 'http://w.example'; http:// would send the token in the clear: use "
      "https:// (test.env:5)\n");
  settings *s = load(ENV("SQLSERVER_PORT=70000"), "");
  assert_int_equal(settings_u64(s, SETTING_SQLSERVER_PORT), 1433);
  settings_free(s);
}

static void plain_http_is_for_loopback_only(void **state) {
  (void)state;
  static const char *const good[] = {"http://127.0.0.1:8080", "http://localhost", "http://[::1]:80",
                                     "https://w.example", "w.example"};
  static const char *const bad[] = {"http://127.0.0.1.evil.example", "http://localhost.example",
                                    "http://10.0.0.1", "ftp://w.example", "https://u@w.example"};
  for (size_t i = 0; i < 10; i++) {
    char text[128];
    (void)snprintf(text, sizeof text, "DATABRICKS_HOST=%s", i < 5 ? good[i] : bad[i - 5]);
    settings *s = load(ENV(text), "");
    br_buf out;
    br_buf_init(&out, 4096);
    size_t errors = 0;
    size_t warnings = 0;
    assert_int_equal(settings_problems(s, 0, &out, &errors, &warnings, NULL), BR_OK);
    assert_int_equal(errors, i < 5 ? 0 : 1);
    br_buf_done(&out);
    settings_free(s);
  }
}

static void unknown_names_are_told_with_the_nearest(void **state) {
  (void)state;
  assert_problems(
      ENV("SQLSERVER_HOTS=x", "SYNC_FOO_BAR_BAZ_QUX=1", "PATH=/bin", "HOST=y",
          "SQLSERVER_HOST_FILE=x"),
      "DATABRICKS_TOKN=secret-text\n", 0, 4,
      "SQLSERVER_HOTS (environment) is not a setting; did you mean SQLSERVER_HOST?\n"
      "SYNC_FOO_BAR_BAZ_QUX (environment) is not a setting\n"
      "SQLSERVER_HOST_FILE (environment) is not a setting; did you mean "
      "SQLSERVER_CA_FILE?\n"
      "DATABRICKS_TOKN (test.env:1) is not a setting; did you mean DATABRICKS_TOKEN?\n");
}

static void a_name_twice_in_the_file_is_told(void **state) {
  (void)state;
  assert_problems(no_environment, "LOG_LEVEL=DEBUG\nLOG_LEVEL=ERROR\n", 0, 1,
                  "LOG_LEVEL (test.env:1) stands again in line 2, which counts\n");
}

static void strict_mode_lists_everything_at_once(void **state) {
  (void)state;
  assert_problems(ENV("ENVIRONMENT=Production", "SQLSERVER_HOST=db.example",
                      "SQLSERVER_PASSWORD=changeme", "DATABRICKS_HOTS=x"),
                  "DATABRICKS_TOKEN=<token>\nDATABRICKS_HOST=https://your-workspace.example\n", 5,
                  0,
                  "SQLSERVER_USERNAME is not set\n"
                  "DATABRICKS_HOTS (environment) is not a setting; did you mean DATABRICKS_HOST?\n"
                  "SQLSERVER_PASSWORD (environment) holds a placeholder, not a value\n"
                  "DATABRICKS_HOST (test.env:2) holds a placeholder, not a value\n"
                  "DATABRICKS_TOKEN (test.env:1) holds a placeholder, not a value\n");
}

static void placeholders_are_recognised_and_real_secrets_are_not(void **state) {
  (void)state;
  static const char *const placeholders[] = {"your-token", "your_password", "changeme", "CHANGEME",
                                             "<token>",    "${TOKEN}",      "xxxx",     "***",
                                             "token",      "password",      "secret"};
  static const char *const real[] = {"dapi0123456789abcdef",
                                     "Yours-truly",
                                     "pass-word-1",
                                     "protect-your-data",
                                     "tokens",
                                     "<a",
                                     "xX1",
                                     "your"};
  for (size_t i = 0; i < 19; i++) {
    char text[128];
    const char *word = i < 11 ? placeholders[i] : real[i - 11];
    (void)snprintf(text, sizeof text, "SQLSERVER_PASSWORD=%s", word);
    settings *s = load(ENV(text), "");
    br_buf out;
    br_buf_init(&out, 4096);
    size_t errors = 0;
    size_t warnings = 0;
    assert_int_equal(settings_problems(s, BOTH, &out, &errors, &warnings, NULL), BR_OK);
    if (warnings != (i < 11 ? 1U : 0U)) {
      print_error("%s\n", word);
    }
    assert_int_equal(warnings, i < 11 ? 1 : 0);
    br_buf_done(&out);
    settings_free(s);
  }
}

static void assert_sandbox(const char *const *environment, unsigned needed, unsigned asked,
                           unsigned sides) {
  settings *s = load(environment, "");
  unsigned got = 99;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(settings_resolve_sandbox(s, needed, asked, &got, &err), BR_OK);
  assert_int_equal(got, sides);
  settings_free(s);
}

#define SQL_SET "SQLSERVER_HOST=h", "SQLSERVER_USERNAME=u", "SQLSERVER_PASSWORD=p4ssw0rd"
#define DBX_SET "DATABRICKS_HOST=h", "DATABRICKS_TOKEN=dapi1234"

static void the_sandbox_stands_in_only_where_it_may(void **state) {
  (void)state;
  assert_sandbox(no_environment, BOTH, 0, BOTH);
  assert_sandbox(no_environment, SETTINGS_SQLSERVER, 0, SETTINGS_SQLSERVER);
  assert_sandbox(ENV("LOG_LEVEL=DEBUG"), BOTH, 0, BOTH);
  assert_sandbox(ENV("SQLSERVER_HOST="), BOTH, 0, BOTH);
  assert_sandbox(ENV(SQL_SET, DBX_SET), BOTH, 0, 0);
  assert_sandbox(ENV(SQL_SET), SETTINGS_SQLSERVER, 0, 0);
  assert_sandbox(ENV(SQL_SET, "USE_DATABRICKS=false"), BOTH, 0, SETTINGS_DATABRICKS);
  assert_sandbox(ENV(SQL_SET), BOTH, SETTINGS_DATABRICKS, SETTINGS_DATABRICKS);
  assert_sandbox(ENV(SQL_SET, DBX_SET), BOTH, BOTH, BOTH);
  assert_sandbox(ENV(SQL_SET), SETTINGS_SQLSERVER, SETTINGS_DATABRICKS, 0);
  assert_sandbox(ENV(SQL_SET, "DATABRICKS_PROFILE=p"), BOTH, 0, 0);
  assert_sandbox(ENV("ENVIRONMENT=production", SQL_SET), SETTINGS_SQLSERVER, 0, 0);
}

static void assert_refused(const char *const *environment, unsigned needed, unsigned asked,
                           const char *message) {
  settings *s = load(environment, "");
  unsigned got = 99;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(settings_resolve_sandbox(s, needed, asked, &got, &err), BR_ERR_USAGE);
  assert_string_equal(err.message, message);
  assert_int_equal(got, 99);
  settings_free(s);
}

static void the_service_in_strict_mode_needs_what_its_poller_needs(void **state) {
  (void)state;
  const unsigned service = SETTINGS_SERVICE | SETTINGS_SQLSERVER;
  assert_refused(ENV("ENVIRONMENT=production", SQL_SET), service, 0,
                 "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these "
                 "settings:\nDATABRICKS_HOST is not set\n"
                 "DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
                 "DATABRICKS_PROFILE) is not set\n"
                 "DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is not set\n"
                 "Only the poller needs both sides: POLLER_ENABLED=false is for one alone");
  assert_refused(ENV("ENVIRONMENT=production", "POLLER_ENABLED=no", "AUTH_ENABLED=no", SQL_SET),
                 service, 0,
                 "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these "
                 "settings:\n"
                 "AUTH_ENABLED (environment) is false; strict mode doesn't serve everybody");
  assert_sandbox(ENV("ENVIRONMENT=production", "POLLER_ENABLED=no", SQL_SET), service, 0, 0);
  assert_sandbox(no_environment, BOTH | SETTINGS_SERVICE, 0, BOTH);
}

static void a_side_that_is_not_configured_is_named(void **state) {
  (void)state;
  assert_refused(ENV(SQL_SET), BOTH, 0,
                 "Databricks is not configured:\nDATABRICKS_HOST is not set\n"
                 "DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
                 "DATABRICKS_PROFILE) is not set\n"
                 "Set it in the environment or .env, or let the embedded one stand in: "
                 "USE_DATABRICKS=false or --sandbox databricks");
  assert_refused(ENV("SQLSERVER_HOTS=h"), SETTINGS_SQLSERVER, 0,
                 "SQL Server is not configured:\nSQLSERVER_HOST is not set\n"
                 "SQLSERVER_USERNAME is not set\nSQLSERVER_PASSWORD is not set\n"
                 "SQLSERVER_HOTS (environment) is not a setting; did you mean SQLSERVER_HOST?\n"
                 "Set it in the environment or .env, or let the embedded one stand in: --sandbox");
  assert_refused(ENV(SQL_SET, "DATABRICKS_HOST=h", "DATABRICKS_CLIENT_ID=i"), BOTH, 0,
                 "Databricks is not configured:\nDATABRICKS_CLIENT_SECRET is not set\n"
                 "Set it in the environment or .env, or let the embedded one stand in: "
                 "USE_DATABRICKS=false or --sandbox databricks");
}

static void strict_mode_never_uses_the_sandbox(void **state) {
  (void)state;
  assert_refused(ENV("USE_DATABRICKS=true", SQL_SET, DBX_SET), BOTH, BOTH,
                 "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these "
                 "settings:\n--sandbox is not allowed");
  assert_refused(ENV("ENVIRONMENT=production"), BOTH, 0,
                 "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these "
                 "settings:\nSQLSERVER_HOST is not set\nSQLSERVER_USERNAME is not set\n"
                 "SQLSERVER_PASSWORD is not set\nDATABRICKS_HOST is not set\n"
                 "DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
                 "DATABRICKS_PROFILE) is not set");
}

static void a_value_put_fills_only_what_is_not_set(void **state) {
  (void)state;
  settings *s = load(ENV("DATABRICKS_HOST=h"), "");
  assert_int_equal(settings_put(s, SETTING_DATABRICKS_HOST, "other", "profile p", NULL), BR_OK);
  assert_int_equal(settings_put(s, SETTING_DATABRICKS_TOKEN, "dapi-99", "profile p", NULL), BR_OK);
  assert_string_equal(settings_get(s, SETTING_DATABRICKS_HOST), "h");
  assert_string_equal(br_secret_reveal(settings_secret(s, SETTING_DATABRICKS_TOKEN)), "dapi-99");
  assert_string_equal(settings_origin(s, SETTING_DATABRICKS_TOKEN), "profile p");
  settings_free(s);
}

static void a_broken_file_fails_with_its_line_and_a_missing_one_only_if_named(void **state) {
  (void)state;
  write_env("A=1\nB");
  settings_load_options options = {.env_file = "test.env", .environment = no_environment};
  settings *s = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(settings_load(&options, &s, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "test.env, line 2: expected NAME=value");
  options.env_file = "missing.env";
  assert_int_equal(settings_load(&options, &s, &err), BR_ERR_NOT_FOUND);
  options.env_file = NULL;
  assert_int_equal(settings_load(&options, &s, &err), BR_OK);
  settings_free(s);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  write_env("SQLSERVER_HOST=h\nSQLSERVER_PORT=x\nSQLSERVER_PASSWORD=p4ssw0rd\nSYNC_X=1\n");
  settings_load_options options = {.env_file = "test.env",
                                   .environment = ENV("DATABRICKS_SERVER_HOSTNAME=h")};
  for (long n = 0;; n++) {
    settings *s = NULL;
    br_mem_fail_after(n);
    br_status st = settings_load(&options, &s, NULL);
    unsigned sides = 0;
    if (st == BR_OK) {
      st = settings_resolve_sandbox(s, BOTH, 0, &sides, NULL);
    }
    br_mem_fail_after(-1);
    settings_free(s);
    br_secret_forget_all();
    if (st == BR_ERR_USAGE) {
      assert_true(n > 20);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

/* The tests write into a folder of their own. */
static int enter_folder(void **state) {
  static char folder[] = "/tmp/test_settings.XXXXXX";
  *state = mkdtemp(folder);
  return *state == NULL ? -1 : chdir(folder);
}

static int leave_folder(void **state) {
  (void)unlink("test.env");
  (void)unlink("secret");
  return chdir("/") != 0 || rmdir(*state) != 0;
}

static void count_report(void *context, const char *name, const char *problem) {
  unsigned *counts = context;
  assert_string_equal(name, "SQLSERVER_PASSWORD");
  counts[problem == NULL ? 0 : 1]++;
}

static void write_secret(const char *text) {
  assert_int_equal(br_file_write_atomic("rotating", text, strlen(text), 0600, NULL), BR_OK);
}

static void secrets_of_files_are_read_again(void **state) {
  (void)state;
  unsigned counts[2] = {0, 0};
  write_secret("first-text\n");
  settings *s = load(ENV("SQLSERVER_PASSWORD_FILE=rotating", "DATABRICKS_TOKEN=stays-1"), "");
  const br_secret *secret = settings_secret(s, SETTING_SQLSERVER_PASSWORD);
  settings_refresh_secrets(s, count_report, counts);
  assert_int_equal(counts[0] + counts[1], 0);
  write_secret("second-text");
  settings_refresh_secrets(s, count_report, counts);
  assert_string_equal(br_secret_reveal(secret), "second-text");
  static const char *const bad[] = {"", "\n", "a\nb"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    write_secret(bad[i]);
    settings_refresh_secrets(s, count_report, counts);
  }
  assert_int_equal(unlink("rotating"), 0);
  settings_refresh_secrets(s, count_report, counts);
  assert_string_equal(br_secret_reveal(secret), "second-text");
  assert_int_equal(counts[0], 1);
  assert_int_equal(counts[1], 1); /* told once, until it is good again */
  write_secret("third-text");
  settings_refresh_secrets(s, count_report, counts);
  settings_refresh_secrets(s, NULL, NULL);
  assert_string_equal(br_secret_reveal(secret), "third-text");
  assert_int_equal(counts[0], 2);
  settings_free(s);
  assert_int_equal(unlink("rotating"), 0);
  br_secret_forget_all();
}

static void passwords_inside_of_other_values_are_redacted(void **state) {
  (void)state;
  static const struct {
    const char *value, *secret;
  } samples[] = {
      {"Server=tcp:db,1433;User ID=sa;Password=first-one;Encrypt=yes", "first-one"},
      {"DRIVER={x};PWD = {second-one}", "second-one"},
      {"https://me:third-one@host/", "third-one"},
      {"https://fourth-one@host", "fourth-one"},
      {"https://host/?access_token=fifth-one&x=y", "fifth-one"},
      {"https://host/a?X-Amz-Signature=sixth-one#@", "sixth-one"},
  };
  static const char *const plain[] = {"db.example", "https://host/path@x", "a=b;c", "password",
                                      "="};
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    br_secret_forget_all();
    char text[200];
    (void)snprintf(text, sizeof text, "SQLSERVER_HOST=%s", samples[i].value);
    settings_free(load(ENV(text), ""));
    (void)snprintf(text, sizeof text, "%s", samples[i].value);
    br_secret_redact(text);
    assert_non_null(strstr(text, "***"));
    assert_null(strstr(text, samples[i].secret));
  }
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    br_secret_forget_all();
    char text[200];
    (void)snprintf(text, sizeof text, "SQLSERVER_HOST=%s", plain[i]);
    settings_free(load(ENV(text), ""));
    br_secret_redact(text);
    assert_string_equal(text + strlen("SQLSERVER_HOST="), plain[i]);
  }
  br_secret_forget_all();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_environment_wins_over_the_file_over_the_default),
      cmocka_unit_test(defaults_are_the_safe_ones),
      cmocka_unit_test(secrets_come_from_files_and_are_never_text),
      cmocka_unit_test(secret_files_that_do_not_work_are_problems),
      cmocka_unit_test(aliases_are_read_through_what_they_stand_for),
      cmocka_unit_test(wrong_values_are_problems_in_any_mode),
      cmocka_unit_test(plain_http_is_for_loopback_only),
      cmocka_unit_test(unknown_names_are_told_with_the_nearest),
      cmocka_unit_test(a_name_twice_in_the_file_is_told),
      cmocka_unit_test(secrets_of_files_are_read_again),
      cmocka_unit_test(passwords_inside_of_other_values_are_redacted),
      cmocka_unit_test(strict_mode_lists_everything_at_once),
      cmocka_unit_test(placeholders_are_recognised_and_real_secrets_are_not),
      cmocka_unit_test(the_sandbox_stands_in_only_where_it_may),
      cmocka_unit_test(the_service_in_strict_mode_needs_what_its_poller_needs),
      cmocka_unit_test(a_side_that_is_not_configured_is_named),
      cmocka_unit_test(strict_mode_never_uses_the_sandbox),
      cmocka_unit_test(a_value_put_fills_only_what_is_not_set),
      cmocka_unit_test(a_broken_file_fails_with_its_line_and_a_missing_one_only_if_named),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
