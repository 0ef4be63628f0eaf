#define BR_STATUS_IMPLEMENTATION
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"

/* Text that was cut at max bytes must not end in half a UTF-8 character. */
static void drop_half_character(char *text, size_t length, size_t max) {
  if (length < max) {
    return;
  }
  size_t end = max - 1;
  size_t start = end;
  do {
    start--;
  } while (start > 0 && end - start < 4 && ((unsigned char)text[start] & 0xC0U) == 0x80U);
  unsigned char lead = (unsigned char)text[start];
  size_t wanted = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : lead >= 0xC0U ? 2 : 1;
  if (end - start < wanted) {
    text[start] = '\0';
  }
}

/* A text of n bytes was written where max have room: no half characters, and no secrets. */
static void tidy(char *text, int n, size_t max) {
  if (n >= 0 && (size_t)n >= max) {
    drop_half_character(text, (size_t)n, max);
    br_secret_redact_cut(text);
  } else {
    br_secret_redact(text);
  }
}

br_status br_error_vset(br_error *err, br_status status, const char *format, va_list args) {
  if (err == NULL) {
    return status;
  }
  err->status = status;
  err->retriable = false;
  err->native_code = 0;
  int n = vsnprintf(err->message, sizeof err->message, format, args);
  if (n < 0) {
    err->message[0] = '\0';
  }
  tidy(err->message, n, sizeof err->message);
  return status;
}

br_status br_error_set(br_error *err, br_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  br_error_vset(err, status, format, args);
  va_end(args);
  return status;
}

br_status br_error_context(br_error *err, br_status status, const char *format, ...) {
  if (err == NULL) {
    return status;
  }
  char old[BR_ERROR_MESSAGE_MAX];
  memcpy(old, err->message, sizeof old);
  va_list args;
  va_start(args, format);
  int n = vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  if (n < 0 || (size_t)n + 3 >= sizeof err->message) {
    memcpy(err->message, old, sizeof old);
    return status;
  }
  size_t used = (size_t)n;
  int m = snprintf(err->message + used, sizeof err->message - used, ": %s", old);
  tidy(err->message, m < 0 ? m : (int)used + m, sizeof err->message);
  err->status = status;
  return status;
}

br_status br_error_append(br_error *err, br_status status, const char *format, ...) {
  if (err == NULL) {
    return status;
  }
  size_t used = strnlen(err->message, sizeof err->message);
  if (used + 1 >= sizeof err->message) {
    return status;
  }
  va_list args;
  va_start(args, format);
  int n = vsnprintf(err->message + used, sizeof err->message - used, format, args);
  va_end(args);
  tidy(err->message, n < 0 ? n : (int)used + n, sizeof err->message);
  return status;
}

static br_status status_of_errno(int errnum) {
  switch (errnum) {
  case ENOSPC:
  case EDQUOT:
    return BR_ERR_DISK_FULL;
  case ENOENT:
    return BR_ERR_NOT_FOUND;
  case EEXIST:
    return BR_ERR_EXISTS;
  case ENOMEM:
    return BR_ERR_NOMEM;
  default:
    return BR_ERR_IO;
  }
}

br_status br_error_errno(br_error *err, int errnum, const char *format, ...) {
  br_status status = status_of_errno(errnum);
  if (err == NULL) {
    return status;
  }
  va_list args;
  va_start(args, format);
  br_error_vset(err, status, format, args);
  va_end(args);
  err->native_code = errnum;
  char text[128];
  return br_error_append(err, status, ": %s", strerror_r(errnum, text, sizeof text));
}

br_status br_error_nomem(br_error *err) {
  return br_error_set(err, BR_ERR_NOMEM, "Out of memory");
}

br_status br_error_set_retriable(br_error *err, br_status status) {
  if (err != NULL) {
    err->retriable = true;
  }
  return status;
}

void br_error_clear(br_error *err) {
  if (err != NULL) {
    err->status = BR_OK;
    err->retriable = false;
    err->native_code = 0;
    err->message[0] = '\0';
  }
}

const char *br_status_name(br_status status) {
  static const char *const names[] = {
      [BR_OK] = "ok",
      [BR_DONE] = "done",
      [BR_ERR_NOMEM] = "out of memory",
      [BR_ERR_IO] = "input/output error",
      [BR_ERR_DISK_FULL] = "disk full",
      [BR_ERR_USAGE] = "wrong usage",
      [BR_ERR_DATA] = "bad data",
      [BR_ERR_PROTOCOL] = "protocol error",
      [BR_ERR_NETWORK] = "network error",
      [BR_ERR_TIMEOUT] = "timed out",
      [BR_ERR_TLS] = "TLS error",
      [BR_ERR_AUTH] = "access refused",
      [BR_ERR_NOT_FOUND] = "not found",
      [BR_ERR_EXISTS] = "exists already",
      [BR_ERR_CONFLICT] = "conflict",
      [BR_ERR_LIMIT] = "over a limit",
      [BR_ERR_REMOTE] = "error of the server",
      [BR_ERR_CANCELLED] = "cancelled",
      [BR_ERR_UNSUPPORTED] = "not supported",
      [BR_ERR_INTERNAL] = "internal error",
  };
  size_t index = (size_t)status;
  if (index >= sizeof names / sizeof names[0] || names[index] == NULL) {
    return "unknown status";
  }
  return names[index];
}
