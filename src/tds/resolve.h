/*
 * resolve.h: names to addresses without outstaying a deadline or ignoring a cancel.
 */
#ifndef TDS_RESOLVE_H
#define TDS_RESOLVE_H

#include <netdb.h>

#include "tds/stream.h"

/* The caller frees with freeaddrinfo(). BR_ERR_NETWORK where the name is unknown. */
br_status tds_resolve(const char *host, uint16_t port, const tds_wait *wait,
                      struct addrinfo **ret_list, br_error *err) BR_CHECKED;

#endif
