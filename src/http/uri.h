/*
 * uri.h: the request's target taken apart: path, captures of a route's pattern, query.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "http/http.h"

typedef struct http_query_item {
  char *name, *value; /* decoded, inside http_uri.memory */
} http_query_item;

/* A target, decoded. All texts lie in `memory`. */
typedef struct http_uri {
  char *memory; /* owned */
  char *path;   /* decoded */
  char *raw;    /* the path as it came, without query */
  http_query_item query[HTTP_QUERY_MAX];
  size_t query_count;
} http_uri;

/* Percent-decodes text in place; plus_is_space: as forms do. BR_ERR_PROTOCOL for a bad escape and
 * for %00. */
br_status http_decode(char *text, bool plus_is_space, br_error *err) BR_CHECKED;
/* BR_ERR_PROTOCOL: not a target ("/path?query"); BR_ERR_LIMIT: too long or too many parameters. */
br_status http_uri_parse(const char *target, http_uri *ret_uri, br_error *err) BR_CHECKED;
void http_uri_done(http_uri *uri);
const char *http_uri_query(const http_uri *uri, const char *name);

/* Captures of a matched pattern, decoded, owned. */
typedef struct http_captures {
  char *texts[HTTP_CAPTURES_MAX];
  size_t count;
} http_captures;

void http_captures_done(http_captures *captures);
/* *ret_match: the raw path fits the pattern, and captures holds what its braces took. */
br_status http_pattern_match(const char *pattern, const char *raw_path, http_captures *captures,
                             bool *ret_match, br_error *err) BR_CHECKED;

#endif
