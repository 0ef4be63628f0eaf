/*
 * Batches and schemas to the Arrow C Data Interface.
 *
 *   ArrowArray (struct) ── private: children_block ── children[i] ── private: column_block
 *
 * A consumer may move a child out and release it on its own, so every child owns its buffers, and
 * the parent only the structures.
 */
#include <string.h>

#include "base/mem.h"
#include "batch/batch.h"

/* Strings of one schema node: format, then name. */
static void release_schema_node(struct ArrowSchema *node) {
  br_free(node->private_data);
  node->release = NULL;
}

static void release_schema(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    struct ArrowSchema *child = schema->children[i];
    if (child->release != NULL) {
      child->release(child);
    }
  }
  br_free(schema->private_data);
  schema->release = NULL;
}

static br_status export_field(const batch_field *field, struct ArrowSchema *ret_node,
                              br_error *err) {
  char format[32];
  batch_type_arrow_format(&field->type, format, sizeof format);
  const char *name = field->name == NULL ? "" : field->name;
  size_t format_size = strlen(format) + 1;
  size_t name_size = strlen(name) + 1;
  char *strings = br_malloc(format_size + name_size);
  if (strings == NULL) {
    return br_error_nomem(err);
  }
  memcpy(strings, format, format_size);
  memcpy(strings + format_size, name, name_size);
  *ret_node = (struct ArrowSchema){
      .format = strings,
      .name = strings + format_size,
      .flags = field->nullable ? ARROW_FLAG_NULLABLE : 0,
      .release = release_schema_node,
      .private_data = strings,
  };
  return BR_OK;
}

br_status batch_export_schema(const batch_schema *schema, struct ArrowSchema *ret_schema,
                              br_error *err) {
  /* One block: the pointers, then the nodes. */
  size_t count = schema->count;
  struct ArrowSchema **pointers = br_calloc(count, sizeof(void *) + sizeof(struct ArrowSchema));
  if (pointers == NULL) {
    return br_error_nomem(err);
  }
  struct ArrowSchema *nodes = (struct ArrowSchema *)(void *)(pointers + count);
  struct ArrowSchema root = {
      .format = "+s",
      .name = "",
      .children = pointers,
      .release = release_schema,
      .private_data = pointers,
  };
  for (size_t i = 0; i < count; i++) {
    pointers[i] = &nodes[i];
    br_status st = export_field(&schema->fields[i], &nodes[i], err);
    if (st != BR_OK) {
      root.release(&root);
      return st;
    }
    root.n_children++;
  }
  *ret_schema = root;
  return BR_OK;
}

/* What an exported column owns. */
typedef struct column_block {
  const void *buffers[3];
  batch_column column;
} column_block;

static void release_column(struct ArrowArray *array) {
  column_block *block = array->private_data;
  br_free(block->column.validity);
  br_free(block->column.values);
  br_free(block->column.offsets);
  br_free(block->column.data);
  br_free(block);
  array->release = NULL;
}

/* What an exported batch owns besides its columns. */
typedef struct children_block {
  const void *no_validity[1];
  struct ArrowArray *pointers[];
} children_block;

static void release_batch(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = array->children[i];
    if (child->release != NULL) {
      child->release(child);
    }
  }
  br_free(array->private_data);
  array->release = NULL;
}

static void move_column(batch_column *column, size_t rows, struct ArrowArray *ret_array) {
  /* Some consumers take no NULL even for a buffer without bytes. */
  static const uint64_t no_bytes;
  column_block *block = ret_array->private_data;
  block->column = *column;
  *column = (batch_column){.layout = column->layout};
  block->buffers[0] = block->column.nulls == 0 ? NULL : block->column.validity;
  bool offsets = batch_layout_has_offsets(block->column.layout);
  if (offsets) {
    block->buffers[1] = block->column.offsets;
    block->buffers[2] = block->column.data == NULL ? (const void *)&no_bytes : block->column.data;
  } else {
    block->buffers[1] = block->column.values;
  }
  *ret_array = (struct ArrowArray){
      .length = (int64_t)rows,
      .null_count = (int64_t)block->column.nulls,
      .n_buffers = offsets ? 3 : 2,
      .buffers = block->buffers,
      .release = release_column,
      .private_data = block,
  };
}

static void free_blocks(children_block *block, const struct ArrowArray *arrays, size_t count) {
  for (size_t i = 0; i < count; i++) {
    br_free(arrays[i].private_data);
  }
  br_free(block);
}

br_status batch_export(batch *b, struct ArrowArray *ret_array, br_error *err) {
  /* First all memory that this needs, so that a failure leaves the batch alone. */
  size_t count = b->schema->count;
  size_t pair = sizeof(void *) + sizeof(struct ArrowArray);
  children_block *block = br_calloc(1, sizeof *block + count * pair);
  if (block == NULL) {
    return br_error_nomem(err);
  }
  struct ArrowArray *arrays = (struct ArrowArray *)(void *)(block->pointers + count);
  for (size_t i = 0; i < count; i++) {
    block->pointers[i] = &arrays[i];
    arrays[i].private_data = br_calloc(1, sizeof(column_block));
    if (arrays[i].private_data == NULL) {
      free_blocks(block, arrays, count);
      return br_error_nomem(err);
    }
  }
  for (size_t i = 0; i < count; i++) {
    move_column(&b->columns[i], b->rows, &arrays[i]);
  }
  *ret_array = (struct ArrowArray){
      .length = (int64_t)b->rows,
      .n_buffers = 1,
      .n_children = (int64_t)count,
      .buffers = block->no_validity,
      .children = block->pointers,
      .release = release_batch,
      .private_data = block,
  };
  b->rows = 0;
  b->capacity_rows = 0;
  return BR_OK;
}
