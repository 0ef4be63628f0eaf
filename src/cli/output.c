#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "settings/settings.h"

enum {
  MEASURED_ROWS = 1000, /* a table's widths come from so many rows */
  WIDEST_COLUMN = 60,   /* more than this is not padded for */
  FLUSH_BYTES = 64 * 1024,
};

struct cli_table {
  cli_format format;
  const cli_column *columns;
  size_t count;
  const char *extra;
  br_buf out; /* finished text, written when it is large */
  br_buf
      pending; /* table format: cells of the measured rows, each NUL-terminated, NULL as "NULL" */
  size_t *widths; /* in characters */
  size_t column;  /* of the next cell */
  uint64_t rows;  /* complete */
  bool measuring;
};

cli_format cli_format_of(const char *word) {
  if (word != NULL && strcmp(word, "json") == 0) {
    return CLI_FORMAT_JSON;
  }
  return word != NULL && strcmp(word, "csv") == 0 ? CLI_FORMAT_CSV : CLI_FORMAT_TABLE;
}

br_status cli_write(const void *bytes, size_t length, br_error *err) {
  return br_file_write_all(STDOUT_FILENO, bytes, length, "standard output", err);
}

int cli_print(br_buf *text) {
  br_error err = BR_ERROR_INIT;
  return cli_write(text->data, text->len, &err) == BR_OK ? 0 : cli_fail_run(&err);
}

/* Bytes of the control character at text (C0, DEL, or C1 in UTF-8), 0 = it is none. A cell must not
 * move the cursor. */
static size_t control_length(const char *text, size_t length) {
  unsigned char c = (unsigned char)text[0];
  if (c < 0x20 || c == 0x7F) {
    return 1;
  }
  bool c1 = c == 0xC2 && length > 1 && ((unsigned char)text[1] & 0xE0U) == 0x80U;
  return c1 ? 2 : 0;
}

static bool begins_like_a_message(const char *line) {
  return br_text_starts_with(line, "error:") || br_text_starts_with(line, "warning:") ||
         br_text_starts_with(line, "note:");
}

/* The plain form of the character at text; returns its bytes, and in *ret_taken those of text. */
static size_t plain_character(const char *text, size_t left, char form[8], size_t *ret_taken) {
  size_t control = *text == '\t' ? 0 : control_length(text, left);
  size_t length = br_utf8_char_length(text, left);
  *ret_taken = control > 0 ? control : length > 0 ? length : 1;
  if (*text == '\n') {
    return (size_t)snprintf(form, 8, "\n%s", begins_like_a_message(text + 1) ? "  " : "");
  }
  if (control > 0) {
    return (size_t)snprintf(form, 8, "\\u%04x", (unsigned char)text[control - 1]);
  }
  if (length == 0) {
    return (size_t)snprintf(form, 8, "\xEF\xBF\xBD");
  }
  memcpy(form, text, length);
  return length;
}

void cli_plain(char *out, size_t size, const char *text) {
  size_t left = strlen(text);
  size_t used = 0;
  while (left > 0) {
    char form[8];
    size_t taken = 0;
    size_t length = plain_character(text, left, form, &taken);
    if (used + length >= size) {
      break;
    }
    memcpy(out + used, form, length);
    used += length;
    text += taken;
    left -= taken;
  }
  out[used] = '\0';
}

/* Where the log is JSON, so is this, whatever LOG_LEVEL leaves out. */
static void say(br_log_level level, const char *label, const char *message) {
  if (br_log_is_json()) {
    br_log(level < br_log_lowest() ? br_log_lowest() : level, "%s", message);
    return;
  }
  char whole[BR_ERROR_MESSAGE_MAX];
  char plain[2 * BR_ERROR_MESSAGE_MAX];
  char text[sizeof plain + 64];
  (void)snprintf(whole, sizeof whole, "%s", message);
  br_secret_redact(whole);
  cli_plain(plain, sizeof plain, whole);
  (void)snprintf(text, sizeof text, "%s: %s\n", label, plain);
  /* Nobody is left to tell where stderr itself fails. */
  br_status ignored = br_file_write_all(STDERR_FILENO, text, strlen(text), "standard error", NULL);
  (void)ignored;
}

void cli_note(const char *format, ...) {
  char message[BR_ERROR_MESSAGE_MAX];
  va_list list;
  va_start(list, format);
  (void)vsnprintf(message, sizeof message, format, list);
  va_end(list);
  say(BR_LOG_INFO, "note", message);
}

void cli_warn(const char *format, ...) {
  char message[BR_ERROR_MESSAGE_MAX];
  va_list list;
  va_start(list, format);
  (void)vsnprintf(message, sizeof message, format, list);
  va_end(list);
  say(BR_LOG_WARNING, "warning", message);
}

/* A command line may hold a secret in a wrong place: what the settings know is not repeated. */
static void learn_secrets(void) {
  settings *config = NULL;
  if (settings_load(NULL, &config, NULL) == BR_OK) {
    settings_free(config);
  }
}

int cli_fail_run(const br_error *err) {
  learn_secrets();
  /* The reader of a pipe has gone: that is its right, and it needs no message. */
  if (err->native_code != EPIPE || err->status != BR_ERR_IO) {
    say(BR_LOG_ERROR, "error", err->message);
  }
  return 1;
}

int cli_fail(const br_error *err) {
  int status = cli_fail_run(err);
  return err->status == BR_ERR_USAGE ? 2 : status;
}

/* Bytes of the valid UTF-8 character at text, or 0. */
static size_t character_length(const char *text, size_t length) {
  unsigned char lead = (unsigned char)text[0];
  size_t want = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  size_t bad = 0;
  return want <= length && br_utf8_valid(text, want, &bad) ? want : 0;
}

static br_status json_escape(br_buf *out, unsigned char c, br_error *err) {
  static const char *const names[] = {
      ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
  if (c == '"' || c == '\\') {
    return br_buf_printf(out, err, "\\%c", c);
  }
  if (c < sizeof names / sizeof names[0] && names[c] != NULL) {
    return br_buf_text(out, names[c], err);
  }
  return br_buf_printf(out, err, "\\u%04x", c);
}

br_status cli_json_string(br_buf *out, const char *text, size_t length, br_error *err) {
  br_status st = br_buf_u8(out, '"', err);
  size_t start = 0;
  for (size_t i = 0; st == BR_OK && i < length;) {
    unsigned char c = (unsigned char)text[i];
    size_t n = character_length(text + i, length - i);
    if (c >= 0x20 && c != '"' && c != '\\' && n > 0) {
      i += n;
      continue;
    }
    st = br_buf_append(out, text + start, i - start, err);
    if (st == BR_OK) {
      st = n == 0 ? br_buf_text(out, "\xEF\xBF\xBD", err) : json_escape(out, c, err);
    }
    start = ++i;
  }
  if (st == BR_OK) {
    st = br_buf_append(out, text + start, length - start, err);
  }
  return st == BR_OK ? br_buf_u8(out, '"', err) : st;
}

static size_t characters(const char *text, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++) {
    count += ((unsigned char)text[i] & 0xC0U) != 0x80U;
  }
  return count;
}

static br_status flush(cli_table *t, size_t at_least, br_error *err) {
  if (t->out.len < at_least || t->out.len == 0) {
    return BR_OK;
  }
  br_status st = cli_write(t->out.data, t->out.len, err);
  br_buf_clear(&t->out);
  return st;
}

static br_status json_begin(cli_table *t, br_error *err) {
  br_status st = br_buf_text(&t->out, "{\"columns\":[", err);
  for (size_t i = 0; st == BR_OK && i < t->count; i++) {
    st = br_buf_text(&t->out, i == 0 ? "{\"name\":" : ",{\"name\":", err);
    if (st == BR_OK) {
      st = cli_json_string(&t->out, t->columns[i].name, strlen(t->columns[i].name), err);
    }
    if (st == BR_OK && t->columns[i].type != NULL) {
      st = br_buf_text(&t->out, ",\"type\":", err);
      st = st == BR_OK
               ? cli_json_string(&t->out, t->columns[i].type, strlen(t->columns[i].type), err)
               : st;
    }
    st = st == BR_OK ? br_buf_u8(&t->out, '}', err) : st;
  }
  return st == BR_OK ? br_buf_text(&t->out, "],\"rows\":[", err) : st;
}

static br_status csv_field(br_buf *out, const char *text, size_t length, br_error *err) {
  bool quote = memchr(text, '"', length) != NULL || memchr(text, ',', length) != NULL ||
               memchr(text, '\n', length) != NULL || memchr(text, '\r', length) != NULL ||
               length == 0;
  if (!quote) {
    return br_buf_append(out, text, length, err);
  }
  br_status st = br_buf_u8(out, '"', err);
  for (size_t i = 0; st == BR_OK && i < length; i++) {
    st = text[i] == '"' ? br_buf_text(out, "\"\"", err) : br_buf_append(out, text + i, 1, err);
  }
  return st == BR_OK ? br_buf_u8(out, '"', err) : st;
}

static br_status csv_begin(cli_table *t, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < t->count; i++) {
    st = i == 0 ? BR_OK : br_buf_u8(&t->out, ',', err);
    st = st == BR_OK ? csv_field(&t->out, t->columns[i].name, strlen(t->columns[i].name), err) : st;
  }
  return st == BR_OK ? br_buf_text(&t->out, "\r\n", err) : st;
}

/* One cell of a table with its padding; the last column of text is not padded. */
static br_status table_field(cli_table *t, size_t column, const char *text, size_t length,
                             bool number, br_error *err) {
  br_buf *out = &t->out;
  size_t used = characters(text, length);
  size_t pad = t->widths[column] > used ? t->widths[column] - used : 0;
  br_status st = column == 0 ? BR_OK : br_buf_text(out, "  ", err);
  if (st == BR_OK && number) {
    st = br_buf_fill(out, ' ', pad, err);
  }
  for (size_t i = 0; st == BR_OK && i < length; i++) {
    size_t control = control_length(text + i, length - i);
    st = br_buf_u8(out, control > 0 ? ' ' : (uint8_t)text[i], err);
    i += control > 1 ? control - 1 : 0;
  }
  if (st == BR_OK && !number && column + 1 < t->count) {
    st = br_buf_fill(out, ' ', pad, err);
  }
  return st == BR_OK && column + 1 == t->count ? br_buf_u8(out, '\n', err) : st;
}

static br_status table_head(cli_table *t, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < t->count; i++) {
    st = table_field(t, i, t->columns[i].name, strlen(t->columns[i].name),
                     t->columns[i].kind == CLI_CELL_NUMBER, err);
  }
  for (size_t i = 0; st == BR_OK && i < t->count; i++) {
    st = i == 0 ? BR_OK : br_buf_text(&t->out, "  ", err);
    st = st == BR_OK ? br_buf_fill(&t->out, '-', t->widths[i] == 0 ? 1 : t->widths[i], err) : st;
  }
  return st == BR_OK && t->count > 0 ? br_buf_u8(&t->out, '\n', err) : st;
}

/* Widths are known: writes the head and the rows that waited. */
static br_status end_measuring(cli_table *t, br_error *err) {
  t->measuring = false;
  br_status st = table_head(t, err);
  size_t column = 0;
  for (size_t at = 0; st == BR_OK && at < t->pending.len;) {
    const char *text = (const char *)t->pending.data + at;
    size_t length = strlen(text);
    st = table_field(t, column, text, length, t->columns[column].kind == CLI_CELL_NUMBER, err);
    column = (column + 1) % t->count;
    at += length + 1;
    st = st == BR_OK ? flush(t, FLUSH_BYTES, err) : st;
  }
  br_buf_done(&t->pending);
  return st;
}

static br_status measure_cell(cli_table *t, const char *text, size_t length, br_error *err) {
  size_t used = characters(text, length);
  if (used > t->widths[t->column]) {
    t->widths[t->column] = used > WIDEST_COLUMN ? WIDEST_COLUMN : used;
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < length; i++) {
    st = br_buf_u8(&t->pending, text[i] == '\0' ? ' ' : (uint8_t)text[i], err);
  }
  return st == BR_OK ? br_buf_u8(&t->pending, 0, err) : st;
}

static br_status table_cell(cli_table *t, const char *text, size_t length, br_error *err) {
  if (text == NULL) {
    text = "NULL";
    length = 4;
  }
  if (!t->measuring) {
    return table_field(t, t->column, text, length, t->columns[t->column].kind == CLI_CELL_NUMBER,
                       err);
  }
  br_status st = measure_cell(t, text, length, err);
  bool enough = t->rows + 1 == MEASURED_ROWS && t->column + 1 == t->count;
  return st == BR_OK && enough ? end_measuring(t, err) : st;
}

static size_t count_digits(const char *text, size_t length, size_t at) {
  size_t end = at;
  while (end < length && text[end] >= '0' && text[end] <= '9') {
    end++;
  }
  return end - at;
}

/* "-12.5e+3": what JSON takes as a number. NaN, and what a column of numbers should not hold, are
 * texts there. */
static bool is_json_number(const char *text, size_t length) {
  size_t at = length > 0 && text[0] == '-';
  size_t count = count_digits(text, length, at);
  bool good = count == 1 || (count > 1 && text[at] != '0');
  at += count;
  if (good && at < length && text[at] == '.') {
    count = count_digits(text, length, at + 1);
    good = count > 0;
    at += 1 + count;
  }
  if (good && at < length && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    at += at < length && (text[at] == '-' || text[at] == '+');
    count = count_digits(text, length, at);
    good = count > 0;
    at += count;
  }
  return good && at == length;
}

static br_status json_value(br_buf *out, const char *text, size_t length, cli_cell_kind kind,
                            br_error *err) {
  if (text == NULL) {
    return br_buf_text(out, "null", err);
  }
  const bool plain =
      kind == CLI_CELL_BOOL || (kind == CLI_CELL_NUMBER && is_json_number(text, length));
  return plain ? br_buf_append(out, text, length, err) : cli_json_string(out, text, length, err);
}

static br_status json_cell(cli_table *t, const char *text, size_t length, cli_cell_kind kind,
                           br_error *err) {
  br_buf *out = &t->out;
  br_status st = BR_OK;
  if (t->column == 0) {
    st = br_buf_text(out, t->rows == 0 ? "\n[" : ",\n[", err);
  } else {
    st = br_buf_u8(out, ',', err);
  }
  st = st == BR_OK ? json_value(out, text, length, kind, err) : st;
  return st == BR_OK && t->column + 1 == t->count ? br_buf_u8(out, ']', err) : st;
}

static br_status csv_cell(cli_table *t, const char *text, size_t length, br_error *err) {
  br_status st = t->column == 0 ? BR_OK : br_buf_u8(&t->out, ',', err);
  if (st == BR_OK && text != NULL) {
    st = csv_field(&t->out, text, length, err); /* an empty text is "", NULL is nothing */
  }
  return st == BR_OK && t->column + 1 == t->count ? br_buf_text(&t->out, "\r\n", err) : st;
}

br_status cli_table_new(cli_format format, const cli_column *columns, size_t count,
                        const char *extra, cli_table **ret_table, br_error *err) {
  cli_table *t = br_calloc(1, sizeof *t);
  size_t *widths = br_calloc(count, sizeof *widths);
  if (t == NULL || widths == NULL) {
    br_free(t);
    br_free(widths);
    return br_error_nomem(err);
  }
  *t = (cli_table){
      .format = format, .columns = columns, .count = count, .extra = extra, .widths = widths};
  br_buf_init(&t->out, BR_LIMIT_CELL_MAX);
  br_buf_init(&t->pending, BR_LIMIT_CELL_MAX);
  t->measuring = format == CLI_FORMAT_TABLE;
  for (size_t i = 0; i < count; i++) {
    widths[i] = characters(columns[i].name, strlen(columns[i].name));
  }
  br_status st = format == CLI_FORMAT_JSON  ? json_begin(t, err)
                 : format == CLI_FORMAT_CSV ? csv_begin(t, err)
                                            : BR_OK;
  if (st != BR_OK) {
    cli_table_free(t);
    return st;
  }
  *ret_table = t;
  return BR_OK;
}

static br_status add_cell(cli_table *t, const char *text, size_t length, cli_cell_kind kind,
                          br_error *err) {
  br_status st = t->format == CLI_FORMAT_JSON  ? json_cell(t, text, length, kind, err)
                 : t->format == CLI_FORMAT_CSV ? csv_cell(t, text, length, err)
                                               : table_cell(t, text, length, err);
  if (++t->column == t->count) {
    t->column = 0;
    t->rows++;
  }
  return st == BR_OK ? flush(t, FLUSH_BYTES, err) : st;
}

br_status cli_table_cell(cli_table *t, const char *text, size_t length, br_error *err) {
  return add_cell(t, text, length, t->columns[t->column].kind, err);
}

br_status cli_table_number(cli_table *t, const char *text, br_error *err) {
  return add_cell(t, text, text == NULL ? 0 : strlen(text), CLI_CELL_NUMBER, err);
}

br_status cli_table_cstr(cli_table *t, const char *text, br_error *err) {
  return cli_table_cell(t, text, text == NULL ? 0 : strlen(text), err);
}

br_status cli_table_end(cli_table *t, br_error *err) {
  br_status st = BR_OK;
  if (t->measuring) {
    st = end_measuring(t, err);
  } else if (t->format == CLI_FORMAT_JSON) {
    st = br_buf_printf(&t->out, err, "%s]%s}\n", t->rows == 0 ? "" : "\n",
                       t->extra == NULL ? "" : t->extra);
  }
  return st == BR_OK ? flush(t, 0, err) : st;
}

void cli_table_free(cli_table *t) {
  if (t != NULL) {
    br_buf_done(&t->out);
    br_buf_done(&t->pending);
    br_free(t->widths);
    br_free(t);
  }
}
