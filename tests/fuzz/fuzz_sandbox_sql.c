/* SQL of both dialects through lexer and parser; the first byte chooses. */
#include "base/limits.h"
#include "sandbox/sql/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sql_arena arena;
  sql_stmt *stmts = NULL;
  sql_expr *expr = NULL;
  if (size == 0) {
    return 0;
  }
  engine_dialect dialect = (data[0] & 1) == 0 ? ENGINE_TSQL : ENGINE_DATABRICKS;
  sql_arena_init(&arena, BR_MIB(16));
  sql_context whole = {.dialect = dialect,
                       .arena = &arena,
                       .text = (const char *)data + 1,
                       .length = size - 1,
                       .quoted_identifier = (data[0] & 2) == 0};
  sql_context single = whole;
  (void)!sql_parse(&whole, &stmts);
  (void)!sql_parse_expression(&single, &expr);
  sql_arena_done(&arena);
  return 0;
}
