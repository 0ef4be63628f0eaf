/*
 * event_parts.h: the parts of an event that are lists or JSON: keys, conditions, options. For
 * event.c; what is wrong is BR_ERR_DATA.
 */
#ifndef SYNC_EVENT_PARTS_H
#define SYNC_EVENT_PARTS_H

#include "sync/event.h"

/* ["a","b"], and what people write: [a, b]; a, b; a. NULL or nothing: no keys. */
br_status sync_parse_keys(sync_event *event, const char *text, br_error *err) BR_CHECKED;
/* filter_conditions and metadata's filter_conditions, which count together. */
br_status sync_parse_conditions(sync_event *event, const sync_event_row *row,
                                br_error *err) BR_CHECKED;
br_status sync_parse_options(sync_event *event, const sync_event_row *row,
                             br_error *err) BR_CHECKED;

#endif
