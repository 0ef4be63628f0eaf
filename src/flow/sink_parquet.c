/*
 * sink_parquet.c: one open file at a time.
 *
 *   batch ──▶ parquet_writer ──▶ write_bytes ──▶ fd and SHA-256
 *
 * A batch goes whole into one file: flow_options.row_boundary keeps batches from crossing max_rows.
 */
#include "flow/sink_parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"

#define DEFAULT_MAX_BYTES (256U * 1024U * 1024U)

struct flow_parquet_sink {
  flow_parquet_options options;
  const batch_schema *schema; /* borrowed from the pump */
  /* The open file; fd is -1 and the rest NULL between files. */
  int fd;
  char *path;
  parquet_writer *writer;
  br_sha256 *hash;
  uint32_t index; /* of the next file to open */
  uint64_t rows;  /* in the open file */
};

static br_status write_bytes(void *context, const void *bytes, size_t length, br_error *err) {
  flow_parquet_sink *s = context;
  br_status st = br_file_write_all(s->fd, bytes, length, s->path, err);
  if (st == BR_OK) {
    st = br_sha256_update(s->hash, bytes, length, err);
  }
  if (st == BR_OK && s->options.progress != NULL) {
    s->options.progress->written_bytes += length;
  }
  return st;
}

static br_status add_metadata(flow_parquet_sink *s, br_error *err) {
  const char *const *pair = s->options.metadata;
  br_status st = BR_OK;
  for (; st == BR_OK && pair != NULL && pair[0] != NULL; pair += 2) {
    st = parquet_writer_metadata(s->writer, pair[0], pair[1], err);
  }
  return st;
}

static br_status open_file(flow_parquet_sink *s, br_error *err) {
  s->path =
      br_asprintf("%s/%s-%05" PRIu32 ".parquet", s->options.folder, s->options.stem, s->index);
  if (s->path == NULL) {
    return br_error_nomem(err);
  }
  s->fd = br_sys.open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (s->fd < 0) {
    br_status st = br_error_errno(err, errno, "%s can't be created", s->path);
    br_free(s->path); /* somebody else's, not to be deleted by abort */
    s->path = NULL;
    return st;
  }
  br_status st = br_sha256_new(&s->hash, err);
  if (st == BR_OK) {
    parquet_output output = {.write = write_bytes, .context = s};
    st = parquet_writer_new(s->schema, &s->options.writer, output, &s->writer, err);
  }
  if (st == BR_OK) {
    st = add_metadata(s, err);
  }
  s->index++;
  s->rows = 0;
  return st;
}

/* Forgets the open file; what is on disk stays. */
static void release_file(flow_parquet_sink *s) {
  parquet_writer_free(s->writer);
  br_sha256_free(s->hash);
  br_free(s->path);
  s->writer = NULL;
  s->hash = NULL;
  s->path = NULL;
}

static br_status close_fd(flow_parquet_sink *s, br_error *err) {
  int fd = s->fd;
  s->fd = -1;
  if (br_sys.close(fd) != 0) {
    return br_error_errno(err, errno, "%s can't be closed", s->path);
  }
  return BR_OK;
}

static br_status finish_file(flow_parquet_sink *s, br_error *err) {
  parquet_summary summary = {0};
  flow_part part = {.path = s->path, .index = s->index - 1};
  br_status st = parquet_writer_finish(s->writer, &summary, err);
  if (st == BR_OK) {
    st = br_sha256_final_hex(s->hash, part.sha256, err);
  }
  if (st == BR_OK) {
    st = close_fd(s, err);
  }
  if (st == BR_OK) {
    part.rows = summary.rows;
    part.bytes = summary.bytes;
    part.row_groups = summary.row_groups;
    st = s->options.on_part(s->options.on_part_context, &part, err);
  }
  if (st == BR_OK) {
    release_file(s);
  }
  return st;
}

static br_status sink_begin(void *context, const batch_schema *schema, br_error *err) {
  flow_parquet_sink *s = context;
  s->schema = schema;
  return open_file(s, err);
}

static bool is_full(const flow_parquet_sink *s) {
  return (s->options.max_rows != 0 && s->rows >= s->options.max_rows) ||
         parquet_writer_bytes(s->writer) >= s->options.max_bytes;
}

/* Opens the next file where the last one is full. Files are closed late, when the next row is
 * there: no empty last file. */
static br_status ensure_room(flow_parquet_sink *s, br_error *err) {
  if (!is_full(s)) {
    return BR_OK;
  }
  br_status st = finish_file(s, err);
  return st == BR_OK ? open_file(s, err) : st;
}

static br_status sink_write(void *context, const batch *b, br_error *err) {
  flow_parquet_sink *s = context;
  br_status st = ensure_room(s, err);
  if (st == BR_OK) {
    st = parquet_writer_write(s->writer, b, err);
  }
  if (st == BR_OK) {
    s->rows += b->rows;
  }
  return st;
}

static br_status sink_finish(void *context, br_error *err) {
  return finish_file(context, err);
}

static void sink_abort(void *context) {
  flow_parquet_sink *s = context;
  if (s->fd >= 0) {
    (void)br_sys.close(s->fd);
    s->fd = -1;
  }
  if (s->path != NULL) {
    (void)br_sys.unlink(s->path);
  }
  release_file(s);
}

br_status flow_parquet_sink_new(const flow_parquet_options *options, flow_parquet_sink **ret_sink,
                                br_error *err) {
  flow_parquet_sink *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  s->options = *options;
  s->fd = -1;
  if (s->options.max_bytes == 0) {
    s->options.max_bytes = DEFAULT_MAX_BYTES;
  }
  *ret_sink = s;
  return BR_OK;
}

flow_sink flow_parquet_sink_as_sink(flow_parquet_sink *sink) {
  return (flow_sink){.context = sink,
                     .begin = sink_begin,
                     .write = sink_write,
                     .finish = sink_finish,
                     .abort = sink_abort};
}

void flow_parquet_sink_free(flow_parquet_sink *sink) {
  if (sink != NULL) {
    sink_abort(sink);
    br_free(sink);
  }
}
