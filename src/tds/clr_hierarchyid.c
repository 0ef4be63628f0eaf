/*
 * hierarchyid as text ([MS-SSCLRT] 2.1.3 "hierarchyid Structure"): bits, most significant first. A
 * number is one of the patterns below, which say its range by their first bits; the T behind it
 * says what follows in the text: 1 a slash, 0 a dot, and then the number was stored one higher.
 * Zero bits fill the last byte.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tds/family.h"

/* x: bits that count up from `first`; T: the end; 0 and 1 stand there for the order of the bytes.
 */
typedef struct pattern {
  int64_t first;
  const char *bits;
} pattern;

static const pattern patterns[] = {
    {0, "01xxT"},
    {4, "100xxT"},
    {8, "101xxxT"},
    {16, "110xx0x1xxxT"},
    {80, "1110xxx0xxx0x1xxxT"},
    {1104, "11110xxxxx0xxx0x1xxxT"},
    {5200, "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"},
    {INT64_C(4294972496), "111111xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"},
    {-8, "00111xxxT"},
    {-72, "0010xx0x1xxxT"},
    {-4168, "000110xxxxx0xxx0x1xxxT"},
    {INT64_C(-4294971464), "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"},
    {INT64_C(-281479271682120), "000100xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"},
};

static bool bit_at(const uint8_t *bytes, size_t place) {
  return (bytes[place / 8] >> (7 - place % 8) & 1) != 0;
}

/* Whether bits from `place` on are a number of the pattern. */
static bool matches(const pattern *p, const uint8_t *bytes, size_t place, size_t end,
                    int64_t *ret_number, bool *ret_last) {
  uint64_t offset = 0;
  for (const char *b = p->bits; *b != '\0'; b++, place++) {
    if (place == end) {
      return false;
    }
    bool bit = bit_at(bytes, place);
    if (*b == 'x') {
      offset = offset << 1 | bit;
    } else if (*b == 'T') {
      *ret_last = bit;
    } else if (bit != (*b == '1')) {
      return false;
    }
  }
  *ret_number = p->first + (int64_t)offset;
  return true;
}

static const pattern *find(const uint8_t *bytes, size_t place, size_t end, int64_t *ret_number,
                           bool *ret_last) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    if (matches(&patterns[i], bytes, place, end, ret_number, ret_last)) {
      return &patterns[i];
    }
  }
  return NULL;
}

static bool is_padding(const uint8_t *bytes, size_t place, size_t end) {
  for (size_t i = place; i < end; i++) {
    if (bit_at(bytes, i)) {
      return false;
    }
  }
  return end - place < 8;
}

br_status tds_hierarchyid_text(const uint8_t *bytes, size_t length, char *text, size_t *ret_length,
                               br_error *err) {
  enum { NUMBER_MAX = 20 };
  size_t end = length * 8;
  size_t place = 0;
  size_t used = 1;
  bool last = true;
  text[0] = '/';
  while (!is_padding(bytes, place, end)) {
    int64_t number = 0;
    const pattern *p = find(bytes, place, end, &number, &last);
    if (p == NULL) {
      return br_error_set(err, BR_ERR_DATA, "The bytes are no hierarchyid (bit %zu)", place);
    }
    char piece[NUMBER_MAX + 2];
    int size = snprintf(piece, sizeof piece, "%" PRId64 "%c", last ? number : number - 1,
                        last ? '/' : '.');
    memcpy(text + used, piece, (size_t)size);
    used += (size_t)size;
    place += strlen(p->bits);
  }
  if (!last) {
    return br_error_set(err, BR_ERR_DATA, "The bytes are no hierarchyid: they end behind a dot");
  }
  *ret_length = used;
  return BR_OK;
}
