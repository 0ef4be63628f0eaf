/* Single values: are they of their row's kind, do they look like what a sample puts there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "settings/table.h"

bool settings_parse_bool(const char *text, bool *ret_value) {
  static const char *const words[][2] = {
      {"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    for (int value = 0; value < 2; value++) {
      if (br_text_equal_nocase(text, words[i][value])) {
        *ret_value = value == 1;
        return true;
      }
    }
  }
  return false;
}

/* The word of "a|b|c" that text is, or NULL; the words of the table are short. */
static const char *find_choice(const char *choices, const char *text, char *word, size_t size) {
  for (const char *p = choices; *p != '\0';) {
    size_t length = strcspn(p, "|");
    if (length < size) {
      memcpy(word, p, length);
      word[length] = '\0';
      if (br_text_equal_nocase(word, text)) {
        return p;
      }
    }
    p += length + (p[length] == '|');
  }
  return NULL;
}

static br_status check_choice(const setting_row *row, const char *text, br_error *err) {
  char word[32];
  if (find_choice(row->choices, text, word, sizeof word) != NULL) {
    return BR_OK;
  }
  br_error_set(err, BR_ERR_USAGE, "%s is '%s'; it takes", row->name, text);
  for (const char *p = row->choices; *p != '\0';) {
    size_t length = strcspn(p, "|");
    bool first = p == row->choices;
    bool last = p[length] == '\0';
    const char *between = " or ";
    if (first) {
      between = " ";
    } else if (!last) {
      between = ", ";
    }
    br_error_append(err, BR_ERR_USAGE, "%s%.*s", between, (int)length, p);
    p += length + (last ? 0 : 1);
  }
  return BR_ERR_USAGE;
}

static bool is_loopback(const char *host) {
  static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
  size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (length == strlen(names[i]) && strncmp(host, names[i], length) == 0) {
      return true;
    }
  }
  return false;
}

static br_status check_url(const setting_row *row, const char *text, br_error *err) {
  const char *scheme_end = strstr(text, "://");
  if (br_text_starts_with(text, "http://") && !is_loopback(text + strlen("http://"))) {
    return br_error_set(err, BR_ERR_USAGE,
                        "%s is '%s'; http:// would send the token in the clear: use https://",
                        row->name, text);
  }
  if (scheme_end != NULL && !br_text_starts_with(text, "http://") &&
      !br_text_starts_with(text, "https://")) {
    return br_error_set(err, BR_ERR_USAGE, "%s is '%s'; it takes https:// and a host", row->name,
                        text);
  }
  const char *more = strpbrk(text, " @?#"); /* not shown: it may be a secret */
  if (more != NULL) {
    return br_error_set(err, BR_ERR_USAGE,
                        "%s is not a host name or https:// address alone: it has a '%c'; leave out "
                        "the part with it",
                        row->name, *more);
  }
  return BR_OK;
}

static br_status check_number(const setting_row *row, const char *text, br_error *err) {
  uint64_t value = 0;
  if (br_text_u64(text, UINT64_MAX, &value, NULL) == BR_OK && value >= row->minimum &&
      value <= row->maximum) {
    return BR_OK;
  }
  if (row->maximum == UINT64_MAX) {
    return br_error_set(err, BR_ERR_USAGE, "%s is '%s'; it takes a whole number from %" PRIu64,
                        row->name, text, row->minimum);
  }
  return br_error_set(err, BR_ERR_USAGE,
                      "%s is '%s'; it takes a whole number from %" PRIu64 " to %" PRIu64, row->name,
                      text, row->minimum, row->maximum);
}

static bool has_control_character(const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
    if (*p < 0x20U || *p == 0x7FU) {
      return true;
    }
  }
  return false;
}

br_status settings_check_value(const setting_row *row, const char *text, br_error *err) {
  bool ignored = false;
  if (has_control_character(text)) {
    return br_error_set(err, BR_ERR_USAGE, "%s holds a line break or another control character",
                        row->name);
  }
  switch (row->kind) {
  case SETTING_KIND_BOOL:
    return settings_parse_bool(text, &ignored)
               ? BR_OK
               : br_error_set(err, BR_ERR_USAGE, "%s is '%s'; it takes true or false", row->name,
                              text);
  case SETTING_KIND_NUMBER:
    return check_number(row, text, err);
  case SETTING_KIND_CHOICE:
    return check_choice(row, text, err);
  case SETTING_KIND_URL:
    return check_url(row, text, err);
  case SETTING_KIND_TEXT:
    break;
  }
  return BR_OK;
}

void settings_canonical(const setting_row *row, char *text) {
  char word[32];
  if (row->kind == SETTING_KIND_CHOICE &&
      find_choice(row->choices, text, word, sizeof word) != NULL) {
    memcpy(text, word, strlen(word)); /* the same letters in the table's case */
  }
}

/* A word of samples that stands for the whole value, or for what is behind https:// or the last /.
 */
static bool is_sample_word(const char *text, bool secret) {
  static const char *const anywhere[] = {"changeme",  "change-me", "change_me", "placeholder",
                                         "replaceme", "todo",      "fixme",     "none"};
  static const char *const secrets[] = {"token",        "secret",   "password",      "pass",
                                        "access_token", "my-token", "client_secret", "dummy"};
  for (size_t i = 0; i < sizeof anywhere / sizeof anywhere[0]; i++) {
    if (br_text_equal_nocase(text, anywhere[i])) {
      return true;
    }
  }
  for (size_t i = 0; secret && i < sizeof secrets / sizeof secrets[0]; i++) {
    if (br_text_equal_nocase(text, secrets[i])) {
      return true;
    }
  }
  size_t length = strlen(text);
  bool in_brackets = length > 2 && ((text[0] == '<' && text[length - 1] == '>') ||
                                    (text[0] == '$' && text[1] == '{' && text[length - 1] == '}'));
  bool only_filler = length >= 3 && strspn(text, "xX.*-") == length;
  char start[5] = "";
  memcpy(start, text, length < 4 ? length : 4);
  bool yours = br_text_equal_nocase(start, "your") && length > 5 && strchr("-_ .", text[4]) != NULL;
  return in_brackets || only_filler || yours;
}

bool settings_is_placeholder(const char *text, bool secret) {
  const char *host = strstr(text, "://");
  const char *last = strrchr(text, '/');
  return is_sample_word(text, secret) || (host != NULL && is_sample_word(host + 3, secret)) ||
         (last != NULL && is_sample_word(last + 1, false));
}
