/*
 * cors.h: pages of other origins that may ask from a browser, by exact name (Fetch Standard, "CORS
 * protocol"). Off where CORS_ALLOWED_ORIGINS is not set. No cookies, so no credentials: a page
 * sends the token itself.
 */
#ifndef API_CORS_H
#define API_CORS_H

#include "http/http.h"
#include "settings/settings.h"

typedef struct api_cors api_cors;

/* *ret_cors: NULL where no origin is set. BR_ERR_DATA for one that is none. */
br_status api_cors_new(const settings *config, api_cors **ret_cors, br_error *err) BR_CHECKED;
void api_cors_free(api_cors *cors); /* NULL is fine */

/* The request names an origin, and it is one of those. cors may be NULL. */
bool api_cors_allows(const api_cors *cors, const http_request *request);
/* For a request without a route: answers what a browser asks before a request (204), where its
 * page may; leaves the reply alone otherwise. cors may be NULL. */
br_status api_cors_preflight(const api_cors *cors, const http_request *request, http_reply *reply,
                             br_error *err) BR_CHECKED;
/* Lets the page read the reply, where it may. cors may be NULL. */
br_status api_cors_finish(const api_cors *cors, const http_request *request, http_reply *reply,
                          br_error *err) BR_CHECKED;

#endif
