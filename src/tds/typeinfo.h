/*
 * typeinfo.h: TYPE_INFO (MS-TDS 2.2.5.6) read and written, and the table of type families that
 * everything which depends on a type goes through.
 *
 *   COLMETADATA ─▶ tds_type_info ─family─▶ batch_sql_typespec (what batch/type.h knows)
 *                                  ├─ decode: wire value ─▶ batch column      (decode_*.c)
 *                                  ├─ encode: batch cell ─▶ wire value        (value_write.c)
 *                                  └─ frame:  how to skip a value unseen
 */
#ifndef TDS_TYPEINFO_H
#define TDS_TYPEINFO_H

#include "batch/batch.h"
#include "batch/charset.h"
#include "tds/packet.h"

/* How a value's length is said (2.2.5.2.3, 2.2.5.4). */
typedef enum tds_frame {
  TDS_FRAME_FIXED,   /* always `size` bytes */
  TDS_FRAME_LEN8,    /* one byte; 0 = NULL */
  TDS_FRAME_LEN16,   /* two bytes; 0xFFFF = NULL */
  TDS_FRAME_LEN32,   /* four bytes; 0 = NULL (sql_variant) */
  TDS_FRAME_TEXTPTR, /* text, ntext, image: pointer, timestamp, four bytes */
  TDS_FRAME_LONG,    /* the same as parameters: four bytes; 0xFFFFFFFF = NULL */
  TDS_FRAME_PLP,     /* eight bytes, then chunks */
} tds_frame;

typedef struct tds_type_family tds_type_family;

/* CLR types that SQL Server itself brings along. */
typedef enum tds_clr_type {
  TDS_CLR_OTHER,
  TDS_CLR_HIERARCHYID,
  TDS_CLR_GEOMETRY,
  TDS_CLR_GEOGRAPHY,
} tds_clr_type;

typedef struct tds_type_info {
  const tds_type_family *family;
  uint8_t id;                            /* tds_type_id */
  uint8_t precision;                     /* decimal */
  uint8_t scale;                         /* decimal, time, datetime2, datetimeoffset */
  tds_clr_type clr;                      /* CLR types: which */
  tds_frame frame;                       /* of this column's values */
  uint32_t size;                         /* as TYPE_INFO says it; UINT32_MAX = no limit (PLP) */
  uint32_t user_type;                    /* from COLMETADATA; TDS_USER_TYPE_TIMESTAMP matters */
  uint8_t collation[TDS_COLLATION_SIZE]; /* char types */
  uint16_t flags;                        /* from COLMETADATA: TDS_COLUMN_… */
  bool nullable;                         /* from those flags and the type's form */
  bool any_decimal_length; /* decimals may have 1..16 bytes of magnitude: see family_decimal.c */
  bool plp_unknown_length; /* PLP values are written without their total, as a bulk load wants */
} tds_type_info;

/* Where TYPE_INFO stands decides details: what text, ntext and image carry behind it, what a CLR
 * type's names are, how many bytes a decimal may have. */
typedef enum tds_type_place {
  TDS_IN_RESULT,    /* COLMETADATA of a result: table name in parts; CLR: with assembly */
  TDS_IN_BULK,      /* COLMETADATA of a bulk load: table name as one text */
  TDS_IN_PARAMETER, /* RPC parameter: no table name; CLR: three names */
  TDS_IN_RETURN,    /* RETURNVALUE: no table name; CLR: with assembly, as all clients read it */
} tds_type_place;

/* Reads TYPE_INFO with the table name behind text, ntext and image. user_type and nullable are the
 * caller's. BR_ERR_UNSUPPORTED for types that can't come (table-valued parameters), BR_ERR_PROTOCOL
 * for anything that is not a TYPE_INFO. */
br_status tds_type_info_read(tds_reader *r, tds_type_place place, tds_type_info *ret_info,
                             br_error *err) BR_CHECKED;
br_status tds_type_info_write(tds_writer *w, tds_type_place place, const tds_type_info *info,
                              br_error *err) BR_CHECKED;

/* The type as the table of types knows it. */
br_status tds_type_info_spec(const tds_type_info *info, batch_sql_typespec *ret_spec,
                             br_error *err) BR_CHECKED;
/* The other way, for what we send (a server's result, bulk load): nullable N forms, DATETIMEN for
 * datetime, PLP where the length is max; xml as it is in a result. collation: of char types. */
br_status tds_type_info_of_spec(const batch_sql_typespec *spec, bool nullable,
                                const uint8_t collation[TDS_COLLATION_SIZE],
                                tds_type_info *ret_info, br_error *err) BR_CHECKED;
/* Latin1_General_CI_AS with UTF-8 (Latin1_General_100_CI_AS_SC_UTF8) and SQL Server's default
 * (SQL_Latin1_General_CP1_CI_AS). */
extern const uint8_t tds_collation_utf8[TDS_COLLATION_SIZE];
extern const uint8_t tds_collation_latin1[TDS_COLLATION_SIZE];

/* Skips a value without looking at it. */
br_status tds_value_skip(tds_reader *r, const tds_type_info *info, br_error *err) BR_CHECKED;

/* A column that is being decoded: prepared once per result, called once per value. */
typedef struct tds_decoder tds_decoder;
typedef br_status (*tds_decode_fn)(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                   br_error *err);
/* Bytes as sent to bytes as stored; the contract of batch_utf16le_to_utf8(). */
typedef br_status (*tds_convert_fn)(const tds_decoder *d, const uint8_t *bytes, size_t length,
                                    bool more_follows, uint8_t *out, size_t *ret_written,
                                    size_t *ret_used, br_error *err);
struct tds_decoder {
  tds_decode_fn decode; /* reads one value, NULL included, into row `row` of out, and of out[1]
                           where there are two columns */
  uint8_t columns;      /* 1; 2: with a companion (batch_type_companion) */
  tds_type_info info;
  batch_type type;        /* what the column holds */
  tds_convert_fn convert; /* text and binary */
  unsigned code_page;
  batch_invalid invalid_text;
  size_t max_cell;
  uint64_t day_units;       /* time types: units of a day at the column's scale */
  uint64_t sub_microsecond; /* values that lost digits behind the microsecond */
};

typedef struct tds_decode_options {
  batch_type_options types;
  batch_invalid invalid_text;
  size_t max_cell; /* bytes of one cell in memory */
} tds_decode_options;

/* Chooses the function. */
br_status tds_decoder_init(tds_decoder *d, const tds_type_info *info,
                           const tds_decode_options *options, br_error *err) BR_CHECKED;

/* Puts one value that is not NULL, its length in front, at p, TDS_ENCODED_MAX bytes at most, and
 * returns the place behind it. NULL: it does not fit the type; err (BR_ERR_DATA) tells why. */
typedef uint8_t *(*tds_encode_fn)(const tds_type_info *info, const batch_column *column, size_t row,
                                  uint8_t *p, br_error *err);
enum { TDS_ENCODED_MAX = 32 };

/* Writes one cell of a batch column as a value of a type: NULL where the column says so. The
 * column's layout must be the one that tds_type_info_spec() and batch_type_resolve() give for the
 * type (default options). BR_ERR_DATA where the value doesn't fit the type. */
br_status tds_value_write(tds_writer *w, const tds_type_info *info, const batch_column *column,
                          size_t row, br_error *err) BR_CHECKED;

/* One row per family of types; family_*.c. */
struct tds_type_family {
  const char *name;
  /* Reads and writes what stands behind the type id. */
  br_status (*read_info)(tds_reader *r, tds_type_place place, tds_type_info *info, br_error *err);
  br_status (*write_info)(tds_writer *w, tds_type_place place, const tds_type_info *info,
                          br_error *err);
  batch_sql_typespec (*spec)(const tds_type_info *info);
  /* Sets d->decode and what it needs; d->info and d->type are there. */
  br_status (*prepare)(tds_decoder *d, br_error *err);
  /* Types whose values are short: the function that encodes them. NULL for the others. */
  tds_encode_fn (*encoder)(const tds_type_info *info);
  /* The others: one value with its length, not NULL. */
  br_status (*write_value)(tds_writer *w, const tds_type_info *info, const batch_column *column,
                           size_t row, br_error *err);
};

/* NULL: no such type. */
const tds_type_family *tds_type_family_of(uint8_t type_id);

#endif
