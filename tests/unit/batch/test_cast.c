#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "batch/cast.h"
#include "batch/value.h"
#include "support/cmocka.h"
#include "support/torture.h"

/* A column of a layout alone. */
#define LAYOUT(l, p, s)                                                                            \
  { .type = {(l), (p), (s)}, .nullable = true }
#define INT16_        LAYOUT(BATCH_INT16, 0, 0)
#define INT32_        LAYOUT(BATCH_INT32, 0, 0)
#define INT64_        LAYOUT(BATCH_INT64, 0, 0)
#define BOOL_         LAYOUT(BATCH_BOOL, 0, 0)
#define FLOAT_        LAYOUT(BATCH_FLOAT, 0, 0)
#define DOUBLE_       LAYOUT(BATCH_DOUBLE, 0, 0)
#define DATE_         LAYOUT(BATCH_DATE32, 0, 0)
#define TIME_         LAYOUT(BATCH_TIME64_US, 0, 0)
#define STAMP_        LAYOUT(BATCH_TIMESTAMP_US, 0, 0)
#define INSTANT_      LAYOUT(BATCH_TIMESTAMP_US_UTC, 0, 0)
#define TEXT_         LAYOUT(BATCH_STRING, 0, 0)
#define BINARY_       LAYOUT(BATCH_BINARY, 0, 0)
#define DEC32_(p, s)  LAYOUT(BATCH_DECIMAL32, p, s)
#define DEC64_(p, s)  LAYOUT(BATCH_DECIMAL64, p, s)
#define DEC128_(p, s) LAYOUT(BATCH_DECIMAL128, p, s)

/* A column of a SQL Server type: precision, scale, length. */
#define SQL(t, p, s, l)                                                                            \
  {                                                                                                \
    .nullable = true, .has_source = true, .source = {(t), (p), (s), (l) }                          \
  }
/* Of these, a value in an expression, resolved. */
#define FIELD(...)    resolved((batch_field)__VA_ARGS__)
#define BIT           SQL(BATCH_SQL_BIT, 0, 0, 0)
#define TINYINT       SQL(BATCH_SQL_TINYINT, 0, 0, 0)
#define SMALLINT      SQL(BATCH_SQL_SMALLINT, 0, 0, 0)
#define INT           SQL(BATCH_SQL_INT, 0, 0, 0)
#define BIGINT        SQL(BATCH_SQL_BIGINT, 0, 0, 0)
#define DECIMAL(p, s) SQL(BATCH_SQL_DECIMAL, p, s, 0)
#define MONEY         SQL(BATCH_SQL_MONEY, 0, 0, 0)
#define SMALLMONEY    SQL(BATCH_SQL_SMALLMONEY, 0, 0, 0)
#define REAL          SQL(BATCH_SQL_REAL, 0, 0, 0)
#define DOUBLE        SQL(BATCH_SQL_FLOAT, 0, 0, 0)
#define CHAR(n)       SQL(BATCH_SQL_CHAR, 0, 0, n)
#define VARCHAR(n)    SQL(BATCH_SQL_VARCHAR, 0, 0, n)
#define NCHAR(n)      SQL(BATCH_SQL_NCHAR, 0, 0, n)
#define NVARCHAR(n)   SQL(BATCH_SQL_NVARCHAR, 0, 0, n)
#define XML           SQL(BATCH_SQL_XML, 0, 0, 0)
#define JSON          SQL(BATCH_SQL_JSON, 0, 0, 0)
#define VARIANT       SQL(BATCH_SQL_VARIANT, 0, 0, 0)
#define BINARY(n)     SQL(BATCH_SQL_BINARY, 0, 0, n)
#define VARBINARY(n)  SQL(BATCH_SQL_VARBINARY, 0, 0, n)
#define DATE          SQL(BATCH_SQL_DATE, 0, 0, 0)
#define TIME(s)       SQL(BATCH_SQL_TIME, 0, s, 0)
#define DATETIME      SQL(BATCH_SQL_DATETIME, 0, 0, 0)
#define SMALLDATETIME SQL(BATCH_SQL_SMALLDATETIME, 0, 0, 0)
#define DATETIME2(s)  SQL(BATCH_SQL_DATETIME2, 0, s, 0)
#define OFFSET(s)     SQL(BATCH_SQL_DATETIMEOFFSET, 0, s, 0)
#define GUID          SQL(BATCH_SQL_UNIQUEIDENTIFIER, 0, 0, 0)

typedef struct cast_case {
  batch_field from;
  const char *value;
  batch_field to;
  const char *expected; /* NULL: refused */
  const char *why;
} cast_case;

#define OK(from, value, to, expected)                                                              \
  { from, value, to, expected, NULL }
#define NO(from, value, to, why)                                                                   \
  { from, value, to, NULL, why }

/* clang-format off */
static const cast_case numbers[] = {
    OK(BOOL_, "true", BIT, "true"),
    OK(BOOL_, "true", TINYINT, "1"),
    OK(BOOL_, "false", BIGINT, "0"),
    OK(BOOL_, "true", DECIMAL(5, 2), "1.00"),
    OK(BOOL_, "true", REAL, "1"),
    OK(BOOL_, "true", VARCHAR(4), "true"),
    NO(BOOL_, "false", VARCHAR(4), "5 characters, the column takes 4"),

    OK(INT16_, "0", BIT, "false"),
    OK(INT64_, "1", BIT, "true"),
    NO(INT32_, "2", BIT, "2 is no bit"),
    NO(INT32_, "-1", BIT, "-1 is no bit"),
    OK(INT16_, "255", TINYINT, "255"),
    NO(INT16_, "256", TINYINT, "256 is out of the range of tinyint"),
    NO(INT16_, "-1", TINYINT, "-1 is out of the range of tinyint"),
    OK(INT64_, "-32768", SMALLINT, "-32768"),
    NO(INT64_, "-32769", SMALLINT, "-32769 is out of the range of smallint"),
    OK(INT32_, "32767", SMALLINT, "32767"),
    NO(INT32_, "32768", SMALLINT, "32768 is out of the range of smallint"),
    OK(INT64_, "2147483647", INT, "2147483647"),
    NO(INT64_, "2147483648", INT, "2147483648 is out of the range of int"),
    OK(INT64_, "-2147483648", INT, "-2147483648"),
    NO(INT64_, "-2147483649", INT, "-2147483649 is out of the range of int"),
    OK(INT16_, "-32768", BIGINT, "-32768"),
    OK(INT64_, "-9223372036854775808", BIGINT, "-9223372036854775808"),
    OK(INT64_, "999", DECIMAL(5, 2), "999.00"),
    NO(INT64_, "1000", DECIMAL(5, 2), "1000 is out of the range of decimal(5,2)"),
    OK(INT64_, "9223372036854775807", DECIMAL(38, 19), "9223372036854775807.0000000000000000000"),
    NO(INT64_, "9223372036854775807", DECIMAL(38, 20), "9223372036854775807 is out of the range of decimal(38,20)"),
    OK(INT64_, "9007199254740993", DECIMAL(16, 0), "9007199254740993"),
    OK(INT64_, "9007199254740992", DOUBLE, "9007199254740992"),
    NO(INT64_, "9007199254740993", DOUBLE, "9007199254740993 has more digits than float keeps"),
    NO(INT64_, "9223372036854775807", DOUBLE, "9223372036854775807 has more digits than float keeps"),
    OK(INT64_, "-9223372036854775808", DOUBLE, "-9.223372036854776e+18"),
    OK(INT32_, "16777216", REAL, "16777216"),
    NO(INT32_, "16777217", REAL, "16777217 has more digits than real keeps"),
    OK(INT32_, "-12", NVARCHAR(3), "-12"),
    NO(INT32_, "-123", NVARCHAR(3), "4 characters, the column takes 3"),
    OK(INT64_, "922337203685477", MONEY, "922337203685477.0000"),
    NO(INT64_, "922337203685478", MONEY, "922337203685478 is out of the range of money"),
    OK(INT64_, "-214748", SMALLMONEY, "-214748.0000"),
    NO(INT64_, "-214749", SMALLMONEY, "-214749 is out of the range of smallmoney"),

    OK(DEC32_(9, 2), "1.00", BIT, "true"),
    NO(DEC32_(9, 2), "1.10", BIT, "1.10 is no bit"),
    OK(DEC64_(18, 4), "12.0000", INT, "12"),
    NO(DEC64_(18, 4), "12.5000", INT, "12.5000 is no int"),
    OK(DEC128_(38, 0), "9223372036854775807", BIGINT, "9223372036854775807"),
    NO(DEC128_(38, 0), "9223372036854775808", BIGINT, "9223372036854775808 is out of the range of bigint"),
    OK(DEC128_(38, 0), "-99999999999999999999999999999999999999", DECIMAL(38, 0), "-99999999999999999999999999999999999999"),
    OK(DEC128_(10, 4), "12.3400", DECIMAL(4, 2), "12.34"),
    NO(DEC128_(10, 4), "12.3410", DECIMAL(4, 2), "the value has more than 2 digits behind the point"),
    NO(DEC128_(10, 4), "123.3400", DECIMAL(4, 2), "123.3400 is out of the range of decimal(4,2)"),
    OK(DEC32_(9, 2), "-0.01", DECIMAL(38, 38), "-0.01000000000000000000000000000000000000"),
    NO(DEC32_(9, 2), "1.00", DECIMAL(38, 38), "1.00 is out of the range of decimal(38,38)"),
    NO(DEC128_(38, 0), "10000000000000000000000000000000000000", DECIMAL(38, 1), "10000000000000000000000000000000000000 is out of the range of decimal(38,1)"),
    OK(DEC128_(19, 4), "922337203685477.5807", MONEY, "922337203685477.5807"),
    NO(DEC128_(19, 4), "922337203685477.5808", MONEY, "922337203685477.5808 is out of the range of money"),
    OK(DEC128_(19, 4), "-922337203685477.5808", MONEY, "-922337203685477.5808"),
    NO(DEC128_(19, 4), "-922337203685477.5809", MONEY, "-922337203685477.5809 is out of the range of money"),
    OK(DEC64_(10, 4), "214748.3647", SMALLMONEY, "214748.3647"),
    NO(DEC64_(10, 4), "214748.3648", SMALLMONEY, "214748.3648 is out of the range of smallmoney"),
    OK(DEC128_(10, 2), "0.10", DOUBLE, "0.1"),
    OK(DEC128_(38, 10), "123456.7890000000", DOUBLE, "123456.789"),
    NO(DEC128_(38, 10), "123456789012.3456789012", DOUBLE, "123456789012.3456789012 has more digits than float keeps"),
    OK(DEC128_(38, 0), "99999999999999999999999999999999999999", DEC128_(38, 0), "99999999999999999999999999999999999999"),
    NO(DEC128_(38, 0), "99999999999999999999999999999999999999", DOUBLE, "99999999999999999999999999999999999999 has more digits than float keeps"),
    OK(DEC128_(38, 0), "10000000000000000000000000000000000000", DOUBLE, "1e+37"),
    OK(DEC32_(9, 3), "3.141", REAL, "3.141"),
    NO(DEC32_(9, 8), "3.14159265", REAL, "3.14159265 has more digits than real keeps"),
    OK(DEC32_(9, 3), "-3.141", VARCHAR(6), "-3.141"),
    NO(DEC32_(9, 3), "-3.141", VARCHAR(5), "6 characters, the column takes 5"),

    OK(DOUBLE_, "1", BIT, "true"),
    NO(DOUBLE_, "0.5", BIT, "0.5 is no bit"),
    NO(DOUBLE_, "-12", TINYINT, "-12 is out of the range of tinyint"),
    NO(DOUBLE_, "12.5", INT, "12.5 is no int"),
    OK(DOUBLE_, "1e3", INT, "1000"),
    NO(DOUBLE_, "2147483648", INT, "2147483648 is out of the range of int"),
    OK(DOUBLE_, "9223372036854774784", BIGINT, "9223372036854774784"),
    NO(DOUBLE_, "9223372036854775808", BIGINT, "9.223372036854776e+18 is out of the range of bigint"),
    OK(DOUBLE_, "-9223372036854775808", BIGINT, "-9223372036854775808"),
    NO(DOUBLE_, "1e300", BIGINT, "1e+300 is out of the range of bigint"),
    NO(DOUBLE_, "NaN", INT, "NaN is no int"),
    NO(DOUBLE_, "-Infinity", BIGINT, "-Infinity is no bigint"),
    OK(DOUBLE_, "0.1", DECIMAL(10, 2), "0.10"),
    OK(DOUBLE_, "0.29", DECIMAL(3, 2), "0.29"),
    NO(DOUBLE_, "0.125", DECIMAL(10, 2), "'0.125' has more than 2 digits behind the point"),
    OK(DOUBLE_, "1e20", DECIMAL(38, 2), "100000000000000000000.00"),
    NO(DOUBLE_, "1e38", DECIMAL(38, 0), "'1e+38' does not fit into decimal(38,0)"),
    NO(DOUBLE_, "NaN", DECIMAL(38, 0), "'NaN' is not a number"),
    OK(FLOAT_, "0.1", DECIMAL(10, 2), "0.10"),
    OK(FLOAT_, "16777216", INT, "16777216"),
    OK(FLOAT_, "0.1", DOUBLE, "0.10000000149011612"),
    OK(DOUBLE_, "0.1", REAL, "0.1"),
    OK(DOUBLE_, "3.4028235e38", REAL, "3.4028235e+38"),
    NO(DOUBLE_, "3.5e38", REAL, "3.5e+38 is out of the range of real"),
    NO(DOUBLE_, "1e-50", REAL, "1e-50 is out of the range of real"),
    OK(DOUBLE_, "-1.7976931348623157e308", DOUBLE, "-1.7976931348623157e+308"),
    NO(DOUBLE_, "NaN", DOUBLE, "NaN is no float"),
    NO(DOUBLE_, "Infinity", REAL, "Infinity is no real"),
    NO(FLOAT_, "-Infinity", DOUBLE, "-Infinity is no float"),
    OK(DOUBLE_, "NaN", DOUBLE_, "NaN"),
    OK(DOUBLE_, "-Infinity", FLOAT_, "-Infinity"),
    OK(DOUBLE_, "0.1", VARCHAR(3), "0.1"),
    OK(FLOAT_, "0.1", NVARCHAR(3), "0.1"),
};

static const cast_case times[] = {
    OK(DATE_, "0001-01-01", DATE, "0001-01-01"),
    OK(DATE_, "9999-12-31", DATE, "9999-12-31"),
    OK(DATE_, "2024-02-29", DATETIME2(0), "2024-02-29 00:00:00.000000"),
    OK(DATE_, "1753-01-01", DATETIME, "1753-01-01 00:00:00.000000"),
    NO(DATE_, "1752-12-31", DATETIME, "1752-12-31 is out of the range of datetime"),
    OK(DATE_, "1900-01-01", SMALLDATETIME, "1900-01-01 00:00:00.000000"),
    NO(DATE_, "1899-12-31", SMALLDATETIME, "1899-12-31 is out of the range of smalldatetime"),
    OK(DATE_, "2079-06-06", SMALLDATETIME, "2079-06-06 00:00:00.000000"),
    NO(DATE_, "2079-06-07", SMALLDATETIME, "2079-06-07 is out of the range of smalldatetime"),
    OK(DATE_, "2024-02-29", OFFSET(7), "2024-02-29 00:00:00.000000Z"),
    OK(DATE_, "2024-02-29", CHAR(10), "2024-02-29"),
    NO(DATE_, "2024-02-29", CHAR(9), "10 characters, the column takes 9"),

    OK(TIME_, "23:59:59.999999", TIME(7), "23:59:59.9999990"),
    OK(TIME_, "23:59:59.999999", TIME(6), "23:59:59.999999"),
    OK(TIME_, "23:59:59.990000", TIME(2), "23:59:59.99"),
    NO(TIME_, "23:59:59.999000", TIME(2), "23:59:59.999000 is no time(2)"),
    OK(TIME_, "05:00:00", TIME(0), "05:00:00"),
    OK(TIME_, "05:00:00", VARCHAR(20), "05:00:00.000000"),
    OK(TIME_, "05:00:00", TIME_, "05:00:00.000000"),

    OK(STAMP_, "2024-02-29 00:00:00", DATE, "2024-02-29"),
    OK(STAMP_, "1969-12-31 00:00:00", DATE, "1969-12-31"),
    NO(STAMP_, "2024-02-29 00:00:00.000001", DATE, "2024-02-29 00:00:00.000001 is no date"),
    NO(STAMP_, "1969-12-31 23:59:59.999999", DATE, "1969-12-31 23:59:59.999999 is no date"),
    OK(INSTANT_, "2024-02-29 00:00:00", DATE, "2024-02-29"),
    OK(STAMP_, "2024-02-29 10:11:12.123456", DATETIME2(7), "2024-02-29 10:11:12.123456"),
    OK(STAMP_, "2024-02-29 10:11:12.123456", DATETIME2(6), "2024-02-29 10:11:12.123456"),
    OK(STAMP_, "2024-02-29 10:11:12.123000", DATETIME2(3), "2024-02-29 10:11:12.123000"),
    NO(STAMP_, "2024-02-29 10:11:12.123400", DATETIME2(3), "2024-02-29 10:11:12.123400 has more digits of a second than datetime2(3) keeps"),
    NO(STAMP_, "1960-02-29 10:11:12.100000", DATETIME2(0), "1960-02-29 10:11:12.100000 has more digits of a second than datetime2(0) keeps"),
    OK(STAMP_, "0001-01-01 00:00:00", DATETIME2(7), "0001-01-01 00:00:00.000000"),
    OK(STAMP_, "9999-12-31 23:59:59.999999", DATETIME2(7), "9999-12-31 23:59:59.999999"),
    OK(INSTANT_, "2024-02-29 10:11:12+02:00", DATETIME2(7), "2024-02-29 08:11:12.000000"),
    OK(INSTANT_, "2024-02-29 10:11:12+02:00", OFFSET(0), "2024-02-29 08:11:12.000000Z"),
    OK(STAMP_, "2024-02-29 10:11:12", OFFSET(0), "2024-02-29 10:11:12.000000Z"),
    /* 1/300 s: .000, .003, .007 */
    OK(STAMP_, "2024-02-29 10:11:12.001000", DATETIME, "2024-02-29 10:11:12.000000"),
    OK(STAMP_, "2024-02-29 10:11:12.002000", DATETIME, "2024-02-29 10:11:12.003000"),
    OK(STAMP_, "2024-02-29 10:11:12.004000", DATETIME, "2024-02-29 10:11:12.003000"),
    OK(STAMP_, "2024-02-29 10:11:12.005000", DATETIME, "2024-02-29 10:11:12.007000"),
    OK(STAMP_, "2024-02-29 10:11:12.008999", DATETIME, "2024-02-29 10:11:12.010000"),
    OK(STAMP_, "1953-02-28 23:59:59.999000", DATETIME, "1953-03-01 00:00:00.000000"),
    OK(STAMP_, "9999-12-31 23:59:59.997000", DATETIME, "9999-12-31 23:59:59.997000"),
    NO(STAMP_, "9999-12-31 23:59:59.999000", DATETIME, "9999-12-31 23:59:59.999000 is out of the range of datetime"),
    NO(STAMP_, "1752-12-31 23:59:59.999999", DATETIME, "1752-12-31 23:59:59.999999 is out of the range of datetime"),
    OK(STAMP_, "2024-02-29 10:11:29.998000", SMALLDATETIME, "2024-02-29 10:11:00.000000"),
    OK(STAMP_, "2024-02-29 10:11:29.999000", SMALLDATETIME, "2024-02-29 10:12:00.000000"),
    OK(STAMP_, "2024-02-29 23:59:30.000000", SMALLDATETIME, "2024-03-01 00:00:00.000000"),
    OK(STAMP_, "2079-06-06 23:59:29.998000", SMALLDATETIME, "2079-06-06 23:59:00.000000"),
    NO(STAMP_, "2079-06-06 23:59:30.000000", SMALLDATETIME, "2079-06-06 23:59:30.000000 is out of the range of smalldatetime"),
    OK(STAMP_, "2024-02-29 10:11:12", VARCHAR(26), "2024-02-29 10:11:12.000000"),
    OK(INSTANT_, "2024-02-29 10:11:12", NVARCHAR(27), "2024-02-29 10:11:12.000000Z"),
    NO(INSTANT_, "2024-02-29 10:11:12", NVARCHAR(26), "27 characters, the column takes 26"),
};

static const cast_case texts[] = {
    OK(TEXT_, "TRUE", BIT, "true"),
    OK(TEXT_, "false", BIT, "false"),
    OK(TEXT_, "1", BIT, "true"),
    OK(TEXT_, "0.0", BIT, "false"),
    NO(TEXT_, "yes", BIT, "'yes' is no bit"),
    NO(TEXT_, "2", BIT, "'2' is no bit"),
    NO(TEXT_, "", BIT, "'' is no bit"),
    OK(TEXT_, "255", TINYINT, "255"),
    NO(TEXT_, "256", TINYINT, "'256' is out of the range of tinyint"),
    OK(TEXT_, "-12", SMALLINT, "-12"),
    OK(TEXT_, "+12", INT, "12"),
    OK(TEXT_, "12.00", INT, "12"),
    OK(TEXT_, "1.2e1", INT, "12"),
    NO(TEXT_, "12.5", INT, "'12.5' is no int"),
    NO(TEXT_, " 12", INT, "' 12' is no int"),
    NO(TEXT_, "12 ", INT, "'12 ' is no int"),
    NO(TEXT_, "abc", INT, "'abc' is no int"),
    NO(TEXT_, "", INT, "'' is no int"),
    NO(TEXT_, "-", INT, "'-' is no int"),
    NO(TEXT_, "0x10", INT, "'0x10' is no int"),
    NO(TEXT_, "1e999999", INT, "'1e999999' is no int"),
    OK(TEXT_, "9223372036854775807", BIGINT, "9223372036854775807"),
    OK(TEXT_, "-9223372036854775808", BIGINT, "-9223372036854775808"),
    NO(TEXT_, "9223372036854775808", BIGINT, "'9223372036854775808' is out of the range of bigint"),
    OK(TEXT_, "-12.50", DECIMAL(5, 2), "-12.50"),
    OK(TEXT_, "12.5000", DECIMAL(5, 2), "12.50"),
    NO(TEXT_, "12.505", DECIMAL(5, 2), "'12.505' has more than 2 digits behind the point"),
    NO(TEXT_, "1000", DECIMAL(5, 2), "'1000' does not fit into decimal(5,2)"),
    OK(TEXT_, "922337203685477.5807", MONEY, "922337203685477.5807"),
    NO(TEXT_, "922337203685477.5808", MONEY, "'922337203685477.5808' is out of the range of money"),
    NO(TEXT_, "$1", MONEY, "'$1' is not a number"),
    OK(TEXT_, "0.1", DOUBLE, "0.1"),
    OK(TEXT_, "1E3", REAL, "1000"),
    OK(TEXT_, ".5", DOUBLE, "0.5"),
    OK(TEXT_, "5.", DOUBLE, "5"),
    NO(TEXT_, ".", DOUBLE, "'.' is no float"),
    NO(TEXT_, "1e", DOUBLE, "'1e' is no float"),
    NO(TEXT_, "0x1p3", DOUBLE, "'0x1p3' is no float"),
    NO(TEXT_, "inf", DOUBLE, "'inf' is no float"),
    NO(TEXT_, "NaN", DOUBLE, "'NaN' is no float"),
    OK(TEXT_, "nan", DOUBLE_, "NaN"),
    NO(TEXT_, " 1", DOUBLE, "' 1' is no float"),
    NO(TEXT_, "1e999", DOUBLE, "'1e999' is out of the range of float"),
    NO(TEXT_, "1e39", REAL, "'1e39' is out of the range of real"),
    NO(TEXT_, "1e-999", DOUBLE, "'1e-999' is out of the range of float"),
    OK(TEXT_, "0e-999", DOUBLE, "0"),
    OK(TEXT_, "2024-02-29", DATE, "2024-02-29"),
    OK(TEXT_, "2024-02-29T00:00:00", DATE, "2024-02-29"),
    OK(TEXT_, "2024-02-29T01:00:00+01:00", DATE, "2024-02-29"),
    NO(TEXT_, "2024-02-29T01:00:00", DATE, "'2024-02-29T01:00:00' is no date"),
    NO(TEXT_, "2023-02-29", DATE, "'2023-02-29' is no date"),
    NO(TEXT_, "29.02.2024", DATE, "'29.02.2024' is no date"),
    NO(TEXT_, "", DATE, "'' is no date"),
    NO(TEXT_, "0001-01-01T00:00:00+01:00", DATETIME2(7), "'0001-01-01T00:00:00+01:00' is out of the range of datetime2(7)"),
    OK(TEXT_, "2024-02-29T10:11:12.123456Z", DATETIME2(7), "2024-02-29 10:11:12.123456"),
    OK(TEXT_, "2024-02-29 10:11:12.1234560", DATETIME2(7), "2024-02-29 10:11:12.123456"),
    NO(TEXT_, "2024-02-29 10:11:12.1234567", DATETIME2(7), "the seconds have more than 6 digits behind the point"),
    OK(TEXT_, "2024-02-29 10:11", SMALLDATETIME, "2024-02-29 10:11:00.000000"),
    OK(TEXT_, "2024-02-29 10:11:12.002", DATETIME, "2024-02-29 10:11:12.003000"),
    OK(TEXT_, "2024-02-29 10:11:12 -05:30", OFFSET(3), "2024-02-29 15:41:12.000000Z"),
    NO(TEXT_, "2024-02-29 25:00", DATETIME2(0), "'2024-02-29 25:00' is no datetime2(0)"),
    OK(TEXT_, "10:11", TIME(0), "10:11:00"),
    OK(TEXT_, "10:11:12.1234567", TIME(7), "10:11:12.1234567"),
    OK(TEXT_, "10:11:12.12000000000", TIME(2), "10:11:12.12"),
    NO(TEXT_, "10:11:12.123", TIME(2), "'10:11:12.123' is no time(2)"),
    NO(TEXT_, "24:00:00", TIME(0), "'24:00:00' is no time(0)"),
    NO(TEXT_, "10:11:12.", TIME(2), "'10:11:12.' is no time(2)"),
    NO(TEXT_, "10", TIME(2), "'10' is no time(2)"),
    OK(TEXT_, "6f9619ff-8b86-d011-b42d-00c04fc964ff", GUID, "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    OK(TEXT_, "{6F9619FF-8B86-D011-B42D-00C04FC964FF}", GUID, "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    NO(TEXT_, "6F9619FF8B86D011B42D00C04FC964FF", GUID, "'6F9619FF8B86D011B42D00C04FC964FF' is no uniqueidentifier"),
    OK(TEXT_, "0x00fF", VARBINARY(2), "0x00FF"),
    OK(TEXT_, "0x", VARBINARY(2), "0x"),
    NO(TEXT_, "0x00FF01", VARBINARY(2), "3 bytes, the column takes 2"),
    NO(TEXT_, "0x0", VARBINARY(2), "'0x0' is no varbinary(2)"),
    NO(TEXT_, "0x0G", VARBINARY(2), "'0x0G' is no varbinary(2)"),
    NO(TEXT_, "AA==", BINARY(2), "'AA==' is no binary(2)"),
    OK(TEXT_, "abc", VARCHAR(3), "abc"),
    NO(TEXT_, "abcd", VARCHAR(3), "4 characters, the column takes 3"),
    OK(TEXT_, "", CHAR(1), ""),
    OK(TEXT_, "ab ", CHAR(3), "ab "),
    /* What other characters take is known where they are sent. */
    OK(TEXT_, "äöü", VARCHAR(3), "äöü"),
    OK(TEXT_, "äöüß", NVARCHAR(4), "äöüß"),
    NO(TEXT_, "äöüßé", NVARCHAR(4), "5 characters, the column takes 4"),
    OK(TEXT_, "😀€", NCHAR(3), "😀€"),
    NO(TEXT_, "😀😀", NCHAR(3), "4 characters, the column takes 3"),
    OK(TEXT_, "abcd", NVARCHAR(BATCH_LENGTH_MAX), "abcd"),
    OK(TEXT_, "<a/>", XML, "<a/>"),
    OK(TEXT_, "{}", JSON, "{}"),
    OK(TEXT_, "x", VARIANT, "x"),
    NO(TEXT_, "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü", INT, "'äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäö…' is no int"),

    OK(BINARY_, "0x00FF", BINARY(2), "0x00FF"),
    OK(BINARY_, "0x", VARBINARY(1), "0x"),
    NO(BINARY_, "0x00FF01", VARBINARY(2), "3 bytes, the column takes 2"),
    OK(BINARY_, "0x00FF", VARCHAR(6), "0x00FF"),
    NO(BINARY_, "0x00FF", VARCHAR(5), "6 characters, the column takes 5"),
};
/* clang-format on */

/* The layout that SQL Server types have. */
static batch_field resolved(batch_field field) {
  if (field.has_source) {
    assert_int_equal(batch_type_resolve(&field.source, NULL, &field.type, NULL, NULL), BR_OK);
  }
  field.name = (char *)(uintptr_t) "c";
  return field;
}

/* What a run's rejections said. */
typedef struct rejected {
  size_t rows[8];
  size_t columns[8];
  char why[8][256];
  size_t count;
  br_status answer;
} rejected;

static br_status note(void *context, const batch *in, size_t row, size_t column, const char *why,
                      br_error *err) {
  rejected *r = context;
  assert_true(row < in->rows && r->count < 8);
  r->rows[r->count] = row;
  r->columns[r->count] = column;
  (void)snprintf(r->why[r->count++], sizeof r->why[0], "%s", why);
  return r->answer == BR_OK ? BR_OK : br_error_set(err, r->answer, "enough");
}

static void append(batch *b, const char *text) {
  br_error err = BR_ERROR_INIT;
  size_t length = text == NULL ? 0 : strlen(text);
  if (batch_append_text(&b->columns[0], &b->schema->fields[0], b->rows, text, length, false,
                        &err) != BR_OK) {
    fail_msg("%s: %s", text == NULL ? "NULL" : text, err.message);
  }
  b->rows++;
}

static void assert_cell(const batch *b, size_t row, const char *expected) {
  br_buf text;
  br_buf_init(&text, 1 << 20);
  bool null = false;
  assert_int_equal(batch_cell_text(b, 0, row, &text, &null, NULL), BR_OK);
  assert_int_equal(null, expected == NULL);
  if (expected != NULL) {
    assert_string_equal(br_buf_cstr(&text), expected);
  }
  br_buf_done(&text);
}

static void check_taken(const cast_case *c, batch_cast *cast, const batch *in, batch *out) {
  br_error err = BR_ERROR_INIT;
  if (batch_cast_run(cast, in, out, NULL, NULL, &err) != BR_OK) {
    fail_msg("%s: %s", c->value, err.message);
  }
  assert_int_equal(out->rows, 4);
  assert_int_equal(out->columns[0].nulls, 2);
  assert_cell(out, 0, NULL);
  assert_cell(out, 1, c->expected);
  assert_cell(out, 2, c->expected);
  assert_cell(out, 3, NULL);
}

static void check_refused(const cast_case *c, batch_cast *cast, const batch *in, batch *out) {
  br_error err = BR_ERROR_INIT;
  char message[320];
  (void)snprintf(message, sizeof message, "Row 12, column 'c': %s", c->why);
  if (batch_cast_run(cast, in, out, NULL, NULL, &err) != BR_ERR_DATA) {
    fail_msg("%s: taken, not %s", c->value, message);
  }
  assert_string_equal(err.message, message);
  assert_int_equal(out->rows, 0);
  rejected r = {.answer = BR_OK};
  assert_int_equal(batch_cast_run(cast, in, out, note, &r, &err), BR_OK);
  assert_int_equal(out->rows, 2);
  assert_int_equal(out->columns[0].nulls, 2);
  assert_int_equal(r.count, 2);
  assert_int_equal(r.rows[1], 2);
  assert_string_equal(r.why[1], c->why);
}

/* The last row is refused for its second column, so that the batch is gone through row by row. */
static void check_taken_by_row(const cast_case *c, batch_cast *cast, batch *in, batch *out) {
  ((int64_t *)in->columns[1].values)[3] = INT64_MAX;
  rejected r = {.answer = BR_OK};
  batch_reset(out, SIZE_MAX);
  assert_int_equal(batch_cast_run(cast, in, out, note, &r, NULL), BR_OK);
  assert_int_equal(r.count, 1);
  assert_true(r.rows[0] == 3 && r.columns[0] == 1);
  assert_int_equal(out->rows, 3);
  assert_int_equal(out->columns[0].nulls, 1);
  assert_cell(out, 0, NULL);
  assert_cell(out, 1, c->expected);
  assert_cell(out, 2, c->expected);
}

/* The value between NULLs and twice, beside a column of numbers. */
static void check_case(const cast_case *c) {
  batch_field from_fields[] = {resolved(c->from), FIELD(INT64_)};
  batch_field to_fields[] = {resolved(c->to), FIELD(INT)};
  batch_schema from = {from_fields, 2};
  batch_schema to = {to_fields, 2};
  static const size_t map[] = {0, 1};
  batch_cast *cast = NULL;
  batch *in = NULL;
  batch *out = NULL;
  assert_int_equal(batch_cast_new(&from, &to, map, &cast, NULL), BR_OK);
  assert_int_equal(batch_new(&from, 4, &in, NULL), BR_OK);
  assert_int_equal(batch_new(&to, 4, &out, NULL), BR_OK);
  append(in, NULL);
  append(in, c->value);
  append(in, c->value);
  append(in, NULL);
  in->first_row = 10;
  if (c->why == NULL) {
    check_taken(c, cast, in, out);
    check_taken_by_row(c, cast, in, out);
  } else {
    check_refused(c, cast, in, out);
  }
  batch_free(out);
  batch_free(in);
  batch_cast_free(cast);
}

static void numbers_become_what_they_are_or_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    check_case(&numbers[i]);
  }
}

static void times_become_what_they_are_or_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    check_case(&times[i]);
  }
}

static void text_and_binary_become_what_they_say_or_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    check_case(&texts[i]);
  }
}

static void dates_before_the_year_1_are_refused(void **state) {
  (void)state;
  batch_field from_field = FIELD(DATE_);
  batch_field to_field = FIELD(DATE);
  batch_schema from = {&from_field, 1};
  batch_schema to = {&to_field, 1};
  static const size_t map[] = {0};
  batch_cast *cast = NULL;
  batch *in = NULL;
  batch *out = NULL;
  assert_int_equal(batch_cast_new(&from, &to, map, &cast, NULL), BR_OK);
  assert_int_equal(batch_new(&from, 2, &in, NULL), BR_OK);
  assert_int_equal(batch_new(&to, 2, &out, NULL), BR_OK);
  ((int32_t *)in->columns[0].values)[0] = batch_days_of_civil(1, 1, 1) - 1;
  ((int32_t *)in->columns[0].values)[1] = batch_days_of_civil(9999, 12, 31) + 1;
  in->rows = 2;
  rejected r = {.answer = BR_OK};
  assert_int_equal(batch_cast_run(cast, in, out, note, &r, NULL), BR_OK);
  assert_int_equal(out->rows, 0);
  assert_int_equal(r.count, 2);
  batch_free(out);
  batch_free(in);
  batch_cast_free(cast);
}

/* Days of 32 bits go beyond microseconds of 64, which wrap into valid moments of other days. */
static void dates_beyond_microseconds_are_out_of_range(void **state) {
  (void)state;
  static const int32_t days[] = {213503982,  -213503982, 106751992,
                                 -106751993, INT32_MAX,  INT32_MIN};
  enum { COUNT = sizeof days / sizeof *days };
  const batch_field targets[] = {FIELD(DATETIME2(7)), FIELD(DATETIME), FIELD(SMALLDATETIME)};
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
    batch_field fields[] = {FIELD(DATE_), targets[t]};
    const batch_schema from = {&fields[0], 1};
    const batch_schema to = {&fields[1], 1};
    static const size_t map[] = {0};
    batch_cast *cast = NULL;
    batch *in = NULL;
    batch *out = NULL;
    assert_int_equal(batch_cast_new(&from, &to, map, &cast, NULL), BR_OK);
    assert_int_equal(batch_new(&from, COUNT, &in, NULL), BR_OK);
    assert_int_equal(batch_new(&to, COUNT, &out, NULL), BR_OK);
    memcpy(in->columns[0].values, days, sizeof days);
    in->rows = COUNT;
    rejected r = {.answer = BR_OK};
    assert_int_equal(batch_cast_run(cast, in, out, note, &r, NULL), BR_OK);
    assert_int_equal(out->rows, 0);
    assert_int_equal(r.count, COUNT);
    batch_free(out);
    batch_free(in);
    batch_cast_free(cast);
  }
}

/* A reason is cut where the value is long: before that nothing of a secret may be left in it. */
static void reasons_hold_no_part_of_a_secret(void **state) {
  (void)state;
  const batch_field targets[] = {FIELD(INT),           FIELD(DATE),         FIELD(GUID),
                                 FIELD(DECIMAL(9, 2)), FIELD(DATETIME2(7)), FIELD(TIME(7))};
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("swordfish-and-chips-for-two", &secret, NULL), BR_OK);
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
    batch_field fields[] = {FIELD(TEXT_), targets[t]};
    const batch_schema from = {&fields[0], 1};
    const batch_schema to = {&fields[1], 1};
    const size_t map[] = {0};
    batch_cast *cast = NULL;
    batch *in = NULL, *out = NULL;
    assert_int_equal(batch_cast_new(&from, &to, map, &cast, NULL), BR_OK);
    assert_int_equal(batch_new(&from, 1, &in, NULL), BR_OK);
    assert_int_equal(batch_new(&to, 1, &out, NULL), BR_OK);
    for (size_t before = 40; before < 70; before++) {
      char value[128];
      (void)snprintf(value, sizeof value, "%.*s%s!", (int)before,
                     "11111111111111111111111111111111111111111111111111111111111111111111111111",
                     "swordfish-and-chips-for-two");
      batch_reset(in, SIZE_MAX);
      append(in, value);
      rejected r = {.answer = BR_OK};
      assert_int_equal(batch_cast_run(cast, in, out, note, &r, NULL), BR_OK);
      assert_int_equal(r.count, 1);
      assert_null(strstr(r.why[0], "sw"));
    }
    batch_free(out);
    batch_free(in);
    batch_cast_free(cast);
  }
  br_secret_free(secret);
  br_secret_forget_all();
}

static void types_that_never_meet_are_told_at_once(void **state) {
  (void)state;
  static const struct {
    batch_field from;
    batch_field to;
    const char *message;
  } pairs[] = {
      {BINARY_, INT, "Column 'c': BINARY can't become int"},
      {INT32_, DATE, "Column 'c': INT can't become date"},
      {DATE_, INT, "Column 'c': DATE can't become int"},
      {TIME_, DATETIME2(7), "Column 'c': TIME(6) can't become datetime2(7)"},
      {STAMP_, TIME(7), "Column 'c': TIMESTAMP_NTZ can't become time(7)"},
      {BINARY_, GUID, "Column 'c': BINARY can't become uniqueidentifier"},
      {DEC32_(9, 2), VARBINARY(9), "Column 'c': DECIMAL(9,2) can't become varbinary(9)"},
      {BINARY_, SQL(BATCH_SQL_ROWVERSION, 0, 0, 0),
       "Column 'c': rowversion is filled by the server alone"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    batch_field from_field = resolved(pairs[i].from);
    batch_field to_field = resolved(pairs[i].to);
    batch_schema from = {&from_field, 1};
    batch_schema to = {&to_field, 1};
    static const size_t map[] = {0};
    batch_cast *cast = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(batch_cast_new(&from, &to, map, &cast, &err), BR_ERR_DATA);
    assert_string_equal(err.message, pairs[i].message);
    assert_null(cast);
  }
}

/* Three columns out of two, one of them NOT NULL; rows 1, 3 and 4 don't fit. */
typedef struct three {
  batch_field from_fields[2];
  batch_field to_fields[3];
  batch_schema from;
  batch_schema to;
  batch_cast *cast;
  batch *in;
  batch *out;
} three;

static br_status make_three(three *t, br_error *err) {
  static const size_t map[] = {1, 0, 1};
  static const char *const names[] = {"5", "x", "7", NULL, "900", "8"};
  static const char *const texts_[] = {"a", "b", NULL, "d", "eeeeee", "f"};
  *t = (three){
      .from_fields = {FIELD(TEXT_), FIELD(TEXT_)},
      .to_fields = {FIELD(TINYINT), FIELD(VARCHAR(5)), FIELD(NVARCHAR(3))},
  };
  t->to_fields[0].nullable = false;
  t->from = (batch_schema){t->from_fields, 2};
  t->to = (batch_schema){t->to_fields, 3};
  br_status st = batch_cast_new(&t->from, &t->to, map, &t->cast, err);
  st = st == BR_OK ? batch_new(&t->from, 6, &t->in, err) : st;
  st = st == BR_OK ? batch_new(&t->to, 6, &t->out, err) : st;
  for (size_t row = 0; st == BR_OK && row < 6; row++) {
    const char *cells[] = {texts_[row], names[row]};
    for (size_t i = 0; st == BR_OK && i < 2; i++) {
      size_t length = cells[i] == NULL ? 0 : strlen(cells[i]);
      st = batch_append_text(&t->in->columns[i], &t->from_fields[i], row, cells[i], length, false,
                             err);
    }
    t->in->rows = row + 1;
  }
  return st;
}

static void free_three(three *t) {
  batch_free(t->out);
  batch_free(t->in);
  batch_cast_free(t->cast);
}

static void rejected_rows_are_left_out_whole_and_in_order(void **state) {
  (void)state;
  three t;
  assert_int_equal(make_three(&t, NULL), BR_OK);
  rejected r = {.answer = BR_OK};
  assert_int_equal(batch_cast_run(t.cast, t.in, t.out, note, &r, NULL), BR_OK);
  assert_int_equal(r.count, 3);
  static const size_t rows[] = {1, 3, 4};
  assert_memory_equal(r.rows, rows, sizeof rows);
  assert_string_equal(r.why[0], "'x' is no tinyint");
  assert_string_equal(r.why[1], "NULL in a column that is NOT NULL");
  assert_string_equal(r.why[2], "'900' is out of the range of tinyint");
  assert_int_equal(t.out->rows, 3);
  static const int16_t numbers_left[] = {5, 7, 8};
  assert_memory_equal(t.out->columns[0].values, numbers_left, sizeof numbers_left);
  static const int32_t offsets[] = {0, 1, 1, 2};
  assert_memory_equal(t.out->columns[1].offsets, offsets, sizeof offsets);
  assert_memory_equal(t.out->columns[1].data, "af", 2);
  assert_int_equal(t.out->columns[1].nulls, 1);
  assert_false(batch_column_is_valid(&t.out->columns[1], 1));
  assert_int_equal(t.out->columns[2].data_len, 3);
  free_three(&t);
}

static void a_rejection_may_end_the_run(void **state) {
  (void)state;
  three t;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(make_three(&t, NULL), BR_OK);
  rejected r = {.answer = BR_ERR_LIMIT};
  assert_int_equal(batch_cast_run(t.cast, t.in, t.out, note, &r, &err), BR_ERR_LIMIT);
  assert_string_equal(err.message, "enough");
  assert_int_equal(r.count, 1);
  assert_int_equal(t.out->rows, 0);
  assert_int_equal(t.out->columns[1].data_len, 0);
  /* Without anybody to tell, the first one does. */
  assert_int_equal(batch_cast_run(t.cast, t.in, t.out, NULL, NULL, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "Row 2, column 'c': 'x' is no tinyint");
  free_three(&t);
}

static br_status cast_three(void *context, br_error *err) {
  (void)context;
  three t = {0};
  rejected r = {.answer = BR_OK};
  br_status st = make_three(&t, err);
  st = st == BR_OK ? batch_cast_run(t.cast, t.in, t.out, note, &r, err) : st;
  free_three(&t);
  return st;
}

static void casts_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(cast_three, NULL);
}

static uint64_t next_random(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed;
}

/* Random bits that the layout may hold. */
static void fill_random(batch_column *column, const batch_type *type, size_t row, uint64_t *seed) {
  uint64_t bits = next_random(seed) >> (next_random(seed) % 64);
  uint8_t bytes[16] = {0};
  batch_i128 limit = 1;
  for (unsigned i = 0; i < type->precision; i++) {
    limit *= 10;
  }
  switch (column->layout) {
  case BATCH_BOOL:
    batch_column_set_bool(column, row, (bits & 1U) != 0);
    return;
  case BATCH_BINARY:
    br_store_u64le(bytes, bits);
    assert_int_equal(batch_column_append_bytes(column, row, bytes, bits % 9, NULL), BR_OK);
    return;
  case BATCH_STRING:
    memcpy(bytes, "é€😀ab", 11);
    assert_int_equal(batch_column_append_bytes(column, row, bytes, 9 + bits % 3, NULL), BR_OK);
    return;
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
  case BATCH_DECIMAL128:
    batch_store_i128(bytes, (((batch_i128)bits << 60) * (batch_i128)(bits & 7U)) % limit *
                                (bits % 2 == 0 ? 1 : -1));
    break;
  case BATCH_DATE32:
    br_store_u32le(bytes, (uint32_t)(-719162 + (int32_t)(bits % 3652059)));
    break;
  case BATCH_TIME64_US:
    br_store_u64le(bytes, bits % UINT64_C(86400000000));
    break;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    br_store_u64le(bytes, (uint64_t)(INT64_C(-62135596800000000) +
                                     (int64_t)(bits % UINT64_C(315537897600000000))));
    break;
  default:
    br_store_u64le(bytes, (bits & 1U) != 0 ? bits : ~bits);
    break;
  }
  size_t width = batch_layout_width(column->layout);
  memcpy((uint8_t *)column->values + row * width, bytes, width);
}

static br_status cast_once(const batch_schema *from, const batch_schema *to, const batch *in,
                           batch **ret_out, br_error *err) {
  static const size_t map[] = {0};
  batch_cast *cast = NULL;
  batch *out = NULL;
  br_status st = batch_cast_new(from, to, map, &cast, err);
  st = st == BR_OK ? batch_new(to, in->rows, &out, err) : st;
  st = st == BR_OK ? batch_cast_run(cast, in, out, NULL, NULL, err) : st;
  batch_cast_free(cast);
  if (st != BR_OK) {
    batch_free(out);
    return st;
  }
  *ret_out = out;
  return BR_OK;
}

static bool is_nan(const batch_column *column, size_t row) {
  return (column->layout == BATCH_DOUBLE && isnan(((const double *)column->values)[row])) ||
         (column->layout == BATCH_FLOAT && isnan(((const float *)column->values)[row]));
}

static void every_value_comes_back_from_its_text(void **state) {
  (void)state;
  enum { ROWS = 3000 };
  uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
  for (unsigned layout = 0; layout < BATCH_LAYOUT_COUNT; layout++) {
    batch_field field = FIELD(LAYOUT((batch_layout)layout, 0, 0));
    if (layout >= BATCH_DECIMAL32 && layout <= BATCH_DECIMAL128) {
      field.type.precision = layout == BATCH_DECIMAL32 ? 9 : layout == BATCH_DECIMAL64 ? 18 : 38;
      field.type.scale = 7;
    }
    batch_field text_field = FIELD(TEXT_);
    batch_schema typed = {&field, 1};
    batch_schema text = {&text_field, 1};
    batch *in = NULL;
    batch *middle = NULL;
    batch *out = NULL;
    assert_int_equal(batch_new(&typed, ROWS, &in, NULL), BR_OK);
    for (size_t row = 0; row < ROWS; row++) {
      fill_random(&in->columns[0], &field.type, row, &seed);
      in->rows++;
    }
    br_error err = BR_ERROR_INIT;
    if (cast_once(&typed, &text, in, &middle, &err) != BR_OK ||
        cast_once(&text, &typed, middle, &out, &err) != BR_OK) {
      fail_msg("%s", err.message);
    }
    const batch_column *a = &in->columns[0];
    const batch_column *b = &out->columns[0];
    size_t width = batch_layout_width((batch_layout)layout);
    for (size_t row = 0; row < ROWS && width > 0; row++) {
      /* A NaN's sign and payload have no text. */
      if (!is_nan(a, row) || !is_nan(b, row)) {
        assert_memory_equal((const uint8_t *)a->values + row * width,
                            (const uint8_t *)b->values + row * width, width);
      }
    }
    if (layout == BATCH_BOOL) {
      assert_memory_equal(a->values, b->values, ROWS / 8);
    } else if (a->offsets != NULL) {
      assert_memory_equal(a->offsets, b->offsets, (ROWS + 1) * sizeof(int32_t));
      assert_memory_equal(a->data, b->data, a->data_len);
    }
    batch_free(out);
    batch_free(middle);
    batch_free(in);
  }
}

static void doubles_become_the_decimals_that_they_are_read_from(void **state) {
  (void)state;
  enum { ROWS = 3000 };
  uint64_t seed = UINT64_C(0xD1B54A32D192ED03);
  for (uint8_t scale = 0; scale <= 20; scale++) {
    batch_field text_field = FIELD(TEXT_);
    batch_field double_field = FIELD(DOUBLE_);
    batch_field decimal_field = FIELD(DEC128_(38, 0));
    decimal_field.type.scale = scale;
    batch_schema text = {&text_field, 1};
    batch_schema number = {&double_field, 1};
    batch_schema decimal = {&decimal_field, 1};
    batch *in = NULL;
    batch *middle = NULL;
    batch *out = NULL;
    batch *direct = NULL;
    assert_int_equal(batch_new(&text, ROWS, &in, NULL), BR_OK);
    for (size_t row = 0; row < ROWS; row++) {
      /* Up to 15 digits, which all survive a double. */
      batch_i128 value = (batch_i128)(next_random(&seed) % 1000000000000000);
      value >>= next_random(&seed) % 50;
      char digits[64];
      batch_decimal_text(row % 2 == 0 ? value : -value, scale, digits, sizeof digits);
      append(in, digits);
    }
    br_error err = BR_ERROR_INIT;
    if (cast_once(&text, &number, in, &middle, &err) != BR_OK ||
        cast_once(&number, &decimal, middle, &out, &err) != BR_OK ||
        cast_once(&text, &decimal, in, &direct, &err) != BR_OK) {
      fail_msg("%s", err.message);
    }
    assert_memory_equal(out->columns[0].values, direct->columns[0].values, (size_t)16 * ROWS);
    batch_free(direct);
    batch_free(out);
    batch_free(middle);
    batch_free(in);
  }
}

static void columns_of_the_same_type_are_taken_as_they_are(void **state) {
  (void)state;
  /* 29.9 s is no value of smalldatetime: one that is there already is not looked at again. */
  batch_field field = FIELD(SMALLDATETIME);
  batch_schema schema = {&field, 1};
  batch *in = NULL;
  batch *out = NULL;
  assert_int_equal(batch_new(&schema, 1, &in, NULL), BR_OK);
  ((int64_t *)in->columns[0].values)[0] = 29900000;
  in->rows = 1;
  assert_int_equal(cast_once(&schema, &schema, in, &out, NULL), BR_OK);
  assert_int_equal(((int64_t *)out->columns[0].values)[0], 29900000);
  batch_free(out);
  batch_free(in);
}

static br_status append_one(batch_field field, const char *text, size_t length, bool base64,
                            batch **ret_batch, br_error *err) {
  static batch_field kept;
  static batch_schema schema = {&kept, 1};
  kept = field;
  batch *b = NULL;
  br_status st = batch_new(&schema, 1, &b, err);
  if (st == BR_OK) {
    st = batch_append_text(&b->columns[0], &kept, 0, text, length, base64, err);
  }
  if (st != BR_OK) {
    batch_free(b);
    return st;
  }
  b->rows = 1;
  *ret_batch = b;
  return BR_OK;
}

static void single_values_are_read_as_text_or_base64(void **state) {
  (void)state;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(append_one(FIELD(VARBINARY(3)), "AP8B", 4, true, &b, &err), BR_OK);
  assert_cell(b, 0, "0x00FF01");
  batch_free(b);
  /* Without base64 the same letters are none, and the other way round 0x12 is base64. */
  assert_int_equal(append_one(FIELD(VARBINARY(3)), "AP8B", 4, false, &b, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "'AP8B' is no varbinary(3)");
  assert_int_equal(append_one(FIELD(VARBINARY(3)), "0x12", 4, true, &b, &err), BR_OK);
  assert_cell(b, 0, "0xD31D76");
  batch_free(b);
  assert_int_equal(append_one(FIELD(VARBINARY(2)), "AP8B", 4, true, &b, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "3 bytes, the column takes 2");
  assert_int_equal(append_one(FIELD(VARBINARY(2)), "A", 1, true, &b, &err), BR_ERR_DATA);
  assert_int_equal(append_one(FIELD(INT), NULL, 0, false, &b, &err), BR_OK);
  assert_cell(b, 0, NULL);
  batch_free(b);
  batch_field not_null = FIELD(INT);
  not_null.nullable = false;
  assert_int_equal(append_one(not_null, NULL, 0, false, &b, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "NULL in a column that is NOT NULL");
  assert_int_equal(append_one(FIELD(NVARCHAR(9)), "\xFF", 1, false, &b, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "the text is not UTF-8");
  assert_int_equal(
      append_one(FIELD(SQL(BATCH_SQL_ROWVERSION, 0, 0, 0)), "0x00", 4, false, &b, &err),
      BR_ERR_DATA);
  /* A NUL is a character like others, but not of a number. */
  assert_int_equal(append_one(FIELD(NVARCHAR(3)), "a\0b", 3, false, &b, &err), BR_OK);
  assert_int_equal(b->columns[0].data_len, 3);
  batch_free(b);
  assert_int_equal(append_one(FIELD(DOUBLE), "1\0", 2, false, &b, &err), BR_ERR_DATA);
  assert_int_equal(append_one(FIELD(INT), "1\0", 2, false, &b, &err), BR_ERR_DATA);
}

static br_status decode_base64(void *context, br_error *err) {
  (void)context;
  batch *b = NULL;
  br_status st = append_one(FIELD(VARBINARY(3)), "AP8B", 4, true, &b, err);
  if (st == BR_OK) {
    batch_free(b);
  }
  return st;
}

static void base64_survives_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(decode_base64, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_become_what_they_are_or_nothing),
      cmocka_unit_test(times_become_what_they_are_or_nothing),
      cmocka_unit_test(text_and_binary_become_what_they_say_or_nothing),
      cmocka_unit_test(dates_before_the_year_1_are_refused),
      cmocka_unit_test(dates_beyond_microseconds_are_out_of_range),
      cmocka_unit_test(reasons_hold_no_part_of_a_secret),
      cmocka_unit_test(types_that_never_meet_are_told_at_once),
      cmocka_unit_test(rejected_rows_are_left_out_whole_and_in_order),
      cmocka_unit_test(a_rejection_may_end_the_run),
      cmocka_unit_test(casts_survive_every_failing_allocation),
      cmocka_unit_test(every_value_comes_back_from_its_text),
      cmocka_unit_test(doubles_become_the_decimals_that_they_are_read_from),
      cmocka_unit_test(columns_of_the_same_type_are_taken_as_they_are),
      cmocka_unit_test(single_values_are_read_as_text_or_base64),
      cmocka_unit_test(base64_survives_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
