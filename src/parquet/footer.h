/*
 * footer.h: the footer that the writer puts behind the row groups: FileMetaData of parquet.thrift.
 */
#ifndef PARQUET_FOOTER_H
#define PARQUET_FOOTER_H

#include "base/buf.h"
#include "batch/batch.h"

/* Row groups and key-value pairs are elements of their lists, written before. */
typedef struct parquet_footer {
  const batch_schema *schema;
  uint64_t rows;
  size_t groups;
  const br_buf *group_bytes;
  size_t pairs;
  const br_buf *pair_bytes;
  const char *created_by;
} parquet_footer;

/* The footer's head and tail around group_bytes, which may be large. */
br_status parquet_footer_head(const parquet_footer *footer, br_buf *out, br_error *err) BR_CHECKED;
br_status parquet_footer_tail(const parquet_footer *footer, br_buf *out, br_error *err) BR_CHECKED;
/* A KeyValue as an element. */
br_status parquet_footer_pair(br_buf *out, const char *key, const char *value,
                              br_error *err) BR_CHECKED;

#endif
