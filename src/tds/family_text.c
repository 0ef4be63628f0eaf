/*
 * Text and binary with a length in front or in chunks: char, varchar, nchar, nvarchar, binary,
 * varbinary, rowversion, and the legacy types with lengths of one byte (MS-TDS 2.2.5.4.3).
 */
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
    info->frame = TDS_FRAME_CHAR8;
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
  /* The collation came with TDS 7.1; all that we speak have it. */
  return st == BR_OK ? tds_reader_copy(r, info->collation, TDS_COLLATION_SIZE, err) : st;
}

static br_status write_char_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                 br_error *err) {
  (void)place;
  br_status st = write_length(w, info, err);
  return st == BR_OK ? tds_writer_bytes(w, info->collation, TDS_COLLATION_SIZE, err) : st;
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

static tds_decode_fn decode_by_frame(tds_frame frame) {
  return frame == TDS_FRAME_PLP     ? tds_decode_plp
         : frame == TDS_FRAME_CHAR8 ? tds_decode_char8
                                    : tds_decode_len16;
}

static br_status prepare_char(tds_decoder *d, br_error *err) {
  (void)err;
  d->code_page = batch_collation_code_page(d->info.collation);
  d->convert = tds_convert_code_page;
  d->decode = decode_by_frame(d->info.frame);
  return BR_OK;
}

static br_status prepare_nchar(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_utf16;
  d->decode = decode_by_frame(d->info.frame);
  return BR_OK;
}

static br_status prepare_binary(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_bytes;
  d->decode = decode_by_frame(d->info.frame);
  return BR_OK;
}

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
