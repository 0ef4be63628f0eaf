/*
 * charset.h: UTF-16 and Windows code pages to UTF-8 and back, as SQL Server means them.
 *
 * Decoders append straight to a column's data. Code pages map as Windows does (Unicode's best-fit
 * tables), found from the 5 bytes of a collation: UTF-8 flag, else sort id, else LCID
 * (MS-TDS 2.2.5.1.2).
 */
#ifndef BATCH_CHARSET_H
#define BATCH_CHARSET_H

#include "base/buf.h"
#include "base/status.h"

/* What to do with text that has no place in Unicode: unpaired surrogates, bytes that a code page
 * leaves undefined. */
typedef enum batch_invalid { BATCH_INVALID_ERROR, BATCH_INVALID_REPLACE } batch_invalid;

enum {
  BATCH_CP_UTF8 = 65001,
  BATCH_CP_NONE = 0, /* a collation without an ANSI code page (Unicode only) */
};

/* The code page of a TDS collation: 437, 850, 874, 932, 936, 949, 950, 1250..1258, BATCH_CP_UTF8 or
 * BATCH_CP_NONE. */
unsigned batch_collation_code_page(const uint8_t collation[5]);
bool batch_code_page_known(unsigned code_page);

/* UTF-16LE to UTF-8. out must have room for 3 bytes per code unit (length / 2 * 3). *ret_written:
 * bytes put into out. *ret_used: bytes read: less than length where the input ends in a high
 * surrogate or half a code unit and more_follows is true (the caller presents the rest again in
 * front of the next piece). BR_ERR_DATA with the byte offset for an unpaired surrogate under
 * BATCH_INVALID_ERROR, and always for half a code unit at the end. */
br_status batch_utf16le_to_utf8(const uint8_t *bytes, size_t length, bool more_follows,
                                batch_invalid invalid, uint8_t *out, size_t *ret_written,
                                size_t *ret_used, br_error *err) BR_CHECKED;
/* A code page to UTF-8, the same contract; out must have room for 3 bytes per input byte. */
br_status batch_code_page_to_utf8(unsigned code_page, const uint8_t *bytes, size_t length,
                                  bool more_follows, batch_invalid invalid, uint8_t *out,
                                  size_t *ret_written, size_t *ret_used, br_error *err) BR_CHECKED;

/* UTF-8 to UTF-16LE, appended. BR_ERR_DATA where text is not UTF-8. */
br_status batch_utf8_to_utf16le(const char *text, size_t length, br_buf *out,
                                br_error *err) BR_CHECKED;
/* UTF-8 to a code page, appended; a character that the page lacks is BR_ERR_DATA, or '?' / best fit
 * where lossy. */
br_status batch_utf8_to_code_page(unsigned code_page, const char *text, size_t length, bool lossy,
                                  br_buf *out, br_error *err) BR_CHECKED;
/* UTF-16 code units that a UTF-8 text needs. */
size_t batch_utf16_units(const char *text, size_t length);

#endif
