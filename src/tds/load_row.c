/*
 * Rows of a bulk load: cells straight from the batch's columns into the packet buffer. Before each
 * cell there is room for TDS_WRITER_ROOM bytes, so nothing is checked inside one.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <inttypes.h>
#include <string.h>

#include "batch/charset.h"
#include "batch/utf8.h"
#include "tds/load_internal.h"

enum { NCHAR_DIRECT = 8000 }; /* bytes of UTF-8: as UTF-16 they fit the room */

typedef struct load_cell {
  const uint8_t *bytes;
  size_t length;
} load_cell;

static inline load_cell cell_of(const batch_column *column, size_t row) {
  return (load_cell){.bytes = column->data + column->offsets[row],
                     .length = (size_t)(column->offsets[row + 1] - column->offsets[row])};
}

/* --- text and binary with two bytes of length --- */

static uint8_t *too_long(const load_column *c, size_t length, br_error *err) {
  size_t unit = c->way == LOAD_NCHAR ? 2 : 1;
  br_error_set(err, BR_ERR_DATA, "%zu %s, the column takes %zu", length / unit,
               c->way == LOAD_NCHAR ? "UTF-16 code units" : "bytes", c->info.size / unit);
  return NULL;
}

static uint8_t *put_bytes(const load_column *c, const uint8_t *bytes, size_t length, uint8_t *p,
                          br_error *err) {
  if (length > c->info.size) {
    return too_long(c, length, err);
  }
  br_store_u16le(p, (uint16_t)length);
  memcpy(p + 2, bytes, length);
  return p + 2 + length;
}

static uint8_t *put_converted(tds_load *load, const load_column *c, load_cell cell, uint8_t *p,
                              br_error *err) {
  br_buf *scratch = &load->scratch;
  br_buf_clear(scratch);
  br_status st = c->way == LOAD_NCHAR
                     ? batch_utf8_to_utf16le((const char *)cell.bytes, cell.length, scratch, err)
                     : batch_utf8_to_code_page(c->code_page, (const char *)cell.bytes, cell.length,
                                               false, scratch, err);
  return st == BR_OK ? put_bytes(c, scratch->data, scratch->len, p, err) : NULL;
}

static uint8_t *put_char(tds_load *load, const load_column *c, load_cell cell, uint8_t *p,
                         br_error *err) {
  if (cell.length > c->info.size ||
      batch_copy_ascii(cell.bytes, cell.length, p + 2) != cell.length) {
    return put_converted(load, c, cell, p, err);
  }
  br_store_u16le(p, (uint16_t)cell.length);
  return p + 2 + cell.length;
}

/* ASCII to UTF-16LE up to the first other byte; returns how many. */
static size_t widen_ascii(const uint8_t *from, size_t length, uint8_t *to) {
  size_t i = 0;
#ifdef __SSE2__
  const __m128i zero = _mm_setzero_si128();
  for (; i + 16 <= length; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
    if (_mm_movemask_epi8(bytes) != 0) {
      break;
    }
    _mm_storeu_si128((__m128i *)(void *)(to + 2 * i), _mm_unpacklo_epi8(bytes, zero));
    _mm_storeu_si128((__m128i *)(void *)(to + 2 * i + 16), _mm_unpackhi_epi8(bytes, zero));
  }
#endif
  for (; i < length && from[i] < 0x80U; i++) {
    to[2 * i] = from[i];
    to[2 * i + 1] = 0;
  }
  return i;
}

/* UTF-8 to UTF-16LE; NULL: it is not UTF-8. No character takes more than twice its bytes. */
static uint8_t *widen(load_cell cell, uint8_t *to) {
  const uint8_t *from = cell.bytes;
  const uint8_t *end = from + cell.length;
  while (from < end) {
    size_t step = widen_ascii(from, (size_t)(end - from), to);
    from += step;
    to += 2 * step;
    for (; from < end && *from >= 0x80U; from += step) {
      uint32_t c = 0;
      if (batch_get_utf8(from, end, &c, &step) != BATCH_UTF8_CHARACTER) {
        return NULL;
      }
      if (c >= 0x10000U) {
        c -= 0x10000U;
        br_store_u16le(to, (uint16_t)(0xD800U | c >> 10));
        to += 2;
        c = 0xDC00U | (c & 0x3FFU);
      }
      br_store_u16le(to, (uint16_t)c);
      to += 2;
    }
  }
  return to;
}

static uint8_t *put_nchar(tds_load *load, const load_column *c, load_cell cell, uint8_t *p,
                          br_error *err) {
  if (cell.length > NCHAR_DIRECT) {
    return put_converted(load, c, cell, p, err);
  }
  uint8_t *end = widen(cell, p + 2);
  if (end == NULL) {
    return put_converted(load, c, cell, p, err); /* says where */
  }
  size_t length = (size_t)(end - p) - 2;
  if (length > c->info.size) {
    return too_long(c, length, err);
  }
  br_store_u16le(p, (uint16_t)length);
  return end;
}

/* --- everything else --- */

static br_status check_utf8(load_cell cell, br_error *err) {
  const uint8_t *from = cell.bytes;
  const uint8_t *end = from + cell.length;
  size_t step = 1;
  for (; from < end; from += step) {
    uint32_t c = 0;
    if (batch_get_utf8(from, end, &c, &step) != BATCH_UTF8_CHARACTER) {
      return br_error_set(err, BR_ERR_DATA, "Byte %td is not UTF-8", from - cell.bytes);
    }
  }
  return BR_OK;
}

static br_status put_any(tds_writer *w, const load_column *c, const batch_column *column,
                         size_t row, br_error *err) {
  br_status st = c->check_utf8 ? check_utf8(cell_of(column, row), err) : BR_OK;
  return st == BR_OK ? tds_value_write(w, &c->info, column, row, err) : st;
}

static uint8_t *put_null(const load_column *c, uint8_t *p, br_error *err) {
  if (!c->nullable) {
    br_error_set(err, BR_ERR_DATA, "NULL, and the column is NOT NULL");
    return NULL;
  }
  memcpy(p, c->null, sizeof c->null);
  return p + c->null_length;
}

/* --- rows --- */

/* Puts one cell of a type that fits the room; NULL: it does not fit its type. */
static inline uint8_t *put_cell(tds_load *load, const load_column *c, const batch_column *column,
                                size_t row, uint8_t *p, br_error *err) {
  if (!batch_column_is_valid(column, row)) {
    return put_null(c, p, err);
  }
  if (c->way == LOAD_ENCODE) {
    return c->encode(&c->info, column, row, p, err);
  }
  load_cell cell = cell_of(column, row);
  return c->way == LOAD_CHAR    ? put_char(load, c, cell, p, err)
         : c->way == LOAD_NCHAR ? put_nchar(load, c, cell, p, err)
                                : put_bytes(c, cell.bytes, cell.length, p, err);
}

static br_status row_failed(const tds_load *load, const batch *b, size_t row, size_t column,
                            br_status st, br_error *err) {
  if (st != BR_ERR_DATA && st != BR_ERR_LIMIT) {
    return st;
  }
  return br_error_context(err, st, "Row %" PRIu64 ", column %zu (%s)", b->first_row + row + 1,
                          column + 1, load->schema->fields[column].name);
}

static br_status put_row(tds_load *load, const batch *b, size_t row, br_error *err) {
  tds_writer *w = &load->conn->writer;
  uint8_t *p = tds_writer_room(w);
  *p++ = TDS_TOKEN_ROW;
  br_status st = BR_OK;
  for (size_t i = 0; i < b->schema->count; i++) {
    const load_column *c = &load->columns[i];
    const batch_column *column = &b->columns[i];
    if (c->way == LOAD_ANY && batch_column_is_valid(column, row)) {
      st = tds_writer_filled(w, p, err);
      st = st == BR_OK ? put_any(w, c, column, row, err) : st;
      p = tds_writer_room(w);
    } else {
      p = put_cell(load, c, column, row, p, err);
      if (p == NULL) {
        st = err != NULL && err->status != BR_OK ? err->status : BR_ERR_DATA;
      } else if (p > w->buffer + w->packet_size) {
        st = tds_writer_filled(w, p, err);
        p = tds_writer_room(w);
      }
    }
    if (st != BR_OK) {
      return row_failed(load, b, row, i, st, err);
    }
  }
  return tds_writer_filled(w, p, err);
}

br_status load_put_rows(tds_load *load, const batch *b, br_error *err) {
  br_error local = BR_ERROR_INIT;
  br_error *told = err != NULL ? err : &local; /* a cell's failure is told there alone */
  br_error_clear(told);
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < b->rows; row++) {
    st = put_row(load, b, row, told);
  }
  return st;
}
