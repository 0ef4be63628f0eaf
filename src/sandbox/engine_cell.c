/*
 * engine_cell.c: stored values into the columns of a batch, and back.
 */
#include <string.h>

#include "sandbox/engine_internal.h"

static int64_t days_since_1970(int32_t days) {
  return (int64_t)days - SQL_DAYS_1970;
}

/* Microseconds since 1970 of a local time; *ret_tick: the 100 ns digit that is left. */
static int64_t moment_us(const sql_moment *m, uint8_t *ret_tick) {
  *ret_tick = (uint8_t)(m->ticks % 10);
  return days_since_1970(m->days) * (SQL_TICKS_PER_DAY / 10) + m->ticks / 10;
}

static int64_t timestamp_of(const sql_type *type, const sql_value *value, engine_extra *extra) {
  sql_moment m = sql_moment_get(type->kind, value);
  if (type->kind == SQL_DATETIME) { /* as SQL Server prints it: .000 .003 .007 */
    m.ticks = (m.ticks + 5000) / 10000 * 10000;
  }
  int64_t us = moment_us(&m, &extra->tick);
  extra->offset_minutes = (int16_t)m.offset;
  return us - (int64_t)m.offset * 60 * 1000000;
}

static br_status append_text(batch_column *column, size_t row, const sql_type *type,
                             const sql_value *value, br_error *err) {
  char text[48];
  uint8_t wire[16];
  switch (type->kind) {
  case SQL_GUID:
    sql_guid_to_wire(value, wire);
    batch_guid_text(wire, text);
    return batch_column_append_bytes(column, row, text, strlen(text), err);
  case SQL_TIME: {
    int64_t units = value->i;
    for (unsigned i = type->scale; i < 7; i++) {
      units /= 10;
    }
    batch_time_text((uint64_t)units, type->scale, text);
    return batch_column_append_bytes(column, row, text, strlen(text), err);
  }
  default:
    return batch_column_append_bytes(column, row, value->p, value->n, err);
  }
}

static void set_bit(uint8_t *bits, size_t row, bool value) {
  uint8_t mask = (uint8_t)(1U << (row & 7U));
  bits[row >> 3] = (uint8_t)(value ? bits[row >> 3] | mask : bits[row >> 3] & ~mask);
}

br_status engine_cell_append(engine_session *s, batch *b, size_t index, size_t row,
                             const sql_type *type, const sql_value *value, br_error *err) {
  batch_column *column = &b->columns[index];
  engine_extra extra = {0};
  if (value->form == SQL_FORM_NULL) {
    return batch_column_append_null(column, row, err);
  }
  switch (column->layout) {
  case BATCH_BOOL:
    set_bit(column->values, row, value->i != 0);
    break;
  case BATCH_INT16:
    ((int16_t *)column->values)[row] = (int16_t)value->i;
    break;
  case BATCH_INT32:
  case BATCH_DECIMAL32:
    ((int32_t *)column->values)[row] = (int32_t)value->i;
    break;
  case BATCH_INT64:
  case BATCH_DECIMAL64:
    ((int64_t *)column->values)[row] = value->i;
    break;
  case BATCH_FLOAT:
    ((float *)column->values)[row] = (float)value->d;
    break;
  case BATCH_DOUBLE:
    ((double *)column->values)[row] = value->d;
    break;
  case BATCH_DECIMAL128:
    batch_store_i128((uint8_t *)column->values + row * 16, sql_decimal_get(value));
    break;
  case BATCH_DATE32:
    ((int32_t *)column->values)[row] = (int32_t)days_since_1970((int32_t)value->i);
    break;
  case BATCH_TIME64_US:
    ((int64_t *)column->values)[row] = value->i / 10;
    break;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    ((int64_t *)column->values)[row] = timestamp_of(type, value, &extra);
    if (s->extras[index] != NULL && row < s->extra_rows) {
      s->extras[index][row] = extra;
    }
    break;
  default:
    return append_text(column, row, type, value, err);
  }
  batch_column_mark_valid(column, row);
  return BR_OK;
}

/* The engine's type for a field of somebody else's batch. */
sql_type engine_field_type(const batch_field *field, engine_dialect dialect) {
  sql_type type;
  if (field->has_source && dialect == ENGINE_TSQL &&
      sql_type_of_spec(&field->source, &type, NULL) == BR_OK) {
    return type;
  }
  bool tsql = dialect == ENGINE_TSQL;
  switch (field->type.layout) {
  case BATCH_BOOL:
    return sql_type_of(SQL_BIT);
  case BATCH_INT16:
    return sql_type_of(SQL_SMALLINT);
  case BATCH_INT32:
    return sql_type_of(SQL_INT);
  case BATCH_INT64:
    return sql_type_of(SQL_BIGINT);
  case BATCH_FLOAT:
    return sql_type_of(SQL_REAL);
  case BATCH_DOUBLE:
    return sql_type_of(SQL_FLOAT);
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
  case BATCH_DECIMAL128:
    return sql_type_decimal(field->type.precision, field->type.scale);
  case BATCH_DATE32:
    return sql_type_of(SQL_DATE);
  case BATCH_TIME64_US:
    return tsql ? sql_type_scaled(SQL_TIME, 6) : sql_type_of(SQL_STRING);
  case BATCH_TIMESTAMP_US:
    return tsql ? sql_type_scaled(SQL_DATETIME2, 6) : sql_type_of(SQL_TIMESTAMP_NTZ);
  case BATCH_TIMESTAMP_US_UTC:
    return tsql ? sql_type_scaled(SQL_DATETIMEOFFSET, 6) : sql_type_of(SQL_TIMESTAMP);
  case BATCH_BINARY:
    return sql_type_of(SQL_VARBINARY);
  default:
    return tsql ? sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX) : sql_type_of(SQL_STRING);
  }
}

static br_status time_value(int64_t us, const sql_type *type, sql_scratch *scratch,
                            sql_value *ret_value, br_error *err) {
  sql_value stamp = sql_value_integer(us);
  sql_moment m = sql_moment_get(SQL_TIMESTAMP, &stamp);
  if (type->kind == SQL_TIMESTAMP || type->kind == SQL_TIMESTAMP_NTZ) {
    *ret_value = stamp;
    return BR_OK;
  }
  if (!sql_moment_put(&m, type, scratch, ret_value)) {
    return br_error_set(err, BR_ERR_DATA, "A date or time is out of the range of its type");
  }
  return BR_OK;
}

/* Layouts of text: uniqueidentifier and time come as text, the others are bytes as they are. */
static br_status text_value(const sql_type *type, const char *p, size_t n, sql_scratch *scratch,
                            sql_value *ret_value, br_error *err) {
  engine_error error;
  const sql_type text = sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX);
  sql_value in = sql_value_text(p, n);
  sql_conversion c = {.dialect = ENGINE_TSQL,
                      .style = SQL_STYLE_NONE,
                      .scratch = scratch,
                      .error = &error,
                      .err = err};
  if (type->kind != SQL_GUID && type->kind != SQL_TIME) {
    *ret_value = in;
    return BR_OK;
  }
  br_status st = sql_convert(&c, &text, type, &in, ret_value);
  return st == BR_ERR_REMOTE ? br_error_set(err, BR_ERR_DATA, "%s", error.message) : st;
}

br_status engine_cell_value(const batch *b, size_t index, size_t row, const sql_type *type,
                            sql_scratch *scratch, sql_value *ret_value, br_error *err) {
  const batch_column *column = &b->columns[index];
  if (!batch_column_is_valid(column, row)) {
    *ret_value = sql_value_null();
    return BR_OK;
  }
  switch (column->layout) {
  case BATCH_BOOL:
    *ret_value = sql_value_integer(((const uint8_t *)column->values)[row >> 3] >> (row & 7U) & 1U);
    return BR_OK;
  case BATCH_INT16:
    *ret_value = sql_value_integer(((const int16_t *)column->values)[row]);
    return BR_OK;
  case BATCH_INT32:
    *ret_value = sql_value_integer(((const int32_t *)column->values)[row]);
    return BR_OK;
  case BATCH_INT64:
    *ret_value = sql_value_integer(((const int64_t *)column->values)[row]);
    return BR_OK;
  case BATCH_FLOAT:
    *ret_value = sql_value_real((double)((const float *)column->values)[row]);
    return BR_OK;
  case BATCH_DOUBLE:
    *ret_value = sql_value_real(((const double *)column->values)[row]);
    return BR_OK;
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
  case BATCH_DECIMAL128: {
    batch_i128 v = column->layout == BATCH_DECIMAL32 ? ((const int32_t *)column->values)[row]
                   : column->layout == BATCH_DECIMAL64
                       ? ((const int64_t *)column->values)[row]
                       : batch_load_i128((const uint8_t *)column->values + row * 16);
    bool money = sql_type_family(type->kind) == SQL_FAMILY_MONEY;
    *ret_value =
        money ? sql_value_integer((int64_t)v) : sql_decimal_put(v, type->precision, scratch);
    return BR_OK;
  }
  case BATCH_DATE32:
    *ret_value = sql_value_integer((int64_t)((const int32_t *)column->values)[row] + SQL_DAYS_1970);
    return BR_OK;
  case BATCH_TIME64_US:
    *ret_value = sql_value_integer(((const int64_t *)column->values)[row] * 10);
    return BR_OK;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    return time_value(((const int64_t *)column->values)[row], type, scratch, ret_value, err);
  default: {
    const char *p = column->data == NULL ? "" : (const char *)column->data + column->offsets[row];
    size_t n = (size_t)(column->offsets[row + 1] - column->offsets[row]);
    if (column->layout == BATCH_BINARY) {
      *ret_value = sql_value_blob(p, n);
      return BR_OK;
    }
    return text_value(type, p, n, scratch, ret_value, err);
  }
  }
}
