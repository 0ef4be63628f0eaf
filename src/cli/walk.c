#include "cli/walk.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

static br_status add(cli_walk *walk, const char *side, const char *step, const char *result,
                     const char *details, br_error *err) {
  br_status st = cli_table_cstr(walk->table, side, err);
  st = st == BR_OK ? cli_table_cstr(walk->table, step, err) : st;
  st = st == BR_OK ? cli_table_cstr(walk->table, result, err) : st;
  return st == BR_OK ? cli_table_cstr(walk->table, details, err) : st;
}

br_status cli_walk_ok(cli_walk *walk, const char *side, const char *step, const char *details,
                      br_error *err) {
  return add(walk, side, step, "ok", details, err);
}

br_status cli_walk_skipped(cli_walk *walk, const char *side, const char *step, const char *details,
                           br_error *err) {
  return add(walk, side, step, "skipped", details, err);
}

br_status cli_walk_failed(cli_walk *walk, const char *side, const char *step, const br_error *why,
                          const char *advice, br_error *err) {
  const size_t length = strlen(why->message);
  const bool ended = length > 0 && strchr(".!?", why->message[length - 1]) != NULL;
  walk->failures++;
  char *details = br_asprintf("%s%s %s", why->message, ended ? "" : ".", advice);
  if (details != NULL) {
    br_secret_redact(details); /* a server may repeat what it was sent */
  }
  br_status st =
      details == NULL ? br_error_nomem(err) : add(walk, side, step, "failed", details, err);
  br_free(details);
  return st;
}
