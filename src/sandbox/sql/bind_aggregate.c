/*
 * bind_aggregate.c: aggregates, and functions over windows.
 */
#include "sandbox/sql/bind.h"

#include <string.h>

#include "base/text.h"

typedef enum aggregate_kind {
  AGGREGATE_COUNT,
  AGGREGATE_COUNT_BIG,
  AGGREGATE_SUM,
  AGGREGATE_AVG,
  AGGREGATE_MIN,
  AGGREGATE_MAX,
  AGGREGATE_STRING_AGG,
  AGGREGATE_NONE,
} aggregate_kind;

static aggregate_kind kind_of(const char *name) {
  static const char *const names[] = {"COUNT", "COUNT_BIG", "SUM",       "AVG",
                                      "MIN",   "MAX",       "STRING_AGG"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (br_text_equal_nocase(name, names[i])) {
      return (aggregate_kind)i;
    }
  }
  return AGGREGATE_NONE;
}

bool sql_has_aggregate(const sql_expr *expr) {
  if (expr == NULL) {
    return false;
  }
  if (expr->kind == SQL_E_FUNCTION && expr->window == NULL &&
      kind_of(expr->text) != AGGREGATE_NONE) {
    return true;
  }
  if (sql_has_aggregate(expr->a) || sql_has_aggregate(expr->b) || sql_has_aggregate(expr->c)) {
    return true;
  }
  for (const sql_expr *e = expr->list; e != NULL; e = e->next) {
    if (sql_has_aggregate(e)) {
      return true;
    }
  }
  if (expr->window != NULL) { /* SUM(SUM(x)) OVER (ORDER BY COUNT(*)) */
    for (const sql_order *o = expr->window->order; o != NULL; o = o->next) {
      if (sql_has_aggregate(o->expr)) {
        return true;
      }
    }
  }
  return false;
}

/* ---- OVER ---- */

static const char *frame_bound(sql_binder *b, sql_frame_bound bound, uint64_t rows) {
  switch (bound) {
  case SQL_BOUND_UNBOUNDED_PRECEDING:
    return "UNBOUNDED PRECEDING";
  case SQL_BOUND_PRECEDING:
    return sql_text(b->context, "%llu PRECEDING", (unsigned long long)rows);
  case SQL_BOUND_FOLLOWING:
    return sql_text(b->context, "%llu FOLLOWING", (unsigned long long)rows);
  case SQL_BOUND_UNBOUNDED_FOLLOWING:
    return "UNBOUNDED FOLLOWING";
  default:
    return "CURRENT ROW";
  }
}

static const char *window_text(sql_binder *b, const sql_window *window, int32_t line) {
  const char *sql = " OVER (";
  for (const sql_expr *e = window->partition; e != NULL; e = e->next) {
    sql_bound *bound = bind_value(b, e);
    const char *key = bound == NULL ? NULL : bind_key(b, bound);
    if (key == NULL) {
      return NULL;
    }
    sql = sql_text(b->context, "%s%s%s", sql, e == window->partition ? "PARTITION BY " : ", ", key);
  }
  for (const sql_order *o = window->order; o != NULL; o = o->next) {
    sql_bound *bound = bind_value(b, o->expr);
    const char *key = bound == NULL ? NULL : bind_key(b, bound);
    if (key == NULL) {
      return NULL;
    }
    if (b->is_tsql && bound->literal) {
      return sql_fail(b->context, 5308, line,
                      "Windowed functions, aggregates and NEXT VALUE FOR functions do not support "
                      "integer indices as ORDER BY clause expressions.");
    }
    sql = sql_text(b->context, "%s%s%s%s", sql, o == window->order ? " ORDER BY " : ", ", key,
                   o->descending ? " DESC" : "");
  }
  if (window->start != SQL_BOUND_NONE) {
    const char *start = frame_bound(b, window->start, window->start_rows);
    const char *end = frame_bound(b, window->end, window->end_rows);
    if (!window->rows &&
        (window->start == SQL_BOUND_PRECEDING || window->start == SQL_BOUND_FOLLOWING ||
         window->end == SQL_BOUND_PRECEDING || window->end == SQL_BOUND_FOLLOWING)) {
      return sql_fail(b->context, 4194, line,
                      "RANGE is only supported with UNBOUNDED and CURRENT ROW window frame "
                      "delimiters.");
    }
    sql = sql_text(b->context, "%s %s BETWEEN %s AND %s", sql, window->rows ? "ROWS" : "RANGE",
                   start, end);
  }
  return sql_text(b->context, "%s)", sql);
}

static bool window_allowed(sql_binder *b, int32_t line) {
  sql_clause clause = b->scope == NULL ? SQL_CLAUSE_OTHER : b->scope->clause;
  if (clause == SQL_CLAUSE_SELECT || clause == SQL_CLAUSE_ORDER) {
    return true;
  }
  (void)(b->is_tsql ? sql_fail(b->context, 4108, line,
                               "Windowed functions can only appear in the SELECT or ORDER BY "
                               "clauses.")
                    : sql_fail_condition(b->context, "INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC",
                                         "42601", "A window function can't stand here."));
  return false;
}

/* ROW_NUMBER, RANK…: SQLite's own do as the dialects' do. */
static const struct {
  const char *name, *sqlite;
  sql_kind kind; /* SQL_VOID: of the first argument */
  uint8_t least, most;
} ranking[] = {
    {"ROW_NUMBER", "row_number", SQL_BIGINT, 0, 0},
    {"RANK", "rank", SQL_BIGINT, 0, 0},
    {"DENSE_RANK", "dense_rank", SQL_BIGINT, 0, 0},
    {"NTILE", "ntile", SQL_BIGINT, 1, 1},
    {"PERCENT_RANK", "percent_rank", SQL_FLOAT, 0, 0},
    {"CUME_DIST", "cume_dist", SQL_FLOAT, 0, 0},
    {"LAG", "lag", SQL_VOID, 1, 3},
    {"LEAD", "lead", SQL_VOID, 1, 3},
    {"FIRST_VALUE", "first_value", SQL_VOID, 1, 1},
    {"LAST_VALUE", "last_value", SQL_VOID, 1, 1},
};

static sql_bound *bind_ranking(sql_binder *b, const sql_expr *call, size_t row) {
  if (call->window == NULL) {
    return b->is_tsql
               ? sql_fail(b->context, 10753, call->line,
                          "The function '%s' must have an OVER clause.", call->text)
               : sql_fail_condition(b->context, "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "42601",
                                    "Window function %s requires an OVER clause.", call->text);
  }
  if (!window_allowed(b, call->line)) {
    return NULL;
  }
  if (call->count < ranking[row].least || call->count > ranking[row].most) {
    return sql_fail(b->context, 174, call->line,
                    "The function '%s' has a wrong number of arguments.", call->text);
  }
  if (b->is_tsql && call->window->order == NULL) {
    return sql_fail(b->context, 4112, call->line,
                    "The function '%s' must have an OVER clause with ORDER BY.", call->text);
  }
  const char *window = window_text(b, call->window, call->line);
  const char *args = "";
  sql_type type =
      sql_type_of(!b->is_tsql && ranking[row].kind == SQL_BIGINT ? SQL_INT : ranking[row].kind);
  size_t i = 0;
  for (const sql_expr *e = call->list; e != NULL; e = e->next, i++) {
    sql_bound *bound = bind_value(b, e);
    if (bound == NULL) {
      return NULL;
    }
    if (i == 0 && ranking[row].kind == SQL_VOID) {
      type = bound->type;
    } else if (i == 2) {
      bound = bind_convert(b, bound, &type, SQL_IMPLICIT, SQL_STYLE_NONE, e->line);
    }
    args =
        bound == NULL ? NULL : sql_text(b->context, "%s%s%s", args, i == 0 ? "" : ",", bound->sql);
  }
  if (window == NULL || args == NULL) {
    return NULL;
  }
  return bind_new(b, type, ranking[row].kind == SQL_VOID,
                  sql_text(b->context, "(%s(%s)%s)", ranking[row].sqlite, args, window));
}

/* ---- aggregates ---- */

static sql_bound *invalid_operand(sql_binder *b, const sql_expr *call, const sql_bound *arg) {
  if (b->is_tsql) {
    const char *name = br_text_equal_nocase(call->text, "SUM")   ? "sum"
                       : br_text_equal_nocase(call->text, "AVG") ? "avg"
                       : br_text_equal_nocase(call->text, "MIN") ? "min"
                                                                 : "max";
    return sql_fail(b->context, 8117, call->line,
                    "Operand data type %s is invalid for %s operator.",
                    sql_type_word(ENGINE_TSQL, arg->type.kind), name);
  }
  char type[64];
  sql_type_name(ENGINE_DATABRICKS, &arg->type, type, sizeof type);
  return sql_fail_condition(b->context, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
                            "Cannot resolve \"%s\" due to data type mismatch: the type \"%s\" "
                            "can't be its argument.",
                            call->text, type);
}

/* SUM's function and type for an argument's type; NULL: there is none. */
static const char *sum_function(sql_binder *b, const sql_type *arg, sql_type *ret_type) {
  switch (sql_type_family(arg->kind)) {
  case SQL_FAMILY_INTEGER:
    if (arg->kind == SQL_BIT) {
      return NULL;
    }
    *ret_type = sql_type_of(arg->kind == SQL_BIGINT || !b->is_tsql ? SQL_BIGINT : SQL_INT);
    return ret_type->kind == SQL_INT ? "sum_i" : "sum_l";
  case SQL_FAMILY_MONEY:
    *ret_type = sql_type_of(SQL_MONEY);
    return "sum_m";
  case SQL_FAMILY_FLOAT:
    *ret_type = sql_type_of(SQL_FLOAT);
    return "sum_f";
  case SQL_FAMILY_DECIMAL: {
    unsigned p = b->is_tsql || arg->precision > 28 ? 38 : arg->precision + 10U;
    *ret_type = sql_type_decimal(p, arg->scale);
    return "sum_d";
  }
  default:
    return NULL;
  }
}

typedef struct aggregate_call {
  const sql_expr *expr;
  sql_bound *arg;
  const char *distinct; /* "DISTINCT " or "" */
  const char *window;   /* " OVER (…)" or "" */
} aggregate_call;

static sql_bound *bind_sum(sql_binder *b, const aggregate_call *c) {
  sql_type type;
  const char *function = sum_function(b, &c->arg->type, &type);
  if (function == NULL) {
    return invalid_operand(b, c->expr, c->arg);
  }
  const char *sql =
      sql_text(b->context, "(%s(%s%s)%s)", function, c->distinct, c->arg->sql, c->window);
  if (type.kind == SQL_DECIMAL && type.precision != 38) { /* sum_d's form is that of 38 digits */
    const sql_type wide = sql_type_decimal(38, type.scale);
    return bind_convert(b, bind_new(b, wide, true, sql), &type, SQL_IMPLICIT, SQL_STYLE_NONE,
                        c->expr->line);
  }
  return bind_new(b, type, true, sql);
}

static sql_bound *bind_avg(sql_binder *b, const aggregate_call *c) {
  sql_type sum;
  const char *function = sum_function(b, &c->arg->type, &sum);
  if (function == NULL) {
    return invalid_operand(b, c->expr, c->arg);
  }
  const char *count = sql_text(b->context, "(count(%s%s)%s)", c->distinct, c->arg->sql, c->window);
  const char *arg = c->arg->sql;
  if (!b->is_tsql && sum.kind == SQL_BIGINT) { /* added as DOUBLEs: no sum is too large */
    function = "sum_f";
    arg = sql_text(b->context, "CAST(%s AS REAL)", arg);
  }
  const char *total = sql_text(b->context, "(%s(%s%s)%s)", function, c->distinct, arg, c->window);
  if (sum.kind == SQL_DECIMAL) {
    unsigned s = c->arg->type.scale;
    sql_type type =
        b->is_tsql
            ? sql_type_decimal(38, s < 6 ? 6 : s)
            : sql_type_decimal(c->arg->type.precision > 34 ? 38 : c->arg->type.precision + 4U,
                               s > 34 ? 38 : s + 4U);
    return bind_new(b, type, true,
                    sql_text(b->context, "f_avgd(%s,%s,%u,%lld)", total, count, s,
                             (long long)sql_type_pack(&type)));
  }
  if (sum.kind == SQL_FLOAT || !b->is_tsql) { /* Databricks: AVG of integers is a DOUBLE */
    return bind_new(b, sql_type_of(SQL_FLOAT), true,
                    sql_text(b->context, "(CAST(%s AS REAL) / nullif(%s, 0))", total, count));
  }
  if (sum.kind == SQL_MONEY) {
    return bind_new(b, sum, true, sql_text(b->context, "(%s / nullif(%s, 0))", total, count));
  }
  return bind_new(b, sum, true, sql_text(b->context, "(%s / nullif(%s, 0))", total, count));
}

static sql_bound *bind_extreme(sql_binder *b, const aggregate_call *c, const char *function) {
  sql_kind kind = c->arg->type.kind;
  sql_type type = c->arg->type;
  if (kind == SQL_BIT && b->is_tsql) {
    return invalid_operand(b, c->expr, c->arg);
  }
  if (kind == SQL_TEXT || kind == SQL_NTEXT || kind == SQL_IMAGE || kind == SQL_XML ||
      sql_type_family(kind) == SQL_FAMILY_COMPLEX ||
      (b->is_tsql && sql_type_family(kind) == SQL_FAMILY_BINARY && kind != SQL_BINARY)) {
    return invalid_operand(b, c->expr, c->arg);
  }
  return bind_new(
      b, type, true,
      sql_text(b->context, "(%s(%s)%s)", function, bind_collated(b, c->arg), c->window));
}

static sql_bound *bind_count(sql_binder *b, const aggregate_call *c, sql_kind kind) {
  if (c->arg == NULL) {
    return bind_new(b, sql_type_of(kind), false, sql_text(b->context, "(count(*)%s)", c->window));
  }
  return bind_new(
      b, sql_type_of(kind), false,
      sql_text(b->context, "(count(%s%s)%s)", c->distinct, bind_key(b, c->arg), c->window));
}

static sql_bound *bind_string_agg(sql_binder *b, const aggregate_call *c) {
  sql_bound *separator = c->expr->count < 2 ? NULL : bind_value(b, c->expr->list->next);
  if (separator == NULL) {
    return bind_failed(b) ? NULL
                          : sql_fail(b->context, 174, c->expr->line,
                                     "The STRING_AGG function requires 2 argument(s).");
  }
  if (c->expr->order != NULL || c->distinct[0] != '\0' || c->window[0] != '\0') {
    return sql_unsupported(b->context, c->expr->line, "STRING_AGG WITHIN GROUP, DISTINCT or OVER");
  }
  sql_type type = c->arg->type;
  if (!sql_type_is_text(type.kind)) {
    type = b->is_tsql ? sql_type_text(SQL_NVARCHAR, 4000) : sql_type_of(SQL_STRING);
  }
  if (b->is_tsql && !sql_type_is_text(separator->type.kind) && separator->type.kind != SQL_VOID) {
    return sql_fail(b->context, 8116, c->expr->line,
                    "Argument data type %s is invalid for argument 2 of string_agg function.",
                    sql_type_word(ENGINE_TSQL, separator->type.kind));
  }
  sql_bound *value = bind_convert(b, c->arg, &type, SQL_EXPLICIT, SQL_STYLE_NONE, c->expr->line);
  bool unicode = sql_type_is_unicode(type.kind);
  type.kind = !b->is_tsql ? SQL_STRING : unicode ? SQL_NVARCHAR : SQL_VARCHAR;
  if (type.length != SQL_LENGTH_MAX) {
    type.length = unicode ? 4000 : 8000;
  }
  return value == NULL ? NULL
                       : bind_new(b, type, true,
                                  sql_text(b->context, "sagg(%s,%s,%lld)", value->sql,
                                           separator->sql, (long long)sql_type_pack(&type)));
}

static bool aggregate_allowed(sql_binder *b, const sql_expr *call) {
  sql_clause clause = b->scope == NULL ? SQL_CLAUSE_OTHER : b->scope->clause;
  if (b->scope != NULL && b->scope->in_aggregate) {
    (void)(b->is_tsql
               ? sql_fail(b->context, 130, call->line,
                          "Cannot perform an aggregate function on an expression containing an "
                          "aggregate or a subquery.")
               : sql_fail_condition(b->context, "NESTED_AGGREGATE_FUNCTION", "42607",
                                    "It is not allowed to use an aggregate function in the "
                                    "argument of another aggregate function."));
    return false;
  }
  if (clause == SQL_CLAUSE_SELECT || clause == SQL_CLAUSE_HAVING || clause == SQL_CLAUSE_ORDER) {
    return true;
  }
  if (!b->is_tsql) {
    (void)sql_fail_condition(b->context, "INVALID_WHERE_CONDITION", "42903",
                             "Aggregate functions are not allowed here.");
  } else if (clause == SQL_CLAUSE_GROUP) {
    (void)sql_fail(b->context, 144, call->line,
                   "Cannot use an aggregate or a subquery in an expression used for the group by "
                   "list of a GROUP BY clause.");
  } else {
    (void)sql_fail(b->context, 147, call->line,
                   "An aggregate may not appear in the %s clause unless it is in a subquery "
                   "contained in a HAVING clause or a select list, and the column being aggregated "
                   "is an outer reference.",
                   clause == SQL_CLAUSE_ON ? "ON" : "WHERE");
  }
  return false;
}

static sql_bound *bind_kind(sql_binder *b, aggregate_kind kind, const aggregate_call *c) {
  switch (kind) {
  case AGGREGATE_COUNT:
    return bind_count(b, c, b->is_tsql ? SQL_INT : SQL_BIGINT);
  case AGGREGATE_COUNT_BIG:
    return bind_count(b, c, SQL_BIGINT);
  case AGGREGATE_SUM:
    return bind_sum(b, c);
  case AGGREGATE_AVG:
    return bind_avg(b, c);
  case AGGREGATE_MIN:
    return bind_extreme(b, c, "min");
  case AGGREGATE_MAX:
    return bind_extreme(b, c, "max");
  default:
    return bind_string_agg(b, c);
  }
}

sql_bound *bind_aggregate(sql_binder *b, const sql_expr *call) {
  for (size_t i = 0; i < sizeof ranking / sizeof ranking[0]; i++) {
    if (br_text_equal_nocase(call->text, ranking[i].name)) {
      return bind_ranking(b, call, i);
    }
  }
  aggregate_kind kind = kind_of(call->text);
  if (kind == AGGREGATE_NONE) {
    if (call->window != NULL) {
      return sql_unsupported(b->context, call->line, "%s with OVER", call->text);
    }
    return NULL;
  }
  size_t wanted = kind == AGGREGATE_STRING_AGG ? 2 : 1;
  bool star = call->star && (kind == AGGREGATE_COUNT || kind == AGGREGATE_COUNT_BIG);
  if (!star && call->count != wanted) {
    return b->is_tsql ? sql_fail(b->context, 174, call->line,
                                 "The %s function requires %zu argument(s).", call->text, wanted)
                      : sql_fail_condition(b->context, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                                           "The `%s` requires %zu parameters but the actual "
                                           "number is %zu.",
                                           call->text, wanted, call->count);
  }
  aggregate_call c = {.expr = call, .distinct = call->distinct ? "DISTINCT " : "", .window = ""};
  if (call->window != NULL) {
    if (!window_allowed(b, call->line) ||
        (c.window = window_text(b, call->window, call->line)) == NULL) {
      return NULL;
    }
    if (call->distinct) {
      return sql_fail(b->context, 10759, call->line,
                      "Use of DISTINCT is not allowed with the OVER clause.");
    }
    if (star) {
      return bind_kind(b, kind, &c);
    }
    c.arg = bind_value(b, call->list); /* over grouped columns where the query groups */
    return c.arg == NULL ? NULL : bind_kind(b, kind, &c);
  }
  if (!aggregate_allowed(b, call)) {
    return NULL;
  }
  b->scope->in_aggregate = true;
  c.arg = star ? NULL : bind_value(b, call->list);
  b->scope->in_aggregate = false;
  return c.arg == NULL && !star ? NULL : bind_kind(b, kind, &c);
}
