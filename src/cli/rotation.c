#include "cli/rotation.h"

#include <pthread.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/signals.h"

enum { STEP_MS = 250, STEPS_PER_LOOK = 4 };

struct cli_rotation {
  cli_rotation_options options;
  br_cancel *stop;
  pthread_t thread;
  bool profile_is_stale; /* the last look into it failed, and that has been said */
};

static void say_secret(void *context, const char *name, const char *problem) {
  (void)context;
  if (problem == NULL) {
    br_log(BR_LOG_INFO, "%s was read anew from its file", name);
  } else {
    br_log(BR_LOG_ERROR, "the last good secret stays in use: %s", problem);
  }
}

static void look_at_profile(cli_rotation *rotation) {
  cli_session *s = rotation->options.session;
  bool replaced = false;
  br_error err = BR_ERROR_INIT;
  const bool failed = cli_profile_refresh(&s->profile, s->config, &replaced, &err) != BR_OK;
  if (replaced) {
    say_secret(NULL, "DATABRICKS_PROFILE", NULL);
  } else if (failed && !rotation->profile_is_stale) {
    say_secret(NULL, "DATABRICKS_PROFILE", err.message);
  }
  rotation->profile_is_stale = failed;
}

static void look(cli_rotation *rotation, bool hangup) {
  settings_refresh_secrets(rotation->options.session->config, say_secret, NULL);
  look_at_profile(rotation);
  if (rotation->options.look != NULL) {
    rotation->options.look(rotation->options.context, hangup);
  }
}

static void *watch(void *context) {
  cli_rotation *rotation = context;
  unsigned hangups = cli_signals_hangups();
  for (unsigned step = 1; br_cancel_sleep_ms(rotation->stop, STEP_MS, NULL) == BR_OK; step++) {
    const unsigned seen = cli_signals_hangups();
    if (seen != hangups) {
      br_log(BR_LOG_INFO, "SIGHUP: reading files anew");
    }
    if (seen != hangups || step % STEPS_PER_LOOK == 0) {
      look(rotation, seen != hangups);
    }
    hangups = seen;
  }
  return NULL;
}

br_status cli_rotation_start(const cli_rotation_options *options, cli_rotation **ret_rotation,
                             br_error *err) {
  cli_rotation *rotation = br_calloc(1, sizeof *rotation);
  if (rotation == NULL) {
    return br_error_nomem(err);
  }
  rotation->options = *options;
  br_status st = cli_signals_take_hangups(err);
  st = st == BR_OK ? br_cancel_new(&rotation->stop, err) : st;
  if (st == BR_OK) {
    int failed = pthread_create(&rotation->thread, NULL, watch, rotation);
    st = failed == 0 ? BR_OK : br_error_errno(err, failed, "A thread could not be started");
  }
  if (st != BR_OK) {
    br_cancel_free(rotation->stop);
    br_free(rotation);
    return st;
  }
  *ret_rotation = rotation;
  return BR_OK;
}

void cli_rotation_stop(cli_rotation *rotation) {
  if (rotation != NULL) {
    br_cancel_request(rotation->stop);
    pthread_join(rotation->thread, NULL);
    br_cancel_free(rotation->stop);
    br_free(rotation);
  }
}
