#include "extract/source.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct extract_source {
  tds_conn *conn;
  br_cancel *stop;
  batch_schema
      *schema; /* a copy: the connection's own goes with the result set, batches outlive it */
  uint64_t lossy_values; /* taken over when the rows have ended: the next result counts anew */
  bool lost;             /* reading failed for a passing reason */
  bool ended;            /* the batch has been read to its end */
};

br_status extract_check_columns(const batch_schema *schema, br_error *err) {
  for (size_t i = 0; i < schema->count; i++) {
    const char *name = schema->fields[i].name;
    if (name[0] == '\0') {
      return br_error_set(err, BR_ERR_USAGE, "Column %zu has no name; give it one: … AS column_%zu",
                          i + 1, i + 1);
    }
    for (size_t k = 0; k < i; k++) {
      if (br_text_equal_nocase(name, schema->fields[k].name)) {
        return br_error_set(
            err, BR_ERR_USAGE,
            "Columns %zu and %zu are both named '%s'; give one another name: … AS %s_2", k + 1,
            i + 1, name, name);
      }
    }
  }
  return BR_OK;
}

bool extract_is_passing(const br_error *err) {
  return err->retriable && (err->status == BR_ERR_REMOTE || err->status == BR_ERR_NETWORK);
}

/* Under FMTONLY every branch is gone through, also one that switches it off: what follows would be
 * run. */
static br_status begin_describing(extract_source *s, const char *sql, br_error *err) {
  return strcasestr(sql, "FMTONLY") == NULL
             ? tds_run(s->conn, "SET FMTONLY ON", err)
             : br_error_set(err, BR_ERR_USAGE,
                            "It holds SET FMTONLY, so it can't be planned without being run");
}

/* Sends the query and goes to its result set. */
static br_status start(extract_source *s, const char *sql, bool describe_only, br_error *err) {
  br_status st = describe_only ? begin_describing(s, sql, err) : BR_OK;
  if (st == BR_OK) {
    st = tds_execute(s->conn, sql, strlen(sql), err);
  }
  if (st == BR_OK) {
    st = tds_next_result(s->conn, err);
  }
  if (st == BR_DONE) {
    s->ended = true;
    return br_error_set(err, BR_ERR_USAGE, "It has no result set; a query must end in one SELECT");
  }
  if (st == BR_OK) {
    st = batch_schema_copy(tds_result_schema(s->conn), &s->schema, err);
  }
  return st == BR_OK ? extract_check_columns(s->schema, err) : st;
}

br_status extract_source_open(const tds_options *options, const char *sql, bool describe_only,
                              br_cancel *stop, extract_source **ret_source, br_error *err) {
  extract_source *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  s->stop = stop;
  tds_stage reached = TDS_STAGE_NAME;
  br_status st = tds_connect(options, stop, &s->conn, &reached, err);
  if (st == BR_ERR_TIMEOUT) {
    br_error_append(err, st, " (step %s; test-connection walks through all)",
                    tds_stage_name(reached));
  }
  if (st != BR_OK && st != BR_ERR_REMOTE && err != NULL) {
    err->retriable = false; /* who can't be reached is told at once */
  }
  if (st == BR_OK) {
    st = start(s, sql, describe_only, err);
  }
  if (st != BR_OK) {
    extract_source_close(s);
    return st;
  }
  *ret_source = s;
  return BR_OK;
}

static br_status source_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  (void)err;
  *ret_schema = ((extract_source *)context)->schema;
  return BR_OK;
}

static uint64_t count_lossy(const extract_source *s) {
  uint64_t count = 0;
  for (size_t i = 0; i < s->schema->count; i++) {
    count += tds_values_rounded(s->conn, i);
  }
  return count;
}

/* The rows have ended: nothing but the end of the batch may follow. An error of the server that
 * came behind the rows shows up here. */
static br_status check_end(extract_source *s, br_error *err) {
  s->lossy_values = count_lossy(s);
  br_status st = tds_next_result(s->conn, err);
  if (st == BR_OK) {
    return br_error_set(err, BR_ERR_USAGE,
                        "It has more than one result set; split it into several queries");
  }
  s->ended = true;
  return st;
}

static br_status source_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  extract_source *s = context;
  if (s->ended) {
    return BR_DONE;
  }
  tds_batch_limits limits = {.bytes = max_bytes};
  br_status st = tds_read_batch(s->conn, &limits, b, err);
  if (st == BR_DONE) {
    st = check_end(s, err);
  }
  s->lost = st != BR_OK && st != BR_DONE && err != NULL && extract_is_passing(err);
  return st;
}

br_status extract_source_check_end(extract_source *s, br_error *err) {
  batch *rows = NULL;
  br_status st = batch_new(s->schema, 1, &rows, err);
  if (st == BR_OK) {
    st = source_next(s, rows, 0, err); /* a row: the server runs it nevertheless; that will do */
  }
  batch_free(rows);
  return st == BR_DONE ? BR_OK : st;
}

static void source_interrupt(void *context) {
  br_cancel_request(((extract_source *)context)->stop);
}

flow_source extract_source_as_source(extract_source *source) {
  return (flow_source){.context = source,
                       .schema = source_schema,
                       .next = source_next,
                       .interrupt = source_interrupt};
}

const batch_schema *extract_source_schema(const extract_source *source) {
  return source->schema;
}

uint64_t extract_source_lossy_values(const extract_source *source) {
  /* Not ended: the row limit was reached first. */
  return source->ended ? source->lossy_values : count_lossy(source);
}

bool extract_source_lost(const extract_source *source) {
  return source->lost;
}

void extract_source_close(extract_source *s) {
  if (s == NULL) {
    return;
  }
  if (s->conn != NULL && !s->ended && tds_is_usable(s->conn)) {
    /* The server should not go on with what nobody reads. What comes of it does not matter: the
     * connection is closed. */
    br_status ignored = tds_cancel_query(s->conn, NULL);
    (void)ignored;
  }
  tds_close(s->conn);
  batch_schema_free(s->schema);
  br_free(s);
}
