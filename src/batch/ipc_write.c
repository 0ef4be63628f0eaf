/*
 * Writing an Arrow IPC stream. Metadata is made front to back, then its lengths are filled in; the
 * body's buffers follow, each padded to 8 bytes.
 */
#include <string.h>

#include "batch/arrow_ipc.h"
#include "batch/ipc.h"
#include "batch/value.h"

enum {
  PREFIX = 8, /* continuation marker and length */
  ALIGNMENT = 8,
  NODE_SIZE = 16,
  BUFFER_SIZE = 16,
  WIDEST_DECIMAL = 16,
};

static size_t padded(size_t length) {
  return (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Begins a message; *ret_start is its place in out, *ret_header that of the offset to its header,
 * which the caller links. */
static br_status begin_message(flatbuffer_writer *w, br_buf *out, int64_t header_type,
                               size_t body_length, size_t *ret_header, br_error *err) {
  flatbuffer_field fields[] = {
      {.slot = IPC_MESSAGE_VERSION, .width = 2, .value = IPC_VERSION_V5},
      {.slot = IPC_MESSAGE_HEADER_TYPE, .width = 1, .value = header_type},
      {.slot = IPC_MESSAGE_HEADER, .width = 4},
      {.slot = IPC_MESSAGE_BODY_LENGTH, .width = 8, .value = (int64_t)body_length},
  };
  size_t root = 0;
  br_status st = br_buf_u32le(out, UINT32_MAX, err);
  st = st == BR_OK ? br_buf_u32le(out, 0, err) : st;
  st = st == BR_OK ? flatbuffer_begin(w, out, err) : st;
  st = st == BR_OK ? flatbuffer_put_table(w, fields, 4, &root, err) : st;
  if (st == BR_OK) {
    flatbuffer_link(w, w->start, root);
    *ret_header = fields[2].at;
  }
  return st;
}

static br_status end_message(flatbuffer_writer *w, br_error *err) {
  br_status st = flatbuffer_end(w, err);
  if (st == BR_OK) {
    br_store_u32le(w->out->data + w->start - 4, (uint32_t)(w->out->len - w->start));
  }
  return st;
}

/* A type's number and, in *ret_count of 2 at most, the fields of its table. */
static ipc_type describe_type(const batch_type *type, flatbuffer_field *fields, size_t *ret_count) {
  size_t width = batch_layout_width(type->layout);
  *ret_count = 1;
  switch (type->layout) {
  case BATCH_INT16:
  case BATCH_INT32:
  case BATCH_INT64:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 4, .value = (int64_t)width * 8};
    fields[1] = (flatbuffer_field){.slot = 1, .width = 1, .value = 1};
    *ret_count = 2;
    return IPC_TYPE_INT;
  case BATCH_FLOAT:
  case BATCH_DOUBLE:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 2, .value = width == 4 ? 1 : 2};
    return IPC_TYPE_FLOAT;
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
  case BATCH_DECIMAL128:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 4, .value = type->precision};
    fields[1] = (flatbuffer_field){.slot = 1, .width = 4, .value = type->scale};
    *ret_count = 2; /* 128 bits: the default */
    return IPC_TYPE_DECIMAL;
  case BATCH_DATE32:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 2, .value = 0};
    return IPC_TYPE_DATE;
  case BATCH_TIME64_US:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 2, .value = IPC_UNIT_MICRO};
    fields[1] = (flatbuffer_field){.slot = 1, .width = 4, .value = 64};
    *ret_count = 2;
    return IPC_TYPE_TIME;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    fields[0] = (flatbuffer_field){.slot = 0, .width = 2, .value = IPC_UNIT_MICRO};
    fields[1] = (flatbuffer_field){.slot = 1, .width = 4}; /* the zone */
    *ret_count = type->layout == BATCH_TIMESTAMP_US ? 1 : 2;
    return IPC_TYPE_TIMESTAMP;
  default:
    break;
  }
  *ret_count = 0;
  return type->layout == BATCH_BOOL     ? IPC_TYPE_BOOL
         : type->layout == BATCH_STRING ? IPC_TYPE_UTF8
                                        : IPC_TYPE_BINARY;
}

static br_status put_field(flatbuffer_writer *w, const batch_field *field, size_t from,
                           br_error *err) {
  flatbuffer_field type[2] = {0};
  size_t type_count = 0;
  ipc_type number = describe_type(&field->type, type, &type_count);
  flatbuffer_field fields[] = {
      {.slot = IPC_FIELD_NAME, .width = 4},
      {.slot = IPC_FIELD_NULLABLE, .width = 1, .value = field->nullable ? 1 : 0},
      {.slot = IPC_FIELD_TYPE_TYPE, .width = 1, .value = number},
      {.slot = IPC_FIELD_TYPE, .width = 4},
      {.slot = IPC_FIELD_CHILDREN, .width = 4}, /* readers want them, if only none */
  };
  size_t at = 0;
  br_status st = flatbuffer_put_table(w, fields, 5, &at, err);
  if (st == BR_OK) {
    flatbuffer_link(w, from, at);
    st = flatbuffer_put_string(w, field->name == NULL ? "" : field->name, &at, err);
  }
  if (st == BR_OK) {
    flatbuffer_link(w, fields[0].at, at);
    st = flatbuffer_put_table(w, type, type_count, &at, err);
  }
  if (st == BR_OK) {
    flatbuffer_link(w, fields[3].at, at);
    st = flatbuffer_put_vector(w, 0, 4, &at, err);
  }
  if (st == BR_OK) {
    flatbuffer_link(w, fields[4].at, at);
  }
  if (st == BR_OK && field->type.layout == BATCH_TIMESTAMP_US_UTC) {
    st = flatbuffer_put_string(w, "UTC", &at, err);
    if (st == BR_OK) {
      flatbuffer_link(w, type[1].at, at);
    }
  }
  return st;
}

static br_status put_schema(const batch_schema *schema, br_buf *out, br_error *err) {
  flatbuffer_writer w;
  flatbuffer_field fields[] = {{.slot = IPC_SCHEMA_FIELDS, .width = 4}};
  size_t header = 0;
  size_t at = 0;
  br_status st = begin_message(&w, out, IPC_HEADER_SCHEMA, 0, &header, err);
  st = st == BR_OK ? flatbuffer_put_table(&w, fields, 1, &at, err) : st;
  if (st == BR_OK) {
    flatbuffer_link(&w, header, at);
    st = flatbuffer_put_vector(&w, schema->count, 4, &at, err);
  }
  if (st != BR_OK) {
    return st;
  }
  flatbuffer_link(&w, fields[0].at, at);
  for (size_t i = 0; st == BR_OK && i < schema->count; i++) {
    st = put_field(&w, &schema->fields[i], at + 4 + 4 * i, err);
  }
  return st == BR_OK ? end_message(&w, err) : st;
}

br_status batch_ipc_write_schema(const batch_schema *schema, br_buf *out, br_error *err) {
  size_t before = out->len;
  br_status st = put_schema(schema, out, err);
  if (st != BR_OK) {
    out->len = before;
  }
  return st;
}

static bool is_decimal(batch_layout layout) {
  return layout == BATCH_DECIMAL32 || layout == BATCH_DECIMAL64 || layout == BATCH_DECIMAL128;
}

/* The lengths of a column's buffers in the body, unpadded; returns how many there are. */
static size_t buffer_lengths(const batch_column *column, size_t rows, size_t lengths[3]) {
  size_t bitmap = (rows + 7) / 8;
  lengths[0] = column->nulls == 0 ? 0 : bitmap;
  if (batch_layout_has_offsets(column->layout)) {
    lengths[1] = (rows + 1) * sizeof *column->offsets;
    lengths[2] = (size_t)column->offsets[rows];
    return 3;
  }
  size_t width = is_decimal(column->layout) ? WIDEST_DECIMAL : batch_layout_width(column->layout);
  lengths[1] = column->layout == BATCH_BOOL ? bitmap : rows * width;
  return 2;
}

static size_t body_length(const batch *b, size_t *ret_buffers) {
  size_t length = 0;
  size_t buffers = 0;
  for (size_t i = 0; i < b->schema->count; i++) {
    size_t lengths[3] = {0};
    size_t count = buffer_lengths(&b->columns[i], b->rows, lengths);
    buffers += count;
    for (size_t j = 0; j < count; j++) {
      length += padded(lengths[j]);
    }
  }
  *ret_buffers = buffers;
  return length;
}

static void fill_nodes(const batch *b, uint8_t *node) {
  for (size_t i = 0; i < b->schema->count; i++, node += NODE_SIZE) {
    br_store_u64le(node, b->rows);
    br_store_u64le(node + 8, b->columns[i].nulls);
  }
}

static void fill_buffers(const batch *b, uint8_t *buffer) {
  size_t offset = 0;
  for (size_t i = 0; i < b->schema->count; i++) {
    size_t lengths[3] = {0};
    size_t count = buffer_lengths(&b->columns[i], b->rows, lengths);
    for (size_t j = 0; j < count; j++, buffer += BUFFER_SIZE) {
      br_store_u64le(buffer, offset);
      br_store_u64le(buffer + 8, lengths[j]);
      offset += padded(lengths[j]);
    }
  }
}

static br_status put_head(const batch *b, br_buf *out, br_error *err) {
  flatbuffer_writer w;
  flatbuffer_field fields[] = {
      {.slot = IPC_BATCH_LENGTH, .width = 8, .value = (int64_t)b->rows},
      {.slot = IPC_BATCH_NODES, .width = 4},
      {.slot = IPC_BATCH_BUFFERS, .width = 4},
  };
  size_t header = 0;
  size_t at = 0;
  size_t buffers = 0;
  size_t body = body_length(b, &buffers);
  br_status st = begin_message(&w, out, IPC_HEADER_BATCH, body, &header, err);
  st = st == BR_OK ? flatbuffer_put_table(&w, fields, 3, &at, err) : st;
  if (st == BR_OK) {
    flatbuffer_link(&w, header, at);
    st = flatbuffer_put_vector(&w, b->schema->count, NODE_SIZE, &at, err);
  }
  if (st == BR_OK) {
    flatbuffer_link(&w, fields[1].at, at);
    fill_nodes(b, out->data + at + 4);
    st = flatbuffer_put_vector(&w, buffers, BUFFER_SIZE, &at, err);
  }
  if (st == BR_OK) {
    flatbuffer_link(&w, fields[2].at, at);
    fill_buffers(b, out->data + at + 4);
    st = end_message(&w, err);
  }
  return st == BR_OK ? br_buf_reserve(out, body, err) : st;
}

static br_status put_padded(const void *bytes, size_t length, br_buf *out, br_error *err) {
  br_status st = br_buf_append(out, bytes, length, err);
  return st == BR_OK ? br_buf_fill(out, 0, padded(length) - length, err) : st;
}

/* Decimals go out in 128 bits whatever they have here: narrower ones are young in Arrow, and many
 * readers don't know them. */
static br_status put_decimals(const batch_column *column, size_t rows, br_buf *out, br_error *err) {
  br_status st = br_buf_reserve(out, rows * WIDEST_DECIMAL, err);
  for (size_t row = 0; st == BR_OK && row < rows; row++) {
    batch_i128 value = column->layout == BATCH_DECIMAL32 ? ((const int32_t *)column->values)[row]
                                                         : ((const int64_t *)column->values)[row];
    batch_store_i128(out->data + out->len, value);
    out->len += WIDEST_DECIMAL;
  }
  return st;
}

static br_status put_column(const batch_column *column, size_t rows, br_buf *out, br_error *err) {
  size_t lengths[3] = {0};
  size_t count = buffer_lengths(column, rows, lengths);
  br_status st = put_padded(column->validity, lengths[0], out, err);
  if (st != BR_OK) {
    return st;
  }
  if (column->layout == BATCH_DECIMAL32 || column->layout == BATCH_DECIMAL64) {
    return put_decimals(column, rows, out, err);
  }
  if (count == 3) {
    st = put_padded(column->offsets, lengths[1], out, err);
    return st == BR_OK ? put_padded(column->data, lengths[2], out, err) : st;
  }
  return put_padded(column->values, lengths[1], out, err);
}

br_status batch_ipc_write_batch(const batch *b, br_buf *out, br_error *err) {
  size_t before = out->len;
  br_status st = put_head(b, out, err);
  for (size_t i = 0; st == BR_OK && i < b->schema->count; i++) {
    st = put_column(&b->columns[i], b->rows, out, err);
  }
  if (st != BR_OK) {
    out->len = before;
  }
  return st;
}

br_status batch_ipc_write_end(br_buf *out, br_error *err) {
  return br_buf_u64le(out, UINT32_MAX, err);
}
