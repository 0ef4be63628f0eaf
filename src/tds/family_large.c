/*
 * Types whose values are always large objects: text, ntext and image with their text pointers
 * (MS-TDS 2.2.5.5.2), xml (2.2.5.5.3), json, CLR types (2.2.5.5.2).
 */
#include "base/text.h"
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
  bool parameter = place == TDS_IN_PARAMETER || place == TDS_IN_RETURN;
  info->frame = parameter ? TDS_FRAME_LONG : TDS_FRAME_TEXTPTR;
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
    .write_info = tds_write_no_info,
    .spec = json_spec,
    .prepare = prepare_json,
    .write_value = tds_write_binary,
};

/* --- CLR types --- */

/* The type's name; of another database's or schema's type of that name nobody has heard. */
static br_status read_clr_name(tds_reader *r, tds_clr_type *ret_type, br_error *err) {
  static const char *const names[] = {[TDS_CLR_HIERARCHYID] = "hierarchyid",
                                      [TDS_CLR_GEOMETRY] = "geometry",
                                      [TDS_CLR_GEOGRAPHY] = "geography"};
  char name[3 * UINT8_MAX + 1];
  uint8_t units = 0;
  br_reader view;
  br_status st = tds_reader_u8(r, &units, err);
  st = st == BR_OK ? tds_reader_view(r, 2U * units, &view, err) : st;
  st = st == BR_OK ? tds_view_utf16(&view, units, name, sizeof name, err) : st;
  for (int i = TDS_CLR_HIERARCHYID; st == BR_OK && i <= TDS_CLR_GEOGRAPHY; i++) {
    if (br_text_equal_nocase(name, names[i])) {
      *ret_type = (tds_clr_type)i;
    }
  }
  return st;
}

static br_status read_udt_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                               br_error *err) {
  info->frame = TDS_FRAME_PLP;
  info->size = UINT32_MAX;
  br_status st = BR_OK;
  bool from_server = place == TDS_IN_RESULT || place == TDS_IN_RETURN;
  if (from_server) {
    uint16_t size = 0;
    st = tds_reader_u16(r, &size, err);
  }
  for (int i = 0; st == BR_OK && i < 2; i++) {
    st = skip_bvarchar(r, err); /* database, schema */
  }
  st = st == BR_OK ? read_clr_name(r, &info->clr, err) : st;
  return st == BR_OK && from_server ? skip_usvarchar(r, err) : st; /* assembly */
}

static br_status write_udt_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                br_error *err) {
  (void)w;
  (void)place;
  (void)info;
  return br_error_set(err, BR_ERR_UNSUPPORTED, "CLR types are not sent");
}

static batch_sql_typespec udt_spec(const tds_type_info *info) {
  static const batch_sql_type types[] = {[TDS_CLR_OTHER] = BATCH_SQL_UDT,
                                         [TDS_CLR_HIERARCHYID] = BATCH_SQL_HIERARCHYID,
                                         [TDS_CLR_GEOMETRY] = BATCH_SQL_GEOMETRY,
                                         [TDS_CLR_GEOGRAPHY] = BATCH_SQL_GEOGRAPHY};
  return (batch_sql_typespec){.type = types[info->clr], .length = BATCH_LENGTH_MAX};
}

/* Puts `length` bytes that were written behind the value just decoded, which begins at `start`, in
 * its place. */
static br_status replace_value(const tds_decoder *d, batch_column *out, size_t start, size_t row,
                               size_t length, br_error *err) {
  if (length > d->max_cell) {
    return br_error_set(err, BR_ERR_LIMIT, "The cell is larger than the limit of %zu bytes",
                        d->max_cell);
  }
  memmove(out->data + start, out->data + out->data_len, length);
  out->data_len = start + length;
  out->offsets[row + 1] = (int32_t)out->data_len;
  return BR_OK;
}

static br_status decode_hierarchyid(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                    br_error *err) {
  size_t start = out->data_len;
  br_status st = tds_decode_plp(d, r, out, row, err);
  if (st != BR_OK || !batch_column_is_valid(out, row)) {
    return st;
  }
  size_t length = out->data_len - start;
  size_t written = 0;
  st = batch_column_reserve_data(out, 5 * length + 2, err);
  if (st == BR_OK) {
    st = tds_hierarchyid_text(out->data + start, length, (char *)out->data + out->data_len,
                              &written, err);
  }
  return st == BR_OK ? replace_value(d, out, start, row, written, err) : st;
}

static br_status decode_spatial(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                br_error *err) {
  size_t start = out->data_len;
  br_status st = tds_decode_plp(d, r, out, row, err);
  if (st != BR_OK || !batch_column_is_valid(out, row)) {
    return st == BR_OK ? batch_column_append_null(out + 1, row, err) : st;
  }
  size_t length = out->data_len - start;
  size_t most = 0;
  size_t written = 0;
  int32_t srid = 0;
  st = tds_wkb_most(out->data + start, length, &most, err);
  st = st == BR_OK ? batch_column_reserve_data(out, most, err) : st;
  if (st == BR_OK) {
    st = tds_wkb(out->data + start, length, d->info.clr == TDS_CLR_GEOGRAPHY,
                 out->data + out->data_len, most, &written, &srid, err);
  }
  if (st == BR_OK && srid == -1) {
    out->data_len = start;
    st = batch_column_append_null(out, row, err);
    return st == BR_OK ? batch_column_append_null(out + 1, row, err) : st;
  }
  if (st == BR_OK) {
    ((int32_t *)out[1].values)[row] = srid;
    batch_column_mark_valid(out + 1, row);
    st = replace_value(d, out, start, row, written, err);
  }
  return st;
}

static br_status prepare_udt(tds_decoder *d, br_error *err) {
  (void)err;
  d->convert = tds_convert_bytes;
  d->decode = d->columns == 2                  ? decode_spatial
              : d->type.layout == BATCH_STRING ? decode_hierarchyid
                                               : tds_decode_plp;
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
