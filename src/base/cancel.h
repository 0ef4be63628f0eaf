/*
 * cancel.h: a flag that asks work to stop, and that a thread waiting in poll() notices.
 *
 *   br_cancel *cancel;  br_cancel_new(&cancel, err);
 *   br_cancel_request(cancel);                  from any thread or a signal handler
 *   if (br_cancel_requested(cancel)) …          cheap enough for every batch
 *   fds[1].fd = br_cancel_fd(cancel);           becomes readable when asked to stop, and stays so
 *
 * NULL is a token that never asks.
 */
#ifndef BR_BASE_CANCEL_H
#define BR_BASE_CANCEL_H

#include "base/status.h"

typedef struct br_cancel br_cancel;

br_status br_cancel_new(br_cancel **ret_cancel, br_error *err) BR_CHECKED;
/* One that asks by itself once the time (0: it never is) is over, for cleaning up that must not
 * take long. Nobody else is to ask it. */
br_status br_cancel_new_timed(uint64_t milliseconds, br_cancel **ret_cancel,
                              br_error *err) BR_CHECKED;
void br_cancel_free(br_cancel *cancel);
void br_cancel_request(br_cancel *cancel); /* async-signal-safe; asking twice is fine */
bool br_cancel_requested(const br_cancel *cancel);
int br_cancel_fd(const br_cancel *cancel); /* -1 for NULL */
/* BR_ERR_CANCELLED "Cancelled" if asked to stop, else BR_OK. */
br_status br_cancel_check(const br_cancel *cancel, br_error *err) BR_CHECKED;
/* Sleeps; returns early with BR_ERR_CANCELLED. */
br_status br_cancel_sleep_ms(const br_cancel *cancel, uint64_t milliseconds,
                             br_error *err) BR_CHECKED;

#endif
