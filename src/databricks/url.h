/*
 * url.h: host names, paths and query values as a URL wants them. No network.
 */
#ifndef DATABRICKS_URL_H
#define DATABRICKS_URL_H

#include "base/buf.h"

/* "https://name[:port]" from what people write: a bare name, a trailing slash, a path or query
 * copied from a browser, ":443". http:// only for loopback addresses. The caller frees. */
br_status dbx_url_base(const char *host, char **ret_base, br_error *err) BR_CHECKED;

/* The base (as above) names this machine: localhost, 127.0.0.0/8, [::1]. */
bool dbx_url_is_loopback(const char *url);

/* The URL may carry credentials: https, or http to loopback. */
bool dbx_url_is_safe(const char *url);

/* A link that the workspace at base gave: https to any host; http only between this machine and
 * itself. */
bool dbx_url_may_be_followed(const char *url, const char *base);

/* Appends text, percent-encoded but for letters, digits, "_.-~" and the characters in keep. */
br_status dbx_url_append_encoded(br_buf *url, const char *text, const char *keep,
                                 br_error *err) BR_CHECKED;

/* Appends an absolute path, encoded segment by segment. BR_ERR_USAGE for a path that is not
 * absolute or has an empty, "." or ".." segment. */
br_status dbx_url_append_path(br_buf *url, const char *path, br_error *err) BR_CHECKED;

#endif
