#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static unsigned char lower(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int br_text_compare_nocase(const char *a, const char *b) {
  while (*a != '\0' && lower(*a) == lower(*b)) {
    a++;
    b++;
  }
  return (int)lower(*a) - (int)lower(*b);
}

bool br_text_equal_nocase(const char *a, const char *b) {
  return br_text_compare_nocase(a, b) == 0;
}

bool br_text_starts_with(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool br_text_ends_with(const char *text, const char *suffix) {
  size_t text_length = strlen(text);
  size_t suffix_length = strlen(suffix);
  return suffix_length <= text_length && strcmp(text + text_length - suffix_length, suffix) == 0;
}

/* The length of the well-formed sequence at p (Unicode, table 3-7), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
  if (p[0] < 0x80U) {
    return 1;
  }
  unsigned char low = 0x80U;
  unsigned char high = 0xBFU;
  size_t length = 0;
  if (p[0] >= 0xC2U && p[0] <= 0xDFU) {
    length = 2;
  } else if (p[0] >= 0xE0U && p[0] <= 0xEFU) {
    length = 3;
    low = p[0] == 0xE0U ? 0xA0U : low;
    high = p[0] == 0xEDU ? 0x9FU : high;
  } else if (p[0] >= 0xF0U && p[0] <= 0xF4U) {
    length = 4;
    low = p[0] == 0xF0U ? 0x90U : low;
    high = p[0] == 0xF4U ? 0x8FU : high;
  }
  if (length == 0 || left < length || p[1] < low || p[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < length; i++) {
    if ((p[i] & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  return length;
}

size_t br_utf8_cut(const char *text, size_t length, size_t most) {
  if (length <= most) {
    return length;
  }
  size_t end = most; /* a character has at most three bytes behind its first */
  while (end > 0 && most - end < 3 && ((unsigned char)text[end] & 0xC0U) == 0x80U) {
    end--;
  }
  return end;
}

void br_utf8_repair(char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    size_t length = utf8_sequence((const unsigned char *)text, left);
    if (length == 0) {
      *text = '?';
      length = 1;
    }
    text += length;
    left -= length;
  }
}

size_t br_utf8_char_length(const char *text, size_t left) {
  return utf8_sequence((const unsigned char *)text, left);
}

bool br_utf8_valid(const char *text, size_t length, size_t *ret_offset) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t i = 0;
  while (i < length) {
    /* ASCII, which most text is, eight bytes at a time. */
    uint64_t eight = 0;
    if (length - i >= sizeof eight) {
      memcpy(&eight, bytes + i, sizeof eight);
      if ((eight & UINT64_C(0x8080808080808080)) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    size_t n = utf8_sequence(bytes + i, length - i);
    if (n == 0) {
      if (ret_offset != NULL) {
        *ret_offset = i;
      }
      return false;
    }
    i += n;
  }
  return true;
}

enum { NEAREST_WORD_MAX = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c) {
  unsigned ab = a < b ? a : b;
  return ab < c ? ab : c;
}

/* Changes, insertions, deletions and swaps of neighbours that make b of a; case is ignored. Both
 * are at most NEAREST_WORD_MAX bytes. */
static unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  unsigned rows[3][NEAREST_WORD_MAX + 1];
  unsigned *before = rows[0];
  unsigned *last = rows[1];
  unsigned *now = rows[2];
  for (size_t j = 0; j <= b_length; j++) {
    last[j] = (unsigned)j;
    before[j] = 0;
  }
  for (size_t i = 1; i <= a_length; i++) {
    now[0] = (unsigned)i;
    for (size_t j = 1; j <= b_length; j++) {
      unsigned change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + change);
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < now[j]) {
        now[j] = before[j - 2] + 1;
      }
    }
    unsigned *oldest = before;
    before = last;
    last = now;
    now = oldest;
  }
  return last[b_length];
}

const char *br_text_nearest(const char *word, const char *const *candidates, size_t count) {
  size_t length = strlen(word);
  if (length == 0 || length > NEAREST_WORD_MAX) {
    return NULL;
  }
  /* One slip in a short word, a third of a longer one. */
  unsigned allowed = length < 6 ? 1 : (unsigned)(length / 3);
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    size_t candidate_length = strlen(candidates[i]);
    if (candidate_length > NEAREST_WORD_MAX) {
      continue;
    }
    unsigned distance = edit_distance(word, length, candidates[i], candidate_length);
    if (distance < candidate_length &&
        (distance < allowed || (nearest == NULL && distance == allowed))) {
      nearest = candidates[i];
      allowed = distance;
    }
  }
  return nearest;
}

br_status br_text_u64(const char *text, uint64_t max, uint64_t *ret_value, br_error *err) {
  uint64_t value = 0;
  if (*text == '\0') {
    return br_error_set(err, BR_ERR_USAGE, "Empty, where a number is wanted");
  }
  bool over = false;
  for (const char *p = text; *p != '\0'; p++) {
    if (*p < '0' || *p > '9') {
      return br_error_set(err, BR_ERR_USAGE, "'%s' is not a whole number", text);
    }
    over = over || __builtin_mul_overflow(value, 10U, &value) ||
           __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
  }
  if (over || value > max) {
    return br_error_set(err, BR_ERR_USAGE, "%s is over the most that can be, %" PRIu64, text, max);
  }
  *ret_value = value;
  return BR_OK;
}
