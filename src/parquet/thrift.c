#include "parquet/thrift.h"

#include <inttypes.h>
#include <string.h>

size_t parquet_varint_put(uint8_t *out, uint64_t value) {
  size_t n = 0;
  while (value >= 0x80) {
    out[n++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out[n++] = (uint8_t)value;
  return n;
}

static uint64_t zigzag(int64_t value) {
  return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

parquet_thrift_writer parquet_thrift_writer_of(br_buf *out, br_error *err) {
  return (parquet_thrift_writer){.out = out, .err = err, .status = BR_OK};
}

br_status parquet_thrift_status(const parquet_thrift_writer *w) {
  return w->status;
}

static void put(parquet_thrift_writer *w, const void *bytes, size_t length) {
  if (w->status == BR_OK) {
    w->status = br_buf_append(w->out, bytes, length, w->err);
  }
}

static void put_varint(parquet_thrift_writer *w, uint64_t value) {
  uint8_t bytes[PARQUET_VARINT_MAX];
  put(w, bytes, parquet_varint_put(bytes, value));
}

static void put_byte(parquet_thrift_writer *w, unsigned byte) {
  uint8_t b = (uint8_t)byte;
  put(w, &b, 1);
}

/* Ids go up in every structure of Parquet, so the short form (a difference of 1..15) is common. */
static void put_field(parquet_thrift_writer *w, int id, parquet_thrift_type type) {
  int step = id - w->last_id[w->depth];
  if (step > 0 && step <= 15) {
    put_byte(w, (unsigned)step << 4 | (unsigned)type);
  } else {
    put_byte(w, (unsigned)type);
    put_varint(w, zigzag(id));
  }
  w->last_id[w->depth] = id;
}

static void open_struct(parquet_thrift_writer *w) {
  if (w->depth + 1 >= PARQUET_THRIFT_DEPTH_MAX) {
    w->status = br_error_set(w->err, BR_ERR_INTERNAL, "Parquet metadata nested too deeply");
    return;
  }
  w->last_id[++w->depth] = 0;
}

void parquet_thrift_bool(parquet_thrift_writer *w, int id, bool value) {
  put_field(w, id, value ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_i8(parquet_thrift_writer *w, int id, int8_t value) {
  put_field(w, id, PARQUET_THRIFT_BYTE);
  put_byte(w, (uint8_t)value);
}

void parquet_thrift_i16(parquet_thrift_writer *w, int id, int16_t value) {
  put_field(w, id, PARQUET_THRIFT_I16);
  put_varint(w, zigzag(value));
}

void parquet_thrift_i32(parquet_thrift_writer *w, int id, int32_t value) {
  put_field(w, id, PARQUET_THRIFT_I32);
  put_varint(w, zigzag(value));
}

void parquet_thrift_i64(parquet_thrift_writer *w, int id, int64_t value) {
  put_field(w, id, PARQUET_THRIFT_I64);
  put_varint(w, zigzag(value));
}

void parquet_thrift_binary(parquet_thrift_writer *w, int id, const void *bytes, size_t length) {
  put_field(w, id, PARQUET_THRIFT_BINARY);
  parquet_thrift_element_binary(w, bytes, length);
}

void parquet_thrift_text(parquet_thrift_writer *w, int id, const char *text) {
  parquet_thrift_binary(w, id, text, strlen(text));
}

void parquet_thrift_struct(parquet_thrift_writer *w, int id) {
  put_field(w, id, PARQUET_THRIFT_STRUCT);
  open_struct(w);
}

void parquet_thrift_empty(parquet_thrift_writer *w, int id) {
  parquet_thrift_struct(w, id);
  parquet_thrift_end(w);
}

void parquet_thrift_list(parquet_thrift_writer *w, int id, parquet_thrift_type type, size_t count) {
  put_field(w, id, PARQUET_THRIFT_LIST);
  if (count < 15) {
    put_byte(w, (unsigned)count << 4 | (unsigned)type);
  } else {
    put_byte(w, 0xF0U | (unsigned)type);
    put_varint(w, count);
  }
}

void parquet_thrift_element_struct(parquet_thrift_writer *w) {
  open_struct(w);
}

void parquet_thrift_element_bool(parquet_thrift_writer *w, bool value) {
  put_byte(w, value ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_element_int(parquet_thrift_writer *w, int64_t value) {
  put_varint(w, zigzag(value));
}

void parquet_thrift_element_binary(parquet_thrift_writer *w, const void *bytes, size_t length) {
  put_varint(w, length);
  put(w, bytes, length);
}

void parquet_thrift_element_text(parquet_thrift_writer *w, const char *text) {
  parquet_thrift_element_binary(w, text, strlen(text));
}

void parquet_thrift_end(parquet_thrift_writer *w) {
  put_byte(w, PARQUET_THRIFT_STOP);
  if (w->depth > 0) {
    w->depth--;
  }
}

br_status parquet_varint_get(br_reader *in, uint64_t *ret_value, br_error *err) {
  uint64_t value = 0;
  size_t pos = in->pos;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (pos == in->len) {
      return br_error_set(err, BR_ERR_DATA, "Parquet: a number ends early");
    }
    uint8_t byte = in->data[pos++];
    value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) {
      in->pos = pos;
      *ret_value = value;
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_DATA, "Parquet: a number is longer than 64 bits");
}

static br_status get_byte(br_reader *in, uint8_t *ret_byte, br_error *err) {
  if (in->pos == in->len) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata ends early");
  }
  *ret_byte = in->data[in->pos++];
  return BR_OK;
}

static br_status get_signed(br_reader *in, int64_t *ret_value, br_error *err) {
  uint64_t raw = 0;
  br_status st = parquet_varint_get(in, &raw, err);
  if (st == BR_OK) {
    *ret_value = parquet_unzigzag(raw);
  }
  return st;
}

br_status parquet_thrift_next(br_reader *in, parquet_thrift_field *field, br_error *err) {
  uint8_t head = 0;
  br_status st = get_byte(in, &head, err);
  if (st != BR_OK) {
    return st;
  }
  unsigned type = head & 0x0FU;
  if (type > PARQUET_THRIFT_STRUCT) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata has the unknown type %u", type);
  }
  int64_t id = field->id + (head >> 4);
  if (type != PARQUET_THRIFT_STOP && head >> 4 == 0 && (st = get_signed(in, &id, err)) != BR_OK) {
    return st;
  }
  if (id < INT16_MIN || id > INT16_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata has the field id %" PRId64, id);
  }
  field->id = (int)id;
  field->type = (parquet_thrift_type)type;
  return BR_OK;
}

static br_status wrong_type(const parquet_thrift_field *field, br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "Parquet: field %d of the metadata has the wrong type %d",
                      field->id, (int)field->type);
}

br_status parquet_thrift_get_bool(const parquet_thrift_field *field, bool *ret_value,
                                  br_error *err) {
  if (field->type != PARQUET_THRIFT_TRUE && field->type != PARQUET_THRIFT_FALSE) {
    return wrong_type(field, err);
  }
  *ret_value = field->type == PARQUET_THRIFT_TRUE;
  return BR_OK;
}

br_status parquet_thrift_get_i8(br_reader *in, const parquet_thrift_field *field, int8_t *ret_value,
                                br_error *err) {
  uint8_t byte = 0;
  if (field->type != PARQUET_THRIFT_BYTE) {
    return wrong_type(field, err);
  }
  br_status st = get_byte(in, &byte, err);
  if (st == BR_OK) {
    *ret_value = (int8_t)byte;
  }
  return st;
}

br_status parquet_thrift_get_i64(br_reader *in, const parquet_thrift_field *field,
                                 int64_t *ret_value, br_error *err) {
  if (field->type != PARQUET_THRIFT_I16 && field->type != PARQUET_THRIFT_I32 &&
      field->type != PARQUET_THRIFT_I64) {
    return wrong_type(field, err);
  }
  return get_signed(in, ret_value, err);
}

br_status parquet_thrift_get_i32(br_reader *in, const parquet_thrift_field *field,
                                 int32_t *ret_value, br_error *err) {
  int64_t value = 0;
  br_status st = parquet_thrift_get_i64(in, field, &value, err);
  if (st != BR_OK) {
    return st;
  }
  if (value < INT32_MIN || value > INT32_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: field %d of the metadata is out of range",
                        field->id);
  }
  *ret_value = (int32_t)value;
  return BR_OK;
}

static br_status get_bytes(br_reader *in, const uint8_t **ret_bytes, size_t *ret_length,
                           br_error *err) {
  uint64_t length = 0;
  br_status st = parquet_varint_get(in, &length, err);
  if (st != BR_OK) {
    return st;
  }
  if (length > br_reader_left(in)) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: text of the metadata ends early");
  }
  *ret_bytes = in->data + in->pos;
  *ret_length = (size_t)length;
  in->pos += (size_t)length;
  return BR_OK;
}

br_status parquet_thrift_get_binary(br_reader *in, const parquet_thrift_field *field,
                                    const uint8_t **ret_bytes, size_t *ret_length, br_error *err) {
  return field->type == PARQUET_THRIFT_BINARY ? get_bytes(in, ret_bytes, ret_length, err)
                                              : wrong_type(field, err);
}

br_status parquet_thrift_want_struct(const parquet_thrift_field *field, br_error *err) {
  return field->type == PARQUET_THRIFT_STRUCT ? BR_OK : wrong_type(field, err);
}

/* The head of a list or set: type of the elements and their count. Every element has a byte at
 * least, so a count over the bytes left is a lie. */
static br_status get_list_head(br_reader *in, parquet_thrift_type *ret_type, size_t *ret_count,
                               br_error *err) {
  uint8_t head = 0;
  br_status st = get_byte(in, &head, err);
  if (st != BR_OK) {
    return st;
  }
  uint64_t count = head >> 4;
  if (count == 15 && (st = parquet_varint_get(in, &count, err)) != BR_OK) {
    return st;
  }
  if (count > br_reader_left(in)) {
    return br_error_set(err, BR_ERR_DATA,
                        "Parquet: a list of the metadata claims %" PRIu64 " entries", count);
  }
  if ((head & 0x0FU) > PARQUET_THRIFT_STRUCT) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata has the unknown type %u",
                        head & 0x0FU);
  }
  *ret_type = (parquet_thrift_type)(head & 0x0FU);
  *ret_count = (size_t)count;
  return BR_OK;
}

br_status parquet_thrift_get_list(br_reader *in, const parquet_thrift_field *field,
                                  parquet_thrift_type type, size_t *ret_count, br_error *err) {
  parquet_thrift_type found = PARQUET_THRIFT_STOP;
  size_t count = 0;
  if (field->type != PARQUET_THRIFT_LIST) {
    return wrong_type(field, err);
  }
  br_status st = get_list_head(in, &found, &count, err);
  if (st != BR_OK) {
    return st;
  }
  if (count > 0 && found != type) {
    return wrong_type(field, err);
  }
  *ret_count = count;
  return BR_OK;
}

static br_status skip_value(br_reader *in, parquet_thrift_type type, bool in_list, unsigned depth,
                            br_error *err);

static br_status skip_list(br_reader *in, unsigned depth, br_error *err) {
  parquet_thrift_type type = PARQUET_THRIFT_STOP;
  size_t count = 0;
  br_status st = get_list_head(in, &type, &count, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = skip_value(in, type, true, depth + 1, err);
  }
  return st;
}

static br_status skip_map(br_reader *in, unsigned depth, br_error *err) {
  uint64_t count = 0;
  uint8_t types = 0;
  br_status st = parquet_varint_get(in, &count, err);
  if (st != BR_OK || count == 0) {
    return st;
  }
  if (count > br_reader_left(in)) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a map of the metadata is too long");
  }
  st = get_byte(in, &types, err);
  for (uint64_t i = 0; st == BR_OK && i < count; i++) {
    st = skip_value(in, (parquet_thrift_type)(types >> 4), true, depth + 1, err);
    if (st == BR_OK) {
      st = skip_value(in, (parquet_thrift_type)(types & 0x0F), true, depth + 1, err);
    }
  }
  return st;
}

static br_status skip_struct(br_reader *in, unsigned depth, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = parquet_thrift_next(in, &field, err);
  while (st == BR_OK && field.type != PARQUET_THRIFT_STOP) {
    st = skip_value(in, field.type, false, depth + 1, err);
    if (st == BR_OK) {
      st = parquet_thrift_next(in, &field, err);
    }
  }
  return st;
}

static br_status skip_bytes(br_reader *in, size_t count, br_error *err) {
  if (count > br_reader_left(in)) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata ends early");
  }
  in->pos += count;
  return BR_OK;
}

static br_status skip_value(br_reader *in, parquet_thrift_type type, bool in_list, unsigned depth,
                            br_error *err) {
  uint64_t number = 0;
  const uint8_t *bytes = NULL;
  size_t length = 0;
  if (depth > PARQUET_THRIFT_DEPTH_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: metadata is nested too deeply");
  }
  switch (type) {
  case PARQUET_THRIFT_TRUE:
  case PARQUET_THRIFT_FALSE:
    return in_list ? skip_bytes(in, 1, err) : BR_OK;
  case PARQUET_THRIFT_BYTE:
    return skip_bytes(in, 1, err);
  case PARQUET_THRIFT_DOUBLE:
    return skip_bytes(in, 8, err);
  case PARQUET_THRIFT_I16:
  case PARQUET_THRIFT_I32:
  case PARQUET_THRIFT_I64:
    return parquet_varint_get(in, &number, err);
  case PARQUET_THRIFT_BINARY:
    return get_bytes(in, &bytes, &length, err);
  case PARQUET_THRIFT_LIST:
  case PARQUET_THRIFT_SET:
    return skip_list(in, depth, err);
  case PARQUET_THRIFT_MAP:
    return skip_map(in, depth, err);
  case PARQUET_THRIFT_STRUCT:
    return skip_struct(in, depth, err);
  case PARQUET_THRIFT_STOP:
    break;
  }
  return br_error_set(err, BR_ERR_DATA, "Parquet: metadata has the unknown type %d", (int)type);
}

br_status parquet_thrift_skip(br_reader *in, parquet_thrift_type type, br_error *err) {
  return skip_value(in, type, false, 0, err);
}
