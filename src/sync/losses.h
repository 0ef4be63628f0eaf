/*
 * losses.h: how often sessions broke while an event was carried out, as far as this process knows.
 *
 * Counts outlast a look: between two attempts another replica may have had the slot. Any thread may
 * ask. Of many such events the latest are remembered.
 */
#ifndef SYNC_LOSSES_H
#define SYNC_LOSSES_H

#include <pthread.h>
#include <stdint.h>

#include "base/hash.h"

enum { SYNC_LOSSES_PLACES = 32, SYNC_LOSS_MESSAGE_MAX = 1024, SYNC_LOSSES_KEPT_MS = 3600000 };

typedef struct sync_loss {
  char fingerprint[BR_SHA256_HEX_MAX]; /* the event's; "" = a free place */
  unsigned count;
  uint64_t at_ms;
  char message[SYNC_LOSS_MESSAGE_MAX]; /* the last one's */
} sync_loss;

typedef struct sync_losses {
  pthread_mutex_t lock;
  sync_loss places[SYNC_LOSSES_PLACES];
} sync_losses;

void sync_losses_init(sync_losses *losses);
void sync_losses_done(sync_losses *losses);
/* One more. */
void sync_losses_add(sync_losses *losses, const char *fingerprint, const char *message);
/* How many in the last hour, and what the last one said. */
unsigned sync_losses_count(sync_losses *losses, const char *fingerprint,
                           char ret_message[SYNC_LOSS_MESSAGE_MAX]);
/* The event has ended. */
void sync_losses_forget(sync_losses *losses, const char *fingerprint);

#endif
