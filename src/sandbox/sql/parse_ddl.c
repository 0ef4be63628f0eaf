/*
 * parse_ddl.c: CREATE, ALTER and DROP, but for columns and constraints (parse_column.c).
 */
#include "sandbox/sql/parse_ddl.h"

#include <string.h>

#include "base/text.h"

static bool accept_if_exists(sql_parser *p) {
  if (parse_is(p, "IF") && parse_is_at(p, 1, "EXISTS")) {
    p->at += 2;
    return true;
  }
  return false;
}

static bool accept_if_not_exists(sql_parser *p) {
  if (!p->is_tsql && parse_is(p, "IF") && parse_is_at(p, 1, "NOT") && parse_is_at(p, 2, "EXISTS")) {
    p->at += 3;
    return true;
  }
  return false;
}

/* USING DELTA, COMMENT 'x', TBLPROPERTIES (…), … behind a table of Databricks, in any order. */
static bool parse_table_clause(sql_parser *p, sql_stmt *stmt) {
  if (parse_accept(p, "USING")) {
    const char *format = parse_identifier(p);
    if (format != NULL && !br_text_equal_nocase(format, "DELTA")) {
      (void)sql_unsupported(p->context, stmt->line, "USING %s", format);
    }
    return !parse_failed(p);
  }
  if (parse_accept(p, "COMMENT")) {
    if (parse_peek(p, 0)->kind != SQL_TOKEN_STRING) {
      (void)parse_syntax_error(p);
      return false;
    }
    stmt->value = parse_peek(p, 0)->text;
    p->at++;
    return true;
  }
  if (parse_is(p, "TBLPROPERTIES") || parse_is(p, "CLUSTER") || parse_is(p, "PARTITIONED")) {
    bool properties = parse_is(p, "TBLPROPERTIES");
    p->at++;
    if ((!properties && !parse_expect(p, "BY")) || !parse_expect_symbol(p, '(')) {
      return false;
    }
    return parse_skip_brackets(p);
  }
  return false;
}

/* ON [PRIMARY], TEXTIMAGE_ON …, WITH (…) behind a table of T-SQL: storage, without meaning here. */
static void skip_storage(sql_parser *p) {
  for (;;) {
    if (parse_is(p, "ON") || parse_is(p, "TEXTIMAGE_ON")) {
      p->at++;
      (void)parse_identifier(p);
    } else if (parse_is(p, "WITH") && parse_is_symbol_at(p, 1, '(')) {
      parse_table_hints(p);
    } else {
      return;
    }
  }
}

static sql_stmt *parse_create_table(sql_parser *p, bool or_replace) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_CREATE_TABLE);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  stmt->or_replace = or_replace;
  stmt->if_not_exists = accept_if_not_exists(p);
  if (!parse_name(p, &stmt->name)) {
    return NULL;
  }
  if (parse_is_symbol(p, '(') && !parse_table_elements(p, stmt)) {
    return NULL;
  }
  if (p->is_tsql) {
    skip_storage(p);
    return parse_failed(p) || stmt->columns != NULL ? (parse_failed(p) ? NULL : stmt)
                                                    : parse_syntax_error(p);
  }
  while (parse_table_clause(p, stmt)) {
  }
  if (parse_accept(p, "AS") || (!parse_failed(p) && parse_starts_query(p))) {
    stmt->query = parse_query(p, true);
  }
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_create_view(sql_parser *p, bool or_replace) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_CREATE_VIEW);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  stmt->or_replace = or_replace;
  stmt->if_not_exists = accept_if_not_exists(p);
  if (!parse_name(p, &stmt->name) ||
      (parse_is_symbol(p, '(') && (stmt->names = parse_column_list(p, false)) == NULL)) {
    return NULL;
  }
  if (!p->is_tsql) {
    while (parse_table_clause(p, stmt)) {
    }
  }
  if (!parse_expect(p, "AS")) {
    return NULL;
  }
  size_t first = p->at;
  stmt->query = parse_query(p, true);
  stmt->text = parse_text_since(p, first);
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_create_index(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_CREATE_INDEX);
  if (stmt == NULL) {
    return NULL;
  }
  stmt->unique = parse_accept(p, "UNIQUE");
  stmt->clustered = parse_accept(p, "CLUSTERED");
  if (!stmt->clustered) {
    (void)parse_accept(p, "NONCLUSTERED");
  }
  if (!parse_expect(p, "INDEX") || !parse_name(p, &stmt->name) || !parse_expect(p, "ON") ||
      !parse_name(p, &stmt->other)) {
    return NULL;
  }
  stmt->names = parse_column_list(p, true);
  if (parse_accept(p, "INCLUDE")) {
    (void)parse_column_list(p, false);
  }
  if (parse_is(p, "WHERE")) {
    return sql_unsupported(p->context, stmt->line, "A filtered index");
  }
  parse_index_options(p, &stmt->ignore_dup_key);
  skip_storage(p);
  return parse_failed(p) ? NULL : stmt;
}

/* CREATE DATABASE|CATALOG|SCHEMA|VOLUME name. */
static sql_stmt *parse_create_container(sql_parser *p, sql_stmt_kind kind) {
  sql_stmt *stmt = parse_new_stmt(p, kind);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  stmt->if_not_exists = accept_if_not_exists(p);
  if (!parse_name(p, &stmt->name)) {
    return NULL;
  }
  if (p->is_tsql && kind == SQL_S_CREATE_SCHEMA && parse_accept(p, "AUTHORIZATION")) {
    (void)parse_identifier(p);
  }
  if (p->is_tsql && kind == SQL_S_CREATE_DATABASE && parse_accept(p, "COLLATE")) {
    stmt->value = parse_identifier(p);
  }
  while (!p->is_tsql && parse_table_clause(p, stmt)) {
  }
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_create(sql_parser *p) {
  bool or_replace = false;
  p->at++;
  if (parse_is(p, "OR") && (parse_is_at(p, 1, "REPLACE") || parse_is_at(p, 1, "ALTER"))) {
    or_replace = true;
    p->at += 2;
  }
  if (!p->is_tsql && parse_is(p, "EXTERNAL")) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "EXTERNAL");
  }
  if (parse_is(p, "TABLE")) {
    return parse_create_table(p, or_replace);
  }
  if (parse_is(p, "VIEW")) {
    return parse_create_view(p, or_replace);
  }
  if (parse_is(p, "DATABASE")) {
    return parse_create_container(p, p->is_tsql ? SQL_S_CREATE_DATABASE : SQL_S_CREATE_SCHEMA);
  }
  if (parse_is(p, "SCHEMA")) {
    return parse_create_container(p, SQL_S_CREATE_SCHEMA);
  }
  if (!p->is_tsql && parse_is(p, "CATALOG")) {
    return parse_create_container(p, SQL_S_CREATE_DATABASE);
  }
  if (!p->is_tsql && parse_is(p, "VOLUME")) {
    return parse_create_container(p, SQL_S_CREATE_VOLUME);
  }
  if (p->is_tsql && (parse_is(p, "INDEX") || parse_is(p, "UNIQUE") || parse_is(p, "CLUSTERED") ||
                     parse_is(p, "NONCLUSTERED"))) {
    return parse_create_index(p);
  }
  if (parse_peek(p, 0)->kind == SQL_TOKEN_WORD) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "CREATE %s", parse_peek(p, 0)->text);
  }
  return parse_syntax_error(p);
}

static bool parse_object_list(sql_parser *p, sql_stmt *stmt) {
  size_t capacity = 0;
  do {
    if (stmt->object_count == capacity) {
      size_t more = capacity == 0 ? 4 : capacity * 2;
      sql_name *objects = sql_new(p->context, more * sizeof *objects);
      if (objects == NULL) {
        return false;
      }
      if (capacity != 0) {
        memcpy(objects, stmt->objects, capacity * sizeof *objects);
      }
      stmt->objects = objects;
      capacity = more;
    }
    if (!parse_name(p, &stmt->objects[stmt->object_count])) {
      return false;
    }
    stmt->object_count++;
  } while (parse_accept_symbol(p, ','));
  return true;
}

static sql_stmt *parse_drop(sql_parser *p) {
  static const struct {
    const char *word;
    sql_stmt_kind tsql, databricks;
  } kinds[] = {
      {"TABLE", SQL_S_DROP_TABLE, SQL_S_DROP_TABLE},
      {"VIEW", SQL_S_DROP_VIEW, SQL_S_DROP_VIEW},
      {"DATABASE", SQL_S_DROP_DATABASE, SQL_S_DROP_SCHEMA},
      {"SCHEMA", SQL_S_DROP_SCHEMA, SQL_S_DROP_SCHEMA},
      {"INDEX", SQL_S_DROP_INDEX, SQL_S_NOTHING},
      {"CATALOG", SQL_S_NOTHING, SQL_S_DROP_DATABASE},
      {"VOLUME", SQL_S_NOTHING, SQL_S_DROP_VOLUME},
  };
  p->at++;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    sql_stmt_kind kind = p->is_tsql ? kinds[i].tsql : kinds[i].databricks;
    if (kind == SQL_S_NOTHING || !parse_is(p, kinds[i].word)) {
      continue;
    }
    sql_stmt *stmt = parse_new_stmt(p, kind);
    p->at++;
    if (stmt == NULL) {
      return NULL;
    }
    stmt->if_exists = accept_if_exists(p);
    if (!parse_object_list(p, stmt)) {
      return NULL;
    }
    if (kind == SQL_S_DROP_INDEX && parse_accept(p, "ON") && !parse_name(p, &stmt->other)) {
      return NULL;
    }
    if (!p->is_tsql && (parse_accept(p, "CASCADE") || parse_accept(p, "RESTRICT"))) {
      stmt->unique = parse_peek(p, 0) > p->tokens &&
                     br_text_equal_nocase(p->tokens[p->at - 1].text, "CASCADE");
    }
    return parse_failed(p) ? NULL : stmt;
  }
  if (parse_peek(p, 0)->kind == SQL_TOKEN_WORD) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "DROP %s", parse_peek(p, 0)->text);
  }
  return parse_syntax_error(p);
}

/* ALTER TABLE t ADD …, DROP …, ALTER COLUMN …. */
static sql_stmt *parse_alter(sql_parser *p) {
  size_t start = p->at;
  p->at++;
  if (!parse_is(p, "TABLE")) {
    if (p->is_tsql && parse_is(p, "DATABASE")) {
      return sql_unsupported(p->context, parse_peek(p, 0)->line, "ALTER DATABASE");
    }
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "ALTER %s", parse_peek(p, 0)->text);
  }
  p->at++;
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_ALTER_ADD);
  if (stmt == NULL || !parse_name(p, &stmt->name)) {
    return NULL;
  }
  stmt->line = p->tokens[start].line;
  if (p->is_tsql && parse_is(p, "WITH") && !parse_is_symbol_at(p, 1, '(')) {
    p->at++; /* WITH CHECK ADD CONSTRAINT */
    if (parse_is(p, "NOCHECK")) {
      return sql_unsupported(p->context, stmt->line, "ALTER TABLE … WITH NOCHECK");
    }
    (void)parse_expect(p, "CHECK");
  }
  if (parse_accept(p, "ADD")) {
    bool databricks = !p->is_tsql && (parse_accept(p, "COLUMNS") || parse_accept(p, "COLUMN"));
    if (databricks && parse_is_symbol(p, '(')) {
      return parse_table_elements(p, stmt) ? stmt : NULL;
    }
    return parse_element_list(p, stmt) ? stmt : NULL;
  }
  if (parse_accept(p, "DROP")) {
    stmt->kind = SQL_S_ALTER_DROP;
    stmt->unique = !parse_accept(p, "COLUMN"); /* a constraint */
    if (stmt->unique) {
      (void)parse_accept(p, "CONSTRAINT");
    }
    stmt->if_exists = accept_if_exists(p);
    return parse_object_list(p, stmt) ? stmt : NULL;
  }
  if (p->is_tsql && parse_accept(p, "ALTER")) {
    stmt->kind = SQL_S_ALTER_COLUMN;
    return parse_expect(p, "COLUMN") && parse_element_list(p, stmt) ? stmt : NULL;
  }
  return sql_unsupported(p->context, stmt->line, "ALTER TABLE … %s", parse_peek(p, 0)->text);
}

sql_stmt *parse_ddl(sql_parser *p) {
  if (parse_is(p, "CREATE")) {
    return parse_create(p);
  }
  if (!p->is_tsql && parse_is(p, "REPLACE") && parse_is_at(p, 1, "TABLE")) {
    p->at++;
    return parse_create_table(p, true);
  }
  if (parse_is(p, "DROP")) {
    return parse_drop(p);
  }
  if (parse_is(p, "ALTER")) {
    return parse_alter(p);
  }
  return NULL;
}
