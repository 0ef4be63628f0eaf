/*
 * bind_compound.c: VALUES and set operations.
 */
#include "base/limits.h"
#include "sandbox/sql/bind.h"

/* SQLite takes 500 SELECTs in a compound: longer ones are compounds of compounds. */
enum { VALUES_CHUNK = 400 };

static br_status put_row(sql_binder *b, br_buf *out, sql_bound *const *cells, const sql_type *types,
                         size_t width, int32_t line) {
  br_status st = br_buf_text(out, "SELECT ", NULL);
  for (size_t i = 0; i < width && st == BR_OK; i++) {
    const sql_bound *cell =
        bind_convert(b, cells[i], &types[i], SQL_IMPLICIT, SQL_STYLE_NONE, line);
    const char *sql = cell == NULL ? NULL : bind_output(b, cell, i + 1);
    st = sql == NULL ? b->context->status
                     : br_buf_printf(out, NULL, "%s%s", i == 0 ? "" : ", ", sql);
  }
  return st;
}

static const char *values_text(sql_binder *b, sql_bound *const *cells, const sql_type *types,
                               const sql_body *body, size_t width) {
  br_buf out;
  br_buf_init(&out, BR_MIB(256));
  br_status st = BR_OK;
  bool chunks = body->row_count > VALUES_CHUNK;
  for (size_t r = 0; r < body->row_count && st == BR_OK; r++) {
    const char *before = r == 0 && !chunks       ? ""
                         : r == 0                ? "SELECT * FROM ("
                         : r % VALUES_CHUNK != 0 ? " UNION ALL "
                                                 : ") UNION ALL SELECT * FROM (";
    st = br_buf_text(&out, before, NULL);
    if (st == BR_OK) {
      st = put_row(b, &out, cells + r * width, types, width, body->line);
    }
  }
  if (st == BR_OK && chunks) {
    st = br_buf_u8(&out, ')', NULL);
  }
  const char *text = NULL;
  if (st == BR_OK) {
    text = sql_copy(b->context, (const char *)out.data, out.len);
  } else if (!bind_failed(b)) {
    (void)sql_fail_memory(b->context);
  }
  br_buf_done(&out);
  return text;
}

bool bind_values(sql_binder *b, const sql_body *body, sql_bound_query *query) {
  size_t width = body->rows->count;
  sql_bound **cells = sql_new(b->context, width * body->row_count * sizeof(sql_bound *));
  sql_type *types = sql_new(b->context, width * sizeof *types);
  query->count = width;
  query->columns = sql_new(b->context, width * sizeof *query->columns);
  size_t r = 0;
  if (bind_failed(b)) {
    return false;
  }
  for (const sql_row *row = body->rows; row != NULL; row = row->next, r++) {
    size_t i = 0;
    if (row->count != width) {
      (void)(b->is_tsql
                 ? sql_fail(b->context, 10709, row->line,
                            "The number of columns for each row in a table value "
                            "constructor must be the same.")
                 : sql_fail_condition(b->context,
                                      "INVALID_INLINE_TABLE."
                                      "NUM_COLUMNS_MISMATCH",
                                      "42000", "Invalid inline table: rows differ in width."));
      return false;
    }
    for (const sql_expr *e = row->values; e != NULL && i < width; e = e->next, i++) {
      sql_bound *cell = bind_value(b, e);
      sql_bound so_far = {.type = types[i]};
      if (cell == NULL || !bind_common(b, &so_far, cell, "VALUES", e->line, &types[i])) {
        return false;
      }
      query->columns[i].nullable = query->columns[i].nullable || bind_described_nullable(cell);
      cells[r * width + i] = cell;
    }
  }
  query->sql = values_text(b, cells, types, body, width);
  for (size_t i = 0; i < width && !bind_failed(b); i++) {
    query->columns[i].type = types[i];
    query->columns[i].name = b->is_tsql ? "" : sql_text(b->context, "col%zu", i + 1);
  }
  query->single_row = body->row_count == 1;
  return !bind_failed(b);
}

/* One side of a set operation with its columns as the common types. SQLite's compounds bind to the
 * left, so a left side that is one itself and needs no conversion goes on without a level of
 * nesting: its parser has a hundred. */
static const char *align(sql_binder *b, const sql_bound_query *side, const sql_type *types,
                         bool is_left, int32_t line) {
  bool same = is_left && side->compound != NULL;
  sql_item_list list = {0};
  for (size_t i = 0; i < side->count; i++) {
    sql_bound *column = bind_new(b, side->columns[i].type, side->columns[i].nullable,
                                 sql_text(b->context, "c%zu", i + 1));
    sql_bound *cast = bind_convert(b, column, &types[i], SQL_IMPLICIT, SQL_STYLE_NONE, line);
    if (cast == NULL || !bind_add_item(b, &list, cast, "", false)) {
      return NULL;
    }
    same = same && column->sql == cast->sql;
  }
  if (same) {
    return side->compound;
  }
  const char *outputs = bind_output_list(b, &list);
  return outputs == NULL ? NULL : sql_text(b->context, "SELECT %s FROM (%s)", outputs, side->sql);
}

bool bind_set_operation(sql_binder *b, const sql_body *body, sql_bound_query *query) {
  static const char *const words[] = {[SQL_BODY_UNION] = " UNION ",
                                      [SQL_BODY_UNION_ALL] = " UNION ALL ",
                                      [SQL_BODY_INTERSECT] = " INTERSECT ",
                                      [SQL_BODY_EXCEPT] = " EXCEPT "};
  sql_bound_query left = {0};
  sql_bound_query right = {0};
  if (!bind_body(b, body->left, &left) || !bind_body(b, body->right, &right)) {
    return false;
  }
  if (left.count != right.count) {
    (void)(b->is_tsql
               ? sql_fail(b->context, 205, body->line,
                          "All queries combined using a UNION, INTERSECT or EXCEPT operator must "
                          "have an equal number of expressions in their target lists.")
               : sql_fail_condition(b->context, "NUM_COLUMNS_MISMATCH", "42826",
                                    "The set operation can only be performed on inputs with the "
                                    "same number of columns, but the first input has %zu columns "
                                    "and the second input has %zu columns.",
                                    left.count, right.count));
    return false;
  }
  *query = left;
  query->single_row = false;
  sql_type *types = sql_new(b->context, left.count * sizeof *types);
  for (size_t i = 0; types != NULL && i < left.count; i++) {
    sql_bound x = {.type = left.columns[i].type};
    sql_bound y = {.type = right.columns[i].type};
    if (!bind_common(b, &x, &y, "UNION", body->line, &types[i])) {
      return false;
    }
    if (body->kind != SQL_BODY_UNION_ALL && b->is_tsql &&
        sql_type_family(types[i].kind) == SQL_FAMILY_BINARY && types[i].kind != SQL_BINARY) {
      (void)sql_unsupported(b->context, body->line, "UNION, INTERSECT, EXCEPT of varbinary");
      return false;
    }
  }
  const char *l = types == NULL ? NULL : align(b, &left, types, true, body->line);
  const char *r = l == NULL ? NULL : align(b, &right, types, false, body->line);
  if (r == NULL) {
    return false;
  }
  for (size_t i = 0; i < left.count; i++) {
    query->columns[i].type = types[i];
    query->columns[i].nullable = left.columns[i].nullable || right.columns[i].nullable;
  }
  query->compound = sql_text(b->context, "%s%s%s", l, words[body->kind], r);
  if (query->compound != NULL) {
    query->sql = sql_text(b->context, "SELECT * FROM (%s)", query->compound);
  }
  return query->compound != NULL && query->sql != NULL;
}
