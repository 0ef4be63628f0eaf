/*
 * Reading an Arrow IPC stream: framing, messages, dictionaries, slices of a message's rows.
 *
 *   [0xFFFFFFFF] length │ metadata (a flatbuffer) │ body      the marker is absent before Arrow
 * 0.15 length 0: the end
 */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/arrow_ipc.h"
#include "batch/ipc.h"

enum {
  CONTINUATION = -1,
  NODE_SIZE = 16,   /* rows, NULLs: 64 bits each */
  BUFFER_SIZE = 16, /* offset, length: 64 bits each */
  /* Bytes of a batch are at most this many times those of the message they come from; only
   * dictionaries could make more of them. */
  GROWTH_MAX = 4,
};
/* A body is read in pieces, so that a length without bytes behind it costs no memory. */
#define PIECE BR_MIB(1)

struct batch_ipc_reader {
  batch_ipc_read_fn read;
  void *context;
  size_t max_message;
  ipc_schema schema;
  br_buf metadata;
  br_buf body;
  ipc_array *arrays; /* one a column: the current message */
  size_t rows;       /* of the current message */
  size_t next_row;
  bool ended;
  br_status failed; /* what the stream broke with */
};

/* A message's head. */
typedef struct message {
  int64_t type; /* IPC_HEADER_… */
  flatbuffer_table header;
} message;

/* Fills up to `size` bytes; fewer only at the end of the stream. */
static br_status read_up_to(batch_ipc_reader *r, uint8_t *bytes, size_t size, size_t *ret_length,
                            br_error *err) {
  size_t length = 0;
  while (length < size) {
    size_t got = 0;
    br_status st = r->read(r->context, bytes + length, size - length, &got, err);
    if (st != BR_OK) {
      return st;
    }
    if (got == 0) {
      break;
    }
    length += got;
  }
  *ret_length = length;
  return BR_OK;
}

static br_status cut_short(br_error *err) {
  return br_error_set(err, BR_ERR_PROTOCOL, "The Arrow stream ends inside of a message");
}

/* Reads exactly `size` bytes into an emptied buffer. */
static br_status read_into(batch_ipc_reader *r, br_buf *buf, size_t size, br_error *err) {
  br_buf_clear(buf);
  while (buf->len < size) {
    size_t piece = size - buf->len < PIECE ? size - buf->len : PIECE;
    size_t got = 0;
    br_status st = br_buf_reserve(buf, piece, err);
    st = st == BR_OK ? read_up_to(r, buf->data + buf->len, piece, &got, err) : st;
    if (st != BR_OK) {
      return st;
    }
    buf->len += got;
    if (got < piece) {
      return cut_short(err);
    }
  }
  return BR_OK;
}

/* The length of the next message's metadata. BR_DONE: the stream has ended. */
static br_status read_frame(batch_ipc_reader *r, size_t *ret_length, br_error *err) {
  uint8_t bytes[4];
  size_t got = 0;
  br_status st = read_up_to(r, bytes, sizeof bytes, &got, err);
  if (st == BR_OK && got == 0) {
    return BR_DONE;
  }
  if (st == BR_OK && got == sizeof bytes && (int32_t)br_load_u32le(bytes) == CONTINUATION) {
    st = read_up_to(r, bytes, sizeof bytes, &got, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (got < sizeof bytes) {
    return cut_short(err);
  }
  int32_t length = (int32_t)br_load_u32le(bytes);
  if (length == 0) {
    return BR_DONE;
  }
  if (length < 0) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "This is no Arrow stream: a message of %" PRId32 " bytes", length);
  }
  *ret_length = (size_t)length;
  return BR_OK;
}

static br_status check_size(const batch_ipc_reader *r, uint64_t size, const char *of,
                            br_error *err) {
  return size <= r->max_message ? BR_OK
                                : br_error_set(err, BR_ERR_LIMIT,
                                               "The %s of an Arrow message has %" PRIu64
                                               " bytes, over the %zu allowed",
                                               of, size, r->max_message);
}

static br_status read_body(batch_ipc_reader *r, const flatbuffer_table *root, br_error *err) {
  int64_t length = 0;
  br_status st = flatbuffer_number(root, IPC_MESSAGE_BODY_LENGTH, 8, 0, &length, err);
  if (st == BR_OK && length < 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A body of %" PRId64 " bytes", length);
  }
  st = st == BR_OK ? check_size(r, (uint64_t)length, "body", err) : st;
  return st == BR_OK ? read_into(r, &r->body, (size_t)length, err) : st;
}

static br_status open_message(batch_ipc_reader *r, message *ret_message, br_error *err) {
  flatbuffer_table root = {0};
  message m = {0};
  int64_t version = 0;
  bool there = false;
  br_status st = flatbuffer_root(r->metadata.data, r->metadata.len, &root, err);
  st = st == BR_OK ? flatbuffer_number(&root, IPC_MESSAGE_VERSION, 2, 0, &version, err) : st;
  if (st == BR_OK && version != IPC_VERSION_V4 && version != IPC_VERSION_V5) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED,
                      "Arrow metadata of version V%" PRId64 " is not supported, V4 and V5 are",
                      version + 1);
  }
  st = st == BR_OK ? flatbuffer_number(&root, IPC_MESSAGE_HEADER_TYPE, 1, 0, &m.type, err) : st;
  st = st == BR_OK ? flatbuffer_child(&root, IPC_MESSAGE_HEADER, &m.header, &there, err) : st;
  if (st == BR_OK && !there) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "An Arrow message without a header");
  }
  st = st == BR_OK ? read_body(r, &root, err) : st;
  if (st == BR_OK) {
    *ret_message = m;
  }
  return st;
}

/* Metadata and body of the next message. BR_DONE: the stream has ended. */
static br_status read_message(batch_ipc_reader *r, message *ret_message, br_error *err) {
  size_t length = 0;
  br_status st = read_frame(r, &length, err);
  st = st == BR_OK ? check_size(r, length, "metadata", err) : st;
  st = st == BR_OK ? read_into(r, &r->metadata, length, err) : st;
  return st == BR_OK ? open_message(r, ret_message, err) : st;
}

/* What is left of a record batch's nodes and buffers while its arrays are opened. */
typedef struct batch_parts {
  const br_buf *body;
  size_t rows;
  flatbuffer_vector nodes;
  flatbuffer_vector buffers;
  size_t next_node;
  size_t next_buffer;
} batch_parts;

static br_status read_parts(const batch_ipc_reader *r, const flatbuffer_table *header,
                            batch_parts *ret_parts, br_error *err) {
  int64_t rows = 0;
  flatbuffer_table compression = {0};
  bool compressed = false;
  batch_parts parts = {.body = &r->body};
  br_status st = flatbuffer_number(header, IPC_BATCH_LENGTH, 8, 0, &rows, err);
  if (st == BR_OK) {
    st = flatbuffer_items(header, IPC_BATCH_NODES, NODE_SIZE, &parts.nodes, err);
  }
  if (st == BR_OK) {
    st = flatbuffer_items(header, IPC_BATCH_BUFFERS, BUFFER_SIZE, &parts.buffers, err);
  }
  if (st == BR_OK) {
    st = flatbuffer_child(header, IPC_BATCH_COMPRESSION, &compression, &compressed, err);
  }
  if (st == BR_OK && compressed) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED, "Compressed Arrow messages are not supported");
  }
  if (st == BR_OK && rows < 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A message of %" PRId64 " rows", rows);
  }
  if (st == BR_OK && rows >= INT32_MAX) {
    st = br_error_set(err, BR_ERR_LIMIT, "A message of %" PRId64 " rows is too large", rows);
  }
  if (st == BR_OK) {
    parts.rows = (size_t)rows;
    *ret_parts = parts;
  }
  return st;
}

static br_status next_buffer(batch_parts *parts, const uint8_t **ret_bytes, size_t *ret_length,
                             br_error *err) {
  if (parts->next_buffer == parts->buffers.count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "Fewer buffers than its columns have");
  }
  const uint8_t *item = parts->buffers.items + parts->next_buffer++ * BUFFER_SIZE;
  uint64_t offset = br_load_u64le(item);
  uint64_t length = br_load_u64le(item + 8);
  if (offset > parts->body->len || length > parts->body->len - offset) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A buffer outside of the message's body");
  }
  static const uint8_t nothing[1] = {0};
  *ret_bytes = length == 0 ? nothing : parts->body->data + offset;
  *ret_length = (size_t)length;
  return BR_OK;
}

/* Takes the next array's node and buffers and checks them. */
static br_status open_array(batch_parts *parts, const ipc_wire *wire, ipc_array *ret_array,
                            br_error *err) {
  if (parts->next_node == parts->nodes.count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "Fewer nodes than there are columns");
  }
  const uint8_t *node = parts->nodes.items + parts->next_node++ * NODE_SIZE;
  uint64_t rows = br_load_u64le(node);
  uint64_t nulls = br_load_u64le(node + 8);
  if (rows != parts->rows || nulls > rows) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "A column of %" PRIu64 " rows and %" PRIu64 " NULLs among %zu rows", rows,
                        nulls, parts->rows);
  }
  ipc_array array = {.rows = parts->rows};
  const uint8_t *validity = NULL;
  unsigned buffers = ipc_wire_buffers(wire);
  br_status st = BR_OK;
  if (buffers > 0) {
    st = next_buffer(parts, &validity, &array.validity_length, err);
  }
  if (st == BR_OK && buffers > 1) {
    st = next_buffer(parts, &array.values, &array.values_length, err);
  }
  if (st == BR_OK && buffers > 2) {
    st = next_buffer(parts, &array.data, &array.data_length, err);
  }
  array.validity = nulls == 0 ? NULL : validity;
  st = st == BR_OK ? ipc_array_check(wire, &array, err) : st;
  if (st == BR_OK) {
    *ret_array = array;
  }
  return st;
}

static br_status check_all_used(const batch_parts *parts, br_error *err) {
  return parts->next_node == parts->nodes.count && parts->next_buffer == parts->buffers.count
             ? BR_OK
             : br_error_set(err, BR_ERR_PROTOCOL, "More nodes or buffers than columns have");
}

static const char *name_of(const batch_ipc_reader *r, size_t column) {
  return r->schema.schema->fields[column].name;
}

static br_status open_batch(batch_ipc_reader *r, const flatbuffer_table *header, br_error *err) {
  batch_parts parts = {0};
  br_status st = read_parts(r, header, &parts, err);
  for (size_t i = 0; st == BR_OK && i < r->schema.schema->count; i++) {
    st = open_array(&parts, &r->schema.columns[i].wire, &r->arrays[i], err);
    if (st != BR_OK) {
      st = br_error_context(err, st, "Column %s", name_of(r, i));
    }
  }
  st = st == BR_OK ? check_all_used(&parts, err) : st;
  if (st == BR_OK) {
    r->rows = parts.rows;
    r->next_row = 0;
  }
  return st;
}

/* All dictionaries together stay within one message's limit. */
static br_status check_dictionary_size(const batch_ipc_reader *r, const ipc_dictionary *d,
                                       size_t rows, br_error *err) {
  uint64_t bytes = r->body.len;
  for (size_t i = 0; i < r->schema.dictionary_count; i++) {
    const ipc_dictionary *other = &r->schema.dictionaries[i];
    bytes += other == d ? 0 : other->body_length;
  }
  br_status st = check_size(r, bytes, "dictionaries", err);
  /* Values of the null type and of no bytes take none of the body, but some in memory. */
  return st == BR_OK ? check_size(r, rows * (uint64_t)sizeof(int32_t), "offsets", err) : st;
}

static br_status fill_dictionary(batch_ipc_reader *r, ipc_dictionary *d,
                                 const flatbuffer_table *data, br_error *err) {
  batch_parts parts = {0};
  ipc_array array = {0};
  batch *values = NULL;
  br_status st = read_parts(r, data, &parts, err);
  st = st == BR_OK ? open_array(&parts, &d->wire, &array, err) : st;
  st = st == BR_OK ? check_all_used(&parts, err) : st;
  st = st == BR_OK ? check_dictionary_size(r, d, parts.rows, err) : st;
  st = st == BR_OK ? batch_new(d->schema, parts.rows, &values, err) : st;
  if (st == BR_OK) {
    st = ipc_array_slice(&d->wire, &array, 0, parts.rows, &values->columns[0], err);
  }
  if (st != BR_OK) {
    batch_free(values);
    return st;
  }
  values->rows = parts.rows;
  batch_free(d->values);
  d->values = values;
  d->body_length = r->body.len;
  return BR_OK;
}

static br_status read_dictionary(batch_ipc_reader *r, const flatbuffer_table *header,
                                 br_error *err) {
  int64_t id = 0;
  int64_t is_delta = 0;
  flatbuffer_table data = {0};
  bool there = false;
  br_status st = flatbuffer_number(header, IPC_DICTIONARY_BATCH_ID, 8, 0, &id, err);
  if (st == BR_OK) {
    st = flatbuffer_number(header, IPC_DICTIONARY_BATCH_DELTA, 1, 0, &is_delta, err);
  }
  if (st == BR_OK) {
    st = flatbuffer_child(header, IPC_DICTIONARY_BATCH_DATA, &data, &there, err);
  }
  if (st == BR_OK && is_delta != 0) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED,
                      "Arrow dictionaries that grow (delta) are not supported");
  }
  if (st == BR_OK && !there) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A dictionary without values");
  }
  if (st != BR_OK) {
    return st;
  }
  for (size_t i = 0; i < r->schema.dictionary_count; i++) {
    if (r->schema.dictionaries[i].id == id) {
      st = fill_dictionary(r, &r->schema.dictionaries[i], &data, err);
      return st == BR_OK ? st : br_error_context(err, st, "Dictionary %" PRId64, id);
    }
  }
  return br_error_set(err, BR_ERR_PROTOCOL, "Dictionary %" PRId64 " belongs to no column", id);
}

/* Reads messages until one has rows. BR_DONE: the stream has ended. */
static br_status read_rows(batch_ipc_reader *r, br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK && r->next_row == r->rows) {
    message m = {0};
    if ((st = read_message(r, &m, err)) != BR_OK) {
      break;
    }
    if (m.type == IPC_HEADER_BATCH) {
      st = open_batch(r, &m.header, err);
    } else if (m.type == IPC_HEADER_DICTIONARY) {
      st = read_dictionary(r, &m.header, err);
    } else {
      st = br_error_set(err, BR_ERR_PROTOCOL,
                        "An Arrow message of kind %" PRId64 " among record batches", m.type);
    }
  }
  return st;
}

static size_t column_row_bytes(const batch_ipc_reader *r, size_t column, size_t row) {
  const ipc_column *c = &r->schema.columns[column];
  const ipc_array *array = &r->arrays[column];
  return c->dictionary < 0
             ? ipc_array_value_length(&c->wire, array, row)
             : ipc_array_dictionary_value_length(&c->wire, array,
                                                 r->schema.dictionaries[c->dictionary].values, row);
}

/* How many of the `most` rows from next_row on fit into max_bytes; at least one. */
static size_t rows_within(const batch_ipc_reader *r, size_t most, size_t max_bytes) {
  const batch_schema *schema = r->schema.schema;
  size_t fixed = 0;
  for (size_t i = 0; i < schema->count; i++) {
    batch_layout layout = schema->fields[i].type.layout;
    fixed += batch_layout_has_offsets(layout) ? sizeof(int32_t) : batch_layout_width(layout);
  }
  size_t bytes = 0;
  size_t rows = 0;
  for (; rows < most; rows++) {
    bytes += fixed;
    for (size_t i = 0; i < schema->count && bytes <= max_bytes; i++) {
      if (batch_layout_has_offsets(schema->fields[i].type.layout)) {
        bytes += column_row_bytes(r, i, r->next_row + rows);
      }
    }
    if (bytes > max_bytes) {
      break;
    }
  }
  return rows == 0 ? 1 : rows;
}

static br_status slice_columns(batch_ipc_reader *r, size_t rows, batch *b, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < r->schema.schema->count; i++) {
    const ipc_column *c = &r->schema.columns[i];
    if (c->dictionary < 0) {
      st = ipc_array_slice(&c->wire, &r->arrays[i], r->next_row, rows, &b->columns[i], err);
    } else {
      st = ipc_array_slice_dictionary(&c->wire, &r->arrays[i],
                                      r->schema.dictionaries[c->dictionary].values, r->next_row,
                                      rows, &b->columns[i], err);
    }
    if (st != BR_OK) {
      st = br_error_context(err, st, "Column %s", name_of(r, i));
    }
  }
  return st;
}

static br_status next_rows(batch_ipc_reader *r, batch *b, size_t max_bytes, br_error *err) {
  br_status st = read_rows(r, err);
  if (st != BR_OK) {
    return st;
  }
  size_t left = r->rows - r->next_row;
  size_t most = left < b->capacity_rows ? left : b->capacity_rows;
  size_t limit = r->max_message * GROWTH_MAX;
  if (max_bytes != 0 || r->schema.dictionary_count > 0) {
    most = rows_within(r, most, max_bytes != 0 ? max_bytes : limit);
  }
  if ((st = slice_columns(r, most, b, err)) == BR_OK) {
    b->rows = most;
    r->next_row += most;
  }
  return st;
}

br_status batch_ipc_reader_next(batch_ipc_reader *reader, batch *b, size_t max_bytes,
                                br_error *err) {
  if (b->rows != 0 || b->capacity_rows == 0) {
    return br_error_set(err, BR_ERR_INTERNAL, "The batch to read into must be empty, with room");
  }
  if (reader->failed != BR_OK) {
    return br_error_set(err, reader->failed, "The Arrow stream broke before");
  }
  if (reader->ended) {
    return BR_DONE;
  }
  br_status st = next_rows(reader, b, max_bytes, err);
  if (st == BR_DONE) {
    reader->ended = true;
  } else if (st != BR_OK) {
    reader->failed = st;
    batch_reset(b, SIZE_MAX);
  }
  return st;
}

static br_status read_schema(batch_ipc_reader *r, br_error *err) {
  message m = {0};
  br_status st = read_message(r, &m, err);
  if (st == BR_DONE) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The Arrow stream is empty: it has no schema");
  }
  if (st == BR_OK && m.type != IPC_HEADER_SCHEMA) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The Arrow stream doesn't begin with its schema");
  }
  st = st == BR_OK ? ipc_schema_read(&m.header, &r->schema, err) : st;
  if (st == BR_OK) {
    r->arrays = br_calloc(r->schema.schema->count, sizeof *r->arrays);
    st = r->arrays == NULL ? br_error_nomem(err) : BR_OK;
  }
  return st;
}

br_status batch_ipc_reader_new(batch_ipc_read_fn read, void *context, size_t max_message,
                               batch_ipc_reader **ret_reader, br_error *err) {
  batch_ipc_reader *r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  r->read = read;
  r->context = context;
  r->max_message = max_message < INT32_MAX ? max_message : INT32_MAX;
  br_buf_init(&r->metadata, r->max_message);
  br_buf_init(&r->body, r->max_message);
  br_status st = read_schema(r, err);
  if (st != BR_OK) {
    batch_ipc_reader_free(r);
    return st;
  }
  *ret_reader = r;
  return BR_OK;
}

void batch_ipc_reader_free(batch_ipc_reader *reader) {
  if (reader == NULL) {
    return;
  }
  ipc_schema_done(&reader->schema);
  br_buf_done(&reader->metadata);
  br_buf_done(&reader->body);
  br_free(reader->arrays);
  br_free(reader);
}

const batch_schema *batch_ipc_reader_schema(const batch_ipc_reader *reader) {
  return reader->schema.schema;
}
