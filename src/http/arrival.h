/*
 * arrival.h: requests have to arrive in time: who sends a head or a body byte by byte is cut off,
 * so that slow clients can't take all connections; and where all places are taken, a new connection
 * costs somebody else theirs at once: whom has been waited for the longest.
 *
 *   http_arrival_start(limit_ms, places, &arrival, err)
 *     entry = http_arrival_add(arrival, fd)      a connection begins: it is waited for
 *     http_arrival_wait(arrival, entry)          a body begins, or the next head is due
 *     http_arrival_here(arrival, entry)          the request is complete
 *     http_arrival_reply(arrival, entry)         its reply goes out
 *     http_arrival_remove(arrival, entry)        before the socket is closed
 *   http_arrival_stop(arrival)
 *
 *   add ─▶ waiting ─ here ─▶ working ─ reply ─▶ replying ─ wait ─▶ waiting …
 *
 * Where nobody is waited for it is who has not taken a reply for the longest (a tenth of a second
 * at least); nobody is cut while their request is worked on: where that is what all do, the new
 * connection is the one that goes.
 */
#ifndef HTTP_ARRIVAL_H
#define HTTP_ARRIVAL_H

#include "base/status.h"

typedef struct http_arrival http_arrival;
typedef struct http_arrival_entry http_arrival_entry;

/* places: connections that there may be. */
br_status http_arrival_start(uint64_t limit_ms, size_t places, http_arrival **ret_arrival,
                             br_error *err) BR_CHECKED;
/* All entries have been removed. NULL is fine. */
void http_arrival_stop(http_arrival *arrival);

/* arrival and entry may be NULL: nothing is watched. NULL: no memory; the connection is not
 * watched.
 */
http_arrival_entry *http_arrival_add(http_arrival *arrival, int fd);
void http_arrival_wait(http_arrival *arrival, http_arrival_entry *entry);
void http_arrival_here(http_arrival *arrival, http_arrival_entry *entry);
void http_arrival_reply(http_arrival *arrival, http_arrival_entry *entry);
void http_arrival_remove(http_arrival *arrival, http_arrival_entry *entry);

#endif
