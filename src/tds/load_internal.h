/*
 * load_internal.h: a bulk load's inside, shared by its files:
 *
 *   load.c         its life: opening, sending the statement, finishing, giving up
 *   load_target.c  the columns of the table and the text of INSERT BULK
 *   load_row.c     rows into the packet buffer
 */
#ifndef TDS_LOAD_INTERNAL_H
#define TDS_LOAD_INTERNAL_H

#include "tds/conn.h"
#include "tds/load.h"

/* How a column's values are put. */
typedef enum load_way {
  LOAD_ENCODE, /* by `encode` */
  LOAD_CHAR,   /* char, varchar: two bytes of length */
  LOAD_NCHAR,  /* nchar, nvarchar: likewise, UTF-16 */
  LOAD_BINARY, /* binary, varbinary: likewise */
  LOAD_ANY,    /* whatever tds_value_write() can: (max) types, sql_variant */
} load_way;

/* A column that is being loaded: prepared once, used for each row. */
typedef struct load_column {
  load_way way;
  tds_encode_fn encode;
  tds_type_info info; /* as sent */
  bool nullable;
  bool check_utf8; /* the bytes go out as they are and must be UTF-8 */
  unsigned code_page;
  uint8_t null[8]; /* NULL on the wire */
  uint8_t null_length;
} load_column;

typedef enum load_state {
  LOAD_OPEN,    /* nothing sent */
  LOAD_SENDING, /* INSERT BULK is answered, rows follow */
  LOAD_ENDED,   /* finished, failed or given up */
} load_state;

struct tds_load {
  tds_conn *conn; /* borrowed */
  load_state state;
  batch_schema *schema;
  load_column *columns; /* schema->count */
  br_buf statement;     /* INSERT BULK… */
  br_buf scratch;       /* one converted text */
  uint64_t rows;
};

/* Asks for the table's columns and fills schema and columns. */
br_status load_describe(tds_load *load, const tds_load_options *options, br_error *err) BR_CHECKED;
/* Writes the text of INSERT BULK into load->statement. */
br_status load_build_statement(tds_load *load, const tds_load_options *options,
                               br_error *err) BR_CHECKED;
/* COLMETADATA, behind which rows follow. */
br_status load_put_columns(tds_load *load, br_error *err) BR_CHECKED;
/* All rows of a batch. BR_ERR_DATA names row and column. */
br_status load_put_rows(tds_load *load, const batch *b, br_error *err) BR_CHECKED;

#endif
