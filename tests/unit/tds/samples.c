/*
 * A few values of every type of the table of types.
 */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "batch/value.h"
#include "support/cmocka.h"

#define LONG_TEXT                                                                                  \
  "0123456789012345678901234567890123456789 \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xF0\x9F\x98\x80"

const type_sample type_samples[] = {
    {{.type = BATCH_SQL_BIT}, {"true", "false", "true"}},
    {{.type = BATCH_SQL_TINYINT}, {"0", "255", "7"}},
    {{.type = BATCH_SQL_SMALLINT}, {"-32768", "32767", "0"}},
    {{.type = BATCH_SQL_INT}, {"-2147483648", "2147483647", "0"}},
    {{.type = BATCH_SQL_BIGINT}, {"-9223372036854775808", "9223372036854775807", "0"}},
    {{.type = BATCH_SQL_DECIMAL, .precision = 9, .scale = 2}, {"9999999.99", "-0.01", "0.00"}},
    {{.type = BATCH_SQL_DECIMAL, .precision = 18, .scale = 4},
     {"99999999999999.9999", "-1.0000", "0.0000"}},
    {{.type = BATCH_SQL_DECIMAL, .precision = 19, .scale = 0}, {"9999999999999999999", "-1"}},
    {{.type = BATCH_SQL_DECIMAL, .precision = 28, .scale = 0},
     {"9999999999999999999999999999", "-1"}},
    {{.type = BATCH_SQL_DECIMAL, .precision = 38, .scale = 38},
     {"0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001"}},
    {{.type = BATCH_SQL_MONEY}, {"922337203685477.5807", "-922337203685477.5808", "-0.0001"}},
    {{.type = BATCH_SQL_SMALLMONEY}, {"214748.3647", "-214748.3648", "1.5000"}},
    {{.type = BATCH_SQL_REAL}, {"1.5", "-0.25", "0"}},
    {{.type = BATCH_SQL_FLOAT}, {"0.1", "-1e+300", "0"}},
    {{.type = BATCH_SQL_CHAR, .length = 5}, {"abcde", "ab   ", "     "}},
    {{.type = BATCH_SQL_VARCHAR, .length = 20}, {"", "abc", "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC"}},
    {{.type = BATCH_SQL_VARCHAR, .length = BATCH_LENGTH_MAX}, {"", "abc", "\xC3\xA9"}},
    {{.type = BATCH_SQL_TEXT}, {"", "abc", "\xC3\xA9"}},
    {{.type = BATCH_SQL_NCHAR, .length = 3}, {"abc", "\xE6\x97\xA5\xE6\x9C\xAC ", "   "}},
    {{.type = BATCH_SQL_NVARCHAR, .length = 100}, {"", "abc", LONG_TEXT}},
    {{.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX}, {"", "abc", LONG_TEXT}},
    {{.type = BATCH_SQL_NTEXT}, {"", "abc", LONG_TEXT}},
    {{.type = BATCH_SQL_XML}, {"<a/>", "<a>\xC3\xA9</a>"}},
    {{.type = BATCH_SQL_JSON}, {"{}", "[\"\xC3\xA9\"]"}},
    {{.type = BATCH_SQL_BINARY, .length = 3}, {"0x010203", "0x000000"}},
    {{.type = BATCH_SQL_VARBINARY, .length = 10}, {"0x", "0xFF00"}},
    {{.type = BATCH_SQL_VARBINARY, .length = BATCH_LENGTH_MAX}, {"0x", "0xFF00"}},
    {{.type = BATCH_SQL_IMAGE}, {"0x", "0xFF00"}},
    {{.type = BATCH_SQL_ROWVERSION}, {"0x0000000000000001", "0xFFFFFFFFFFFFFFFF"}},
    {{.type = BATCH_SQL_DATE}, {"0001-01-01", "9999-12-31", "1970-01-01"}},
    {{.type = BATCH_SQL_TIME, .scale = 0}, {"00:00:00", "23:59:59"}},
    {{.type = BATCH_SQL_TIME, .scale = 3}, {"00:00:00.000", "23:59:59.999"}},
    {{.type = BATCH_SQL_TIME, .scale = 7}, {"00:00:00.0000001", "23:59:59.9999999"}},
    {{.type = BATCH_SQL_SMALLDATETIME},
     {"1900-01-01 00:00:00.000000", "2079-06-06 23:59:00.000000"}},
    {{.type = BATCH_SQL_DATETIME},
     {"1753-01-01 00:00:00.000000", "9999-12-31 23:59:59.997000", "1969-12-31 23:59:59.993000",
      "2000-01-01 00:00:00.003000"}},
    {{.type = BATCH_SQL_DATETIME2, .scale = 0},
     {"0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.000000"}},
    {{.type = BATCH_SQL_DATETIME2, .scale = 3},
     {"1969-12-31 23:59:59.999000", "2000-02-29 12:00:00.001000"}},
    {{.type = BATCH_SQL_DATETIME2, .scale = 7},
     {"0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"}},
    {{.type = BATCH_SQL_DATETIMEOFFSET, .scale = 7},
     {"0001-01-01 00:00:00.000001Z", "2000-02-29 12:00:00.000000Z"}},
    {{.type = BATCH_SQL_DATETIMEOFFSET, .scale = 0}, {"2000-02-29 12:00:00.000000Z"}},
    {{.type = BATCH_SQL_UNIQUEIDENTIFIER}, {"6F9619FF-8B86-D011-B42D-00C04FC964FF"}},
    {{.type = BATCH_SQL_VARIANT}, {"", "text \xC3\xA9"}},
};

const size_t type_sample_count = sizeof type_samples / sizeof *type_samples;

size_t sample_cells(const type_sample *s) {
  size_t count = 0;
  while (count < sizeof s->cells / sizeof *s->cells && s->cells[count] != NULL) {
    count++;
  }
  return count;
}

static int hex(char c) {
  return c <= '9' ? c - '0' : c - 'A' + 10;
}

void sample_put(batch_column *column, const batch_type *type, size_t row, const char *text) {
  size_t length = strlen(text);
  uint8_t *at = (uint8_t *)column->values;
  int64_t us = 0;
  bool zone = false;
  batch_i128 number = 0;
  switch (type->layout) {
  case BATCH_BOOL:
    batch_column_set_bool(column, row, text[0] == 't');
    break;
  case BATCH_INT16:
    ((int16_t *)column->values)[row] = (int16_t)strtol(text, NULL, 10);
    break;
  case BATCH_INT32:
    ((int32_t *)column->values)[row] = (int32_t)strtol(text, NULL, 10);
    break;
  case BATCH_INT64:
    ((int64_t *)column->values)[row] = strtoll(text, NULL, 10);
    break;
  case BATCH_FLOAT:
    ((float *)column->values)[row] = strtof(text, NULL);
    break;
  case BATCH_DOUBLE:
    ((double *)column->values)[row] = strtod(text, NULL);
    break;
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
  case BATCH_DECIMAL128:
    assert_int_equal(
        batch_decimal_parse(text, length, type->precision, type->scale, false, &number, NULL),
        BR_OK);
    if (type->layout == BATCH_DECIMAL32) {
      ((int32_t *)column->values)[row] = (int32_t)number;
    } else if (type->layout == BATCH_DECIMAL64) {
      ((int64_t *)column->values)[row] = (int64_t)number;
    } else {
      batch_store_i128(at + row * 16, number);
    }
    break;
  case BATCH_DATE32:
    assert_int_equal(batch_date_parse(text, length, (int32_t *)column->values + row, NULL), BR_OK);
    break;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    assert_int_equal(batch_timestamp_parse(text, length, &us, &zone, NULL), BR_OK);
    ((int64_t *)column->values)[row] = us;
    break;
  case BATCH_STRING:
    assert_int_equal(batch_column_append_bytes(column, row, text, length, NULL), BR_OK);
    return;
  case BATCH_BINARY: {
    uint8_t bytes[64];
    for (size_t i = 2; i < length; i += 2) {
      bytes[i / 2 - 1] = (uint8_t)(hex(text[i]) << 4 | hex(text[i + 1]));
    }
    assert_int_equal(batch_column_append_bytes(column, row, bytes, length / 2 - 1, NULL), BR_OK);
    return;
  }
  default:
    fail_msg("no layout %d", (int)type->layout);
  }
  batch_column_mark_valid(column, row);
}

void sample_dump(const batch *b, br_buf *out) {
  for (size_t row = 0; row < b->rows; row++) {
    assert_int_equal(batch_cell_text(b, 0, row, out, NULL, NULL), BR_OK);
    assert_int_equal(br_buf_text(out, "|", NULL), BR_OK);
  }
}
