#include "parquet/kind.h"

/* Local times carry the converted types too: the format asks writers to do so for readers that
 * know no logical types (LogicalTypes.md, "Deprecated time/timestamp ConvertedType"). */
static const parquet_kind kinds[BATCH_LAYOUT_COUNT] = {
    [BATCH_BOOL] = {PARQUET_BOOLEAN, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 0,
                    PARQUET_ORDER_BOOL},
    [BATCH_INT16] = {PARQUET_INT32, PARQUET_INT_16, PARQUET_LOGICAL_INTEGER, false, 4,
                     PARQUET_ORDER_INT32},
    [BATCH_INT32] = {PARQUET_INT32, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 4,
                     PARQUET_ORDER_INT32},
    [BATCH_INT64] = {PARQUET_INT64, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 8,
                     PARQUET_ORDER_INT64},
    [BATCH_FLOAT] = {PARQUET_FLOAT, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 4,
                     PARQUET_ORDER_FLOAT},
    [BATCH_DOUBLE] = {PARQUET_DOUBLE, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 8,
                      PARQUET_ORDER_DOUBLE},
    [BATCH_DECIMAL32] = {PARQUET_INT32, PARQUET_CONVERTED_DECIMAL, PARQUET_LOGICAL_DECIMAL, false,
                         4, PARQUET_ORDER_INT32},
    [BATCH_DECIMAL64] = {PARQUET_INT64, PARQUET_CONVERTED_DECIMAL, PARQUET_LOGICAL_DECIMAL, false,
                         8, PARQUET_ORDER_INT64},
    [BATCH_DECIMAL128] = {PARQUET_FIXED_LEN_BYTE_ARRAY, PARQUET_CONVERTED_DECIMAL,
                          PARQUET_LOGICAL_DECIMAL, false, 0, PARQUET_ORDER_DECIMAL},
    [BATCH_DATE32] = {PARQUET_INT32, PARQUET_CONVERTED_DATE, PARQUET_LOGICAL_DATE, false, 4,
                      PARQUET_ORDER_INT32},
    [BATCH_TIME64_US] = {PARQUET_INT64, PARQUET_TIME_MICROS, PARQUET_LOGICAL_TIME, false, 8,
                         PARQUET_ORDER_INT64},
    [BATCH_TIMESTAMP_US] = {PARQUET_INT64, PARQUET_TIMESTAMP_MICROS, PARQUET_LOGICAL_TIMESTAMP,
                            false, 8, PARQUET_ORDER_INT64},
    [BATCH_TIMESTAMP_US_UTC] = {PARQUET_INT64, PARQUET_TIMESTAMP_MICROS, PARQUET_LOGICAL_TIMESTAMP,
                                true, 8, PARQUET_ORDER_INT64},
    [BATCH_STRING] = {PARQUET_BYTE_ARRAY, PARQUET_UTF8, PARQUET_LOGICAL_STRING, false, 0,
                      PARQUET_ORDER_TEXT},
    [BATCH_BINARY] = {PARQUET_BYTE_ARRAY, PARQUET_CONVERTED_NONE, PARQUET_LOGICAL_NONE, false, 0,
                      PARQUET_ORDER_BYTES},
};

const parquet_kind *parquet_kind_of(batch_layout layout) {
  return &kinds[layout];
}

/* Bytes of two's complement that hold every integer of so many decimal digits. */
static const uint8_t decimal_bytes[39] = {
    1, 1, 1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,  6,  6,  7,  7,  8,  8,  9,
    9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16,
};

unsigned parquet_plain_width(const batch_type *type) {
  if (type->layout == BATCH_DECIMAL128) {
    return type->precision <= 38 ? decimal_bytes[type->precision] : 16;
  }
  return kinds[type->layout].width;
}
