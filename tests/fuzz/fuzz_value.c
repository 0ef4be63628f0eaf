/* Texts of decimals, dates, timestamps, GUIDs and base64: what is taken comes back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "batch/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void decimal(const char *text, size_t length, uint8_t choice) {
  unsigned precision = choice % 38 + 1;
  unsigned scale = choice / 38U <= precision ? choice / 38U : precision;
  batch_i128 value = 0;
  batch_i128 again = 0;
  if (batch_decimal_parse(text, length, precision, scale, (choice & 1U) != 0, &value, NULL) ==
      BR_OK) {
    char back[48];
    batch_decimal_text(value, scale, back, sizeof back);
    require(batch_decimal_parse(back, strlen(back), precision, scale, false, &again, NULL) ==
            BR_OK);
    require(value == again);
  }
}

static void timestamp(const char *text, size_t length) {
  int64_t us = 0;
  int64_t again = 0;
  int32_t days = 0;
  bool has_zone = false;
  if (batch_timestamp_parse(text, length, &us, &has_zone, NULL) == BR_OK) {
    char back[32];
    batch_timestamp_text(us, 6, back);
    /* A zone can move a time out of the years that have four digits. */
    if (us >= INT64_C(-62135596800000000) && us < INT64_C(253402300800000000)) {
      require(batch_timestamp_parse(back, strlen(back), &again, &has_zone, NULL) == BR_OK);
      require(us == again && !has_zone);
    }
  }
  if (batch_date_parse(text, length, &days, NULL) == BR_OK) {
    char back[16];
    batch_date_text(days, back);
    require(length == strlen(back) && memcmp(back, text, length) == 0);
  }
}

static void any_number(const uint8_t *data, size_t size) {
  char text[48];
  if (size >= 16) {
    int64_t number = (int64_t)br_load_u64le(data);
    batch_timestamp_text(number, data[8] % 8U, text);
    batch_date_text((int32_t)number, text);
    batch_time_text((uint64_t)number, data[8] % 10U, text);
    batch_decimal_text(batch_load_i128(data), data[8], text, sizeof text);
    batch_guid_text(data, text);
    uint8_t wire[16];
    require(batch_guid_parse(text, strlen(text), wire, NULL) == BR_OK);
    require(memcmp(wire, data, sizeof wire) == 0);
  }
}

static void base64(const char *text, size_t length) {
  br_buf bytes;
  br_buf digits;
  br_buf again;
  br_buf_init(&bytes, length + 8);
  br_buf_init(&digits, 2 * length + 8);
  br_buf_init(&again, length + 8);
  if (br_base64_decode(text, length, &bytes, NULL) == BR_OK) {
    require(br_base64_encode(bytes.data, bytes.len, &digits, NULL) == BR_OK);
    require(br_base64_decode((const char *)digits.data, digits.len, &again, NULL) == BR_OK);
    require(again.len == bytes.len);
    require(again.len == 0 || memcmp(again.data, bytes.data, bytes.len) == 0);
  }
  br_buf_done(&bytes);
  br_buf_done(&digits);
  br_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const char *text = (const char *)data + 1;
  size_t length = size - 1;
  uint8_t wire[16];
  decimal(text, length, data[0]);
  timestamp(text, length);
  base64(text, length);
  any_number(data + 1, length);
  br_status st = batch_guid_parse(text, length, wire, NULL);
  require(st == BR_OK || st == BR_ERR_DATA);
  return 0;
}
