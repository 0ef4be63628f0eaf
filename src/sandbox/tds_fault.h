/*
 * tds_fault.h: a stream that writes to another and breaks on purpose.
 */
#ifndef SANDBOX_TDS_FAULT_H
#define SANDBOX_TDS_FAULT_H

#include "tds/stream.h"

typedef enum tds_fault_kind {
  TDS_FAULT_NONE,
  TDS_FAULT_CLOSE,   /* the connection ends */
  TDS_FAULT_STALL,   /* nothing is sent any more, until the server stops */
  TDS_FAULT_GARBAGE, /* 0xEE is sent instead */
} tds_fault_kind;

/* Owns `below` from the moment it was made. */
br_status tds_fault_stream(tds_stream *below, tds_stream **ret_stream, br_error *err) BR_CHECKED;
/* The fault strikes when `bytes` more have been written. */
void tds_fault_arm(tds_stream *stream, tds_fault_kind kind, uint64_t bytes);

#endif
