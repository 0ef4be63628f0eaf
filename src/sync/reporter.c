#include "sync/reporter.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sync/retry.h"

enum {
  GATHER_MS = 1000, /* half of the two seconds that a status may be late */
  AT_A_TIME = 100,
  DOUBT_MS = 5000, /* a failure that waited so long is asked for in the ledger */
  LONGEST_WAIT_MS = 30000,
  UNNOTED_MAX = 10000
};

typedef enum entry_state { ENTRY_NEW, ENTRY_WRITING, ENTRY_WRITTEN } entry_state;

typedef struct entry {
  sync_report report;
  char key[BR_SHA256_HEX_MAX]; /* "" = not in the ledger */
  char hash[BR_SHA256_HEX_MAX];
  entry_state state;
  bool sent; /* once at least, whatever came of it */
  uint64_t added_ms;
  uint64_t since_ms; /* of the first report of this row */
  uint64_t written_ms;
} entry;

struct sync_reporter {
  sync_reporter_options options;
  sync_session session;
  br_cancel *cancel; /* ends what takes longer than the stop may */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  entry *entries; /* guarded by lock, as all below */
  size_t count, cap;
  bool stopping;
  uint64_t stop_by_ms;
  /* Of the thread alone: Databricks has been told, the ledger has not. */
  char (*unnoted)[BR_SHA256_HEX_MAX];
  size_t unnoted_count, unnoted_cap;
  unsigned note_failures;
  uint64_t note_at_ms; /* not before */
};

static bool is_final(const sync_report *report) {
  return report->status != SYNC_PENDING && report->status != SYNC_PROCESSING;
}

static void wait_until(sync_reporter *r, uint64_t at_ms) {
  const struct timespec at = {.tv_sec = (time_t)(at_ms / 1000),
                              .tv_nsec = (long)(at_ms % 1000) * 1000000};
  int ignored = pthread_cond_timedwait(&r->changed, &r->lock, &at);
  (void)ignored;
}

static void remove_entry(sync_reporter *r, size_t index) {
  sync_report_done(&r->entries[index].report);
  r->entries[index] = r->entries[--r->count];
}

static entry *find_new(sync_reporter *r, const char *fingerprint) {
  for (size_t i = 0; i < r->count; i++) {
    if (r->entries[i].state == ENTRY_NEW &&
        strcmp(r->entries[i].report.fingerprint, fingerprint) == 0) {
      return &r->entries[i];
    }
  }
  return NULL;
}

static entry *new_entry(sync_reporter *r) {
  if (r->count == r->cap) {
    const size_t cap = r->cap == 0 ? 64 : r->cap * 2;
    entry *entries = br_realloc_array(r->entries, cap, sizeof *entries);
    if (entries == NULL) {
      return NULL;
    }
    r->entries = entries;
    r->cap = cap;
  }
  entry *e = &r->entries[r->count++];
  *e = (entry){.since_ms = br_clock_monotonic_ms()};
  return e;
}

static void fill_entry(entry *e, const sync_report *report, const sync_event *event) {
  e->report = *report;
  e->key[0] = e->hash[0] = '\0';
  e->sent = false;
  e->added_ms = br_clock_monotonic_ms();
  if (event != NULL && event->event_id != NULL) {
    memcpy(e->key, event->key, sizeof e->key);
    memcpy(e->hash, event->hash, sizeof e->hash);
  }
}

br_status sync_reporter_add(sync_reporter *r, sync_report *report, const sync_event *event,
                            br_error *err) {
  pthread_mutex_lock(&r->lock);
  entry *e = find_new(r, report->fingerprint);
  if (e != NULL) {
    sync_report_done(&e->report);
  } else {
    e = new_entry(r);
  }
  if (e != NULL) {
    fill_entry(e, report, event);
    pthread_cond_broadcast(&r->changed);
  }
  pthread_mutex_unlock(&r->lock);
  if (e == NULL) {
    sync_report_done(report);
    return br_error_nomem(err);
  }
  *report = (sync_report){.status = SYNC_PENDING};
  return BR_OK;
}

bool sync_reporter_knows(sync_reporter *r, const char *fingerprint, uint64_t list_ms) {
  bool known = false;
  pthread_mutex_lock(&r->lock);
  for (size_t i = 0; i < r->count && !known; i++) {
    const entry *e = &r->entries[i];
    known = is_final(&e->report) && strcmp(e->report.fingerprint, fingerprint) == 0 &&
            (e->state != ENTRY_WRITTEN || e->written_ms >= list_ms);
  }
  pthread_mutex_unlock(&r->lock);
  return known;
}

void sync_reporter_forget(sync_reporter *r, uint64_t list_ms) {
  pthread_mutex_lock(&r->lock);
  for (size_t i = r->count; i > 0; i--) {
    if (r->entries[i - 1].state == ENTRY_WRITTEN && r->entries[i - 1].written_ms < list_ms) {
      remove_entry(r, i - 1);
    }
  }
  pthread_mutex_unlock(&r->lock);
}

static size_t unwritten(const sync_reporter *r, uint64_t *ret_oldest_ms) {
  size_t count = 0;
  *ret_oldest_ms = UINT64_MAX;
  for (size_t i = 0; i < r->count; i++) {
    if (r->entries[i].state != ENTRY_WRITTEN) {
      count++;
      if (r->entries[i].since_ms < *ret_oldest_ms) {
        *ret_oldest_ms = r->entries[i].since_ms;
      }
    }
  }
  return count;
}

bool sync_reporter_drain(sync_reporter *r, uint64_t timeout_ms) {
  const uint64_t by_ms = br_clock_monotonic_ms() + timeout_ms;
  uint64_t oldest = 0;
  pthread_mutex_lock(&r->lock);
  while (unwritten(r, &oldest) > 0 && br_clock_monotonic_ms() < by_ms) {
    for (size_t i = 0; i < r->count; i++) {
      r->entries[i].since_ms = 0; /* due at once */
    }
    pthread_cond_broadcast(&r->changed);
    wait_until(r, by_ms);
  }
  const bool drained = unwritten(r, &oldest) == 0;
  pthread_mutex_unlock(&r->lock);
  return drained;
}

/* ---- the thread ---- */

typedef enum fate { FATE_WRITE, FATE_DROP, FATE_WAIT } fate;

/* What is written at a time: borrowed texts, which entries keep while they are being written. */
typedef struct member {
  sync_report report;
  char key[BR_SHA256_HEX_MAX], hash[BR_SHA256_HEX_MAX];
  bool doubtful;
  fate fate;
  bool well; /* Databricks has it */
} member;

typedef struct group {
  member members[AT_A_TIME];
  size_t count;
} group;

/* A failure that another replica may have told, and its author answered, in the meantime. */
static bool is_doubtful(const entry *e, uint64_t now_ms) {
  return (e->report.status == SYNC_FAILED || e->report.status == SYNC_BLOCKED) &&
         e->key[0] != '\0' && (e->sent || now_ms - e->added_ms >= DOUBT_MS);
}

static void take_group(sync_reporter *r, group *g) {
  const uint64_t now_ms = br_clock_monotonic_ms();
  g->count = 0;
  for (size_t i = 0; i < r->count && g->count < AT_A_TIME; i++) {
    entry *e = &r->entries[i];
    if (e->state == ENTRY_NEW) {
      member *m = &g->members[g->count++];
      e->state = ENTRY_WRITING;
      *m = (member){.report = e->report, .doubtful = is_doubtful(e, now_ms)};
      memcpy(m->key, e->key, sizeof m->key);
      memcpy(m->hash, e->hash, sizeof m->hash);
    }
  }
}

/* Of a row that is being written. */
static const member *member_of(const group *g, const char *fingerprint) {
  static const member none = {.fate = FATE_WAIT};
  for (size_t i = 0; i < g->count; i++) {
    if (strcmp(g->members[i].report.fingerprint, fingerprint) == 0) {
      return &g->members[i];
    }
  }
  return &none;
}

static void settle_group(sync_reporter *r, const group *g) {
  const uint64_t now_ms = br_clock_monotonic_ms();
  for (size_t i = r->count; i > 0; i--) {
    entry *e = &r->entries[i - 1];
    if (e->state != ENTRY_WRITING) {
      continue;
    }
    const bool newer = find_new(r, e->report.fingerprint) != NULL;
    const member *m = member_of(g, e->report.fingerprint);
    if (m->well && is_final(&e->report)) {
      e->state = ENTRY_WRITTEN;
      e->written_ms = now_ms;
    } else if (m->well || newer || m->fate == FATE_DROP) {
      remove_entry(r, i - 1);
    } else {
      e->state = ENTRY_NEW;
      e->sent = e->sent || m->fate == FATE_WRITE;
    }
  }
  pthread_cond_broadcast(&r->changed);
}

static bool reserve_unnoted(sync_reporter *r) {
  if (r->unnoted_count < r->unnoted_cap) {
    return true;
  }
  const size_t cap = r->unnoted_cap + AT_A_TIME;
  char(*unnoted)[BR_SHA256_HEX_MAX] =
      cap > UNNOTED_MAX ? NULL : br_realloc_array(r->unnoted, cap, sizeof *unnoted);
  if (unnoted == NULL) {
    return false;
  }
  r->unnoted = unnoted;
  r->unnoted_cap = cap;
  return true;
}

/* What does not fit is lost to the ledger: such an outcome may be reported once more, no harm. */
static void remember_written(sync_reporter *r, const group *g) {
  for (size_t i = 0; i < g->count; i++) {
    const member *m = &g->members[i];
    if (m->well && is_final(&m->report) && m->key[0] != '\0' && reserve_unnoted(r)) {
      memcpy(r->unnoted[r->unnoted_count++], m->key, sizeof m->key);
    }
  }
}

/* Tells the ledger what it was not told yet. */
static void note_reported(sync_reporter *r) {
  const char *keys[AT_A_TIME];
  br_error err = BR_ERROR_INIT;
  br_status st = r->unnoted_count > 0 ? sync_session_ensure(&r->session, &err) : BR_OK;
  while (st == BR_OK && r->unnoted_count > 0) {
    const size_t count = r->unnoted_count < AT_A_TIME ? r->unnoted_count : AT_A_TIME;
    for (size_t i = 0; i < count; i++) {
      keys[i] = r->unnoted[r->unnoted_count - count + i];
    }
    st = sync_ledger_reported(r->options.ledger, r->session.conn, keys, count, &err);
    r->unnoted_count -= st == BR_OK ? count : 0;
  }
  r->note_failures = st == BR_OK ? 0 : r->note_failures + 1;
  if (st != BR_OK) {
    br_log(BR_LOG_DEBUG, "ledger: %s", err.message);
    sync_session_close(&r->session);
    r->note_at_ms =
        br_clock_monotonic_ms() + sync_retry_delay_ms(r->note_failures, br_clock_monotonic_ns());
  }
}

uint64_t sync_reporter_due_ms(size_t count, uint64_t oldest_ms, bool stopping, uint64_t now_ms) {
  if (count >= AT_A_TIME) {
    return now_ms;
  }
  return count == 0 ? UINT64_MAX : oldest_ms + (stopping ? 0 : GATHER_MS);
}

/* Waits until something is due. false: there is nothing left to do and the end has come. */
static bool wait_for_work(sync_reporter *r, uint64_t not_before_ms) {
  for (;;) {
    uint64_t oldest = 0;
    const uint64_t now_ms = br_clock_monotonic_ms();
    const size_t count = unwritten(r, &oldest);
    if (r->stopping && (count == 0 || now_ms >= r->stop_by_ms)) {
      return false;
    }
    uint64_t due_ms = sync_reporter_due_ms(count, oldest, r->stopping, now_ms);
    if (due_ms < not_before_ms) {
      due_ms = not_before_ms;
    }
    if (r->unnoted_count > 0 && due_ms > r->note_at_ms) {
      due_ms = r->note_at_ms;
    }
    if (due_ms <= now_ms) {
      return true;
    }
    wait_until(r, due_ms - now_ms > LONGEST_WAIT_MS ? now_ms + LONGEST_WAIT_MS : due_ms);
  }
}

/* Asks the ledger about what is doubtful. A failure that it can't be asked about waits. */
static br_status sift(sync_reporter *r, group *g, br_error *err) {
  const char *keys[AT_A_TIME], *hashes[AT_A_TIME];
  bool untold[AT_A_TIME];
  size_t count = 0;
  for (size_t i = 0; i < g->count; i++) {
    if (g->members[i].doubtful) {
      keys[count] = g->members[i].key;
      hashes[count++] = g->members[i].hash;
    }
  }
  br_status st = count > 0 ? sync_session_ensure(&r->session, err) : BR_OK;
  st = st == BR_OK && count > 0 ? sync_ledger_untold(r->options.ledger, r->session.conn, keys,
                                                     hashes, count, untold, err)
                                : st;
  if (st != BR_OK) {
    sync_session_close(&r->session);
  }
  for (size_t i = 0, k = 0; i < g->count; i++) {
    if (g->members[i].doubtful) {
      g->members[i].fate = st != BR_OK ? FATE_WAIT : untold[k] ? FATE_WRITE : FATE_DROP;
      k++;
    }
  }
  return st;
}

static br_status write_members(sync_reporter *r, group *g, br_error *err) {
  sync_report reports[AT_A_TIME];
  member *members[AT_A_TIME];
  bool well[AT_A_TIME];
  size_t count = 0;
  for (size_t i = 0; i < g->count; i++) {
    if (g->members[i].fate == FATE_WRITE) {
      members[count] = &g->members[i];
      reports[count++] = g->members[i].report;
    }
  }
  br_status st = count == 0 ? BR_OK
                            : sync_queue_write_each(r->options.queue, reports, count,
                                                    r->options.blocked_as, r->cancel, well, err);
  for (size_t i = 0; i < count; i++) {
    members[i]->well = well[i];
  }
  return st;
}

/* What came of a group. */
typedef struct outcome {
  bool waits; /* something has to be tried again */
  bool soon; /* and need not fail again: some of it was written, or others' writes got in its way */
} outcome;

static bool any_well(const group *g) {
  bool any = false;
  for (size_t i = 0; i < g->count; i++) {
    any = any || g->members[i].well;
  }
  return any;
}

/* Writes what waits, and tells the ledger. */
static outcome write_group(sync_reporter *r, group *g) {
  br_error unasked = BR_ERROR_INIT, err = BR_ERROR_INIT;
  const bool asked = sift(r, g, &unasked) == BR_OK;
  br_status st = write_members(r, g, &err);
  remember_written(r, g);
  if (st != BR_OK) {
    br_log(BR_LOG_WARNING, "statuses could not be written and will be again: %s", err.message);
  }
  if (!asked) {
    br_log(BR_LOG_WARNING, "statuses wait, for the ledger can't be asked: %s", unasked.message);
  }
  if (br_clock_monotonic_ms() >= r->note_at_ms) {
    note_reported(r);
  }
  return (outcome){.waits = st != BR_OK || !asked,
                   .soon = asked && st != BR_OK && (any_well(g) || dbx_error_is_conflict(&err))};
}

static void *report(void *context) {
  sync_reporter *r = context;
  uint64_t not_before_ms = 0;
  unsigned failures = 0;
  group g;
  pthread_mutex_lock(&r->lock);
  while (wait_for_work(r, not_before_ms)) {
    g.count = 0;
    if (br_clock_monotonic_ms() >= not_before_ms) {
      take_group(r, &g);
    }
    pthread_mutex_unlock(&r->lock);
    const outcome what = write_group(r, &g);
    if (g.count > 0) {
      failures = !what.waits ? 0 : what.soon ? 1 : failures + 1;
      not_before_ms = !what.waits ? 0
                                  : br_clock_monotonic_ms() +
                                        sync_retry_delay_ms(failures, br_clock_monotonic_ns());
    }
    pthread_mutex_lock(&r->lock);
    settle_group(r, &g);
  }
  pthread_mutex_unlock(&r->lock);
  return NULL;
}

static void free_reporter(sync_reporter *r) {
  for (size_t i = 0; i < r->count; i++) {
    sync_report_done(&r->entries[i].report);
  }
  br_free(r->entries);
  br_free(r->unnoted);
  sync_session_close(&r->session);
  br_cancel_free(r->cancel);
  pthread_cond_destroy(&r->changed);
  pthread_mutex_destroy(&r->lock);
  br_free(r);
}

br_status sync_reporter_start(const sync_reporter_options *options, sync_reporter **ret_reporter,
                              br_error *err) {
  sync_reporter *r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  r->options = *options;
  r->session.options = options->sqlserver;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  br_status st = br_cancel_new(&r->cancel, err);
  r->session.cancel = r->cancel;
  int failed = st == BR_OK ? pthread_create(&r->thread, NULL, report, r) : 0;
  if (failed != 0) {
    st = br_error_errno(err, failed, "A thread could not be started");
  }
  if (st != BR_OK) {
    free_reporter(r);
    return st;
  }
  *ret_reporter = r;
  return BR_OK;
}

void sync_reporter_stop(sync_reporter *r, uint64_t timeout_ms) {
  if (r == NULL) {
    return;
  }
  pthread_mutex_lock(&r->lock);
  r->stopping = true;
  r->stop_by_ms = br_clock_monotonic_ms() + timeout_ms;
  pthread_cond_broadcast(&r->changed);
  pthread_mutex_unlock(&r->lock);
  if (!sync_reporter_drain(r, timeout_ms)) {
    br_cancel_request(r->cancel);
  }
  pthread_join(r->thread, NULL);
  free_reporter(r);
}
