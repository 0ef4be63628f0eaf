/*
 * arrival.h: requests have to arrive in time: who sends a head or a body byte by byte is cut off,
 * so that slow clients can't take all connections.
 *
 *   http_arrival_start(limit_ms, &arrival, err)
 *     entry = http_arrival_add(arrival, fd)      a connection begins: it is waited for
 *     http_arrival_wait(arrival, entry)          a body begins, or the next head is due
 *     http_arrival_here(arrival, entry)          the request is complete
 *     http_arrival_remove(arrival, entry)        before the socket is closed
 *   http_arrival_stop(arrival)
 */
#ifndef HTTP_ARRIVAL_H
#define HTTP_ARRIVAL_H

#include "base/status.h"

typedef struct http_arrival http_arrival;
typedef struct http_arrival_entry http_arrival_entry;

br_status http_arrival_start(uint64_t limit_ms, http_arrival **ret_arrival,
                             br_error *err) BR_CHECKED;
/* All entries have been removed. NULL is fine. */
void http_arrival_stop(http_arrival *arrival);

/* arrival and entry may be NULL: nothing is watched. NULL: no memory; the connection is not
 * watched.
 */
http_arrival_entry *http_arrival_add(http_arrival *arrival, int fd);
void http_arrival_wait(http_arrival *arrival, http_arrival_entry *entry);
void http_arrival_here(http_arrival *arrival, http_arrival_entry *entry);
void http_arrival_remove(http_arrival *arrival, http_arrival_entry *entry);

#endif
