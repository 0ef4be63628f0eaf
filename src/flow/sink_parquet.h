/*
 * sink_parquet.h: rows into one or several Parquet files of a folder.
 *
 *   write ──▶ writer ──▶ <folder>/<stem>-00000.parquet      closed when it holds max_rows or
 * max_bytes <folder>/<stem>-00001.parquet …    each is handed to on_part as soon as it is complete
 *
 * An empty result is one file with the schema and no rows. Abort deletes the file that is open;
 * complete ones belong to whoever got them through on_part.
 */
#ifndef FLOW_SINK_PARQUET_H
#define FLOW_SINK_PARQUET_H

#include "base/hash.h"
#include "flow/flow.h"
#include "parquet/parquet.h"

/* A complete file. Borrowed for the call. */
typedef struct flow_part {
  const char *path;
  uint32_t index; /* 0, 1, 2… */
  uint64_t rows;
  uint64_t bytes;
  uint32_t row_groups;
  char sha256[BR_SHA256_HEX_MAX];
} flow_part;

typedef struct flow_parquet_options {
  const char *folder; /* exists */
  const char *stem;   /* beginning of the file names */
  uint64_t max_rows;  /* per file; 0: no limit. Give the pump the same number as row_boundary */
  uint64_t max_bytes; /* per file, roughly; 0: 256 MiB */
  parquet_writer_options writer;
  /* Key-value metadata of every file; may be NULL. Keys and values alternate, NULL ends. */
  const char *const *metadata;
  /* Called in the pump's thread with each complete file, in order. */
  br_status (*on_part)(void *context, const flow_part *part, br_error *err);
  void *on_part_context;
  flow_progress *progress; /* written_bytes is raised; may be NULL */
} flow_parquet_options;

typedef struct flow_parquet_sink flow_parquet_sink;

/* The options are copied, what they point to is borrowed as long as the sink. */
br_status flow_parquet_sink_new(const flow_parquet_options *options, flow_parquet_sink **ret_sink,
                                br_error *err) BR_CHECKED;
flow_sink flow_parquet_sink_as_sink(flow_parquet_sink *sink);
void flow_parquet_sink_free(flow_parquet_sink *sink); /* NULL is fine */

#endif
