/*
 * Types whose values are always large objects: text, ntext and image with their text pointers
 * (MS-TDS 2.2.5.5.2), xml (2.2.5.5.3), json, CLR types (2.2.5.5.2).
 */
#include "tds/family.h"
#include "tds/value_write.h"

/* Skips a name: a count of code units, then the units. */
static br_status skip_bvarchar(tds_reader *r, br_error *err) {
  uint8_t units = 0;
  br_status st = tds_reader_u8(r, &units, err);
  return st == BR_OK ? tds_reader_skip(r, (uint64_t)units * 2, err) : st;
}

static br_status skip_usvarchar(tds_reader *r, br_error *err) {
  uint16_t units = 0;
  br_status st = tds_reader_u16(r, &units, err);
  return st == BR_OK ? tds_reader_skip(r, (uint64_t)units * 2, err) : st;
}

/* --- text, ntext, image --- */

/* Behind TYPE_INFO in COLMETADATA stands the table's name: parts in a result, one text in a bulk
 * load. */
static br_status skip_table_name(tds_reader *r, tds_type_place place, br_error *err) {
  uint8_t parts = place == TDS_IN_BULK ? 1 : 0;
  br_status st = place == TDS_IN_RESULT ? tds_reader_u8(r, &parts, err) : BR_OK;
  for (unsigned i = 0; st == BR_OK && i < parts; i++) {
    st = skip_usvarchar(r, err);
  }
  return st;
}

static br_status read_text_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                br_error *err) {
  info->frame = place == TDS_IN_PARAMETER ? TDS_FRAME_LONG : TDS_FRAME_TEXTPTR;
  br_status st = tds_reader_u32(r, &info->size, err);
  if (st == BR_OK && info->id != TDS_TYPE_IMAGE) {
    st = tds_reader_copy(r, info->collation, TDS_COLLATION_SIZE, err);
  }
  return st == BR_OK ? skip_table_name(r, place, err) : st;
}

static br_status write_text_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                 br_error *err) {
  br_status st = tds_writer_u32(w, info->size, err);
  if (st == BR_OK && info->id != TDS_TYPE_IMAGE) {
    st = tds_writer_bytes(w, info->collation, TDS_COLLATION_SIZE, err);
  }
  if (st == BR_OK && place == TDS_IN_RESULT) {
    st = tds_writer_u8(w, 0, err); /* a table name of no parts */
  } else if (st == BR_OK && place == TDS_IN_BULK) {
    st = tds_writer_u16(w, 0, err);
  }
  return st;
}

static batch_sql_typespec text_spec(const tds_type_info *info) {
  return (batch_sql_typespec){.type = info->id == TDS_TYPE_TEXT    ? BATCH_SQL_TEXT
                                      : info->id == TDS_TYPE_NTEXT ? BATCH_SQL_NTEXT
                                                                   : BATCH_SQL_IMAGE,
                              .length = BATCH_LENGTH_MAX};
}

static br_status prepare_text(tds_decoder *d, br_error *err) {
  (void)err;
  d->code_page = batch_collation_code_page(d->info.collation);
  d->convert = d->info.id == TDS_TYPE_TEXT    ? tds_convert_code_page
               : d->info.id == TDS_TYPE_NTEXT ? tds_convert_utf16
                                              : tds_convert_bytes;
  d->decode = tds_decode_textptr;
  return BR_OK;
}

static br_status write_text(tds_writer *w, const tds_type_info *info, const batch_column *column,
                            size_t row, br_error *err) {
  return info->id == TDS_TYPE_TEXT    ? tds_write_char(w, info, column, row, err)
         : info->id == TDS_TYPE_NTEXT ? tds_write_utf16(w, info, column, row, err)
                                      : tds_write_binary(w, info, column, row, err);
}

const tds_type_family tds_family_text = {
    .name = "text",
    .read_info = read_text_info,
    .write_info = write_text_info,
    .spec = text_spec,
    .prepare = prepare_text,
    .write_value = write_text,
};

/* --- xml --- */

static br_status read_xml_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                               br_error *err) {
  (void)place;
  info->frame = TDS_FRAME_PLP;
  info->size = UINT32_MAX;
  uint8_t schema = 0;
  br_status st = tds_reader_u8(r, &schema, err);
  if (st == BR_OK && schema > 1) {
    return br_error_set(err, BR_ERR_PROTOCOL, "An xml type says %u for its schema", schema);
  }
  if (st == BR_OK && schema == 1) {
    st = skip_bvarchar(r, err);                     /* database */
    st = st == BR_OK ? skip_bvarchar(r, err) : st;  /* schema */
    st = st == BR_OK ? skip_usvarchar(r, err) : st; /* collection */
  }
  return st;
}

static br_status write_xml_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                br_error *err) {
  (void)place;
  (void)info;
  return tds_writer_u8(w, 0, err); /* no schema */
}

static batch_sql_typespec xml_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_XML, .length = BATCH_LENGTH_MAX};
}

/* UTF-16 with a byte order mark in front, which is no part of the text. */
static br_status decode_xml(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                            br_error *err) {
  static const uint8_t mark[3] = {0xEF, 0xBB, 0xBF};
  size_t start = out->data_len;
  br_status st = tds_decode_plp(d, r, out, row, err);
  if (st == BR_OK && out->data_len - start >= sizeof mark &&
      memcmp(out->data + start, mark, sizeof mark) == 0) {
    out->data_len -= sizeof mark;
    memmove(out->data + start, out->data + start + sizeof mark, out->data_len - start);
    out->offsets[row + 1] = (int32_t)out->data_len;
  }
  return st;
}

static br_status prepare_xml(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_utf16;
  d->decode = decode_xml;
  return BR_OK;
}

const tds_type_family tds_family_xml = {
    .name = "xml",
    .read_info = read_xml_info,
    .write_info = write_xml_info,
    .spec = xml_spec,
    .prepare = prepare_xml,
    .write_value = tds_write_utf16,
};

/* --- json: nothing behind the type id, UTF-8 in chunks --- */

static br_status read_json_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                br_error *err) {
  (void)r;
  (void)place;
  (void)err;
  info->frame = TDS_FRAME_PLP;
  info->size = UINT32_MAX;
  return BR_OK;
}

static br_status write_json_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                 br_error *err) {
  (void)w;
  (void)place;
  (void)info;
  (void)err;
  return BR_OK;
}

static batch_sql_typespec json_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_JSON, .length = BATCH_LENGTH_MAX};
}

static br_status prepare_json(tds_decoder *d, br_error *err) {
  (void)err;
  d->code_page = BATCH_CP_UTF8;
  d->convert = tds_convert_code_page;
  d->decode = tds_decode_plp;
  return BR_OK;
}

const tds_type_family tds_family_json = {
    .name = "json",
    .read_info = read_json_info,
    .write_info = write_json_info,
    .spec = json_spec,
    .prepare = prepare_json,
    .write_value = tds_write_binary,
};

/* --- CLR types --- */

static br_status read_udt_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                               br_error *err) {
  info->frame = TDS_FRAME_PLP;
  info->size = UINT32_MAX;
  br_status st = BR_OK;
  if (place == TDS_IN_RESULT) {
    uint16_t size = 0;
    st = tds_reader_u16(r, &size, err);
  }
  for (int i = 0; st == BR_OK && i < 3; i++) {
    st = skip_bvarchar(r, err); /* database, schema, type */
  }
  return st == BR_OK && place == TDS_IN_RESULT ? skip_usvarchar(r, err) : st; /* assembly */
}

static br_status write_udt_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                br_error *err) {
  (void)w;
  (void)place;
  (void)info;
  return br_error_set(err, BR_ERR_UNSUPPORTED, "CLR types are not sent");
}

static batch_sql_typespec udt_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_UDT, .length = BATCH_LENGTH_MAX};
}

static br_status prepare_udt(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_bytes;
  d->decode = tds_decode_plp;
  return BR_OK;
}

const tds_type_family tds_family_udt = {
    .name = "CLR type",
    .read_info = read_udt_info,
    .write_info = write_udt_info,
    .spec = udt_spec,
    .prepare = prepare_udt,
    .write_value = tds_write_binary,
};
