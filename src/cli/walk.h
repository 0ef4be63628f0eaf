/*
 * walk.h: the report of test-connection, a row of one table for each step.
 */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include "cli/output.h"

typedef struct cli_walk {
  cli_table *table; /* side, step, result, details */
  size_t failures;
} cli_walk;

br_status cli_walk_ok(cli_walk *walk, const char *side, const char *step, const char *details,
                      br_error *err) BR_CHECKED;
br_status cli_walk_skipped(cli_walk *walk, const char *side, const char *step, const char *details,
                           br_error *err) BR_CHECKED;
/* "why. advice" */
br_status cli_walk_failed(cli_walk *walk, const char *side, const char *step, const br_error *why,
                          const char *advice, br_error *err) BR_CHECKED;

#endif
