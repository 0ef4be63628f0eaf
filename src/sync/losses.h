/*
 * losses.h: how often sessions broke while an event was carried out, as far as this process knows.
 *
 * Counts outlast a look: between two attempts another replica may have had the slot. They end with
 * the event, wherever it ended: its row in the ledger is another then, and a retry begins anew. Any
 * thread may ask. Of many such events the latest are remembered.
 */
#ifndef SYNC_LOSSES_H
#define SYNC_LOSSES_H

#include <pthread.h>
#include <stdint.h>

#include "sync/ledger.h"

enum { SYNC_LOSSES_PLACES = 32, SYNC_LOSS_MESSAGE_MAX = 1024, SYNC_LOSSES_KEPT_MS = 3600000 };

typedef struct sync_loss {
  char fingerprint[BR_SHA256_HEX_MAX]; /* the event's; "" = a free place */
  sync_ledger_mark known;              /* its row in the ledger */
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
/* One more. known: the event's row in the ledger, as it is now. */
void sync_losses_add(sync_losses *losses, const char *fingerprint, const sync_ledger_row *known,
                     const char *message);
/* How many while that was the event's row, the last one within the last hour, and what it said. */
unsigned sync_losses_count(sync_losses *losses, const char *fingerprint,
                           const sync_ledger_row *known, char ret_message[SYNC_LOSS_MESSAGE_MAX]);
/* The event has ended: its place is free. */
void sync_losses_forget(sync_losses *losses, const char *fingerprint);

#endif
