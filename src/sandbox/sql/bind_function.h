/*
 * bind_function.h: what the tables of functions of both dialects share.
 */
#ifndef SANDBOX_SQL_BIND_FUNCTION_H
#define SANDBOX_SQL_BIND_FUNCTION_H

#include "sandbox/sql/bind.h"
#include "sandbox/sql/functions.h"

/* An argument as a type; implicit conversion with its errors. */
sql_bound *call_as(sql_binder *b, const sql_call *call, size_t index, const sql_type *type);
/* An argument as text: text stays, other types become nvarchar or STRING. */
sql_bound *call_text(sql_binder *b, const sql_call *call, size_t index);
/* A whole number or NULL. */
sql_bound *call_integer(sql_binder *b, const sql_call *call, size_t index);
sql_bound *call_number(sql_binder *b, const sql_call *call, size_t index); /* float */
long long call_pack(const sql_type *type);
/* The word of DATEADD's first argument. False: there is no such part; an error is set. */
bool call_part(sql_binder *b, const sql_expr *word, const char *function, sql_part *ret_part);
/* An argument that is a date or time; text becomes datetime (Databricks: TIMESTAMP). */
sql_bound *call_moment(sql_binder *b, const sql_call *call, size_t index);

/* Of both dialects. */
sql_bound *bind_coalesce(sql_binder *b, const sql_call *call);
sql_bound *bind_nullif(sql_binder *b, const sql_call *call);
sql_bound *bind_iif(sql_binder *b, const sql_call *call);
sql_bound *bind_upper(sql_binder *b, const sql_call *call);
sql_bound *bind_lower(sql_binder *b, const sql_call *call);
sql_bound *bind_trim(sql_binder *b, const sql_call *call);
sql_bound *bind_ltrim(sql_binder *b, const sql_call *call);
sql_bound *bind_rtrim(sql_binder *b, const sql_call *call);
sql_bound *bind_len(sql_binder *b, const sql_call *call);
sql_bound *bind_substring(sql_binder *b, const sql_call *call);
sql_bound *bind_left(sql_binder *b, const sql_call *call);
sql_bound *bind_right(sql_binder *b, const sql_call *call);
sql_bound *bind_replace(sql_binder *b, const sql_call *call);
sql_bound *bind_reverse(sql_binder *b, const sql_call *call);
sql_bound *bind_replicate(sql_binder *b, const sql_call *call);
sql_bound *bind_concat(sql_binder *b, const sql_call *call);
sql_bound *bind_concat_ws(sql_binder *b, const sql_call *call);
sql_bound *bind_abs(sql_binder *b, const sql_call *call);
sql_bound *bind_round(sql_binder *b, const sql_call *call);
sql_bound *bind_ceiling(sql_binder *b, const sql_call *call);
sql_bound *bind_floor(sql_binder *b, const sql_call *call);
sql_bound *bind_power(sql_binder *b, const sql_call *call);
sql_bound *bind_math(sql_binder *b, const sql_call *call);
sql_bound *bind_year(sql_binder *b, const sql_call *call);
sql_bound *bind_datepart_of(sql_binder *b, const sql_call *call, sql_part part, size_t index);

#endif
