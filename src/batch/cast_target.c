/* What a field takes: the rules of its SQL Server type, or of its layout alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "batch/cast_value.h"

static int64_t ten_to(unsigned exponent) {
  int64_t power = 1;
  while (exponent-- > 0) {
    power *= 10;
  }
  return power;
}

static void set_range(cast_target *t, int64_t min, int64_t max) {
  t->min = min;
  t->max = max;
  t->bounded = true;
}

/* Days of the first and the last date, both included. */
static void set_days(cast_target *t, int from_year, int to_year, unsigned to_month,
                     unsigned to_day) {
  set_range(t, batch_days_of_civil(from_year, 1, 1),
            batch_days_of_civil(to_year, to_month, to_day));
}

static void of_int(cast_target *t, const batch_field *field) {
  size_t bits = 8 * batch_layout_width(t->type.layout);
  t->max = (int64_t)(UINT64_MAX >> (65 - bits));
  t->min = -t->max - 1;
  if (field->has_source && field->source.type == BATCH_SQL_TINYINT) {
    set_range(t, 0, UINT8_MAX);
  }
}

static void of_decimal(cast_target *t, const batch_field *field) {
  if (field->has_source && field->source.type == BATCH_SQL_MONEY) {
    set_range(t, INT64_MIN, INT64_MAX);
  } else if (field->has_source && field->source.type == BATCH_SQL_SMALLMONEY) {
    set_range(t, INT32_MIN, INT32_MAX);
  }
}

static void of_date(cast_target *t, const batch_field *field) {
  t->min = INT32_MIN;
  t->max = INT32_MAX;
  if (field->has_source) {
    set_days(t, 1, 9999, 12, 31);
  }
}

/* Ranges are those of values before they are rounded: what rounds up over the end is refused by
 * cast_time.c. */
static void of_stamp(cast_target *t, const batch_field *field) {
  t->grain = CAST_GRAIN_STEP;
  t->step = 1;
  t->min = INT64_MIN;
  t->max = INT64_MAX;
  if (!field->has_source) {
    return;
  }
  switch (field->source.type) {
  case BATCH_SQL_DATETIME:
    t->grain = CAST_GRAIN_DATETIME;
    set_days(t, 1753, 9999, 12, 31);
    break;
  case BATCH_SQL_SMALLDATETIME:
    t->grain = CAST_GRAIN_MINUTE;
    set_days(t, 1900, 2079, 6, 6);
    break;
  default:
    t->step = field->source.scale < 6 ? ten_to(6U - field->source.scale) : 1;
    set_days(t, 1, 9999, 12, 31);
    break;
  }
  set_range(t, t->min * BATCH_US_PER_DAY, t->max * BATCH_US_PER_DAY + (BATCH_US_PER_DAY - 1));
}

static void of_text(cast_target *t, const batch_field *field) {
  t->limit = BATCH_LENGTH_MAX;
  if (!field->has_source) {
    return;
  }
  switch (field->source.type) {
  case BATCH_SQL_NCHAR:
  case BATCH_SQL_NVARCHAR:
    t->utf16 = true;
    t->limit = field->source.length;
    break;
  case BATCH_SQL_CHAR:
  case BATCH_SQL_VARCHAR:
    t->limit = field->source.length;
    break;
  case BATCH_SQL_UNIQUEIDENTIFIER:
    t->kind = CAST_TO_GUID;
    break;
  case BATCH_SQL_TIME:
    t->kind = CAST_TO_TIME;
    t->digits = field->source.scale;
    break;
  default:
    break;
  }
}

static void of_binary(cast_target *t, const batch_field *field) {
  bool has_limit = field->has_source && (field->source.type == BATCH_SQL_BINARY ||
                                         field->source.type == BATCH_SQL_VARBINARY);
  t->limit = has_limit ? field->source.length : BATCH_LENGTH_MAX;
}

static const struct {
  cast_kind kind;
  void (*refine)(cast_target *t, const batch_field *field);
} kinds[BATCH_LAYOUT_COUNT] = {
    [BATCH_BOOL] = {CAST_TO_BOOL, NULL},
    [BATCH_INT16] = {CAST_TO_INT, of_int},
    [BATCH_INT32] = {CAST_TO_INT, of_int},
    [BATCH_INT64] = {CAST_TO_INT, of_int},
    [BATCH_FLOAT] = {CAST_TO_FLOAT, NULL},
    [BATCH_DOUBLE] = {CAST_TO_FLOAT, NULL},
    [BATCH_DECIMAL32] = {CAST_TO_DECIMAL, of_decimal},
    [BATCH_DECIMAL64] = {CAST_TO_DECIMAL, of_decimal},
    [BATCH_DECIMAL128] = {CAST_TO_DECIMAL, of_decimal},
    [BATCH_DATE32] = {CAST_TO_DATE, of_date},
    [BATCH_TIME64_US] = {CAST_TO_TIME, NULL},
    [BATCH_TIMESTAMP_US] = {CAST_TO_STAMP, of_stamp},
    [BATCH_TIMESTAMP_US_UTC] = {CAST_TO_STAMP, of_stamp},
    [BATCH_STRING] = {CAST_TO_TEXT, of_text},
    [BATCH_BINARY] = {CAST_TO_BINARY, of_binary},
};

br_status cast_target_of(const batch_field *field, cast_target *ret_target, br_error *err) {
  if (field->has_source && field->source.type == BATCH_SQL_ROWVERSION) {
    return br_error_set(err, BR_ERR_DATA, "rowversion is filled by the server alone");
  }
  cast_target t = {.kind = kinds[field->type.layout].kind,
                   .type = field->type,
                   .nullable = field->nullable,
                   .finite = field->has_source,
                   .digits =
                       field->has_source && field->source.scale < 6 ? field->source.scale : 6};
  if (kinds[field->type.layout].refine != NULL) {
    kinds[field->type.layout].refine(&t, field);
  }
  if (field->has_source) {
    batch_sql_typespec_name(&field->source, t.name, sizeof t.name);
  } else {
    batch_type_delta_name(&field->type, t.name, sizeof t.name);
  }
  *ret_target = t;
  return BR_OK;
}

#define BIT(kind) (1U << (kind))
#define NUMBERS                                                                                    \
  (BIT(CAST_TO_BOOL) | BIT(CAST_TO_INT) | BIT(CAST_TO_DECIMAL) | BIT(CAST_TO_FLOAT) |              \
   BIT(CAST_TO_TEXT))
#define MOMENTS (BIT(CAST_TO_DATE) | BIT(CAST_TO_STAMP) | BIT(CAST_TO_TEXT))

bool cast_can_meet(cast_source source, cast_kind kind) {
  static const unsigned meets[CAST_SOURCE_COUNT] = {
      [CAST_FROM_BOOL] = NUMBERS,
      [CAST_FROM_INT] = NUMBERS,
      [CAST_FROM_DECIMAL] = NUMBERS,
      [CAST_FROM_FLOAT] = NUMBERS,
      [CAST_FROM_DATE] = MOMENTS,
      [CAST_FROM_TIME] = BIT(CAST_TO_TIME) | BIT(CAST_TO_TEXT),
      [CAST_FROM_STAMP] = MOMENTS,
      [CAST_FROM_INSTANT] = MOMENTS,
      [CAST_FROM_TEXT] = BIT(CAST_KIND_COUNT) - 1U,
      [CAST_FROM_BINARY] = BIT(CAST_TO_BINARY) | BIT(CAST_TO_TEXT),
  };
  return (meets[source] & BIT(kind)) != 0;
}

cast_source cast_source_of(batch_layout layout) {
  static const cast_source sources[BATCH_LAYOUT_COUNT] = {
      [BATCH_BOOL] = CAST_FROM_BOOL,
      [BATCH_INT16] = CAST_FROM_INT,
      [BATCH_INT32] = CAST_FROM_INT,
      [BATCH_INT64] = CAST_FROM_INT,
      [BATCH_FLOAT] = CAST_FROM_FLOAT,
      [BATCH_DOUBLE] = CAST_FROM_FLOAT,
      [BATCH_DECIMAL32] = CAST_FROM_DECIMAL,
      [BATCH_DECIMAL64] = CAST_FROM_DECIMAL,
      [BATCH_DECIMAL128] = CAST_FROM_DECIMAL,
      [BATCH_DATE32] = CAST_FROM_DATE,
      [BATCH_TIME64_US] = CAST_FROM_TIME,
      [BATCH_TIMESTAMP_US] = CAST_FROM_STAMP,
      [BATCH_TIMESTAMP_US_UTC] = CAST_FROM_INSTANT,
      [BATCH_STRING] = CAST_FROM_TEXT,
      [BATCH_BINARY] = CAST_FROM_BINARY,
  };
  return sources[layout];
}
