/*
 * answer_dump.h: the answer to a batch, read through the client from bytes in memory, as text.
 */
#ifndef TESTS_TDS_ANSWER_DUMP_H
#define TESTS_TDS_ANSWER_DUMP_H

#include "base/buf.h"
#include "tds/conn.h"

/* Reads `bytes` (packets of one or more messages) as the answer to a batch and appends what came
 * out. The status is that of the failing call, BR_OK where the answer ended well. */
br_status dump_answer(const uint8_t *bytes, size_t length, const tds_options *options, br_buf *out,
                      br_error *err) BR_CHECKED;
/* The same for answers to PRELOGIN and LOGIN7. */
br_status dump_login(const uint8_t *bytes, size_t length, const tds_options *options, br_buf *out,
                     br_error *err) BR_CHECKED;
/* All result sets of the batch that was sent. */
br_status dump_results(tds_conn *conn, br_buf *out, br_error *err) BR_CHECKED;
/* A connection over a stream (owned) as if the login had gone well. */
br_status connect_without_login(tds_stream *stream, const tds_options *options, br_cancel *cancel,
                                tds_conn **ret_conn, br_error *err) BR_CHECKED;

#endif
