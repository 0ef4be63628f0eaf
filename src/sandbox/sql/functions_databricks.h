/*
 * functions_databricks.h: what functions_json.c gives the table of functions_databricks.c.
 */
#ifndef SANDBOX_SQL_FUNCTIONS_DATABRICKS_H
#define SANDBOX_SQL_FUNCTIONS_DATABRICKS_H

#include "sandbox/sql/bind_function.h"

sql_bound *bind_item(sql_binder *b, const sql_call *call);
sql_bound *bind_json_has(sql_binder *b, const sql_call *call);
sql_bound *bind_json_part(sql_binder *b, const sql_call *call);
sql_bound *bind_array_join(sql_binder *b, const sql_call *call);
sql_bound *bind_from_json(sql_binder *b, const sql_call *call);
sql_bound *bind_json_path(sql_binder *b, const sql_call *call);
sql_bound *bind_sha2(sql_binder *b, const sql_call *call);
sql_bound *bind_md5(sql_binder *b, const sql_call *call);
sql_bound *bind_base64(sql_binder *b, const sql_call *call);
sql_bound *bind_unbase64(sql_binder *b, const sql_call *call);
sql_bound *bind_hex(sql_binder *b, const sql_call *call);
sql_bound *bind_timestamp_of(sql_binder *b, const sql_call *call);
sql_bound *bind_unix(sql_binder *b, const sql_call *call);
sql_bound *bind_extreme(sql_binder *b, const sql_call *call);

#endif
