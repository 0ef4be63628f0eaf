#include "sandbox/fault.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { RULES_MAX = 64, MATCH_MAX = 128, METHOD_MAX = 16, RULE_TEXT_MAX = 512 };

static const struct {
  const char *name;
  bool wants_value;
} actions[SANDBOX_FAULT_COUNT] = {
    [SANDBOX_FAULT_REST_STATUS] = {"rest.status", true},
    [SANDBOX_FAULT_REST_CUT_UPLOAD] = {"rest.cut_upload", true},
    [SANDBOX_FAULT_REST_CUT_REPLY] = {"rest.cut_reply", true},
    [SANDBOX_FAULT_REST_HANG_UP] = {"rest.hang_up", false},
    [SANDBOX_FAULT_REST_LOSE_REPLY] = {"rest.lose_reply", false},
    [SANDBOX_FAULT_REST_DELAY] = {"rest.delay", true},
    [SANDBOX_FAULT_REST_EXPIRE_LINKS] = {"rest.expire_links", true},
    [SANDBOX_FAULT_TDS_LOGIN_DELAY] = {"tds.login_delay", true},
    [SANDBOX_FAULT_TDS_CLOSE_BYTES] = {"tds.close_bytes", true},
    [SANDBOX_FAULT_TDS_STALL_BYTES] = {"tds.stall_bytes", true},
    [SANDBOX_FAULT_TDS_GARBAGE_BYTES] = {"tds.garbage_bytes", true},
    [SANDBOX_FAULT_TDS_CLOSE_ROW] = {"tds.close_row", true},
    [SANDBOX_FAULT_TDS_STALL_ROW] = {"tds.stall_row", true},
    [SANDBOX_FAULT_TDS_GARBAGE_ROW] = {"tds.garbage_row", true},
    [SANDBOX_FAULT_TDS_ERROR_ROW] = {"tds.error_row", true},
    [SANDBOX_FAULT_TDS_ERROR] = {"tds.error", true},
};

typedef struct rule {
  sandbox_fault_action action;
  sandbox_fault fault;
  uint64_t after, times; /* times 0: no limit */
  char match[MATCH_MAX];
  char method[METHOD_MAX];
  uint64_t seen; /* requests that fitted */
} rule;

struct sandbox_faults {
  pthread_mutex_t lock; /* guards `seen` of all rules */
  rule rules[RULES_MAX];
  size_t count;
};

static br_status bad(br_error *err, const char *name, const char *value) {
  return br_error_set(err, BR_ERR_USAGE,
                      "BRIDGE_SANDBOX_FAULTS: \"%.100s%s%.100s\" is not understood", name,
                      value[0] == '\0' ? "" : "=", value);
}

static char *trim(char *text) {
  text += strspn(text, " \t\n");
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t\n", text[length - 1]) != NULL) {
    text[--length] = '\0';
  }
  return text;
}

/* "name=value" in place; value "" where there is none. */
static char *split(char *item) {
  char *value = strchr(item, '=');
  if (value == NULL) {
    return item + strlen(item);
  }
  *value = '\0';
  return value + 1;
}

static br_status set_text(char *out, size_t size, const char *name, const char *value,
                          br_error *err) {
  if (value[0] == '\0' || strlen(value) >= size) {
    return bad(err, name, value);
  }
  memcpy(out, value, strlen(value) + 1);
  return BR_OK;
}

static br_status set_option(rule *r, const char *name, const char *value, br_error *err) {
  if (strcmp(name, "match") == 0) {
    return set_text(r->match, sizeof r->match, name, value, err);
  }
  if (strcmp(name, "method") == 0) {
    return set_text(r->method, sizeof r->method, name, value, err);
  }
  uint64_t *number = strcmp(name, "after") == 0         ? &r->after
                     : strcmp(name, "times") == 0       ? &r->times
                     : strcmp(name, "retry_after") == 0 ? &r->fault.retry_after
                                                        : NULL;
  if (number == NULL || br_text_u64(value, UINT64_MAX - 1, number, NULL) != BR_OK) {
    return bad(err, name, value);
  }
  return BR_OK;
}

static br_status parse_rule(char *text, rule *r, br_error *err) {
  *r = (rule){.fault = {.retry_after = UINT64_MAX}};
  char *next = strchr(text, ',');
  if (next != NULL) {
    *next++ = '\0';
  }
  char *name = trim(text);
  char *value = split(name);
  size_t i = 0;
  while (i < SANDBOX_FAULT_COUNT && strcmp(actions[i].name, name) != 0) {
    i++;
  }
  if (i == SANDBOX_FAULT_COUNT) {
    return bad(err, name, value);
  }
  r->action = (sandbox_fault_action)i;
  if (actions[i].wants_value ? br_text_u64(value, UINT64_MAX - 1, &r->fault.value, NULL) != BR_OK
                             : value[0] != '\0') {
    return bad(err, name, value);
  }
  while (next != NULL) {
    char *option = next;
    next = strchr(option, ',');
    if (next != NULL) {
      *next++ = '\0';
    }
    option = trim(option);
    char *option_value = split(option);
    br_status st = set_option(r, option, option_value, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status parse_rules(const char *text, sandbox_faults *faults, br_error *err) {
  while (*text != '\0') {
    size_t length = strcspn(text, ";");
    char copy[RULE_TEXT_MAX];
    if (length >= sizeof copy) {
      return bad(err, text, "");
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    text += length + (text[length] == ';');
    char *rule_text = trim(copy);
    if (rule_text[0] == '\0') {
      continue;
    }
    if (faults->count == RULES_MAX) {
      return br_error_set(err, BR_ERR_LIMIT, "BRIDGE_SANDBOX_FAULTS holds more than %d rules",
                          RULES_MAX);
    }
    br_status st = parse_rule(rule_text, &faults->rules[faults->count], err);
    if (st != BR_OK) {
      return st;
    }
    faults->count++;
  }
  return BR_OK;
}

br_status sandbox_faults_parse(const char *text, sandbox_faults **ret_faults, br_error *err) {
  sandbox_faults *faults = br_calloc(1, sizeof *faults);
  if (faults == NULL) {
    return br_error_nomem(err);
  }
  br_status st = parse_rules(text != NULL ? text : "", faults, err);
  if (st == BR_OK && pthread_mutex_init(&faults->lock, NULL) != 0) {
    st = br_error_set(err, BR_ERR_IO, "Can't make a lock");
  }
  if (st != BR_OK) {
    br_free(faults);
    return st;
  }
  *ret_faults = faults;
  return BR_OK;
}

void sandbox_faults_free(sandbox_faults *faults) {
  if (faults != NULL) {
    (void)pthread_mutex_destroy(&faults->lock);
    br_free(faults);
  }
}

static bool fits(const rule *r, sandbox_fault_action action, const char *text, const char *method) {
  return r->action == action &&
         (r->match[0] == '\0' || (text != NULL && strstr(text, r->match) != NULL)) &&
         (r->method[0] == '\0' || (method != NULL && strcmp(method, r->method) == 0));
}

bool sandbox_fault_strikes(sandbox_faults *faults, sandbox_fault_action action, const char *text,
                           const char *method, sandbox_fault *ret_fault) {
  bool strikes = false;
  for (size_t i = 0; faults != NULL && i < faults->count && !strikes; i++) {
    rule *r = &faults->rules[i];
    if (!fits(r, action, text, method)) {
      continue;
    }
    (void)pthread_mutex_lock(&faults->lock);
    uint64_t number = r->seen++;
    (void)pthread_mutex_unlock(&faults->lock);
    strikes = number >= r->after && (r->times == 0 || number - r->after < r->times);
    if (strikes) {
      *ret_fault = r->fault;
    }
  }
  return strikes;
}
