/*
 * cast_value.h: inside casts: one value, whatever column it came from, and what a column takes.
 *
 *   column, row ──cast_load()──▶ cast_value ──cast_store()──▶ column, row        any type to any
 *                                    ▲
 *                               text (batch_append_text)
 *
 *   cast.c          schemas, columns, rows
 *   cast_copy.c     columns that are copied as a whole
 *   cast_target.c   a field's rules
 *   cast_load.c     values out of columns, and as text
 *   cast_number.c   into bit, whole numbers, decimals, floating point
 *   cast_time.c     into dates, times, timestamps
 *   cast_text.c     into text, GUIDs, binary
 */
#ifndef BATCH_CAST_VALUE_H
#define BATCH_CAST_VALUE_H

#include "batch/batch.h"
#include "batch/value.h"

typedef enum cast_source {
  CAST_FROM_BOOL,
  CAST_FROM_INT,
  CAST_FROM_DECIMAL,
  CAST_FROM_FLOAT,
  CAST_FROM_DATE,
  CAST_FROM_TIME,
  CAST_FROM_STAMP,
  CAST_FROM_INSTANT,
  CAST_FROM_TEXT,
  CAST_FROM_BINARY,
  CAST_SOURCE_COUNT
} cast_source;

typedef enum cast_kind {
  CAST_TO_BOOL,
  CAST_TO_INT,
  CAST_TO_DECIMAL,
  CAST_TO_FLOAT,
  CAST_TO_DATE,
  CAST_TO_TIME,
  CAST_TO_STAMP, /* with and without zone: both hold microseconds */
  CAST_TO_TEXT,
  CAST_TO_GUID,
  CAST_TO_BINARY,
  CAST_KIND_COUNT
} cast_kind;

typedef struct cast_value {
  cast_source source;
  int64_t integer;    /* bool, int; days, µs of a day, µs since 1970 */
  batch_i128 decimal; /* × 10^-scale */
  unsigned scale;
  double number;
  bool is_single;    /* number was a float */
  const char *bytes; /* text and binary; borrowed */
  size_t length;
} cast_value;

/* How timestamps are cut. */
typedef enum cast_grain {
  CAST_GRAIN_STEP,     /* `step` µs: digits behind it must be zeros */
  CAST_GRAIN_DATETIME, /* rounded to 1/300 s, written as .000, .003, .007 */
  CAST_GRAIN_MINUTE,   /* the same, then to the minute */
} cast_grain;

/* What one column takes. */
typedef struct cast_target {
  cast_kind kind;
  batch_type type; /* where it is stored */
  char name[40];   /* "decimal(9,2)", for messages */
  bool nullable;
  bool finite;      /* no NaN, no infinity */
  bool base64;      /* text for binary */
  bool utf16;       /* limit counts UTF-16 units, else bytes */
  uint32_t limit;   /* text, binary; BATCH_LENGTH_MAX = none */
  unsigned digits;  /* time: of a second */
  cast_grain grain; /* timestamps */
  int64_t step;     /* timestamps: 10^n µs */
  int64_t min;      /* int, date, timestamps, and decimals of 64 bits: what fits */
  int64_t max;
  bool bounded; /* min and max are narrower than the layout's own range */
} cast_target;

/* BR_ERR_DATA for types that can't be written (rowversion). */
br_status cast_target_of(const batch_field *field, cast_target *ret_target,
                         br_error *err) BR_CHECKED;

cast_source cast_source_of(batch_layout layout);
bool cast_can_meet(cast_source source, cast_kind kind);

/* Loads a value that is not NULL. */
void cast_load(const batch_column *column, const batch_type *type, size_t row,
               cast_value *ret_value);
/* Numbers, dates and times as batch_cell_text() writes them. 64 bytes are enough. */
void cast_value_text(const cast_value *value, char *text, size_t size);

/* Converts and appends. BR_ERR_DATA with a clause that says why it doesn't fit. */
br_status cast_store(const cast_target *target, const cast_value *value, batch_column *out,
                     size_t row, br_error *err) BR_CHECKED;
br_status cast_store_null(const cast_target *target, batch_column *out, size_t row,
                          br_error *err) BR_CHECKED;

/* How a column is converted. */
typedef enum cast_way {
  CAST_BY_VALUE, /* load and store, one after the other */
  CAST_COPIED,   /* values lie as they are wanted; they are checked */
  CAST_TRUSTED,  /* the same, from a column of the same SQL Server type: all of them fit */
  CAST_RESIZED,  /* whole numbers, or decimals of the same scale, of other widths or ranges */
} cast_way;

/* A whole column, empty before; not CAST_BY_VALUE. BR_ERR_DATA, without words, where a value does
 * not fit: cast_store() knows why. */
br_status cast_copy_column(const cast_target *target, cast_way way, const batch_column *in,
                           size_t rows, batch_column *out, br_error *err) BR_CHECKED;

/* The rows of cast_store()'s table. They leave marking the value as present to it. */
typedef br_status cast_store_fn(const cast_target *target, const cast_value *value,
                                batch_column *out, size_t row, br_error *err);
cast_store_fn cast_store_bool;
cast_store_fn cast_store_int;
cast_store_fn cast_store_decimal;
cast_store_fn cast_store_float;
cast_store_fn cast_store_date;
cast_store_fn cast_store_time;
cast_store_fn cast_store_stamp;
cast_store_fn cast_store_text;
cast_store_fn cast_store_guid;
cast_store_fn cast_store_binary;

/* Does text or binary of so many bytes fit? */
br_status cast_check_length(const cast_target *target, const char *bytes, size_t length,
                            br_error *err) BR_CHECKED;

/* "'abc' is no int", the value shortened where it is long. */
br_status cast_is_no(const cast_target *target, const cast_value *value, br_error *err);
br_status cast_out_of_range(const cast_target *target, const cast_value *value, br_error *err);

/* 10^exponent, exponent at most 38. */
batch_i128 cast_ten_to(unsigned exponent);

/* Reads a whole number from a column of 2, 4 or 8 bytes a value, and writes one. */
static inline int64_t cast_get_int(const batch_column *column, size_t row) {
  switch (column->layout) {
  case BATCH_INT16:
    return ((const int16_t *)column->values)[row];
  case BATCH_INT32:
  case BATCH_DATE32:
  case BATCH_DECIMAL32:
    return ((const int32_t *)column->values)[row];
  default:
    return ((const int64_t *)column->values)[row];
  }
}

static inline void cast_put_int(batch_column *out, size_t row, int64_t value) {
  switch (out->layout) {
  case BATCH_INT16:
    ((int16_t *)out->values)[row] = (int16_t)value;
    break;
  case BATCH_INT32:
  case BATCH_DATE32:
  case BATCH_DECIMAL32:
    ((int32_t *)out->values)[row] = (int32_t)value;
    break;
  default:
    ((int64_t *)out->values)[row] = value;
    break;
  }
}

#endif
