/*
 * progress.h: how an extraction goes, on stderr: a bar that is redrawn on a terminal, plain lines
 * now and then elsewhere.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "extract/run.h"

typedef struct cli_progress {
  bool terminal;
  uint64_t begun_ms; /* monotonic */
  uint64_t said_ms;  /* when the last plain line was written */
  int *said_state;   /* what has been said of each query */
  unsigned *said_retries;
  size_t count;
  bool line_open; /* the bar stands on the last line */
} cli_progress;

br_status cli_progress_init(cli_progress *progress, size_t query_count, br_error *err) BR_CHECKED;
void cli_progress_done(cli_progress *progress);
/* For extract_request.on_tick; context is the cli_progress. */
void cli_progress_tick(void *context, const extract_request *request);

/* "12.3 MB"; text holds 32 bytes. */
void cli_format_bytes(uint64_t bytes, char *text);

#endif
