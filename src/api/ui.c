/* /ui/: the dashboard's files. They hold no data: the page asks the other routes, with a token. */
#include "api/ui.h"

#include <string.h>

#include "api/routes.h"

static const char csp[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const ui_asset *find(const char *name) {
  for (size_t i = 0; i < ui_asset_count; i++) {
    if (strcmp(ui_assets[i].name, name) == 0) {
      return &ui_assets[i];
    }
  }
  return NULL;
}

/* If-None-Match (RFC 9110 13.1.2): "*", or the tag anywhere in the list, weak or not. */
static bool is_known(const api_request *r, const ui_asset *asset) {
  const char *given = http_request_header(r->http, "If-None-Match");
  return given != NULL && (strcmp(given, "*") == 0 || strstr(given, asset->etag) != NULL);
}

/* no-cache: kept, and asked for each time, so that a new version of the program shows itself. */
static br_status reply_asset(api_request *r, const ui_asset *asset, http_reply *reply,
                             br_error *err) {
  r->csp = csp;
  br_status st = http_reply_header(reply, "ETag", asset->etag, err);
  st = st == BR_OK ? http_reply_header(reply, "Cache-Control", "no-cache", err) : st;
  if (st == BR_OK && is_known(r, asset)) {
    http_reply_status(reply, 304);
    return BR_OK;
  }
  return st == BR_OK ? http_reply_bytes(reply, asset->type, asset->bytes, asset->length, err) : st;
}

br_status api_get_ui_file(api_request *r, http_reply *reply, br_error *err) {
  const char *name = http_request_capture(r->http, 0);
  const ui_asset *asset = find(name);
  return asset == NULL ? api_reply_error(reply, 404, err, "Not found: %.200s", name)
                       : reply_asset(r, asset, reply, err);
}

/* The page names its files relative to itself, so that it works below any prefix: it needs the
 * slash at the end. */
br_status api_get_ui(api_request *r, http_reply *reply, br_error *err) {
  const char *path = http_request_path(r->http);
  if (path[strlen(path) - 1] == '/') {
    return reply_asset(r, find("index.html"), reply, err);
  }
  http_reply_status(reply, 307);
  return http_reply_header(reply, "Location", "ui/", err);
}
