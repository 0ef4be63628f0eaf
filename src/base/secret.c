/*
 * Secrets, and the redaction that keeps them out of logs.
 *
 * A registered secret is looked for in three ways at every place of a text:
 *  - byte by byte, where each byte may stand for itself or be written as %XX (URLs), + (a blank in
 *    a form), a JSON escape or both: that covers the raw and every URL-encoded form;
 *  - byte by byte as two hex digits;
 *  - as base64 (both alphabets), in its three alignments. A secret in the middle of a longer value
 *    ("user:password") starts at bit 0, 8 or 16 of a group of 24: the digits that it determines
 *    alone are the pattern, the digits it shares with its neighbours are blotted out with it.
 *
 * API tokens are known by their form too: the service keeps only their hashes.
 */
#include "base/secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
  SHORTEST_LOOKED_FOR = 4,
  SHORTEST_CUT = 6, /* bytes of a secret that the end of a text cuts off */
  ALIGNMENTS = 3,
  LONGEST_SECRET = 1024 * 1024,
  TOKEN_DIGITS = 43, /* behind the prefix of an API token */
};
static const char token_prefix[] = "sdb_";

/* A text that the secret has or had: who revealed an older one may still be using it. */
typedef struct version {
  struct version *older;
  uint64_t number;
  size_t length;
  char text[];
} version;

struct br_secret {
  atomic_size_t references;
  bool passing;
  _Atomic(version *) current;
};

typedef struct base64_pattern {
  char *digits;
  size_t length;
  bool shared_before; /* the digit in front has bits of the secret too */
  bool shared_behind; /* so has the digit behind */
} base64_pattern;

/* What redaction knows of one secret. */
typedef struct registered {
  struct registered *next;
  base64_pattern base64[ALIGNMENTS];
  size_t length;
  char *text;
  bool passing;   /* nobody registered it for good */
  size_t holders; /* of a passing one; 0: it is kept for a while */
} registered;

static pthread_rwlock_t registry_lock = PTHREAD_RWLOCK_INITIALIZER;
static registered *registry; /* in front: the newest, and what passed last */

static void free_wiped(char *text, size_t length) {
  br_wipe(text, length);
  br_free(text);
}

static void registered_free(registered *entry) {
  for (size_t i = 0; i < ALIGNMENTS; i++) {
    free_wiped(entry->base64[i].digits, entry->base64[i].length);
  }
  free_wiped(entry->text, entry->length);
  br_free(entry);
}

static br_status make_base64(const char *text, size_t length, size_t alignment,
                             base64_pattern *ret_pattern, br_error *err) {
  char *padded = br_calloc(1, alignment + length);
  if (padded == NULL) {
    return br_error_nomem(err);
  }
  memcpy(padded + alignment, text, length);
  br_buf encoded;
  br_buf_init(&encoded, SIZE_MAX);
  br_status st = br_base64_encode((const uint8_t *)padded, alignment + length, &encoded, err);
  free_wiped(padded, alignment + length);
  if (st != BR_OK) {
    return st;
  }
  /* Digits whose six bits all belong to the secret. */
  size_t first = (alignment * 8 + 5) / 6;
  size_t end = (alignment + length) * 8 / 6;
  ret_pattern->digits = br_strndup((const char *)encoded.data + first, end - first);
  ret_pattern->length = end - first;
  ret_pattern->shared_before = alignment * 8 % 6 != 0;
  ret_pattern->shared_behind = (alignment + length) * 8 % 6 != 0;
  br_wipe(encoded.data, encoded.len);
  br_buf_done(&encoded);
  if (ret_pattern->digits == NULL) {
    ret_pattern->length = 0;
    return br_error_nomem(err);
  }
  return BR_OK;
}

static br_status registered_new(const char *text, size_t length, registered **ret_entry,
                                br_error *err) {
  registered *entry = br_calloc(1, sizeof *entry);
  if (entry == NULL) {
    return br_error_nomem(err);
  }
  entry->text = br_strndup(text, length);
  entry->length = entry->text == NULL ? 0 : length;
  br_status st = entry->text == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t i = 0; i < ALIGNMENTS && st == BR_OK; i++) {
    st = make_base64(text, length, i, &entry->base64[i], err);
  }
  if (st != BR_OK) {
    registered_free(entry);
    return st;
  }
  *ret_entry = entry;
  return BR_OK;
}

/* Where the entry hangs, NULL: there is none. The lock is held. */
static registered **find_registered(const char *text, size_t length) {
  registered **at = &registry;
  while (*at != NULL && ((*at)->length != length || memcmp((*at)->text, text, length) != 0)) {
    at = &(*at)->next;
  }
  return at;
}

/* The entry is made outside of the lock: an error in words reads the registry. */
static br_status register_secret(const char *text, size_t length, bool passing, br_error *err) {
  if (length < SHORTEST_LOOKED_FOR) {
    return BR_OK;
  }
  registered *entry = NULL;
  br_status st = registered_new(text, length, &entry, err);
  if (st != BR_OK) {
    return st;
  }
  (void)pthread_rwlock_wrlock(&registry_lock);
  registered *known = *find_registered(text, length);
  if (known == NULL) {
    known = entry;
    known->passing = passing;
    known->next = registry;
    registry = known;
    entry = NULL;
  }
  known->passing = known->passing && passing;
  known->holders += passing;
  (void)pthread_rwlock_unlock(&registry_lock);
  if (entry != NULL) {
    registered_free(entry);
  }
  return BR_OK;
}

/* The oldest of those that have passed, taken out where there are too many; NULL: there are not. */
static registered *take_passed(void) {
  size_t passed = 0;
  registered **oldest = NULL;
  for (registered **at = &registry; *at != NULL; at = &(*at)->next) {
    if ((*at)->passing && (*at)->holders == 0) {
      passed++;
      oldest = at;
    }
  }
  if (passed <= BR_SECRETS_PASSED) {
    return NULL;
  }
  registered *entry = *oldest;
  *oldest = entry->next;
  return entry;
}

static void let_pass(const char *text, size_t length) {
  (void)pthread_rwlock_wrlock(&registry_lock);
  registered **at = find_registered(text, length);
  registered *known = *at;
  if (known != NULL && known->holders > 0 && --known->holders == 0) {
    *at = known->next; /* to the front: of those that passed it is the newest */
    known->next = registry;
    registry = known;
  }
  registered *entry = take_passed();
  (void)pthread_rwlock_unlock(&registry_lock);
  if (entry != NULL) {
    registered_free(entry);
  }
}

static br_status version_new(const char *text, bool passing, version **ret_version, br_error *err) {
  size_t length = strlen(text);
  if (length > LONGEST_SECRET) {
    return br_error_set(err, BR_ERR_LIMIT, "A secret is longer than %d bytes", (int)LONGEST_SECRET);
  }
  version *v = br_malloc(sizeof *v + length + 1);
  if (v == NULL) {
    return br_error_nomem(err);
  }
  *v = (version){.length = length};
  memcpy(v->text, text, length + 1);
  br_status st = register_secret(text, length, passing, err);
  if (st != BR_OK) {
    br_wipe(v->text, length);
    br_free(v);
    return st;
  }
  *ret_version = v;
  return BR_OK;
}

static br_status secret_new(const char *text, bool passing, br_secret **ret_secret, br_error *err) {
  version *first = NULL;
  br_status st = version_new(text, passing, &first, err);
  if (st != BR_OK) {
    return st;
  }
  br_secret *secret = br_calloc(1, sizeof *secret);
  if (secret == NULL) {
    if (passing) {
      let_pass(first->text, first->length);
    }
    br_wipe(first->text, first->length);
    br_free(first);
    return br_error_nomem(err);
  }
  secret->passing = passing;
  atomic_init(&secret->references, 1);
  atomic_init(&secret->current, first);
  *ret_secret = secret;
  return BR_OK;
}

br_status br_secret_new(const char *text, br_secret **ret_secret, br_error *err) {
  return secret_new(text, false, ret_secret, err);
}

br_status br_secret_new_passing(const char *text, br_secret **ret_secret, br_error *err) {
  return secret_new(text, true, ret_secret, err);
}

br_status br_secret_copy(const br_secret *secret, br_secret **ret_secret, br_error *err) {
  if (secret == NULL) {
    return br_secret_new("", ret_secret, err);
  }
  br_secret *shared = (br_secret *)secret;
  (void)atomic_fetch_add(&shared->references, 1);
  *ret_secret = shared;
  return BR_OK;
}

br_status br_secret_replace(br_secret *secret, const char *text, br_error *err) {
  version *next = NULL;
  br_status st = version_new(text, secret->passing, &next, err);
  if (st != BR_OK) {
    return st;
  }
  next->older = atomic_load(&secret->current);
  next->number = next->older->number + 1;
  atomic_store(&secret->current, next);
  return BR_OK;
}

void br_secret_free(br_secret *secret) {
  if (secret == NULL || atomic_fetch_sub(&secret->references, 1) > 1) {
    return;
  }
  version *v = atomic_load(&secret->current);
  while (v != NULL) {
    version *older = v->older;
    if (secret->passing) {
      let_pass(v->text, v->length);
    }
    br_wipe(v->text, v->length);
    br_free(v);
    v = older;
  }
  br_free(secret);
}

const char *br_secret_reveal(const br_secret *secret) {
  return secret == NULL ? "" : atomic_load(&secret->current)->text;
}

uint64_t br_secret_version(const br_secret *secret) {
  return secret == NULL ? 0 : atomic_load(&secret->current)->number;
}

bool br_secret_empty(const br_secret *secret) {
  return secret == NULL || atomic_load(&secret->current)->length == 0;
}

size_t br_secret_count(void) {
  size_t count = 0;
  (void)pthread_rwlock_rdlock(&registry_lock);
  for (const registered *entry = registry; entry != NULL; entry = entry->next) {
    count++;
  }
  (void)pthread_rwlock_unlock(&registry_lock);
  return count;
}

void br_secret_forget_all(void) {
  (void)pthread_rwlock_wrlock(&registry_lock);
  while (registry != NULL) {
    registered *next = registry->next;
    registered_free(registry);
    registry = next;
  }
  (void)pthread_rwlock_unlock(&registry_lock);
}

/* count hex digits at text as a number, or -1. */
static int hex_number(const char *text, int count) {
  int number = 0;
  for (int i = 0; i < count; i++) {
    int digit = br_hex_digit(text[i]);
    if (digit < 0) {
      return -1;
    }
    number = number * 16 + digit;
  }
  return number;
}

/* Bytes of text at p that write `byte` with a JSON escape, or 0. */
static size_t json_escape_length(const char *p, unsigned char byte) {
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  if (p[1] == 'u') {
    return hex_number(p + 2, 4) == byte ? 6 : 0;
  }
  const char *letter = p[1] == '\0' ? NULL : strchr(letters, p[1]);
  return letter != NULL && (unsigned char)meanings[letter - letters] == byte ? 2 : 0;
}

/* The ways in which a byte may be written. A backslash or a percent sign may begin an escape or be
 * itself, so a text is compared as a whole under each set of ways. */
enum { WAY_PERCENT = 1, WAY_JSON = 2, WAYS_ALL = 3 };

/* Bytes of text at p that write `byte` in one of the ways, or 0. */
static size_t written_length(const char *p, unsigned char byte, unsigned ways) {
  if ((ways & WAY_PERCENT) != 0 && *p == '%' && hex_number(p + 1, 2) == byte) {
    return 3;
  }
  if ((ways & WAY_JSON) != 0 && *p == '\\') {
    size_t escape = json_escape_length(p, byte);
    if (escape > 0) {
      return escape;
    }
  }
  bool blank_as_plus = (ways & WAY_PERCENT) != 0 && *p == '+' && byte == ' ';
  return (unsigned char)*p == byte || blank_as_plus ? 1 : 0;
}

/* The text ends at p, or in the middle of an escape there that may be that of `byte`. */
static bool is_cut(const char *p, unsigned char byte, unsigned ways) {
  const size_t left = strnlen(p, 6);
  if ((ways & WAY_PERCENT) != 0 && *p == '%') {
    return left == 1 || (left == 2 && br_hex_digit(p[1]) == byte >> 4);
  }
  if ((ways & WAY_JSON) != 0 && *p == '\\') {
    return left == 1 || (left < 6 && p[1] == 'u');
  }
  return left == 0;
}

/* Length of the secret's text at p, written in the ways given, or 0. cut: the text may end before
 * the secret does. */
static size_t match_written(const char *p, const registered *entry, unsigned ways, bool cut) {
  const char *start = p;
  for (size_t i = 0; i < entry->length; i++) {
    size_t n = written_length(p, (unsigned char)entry->text[i], ways);
    if (n == 0) {
      const bool known = cut && i >= SHORTEST_CUT && is_cut(p, (unsigned char)entry->text[i], ways);
      return known ? (size_t)(p - start) + strlen(p) : 0;
    }
    p += n;
  }
  return (size_t)(p - start);
}

static size_t match_hex(const char *p, const registered *entry, bool cut) {
  const char *start = p;
  for (size_t i = 0; i < entry->length; i++, p += 2) {
    if (hex_number(p, 2) != (unsigned char)entry->text[i]) {
      const size_t left = strnlen(p, 2);
      return cut && left < 2 && i >= SHORTEST_CUT ? (size_t)(p - start) + left : 0;
    }
  }
  return (size_t)(p - start);
}

/* Length of the secret's text at p, raw or encoded, or 0. */
static size_t match_text(const char *p, const registered *entry, bool cut) {
  size_t longest = match_hex(p, entry, cut);
  for (unsigned ways = 0; ways <= WAYS_ALL; ways++) {
    size_t n = match_written(p, entry, ways, cut);
    longest = n > longest ? n : longest;
  }
  return longest;
}

static char standard_digit(char c) {
  return (char)(c == '-' ? '+' : c == '_' ? '/' : c);
}

static bool is_base64_digit(char c) {
  c = standard_digit(c);
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

/* Length of a base64 form at p with the digit and padding behind it, or 0. */
static size_t match_base64(const char *p, const base64_pattern *pattern, bool cut) {
  for (size_t i = 0; i < pattern->length; i++) {
    if (standard_digit(p[i]) != pattern->digits[i]) {
      return cut && p[i] == '\0' && i >= SHORTEST_CUT * 4 / 3 ? i : 0;
    }
  }
  size_t length = pattern->length;
  if (pattern->shared_behind && is_base64_digit(p[length])) {
    length++;
  }
  while (p[length] == '=') {
    length++;
  }
  return length;
}

/* Length of an API token at p, or 0. */
static size_t match_token(const char *p, bool cut) {
  if (strncmp(p, token_prefix, sizeof token_prefix - 1) != 0) {
    return 0;
  }
  size_t digits = 0;
  const char *start = p + sizeof token_prefix - 1;
  while (start[digits] != '+' && start[digits] != '/' && is_base64_digit(start[digits])) {
    digits++;
  }
  const bool whole = digits >= TOKEN_DIGITS || (cut && start[digits] == '\0' && digits > 0);
  return whole ? sizeof token_prefix - 1 + digits : 0;
}

/* The longest form of any secret of the list at p; *ret_before is set where the byte in front goes
 * with it. */
static size_t longest_match(const char *p, const registered *first, bool cut, bool *ret_before) {
  size_t longest = match_token(p, cut);
  for (const registered *entry = first; entry != NULL; entry = entry->next) {
    size_t n = match_text(p, entry, cut);
    longest = n > longest ? n : longest;
    for (size_t i = 0; i < ALIGNMENTS; i++) {
      n = match_base64(p, &entry->base64[i], cut);
      longest = n > longest ? n : longest;
      *ret_before = *ret_before || (n > 0 && entry->base64[i].shared_before);
    }
  }
  return longest;
}

/* Overlapping finds become one run of asterisks: within a find the search goes on at every byte. */
static void redact(char *text, const registered *first, bool cut) {
  static const char stars[] = "***";
  size_t from = 0;
  size_t to = 0;
  while (text[from] != '\0') {
    bool before = false;
    size_t end = from + longest_match(text + from, first, cut, &before);
    if (end == from) {
      text[to++] = text[from++];
      continue;
    }
    if (before && to > 0 && is_base64_digit(text[to - 1])) {
      to--;
    }
    for (from++; from < end; from++) {
      size_t further = from + longest_match(text + from, first, cut, &before);
      end = further > end ? further : end;
    }
    memcpy(text + to, stars, sizeof stars - 1);
    to += sizeof stars - 1;
  }
  text[to] = '\0';
}

void br_secret_redact(char *text) {
  (void)pthread_rwlock_rdlock(&registry_lock);
  redact(text, registry, false);
  (void)pthread_rwlock_unlock(&registry_lock);
}

void br_secret_redact_cut(char *text) {
  (void)pthread_rwlock_rdlock(&registry_lock);
  redact(text, registry, true);
  (void)pthread_rwlock_unlock(&registry_lock);
}

size_t br_secret_excerpt(char *out, size_t most, const char *text, size_t length) {
  /* Behind what is shown: enough to know a secret that begins at its end. */
  enum { AHEAD = 64, LONGEST_ESCAPE = 6, UNSURE = LONGEST_ESCAPE * SHORTEST_CUT };
  static const char dots[] = "…";
  char copy[BR_EXCERPT_MAX + AHEAD + 1];
  most = most < BR_EXCERPT_MAX ? most : BR_EXCERPT_MAX;
  const size_t looked = br_utf8_cut(text, length, most + AHEAD);
  for (size_t i = 0; i < looked; i++) {
    copy[i] = (char)(text[i] == '\0' ? '?' : text[i]);
  }
  copy[looked] = '\0';
  br_utf8_repair(copy);
  if (looked < length) {
    br_secret_redact_cut(copy);
  } else {
    br_secret_redact(copy);
  }
  /* Redaction shortens: the end of what was looked at, where too little of a secret may stand to
   * know it, must not come into view. */
  const size_t left = strlen(copy);
  const size_t sure = looked == length ? left : left > UNSURE ? left - UNSURE : 0;
  const size_t shown = br_utf8_cut(copy, left, most < sure ? most : sure);
  const bool more = looked < length || shown < left;
  memcpy(out, copy, shown);
  memcpy(out + shown, more ? dots : "", more ? sizeof dots : 1);
  return shown + (more ? sizeof dots - 1 : 0);
}

void br_secret_redact_also(char *text, const char *secret) {
  registered *entry = NULL;
  if (strlen(secret) < SHORTEST_LOOKED_FOR) {
    return;
  }
  if (registered_new(secret, strlen(secret), &entry, NULL) != BR_OK) {
    text[0] = '\0';
    return;
  }
  redact(text, entry, true);
  registered_free(entry);
}
