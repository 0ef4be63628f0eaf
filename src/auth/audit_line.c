#include "auth/audit_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

static const char *const names[AUTH_AUDIT_EVENT_COUNT] = {
    [AUTH_AUDIT_AUTH_SUCCESS] = "auth_success",
    [AUTH_AUDIT_AUTH_FAILURE] = "auth_failure",
    [AUTH_AUDIT_PERMISSION_GRANTED] = "permission_granted",
    [AUTH_AUDIT_PERMISSION_DENIED] = "permission_denied",
    [AUTH_AUDIT_EXTRACTION_STARTED] = "extraction_started",
    [AUTH_AUDIT_EXTRACTION_COMPLETED] = "extraction_completed",
    [AUTH_AUDIT_EXTRACTION_FAILED] = "extraction_failed",
    [AUTH_AUDIT_SYNC_STARTED] = "sync_started",
    [AUTH_AUDIT_SYNC_COMPLETED] = "sync_completed",
    [AUTH_AUDIT_SYNC_FAILED] = "sync_failed",
    [AUTH_AUDIT_DELETE_BLOCKED] = "delete_blocked",
};

const char *auth_audit_event_name(auth_audit_event event) {
  return names[event];
}

/* Bytes of JSON that a text may take between its quotes. Together with the names, the timestamp and
 * MEMBER_MAX for the last detail they stay below AUTH_AUDIT_LINE_MAX. */
enum {
  USER_MAX = 256,
  ADDRESS_MAX = 64,
  RESOURCE_MAX = 768,
  WORD_MAX = 64,
  DETAIL_NAME_MAX = 64,
  DETAIL_TEXT_MAX = 1024,
  MEMBER_MAX = DETAIL_NAME_MAX + DETAIL_TEXT_MAX + 8,
  ESCAPED_MAX = 8,
};

/* The character at text as JSON writes it, into piece; returns the bytes of text that it took. */
static size_t escape(const char *text, size_t left, char *piece) {
  unsigned char c = (unsigned char)*text;
  size_t length = br_utf8_char_length(text, left);
  if (length == 0) {
    memcpy(piece, "\xEF\xBF\xBD", 4); /* U+FFFD and the NUL */
    return 1;
  }
  if (c == '"' || c == '\\') {
    (void)snprintf(piece, ESCAPED_MAX, "\\%c", c);
  } else if (c < 0x20U || c == 0x7FU) {
    (void)snprintf(piece, ESCAPED_MAX, "\\u%04x", (unsigned)c);
  } else {
    memcpy(piece, text, length);
    piece[length] = '\0';
  }
  return length;
}

/* The text with its quotes, at most max bytes between them; what is cut ends in "…". */
static br_status add_bounded(br_buf *out, const char *text, size_t max, br_error *err) {
  static const char more[] = "…";
  size_t left = strlen(text);
  size_t start = out->len + 1;
  size_t cut = start; /* the last place where there is room for the three dots */
  bool fits = true;
  br_status st = br_buf_u8(out, '"', err);
  while (st == BR_OK && left > 0 && fits) {
    char piece[ESCAPED_MAX];
    size_t taken = escape(text, left, piece);
    size_t length = out->len - start;
    cut = length + sizeof more - 1 <= max ? out->len : cut;
    fits = length + strlen(piece) <= max;
    if (fits) {
      st = br_buf_text(out, piece, err);
    }
    text += taken;
    left -= taken;
  }
  if (st == BR_OK && !fits) {
    out->len = cut;
    st = br_buf_text(out, more, err);
  }
  return st == BR_OK ? br_buf_u8(out, '"', err) : st;
}

/* Redacts the whole text first: half a secret would not be found. */
static br_status add_text(br_buf *out, const char *text, size_t max, br_error *err) {
  if (text == NULL) {
    return br_buf_text(out, "null", err);
  }
  char *copy = br_strdup(text);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  br_secret_redact(copy);
  br_status st = add_bounded(out, copy, max, err);
  br_free(copy);
  return st;
}

static br_status add_member(br_buf *out, const char *name, const char *text, size_t max,
                            br_error *err) {
  br_status st = br_buf_printf(out, err, ",\"%s\":", name);
  return st == BR_OK ? add_text(out, text, max, err) : st;
}

static br_status add_detail(br_buf *out, const auth_audit_detail *detail, br_error *err) {
  br_status st = add_text(out, detail->name, DETAIL_NAME_MAX, err);
  if (st == BR_OK) {
    st = br_buf_u8(out, ':', err);
  }
  if (st != BR_OK) {
    return st;
  }
  return detail->text != NULL ? add_text(out, detail->text, DETAIL_TEXT_MAX, err)
                              : br_buf_printf(out, err, "%" PRId64, detail->number);
}

/* As many details as there is room for. */
static br_status add_details(br_buf *out, const auth_audit_record *record, br_error *err) {
  static const char tail[] = ",\"truncated\":true}}\n";
  br_status st = br_buf_text(out, ",\"details\":{", err);
  for (size_t i = 0; st == BR_OK && i < record->detail_count; i++) {
    if (out->len + MEMBER_MAX + sizeof tail > AUTH_AUDIT_LINE_MAX) {
      return br_buf_text(out, tail, err);
    }
    st = i == 0 ? BR_OK : br_buf_u8(out, ',', err);
    if (st == BR_OK) {
      st = add_detail(out, &record->details[i], err);
    }
  }
  return st == BR_OK ? br_buf_text(out, "}}\n", err) : st;
}

static br_status make_line(const auth_audit_record *record, const char *time, br_buf *out,
                           br_error *err) {
  br_status st = br_buf_printf(out, err, "\n{\"timestamp\":\"%s\",\"event_type\":\"%s\"", time,
                               names[record->event]);
  if (st == BR_OK) {
    st = add_member(out, "user_name", record->user_name, USER_MAX, err);
  }
  if (st == BR_OK) {
    st = add_member(out, "source_ip", record->source_ip, ADDRESS_MAX, err);
  }
  if (st == BR_OK) {
    st = add_member(out, "resource", record->resource, RESOURCE_MAX, err);
  }
  if (st == BR_OK) {
    st = add_member(out, "action", record->action, WORD_MAX, err);
  }
  if (st == BR_OK) {
    st = add_member(out, "status", record->status, WORD_MAX, err);
  }
  return st == BR_OK ? add_details(out, record, err) : st;
}

br_status auth_audit_line(const auth_audit_record *record, int64_t wall_us, br_buf *out,
                          br_error *err) {
  char time[BR_CLOCK_TEXT_MAX];
  br_clock_format_us(wall_us, time);
  /* br_buf_printf() wants room for a NUL as well. */
  br_buf_init(out, AUTH_AUDIT_LINE_MAX + 1);
  br_status st = make_line(record, time, out, err);
  if (st != BR_OK) {
    br_buf_done(out);
  }
  return st;
}
