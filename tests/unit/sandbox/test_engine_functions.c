/*
 * T-SQL's functions and conversions at their ends: what the documentation of each says of overflow,
 * rounding and what is no value (https://learn.microsoft.com/sql/t-sql/functions/functions).
 */
#include "engine_fixture.h"

static void numbers_stay_inside_their_types(void **state) {
  (void)state;
  CHECK(
      {"SELECT SIGN(0.5), SIGN(-0.25), SIGN(CAST(5 AS tinyint)), SIGN(CAST(-1 AS money))",
       "1.0|-1.00|1|-1.0000\n"},
      {"SELECT CEILING(CAST(214748.3647 AS smallmoney)), FLOOR(CAST(-1.5 AS money))",
       "214749.0000|-2.0000\n"},
      {"SELECT CEILING(CAST(922337203685477.5807 AS money))",
       "!8115 Arithmetic overflow error converting expression to data type money.\n"},
      {"SELECT RADIANS(90), DEGREES(1), CAST(RADIANS(180e0) AS decimal(9,7))", "1|57|3.1415927\n"},
      {"SELECT ROUND(748.58, -1), ROUND(748.58, -2), ROUND(CAST(255 AS tinyint), -1)",
       "750.00|700.00|260\n"},
      {"SELECT ROUND(748.58, -3)",
       "!8115 Arithmetic overflow error converting expression to data type numeric.\n"},
      {"SELECT ROUND(CAST('90000000000000000000000000000000000000' AS decimal(38,0)), -38)",
       "!8115 Arithmetic overflow error converting expression to data type numeric.\n"},
      {"SELECT ROUND(CAST('40000000000000000000000000000000000000' AS decimal(38,0)), -38),"
       " ROUND(1.5, -9223372036854775807), ROUND(1.5, 9223372036854775807)",
       "0|0.0|1.5\n"},
      {"SELECT POWER(2.0, 10), POWER(2, 10.5)", "1024.0|1448\n"},
      {"SELECT POWER(-8.0, 0.5)", "!3623 An invalid floating point operation occurred.\n"},
      {"SELECT POWER(10.0, 400)",
       "!8115 Arithmetic overflow error converting expression to data type numeric.\n"});
}

/* The scale gives way to the digits in front of the point; what is added there is rounded. */
static void sums_of_long_decimals_keep_their_whole_part(void **state) {
  (void)state;
  CHECK({"SELECT CAST('10000000000000000000000000000000000000' AS decimal(38,0)) + CAST(0.5 AS"
         " decimal(38,10))",
         "10000000000000000000000000000000000001\n"},
        {"SELECT CAST('10000000000000000000000000000000000000' AS decimal(38,0)) - CAST(0.5 AS"
         " decimal(38,10)), CAST(0.25 AS decimal(38,10)) -"
         " CAST('10000000000000000000000000000000000000' AS decimal(38,0))",
         "10000000000000000000000000000000000000|-10000000000000000000000000000000000000\n"},
        {"SELECT CAST('99999999999999999999999999999999999999' AS decimal(38,0)) + 1",
         "!8115 Arithmetic overflow error converting expression to data type numeric.\n"},
        {"SELECT 1.25 + 2.5, 1.25 - 2.5, -1.25 + 2.5, -1.25 - 2.5, 2.5 - 2.50, 0.1 + -0.1",
         "3.75|-1.25|1.25|-3.75|0.00|0.0\n"});
}

/* A value that is cut for a message is cut between characters, and the message goes on. */
static void messages_show_whole_characters(void **state) {
  (void)state;
  char *text =
      sql_text_run(session, "SELECT CAST('a' + REPLICATE(N'\xC3\xA9', 300) AS int)", false);
  assert_non_null(strstr(text, "\xC3\xA9' to data type int.\n"));
  free(text);
}

static void digits_behind_the_thirty_eighth_are_nothing(void **state) {
  (void)state;
  CHECK({"SELECT CAST('0.000000000000000000000000000000000000006' AS decimal(38,38))",
         "0.00000000000000000000000000000000000001\n"},
        {"SELECT CAST('0.000000000000000000000000000000000000000000000000000000000000"
         "99999999999999999999999999999999999999' AS decimal(38,38))",
         "0.00000000000000000000000000000000000000\n"},
        {"SELECT 0.000000000000000000000000000000000000001",
         "!1007 The number '0.000000000000000000000000000000000000001' is out of the range for "
         "numeric representation (maximum precision 38).\n"},
        {"SELECT 0.00000000000000000000000000000000000001",
         "0.00000000000000000000000000000000000001\n"});
}

static void what_counts_as_numeric(void **state) {
  (void)state;
  CHECK({"SELECT ISNUMERIC('12'), ISNUMERIC(' -1.5e3 '), ISNUMERIC('$1,000.50'), ISNUMERIC('-$.5'),"
         " ISNUMERIC('+'), ISNUMERIC('$'), ISNUMERIC('.'), ISNUMERIC(',')",
         "1|1|1|1|1|1|1|1\n"},
        {"SELECT ISNUMERIC(''), ISNUMERIC(' '), ISNUMERIC('1.2.3'), ISNUMERIC('1-'),"
         " ISNUMERIC('$$1'), ISNUMERIC('0x1'), ISNUMERIC('abc'), ISNUMERIC(NULL),"
         " ISNUMERIC(GETDATE())",
         "0|0|0|0|0|0|0|0|0\n"},
        {"SELECT ISNUMERIC(CAST(1 AS decimal(38,0))), ISNUMERIC(CAST(1 AS money))", "1|1\n"});
}

static void times_are_added_and_taken_apart(void **state) {
  (void)state;
  CHECK(
      {"SELECT CONVERT(varchar(30), DATEADD(nanosecond, x, CAST('13:10:10.1111111' AS time)), 121)"
       " FROM (VALUES (49), (50), (150), (-49), (-50)) v(x)",
       "13:10:10.1111111\n13:10:10.1111112\n13:10:10.1111113\n13:10:10.1111111\n"
       "13:10:10.1111110\n"},
      {"SELECT DATEADD(hour, 100000000, CAST('10:00' AS time(0))),"
       " DATEADD(second, -2147483647, CAST('10:00' AS time(0)))",
       "02:00:00|06:45:53\n"},
      {"SELECT DATENAME(tz, CAST('2020-01-01 10:00 +05:30' AS datetimeoffset)),"
       " DATENAME(tz, CAST('2020-01-01 10:00 -00:30' AS datetimeoffset)),"
       " DATEPART(tz, CAST('2020-01-01 10:00 -00:30' AS datetimeoffset))",
       "+05:30|-00:30|-30\n"},
      {"SELECT DATETRUNC(iso_week, CAST('2024-05-16' AS date)),"
       " DATETRUNC(iso_week, CAST('2024-05-13' AS date)),"
       " DATETRUNC(week, CAST('2024-05-16' AS date))",
       "2024-05-13|2024-05-13|2024-05-12\n"},
      {"SELECT EOMONTH('2020-02-10'), EOMONTH('2020-01-31', 1), EOMONTH('0001-01-01', 119987)",
       "2020-02-29|2020-02-29|9999-12-31\n"},
      {"SELECT EOMONTH('2020-01-01', 9223372036854775807)",
       "!517 Adding a value to a 'date' column caused an overflow.\n"},
      {"SELECT DATEADD(year, -9998, CAST('9999-12-31' AS date)), DATEADD(month, 119987,"
       " CAST('0001-01-01' AS date))",
       "0001-12-31|9999-12-01\n"},
      {"SELECT DATEADD(quarter, -2147483648, CAST('9999-12-31' AS date))",
       "!517 Adding a value to a 'date' column caused an overflow.\n"},
      {"SELECT DATETIMEFROMPARTS(2020,1,1,2147483647,0,0,0)",
       "!289 Cannot construct data type datetime, some of the arguments have values which are "
       "not valid.\n"});
}

static void parts_that_a_function_or_a_type_lacks_are_refused(void **state) {
  (void)state;
  CHECK({"SELECT DATEPART(year, CAST('10:00' AS time))",
         "!9810 The datepart year is not supported by date function datepart for data type "
         "time.\n"},
        {"SELECT DATENAME(hh, CAST('2020-01-01' AS date))",
         "!9810 The datepart hh is not supported by date function datename for data type date.\n"},
        {"SELECT DATEPART(tz, GETDATE())",
         "!9810 The datepart tz is not supported by date function datepart for data type "
         "datetime.\n"},
        {"SELECT DATEADD(hour, 1, CAST('2020-01-01' AS date))",
         "!9810 The datepart hour is not supported by date function dateadd for data type date.\n"},
        {"SELECT DATEADD(iso_week, 1, GETDATE())",
         "!9806 The datepart iso_week is not supported by date function dateadd.\n"},
        {"SELECT DATEDIFF_BIG(tzoffset, GETDATE(), GETDATE())",
         "!9806 The datepart tzoffset is not supported by date function datediff_big.\n"},
        {"SELECT DATETRUNC(weekday, GETDATE())",
         "!9806 The datepart weekday is not supported by date function datetrunc.\n"},
        {"SELECT DATEADD(fortnight, 1, GETDATE())",
         "!155 'fortnight' is not a recognized dateadd option.\n"},
        {"SELECT DATEPART(w, '2020-01-05'), DATEPART(hour, '2020-01-05'),"
         " DATEDIFF(year, CAST('10:00' AS time), CAST('11:00' AS time)),"
         " DATEPART(tz, CAST('2020-01-01' AS datetime2))",
         "1|0|0|0\n"});
}

static void times_are_read_as_they_are_written(void **state) {
  (void)state;
  CHECK({"SELECT CAST('12:30:20:1' AS time(3)), CAST('12:30:20.1' AS time(3)),"
         " CAST('12:30:20:999' AS time(3))",
         "12:30:20.001|12:30:20.100|12:30:20.999\n"},
        {"SELECT CAST('12:30:20:1000' AS time(3))",
         "!241 Conversion failed when converting date and/or time from character string.\n"},
        {"SELECT CAST('2020-13-01' AS datetime)",
         "!242 The conversion of a varchar data type to a datetime data type resulted in an "
         "out-of-range value.\n"},
        {"SELECT CAST('13/01/2020' AS smalldatetime)",
         "!242 The conversion of a varchar data type to a smalldatetime data type resulted in an "
         "out-of-range value.\n"},
        {"SELECT CAST('2020-13-01' AS date)",
         "!241 Conversion failed when converting date and/or time from character string.\n"},
        {"SELECT CAST('2020-01-01 soon' AS datetime)",
         "!241 Conversion failed when converting date and/or time from character string.\n"},
        {"SELECT CAST('123456' AS datetime)",
         "!242 The conversion of a varchar data type to a datetime data type resulted in an "
         "out-of-range value.\n"});
}

static void offsets_have_one_form(void **state) {
  (void)state;
  static const char *const bad[] = {"+14:01", "+15:00", "+-5:00", "+05:00x", "5:00",
                                    "+05:60", "",       "-14:30", "05:00",   "+0500"};
  CHECK({"SELECT SWITCHOFFSET(CAST('2020-01-01 10:00 +05:30' AS datetimeoffset(0)), '-14:00'),"
         " TODATETIMEOFFSET(CAST('2020-01-01 10:00' AS datetime2(0)), '+14:00')",
         "2020-01-01 04:30:00.000000Z|2019-12-31 20:00:00.000000Z\n"});
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT TODATETIMEOFFSET(GETDATE(), '%s')", bad[i]);
    const answer one = {
        sql, "!9812 The timezone provided to builtin function todatetimeoffset is invalid.\n"};
    check(&one, 1);
  }
  CHECK({"SELECT SWITCHOFFSET(SYSDATETIMEOFFSET(), '+99:00')",
         "!9812 The timezone provided to builtin function switchoffset is invalid.\n"});
}

static void texts_are_cut_where_numbers_say(void **state) {
  (void)state;
  CHECK({"SELECT SUBSTRING('abc', -9223372036854775808, 5), SUBSTRING('abc', -1, 3),"
         " SUBSTRING('abc', 0, 2), SUBSTRING('abc', 3, 2147483647)",
         "|a|a|c\n"},
        {"SELECT CAST(CAST(123 AS int) AS nvarchar(2))",
         "!8115 Arithmetic overflow error converting expression to data type nvarchar.\n"},
        {"SELECT CAST(1234.5678 AS varchar(3))",
         "!8115 Arithmetic overflow error converting numeric to data type varchar.\n"},
        {"SELECT CAST(123456 AS varchar(3))", "*\n"});
}

static void texts_are_joined_up_to_their_type(void **state) {
  (void)state;
  CHECK(
      {"SELECT STRING_AGG(x, ', '), STRING_AGG(x, NULL) FROM (VALUES ('a'), (NULL), ('b')) v(x)",
       "a, b|ab\n"},
      {"SELECT LEN(STRING_AGG(x, '')) FROM (VALUES (REPLICATE('a', 4000)), (REPLICATE('b', 4000)))"
       " v(x)",
       "8000\n"},
      {"SELECT LEN(STRING_AGG(x, ',')) FROM (VALUES (REPLICATE('a', 4000)), (REPLICATE('b',"
       " 4000))) v(x)",
       "!9829 STRING_AGG aggregation result exceeded the limit of 8000 bytes. Use LOB types to "
       "avoid result truncation.\n"},
      {"SELECT LEN(STRING_AGG(CAST(x AS varchar(max)), ',')) FROM (VALUES (REPLICATE('a', 8000)),"
       " (REPLICATE('b', 8000))) v(x)",
       "16001\n"},
      {"SELECT STRING_AGG(x, 1) FROM (VALUES ('a'), ('b')) v(x)",
       "!8116 Argument data type int is invalid for argument 2 of string_agg function.\n"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_stay_inside_their_types),
      cmocka_unit_test(sums_of_long_decimals_keep_their_whole_part),
      cmocka_unit_test(messages_show_whole_characters),
      cmocka_unit_test(digits_behind_the_thirty_eighth_are_nothing),
      cmocka_unit_test(what_counts_as_numeric),
      cmocka_unit_test(times_are_added_and_taken_apart),
      cmocka_unit_test(parts_that_a_function_or_a_type_lacks_are_refused),
      cmocka_unit_test(times_are_read_as_they_are_written),
      cmocka_unit_test(offsets_have_one_form),
      cmocka_unit_test(texts_are_cut_where_numbers_say),
      cmocka_unit_test(texts_are_joined_up_to_their_type),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
