/*
 * reach.h: whether a change may reach the tables that it reaches through foreign keys: what
 * cascade.h finds, what nobody can find, and the rights of the event's user on it.
 */
#ifndef SYNC_REACH_H
#define SYNC_REACH_H

#include "sync/change.h"

/* Of a DELETE, or of an UPDATE or upsert whose source is open, before it is run: BR_ERR_DATA where
 * the event does not allow what may happen, BR_ERR_AUTH where it does and its user may not. */
br_status sync_reach_refuse(sync_change *change, br_error *err) BR_CHECKED;
/* A number of SQL, appended, over the parameter @object, the target's quoted name: `otherwise`, or
 * one below 0 where a DELETE without allow_cascade must not happen. */
br_status sync_reach_number(const sync_change *change, const char *otherwise, br_buf *sql,
                            br_error *err) BR_CHECKED;
/* BR_ERR_DATA in words for such a number. */
br_status sync_reach_explain(const sync_change *change, int64_t number, br_error *err) BR_CHECKED;
/* Inside the transaction, after the change: foreign keys to its tables come and go no more. As
 * sync_reach_refuse(), but for what a DELETE has looked at with its count. */
br_status sync_reach_check(const sync_change *change, br_error *err) BR_CHECKED;

#endif
