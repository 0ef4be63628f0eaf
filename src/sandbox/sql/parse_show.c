/*
 * parse_show.c: Databricks' SHOW and DESCRIBE, as queries of information_schema; IDENTIFIER(…).
 */
#include <string.h>

#include "sandbox/sql/parser.h"

/* `name`, or '…' with the escapes of a literal. */
static const char *quoted(sql_parser *p, const char *text, char quote) {
  size_t n = strlen(text);
  char *copy = sql_new(p->context, n * 2 + 3);
  char *out = copy;
  if (copy == NULL) {
    return NULL;
  }
  const bool literal = quote == '\'';
  const char escape = (char)(literal ? '\\' : quote);
  *out++ = quote;
  for (size_t i = 0; i < n; i++) {
    if (text[i] == quote || (literal && text[i] == '\\')) {
      *out++ = escape;
    }
    *out++ = text[i];
  }
  *out = quote;
  return copy;
}

static sql_stmt *query_statement(sql_parser *p, const char *text) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_SELECT);
  if (stmt == NULL || text == NULL) {
    return NULL;
  }
  sql_context inner = *p->context;
  inner.text = text;
  inner.length = strlen(text);
  if (sql_parse_query(&inner, &stmt->query) != BR_OK) {
    p->context->status = inner.status;
    p->context->error = inner.error;
    return NULL;
  }
  return stmt;
}

/* [IN|FROM name]; count 0 without. */
static bool parse_place(sql_parser *p, sql_name *ret_name) {
  *ret_name = (sql_name){.count = 0};
  if ((parse_accept(p, "IN") || parse_accept(p, "FROM")) && !parse_name(p, ret_name)) {
    return false;
  }
  if (parse_is(p, "LIKE") || parse_peek(p, 0)->kind == SQL_TOKEN_STRING) {
    (void)sql_unsupported(p->context, parse_peek(p, 0)->line, "SHOW … LIKE");
  }
  return !parse_failed(p);
}

/* The information_schema of a catalog; "" of the current one. */
static const char *views_of(sql_parser *p, const char *catalog) {
  const char *name = catalog == NULL ? "" : quoted(p, catalog, '`');
  return name == NULL
             ? NULL
             : sql_text(p->context, "%s%sinformation_schema", name, catalog == NULL ? "" : ".");
}

static const char *schema_text(sql_parser *p, const char *schema) {
  const char *text = schema == NULL ? NULL : quoted(p, schema, '\'');
  return schema == NULL ? "lower(current_schema())"
                        : sql_text(p->context, "lower(%s)", text == NULL ? "" : text);
}

sql_stmt *parse_show(sql_parser *p) {
  sql_name place;
  p->at++;
  if (parse_accept(p, "CATALOGS")) {
    return !parse_place(p, &place)
               ? NULL
               : query_statement(p, "SELECT catalog_name AS catalog FROM"
                                    " system.information_schema.catalogs ORDER BY 1");
  }
  bool schemas = parse_accept(p, "SCHEMAS") || parse_accept(p, "DATABASES");
  if (!schemas && !parse_accept(p, "TABLES")) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "SHOW %s", parse_peek(p, 0)->text);
  }
  if (!parse_place(p, &place)) {
    return NULL;
  }
  if (schemas) {
    return query_statement(
        p, sql_text(p->context, "SELECT schema_name AS databaseName FROM %s.schemata ORDER BY 1",
                    views_of(p, place.count > 0 ? place.parts[place.count - 1] : NULL)));
  }
  const char *catalog = place.count > 1 ? place.parts[place.count - 2] : NULL;
  const char *schema = place.count > 0 ? place.parts[place.count - 1] : NULL;
  return query_statement(
      p, sql_text(p->context,
                  "SELECT table_schema AS database, table_name AS tableName, false AS isTemporary"
                  " FROM %s.tables WHERE lower(table_schema) = %s ORDER BY 2",
                  views_of(p, catalog), schema_text(p, schema)));
}

/* DESCRIBE [TABLE] t: its columns. The condition over t refuses a table that isn't there. */
sql_stmt *parse_describe(sql_parser *p) {
  sql_name name;
  p->at++;
  (void)parse_accept(p, "TABLE");
  if (parse_is(p, "EXTENDED") || parse_is(p, "HISTORY") || parse_is(p, "DETAIL") ||
      parse_is(p, "SCHEMA") || parse_is(p, "CATALOG") || parse_is(p, "QUERY")) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "DESCRIBE %s",
                           parse_peek(p, 0)->text);
  }
  size_t first = p->at;
  if (!parse_name(p, &name)) {
    return NULL;
  }
  const char *written = parse_text_since(p, first);
  const char *table = quoted(p, name.parts[name.count - 1], '\'');
  return query_statement(
      p, sql_text(p->context,
                  "SELECT column_name AS col_name, full_data_type AS data_type, comment FROM"
                  " %s.columns WHERE lower(table_schema) = %s AND lower(table_name) = lower(%s)"
                  " AND 0 = (SELECT count(*) FROM %s WHERE false) ORDER BY ordinal_position",
                  views_of(p, name.count > 2 ? name.parts[name.count - 3] : NULL),
                  schema_text(p, name.count > 1 ? name.parts[name.count - 2] : NULL),
                  table == NULL ? "''" : table, written == NULL ? "" : written));
}

/* ---- IDENTIFIER ---- */

/* A literal or a parameter's value. */
static const char *constant_text(sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  if (token->kind == SQL_TOKEN_STRING) {
    p->at++;
    return token->text;
  }
  if (token->kind != SQL_TOKEN_MARKER) {
    return parse_syntax_error(p);
  }
  const char *text = p->context->parameter_text == NULL
                         ? NULL
                         : p->context->parameter_text(p->context->owner, token->text);
  if (text == NULL) {
    return sql_fail_condition(p->context, "NOT_A_CONSTANT_STRING.NULL", "42601",
                              "The expression :%s used for the routine or clause IDENTIFIER must "
                              "be a constant STRING which is NOT NULL.",
                              token->text);
  }
  p->at++;
  return text;
}

bool parse_is_identifier_clause(const sql_parser *p) {
  return !p->is_tsql && parse_is(p, "IDENTIFIER") && parse_is_symbol_at(p, 1, '(');
}

bool parse_identifier_clause(sql_parser *p, sql_name *ret_name) {
  p->at += 2;
  const char *text = constant_text(p);
  while (text != NULL && parse_accept_symbol(p, SQL_OP_CONCAT)) {
    const char *more = constant_text(p);
    text = more == NULL ? NULL : sql_text(p->context, "%s%s", text, more);
  }
  if (text == NULL || !parse_expect_symbol(p, ')')) {
    return false;
  }
  sql_context inner = *p->context;
  inner.text = text;
  inner.length = strlen(text);
  if (sql_parse_name(&inner, ret_name) != BR_OK) {
    p->context->status = inner.status;
    p->context->error = inner.error;
    return false;
  }
  return true;
}
