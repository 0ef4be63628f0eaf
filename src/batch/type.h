/*
 * type.h: the table of types. One row per SQL Server type says how its values lie in a batch, which
 * Parquet and Delta types they become, and what may be lost on the way. TDS decoding, batches,
 * Parquet, Delta DDL and the way back are all driven from here; "how to add a type" is
 * docs/internals/types.md.
 *
 *   SQL Server type ──row──▶ layout (memory) ──▶ Parquet physical + logical type ──▶ Delta type
 */
#ifndef BATCH_TYPE_H
#define BATCH_TYPE_H

#include "base/status.h"

/* How the values of a column lie in memory: the Arrow columnar format. */
typedef enum batch_layout {
  BATCH_BOOL,             /* one bit a value, least significant first; Arrow "b" */
  BATCH_INT16,            /* "s" */
  BATCH_INT32,            /* "i" */
  BATCH_INT64,            /* "l" */
  BATCH_FLOAT,            /* "f" */
  BATCH_DOUBLE,           /* "g" */
  BATCH_DECIMAL32,        /* int32 × 10^-scale, precision <= 9; "d:p,s,32" */
  BATCH_DECIMAL64,        /* int64 × 10^-scale, precision <= 18; "d:p,s,64" */
  BATCH_DECIMAL128,       /* 16 bytes little-endian two's complement, precision <= 38; "d:p,s" */
  BATCH_DATE32,           /* int32 days since 1970-01-01; "tdD" */
  BATCH_TIME64_US,        /* int64 µs since midnight; "ttu" */
  BATCH_TIMESTAMP_US,     /* int64 µs since 1970-01-01 00:00:00 of a clock without zone; "tsu:" */
  BATCH_TIMESTAMP_US_UTC, /* int64 µs since the epoch, UTC; "tsu:UTC" */
  BATCH_STRING,           /* UTF-8 with int32 offsets; "u" */
  BATCH_BINARY,           /* bytes with int32 offsets; "z" */
  BATCH_LAYOUT_COUNT
} batch_layout;

/* Bytes of one value; 0 for BATCH_BOOL (bits) and the two layouts with offsets. */
size_t batch_layout_width(batch_layout layout);
bool batch_layout_has_offsets(batch_layout layout);

typedef enum batch_sql_type {
  BATCH_SQL_BIT,
  BATCH_SQL_TINYINT,
  BATCH_SQL_SMALLINT,
  BATCH_SQL_INT,
  BATCH_SQL_BIGINT,
  BATCH_SQL_DECIMAL, /* numeric is the same type */
  BATCH_SQL_MONEY,
  BATCH_SQL_SMALLMONEY,
  BATCH_SQL_REAL,
  BATCH_SQL_FLOAT,
  BATCH_SQL_CHAR,
  BATCH_SQL_VARCHAR,
  BATCH_SQL_TEXT,
  BATCH_SQL_NCHAR,
  BATCH_SQL_NVARCHAR,
  BATCH_SQL_NTEXT,
  BATCH_SQL_XML,
  BATCH_SQL_JSON,
  BATCH_SQL_VECTOR, /* described as varchar(max) holding a JSON array unless asked for natively */
  BATCH_SQL_BINARY,
  BATCH_SQL_VARBINARY,
  BATCH_SQL_IMAGE,
  BATCH_SQL_ROWVERSION,
  BATCH_SQL_DATE,
  BATCH_SQL_TIME,
  BATCH_SQL_SMALLDATETIME,
  BATCH_SQL_DATETIME,
  BATCH_SQL_DATETIME2,
  BATCH_SQL_DATETIMEOFFSET,
  BATCH_SQL_UNIQUEIDENTIFIER,
  BATCH_SQL_VARIANT,
  BATCH_SQL_HIERARCHYID,
  BATCH_SQL_GEOMETRY,
  BATCH_SQL_GEOGRAPHY,
  BATCH_SQL_UDT, /* other CLR types */
  BATCH_SQL_TYPE_COUNT
} batch_sql_type;

/* What a conversion can lose; shown by `extract --plan` and written to the manifest. */
typedef enum batch_loss {
  BATCH_LOSS_NONE = 0,
  BATCH_LOSS_SUB_MICROSECOND = 1 << 0, /* scale 7 cut to microseconds */
  BATCH_LOSS_OFFSET = 1 << 1,          /* datetimeoffset keeps the instant, not the offset */
  BATCH_LOSS_BASE_TYPE = 1 << 2,       /* sql_variant as text forgets its base type */
  BATCH_LOSS_CLR = 1 << 3,             /* CLR types as the bytes sent */
} batch_loss;

/* A SQL Server type with its arguments, as a result or a catalog describes it. */
typedef struct batch_sql_typespec {
  batch_sql_type type;
  uint8_t precision; /* decimal: 1..38 */
  uint8_t scale;     /* decimal: 0..precision; time, datetime2, datetimeoffset: 0..7 */
  uint32_t length;   /* char, varchar, binary, varbinary: bytes; nchar, nvarchar: characters;
                        BATCH_LENGTH_MAX = max */
} batch_sql_typespec;
#define BATCH_LENGTH_MAX UINT32_MAX

/* Options that change a row's outcome. All false is the default road. */
typedef struct batch_type_options {
  bool timestamp_utc; /* datetime, smalldatetime, datetime2 as UTC instants instead of TIMESTAMP_NTZ
                       */
  bool time_as_time;  /* time as Parquet TIME µs instead of text */
  bool offset_column; /* datetimeoffset: a second column with the offset in minutes */
  bool base_type_column; /* sql_variant: a second column with the base type's name */
  bool clr_decoded;      /* hierarchyid as text; geometry and geography as WKB, with a second column
                            for the SRID */
  bool invalid_replaced; /* characters that don't exist in their code page, and unpaired surrogates,
                            as U+FFFD instead of an error */
} batch_type_options;

/* The row of the table that is the same for all arguments. */
typedef struct batch_type_row {
  batch_sql_type type;
  const char *name;    /* as SQL Server spells it: "datetime2" */
  batch_layout layout; /* for decimal and the options above see batch_type_resolve() */
  const char
      *parquet_name; /* logical type in words, for documentation: "TIMESTAMP(MICROS, not UTC)" */
  const char *delta_name; /* "TIMESTAMP_NTZ"; decimal: "DECIMAL" */
  unsigned loss;          /* batch_loss bits that may apply */
  const char *note;       /* for people; "" = none */
} batch_type_row;

const batch_type_row *batch_type_row_of(batch_sql_type type);

/* The field type that a SQL Server type becomes. */
typedef struct batch_type {
  batch_layout layout;
  uint8_t precision; /* decimal layouts: 1..38, else 0 */
  uint8_t scale;     /* decimal layouts: 0..precision, else 0 */
} batch_type;

/* Resolves a type with its arguments and options to its layout and the losses that really apply to
 * it (a datetime2(3) loses nothing). ret_loss may be NULL. BR_ERR_DATA for arguments that can't be
 * (decimal(39,0)). */
br_status batch_type_resolve(const batch_sql_typespec *spec, const batch_type_options *options,
                             batch_type *ret_type, unsigned *ret_loss, br_error *err) BR_CHECKED;

/* The second column that the options give a type, right behind its own: its type and what its name
 * has behind the column's ("_offset"). false: none. */
bool batch_type_companion(batch_sql_type type, const batch_type_options *options,
                          batch_type *ret_type, const char **ret_suffix);

/* What a value is sent to SQL Server as: text, ntext, xml as characters and image and the CLR types
 * as bytes of any length, which the server converts; all others as they are. */
batch_sql_typespec batch_sql_typespec_sendable(const batch_sql_typespec *spec);
/* "decimal(18,4)", "nvarchar(max)", "datetime2(7)" into text of size bytes (32 is always enough).
 */
void batch_sql_typespec_name(const batch_sql_typespec *spec, char *text, size_t size);
/* Delta's name of a field type: "DECIMAL(18,4)", "TIMESTAMP_NTZ". 32 bytes are enough. */
void batch_type_delta_name(const batch_type *type, char *text, size_t size);
/* The Arrow format string: "d:18,4,64", "tsu:UTC". 32 bytes are enough. */
void batch_type_arrow_format(const batch_type *type, char *text, size_t size);
/* The other way: BR_ERR_UNSUPPORTED for formats that no layout has. */
br_status batch_type_of_arrow_format(const char *format, batch_type *ret_type,
                                     br_error *err) BR_CHECKED;
/* The words for a loss bit: "microseconds kept, 100 ns digits dropped". */
const char *batch_loss_text(batch_loss loss);

#endif
