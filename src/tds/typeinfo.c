/*
 * The table of type ids, and the entries that go through it.
 */
#include "tds/typeinfo.h"

#include <inttypes.h>

#include "tds/family.h"
#include "tds/value_write.h"

const uint8_t tds_collation_utf8[TDS_COLLATION_SIZE] = {0x09, 0x04, 0xD0, 0x24, 0x00};
const uint8_t tds_collation_latin1[TDS_COLLATION_SIZE] = {0x09, 0x04, 0xD0, 0x00, 0x34};

/* A type id: its family, and the size where the id alone says it (fixed forms). */
typedef struct type_row {
  const tds_type_family *family;
  uint8_t fixed_size;
  bool fixed;
} type_row;

static const type_row rows[256] = {
    [TDS_TYPE_NULL] = {&tds_family_null, 0, true},
    [TDS_TYPE_INT1] = {&tds_family_integer, 1, true},
    [TDS_TYPE_INT2] = {&tds_family_integer, 2, true},
    [TDS_TYPE_INT4] = {&tds_family_integer, 4, true},
    [TDS_TYPE_INT8] = {&tds_family_integer, 8, true},
    [TDS_TYPE_INTN] = {&tds_family_integer, 0, false},
    [TDS_TYPE_BIT] = {&tds_family_bit, 1, true},
    [TDS_TYPE_BITN] = {&tds_family_bit, 0, false},
    [TDS_TYPE_FLT4] = {&tds_family_float, 4, true},
    [TDS_TYPE_FLT8] = {&tds_family_float, 8, true},
    [TDS_TYPE_FLTN] = {&tds_family_float, 0, false},
    [TDS_TYPE_MONEY4] = {&tds_family_money, 4, true},
    [TDS_TYPE_MONEY] = {&tds_family_money, 8, true},
    [TDS_TYPE_MONEYN] = {&tds_family_money, 0, false},
    [TDS_TYPE_DATETIM4] = {&tds_family_datetime, 4, true},
    [TDS_TYPE_DATETIME] = {&tds_family_datetime, 8, true},
    [TDS_TYPE_DATETIMN] = {&tds_family_datetime, 0, false},
    [TDS_TYPE_DECIMAL] = {&tds_family_decimal, 0, false},
    [TDS_TYPE_NUMERIC] = {&tds_family_decimal, 0, false},
    [TDS_TYPE_DECIMALN] = {&tds_family_decimal, 0, false},
    [TDS_TYPE_NUMERICN] = {&tds_family_decimal, 0, false},
    [TDS_TYPE_GUID] = {&tds_family_guid, 0, false},
    [TDS_TYPE_DATEN] = {&tds_family_date, 0, false},
    [TDS_TYPE_TIMEN] = {&tds_family_time, 0, false},
    [TDS_TYPE_DATETIME2N] = {&tds_family_datetime2, 0, false},
    [TDS_TYPE_DATETIMEOFFSETN] = {&tds_family_datetimeoffset, 0, false},
    [TDS_TYPE_CHAR] = {&tds_family_char, 0, false},
    [TDS_TYPE_VARCHAR] = {&tds_family_char, 0, false},
    [TDS_TYPE_BIGCHAR] = {&tds_family_char, 0, false},
    [TDS_TYPE_BIGVARCHAR] = {&tds_family_char, 0, false},
    [TDS_TYPE_NCHAR] = {&tds_family_nchar, 0, false},
    [TDS_TYPE_NVARCHAR] = {&tds_family_nchar, 0, false},
    [TDS_TYPE_BINARY] = {&tds_family_binary, 0, false},
    [TDS_TYPE_VARBINARY] = {&tds_family_binary, 0, false},
    [TDS_TYPE_BIGBINARY] = {&tds_family_binary, 0, false},
    [TDS_TYPE_BIGVARBINARY] = {&tds_family_binary, 0, false},
    [TDS_TYPE_TEXT] = {&tds_family_text, 0, false},
    [TDS_TYPE_NTEXT] = {&tds_family_text, 0, false},
    [TDS_TYPE_IMAGE] = {&tds_family_text, 0, false},
    [TDS_TYPE_XML] = {&tds_family_xml, 0, false},
    [TDS_TYPE_JSON] = {&tds_family_json, 0, false},
    [TDS_TYPE_UDT] = {&tds_family_udt, 0, false},
    [TDS_TYPE_SSVARIANT] = {&tds_family_variant, 0, false},
};

const tds_type_family *tds_type_family_of(uint8_t type_id) {
  return rows[type_id].family;
}

size_t tds_fixed_size(uint8_t type_id) {
  return rows[type_id].fixed_size;
}

br_status tds_bad_length(br_error *err, const tds_type_info *info, uint64_t length) {
  return br_error_set(err, BR_ERR_PROTOCOL,
                      "A value of type %s (0x%02X) can't be %" PRIu64 " bytes long",
                      info->family->name, info->id, length);
}

/* The sizes that the N forms can have. */
static bool can_have_size(const tds_type_info *info) {
  switch (info->id) {
  case TDS_TYPE_INTN:
    return info->size == 1 || info->size == 2 || info->size == 4 || info->size == 8;
  case TDS_TYPE_BITN:
    return info->size == 1;
  case TDS_TYPE_GUID:
    return info->size == 16;
  default:
    return info->size == 4 || info->size == 8;
  }
}

br_status tds_read_sized_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                              br_error *err) {
  (void)place;
  if (rows[info->id].fixed) {
    info->frame = TDS_FRAME_FIXED;
    info->size = rows[info->id].fixed_size;
    return BR_OK;
  }
  uint8_t size = 0;
  br_status st = tds_reader_u8(r, &size, err);
  info->frame = TDS_FRAME_LEN8;
  info->size = size;
  return st != BR_OK || can_have_size(info) ? st : tds_bad_length(err, info, size);
}

br_status tds_write_no_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                            br_error *err) {
  (void)w;
  (void)place;
  (void)info;
  (void)err;
  return BR_OK;
}

br_status tds_write_sized_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                               br_error *err) {
  (void)place;
  return rows[info->id].fixed ? BR_OK : tds_writer_u8(w, (uint8_t)info->size, err);
}

br_status tds_type_info_read(tds_reader *r, tds_type_place place, tds_type_info *ret_info,
                             br_error *err) {
  tds_type_info info = {.family = NULL};
  br_status st = tds_reader_u8(r, &info.id, err);
  if (st != BR_OK) {
    return st;
  }
  info.family = rows[info.id].family;
  if (info.family == NULL) {
    bool known = info.id == TDS_TYPE_TVP || info.id == TDS_TYPE_VECTOR;
    return known ? br_error_set(err, BR_ERR_UNSUPPORTED, "Type 0x%02X is not supported", info.id)
                 : br_error_set(err, BR_ERR_PROTOCOL, "There is no type 0x%02X", info.id);
  }
  st = info.family->read_info(r, place, &info, err);
  if (st == BR_OK) {
    *ret_info = info;
  }
  return st;
}

br_status tds_type_info_write(tds_writer *w, tds_type_place place, const tds_type_info *info,
                              br_error *err) {
  br_status st = tds_writer_u8(w, info->id, err);
  return st == BR_OK ? info->family->write_info(w, place, info, err) : st;
}

br_status tds_type_info_spec(const tds_type_info *info, batch_sql_typespec *ret_spec,
                             br_error *err) {
  (void)err;
  *ret_spec = info->family->spec(info);
  return BR_OK;
}

/* Skips the chunks of a PLP value. */
static br_status skip_plp(tds_reader *r, br_error *err) {
  uint64_t total = 0;
  br_status st = tds_reader_u64(r, &total, err);
  uint32_t chunk = 1;
  while (st == BR_OK && total != TDS_PLP_NULL && chunk > 0) {
    st = tds_reader_u32(r, &chunk, err);
    if (st == BR_OK) {
      st = tds_reader_skip(r, chunk, err);
    }
  }
  return st;
}

static br_status skip_textptr(tds_reader *r, br_error *err) {
  uint8_t pointer = 0;
  br_status st = tds_reader_u8(r, &pointer, err);
  if (st != BR_OK || pointer == 0) {
    return st;
  }
  uint32_t length = 0;
  st = tds_reader_skip(r, (uint64_t)pointer + TDS_TEXT_TIMESTAMP_SIZE, err);
  if (st == BR_OK) {
    st = tds_reader_u32(r, &length, err);
  }
  return st == BR_OK ? tds_reader_skip(r, length, err) : st;
}

br_status tds_value_skip(tds_reader *r, const tds_type_info *info, br_error *err) {
  uint8_t length8 = 0;
  uint16_t length16 = 0;
  uint32_t length32 = 0;
  br_status st = BR_OK;
  switch (info->frame) {
  case TDS_FRAME_FIXED:
    return tds_reader_skip(r, info->size, err);
  case TDS_FRAME_LEN8:
    st = tds_reader_u8(r, &length8, err);
    return st == BR_OK ? tds_reader_skip(r, length8, err) : st;
  case TDS_FRAME_LEN16:
    st = tds_reader_u16(r, &length16, err);
    return st == BR_OK && length16 != TDS_LENGTH16_NULL ? tds_reader_skip(r, length16, err) : st;
  case TDS_FRAME_LEN32:
    st = tds_reader_u32(r, &length32, err);
    return st == BR_OK ? tds_reader_skip(r, length32, err) : st;
  case TDS_FRAME_TEXTPTR:
    return skip_textptr(r, err);
  case TDS_FRAME_LONG:
    st = tds_reader_u32(r, &length32, err);
    return st == BR_OK && length32 != TDS_LENGTH32_NULL ? tds_reader_skip(r, length32, err) : st;
  case TDS_FRAME_PLP:
    return skip_plp(r, err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "No frame %d", (int)info->frame);
}

br_status tds_decoder_init(tds_decoder *d, const tds_type_info *info,
                           const tds_decode_options *options, br_error *err) {
  batch_sql_typespec spec;
  br_status st = tds_type_info_spec(info, &spec, err);
  if (st != BR_OK) {
    return st;
  }
  *d = (tds_decoder){
      .info = *info, .invalid_text = options->invalid_text, .max_cell = options->max_cell};
  batch_type companion;
  const char *suffix = NULL;
  d->columns = batch_type_companion(spec.type, &options->types, &companion, &suffix) ? 2 : 1;
  st = batch_type_resolve(&spec, &options->types, &d->type, NULL, err);
  return st == BR_OK ? info->family->prepare(d, err) : st;
}

br_status tds_value_write(tds_writer *w, const tds_type_info *info, const batch_column *column,
                          size_t row, br_error *err) {
  if (!batch_column_is_valid(column, row)) {
    return tds_write_null(w, info, err);
  }
  if (info->family->encoder == NULL) {
    return info->family->write_value(w, info, column, row, err);
  }
  uint8_t bytes[TDS_ENCODED_MAX];
  const uint8_t *end = info->family->encoder(info)(info, column, row, bytes, err);
  return end == NULL ? BR_ERR_DATA : tds_writer_bytes(w, bytes, (size_t)(end - bytes), err);
}

/* Which id and size a type of the table of types gets. */
static const struct spec_row {
  uint8_t id;
  uint8_t fixed_id; /* NOT NULL; 0 = the same */
  uint8_t size;     /* 0: from the arguments */
} spec_rows[BATCH_SQL_TYPE_COUNT] = {
    [BATCH_SQL_BIT] = {TDS_TYPE_BITN, TDS_TYPE_BIT, 1},
    [BATCH_SQL_TINYINT] = {TDS_TYPE_INTN, TDS_TYPE_INT1, 1},
    [BATCH_SQL_SMALLINT] = {TDS_TYPE_INTN, TDS_TYPE_INT2, 2},
    [BATCH_SQL_INT] = {TDS_TYPE_INTN, TDS_TYPE_INT4, 4},
    [BATCH_SQL_BIGINT] = {TDS_TYPE_INTN, TDS_TYPE_INT8, 8},
    [BATCH_SQL_DECIMAL] = {TDS_TYPE_DECIMALN, 0, 0},
    [BATCH_SQL_MONEY] = {TDS_TYPE_MONEYN, TDS_TYPE_MONEY, 8},
    [BATCH_SQL_SMALLMONEY] = {TDS_TYPE_MONEYN, TDS_TYPE_MONEY4, 4},
    [BATCH_SQL_REAL] = {TDS_TYPE_FLTN, TDS_TYPE_FLT4, 4},
    [BATCH_SQL_FLOAT] = {TDS_TYPE_FLTN, TDS_TYPE_FLT8, 8},
    [BATCH_SQL_CHAR] = {TDS_TYPE_BIGCHAR, 0, 0},
    [BATCH_SQL_VARCHAR] = {TDS_TYPE_BIGVARCHAR, 0, 0},
    [BATCH_SQL_TEXT] = {TDS_TYPE_TEXT, 0, 0},
    [BATCH_SQL_NCHAR] = {TDS_TYPE_NCHAR, 0, 0},
    [BATCH_SQL_NVARCHAR] = {TDS_TYPE_NVARCHAR, 0, 0},
    [BATCH_SQL_NTEXT] = {TDS_TYPE_NTEXT, 0, 0},
    [BATCH_SQL_XML] = {TDS_TYPE_XML, 0, 0},
    [BATCH_SQL_JSON] = {TDS_TYPE_JSON, 0, 0},
    [BATCH_SQL_BINARY] = {TDS_TYPE_BIGBINARY, 0, 0},
    [BATCH_SQL_VARBINARY] = {TDS_TYPE_BIGVARBINARY, 0, 0},
    [BATCH_SQL_IMAGE] = {TDS_TYPE_IMAGE, 0, 0},
    [BATCH_SQL_ROWVERSION] = {TDS_TYPE_BIGBINARY, 0, 8},
    [BATCH_SQL_DATE] = {TDS_TYPE_DATEN, 0, 3},
    [BATCH_SQL_TIME] = {TDS_TYPE_TIMEN, 0, 0},
    [BATCH_SQL_SMALLDATETIME] = {TDS_TYPE_DATETIMN, TDS_TYPE_DATETIM4, 4},
    [BATCH_SQL_DATETIME] = {TDS_TYPE_DATETIMN, TDS_TYPE_DATETIME, 8},
    [BATCH_SQL_DATETIME2] = {TDS_TYPE_DATETIME2N, 0, 0},
    [BATCH_SQL_DATETIMEOFFSET] = {TDS_TYPE_DATETIMEOFFSETN, 0, 0},
    [BATCH_SQL_UNIQUEIDENTIFIER] = {TDS_TYPE_GUID, 0, 16},
    [BATCH_SQL_VARIANT] = {TDS_TYPE_SSVARIANT, 0, 0},
};

/* char, nchar and binary have no (max) themselves. */
static uint8_t max_form_of(uint8_t id) {
  return id == TDS_TYPE_BIGCHAR     ? TDS_TYPE_BIGVARCHAR
         : id == TDS_TYPE_NCHAR     ? TDS_TYPE_NVARCHAR
         : id == TDS_TYPE_BIGBINARY ? TDS_TYPE_BIGVARBINARY
                                    : id;
}

/* The frame and size of the types whose arguments decide. */
static void size_of_spec(const batch_sql_typespec *spec, tds_type_info *info) {
  uint64_t unit = spec->type == BATCH_SQL_NCHAR || spec->type == BATCH_SQL_NVARCHAR ? 2 : 1;
  switch (spec->type) {
  case BATCH_SQL_CHAR:
  case BATCH_SQL_VARCHAR:
  case BATCH_SQL_NCHAR:
  case BATCH_SQL_NVARCHAR:
  case BATCH_SQL_BINARY:
  case BATCH_SQL_VARBINARY:
    /* Over 8000 bytes only (max) can be. */
    info->size = spec->length * unit > 8000 ? UINT32_MAX : (uint32_t)(spec->length * unit);
    info->frame = info->size == UINT32_MAX ? TDS_FRAME_PLP : TDS_FRAME_LEN16;
    if (info->size == UINT32_MAX) {
      info->id = max_form_of(info->id);
    }
    break;
  case BATCH_SQL_ROWVERSION:
    info->user_type = TDS_USER_TYPE_TIMESTAMP;
    info->frame = TDS_FRAME_LEN16;
    break;
  case BATCH_SQL_TEXT:
  case BATCH_SQL_IMAGE:
    info->size = INT32_MAX;
    info->frame = TDS_FRAME_TEXTPTR;
    break;
  case BATCH_SQL_NTEXT:
    info->size = INT32_MAX - 1;
    info->frame = TDS_FRAME_TEXTPTR;
    break;
  case BATCH_SQL_XML:
  case BATCH_SQL_JSON:
    info->size = UINT32_MAX;
    info->frame = TDS_FRAME_PLP;
    break;
  case BATCH_SQL_DECIMAL:
    info->size = (uint32_t)tds_decimal_size(spec->precision);
    break;
  case BATCH_SQL_TIME:
    info->size = (uint32_t)tds_time_size(spec->scale);
    break;
  case BATCH_SQL_DATETIME2:
    info->size = (uint32_t)tds_time_size(spec->scale) + 3;
    break;
  case BATCH_SQL_DATETIMEOFFSET:
    info->size = (uint32_t)tds_time_size(spec->scale) + 5;
    break;
  case BATCH_SQL_VARIANT:
    info->size = TDS_VARIANT_MAX;
    info->frame = TDS_FRAME_LEN32;
    break;
  default:
    break;
  }
}

br_status tds_type_info_of_spec(const batch_sql_typespec *spec, bool nullable,
                                const uint8_t collation[TDS_COLLATION_SIZE],
                                tds_type_info *ret_info, br_error *err) {
  batch_type type;
  br_status st = batch_type_resolve(spec, NULL, &type, NULL, err);
  if (st != BR_OK) {
    return st;
  }
  const struct spec_row *row = &spec_rows[spec->type];
  if (row->id == 0) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "Values of type %s are not sent",
                        batch_type_row_of(spec->type)->name);
  }
  bool fixed = !nullable && row->fixed_id != 0;
  tds_type_info info = {.id = fixed ? row->fixed_id : row->id,
                        .precision = spec->precision,
                        .scale = spec->scale,
                        .frame = fixed ? TDS_FRAME_FIXED : TDS_FRAME_LEN8,
                        .size = row->size,
                        .nullable = nullable};
  info.family = rows[info.id].family;
  memcpy(info.collation, collation, TDS_COLLATION_SIZE);
  size_of_spec(spec, &info);
  *ret_info = info;
  return BR_OK;
}
