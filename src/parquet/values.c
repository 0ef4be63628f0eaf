#include "parquet/values.h"

#include <string.h>

static br_status too_few(br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "Parquet: a page has too few values");
}

unsigned parquet_number_width(parquet_physical physical) {
  static const uint8_t widths[PARQUET_PHYSICAL_COUNT] = {
      [PARQUET_BOOLEAN] = 1, [PARQUET_INT32] = 4, [PARQUET_INT64] = 8,
      [PARQUET_INT96] = 12,  [PARQUET_FLOAT] = 4, [PARQUET_DOUBLE] = 8,
  };
  return widths[physical];
}

/* The next PLAIN byte string. */
static br_status plain_string(const parquet_leaf *leaf, br_reader *in, parquet_bytes_view *view,
                              br_error *err) {
  uint64_t length = leaf->type_length;
  if (leaf->physical == PARQUET_BYTE_ARRAY) {
    if (br_reader_left(in) < 4) {
      return too_few(err);
    }
    length = br_load_u32le(in->data + in->pos);
    in->pos += 4;
  }
  if (length > br_reader_left(in)) {
    return too_few(err);
  }
  *view = (parquet_bytes_view){in->data + in->pos, (size_t)length};
  in->pos += (size_t)length;
  return BR_OK;
}

br_status parquet_dictionary_page_open(parquet_dictionary_page *d, const parquet_leaf *leaf,
                                       size_t count, br_error *err) {
  unsigned width = parquet_number_width(leaf->physical);
  d->count = count;
  br_buf_clear(&d->strings);
  if (leaf->physical == PARQUET_BOOLEAN) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a dictionary of booleans");
  }
  if (width != 0) {
    d->present = true;
    return count <= d->page.len / width ? BR_OK : too_few(err);
  }
  br_reader in = br_reader_of(d->page.data, d->page.len);
  for (size_t i = 0; i < count; i++) {
    parquet_bytes_view view = {NULL, 0};
    br_status st = plain_string(leaf, &in, &view, err);
    if (st == BR_OK) {
      st = br_buf_append(&d->strings, &view, sizeof view, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  d->present = true;
  return BR_OK;
}

void parquet_dictionary_page_done(parquet_dictionary_page *d) {
  br_buf_done(&d->page);
  br_buf_done(&d->strings);
}

static br_status open_indexes(parquet_values *v, br_error *err) {
  if (!v->dictionary->present) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a page needs a dictionary that isn't there");
  }
  if (br_reader_left(&v->in) == 0) {
    v->rle = parquet_rle_decoder_of(v->in.data, 0, 0);
    return BR_OK;
  }
  unsigned width = v->in.data[v->in.pos++];
  if (width > 32) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: dictionary indexes of %u bits", width);
  }
  v->rle = parquet_rle_decoder_of(v->in.data + v->in.pos, br_reader_left(&v->in), width);
  return BR_OK;
}

/* Booleans in a V1 or V2 page: a length of 4 bytes, then runs. */
static br_status open_bool_runs(parquet_values *v, br_error *err) {
  if (br_reader_left(&v->in) < 4) {
    return too_few(err);
  }
  uint32_t length = br_load_u32le(v->in.data + v->in.pos);
  if (length > br_reader_left(&v->in) - 4) {
    return too_few(err);
  }
  v->rle = parquet_rle_decoder_of(v->in.data + v->in.pos + 4, length, 1);
  return BR_OK;
}

/* Lengths first, then all bytes. */
static br_status open_delta_lengths(parquet_values *v, br_error *err) {
  const uint8_t *start = v->in.data + v->in.pos;
  size_t length = br_reader_left(&v->in);
  br_status st = parquet_delta_open(&v->delta, start, length, err);
  if (st != BR_OK) {
    return st;
  }
  parquet_delta ahead = v->delta;
  size_t end = 0;
  st = parquet_delta_skip_all(&ahead, &end, err);
  v->in.pos += st == BR_OK ? end : 0;
  return st;
}

static br_status open_delta_strings(parquet_values *v, br_error *err) {
  br_status st =
      parquet_delta_open(&v->prefixes, v->in.data + v->in.pos, br_reader_left(&v->in), err);
  if (st != BR_OK) {
    return st;
  }
  parquet_delta ahead = v->prefixes;
  size_t end = 0;
  st = parquet_delta_skip_all(&ahead, &end, err);
  if (st != BR_OK) {
    return st;
  }
  v->in.pos += end;
  br_buf_clear(&v->text);
  return open_delta_lengths(v, err);
}

static br_status open_split(parquet_values *v, br_error *err) {
  unsigned width = v->width != 0 ? v->width : v->leaf->type_length;
  size_t length = br_reader_left(&v->in);
  if (width == 0 || v->leaf->physical == PARQUET_BOOLEAN || length % width != 0) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a split page of broken length");
  }
  v->split_count = length / width;
  v->split_at = 0;
  return BR_OK;
}

static br_status not_for_type(const parquet_values *v, br_error *err) {
  return br_error_set(err, BR_ERR_UNSUPPORTED,
                      "Parquet: encoding %d of column %s is not supported for its type",
                      (int)v->encoding, v->leaf->name);
}

br_status parquet_values_open(parquet_values *v, const parquet_leaf *leaf,
                              const parquet_dictionary_page *dictionary, parquet_encoding encoding,
                              const uint8_t *bytes, size_t length, br_error *err) {
  v->leaf = leaf;
  v->dictionary = dictionary;
  v->encoding = encoding;
  v->width = parquet_number_width(leaf->physical);
  v->in = br_reader_of(bytes, length);
  v->bit = 0;
  if (v->text.max == 0) {
    br_buf_init(&v->text, INT32_MAX);
  }
  bool integer = leaf->physical == PARQUET_INT32 || leaf->physical == PARQUET_INT64;
  switch (encoding) {
  case PARQUET_PLAIN:
    return BR_OK;
  case PARQUET_PLAIN_DICTIONARY:
  case PARQUET_RLE_DICTIONARY:
    return open_indexes(v, err);
  case PARQUET_RLE:
    return leaf->physical == PARQUET_BOOLEAN ? open_bool_runs(v, err) : not_for_type(v, err);
  case PARQUET_DELTA_BINARY_PACKED:
    return integer ? parquet_delta_open(&v->delta, bytes, length, err) : not_for_type(v, err);
  case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
    return leaf->physical == PARQUET_BYTE_ARRAY ? open_delta_lengths(v, err) : not_for_type(v, err);
  case PARQUET_DELTA_BYTE_ARRAY:
    return v->width == 0 ? open_delta_strings(v, err) : not_for_type(v, err);
  case PARQUET_BYTE_STREAM_SPLIT:
    return open_split(v, err);
  case PARQUET_BIT_PACKED:
    break;
  }
  return not_for_type(v, err);
}

void parquet_values_done(parquet_values *v) {
  br_buf_done(&v->text);
}

static br_status next_plain(parquet_values *v, size_t count, parquet_piece *piece, br_error *err) {
  if (v->leaf->physical == PARQUET_BOOLEAN) {
    if (count > v->in.len * 8 - v->bit) {
      return too_few(err);
    }
    for (size_t i = 0; i < count; i++, v->bit++) {
      piece->numbers[i] = v->in.data[v->bit >> 3] >> (v->bit & 7) & 1;
    }
    return BR_OK;
  }
  if (v->width != 0) {
    if (count > br_reader_left(&v->in) / v->width) {
      return too_few(err);
    }
    memcpy(piece->numbers, v->in.data + v->in.pos, count * v->width);
    v->in.pos += count * v->width;
    return BR_OK;
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = plain_string(v->leaf, &v->in, &piece->strings[i], err);
  }
  return st;
}

static br_status next_indexed(parquet_values *v, size_t count, parquet_piece *piece,
                              br_error *err) {
  uint32_t indexes[PARQUET_PIECE];
  br_status st = parquet_rle_decode(&v->rle, indexes, count, err);
  if (st != BR_OK) {
    return st;
  }
  const parquet_dictionary_page *d = v->dictionary;
  const parquet_bytes_view *strings = (const parquet_bytes_view *)(const void *)d->strings.data;
  for (size_t i = 0; i < count; i++) {
    if (indexes[i] >= d->count) {
      return br_error_set(err, BR_ERR_DATA, "Parquet: index %u into a dictionary of %zu values",
                          indexes[i], d->count);
    }
    if (v->width != 0) {
      memcpy(piece->numbers + i * v->width, d->page.data + (size_t)indexes[i] * v->width, v->width);
    } else {
      piece->strings[i] = strings[indexes[i]];
    }
  }
  return BR_OK;
}

static br_status next_bool_runs(parquet_values *v, size_t count, parquet_piece *piece,
                                br_error *err) {
  uint32_t bits[PARQUET_PIECE];
  br_status st = parquet_rle_decode(&v->rle, bits, count, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    piece->numbers[i] = (uint8_t)bits[i];
  }
  return st;
}

static br_status next_delta(parquet_values *v, size_t count, parquet_piece *piece, br_error *err) {
  for (size_t i = 0; i < count; i++) {
    int64_t value = 0;
    br_status st = parquet_delta_next(&v->delta, &value, err);
    if (st != BR_OK) {
      return st;
    }
    /* Of an INT32 the low half: its arithmetic wraps at 32 bits. */
    uint8_t bytes[8];
    br_store_u64le(bytes, (uint64_t)value);
    memcpy(piece->numbers + i * v->width, bytes, v->width);
  }
  return BR_OK;
}

/* The next string of bytes behind all lengths. */
static br_status next_delta_length(parquet_values *v, parquet_bytes_view *view, br_error *err) {
  int64_t length = 0;
  br_status st = parquet_delta_next(&v->delta, &length, err);
  if (st != BR_OK) {
    return st;
  }
  if (length < 0 || (uint64_t)length > br_reader_left(&v->in)) {
    return too_few(err);
  }
  *view = (parquet_bytes_view){v->in.data + v->in.pos, (size_t)length};
  v->in.pos += (size_t)length;
  return BR_OK;
}

/* One string: so many bytes of the one before, then its own. */
static br_status next_delta_string(parquet_values *v, parquet_bytes_view *view, br_error *err) {
  int64_t prefix = 0;
  parquet_bytes_view suffix = {NULL, 0};
  br_status st = parquet_delta_next(&v->prefixes, &prefix, err);
  if (st == BR_OK) {
    st = next_delta_length(v, &suffix, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (prefix < 0 || (uint64_t)prefix > v->text.len) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a string shares more than there is");
  }
  v->text.len = (size_t)prefix;
  st = br_buf_append(&v->text, suffix.bytes, suffix.length, err);
  if (st != BR_OK) {
    return st;
  }
  if (v->leaf->physical == PARQUET_FIXED_LEN_BYTE_ARRAY && v->text.len != v->leaf->type_length) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a value of the wrong length");
  }
  static const uint8_t nothing[1];
  *view = (parquet_bytes_view){v->text.len == 0 ? nothing : v->text.data, v->text.len};
  return BR_OK;
}

/* Byte b of value i stands at b × values + i. */
static void gather(const parquet_values *v, uint8_t *out, unsigned width) {
  for (unsigned b = 0; b < width; b++) {
    out[b] = v->in.data[b * v->split_count + v->split_at];
  }
}

static br_status next_split(parquet_values *v, size_t count, parquet_piece *piece,
                            size_t *ret_count, br_error *err) {
  if (count > v->split_count - v->split_at) {
    return too_few(err);
  }
  if (v->width != 0) {
    for (size_t i = 0; i < count; i++, v->split_at++) {
      gather(v, piece->numbers + i * v->width, v->width);
    }
    return BR_OK;
  }
  br_buf_clear(&v->text);
  br_status st = br_buf_reserve(&v->text, v->leaf->type_length, err);
  if (st == BR_OK) {
    gather(v, v->text.data, v->leaf->type_length);
    v->split_at++;
    piece->strings[0] = (parquet_bytes_view){v->text.data, v->leaf->type_length};
    *ret_count = 1;
  }
  return st;
}

br_status parquet_values_next(parquet_values *v, size_t count, parquet_piece *piece,
                              size_t *ret_count, br_error *err) {
  br_status st = BR_OK;
  count = count < PARQUET_PIECE ? count : PARQUET_PIECE;
  *ret_count = count;
  switch (v->encoding) {
  case PARQUET_PLAIN:
    return next_plain(v, count, piece, err);
  case PARQUET_PLAIN_DICTIONARY:
  case PARQUET_RLE_DICTIONARY:
    return next_indexed(v, count, piece, err);
  case PARQUET_RLE:
    return next_bool_runs(v, count, piece, err);
  case PARQUET_DELTA_BINARY_PACKED:
    return next_delta(v, count, piece, err);
  case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
    for (size_t i = 0; st == BR_OK && i < count; i++) {
      st = next_delta_length(v, &piece->strings[i], err);
    }
    return st;
  case PARQUET_DELTA_BYTE_ARRAY:
    *ret_count = 1;
    return next_delta_string(v, &piece->strings[0], err);
  case PARQUET_BYTE_STREAM_SPLIT:
    return next_split(v, count, piece, ret_count, err);
  case PARQUET_BIT_PACKED:
    break;
  }
  return not_for_type(v, err);
}
