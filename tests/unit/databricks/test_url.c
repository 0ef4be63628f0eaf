/* Host names, paths and query values. */
#include <string.h>

#include "base/mem.h"
#include "databricks/url.h"
#include "unit/databricks/support.h"

static void hosts_as_people_write_them_become_one_base(void **state) {
  (void)state;
  static const struct {
    const char *host;
    const char *base;
  } cases[] = {
      {"adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net"},
      {"https://x.cloud.databricks.com/", "https://x.cloud.databricks.com"},
      {"HTTPS://x.cloud.databricks.com", "https://x.cloud.databricks.com"},
      {"https://x.cloud.databricks.com/?o=123#job/1", "https://x.cloud.databricks.com"},
      {"https://x.cloud.databricks.com:443", "https://x.cloud.databricks.com"},
      {"https://x.cloud.databricks.com:8443/a/b", "https://x.cloud.databricks.com:8443"},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
      {"http://localhost", "http://localhost"},
      {"http://[::1]:80/", "http://[::1]:80"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *base = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_url_base(cases[i].host, &base, &err), BR_OK, &err);
    assert_string_equal(base, cases[i].base);
    br_free(base);
  }
}

static void clear_text_to_other_machines_is_refused(void **state) {
  (void)state;
  static const char *const hosts[] = {
      "http://x.cloud.databricks.com",
      "http://127.0.0.1.example.com",
      "http://localhost.example",
      "http://10.0.0.1",
      "http://[::2]",
      "http://[::ffff:10.0.0.1]",
      "http://127.0.0.1@example.com",
  };
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    char *base = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_url_base(hosts[i], &base, &err), BR_ERR_USAGE, &err);
    assert_null(base);
  }
}

static void what_is_no_host_is_refused(void **state) {
  (void)state;
  static const char *const hosts[] = {
      "",     "https://",     "ftp://x",   "a b", "user:pw@x", "https://x:y/", "https://x:65536",
      "[::1", "x\r\nEvil: 1", "https://[]"};
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    char *base = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_url_base(hosts[i], &base, &err), BR_ERR_USAGE, &err);
  }
}

static void only_safe_urls_may_carry_credentials(void **state) {
  (void)state;
  assert_true(dbx_url_is_safe("https://example.com/oidc"));
  assert_true(dbx_url_is_safe("http://127.0.0.1:1/oidc"));
  assert_false(dbx_url_is_safe("http://example.com/oidc"));
  assert_false(dbx_url_is_safe("file:///etc/passwd"));
  assert_false(dbx_url_is_safe("https"));
}

static void assert_path(const char *path, const char *expected) {
  br_buf url;
  br_buf_init(&url, 4096);
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_url_append_path(&url, path, &err), BR_OK, &err);
  assert_string_equal(br_buf_cstr(&url), expected);
  br_buf_done(&url);
}

/* The right-hand sides are what Python's urllib.parse.quote() gives. */
static void paths_are_encoded_like_the_official_client_does(void **state) {
  (void)state;
  assert_path("/Volumes/c/s/v/a-b_c.d~e", "/Volumes/c/s/v/a-b_c.d~e");
  assert_path("/Volumes/c/s/v/d e#f?g%h", "/Volumes/c/s/v/d%20e%23f%3Fg%25h");
  assert_path("/Volumes/ñ/日", "/Volumes/%C3%B1/%E6%97%A5");
  assert_path("/a/!\"$&'()*+,:;<=>@[\\]^`{|}",
              "/a/%21%22%24%26%27%28%29%2A%2B%2C%3A%3B%3C%3D%3E%40%5B%5C%5D%5E%60%7B%7C%7D");
  assert_path("/a/\x01\x7f", "/a/%01%7F");
  assert_path("/a/b/", "/a/b/");
  assert_path("/a/..b/...", "/a/..b/...");
}

static void paths_that_mean_another_are_refused(void **state) {
  (void)state;
  static const char *const paths[] = {"",     "a/b",     "//a", "/a//b",   "/a/../b",
                                      "/a/.", "/a/b/..", "/",   "/a/\xff", "/./a"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    br_buf url;
    br_buf_init(&url, 4096);
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_url_append_path(&url, paths[i], &err), BR_ERR_USAGE, &err);
    assert_int_equal(url.len, 0);
    br_buf_done(&url);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hosts_as_people_write_them_become_one_base),
      cmocka_unit_test(clear_text_to_other_machines_is_refused),
      cmocka_unit_test(what_is_no_host_is_refused),
      cmocka_unit_test(only_safe_urls_may_carry_credentials),
      cmocka_unit_test(paths_are_encoded_like_the_official_client_does),
      cmocka_unit_test(paths_that_mean_another_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
