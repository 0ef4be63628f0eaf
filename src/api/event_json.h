/*
 * event_json.h: events between JSON and the events table, and who may do what with them.
 */
#ifndef API_EVENT_JSON_H
#define API_EVENT_JSON_H

#include "api/service.h"

/* The event in a row of sync_queue_list(); NULL: memory is out. */
json_t *api_event_json(const dbx_result *result, uint64_t row);

/* The text of a member's value as it stands in a JSON object, which is well formed: numbers keep
 * their digits. The caller frees; *ret_text NULL: there is no such member, or it is null. */
br_status api_member_text(const char *object, const char *name, char **ret_text,
                          br_error *err) BR_CHECKED;

/* Rights on a target as an event names it; a text that is no name needs them on everything. */
bool api_may_table(const api_caller *caller, const char *target, unsigned access);
/* Audits; false: the reply is made, or *ret_st is a failure. */
bool api_event_write_allowed(const api_request *r, const char *target, const char *action,
                             http_reply *reply, br_status *ret_st, br_error *err);
/* 503 with the reason. */
br_status api_reply_unreachable(http_reply *reply, const br_error *why, br_error *err) BR_CHECKED;
/* The newest row of that id; BR_DONE: there is none. */
br_status api_find_event(sync_queue *queue, const char *event_id, br_cancel *cancel,
                         dbx_result **ret_result, br_error *err) BR_CHECKED;

#endif
