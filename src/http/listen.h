/*
 * listen.h: listening sockets: loopback or any TCP address, and Unix sockets in private files.
 */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/status.h"

/* host: "127.0.0.1", "::1", "0.0.0.0"… (an address, no name). port 0: the system chooses; *ret_port
 * tells. BR_ERR_CONFLICT where the port is taken. */
br_status http_listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          br_error *err) BR_CHECKED;

/* A Unix socket at path, mode 0600. It appears at path once it listens: who sees it can connect.
 * BR_ERR_LIMIT where path is longer than a socket address holds (see http_unix_path_fits()). */
br_status http_listen_unix(const char *path, int *ret_fd, br_error *err) BR_CHECKED;
/* path and the longer name that http_listen_unix() begins with fit into a socket address. */
bool http_unix_path_fits(const char *path);
/* Somebody listens at path. */
bool http_unix_answers(const char *path);

#endif
