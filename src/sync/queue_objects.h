/*
 * queue_objects.h: filter_conditions and metadata of a new event, written so that the table's
 * columns keep them whole.
 *
 * A STRING column takes the JSON as it is. In a MAP every value is a text: numbers go in with the
 * digits that were written, nested values as JSON. A condition with a list can't stand there, for
 * nothing would tell it from a text that looks like one: such conditions go into
 * metadata.filter_conditions, where the poller looks for them too.
 */
#ifndef SYNC_QUEUE_OBJECTS_H
#define SYNC_QUEUE_OBJECTS_H

#include "sync/queue_columns.h"

typedef struct sync_objects {
  char *filter_conditions, *metadata; /* owned; NULL = none */
} sync_objects;

/* BR_ERR_DATA: a text is no JSON object, or both it and metadata would have to hold conditions. */
br_status sync_objects_make(const sync_queue *queue, const sync_new_event *event,
                            sync_objects *ret_objects, br_error *err) BR_CHECKED;
void sync_objects_done(sync_objects *objects);

#endif
