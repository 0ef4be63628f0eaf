/*
 * canned.h: a SQL Server whose answers were written before: each request gets the next one, in the
 * bytes of MS-TDS (2.2.7: COLMETADATA, ROW, ERROR, DONE).
 */
#ifndef TESTS_SYNC_CANNED_H
#define TESTS_SYNC_CANNED_H

#include "tds/tds.h"

typedef struct canned {
  br_buf answers, sent;
  tds_conn *conn;
} canned;

void canned_init(canned *c);
/* One row with one number, or one ASCII text; an answer without rows; a failure. */
void canned_number(canned *c, int64_t number);
void canned_text(canned *c, const char *text);
/* Rows of texts (NULL = SQL NULL) under names, row by row. */
void canned_table(canned *c, size_t columns, const char *const *names, size_t rows,
                  const char *const *cells);
void canned_nothing(canned *c);
void canned_one_row(canned *c); /* one was changed */
void canned_error(canned *c, uint32_t number, const char *message);
/* After these the server hangs up. */
void canned_connect(canned *c);
/* Requests that were sent. */
size_t canned_requests(const canned *c);
/* How often, and whether at all, the ASCII text stands in what was sent. */
size_t canned_count_sent(const canned *c, const char *text);
bool canned_was_sent(const canned *c, const char *text);
void canned_done(canned *c);

#endif
