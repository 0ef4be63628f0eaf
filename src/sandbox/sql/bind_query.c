/*
 * bind_query.c: SELECT, VALUES, set operations, ORDER BY and limits.
 */
#include "sandbox/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

bool bind_add_item(sql_binder *b, sql_item_list *list, sql_bound *item, const char *name,
                   bool identity) {
  if (item == NULL || list->count == BR_LIMIT_COLUMNS) {
    return !bind_failed(b) && sql_unsupported(b->context, 1, "More than 4096 columns") != NULL;
  }
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    sql_bound **items = sql_new(b->context, capacity * sizeof(sql_bound *));
    const char **names = sql_new(b->context, capacity * sizeof *names);
    bool *flags = sql_new(b->context, capacity * sizeof *flags);
    if (items == NULL || names == NULL || flags == NULL) {
      return false;
    }
    if (list->count != 0) {
      memcpy(items, list->items, list->count * sizeof(sql_bound *));
      memcpy(names, list->names, list->count * sizeof *names);
      memcpy(flags, list->identity, list->count * sizeof *flags);
    }
    list->items = items;
    list->names = names;
    list->identity = flags;
    list->capacity = capacity;
  }
  list->items[list->count] = item;
  list->identity[list->count] = identity;
  list->names[list->count++] = name == NULL ? "" : name;
  return true;
}

static bool star_matches(const sql_source *source, const sql_name *qualifier) {
  if (qualifier->count == 0) {
    return true;
  }
  if (!br_text_equal_nocase(source->name, qualifier->parts[qualifier->count - 1])) {
    return false;
  }
  return qualifier->count < 2 ||
         (source->schema != NULL &&
          br_text_equal_nocase(source->schema, qualifier->parts[qualifier->count - 2]));
}

static bool expand_star(sql_binder *b, const sql_expr *expr, sql_item_list *list) {
  bool found = false;
  for (const sql_source *s = b->scope->sources; s != NULL; s = s->next) {
    if (!star_matches(s, &expr->name)) {
      continue;
    }
    found = true;
    for (size_t i = 0; i < s->count; i++) {
      sql_name name = {.parts = {s->name, s->columns[i].name}, .count = 2, .line = expr->line};
      const sql_source_column *c = &s->columns[i];
      if (b->scope->grouped && bind_column(b, &name) == NULL) {
        return false;
      }
      sql_bound *item = bind_new(b, c->type, c->nullable, c->sql);
      if (item != NULL) {
        item->proven = true;
      }
      if (!bind_add_item(b, list, item, c->name, c->identity)) {
        return false;
      }
    }
  }
  if (!found && b->is_tsql) {
    (void)(expr->name.count == 0
               ? sql_fail(b->context, 263, expr->line, "Must specify table to select from.")
               : sql_fail(b->context, 107, expr->line,
                          "The column prefix '%s' does not match with a table name or alias name "
                          "used in the query.",
                          expr->name.parts[expr->name.count - 1]));
  } else if (!found) {
    (void)sql_fail_condition(b->context, "INVALID_USAGE_OF_STAR_OR_REGEX", "42000",
                             "Invalid usage of '*' in query.");
  }
  return found;
}

/* Databricks names a column after its text. */
static const char *item_name(sql_binder *b, const sql_item *item, const sql_bound *bound) {
  if (item->alias != NULL) {
    return item->alias;
  }
  if (bound->column != NULL) {
    return bound->column;
  }
  if (b->is_tsql) {
    return "";
  }
  const sql_expr *e = item->expr;
  if (e->kind == SQL_E_FUNCTION && e->star) {
    return sql_text(b->context, "%s(1)", e->text);
  }
  if (e->kind == SQL_E_FUNCTION && e->count <= 1 &&
      (e->count == 0 || e->list->kind == SQL_E_COLUMN)) {
    return sql_text(b->context, "%s(%s)", e->text,
                    e->count == 0 ? "" : e->list->name.parts[e->list->name.count - 1]);
  }
  if (e->kind == SQL_E_NUMBER || e->kind == SQL_E_STRING) {
    return e->text;
  }
  return "expression";
}

static bool bind_items(sql_binder *b, const sql_select *select, sql_item_list *list) {
  b->scope->clause = SQL_CLAUSE_SELECT;
  for (const sql_item *item = select->items; item != NULL; item = item->next) {
    if (item->expr->kind == SQL_E_STAR) {
      if (!expand_star(b, item->expr, list)) {
        return false;
      }
      continue;
    }
    sql_bound *bound = bind_expr(b, item->expr);
    if (bound != NULL && bound->condition) {
      (void)sql_fail(b->context, 102, item->expr->line, "Incorrect syntax near '='.");
    }
    if (bound == NULL || bind_failed(b)) {
      return false;
    }
    bool identity = false;
    if (!bind_add_item(b, list, bound, item_name(b, item, bound), identity)) {
      return false;
    }
  }
  return true;
}

const char *bind_output(sql_binder *b, const sql_bound *value, size_t number) {
  const char *sql = bind_collated(b, value);
  return sql == NULL ? NULL : sql_text(b->context, "%s AS c%zu", sql, number);
}

const char *bind_output_list(sql_binder *b, const sql_item_list *list) {
  br_buf out;
  br_buf_init(&out, BR_MIB(64));
  br_status st = BR_OK;
  for (size_t i = 0; i < list->count && st == BR_OK; i++) {
    const char *sql = bind_output(b, list->items[i], i + 1);
    st = sql == NULL ? b->context->status
                     : br_buf_printf(&out, NULL, "%s%s", i == 0 ? "" : ", ", sql);
  }
  const char *text = NULL;
  if (st == BR_OK) {
    text = sql_copy(b->context, (const char *)out.data, out.len);
  } else if (b->context->status == BR_OK) {
    (void)sql_fail_memory(b->context);
  }
  br_buf_done(&out);
  return text;
}

/* Other expressions may give NULL where the binder sees none coming, and SQL Server describes most
 * of them so. */
bool bind_described_nullable(const sql_bound *value) {
  return value->nullable || !(value->proven || value->literal || value->column != NULL);
}

static bool result_columns(sql_binder *b, const sql_item_list *list, sql_bound_query *query) {
  query->count = list->count;
  query->columns = sql_new(b->context, (list->count + 1) * sizeof *query->columns);
  for (size_t i = 0; query->columns != NULL && i < list->count; i++) {
    query->columns[i] = (sql_result_column){.name = list->names[i],
                                            .type = list->items[i]->type,
                                            .nullable = bind_described_nullable(list->items[i]),
                                            .identity = list->identity[i]};
  }
  return query->columns != NULL;
}

/* ---- GROUP BY ---- */

static bool is_column(const sql_scope *scope, const char *name) {
  for (const sql_source *s = scope->sources; s != NULL; s = s->next) {
    for (size_t i = 0; i < s->count; i++) {
      if (br_text_equal_nocase(s->columns[i].name, name)) {
        return true;
      }
    }
  }
  return false;
}

/* Databricks: GROUP BY 1 and GROUP BY alias mean the select list, an alias only where no column is
 * of that name. */
static const sql_expr *group_target(sql_binder *b, const sql_select *select, const sql_expr *expr) {
  if (b->is_tsql) {
    return expr;
  }
  size_t position = 0;
  bool number = expr->kind == SQL_E_NUMBER;
  uint64_t wanted = 0;
  if (number && br_text_u64(expr->text, 4096, &wanted, NULL) != BR_OK) {
    return expr;
  }
  for (const sql_item *item = select->items; item != NULL; item = item->next) {
    position++;
    if ((number && position == wanted) ||
        (expr->kind == SQL_E_COLUMN && expr->name.count == 1 && item->alias != NULL &&
         br_text_equal_nocase(item->alias, expr->name.parts[0]) &&
         !is_column(b->scope, expr->name.parts[0]))) {
      return item->expr;
    }
  }
  return expr;
}

static const char *bind_group(sql_binder *b, const sql_select *select) {
  size_t count = 0;
  for (const sql_expr *e = select->group; e != NULL; e = e->next) {
    count++;
  }
  const char *sql = " GROUP BY ";
  b->scope->group = sql_new(b->context, (count + 1) * sizeof *b->scope->group);
  b->scope->clause = SQL_CLAUSE_GROUP;
  for (const sql_expr *e = select->group; e != NULL; e = e->next) {
    sql_bound *bound = bind_value(b, group_target(b, select, e));
    if (bound == NULL || b->scope->group == NULL) {
      return NULL;
    }
    if (bound->literal && b->is_tsql) {
      return sql_fail(b->context, 164, e->line,
                      "Each GROUP BY expression must contain at least one column that is not an "
                      "outer reference.");
    }
    const char *key = bind_key(b, bound);
    b->scope->group[b->scope->group_count++] = bound->sql;
    sql = sql_text(b->context, "%s%s%s%s%s", sql, e == select->group ? "" : ", ",
                   bound->literal ? "+" : "", key, "");
  }
  return sql;
}

/* ---- ORDER BY ---- */

/* Which item a term means: its position, its name; 0: another expression; -1: failed. */
static ptrdiff_t order_item(sql_binder *b, const sql_expr *expr, const sql_item_list *list) {
  uint64_t position = 0;
  if (expr->kind == SQL_E_NUMBER && br_text_u64(expr->text, 100000, &position, NULL) == BR_OK) {
    if (position == 0 || position > list->count) {
      (void)(b->is_tsql ? sql_fail(b->context, 108, expr->line,
                                   "The ORDER BY position number %llu is out of range of the "
                                   "number of items in the select list.",
                                   (unsigned long long)position)
                        : sql_fail_condition(b->context, "ORDER_BY_POS_OUT_OF_RANGE", "42805",
                                             "ORDER BY position %llu is not in select list (valid "
                                             "range is [1, %zu]).",
                                             (unsigned long long)position, list->count));
      return -1;
    }
    return (ptrdiff_t)position;
  }
  ptrdiff_t found = 0;
  if (expr->kind != SQL_E_COLUMN || expr->name.count != 1) {
    return 0;
  }
  for (size_t i = 0; i < list->count; i++) {
    if (!br_text_equal_nocase(list->names[i], expr->name.parts[0])) {
      continue;
    }
    if (found != 0 && strcmp(list->items[i]->sql, list->items[found - 1]->sql) != 0) {
      (void)(b->is_tsql ? sql_fail(b->context, 209, expr->line, "Ambiguous column name '%s'.",
                                   expr->name.parts[0])
                        : sql_fail_condition(b->context, "AMBIGUOUS_REFERENCE", "42704",
                                             "Reference `%s` is ambiguous.", expr->name.parts[0]));
      return -1;
    }
    found = found == 0 ? (ptrdiff_t)i + 1 : found;
  }
  return found;
}

/* A variable, converted or not: SQL Server takes it for a position, and one inside an expression
 * for none. */
static bool is_variable(const sql_expr *expr) {
  while (expr->kind == SQL_E_CAST && !expr->try_) {
    expr = expr->a;
  }
  return expr->kind == SQL_E_VARIABLE;
}

static sql_bound *order_expression(sql_binder *b, const sql_order *term, unsigned place,
                                   const sql_item_list *list, bool only_items) {
  ptrdiff_t item = order_item(b, term->expr, list);
  if (item < 0) {
    return NULL;
  }
  if (item > 0) {
    return list->items[item - 1];
  }
  const bool variable = b->is_tsql && is_variable(term->expr);
  sql_bound *bound = b->scope == NULL && !variable ? NULL : bind_value(b, term->expr);
  if (bound == NULL) {
    return bind_failed(b) ? NULL
                          : sql_fail(b->context, 104, term->expr->line,
                                     "ORDER BY items must appear in the select list if the "
                                     "statement contains a UNION, INTERSECT or EXCEPT operator.");
  }
  if (variable) {
    return sql_fail(b->context, 1008, term->expr->line,
                    "The SELECT item identified by the ORDER BY number %u contains a variable as "
                    "part of the expression identifying a column position. Variables are only "
                    "allowed when ordering by an expression referencing a column name.",
                    place);
  }
  if (b->is_tsql && bound->literal) {
    return sql_fail(b->context, 408, term->expr->line,
                    "A constant expression was encountered in the ORDER BY list, position %u.",
                    place);
  }
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(list->items[i]->sql, bound->sql) == 0) {
      return list->items[i];
    }
  }
  if (only_items) {
    return b->is_tsql ? sql_fail(b->context, 145, term->expr->line,
                                 "ORDER BY items must appear in the select list if SELECT DISTINCT "
                                 "is specified.")
                      : sql_unsupported(b->context, term->expr->line,
                                        "ORDER BY of another expression with DISTINCT");
  }
  return bound;
}

static const char *bind_order(sql_binder *b, const sql_order *order, const sql_item_list *list,
                              bool only_items) {
  const char *sql = " ORDER BY ";
  if (b->scope != NULL) {
    b->scope->clause = SQL_CLAUSE_ORDER;
  }
  unsigned place = 0;
  for (const sql_order *term = order; term != NULL; term = term->next) {
    sql_bound *bound = order_expression(b, term, ++place, list, only_items);
    if (bound == NULL) {
      return NULL;
    }
    sql_kind kind = bound->type.kind;
    if (b->is_tsql &&
        (kind == SQL_TEXT || kind == SQL_NTEXT || kind == SQL_IMAGE || kind == SQL_XML)) {
      return sql_fail(b->context, 306, term->expr->line,
                      "The text, ntext, and image data types cannot be compared or sorted, except "
                      "when using IS NULL or LIKE operator.");
    }
    /* SQLite would take a whole number for a position; a constant orders nothing. */
    const char *key = bound->literal ? "NULL" : bind_key(b, bound);
    sql = sql_text(b->context, "%s%s%s%s%s", sql, term == order ? "" : ", ", key,
                   term->descending ? " DESC" : "",
                   term->nulls == 1   ? " NULLS FIRST"
                   : term->nulls == 2 ? " NULLS LAST"
                                      : "");
  }
  return sql;
}

/* ---- limits ---- */

static const char *bind_row_count(sql_binder *b, const sql_expr *expr) {
  sql_scope *scope = b->scope;
  b->scope = NULL; /* no columns here */
  sql_bound *bound = bind_value(b, expr);
  b->scope = scope;
  const sql_type bigint = sql_type_of(SQL_BIGINT);
  if (bound == NULL) {
    return NULL;
  }
  if (b->is_tsql && sql_type_family(bound->type.kind) != SQL_FAMILY_INTEGER &&
      bound->type.kind != SQL_DECIMAL) {
    return sql_fail(b->context, 1060, expr->line,
                    "The number of rows provided for a TOP or FETCH clauses row count parameter "
                    "must be an integer.");
  }
  if (bound->literal && bound->value.form == SQL_FORM_INTEGER && bound->value.i < 0) {
    return b->is_tsql ? sql_fail(b->context, 127, expr->line,
                                 "A TOP N or FETCH rowcount value may not be negative.")
                      : sql_fail_condition(b->context, "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
                                           "42K0E", "The limit expression must not be negative.");
  }
  bound = bind_convert(b, bound, &bigint, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
  return bound == NULL    ? NULL
         : bound->literal ? bound->sql
                          : sql_text(b->context, "max(0,ifnull(%s,0))", bound->sql);
}

static const char *bind_limits(sql_binder *b, const sql_query *query) {
  const char *limit = query->fetch == NULL ? "-1" : bind_row_count(b, query->fetch);
  const char *offset = query->offset == NULL ? NULL : bind_row_count(b, query->offset);
  if (bind_failed(b)) {
    return NULL;
  }
  if (query->fetch == NULL && offset == NULL) {
    return "";
  }
  return offset == NULL ? sql_text(b->context, " LIMIT %s", limit)
                        : sql_text(b->context, " LIMIT %s OFFSET %s", limit, offset);
}

/* TOP (n) PERCENT counts the rows first, rounding up. */
static const char *bind_top(sql_binder *b, const sql_select *select, const char *core) {
  if (select->top == NULL) {
    return "";
  }
  if (select->with_ties) {
    return sql_unsupported(b->context, select->line, "TOP … WITH TIES");
  }
  if (!select->top_percent) {
    const char *count = bind_row_count(b, select->top);
    return count == NULL ? NULL : sql_text(b->context, " LIMIT %s", count);
  }
  sql_scope *scope = b->scope;
  const sql_type floating = sql_type_of(SQL_FLOAT);
  b->scope = NULL;
  sql_bound *percent = bind_value(b, select->top);
  b->scope = scope;
  percent = percent == NULL
                ? NULL
                : bind_convert(b, percent, &floating, SQL_IMPLICIT, SQL_STYLE_NONE, select->line);
  if (percent == NULL) {
    return NULL;
  }
  if (percent->literal && (percent->value.d < 0 || percent->value.d > 100)) {
    return sql_fail(b->context, 1031, select->line, "Percent values must be between 0 and 100.");
  }
  return sql_text(b->context,
                  " LIMIT (SELECT CAST(ceil(count(*) * %s / 100.0) AS INTEGER) FROM (%s))",
                  percent->sql, core);
}

/* ---- one SELECT ---- */

static bool aggregated(const sql_select *select, const sql_order *order) {
  if (select->grouped || select->having != NULL) {
    return true;
  }
  for (const sql_item *item = select->items; item != NULL; item = item->next) {
    if (sql_has_aggregate(item->expr)) {
      return true;
    }
  }
  for (; order != NULL; order = order->next) {
    if (sql_has_aggregate(order->expr)) {
      return true;
    }
  }
  return false;
}

static const char *bind_where(sql_binder *b, const sql_select *select) {
  if (select->where == NULL) {
    return "";
  }
  b->scope->clause = SQL_CLAUSE_WHERE;
  const char *sql = bind_condition(b, select->where);
  return sql == NULL ? NULL : sql_text(b->context, " WHERE %s", sql);
}

static const char *bind_having(sql_binder *b, const sql_select *select) {
  if (select->having == NULL) {
    return "";
  }
  b->scope->clause = SQL_CLAUSE_HAVING;
  const char *sql = bind_condition(b, select->having);
  return sql == NULL ? NULL : sql_text(b->context, " HAVING %s", sql);
}

static bool distinct_possible(sql_binder *b, const sql_item_list *list, int32_t line) {
  for (size_t i = 0; i < list->count; i++) {
    sql_kind kind = list->items[i]->type.kind;
    if (b->is_tsql &&
        (kind == SQL_TEXT || kind == SQL_NTEXT || kind == SQL_IMAGE || kind == SQL_XML)) {
      (void)sql_fail(
          b->context, 421, line,
          "The %s data type cannot be selected as DISTINCT because it is not comparable.",
          sql_type_word(ENGINE_TSQL, kind));
      return false;
    }
    if (b->is_tsql && sql_type_family(kind) == SQL_FAMILY_BINARY && kind != SQL_BINARY) {
      (void)sql_unsupported(b->context, line, "DISTINCT of varbinary");
      return false;
    }
  }
  return true;
}

static bool bind_in_scope(sql_binder *b, const sql_select *select, const sql_order *order,
                          const char *limits, sql_bound_query *query) {
  sql_item_list list = {0};
  const char *from = select->from == NULL ? NULL : bind_from(b, select->from);
  if (select->from != NULL && from == NULL) {
    return false;
  }
  const char *where = bind_where(b, select);
  bool grouped = where != NULL && aggregated(select, order);
  const char *group = select->group == NULL ? "" : bind_group(b, select);
  if (where == NULL || group == NULL) {
    return false;
  }
  b->scope->grouped = grouped;
  if (!bind_items(b, select, &list)) {
    return false;
  }
  const char *having = bind_having(b, select);
  const char *sorted = order == NULL ? "" : bind_order(b, order, &list, select->distinct);
  const char *outputs = having == NULL || sorted == NULL ? NULL : bind_output_list(b, &list);
  if (outputs == NULL || (select->distinct && !distinct_possible(b, &list, select->line))) {
    return false;
  }
  const char *core =
      sql_text(b->context, "SELECT %s%s%s%s%s%s%s", select->distinct ? "DISTINCT " : "", outputs,
               from == NULL ? "" : " FROM ", from == NULL ? "" : from, where, group, having);
  const char *top = core == NULL ? NULL : bind_top(b, select, core);
  if (top == NULL) {
    return false;
  }
  query->single_row = (grouped && select->group == NULL) ||
                      (select->from == NULL && select->where == NULL) ||
                      (select->top != NULL && strcmp(top, " LIMIT 1") == 0);
  query->sql = sql_text(b->context, "%s%s%s%s", core, sorted, top, limits);
  return query->sql != NULL && result_columns(b, &list, query);
}

bool bind_items_over(sql_binder *b, sql_item *items, const char *from, sql_bound_query *ret_query) {
  const sql_select select = {.items = items};
  sql_item_list list = {0};
  *ret_query = (sql_bound_query){0};
  if (!bind_items(b, &select, &list)) {
    return false;
  }
  const char *outputs = bind_output_list(b, &list);
  ret_query->sql =
      outputs == NULL ? NULL : sql_text(b->context, "SELECT %s FROM %s", outputs, from);
  return ret_query->sql != NULL && result_columns(b, &list, ret_query);
}

/* order and limits: of the query whose whole body this is; NULL and "" otherwise. */
static bool bind_select(sql_binder *b, const sql_select *select, const sql_order *order,
                        const char *limits, sql_bound_query *query) {
  sql_scope scope = {.outer = b->scope};
  b->scope = &scope;
  bool good = bind_in_scope(b, select, order, limits, query);
  b->scope = scope.outer;
  return good;
}

bool bind_body(sql_binder *b, const sql_body *body, sql_bound_query *ret_query) {
  *ret_query = (sql_bound_query){0};
  switch (body->kind) {
  case SQL_BODY_SELECT:
    return bind_select(b, body->select, NULL, "", ret_query);
  case SQL_BODY_VALUES:
    return bind_values(b, body, ret_query);
  default:
    return bind_set_operation(b, body, ret_query);
  }
}

/* ORDER BY of a set operation: by its columns alone. */
static bool order_compound(sql_binder *b, const sql_query *query, const char *limits,
                           sql_bound_query *bound) {
  sql_item_list list = {0};
  for (size_t i = 0; i < bound->count; i++) {
    sql_bound *column = bind_new(b, bound->columns[i].type, bound->columns[i].nullable,
                                 sql_text(b->context, "c%zu", i + 1));
    if (!bind_add_item(b, &list, column, bound->columns[i].name, false)) {
      return false;
    }
  }
  sql_scope *scope = b->scope;
  b->scope = NULL;
  const char *sorted = query->order == NULL ? "" : bind_order(b, query->order, &list, true);
  b->scope = scope;
  if (sorted == NULL) {
    return false;
  }
  bound->sql = sql_text(b->context, "SELECT * FROM (%s)%s%s", bound->sql, sorted, limits);
  return bound->sql != NULL;
}

bool bind_query(sql_binder *b, const sql_query *query, sql_bound_query *ret_query) {
  *ret_query = (sql_bound_query){0};
  if (bind_failed(b) || query == NULL || !bind_ctes(b, query->ctes)) {
    return false;
  }
  const char *limits = bind_limits(b, query);
  if (limits == NULL) {
    return false;
  }
  if (query->body->kind == SQL_BODY_SELECT) {
    if (query->body->select->top != NULL && limits[0] != '\0') {
      (void)sql_fail(b->context, 10741, query->line,
                     "A TOP can not be used in the same query or sub-query as a OFFSET.");
      return false;
    }
    return bind_select(b, query->body->select, query->order, limits, ret_query);
  }
  if (!bind_body(b, query->body, ret_query)) {
    return false;
  }
  return (query->order == NULL && limits[0] == '\0') || order_compound(b, query, limits, ret_query);
}
