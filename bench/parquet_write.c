/*
 * parquet_write.c: CPU seconds per million rows that writing Parquet costs.
 *
 *   bench_parquet_write [rows [zstd|snappy|none [level [file|- [shape]]]]]
 *
 * Prints a line of JSON. The batches (rows.h) are made before the clock starts. Without a file the
 * bytes are counted and dropped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "parquet/parquet.h"
#include "rows.h"

static br_status write_bytes(void *context, const void *bytes, size_t length, br_error *err) {
  if (context != NULL && fwrite(bytes, 1, length, context) != length) {
    return br_error_set(err, BR_ERR_DISK_FULL, "The file can't be written");
  }
  return BR_OK;
}

static br_status run(const bench_rows *rows, const parquet_writer_options *options, FILE *file,
                     parquet_summary *summary, br_error *err) {
  parquet_writer *writer = NULL;
  parquet_output output = {.write = write_bytes, .context = file};
  br_status st = parquet_writer_new(rows->schema, options, output, &writer, err);
  for (size_t i = 0; st == BR_OK && i < rows->count; i++) {
    st = parquet_writer_write(writer, rows->batches[i], err);
  }
  if (st == BR_OK) {
    st = parquet_writer_finish(writer, summary, err);
  }
  parquet_writer_free(writer);
  return st;
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
  const char *codec = argc > 2 ? argv[2] : "zstd";
  parquet_writer_options options = {
      .codec = strcmp(codec, "snappy") == 0 ? PARQUET_SNAPPY
               : strcmp(codec, "none") == 0 ? PARQUET_UNCOMPRESSED
                                            : PARQUET_ZSTD,
      .level = argc > 3 ? atoi(argv[3]) : 1,
  };
  FILE *file = argc > 4 && strcmp(argv[4], "-") != 0 ? fopen(argv[4], "wb") : NULL;
  bench_rows rows = bench_rows_make(argc > 5 ? argv[5] : "lineitem", count);
  parquet_summary summary = {0};
  uint64_t start = br_clock_cpu_ns();
  if (run(&rows, &options, file, &summary, &err) != BR_OK) {
    bench_die(&err);
  }
  double seconds = (double)(br_clock_cpu_ns() - start) / 1e9;
  (void)printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64
               ", \"row_groups\": %u, \"cpu_seconds\": %.4f, \"per_million_rows\": %.4f}\n",
               summary.rows, summary.bytes, (unsigned)summary.row_groups, seconds,
               seconds * 1e6 / (double)(count == 0 ? 1 : count));
  bench_rows_free(&rows);
  return file != NULL && fclose(file) != 0;
}
