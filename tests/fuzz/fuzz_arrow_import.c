/*
 * Import by the Arrow C Data Interface. The input describes a producer: its numbers may lie as far
 * as a consumer can see it; its buffers are as large as its lengths and offsets claim, since a
 * consumer can't know better.
 *
 *   rows(1) offset(1) flags(1) column count(1), per column: format(1) length(1) offset(1)
 *   null_count(1) n_buffers(1), then bytes that fill the buffers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "batch/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS_MAX = 8, ROWS_MAX = 1024, BUFFER_SIZE = 2 * ROWS_MAX * 16 };

static const char *const formats[] = {
    "b",   "s",    "i",       "l", "f", "g", "d:9,2,32", "d:9,2,64", "d:9,2", "tdD",
    "ttu", "tsu:", "tsu:UTC", "u", "z", "U", "d:99,2",   "+s",       "",      "tsu:X"};

typedef struct column {
  struct ArrowSchema schema;
  struct ArrowArray array;
  const void *buffers[3];
  uint8_t *memory[3];
} column;

typedef struct producer {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct ArrowSchema *fields[COLUMNS_MAX];
  struct ArrowArray *children[COLUMNS_MAX];
  const void *root_buffers[1];
  column columns[COLUMNS_MAX];
} producer;

static void release_schema(struct ArrowSchema *schema) {
  schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
  array->release = NULL;
}

static uint8_t next(br_reader *in) {
  uint8_t byte = 0;
  return br_reader_u8(in, &byte, NULL) == BR_OK ? byte : 0;
}

/* Small numbers as they are, the highest as odd ones. */
static int64_t number(br_reader *in) {
  static const int64_t odd[] = {-1, INT64_MAX, INT64_MIN, INT32_MAX};
  uint8_t byte = next(in);
  return byte >= 252 ? odd[byte - 252] : byte;
}

static uint8_t *filled(br_reader *in, bool is_offsets) {
  uint8_t *memory = calloc(1, BUFFER_SIZE);
  if (memory == NULL) {
    abort();
  }
  int32_t offset = 0;
  for (size_t i = 0; i + 4 <= BUFFER_SIZE && br_reader_left(in) > 0; i += is_offsets ? 4 : 1) {
    uint8_t byte = next(in);
    if (!is_offsets) {
      memory[i] = byte;
      continue;
    }
    /* Mostly ascending, never behind the data. */
    offset = byte == 255 ? -offset : offset + byte % 16;
    offset = offset > BUFFER_SIZE ? BUFFER_SIZE : offset;
    memcpy(memory + i, &offset, sizeof offset);
    if (byte == 254) {
      break;
    }
  }
  return memory;
}

static void make_column(column *c, br_reader *in) {
  c->schema.format = formats[next(in) % (sizeof formats / sizeof formats[0])];
  c->schema.name = "c";
  c->schema.flags = next(in) % 4 == 0 ? 0 : ARROW_FLAG_NULLABLE;
  c->array.length = number(in);
  c->array.offset = number(in);
  c->array.null_count = number(in);
  c->array.n_buffers = next(in) % 4;
  bool text = strcmp(c->schema.format, "u") == 0 || strcmp(c->schema.format, "z") == 0;
  uint8_t present = next(in);
  for (size_t i = 0; i < 3; i++) {
    br_reader part =
        br_reader_of(in->data + in->pos, br_reader_left(in) < 64 ? br_reader_left(in) : 64);
    c->memory[i] = filled(&part, text && i == 1);
    c->buffers[i] = (present >> i & 1U) != 0 ? NULL : c->memory[i];
    in->pos += part.pos;
  }
  c->array.buffers = c->buffers;
}

/* Buffers hold ROWS_MAX rows behind an offset of as many: a producer that claims more is one whose
 * lies can't be seen. */
static bool believable(const producer *p) {
  bool ok = p->array.length + p->array.offset <= ROWS_MAX;
  for (int64_t i = 0; ok && i < p->schema.n_children; i++) {
    ok = p->columns[i].array.offset <= ROWS_MAX;
  }
  return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  br_reader in = br_reader_of(data, size);
  producer *p = calloc(1, sizeof *p);
  if (p == NULL) {
    abort();
  }
  p->array.length = number(&in) % (ROWS_MAX / 2);
  p->array.offset = number(&in) % (ROWS_MAX / 2);
  p->array.null_count = next(&in) % 2;
  p->array.n_buffers = 1;
  p->array.n_children = next(&in) % COLUMNS_MAX;
  p->array.buffers = p->root_buffers;
  p->array.children = p->children;
  p->array.release = release_array;
  p->schema.format = "+s";
  p->schema.n_children = p->array.n_children;
  p->schema.children = p->fields;
  p->schema.release = release_schema;
  for (int64_t i = 0; i < p->schema.n_children; i++) {
    make_column(&p->columns[i], &in);
    p->fields[i] = &p->columns[i].schema;
    p->children[i] = &p->columns[i].array;
  }
  batch_schema *schema = NULL;
  batch *b = NULL;
  if (believable(p) && batch_import_schema(&p->schema, &schema, NULL) == BR_OK &&
      batch_import(&p->array, schema, &b, NULL) == BR_OK) {
    struct ArrowArray again;
    if (batch_export(b, &again, NULL) == BR_OK) {
      again.release(&again);
    }
  }
  batch_free(b);
  batch_schema_free(schema);
  for (size_t i = 0; i < COLUMNS_MAX; i++) {
    for (size_t j = 0; j < 3; j++) {
      free(p->columns[i].memory[j]);
    }
  }
  free(p);
  return 0;
}
