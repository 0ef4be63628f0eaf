#include "auth/reload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"

enum { DEFAULT_POLL_MS = 2000, SETTLE_MS = 50, SETTLE_ROUNDS = 10 };

struct auth_reload {
  auth_reload_options options;
  char *path;
  char *folder;
  br_cancel *stop;
  pthread_t thread;
  bool has_thread;
  pthread_mutex_t current_lock; /* guards current alone, and only for a moment */
  auth_permissions *current;
  pthread_mutex_t reading_lock;    /* one reading at a time, so that an older file never wins */
  char seen[BR_SHA256_HEX_MAX];    /* guarded by it: the content last looked at; "" = none */
  char told[BR_ERROR_MESSAGE_MAX]; /* guarded by it: the last problem reported; "" = none */
};

auth_permissions *auth_reload_current(auth_reload *reload) {
  (void)pthread_mutex_lock(&reload->current_lock);
  auth_permissions *current = auth_permissions_ref(reload->current);
  (void)pthread_mutex_unlock(&reload->current_lock);
  return current;
}

static void swap(auth_reload *r, auth_permissions *next) {
  (void)pthread_mutex_lock(&r->current_lock);
  auth_permissions *before = r->current;
  r->current = next;
  (void)pthread_mutex_unlock(&r->current_lock);
  auth_permissions_unref(before);
}

static void report(const auth_reload *r, auth_reload_outcome outcome, const char *message) {
  if (r->options.report != NULL) {
    r->options.report(r->options.context, outcome, message);
  }
}

static br_status hash_file(const char *path, char *hash, br_error *err) {
  br_buf content;
  br_status st = br_file_read(path, BR_LIMIT_YAML_FILE, &content, err);
  if (st != BR_OK) {
    return st;
  }
  st = br_sha256_hex(content.data, content.len, hash, err);
  if (content.data != NULL) {
    br_wipe(content.data, content.len);
  }
  br_buf_done(&content);
  return st;
}

static br_status load(const auth_reload *r, auth_permissions **ret_permissions, br_error *err) {
  auth_permissions *next = NULL;
  br_status st = auth_permissions_load(r->path, &next, err);
  if (st == BR_OK && r->options.strict) {
    st = auth_permissions_check_strict(next, err);
  }
  if (st != BR_OK) {
    auth_permissions_unref(next);
    return st;
  }
  *ret_permissions = next;
  return BR_OK;
}

/* Tells of a problem unless it is the one told last. */
static void tell(auth_reload *r, br_status st, const br_error *problem) {
  if (strcmp(r->told, problem->message) == 0) {
    return;
  }
  memcpy(r->told, problem->message, sizeof r->told);
  report(r, st == BR_ERR_NOT_FOUND ? AUTH_RELOAD_MISSING : AUTH_RELOAD_REFUSED, r->told);
}

/* With reading_lock held. The content is noted before it is read: where it changes in between, the
 * next look sees another one and reads again. */
static br_status read_locked(auth_reload *r, bool forced, br_error *err) {
  char hash[BR_SHA256_HEX_MAX] = "";
  auth_permissions *next = NULL;
  br_status st = hash_file(r->path, hash, err);
  if (st == BR_OK && !forced && strcmp(hash, r->seen) == 0) {
    return BR_OK;
  }
  if (st == BR_OK) {
    st = load(r, &next, err);
  }
  /* Out of memory says nothing about the file: look again. */
  memcpy(r->seen, st == BR_ERR_NOMEM ? "" : hash, st == BR_ERR_NOMEM ? 1 : sizeof hash);
  if (st == BR_OK) {
    swap(r, next);
    r->told[0] = '\0';
  }
  return st;
}

static void look(auth_reload *r) {
  br_error problem = BR_ERROR_INIT;
  (void)pthread_mutex_lock(&r->reading_lock);
  char before[BR_SHA256_HEX_MAX];
  memcpy(before, r->seen, sizeof before);
  br_status st = read_locked(r, false, &problem);
  if (st != BR_OK) {
    tell(r, st, &problem);
  } else if (strcmp(before, r->seen) != 0) {
    report(r, AUTH_RELOADED, "");
  }
  (void)pthread_mutex_unlock(&r->reading_lock);
}

br_status auth_reload_now(auth_reload *reload, br_error *err) {
  br_error problem = BR_ERROR_INIT;
  (void)pthread_mutex_lock(&reload->reading_lock);
  br_status st = read_locked(reload, true, &problem);
  if (st != BR_OK) {
    tell(reload, st, &problem);
  } else {
    report(reload, AUTH_RELOADED, "");
  }
  (void)pthread_mutex_unlock(&reload->reading_lock);
  return st == BR_OK ? BR_OK : br_error_set(err, st, "%s", problem.message);
}

/* A descriptor that becomes readable when something happens to a name in the folder; -1: none. */
static int watch_folder(const char *folder, br_error *err) {
  uint32_t events =
      IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd >= 0 && inotify_add_watch(fd, folder, events) >= 0) {
    return fd;
  }
  (void)br_error_errno(err, errno, "Can't watch the folder %s", folder);
  if (fd >= 0) {
    (void)br_sys.close(fd);
  }
  return -1;
}

static void drain(int fd) {
  char events[4096] __attribute__((aligned(8)));
  while (br_sys.read(fd, events, sizeof events) > 0) {
  }
}

/* Waits for an event of the folder, the stop or the clock; true: an event. */
static bool wait_for_event(const auth_reload *r, int watch, int timeout_ms) {
  struct pollfd fds[2] = {{.fd = br_cancel_fd(r->stop), .events = POLLIN},
                          {.fd = watch, .events = POLLIN}}; /* -1 is passed over */
  int n = br_sys.poll(fds, 2, timeout_ms);
  if (n > 0 && fds[1].revents != 0) {
    drain(watch);
    return true;
  }
  return false;
}

/* An editor takes several steps: look once they have come to rest. */
static void settle(const auth_reload *r, int watch) {
  for (int i = 0; i < SETTLE_ROUNDS && wait_for_event(r, watch, SETTLE_MS); i++) {
  }
}

static void *watch_main(void *context) {
  auth_reload *r = context;
  br_error why = BR_ERROR_INIT;
  int watch = watch_folder(r->folder, &why);
  if (watch < 0) {
    (void)pthread_mutex_lock(&r->reading_lock);
    report(r, AUTH_RELOAD_UNWATCHED, why.message);
    (void)pthread_mutex_unlock(&r->reading_lock);
  }
  while (!br_cancel_requested(r->stop)) {
    look(r);
    if (wait_for_event(r, watch, (int)r->options.poll_ms)) {
      settle(r, watch);
    }
  }
  if (watch >= 0) {
    (void)br_sys.close(watch);
  }
  return NULL;
}

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    return br_strdup(".");
  }
  return slash == path ? br_strdup("/") : br_strndup(path, (size_t)(slash - path));
}

static br_status start_thread(auth_reload *r, br_error *err) {
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&r->thread, NULL, watch_main, r);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  r->has_thread = failed == 0;
  return failed == 0 ? BR_OK : br_error_errno(err, failed, "Can't start the permissions' watcher");
}

static br_status start(auth_reload *r, br_error *err) {
  r->path = br_strdup(r->options.path);
  r->folder = folder_of(r->options.path);
  if (r->path == NULL || r->folder == NULL) {
    return br_error_nomem(err);
  }
  br_status st = br_cancel_new(&r->stop, err);
  if (st == BR_OK) {
    st = read_locked(r, true, err);
  }
  return st == BR_OK && r->options.watch ? start_thread(r, err) : st;
}

br_status auth_reload_start(const auth_reload_options *options, auth_reload **ret_reload,
                            br_error *err) {
  auth_reload *r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  r->options = *options;
  r->options.poll_ms = options->poll_ms == 0 ? DEFAULT_POLL_MS : options->poll_ms;
  (void)pthread_mutex_init(&r->current_lock, NULL);
  (void)pthread_mutex_init(&r->reading_lock, NULL);
  br_status st = start(r, err);
  if (st != BR_OK) {
    auth_reload_stop(r);
    return st;
  }
  *ret_reload = r;
  return BR_OK;
}

void auth_reload_stop(auth_reload *reload) {
  if (reload == NULL) {
    return;
  }
  if (reload->has_thread) {
    br_cancel_request(reload->stop);
    (void)pthread_join(reload->thread, NULL);
  }
  br_cancel_free(reload->stop);
  auth_permissions_unref(reload->current);
  (void)pthread_mutex_destroy(&reload->current_lock);
  (void)pthread_mutex_destroy(&reload->reading_lock);
  br_free(reload->path);
  br_free(reload->folder);
  br_free(reload);
}
