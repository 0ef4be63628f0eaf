/* Batches of both dialects, run on a small database; the first byte chooses. Each input has a
 * new file. */
#include <stdio.h>
#include <string.h>

#include "sandbox/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESULTS_MAX = 200, ROWS_MAX = 2000 };

static const char *const schemas[] = {
    "CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int, d decimal(10,2), v varchar(20) UNIQUE, w "
    "nvarchar(max), x datetime2(3), g uniqueidentifier, b varbinary(10), f float CHECK (f > 0));"
    "INSERT INTO t (a, d, v, w, x, b, f) VALUES (1, 2.5, 'abc', N'x', '2020-01-01', 0x01, 1), "
    "(NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE t (id BIGINT, a INT, d DECIMAL(10,2), v STRING, x TIMESTAMP, y ARRAY<STRING>, f "
    "DOUBLE)",
};

static void drain(engine_session *session) {
  engine_result_kind kind;
  int results = 0;
  while (results++ < RESULTS_MAX && engine_next_result(session, &kind, NULL) == BR_OK) {
    batch *b = NULL;
    size_t rows = 0;
    if (kind != ENGINE_ROWS || batch_new(engine_result_schema(session), 16, &b, NULL) != BR_OK) {
      continue;
    }
    while (rows < ROWS_MAX && engine_read_batch(session, b, NULL) == BR_OK) {
      rows += b->rows;
      batch_reset(b, 1024);
    }
    batch_free(b);
  }
}

static void run(engine_session *session, const char *sql, size_t length) {
  if (engine_execute(session, sql, length, NULL, 0, NULL, NULL) == BR_OK) {
    drain(session);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  engine *e = NULL;
  engine_session *session = NULL;
  if (size == 0 || size > 4096 || memmem(data, size, "REPLICATE", 9) != NULL) {
    return 0;
  }
  const engine_options options = {
      .dialect = (data[0] & 1) == 0 ? ENGINE_TSQL : ENGINE_DATABRICKS,
      .path = "/dev/shm/sql-databricks-bridge-fuzz.db",
  };
  (void)remove(options.path);
  if (engine_open(&options, &e, NULL) == BR_OK && engine_session_new(e, &session, NULL) == BR_OK) {
    const char *schema = schemas[data[0] & 1];
    run(session, schema, strlen(schema));
    run(session, (const char *)data + 1, size - 1);
  }
  engine_session_free(session);
  engine_close(e);
  return 0;
}
