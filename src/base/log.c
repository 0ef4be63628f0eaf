#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/secret.h"
#include "base/text.h"

enum { FIELDS_MAX = 8, FIELD_NAME_MAX = 32, FIELD_TEXT_MAX = 128 };

typedef struct context_field {
  char name[FIELD_NAME_MAX];
  char text[FIELD_TEXT_MAX];
} context_field;

static atomic_int lowest_level = BR_LOG_INFO;
static atomic_int line_format = BR_LOG_TEXT;
static atomic_int line_fd = STDERR_FILENO;

static _Thread_local context_field fields[FIELDS_MAX];
static _Thread_local size_t field_count;

static const char *const level_names[] = {
    [BR_LOG_DEBUG] = "DEBUG",
    [BR_LOG_INFO] = "INFO",
    [BR_LOG_WARNING] = "WARNING",
    [BR_LOG_ERROR] = "ERROR",
};

void br_log_configure(br_log_level lowest, br_log_format format, int fd) {
  atomic_store(&lowest_level, (int)lowest);
  atomic_store(&line_format, (int)format);
  atomic_store(&line_fd, fd);
}

br_log_level br_log_lowest(void) {
  return (br_log_level)atomic_load(&lowest_level);
}

bool br_log_is_json(void) {
  return atomic_load(&line_format) == BR_LOG_JSON;
}

static size_t find_field(const char *name) {
  size_t i = 0;
  while (i < field_count && strcmp(fields[i].name, name) != 0) {
    i++;
  }
  return i;
}

void br_log_context(const char *name, const char *text) {
  size_t i = find_field(name);
  if (text == NULL) {
    if (i < field_count) {
      field_count--;
      memmove(&fields[i], &fields[i + 1], (field_count - i) * sizeof fields[0]);
    }
    return;
  }
  if (i == FIELDS_MAX) {
    return;
  }
  if (i == field_count) {
    (void)snprintf(fields[i].name, sizeof fields[i].name, "%s", name);
    field_count++;
  }
  (void)snprintf(fields[i].text, sizeof fields[i].text, "%s", text);
}

/* What the line is built of and written with; failing to build it drops the line. */
typedef struct line {
  br_buf buf;
  br_status st;
} line;

static void put(line *out, const char *bytes, size_t length) {
  if (out->st == BR_OK) {
    out->st = br_buf_append(&out->buf, bytes, length, NULL);
  }
}

static void put_text(line *out, const char *text) {
  put(out, text, strlen(text));
}

/* One character of a single byte: control characters (and for JSON quotes and backslashes) are
 * escaped, so that a message can't begin a new line and forge one. */
static void put_ascii(line *out, char c, bool json) {
  char escape[8];
  if (json && (c == '"' || c == '\\')) {
    (void)snprintf(escape, sizeof escape, "\\%c", c);
    put_text(out, escape);
  } else if (c == '\n' || c == '\r' || c == '\t') {
    put_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
  } else if ((unsigned char)c < 0x20U || c == 0x7F) {
    (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
    put_text(out, escape);
  } else {
    put(out, &c, 1);
  }
}

/* Text as a line may hold it: bytes that are not UTF-8 become U+FFFD, and the controls U+0080 to
 * U+009F, which some terminals obey, are escaped like the others. */
static void put_escaped(line *out, const char *text, bool json) {
  size_t left = strlen(text);
  while (left > 0) {
    size_t length = br_utf8_char_length(text, left);
    char escape[8];
    if (length == 0) {
      put_text(out, "\xEF\xBF\xBD");
      length = 1;
    } else if (length == 1) {
      put_ascii(out, *text, json);
    } else if ((unsigned char)text[0] == 0xC2U && (unsigned char)text[1] < 0xA0U) {
      (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)text[1]);
      put_text(out, escape);
    } else {
      put(out, text, length);
    }
    text += length;
    left -= length;
  }
}

static void put_json_member(line *out, const char *name, const char *text) {
  put_text(out, out->buf.len == 0 ? "{\"" : ",\"");
  put_escaped(out, name, true);
  put_text(out, "\":\"");
  put_escaped(out, text, true);
  put_text(out, "\"");
}

/* The context: members in JSON; at the end of a line of text, unless the message names it itself.
 */
static void put_context(line *out, const char *message, bool json) {
  for (size_t i = 0; i < field_count; i++) {
    char text[FIELD_TEXT_MAX];
    memcpy(text, fields[i].text, sizeof text);
    br_secret_redact(text);
    if (json) {
      put_json_member(out, fields[i].name, text);
    } else if (strstr(message, text) == NULL) {
      put_text(out, " ");
      put_escaped(out, fields[i].name, false);
      put_text(out, "=");
      put_escaped(out, text, false);
    }
  }
}

static void build_line(line *out, br_log_level level, const char *message) {
  char time_text[BR_CLOCK_TEXT_MAX];
  br_clock_format_ms(br_clock_wall_us(), time_text);
  if (br_log_is_json()) {
    put_json_member(out, "time", time_text);
    put_json_member(out, "level", level_names[level]);
    put_json_member(out, "message", message);
    put_context(out, message, true);
    put_text(out, "}");
  } else {
    put_text(out, time_text);
    put_text(out, " ");
    put_text(out, level_names[level]);
    put_text(out, " ");
    put_escaped(out, message, false);
    put_context(out, message, false);
  }
  put_text(out, "\n");
}

void br_log(br_log_level level, const char *format, ...) {
  if ((int)level < atomic_load(&lowest_level)) {
    return;
  }
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  br_buf message;
  br_buf_init(&message, BR_MIB(1));
  line out = {.st = n < 0 ? BR_ERR_INTERNAL : br_buf_reserve(&message, (size_t)n + 1, NULL)};
  br_buf_init(&out.buf, BR_MIB(8));
  if (out.st == BR_OK) {
    (void)vsnprintf((char *)message.data, (size_t)n + 1, format, again);
    br_secret_redact((char *)message.data);
    build_line(&out, level, (const char *)message.data);
  }
  va_end(again);
  if (out.st == BR_OK) {
    /* A log that can't be written has nobody left to tell. */
    br_status st = br_file_write_all(atomic_load(&line_fd), out.buf.data, out.buf.len, "log", NULL);
    (void)st;
  }
  br_buf_done(&out.buf);
  br_buf_done(&message);
}
