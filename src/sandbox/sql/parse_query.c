/*
 * parse_query.c: SELECT and what stands around it: WITH, FROM, set operations, ORDER BY.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/parser.h"

bool parse_starts_query(const sql_parser *p) {
  /* Token by token: parse_peek() counts from the front, and there may be thousands of brackets. */
  const sql_token *first = parse_peek(p, 0);
  const sql_token *token = first;
  while (token->kind == SQL_TOKEN_SYMBOL && token->op == '(') {
    token++;
  }
  size_t ahead = (size_t)(token - first);
  return parse_is_at(p, ahead, "SELECT") || parse_is_at(p, ahead, "WITH") ||
         (parse_is_at(p, ahead, "VALUES") && parse_is_symbol_at(p, ahead + 1, '(')) ||
         (!p->is_tsql && parse_is_at(p, ahead, "VALUES"));
}

/* An alias: behind AS any name (T-SQL: a string too), else only a word that is not reserved. */
const char *parse_alias(sql_parser *p) {
  bool as = parse_accept(p, "AS");
  const sql_token *token = parse_peek(p, 0);
  if (p->is_tsql && token->kind == SQL_TOKEN_STRING) {
    p->at++;
    return token->text;
  }
  if (as || parse_is_identifier(p, 0)) {
    return parse_identifier(p);
  }
  return NULL;
}

sql_expr *parse_top(sql_parser *p, bool *ret_percent, bool *ret_ties) {
  sql_expr *top = NULL;
  if (parse_accept_symbol(p, '(')) {
    top = parse_expr(p);
    if (!parse_expect_symbol(p, ')')) {
      return NULL;
    }
  } else {
    top = parse_primary(p);
  }
  *ret_percent = parse_accept(p, "PERCENT");
  if (parse_is(p, "WITH") && parse_is_at(p, 1, "TIES")) {
    p->at += 2;
    *ret_ties = true;
  }
  return top;
}

static bool is_set_operator(int op) {
  return op == '=' || (op >= SQL_OP_PLUS_SET && op <= SQL_OP_MODULO_SET);
}

static sql_item *parse_item(sql_parser *p) {
  sql_item *item = sql_new(p->context, sizeof *item);
  const sql_token *next = parse_peek(p, 1);
  if (item == NULL) {
    return NULL;
  }
  bool assigns = next->kind == SQL_TOKEN_SYMBOL && is_set_operator(next->op);
  if (assigns && parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE) {
    item->variable = parse_peek(p, 0)->text;
    item->assign_op = next->op;
    p->at += 2;
    item->expr = parse_expr(p);
  } else if (p->is_tsql && assigns && next->op == '=' &&
             (parse_is_identifier(p, 0) || parse_peek(p, 0)->kind == SQL_TOKEN_STRING)) {
    item->alias = parse_peek(p, 0)->text;
    p->at += 2;
    item->expr = parse_expr(p);
  } else {
    item->expr = parse_expr(p);
    if (item->expr != NULL && item->expr->kind != SQL_E_STAR) {
      item->alias = parse_alias(p);
    }
  }
  return parse_failed(p) ? NULL : item;
}

sql_item *parse_items(sql_parser *p) {
  sql_item *first = NULL;
  sql_item **tail = &first;
  do {
    sql_item *item = parse_item(p);
    if (item == NULL) {
      return NULL;
    }
    *tail = item;
    tail = &item->next;
  } while (parse_accept_symbol(p, ','));
  return first;
}

/* WITH (NOLOCK, INDEX(…)), (NOLOCK): the sandbox reads committed rows whatever is asked. */
void parse_table_hints(sql_parser *p) {
  static const char *const locks[] = {"UPDLOCK",      "XLOCK",          "TABLOCKX", "HOLDLOCK",
                                      "SERIALIZABLE", "REPEATABLEREAD", NULL};
  if (!p->is_tsql || !parse_is(p, "WITH") || !parse_is_symbol_at(p, 1, '(')) {
    return;
  }
  p->at += 2;
  const size_t first = p->at;
  if (!parse_skip_brackets(p)) {
    return;
  }
  const size_t end = p->at;
  for (p->at = first; p->at < end; p->at++) {
    for (size_t i = 0; locks[i] != NULL; i++) {
      p->keeps_locks = p->keeps_locks || parse_is(p, locks[i]);
    }
  }
}

static sql_table *parse_new_table(sql_parser *p, sql_table_kind kind) {
  sql_table *table = sql_new(p->context, sizeof *table);
  if (table != NULL) {
    table->kind = kind;
    table->line = parse_peek(p, 0)->line;
  }
  return table;
}

/* `parquet`.`/Volumes/…`: a format's name and a path instead of schema and table. */
static bool is_files(const sql_parser *p, const sql_name *name) {
  return !p->is_tsql && name->count == 2 && br_text_equal_nocase(name->parts[0], "parquet") &&
         name->parts[1][0] == '/';
}

sql_table *parse_table_name(sql_parser *p) {
  sql_table *table = parse_new_table(p, SQL_T_NAME);
  if (table == NULL) {
    return NULL;
  }
  if (parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE) {
    return sql_unsupported(p->context, table->line, "A table variable");
  }
  if (!parse_name(p, &table->name)) {
    return NULL;
  }
  if (is_files(p, &table->name)) {
    table->kind = SQL_T_FILES;
    table->path = table->name.parts[1];
  }
  return table;
}

static void parse_correlation(sql_parser *p, sql_table *table) {
  table->alias = parse_alias(p);
  if (table->alias != NULL && parse_is_symbol(p, '(') && table->kind != SQL_T_NAME) {
    table->columns = parse_identifier_list(p, &table->column_count);
  }
}

static sql_table *parse_join_tree(sql_parser *p);

static bool is_explode(const sql_parser *p, const char *name) {
  return !p->is_tsql && br_text_equal_nocase(name, "explode");
}

/* (x), behind explode. */
static bool parse_explode(sql_parser *p, sql_table *table) {
  table->kind = SQL_T_EXPLODE;
  return parse_expect_symbol(p, '(') && (table->on = parse_expr(p)) != NULL &&
         parse_expect_symbol(p, ')');
}

/* Databricks: VALUES (1, 'a'), (2, 'b') and VALUES 1, 2 stand in FROM as they are; a table may be
 * called `values` nevertheless. */
static bool is_inline_table(const sql_parser *p) {
  const sql_token *next = parse_peek(p, 1);
  return !p->is_tsql && parse_is(p, "VALUES") &&
         (parse_is_symbol_at(p, 1, '(') || parse_is_symbol_at(p, 1, '-') ||
          next->kind == SQL_TOKEN_NUMBER || next->kind == SQL_TOKEN_STRING ||
          parse_is_at(p, 1, "NULL") || parse_is_at(p, 1, "TRUE") || parse_is_at(p, 1, "FALSE") ||
          (next->kind == SQL_TOKEN_WORD && !parse_is_at(p, 1, "WHERE") &&
           !parse_is_at(p, 1, "JOIN") && parse_is_symbol_at(p, 2, '(')));
}

static sql_table *parse_inline_table(sql_parser *p) {
  sql_table *table = parse_new_table(p, SQL_T_QUERY);
  sql_query *query = sql_new(p->context, sizeof *query);
  p->at++;
  if (table == NULL || query == NULL || (query->body = parse_values(p)) == NULL) {
    return NULL;
  }
  query->line = table->line;
  table->query = query;
  parse_correlation(p, table);
  return parse_failed(p) ? NULL : table;
}

/* (1, 10), behind range. */
static bool parse_range(sql_parser *p, sql_table *table) {
  size_t count = 0;
  table->kind = SQL_T_RANGE;
  if (!parse_expect_symbol(p, '(') || parse_accept_symbol(p, ')')) {
    return !parse_failed(p);
  }
  return (table->on = parse_expr_list(p, &count)) != NULL && parse_expect_symbol(p, ')');
}

static sql_table *parse_table_function(sql_parser *p, sql_table *table) {
  const char *name = table->name.parts[table->name.count - 1];
  bool good = false;
  if (table->name.count == 1 && is_explode(p, name)) {
    good = parse_explode(p, table);
  } else if (table->name.count == 1 && !p->is_tsql && br_text_equal_nocase(name, "range")) {
    good = parse_range(p, table);
  } else {
    return sql_unsupported(p->context, table->line, "The table function '%s'", name);
  }
  if (good) {
    parse_correlation(p, table);
  }
  return parse_failed(p) ? NULL : table;
}

static sql_table *parse_plain_table(sql_parser *p) {
  (void)(!p->is_tsql && parse_accept(p, "LATERAL"));
  if (is_inline_table(p)) {
    return parse_inline_table(p);
  }
  sql_table *table = parse_table_name(p);
  if (table == NULL) {
    return NULL;
  }
  if (parse_is_symbol(p, '(') && !parse_is_at(p, 1, "NOLOCK")) {
    return parse_table_function(p, table);
  }
  parse_correlation(p, table);
  if (p->is_tsql && parse_is_symbol(p, '(') && parse_is_at(p, 1, "NOLOCK")) {
    p->at += 2;
    (void)parse_expect_symbol(p, ')');
  }
  parse_table_hints(p);
  if (table->alias == NULL && p->is_tsql) {
    parse_correlation(p, table);
  }
  return parse_failed(p) ? NULL : table;
}

static sql_table *parse_table_primary(sql_parser *p) {
  if (!parse_is_symbol(p, '(')) {
    return parse_plain_table(p);
  }
  if (!parse_deeper(p)) {
    return NULL;
  }
  sql_table *table = NULL;
  if (parse_starts_query(p)) {
    table = parse_new_table(p, SQL_T_QUERY);
    p->at++;
    if (table == NULL || (table->query = parse_query(p, true)) == NULL ||
        !parse_expect_symbol(p, ')')) {
      return NULL;
    }
    parse_correlation(p, table);
    if (p->is_tsql && table->alias == NULL && !parse_failed(p)) {
      return parse_syntax_error(p);
    }
  } else {
    p->at++;
    table = parse_join_tree(p);
    if (!parse_expect_symbol(p, ')')) {
      return NULL;
    }
  }
  p->depth--;
  return parse_failed(p) ? NULL : table;
}

/* True where a join follows; *ret_join its kind. */
static bool parse_join_word(sql_parser *p, sql_join *ret_join) {
  static const char *const hints[] = {"HASH", "LOOP", "MERGE", "REMOTE"};
  if (parse_accept(p, "CROSS")) {
    *ret_join = SQL_JOIN_CROSS;
    if (parse_is(p, "APPLY")) {
      (void)sql_unsupported(p->context, parse_peek(p, 0)->line, "APPLY");
      return false;
    }
    return parse_expect(p, "JOIN");
  }
  if (parse_is(p, "OUTER") && parse_is_at(p, 1, "APPLY")) {
    (void)sql_unsupported(p->context, parse_peek(p, 0)->line, "APPLY");
    return false;
  }
  bool inner = parse_is(p, "INNER") || parse_is(p, "JOIN");
  if (!inner && !parse_is(p, "LEFT") && !parse_is(p, "RIGHT") && !parse_is(p, "FULL")) {
    return false;
  }
  *ret_join = inner                  ? SQL_JOIN_INNER
              : parse_is(p, "LEFT")  ? SQL_JOIN_LEFT
              : parse_is(p, "RIGHT") ? SQL_JOIN_RIGHT
                                     : SQL_JOIN_FULL;
  if (!parse_is(p, "JOIN")) {
    p->at++;
    if (!inner) {
      (void)parse_accept(p, "OUTER");
      if (!p->is_tsql && (parse_is(p, "SEMI") || parse_is(p, "ANTI"))) {
        (void)sql_unsupported(p->context, parse_peek(p, 0)->line, "SEMI and ANTI JOIN");
      }
    }
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
      (void)(p->is_tsql && parse_accept(p, hints[i]));
    }
  }
  return parse_expect(p, "JOIN");
}

static sql_table *parse_join_tree(sql_parser *p) {
  sql_table *left = parse_table_primary(p);
  sql_join join = SQL_JOIN_INNER;
  int depth = p->depth;
  while (left != NULL && parse_join_word(p, &join)) {
    sql_table *table = parse_new_table(p, SQL_T_JOIN);
    if (table == NULL || !parse_deeper(p)) {
      return NULL;
    }
    table->join = join;
    table->left = left;
    /* a JOIN b JOIN c ON … ON …: the right side is a tree when another join comes before ON */
    table->right = parse_table_primary(p);
    sql_join nested = SQL_JOIN_INNER;
    while (join != SQL_JOIN_CROSS && table->right != NULL && !parse_is(p, "ON") &&
           parse_join_word(p, &nested)) {
      sql_table *inner = parse_new_table(p, SQL_T_JOIN);
      if (inner == NULL) {
        return NULL;
      }
      inner->join = nested;
      inner->left = table->right;
      inner->right = parse_table_primary(p);
      if (inner->right == NULL ||
          (nested != SQL_JOIN_CROSS && (!parse_expect(p, "ON") || !(inner->on = parse_expr(p))))) {
        return NULL;
      }
      table->right = inner;
    }
    if (table->right == NULL) {
      return NULL;
    }
    if (join != SQL_JOIN_CROSS && !parse_is(p, "ON") && parse_is(p, "USING")) {
      return sql_unsupported(p->context, table->line, "JOIN … USING");
    }
    if (join != SQL_JOIN_CROSS && (!parse_expect(p, "ON") || !(table->on = parse_expr(p)))) {
      return NULL;
    }
    left = table;
  }
  p->depth = depth;
  return parse_failed(p) ? NULL : left;
}

sql_table *parse_table_list(sql_parser *p) {
  sql_table *first = NULL;
  sql_table **tail = &first;
  do {
    sql_table *table = parse_join_tree(p);
    if (table == NULL) {
      return NULL;
    }
    *tail = table;
    tail = &table->next;
  } while (parse_accept_symbol(p, ','));
  return first;
}

static void append_table(sql_select *select, sql_table *table) {
  sql_table **tail = &select->from;
  while (*tail != NULL) {
    tail = &(*tail)->next;
  }
  *tail = table;
}

/* LATERAL VIEW explode(x) t AS c[, d] */
static bool parse_lateral_view(sql_parser *p, sql_select *select) {
  p->at += 2;
  if (parse_is(p, "OUTER")) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "LATERAL VIEW OUTER") != NULL;
  }
  sql_table *table = parse_table_name(p);
  if (table == NULL) {
    return false;
  }
  if (table->name.count != 1 || !is_explode(p, table->name.parts[0])) {
    return sql_unsupported(p->context, table->line, "LATERAL VIEW %s",
                           table->name.parts[table->name.count - 1]) != NULL;
  }
  if (!parse_explode(p, table) || (table->alias = parse_identifier(p)) == NULL) {
    return false;
  }
  table->columns = sql_new(p->context, 2 * sizeof *table->columns);
  if (parse_accept(p, "AS") && table->columns != NULL) {
    do {
      if (table->column_count == 2) {
        return parse_syntax_error(p) != NULL;
      }
      table->columns[table->column_count++] = parse_identifier(p);
    } while (parse_accept_symbol(p, ','));
  } else {
    table->columns = NULL;
  }
  append_table(select, table);
  return !parse_failed(p);
}

/* explode(x) in a select list: the columns of a table behind the others. */
static bool lift_explodes(sql_parser *p, sql_select *select) {
  int count = 0;
  for (sql_item *item = select->items; item != NULL; item = item->next) {
    sql_expr *call = item->expr;
    if (call->kind != SQL_E_FUNCTION || call->count != 1 || !is_explode(p, call->text)) {
      continue;
    }
    sql_table *table = parse_new_table(p, SQL_T_EXPLODE);
    sql_expr *star = parse_new_expr(p, SQL_E_STAR);
    if (table == NULL || star == NULL) {
      return false;
    }
    table->on = call->list;
    table->alias = sql_text(p->context, "explode(%d)", ++count);
    if (item->alias != NULL) {
      table->columns = sql_new(p->context, sizeof *table->columns);
      if (table->columns == NULL) {
        return false;
      }
      table->columns[0] = item->alias;
      table->column_count = 1;
    }
    star->name = (sql_name){.parts = {table->alias}, .count = 1, .line = call->line};
    item->expr = star;
    append_table(select, table);
  }
  return !parse_failed(p);
}

static bool parse_group(sql_parser *p, sql_select *select) {
  if (!parse_accept(p, "GROUP")) {
    return true;
  }
  size_t count = 0;
  select->grouped = true;
  if (!parse_expect(p, "BY")) {
    return false;
  }
  bool call = parse_is_symbol_at(p, 1, '(');
  if ((call && (parse_is(p, "ROLLUP") || parse_is(p, "CUBE"))) || parse_is_at(p, 1, "SETS")) {
    (void)sql_unsupported(p->context, select->line, "GROUP BY ROLLUP, CUBE or GROUPING SETS");
    return false;
  }
  select->group = parse_expr_list(p, &count);
  return select->group != NULL;
}

static sql_body *parse_select(sql_parser *p) {
  sql_body *body = sql_new(p->context, sizeof *body);
  sql_select *select = sql_new(p->context, sizeof *select);
  if (body == NULL || select == NULL) {
    return NULL;
  }
  select->line = body->line = parse_peek(p, 0)->line;
  body->kind = SQL_BODY_SELECT;
  body->select = select;
  p->at++;
  select->distinct = parse_accept(p, "DISTINCT");
  if (!select->distinct) {
    (void)parse_accept(p, "ALL");
  }
  if (p->is_tsql && parse_accept(p, "TOP") &&
      (select->top = parse_top(p, &select->top_percent, &select->with_ties)) == NULL) {
    return NULL;
  }
  if ((select->items = parse_items(p)) == NULL) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "INTO")) {
    select->into = sql_new(p->context, sizeof *select->into);
    if (select->into == NULL || !parse_name(p, select->into)) {
      return NULL;
    }
  }
  if (parse_accept(p, "FROM") && (select->from = parse_table_list(p)) == NULL) {
    return NULL;
  }
  while (!p->is_tsql && parse_is(p, "LATERAL") && parse_is_at(p, 1, "VIEW")) {
    if (!parse_lateral_view(p, select)) {
      return NULL;
    }
  }
  if (!p->is_tsql && !lift_explodes(p, select)) {
    return NULL;
  }
  if (parse_accept(p, "WHERE") && (select->where = parse_expr(p)) == NULL) {
    return NULL;
  }
  if (!parse_group(p, select) ||
      (parse_accept(p, "HAVING") && (select->having = parse_expr(p)) == NULL)) {
    return NULL;
  }
  return parse_failed(p) ? NULL : body;
}

sql_body *parse_values(sql_parser *p) {
  sql_body *body = sql_new(p->context, sizeof *body);
  if (body == NULL) {
    return NULL;
  }
  body->kind = SQL_BODY_VALUES;
  body->line = parse_peek(p, 0)->line;
  sql_row **tail = &body->rows;
  do {
    sql_row *row = sql_new(p->context, sizeof *row);
    if (row == NULL) {
      return NULL;
    }
    row->line = parse_peek(p, 0)->line;
    bool bracket = parse_is_symbol(p, '(') || p->is_tsql;
    if (bracket && !parse_expect_symbol(p, '(')) {
      return NULL;
    }
    if (bracket) {
      row->values = parse_expr_list(p, &row->count);
    } else if ((row->values = parse_expr(p)) != NULL) { /* VALUES 1, 2 */
      row->count = 1;
    }
    if (row->values == NULL || (bracket && !parse_expect_symbol(p, ')'))) {
      return NULL;
    }
    *tail = row;
    tail = &row->next;
    body->row_count++;
  } while (parse_accept_symbol(p, ','));
  return body;
}

static sql_body *parse_set_operation(sql_parser *p, int least);

static sql_body *parse_body_primary(sql_parser *p) {
  if (parse_is(p, "SELECT")) {
    return parse_select(p);
  }
  if (parse_accept(p, "VALUES")) {
    return parse_values(p);
  }
  if (parse_accept_symbol(p, '(')) {
    if (!parse_deeper(p)) {
      return NULL;
    }
    sql_body *body = parse_set_operation(p, 1);
    p->depth--;
    return parse_expect_symbol(p, ')') ? body : NULL;
  }
  return parse_syntax_error(p);
}

/* INTERSECT binds stronger than UNION and EXCEPT. */
static int set_level(const sql_parser *p) {
  if (parse_is(p, "INTERSECT")) {
    return 2;
  }
  return parse_is(p, "UNION") || parse_is(p, "EXCEPT") || (!p->is_tsql && parse_is(p, "MINUS"));
}

static sql_body *parse_set_operation(sql_parser *p, int least) {
  sql_body *left = parse_body_primary(p);
  int level = 0;
  int depth = p->depth;
  while (left != NULL && (level = set_level(p)) >= least && level != 0) {
    sql_body *body = sql_new(p->context, sizeof *body);
    if (body == NULL || !parse_deeper(p)) {
      return NULL;
    }
    body->line = parse_peek(p, 0)->line;
    body->kind = level == 2             ? SQL_BODY_INTERSECT
                 : parse_is(p, "UNION") ? SQL_BODY_UNION
                                        : SQL_BODY_EXCEPT;
    p->at++;
    if (parse_accept(p, "ALL")) {
      if (body->kind != SQL_BODY_UNION) {
        return sql_unsupported(p->context, body->line, "INTERSECT ALL and EXCEPT ALL");
      }
      body->kind = SQL_BODY_UNION_ALL;
    } else {
      (void)(!p->is_tsql && parse_accept(p, "DISTINCT"));
    }
    body->left = left;
    body->right = parse_set_operation(p, level + 1);
    left = body->right == NULL ? NULL : body;
  }
  p->depth = depth;
  return left;
}

sql_cte *parse_with(sql_parser *p) {
  sql_cte *first = NULL;
  sql_cte **tail = &first;
  do {
    sql_cte *cte = sql_new(p->context, sizeof *cte);
    if (cte == NULL || (cte->name = parse_identifier(p)) == NULL) {
      return NULL;
    }
    if (parse_is_symbol(p, '(') &&
        (cte->columns = parse_identifier_list(p, &cte->column_count)) == NULL) {
      return NULL;
    }
    if (!parse_expect(p, "AS") || !parse_expect_symbol(p, '(') ||
        (cte->query = parse_query(p, true)) == NULL || !parse_expect_symbol(p, ')')) {
      return NULL;
    }
    *tail = cte;
    tail = &cte->next;
  } while (parse_accept_symbol(p, ','));
  return first;
}

static bool parse_limits(sql_parser *p, sql_query *query) {
  if (p->is_tsql) {
    if (!parse_accept(p, "OFFSET")) {
      return true;
    }
    query->offset = parse_expr(p);
    if (!parse_accept(p, "ROWS") && !parse_expect(p, "ROW")) {
      return false;
    }
    if (parse_accept(p, "FETCH")) {
      if (!parse_accept(p, "NEXT") && !parse_expect(p, "FIRST")) {
        return false;
      }
      query->fetch = parse_expr(p);
      return (parse_accept(p, "ROWS") || parse_expect(p, "ROW")) && parse_expect(p, "ONLY");
    }
    return !parse_failed(p);
  }
  if (parse_accept(p, "LIMIT") && !parse_accept(p, "ALL")) {
    query->fetch = parse_expr(p);
  }
  if (parse_accept(p, "OFFSET")) {
    query->offset = parse_expr(p);
  }
  return !parse_failed(p);
}

/* FOR XML, FOR JSON change the result; OPTION (…) doesn't. */
void parse_option_clause(sql_parser *p) {
  if (!p->is_tsql) {
    return;
  }
  if (parse_is(p, "FOR") && (parse_is_at(p, 1, "XML") || parse_is_at(p, 1, "JSON"))) {
    (void)sql_unsupported(p->context, parse_peek(p, 0)->line, "FOR XML and FOR JSON");
    return;
  }
  if (parse_is(p, "OPTION") && parse_is_symbol_at(p, 1, '(')) {
    p->at += 2;
    (void)parse_skip_brackets(p);
  }
}

sql_query *parse_query(sql_parser *p, bool with_order) {
  sql_query *query = sql_new(p->context, sizeof *query);
  if (query == NULL || !parse_deeper(p)) {
    return NULL;
  }
  query->line = parse_peek(p, 0)->line;
  if (parse_accept(p, "WITH") && (query->ctes = parse_with(p)) == NULL) {
    return NULL;
  }
  if ((query->body = parse_set_operation(p, 1)) == NULL) {
    return NULL;
  }
  if (parse_is(p, "ORDER") && (with_order || query->body->kind == SQL_BODY_SELECT)) {
    p->at++;
    if (!parse_expect(p, "BY") || (query->order = parse_order_list(p)) == NULL) {
      return NULL;
    }
  }
  if (!parse_limits(p, query)) {
    return NULL;
  }
  parse_option_clause(p);
  p->depth--;
  return parse_failed(p) ? NULL : query;
}
