/*
 * Files that others wrote, and what is in them: tests/golden/parquet has X.parquet beside X.jsonl
 * (as parquet_interop prints it; checked against the values that went in when they were made).
 * tests/golden_bad/parquet has broken files and files with what is not supported.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "interop/parquet_dump.h"
#include "memory_file.h"

typedef void (*check_file)(const char *folder, const char *name);

/* Calls check for every file that ends in .parquet; returns how many there were. */
static size_t each_file(const char *folder, check_file check) {
  size_t count = 0;
  DIR *d = opendir(folder);
  assert_non_null(d);
  struct dirent *entry = NULL;
  while ((entry = readdir(d)) != NULL) {
    size_t length = strlen(entry->d_name);
    if (length > 8 && strcmp(entry->d_name + length - 8, ".parquet") == 0) {
      check(folder, entry->d_name);
      count++;
    }
  }
  (void)closedir(d);
  return count;
}

static char *dump(const char *path, br_status *ret_status, br_error *err) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  assert_non_null(out);
  *ret_status = parquet_dump(path, out, err);
  assert_int_equal(fclose(out), 0);
  return text;
}

static char *read_whole(const char *path) {
  static char text[1 << 20];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t length = fread(text, 1, sizeof text - 1, file);
  text[length] = '\0';
  (void)fclose(file);
  return text;
}

static void check_good(const char *folder, const char *name) {
  char path[512];
  br_status st = BR_OK;
  br_error err = BR_ERROR_INIT;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  char *got = dump(path, &st, &err);
  if (st != BR_OK) {
    fail_msg("%s: %s", name, err.message);
  }
  (void)snprintf(path, sizeof path, "%s/%.*s.jsonl", folder, (int)strlen(name) - 8, name);
  assert_string_equal(got, read_whole(path));
  free(got);
}

static void files_of_others_read_as_recorded(void **state) {
  (void)state;
  assert_true(each_file(GOLDEN, check_good) >= 10);
}

static void check_bad(const char *folder, const char *name) {
  char path[512];
  br_status st = BR_OK;
  br_error err = BR_ERROR_INIT;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  free(dump(path, &st, &err));
  bool unsupported = strncmp(name, "unsupported-", 12) == 0;
  if (st != (unsupported ? BR_ERR_UNSUPPORTED : BR_ERR_DATA)) {
    fail_msg("%s: %s: %s", name, br_status_name(st), err.message);
  }
  assert_true(err.message[0] != '\0');
}

static void broken_files_are_errors(void **state) {
  (void)state;
  assert_true(each_file(GOLDEN_BAD, check_bad) >= 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_of_others_read_as_recorded),
      cmocka_unit_test(broken_files_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
