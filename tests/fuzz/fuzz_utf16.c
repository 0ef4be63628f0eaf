/* UTF-16 to UTF-8 and back: never outside its memory, always UTF-8, nothing lost. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "batch/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void check_way_back(const uint8_t *text, size_t length, const uint8_t *wire,
                           size_t wire_length) {
  br_buf back;
  br_buf_init(&back, wire_length);
  require(batch_utf8_to_utf16le((const char *)text, length, &back, NULL) == BR_OK);
  require(back.len == wire_length);
  require(back.len == 0 || memcmp(back.data, wire, wire_length) == 0);
  require(batch_utf16_units((const char *)text, length) == wire_length / 2);
  br_buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  bool more = (data[0] & 1U) != 0;
  batch_invalid invalid = (data[0] & 2U) != 0 ? BATCH_INVALID_REPLACE : BATCH_INVALID_ERROR;
  const uint8_t *wire = data + 1;
  size_t length = size - 1;
  uint8_t *out = malloc(length / 2 * 3 + (length < 2));
  require(out != NULL);
  size_t written = 0;
  size_t used = 0;
  br_status st = batch_utf16le_to_utf8(wire, length, more, invalid, out, &written, &used, NULL);
  bool half = length % 2 != 0 && !more;
  require(st == BR_OK || (st == BR_ERR_DATA && (half || invalid == BATCH_INVALID_ERROR)));
  if (st == BR_OK) {
    require(used <= length && (more ? length - used < 4 : length == used));
    require(br_utf8_valid((const char *)out, written, NULL));
    if (invalid == BATCH_INVALID_ERROR) {
      check_way_back(out, written, wire, used);
    }
  }
  free(out);
  br_buf back;
  br_buf_init(&back, 2 * length);
  st = batch_utf8_to_utf16le((const char *)wire, length, &back, NULL);
  require((st == BR_OK) == br_utf8_valid((const char *)wire, length, NULL));
  br_buf_done(&back);
  return 0;
}
