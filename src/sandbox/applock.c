#include "sandbox/applock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"

enum { POLL_FIRST_MS = 2, POLL_LONGEST_MS = 25, KEY_HEX_DIGITS = 16 };

/* What one session holds of a resource, by owner. */
struct applock_entry {
  uint64_t key;
  unsigned count[APPLOCK_OWNERS]; /* releases that are due */
  applock_mode mode[APPLOCK_OWNERS];
  applock_entry *next;
};

void applocks_init(applocks *locks, const char *path) {
  *locks = (applocks){.path = path, .fd = -1};
}

void applocks_done(applocks *locks) {
  while (locks->entries != NULL) {
    applock_entry *next = locks->entries->next;
    br_free(locks->entries);
    locks->entries = next;
  }
  if (locks->fd >= 0) {
    (void)br_sys.close(locks->fd);
    locks->fd = -1;
  }
}

static br_status hash_parts(br_sha256 *hash, int64_t database_id, const char *principal,
                            const char *resource, char *hex, br_error *err) {
  br_status st = br_sha256_update(hash, &database_id, sizeof database_id, err);
  if (st == BR_OK) {
    st = br_sha256_update(hash, principal, strlen(principal) + 1, err);
  }
  if (st == BR_OK) {
    st = br_sha256_update(hash, resource, strlen(resource), err);
  }
  return st == BR_OK ? br_sha256_final_hex(hash, hex, err) : st;
}

br_status applock_key(int64_t database_id, const char *principal, const char *resource,
                      uint64_t *ret_key, br_error *err) {
  char hex[BR_SHA256_HEX_MAX];
  br_sha256 *hash = NULL;
  uint64_t key = 0;
  br_status st = br_sha256_new(&hash, err);
  if (st == BR_OK) {
    st = hash_parts(hash, database_id, principal, resource, hex, err);
  }
  br_sha256_free(hash);
  if (st != BR_OK) {
    return st;
  }
  for (size_t i = 0; i < KEY_HEX_DIGITS; i++) {
    key = key << 4 | (uint64_t)br_hex_digit(hex[i]);
  }
  *ret_key = key >> 2 & ~UINT64_C(1); /* two bytes, within what an off_t holds */
  return BR_OK;
}

static br_status open_file(applocks *locks, br_error *err) {
  if (locks->fd >= 0) {
    return BR_OK;
  }
  int fd = br_sys.open(locks->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return br_error_errno(err, errno, "%s can't be opened", locks->path);
  }
  locks->fd = fd;
  return BR_OK;
}

/* One byte of the file. BR_ERR_CONFLICT: another session's lock is in the way. */
static br_status lock_byte(applocks *locks, uint64_t at, short type, br_error *err) {
  struct flock lock = {
      .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1, .l_pid = 0};
  int rc = 0;
  do {
    rc = br_sys.fcntl_lock(locks->fd, F_OFD_SETLK, &lock);
  } while (rc != 0 && errno == EINTR);
  if (rc == 0) {
    return BR_OK;
  }
  return errno == EAGAIN || errno == EACCES
             ? br_error_set(err, BR_ERR_CONFLICT, "The lock is held")
             : br_error_errno(err, errno, "%s can't be locked", locks->path);
}

static void unlock_byte(applocks *locks, uint64_t at) {
  (void)!lock_byte(locks, at, F_UNLCK, NULL);
}

/* From one mode to a stronger one; all or nothing. */
static br_status strengthen(applocks *locks, uint64_t key, applock_mode from, applock_mode to,
                            br_error *err) {
  if (to <= from) {
    return BR_OK;
  }
  br_status st = from == APPLOCK_NONE || to == APPLOCK_EXCLUSIVE
                     ? lock_byte(locks, key, to == APPLOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK, err)
                     : BR_OK;
  if (st == BR_OK && to == APPLOCK_UPDATE) {
    st = lock_byte(locks, key + 1, F_WRLCK, err);
    if (st != BR_OK && from == APPLOCK_NONE) {
      unlock_byte(locks, key);
    }
  }
  return st;
}

static void weaken(applocks *locks, uint64_t key, applock_mode from, applock_mode to) {
  if (to >= from) {
    return;
  }
  if (to != APPLOCK_UPDATE) {
    unlock_byte(locks, key + 1);
  } else { /* from Exclusive, which keeps all others out: always granted */
    (void)!lock_byte(locks, key + 1, F_WRLCK, NULL);
  }
  if (to == APPLOCK_NONE) {
    unlock_byte(locks, key);
  } else if (from == APPLOCK_EXCLUSIVE) {
    (void)!lock_byte(locks, key, F_RDLCK, NULL); /* weaker than what is held: always granted */
  }
}

static applock_mode strongest(const applock_entry *e) {
  return e->mode[0] > e->mode[1] ? e->mode[0] : e->mode[1];
}

static applock_entry *find(const applocks *locks, uint64_t key) {
  applock_entry *e = locks->entries;
  while (e != NULL && e->key != key) {
    e = e->next;
  }
  return e;
}

/* Until it is granted, the time is over, or somebody asks to stop. */
static br_status wait_for(applocks *locks, uint64_t key, applock_mode from, applock_mode to,
                          int64_t timeout_ms, const br_cancel *cancel, applock_result *ret_result,
                          br_error *err) {
  const br_deadline deadline =
      timeout_ms < 0 ? (br_deadline){UINT64_MAX} : br_deadline_after_ms((uint64_t)timeout_ms);
  uint64_t pause = POLL_FIRST_MS;
  for (;;) {
    br_error why = BR_ERROR_INIT;
    br_status st = strengthen(locks, key, from, to, &why);
    if (st != BR_ERR_CONFLICT) {
      return st == BR_OK ? BR_OK : br_error_set(err, st, "%s", why.message);
    }
    if (timeout_ms == 0 || br_deadline_passed(deadline)) {
      *ret_result = APPLOCK_TIMED_OUT;
      return BR_OK;
    }
    *ret_result = APPLOCK_WAITED;
    st = br_cancel_sleep_ms(cancel, pause, err);
    if (st != BR_OK) {
      return st;
    }
    pause = pause * 2 > POLL_LONGEST_MS ? POLL_LONGEST_MS : pause * 2;
  }
}

br_status applock_take(applocks *locks, uint64_t key, applock_owner owner, applock_mode mode,
                       int64_t timeout_ms, const br_cancel *cancel, applock_result *ret_result,
                       br_error *err) {
  applock_entry *e = find(locks, key);
  applock_entry *made = NULL;
  applock_result result = APPLOCK_GRANTED;
  if (e == NULL) {
    e = made = br_calloc(1, sizeof *made);
    if (made == NULL) {
      return br_error_nomem(err);
    }
    made->key = key;
  }
  br_status st = open_file(locks, err);
  if (st == BR_OK) {
    st = wait_for(locks, key, strongest(e), mode, timeout_ms, cancel, &result, err);
  }
  if (st != BR_OK || result == APPLOCK_TIMED_OUT) {
    br_free(made);
  } else {
    if (made != NULL) {
      made->next = locks->entries;
      locks->entries = made;
    }
    e->count[owner]++;
    e->mode[owner] = e->mode[owner] > mode ? e->mode[owner] : mode;
  }
  if (st == BR_OK) {
    *ret_result = result;
  }
  return st;
}

static void drop_owner(applocks *locks, applock_entry *e, applock_owner owner) {
  applock_mode before = strongest(e);
  e->count[owner] = 0;
  e->mode[owner] = APPLOCK_NONE;
  weaken(locks, e->key, before, strongest(e));
}

/* Takes entries that nobody holds out of the list. */
static void sweep(applocks *locks) {
  applock_entry **at = &locks->entries;
  while (*at != NULL) {
    applock_entry *e = *at;
    if (strongest(e) == APPLOCK_NONE) {
      *at = e->next;
      br_free(e);
    } else {
      at = &e->next;
    }
  }
}

bool applock_release(applocks *locks, uint64_t key, applock_owner owner) {
  applock_entry *e = find(locks, key);
  if (e == NULL || e->count[owner] == 0) {
    return false;
  }
  if (--e->count[owner] == 0) {
    drop_owner(locks, e, owner);
    sweep(locks);
  }
  return true;
}

void applocks_release_owner(applocks *locks, applock_owner owner) {
  for (applock_entry *e = locks->entries; e != NULL; e = e->next) {
    if (e->count[owner] != 0) {
      drop_owner(locks, e, owner);
    }
  }
  sweep(locks);
}

applock_mode applock_held(const applocks *locks, uint64_t key, applock_owner owner) {
  const applock_entry *e = find(locks, key);
  return e == NULL ? APPLOCK_NONE : e->mode[owner];
}

static br_status byte_is_free(applocks *locks, uint64_t at, short type, bool *ret_free,
                              br_error *err) {
  struct flock lock = {
      .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1, .l_pid = 0};
  if (br_sys.fcntl_lock(locks->fd, F_OFD_GETLK, &lock) != 0) {
    return br_error_errno(err, errno, "%s can't be asked for locks", locks->path);
  }
  *ret_free = lock.l_type == F_UNLCK;
  return BR_OK;
}

br_status applock_possible(applocks *locks, uint64_t key, applock_mode mode, bool *ret_possible,
                           br_error *err) {
  bool possible = true;
  br_status st = open_file(locks, err);
  if (st == BR_OK) {
    st = byte_is_free(locks, key, mode == APPLOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK, &possible, err);
  }
  if (st == BR_OK && possible && mode == APPLOCK_UPDATE) {
    st = byte_is_free(locks, key + 1, F_WRLCK, &possible, err);
  }
  if (st == BR_OK) {
    *ret_possible = possible;
  }
  return st;
}
