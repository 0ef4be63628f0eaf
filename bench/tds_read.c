/*
 * tds_read.c: CPU seconds per million rows that reading an answer of SQL Server costs, without the
 * network.
 *
 *   bench_tds_read [rows [shape]]
 *
 * The rows (rows.h) are written as an answer in packets of 32,767 bytes into memory, and then read
 * by the client through a stream of memory. Prints a line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rows.h"
#include "tds/conn.h"
#include "tds/server.h"

enum { PACKET = 32767, BATCH_BYTES = 4 * 1024 * 1024, BATCH_ROWS = 16384 };

static br_status put_answer(tds_writer *w, const bench_rows *rows, br_error *err) {
  tds_type_info *infos = br_calloc(rows->schema->count, sizeof *infos);
  br_status st = infos == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK) {
    st = tds_result_types(rows->schema, false, infos, err);
  }
  if (st == BR_OK) {
    tds_writer_begin(w, TDS_PACKET_RESPONSE, 0);
    st = tds_put_columns(w, rows->schema, infos, err);
  }
  uint64_t total = 0;
  for (size_t i = 0; st == BR_OK && i < rows->count; i++) {
    const batch *b = rows->batches[i];
    for (size_t row = 0; st == BR_OK && row < b->rows; row++) {
      st = tds_put_row(w, b, infos, NULL, row, err);
    }
    total += b->rows;
  }
  if (st == BR_OK) {
    st = tds_put_done(w, TDS_TOKEN_DONE, TDS_DONE_COUNT, 0xC1, total, err);
  }
  br_free(infos);
  return st == BR_OK ? tds_writer_end(w, err) : st;
}

static br_status make_answer(const bench_rows *rows, br_buf *answer, br_error *err) {
  tds_stream *stream = NULL;
  tds_writer w;
  br_status st = tds_stream_memory(NULL, 0, answer, &stream, err);
  if (st != BR_OK) {
    return st;
  }
  st = tds_writer_init(&w, stream, PACKET, err);
  if (st == BR_OK) {
    st = put_answer(&w, rows, err);
    tds_writer_done(&w);
  }
  tds_stream_close(stream);
  return st;
}

/* A connection behind its login that reads the answer. */
static br_status connect_to(const br_buf *answer, tds_conn **ret_conn, br_error *err) {
  const tds_options options = {.host = "localhost"};
  tds_stream *stream = NULL;
  br_status st = tds_conn_new(&options, NULL, ret_conn, err);
  if (st == BR_OK) {
    st = tds_stream_memory(answer->data, answer->len, NULL, &stream, err);
  }
  if (st == BR_OK) {
    st = tds_conn_attach(*ret_conn, stream, err);
  }
  if (st == BR_OK) {
    tds_conn_ready(*ret_conn);
    st = tds_execute(*ret_conn, "", 0, err);
  }
  return st == BR_OK ? tds_next_result(*ret_conn, err) : st;
}

static br_status read_rows(tds_conn *conn, uint64_t *ret_rows, br_error *err) {
  const tds_batch_limits limits = {.bytes = BATCH_BYTES};
  batch *b = NULL;
  uint64_t rows = 0;
  br_status st = batch_new(tds_result_schema(conn), BATCH_ROWS, &b, err);
  while (st == BR_OK) {
    st = tds_read_batch(conn, &limits, b, err);
    if (st == BR_OK) {
      rows += b->rows;
      batch_reset(b, BATCH_BYTES);
    }
  }
  batch_free(b);
  *ret_rows = rows;
  return st == BR_DONE ? BR_OK : st;
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  bench_rows rows = bench_rows_make(argc > 2 ? argv[2] : "lineitem",
                                    argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
  br_buf answer;
  br_buf_init(&answer, SIZE_MAX);
  if (make_answer(&rows, &answer, &err) != BR_OK) {
    bench_die(&err);
  }
  bench_rows_free(&rows);
  tds_conn *conn = NULL;
  uint64_t count = 0;
  if (connect_to(&answer, &conn, &err) != BR_OK) {
    bench_die(&err);
  }
  uint64_t start = br_clock_cpu_ns();
  if (read_rows(conn, &count, &err) != BR_OK) {
    bench_die(&err);
  }
  double seconds = (double)(br_clock_cpu_ns() - start) / 1e9;
  (void)printf("{\"rows\": %" PRIu64 ", \"bytes\": %zu, \"cpu_seconds\": %.4f, "
               "\"per_million_rows\": %.4f}\n",
               count, answer.len, seconds, seconds * 1e6 / (double)(count == 0 ? 1 : count));
  tds_close(conn);
  br_buf_done(&answer);
  return 0;
}
