/* Destinations: which form is a volume, which a folder, and which is refused before anything runs.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "extract/place.h"
#include "support/cmocka.h"

static void refuse(const char *destination, const char *because) {
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_place_check(destination, &err), BR_ERR_USAGE);
  assert_non_null(strstr(err.message, because));
}

static void accept(const char *destination) {
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_place_check(destination, &err), BR_OK);
}

static void test_volumes_and_folders_are_accepted(void **state) {
  (void)state;
  accept("/Volumes/main/sales/landing");
  accept("/Volumes/main/sales/landing/deeper/");
  accept("out");
  accept("./main.sales");
  accept("/srv/volumes/out");
}

static void test_a_volume_needs_three_names(void **state) {
  (void)state;
  refuse("/Volumes", "write /Volumes/catalog/schema/volume");
  refuse("/Volumes/main", "write /Volumes/catalog/schema/volume");
  refuse("/Volumes/main//sales/", "write /Volumes/catalog/schema/volume");
}

static void test_tables_are_refused(void **state) {
  (void)state;
  refuse("main.sales", "Delta tables are not supported");
  refuse("main.sales.{query}", "Delta tables are not supported");
  refuse("", "is empty");
}

static void test_addresses_of_other_storages_make_no_folder_here(void **state) {
  (void)state;
  refuse("dbfs:/Volumes/main/sales/landing", "write /Volumes/catalog/schema/volume");
  refuse("s3://bucket/landing", "is no path");
  refuse("abfss://c@a.dfs.core.windows.net/landing", "is no path");
}

static void test_a_volume_nearly_spelt_right_makes_no_folder_here(void **state) {
  char root[] = "/tmp/bridge-place-XXXXXX";
  (void)state;
  assert_non_null(mkdtemp(root));
  assert_int_equal(chdir(root), 0);
  refuse("/VOLUMES/main/sales/landing", "begins with /Volumes/");
  refuse("Volumes/main/sales/landing", "begins with /Volumes/");
  assert_int_equal(br_dir_make("Volumes", 0700, NULL), BR_OK);
  accept("Volumes/main/sales/landing"); /* the folder is there: it is meant */
  assert_int_equal(rmdir("Volumes"), 0);
  assert_int_equal(rmdir(root), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_volumes_and_folders_are_accepted),
      cmocka_unit_test(test_a_volume_needs_three_names),
      cmocka_unit_test(test_tables_are_refused),
      cmocka_unit_test(test_addresses_of_other_storages_make_no_folder_here),
      cmocka_unit_test(test_a_volume_nearly_spelt_right_makes_no_folder_here),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
