#include "base/hash.h"

#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

static void sha256_gives_the_published_digests(void **state) {
  (void)state;
  char hex[BR_SHA256_HEX_MAX];
  assert_int_equal(br_sha256_hex("", 0, hex, NULL), BR_OK);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  /* FIPS 180-4's example of two blocks, in pieces. */
  static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  br_sha256 *hash = NULL;
  assert_int_equal(br_sha256_new(&hash, NULL), BR_OK);
  for (size_t i = 0; i < sizeof text - 1; i++) {
    assert_int_equal(br_sha256_update(hash, text + i, 1, NULL), BR_OK);
    assert_int_equal(br_sha256_update(hash, NULL, 0, NULL), BR_OK);
  }
  assert_int_equal(br_sha256_final_hex(hash, hex, NULL), BR_OK);
  assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  br_sha256_free(hash);
  br_sha256_free(NULL);
}

static void uuids_are_of_version_4_and_differ(void **state) {
  (void)state;
  char a[BR_UUID_MAX];
  char b[BR_UUID_MAX];
  for (int i = 0; i < 50; i++) {
    assert_int_equal(br_uuid(a, NULL), BR_OK);
    assert_int_equal(br_uuid(b, NULL), BR_OK);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_int_equal(a[8], '-');
    assert_int_equal(a[13], '-');
    assert_int_equal(a[14], '4');
    assert_int_equal(a[18], '-');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(a[23], '-');
    assert_string_not_equal(a, b);
  }
}

static void assert_decodes(const char *text, const char *wanted) {
  br_buf buf;
  br_buf_init(&buf, 1000);
  assert_int_equal(br_base64_decode(text, strlen(text), &buf, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&buf), wanted);
  br_buf_done(&buf);
}

static void base64_follows_the_examples_of_rfc_4648(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_buf buf;
    br_buf_init(&buf, 100);
    assert_int_equal(
        br_base64_encode((const uint8_t *)cases[i][0], strlen(cases[i][0]), &buf, NULL), BR_OK);
    assert_string_equal(br_buf_cstr(&buf), cases[i][1]);
    br_buf_done(&buf);
    assert_decodes(cases[i][1], cases[i][0]);
  }
  assert_decodes("Zm9vYg", "foob");
}

static void every_byte_comes_back_from_base64_in_both_alphabets(void **state) {
  (void)state;
  uint8_t bytes[256];
  for (size_t i = 0; i < sizeof bytes; i++) {
    bytes[i] = (uint8_t)i;
  }
  br_buf text;
  br_buf_init(&text, 1000);
  assert_int_equal(br_base64_encode(bytes, sizeof bytes, &text, NULL), BR_OK);
  for (int round = 0; round < 2; round++) {
    br_buf back;
    br_buf_init(&back, 1000);
    assert_int_equal(br_base64_decode((const char *)text.data, text.len, &back, NULL), BR_OK);
    assert_int_equal(back.len, sizeof bytes);
    assert_memory_equal(back.data, bytes, sizeof bytes);
    br_buf_done(&back);
    for (size_t i = 0; i < text.len; i++) {
      text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
    }
  }
  br_buf_done(&text);
}

static void what_is_not_base64_is_refused_and_adds_nothing(void **state) {
  (void)state;
  static const char *const cases[] = {
      "A",    "AAAAA", "A===", "AA=",  "=",          "====",  "AA A", "AA\n",
      "Zh==", "Zm9=",  "AA=A", "A=AA", "\xFF\xFF!!", "AAA==", "Zg==="};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_buf buf;
    br_buf_init(&buf, 1000);
    assert_int_equal(br_buf_text(&buf, "x", NULL), BR_OK);
    assert_int_equal(br_base64_decode(cases[i], strlen(cases[i]), &buf, NULL), BR_ERR_DATA);
    assert_int_equal(buf.len, 1);
    br_buf_done(&buf);
  }
}

static br_status hash_and_encode(void *context, br_error *err) {
  (void)context;
  char hex[BR_SHA256_HEX_MAX];
  br_buf text;
  br_buf back;
  br_buf_init(&text, 100);
  br_buf_init(&back, 100);
  br_status st = br_sha256_hex("a", 1, hex, err);
  if (st == BR_OK) {
    st = br_base64_encode((const uint8_t *)hex, 30, &text, err);
  }
  if (st == BR_OK) {
    st = br_base64_decode((const char *)text.data, text.len, &back, err);
  }
  br_buf_done(&text);
  br_buf_done(&back);
  return st;
}

static void only_hex_digits_have_a_value(void **state) {
  (void)state;
  static const char digits[] = "0123456789abcdef", capitals[] = "ABCDEF";
  int found = 0;
  for (int c = 0; c < 256; c++) {
    found += br_hex_digit((char)c) >= 0;
  }
  assert_int_equal(found, 22);
  for (int i = 0; i < 16; i++) {
    assert_int_equal(br_hex_digit(digits[i]), i);
  }
  for (int i = 0; i < 6; i++) {
    assert_int_equal(br_hex_digit(capitals[i]), 10 + i);
  }
}

static void hashes_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(hash_and_encode, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sha256_gives_the_published_digests),
      cmocka_unit_test(uuids_are_of_version_4_and_differ),
      cmocka_unit_test(base64_follows_the_examples_of_rfc_4648),
      cmocka_unit_test(every_byte_comes_back_from_base64_in_both_alphabets),
      cmocka_unit_test(what_is_not_base64_is_refused_and_adds_nothing),
      cmocka_unit_test(only_hex_digits_have_a_value),
      cmocka_unit_test(hashes_survive_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
