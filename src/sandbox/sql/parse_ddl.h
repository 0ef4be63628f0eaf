/*
 * parse_ddl.h: columns and constraints of a table, between parse_ddl.c and parse_column.c.
 */
#ifndef SANDBOX_SQL_PARSE_DDL_H
#define SANDBOX_SQL_PARSE_DDL_H

#include "sandbox/sql/parser.h"

/* ( … ) behind CREATE TABLE; what stands in it, separated by commas. Into stmt->columns and
 * stmt->constraints. */
bool parse_table_elements(sql_parser *p, sql_stmt *stmt);
bool parse_element_list(sql_parser *p, sql_stmt *stmt);
/* WITH (…) behind a key or an index, where one stands there. */
void parse_index_options(sql_parser *p, bool *ret_ignore_dup_key);

#endif
