#include "api/access.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "auth/failures.h"
#include "auth/rate.h"
#include "auth/reload.h"
#include "auth/throttle.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

/* How long an address is remembered as one that a user came from. */
enum { REMEMBERED = 4096, REMEMBER_MS = 15 * 60 * 1000 };
enum { LOOK_FOR_FILE_MS = 2000, ADDRESS_MAX = 64, PROXIES_MAX = 64 };

/* An address or a network, "10.0.0.0/8". */
typedef struct network {
  int family;
  uint8_t bytes[16];
  unsigned bits;
} network;

struct api_access {
  const settings *config;
  bool enabled, strict;
  auth_audit *audit;
  auth_throttle *throttle;
  auth_failures *failures;
  auth_rate *rate;
  network proxies[PROXIES_MAX];
  size_t proxy_count;
  /* Who came from where not long ago: a hash, and when. A later one takes the place. */
  uint64_t seed;
  struct {
    _Atomic uint64_t who, at_ms, audited_ms; /* audited_ms 0: not yet */
  } remembered[REMEMBERED];
  pthread_mutex_t lock;
  auth_reload *reload;             /* NULL: there is no file yet */
  uint64_t looked_ms;              /* for the file */
  char told[BR_ERROR_MESSAGE_MAX]; /* what was wrong with it when last looked at; "" = not there */
};

/* ---- addresses ---- */

static bool parse_address(const char *text, network *ret_network) {
  network n = {.family = AF_INET, .bits = 32};
  if (inet_pton(AF_INET, text, n.bytes) != 1) {
    n = (network){.family = AF_INET6, .bits = 128};
    if (inet_pton(AF_INET6, text, n.bytes) != 1) {
      return false;
    }
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(n.bytes, mapped, sizeof mapped) == 0) {
      memmove(n.bytes, n.bytes + 12, 4);
      n.family = AF_INET;
      n.bits = 32;
    }
  }
  *ret_network = n;
  return true;
}

static bool parse_network(const char *text, size_t length, network *ret_network) {
  char copy[ADDRESS_MAX];
  if (length >= sizeof copy) {
    return false;
  }
  (void)snprintf(copy, sizeof copy, "%.*s", (int)length, text);
  char *slash = strchr(copy, '/');
  uint64_t bits = UINT64_MAX;
  if (slash != NULL) {
    *slash = '\0';
    if (br_text_u64(slash + 1, 128, &bits, NULL) != BR_OK) {
      return false;
    }
  }
  if (!parse_address(copy, ret_network) || (slash != NULL && bits > ret_network->bits)) {
    return false;
  }
  ret_network->bits = slash == NULL ? ret_network->bits : (unsigned)bits;
  return true;
}

static bool in_network(const network *n, const network *address) {
  if (n->family != address->family) {
    return false;
  }
  const size_t whole = n->bits / 8;
  const unsigned rest = n->bits % 8;
  return memcmp(n->bytes, address->bytes, whole) == 0 &&
         (rest == 0 || ((n->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0);
}

static bool is_proxy(const api_access *access, const char *text) {
  network address;
  if (!parse_address(text, &address)) {
    return strcmp(text, "unix") == 0 && access->proxy_count > 0;
  }
  for (size_t i = 0; i < access->proxy_count; i++) {
    if (in_network(&access->proxies[i], &address)) {
      return true;
    }
  }
  return false;
}

static br_status load_proxies(api_access *access, br_error *err) {
  const char *text = settings_get(access->config, SETTING_TRUSTED_PROXIES);
  while (*text != '\0') {
    text += strspn(text, ", ");
    const size_t length = strcspn(text, ", ");
    if (length == 0) {
      break;
    }
    if (access->proxy_count == PROXIES_MAX ||
        !parse_network(text, length, &access->proxies[access->proxy_count])) {
      return br_error_set(err, BR_ERR_DATA,
                          "TRUSTED_PROXIES: '%.*s' is no address or network (192.0.2.1, "
                          "10.0.0.0/8; at most %d)",
                          (int)length, text, (int)PROXIES_MAX);
    }
    access->proxy_count++;
    text += length;
  }
  return BR_OK;
}

/* From the right: the last address that no trusted proxy stands for. */
static void walk_proxies(const api_access *access, const char *list, char *address) {
  size_t end = strlen(list);
  while (end > 0 && is_proxy(access, address)) {
    size_t start = end;
    while (start > 0 && list[start - 1] != ',') {
      start--;
    }
    const char *item = list + start;
    size_t length = end - start;
    for (; length > 0 && (*item == ' ' || *item == '\t'); item++) {
      length--;
    }
    while (length > 0 && (item[length - 1] == ' ' || item[length - 1] == '\t')) {
      length--;
    }
    network parsed;
    if (!parse_network(item, length, &parsed) || memchr(item, '/', length) != NULL) {
      return;
    }
    (void)snprintf(address, ADDRESS_MAX, "%.*s", (int)length, item);
    end = start == 0 ? 0 : start - 1;
  }
}

/* A proxy appends to the line that it finds or adds one of its own: all count, the last one first.
 * Without memory for them the proxy itself is who asks. */
void api_access_source(const api_access *access, const http_request *request, char *address) {
  char *list = NULL;
  (void)snprintf(address, ADDRESS_MAX, "%s", http_request_peer(request));
  if (is_proxy(access, address) &&
      http_request_header_list(request, "X-Forwarded-For", &list, NULL) == BR_OK && list != NULL) {
    walk_proxies(access, list, address);
    br_free(list);
  }
}

/* ---- permissions ---- */

static void on_reload(void *context, auth_reload_outcome outcome, const char *message) {
  (void)context;
  switch (outcome) {
  case AUTH_RELOADED:
    br_log(BR_LOG_INFO, "the permissions were read anew");
    break;
  case AUTH_RELOAD_REFUSED:
    br_log(BR_LOG_ERROR, "the last good permissions stay in force: %s", message);
    break;
  case AUTH_RELOAD_MISSING:
    br_log(BR_LOG_WARNING, "the last permissions stay in force: %s", message);
    break;
  case AUTH_RELOAD_UNWATCHED:
    br_log(BR_LOG_WARNING, "%s", message);
    break;
  }
}

static void log_warnings(auth_reload *reload) {
  auth_permissions *p = auth_reload_current(reload);
  for (size_t i = 0; i < auth_permissions_warnings(p); i++) {
    br_log(BR_LOG_WARNING, "%s", auth_permissions_warning(p, i));
  }
  auth_permissions_unref(p);
}

/* Under the lock. */
static br_status look_for_file(api_access *access, br_error *err) {
  const auth_reload_options options = {
      .path = settings_get(access->config, SETTING_PERMISSIONS_FILE),
      .strict = access->strict,
      .watch = settings_bool(access->config, SETTING_PERMISSIONS_HOT_RELOAD),
      .report = on_reload,
  };
  access->looked_ms = br_clock_monotonic_ms();
  br_status st = auth_reload_start(&options, &access->reload, err);
  if (st == BR_OK) {
    log_warnings(access->reload);
  }
  return st;
}

static br_status first_look(api_access *access, br_error *err) {
  br_status st = look_for_file(access, err);
  if (st != BR_ERR_NOT_FOUND) {
    return st;
  }
  br_error_clear(err);
  if (access->enabled) {
    br_log(BR_LOG_WARNING, "%s; looked for %s", api_access_hint(access),
           settings_get(access->config, SETTING_PERMISSIONS_FILE));
  }
  return BR_OK;
}

/* A problem is told once, until another takes its place or the file goes. Under the lock. */
static void look_again(api_access *access) {
  br_error err = BR_ERROR_INIT;
  br_status st = look_for_file(access, &err);
  if (st == BR_OK) {
    br_log(BR_LOG_INFO, "the permissions are there now");
  } else if (st != BR_ERR_NOT_FOUND && strcmp(access->told, err.message) != 0) {
    br_log(BR_LOG_ERROR, "%s", err.message);
  }
  const bool wrong = st != BR_OK && st != BR_ERR_NOT_FOUND;
  (void)snprintf(access->told, sizeof access->told, "%s", wrong ? err.message : "");
}

auth_permissions *api_access_current(api_access *access) {
  auth_permissions *found = NULL;
  pthread_mutex_lock(&access->lock);
  if (access->reload == NULL && br_clock_monotonic_ms() - access->looked_ms >= LOOK_FOR_FILE_MS &&
      settings_bool(access->config, SETTING_PERMISSIONS_HOT_RELOAD)) {
    look_again(access);
  }
  if (access->reload != NULL) {
    found = auth_reload_current(access->reload);
  }
  pthread_mutex_unlock(&access->lock);
  return found;
}

const char *api_access_hint(api_access *access) {
  pthread_mutex_lock(&access->lock);
  const bool there = access->reload != NULL;
  const bool wrong = access->told[0] != '\0';
  pthread_mutex_unlock(&access->lock);
  return there   ? NULL
         : wrong ? "The permissions file (PERMISSIONS_FILE) can't be used; the log says why"
                 : "There is no permissions file (PERMISSIONS_FILE), so no token is known: "
                   "'sql-databricks-bridge token new' makes one and the lines for the file";
}

/* ---- the whole ---- */

static br_status open_audit(api_access *access, br_error *err) {
  char *path = NULL;
  br_status st = auth_audit_path(access->config, &path, err);
  st = st == BR_OK ? auth_audit_open(path, &access->audit, err) : st;
  br_free(path);
  return st;
}

br_status api_access_new(const settings *config, api_access **ret_access, br_error *err) {
  api_access *access = br_calloc(1, sizeof *access);
  if (access == NULL) {
    return br_error_nomem(err);
  }
  br_error local = BR_ERROR_INIT;
  err = err == NULL ? &local : err;
  access->config = config;
  access->enabled = settings_bool(config, SETTING_AUTH_ENABLED);
  access->strict = settings_strict(config);
  pthread_mutex_init(&access->lock, NULL);
  br_status st = load_proxies(access, err);
  st = st == BR_OK ? br_random(&access->seed, sizeof access->seed, err) : st;
  st = st == BR_OK ? auth_throttle_new(NULL, &access->throttle, err) : st;
  st = st == BR_OK ? auth_failures_new(NULL, &access->failures, err) : st;
  st = st == BR_OK ? auth_rate_new(settings_u64(config, SETTING_HTTP_REQUESTS_PER_MINUTE),
                                   &access->rate, err)
                   : st;
  st = st == BR_OK ? open_audit(access, err) : st;
  st = st == BR_OK ? first_look(access, err) : st;
  if (st != BR_OK) {
    api_access_free(access);
    return st;
  }
  if (!access->enabled) {
    br_log(BR_LOG_WARNING, "AUTH_ENABLED is false: everybody may do everything");
  }
  *ret_access = access;
  return BR_OK;
}

void api_access_free(api_access *access) {
  if (access == NULL) {
    return;
  }
  auth_reload_stop(access->reload);
  if (access->audit != NULL) {
    api_access_tell_failures(access, true);
  }
  auth_failures_free(access->failures);
  auth_throttle_free(access->throttle);
  auth_rate_free(access->rate);
  auth_audit_close(access->audit);
  pthread_mutex_destroy(&access->lock);
  br_free(access);
}

void api_access_reload(api_access *access) {
  br_error err = BR_ERROR_INIT;
  if (auth_audit_reopen(access->audit, &err) != BR_OK) {
    br_log(BR_LOG_ERROR, "%s", err.message);
  }
  pthread_mutex_lock(&access->lock);
  const bool there = access->reload != NULL;
  br_status st = there ? auth_reload_now(access->reload, &err) : look_for_file(access, &err);
  pthread_mutex_unlock(&access->lock);
  if (!there && st != BR_OK && st != BR_ERR_NOT_FOUND) { /* a reload reports by itself */
    br_log(BR_LOG_ERROR, "%s", err.message);
  }
}

bool api_access_strict(const api_access *access) {
  return access->strict;
}

bool api_access_enabled(const api_access *access) {
  return access->enabled;
}

const char *api_bearer(const char *authorization) {
  char scheme[8] = "";
  if (authorization == NULL) {
    return NULL;
  }
  (void)snprintf(scheme, sizeof scheme, "%.7s", authorization);
  if (!br_text_equal_nocase(scheme, "bearer ")) {
    return NULL;
  }
  authorization += strlen(scheme);
  authorization += strspn(authorization, " ");
  return *authorization == '\0' ? NULL : authorization;
}

/* FNV-1a, seeded: nobody outside can choose users or addresses that share a place. */
static uint64_t hash_of(const api_access *access, const auth_user *user, const char *source_ip) {
  const char *const texts[] = {auth_user_name(user), source_ip};
  uint64_t hash = 14695981039346656037ULL ^ access->seed;
  for (size_t i = 0; i < 2; i++) {
    for (const char *c = texts[i];; c++) {
      hash = (hash ^ (uint8_t)*c) * 1099511628211ULL;
      if (*c == '\0') {
        break;
      }
    }
  }
  return hash;
}

static bool is_remembered(const api_access *access, uint64_t who) {
  const size_t at = who % REMEMBERED;
  return atomic_load(&access->remembered[at].who) == who &&
         br_clock_monotonic_ms() - atomic_load(&access->remembered[at].at_ms) < REMEMBER_MS;
}

static void remember(api_access *access, uint64_t who) {
  const size_t at = who % REMEMBERED;
  if (atomic_exchange(&access->remembered[at].who, who) != who) {
    atomic_store(&access->remembered[at].audited_ms, 0);
  }
  atomic_store(&access->remembered[at].at_ms, br_clock_monotonic_ms());
}

/* The file may know only its hash: from now on redaction knows the token too, wherever the client
 * puts it. */
static void learn_token(const char *token) {
  br_secret *secret = NULL;
  if (br_secret_new(token, &secret, NULL) == BR_OK) {
    br_secret_free(secret);
  }
}

api_identity api_access_identify(api_access *access, const http_request *request,
                                 const char *source_ip, api_caller *ret_caller,
                                 uint64_t *ret_wait_ms) {
  *ret_caller = (api_caller){.everything = !access->enabled};
  if (!access->enabled) {
    return API_IDENTITY_KNOWN;
  }
  *ret_wait_ms = auth_throttle_wait_ms(access->throttle, source_ip);
  const char *token = api_bearer(http_request_header(request, "Authorization"));
  if (token == NULL) {
    return API_IDENTITY_UNKNOWN; /* nothing was tried */
  }
  ret_caller->permissions = api_access_current(access);
  const auth_user *user =
      ret_caller->permissions == NULL ? NULL : auth_user_of_token(ret_caller->permissions, token);
  const uint64_t who = user == NULL ? 0 : hash_of(access, user, source_ip);
  /* Failures of others behind the same address don't shut out who has been here before. */
  if (*ret_wait_ms > 0 && (user == NULL || !is_remembered(access, who))) {
    return API_IDENTITY_WAIT;
  }
  if (user == NULL) {
    auth_throttle_failed(access->throttle, source_ip);
    return API_IDENTITY_UNKNOWN;
  }
  if (!is_remembered(access, who)) {
    learn_token(token);
  }
  if (*ret_wait_ms == 0 && !is_remembered(access, who)) {
    auth_throttle_succeeded(access->throttle, source_ip);
  }
  ret_caller->user = user;
  remember(access, who);
  return API_IDENTITY_KNOWN;
}

uint64_t api_access_take(api_access *access, const api_caller *caller, const char *source_ip) {
  return caller->user != NULL ? auth_rate_take_user(access->rate, auth_user_name(caller->user))
                              : auth_rate_take_address(access->rate, source_ip);
}

/* Its place may have been taken by somebody else: then there is a line more. */
bool api_access_login_is_due(api_access *access, const api_caller *caller, const char *source_ip) {
  const uint64_t interval_ms = 1000 * settings_u64(access->config, SETTING_AUDIT_LOGIN_SECONDS);
  const size_t at = hash_of(access, caller->user, source_ip) % REMEMBERED;
  const uint64_t now_ms = br_clock_monotonic_ms();
  uint64_t audited_ms = atomic_load(&access->remembered[at].audited_ms);
  if (audited_ms != 0 && now_ms - audited_ms < interval_ms) {
    return false;
  }
  /* Of many requests at a time one writes the line. */
  return interval_ms == 0 || atomic_compare_exchange_strong(&access->remembered[at].audited_ms,
                                                            &audited_ms, now_ms == 0 ? 1 : now_ms);
}

void api_access_login_was_lost(api_access *access, const api_caller *caller,
                               const char *source_ip) {
  const size_t at = hash_of(access, caller->user, source_ip) % REMEMBERED;
  atomic_store(&access->remembered[at].audited_ms, 0);
}

bool api_access_failure_is_due(api_access *access, const char *source_ip) {
  return settings_u64(access->config, SETTING_AUDIT_LOGIN_SECONDS) == 0 ||
         auth_failures_note(access->failures, source_ip);
}

void api_access_failure_was_lost(api_access *access, const char *source_ip) {
  auth_failures_sum one = {.count = 1};
  (void)snprintf(one.address, sizeof one.address, "%s", source_ip);
  auth_failures_give_back(access->failures, &one);
}

void api_access_tell_failures(api_access *access, bool everything) {
  auth_failures_sum sum;
  br_error err = BR_ERROR_INIT;
  while (auth_failures_take(access->failures, everything, &sum)) {
    const auth_audit_detail details[] = {{.name = "count", .number = (int64_t)sum.count}};
    const auth_audit_record record = {
        .event = AUTH_AUDIT_AUTH_FAILURE,
        .source_ip = sum.others ? NULL : sum.address,
        .action = "more",
        .status = "failure",
        .details = details,
        .detail_count = 1,
    };
    if (auth_audit_write(access->audit, &record, &err) != BR_OK) {
      br_log(BR_LOG_ERROR, "%s", err.message);
      auth_failures_give_back(access->failures, &sum);
      return;
    }
  }
}

void api_caller_done(api_caller *caller) {
  auth_permissions_unref(caller->permissions);
  *caller = (api_caller){.permissions = NULL};
}

const char *api_caller_name(const api_caller *caller) {
  return caller->user == NULL ? NULL : auth_user_name(caller->user);
}

bool api_may(const api_caller *caller, const char *table, unsigned access) {
  return caller->everything ||
         (caller->user != NULL && (auth_rights_on(caller->user, table).access & access) == access);
}

bool api_may_all(const api_caller *caller, unsigned access) {
  bool may = caller->everything;
  for (size_t i = 0; caller->user != NULL && i < auth_user_rules(caller->user); i++) {
    const auth_rights rule = auth_user_rule(caller->user, i);
    if (strcmp(rule.rule, "*") == 0) {
      may = (rule.access & access) == access; /* the last one counts */
    }
  }
  return may;
}

bool api_may_any(const api_caller *caller, unsigned access) {
  bool may = caller->everything;
  for (size_t i = 0; !may && caller->user != NULL && i < auth_user_rules(caller->user); i++) {
    may = (auth_user_rule(caller->user, i).access & access) == access;
  }
  return may;
}

br_status api_access_audit(api_access *access, const auth_audit_record *record, br_error *err) {
  br_error why = BR_ERROR_INIT;
  if (auth_audit_write(access->audit, record, &why) == BR_OK) {
    return BR_OK;
  }
  br_log(BR_LOG_ERROR, "%s", why.message);
  return access->strict ? br_error_set(err, BR_ERR_IO, "The audit can't be written") : BR_OK;
}
