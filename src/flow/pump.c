/*
 * pump.c: the two threads of a flow and the ring of batches between them.
 *
 *   reader thread:  free ──pop──▶ source.next ──push──▶ full
 *   caller:         full ──pop──▶ sink.write  ──push──▶ free
 *
 * The caller's thread drives the sink, so a sink needs no locks. Each side stops the other through
 * the queues: the reader closes `full` at the end or on its error, the caller aborts both queues on
 * the sink's error.
 */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/queue.h"
#include "flow/flow.h"

enum {
  DEFAULT_BATCH_ROWS = 16384,
  DEFAULT_BATCH_BYTES = 4 * 1024 * 1024,
  DEFAULT_BATCHES = 4,
};

typedef struct pump {
  const flow_source *source;
  const flow_sink *sink;
  flow_options options; /* defaults filled in */
  const batch_schema *schema;
  br_queue *free_batches; /* owns the batches in it */
  br_queue *full_batches; /* likewise */
  /* Written by the reader thread, read by the caller after joining it. */
  br_status read_status;
  br_error read_error;
} pump;

static void free_batch(void *item) {
  batch_free(item);
}

/* How many rows the next batch may hold: what the limit and the next boundary leave. */
static size_t rows_allowed(const pump *p, const batch *b, uint64_t rows_before) {
  uint64_t allowed = b->capacity_rows;
  if (p->options.row_limit != 0 && p->options.row_limit - rows_before < allowed) {
    allowed = p->options.row_limit - rows_before;
  }
  if (p->options.row_boundary != 0) {
    uint64_t left = p->options.row_boundary - rows_before % p->options.row_boundary;
    allowed = left < allowed ? left : allowed;
  }
  return (size_t)allowed;
}

/* Lets the source fill that many rows; the batch keeps its real capacity. */
static br_status next_rows(const pump *p, batch *b, uint64_t rows_before, br_error *err) {
  size_t capacity = b->capacity_rows;
  b->capacity_rows = rows_allowed(p, b, rows_before);
  br_status st = p->source->next(p->source->context, b, p->options.batch_bytes, err);
  b->capacity_rows = capacity;
  return st;
}

/* Fills one batch after the other until the rows end, the limit is reached or somebody stops it. */
static br_status read_batches(pump *p) {
  br_error *err = &p->read_error;
  uint64_t rows = 0;
  while (p->options.row_limit == 0 || rows < p->options.row_limit) {
    br_status st = br_cancel_check(p->options.cancel, err);
    if (st != BR_OK) {
      return st;
    }
    void *item = NULL;
    if (br_queue_pop(p->free_batches, &item) != BR_OK) {
      return BR_OK; /* the sink has failed and tells why */
    }
    batch *b = item;
    b->first_row = rows;
    st = next_rows(p, b, rows, err);
    if (st != BR_OK || b->rows == 0) {
      batch_free(b);
      return st == BR_DONE ? BR_OK : st;
    }
    rows += b->rows;
    if (br_queue_push(p->full_batches, b) != BR_OK) {
      batch_free(b);
      return BR_OK;
    }
  }
  return BR_OK;
}

static void *reader_main(void *context) {
  pump *p = context;
  p->read_status = read_batches(p);
  br_queue_close(p->full_batches);
  return NULL;
}

/* Writes batches until the reader has closed the queue. */
static br_status write_batches(pump *p, uint64_t *rows, br_error *err) {
  for (;;) {
    void *item = NULL;
    if (br_queue_pop(p->full_batches, &item) != BR_OK) {
      return BR_OK;
    }
    batch *b = item;
    br_status st = p->sink->write(p->sink->context, b, err);
    if (st == BR_OK) {
      *rows += b->rows;
      if (p->options.progress != NULL) {
        p->options.progress->rows += b->rows;
        p->options.progress->batch_bytes += batch_bytes(b);
      }
      batch_reset(b, p->options.batch_bytes);
    }
    if (st != BR_OK || br_queue_push(p->free_batches, b) != BR_OK) {
      batch_free(b);
      return st;
    }
  }
}

/* The ring: as many batches as options.batches, all in the queue of free ones. */
static br_status fill_ring(pump *p, br_error *err) {
  br_status st = br_queue_new(p->options.batches, free_batch, &p->free_batches, err);
  if (st == BR_OK) {
    st = br_queue_new(p->options.batches, free_batch, &p->full_batches, err);
  }
  for (size_t i = 0; st == BR_OK && i < p->options.batches; i++) {
    batch *b = NULL;
    st = batch_new(p->schema, p->options.batch_rows, &b, err);
    if (st == BR_OK && br_queue_push(p->free_batches, b) != BR_OK) {
      batch_free(b);
      st = br_error_set(err, BR_ERR_INTERNAL, "The ring of batches can't be filled");
    }
  }
  return st;
}

/* Runs both sides; the sink has begun. */
static br_status run_threads(pump *p, uint64_t *rows, br_error *err) {
  pthread_t reader;
  int failed = pthread_create(&reader, NULL, reader_main, p);
  if (failed != 0) {
    return br_error_errno(err, failed, "A thread can't be started");
  }
  br_status st = write_batches(p, rows, err);
  if (st != BR_OK) {
    if (p->source->interrupt != NULL) {
      p->source->interrupt(p->source->context);
    }
    br_queue_abort(p->free_batches);
    br_queue_abort(p->full_batches);
  }
  (void)pthread_join(reader, NULL);
  if (st == BR_OK && p->read_status != BR_OK) {
    st = p->read_status;
    if (err != NULL) {
      *err = p->read_error;
    }
  }
  return st;
}

static br_status run_with_sink(pump *p, uint64_t *rows, br_error *err) {
  br_status st = p->sink->begin(p->sink->context, p->schema, err);
  if (st == BR_OK) {
    st = run_threads(p, rows, err);
  }
  if (st == BR_OK) {
    st = br_cancel_check(p->options.cancel, err);
  }
  if (st == BR_OK) {
    st = p->sink->finish(p->sink->context, err);
  }
  if (st != BR_OK) {
    p->sink->abort(p->sink->context);
  }
  return st;
}

br_status flow_pump(const flow_source *source, const flow_sink *sink, const flow_options *options,
                    uint64_t *ret_rows, br_error *err) {
  pump p = {
      .source = source, .sink = sink, .options = options != NULL ? *options : (flow_options){0}};
  if (p.options.batch_rows == 0) {
    p.options.batch_rows = DEFAULT_BATCH_ROWS;
  }
  if (p.options.batch_bytes == 0) {
    p.options.batch_bytes = DEFAULT_BATCH_BYTES;
  }
  if (p.options.batches == 0) {
    p.options.batches = DEFAULT_BATCHES;
  }
  uint64_t rows = 0;
  br_status st = source->schema(source->context, &p.schema, err);
  if (st == BR_OK) {
    st = fill_ring(&p, err);
  }
  if (st == BR_OK) {
    st = run_with_sink(&p, &rows, err);
  }
  br_queue_free(p.free_batches);
  br_queue_free(p.full_batches);
  if (st == BR_OK && ret_rows != NULL) {
    *ret_rows = rows;
  }
  return st;
}
