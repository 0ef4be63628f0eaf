/*
 * Captured answers of other servers, and examples of the specification (tests/golden/tds), each
 * with what it must become; broken ones (tests/golden_bad/tds). Every file is also cut at every
 * byte, delivered byte by byte, and read with every allocation failing.
 *
 * Those whose name begins with types_ are read with all options that give types another form.
 *
 * With BRIDGE_TEST_WRITE_GOLDEN=1 the expected texts are written instead of compared.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer_dump.h"
#include "base/file.h"
#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

#define GOLDEN_MAX (1 << 22)

typedef struct golden {
  char path[1024];
  br_buf bytes;
  bool login;
  const tds_options *options;
} golden;

static const tds_options options = {
    .host = "localhost", .username = "sa", .encrypt = TDS_ENCRYPT_OPTIONAL};

static const tds_options with_types = {.host = "localhost",
                                       .username = "sa",
                                       .encrypt = TDS_ENCRYPT_OPTIONAL,
                                       .types = {.timestamp_utc = true,
                                                 .time_as_time = true,
                                                 .offset_column = true,
                                                 .base_type_column = true,
                                                 .clr_decoded = true}};

static br_status read_golden(const golden *g, const uint8_t *bytes, size_t length, br_buf *out,
                             br_error *err) {
  return g->login ? dump_login(bytes, length, g->options, out, err)
                  : dump_answer(bytes, length, g->options, out, err);
}

/* Calls `check` for every capture in a folder. */
static void for_each(const char *folder, void (*check)(golden *g)) {
  char **names = NULL;
  size_t count = 0;
  size_t checked = 0;
  assert_int_equal(br_dir_list(folder, &names, &count, NULL), BR_OK);
  for (size_t i = 0; i < count; i++) {
    size_t length = strlen(names[i]);
    if (length < 4 || strcmp(names[i] + length - 4, ".bin") != 0) {
      continue;
    }
    bool types = strncmp(names[i], "types_", 6) == 0;
    golden g = {.login = strncmp(names[i], "login_", 6) == 0,
                .options = types ? &with_types : &options};
    (void)snprintf(g.path, sizeof g.path, "%s/%s", folder, names[i]);
    assert_int_equal(br_file_read(g.path, GOLDEN_MAX, &g.bytes, NULL), BR_OK);
    check(&g);
    br_buf_done(&g.bytes);
    checked++;
  }
  br_names_free(names, count);
  assert_true(checked > 0);
}

/* The text beside a capture: same name, .txt. */
static void expected_path(const golden *g, char *path, size_t size) {
  (void)snprintf(path, size, "%.*s.txt", (int)(strlen(g->path) - 4), g->path);
}

static void compare_with_text(golden *g) {
  br_buf text;
  br_buf_init(&text, GOLDEN_MAX);
  br_error err = BR_ERROR_INIT;
  br_status st = read_golden(g, g->bytes.data, g->bytes.len, &text, &err);
  if (st != BR_OK) {
    assert_int_equal(br_buf_printf(&text, NULL, "%s: %s\n", br_status_name(st), err.message),
                     BR_OK);
  }
  char path[1024];
  expected_path(g, path, sizeof path);
  if (getenv("BRIDGE_TEST_WRITE_GOLDEN") != NULL) {
    assert_int_equal(br_file_write_atomic(path, text.data, text.len, 0644, NULL), BR_OK);
  }
  br_buf expected;
  if (br_file_read(path, GOLDEN_MAX, &expected, NULL) != BR_OK) {
    fail_msg("%s: there is no expected text", path);
  }
  if (strcmp(br_buf_cstr(&expected), br_buf_cstr(&text)) != 0) {
    print_error("%s\n--- expected\n%s--- got\n%s", g->path, br_buf_cstr(&expected),
                br_buf_cstr(&text));
    fail();
  }
  br_buf_done(&expected);
  br_buf_done(&text);
}

static void captures_become_their_texts(void **state) {
  (void)state;
  for_each(GOLDEN_FOLDER, compare_with_text);
}

static void broken_answers_become_their_errors(void **state) {
  (void)state;
  for_each(GOLDEN_BAD_FOLDER, compare_with_text);
}

/* Byte by byte the window moves at every packet and value: the result must be the same. */
static void compare_byte_by_byte(golden *g) {
  br_buf whole;
  br_buf pieces;
  br_buf_init(&whole, GOLDEN_MAX);
  br_buf_init(&pieces, GOLDEN_MAX);
  br_status expected = read_golden(g, g->bytes.data, g->bytes.len, &whole, NULL);
  tds_stream *memory = NULL;
  tds_stream *faulty = NULL;
  tds_faults faults = TDS_NO_FAULTS;
  faults.read_most = 1;
  assert_int_equal(tds_stream_memory(g->bytes.data, g->bytes.len, NULL, &memory, NULL), BR_OK);
  assert_int_equal(tds_stream_faulty(memory, &faults, &faulty, NULL), BR_OK);
  tds_conn *conn = NULL;
  br_status st = BR_OK;
  if (g->login) {
    st = tds_connect_over(faulty, g->options, NULL, &conn, NULL, NULL);
    assert_int_equal(st, expected);
  } else {
    assert_int_equal(connect_without_login(faulty, g->options, NULL, &conn, NULL), BR_OK);
    assert_int_equal(tds_execute(conn, "", 0, NULL), BR_OK);
    st = dump_results(conn, &pieces, NULL);
    assert_int_equal(st, expected);
    /* Messages go to the dump of the whole only. */
    if (strstr(br_buf_cstr(&whole), "message ") == NULL) {
      assert_string_equal(br_buf_cstr(&whole), br_buf_cstr(&pieces));
    }
  }
  tds_close(conn);
  br_buf_done(&whole);
  br_buf_done(&pieces);
}

static void captures_read_byte_by_byte_are_the_same(void **state) {
  (void)state;
  for_each(GOLDEN_FOLDER, compare_byte_by_byte);
}

/* Nothing that was cut may look whole. */
static void cut_everywhere(golden *g) {
  for (size_t length = 0; length < g->bytes.len; length++) {
    /* The tail of large captures is like their middle. */
    if (length > 4096 && length + 64 < g->bytes.len && length % 97 != 0) {
      continue;
    }
    br_buf text;
    br_buf_init(&text, GOLDEN_MAX);
    /* A copy of the exact size, so that the sanitizer sees a read behind the end. */
    uint8_t *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, g->bytes.data, length);
    br_error err = BR_ERROR_INIT;
    br_status st = read_golden(g, copy, length, &text, &err);
    if (st == BR_OK) {
      fail_msg("%s cut at %zu looks whole", g->path, length);
    }
    assert_true(err.message[0] != '\0');
    free(copy);
    br_buf_done(&text);
  }
}

static void captures_cut_at_any_byte_are_errors(void **state) {
  (void)state;
  for_each(GOLDEN_FOLDER, cut_everywhere);
  for_each(GOLDEN_BAD_FOLDER, cut_everywhere);
}

/* Any byte changed: any outcome but a crash or a leak. */
static void flip_everywhere(golden *g) {
  for (size_t i = 0; i < g->bytes.len && i < 1500; i++) {
    static const uint8_t masks[] = {0xFF, 0x01, 0x80};
    for (size_t m = 0; m < sizeof masks; m++) {
      br_buf text;
      br_buf_init(&text, GOLDEN_MAX);
      g->bytes.data[i] ^= masks[m];
      br_status st = read_golden(g, g->bytes.data, g->bytes.len, &text, NULL);
      assert_true((int)st >= BR_OK && (int)st <= BR_ERR_INTERNAL);
      assert_int_not_equal(st, BR_ERR_INTERNAL);
      g->bytes.data[i] ^= masks[m];
      br_buf_done(&text);
    }
  }
}

static void captures_with_changed_bytes_are_survived(void **state) {
  (void)state;
  for_each(GOLDEN_FOLDER, flip_everywhere);
}

static br_status read_once(void *context, br_error *err) {
  golden *g = context;
  br_buf text;
  br_buf_init(&text, GOLDEN_MAX);
  br_status st = read_golden(g, g->bytes.data, g->bytes.len, &text, err);
  br_buf_done(&text);
  return st;
}

static void torture(golden *g) {
  br_error err = BR_ERROR_INIT;
  if (g->bytes.len < 20000 && read_once(g, &err) == BR_OK) {
    torture_allocations(read_once, g);
  }
}

static void failing_allocations_are_reported(void **state) {
  (void)state;
  for_each(GOLDEN_FOLDER, torture);
}

/* A message in packets, as a server sends it. */
static void put_in_packets(const br_buf *message, br_buf *out) {
  enum { ROOM = 4088 };
  for (size_t at = 0; at < message->len; at += ROOM) {
    size_t length = message->len - at < ROOM ? message->len - at : ROOM;
    size_t total = length + 8;
    const uint8_t head[] = {
        4, at + length == message->len, (uint8_t)(total >> 8U), (uint8_t)total, 0, 0, 1, 0};
    assert_int_equal(br_buf_append(out, head, sizeof head, NULL), BR_OK);
    assert_int_equal(br_buf_append(out, message->data + at, length, NULL), BR_OK);
  }
}

/* An answer of `count` columns of the type that `type` describes, without a row. */
static br_status read_wide(uint16_t count, const char *type, size_t type_length, br_error *err) {
  static const char done[] = "\xFD\x10\x00\xC1\x00\x00\x00\x00\x00\x00\x00\x00\x00";
  br_buf answer;
  br_buf packets;
  br_buf text;
  br_buf_init(&answer, GOLDEN_MAX);
  br_buf_init(&packets, GOLDEN_MAX);
  br_buf_init(&text, GOLDEN_MAX);
  const uint8_t head[] = {0x81, (uint8_t)(count & 0xFFU), (uint8_t)(count >> 8U)};
  assert_int_equal(br_buf_append(&answer, head, sizeof head, NULL), BR_OK);
  for (uint16_t i = 0; i < count; i++) {
    assert_int_equal(br_buf_append(&answer, "\0\0\0\0\0\0", 6, NULL), BR_OK);
    assert_int_equal(br_buf_append(&answer, type, type_length, NULL), BR_OK);
    assert_int_equal(br_buf_append(&answer, "\1a", 3, NULL), BR_OK);
  }
  assert_int_equal(br_buf_append(&answer, done, sizeof done - 1, NULL), BR_OK);
  put_in_packets(&answer, &packets);
  br_status st = dump_answer(packets.data, packets.len, &with_types, &text, err);
  br_buf_done(&packets);
  br_buf_done(&text);
  br_buf_done(&answer);
  return st;
}

static void second_columns_count_only_where_there_are_any(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(read_wide(4096, "\x38", 1, &err), BR_OK);
  assert_int_equal(read_wide(2048, "\x2B\x07", 2, &err), BR_OK);
  assert_int_equal(read_wide(2049, "\x2B\x07", 2, &err), BR_ERR_LIMIT);
  assert_non_null(strstr(err.message, "Column 2049: The result has more than 4096 columns with the "
                                      "second ones that the options add"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(second_columns_count_only_where_there_are_any),
      cmocka_unit_test(captures_become_their_texts),
      cmocka_unit_test(broken_answers_become_their_errors),
      cmocka_unit_test(captures_read_byte_by_byte_are_the_same),
      cmocka_unit_test(captures_cut_at_any_byte_are_errors),
      cmocka_unit_test(captures_with_changed_bytes_are_survived),
      cmocka_unit_test(failing_allocations_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
