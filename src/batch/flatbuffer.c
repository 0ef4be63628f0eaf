#include "batch/flatbuffer.h"

#include <string.h>

enum {
  OFFSET = 4,       /* bytes of an offset and of a vector's count */
  VTABLE_HEAD = 4,  /* its own size and the table's, 16 bits each */
  VTABLE_ENTRY = 2, /* the place of a field in the table */
  FIELDS_MAX = 8,
};

static br_status broken(br_error *err) {
  return br_error_set(err, BR_ERR_PROTOCOL, "The metadata is broken: a place outside of it");
}

/* Whether length bytes at `at` are inside. */
static bool inside(size_t size, size_t at, size_t length) {
  return at <= size && length <= size - at;
}

static br_status open_table(const uint8_t *bytes, size_t size, size_t at,
                            flatbuffer_table *ret_table, br_error *err) {
  if (!inside(size, at, OFFSET)) {
    return broken(err);
  }
  int64_t vtable = (int64_t)at - (int32_t)br_load_u32le(bytes + at);
  if (vtable < 0 || !inside(size, (size_t)vtable, VTABLE_HEAD)) {
    return broken(err);
  }
  size_t vtable_span = br_load_u16le(bytes + vtable);
  size_t span = br_load_u16le(bytes + vtable + VTABLE_ENTRY);
  if (vtable_span < VTABLE_HEAD || !inside(size, (size_t)vtable, vtable_span) || span < OFFSET ||
      !inside(size, at, span)) {
    return broken(err);
  }
  *ret_table = (flatbuffer_table){bytes, size, at, span, (size_t)vtable, vtable_span};
  return BR_OK;
}

br_status flatbuffer_root(const uint8_t *bytes, size_t size, flatbuffer_table *ret_table,
                          br_error *err) {
  if (!inside(size, 0, OFFSET)) {
    return broken(err);
  }
  return open_table(bytes, size, br_load_u32le(bytes), ret_table, err);
}

/* The place of a field in the buffer; 0 = absent (no field lies there: the root offset does). */
static br_status field_place(const flatbuffer_table *table, unsigned slot, size_t width,
                             size_t *ret_place, br_error *err) {
  size_t entry = VTABLE_HEAD + (size_t)slot * VTABLE_ENTRY;
  size_t offset = entry + VTABLE_ENTRY <= table->vtable_span
                      ? br_load_u16le(table->bytes + table->vtable + entry)
                      : 0;
  if (offset != 0 && (offset < OFFSET || !inside(table->span, offset, width))) {
    return broken(err);
  }
  *ret_place = offset == 0 ? 0 : table->at + offset;
  return BR_OK;
}

br_status flatbuffer_number(const flatbuffer_table *table, unsigned slot, unsigned width,
                            int64_t missing, int64_t *ret_number, br_error *err) {
  size_t place = 0;
  br_status st = field_place(table, slot, width, &place, err);
  if (st != BR_OK) {
    return st;
  }
  const uint8_t *p = table->bytes + place;
  if (place == 0) {
    *ret_number = missing;
  } else if (width == 1) {
    *ret_number = *p - (*p >= 0x80 ? 0x100 : 0);
  } else if (width == 2) {
    *ret_number = (int16_t)br_load_u16le(p);
  } else if (width == 4) {
    *ret_number = (int32_t)br_load_u32le(p);
  } else {
    *ret_number = (int64_t)br_load_u64le(p);
  }
  return BR_OK;
}

/* Where the offset field `slot` leads; 0 = absent. */
static br_status follow(const flatbuffer_table *table, unsigned slot, size_t *ret_place,
                        br_error *err) {
  size_t place = 0;
  br_status st = field_place(table, slot, OFFSET, &place, err);
  if (st == BR_OK) {
    *ret_place = place == 0 ? 0 : place + br_load_u32le(table->bytes + place);
  }
  return st;
}

br_status flatbuffer_child(const flatbuffer_table *table, unsigned slot,
                           flatbuffer_table *ret_child, bool *ret_there, br_error *err) {
  size_t place = 0;
  br_status st = follow(table, slot, &place, err);
  if (st == BR_OK && place != 0) {
    st = open_table(table->bytes, table->size, place, ret_child, err);
  }
  if (st == BR_OK) {
    *ret_there = place != 0;
  }
  return st;
}

br_status flatbuffer_items(const flatbuffer_table *table, unsigned slot, size_t item_size,
                           flatbuffer_vector *ret_vector, br_error *err) {
  size_t place = 0;
  br_status st = follow(table, slot, &place, err);
  if (st != BR_OK) {
    return st;
  }
  if (place == 0) {
    *ret_vector = (flatbuffer_vector){table->bytes, 0, 0};
    return BR_OK;
  }
  if (!inside(table->size, place, OFFSET)) {
    return broken(err);
  }
  size_t count = br_load_u32le(table->bytes + place);
  if (!inside(table->size, place + OFFSET, count * item_size)) {
    return broken(err);
  }
  *ret_vector = (flatbuffer_vector){table->bytes + place + OFFSET, count, place + OFFSET};
  return BR_OK;
}

br_status flatbuffer_item_table(const flatbuffer_table *owner, const flatbuffer_vector *vector,
                                size_t index, flatbuffer_table *ret_table, br_error *err) {
  size_t from = index * OFFSET;
  return open_table(owner->bytes, owner->size,
                    vector->at + from + br_load_u32le(vector->items + from), ret_table, err);
}

br_status flatbuffer_begin(flatbuffer_writer *writer, br_buf *out, br_error *err) {
  *writer = (flatbuffer_writer){out, out->len};
  return br_buf_u32le(out, 0, err);
}

/* Zeros until the place `ahead` bytes from the end is a multiple of `step`. */
static br_status align(flatbuffer_writer *writer, size_t ahead, size_t step, br_error *err) {
  size_t over = (writer->out->len - writer->start + ahead) % step;
  return br_buf_fill(writer->out, 0, over == 0 ? 0 : step - over, err);
}

static void store(uint8_t *p, unsigned width, int64_t value) {
  for (unsigned i = 0; i < width; i++) {
    p[i] = (uint8_t)((uint64_t)value >> (8 * i));
  }
}

br_status flatbuffer_put_table(flatbuffer_writer *writer, flatbuffer_field *fields, size_t count,
                               size_t *ret_at, br_error *err) {
  /* Wide fields first, so that no gaps arise: the table lies at a multiple of 8 plus 4, its first
   * field 4 bytes on. */
  size_t places[FIELDS_MAX] = {0};
  size_t span = OFFSET;
  for (unsigned width = 8; width > 0; width /= 2) {
    for (size_t i = 0; i < count; i++) {
      if (fields[i].width == width) {
        places[i] = span;
        span += width;
      }
    }
  }
  size_t slots = count == 0 ? 0 : (size_t)fields[count - 1].slot + 1;
  size_t vtable_span = VTABLE_HEAD + slots * VTABLE_ENTRY;
  br_status st = align(writer, vtable_span + OFFSET, 8, err);
  if (st == BR_OK) {
    st = br_buf_fill(writer->out, 0, vtable_span + span, err);
  }
  if (st != BR_OK) {
    return st;
  }
  size_t at = writer->out->len - span;
  uint8_t *table = writer->out->data + at;
  uint8_t *vtable = table - vtable_span;
  store(vtable, 2, (int64_t)vtable_span);
  store(vtable + VTABLE_ENTRY, 2, (int64_t)span);
  store(table, OFFSET, (int64_t)vtable_span);
  for (size_t i = 0; i < count; i++) {
    store(vtable + VTABLE_HEAD + (size_t)fields[i].slot * VTABLE_ENTRY, 2, (int64_t)places[i]);
    store(table + places[i], fields[i].width, fields[i].value);
    fields[i].at = at + places[i];
  }
  *ret_at = at;
  return BR_OK;
}

br_status flatbuffer_put_vector(flatbuffer_writer *writer, size_t count, size_t item_size,
                                size_t *ret_at, br_error *err) {
  br_status st = align(writer, OFFSET, 8, err);
  size_t at = writer->out->len;
  st = st == BR_OK ? br_buf_u32le(writer->out, (uint32_t)count, err) : st;
  st = st == BR_OK ? br_buf_fill(writer->out, 0, count * item_size, err) : st;
  if (st == BR_OK) {
    *ret_at = at;
  }
  return st;
}

br_status flatbuffer_put_string(flatbuffer_writer *writer, const char *text, size_t *ret_at,
                                br_error *err) {
  size_t length = strlen(text);
  br_status st = align(writer, 0, OFFSET, err);
  size_t at = writer->out->len;
  st = st == BR_OK ? br_buf_u32le(writer->out, (uint32_t)length, err) : st;
  st = st == BR_OK ? br_buf_append(writer->out, text, length + 1, err) : st;
  if (st == BR_OK) {
    *ret_at = at;
  }
  return st;
}

void flatbuffer_link(flatbuffer_writer *writer, size_t from, size_t to) {
  br_store_u32le(writer->out->data + from, (uint32_t)(to - from));
}

br_status flatbuffer_end(flatbuffer_writer *writer, br_error *err) {
  return align(writer, 0, 8, err);
}
