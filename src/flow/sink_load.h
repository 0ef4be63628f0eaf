/*
 * sink_load.h: rows into a table of SQL Server by a bulk load (tds/load.h).
 *
 *   write ──▶ cast where a type differs ──▶ tds_load_write
 *
 * One flow is one load: finish has all its rows in the table, abort none.
 */
#ifndef FLOW_SINK_LOAD_H
#define FLOW_SINK_LOAD_H

#include "flow/flow.h"
#include "tds/load.h"

typedef struct flow_load_options {
  tds_conn *conn; /* the sink's alone from begin to finish or abort */
  /* columns NULL: those that the source's fields are named after. */
  tds_load_options load;
  /* The source's field for each column; NULL: the field of the same name. */
  const size_t *map;
} flow_load_options;

typedef struct flow_load_sink flow_load_sink;

/* The options are copied, what they point to is borrowed as long as the sink. Begin: BR_ERR_USAGE
 * where no field has a column's name, BR_ERR_DATA where a field's type can never become the
 * column's, and what tds_load_open() says. */
br_status flow_load_sink_new(const flow_load_options *options, flow_load_sink **ret_sink,
                             br_error *err) BR_CHECKED;
flow_sink flow_load_sink_as_sink(flow_load_sink *sink);
/* Rows of the finished load. */
uint64_t flow_load_sink_rows(const flow_load_sink *sink);
void flow_load_sink_free(flow_load_sink *sink); /* NULL is fine; an unfinished load is given up */

#endif
