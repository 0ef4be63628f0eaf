/* Code pages for Python's tests, which compare them with Python's own codecs. */
#include "batch/charset.h"

int interop_decode(unsigned code_page, const uint8_t *bytes, size_t length, uint8_t *out,
                   size_t *ret_written);
int interop_encode(unsigned code_page, const char *text, size_t length, int lossy, uint8_t *out,
                   size_t size, size_t *ret_written);

/* out has room for three bytes per byte. */
int interop_decode(unsigned code_page, const uint8_t *bytes, size_t length, uint8_t *out,
                   size_t *ret_written) {
  size_t used = 0;
  return (int)batch_code_page_to_utf8(code_page, bytes, length, false, BATCH_INVALID_ERROR, out,
                                      ret_written, &used, NULL);
}

int interop_encode(unsigned code_page, const char *text, size_t length, int lossy, uint8_t *out,
                   size_t size, size_t *ret_written) {
  br_buf buf;
  br_buf_init(&buf, size);
  br_status st = batch_utf8_to_code_page(code_page, text, length, lossy != 0, &buf, NULL);
  for (size_t i = 0; st == BR_OK && i < buf.len; i++) {
    out[i] = buf.data[i];
  }
  *ret_written = buf.len;
  br_buf_done(&buf);
  return (int)st;
}
