/*
 * rotation.h: what services read again while they run: secrets from files every second, the rest on
 * SIGHUP.
 *
 *   cli_rotation_start(&options, &rotation, err);  …  cli_rotation_stop(rotation);
 */
#ifndef CLI_ROTATION_H
#define CLI_ROTATION_H

#include "cli/session.h"

typedef struct cli_rotation cli_rotation;

typedef struct cli_rotation_options {
  cli_session *session;
  /* Called every second and on SIGHUP (hangup), from a thread of its own. NULL: nobody is. */
  void (*look)(void *context, bool hangup);
  void *context;
} cli_rotation_options;

/* Takes SIGHUP. */
br_status cli_rotation_start(const cli_rotation_options *options, cli_rotation **ret_rotation,
                             br_error *err) BR_CHECKED;
void cli_rotation_stop(cli_rotation *rotation); /* NULL is fine */

#endif
