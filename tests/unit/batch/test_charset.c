#include "batch/charset.h"

#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

/* Memory of exactly the promised size around a conversion, so that the sanitizer sees any other. */
typedef struct converted {
  uint8_t *out;
  size_t written;
  size_t used;
  br_status st;
  br_error err;
} converted;

static converted narrow(const void *bytes, size_t length, bool more, batch_invalid invalid) {
  converted c = {.written = 999, .used = 999};
  uint8_t *in = br_malloc(length);
  c.out = br_malloc(length / 2 * 3);
  assert_non_null(in);
  assert_non_null(c.out);
  if (length > 0) {
    memcpy(in, bytes, length);
  }
  c.st = batch_utf16le_to_utf8(in, length, more, invalid, c.out, &c.written, &c.used, &c.err);
  br_free(in);
  return c;
}

static void assert_text(converted c, const char *wanted, size_t used) {
  assert_int_equal(c.st, BR_OK);
  assert_int_equal(c.written, strlen(wanted));
  assert_memory_equal(c.out, wanted, c.written);
  assert_int_equal(c.used, used);
  br_free(c.out);
}

/* A text of n units, ASCII but for one character at a place; both encodings. */
static size_t mixed_text(size_t units, size_t place, const char *special, size_t special_units,
                         char *utf8, uint8_t *utf16) {
  br_buf buf;
  br_buf_init(&buf, 4096);
  size_t length = 0;
  for (size_t i = 0; i < units; i++) {
    if (i == place) {
      memcpy(utf8 + length, special, strlen(special));
      length += strlen(special);
      i += special_units - 1;
    } else {
      utf8[length++] = (char)(' ' + i % 95);
    }
  }
  utf8[length] = '\0';
  assert_int_equal(batch_utf8_to_utf16le(utf8, length, &buf, NULL), BR_OK);
  memcpy(utf16, buf.data, buf.len);
  br_buf_done(&buf);
  return length;
}

static void text_goes_there_and_back_with_a_character_at_every_place(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t units;
  } specials[] = {{"x", 1},
                  {"\x7F", 1},
                  {"\xC2\x80", 1},
                  {"\xDF\xBF", 1},
                  {"\xE0\xA0\x80", 1},
                  {"\xED\x9F\xBF", 1},
                  {"\xEE\x80\x80", 1},
                  {"\xEF\xBF\xBF", 1},
                  {"\xF0\x90\x80\x80", 2},
                  {"\xF4\x8F\xBF\xBF", 2}};
  char utf8[256];
  uint8_t utf16[256];
  for (size_t s = 0; s < sizeof specials / sizeof specials[0]; s++) {
    for (size_t units = specials[s].units; units < 50; units++) {
      for (size_t place = 0; place + specials[s].units <= units; place++) {
        size_t length = mixed_text(units, place, specials[s].text, specials[s].units, utf8, utf16);
        assert_int_equal(batch_utf16_units(utf8, length), units);
        assert_text(narrow(utf16, 2 * units, false, BATCH_INVALID_ERROR), utf8, 2 * units);
      }
    }
  }
}

static void every_character_of_unicode_comes_back(void **state) {
  (void)state;
  for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 7) {
    if (c >= 0xD800 && c <= 0xDFFF) {
      continue;
    }
    uint8_t wire[4];
    size_t length = 2;
    if (c < 0x10000) {
      br_store_u16le(wire, (uint16_t)c);
    } else {
      br_store_u16le(wire, (uint16_t)(0xD800 + ((c - 0x10000) >> 10)));
      br_store_u16le(wire + 2, (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF)));
      length = 4;
    }
    uint8_t out[6];
    size_t written = 0;
    size_t used = 0;
    br_buf back;
    br_buf_init(&back, 16);
    if (batch_utf16le_to_utf8(wire, length, false, BATCH_INVALID_ERROR, out, &written, &used,
                              NULL) != BR_OK ||
        batch_utf8_to_utf16le((const char *)out, written, &back, NULL) != BR_OK ||
        back.len != length || memcmp(back.data, wire, length) != 0) {
      fail_msg("U+%04X", c);
    }
    br_buf_done(&back);
  }
}

static const char sample[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z and a longer tail of ASCII";

static void a_text_may_be_cut_into_two_pieces_at_every_byte(void **state) {
  (void)state;
  br_buf wire;
  br_buf_init(&wire, 1000);
  assert_int_equal(batch_utf8_to_utf16le(sample, sizeof sample - 1, &wire, NULL), BR_OK);
  for (size_t cut = 0; cut <= wire.len; cut++) {
    converted first = narrow(wire.data, cut, true, BATCH_INVALID_ERROR);
    assert_int_equal(first.st, BR_OK);
    assert_true(first.used <= cut && cut - first.used < 4);
    converted second =
        narrow(wire.data + first.used, wire.len - first.used, false, BATCH_INVALID_ERROR);
    assert_int_equal(second.st, BR_OK);
    assert_int_equal(second.used, wire.len - first.used);
    assert_int_equal(first.written + second.written, sizeof sample - 1);
    assert_memory_equal(first.out, sample, first.written);
    assert_memory_equal(second.out, sample + first.written, second.written);
    br_free(first.out);
    br_free(second.out);
  }
  br_buf_done(&wire);
}

static void an_unpaired_surrogate_is_an_error_with_its_place(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t length;
    const char *replaced;
    const char *message;
  } cases[] = {
      {"\x00\xD8", 2, "\xEF\xBF\xBD", "U+D800 at byte 0"},
      {"a\0\x00\xDC", 4, "a\xEF\xBF\xBD", "U+DC00 at byte 2"},
      {"\x00\xD8"
       "a\0",
       4,
       "\xEF\xBF\xBD"
       "a",
       "U+D800 at byte 0"},
      {"\x00\xD8\x01\xD8\x00\xDC", 6, "\xEF\xBF\xBD\xF0\x90\x90\x80", "U+D800 at byte 0"},
      {"\xFF\xDF\xFF\xDB", 4, "\xEF\xBF\xBD\xEF\xBF\xBD", "U+DFFF at byte 0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_text(narrow(cases[i].bytes, cases[i].length, false, BATCH_INVALID_REPLACE),
                cases[i].replaced, cases[i].length);
    converted c = narrow(cases[i].bytes, cases[i].length, false, BATCH_INVALID_ERROR);
    assert_int_equal(c.st, BR_ERR_DATA);
    assert_int_equal(c.written, 999);
    assert_int_equal(c.used, 999);
    assert_non_null(strstr(c.err.message, cases[i].message));
    br_free(c.out);
  }
}

static void half_a_code_unit_is_an_error_whatever_is_asked_for(void **state) {
  (void)state;
  for (int invalid = BATCH_INVALID_ERROR; invalid <= BATCH_INVALID_REPLACE; invalid++) {
    converted c = narrow("a\0b", 3, false, (batch_invalid)invalid);
    assert_int_equal(c.st, BR_ERR_DATA);
    assert_non_null(strstr(c.err.message, "Half a UTF-16 code unit at byte 2"));
    br_free(c.out);
  }
}

static void a_surrogate_waits_for_its_other_half_only_while_more_follows(void **state) {
  (void)state;
  assert_text(narrow("a\0\x3D\xD8", 4, true, BATCH_INVALID_ERROR), "a", 2);
  assert_text(narrow("a\0\x3D\xD8\x00", 5, true, BATCH_INVALID_ERROR), "a", 2);
  assert_text(narrow("\x3D\xD8", 2, true, BATCH_INVALID_REPLACE), "", 0);
  assert_text(narrow("", 0, true, BATCH_INVALID_ERROR), "", 0);
}

static void text_that_is_not_utf8_is_refused_and_adds_nothing(void **state) {
  (void)state;
  static const char *const bad[] = {
      "\x80", "ab\xC3", "\xED\xA0\x80", "\xC0\x80", "0123456789abcdef\xF5", "\xF0\x9F\x98"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_error err = BR_ERROR_INIT;
    br_buf out;
    br_buf_init(&out, 1000);
    assert_int_equal(batch_utf8_to_utf16le("x", 1, &out, NULL), BR_OK);
    assert_int_equal(batch_utf8_to_utf16le(bad[i], strlen(bad[i]), &out, &err), BR_ERR_DATA);
    assert_non_null(strstr(err.message, "Not UTF-8 at byte"));
    assert_int_equal(out.len, 2);
    br_buf_done(&out);
  }
}

static void a_full_buffer_takes_what_fits_and_no_more(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, 6);
  /* Six bytes of UTF-8 could need twelve, and need six. */
  assert_int_equal(batch_utf8_to_utf16le("\xE2\x82\xAC\xC3\xA9x", 6, &out, NULL), BR_OK);
  assert_int_equal(out.len, 6);
  assert_int_equal(batch_utf8_to_utf16le("y", 1, &out, NULL), BR_ERR_LIMIT);
  assert_int_equal(out.len, 6);
  br_buf_done(&out);
}

static void collations_have_the_code_page_of_flag_sort_id_or_locale(void **state) {
  (void)state;
  static const struct {
    uint8_t collation[5];
    unsigned code_page;
  } cases[] = {
      {{0x09, 0x04, 0xD0, 0x00, 0x34}, 1252},  /* SQL_Latin1_General_CP1_CI_AS */
      {{0x09, 0x04, 0x00, 0x00, 0x1E}, 437},   /* SQL_Latin1_General_CP437_BIN */
      {{0x09, 0x04, 0x00, 0x00, 0x28}, 850},   /* SQL_Latin1_General_CP850_BIN */
      {{0x09, 0x04, 0xD0, 0x00, 0x31}, 850},   /* SQL_1xCompat_CP850_CI_AS */
      {{0x05, 0x04, 0xD0, 0x00, 0x52}, 1250},  /* SQL_Czech_CP1250_CI_AS */
      {{0x08, 0x04, 0xD0, 0x00, 0x7C}, 1253},  /* SQL_Greek_CP1253_CI_AI */
      {{0x11, 0x04, 0xD0, 0x00, 0xC1}, 932},   /* Japanese by sort id */
      {{0x09, 0x04, 0xD0, 0x00, 0x00}, 1252},  /* Latin1_General_CI_AS */
      {{0x09, 0x04, 0xD0, 0x24, 0x00}, 65001}, /* Latin1_General_100_CI_AS_SC_UTF8 */
      {{0x09, 0x04, 0xD0, 0x04, 0x34}, 65001}, /* the UTF-8 flag goes before the sort id */
      {{0x19, 0x04, 0xD0, 0x00, 0x00}, 1251},  /* Cyrillic_General_CI_AS */
      {{0x01, 0x04, 0xD0, 0x00, 0x00}, 1256},  /* Arabic_CI_AS */
      {{0x01, 0x28, 0xD0, 0x00, 0x00}, 1256},  /* another country of the same language */
      {{0x11, 0x04, 0xD0, 0x00, 0x00}, 932},   /* Japanese_CI_AS */
      {{0x11, 0x04, 0xD4, 0x00, 0x00}, 932},   /* its stroke order: bits above the locale */
      {{0x04, 0x08, 0xD0, 0x00, 0x00}, 936},   /* Chinese_PRC_CI_AS */
      {{0x04, 0x04, 0xD0, 0x00, 0x00}, 950},   /* Chinese_Taiwan_Stroke_CI_AS */
      {{0x12, 0x04, 0xD0, 0x00, 0x00}, 949},   /* Korean_Wansung_CI_AS */
      {{0x1E, 0x04, 0xD0, 0x00, 0x00}, 874},   /* Thai_CI_AS */
      {{0x1F, 0x04, 0xD0, 0x00, 0x00}, 1254},  /* Turkish_CI_AS */
      {{0x0D, 0x04, 0xD0, 0x00, 0x00}, 1255},  /* Hebrew_CI_AS */
      {{0x27, 0x04, 0xD0, 0x00, 0x00}, 1257},  /* Lithuanian_CI_AS */
      {{0x2A, 0x04, 0xD0, 0x00, 0x00}, 1258},  /* Vietnamese_CI_AS */
      {{0x39, 0x04, 0xD0, 0x20, 0x00}, 0},     /* Indic_General_100: Unicode only */
      {{0x00, 0x00, 0x00, 0x00, 0x00}, 1252},
      {{0x19, 0x04, 0xD0, 0x00, 0xFF}, 1251}, /* an unknown sort id: the locale's */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(batch_collation_code_page(cases[i].collation), cases[i].code_page);
  }
}

/* Each code page that a collation can name is there. */
static void every_code_page_of_a_collation_is_known(void **state) {
  (void)state;
  for (unsigned sort_id = 0; sort_id < 256; sort_id++) {
    for (unsigned locale = 0; locale < 0x10000; locale += sort_id == 0 ? 1 : 0x5000) {
      const uint8_t collation[5] = {(uint8_t)locale, (uint8_t)(locale >> 8), 0, 0,
                                    (uint8_t)sort_id};
      unsigned page = batch_collation_code_page(collation);
      assert_true(page == BATCH_CP_NONE || batch_code_page_known(page));
    }
  }
}

static br_status convert(void *context, br_error *err) {
  (void)context;
  br_buf out;
  br_buf_init(&out, 1000);
  br_status st = batch_utf8_to_utf16le(sample, sizeof sample - 1, &out, err);
  br_buf_done(&out);
  return st;
}

static void conversion_survives_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(convert, NULL);
}

/* UTF-8 the slow way, as RFC 3629 3 says. */
static size_t put_character(uint32_t c, char *out) {
  static const uint8_t leads[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; c >>= 6) {
    out[i] = (char)(0x80 | (c & 0x3F));
  }
  out[0] = (char)(leads[length] | c);
  return length;
}

/* Units of one to four bytes next to each other, in runs that end at any place of a group. */
static void any_mixture_of_scripts_becomes_utf8(void **state) {
  (void)state;
  static const uint32_t characters[] = {'a',   ' ',    0x7F,   0x80,    0xE9,
                                        0x43F, 0x7FF,  0x800,  0x20AC,  0xD7FF,
                                        'z',   0xE000, 0xFFFF, 0x10000, 0x10FFFF};
  uint32_t random = 1;
  for (size_t run = 0; run < 4000; run++) {
    uint8_t utf16[2 * 2 * 40];
    char utf8[4 * 40 + 1];
    size_t units = 0;
    size_t length = 0;
    size_t count = run % 40;
    size_t few = 1 + run / 40 % (sizeof characters / sizeof characters[0]);
    for (size_t i = 0; i < count; i++) {
      random = random * 1664525U + 1013904223U;
      uint32_t c = characters[(random >> 16) % few];
      length += put_character(c, utf8 + length);
      if (c >= 0x10000) {
        br_store_u16le(utf16 + 2 * units++, (uint16_t)(0xD7C0 + (c >> 10)));
        c = 0xDC00 | (c & 0x3FF);
      }
      br_store_u16le(utf16 + 2 * units++, (uint16_t)c);
    }
    utf8[length] = '\0';
    assert_text(narrow(utf16, 2 * units, false, BATCH_INVALID_ERROR), utf8, 2 * units);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_mixture_of_scripts_becomes_utf8),
      cmocka_unit_test(text_goes_there_and_back_with_a_character_at_every_place),
      cmocka_unit_test(every_character_of_unicode_comes_back),
      cmocka_unit_test(a_text_may_be_cut_into_two_pieces_at_every_byte),
      cmocka_unit_test(an_unpaired_surrogate_is_an_error_with_its_place),
      cmocka_unit_test(half_a_code_unit_is_an_error_whatever_is_asked_for),
      cmocka_unit_test(a_surrogate_waits_for_its_other_half_only_while_more_follows),
      cmocka_unit_test(text_that_is_not_utf8_is_refused_and_adds_nothing),
      cmocka_unit_test(a_full_buffer_takes_what_fits_and_no_more),
      cmocka_unit_test(collations_have_the_code_page_of_flag_sort_id_or_locale),
      cmocka_unit_test(every_code_page_of_a_collation_is_known),
      cmocka_unit_test(conversion_survives_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
