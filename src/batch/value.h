/*
 * value.h: single values as people and SQL Server write them: one cell of a batch as text or JSON,
 * decimals, dates, times and GUIDs to text and back. For tables on a terminal, messages and the
 * text results of the sandbox; bulk data never goes through here.
 */
#ifndef BATCH_VALUE_H
#define BATCH_VALUE_H

#include "base/buf.h"
#include "batch/batch.h"

/* One cell as text: true and false, numbers plain (floating point in 15 to 17 digits, float 6 to 9,
 * as few as read back the same), decimals with their scale, dates and times ISO 8601 ("2013-01-01
 * 05:00:00.000000", with a Z behind it where it is UTC), binary 0x…, NULL is "NULL" (*ret_null
 * tells, may be NULL). */
br_status batch_cell_text(const batch *b, size_t column, size_t row, br_buf *out, bool *ret_null,
                          br_error *err) BR_CHECKED;

/* Floating point in the fewest digits (from 6 and 15 on) that read back the same, "NaN",
 * "Infinity", "-Infinity". 32 bytes are enough. */
void batch_float_text(float value, char *text, size_t size);
void batch_double_text(double value, char *text, size_t size);

/* A 128-bit two's complement integer. */
__extension__ typedef __int128 batch_i128;

batch_i128 batch_load_i128(const uint8_t *little_endian);
void batch_store_i128(uint8_t *little_endian, batch_i128 value);
/* value × 10^-scale as text: "-12.3400". 48 bytes are enough. */
void batch_decimal_text(batch_i128 value, unsigned scale, char *text, size_t size);
/* Text ("-12.5", "1E+3") to an integer at the given scale; BR_ERR_DATA where it isn't a number,
 * needs more digits behind the point than scale (unless round) or more than precision in all. */
br_status batch_decimal_parse(const char *text, size_t length, unsigned precision, unsigned scale,
                              bool round, batch_i128 *ret_value, br_error *err) BR_CHECKED;

/* Proleptic Gregorian calendar; days since 1970-01-01. Years 1..9999. */
int32_t batch_days_of_civil(int year, unsigned month, unsigned day);
void batch_civil_of_days(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day);
#define BATCH_US_PER_DAY INT64_C(86400000000)
/* Days and microseconds of the day, rounding down for times before 1970. */
static inline int64_t batch_days_of_us(int64_t us, int64_t *ret_us_of_day) {
  const int64_t rest = us % BATCH_US_PER_DAY;
  *ret_us_of_day = rest < 0 ? rest + BATCH_US_PER_DAY : rest;
  return us / BATCH_US_PER_DAY - (rest < 0);
}
br_status batch_date_parse(const char *text, size_t length, int32_t *ret_days,
                           br_error *err) BR_CHECKED;
/* "2013-01-01" or with time "2013-01-01 05:00:00[.ffffff]" (T or blank), optional zone Z or ±hh:mm,
 * converted to UTC (*ret_has_zone tells, may be NULL). Digits behind microseconds, up to 9 in all,
 * are cut off. */
br_status batch_timestamp_parse(const char *text, size_t length, int64_t *ret_us,
                                bool *ret_has_zone, br_error *err) BR_CHECKED;
/* "hh:mm[:ss[.fffffff]]" to units of 10^-digits seconds since midnight; digits (0..7) behind those
 * may only be zeros. */
br_status batch_time_parse(const char *text, size_t length, unsigned digits, uint64_t *ret_units,
                           br_error *err) BR_CHECKED;
/* "hh:mm:ss" with `digits` (0..7) digits of a second, from units of 10^-digits seconds since
 * midnight. 17 bytes are enough. */
void batch_time_text(uint64_t units, unsigned digits, char *text);
/* "2013-01-01". Any number has a text: 16 bytes hold the largest, 11 those of years 1 to 9999. */
void batch_date_text(int32_t days, char *text);
/* "2013-01-01 05:00:00.123456" with `digits` (0..6) digits of a second. 32 bytes hold the largest,
 * 28 those of years 1 to 9999. */
void batch_timestamp_text(int64_t us, unsigned digits, char *text);

/* The 16 bytes as TDS sends them, as "6F9619FF-8B86-D011-B42D-00C04FC964FF"; text holds 37 bytes.
 */
void batch_guid_text(const uint8_t *wire, char *text);
br_status batch_guid_parse(const char *text, size_t length, uint8_t *ret_wire,
                           br_error *err) BR_CHECKED;

#endif
