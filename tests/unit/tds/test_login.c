/* PRELOGIN and LOGIN7 as bytes. */
#include <string.h>

#include "support/cmocka.h"
#include "support/torture.h"
#include "tds/login7.h"
#include "tds/prelogin.h"

enum { MOST = 65536 };

/* The example of MS-TDS 4.1, behind the packet header. */
static const uint8_t spec_prelogin[] = {0x00, 0x00, 0x1A, 0x00, 0x06, 0x01, 0x00, 0x20, 0x00, 0x01,
                                        0x02, 0x00, 0x21, 0x00, 0x01, 0x03, 0x00, 0x22, 0x00, 0x04,
                                        0x04, 0x00, 0x26, 0x00, 0x01, 0xFF, 0x09, 0x00, 0x00, 0x00,
                                        0x00, 0x00, 0x01, 0x00, 0xB8, 0x0D, 0x00, 0x00, 0x01};

static void the_specifications_prelogin_is_read(void **state) {
  (void)state;
  tds_prelogin p;
  assert_int_equal(tds_prelogin_read(spec_prelogin, sizeof spec_prelogin, &p, NULL), BR_OK);
  assert_int_equal(p.version[0], 9);
  assert_true(p.has_encryption);
  assert_int_equal(p.encryption, TDS_ENCRYPTION_ON);
  assert_int_equal(p.mars, 1);
  assert_false(p.has_fedauth);
}

static void prelogin_has_the_specifications_layout(void **state) {
  (void)state;
  const tds_prelogin p = {.version = {9}, .encryption = TDS_ENCRYPTION_ON, .mars = 1};
  br_buf out;
  br_buf_init(&out, MOST);
  assert_int_equal(tds_prelogin_write(&p, &out, NULL), BR_OK);
  uint8_t expected[sizeof spec_prelogin];
  memcpy(expected, spec_prelogin, sizeof expected);
  memset(expected + 34, 0, 4); /* the thread id is ours to choose */
  assert_int_equal(out.len, sizeof expected);
  assert_memory_equal(out.data, expected, sizeof expected);
  br_buf_done(&out);
}

static void options_without_data_and_unknown_ones_are_passed_over(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x00, 0,  16, 0, 6,    0x03, 0, 22, 0,   0, 0x42,
                                  0,    22, 0,  0, 0xFF, 12,   0, 7,  208, 0, 0};
  tds_prelogin p;
  assert_int_equal(tds_prelogin_read(bytes, sizeof bytes, &p, NULL), BR_OK);
  assert_int_equal(p.version[0], 12);
  assert_false(p.has_encryption);
}

static void a_prelogin_cut_or_lying_is_an_error(void **state) {
  (void)state;
  tds_prelogin p;
  for (size_t length = 0; length < sizeof spec_prelogin; length++) {
    assert_int_equal(tds_prelogin_read(spec_prelogin, length, &p, NULL), BR_ERR_PROTOCOL);
  }
  uint8_t lying[sizeof spec_prelogin];
  memcpy(lying, spec_prelogin, sizeof lying);
  lying[3] = 0xFF;
  lying[4] = 0xFF;
  assert_int_equal(tds_prelogin_read(lying, sizeof lying, &p, NULL), BR_ERR_PROTOCOL);
}

static size_t pair_offset(const br_buf *out, size_t pair) {
  return br_load_u16le(out->data + 36 + 4 * pair);
}
static size_t pair_units(const br_buf *out, size_t pair) {
  return br_load_u16le(out->data + 36 + 4 * pair + 2);
}

static void login7_carries_every_field_where_its_pair_says(void **state) {
  (void)state;
  br_secret *password = NULL;
  /* 'p' and a character outside the BMP: three code units. */
  assert_int_equal(br_secret_new("p\xF0\x9F\x98\x80", &password, NULL), BR_OK);
  const tds_login7 login = {.tds_version = TDS_VERSION_7_4,
                            .packet_size = 16383,
                            .process_id = 4711,
                            .host_name = "box",
                            .username = "sa",
                            .password = password,
                            .application = "app",
                            .server = "server",
                            .library = "lib",
                            .database = "sales",
                            .read_only_intent = true};
  br_buf out;
  br_buf_init(&out, MOST);
  assert_int_equal(tds_login7_write(&login, &out, NULL), BR_OK);
  assert_int_equal(br_load_u32le(out.data), out.len);
  assert_int_equal(br_load_u32le(out.data + 4), TDS_VERSION_7_4);
  assert_int_equal(br_load_u32le(out.data + 8), 16383);
  assert_int_equal(br_load_u32le(out.data + 16), 4711);
  assert_int_equal(out.data[26], TDS_LOGIN7_TYPE_READ_ONLY_INTENT);
  assert_int_equal(out.data[24] & 0x10, 0); /* fDumpLoad clear: bulk load allowed */
  assert_true((out.data[27] & TDS_LOGIN7_FLAGS3_EXTENSION) != 0);
  assert_int_equal(pair_offset(&out, 0), TDS_LOGIN7_FIXED_SIZE);
  assert_int_equal(pair_units(&out, 0), 3);
  assert_memory_equal(out.data + pair_offset(&out, 1), "s\0a\0", 4);
  assert_int_equal(pair_units(&out, 2), 3);
  /* 70 00 3D D8 00 DE, nibbles swapped, XOR A5. */
  static const uint8_t mangled[] = {0xA2, 0xA5, 0x76, 0x28, 0xA5, 0x48};
  assert_memory_equal(out.data + pair_offset(&out, 2), mangled, sizeof mangled);
  assert_memory_equal(out.data + pair_offset(&out, 8), "s\0a\0l\0e\0s\0", 10);
  /* Some servers read the texts one after the other. */
  for (size_t pair = 1; pair < 9; pair++) {
    assert_true(pair_offset(&out, pair) >= pair_offset(&out, pair - 1));
  }
  size_t features = br_load_u32le(out.data + pair_offset(&out, 5));
  assert_int_equal(out.data[features], TDS_FEATURE_UTF8_SUPPORT);
  assert_int_equal(out.data[out.len - 1], TDS_FEATURE_TERMINATOR);
  br_buf_done(&out);
  br_secret_free(password);
}

static void names_over_128_characters_are_named(void **state) {
  (void)state;
  char name[200];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  const tds_login7 login = {.database = name};
  br_buf out;
  br_buf_init(&out, MOST);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_login7_write(&login, &out, &err), BR_ERR_USAGE);
  assert_non_null(strstr(err.message, "database name"));
  br_buf_done(&out);
}

static br_status write_both(void *context, br_error *err) {
  (void)context;
  const tds_login7 login = {.username = "user", .database = "database"};
  const tds_prelogin prelogin = {.has_fedauth = true};
  br_buf out;
  br_buf_init(&out, MOST);
  br_status st = tds_login7_write(&login, &out, err);
  if (st == BR_OK) {
    st = tds_prelogin_write(&prelogin, &out, err);
  }
  br_buf_done(&out);
  return st;
}

static void failing_allocations_are_reported(void **state) {
  (void)state;
  torture_allocations(write_both, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_specifications_prelogin_is_read),
      cmocka_unit_test(prelogin_has_the_specifications_layout),
      cmocka_unit_test(options_without_data_and_unknown_ones_are_passed_over),
      cmocka_unit_test(a_prelogin_cut_or_lying_is_an_error),
      cmocka_unit_test(login7_carries_every_field_where_its_pair_says),
      cmocka_unit_test(names_over_128_characters_are_named),
      cmocka_unit_test(failing_allocations_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
