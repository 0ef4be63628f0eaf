/*
 * Text and binary with a length in front or in chunks: char, varchar, nchar, nvarchar, binary,
 * varbinary, rowversion, and the legacy types with lengths of one byte (MS-TDS 2.2.5.4.3).
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "tds/family.h"
#include "tds/value_write.h"

static bool is_legacy(uint8_t id) {
  return id == TDS_TYPE_CHAR || id == TDS_TYPE_VARCHAR || id == TDS_TYPE_BINARY ||
         id == TDS_TYPE_VARBINARY;
}

/* The length, which also says how values are framed. */
static br_status read_length(tds_reader *r, tds_type_info *info, br_error *err) {
  if (is_legacy(info->id)) {
    uint8_t size = 0;
    br_status st = tds_reader_u8(r, &size, err);
    info->size = size;
    info->frame = TDS_FRAME_LEN8;
    return st;
  }
  uint16_t size = 0;
  br_status st = tds_reader_u16(r, &size, err);
  if (st != BR_OK) {
    return st;
  }
  bool can_be_max = info->id == TDS_TYPE_BIGVARCHAR || info->id == TDS_TYPE_NVARCHAR ||
                    info->id == TDS_TYPE_BIGVARBINARY;
  info->size = size == TDS_LENGTH16_MAX && can_be_max ? UINT32_MAX : size;
  info->frame = info->size == UINT32_MAX ? TDS_FRAME_PLP : TDS_FRAME_LEN16;
  return BR_OK;
}

static br_status write_length(tds_writer *w, const tds_type_info *info, br_error *err) {
  if (is_legacy(info->id)) {
    return tds_writer_u8(w, (uint8_t)info->size, err);
  }
  return tds_writer_u16(w, info->size == UINT32_MAX ? TDS_LENGTH16_MAX : (uint16_t)info->size, err);
}

static br_status read_char_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                br_error *err) {
  (void)place;
  br_status st = read_length(r, info, err);
  /* The legacy types have no collation (2.2.5.6): zeros, read as Latin-1. */
  bool has_collation = st == BR_OK && !is_legacy(info->id);
  return has_collation ? tds_reader_copy(r, info->collation, TDS_COLLATION_SIZE, err) : st;
}

static br_status write_char_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                 br_error *err) {
  (void)place;
  br_status st = write_length(w, info, err);
  bool has_collation = st == BR_OK && !is_legacy(info->id);
  return has_collation ? tds_writer_bytes(w, info->collation, TDS_COLLATION_SIZE, err) : st;
}

static br_status read_binary_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                  br_error *err) {
  (void)place;
  return read_length(r, info, err);
}

static br_status write_binary_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                   br_error *err) {
  (void)place;
  return write_length(w, info, err);
}

/* --- decoding --- */

/* Most values are short and ASCII: those are copied in words, straight from the packet buffer into
 * the column. SLACK bytes may be read behind the value and written behind its copy, so both sides
 * must have them. Everything else takes the general road. */
enum { SLACK = 32 };
#define NOT_ASCII_8  UINT64_C(0x8080808080808080)
#define NOT_ASCII_16 UINT64_C(0xFF80FF80FF80FF80)

static inline uint64_t load_8(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* A value of `length` bytes lies at r->pos + 2 with all the slack that a fast copy needs for
 * `stored` bytes. */
static inline bool can_copy_fast(const tds_decoder *d, const tds_reader *r, const batch_column *out,
                                 size_t length, size_t stored) {
  return (size_t)(r->end - r->pos) >= 2 + length + SLACK &&
         out->data_cap - out->data_len >= stored + SLACK && stored <= d->max_cell;
}

static inline void end_fast(tds_reader *r, batch_column *out, size_t row, size_t length,
                            size_t stored) {
  r->pos += 2 + length;
  out->data_len += stored;
  out->offsets[row + 1] = (int32_t)out->data_len;
  batch_column_mark_valid(out, row);
}

/* Copies with slack; false: not all of it is ASCII. */
static inline bool copy_ascii(const uint8_t *from, uint8_t *to, size_t length) {
#ifdef __SSE2__
  /* Up to 31 bytes without a loop, whose end nobody could guess. */
  if (length < 32) {
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(from + 16));
    _mm_storeu_si128((__m128i *)(void *)to, first);
    _mm_storeu_si128((__m128i *)(void *)(to + 16), second);
    uint32_t high = (uint32_t)_mm_movemask_epi8(first) | (uint32_t)_mm_movemask_epi8(second) << 16;
    return (high & ((UINT32_C(1) << length) - 1)) == 0;
  }
#endif
  size_t i = 0;
  uint64_t seen = 0;
  for (; i + 8 <= length; i += 8) {
    uint64_t word = load_8(from + i);
    seen |= word;
    memcpy(to + i, &word, sizeof word);
  }
  /* Of the last word only the bytes of the value count; a little-endian load puts them lowest. */
  uint64_t last = br_load_u64le(from + i);
  memcpy(to + i, from + i, 8);
  seen |= last & ((UINT64_C(1) << (8 * (length - i))) - 1);
  return (seen & NOT_ASCII_8) == 0;
}

/* Code pages: ASCII is the same in all of them. */
static br_status decode_char16(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                               br_error *err) {
  size_t length = r->end - r->pos >= 2 ? br_load_u16le(r->pos) : TDS_LENGTH16_NULL;
  if (length == TDS_LENGTH16_NULL || !can_copy_fast(d, r, out, length, length) ||
      !copy_ascii(r->pos + 2, out->data + out->data_len, length)) {
    return tds_decode_len16(d, r, out, row, err);
  }
  end_fast(r, out, row, length, length);
  return BR_OK;
}

/* Narrows UTF-16LE of `length` bytes with slack; false: not all of it is ASCII. */
static inline bool narrow_ascii(const uint8_t *from, uint8_t *to, size_t length) {
#ifdef __SSE2__
  /* Eight code units at a time; of the last ones only those of the value count. */
  static const uint8_t keep[32] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  const __m128i not_ascii = _mm_set1_epi16((short)0xFF80);
  for (size_t i = 0; i < length; i += 16) {
    __m128i units = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
    if (length - i < 16) {
      const uint8_t *mask = keep + 16 - (length - i);
      units = _mm_and_si128(units, _mm_loadu_si128((const __m128i *)(const void *)mask));
    }
    __m128i ascii = _mm_cmpeq_epi16(_mm_and_si128(units, not_ascii), _mm_setzero_si128());
    if (_mm_movemask_epi8(ascii) != 0xFFFF) {
      return false;
    }
    _mm_storel_epi64((__m128i *)(void *)(to + i / 2), _mm_packus_epi16(units, units));
  }
#else
  for (size_t i = 0; i < length; i += 8) {
    uint64_t word = br_load_u64le(from + i);
    if (length - i < 8) {
      word &= (UINT64_C(1) << (8 * (length - i))) - 1;
    }
    if ((word & NOT_ASCII_16) != 0) {
      return false;
    }
    word = (word | word >> 8) & UINT64_C(0x0000FFFF0000FFFF); /* bytes 0, 2, 4, 6 together */
    br_store_u32le(to + i / 2, (uint32_t)(word | word >> 16));
  }
#endif
  return true;
}

static br_status decode_nchar16(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                br_error *err) {
  size_t length = r->end - r->pos >= 2 ? br_load_u16le(r->pos) : TDS_LENGTH16_NULL;
  if (length % 2 != 0 || !can_copy_fast(d, r, out, length, length / 2)) {
    return tds_decode_len16(d, r, out, row, err);
  }
  if (!narrow_ascii(r->pos + 2, out->data + out->data_len, length)) {
    return tds_decode_len16(d, r, out, row, err);
  }
  end_fast(r, out, row, length, length / 2);
  return BR_OK;
}

static tds_decode_fn decode_by_frame(tds_frame frame, tds_decode_fn with_length) {
  return frame == TDS_FRAME_PLP    ? tds_decode_plp
         : frame == TDS_FRAME_LEN8 ? tds_decode_len8
                                   : with_length;
}

static br_status prepare_char(tds_decoder *d, br_error *err) {
  (void)err;
  d->code_page = batch_collation_code_page(d->info.collation);
  d->convert = tds_convert_code_page;
  d->decode = decode_by_frame(d->info.frame, decode_char16);
  return BR_OK;
}

static br_status prepare_nchar(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_utf16;
  d->decode = decode_by_frame(d->info.frame, decode_nchar16);
  return BR_OK;
}

static br_status prepare_binary(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_bytes;
  d->decode = decode_by_frame(d->info.frame, tds_decode_len16);
  return BR_OK;
}

/* --- TYPE_INFO's other ends --- */

static batch_sql_typespec char_spec(const tds_type_info *info) {
  bool fixed = info->id == TDS_TYPE_BIGCHAR || info->id == TDS_TYPE_CHAR;
  return (batch_sql_typespec){.type = fixed ? BATCH_SQL_CHAR : BATCH_SQL_VARCHAR,
                              .length = info->size};
}

static batch_sql_typespec nchar_spec(const tds_type_info *info) {
  return (batch_sql_typespec){
      .type = info->id == TDS_TYPE_NCHAR ? BATCH_SQL_NCHAR : BATCH_SQL_NVARCHAR,
      .length = info->size == UINT32_MAX ? BATCH_LENGTH_MAX : info->size / 2};
}

static batch_sql_typespec binary_spec(const tds_type_info *info) {
  if (info->user_type == TDS_USER_TYPE_TIMESTAMP && info->size == 8) {
    return (batch_sql_typespec){.type = BATCH_SQL_ROWVERSION, .length = 8};
  }
  bool fixed = info->id == TDS_TYPE_BIGBINARY || info->id == TDS_TYPE_BINARY;
  return (batch_sql_typespec){.type = fixed ? BATCH_SQL_BINARY : BATCH_SQL_VARBINARY,
                              .length = info->size};
}

const tds_type_family tds_family_char = {
    .name = "char",
    .read_info = read_char_info,
    .write_info = write_char_info,
    .spec = char_spec,
    .prepare = prepare_char,
    .write_value = tds_write_char,
};

const tds_type_family tds_family_nchar = {
    .name = "nchar",
    .read_info = read_char_info,
    .write_info = write_char_info,
    .spec = nchar_spec,
    .prepare = prepare_nchar,
    .write_value = tds_write_utf16,
};

const tds_type_family tds_family_binary = {
    .name = "binary",
    .read_info = read_binary_info,
    .write_info = write_binary_info,
    .spec = binary_spec,
    .prepare = prepare_binary,
    .write_value = tds_write_binary,
};
