/*
 * bind_from.c: tables, joins, views, CTEs, system views.
 */
#include "sandbox/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/functions.h"
#include "sandbox/sql/parser.h"

static void add_source(sql_binder *b, sql_source *source) {
  sql_scope *scope = b->scope;
  if (scope->last == NULL) {
    scope->sources = source;
  } else {
    scope->last->next = source;
  }
  scope->last = source;
}

static sql_source *new_source(sql_binder *b, const char *name, size_t columns) {
  sql_source *source = sql_new(b->context, sizeof *source);
  if (source == NULL) {
    return NULL;
  }
  source->alias = sql_text(b->context, "s%d", ++b->aliases);
  source->name = name;
  source->count = columns;
  source->columns = sql_new(b->context, (columns == 0 ? 1 : columns) * sizeof *source->columns);
  return bind_failed(b) ? NULL : source;
}

/* A computed column is its expression, over the columns of its own row. */
static const char *computed_column(sql_binder *b, const sql_source *source, const char *text) {
  sql_expr *expr = NULL;
  sql_context inner = {.dialect = b->context->dialect,
                       .arena = b->context->arena,
                       .text = text,
                       .length = strlen(text),
                       .quoted_identifier = true};
  if (sql_parse_expression(&inner, &expr) != BR_OK) {
    b->context->status = inner.status;
    b->context->error = inner.error;
    return NULL;
  }
  sql_source copy = *source;
  copy.next = NULL;
  sql_scope scope = {.sources = &copy, .last = &copy, .clause = SQL_CLAUSE_OTHER};
  sql_scope *outer = b->scope;
  b->scope = &scope;
  sql_bound *bound = bind_value(b, expr);
  b->scope = outer;
  return bound == NULL ? NULL : bound->sql;
}

sql_source *bind_table_source(sql_binder *b, const catalog_table *table, const char *exposed,
                              bool qualified) {
  sql_source *source = new_source(b, exposed, table->column_count);
  if (source == NULL) {
    return NULL;
  }
  source->table = table;
  if (qualified) {
    source->schema = table->schema;
    source->database = table->database;
  }
  for (size_t i = 0; i < table->column_count; i++) {
    const catalog_column *c = &table->columns[i];
    source->columns[i] = (sql_source_column){
        .name = c->name,
        .type = c->type,
        .nullable = c->nullable,
        .identity = c->identity,
        .sql = c->computed != NULL ? "NULL" : sql_text(b->context, "%s.c%d", source->alias, c->id)};
  }
  for (size_t i = 0; i < table->column_count && !bind_failed(b); i++) {
    if (table->columns[i].computed != NULL) {
      source->columns[i].sql = computed_column(b, source, table->columns[i].computed);
    }
  }
  return bind_failed(b) ? NULL : source;
}

/* A bound query as a source; names: the column aliases of the derived table, or NULL. */
static const char *derived_source(sql_binder *b, const sql_bound_query *query, const char *name,
                                  const char **names, size_t name_count, int32_t line) {
  sql_source *source = new_source(b, name, query->count);
  if (source == NULL) {
    return NULL;
  }
  if (names != NULL && name_count != query->count) {
    bool more = query->count > name_count;
    return b->is_tsql
               ? sql_fail(b->context, more ? 8158 : 8159, line,
                          "'%s' has %s columns than were specified in the column list.", name,
                          more ? "more" : "fewer")
               : sql_fail_condition(b->context, "ASSIGNMENT_ARITY_MISMATCH", "42802",
                                    "The number of columns or variables assigned or aliased: %zu "
                                    "does not match the number of source expressions: %zu.",
                                    name_count, query->count);
  }
  for (size_t i = 0; i < query->count; i++) {
    source->columns[i] =
        (sql_source_column){.name = names != NULL ? names[i] : query->columns[i].name,
                            .type = query->columns[i].type,
                            .nullable = query->columns[i].nullable,
                            .sql = sql_text(b->context, "%s.c%zu", source->alias, i + 1)};
    if (b->is_tsql && source->columns[i].name[0] == '\0') {
      return sql_fail(b->context, 8155, line,
                      "No column name was specified for column %zu of '%s'.", i + 1, name);
    }
    for (size_t j = 0; j < i && b->is_tsql; j++) {
      if (br_text_equal_nocase(source->columns[i].name, source->columns[j].name)) {
        return sql_fail(b->context, 8156, line,
                        "The column '%s' was specified multiple times for '%s'.",
                        source->columns[i].name, name);
      }
    }
  }
  add_source(b, source);
  return sql_text(b->context, "(%s) AS %s", query->sql, source->alias);
}

static bool too_deep(sql_binder *b, int32_t line) {
  if (++b->depth <= SQL_MAX_NESTED_VIEWS) {
    return false;
  }
  (void)(b->is_tsql
             ? sql_fail(b->context, 217, line,
                        "Maximum stored procedure, function, trigger, or view nesting level "
                        "exceeded (limit 32).")
             : sql_fail_condition(b->context, "VIEW_EXCEED_MAX_NESTED_DEPTH", "54K00",
                                  "The depth of the view exceeds the maximum view resolution depth "
                                  "(32)."));
  return true;
}

static const char *bind_view(sql_binder *b, const catalog_table *view, const char *exposed,
                             int32_t line) {
  sql_query *query = NULL;
  sql_bound_query bound;
  sql_context inner = {.dialect = b->context->dialect,
                       .arena = b->context->arena,
                       .text = view->definition == NULL ? "" : view->definition,
                       .length = view->definition == NULL ? 0 : strlen(view->definition),
                       .quoted_identifier = true};
  if (too_deep(b, line)) {
    return NULL;
  }
  if (sql_parse_query(&inner, &query) != BR_OK) {
    b->context->status = inner.status;
    b->context->error = inner.error;
    return NULL;
  }
  sql_binder own = *b;
  own.names.database = view->database;
  own.names.schema = view->schema;
  own.scope = NULL;
  own.ctes = NULL;
  bool good = bind_query(&own, query, &bound);
  b->aliases = own.aliases;
  b->depth--;
  if (!good) {
    return NULL;
  }
  const char **names = sql_new(b->context, (view->column_count + 1) * sizeof *names);
  for (size_t i = 0; names != NULL && i < view->column_count; i++) {
    names[i] = view->columns[i].name;
  }
  if (names == NULL) {
    return NULL;
  }
  if (bound.count != view->column_count && b->is_tsql) {
    return sql_fail(b->context, 4502, line,
                    "View or function '%s' has more column names specified than columns defined.",
                    view->name);
  }
  return derived_source(b, &bound, exposed, names, view->column_count, line);
}

/* Puts text for one of a system view's marks: ?D, ?S, ?N. */
static const char *replaced(sql_binder *b, const char *sql, const char *mark, const char *text) {
  const char *at = NULL;
  size_t more = strlen(text);
  size_t count = 0;
  for (at = strstr(sql, mark); at != NULL; at = strstr(at + 2, mark)) {
    count++;
  }
  char *result = sql_new(b->context, strlen(sql) + count * more + 1);
  char *out = result;
  while (result != NULL && (at = strstr(sql, mark)) != NULL) {
    memcpy(out, sql, (size_t)(at - sql));
    out += at - sql;
    memcpy(out, text, more);
    out += more;
    sql = at + strlen(mark);
  }
  if (result != NULL) {
    memcpy(out, sql, strlen(sql) + 1);
  }
  return result;
}

static const char *view_text(sql_binder *b, const catalog_view *view, int64_t id, bool temporary) {
  const char *number = sql_text(b->context, "%lld", (long long)id);
  const char *sql = number == NULL ? NULL : replaced(b, view->sql, "?D", number);
  sql = sql == NULL ? NULL : replaced(b, sql, "?S", temporary ? "temp" : "main");
  return sql == NULL ? NULL : replaced(b, sql, "?N", temporary ? "-" : "");
}

/* A system view of a database; tempdb's also has the session's #temp tables. */
static const char *with_database(sql_binder *b, const catalog_view *view, const char *database) {
  int64_t id = catalog_database(b->context, b->names.db, database, NULL);
  const char *sql = bind_failed(b) ? NULL : view_text(b, view, id, false);
  bool temporary = b->is_tsql && strstr(view->sql, "?S") != NULL &&
                   br_text_equal_nocase(database, "tempdb") && catalog_has_temporary(b->names.db);
  const char *more = sql != NULL && temporary ? view_text(b, view, id, true) : NULL;
  return more == NULL
             ? sql
             : sql_text(b->context, "SELECT * FROM (%s) UNION ALL SELECT * FROM (%s)", sql, more);
}

static const char *bind_system_view(sql_binder *b, const catalog_view *view, const char *database,
                                    const char *exposed) {
  sql_bound_query query = {.sql = with_database(b, view, database)};
  while (view->columns[query.count].name != NULL) {
    query.count++;
  }
  query.columns = sql_new(b->context, query.count * sizeof *query.columns);
  if (bind_failed(b)) {
    return NULL;
  }
  for (size_t i = 0; i < query.count; i++) {
    const catalog_view_column *c = &view->columns[i];
    query.columns[i].name = c->name;
    query.columns[i].type = sql_type_is_text(c->kind) && b->is_tsql
                                ? sql_type_text(c->kind, c->length)
                                : sql_type_of(c->kind);
    query.columns[i].nullable = true;
  }
  return derived_source(b, &query, exposed, NULL, 0, 1);
}

static const char *bind_cte(sql_binder *b, const sql_cte_scope *found, const char *exposed,
                            int32_t line) {
  sql_bound_query query;
  sql_scope *scope = b->scope;
  sql_cte_scope *ctes = b->ctes;
  if (too_deep(b, line)) {
    return NULL;
  }
  /* A CTE sees those before it, and no outer query. */
  b->scope = NULL;
  b->ctes = found->earlier;
  bool good = bind_query(b, found->cte->query, &query);
  b->scope = scope;
  b->ctes = ctes;
  b->depth--;
  return good ? derived_source(b, &query, exposed, found->cte->columns, found->cte->column_count,
                               line)
              : NULL;
}

static const char *bind_catalog_table(sql_binder *b, const sql_table *table,
                                      const catalog_table *found, const char *exposed) {
  if (found->kind == 'V') {
    const char *sql = bind_view(b, found, exposed, table->line);
    if (sql != NULL && table->alias == NULL) {
      b->scope->last->schema = found->schema;
      b->scope->last->database = found->database;
    }
    return sql;
  }
  sql_source *source = bind_table_source(b, found, exposed, table->alias == NULL);
  if (source == NULL) {
    return NULL;
  }
  add_source(b, source);
  return sql_text(b->context, "%s AS %s", found->physical, source->alias);
}

static const char *bind_named(sql_binder *b, const sql_table *table) {
  const sql_name *name = &table->name;
  const char *object = name->parts[name->count - 1];
  const char *exposed = table->alias != NULL ? table->alias : object;
  const char *database = NULL;
  const char *schema = NULL;
  if (name->count == 1) {
    for (const sql_cte_scope *c = b->ctes; c != NULL; c = c->earlier) {
      if (br_text_equal_nocase(c->cte->name, object)) {
        return bind_cte(b, c, exposed, table->line);
      }
    }
  }
  catalog_table *found = catalog_find(b->context, &b->names, name, 0);
  if (found != NULL) {
    return bind_catalog_table(b, table, found, exposed);
  }
  if (bind_failed(b) || !catalog_split(b->context, &b->names, name, &database, &schema, &object)) {
    return NULL;
  }
  const catalog_view *view = catalog_system_view(b->context->dialect, schema, object);
  if (view != NULL) {
    const char *sql = bind_system_view(b, view, database, exposed);
    if (sql != NULL && table->alias == NULL) {
      b->scope->last->schema = view->schema;
    }
    return sql;
  }
  return catalog_unknown(b->context, name);
}

static const char *bind_derived(sql_binder *b, const sql_table *table) {
  sql_bound_query query;
  sql_scope *scope = b->scope;
  sql_cte_scope *ctes = b->ctes;
  b->scope = scope->outer; /* a derived table doesn't see its neighbours */
  bool good = bind_query(b, table->query, &query);
  b->scope = scope;
  b->ctes = ctes;
  const char *name = table->alias != NULL ? table->alias : "";
  return good ? derived_source(b, &query, name, table->columns, table->column_count, table->line)
              : NULL;
}

static const char *bind_files(sql_binder *b, const sql_table *table) {
  catalog_table *found = NULL;
  if (b->environment->files == NULL) {
    return sql_unsupported(b->context, table->line, "Reading files");
  }
  if (!b->environment->files(b->environment->owner, b->context, table->path, &found)) {
    return NULL;
  }
  return bind_catalog_table(b, table, found, table->alias != NULL ? table->alias : "");
}

/* explode(x): the rows of json_each(), each element again as a value of its type. Arrays give the
 * column col, maps key and value. */
static const char *bind_explode(sql_binder *b, const sql_table *table) {
  sql_type key;
  sql_type type;
  const sql_type text = sql_type_of(SQL_STRING);
  sql_bound *x = bind_value(b, table->on);
  if (x == NULL || (x->type.kind != SQL_ARRAY && x->type.kind != SQL_MAP)) {
    return x == NULL ? NULL : sql_unsupported(b->context, table->line, "explode of this type");
  }
  bool map = x->type.kind == SQL_MAP;
  sql_source *source = new_source(b, table->alias != NULL ? table->alias : "", map ? 2 : 1);
  if (source == NULL || !bind_parts(b, &x->type, &key, &type)) {
    return NULL;
  }
  if (table->columns != NULL && table->column_count != source->count) {
    return sql_fail_condition(b->context, "UDTF_ALIAS_NUMBER_MISMATCH", "42802",
                              "The number of aliases supplied in the AS clause does not match the "
                              "number of columns output by the UDTF. Expected %zu aliases, but got "
                              "%zu.",
                              source->count, table->column_count);
  }
  const sql_type *index = map ? &text : &key;
  sql_source_column *value = &source->columns[map ? 1 : 0];
  *value = (sql_source_column){.name = map ? "value" : "col",
                               .type = type,
                               .nullable = true,
                               .sql = sql_text(b->context, "f_item(%s,%s.key,%d,%lld,%lld)", x->sql,
                                               source->alias, (int)SQL_ITEM_GET,
                                               (long long)sql_type_pack(index),
                                               (long long)sql_type_pack(&type))};
  if (map) {
    sql_bound *name = bind_new(b, text, false, sql_text(b->context, "%s.key", source->alias));
    name = bind_convert(b, name, &key, SQL_EXPLICIT, SQL_STYLE_NONE, table->line);
    source->columns[0] =
        (sql_source_column){.name = "key", .type = key, .sql = name == NULL ? NULL : name->sql};
  }
  for (size_t i = 0; table->columns != NULL && i < source->count; i++) {
    source->columns[i].name = table->columns[i];
  }
  add_source(b, source);
  return bind_failed(b) ? NULL : sql_text(b->context, "json_each(%s) AS %s", x->sql, source->alias);
}

static int wrong_range_count(sql_binder *b) {
  (void)sql_fail_condition(b->context, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                           "The `range` requires [1, 2, 3, 4] parameters.");
  return -1;
}

/* The arguments of range() as integers: literals, as documented. 0: one is NULL. -1: an error is
 * set. */
static int range_arguments(sql_binder *b, const sql_table *table, int64_t *values, int most) {
  const sql_type bigint = sql_type_of(SQL_BIGINT);
  sql_scope *scope = b->scope;
  int count = 0;
  for (const sql_expr *e = table->on; e != NULL; e = e->next, count++) {
    if (count == most) {
      return wrong_range_count(b);
    }
    b->scope = NULL;
    sql_bound *bound = bind_value(b, e);
    bound = bound == NULL
                ? NULL
                : bind_convert(b, bound, &bigint, SQL_EXPLICIT, SQL_STYLE_NONE, table->line);
    b->scope = scope;
    if (bound != NULL && !bound->literal) {
      (void)sql_unsupported(b->context, table->line, "range of anything but literals");
    }
    if (bind_failed(b) || bound == NULL) {
      return -1;
    }
    if (bound->value.form != SQL_FORM_INTEGER) {
      return 0;
    }
    values[count] = bound->value.i;
  }
  return count == 0 ? wrong_range_count(b) : count;
}

/* range([start,] end[, step[, parts]]): the column id. */
static const char *bind_range(sql_binder *b, const sql_table *table) {
  int64_t v[4] = {0};
  int count = range_arguments(b, table, v, 4);
  int64_t start = count == 1 ? 0 : v[0];
  int64_t end = count == 1 ? v[0] : v[1];
  int64_t step = count > 2 ? v[2] : 1;
  if (count < 0) {
    return NULL;
  }
  if (count == 0 || step == 0) { /* NULL, or no way to the end */
    return sql_fail_condition(b->context, "FAILED_FUNCTION_CALL", "38000",
                              "Failed preparing of the function `range` for call. Please, double "
                              "check function's arguments.");
  }
  /* The last one is compared with what is before the end, which can't overflow. */
  const char order = step > 0 ? '<' : '>';
  sql_result_column id = {.name = "id", .type = sql_type_of(SQL_BIGINT)};
  const sql_bound_query query = {
      .columns = &id,
      .count = 1,
      .sql =
          sql_text(b->context,
                   "WITH RECURSIVE n(c1) AS (SELECT %lld WHERE (%lld) %c (%lld) UNION ALL SELECT "
                   "c1 + (%lld) FROM n WHERE c1 %c (%lld) - (%lld)) SELECT c1 FROM n",
                   (long long)start, (long long)start, order, (long long)end, (long long)step,
                   order, (long long)end, (long long)step)};
  if (query.sql == NULL) {
    return NULL;
  }
  const char *name = table->alias != NULL ? table->alias : "";
  return derived_source(b, &query, name, table->columns, table->column_count, table->line);
}

/* Outer joins make the other side's columns NULL. */
static void make_nullable(sql_source *from, const sql_source *until) {
  for (sql_source *s = from; s != NULL && s != until; s = s->next) {
    for (size_t i = 0; i < s->count; i++) {
      s->columns[i].nullable = true;
    }
  }
}

static const char *bind_join_condition(sql_binder *b, const sql_table *table) {
  if (table->on == NULL) {
    return "";
  }
  sql_clause clause = b->scope->clause;
  b->scope->clause = SQL_CLAUSE_ON;
  const char *sql = bind_condition(b, table->on);
  b->scope->clause = clause;
  return sql == NULL ? NULL : sql_text(b->context, " ON %s", sql);
}

static const char *bind_table(sql_binder *b, const sql_table *table);

static const char *bind_join_tree(sql_binder *b, const sql_table *table) {
  static const char *const words[] = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ",
                                      " CROSS JOIN "};
  sql_scope *scope = b->scope;
  sql_source *before = scope->last;
  const char *left = bind_table(b, table->left);
  sql_source *middle = scope->last;
  const char *right = left == NULL ? NULL : bind_table(b, table->right);
  if (right == NULL) {
    return NULL;
  }
  sql_source *first_left = before == NULL ? scope->sources : before->next;
  sql_source *first_right = middle == NULL ? scope->sources : middle->next;
  const char *on = bind_join_condition(b, table);
  if (on == NULL) {
    return NULL;
  }
  if (table->join == SQL_JOIN_LEFT || table->join == SQL_JOIN_FULL) {
    make_nullable(first_right, NULL);
  }
  if (table->join == SQL_JOIN_RIGHT || table->join == SQL_JOIN_FULL) {
    make_nullable(first_left, first_right);
  }
  bool nested = table->right->kind == SQL_T_JOIN;
  return sql_text(b->context, nested ? "%s%s(%s)%s" : "%s%s%s%s", left, words[table->join], right,
                  on);
}

static const char *bind_table(sql_binder *b, const sql_table *table) {
  switch (table->kind) {
  case SQL_T_NAME:
    return bind_named(b, table);
  case SQL_T_QUERY:
    return bind_derived(b, table);
  case SQL_T_FILES:
    return bind_files(b, table);
  case SQL_T_EXPLODE:
    return bind_explode(b, table);
  case SQL_T_RANGE:
    return bind_range(b, table);
  default:
    return bind_join_tree(b, table);
  }
}

/* Two sources of one name can't be told apart. */
static bool names_differ(sql_binder *b, int32_t line) {
  for (const sql_source *s = b->scope->sources; s != NULL; s = s->next) {
    for (const sql_source *t = s->next; t != NULL; t = t->next) {
      if (!b->is_tsql || s->name[0] == '\0' || !br_text_equal_nocase(s->name, t->name)) {
        continue;
      }
      bool qualified = s->schema != NULL && t->schema != NULL;
      if (qualified && (!br_text_equal_nocase(s->schema, t->schema) ||
                        (s->database != NULL && t->database != NULL &&
                         !br_text_equal_nocase(s->database, t->database)))) {
        continue;
      }
      if (qualified) {
        (void)sql_fail(b->context, 1013, line,
                       "The objects \"%s.%s\" and \"%s.%s\" in the FROM clause have the same "
                       "exposed names. Use correlation names to distinguish them.",
                       s->schema, s->name, t->schema, t->name);
      } else {
        (void)sql_fail(b->context, s->schema != NULL || t->schema != NULL ? 1012 : 1011, line,
                       "The correlation name '%s' is specified multiple times in a FROM clause.",
                       s->name);
      }
      return false;
    }
  }
  return true;
}

const char *bind_from(sql_binder *b, const sql_table *table) {
  const char *sql = NULL;
  for (const sql_table *t = table; t != NULL; t = t->next) {
    const char *part = bind_table(b, t);
    if (part == NULL) {
      return NULL;
    }
    /* A comma binds weaker than JOIN: parentheses keep each part whole. */
    bool join = t->kind == SQL_T_JOIN && table->next != NULL;
    part = join ? sql_text(b->context, "(%s)", part) : part;
    sql = sql == NULL ? part : bind_join(b, sql, " CROSS JOIN ", part);
  }
  return sql != NULL && names_differ(b, table->line) ? sql : NULL;
}

bool bind_ctes(sql_binder *b, const sql_cte *ctes) {
  for (const sql_cte *c = ctes; c != NULL; c = c->next) {
    sql_cte_scope *scope = sql_new(b->context, sizeof *scope);
    if (scope == NULL) {
      return false;
    }
    scope->cte = c;
    scope->earlier = b->ctes;
    b->ctes = scope;
  }
  return true;
}
