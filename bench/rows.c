/* See rows.h. */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/value.h"

enum { BATCH_ROWS = 16384, PARTS = 200000, SUPPLIERS = 10000 };

typedef struct column_row {
  const char *name;
  batch_sql_typespec type;
} column_row;

typedef enum lineitem_column {
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
  LINEITEM_COLUMNS
} lineitem_column;

static const column_row lineitem_columns[LINEITEM_COLUMNS] = {
    {"l_orderkey", {BATCH_SQL_BIGINT, 0, 0, 0}},
    {"l_partkey", {BATCH_SQL_INT, 0, 0, 0}},
    {"l_suppkey", {BATCH_SQL_INT, 0, 0, 0}},
    {"l_linenumber", {BATCH_SQL_INT, 0, 0, 0}},
    {"l_quantity", {BATCH_SQL_DECIMAL, 15, 2, 0}},
    {"l_extendedprice", {BATCH_SQL_DECIMAL, 15, 2, 0}},
    {"l_discount", {BATCH_SQL_DECIMAL, 15, 2, 0}},
    {"l_tax", {BATCH_SQL_DECIMAL, 15, 2, 0}},
    {"l_returnflag", {BATCH_SQL_CHAR, 0, 0, 1}},
    {"l_linestatus", {BATCH_SQL_CHAR, 0, 0, 1}},
    {"l_shipdate", {BATCH_SQL_DATE, 0, 0, 0}},
    {"l_commitdate", {BATCH_SQL_DATE, 0, 0, 0}},
    {"l_receiptdate", {BATCH_SQL_DATE, 0, 0, 0}},
    {"l_shipinstruct", {BATCH_SQL_CHAR, 0, 0, 25}},
    {"l_shipmode", {BATCH_SQL_CHAR, 0, 0, 10}},
    {"l_comment", {BATCH_SQL_VARCHAR, 0, 0, 44}},
};

static const column_row narrow_columns[] = {
    {"a", {BATCH_SQL_INT, 0, 0, 0}},
    {"b", {BATCH_SQL_INT, 0, 0, 0}},
};

static const column_row text_columns[] = {
    {"id", {BATCH_SQL_INT, 0, 0, 0}},
    {"english", {BATCH_SQL_NVARCHAR, 0, 0, 200}},
    {"french", {BATCH_SQL_NVARCHAR, 0, 0, 200}},
    {"russian", {BATCH_SQL_NVARCHAR, 0, 0, 200}},
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

static const char *const french[] = {"été ",   "naïve ",  "garçon ", "maison ",  "rivière ",
                                     "forêt ", "jamais ", "où ",     "lumière ", "pont "};
static const char *const russian[] = {"река ", "дом ",   "поле ", "мост ", "зима ",
                                      "лето ", "город ", "хлеб ", "окно ", "снег "};

typedef struct generator {
  uint64_t state;
  uint64_t order; /* the order whose lines are being made */
  unsigned line;
  unsigned lines;
  int32_t order_date;
} generator;

_Noreturn void bench_die(const br_error *err) {
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

static void put_string(batch *b, size_t column, const char *text, size_t length) {
  br_error err = BR_ERROR_INIT;
  if (batch_column_append_bytes(&b->columns[column], b->rows, text, length, &err) != BR_OK) {
    bench_die(&err);
  }
}

/* SQL Server sends char(n) padded. */
static void put_char(batch *b, size_t column, const char *text, size_t size) {
  char padded[32];
  size_t length = strlen(text);
  memcpy(padded, text, length);
  memset(padded + length, ' ', size - length);
  put_string(b, column, padded, size);
}

static void put_i32(batch *b, size_t column, int32_t value) {
  ((int32_t *)b->columns[column].values)[b->rows] = value;
}

static void put_i64(batch *b, size_t column, int64_t value) {
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

static void put_lineitem(batch *b, generator *g) {
  next_line(g);
  uint64_t part = 1 + random_below(g, PARTS);
  int64_t quantity = 1 + (int64_t)random_below(g, 50);
  int64_t price = 90000 + (int64_t)(part / 10 % 20001) + 100 * (int64_t)(part % 1000);
  int32_t ship = g->order_date + 1 + (int32_t)random_below(g, 121);
  int32_t receipt = ship + 1 + (int32_t)random_below(g, 30);
  int32_t today = batch_days_of_civil(1995, 6, 17);
  put_i64(b, ORDERKEY, (int64_t)(g->order / 8 * 32 + g->order % 8));
  put_i32(b, PARTKEY, (int32_t)part);
  put_i32(b, SUPPKEY, (int32_t)(1 + (part + random_below(g, 4) * 2501) % SUPPLIERS));
  put_i32(b, LINENUMBER, (int32_t)g->line);
  put_i64(b, QUANTITY, quantity * 100);
  put_i64(b, EXTENDEDPRICE, quantity * price);
  put_i64(b, DISCOUNT, (int64_t)random_below(g, 11));
  put_i64(b, TAX, (int64_t)random_below(g, 9));
  put_char(b, RETURNFLAG, receipt > today ? "N" : random_below(g, 2) == 0 ? "R" : "A", 1);
  put_char(b, LINESTATUS, ship > today ? "O" : "F", 1);
  put_i32(b, SHIPDATE, ship);
  put_i32(b, COMMITDATE, g->order_date + 30 + (int32_t)random_below(g, 61));
  put_i32(b, RECEIPTDATE, receipt);
  put_char(b, SHIPINSTRUCT, instructions[random_below(g, 4)], 25);
  put_char(b, SHIPMODE, modes[random_below(g, 7)], 10);
  put_comment(b, g);
}

static void put_narrow(batch *b, generator *g) {
  put_i32(b, 0, (int32_t)g->order++);
  put_i32(b, 1, (int32_t)random_below(g, 1000000));
}

/* Up to 200 characters of words. */
static void put_words(batch *b, generator *g, size_t column, const char *const *from,
                      size_t count) {
  char text[1024];
  size_t length = 0;
  size_t n = random_below(g, 16);
  for (size_t i = 0; i < n; i++) {
    const char *word = from[random_below(g, count)];
    memcpy(text + length, word, strlen(word));
    length += strlen(word);
  }
  put_string(b, column, text, length);
}

static void put_text(batch *b, generator *g) {
  put_i32(b, 0, (int32_t)g->order++);
  put_words(b, g, 1, words, WORDS);
  put_words(b, g, 2, french, sizeof french / sizeof french[0]);
  put_words(b, g, 3, russian, sizeof russian / sizeof russian[0]);
}

static const struct {
  const char *name;
  const column_row *columns;
  size_t count;
  void (*put_row)(batch *b, generator *g); /* into row b->rows */
} shapes[] = {
    {"lineitem", lineitem_columns, LINEITEM_COLUMNS, put_lineitem},
    {"narrow", narrow_columns, sizeof narrow_columns / sizeof narrow_columns[0], put_narrow},
    {"text", text_columns, sizeof text_columns / sizeof text_columns[0], put_text},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static batch_schema *make_schema(size_t shape) {
  br_error err = BR_ERROR_INIT;
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(shapes[shape].count, &schema, &err);
  for (size_t i = 0; st == BR_OK && i < shapes[shape].count; i++) {
    const column_row *column = &shapes[shape].columns[i];
    batch_type type;
    st = batch_type_resolve(&column->type, &(batch_type_options){0}, &type, NULL, &err);
    if (st == BR_OK) {
      st = batch_schema_set(schema, i, column->name, type, true, &err);
    }
    if (st == BR_OK) {
      schema->fields[i].has_source = true;
      schema->fields[i].source = column->type;
    }
  }
  if (st != BR_OK) {
    bench_die(&err);
  }
  return schema;
}

static size_t find_shape(const char *name) {
  for (size_t i = 0; i < SHAPES; i++) {
    if (strcmp(shapes[i].name, name) == 0) {
      return i;
    }
  }
  (void)fprintf(stderr, "There is no shape %s\n", name);
  exit(1);
}

bench_rows bench_rows_make(const char *name, size_t rows) {
  br_error err = BR_ERROR_INIT;
  size_t shape = find_shape(name);
  generator g = {.state = 88172645463325252U};
  bench_rows made = {.schema = make_schema(shape), .count = (rows + BATCH_ROWS - 1) / BATCH_ROWS};
  made.batches = calloc(made.count + 1, sizeof *made.batches);
  if (made.batches == NULL) {
    (void)fprintf(stderr, "Out of memory\n");
    exit(1);
  }
  for (size_t i = 0; i < made.count; i++) {
    if (batch_new(made.schema, BATCH_ROWS, &made.batches[i], &err) != BR_OK) {
      bench_die(&err);
    }
    size_t n = rows - i * BATCH_ROWS < BATCH_ROWS ? rows - i * BATCH_ROWS : BATCH_ROWS;
    while (made.batches[i]->rows < n) {
      shapes[shape].put_row(made.batches[i], &g);
      made.batches[i]->rows++;
    }
  }
  return made;
}

void bench_rows_free(bench_rows *rows) {
  for (size_t i = 0; i < rows->count; i++) {
    batch_free(rows->batches[i]);
  }
  free(rows->batches);
  batch_schema_free(rows->schema);
}
