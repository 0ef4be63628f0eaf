#include "sandbox/sql/collate.h"

#include <string.h>

#include "store/store.h"

/* Base letter and accent of U+00C0..U+017F: letter, and a number that tells accents apart. */
static const char latin_base[] =
    "AAAAAA\1CEEEEIIIIDNOOOOO\2OUUUUY\3\4aaaaaa\1ceeeeiiiidnooooo\2ouuuuy\3y" /* C0..FF */
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi\5\5JjKk\6LlLlLlLlLlNnNnNn\7\10\10OoOoOo"
    "\11\11RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZz\12"; /* 100..17F */

enum { ACCENT_TABLE_FIRST = 0xc0, ACCENT_TABLE_LAST = 0x17f };

uint32_t sql_utf8_next(const char **p, const char *end) {
  const unsigned char *s = (const unsigned char *)*p;
  size_t left = (size_t)(end - *p);
  uint32_t c = s[0];
  size_t more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  if (more >= left || more == 0) {
    (*p)++;
    return c;
  }
  c &= more == 1 ? 0x1fU : more == 2 ? 0x0fU : 0x07U;
  for (size_t i = 1; i <= more; i++) {
    c = c << 6 | (s[i] & 0x3fU);
  }
  *p += more + 1;
  return c;
}

uint32_t sql_lower(uint32_t c) {
  if (c < 0x80) {
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
  }
  if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
      (c >= 0x410 && c <= 0x42f)) {
    return c + 32;
  }
  if (c >= 0x400 && c <= 0x40f) {
    return c + 80;
  }
  bool even_upper = (c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
                    (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) ||
                    (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1e95) ||
                    (c >= 0x1ea0 && c <= 0x1eff);
  bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
  if (c == 0x130 || c == 0x131 || c == 0x138 || c == 0x149) {
    return c;
  }
  if (c == 0x178) {
    return 0xff;
  }
  if (even_upper) {
    return c | 1;
  }
  return odd_upper ? c + (c & 1) : c;
}

uint32_t sql_upper(uint32_t c) {
  if (c < 0x80) {
    return c >= 'a' && c <= 'z' ? c - 32 : c;
  }
  if (c == 0xff) {
    return 0x178;
  }
  /* The inverse of sql_lower(): the candidates are 32, 80 and 1 below. */
  static const uint32_t steps[] = {32, 80, 1};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    uint32_t upper = c - steps[i];
    if (upper >= 0x80 && sql_lower(upper) == c) {
      return upper;
    }
  }
  return c;
}

/* Weight of a character on three levels. */
typedef struct weight {
  uint32_t letter, accent, capital;
} weight;

static weight letter_weight(uint32_t letter, uint32_t accent, bool capital) {
  return (weight){.letter = 0x400 + sql_lower(letter) * 16, .accent = accent, .capital = capital};
}

/* Windows' order of ASCII punctuation; SQL Server's own sort order has that of ASCII. */
static uint32_t punctuation(uint32_t c, bool windows) {
  static const char order[] = " _,;:!?.\"()[]{}@*/\\&#%`^+<=>|~$'-";
  const char *at = windows && c != 0 ? strchr(order, (int)c) : NULL;
  return at != NULL ? 0x40 + (uint32_t)(at - order) : 0x80 + c;
}

static weight weigh(uint32_t c, bool windows) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
    return letter_weight(c, 0, c <= 'Z');
  }
  if (c >= '0' && c <= '9') {
    return (weight){.letter = 0x300 + c};
  }
  if (c < 0xc0) {
    return (weight){.letter = c < 0x80 ? punctuation(c, windows) : 0x100 + c};
  }
  if (c <= ACCENT_TABLE_LAST && c != 0xd7 && c != 0xf7) {
    uint32_t base = (unsigned char)latin_base[c - ACCENT_TABLE_FIRST];
    uint32_t lower = sql_lower(c);
    if (base >= 'A') {
      return letter_weight(base, lower, lower != c);
    }
    return (weight){.letter = 0x400 + 'z' * 16 + base, .accent = lower, .capital = lower != c};
  }
  uint32_t lower = sql_lower(c);
  return (weight){.letter = 0x10000 + lower, .capital = lower != c};
}

/* Walks text character by character; Windows' rules write some letters as two. */
typedef struct walker {
  const char *p;
  const char *end;
  bool windows;
  uint32_t pending;
} walker;

static const char *without_blanks(const char *text, size_t length) {
  const char *end = text + length;
  while (end > text && end[-1] == ' ') {
    end--;
  }
  return end;
}

static bool walk(walker *w, bool skip_minor, weight *ret_weight) {
  for (;;) {
    if (w->pending != 0) {
      *ret_weight = weigh(w->pending, w->windows);
      w->pending = 0;
      return true;
    }
    if (w->p >= w->end) {
      return false;
    }
    uint32_t c = sql_utf8_next(&w->p, w->end);
    if (w->windows && skip_minor && (c == '-' || c == '\'')) {
      continue;
    }
    if (w->windows) {
      static const struct {
        uint32_t c;
        char first, second;
      } pairs[] = {{0xdf, 's', 's'},  {0xe6, 'a', 'e'}, {0xc6, 'A', 'E'}, {0x152, 'O', 'E'},
                   {0x153, 'o', 'e'}, {0xfe, 't', 'h'}, {0xde, 'T', 'H'}};
      for (size_t i = 0; c >= 0xc0 && i < sizeof pairs / sizeof pairs[0]; i++) {
        if (c == pairs[i].c) {
          c = (unsigned char)pairs[i].first;
          w->pending = (unsigned char)pairs[i].second;
        }
      }
    }
    *ret_weight = weigh(c, w->windows);
    return true;
  }
}

static int order(uint32_t a, uint32_t b) {
  return a < b ? -1 : a > b;
}

static int compare_levels(walker a, walker b, bool skip_minor, bool with_case) {
  int accent = 0;
  int capital = 0;
  for (;;) {
    weight x = {0};
    weight y = {0};
    bool more_a = walk(&a, skip_minor, &x);
    bool more_b = walk(&b, skip_minor, &y);
    if (!more_a || !more_b) {
      if (more_a != more_b) {
        return more_a ? 1 : -1;
      }
      break;
    }
    int letter = order(x.letter, y.letter);
    if (letter != 0) {
      return letter;
    }
    accent = accent != 0 ? accent : order(x.accent, y.accent);
    capital = capital != 0 ? capital : order(x.capital, y.capital);
  }
  return accent != 0 ? accent : with_case ? capital : 0;
}

static int compare_words(const char *a, size_t a_length, const char *b, size_t b_length,
                         bool windows, bool with_case) {
  walker x = {.p = a, .end = without_blanks(a, a_length), .windows = windows};
  walker y = {.p = b, .end = without_blanks(b, b_length), .windows = windows};
  if (x.end - x.p == y.end - y.p && memcmp(x.p, y.p, (size_t)(x.end - x.p)) == 0) {
    return 0;
  }
  int result = compare_levels(x, y, true, with_case);
  return result != 0 || !windows ? result : compare_levels(x, y, false, with_case);
}

static int compare_binary(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t x = (size_t)(without_blanks(a, a_length) - a);
  size_t y = (size_t)(without_blanks(b, b_length) - b);
  size_t least = x < y ? x : y;
  int result = least == 0 ? 0 : memcmp(a, b, least);
  return result != 0 ? result : x < y ? -1 : x > y;
}

int sql_text_compare(const sql_type *type, const char *a, size_t a_length, const char *b,
                     size_t b_length) {
  if (type->collation == SQL_COLLATION_NONE) {
    size_t least = a_length < b_length ? a_length : b_length;
    int result = least == 0 ? 0 : memcmp(a, b, least);
    return result != 0 ? result : a_length < b_length ? -1 : a_length > b_length;
  }
  if (type->collation == SQL_COLLATION_BIN) {
    return compare_binary(a, a_length, b, b_length);
  }
  return compare_words(a, a_length, b, b_length, sql_type_is_unicode(type->kind),
                       type->collation == SQL_COLLATION_CS);
}

/* ---- SQLite's callbacks ---- */

static int callback_sci(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  return compare_words(a, (size_t)n, b, (size_t)m, false, false);
}

static int callback_scs(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  return compare_words(a, (size_t)n, b, (size_t)m, false, true);
}

static int callback_wci(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  return compare_words(a, (size_t)n, b, (size_t)m, true, false);
}

static int callback_wcs(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  return compare_words(a, (size_t)n, b, (size_t)m, true, true);
}

static int callback_bin2(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  return compare_binary(a, (size_t)n, b, (size_t)m);
}

static int callback_dto(void *context, int n, const void *a, int m, const void *b) {
  (void)context;
  int least = n < m ? n : m;
  return memcmp(a, b, least > 19 ? 19 : (size_t)least);
}

/* What SQLite's planner does without (SQLITE_BloomFilter). SQLite 3.40 joins without an index by
 * way of a filter that takes texts of two lengths for unequal, whatever their collation says: 'U  '
 * of a char column would not meet 'U'. */
enum { BLOOM_FILTERS = 0x00080000 };

br_status sql_collations_register(sqlite3 *db, br_error *err) {
  static const struct {
    const char *name;
    int (*compare)(void *, int, const void *, int, const void *);
  } collations[] = {
      {"sci", callback_sci}, {"scs", callback_scs},   {"wci", callback_wci},
      {"wcs", callback_wcs}, {"bin2", callback_bin2}, {"dto", callback_dto},
  };
  for (size_t i = 0; i < sizeof collations / sizeof collations[0]; i++) {
    if (sqlite3_create_collation_v2(db, collations[i].name, SQLITE_UTF8, NULL,
                                    collations[i].compare, NULL) != SQLITE_OK) {
      return store_error(db, "SQLite collation", err);
    }
  }
  (void)sqlite3_test_control(SQLITE_TESTCTRL_OPTIMIZATIONS, db, BLOOM_FILTERS);
  return BR_OK;
}

/* ---- LIKE ---- */

typedef struct like {
  const sql_type *type;
  uint32_t escape;
  bool sets, ignore_case;
} like;

static int compare_characters(const like *l, uint32_t a, uint32_t b) {
  if (l->type->collation == SQL_COLLATION_NONE || l->type->collation == SQL_COLLATION_BIN) {
    return l->ignore_case ? order(sql_lower(a), sql_lower(b)) : order(a, b);
  }
  bool windows = sql_type_is_unicode(l->type->kind);
  weight x = weigh(a, windows);
  weight y = weigh(b, windows);
  int result = order(x.letter, y.letter);
  result = result != 0 ? result : order(x.accent, y.accent);
  bool with_case = l->type->collation == SQL_COLLATION_CS && !l->ignore_case;
  return result != 0 || !with_case ? result : order(x.capital, y.capital);
}

/* At the character behind [: whether c is in the set; *p is moved behind ]. An unclosed set matches
 * nothing. */
static bool in_set(const like *l, const char **p, const char *end, uint32_t c) {
  const char *at = *p;
  bool negated = at < end && *at == '^';
  bool found = false;
  at += negated;
  const char *first = at;
  while (at < end && (*at != ']' || at == first)) {
    uint32_t low = sql_utf8_next(&at, end);
    uint32_t high = low;
    if (at + 1 < end && *at == '-' && at[1] != ']') {
      at++;
      high = sql_utf8_next(&at, end);
    }
    if (compare_characters(l, low, c) <= 0 && compare_characters(l, c, high) <= 0) {
      found = true;
    }
  }
  if (at >= end) {
    *p = end;
    return false;
  }
  *p = at + 1;
  return found != negated;
}

/* One element of the pattern that is not %: moves *p behind it. */
static bool element_matches(const like *l, const char **p, const char *end, uint32_t c) {
  uint32_t e = sql_utf8_next(p, end);
  if (l->escape != 0 && e == l->escape && *p < end) {
    return compare_characters(l, sql_utf8_next(p, end), c) == 0;
  }
  if (e == '_') {
    return true;
  }
  if (e == '[' && l->sets) {
    return in_set(l, p, end, c);
  }
  return compare_characters(l, e, c) == 0;
}

static bool like_match(const like *l, const char *text, const char *text_end, const char *pattern,
                       const char *pattern_end) {
  const char *retry_text = NULL;
  const char *retry_pattern = NULL;
  while (text < text_end || pattern < pattern_end) {
    if (pattern < pattern_end && *pattern == '%' && l->escape != '%') {
      retry_pattern = ++pattern;
      retry_text = text;
      continue;
    }
    if (pattern < pattern_end && text < text_end) {
      const char *p = pattern;
      const char *t = text;
      uint32_t c = sql_utf8_next(&t, text_end);
      if (element_matches(l, &p, pattern_end, c)) {
        pattern = p;
        text = t;
        continue;
      }
    }
    if (retry_pattern == NULL || retry_text >= text_end) {
      return false;
    }
    (void)sql_utf8_next(&retry_text, text_end); /* let % take one more */
    text = retry_text;
    pattern = retry_pattern;
  }
  return true;
}

bool sql_text_like(const sql_type *type, const char *text, size_t length, const char *pattern,
                   size_t pattern_length, uint32_t escape, bool sets, bool ignore_case) {
  like l = {.type = type, .escape = escape, .sets = sets, .ignore_case = ignore_case};
  const char *pattern_end = pattern + pattern_length;
  if (like_match(&l, text, text + length, pattern, pattern_end)) {
    return true;
  }
  /* Blanks at the end of a varchar don't count. */
  const char *end = without_blanks(text, length);
  return sets && !sql_type_is_unicode(type->kind) && end != text + length &&
         like_match(&l, text, end, pattern, pattern_end);
}

ptrdiff_t sql_text_find(const sql_type *type, const char *text, size_t length, size_t from,
                        const char *what, size_t what_length, size_t *ret_length) {
  like l = {.type = type};
  const char *end = text + length;
  const char *what_end = what + what_length;
  const char *start = text + (from < length ? from : length);
  while (start <= end && what_length > 0) {
    const char *t = start;
    const char *w = what;
    while (w < what_end && t < end) {
      uint32_t a = sql_utf8_next(&w, what_end);
      uint32_t b = sql_utf8_next(&t, end);
      if (compare_characters(&l, a, b) != 0) {
        t = NULL;
        break;
      }
    }
    if (t != NULL && w == what_end) {
      *ret_length = (size_t)(t - start);
      return start - text;
    }
    if (start == end) {
      break;
    }
    (void)sql_utf8_next(&start, end);
  }
  return -1;
}
