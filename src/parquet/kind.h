/*
 * kind.h: the table of what each layout of a batch becomes in a file: physical, converted and
 * logical type, width, and the order in which its values are compared.
 */
#ifndef PARQUET_KIND_H
#define PARQUET_KIND_H

#include "batch/type.h"
#include "parquet/format.h"

/* How values compare, for statistics (parquet.thrift, ColumnOrder: TypeDefinedOrder). */
typedef enum parquet_order {
  PARQUET_ORDER_BOOL,
  PARQUET_ORDER_INT32,
  PARQUET_ORDER_INT64,
  PARQUET_ORDER_FLOAT,
  PARQUET_ORDER_DOUBLE,
  PARQUET_ORDER_DECIMAL, /* big-endian two's complement of a fixed length */
  PARQUET_ORDER_BYTES,   /* unsigned bytes; no UTF-8 */
  PARQUET_ORDER_TEXT,    /* unsigned bytes; cut at characters */
} parquet_order;

typedef struct parquet_kind {
  parquet_physical physical;
  parquet_converted converted;
  parquet_logical logical;
  bool utc;       /* of TIME and TIMESTAMP: isAdjustedToUTC */
  unsigned width; /* bytes of a PLAIN value; 0: bits, bytes with a length, or by precision */
  parquet_order order;
} parquet_kind;

const parquet_kind *parquet_kind_of(batch_layout layout);
/* Bytes of a PLAIN value of that type: the kind's, or the fewest that hold a decimal's digits. 0 as
 * above. */
unsigned parquet_plain_width(const batch_type *type);

#endif
