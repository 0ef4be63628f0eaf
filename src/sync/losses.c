#include "sync/losses.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void sync_losses_init(sync_losses *losses) {
  memset(losses->places, 0, sizeof losses->places);
  pthread_mutex_init(&losses->lock, NULL);
}

void sync_losses_done(sync_losses *losses) {
  pthread_mutex_destroy(&losses->lock);
}

static sync_loss *find(sync_losses *losses, const char *fingerprint) {
  for (size_t i = 0; i < SYNC_LOSSES_PLACES; i++) {
    if (strcmp(losses->places[i].fingerprint, fingerprint) == 0) {
      return &losses->places[i];
    }
  }
  return NULL;
}

/* An old count is none, nor is one from before the event ended, here or at another replica's. */
static bool is_current(const sync_loss *place, const sync_ledger_row *known) {
  return br_clock_monotonic_ms() - place->at_ms < SYNC_LOSSES_KEPT_MS &&
         sync_ledger_is_at(known, &place->known);
}

static sync_loss *oldest(sync_losses *losses) {
  sync_loss *place = &losses->places[0];
  for (size_t i = 1; i < SYNC_LOSSES_PLACES; i++) {
    if (losses->places[i].at_ms < place->at_ms) {
      place = &losses->places[i];
    }
  }
  return place;
}

void sync_losses_add(sync_losses *losses, const char *fingerprint, const sync_ledger_row *known,
                     const char *message) {
  pthread_mutex_lock(&losses->lock);
  sync_loss *place = find(losses, fingerprint);
  if (place == NULL || !is_current(place, known)) {
    place = place == NULL ? oldest(losses) : place;
    *place = (sync_loss){.known = sync_ledger_mark_of(known)};
    (void)snprintf(place->fingerprint, sizeof place->fingerprint, "%s", fingerprint);
  }
  place->count++;
  place->at_ms = br_clock_monotonic_ms();
  (void)snprintf(place->message, sizeof place->message, "%s", message);
  pthread_mutex_unlock(&losses->lock);
}

unsigned sync_losses_count(sync_losses *losses, const char *fingerprint,
                           const sync_ledger_row *known, char ret_message[SYNC_LOSS_MESSAGE_MAX]) {
  pthread_mutex_lock(&losses->lock);
  const sync_loss *place = find(losses, fingerprint);
  const bool any = place != NULL && is_current(place, known);
  const unsigned count = any ? place->count : 0;
  (void)snprintf(ret_message, SYNC_LOSS_MESSAGE_MAX, "%s", any ? place->message : "");
  pthread_mutex_unlock(&losses->lock);
  return count;
}

void sync_losses_forget(sync_losses *losses, const char *fingerprint) {
  pthread_mutex_lock(&losses->lock);
  sync_loss *place = find(losses, fingerprint);
  if (place != NULL) {
    *place = (sync_loss){.count = 0};
  }
  pthread_mutex_unlock(&losses->lock);
}
