/*
 * parquet_write.c: CPU seconds per million rows that writing TPC-H lineitem costs (16 columns; rows
 * made here, after the specification's rules, always the same ones).
 *
 *   bench_parquet_write [rows [zstd|snappy|none [level [runs [file]]]]]
 *
 * Prints a line of JSON; the best of the runs (3) counts. The batches are made before the clock
 * starts. Without a file the bytes are counted and dropped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "batch/batch.h"
#include "batch/value.h"
#include "parquet/parquet.h"

enum { BATCH_ROWS = 16384, PARTS = 200000, SUPPLIERS = 10000 };

typedef enum column_index {
  ORDERKEY,
  PARTKEY,
  SUPPKEY,
  LINENUMBER,
  QUANTITY,
  EXTENDEDPRICE,
  DISCOUNT,
  TAX,
  RETURNFLAG,
  LINESTATUS,
  SHIPDATE,
  COMMITDATE,
  RECEIPTDATE,
  SHIPINSTRUCT,
  SHIPMODE,
  COMMENT,
  COLUMNS
} column_index;

static const struct {
  const char *name;
  batch_type type;
} fields[COLUMNS] = {
    {"l_orderkey", {BATCH_INT64, 0, 0}},      {"l_partkey", {BATCH_INT32, 0, 0}},
    {"l_suppkey", {BATCH_INT32, 0, 0}},       {"l_linenumber", {BATCH_INT32, 0, 0}},
    {"l_quantity", {BATCH_DECIMAL64, 15, 2}}, {"l_extendedprice", {BATCH_DECIMAL64, 15, 2}},
    {"l_discount", {BATCH_DECIMAL64, 15, 2}}, {"l_tax", {BATCH_DECIMAL64, 15, 2}},
    {"l_returnflag", {BATCH_STRING, 0, 0}},   {"l_linestatus", {BATCH_STRING, 0, 0}},
    {"l_shipdate", {BATCH_DATE32, 0, 0}},     {"l_commitdate", {BATCH_DATE32, 0, 0}},
    {"l_receiptdate", {BATCH_DATE32, 0, 0}},  {"l_shipinstruct", {BATCH_STRING, 0, 0}},
    {"l_shipmode", {BATCH_STRING, 0, 0}},     {"l_comment", {BATCH_STRING, 0, 0}},
};

static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                           "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
static const char *const words[] = {
    "foxes ",     "ideas ",     "theodolites ", "pinto beans ", "instructions ", "dependencies ",
    "excuses ",   "platelets ", "asymptotes ",  "courts ",      "dolphins ",     "multipliers ",
    "sauternes ", "warthogs ",  "frets ",       "dinos ",       "attainments ",  "somas ",
    "sleep ",     "wake ",      "are ",         "cajole ",      "haggle ",       "nag ",
    "use ",       "boost ",     "affix ",       "detect ",      "integrate ",    "maintain ",
    "furious ",   "sly ",       "careful ",     "blithe ",      "quick ",        "fluffy ",
    "slow ",      "quiet ",     "ruthless ",    "thin ",        "close ",        "dogged ",
    "furiously ", "slyly ",     "carefully ",   "blithely ",    "quickly ",      "fluffily ",
    "about ",     "above ",     "across ",      "after ",       "against ",      "along ",
    "packages ",  "requests ",  "accounts ",    "deposits ",    "final ",        "regular ",
    "unusual ",   "express ",   "even ",        "bold ",
};
enum { WORDS = sizeof words / sizeof words[0] };

typedef struct generator {
  uint64_t state;
  uint64_t order; /* the order whose lines are being made */
  unsigned line;
  unsigned lines;
  int32_t order_date;
} generator;

static void die(const br_error *err) {
  (void)fprintf(stderr, "%s\n", err->message);
  exit(1);
}

static uint64_t random_below(generator *g, uint64_t bound) {
  g->state ^= g->state << 13;
  g->state ^= g->state >> 7;
  g->state ^= g->state << 17;
  return (g->state >> 11) % bound;
}

static void next_line(generator *g) {
  if (++g->line > g->lines) {
    g->order++;
    g->line = 1;
    g->lines = 1 + (unsigned)random_below(g, 7);
    g->order_date = batch_days_of_civil(1992, 1, 1) + (int32_t)random_below(g, 2406);
  }
}

static void put_string(batch *b, column_index column, const char *text, size_t length) {
  br_error err = BR_ERROR_INIT;
  if (batch_column_append_bytes(&b->columns[column], b->rows, text, length, &err) != BR_OK) {
    die(&err);
  }
}

static void put_i32(batch *b, column_index column, int32_t value) {
  ((int32_t *)b->columns[column].values)[b->rows] = value;
}

static void put_i64(batch *b, column_index column, int64_t value) {
  ((int64_t *)b->columns[column].values)[b->rows] = value;
}

static void put_comment(batch *b, generator *g) {
  char text[64];
  size_t want = 10 + (size_t)random_below(g, 34);
  size_t have = 0;
  while (have < want) {
    const char *word = words[random_below(g, WORDS)];
    size_t length = strlen(word);
    length = length < want - have ? length : want - have;
    memcpy(text + have, word, length);
    have += length;
  }
  put_string(b, COMMENT, text, want);
}

static void put_row(batch *b, generator *g) {
  next_line(g);
  uint64_t part = 1 + random_below(g, PARTS);
  int64_t quantity = 1 + (int64_t)random_below(g, 50);
  int64_t price = 90000 + (int64_t)(part / 10 % 20001) + 100 * (int64_t)(part % 1000);
  int32_t ship = g->order_date + 1 + (int32_t)random_below(g, 121);
  int32_t receipt = ship + 1 + (int32_t)random_below(g, 30);
  int32_t today = batch_days_of_civil(1995, 6, 17);
  const char *flag = receipt > today ? "N" : random_below(g, 2) == 0 ? "R" : "A";
  const char *instruct = instructions[random_below(g, 4)];
  const char *mode = modes[random_below(g, 7)];
  put_i64(b, ORDERKEY, (int64_t)(g->order / 8 * 32 + g->order % 8));
  put_i32(b, PARTKEY, (int32_t)part);
  put_i32(b, SUPPKEY, (int32_t)(1 + (part + random_below(g, 4) * 2501) % SUPPLIERS));
  put_i32(b, LINENUMBER, (int32_t)g->line);
  put_i64(b, QUANTITY, quantity * 100);
  put_i64(b, EXTENDEDPRICE, quantity * price);
  put_i64(b, DISCOUNT, (int64_t)random_below(g, 11));
  put_i64(b, TAX, (int64_t)random_below(g, 9));
  put_string(b, RETURNFLAG, flag, 1);
  put_string(b, LINESTATUS, ship > today ? "O" : "F", 1);
  put_i32(b, SHIPDATE, ship);
  put_i32(b, COMMITDATE, g->order_date + 30 + (int32_t)random_below(g, 61));
  put_i32(b, RECEIPTDATE, receipt);
  put_string(b, SHIPINSTRUCT, instruct, strlen(instruct));
  put_string(b, SHIPMODE, mode, strlen(mode));
  put_comment(b, g);
  b->rows++;
}

static batch_schema *make_schema(void) {
  br_error err = BR_ERROR_INIT;
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(COLUMNS, &schema, &err);
  for (size_t i = 0; st == BR_OK && i < COLUMNS; i++) {
    st = batch_schema_set(schema, i, fields[i].name, fields[i].type, true, &err);
  }
  if (st != BR_OK) {
    die(&err);
  }
  return schema;
}

static batch **make_batches(const batch_schema *schema, size_t rows, size_t *ret_count) {
  br_error err = BR_ERROR_INIT;
  generator g = {.state = 88172645463325252U};
  size_t count = (rows + BATCH_ROWS - 1) / BATCH_ROWS;
  batch **batches = calloc(count + 1, sizeof(batch *));
  for (size_t i = 0; batches != NULL && i < count; i++) {
    if (batch_new(schema, BATCH_ROWS, &batches[i], &err) != BR_OK) {
      die(&err);
    }
    size_t n = rows - i * BATCH_ROWS < BATCH_ROWS ? rows - i * BATCH_ROWS : BATCH_ROWS;
    while (batches[i]->rows < n) {
      put_row(batches[i], &g);
    }
  }
  *ret_count = count;
  return batches;
}

static br_status write_bytes(void *context, const void *bytes, size_t length, br_error *err) {
  if (context != NULL && fwrite(bytes, 1, length, context) != length) {
    return br_error_set(err, BR_ERR_DISK_FULL, "The file can't be written");
  }
  return BR_OK;
}

static br_status run(const batch_schema *schema, batch *const *batches, size_t count,
                     const parquet_writer_options *options, FILE *file, parquet_summary *summary,
                     br_error *err) {
  parquet_writer *writer = NULL;
  parquet_output output = {.write = write_bytes, .context = file};
  br_status st = parquet_writer_new(schema, options, output, &writer, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = parquet_writer_write(writer, batches[i], err);
  }
  if (st == BR_OK) {
    st = parquet_writer_finish(writer, summary, err);
  }
  parquet_writer_free(writer);
  return st;
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
  const char *codec = argc > 2 ? argv[2] : "zstd";
  parquet_writer_options options = {
      .codec = strcmp(codec, "snappy") == 0 ? PARQUET_SNAPPY
               : strcmp(codec, "none") == 0 ? PARQUET_UNCOMPRESSED
                                            : PARQUET_ZSTD,
      .level = argc > 3 ? atoi(argv[3]) : 1,
  };
  int runs = argc > 4 ? atoi(argv[4]) : 3;
  FILE *file = argc > 5 ? fopen(argv[5], "wb") : NULL;
  size_t count = 0;
  batch_schema *schema = make_schema();
  batch **batches = make_batches(schema, rows, &count);
  parquet_summary summary = {0};
  double best = 0;
  for (int i = 0; batches != NULL && i < runs; i++) {
    if (file != NULL) {
      rewind(file);
    }
    uint64_t start = br_clock_cpu_ns();
    if (run(schema, batches, count, &options, file, &summary, &err) != BR_OK) {
      die(&err);
    }
    double seconds = (double)(br_clock_cpu_ns() - start) / 1e9;
    best = i == 0 || seconds < best ? seconds : best;
  }
  (void)printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64
               ", \"row_groups\": %u, \"cpu_seconds\": %.4f, \"per_million_rows\": %.4f}\n",
               summary.rows, summary.bytes, (unsigned)summary.row_groups, best,
               best * 1e6 / (double)(rows == 0 ? 1 : rows));
  for (size_t i = 0; i < count; i++) {
    batch_free(batches[i]);
  }
  free(batches);
  batch_schema_free(schema);
  return file != NULL && fclose(file) != 0;
}
