/* What columns of other writers become in a batch: by logical type, or the converted type of old.
 */
#include "parquet/metadata.h"

static br_status unsupported(br_error *err, const char *what) {
  return br_error_set(err, BR_ERR_UNSUPPORTED, "%s", what);
}

static br_status set_layout(parquet_leaf *leaf, batch_layout layout,
                            parquet_conversion conversion) {
  leaf->type = (batch_type){.layout = layout};
  leaf->conversion = conversion;
  return BR_OK;
}

static bool is_integer(const parquet_leaf *leaf) {
  return leaf->physical == PARQUET_INT32 || leaf->physical == PARQUET_INT64;
}

static bool is_bytes(const parquet_leaf *leaf) {
  return leaf->physical == PARQUET_BYTE_ARRAY || leaf->physical == PARQUET_FIXED_LEN_BYTE_ARRAY;
}

static br_status resolve_decimal(parquet_leaf *leaf, int32_t precision, int32_t scale,
                                 br_error *err) {
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    return unsupported(err, "a decimal of these digits is not supported");
  }
  batch_layout layout = precision <= 9    ? BATCH_DECIMAL32
                        : precision <= 18 ? BATCH_DECIMAL64
                                          : BATCH_DECIMAL128;
  if (!is_integer(leaf) && !is_bytes(leaf)) {
    return unsupported(err, "a decimal of this physical type is not supported");
  }
  leaf->type = (batch_type){layout, (uint8_t)precision, (uint8_t)scale};
  leaf->conversion = is_integer(leaf) ? PARQUET_CONVERT_INTEGER : PARQUET_CONVERT_DECIMAL;
  return BR_OK;
}

static br_status resolve_integer(parquet_leaf *leaf, int bits, bool is_signed, br_error *err) {
  if (!is_integer(leaf) || (bits == 64) != (leaf->physical == PARQUET_INT64)) {
    return unsupported(err, "an integer of this physical type is not supported");
  }
  leaf->is_unsigned = !is_signed;
  if (bits == 64 && !is_signed) {
    leaf->type = (batch_type){BATCH_DECIMAL128, 20, 0};
    leaf->conversion = PARQUET_CONVERT_INTEGER;
    return BR_OK;
  }
  if (is_signed && bits >= 32) {
    return set_layout(leaf, bits == 64 ? BATCH_INT64 : BATCH_INT32, PARQUET_CONVERT_COPY);
  }
  /* Unsigned ones need the next wider signed layout. */
  int need = is_signed ? bits : 2 * bits;
  return set_layout(leaf,
                    need <= 16   ? BATCH_INT16
                    : need <= 32 ? BATCH_INT32
                                 : BATCH_INT64,
                    PARQUET_CONVERT_INTEGER);
}

/* TIME and TIMESTAMP in microseconds, whatever the unit in the file. */
static br_status resolve_time(parquet_leaf *leaf, batch_layout layout, int unit, br_error *err) {
  bool millis_of_day = layout == BATCH_TIME64_US && unit == PARQUET_MILLIS;
  if (leaf->physical != (millis_of_day ? PARQUET_INT32 : PARQUET_INT64) || unit < PARQUET_MILLIS ||
      unit > PARQUET_NANOS) {
    return unsupported(err, "a time of this physical type or unit is not supported");
  }
  leaf->multiply = unit == PARQUET_MILLIS ? 1000 : 1;
  leaf->divide = unit == PARQUET_NANOS ? 1000 : 1;
  return set_layout(leaf, layout,
                    unit == PARQUET_MICROS ? PARQUET_CONVERT_COPY : PARQUET_CONVERT_INTEGER);
}

static br_status resolve_text(parquet_leaf *leaf, br_error *err) {
  return is_bytes(leaf) ? set_layout(leaf, BATCH_STRING, PARQUET_CONVERT_TEXT)
                        : unsupported(err, "text of this physical type is not supported");
}

static br_status resolve_date(parquet_leaf *leaf, br_error *err) {
  return leaf->physical == PARQUET_INT32
             ? set_layout(leaf, BATCH_DATE32, PARQUET_CONVERT_COPY)
             : unsupported(err, "a date of this physical type is not supported");
}

static br_status resolve_physical(parquet_leaf *leaf, br_error *err) {
  switch (leaf->physical) {
  case PARQUET_BOOLEAN:
    return set_layout(leaf, BATCH_BOOL, PARQUET_CONVERT_BOOL);
  case PARQUET_INT32:
    return set_layout(leaf, BATCH_INT32, PARQUET_CONVERT_COPY);
  case PARQUET_INT64:
    return set_layout(leaf, BATCH_INT64, PARQUET_CONVERT_COPY);
  case PARQUET_INT96:
    return set_layout(leaf, BATCH_TIMESTAMP_US_UTC, PARQUET_CONVERT_INT96);
  case PARQUET_FLOAT:
    return set_layout(leaf, BATCH_FLOAT, PARQUET_CONVERT_COPY);
  case PARQUET_DOUBLE:
    return set_layout(leaf, BATCH_DOUBLE, PARQUET_CONVERT_COPY);
  case PARQUET_BYTE_ARRAY:
  case PARQUET_FIXED_LEN_BYTE_ARRAY:
    return set_layout(leaf, BATCH_BINARY, PARQUET_CONVERT_BYTES);
  case PARQUET_PHYSICAL_COUNT:
    break;
  }
  return unsupported(err, "its physical type is not known");
}

static br_status resolve_converted(const parquet_element *e, parquet_leaf *leaf, br_error *err) {
  switch (e->converted) {
  case PARQUET_UTF8:
  case PARQUET_CONVERTED_ENUM:
  case PARQUET_CONVERTED_JSON:
    return resolve_text(leaf, err);
  case PARQUET_CONVERTED_DECIMAL:
    return resolve_decimal(leaf, e->precision, e->scale, err);
  case PARQUET_CONVERTED_DATE:
    return resolve_date(leaf, err);
  case PARQUET_TIME_MILLIS:
    return resolve_time(leaf, BATCH_TIME64_US, PARQUET_MILLIS, err);
  case PARQUET_TIME_MICROS:
    return resolve_time(leaf, BATCH_TIME64_US, PARQUET_MICROS, err);
  case PARQUET_TIMESTAMP_MILLIS:
    return resolve_time(leaf, BATCH_TIMESTAMP_US_UTC, PARQUET_MILLIS, err);
  case PARQUET_TIMESTAMP_MICROS:
    return resolve_time(leaf, BATCH_TIMESTAMP_US_UTC, PARQUET_MICROS, err);
  case PARQUET_UINT_8:
  case PARQUET_UINT_16:
  case PARQUET_UINT_32:
  case PARQUET_UINT_64:
    return resolve_integer(leaf, 8 << (e->converted - PARQUET_UINT_8), false, err);
  case PARQUET_INT_8:
  case PARQUET_INT_16:
  case PARQUET_INT_32:
  case PARQUET_INT_64:
    return resolve_integer(leaf, 8 << (e->converted - PARQUET_INT_8), true, err);
  case PARQUET_CONVERTED_NONE:
  case PARQUET_CONVERTED_BSON:
    return resolve_physical(leaf, err);
  default:
    return unsupported(err, "its converted type is not supported");
  }
}

static br_status resolve_float16(parquet_leaf *leaf, br_error *err) {
  return leaf->physical == PARQUET_FIXED_LEN_BYTE_ARRAY && leaf->type_length == 2
             ? set_layout(leaf, BATCH_FLOAT, PARQUET_CONVERT_FLOAT16)
             : unsupported(err, "a half float of this physical type is not supported");
}

static br_status resolve_logical(const parquet_element *e, parquet_leaf *leaf, br_error *err) {
  switch (e->logical) {
  case PARQUET_LOGICAL_NONE:
    return resolve_converted(e, leaf, err);
  case PARQUET_LOGICAL_STRING:
  case PARQUET_LOGICAL_ENUM:
  case PARQUET_LOGICAL_JSON:
    return resolve_text(leaf, err);
  case PARQUET_LOGICAL_DECIMAL:
    return resolve_decimal(leaf, e->logical_precision, e->logical_scale, err);
  case PARQUET_LOGICAL_DATE:
    return resolve_date(leaf, err);
  case PARQUET_LOGICAL_TIME:
    return resolve_time(leaf, BATCH_TIME64_US, e->unit, err);
  case PARQUET_LOGICAL_TIMESTAMP:
    return resolve_time(leaf, e->utc ? BATCH_TIMESTAMP_US_UTC : BATCH_TIMESTAMP_US, e->unit, err);
  case PARQUET_LOGICAL_INTEGER:
    if (e->bits != 8 && e->bits != 16 && e->bits != 32 && e->bits != 64) {
      return unsupported(err, "an integer of this width is not supported");
    }
    return resolve_integer(leaf, e->bits, e->is_signed, err);
  case PARQUET_LOGICAL_UNKNOWN: /* always NULL */
  case PARQUET_LOGICAL_BSON:
  case PARQUET_LOGICAL_UUID:
    return resolve_physical(leaf, err);
  case PARQUET_LOGICAL_FLOAT16:
    return resolve_float16(leaf, err);
  }
  return unsupported(err, "its logical type is not supported");
}

br_status parquet_leaf_resolve(const parquet_element *e, parquet_leaf *leaf, br_error *err) {
  if (e->children > 0 || e->physical < 0 || e->repetition == PARQUET_REPEATED) {
    return unsupported(err, "nested columns are not supported");
  }
  if (e->physical >= PARQUET_PHYSICAL_COUNT || e->repetition < 0 ||
      e->repetition > PARQUET_REPEATED) {
    return br_error_set(err, BR_ERR_DATA, "its type is not known");
  }
  leaf->physical = (parquet_physical)e->physical;
  leaf->nullable = e->repetition == PARQUET_OPTIONAL;
  leaf->multiply = leaf->divide = 1;
  if (leaf->physical == PARQUET_FIXED_LEN_BYTE_ARRAY) {
    if (e->type_length < 1) {
      return br_error_set(err, BR_ERR_DATA, "its values have no length");
    }
    leaf->type_length = (uint32_t)e->type_length;
  }
  return resolve_logical(e, leaf, err);
}
