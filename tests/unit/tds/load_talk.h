/*
 * load_talk.h: a connection over memory whose server takes one bulk load.
 */
#ifndef TESTS_TDS_LOAD_TALK_H
#define TESTS_TDS_LOAD_TALK_H

#include "base/buf.h"
#include "tds/conn.h"
#include "tds/typeinfo.h"

enum { TALK_MOST = 1 << 22 };

/* A conversation: what the server says, and what the client has sent. */
typedef struct talk {
  br_buf answers;
  br_buf sent;
  tds_conn *conn;
} talk;

/* A column of the table. */
typedef struct load_target {
  const char *name; /* NULL: "a]", "b]"… by place */
  batch_sql_typespec spec;
  const uint8_t *collation;
  bool nullable;
  uint16_t flags;
} load_target;

/* The answers to SELECT TOP (0), to INSERT BULK and to the stream. */
void talk_answers(br_buf *out, const load_target *targets, size_t count);
/* The last answer counts `rows`; < 0: it has no count. */
void talk_answers_of(br_buf *out, const load_target *targets, size_t count, int64_t rows);
br_status talk_connect(talk *t, size_t packet_size, br_error *err) BR_CHECKED;
/* Closes; the answers stay. */
void talk_done(talk *t);

#endif
