/*
 * Windows code pages to UTF-8 and back. To Unicode the tables are read as they are. For the way
 * back a page gets, when it is first wanted, a map of all 65,536 units (128 KiB), made of the same
 * tables turned round: it stays until the program ends.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "batch/charset.h"
#include "batch/code_page_tables.h"
#include "batch/utf8.h"

enum { UNITS = 65536 };

/* ways_back[i] belongs to batch_code_pages[i]: unit to code (pairs as lead << 8 | trail), 0: none.
 */
static _Atomic(uint16_t *) ways_back[BATCH_CODE_PAGE_COUNT];

static const batch_code_page *find_page(unsigned number) {
  for (size_t i = 0; i < BATCH_CODE_PAGE_COUNT; i++) {
    if (batch_code_pages[i].number == number) {
      return &batch_code_pages[i];
    }
  }
  return NULL;
}

bool batch_code_page_known(unsigned code_page) {
  return code_page == BATCH_CP_UTF8 || find_page(code_page) != NULL;
}

static br_status unknown_page(unsigned code_page, br_error *err) {
  return br_error_set(err, BR_ERR_UNSUPPORTED, "Code page %u is not supported", code_page);
}

/* Where a decoder stands. */
typedef struct decoder {
  const uint8_t *start;
  const uint8_t *p;
  const uint8_t *end;
  uint8_t *out;
  bool more_follows;
  batch_invalid invalid;
} decoder;

static br_status bad_bytes(decoder *d, unsigned code_page, size_t length, br_error *err) {
  if (d->invalid == BATCH_INVALID_ERROR) {
    size_t offset = (size_t)(d->p - d->start);
    if (length == 2) {
      return br_error_set(err, BR_ERR_DATA, "Bytes %02X %02X at %zu are nothing in code page %u",
                          d->p[0], d->p[1], offset, code_page);
    }
    return br_error_set(err, BR_ERR_DATA, "Byte %02X at %zu is nothing in code page %u", d->p[0],
                        offset, code_page);
  }
  d->out = batch_put_utf8(d->out, BATCH_REPLACEMENT);
  d->p += length;
  return BR_OK;
}

/* The character of a lead and a trail byte, 0: none. */
static uint16_t pair_of(const batch_code_page *page, uint8_t row, uint8_t trail) {
  if (trail < page->trail_first || trail > page->trail_last) {
    return 0;
  }
  size_t width = (size_t)page->trail_last - page->trail_first + 1;
  return page->pairs[((size_t)row - 1) * width + trail - page->trail_first];
}

/* One character from 0x80 on. BR_DONE: it goes on behind the end. */
static br_status decode_high(decoder *d, const batch_code_page *page, br_error *err) {
  uint8_t first = (uint8_t)(*d->p - 0x80U);
  uint16_t c = page->high[first];
  if (c != 0) {
    d->out = batch_put_utf8(d->out, c);
    d->p++;
    return BR_OK;
  }
  uint8_t row = page->rows == NULL ? 0 : page->rows[first];
  if (row == 0) {
    return bad_bytes(d, page->number, 1, err);
  }
  if (d->p + 1 == d->end) {
    return d->more_follows ? BR_DONE : bad_bytes(d, page->number, 1, err);
  }
  c = pair_of(page, row, d->p[1]);
  if (c == 0) {
    /* An ASCII byte behind a stray lead byte is more likely itself than a part of it. */
    return bad_bytes(d, page->number, d->p[1] < 0x80U ? 1 : 2, err);
  }
  d->out = batch_put_utf8(d->out, c);
  d->p += 2;
  return BR_OK;
}

static br_status decode_utf8(decoder *d, br_error *err) {
  uint32_t c = 0;
  size_t length = 0;
  batch_utf8_found found = batch_get_utf8(d->p, d->end, &c, &length);
  if (found == BATCH_UTF8_UNFINISHED && d->more_follows) {
    return BR_DONE;
  }
  if (found != BATCH_UTF8_CHARACTER) {
    if (d->invalid == BATCH_INVALID_ERROR) {
      return br_error_set(err, BR_ERR_DATA, "Not UTF-8 at byte %zu", (size_t)(d->p - d->start));
    }
    d->out = batch_put_utf8(d->out, BATCH_REPLACEMENT);
    d->p += length;
    return BR_OK;
  }
  memcpy(d->out, d->p, length);
  d->out += length;
  d->p += length;
  return BR_OK;
}

br_status batch_code_page_to_utf8(unsigned code_page, const uint8_t *bytes, size_t length,
                                  bool more_follows, batch_invalid invalid, uint8_t *out,
                                  size_t *ret_written, size_t *ret_used, br_error *err) {
  const batch_code_page *page = find_page(code_page);
  if (page == NULL && code_page != BATCH_CP_UTF8) {
    return unknown_page(code_page, err);
  }
  if (length == 0) {
    *ret_written = 0;
    *ret_used = 0;
    return BR_OK;
  }
  decoder d = {bytes, bytes, bytes + length, out, more_follows, invalid};
  br_status st = BR_OK;
  while (st == BR_OK && d.p < d.end) {
    size_t ascii = batch_copy_ascii(d.p, (size_t)(d.end - d.p), d.out);
    d.p += ascii;
    d.out += ascii;
    while (st == BR_OK && d.p < d.end && *d.p >= 0x80U) {
      st = page == NULL ? decode_utf8(&d, err) : decode_high(&d, page, err);
    }
  }
  if (st != BR_OK && st != BR_DONE) {
    return st;
  }
  *ret_written = (size_t)(d.out - out);
  *ret_used = (size_t)(d.p - bytes);
  return BR_OK;
}

static void map_back(uint16_t *map, uint16_t unit, size_t code) {
  if (unit != 0 && map[unit] == 0) {
    map[unit] = (uint16_t)code;
  }
}

static void fill_way_back(const batch_code_page *page, uint16_t *map) {
  for (size_t byte = 1; byte < 0x80; byte++) {
    map[byte] = (uint16_t)byte;
  }
  for (size_t byte = 0x80; byte < 0x100; byte++) {
    map_back(map, page->high[byte - 0x80], byte);
  }
  for (size_t lead = 0x80; page->rows != NULL && lead < 0x100; lead++) {
    uint8_t row = page->rows[lead - 0x80];
    for (size_t trail = page->trail_first; row != 0 && trail <= page->trail_last; trail++) {
      map_back(map, pair_of(page, row, (uint8_t)trail), lead << 8 | trail);
    }
  }
  for (size_t i = 0; i < page->override_count; i++) {
    map[page->overrides[2 * i]] = page->overrides[2 * i + 1];
  }
}

/* The map of a page, made where it isn't there yet; of two threads that make it one wins. */
static br_status way_back(const batch_code_page *page, const uint16_t **ret_map, br_error *err) {
  _Atomic(uint16_t *) *place = &ways_back[page - batch_code_pages];
  uint16_t *map = atomic_load_explicit(place, memory_order_acquire);
  if (map == NULL) {
    map = br_calloc(UNITS, sizeof *map);
    if (map == NULL) {
      return br_error_nomem(err);
    }
    fill_way_back(page, map);
    uint16_t *other = NULL;
    if (!atomic_compare_exchange_strong(place, &other, map)) {
      br_free(map);
      map = other;
    }
  }
  *ret_map = map;
  return BR_OK;
}

/* The unit that a code stands for. */
static uint16_t unit_of(const batch_code_page *page, uint16_t code) {
  if (code < 0x80U) {
    return code;
  }
  return code < 0x100U ? page->high[code - 0x80U]
                       : pair_of(page, page->rows[(code >> 8) - 0x80U], (uint8_t)code);
}

static uint8_t *put_code(uint8_t *out, uint16_t code) {
  if (code >= 0x100U) {
    *out++ = (uint8_t)(code >> 8);
  }
  *out++ = (uint8_t)code;
  return out;
}

/* One character that isn't ASCII. Windows writes a question mark for each half of a surrogate
 * pair. */
static br_status encode_char(const batch_code_page *page, const uint16_t *map, uint32_t c,
                             bool lossy, uint8_t **out, br_error *err) {
  uint16_t code = c < UNITS ? map[c] : 0;
  bool exact = code != 0 && unit_of(page, code) == c;
  if (!exact && !lossy) {
    return br_error_set(err, BR_ERR_DATA, "Code page %u has no character U+%04" PRIX32,
                        page->number, c);
  }
  if (code != 0) {
    *out = put_code(*out, code);
    return BR_OK;
  }
  *out = put_code(*out, '?');
  if (c >= UNITS) {
    *out = put_code(*out, '?');
  }
  return BR_OK;
}

static br_status encode(const batch_code_page *page, const uint16_t *map, const uint8_t *text,
                        size_t length, bool lossy, uint8_t **out, br_error *err) {
  const uint8_t *p = text;
  const uint8_t *end = text + length;
  while (p < end) {
    size_t ascii = batch_copy_ascii(p, (size_t)(end - p), *out);
    p += ascii;
    *out += ascii;
    while (p < end && *p >= 0x80U) {
      uint32_t c = 0;
      size_t used = 0;
      if (batch_get_utf8(p, end, &c, &used) != BATCH_UTF8_CHARACTER) {
        return br_error_set(err, BR_ERR_DATA, "Not UTF-8 at byte %zu", (size_t)(p - text));
      }
      br_status st = page == NULL ? BR_OK : encode_char(page, map, c, lossy, out, err);
      if (st != BR_OK) {
        return br_error_append(err, st, " (at byte %zu)", (size_t)(p - text));
      }
      if (page == NULL) {
        memcpy(*out, p, used);
        *out += used;
      }
      p += used;
    }
  }
  return BR_OK;
}

br_status batch_utf8_to_code_page(unsigned code_page, const char *text, size_t length, bool lossy,
                                  br_buf *out, br_error *err) {
  const batch_code_page *page = find_page(code_page);
  if (page == NULL && code_page != BATCH_CP_UTF8) {
    return unknown_page(code_page, err);
  }
  if (length == 0) {
    return BR_OK;
  }
  const uint16_t *map = NULL;
  br_status st = page == NULL ? BR_OK : way_back(page, &map, err);
  if (st != BR_OK) {
    return st;
  }
  /* No character needs more bytes in a code page than in UTF-8. */
  if ((st = br_buf_reserve(out, length, err)) != BR_OK) {
    return st;
  }
  uint8_t *to = out->data + out->len;
  st = encode(page, map, (const uint8_t *)text, length, lossy, &to, err);
  if (st == BR_OK) {
    out->len = (size_t)(to - out->data);
  }
  return st;
}
