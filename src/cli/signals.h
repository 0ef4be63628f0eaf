/*
 * signals.h: Ctrl-C and SIGTERM ask the work to stop; the second one ends the program at once.
 * Services take SIGHUP as the wish to read their files again.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "base/cancel.h"

/* From now on SIGINT and SIGTERM request `cancel` (borrowed until cli_signals_reset()). */
br_status cli_signals_install(br_cancel *cancel, br_error *err) BR_CHECKED;
/* From now on SIGHUP does not end the program but is counted. */
br_status cli_signals_take_hangups(br_error *err) BR_CHECKED;
unsigned cli_signals_hangups(void);
/* Puts the default back. */
void cli_signals_reset(void);

#endif
