/*
 * reach.h: whether a change may reach the tables that it reaches through foreign keys: what
 * cascade.h finds, what nobody can find, and the rights of the event's user on it.
 */
#ifndef SYNC_REACH_H
#define SYNC_REACH_H

#include "sync/change.h"

/* Of a DELETE, or of an UPDATE or upsert whose source is open, before it is run: BR_ERR_DATA where
 * the event does not allow what may happen, BR_ERR_AUTH where it does and its user may not. */
br_status sync_reach_refuse(const sync_change *change, br_error *err) BR_CHECKED;
/* Inside the transaction: runs the change's statement with a count behind it, as
 * sync_run_counted(), and looks in the same request whether foreign keys carry it on: from there to
 * the transaction's end none comes or goes. Failures as above. */
br_status sync_reach_run(const sync_change *change, br_buf *sql, const tds_parameter *parameters,
                         size_t count, int64_t *ret_rows, br_error *err) BR_CHECKED;

#endif
