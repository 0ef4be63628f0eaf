#include "parquet/pages.h"

#include <inttypes.h>

#include "parquet/thrift.h"

enum {
  HEADER_FIRST = 256,   /* bytes read to find a page header in */
  HEADER_MAX = 1 << 20, /* one with long statistics */
};

/* PageHeader with its DataPageHeader, DataPageHeaderV2 or DictionaryPageHeader. */
typedef struct page_header {
  int32_t type;
  int32_t raw;
  int32_t compressed;
  int32_t values;
  int32_t encoding;
  int32_t level_encoding;
  int32_t definition_bytes; /* V2 */
  int32_t repetition_bytes; /* V2 */
  bool is_compressed;       /* V2 */
} page_header;

void parquet_page_reader_init(parquet_page_reader *p, const parquet_leaf *leaf) {
  *p = (parquet_page_reader){.leaf = leaf};
  br_buf_init(&p->dictionary.page, PARQUET_READ_PAGE_MAX);
  br_buf_init(&p->dictionary.strings, SIZE_MAX);
  br_buf_init(&p->page, PARQUET_READ_PAGE_MAX);
}

void parquet_page_reader_done(parquet_page_reader *p) {
  parquet_dictionary_page_done(&p->dictionary);
  parquet_values_done(&p->values);
  br_buf_done(&p->page);
}

void parquet_page_reader_begin(parquet_page_reader *p, const parquet_chunk *chunk) {
  p->chunk = *chunk;
  p->offset = chunk->start;
  p->values_left = chunk->values;
  p->dictionary.present = false;
  p->left = 0;
}

enum { INNER_FIELDS = 8 };

/* The fields of a header inside PageHeader that reading takes: to[id] of the integers. */
static br_status parse_inner(br_reader *in, int32_t *const to[INNER_FIELDS], bool *is_compressed,
                             br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    int32_t *integer = field.id > 0 && field.id < INNER_FIELDS ? to[field.id] : NULL;
    /* Field 3 of a DictionaryPageHeader is another one: is_sorted. */
    if (integer != NULL && (field.id != 3 || field.type == PARQUET_THRIFT_I32)) {
      st = parquet_thrift_get_i32(in, &field, integer, err);
    } else if (field.id == 7 && is_compressed != NULL) {
      st = parquet_thrift_get_bool(&field, is_compressed, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* DataPageHeader (5) and DictionaryPageHeader (7). */
static br_status parse_v1(br_reader *in, page_header *h, br_error *err) {
  int32_t *const to[INNER_FIELDS] = {
      [1] = &h->values, [2] = &h->encoding, [3] = &h->level_encoding};
  return parse_inner(in, to, NULL, err);
}

static br_status parse_v2(br_reader *in, page_header *h, br_error *err) {
  int32_t *const to[INNER_FIELDS] = {
      [1] = &h->values, [4] = &h->encoding, [5] = &h->definition_bytes, [6] = &h->repetition_bytes};
  return parse_inner(in, to, &h->is_compressed, err);
}

static br_status parse_header(br_reader *in, page_header *h, br_error *err) {
  *h = (page_header){.type = -1, .level_encoding = PARQUET_RLE, .is_compressed = true};
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = parquet_thrift_get_i32(in, &field, &h->type, err);
    } else if (field.id == 2) {
      st = parquet_thrift_get_i32(in, &field, &h->raw, err);
    } else if (field.id == 3) {
      st = parquet_thrift_get_i32(in, &field, &h->compressed, err);
    } else if ((field.id == 5 || field.id == 7) && field.type == PARQUET_THRIFT_STRUCT) {
      st = parse_v1(in, h, err);
    } else if (field.id == 8 && field.type == PARQUET_THRIFT_STRUCT) {
      st = parse_v2(in, h, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* Fills source->raw with length bytes of the file. */
static br_status fetch(parquet_page_source *source, uint64_t offset, size_t length, br_error *err) {
  br_buf_clear(&source->raw);
  br_status st = br_buf_reserve(&source->raw, length, err);
  if (st == BR_OK && length > 0) {
    st = source->input.read_at(source->input.context, offset, source->raw.data, length, err);
  }
  source->raw.len = st == BR_OK ? length : 0;
  return st;
}

/* Reads the header at p->offset and moves behind it. How long it is shows only in parsing. */
static br_status read_header(parquet_page_reader *p, parquet_page_source *source, page_header *h,
                             br_error *err) {
  uint64_t left = p->chunk.end - p->offset;
  for (uint64_t want = HEADER_FIRST;; want *= 16) {
    size_t length = (size_t)(want < left ? want : left);
    br_status st = fetch(source, p->offset, length, err);
    if (st != BR_OK) {
      return st;
    }
    br_reader in = br_reader_of(source->raw.data, length);
    st = parse_header(&in, h, err);
    if (st == BR_OK) {
      p->offset += in.pos;
      break;
    }
    if (length == left || want >= HEADER_MAX) {
      return st;
    }
  }
  if (h->raw < 0 || h->compressed < 0 || h->values < 0 ||
      (uint64_t)h->compressed > p->chunk.end - p->offset) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: column %s has a page of broken length",
                        p->leaf->name);
  }
  return BR_OK;
}

static br_status open_dictionary(parquet_page_reader *p, parquet_page_source *source,
                                 const page_header *h, br_error *err) {
  if (p->dictionary.present) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: column %s has two dictionaries", p->leaf->name);
  }
  if (h->encoding != PARQUET_PLAIN && h->encoding != PARQUET_PLAIN_DICTIONARY) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "Parquet: a dictionary in encoding %d",
                        (int)h->encoding);
  }
  br_status st = parquet_decompress(&source->decompressor, p->chunk.codec, source->raw.data,
                                    source->raw.len, (size_t)h->raw, &p->dictionary.page, err);
  return st == BR_OK ? parquet_dictionary_page_open(&p->dictionary, p->leaf, (size_t)h->values, err)
                     : st;
}

static br_status open_values(parquet_page_reader *p, const page_header *h, size_t at,
                             br_error *err) {
  static const uint8_t nothing[1];
  const uint8_t *bytes = p->page.data == NULL ? nothing : p->page.data + at;
  return parquet_values_open(&p->values, p->leaf, &p->dictionary, (parquet_encoding)h->encoding,
                             bytes, p->page.len - at, err);
}

/* Page V1: levels and values are compressed together; levels begin with their length. */
static br_status open_v1(parquet_page_reader *p, parquet_page_source *source, const page_header *h,
                         br_error *err) {
  br_status st = parquet_decompress(&source->decompressor, p->chunk.codec, source->raw.data,
                                    source->raw.len, (size_t)h->raw, &p->page, err);
  if (st != BR_OK || !p->has_levels) {
    return st == BR_OK ? open_values(p, h, 0, err) : st;
  }
  if (h->level_encoding != PARQUET_RLE) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "Parquet: levels in encoding %d",
                        (int)h->level_encoding);
  }
  size_t length = p->page.len < 4 ? SIZE_MAX : br_load_u32le(p->page.data);
  if (p->page.len < 4 || length > p->page.len - 4) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: levels of column %s end early", p->leaf->name);
  }
  p->levels = parquet_rle_decoder_of(p->page.data + 4, length, 1);
  return open_values(p, h, 4 + length, err);
}

/* Page V2: levels stand uncompressed in front of the values. The page is put together as they are
 * followed by the values uncompressed. */
static br_status open_v2(parquet_page_reader *p, parquet_page_source *source, const page_header *h,
                         br_error *err) {
  if (h->definition_bytes < 0 || h->repetition_bytes < 0 ||
      (int64_t)h->definition_bytes + h->repetition_bytes > h->compressed ||
      (int64_t)h->definition_bytes + h->repetition_bytes > h->raw) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: levels of column %s end early", p->leaf->name);
  }
  size_t levels = (size_t)h->definition_bytes + (size_t)h->repetition_bytes;
  const uint8_t *raw = source->raw.data;
  br_status st = BR_OK;
  if (h->is_compressed && (size_t)h->raw > levels) {
    st = parquet_decompress(&source->decompressor, p->chunk.codec, raw + levels,
                            source->raw.len - levels, (size_t)h->raw - levels, &p->page, err);
  } else {
    br_buf_clear(&p->page);
    st = br_buf_append(&p->page, raw == NULL ? NULL : raw + levels, source->raw.len - levels, err);
  }
  size_t at = p->page.len;
  if (st == BR_OK && p->has_levels) {
    st = br_buf_append(&p->page, raw == NULL ? NULL : raw + h->repetition_bytes,
                       (size_t)h->definition_bytes, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (p->has_levels && h->definition_bytes > 0) {
    p->levels = parquet_rle_decoder_of(p->page.data + at, (size_t)h->definition_bytes, 1);
  } else {
    p->levels = (parquet_rle_decoder){0};
  }
  p->page.len = at; /* the levels stay behind the values, where nothing is written */
  return open_values(p, h, 0, err);
}

static br_status open_page(parquet_page_reader *p, parquet_page_source *source, br_error *err) {
  page_header h;
  if (p->offset >= p->chunk.end) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: column %s has too few pages", p->leaf->name);
  }
  br_status st = read_header(p, source, &h, err);
  if (st == BR_OK) {
    st = fetch(source, p->offset, (size_t)h.compressed, err);
  }
  if (st != BR_OK) {
    return st;
  }
  p->offset += (uint64_t)h.compressed;
  p->has_levels = p->leaf->nullable;
  switch (h.type) {
  case PARQUET_DICTIONARY_PAGE:
    return open_dictionary(p, source, &h, err);
  case PARQUET_DATA_PAGE:
    st = open_v1(p, source, &h, err);
    break;
  case PARQUET_DATA_PAGE_V2:
    st = open_v2(p, source, &h, err);
    break;
  case PARQUET_INDEX_PAGE:
    return BR_OK;
  default:
    return br_error_set(err, BR_ERR_DATA, "Parquet: a page of unknown type %d", (int)h.type);
  }
  if (st == BR_OK && (uint64_t)h.values > p->values_left) {
    st = br_error_set(err, BR_ERR_DATA, "Parquet: column %s has too many values", p->leaf->name);
  }
  p->left = st == BR_OK ? (size_t)h.values : 0;
  return st;
}

static br_status convert_some(parquet_page_reader *p, parquet_page_source *source,
                              batch_column *column, size_t row, size_t rows, br_error *err) {
  uint32_t present[PARQUET_PIECE];
  br_status st = BR_OK;
  if (p->has_levels) {
    st = parquet_rle_decode(&p->levels, present, rows, err);
  }
  for (size_t i = 0; st == BR_OK && p->has_levels && i < rows; i++) {
    if (present[i] > 1) {
      return br_error_set(err, BR_ERR_DATA, "Parquet: a level of %u", present[i]);
    }
  }
  if (st != BR_OK) {
    return st;
  }
  return parquet_convert_rows(p->leaf, &p->values, &source->piece, p->has_levels ? present : NULL,
                              rows, column, row, err);
}

br_status parquet_page_reader_rows(parquet_page_reader *p, parquet_page_source *source,
                                   batch_column *column, size_t row, size_t rows, br_error *err) {
  while (rows > 0) {
    br_status st = BR_OK;
    if (p->left == 0) {
      if ((st = open_page(p, source, err)) != BR_OK) {
        return st;
      }
      continue;
    }
    size_t n = rows < p->left ? rows : p->left;
    n = n < PARQUET_PIECE ? n : PARQUET_PIECE;
    if ((st = convert_some(p, source, column, row, n, err)) != BR_OK) {
      return st;
    }
    row += n;
    rows -= n;
    p->left -= n;
    p->values_left -= n;
  }
  return BR_OK;
}
