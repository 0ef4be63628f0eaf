#include "sync/schedule.h"

#include <string.h>

#include "base/mem.h"

/* The name by which events of one table know each other; "" for an event without one. */
static void table_of(const sync_schedule *schedule, const sync_event *event, char *text) {
  text[0] = '\0';
  if (event->problem == NULL) {
    sync_name_key(&event->target, schedule->database, text);
  }
}

static void clear_held(sync_schedule *schedule) {
  for (size_t i = 0; i < schedule->held_count; i++) {
    sync_event_free(schedule->held[i]);
  }
  br_free(schedule->held);
  schedule->held = NULL;
  schedule->held_count = 0;
}

void sync_schedule_clear(sync_schedule *schedule) {
  for (size_t i = 0; i < schedule->waiting_count; i++) {
    sync_event_free(schedule->waiting[i]);
  }
  br_free(schedule->waiting);
  schedule->waiting = NULL;
  schedule->waiting_count = 0;
  clear_held(schedule);
}

static void clear_left_out(sync_schedule *schedule) {
  for (size_t i = 0; i < schedule->left_out_count; i++) {
    br_free(schedule->left_out[i]);
  }
  br_free(schedule->left_out);
  schedule->left_out = NULL;
  schedule->left_out_count = 0;
}

void sync_schedule_done(sync_schedule *schedule) {
  sync_schedule_clear(schedule);
  clear_left_out(schedule);
  br_free(schedule->running);
  *schedule = (sync_schedule){.waiting = NULL};
}

static bool is_running(const sync_schedule *schedule, const char *fingerprint) {
  for (size_t i = 0; i < schedule->running_count; i++) {
    if (strcmp(schedule->running[i]->fingerprint, fingerprint) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_left_out(const sync_schedule *schedule, const char *table) {
  for (size_t i = 0; i < schedule->left_out_count; i++) {
    if (strcmp(schedule->left_out[i], table) == 0) {
      return true;
    }
  }
  return false;
}

br_status sync_schedule_merge(sync_schedule *schedule, sync_event_list *list,
                              bool (*skip)(void *context, const char *fingerprint), void *context,
                              br_error *err) {
  char table[SYNC_NAME_TEXT_MAX];
  sync_event **waiting = br_calloc(list->count + 1, sizeof(sync_event *));
  if (waiting == NULL) {
    return br_error_nomem(err);
  }
  sync_schedule_clear(schedule);
  schedule->waiting = waiting;
  for (size_t i = 0; i < list->count; i++) {
    sync_event *event = list->items[i];
    list->items[i] = NULL;
    table_of(schedule, event, table);
    if (is_running(schedule, event->fingerprint) || is_left_out(schedule, table) ||
        (skip != NULL && skip(context, event->fingerprint))) {
      sync_event_free(event);
    } else {
      waiting[schedule->waiting_count++] = event;
    }
  }
  list->count = 0;
  clear_left_out(schedule);
  return BR_OK;
}

static bool is_of_table(const sync_schedule *schedule, sync_event *const *events, size_t count,
                        const char *table) {
  char other[SYNC_NAME_TEXT_MAX];
  for (size_t i = 0; i < count; i++) {
    table_of(schedule, events[i], other);
    if (strcmp(other, table) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_held(const sync_schedule *schedule, const char *table) {
  return table[0] != '\0' &&
         (is_of_table(schedule, schedule->held, schedule->held_count, table) ||
          is_of_table(schedule, schedule->running, schedule->running_count, table));
}

bool sync_schedule_is_idle(const sync_schedule *schedule) {
  char table[SYNC_NAME_TEXT_MAX];
  for (size_t i = 0; i < schedule->waiting_count; i++) {
    table_of(schedule, schedule->waiting[i], table);
    if (!is_held(schedule, table)) {
      return false;
    }
  }
  return schedule->running_count == 0;
}

bool sync_schedule_is_used_up(const sync_schedule *schedule) {
  return schedule->running_count == 0 && schedule->waiting_count == 0 && schedule->held_count == 0;
}

/* A table that the next list is read without. */
static br_status add_left_out(sync_schedule *schedule, const char *table, br_error *err) {
  if (is_left_out(schedule, table)) {
    return BR_OK;
  }
  char **left_out =
      br_realloc_array(schedule->left_out, schedule->left_out_count + 1, sizeof *left_out);
  if (left_out == NULL) {
    return br_error_nomem(err);
  }
  schedule->left_out = left_out;
  left_out[schedule->left_out_count] = br_strdup(table);
  if (left_out[schedule->left_out_count] == NULL) {
    return br_error_nomem(err);
  }
  schedule->left_out_count++;
  return BR_OK;
}

/* The event's table as its author wrote it, where it is not there yet. */
static br_status add_table(sync_schedule *schedule, const sync_event *event, const char **names,
                           size_t most, size_t *count, br_error *err) {
  char table[SYNC_NAME_TEXT_MAX];
  bool is_new = event->problem == NULL && *count < most;
  for (size_t i = 0; i < *count && is_new; i++) {
    is_new = strcmp(names[i], event->target_text) != 0;
  }
  if (!is_new) {
    return BR_OK;
  }
  names[(*count)++] = event->target_text;
  table_of(schedule, event, table);
  return add_left_out(schedule, table, err);
}

br_status sync_schedule_leave_out(sync_schedule *schedule, const char **ret_names, size_t most,
                                  size_t *ret_count, br_error *err) {
  char table[SYNC_NAME_TEXT_MAX];
  size_t count = 0;
  br_status st = BR_OK;
  clear_left_out(schedule);
  for (size_t i = 0; i < schedule->held_count && st == BR_OK; i++) {
    st = add_table(schedule, schedule->held[i], ret_names, most, &count, err);
  }
  for (size_t i = 0; i < schedule->waiting_count && st == BR_OK; i++) {
    table_of(schedule, schedule->waiting[i], table);
    if (is_held(schedule, table)) {
      st = add_table(schedule, schedule->waiting[i], ret_names, most, &count, err);
    }
  }
  if (st != BR_OK) {
    clear_left_out(schedule);
    return st;
  }
  *ret_count = count;
  return BR_OK;
}

static bool reserve_running(sync_schedule *schedule) {
  if (schedule->running_count < schedule->running_cap) {
    return true;
  }
  const size_t cap = schedule->running_cap + 16;
  sync_event **running = br_realloc_array(schedule->running, cap, sizeof(sync_event *));
  if (running == NULL) {
    return false;
  }
  schedule->running = running;
  schedule->running_cap = cap;
  return true;
}

sync_event *sync_schedule_take(sync_schedule *schedule) {
  char table[SYNC_NAME_TEXT_MAX];
  if (!reserve_running(schedule)) {
    return NULL; /* out of memory: the next look may have more */
  }
  for (size_t i = 0; i < schedule->waiting_count; i++) {
    sync_event *event = schedule->waiting[i];
    table_of(schedule, event, table);
    if (!is_held(schedule, table)) {
      schedule->waiting_count--;
      memmove(&schedule->waiting[i], &schedule->waiting[i + 1],
              (schedule->waiting_count - i) * sizeof(sync_event *));
      schedule->running[schedule->running_count++] = event;
      return event;
    }
  }
  return NULL;
}

/* Takes the event over. */
static void hold_table(sync_schedule *schedule, sync_event *event) {
  sync_event **held =
      br_realloc_array(schedule->held, schedule->held_count + 1, sizeof(sync_event *));
  if (held == NULL) {
    sync_event_free(event);
    sync_schedule_clear(schedule); /* order counts more than speed: wait for the next list */
    return;
  }
  schedule->held = held;
  held[schedule->held_count++] = event;
}

void sync_schedule_put(sync_schedule *schedule, sync_event *event, bool hold) {
  for (size_t i = 0; i < schedule->running_count; i++) {
    if (schedule->running[i] == event) {
      schedule->running[i] = schedule->running[--schedule->running_count];
      break;
    }
  }
  if (hold) {
    hold_table(schedule, event);
  } else {
    sync_event_free(event);
  }
}
