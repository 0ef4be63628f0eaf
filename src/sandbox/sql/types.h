/*
 * types.h: the types of both dialects, how they are stored in SQLite, and the rules by which types
 * combine.
 *
 * Stored form (what a SQLite cell holds), chosen so that SQLite's own comparison of two cells of
 * one type is the dialect's:
 *
 *   integers, bit, boolean          INTEGER
 *   decimal(p,s)                    INTEGER value × 10^s where p <= 18, else BLOB: 16 bytes,
 *                                   big-endian, sign bit flipped (memcmp is numeric order)
 *   money, smallmoney               INTEGER value × 10^4
 *   real, float                     REAL
 *   character types                 TEXT in UTF-8 under a collation of collate.h
 *   binary types, rowversion        BLOB
 *   date                            INTEGER days since 0001-01-01
 *   time                            INTEGER 100 ns since midnight
 *   datetime2, smalldatetime        INTEGER 100 ns since 0001-01-01
 *   datetime                        INTEGER 1/300 s since 1900-01-01
 *   datetimeoffset                  TEXT "ttttttttttttttttttt±mmmm": 100 ns since 0001-01-01 UTC
 * and the offset in minutes, under a collation that sees the instant timestamp, timestamp_ntz
 * INTEGER µs since 1970-01-01 uniqueidentifier                BLOB: the 16 bytes permuted so that
 * memcmp is SQL Server's order array, map, struct              TEXT: JSON
 *
 * Operands are brought to one type before SQLite sees them, so forms never mix in a comparison.
 */
#ifndef SANDBOX_SQL_TYPES_H
#define SANDBOX_SQL_TYPES_H

#include "batch/batch.h"
#include "sandbox/engine.h"

typedef enum sql_kind {
  SQL_VOID,    /* an untyped NULL */
  SQL_BIT,     /* Databricks: BOOLEAN */
  SQL_TINYINT, /* 0..255 */
  SQL_BYTE,    /* Databricks' TINYINT: -128..127 */
  SQL_SMALLINT,
  SQL_INT,
  SQL_BIGINT,
  SQL_DECIMAL,
  SQL_MONEY,
  SQL_SMALLMONEY,
  SQL_REAL,
  SQL_FLOAT,
  SQL_CHAR,
  SQL_VARCHAR,
  SQL_TEXT,
  SQL_NCHAR,
  SQL_NVARCHAR,
  SQL_NTEXT,
  SQL_XML,
  SQL_STRING, /* Databricks: no length, compared by bytes */
  SQL_BINARY,
  SQL_VARBINARY,
  SQL_IMAGE,
  SQL_ROWVERSION,
  SQL_DATE,
  SQL_TIME,
  SQL_SMALLDATETIME,
  SQL_DATETIME,
  SQL_DATETIME2,
  SQL_DATETIMEOFFSET,
  SQL_TIMESTAMP,     /* Databricks: an instant */
  SQL_TIMESTAMP_NTZ, /* Databricks: without zone */
  SQL_GUID,
  SQL_ARRAY,
  SQL_MAP,
  SQL_STRUCT,
  SQL_KIND_COUNT
} sql_kind;

typedef enum sql_family {
  SQL_FAMILY_NONE,
  SQL_FAMILY_INTEGER, /* bit to bigint */
  SQL_FAMILY_DECIMAL,
  SQL_FAMILY_MONEY,
  SQL_FAMILY_FLOAT,
  SQL_FAMILY_TEXT,
  SQL_FAMILY_BINARY,
  SQL_FAMILY_DATETIME,
  SQL_FAMILY_GUID,
  SQL_FAMILY_COMPLEX,
} sql_family;

typedef enum sql_collation {
  SQL_COLLATION_NONE, /* by bytes, every byte counts: Databricks, xml */
  SQL_COLLATION_CI,   /* SQL_Latin1_General_CP1_CI_AS and other _CI_AS */
  SQL_COLLATION_CS,   /* _CS_AS */
  SQL_COLLATION_BIN,  /* _BIN, _BIN2: by code point, blanks at the end ignored */
} sql_collation;

#define SQL_LENGTH_MAX UINT32_MAX

typedef struct sql_type {
  sql_kind kind;
  uint8_t precision, scale; /* decimal; scale also of time, datetime2, datetimeoffset */
  uint8_t collation;        /* sql_collation; character types */
  uint32_t length;          /* characters or bytes; SQL_LENGTH_MAX: max */
  const char *text;         /* array, map, struct: as Databricks writes it */
} sql_type;

/* A type as written: name and arguments. */
typedef struct sql_typename {
  const char *name;
  int64_t args[2];
  uint8_t count;
  bool max;
  const char *text; /* the whole of a complex type, normalised */
  int32_t line;
} sql_typename;

sql_family sql_type_family(sql_kind kind);
bool sql_type_is_text(sql_kind kind);
bool sql_type_is_unicode(sql_kind kind);
bool sql_type_is_fixed(sql_kind kind); /* char, nchar, binary */
/* The dialect's name without arguments: "varchar", "STRING"; as error messages print it. */
const char *sql_type_word(engine_dialect dialect, sql_kind kind);
/* With arguments: "decimal(18,4)", "ARRAY<STRING>". */
void sql_type_name(engine_dialect dialect, const sql_type *type, char *text, size_t size);
/* False: no such type; *ret_bad_arguments: the type exists, its arguments can't be. */
bool sql_type_of_name(engine_dialect dialect, const sql_typename *name, bool in_cast,
                      sql_type *ret_type, bool *ret_bad_arguments);

sql_type sql_type_of(sql_kind kind);
sql_type sql_type_decimal(unsigned precision, unsigned scale);
sql_type sql_type_text(sql_kind kind, uint32_t length);
sql_type sql_type_scaled(sql_kind kind, unsigned scale);

/* To and from the batch: fields of results and parameters. */
br_status sql_type_of_spec(const batch_sql_typespec *spec, sql_type *ret_type,
                           br_error *err) BR_CHECKED;
/* T-SQL types have a source; Databricks types don't. */
br_status sql_type_to_field(const sql_type *type, const char *name, bool nullable,
                            batch_schema *schema, size_t index, br_error *err) BR_CHECKED;

/* The number behind SQL text's type arguments of the custom functions, and back (text is lost). */
int64_t sql_type_pack(const sql_type *type);
sql_type sql_type_unpack(int64_t packed);

/* " COLLATE x" for a type whose comparison SQLite must be told about, else "". */
const char *sql_type_collate(const sql_type *type);

/* A number type as decimal: int is (10,0), money (19,4)… */
sql_type sql_type_as_decimal(const sql_type *type);
/* Result of + - * / % on two decimals by the dialect's rules. */
sql_type sql_type_decimal_result(engine_dialect dialect, int op, const sql_type *a,
                                 const sql_type *b);
/* The type that both can become, by the dialect's precedence (CASE, UNION, comparison). False: they
 * have none. */
bool sql_type_common(engine_dialect dialect, const sql_type *a, const sql_type *b,
                     sql_type *ret_type);
/* Whether a value of one type may become another without CAST (implicit) or with it. */
bool sql_type_convertible(engine_dialect dialect, const sql_type *from, const sql_type *to,
                          bool implicit);
/* Equal in every way that matters for the stored form. */
bool sql_type_same_form(const sql_type *from, const sql_type *to);

#endif
