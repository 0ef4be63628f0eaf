/*
 * server.h: the way of a request through the service.
 *
 *   head ─▶ request id, source address ─▶ token (401, 429) ─▶ body and parameters against their
 *   shapes (422) ─▶ handler ─▶ headers, access log, metrics
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "api/service.h"

/* Makes the table of HTTP routes and starts to serve. */
br_status api_server_start(api *service, br_error *err) BR_CHECKED;
/* Frees the table of a server that has been stopped. */
void api_server_done(api *service);

#endif
