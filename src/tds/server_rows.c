/*
 * Result sets onto the wire: COLMETADATA and rows, straight from the columns of a batch.
 */
#include <string.h>

#include "base/limits.h"
#include "batch/value.h"
#include "tds/family.h"
#include "tds/server.h"

br_status tds_result_types(const batch_schema *schema, bool json, tds_type_info *infos,
                           br_error *err) {
  for (size_t i = 0; i < schema->count; i++) {
    const batch_field *field = &schema->fields[i];
    if (!field->has_source) {
      return br_error_set(err, BR_ERR_INTERNAL, "Column %zu (%s) has no type of SQL Server", i + 1,
                          field->name);
    }
    batch_sql_typespec spec = field->source;
    const uint8_t *collation = tds_collation_latin1;
    if (spec.type == BATCH_SQL_JSON && !json) {
      spec = (batch_sql_typespec){.type = BATCH_SQL_VARCHAR, .length = BATCH_LENGTH_MAX};
      collation = tds_collation_utf8;
    }
    br_status st = tds_type_info_of_spec(&spec, field->nullable, collation, &infos[i], err);
    if (st != BR_OK) {
      return br_error_context(err, st, "column %zu (%s)", i + 1, field->name);
    }
  }
  return BR_OK;
}

static br_status put_column(tds_writer *w, const batch_field *field, const tds_type_info *info,
                            br_error *err) {
  uint16_t flags =
      (uint16_t)((field->nullable ? TDS_COLUMN_NULLABLE : 0) | TDS_COLUMN_UPDATEABLE_UNKNOWN);
  br_status st = tds_writer_u32(w, info->user_type, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, flags, err);
  }
  if (st == BR_OK) {
    st = tds_type_info_write(w, TDS_IN_RESULT, info, err);
  }
  return st == BR_OK ? tds_writer_bvarchar(w, field->name, err) : st;
}

br_status tds_put_columns(tds_writer *w, const batch_schema *schema, const tds_type_info *infos,
                          br_error *err) {
  br_status st = tds_writer_u8(w, TDS_TOKEN_COLMETADATA, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, (uint16_t)schema->count, err);
  }
  for (size_t i = 0; i < schema->count && st == BR_OK; i++) {
    st = put_column(w, &schema->fields[i], &infos[i], err);
  }
  return st;
}

/* The bytes that a NULL takes in a ROW. */
static size_t null_size(const tds_type_info *info) {
  switch (info->frame) {
  case TDS_FRAME_LEN16:
    return 2;
  case TDS_FRAME_LEN32:
    return 4;
  case TDS_FRAME_PLP:
    return 8;
  default:
    return 1;
  }
}

/* Fills the bitmap of NBCROW; *ret_saves: it costs less than the NULLs would. */
static void null_bitmap(const batch *b, const tds_type_info *infos, size_t row, uint8_t *bitmap,
                        size_t size, bool *ret_saves) {
  size_t saved = 0;
  memset(bitmap, 0, size);
  for (size_t i = 0; i < b->schema->count; i++) {
    if (!batch_column_is_valid(&b->columns[i], row)) {
      bitmap[i >> 3] = (uint8_t)(bitmap[i >> 3] | 1U << (i & 7U));
      saved += null_size(&infos[i]);
    }
  }
  *ret_saves = saved > size;
}

/* datetime2 and datetimeoffset (2.2.5.5.1.8) with what the batch has no room for. */
static br_status put_precise(tds_writer *w, const tds_type_info *info, int64_t us,
                             const tds_precise *precise, br_error *err) {
  int64_t rest = 0;
  const int64_t days = batch_days_of_us(us, &rest);
  uint64_t units = (uint64_t)rest * 10 + precise->tick;
  for (unsigned scale = info->scale; scale < 7; scale++) {
    units /= 10;
  }
  const uint32_t date = (uint32_t)(days + TDS_DAYS_0001_TO_1970);
  uint8_t bytes[11];
  size_t fill = 1;
  for (size_t i = tds_time_size(info->scale); i > 0; i--, units >>= 8) {
    bytes[fill++] = (uint8_t)units;
  }
  for (unsigned shift = 0; shift < 24; shift += 8) {
    bytes[fill++] = (uint8_t)(date >> shift);
  }
  if (info->id == TDS_TYPE_DATETIMEOFFSETN) {
    br_store_u16le(bytes + fill, (uint16_t)precise->offset_minutes);
    fill += 2;
  }
  bytes[0] = (uint8_t)(fill - 1);
  return tds_writer_bytes(w, bytes, fill, err);
}

static br_status put_cell(tds_writer *w, const batch *b, const tds_type_info *infos,
                          const tds_precise *const *precise, size_t i, size_t row, br_error *err) {
  const batch_column *column = &b->columns[i];
  if (precise != NULL && precise[i] != NULL && batch_column_is_valid(column, row)) {
    return put_precise(w, &infos[i], ((const int64_t *)column->values)[row], &precise[i][row], err);
  }
  return tds_value_write(w, &infos[i], column, row, err);
}

br_status tds_put_row(tds_writer *w, const batch *b, const tds_type_info *infos,
                      const tds_precise *const *precise, size_t row, br_error *err) {
  uint8_t bitmap[BR_LIMIT_COLUMNS / 8];
  const size_t count = b->schema->count;
  bool compressed = false;
  null_bitmap(b, infos, row, bitmap, (count + 7) / 8, &compressed);
  br_status st = tds_writer_u8(w, compressed ? TDS_TOKEN_NBCROW : TDS_TOKEN_ROW, err);
  if (st == BR_OK && compressed) {
    st = tds_writer_bytes(w, bitmap, (count + 7) / 8, err);
  }
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    if (compressed && (bitmap[i >> 3] >> (i & 7U) & 1U) != 0) {
      continue;
    }
    st = put_cell(w, b, infos, precise, i, row, err);
    if (st != BR_OK) {
      return br_error_context(err, st, "column %zu (%s)", i + 1, b->schema->fields[i].name);
    }
  }
  return st;
}
