/*
 * poller.h: the poller inside the service: started as soon as both sides can be reached, and the
 * keeper thread that does so, clears away old jobs and tells of failed logins.
 */
#ifndef API_POLLER_H
#define API_POLLER_H

#include "api/service.h"

/* Fills the service's sync options. Both sides must be there. */
void api_poller_prepare(api *service);
br_status api_keeper_start(api *service, br_error *err) BR_CHECKED;
/* service->stop must have been requested. */
void api_keeper_stop(api *service);
/* Begins to stop the poller, if it runs. */
void api_poller_wind_down(api *service);
void api_poller_stop(api *service, uint64_t timeout_ms);

/* Zeroes where it doesn't run. */
void api_poller_get(api *service, sync_poller_status *ret_status);
/* Lets it look soon, where it runs. */
void api_poller_look(api *service);

/* The events table, opened when first asked for; it stays. */
br_status api_queue(api *service, sync_queue **ret_queue, br_error *err) BR_CHECKED;

#endif
