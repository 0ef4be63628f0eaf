#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/output.h"

enum { PLAIN_LINE_MS = 5000, LINE_MAX_BYTES = 512 };

br_status cli_progress_init(cli_progress *p, size_t query_count, br_error *err) {
  *p = (cli_progress){.terminal = isatty(STDERR_FILENO) == 1 && !br_log_is_json(),
                      .begun_ms = br_clock_monotonic_ms(),
                      .count = query_count};
  p->said_ms = p->begun_ms;
  p->said_state = br_calloc(query_count, sizeof *p->said_state);
  p->said_retries = br_calloc(query_count, sizeof *p->said_retries);
  return p->said_state == NULL || p->said_retries == NULL ? br_error_nomem(err) : BR_OK;
}

void cli_progress_done(cli_progress *p) {
  br_free(p->said_state);
  br_free(p->said_retries);
  *p = (cli_progress){0};
}

void cli_format_bytes(uint64_t bytes, char *text) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = (double)bytes;
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
    value /= 1000;
    unit++;
  }
  (void)snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* Where the log is JSON a line is one of its lines, whatever LOG_LEVEL leaves out. */
static void write_line(const char *text) {
  if (br_log_is_json()) {
    br_log_level level = br_log_lowest() > BR_LOG_INFO ? br_log_lowest() : BR_LOG_INFO;
    size_t length = strlen(text);
    br_log(level, "%.*s", (int)(text[length - 1] == '\n' ? length - 1 : length), text);
    return;
  }
  char copy[LINE_MAX_BYTES + BR_ERROR_MESSAGE_MAX];
  (void)snprintf(copy, sizeof copy, "%s", text);
  br_secret_redact(copy);
  br_status ignored = br_file_write_all(STDERR_FILENO, copy, strlen(copy), "standard error", NULL);
  (void)ignored; /* progress is not worth failing for */
}

static void clear_bar(cli_progress *p) {
  if (p->line_open) {
    write_line("\r\033[K");
    p->line_open = false;
  }
}

/* One line for each failed attempt that another follows. */
static void say_retries(cli_progress *p, const extract_query *query, unsigned *said) {
  for (; *said < query->retries; (*said)++) {
    char line[LINE_MAX_BYTES + BR_ERROR_MESSAGE_MAX];
    char why[BR_ERROR_MESSAGE_MAX];
    /* JSON escapes by itself. */
    if (br_log_is_json()) {
      (void)snprintf(why, sizeof why, "%s", query->failed[*said].message);
    } else {
      cli_plain(why, sizeof why, query->failed[*said].message);
    }
    (void)snprintf(line, sizeof line, "%s: attempt %u of %d failed, trying again: %s\n",
                   query->name, *said + 1, EXTRACT_ATTEMPTS, why);
    clear_bar(p);
    write_line(line);
  }
}

/* One line for a query that has ended. */
static void say_end(cli_progress *p, const extract_query *query, extract_state state) {
  char line[LINE_MAX_BYTES];
  char bytes[32];
  cli_format_bytes(query->progress.written_bytes, bytes);
  switch (state) {
  case EXTRACT_COMPLETED:
    (void)snprintf(line, sizeof line, "%s: %" PRIu64 " row%s, %s, %zu file%s, %.1f s\n",
                   query->name, query->rows, query->rows == 1 ? "" : "s", bytes, query->files.count,
                   query->files.count == 1 ? "" : "s", (double)query->duration_ms / 1000);
    break;
  case EXTRACT_SKIPPED:
    (void)snprintf(line, sizeof line,
                   "%s: skipped, the same result is there already (--overwrite replaces it)\n",
                   query->name);
    break;
  default:
    (void)snprintf(line, sizeof line, "%s: %s\n", query->name, extract_state_name(state));
    break;
  }
  clear_bar(p);
  write_line(line);
}

static void total(const extract_request *request, uint64_t *rows, uint64_t *bytes, size_t *ended) {
  *rows = 0;
  *bytes = 0;
  *ended = 0;
  for (size_t i = 0; i < request->query_count; i++) {
    *rows += request->queries[i].progress.rows;
    *bytes += request->queries[i].progress.written_bytes;
    *ended += request->queries[i].state >= EXTRACT_COMPLETED;
  }
}

static void say_progress(cli_progress *p, const extract_request *request, uint64_t now) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  size_t ended = 0;
  total(request, &rows, &bytes, &ended);
  double seconds = (double)(now - p->begun_ms) / 1000;
  char text[32];
  cli_format_bytes(bytes, text);
  char line[LINE_MAX_BYTES];
  if (!p->terminal) {
    (void)snprintf(line, sizeof line, "%zu of %zu queries, %" PRIu64 " rows, %s, %.0f rows/s\n",
                   ended, request->query_count, rows, text,
                   seconds > 0 ? (double)rows / seconds : 0.0);
    write_line(line);
    return;
  }
  char bar[21];
  size_t filled = request->query_count == 0 ? 0 : ended * 20 / request->query_count;
  for (size_t i = 0; i < 20; i++) {
    bar[i] = i < filled ? '#' : '.';
  }
  bar[20] = '\0';
  (void)snprintf(line, sizeof line,
                 "\r[%s] %zu/%zu queries  %" PRIu64 " rows  %s  %.0f rows/s\033[K", bar, ended,
                 request->query_count, rows, text, seconds > 0 ? (double)rows / seconds : 0.0);
  write_line(line);
  p->line_open = true;
}

void cli_progress_tick(void *context, const extract_request *request) {
  cli_progress *p = context;
  bool all_ended = true;
  for (size_t i = 0; i < p->count; i++) {
    extract_state state = (extract_state)request->queries[i].state;
    all_ended = all_ended && state >= EXTRACT_COMPLETED;
    say_retries(p, &request->queries[i], &p->said_retries[i]);
    if (state >= EXTRACT_COMPLETED && p->said_state[i] != (int)state && !request->plan) {
      say_end(p, &request->queries[i], state);
      p->said_state[i] = (int)state;
    }
  }
  uint64_t now = br_clock_monotonic_ms();
  if (all_ended) {
    clear_bar(p);
  } else if (!request->plan && (p->terminal || now - p->said_ms >= PLAIN_LINE_MS)) {
    say_progress(p, request, now);
    p->said_ms = now;
  }
}
