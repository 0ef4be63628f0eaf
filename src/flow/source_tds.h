/*
 * source_tds.h: a result set of SQL Server as a source.
 */
#ifndef FLOW_SOURCE_TDS_H
#define FLOW_SOURCE_TDS_H

#include "flow/flow.h"
#include "tds/tds.h"

/* Memory of the source; the caller keeps it as long as the source. */
typedef struct flow_tds_context {
  tds_conn *conn;
  br_cancel *stop;
} flow_tds_context;

/* A source over the current result set of conn (tds_next_result() has returned BR_OK). `stop` is
 * the token that conn was connected with: interrupting the source requests it. Both are borrowed
 * and outlive the source. */
flow_source flow_source_tds(flow_tds_context *context, tds_conn *conn, br_cancel *stop);

#endif
