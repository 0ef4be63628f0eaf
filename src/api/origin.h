/*
 * origin.h: where authentication is off, a page of the web that somebody's browser shows must not
 * be able to use the service with that browser's hands.
 *
 * A browser says where a request that changes something comes from (Origin, RFC 6454;
 * Sec-Fetch-Site, W3C Fetch Metadata); other clients send neither. A page of another origin is
 * refused. So is one of the same origin where that has a name: whoever owns a name can let it point
 * to this address for a moment ("DNS rebinding"); only localhost and plain addresses can't be
 * owned.
 */
#ifndef API_ORIGIN_H
#define API_ORIGIN_H

#include <stdbool.h>

/* The headers' values; NULL: not sent. */
bool api_origin_is_foreign(const char *origin, const char *fetch_site, const char *host);
/* "application/json", with or without parameters. */
bool api_content_is_json(const char *content_type);

#endif
