/* A folder of its own for a test, as the working directory, and files in it. */
#ifndef TESTS_EXTRACT_FILES_H
#define TESTS_EXTRACT_FILES_H

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

static inline int enter_folder(void **state) {
  char *folder = strdup("/tmp/bridge-extract-XXXXXX");
  *state = folder;
  return folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0 ||
         br_dir_make("q", 0700, NULL) != BR_OK || br_dir_make("c", 0700, NULL) != BR_OK;
}

static inline int leave_folder(void **state) {
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
  int failed = chdir("/") != 0 || system(command) != 0;
  free(*state);
  return failed;
}

static inline void write_bytes(const char *path, const void *bytes, size_t length) {
  assert_int_equal(br_file_write_atomic(path, bytes, length, 0600, NULL), BR_OK);
}

static inline void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

#endif
