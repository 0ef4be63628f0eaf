/*
 * functions_tsql.h: T-SQL's functions about the system, between functions_tsql.c (the table of all)
 * and functions_system.c.
 */
#ifndef SANDBOX_SQL_FUNCTIONS_TSQL_H
#define SANDBOX_SQL_FUNCTIONS_TSQL_H

#include "sandbox/sql/bind_function.h"

sql_bound *tsql_sysname(sql_binder *b, const char *text); /* NULL is NULL */

sql_bound *bind_newid(sql_binder *b, const sql_call *call);
sql_bound *bind_hashbytes(sql_binder *b, const sql_call *call);
sql_bound *bind_db_name(sql_binder *b, const sql_call *call);
sql_bound *bind_db_id(sql_binder *b, const sql_call *call);
sql_bound *bind_schema_name(sql_binder *b, const sql_call *call);
sql_bound *bind_schema_id(sql_binder *b, const sql_call *call);
sql_bound *bind_object_id(sql_binder *b, const sql_call *call);
sql_bound *bind_object_name(sql_binder *b, const sql_call *call);
sql_bound *bind_object_schema_name(sql_binder *b, const sql_call *call);
sql_bound *bind_objectproperty(sql_binder *b, const sql_call *call);
sql_bound *bind_col_length(sql_binder *b, const sql_call *call);
sql_bound *bind_col_name(sql_binder *b, const sql_call *call);
sql_bound *bind_columnproperty(sql_binder *b, const sql_call *call);
sql_bound *bind_type_name(sql_binder *b, const sql_call *call);
sql_bound *bind_type_id(sql_binder *b, const sql_call *call);
sql_bound *bind_ident_current(sql_binder *b, const sql_call *call);
sql_bound *bind_yes(sql_binder *b, const sql_call *call); /* 1: the one user may do all */
sql_bound *bind_user_name(sql_binder *b, const sql_call *call);
sql_bound *bind_host(sql_binder *b, const sql_call *call);
sql_bound *bind_serverproperty(sql_binder *b, const sql_call *call);
sql_bound *bind_databaseproperty(sql_binder *b, const sql_call *call);
sql_bound *bind_applock(sql_binder *b, const sql_call *call);

#endif
