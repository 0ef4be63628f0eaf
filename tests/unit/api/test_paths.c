/* Folders of requests: inside the allowed ones, whatever is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/paths.h"
#include "base/mem.h"
#include "support/cmocka.h"

static char root[64];

static const char *below(const char *name) {
  static char texts[8][256];
  static unsigned next;
  char *text = texts[next++ % 8];
  (void)snprintf(text, 256, "%s/%s", root, name);
  return text;
}

static int set_up(void **state) {
  (void)state;
  (void)snprintf(root, sizeof root, "/tmp/api-paths-XXXXXX");
  return mkdtemp(root) == NULL || mkdir(below("in"), 0700) != 0 ||
                 mkdir(below("in/deep"), 0700) != 0 || mkdir(below("inner"), 0700) != 0 ||
                 mkdir(below("out"), 0700) != 0 || symlink(below("out"), below("in/away")) != 0 ||
                 symlink("deep", below("in/near")) != 0 || symlink("loop", below("in/loop")) != 0 ||
                 symlink("nothing", below("in/dangling")) != 0 || chdir(root) != 0
             ? -1
             : 0;
}

static int tear_down(void **state) {
  (void)state;
  static const char *const links[] = {"in/away", "in/near", "in/loop", "in/dangling"};
  static const char *const dirs[] = {"in/deep", "in", "inner", "out", ""};
  for (size_t i = 0; i < 4; i++) {
    (void)unlink(below(links[i]));
  }
  for (size_t i = 0; i < 5; i++) {
    (void)rmdir(below(dirs[i]));
  }
  return 0;
}

/* want: the path below root, or NULL for a failure of this status. */
static void assert_path(const char *path, bool may_be_new, const char *want, br_status status) {
  char *real = NULL;
  char allowed[256];
  (void)snprintf(allowed, sizeof allowed, "%s:/nowhere/at/all:", below("in"));
  br_error err = BR_ERROR_INIT;
  assert_int_equal(api_path_resolve(allowed, path, may_be_new, &real, &err), status);
  if (want != NULL) {
    assert_string_equal(real, below(want));
  } else {
    assert_null(real);
    assert_string_not_equal(err.message, "");
  }
  br_free(real);
}

static void what_is_inside_is_found(void **state) {
  (void)state;
  assert_path(below("in"), false, "in", BR_OK);
  assert_path("in", false, "in", BR_OK);
  assert_path("./in//deep/", false, "in/deep", BR_OK);
  assert_path("in/near", false, "in/deep", BR_OK);
  assert_path("out/../in/deep", false, "in/deep", BR_OK);
  assert_path("in/new", false, NULL, BR_ERR_NOT_FOUND);
  assert_path("in/new/newer", true, "in/new/newer", BR_OK);
  assert_path("in/near/new", true, "in/deep/new", BR_OK);
  assert_path("in/dangling", false, NULL, BR_ERR_AUTH); /* made through it, it could be anywhere */
  assert_path("in/dangling", true, NULL, BR_ERR_AUTH);
  assert_path("in/dangling/new", true, NULL, BR_ERR_AUTH);
}

static void what_is_outside_is_refused(void **state) {
  (void)state;
  static const char *const tricks[] = {
      "out",
      "in/..",
      "in/../out",
      "in/away",
      "in/away/",
      "in/away/new",
      "in/deep/../../out",
      "/",
      "/etc",
      "..",
      "inner",
      "nowhere",
      "in/loop",
      "in/loop/x",
      "/proc/self/cwd/out",
      "../../../../etc",
      "in/near/../../out",
  };
  for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++) {
    assert_path(tricks[i], false, NULL, BR_ERR_AUTH);
    assert_path(tricks[i], true, NULL, BR_ERR_AUTH);
  }
  /* What does not exist can't be stepped out of. */
  assert_path("in/new/../../out", true, NULL, BR_ERR_AUTH);
  assert_path("in/new/../x", true, NULL, BR_ERR_AUTH);
  assert_path("in/new/./x", true, NULL, BR_ERR_AUTH);
}

static void what_is_no_path_is_refused(void **state) {
  (void)state;
  char longest[5000];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  assert_path("", false, NULL, BR_ERR_USAGE);
  assert_path(longest, true, NULL, BR_ERR_USAGE);
  assert_path("in/\xff", true, NULL, BR_ERR_USAGE);
  longest[300] = '\0';
  assert_path(longest, true, NULL, BR_ERR_AUTH); /* a name that no file system takes */
}

static void volumes_have_no_dots(void **state) {
  (void)state;
  assert_int_equal(api_path_check_volume("/Volumes/a/b/c/d..e/...", NULL), BR_OK);
  assert_int_equal(api_path_check_volume("/Volumes/a/b/c/../d", NULL), BR_ERR_USAGE);
  assert_int_equal(api_path_check_volume("/Volumes/a/b/c/.", NULL), BR_ERR_USAGE);
  assert_int_equal(api_path_check_volume("/Volumes/a/b/c/..", NULL), BR_ERR_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_inside_is_found),
      cmocka_unit_test(what_is_outside_is_refused),
      cmocka_unit_test(what_is_no_path_is_refused),
      cmocka_unit_test(volumes_have_no_dots),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
