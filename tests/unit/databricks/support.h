/* What the tests of the Databricks client share. */
#ifndef TESTS_DATABRICKS_SUPPORT_H
#define TESTS_DATABRICKS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "databricks/client.h"
#include "databricks/databricks.h"
#include "unit/databricks/http_script.h"

#define TEST_TOKEN "dapi-test-token-0123456789"

/* A client for a scripted server, with a token, a warehouse, and no waiting between tries. */
dbx_client *test_client(const char *host);
/* The same with OAuth machine-to-machine. */
dbx_client *test_client_oauth(const char *host);

/* A body in memory. */
typedef struct test_body {
  const char *bytes;
  size_t length;
  uint64_t last_progress;
  size_t reads;
} test_body;
dbx_body test_body_of(test_body *body);

void assert_status(br_status actual, br_status expected, const br_error *err);
void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

#endif
