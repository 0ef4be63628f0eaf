/* What a server reads: logins, calls, bulk loads; whole, cut at every byte, and lying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "tds/login7.h"
#include "tds/server.h"

static void make_login(br_buf *out) {
  br_secret *password = NULL;
  assert_int_equal(br_secret_new("pässword \xF0\x9F\x94\x91", &password, NULL), BR_OK);
  const tds_login7 login = {.tds_version = TDS_VERSION_7_4,
                            .packet_size = 8000,
                            .host_name = "here",
                            .username = "sa",
                            .password = password,
                            .application = "test",
                            .server = "there",
                            .library = "lib",
                            .database = "größe"};
  br_buf_init(out, BR_KIB(64));
  assert_int_equal(tds_login7_write(&login, out, NULL), BR_OK);
  br_secret_free(password);
  br_secret_forget_all();
}

static void a_login_is_read_as_it_was_written(void **state) {
  (void)state;
  br_buf bytes;
  tds_server_login login;
  make_login(&bytes);
  assert_int_equal(tds_server_login_read(bytes.data, bytes.len, &login, NULL), BR_OK);
  assert_string_equal(login.username, "sa");
  assert_string_equal(login.password, "pässword \xF0\x9F\x94\x91");
  assert_string_equal(login.database, "größe");
  assert_string_equal(login.host_name, "here");
  assert_string_equal(login.application, "test");
  assert_string_equal(login.library, "lib");
  assert_int_equal(login.tds_version, TDS_VERSION_7_4);
  assert_int_equal(login.packet_size, 8000);
  assert_int_equal(login.features, 1U << TDS_FEATURE_UTF8_SUPPORT | 1U << TDS_FEATURE_JSON_SUPPORT);
  tds_server_login_done(&login);
  assert_int_equal(login.password[0], 0);
  br_buf_done(&bytes);
}

/* A copy of just `length` bytes, so that a look behind them is seen. */
static uint8_t *exact(const uint8_t *bytes, size_t length) {
  uint8_t *copy = malloc(length > 0 ? length : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, length);
  return copy;
}

static void a_cut_login_is_refused(void **state) {
  (void)state;
  br_buf bytes;
  tds_server_login login;
  make_login(&bytes);
  for (size_t length = 0; length < bytes.len; length++) {
    uint8_t *cut = exact(bytes.data, length);
    assert_int_equal(tds_server_login_read(cut, length, &login, NULL), BR_ERR_PROTOCOL);
    if (length >= 4) {
      /* Even where it says the length that it has. */
      br_store_u32le(cut, (uint32_t)length);
      assert_int_equal(tds_server_login_read(cut, length, &login, NULL), BR_ERR_PROTOCOL);
    }
    free(cut);
  }
  br_buf_done(&bytes);
}

static void lying_offsets_and_lengths_stay_inside(void **state) {
  (void)state;
  br_buf bytes;
  make_login(&bytes);
  for (size_t at = 36; at + 2 <= TDS_LOGIN7_FIXED_SIZE; at += 2) {
    static const uint16_t lies[] = {0x0001, 0x0080, 0x0081, 0x7FFF, 0xFFFF};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
      uint8_t *changed = exact(bytes.data, bytes.len);
      tds_server_login login;
      br_store_u16le(changed + at, lies[i]);
      br_status st = tds_server_login_read(changed, bytes.len, &login, NULL);
      assert_true(st == BR_OK || st == BR_ERR_PROTOCOL);
      free(changed);
    }
  }
  br_buf_done(&bytes);
}

static const uint8_t all_headers[] = {22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 9,
                                      0,  0, 0, 0, 0,  0, 0, 1, 0, 0, 0};

static void headers_are_passed_over_and_checked(void **state) {
  (void)state;
  size_t used = 0;
  uint8_t bytes[sizeof all_headers];
  assert_int_equal(tds_all_headers_read(all_headers, sizeof all_headers, &used, NULL), BR_OK);
  assert_int_equal(used, 22);
  assert_int_equal(tds_all_headers_transaction(all_headers, used), 9);
  for (size_t length = 0; length < sizeof all_headers; length++) {
    assert_int_equal(tds_all_headers_read(all_headers, length, &used, NULL), BR_ERR_PROTOCOL);
  }
  memcpy(bytes, all_headers, sizeof bytes);
  bytes[8] = 1; /* another header */
  assert_int_equal(tds_all_headers_transaction(bytes, sizeof bytes), 0);
  assert_int_equal(tds_all_headers_transaction(all_headers, 4), 0);
  bytes[4] = 19; /* longer than the whole */
  assert_int_equal(tds_all_headers_read(bytes, sizeof bytes, &used, NULL), BR_ERR_PROTOCOL);
  bytes[4] = 0; /* would never end */
  assert_int_equal(tds_all_headers_read(bytes, sizeof bytes, &used, NULL), BR_ERR_PROTOCOL);
}

static void a_batch_is_utf16(void **state) {
  (void)state;
  br_buf text;
  br_buf_init(&text, 100);
  assert_int_equal(tds_batch_text_read((const uint8_t *)"S\0\xF1\0", 4, &text, NULL), BR_OK);
  assert_int_equal(text.len, 3);
  assert_memory_equal(text.data, "S\xC3\xB1", 3);
  assert_int_equal(tds_batch_text_read((const uint8_t *)"S\0T", 3, &text, NULL), BR_ERR_PROTOCOL);
  br_buf_done(&text);
}

/* sp_prepexec as Microsoft's ODBC driver sends it: an output handle, an ntext of NULL,
 * nvarchar(max) text; then a second call by name. */
static const uint8_t calls[] = {
    0xFF, 0xFF, 0x0D, 0x00, 0x00, 0x00, 0x00, 0x01, 0x26, 0x04, 0x00, 0x00, 0x00, 0x63, 0x00,
    0x00, 0x00, 0x00, 0x09, 0x04, 0xD0, 0x00, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xE7,
    0xFF, 0xFF, 0x09, 0x04, 0xD0, 0x00, 0x34, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0x04, 0x00, 0x00, 0x00, 'h',  0x00, 'i',  0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0x01, 0x00,
    'p',  0x00, 0x02, 0x00, 0x02, '@',  0x00, 'a',  0x00, 0x00, 0x38, 0x07, 0x00, 0x00, 0x00};
enum { SECOND_CALL = 58 };

static void calls_are_read_with_their_parameters(void **state) {
  (void)state;
  tds_reader r;
  tds_rpc rpc;
  tds_reader_init_memory(&r, calls, sizeof calls);
  assert_int_equal(tds_rpc_read(&r, &rpc, NULL), BR_OK);
  assert_int_equal(rpc.procedure, TDS_PROCEDURE_PREPEXEC);
  assert_int_equal(rpc.count, 3);
  assert_true(rpc.parameters[0].output);
  assert_true(tds_rpc_parameter_is_null(&rpc.parameters[0]));
  assert_true(tds_rpc_parameter_is_null(&rpc.parameters[1]));
  assert_false(tds_rpc_parameter_is_null(&rpc.parameters[2]));
  assert_memory_equal(rpc.parameters[2].value->columns[0].data, "hi", 2);
  tds_rpc_done(&rpc);
  assert_int_equal(tds_rpc_read(&r, &rpc, NULL), BR_OK);
  assert_string_equal(rpc.name, "p");
  assert_int_equal(rpc.options, 2);
  assert_string_equal(rpc.parameters[0].name, "@a");
  assert_int_equal(((int32_t *)rpc.parameters[0].value->columns[0].values)[0], 7);
  assert_true(tds_reader_at_end(&r));
  tds_rpc_done(&rpc);
}

static void cut_calls_are_refused(void **state) {
  (void)state;
  for (size_t length = 0; length < sizeof calls; length++) {
    uint8_t *cut = exact(calls, length);
    tds_reader r;
    tds_rpc rpc;
    tds_reader_init_memory(&r, cut, length);
    br_status st = tds_rpc_read(&r, &rpc, NULL);
    /* Between two parameters a call may end. */
    bool whole = length == 6 || length == 11 || length == 27 || length >= SECOND_CALL - 1;
    if (st == BR_OK) {
      tds_rpc_done(&rpc);
    }
    assert_int_equal(st, whole ? BR_OK : BR_ERR_PROTOCOL);
    free(cut);
  }
}

static void failing_allocations_in_a_call_are_reported(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    tds_reader r;
    tds_rpc rpc;
    tds_reader_init_memory(&r, calls, sizeof calls);
    br_mem_fail_after(n);
    br_status st = tds_rpc_read(&r, &rpc, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 3);
      tds_rpc_done(&rpc);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

static void transaction_requests_are_read(void **state) {
  (void)state;
  tds_transaction_request t;
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x05\0\x02\0", 4, &t, NULL), BR_OK);
  assert_int_equal(t.type, TDS_TRANSACTION_BEGIN);
  assert_int_equal(t.isolation, 2);
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x08\0\x02x\0\x01\x05", 7, &t, NULL),
                   BR_OK);
  assert_string_equal(t.name, "x");
  assert_true(t.begin_next);
  /* As .NET's client, tedious and mssql-tds send it: the length of a name is one of bytes. */
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x09\0\x04s\0]\0", 7, &t, NULL), BR_OK);
  assert_string_equal(t.name, "s]");
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x09\0\x01x\0", 5, &t, NULL),
                   BR_ERR_PROTOCOL);
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x07\0\0", 3, &t, NULL), BR_ERR_PROTOCOL);
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x63\0", 2, &t, NULL),
                   BR_ERR_UNSUPPORTED);
  assert_int_equal(tds_transaction_read((const uint8_t *)"\x05", 1, &t, NULL), BR_ERR_PROTOCOL);
}

/* The stream of a bulk load as freebcp sends it, behind its packet header: an int, an
 * nvarchar(50); three rows, the second with an empty NULL; no DONE. */
static const uint8_t load[] = {
    0x81, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x00, 0x26, 0x04, 0x02, 0x69, 0x00, 0x64,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x00, 0xE7, 0x64, 0x00, 0x09, 0x04, 0xD0, 0x00, 0x34,
    0x04, 0x74, 0x00, 0x65, 0x00, 0x78, 0x00, 0x74, 0x00, 0xD1, 0x04, 0x01, 0x00, 0x00, 0x00,
    0x0A, 0x00, 0x68, 0x00, 0x65, 0x00, 0x6C, 0x00, 0x6C, 0x00, 0x6F, 0x00, 0xD1, 0x04, 0x02,
    0x00, 0x00, 0x00, 0xFF, 0xFF, 0xD1, 0x00, 0x02, 0x00, 0x78, 0x00};
enum { FIRST_ROW = 39, SECOND_ROW = 57, THIRD_ROW = 65 };
static const uint8_t done[13] = {0xFD};

/* Reads a load to its end. */
static br_status read_load(const uint8_t *bytes, size_t length, uint64_t *ret_rows) {
  tds_reader r;
  tds_bulk bulk;
  batch *b = NULL;
  tds_reader_init_memory(&r, bytes, length);
  br_status st = tds_bulk_begin(&bulk, &r, 1000, NULL);
  *ret_rows = 0;
  if (st != BR_OK) {
    return st;
  }
  st = batch_new(bulk.schema, 2, &b, NULL);
  while (st == BR_OK) {
    batch_reset(b, 0);
    st = tds_bulk_read(&bulk, &r, b, NULL);
  }
  *ret_rows = bulk.rows;
  batch_free(b);
  tds_bulk_done(&bulk);
  return st;
}

static void a_load_is_read_with_and_without_its_end(void **state) {
  (void)state;
  uint8_t whole[sizeof load + sizeof done];
  uint64_t rows = 0;
  memcpy(whole, load, sizeof load);
  memcpy(whole + sizeof load, done, sizeof done);
  assert_int_equal(read_load(load, sizeof load, &rows), BR_DONE);
  assert_int_equal(rows, 3);
  assert_int_equal(read_load(whole, sizeof whole, &rows), BR_DONE);
  assert_int_equal(rows, 3);
}

static void rows_of_a_load_become_columns(void **state) {
  (void)state;
  tds_reader r;
  tds_bulk bulk;
  batch *b = NULL;
  tds_reader_init_memory(&r, load, sizeof load);
  assert_int_equal(tds_bulk_begin(&bulk, &r, 1000, NULL), BR_OK);
  assert_string_equal(bulk.schema->fields[0].name, "id");
  assert_int_equal(bulk.schema->fields[0].source.type, BATCH_SQL_INT);
  assert_int_equal(bulk.schema->fields[1].source.type, BATCH_SQL_NVARCHAR);
  assert_int_equal(bulk.schema->fields[1].source.length, 50);
  assert_int_equal(batch_new(bulk.schema, 10, &b, NULL), BR_OK);
  assert_int_equal(tds_bulk_read(&bulk, &r, b, NULL), BR_OK);
  assert_int_equal(b->rows, 3);
  assert_false(batch_column_is_valid(&b->columns[1], 1));
  assert_false(batch_column_is_valid(&b->columns[0], 2));
  assert_memory_equal(b->columns[1].data, "hellox", 6);
  batch_free(b);
  tds_bulk_done(&bulk);
}

static void a_cut_load_is_refused(void **state) {
  (void)state;
  for (size_t length = 0; length < sizeof load; length++) {
    uint8_t *cut = exact(load, length);
    uint64_t rows = 0;
    br_status st = read_load(cut, length, &rows);
    bool whole = length == FIRST_ROW || length == SECOND_ROW || length == THIRD_ROW;
    assert_int_equal(st, whole ? BR_DONE : BR_ERR_PROTOCOL);
    free(cut);
  }
}

static void a_load_that_lies_is_refused(void **state) {
  (void)state;
  static const struct {
    size_t at;
    uint8_t byte;
  } lies[] = {
      {0, 0xD1},         /* no COLMETADATA */
      {1, 0x00},         /* no columns */
      {2, 0x20},         /* more columns than a table has */
      {9, 0x01},         /* no such type */
      {10, 0x03},        /* an int of three bytes */
      {FIRST_ROW, 0xD2}, /* NBCROW is not allowed */
      {FIRST_ROW, 0x81}, /* columns again */
      {40, 0x08},        /* an int of eight bytes in a column of four */
      {45, 0x0B},        /* half a character */
      {46, 0x10},        /* longer than the column */
  };
  for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
    uint8_t *changed = exact(load, sizeof load);
    uint64_t rows = 0;
    changed[lies[i].at] = lies[i].byte;
    br_status st = read_load(changed, sizeof load, &rows);
    if (st != BR_ERR_PROTOCOL && st != BR_ERR_DATA) {
      fail_msg("lie %zu: %s", i, br_status_name(st));
    }
    free(changed);
  }
}

static void failing_allocations_in_a_load_are_reported(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    tds_reader r;
    tds_bulk bulk;
    tds_reader_init_memory(&r, load, sizeof load);
    br_mem_fail_after(n);
    br_status st = tds_bulk_begin(&bulk, &r, 1000, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 2);
      tds_bulk_done(&bulk);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

/* The bytes of one row of a single column, behind the packet's header. */
static void row_bytes(batch_sql_typespec spec, int64_t us, const tds_precise *precise,
                      br_buf *out) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  batch_type type;
  tds_type_info info;
  tds_stream *stream = NULL;
  tds_writer w;
  assert_int_equal(batch_type_resolve(&spec, NULL, &type, NULL, NULL), BR_OK);
  assert_int_equal(batch_schema_new(1, &schema, NULL), BR_OK);
  assert_int_equal(batch_schema_set(schema, 0, "a", type, true, NULL), BR_OK);
  schema->fields[0].has_source = true;
  schema->fields[0].source = spec;
  assert_int_equal(batch_new(schema, 1, &b, NULL), BR_OK);
  ((int64_t *)b->columns[0].values)[0] = us;
  b->rows = 1;
  br_buf_init(out, 1000);
  assert_int_equal(tds_result_types(schema, false, &info, NULL), BR_OK);
  assert_int_equal(tds_stream_memory("", 0, out, &stream, NULL), BR_OK);
  assert_int_equal(tds_writer_init(&w, stream, 4096, NULL), BR_OK);
  tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
  assert_int_equal(tds_put_row(&w, b, &info, precise != NULL ? &precise : NULL, 0, NULL), BR_OK);
  assert_int_equal(tds_writer_end(&w, NULL), BR_OK);
  tds_writer_done(&w);
  tds_stream_close(stream);
  batch_free(b);
  batch_schema_free(schema);
}

static void a_row_keeps_offset_and_hundred_nanoseconds(void **state) {
  (void)state;
  const batch_sql_typespec spec = {.type = BATCH_SQL_DATETIMEOFFSET, .scale = 7};
  const tds_precise precise = {.offset_minutes = -90, .tick = 9};
  const uint64_t units = UINT64_C(180001234560) + 9; /* 05:00:00.1234569 */
  br_buf out;
  row_bytes(spec, INT64_C(1357016400123456), &precise, &out);
  const uint8_t *p = out.data + 8;
  assert_int_equal(out.len, 8 + 12);
  assert_int_equal(p[0], TDS_TOKEN_ROW);
  assert_int_equal(p[1], 10);
  assert_int_equal(br_load_u32le(p + 2), (uint32_t)units);
  assert_int_equal(p[6], units >> 32);
  assert_int_equal(br_load_u32le(p + 7) & 0xFFFFFF, 15706 + TDS_DAYS_0001_TO_1970);
  assert_int_equal((int16_t)br_load_u16le(p + 10), -90);
  br_buf_done(&out);
}

static void precise_times_before_1970_and_of_small_scale(void **state) {
  (void)state;
  const batch_sql_typespec spec = {.type = BATCH_SQL_DATETIME2, .scale = 0};
  const tds_precise precise = {.tick = 5};
  br_buf out;
  row_bytes(spec, -1000000, &precise, &out); /* a second before 1970 */
  const uint8_t *p = out.data + 8;
  assert_int_equal(out.len, 8 + 8);
  assert_int_equal(p[1], 6);
  assert_int_equal(p[2] | p[3] << 8 | p[4] << 16, 86399);
  assert_int_equal(p[5] | p[6] << 8 | p[7] << 16, TDS_DAYS_0001_TO_1970 - 1);
  br_buf_done(&out);
}

/* One column, decimal(10,2), one row: 123.45 in five bytes of magnitude, as FreeTDS sends it. */
static void decimals_of_a_load_are_as_long_as_the_client_likes(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x81, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09,
                                  0x00, 0x6A, 0x11, 0x0A, 0x02, 0x01, 'p',  0x00,
                                  0xD1, 0x06, 0x00, 0x39, 0x30, 0x00, 0x00, 0x00};
  tds_reader r;
  tds_bulk bulk;
  batch *b = NULL;
  tds_reader_init_memory(&r, bytes, sizeof bytes);
  assert_int_equal(tds_bulk_begin(&bulk, &r, 1000, NULL), BR_OK);
  assert_int_equal(batch_new(bulk.schema, 1, &b, NULL), BR_OK);
  assert_int_equal(tds_bulk_read(&bulk, &r, b, NULL), BR_OK);
  assert_int_equal(((int64_t *)b->columns[0].values)[0], -12345);
  batch_free(b);
  tds_bulk_done(&bulk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_login_is_read_as_it_was_written),
      cmocka_unit_test(a_cut_login_is_refused),
      cmocka_unit_test(lying_offsets_and_lengths_stay_inside),
      cmocka_unit_test(headers_are_passed_over_and_checked),
      cmocka_unit_test(a_batch_is_utf16),
      cmocka_unit_test(calls_are_read_with_their_parameters),
      cmocka_unit_test(cut_calls_are_refused),
      cmocka_unit_test(failing_allocations_in_a_call_are_reported),
      cmocka_unit_test(transaction_requests_are_read),
      cmocka_unit_test(a_load_is_read_with_and_without_its_end),
      cmocka_unit_test(rows_of_a_load_become_columns),
      cmocka_unit_test(a_cut_load_is_refused),
      cmocka_unit_test(a_load_that_lies_is_refused),
      cmocka_unit_test(failing_allocations_in_a_load_are_reported),
      cmocka_unit_test(decimals_of_a_load_are_as_long_as_the_client_likes),
      cmocka_unit_test(a_row_keeps_offset_and_hundred_nanoseconds),
      cmocka_unit_test(precise_times_before_1970_and_of_small_scale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
