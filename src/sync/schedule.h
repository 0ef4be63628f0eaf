/*
 * schedule.h: which event is next. No threads and no clock of its own; the caller holds a lock.
 *
 *   merge   the newest list replaces what was waiting; what runs goes on
 *   take    the first in order whose table nobody is at
 *   put     what was taken comes back: ended, or to be tried again with the next list
 *
 * Events of one table never overtake each other; those of others may where several workers take.
 */
#ifndef SYNC_SCHEDULE_H
#define SYNC_SCHEDULE_H

#include "sync/queue.h"

typedef struct sync_schedule {
  const char *database; /* of tables that are named without one; borrowed, NULL = not known */
  sync_event **waiting; /* owned, in order */
  size_t waiting_count;
  sync_event **running; /* owned by whoever took them; remembered here */
  size_t running_count, running_cap;
  sync_event **held; /* owned; their tables are left alone until the next list */
  size_t held_count;
  char **left_out; /* owned; keys of the tables that the next list is read without */
  size_t left_out_count;
} sync_schedule;

void sync_schedule_done(sync_schedule *schedule);
/* Takes the list's events over, but for those of tables that it was read without: under another
 * spelling they would overtake. skip: tells of an event whose end is known here already, though the
 * list still shows it; may be NULL. */
br_status sync_schedule_merge(sync_schedule *schedule, sync_event_list *list,
                              bool (*skip)(void *context, const char *fingerprint), void *context,
                              br_error *err) BR_CHECKED;
/* Forgets what waits or is held. */
void sync_schedule_clear(sync_schedule *schedule);
/* Tables that nobody may take now, of events that wait or are held, as their authors wrote them,
 * each once; at most `most`. The list that is merged next is to be read without them; most = 0:
 * with all tables. ret_names: borrowed until the next change. */
br_status sync_schedule_leave_out(sync_schedule *schedule, const char **ret_names, size_t most,
                                  size_t *ret_count, br_error *err) BR_CHECKED;
/* NULL: nothing can be done now. The event is the caller's until put back. */
sync_event *sync_schedule_take(sync_schedule *schedule);
/* Nothing runs, and nothing that waits could. */
bool sync_schedule_is_idle(const sync_schedule *schedule);
/* Nothing runs, waits or was put on hold: the list has been worked off. */
bool sync_schedule_is_used_up(const sync_schedule *schedule);
/* hold: its table is left alone until the next list. The event is the schedule's again. */
void sync_schedule_put(sync_schedule *schedule, sync_event *event, bool hold);

#endif
