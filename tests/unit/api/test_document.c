/* docs/API.md holds the table of routes as it is; BRIDGE_UPDATE_DOCS=1 puts it there. */
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/file.h"
#include "base/limits.h"
#include "support/cmocka.h"

static const char begin[] = "<!-- routes -->\n", end[] = "<!-- end of routes -->\n";

static void the_page_shows_the_routes(void **state) {
  (void)state;
  br_buf page, want;
  br_buf_init(&want, BR_MIB(1));
  assert_int_equal(br_file_read(API_PAGE, BR_MIB(1), &page, NULL), BR_OK);
  const char *text = br_buf_cstr(&page);
  assert_non_null(text);
  const char *from = strstr(text, begin);
  const char *to = from == NULL ? NULL : strstr(from, end);
  assert_non_null(to);
  from += strlen(begin);
  assert_int_equal(br_buf_append(&want, text, (size_t)(from - text), NULL), BR_OK);
  assert_int_equal(api_document(&want, NULL), BR_OK);
  assert_int_equal(br_buf_text(&want, to, NULL), BR_OK);
  const char *update = getenv("BRIDGE_UPDATE_DOCS");
  if (update != NULL && strcmp(update, "1") == 0) {
    assert_int_equal(br_file_write_atomic(API_PAGE, want.data, want.len, 0644, NULL), BR_OK);
  } else {
    assert_string_equal(text, br_buf_cstr(&want));
  }
  br_buf_done(&page);
  br_buf_done(&want);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_shows_the_routes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
