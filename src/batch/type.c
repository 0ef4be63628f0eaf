#include "batch/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct layout_row {
  uint8_t width;
  bool offsets;
  const char *arrow_format; /* NULL: has arguments */
  const char *delta_name;   /* NULL: has arguments */
} layout_row;

static const layout_row layouts[BATCH_LAYOUT_COUNT] = {
    [BATCH_BOOL] = {0, false, "b", "BOOLEAN"},
    [BATCH_INT16] = {2, false, "s", "SMALLINT"},
    [BATCH_INT32] = {4, false, "i", "INT"},
    [BATCH_INT64] = {8, false, "l", "BIGINT"},
    [BATCH_FLOAT] = {4, false, "f", "FLOAT"},
    [BATCH_DOUBLE] = {8, false, "g", "DOUBLE"},
    [BATCH_DECIMAL32] = {4, false, NULL, NULL},
    [BATCH_DECIMAL64] = {8, false, NULL, NULL},
    [BATCH_DECIMAL128] = {16, false, NULL, NULL},
    [BATCH_DATE32] = {4, false, "tdD", "DATE"},
    [BATCH_TIME64_US] = {8, false, "ttu", "TIME(6)"},
    [BATCH_TIMESTAMP_US] = {8, false, "tsu:", "TIMESTAMP_NTZ"},
    [BATCH_TIMESTAMP_US_UTC] = {8, false, "tsu:UTC", "TIMESTAMP"},
    [BATCH_STRING] = {0, true, "u", "STRING"},
    [BATCH_BINARY] = {0, true, "z", "BINARY"},
};

size_t batch_layout_width(batch_layout layout) {
  return layouts[layout].width;
}

bool batch_layout_has_offsets(batch_layout layout) {
  return layouts[layout].offsets;
}

/* What stands in brackets behind a type's name, and so which arguments it has. */
typedef enum arguments {
  ARGS_NONE,
  ARGS_DECIMAL, /* (precision,scale) */
  ARGS_SCALE,   /* (digits of a second) */
  ARGS_LENGTH,  /* (n) or (max) */
} arguments;

/* clang-format off */
static const struct {
  batch_type_row row;
  arguments arguments;
  uint8_t precision; /* decimal types with fixed arguments: these */
  uint8_t scale;
} types[BATCH_SQL_TYPE_COUNT] = {
#define TYPE(type, name, args, layout, p, s, parquet, delta, loss, note)                           \
  [type] = {{type, name, layout, parquet, delta, loss, note}, args, p, s}
#define WALL_CLOCK "TIMESTAMP(MICROS, not UTC)"
  TYPE(BATCH_SQL_BIT, "bit", ARGS_NONE, BATCH_BOOL, 0, 0, "BOOLEAN", "BOOLEAN", 0, ""),
  TYPE(BATCH_SQL_TINYINT, "tinyint", ARGS_NONE, BATCH_INT16, 0, 0, "INT(16, signed)", "SMALLINT", 0,
       "0 to 255; Delta has no unsigned type"),
  TYPE(BATCH_SQL_SMALLINT, "smallint", ARGS_NONE, BATCH_INT16, 0, 0, "INT(16, signed)", "SMALLINT", 0, ""),
  TYPE(BATCH_SQL_INT, "int", ARGS_NONE, BATCH_INT32, 0, 0, "INT32", "INT", 0, ""),
  TYPE(BATCH_SQL_BIGINT, "bigint", ARGS_NONE, BATCH_INT64, 0, 0, "INT64", "BIGINT", 0, ""),
  TYPE(BATCH_SQL_DECIMAL, "decimal", ARGS_DECIMAL, BATCH_DECIMAL128, 0, 0, "DECIMAL(p,s)", "DECIMAL", 0,
       "exact to 38 digits; INT32 up to precision 9, INT64 up to 18, else 16 bytes"),
  TYPE(BATCH_SQL_MONEY, "money", ARGS_NONE, BATCH_DECIMAL128, 19, 4, "DECIMAL(19,4)", "DECIMAL", 0, ""),
  TYPE(BATCH_SQL_SMALLMONEY, "smallmoney", ARGS_NONE, BATCH_DECIMAL64, 10, 4, "DECIMAL(10,4)", "DECIMAL", 0, ""),
  TYPE(BATCH_SQL_REAL, "real", ARGS_NONE, BATCH_FLOAT, 0, 0, "FLOAT", "FLOAT", 0, ""),
  TYPE(BATCH_SQL_FLOAT, "float", ARGS_NONE, BATCH_DOUBLE, 0, 0, "DOUBLE", "DOUBLE", 0, ""),
  TYPE(BATCH_SQL_CHAR, "char", ARGS_LENGTH, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "decoded from the code page of the column's collation; trailing blanks stay"),
  TYPE(BATCH_SQL_VARCHAR, "varchar", ARGS_LENGTH, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "decoded from the code page of the column's collation"),
  TYPE(BATCH_SQL_TEXT, "text", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "decoded from the code page of the column's collation"),
  TYPE(BATCH_SQL_NCHAR, "nchar", ARGS_LENGTH, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "trailing blanks stay; an unpaired surrogate is an error, or U+FFFD by option"),
  TYPE(BATCH_SQL_NVARCHAR, "nvarchar", ARGS_LENGTH, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "an unpaired surrogate is an error, or U+FFFD by option"),
  TYPE(BATCH_SQL_NTEXT, "ntext", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "an unpaired surrogate is an error, or U+FFFD by option"),
  TYPE(BATCH_SQL_XML, "xml", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0, "as text"),
  TYPE(BATCH_SQL_JSON, "json", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0, "as text"),
  TYPE(BATCH_SQL_VECTOR, "vector", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "as text, a JSON array of numbers"),
  TYPE(BATCH_SQL_BINARY, "binary", ARGS_LENGTH, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", 0, ""),
  TYPE(BATCH_SQL_VARBINARY, "varbinary", ARGS_LENGTH, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", 0, ""),
  TYPE(BATCH_SQL_IMAGE, "image", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", 0, ""),
  TYPE(BATCH_SQL_ROWVERSION, "rowversion", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", 0, "8 bytes"),
  TYPE(BATCH_SQL_DATE, "date", ARGS_NONE, BATCH_DATE32, 0, 0, "DATE", "DATE", 0, "0001-01-01 stays"),
  TYPE(BATCH_SQL_TIME, "time", ARGS_SCALE, BATCH_STRING, 0, 0, "STRING", "STRING", BATCH_LOSS_SUB_MICROSECOND,
       "text hh:mm:ss.fffffff, nothing lost; by option TIME(MICROS), which Spark does not read"),
  TYPE(BATCH_SQL_SMALLDATETIME, "smalldatetime", ARGS_NONE, BATCH_TIMESTAMP_US, 0, 0, WALL_CLOCK, "TIMESTAMP_NTZ", 0,
       "by option an instant in UTC"),
  TYPE(BATCH_SQL_DATETIME, "datetime", ARGS_NONE, BATCH_TIMESTAMP_US, 0, 0, WALL_CLOCK, "TIMESTAMP_NTZ", 0,
       "rounded to .000, .003, .007 as SQL Server prints it; by option an instant in UTC"),
  TYPE(BATCH_SQL_DATETIME2, "datetime2", ARGS_SCALE, BATCH_TIMESTAMP_US, 0, 0, WALL_CLOCK, "TIMESTAMP_NTZ",
       BATCH_LOSS_SUB_MICROSECOND, "by option an instant in UTC"),
  TYPE(BATCH_SQL_DATETIMEOFFSET, "datetimeoffset", ARGS_SCALE, BATCH_TIMESTAMP_US_UTC, 0, 0, "TIMESTAMP(MICROS, UTC)",
       "TIMESTAMP", BATCH_LOSS_SUB_MICROSECOND | BATCH_LOSS_OFFSET, "by option a second column with the offset"),
  TYPE(BATCH_SQL_UNIQUEIDENTIFIER, "uniqueidentifier", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", 0,
       "upper case, as SQL Server prints it"),
  TYPE(BATCH_SQL_VARIANT, "sql_variant", ARGS_NONE, BATCH_STRING, 0, 0, "STRING", "STRING", BATCH_LOSS_BASE_TYPE,
       "by option a second column with the base type"),
  TYPE(BATCH_SQL_HIERARCHYID, "hierarchyid", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", BATCH_LOSS_CLR,
       "the bytes as sent; by option text, /1/2/"),
  TYPE(BATCH_SQL_GEOMETRY, "geometry", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", BATCH_LOSS_CLR,
       "the bytes as sent; by option WKB and a second column with the SRID"),
  TYPE(BATCH_SQL_GEOGRAPHY, "geography", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", BATCH_LOSS_CLR,
       "the bytes as sent; by option WKB (longitude first) and a second column with the SRID"),
  TYPE(BATCH_SQL_UDT, "udt", ARGS_NONE, BATCH_BINARY, 0, 0, "BYTE_ARRAY", "BINARY", BATCH_LOSS_CLR,
       "other CLR types: the bytes as sent"),
#undef WALL_CLOCK
#undef TYPE
};
/* clang-format on */

const batch_type_row *batch_type_row_of(batch_sql_type type) {
  return &types[type].row;
}

static batch_layout decimal_layout(unsigned precision) {
  return precision <= 9 ? BATCH_DECIMAL32 : precision <= 18 ? BATCH_DECIMAL64 : BATCH_DECIMAL128;
}

static br_status check_arguments(const batch_sql_typespec *spec, br_error *err) {
  if ((unsigned)spec->type >= BATCH_SQL_TYPE_COUNT) {
    return br_error_set(err, BR_ERR_DATA, "There is no SQL type number %u", (unsigned)spec->type);
  }
  arguments kind = types[spec->type].arguments;
  const char *name = types[spec->type].row.name;
  if (kind == ARGS_DECIMAL &&
      (spec->precision < 1 || spec->precision > 38 || spec->scale > spec->precision)) {
    return br_error_set(err, BR_ERR_DATA, "%s(%u,%u) can't be", name, spec->precision, spec->scale);
  }
  if (kind == ARGS_SCALE && spec->scale > 7) {
    return br_error_set(err, BR_ERR_DATA, "%s(%u) can't be", name, spec->scale);
  }
  return BR_OK;
}

static batch_type resolved_type(const batch_sql_typespec *spec, const batch_type_options *options) {
  batch_type type = {.layout = types[spec->type].row.layout,
                     .precision = types[spec->type].precision,
                     .scale = types[spec->type].scale};
  if (types[spec->type].arguments == ARGS_DECIMAL) {
    type = (batch_type){decimal_layout(spec->precision), spec->precision, spec->scale};
  }
  if (options != NULL && options->timestamp_utc && type.layout == BATCH_TIMESTAMP_US) {
    type.layout = BATCH_TIMESTAMP_US_UTC;
  }
  if (options != NULL && options->time_as_time && spec->type == BATCH_SQL_TIME) {
    type.layout = BATCH_TIME64_US;
  }
  if (options != NULL && options->clr_decoded && spec->type == BATCH_SQL_HIERARCHYID) {
    type.layout = BATCH_STRING;
  }
  return type;
}

static bool is_spatial(batch_sql_type type) {
  return type == BATCH_SQL_GEOMETRY || type == BATCH_SQL_GEOGRAPHY;
}

bool batch_type_companion(batch_sql_type type, const batch_type_options *options,
                          batch_type *ret_type, const char **ret_suffix) {
  if (type == BATCH_SQL_DATETIMEOFFSET && options->offset_column) {
    *ret_type = (batch_type){.layout = BATCH_INT16};
    *ret_suffix = "_offset";
  } else if (type == BATCH_SQL_VARIANT && options->base_type_column) {
    *ret_type = (batch_type){.layout = BATCH_STRING};
    *ret_suffix = "_type";
  } else if (is_spatial(type) && options->clr_decoded) {
    *ret_type = (batch_type){.layout = BATCH_INT32};
    *ret_suffix = "_srid";
  } else {
    return false;
  }
  return true;
}

/* What the options keep of what the row says may be lost. */
static unsigned kept_by_options(batch_sql_type type, const batch_type_options *options) {
  unsigned kept = options->offset_column ? BATCH_LOSS_OFFSET : 0U;
  kept |= options->base_type_column ? (unsigned)BATCH_LOSS_BASE_TYPE : 0U;
  bool decoded = options->clr_decoded && (is_spatial(type) || type == BATCH_SQL_HIERARCHYID);
  return kept | (decoded ? (unsigned)BATCH_LOSS_CLR : 0U);
}

br_status batch_type_resolve(const batch_sql_typespec *spec, const batch_type_options *options,
                             batch_type *ret_type, unsigned *ret_loss, br_error *err) {
  br_status st = check_arguments(spec, err);
  if (st != BR_OK) {
    return st;
  }
  batch_type type = resolved_type(spec, options);
  unsigned loss = types[spec->type].row.loss;
  if (spec->scale < 7 || type.layout == BATCH_STRING) {
    loss &= ~(unsigned)BATCH_LOSS_SUB_MICROSECOND;
  }
  if (options != NULL) {
    loss &= ~kept_by_options(spec->type, options);
  }
  *ret_type = type;
  if (ret_loss != NULL) {
    *ret_loss = loss;
  }
  return BR_OK;
}

batch_sql_typespec batch_sql_typespec_sendable(const batch_sql_typespec *spec) {
  batch_sql_typespec sent = {.length = BATCH_LENGTH_MAX};
  switch (spec->type) {
  case BATCH_SQL_TEXT:
    sent.type = BATCH_SQL_VARCHAR;
    return sent;
  case BATCH_SQL_NTEXT:
  case BATCH_SQL_XML:
    sent.type = BATCH_SQL_NVARCHAR;
    return sent;
  case BATCH_SQL_IMAGE:
  case BATCH_SQL_HIERARCHYID:
  case BATCH_SQL_GEOMETRY:
  case BATCH_SQL_GEOGRAPHY:
  case BATCH_SQL_UDT:
    sent.type = BATCH_SQL_VARBINARY;
    return sent;
  default:
    return *spec;
  }
}

void batch_sql_typespec_name(const batch_sql_typespec *spec, char *text, size_t size) {
  const char *name = types[spec->type].row.name;
  switch (types[spec->type].arguments) {
  case ARGS_DECIMAL:
    (void)snprintf(text, size, "%s(%u,%u)", name, spec->precision, spec->scale);
    return;
  case ARGS_SCALE:
    (void)snprintf(text, size, "%s(%u)", name, spec->scale);
    return;
  case ARGS_LENGTH:
    if (spec->length == BATCH_LENGTH_MAX) {
      (void)snprintf(text, size, "%s(max)", name);
    } else {
      (void)snprintf(text, size, "%s(%u)", name, spec->length);
    }
    return;
  case ARGS_NONE:
    break;
  }
  (void)snprintf(text, size, "%s", name);
}

void batch_type_delta_name(const batch_type *type, char *text, size_t size) {
  const char *name = layouts[type->layout].delta_name;
  if (name == NULL) {
    (void)snprintf(text, size, "DECIMAL(%u,%u)", type->precision, type->scale);
  } else {
    (void)snprintf(text, size, "%s", name);
  }
}

void batch_type_arrow_format(const batch_type *type, char *text, size_t size) {
  const char *format = layouts[type->layout].arrow_format;
  if (format != NULL) {
    (void)snprintf(text, size, "%s", format);
  } else if (type->layout == BATCH_DECIMAL128) {
    (void)snprintf(text, size, "d:%u,%u", type->precision, type->scale);
  } else {
    (void)snprintf(text, size, "d:%u,%u,%u", type->precision, type->scale,
                   type->layout == BATCH_DECIMAL32 ? 32U : 64U);
  }
}

/* A number of at most three digits at *p, which moves behind it. */
static bool take_number(const char **p, unsigned *ret_number) {
  unsigned number = 0;
  unsigned digits = 0;
  while (**p >= '0' && **p <= '9' && digits < 3) {
    number = number * 10 + (unsigned)(**p - '0');
    (*p)++;
    digits++;
  }
  *ret_number = number;
  return digits > 0;
}

static bool take_char(const char **p, char c) {
  bool is_there = **p == c;
  *p += is_there ? 1 : 0;
  return is_there;
}

/* "d:precision,scale[,bits]". */
static bool decimal_of_arrow_format(const char *format, batch_type *ret_type) {
  const char *p = format + 2;
  unsigned precision = 0;
  unsigned scale = 0;
  unsigned bits = 128;
  if (!take_number(&p, &precision) || !take_char(&p, ',') || !take_number(&p, &scale)) {
    return false;
  }
  if (take_char(&p, ',') && !take_number(&p, &bits)) {
    return false;
  }
  unsigned most = bits == 32 ? 9U : bits == 64 ? 18U : bits == 128 ? 38U : 0U;
  if (*p != '\0' || precision < 1 || precision > most || scale > precision) {
    return false;
  }
  batch_layout layout = bits == 32   ? BATCH_DECIMAL32
                        : bits == 64 ? BATCH_DECIMAL64
                                     : BATCH_DECIMAL128;
  *ret_type = (batch_type){layout, (uint8_t)precision, (uint8_t)scale};
  return true;
}

br_status batch_type_of_arrow_format(const char *format, batch_type *ret_type, br_error *err) {
  if (strncmp(format, "d:", 2) == 0 && decimal_of_arrow_format(format, ret_type)) {
    return BR_OK;
  }
  for (unsigned i = 0; i < BATCH_LAYOUT_COUNT; i++) {
    if (layouts[i].arrow_format != NULL && strcmp(layouts[i].arrow_format, format) == 0) {
      *ret_type = (batch_type){.layout = (batch_layout)i};
      return BR_OK;
    }
  }
  /* Whatever zone is named, the values are instants in UTC; the name is for display. */
  if (strncmp(format, "tsu:", 4) == 0) {
    *ret_type = (batch_type){.layout = BATCH_TIMESTAMP_US_UTC};
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_UNSUPPORTED, "The Arrow format '%s' is not supported", format);
}

const char *batch_loss_text(batch_loss loss) {
  switch (loss) {
  case BATCH_LOSS_NONE:
    return "nothing lost";
  case BATCH_LOSS_SUB_MICROSECOND:
    return "microseconds kept, 100 ns digits dropped";
  case BATCH_LOSS_OFFSET:
    return "the instant kept, the offset from UTC dropped";
  case BATCH_LOSS_BASE_TYPE:
    return "values as text, their base types dropped";
  case BATCH_LOSS_CLR:
    return "CLR type kept as its bytes, without their meaning";
  }
  return "unknown loss";
}
