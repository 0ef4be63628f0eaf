/*
 * flow.h: sources hand out record batches, sinks take them, the pump runs any source into any sink.
 *
 *   source.next ──▶ [ bounded queue of batches ] ──▶ sink.write        a thread on each side
 *        ▲                                             │
 *        └────────── empty batches come back ◀─────────┘
 *
 * The pump owns a fixed ring of batches: memory is bounded by their number and by the byte limit of
 * each. It reports progress, and on cancel or on the first error stops both sides; the sink then
 * gets abort, never finish.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "base/cancel.h"
#include "batch/batch.h"

/* Where rows come from. */
typedef struct flow_source {
  void *context;
  /* Columns; borrowed, valid as long as the source. Called before next(). */
  br_status (*schema)(void *context, const batch_schema **ret_schema, br_error *err);
  /* Appends rows to an empty batch until it is full or holds max_bytes. BR_DONE: no more rows. */
  br_status (*next)(void *context, batch *b, size_t max_bytes, br_error *err);
  /* Makes a next() that waits in the other thread return soon: the sink has failed. May be NULL. */
  void (*interrupt)(void *context);
} flow_source;

/* Where rows go. begin, write*, then finish or abort; abort also where begin failed. All in the
 * caller's thread. */
typedef struct flow_sink {
  void *context;
  br_status (*begin)(void *context, const batch_schema *schema, br_error *err);
  br_status (*write)(void *context, const batch *b, br_error *err);
  br_status (*finish)(void *context, br_error *err);
  void (*abort)(void *context);
} flow_sink;

/* Counters of a running flow, safe to read from any thread. */
typedef struct flow_progress {
  _Atomic uint64_t rows;
  _Atomic uint64_t batch_bytes;   /* decoded, in memory form */
  _Atomic uint64_t written_bytes; /* as the sink counts them (file bytes); the sink adds */
} flow_progress;

typedef struct flow_options {
  size_t batch_rows;       /* 0: 16,384 */
  size_t batch_bytes;      /* 0: 4 MiB */
  size_t batches;          /* in the ring; 0: 4 */
  uint64_t row_boundary;   /* no batch crosses a multiple of it; 0 = none */
  uint64_t row_limit;      /* stop after so many rows; 0 = all */
  flow_progress *progress; /* may be NULL */
  br_cancel *cancel;       /* may be NULL */
} flow_options;

/* Runs the source dry into the sink. ret_rows: rows moved, may be NULL. */
br_status flow_pump(const flow_source *source, const flow_sink *sink, const flow_options *options,
                    uint64_t *ret_rows, br_error *err) BR_CHECKED;

#endif
