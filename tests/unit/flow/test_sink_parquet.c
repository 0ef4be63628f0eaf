/* Rows into Parquet files of a folder: splitting, checksums, failing disks, what abort leaves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "flow/sink_parquet.h"

enum { PARTS_MAX = 64 };

/* A source that counts in one int64 column, and the parts that the sink hands out. */
typedef struct fixture {
  char folder[64];
  batch_schema *schema;
  uint64_t rows, next;
  size_t parts;
  flow_part part[PARTS_MAX];
  br_status part_status; /* what on_part answers */
  flow_progress progress;
  br_error err;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->folder, sizeof f->folder, "/tmp/bridge-sink-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  assert_int_equal(batch_schema_new(1, &f->schema, NULL), BR_OK);
  batch_type type = {.layout = BATCH_INT64};
  assert_int_equal(batch_schema_set(f->schema, 0, "n", type, false, NULL), BR_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[96];
  (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
  int status = system(command);
  batch_schema_free(f->schema);
  free(f);
  return status;
}

static br_status counter_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  (void)err;
  *ret_schema = ((fixture *)context)->schema;
  return BR_OK;
}

static br_status counter_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  fixture *f = context;
  (void)max_bytes;
  (void)err;
  while (b->rows < b->capacity_rows && f->next < f->rows) {
    /* Scattered values: nothing that an encoding makes vanish. */
    ((int64_t *)b->columns[0].values)[b->rows++] =
        (int64_t)(f->next++ * UINT64_C(0x9E3779B97F4A7C15));
  }
  return b->rows == 0 ? BR_DONE : BR_OK;
}

static br_status take_part(void *context, const flow_part *part, br_error *err) {
  fixture *f = context;
  if (f->part_status != BR_OK) {
    return br_error_set(err, f->part_status, "nobody takes the part");
  }
  assert_true(f->parts < PARTS_MAX);
  f->part[f->parts] = *part;
  f->part[f->parts++].path = NULL;
  return BR_OK;
}

static br_status run(fixture *f, uint64_t rows, uint64_t max_rows, uint64_t max_bytes) {
  f->rows = rows;
  f->next = 0;
  f->parts = 0;
  flow_parquet_options options = {
      .folder = f->folder,
      .stem = "q",
      .max_rows = max_rows,
      .max_bytes = max_bytes,
      .writer = {.codec = PARQUET_UNCOMPRESSED, .row_group_rows = 1000},
      .metadata = (const char *const[]){"key", "value", NULL},
      .on_part = take_part,
      .on_part_context = f,
      .progress = &f->progress,
  };
  flow_parquet_sink *sink = NULL;
  br_status st = flow_parquet_sink_new(&options, &sink, &f->err);
  if (st != BR_OK) {
    return st;
  }
  flow_source source = {.context = f, .schema = counter_schema, .next = counter_next};
  flow_sink into = flow_parquet_sink_as_sink(sink);
  flow_options pump = {.batch_rows = 100, .batches = 2, .row_boundary = max_rows};
  st = flow_pump(&source, &into, &pump, NULL, &f->err);
  flow_parquet_sink_free(sink);
  return st;
}

static size_t files_in(const fixture *f) {
  char **names = NULL;
  size_t count = 0;
  assert_int_equal(br_dir_list(f->folder, &names, &count, NULL), BR_OK);
  br_names_free(names, count);
  return count;
}

/* The file of a part, whole. */
static void read_part(const fixture *f, uint32_t index, br_buf *bytes) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/q-%05u.parquet", f->folder, (unsigned)index);
  assert_int_equal(br_file_read(path, 1 << 24, bytes, NULL), BR_OK);
}

static br_status read_bytes(void *context, uint64_t offset, void *into, size_t length,
                            br_error *err) {
  const br_buf *bytes = context;
  if (offset > bytes->len || length > bytes->len - offset) {
    return br_error_set(err, BR_ERR_DATA, "behind the end");
  }
  memcpy(into, bytes->data + offset, length);
  return BR_OK;
}

/* Every part has the rows, bytes and checksum that it was announced with. */
static void assert_parts_are_true(const fixture *f) {
  for (uint32_t i = 0; i < f->parts; i++) {
    br_buf bytes;
    read_part(f, i, &bytes);
    char hex[BR_SHA256_HEX_MAX];
    assert_int_equal(br_sha256_hex(bytes.data, bytes.len, hex, NULL), BR_OK);
    assert_string_equal(hex, f->part[i].sha256);
    assert_int_equal(bytes.len, f->part[i].bytes);
    assert_int_equal(f->part[i].index, i);
    parquet_reader *reader = NULL;
    parquet_input input = {.read_at = read_bytes, .context = &bytes, .size = bytes.len};
    assert_int_equal(parquet_reader_new(input, &reader, NULL), BR_OK);
    assert_int_equal(parquet_reader_rows(reader), f->part[i].rows);
    assert_string_equal(parquet_reader_metadata(reader, "key"), "value");
    parquet_reader_free(reader);
    br_buf_done(&bytes);
  }
}

static void an_empty_result_is_one_file_without_rows(void **state) {
  fixture *f = *state;
  assert_int_equal(run(f, 0, 0, 0), BR_OK);
  assert_int_equal(f->parts, 1);
  assert_int_equal(f->part[0].rows, 0);
  assert_parts_are_true(f);
}

static void files_hold_exactly_the_rows_asked_for_and_the_last_is_never_empty(void **state) {
  fixture *f = *state;
  static const struct {
    uint64_t rows, max_rows;
    size_t parts;
    uint64_t last;
  } cases[] = {{250, 0, 1, 250}, {250, 100, 3, 50}, {300, 100, 3, 100},
               {301, 100, 4, 1}, {99, 100, 1, 99},  {1000, 333, 4, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(run(f, cases[i].rows, cases[i].max_rows, 0), BR_OK);
    assert_int_equal(f->parts, cases[i].parts);
    for (size_t k = 0; k + 1 < f->parts; k++) {
      assert_int_equal(f->part[k].rows, cases[i].max_rows);
    }
    assert_int_equal(f->part[f->parts - 1].rows, cases[i].last);
    assert_parts_are_true(f);
    for (uint32_t k = 0; k < f->parts; k++) {
      char path[128];
      (void)snprintf(path, sizeof path, "%s/q-%05u.parquet", f->folder, (unsigned)k);
      assert_int_equal(unlink(path), 0);
    }
  }
}

static void files_end_soon_after_the_bytes_asked_for(void **state) {
  fixture *f = *state;
  assert_int_equal(run(f, 20000, 0, 40000), BR_OK);
  assert_true(f->parts >= 3);
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < f->parts; i++) {
    rows += f->part[i].rows;
    bytes += f->part[i].bytes;
    assert_true(f->part[i].bytes < 80000);
  }
  assert_int_equal(rows, 20000);
  assert_int_equal(f->progress.written_bytes, bytes);
  assert_parts_are_true(f);
}

/* ---- failing disks ---- */

static long writes_left;
static int failing_errno;

static ssize_t failing_write(int fd, const void *bytes, size_t size) {
  if (writes_left-- > 0) {
    return write(fd, bytes, size);
  }
  errno = failing_errno;
  return -1;
}

static void a_full_disk_is_told_and_leaves_no_unfinished_file(void **state) {
  fixture *f = *state;
  br_status st = BR_ERR_INTERNAL;
  for (long n = 0; st != BR_OK; n++) {
    writes_left = n;
    failing_errno = ENOSPC;
    br_sys.write = failing_write;
    st = run(f, 3000, 1000, 0);
    br_sys_reset();
    assert_true(st == BR_OK || st == BR_ERR_DISK_FULL);
    if (st != BR_OK) {
      assert_non_null(strstr(f->err.message, "No space left on device"));
    }
    /* What was handed out stays, what was open is gone. */
    assert_int_equal(files_in(f), f->parts);
    assert_parts_are_true(f);
    for (uint32_t k = 0; k < f->parts; k++) {
      char path[128];
      (void)snprintf(path, sizeof path, "%s/q-%05u.parquet", f->folder, (unsigned)k);
      assert_int_equal(unlink(path), 0);
    }
    assert_true(n < 10000);
  }
}

static void a_part_that_nobody_takes_stops_the_flow(void **state) {
  fixture *f = *state;
  f->part_status = BR_ERR_NETWORK;
  assert_int_equal(run(f, 3000, 1000, 0), BR_ERR_NETWORK);
  assert_string_equal(f->err.message, "nobody takes the part");
  assert_int_equal(files_in(f), 0);
}

static void a_file_that_is_there_already_is_not_overwritten(void **state) {
  fixture *f = *state;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/q-00000.parquet", f->folder);
  assert_int_equal(br_file_write_atomic(path, "theirs", 6, 0600, NULL), BR_OK);
  assert_int_equal(run(f, 10, 0, 0), BR_ERR_EXISTS);
  br_buf bytes;
  assert_int_equal(br_file_read(path, 100, &bytes, NULL), BR_OK);
  assert_memory_equal(bytes.data, "theirs", 6);
  br_buf_done(&bytes);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  fixture *f = *state;
  for (long n = 0;; n++) {
    br_mem_fail_after(n);
    br_status st = run(f, 500, 200, 0);
    br_mem_fail_after(-1);
    assert_int_equal(files_in(f), f->parts);
    for (uint32_t k = 0; k < f->parts; k++) {
      char path[128];
      (void)snprintf(path, sizeof path, "%s/q-%05u.parquet", f->folder, (unsigned)k);
      assert_int_equal(unlink(path), 0);
    }
    if (st == BR_OK) {
      assert_true(n > 20);
      return;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(an_empty_result_is_one_file_without_rows),
      TEST(files_hold_exactly_the_rows_asked_for_and_the_last_is_never_empty),
      TEST(files_end_soon_after_the_bytes_asked_for),
      TEST(a_full_disk_is_told_and_leaves_no_unfinished_file),
      TEST(a_part_that_nobody_takes_stops_the_flow),
      TEST(a_file_that_is_there_already_is_not_overwritten),
      TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
