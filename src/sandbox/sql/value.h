/*
 * value.h: single values in their stored form (types.h), decimals of 38 digits and points in time.
 */
#ifndef SANDBOX_SQL_VALUE_H
#define SANDBOX_SQL_VALUE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "batch/value.h"
#include "sandbox/sql/types.h"

typedef enum sql_form {
  SQL_FORM_NULL,
  SQL_FORM_INTEGER,
  SQL_FORM_REAL,
  SQL_FORM_TEXT,
  SQL_FORM_BLOB
} sql_form;

/* A cell. Text and bytes are borrowed. */
typedef struct sql_value {
  sql_form form;
  int64_t i;
  double d;
  const char *p;
  size_t n;
} sql_value;

/* Where a function that makes a value may put its bytes; the value borrows them until the next use.
 */
typedef struct sql_scratch {
  br_buf buf;
  uint8_t fixed[64];
} sql_scratch;

void sql_scratch_init(sql_scratch *scratch);
void sql_scratch_done(sql_scratch *scratch);

sql_value sql_value_null(void);
sql_value sql_value_integer(int64_t i);
sql_value sql_value_real(double d);
sql_value sql_value_text(const char *p, size_t n);
sql_value sql_value_blob(const void *p, size_t n);
sql_value sql_value_of(sqlite3_value *value);
sql_value sql_value_of_column(sqlite3_stmt *stmt, int column);
/* The bytes are copied. */
int sql_value_bind(sqlite3_stmt *stmt, int index, const sql_value *value);
void sql_value_result(sqlite3_context *context, const sql_value *value);

/* ---- decimals ---- */

batch_i128 sql_decimal_get(const sql_value *value);
/* In the form of a precision; bytes go to scratch->fixed. */
sql_value sql_decimal_put(batch_i128 value, unsigned precision, sql_scratch *scratch);
batch_i128 sql_power10(unsigned exponent); /* <= 38 */
bool sql_decimal_fits(batch_i128 value, unsigned precision);
/* From one scale to another; to a smaller one rounded half away from zero, or cut. False: more than
 * 38 digits. */
bool sql_decimal_rescale(batch_i128 value, unsigned from, unsigned to, bool round,
                         batch_i128 *ret_value);
/* a + b at the result's scale, rounded there. False: more than 38 digits. */
bool sql_decimal_add(batch_i128 a, unsigned scale_a, batch_i128 b, unsigned scale_b, unsigned scale,
                     batch_i128 *ret_value);
/* a op b at the result's scale: * rounds, / cuts (T-SQL) or rounds. False: more than 38 digits; the
 * caller has looked at division by zero. */
bool sql_decimal_multiply(batch_i128 a, batch_i128 b, unsigned scale_of_both, unsigned scale,
                          batch_i128 *ret_value);
bool sql_decimal_divide(batch_i128 a, unsigned scale_a, batch_i128 b, unsigned scale_b,
                        unsigned scale, bool round, batch_i128 *ret_value);
double sql_decimal_double(batch_i128 value, unsigned scale);
/* False: not finite, or over 38 digits. */
bool sql_decimal_of_double(double d, unsigned scale, batch_i128 *ret_value);

/* ---- points in time ---- */

#define SQL_TICKS_PER_DAY    INT64_C(864000000000) /* 100 ns */
#define SQL_TICKS_PER_SECOND INT64_C(10000000)
enum {
  SQL_DAYS_1900 = 693595, /* from 0001-01-01 */
  SQL_DAYS_1970 = 719162,
  SQL_DAYS_MAX = 3652058, /* 9999-12-31 */
};

/* A local date, a local time of day and the zone's offset. */
typedef struct sql_moment {
  int32_t days;   /* since 0001-01-01 */
  int64_t ticks;  /* 100 ns since midnight */
  int32_t offset; /* minutes east of UTC */
} sql_moment;

/* Of any date or time type; a time is on 1900-01-01. */
sql_moment sql_moment_get(sql_kind kind, const sql_value *value);
/* Rounded to the type's scale (datetime 1/300 s, smalldatetime a minute). False: the type can't
 * hold it. Bytes go to scratch->fixed. */
bool sql_moment_put(const sql_moment *moment, const sql_type *type, sql_scratch *scratch,
                    sql_value *ret_value);
void sql_moment_civil(const sql_moment *moment, int *ret_year, unsigned *ret_month,
                      unsigned *ret_day);
/* Days since 0001-01-01; false: there is no such day. */
bool sql_days_of_civil(int64_t year, int64_t month, int64_t day, int32_t *ret_days);
unsigned sql_days_in_month(int year, unsigned month);

/* ---- uniqueidentifier ---- */

void sql_guid_to_wire(const sql_value *value, uint8_t wire[16]);
sql_value sql_guid_of_wire(const uint8_t wire[16], sql_scratch *scratch);

#endif
