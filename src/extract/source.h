/*
 * source.h: one query on SQL Server as a source of batches: connects, runs it, checks that it has
 * exactly one result set with usable column names.
 */
#ifndef EXTRACT_SOURCE_H
#define EXTRACT_SOURCE_H

#include "flow/flow.h"
#include "tds/tds.h"

typedef struct extract_source extract_source;

/* Connects and sends the query; the first rows may be on their way when this returns.
 * describe_only: the server describes the columns and runs nothing (SET FMTONLY ON). `stop` is
 * requested to end a wait early. Borrows the options until it returns. Where no connection comes
 * about, the error is retriable only if the server itself said so. */
br_status extract_source_open(const tds_options *options, const char *sql, bool describe_only,
                              br_cancel *stop, extract_source **ret_source,
                              br_error *err) BR_CHECKED;
flow_source extract_source_as_source(extract_source *source);
const batch_schema *extract_source_schema(const extract_source *source);
/* Values that lost digits behind the microsecond; known when the rows have ended. */
uint64_t extract_source_lossy_values(const extract_source *source);
/* An error of the server that may not come again, or a lost connection; not a time-out. */
bool extract_is_passing(const br_error *err);
/* True where reading ended by such an error. Asked when nobody reads any more. */
bool extract_source_lost(const extract_source *source);
/* Of a source that only describes: that no second result set and no error follows. */
br_status extract_source_check_end(extract_source *source, br_error *err) BR_CHECKED;
/* Cancels the query where it still runs, and closes. NULL is fine. */
void extract_source_close(extract_source *source);

/* Every column has a name and no two have the same (case ignored: Spark and Delta take them for
 * one). The message names the position and the alias to add. */
br_status extract_check_columns(const batch_schema *schema, br_error *err) BR_CHECKED;

#endif
