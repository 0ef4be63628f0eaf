#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic(br_cancel *) asked_to_stop;
static atomic_int signals_seen;
static atomic_uint hangups_seen;

static void on_signal(int number) {
  br_cancel *cancel = atomic_load(&asked_to_stop);
  if (cancel == NULL || atomic_fetch_add(&signals_seen, 1) > 0) {
    _exit(128 + number);
  }
  int saved = errno;
  br_cancel_request(cancel);
  errno = saved;
}

br_status cli_signals_install(br_cancel *cancel, br_error *err) {
  atomic_store(&asked_to_stop, cancel);
  struct sigaction action = {.sa_handler = on_signal};
  (void)sigemptyset(&action.sa_mask);
  if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) {
    return br_error_errno(err, errno, "Signals can't be caught");
  }
  return BR_OK;
}

static void on_hangup(int number) {
  (void)number;
  (void)atomic_fetch_add(&hangups_seen, 1);
}

br_status cli_signals_take_hangups(br_error *err) {
  struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
  (void)sigemptyset(&action.sa_mask);
  if (sigaction(SIGHUP, &action, NULL) != 0) {
    return br_error_errno(err, errno, "Signals can't be caught");
  }
  return BR_OK;
}

unsigned cli_signals_hangups(void) {
  return atomic_load(&hangups_seen);
}

void cli_signals_reset(void) {
  (void)signal(SIGHUP, SIG_DFL);
  (void)signal(SIGINT, SIG_DFL);
  (void)signal(SIGTERM, SIG_DFL);
  atomic_store(&asked_to_stop, NULL);
}
