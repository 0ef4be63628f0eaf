/* Filling a column's open page. */
#include "parquet/column.h"

#include <string.h>

#include "base/mem.h"
#include "batch/value.h"
#include "parquet/bits.h"

enum {
  CONVERTED = 256, /* values converted at a time */
};

/* A dictionary is given up where, after so many values, more than this are different ones. The
 * first look is early so that columns of unique values cost next to nothing; dictionaries of up to
 * some 30,000 values pass both. */
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
  if (column->dictionary.count <= samples[column->sampled].distinct) {
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

static values_view view_from(const parquet_column *column, values_view view, size_t skip) {
  if (view.offsets != NULL) {
    view.offsets += skip;
  } else {
    view.fixed += skip * column->width;
  }
  return view;
}

static br_status add_plain(parquet_column *column, values_view view, size_t count, br_error *err) {
  return view.offsets != NULL ? plain_strings(column, view.data, view.offsets, count, err)
                              : plain_fixed(column, view.fixed, count, err);
}

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

/* Appends values that are all there; rows and NULLs are counted by the caller, before. A full
 * dictionary closes the page that holds the values up to it. */
static br_status add_view(parquet_column *column, parquet_encoder *encoder, values_view view,
                          size_t count, br_error *err) {
  if (column->mode == PARQUET_MODE_PLAIN) {
    return add_plain(column, view, count, err);
  }
  size_t added = 0;
  br_status st = add_to_dictionary(column, view, count, &added, err);
  if (st != BR_OK || added == count) {
    return st;
  }
  /* The rows that are not in the page yet are taken out for a moment. */
  size_t rest = count - added;
  column->rows -= rest;
  st = parquet_page_close(column, encoder, false, err);
  column->rows += rest;
  column->mode = PARQUET_MODE_PLAIN;
  return st == BR_OK ? add_plain(column, view_from(column, view, added), rest, err) : st;
}

static br_status add_bools(parquet_column *column, const uint8_t *bits, size_t start, size_t count,
                           size_t values_before, br_error *err) {
  size_t need = (values_before + count + 7) / 8;
  size_t have = column->plain.len == 0 ? 0 : column->plain.len - PARQUET_HEADROOM;
  br_status st = reserve_plain(column, need - have, err);
  if (st == BR_OK) {
    parquet_bits_copy(column->plain.data + PARQUET_HEADROOM, values_before, bits, start, count);
    column->plain.len = PARQUET_HEADROOM + need;
  }
  return st;
}

/* Layouts whose values are no PLAIN values in memory: converted in small pieces. */
static br_status add_converted(parquet_column *column, parquet_encoder *encoder,
                               const batch_column *from, size_t start, size_t count,
                               br_error *err) {
  uint8_t converted[CONVERTED * 16];
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < count; i += CONVERTED) {
    size_t n = count - i < CONVERTED ? count - i : CONVERTED;
    /* Rows of the pieces to come don't belong to a page that ends within this one. */
    column->rows -= count - i - n;
    if (from->layout == BATCH_INT16) {
      const int16_t *values = (const int16_t *)from->values + start + i;
      for (size_t k = 0; k < n; k++) {
        br_store_u32le(converted + 4 * k, (uint32_t)(int32_t)values[k]);
      }
    } else {
      const uint8_t *values = (const uint8_t *)from->values + (start + i) * 16;
      for (size_t k = 0; k < n; k++) {
        for (unsigned b = 0; b < column->width; b++) {
          converted[k * column->width + b] = values[k * 16 + column->width - 1 - b];
        }
      }
    }
    st = add_view(column, encoder, (values_view){.fixed = converted}, n, err);
    column->rows += count - i - n;
  }
  return st;
}

/* Appends a stretch of rows without NULLs; they fit into the open page. */
static br_status add_valid(parquet_column *column, parquet_encoder *encoder,
                           const batch_column *from, size_t start, size_t count, br_error *err) {
  static const uint8_t nothing[1];
  size_t values_before = parquet_column_values(column);
  column->rows += count;
  switch (from->layout) {
  case BATCH_BOOL:
    return add_bools(column, from->values, start, count, values_before, err);
  case BATCH_INT16:
  case BATCH_DECIMAL128:
    return add_converted(column, encoder, from, start, count, err);
  case BATCH_STRING:
  case BATCH_BINARY: {
    const uint8_t *data = from->data == NULL ? nothing : from->data;
    values_view view = {.offsets = from->offsets + start, .data = data};
    return add_view(column, encoder, view, count, err);
  }
  default: {
    const uint8_t *values = from->values;
    values_view view = {.fixed = values + start * column->width};
    return add_view(column, encoder, view, count, err);
  }
  }
}

/* Notes the validity of rows that are about to be appended. Without a NULL nothing is kept. */
static br_status note_validity(parquet_column *column, const batch_column *from, size_t start,
                               size_t count, size_t nulls, br_error *err) {
  if (nulls == 0 && column->nulls == 0) {
    return BR_OK;
  }
  size_t need = (column->rows + count + 7) / 8;
  br_status st = BR_OK;
  if (column->nulls == 0) {
    br_buf_clear(&column->valid);
    st = br_buf_fill(&column->valid, 0xFF, (column->rows + 7) / 8, err);
  }
  if (st == BR_OK) {
    st = br_buf_reserve(&column->valid, need - column->valid.len, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (from->nulls == 0) {
    parquet_bits_set(column->valid.data, column->rows, count);
  } else {
    parquet_bits_copy(column->valid.data, column->rows, from->validity, start, count);
  }
  column->valid.len = need;
  return BR_OK;
}

/* Appends rows with NULLs among them: stretch by stretch of values. */
static br_status add_stretches(parquet_column *column, parquet_encoder *encoder,
                               const batch_column *from, size_t start, size_t count,
                               br_error *err) {
  size_t at = start;
  size_t end = start + count;
  while (at < end) {
    size_t valid_end = parquet_bits_run(from->validity, at, end, true);
    if (valid_end > at) {
      br_status st = note_validity(column, from, at, valid_end - at, 0, err);
      if (st == BR_OK) {
        st = add_valid(column, encoder, from, at, valid_end - at, err);
      }
      if (st != BR_OK) {
        return st;
      }
    }
    size_t null_end = parquet_bits_run(from->validity, valid_end, end, false);
    if (null_end > valid_end) {
      size_t nulls = null_end - valid_end;
      br_status st = note_validity(column, from, valid_end, nulls, nulls, err);
      if (st != BR_OK) {
        return st;
      }
      column->rows += nulls;
      column->nulls += nulls;
    }
    at = null_end;
  }
  return BR_OK;
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
  br_status st = BR_OK;
  mark_dictionary(column);
  if (from->nulls != 0) {
    st = add_stretches(column, encoder, from, start, count, err);
  } else {
    st = note_validity(column, from, start, count, 0, err);
    if (st == BR_OK) {
      st = add_valid(column, encoder, from, start, count, err);
    }
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
