/*
 * convert.h: a value of one type as a value of another, by the rules of the dialect (CAST, CONVERT
 * with styles, implicit conversion, assignment to a column).
 *
 *   convert.c         which way; characters to characters, binary, uniqueidentifier
 *   convert_number.c  to integers, decimal, money, float
 *   convert_text.c    to characters
 *   convert_time.c    to dates and times
 */
#ifndef SANDBOX_SQL_CONVERT_H
#define SANDBOX_SQL_CONVERT_H

#include "sandbox/sql/context.h"
#include "sandbox/sql/value.h"

enum { SQL_STYLE_NONE = -1 };

typedef struct sql_conversion {
  engine_dialect dialect;
  int style;
  /* Assignment to a column: text that is too long is an error, where CAST cuts it. */
  const char *table, *column;
  sql_scratch *scratch; /* the result may borrow from it */
  engine_error *error;  /* filled on BR_ERR_REMOTE */
  br_error *err;
} sql_conversion;

/* BR_ERR_REMOTE: the value has no such value in the other type. NULL stays NULL. */
br_status sql_convert(sql_conversion *c, const sql_type *from, const sql_type *to,
                      const sql_value *in, sql_value *ret_value) BR_CHECKED;

/* ---- inside ---- */

br_status sql_convert_to_number(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in, sql_value *ret_value) BR_CHECKED;
br_status sql_convert_to_text(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) BR_CHECKED;
br_status sql_convert_to_time(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) BR_CHECKED;

/* Cuts, pads or refuses text for a character type. */
br_status sql_fit_text(sql_conversion *c, const sql_type *to, const char *text, size_t length,
                       sql_value *ret_value) BR_CHECKED;
/* "Conversion failed…" by dialect. */
br_status sql_conversion_failed(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in);
br_status sql_conversion_overflow(sql_conversion *c, const sql_type *from, const sql_type *to,
                                  const sql_value *in);

/* Numbers in text. False: it is none. */
bool sql_parse_decimal(const char *text, size_t length, batch_i128 *ret_mantissa, int *ret_scale,
                       bool *ret_overflow);
bool sql_parse_double(const char *text, size_t length, double *ret_value);

/* Text of a number, as a conversion without style makes it; NUL-terminated, 64 bytes are enough. */
void sql_double_text_tsql(double d, int style, bool single, char *text, size_t size);
void sql_double_text_databricks(double d, bool single, char *text, size_t size);

typedef struct sql_parsed_time {
  sql_moment moment;
  bool has_date, has_time, has_offset;
  bool
      no_such_day; /* filled on failure too: it reads like a date, and the calendar has none such */
  int fraction_digits;
} sql_parsed_time;
/* T-SQL's literals (us_english, mdy) and ISO 8601. */
bool sql_parse_time(const char *text, size_t length, int style, sql_parsed_time *ret_time);

/* How many characters a text has as this type counts them: UTF-16 code units, else characters. */
size_t sql_text_units(const sql_type *type, const char *text, size_t length);
/* Bytes of its first `units` characters. */
size_t sql_text_prefix(const sql_type *type, const char *text, size_t length, size_t units);
bool sql_is_blank(char c);

#endif
