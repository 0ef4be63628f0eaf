/* Any row of texts is an event or has a problem that is told; what it asks for is within the
 * limits, and the same row is the same event again.
 *
 * Input: the columns' texts with 0xFF between them; a text "\\N" is NULL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 10, KEYS_MAX = 64, CONDITIONS_MAX = 64, VALUES_MAX = 1000 };

static void check(bool holds) {
  if (!holds) {
    abort();
  }
}

static const char *value_of(const char *text) {
  return text == NULL || strcmp(text, "\\N") == 0 ? NULL : text;
}

static sync_event *make(const char *const *columns) {
  const sync_event_row row = {.fingerprint = "f",
                              .event_id = value_of(columns[0]),
                              .operation = value_of(columns[1]),
                              .source_table = value_of(columns[2]),
                              .target_table = value_of(columns[3]),
                              .primary_keys = value_of(columns[4]),
                              .priority = value_of(columns[5]),
                              .status = value_of(columns[6]),
                              .rows_expected = value_of(columns[7]),
                              .filter_conditions = value_of(columns[8]),
                              .metadata = value_of(columns[9])};
  sync_event *event = NULL;
  check(sync_event_make("c.s.events", &row, &event, NULL) == BR_OK);
  return event;
}

static void check_sound(const sync_event *event) {
  char label[128];
  sync_event_label(event, label);
  check(strlen(label) < sizeof label && strlen(event->hash) == BR_SHA256_HEX_MAX - 1);
  check(event->event_id == NULL || strlen(event->key) == BR_SHA256_HEX_MAX - 1);
  if (event->problem != NULL) {
    check(event->problem[0] != '\0');
    return;
  }
  check(event->event_id != NULL && event->operation <= SYNC_DELETE && event->target.count > 0);
  check(event->has_source || event->operation == SYNC_DELETE);
  check(event->key_count <= KEYS_MAX && event->condition_count <= CONDITIONS_MAX);
  check(event->operation == SYNC_INSERT || event->key_count > 0);
  check(event->operation != SYNC_DELETE || event->has_source || event->condition_count > 0);
  for (size_t i = 0; i < event->condition_count; i++) {
    check(event->conditions[i].count > 0 && event->conditions[i].count <= VALUES_MAX);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *columns[COLUMNS] = {NULL};
  char *texts = malloc(size + 1);
  check(texts != NULL);
  memcpy(texts, data, size);
  texts[size] = '\0';
  size_t count = 0;
  for (size_t i = 0, start = 0; i <= size && count < COLUMNS; i++) {
    if (i == size || data[i] == 0xFF) {
      texts[i] = '\0';
      columns[count++] = texts + start;
      start = i + 1;
    }
  }
  sync_event *event = make(columns), *again = make(columns);
  check_sound(event);
  check(strcmp(event->hash, again->hash) == 0 && strcmp(event->key, again->key) == 0);
  check((event->problem == NULL) == (again->problem == NULL));
  sync_event_free(event);
  sync_event_free(again);
  free(texts);
  return 0;
}
