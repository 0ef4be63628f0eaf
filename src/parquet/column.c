/* Filling a column's open page. */
#include "parquet/column.h"

#include <string.h>

#include "base/mem.h"
#include "batch/value.h"
#include "parquet/bits.h"

enum {
  PIECE = 1024, /* rows gathered at a time */
};

/* A dictionary is given up where, after so many values, more than this are different ones, or a
 * larger part than that of their bytes is in the dictionary: in columns of free text it is the
 * short values that repeat. The first look is early so that columns of unique values cost next to
 * nothing; dictionaries of up to some 30,000 values pass both. */
static const struct {
  size_t values;
  uint32_t distinct;
} samples[] = {{512, 508}, {4096, 3900}};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

void parquet_column_init(parquet_column *column, const batch_field *field,
                         const parquet_encoder *encoder) {
  *column = (parquet_column){.field = field, .kind = parquet_kind_of(field->type.layout)};
  column->width = parquet_plain_width(&field->type);
  bool number = column->width != 0 && column->kind->physical != PARQUET_FIXED_LEN_BYTE_ARRAY;
  parquet_dictionary_init(&column->dictionary, number ? column->width : 0,
                          number ? 0 : column->width, encoder->dictionary_bytes);
  column->mode =
      column->kind->physical == PARQUET_BOOLEAN ? PARQUET_MODE_PLAIN : PARQUET_MODE_TRYING;
  br_buf_init(&column->valid, SIZE_MAX);
  br_buf_init(&column->plain, SIZE_MAX);
  br_buf_init(&column->indexes, SIZE_MAX);
  br_buf_init(&column->pages, SIZE_MAX);
}

static void free_page(parquet_column *column) {
  br_buf_done(&column->valid);
  br_buf_done(&column->plain);
  br_buf_done(&column->indexes);
  br_buf_done(&column->pages);
  parquet_dictionary_done(&column->dictionary);
}

void parquet_column_done(parquet_column *column, parquet_encoder *encoder) {
  parquet_rope_clear(&column->rope, &encoder->pool);
  parquet_rope_clear(&column->giant.rope, &encoder->pool);
  free_page(column);
}

void parquet_column_next_group(parquet_column *column, parquet_encoder *encoder, bool trim) {
  parquet_rope_clear(&column->rope, &encoder->pool);
  parquet_rope_clear(&column->giant.rope, &encoder->pool);
  if (trim) {
    free_page(column);
  }
  br_buf_clear(&column->pages);
  parquet_dictionary_clear(&column->dictionary);
  column->giant = (parquet_giant){0};
  column->chunk_rows = 0;
  column->raw_bytes = 0;
  column->sampled = 0;
  column->earlier = column->later = (parquet_mark){0};
  if (column->kind->physical != PARQUET_BOOLEAN) {
    column->mode = column->plain_groups > 0 ? PARQUET_MODE_PLAIN : PARQUET_MODE_TRYING;
    column->plain_groups -= column->plain_groups > 0;
  }
}

size_t parquet_column_memory(const parquet_column *column) {
  return column->valid.cap + column->plain.cap + column->indexes.cap + column->pages.cap +
         parquet_dictionary_memory(&column->dictionary);
}

size_t parquet_column_pending(const parquet_column *column) {
  return column->plain.len / 2 + column->indexes.len / 4 + column->dictionary.values.len / 2;
}

/* Room for more bytes of PLAIN values; the first ones go behind the room for levels. */
static br_status reserve_plain(parquet_column *column, size_t more, br_error *err) {
  br_status st = BR_OK;
  if (column->plain.len == 0) {
    st = br_buf_fill(&column->plain, 0, PARQUET_HEADROOM, err);
  }
  return st == BR_OK ? br_buf_reserve(&column->plain, more, err) : st;
}

static br_status plain_fixed(parquet_column *column, const uint8_t *values, size_t count,
                             br_error *err) {
  br_status st = reserve_plain(column, count * column->width, err);
  return st == BR_OK ? br_buf_append(&column->plain, values, count * column->width, err) : st;
}

static br_status plain_strings(parquet_column *column, const uint8_t *data, const int32_t *offsets,
                               size_t count, br_error *err) {
  size_t bytes = (size_t)(offsets[count] - offsets[0]) + 4 * count;
  br_status st = reserve_plain(column, bytes, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *out = column->plain.data + column->plain.len;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *value = data + offsets[i];
    size_t length = (size_t)(offsets[i + 1] - offsets[i]);
    br_store_u32le(out, (uint32_t)length);
    memcpy(out + 4, value, length);
    out += 4 + length;
    parquet_stats_bytes(&column->stats, value, length);
  }
  column->plain.len += bytes;
  return BR_OK;
}

/* Numbers and other values of one width: copied without a check for each. */
static br_status spell_out_fixed(parquet_column *column, const uint32_t *indexes, size_t count,
                                 br_error *err) {
  const uint8_t *values = column->dictionary.values.data;
  size_t width = column->width;
  br_status st = reserve_plain(column, count * width, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *out = column->plain.data + column->plain.len;
  for (size_t i = 0; i < count; i++) {
    memcpy(out + i * width, values + indexes[i] * width, width);
  }
  column->plain.len += count * width;
  return BR_OK;
}

br_status parquet_column_spell_out(parquet_column *column, br_error *err) {
  const uint32_t *indexes = (const uint32_t *)(const void *)column->indexes.data;
  size_t count = column->indexes.len / sizeof *indexes;
  if (column->width != 0) {
    return spell_out_fixed(column, indexes, count, err);
  }
  br_status st = reserve_plain(column, column->plain_bytes, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    size_t length = 0;
    const uint8_t *value = parquet_dictionary_string(&column->dictionary, indexes[i], &length);
    int32_t offsets[2] = {0, (int32_t)length};
    st = plain_strings(column, value, offsets, 1, err);
  }
  return st;
}

void parquet_column_drop_dictionary(parquet_column *column) {
  br_buf_clear(&column->indexes);
  column->plain_bytes = 0;
  parquet_dictionary_clear(&column->dictionary);
  column->mode = PARQUET_MODE_PLAIN;
}

/* After the first values: gives the dictionary up where they hardly repeat. */
static br_status look_at_sample(parquet_column *column, br_error *err) {
  size_t values = column->indexes.len / sizeof(uint32_t);
  if (column->mode != PARQUET_MODE_TRYING || column->sampled == SAMPLES ||
      values < samples[column->sampled].values) {
    return BR_OK;
  }
  size_t most =
      column->plain_bytes / samples[column->sampled].values * samples[column->sampled].distinct;
  if (column->dictionary.count <= samples[column->sampled].distinct &&
      column->dictionary.values.len <= most) {
    column->sampled++;
    return BR_OK;
  }
  br_status st = parquet_column_spell_out(column, err);
  if (st == BR_OK) {
    parquet_column_drop_dictionary(column);
  }
  return st;
}

/* Remembers where the dictionary stood, at doubling numbers of values. */
static void mark_dictionary(parquet_column *column) {
  size_t values = column->indexes.len / sizeof(uint32_t);
  if (column->mode == PARQUET_MODE_TRYING && values >= 2 * column->later.values) {
    column->earlier = column->later;
    column->later = (parquet_mark){values, column->dictionary.count};
  }
}

/* Values of any sort, one behind the other. */
typedef struct values_view {
  const uint8_t *fixed;   /* column->width bytes each */
  const int32_t *offsets; /* byte strings: into data */
  const uint8_t *data;
} values_view;

/* Puts values into the dictionary while it has room. */
static br_status add_to_dictionary(parquet_column *column, values_view view, size_t count,
                                   size_t *ret_added, br_error *err) {
  parquet_dictionary *d = &column->dictionary;
  size_t added = 0;
  br_status st = br_buf_reserve(&column->indexes, count * sizeof(uint32_t), err);
  if (st != BR_OK) {
    return st;
  }
  uint32_t *indexes = (uint32_t *)(void *)(column->indexes.data + column->indexes.len);
  if (view.offsets != NULL) {
    st = parquet_dictionary_add_strings(d, view.data, view.offsets, count, indexes, &added, err);
    if (st == BR_OK) {
      column->plain_bytes += (size_t)(view.offsets[added] - view.offsets[0]) + 4 * added;
    }
  } else {
    st = d->width != 0 ? parquet_dictionary_add_numbers(d, view.fixed, count, indexes, &added, err)
                       : parquet_dictionary_add_fixed(d, view.fixed, count, indexes, &added, err);
    column->plain_bytes += added * column->width;
  }
  if (st == BR_OK) {
    column->indexes.len += added * sizeof(uint32_t);
    *ret_added = added;
  }
  return st;
}

/* Appends values. *ret_added < count: the dictionary is full; the page has to end there. */
static br_status add_view(parquet_column *column, values_view view, size_t count, size_t *ret_added,
                          br_error *err) {
  if (column->mode != PARQUET_MODE_PLAIN) {
    return add_to_dictionary(column, view, count, ret_added, err);
  }
  *ret_added = count;
  return view.offsets != NULL ? plain_strings(column, view.data, view.offsets, count, err)
                              : plain_fixed(column, view.fixed, count, err);
}

/* Rows of a column of a batch. */
typedef struct rows_view {
  const batch_column *from;
  size_t start;
  size_t count;
  size_t present; /* rows that have a value */
} rows_view;

static inline bool has_value(const rows_view *rows, size_t i) {
  size_t at = rows->start + i;
  return rows->present == rows->count || (rows->from->validity[at >> 3] >> (at & 7) & 1) != 0;
}

/* The values of at most PIECE rows, where they can't be taken as they lie in the batch: with NULLs
 * between them, or of another form in the file. */
typedef union piece_values {
  uint8_t fixed[PIECE * 16];
  int32_t offsets[PIECE + 1];
} piece_values;

/* NULLs have no bytes, so a string ends where the next one that is there begins. */
static void gather_strings(const rows_view *rows, piece_values *out) {
  const int32_t *offsets = rows->from->offsets + rows->start;
  size_t n = 0;
  for (size_t i = 0; i < rows->count; i++) {
    out->offsets[n] = offsets[i];
    n += has_value(rows, i);
  }
  out->offsets[n] = offsets[rows->count];
}

/* Inlined with a constant width. */
static inline __attribute__((always_inline)) void gather_width(const rows_view *rows, size_t width,
                                                               piece_values *out) {
  const uint8_t *values = (const uint8_t *)rows->from->values + rows->start * width;
  size_t n = 0;
  for (size_t i = 0; i < rows->count; i++) {
    memcpy(out->fixed + n * width, values + i * width, width);
    n += has_value(rows, i);
  }
}

static void gather_int16(const rows_view *rows, piece_values *out) {
  const int16_t *values = (const int16_t *)rows->from->values + rows->start;
  size_t n = 0;
  for (size_t i = 0; i < rows->count; i++) {
    br_store_u32le(out->fixed + 4 * n, (uint32_t)(int32_t)values[i]);
    n += has_value(rows, i);
  }
}

/* 16 bytes little-endian become the last width bytes, big-endian. */
static void gather_decimals(const rows_view *rows, size_t width, piece_values *out) {
  const uint8_t *values = (const uint8_t *)rows->from->values + rows->start * 16;
  size_t n = 0;
  for (size_t i = 0; i < rows->count; i++) {
    for (size_t b = 0; b < width; b++) {
      out->fixed[n * width + b] = values[i * 16 + width - 1 - b];
    }
    n += has_value(rows, i);
  }
}

static values_view gather(const parquet_column *column, const rows_view *rows, piece_values *out) {
  static const uint8_t nothing[1];
  const batch_column *from = rows->from;
  bool whole = rows->present == rows->count;
  if (parquet_column_has_strings(column)) {
    const uint8_t *data = from->data == NULL ? nothing : from->data;
    if (whole) {
      return (values_view){.offsets = from->offsets + rows->start, .data = data};
    }
    gather_strings(rows, out);
    return (values_view){.offsets = out->offsets, .data = data};
  }
  if (from->layout == BATCH_INT16) {
    gather_int16(rows, out);
  } else if (from->layout == BATCH_DECIMAL128) {
    gather_decimals(rows, column->width, out);
  } else if (whole) {
    return (values_view){.fixed = (const uint8_t *)from->values + rows->start * column->width};
  } else if (column->width == 4) {
    gather_width(rows, 4, out);
  } else {
    gather_width(rows, 8, out);
  }
  return (values_view){.fixed = out->fixed};
}

static br_status add_bools(parquet_column *column, const rows_view *rows, br_error *err) {
  size_t before = parquet_column_values(column);
  size_t need = (before + rows->present + 7) / 8;
  size_t have = column->plain.len == 0 ? 0 : column->plain.len - PARQUET_HEADROOM;
  br_status st = reserve_plain(column, need - have, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *bits = column->plain.data + PARQUET_HEADROOM;
  column->plain.len = PARQUET_HEADROOM + need;
  if (rows->present == rows->count) {
    parquet_bits_copy(bits, before, rows->from->values, rows->start, rows->count);
    return BR_OK;
  }
  for (size_t i = 0; i < rows->count; i++) {
    if (has_value(rows, i)) {
      parquet_bits_copy(bits, before++, rows->from->values, rows->start + i, 1);
    }
  }
  return BR_OK;
}

/* Notes the validity of rows that are about to be appended. Without a NULL nothing is kept. */
static br_status note_validity(parquet_column *column, const rows_view *rows, br_error *err) {
  if (rows->present == rows->count && column->nulls == 0) {
    return BR_OK;
  }
  size_t need = (column->rows + rows->count + 7) / 8;
  br_status st = BR_OK;
  if (column->nulls == 0) {
    br_buf_clear(&column->valid);
    st = br_buf_fill(&column->valid, 0xFF, (column->rows + 7) / 8, err);
  }
  if (st == BR_OK && need > column->valid.len) {
    st = br_buf_reserve(&column->valid, need - column->valid.len, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (rows->present == rows->count) {
    parquet_bits_set(column->valid.data, column->rows, rows->count);
  } else {
    parquet_bits_copy(column->valid.data, column->rows, rows->from->validity, rows->start,
                      rows->count);
  }
  column->valid.len = need;
  return BR_OK;
}

/* How many rows hold the first `values` values: the row of the next value begins the rest. */
static size_t rows_of_values(const rows_view *rows, size_t values) {
  size_t seen = 0;
  for (size_t i = 0; i < rows->count; i++) {
    if (has_value(rows, i) && seen++ == values) {
      return i;
    }
  }
  return rows->count;
}

/* Appends rows that fit into the open page; at most PIECE where they have to be gathered. Where the
 * dictionary is full the page ends within them, and *ret_rows says where. */
static br_status add_piece(parquet_column *column, parquet_encoder *encoder, const rows_view *rows,
                           size_t *ret_rows, br_error *err) {
  piece_values gathered;
  size_t added = rows->present;
  br_status st = note_validity(column, rows, err);
  if (st == BR_OK && column->kind->physical == PARQUET_BOOLEAN) {
    st = add_bools(column, rows, err);
  } else if (st == BR_OK && rows->present > 0) {
    st = add_view(column, gather(column, rows, &gathered), rows->present, &added, err);
  }
  if (st != BR_OK) {
    return st;
  }
  size_t n = added == rows->present ? rows->count : rows_of_values(rows, added);
  column->rows += n;
  column->nulls += n - added;
  *ret_rows = n;
  if (added < rows->present) {
    st = parquet_page_close(column, encoder, false, err);
    column->mode = PARQUET_MODE_PLAIN;
  }
  return st;
}

/* How many of the rows have PLAIN values that fit into `left` bytes. */
static size_t rows_that_fit(const parquet_column *column, const batch_column *from, size_t start,
                            size_t count, size_t left) {
  if (column->width != 0) {
    size_t fit = left / column->width;
    return fit < count ? fit : count;
  }
  /* Offsets go up, so halving finds the place. */
  size_t low = 0;
  while (low < count) {
    size_t middle = low + (count - low + 1) / 2;
    size_t bytes = (size_t)(from->offsets[start + middle] - from->offsets[start]) + 4 * middle;
    if (bytes <= left) {
      low = middle;
    } else {
      count = middle - 1;
    }
  }
  return low;
}

/* How many of the rows from start on the open page takes. 0: it is full. An empty page takes a row,
 * whatever its size. */
static size_t rows_for_page(const parquet_column *column, const parquet_encoder *encoder,
                            const batch_column *from, size_t start, size_t count) {
  size_t limit = PARQUET_PAGE_ROWS_MAX;
  if (column->mode != PARQUET_MODE_PLAIN && encoder->page_bytes / 8 < limit) {
    limit = encoder->page_bytes < 8 ? 1 : encoder->page_bytes / 8;
  }
  if (column->rows >= limit) {
    return 0;
  }
  count = limit - column->rows < count ? limit - column->rows : count;
  if (column->mode == PARQUET_MODE_TRYING && column->sampled < SAMPLES) {
    size_t have = column->indexes.len / sizeof(uint32_t);
    size_t want = samples[column->sampled].values;
    size_t sample = want > have ? want - have : 1;
    count = sample < count ? sample : count;
  }
  if (column->mode == PARQUET_MODE_DICTIONARY || column->kind->physical == PARQUET_BOOLEAN) {
    return count;
  }
  size_t used = column->plain.len + column->plain_bytes;
  used = used < PARQUET_HEADROOM ? PARQUET_HEADROOM : used;
  size_t left = encoder->page_bytes > used ? encoder->page_bytes - used : 0;
  size_t fit = rows_that_fit(column, from, start, count, left);
  return fit == 0 && column->rows == 0 ? 1 : fit;
}

static br_status add_rows(parquet_column *column, parquet_encoder *encoder,
                          const batch_column *from, size_t start, size_t count, br_error *err) {
  bool gathered =
      from->nulls != 0 || from->layout == BATCH_INT16 || from->layout == BATCH_DECIMAL128;
  size_t end = start + count;
  br_status st = BR_OK;
  mark_dictionary(column);
  while (st == BR_OK && start < end) {
    size_t n = gathered && end - start > PIECE ? PIECE : end - start;
    rows_view rows = {from, start, n, n};
    if (from->nulls != 0) {
      rows.present = parquet_bits_count(from->validity, start, n);
    }
    st = add_piece(column, encoder, &rows, &n, err);
    start += n;
  }
  return st == BR_OK ? look_at_sample(column, err) : st;
}

br_status parquet_column_add(parquet_column *column, parquet_encoder *encoder,
                             const batch_column *from, size_t start, size_t count, br_error *err) {
  size_t end = start + count;
  br_status st = BR_OK;
  while (st == BR_OK && start < end) {
    size_t n = rows_for_page(column, encoder, from, start, end - start);
    st = n == 0 ? parquet_page_close(column, encoder, false, err)
                : add_rows(column, encoder, from, start, n, err);
    start += n;
  }
  return st;
}
