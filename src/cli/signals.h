/*
 * signals.h: Ctrl-C and SIGTERM ask the work to stop; the second one ends the program at once.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "base/cancel.h"

/* From now on SIGINT and SIGTERM request `cancel` (borrowed until cli_signals_reset()). */
br_status cli_signals_install(br_cancel *cancel, br_error *err) BR_CHECKED;
/* Puts the default back. */
void cli_signals_reset(void);

#endif
