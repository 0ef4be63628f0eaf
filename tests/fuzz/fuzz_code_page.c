/* Code pages to UTF-8 and back: never outside its memory, always UTF-8, the way back the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "batch/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned pages[] = {437,  850,  874,  932,  936,  949,  950,  1250,  1251,
                                 1252, 1253, 1254, 1255, 1256, 1257, 1258, 65001, 1200};

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* Text that came from a page goes back into it and means the same there. */
static void check_way_back(unsigned page, const uint8_t *text, size_t length) {
  br_buf back;
  br_buf_init(&back, length);
  require(batch_utf8_to_code_page(page, (const char *)text, length, false, &back, NULL) == BR_OK);
  uint8_t *again = malloc(3 * back.len + 1);
  require(again != NULL);
  size_t written = 0;
  size_t used = 0;
  require(batch_code_page_to_utf8(page, back.data, back.len, false, BATCH_INVALID_ERROR, again,
                                  &written, &used, NULL) == BR_OK);
  require(written == length && memcmp(again, text, length) == 0);
  free(again);
  br_buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) {
    return 0;
  }
  unsigned page = pages[data[0] % (sizeof pages / sizeof pages[0])];
  bool more = (data[1] & 1U) != 0;
  batch_invalid invalid = (data[1] & 2U) != 0 ? BATCH_INVALID_REPLACE : BATCH_INVALID_ERROR;
  const uint8_t *bytes = data + 2;
  size_t length = size - 2;
  uint8_t *out = malloc(3 * length + 1);
  require(out != NULL);
  size_t written = 0;
  size_t used = 0;
  br_status st =
      batch_code_page_to_utf8(page, bytes, length, more, invalid, out, &written, &used, NULL);
  if (st == BR_OK) {
    require(used <= length && (more ? length - used < 4 : used == length));
    require(br_utf8_valid((const char *)out, written, NULL));
    if (invalid == BATCH_INVALID_ERROR && written > 0) {
      check_way_back(page, out, written);
    }
  }
  free(out);
  br_buf lossy;
  br_buf_init(&lossy, length);
  st = batch_utf8_to_code_page(page, (const char *)bytes, length, true, &lossy, NULL);
  require(st == BR_ERR_UNSUPPORTED ||
          (st == BR_OK) == br_utf8_valid((const char *)bytes, length, NULL));
  br_buf_done(&lossy);
  return 0;
}
