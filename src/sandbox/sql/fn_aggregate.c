/*
 * fn_aggregate.c: aggregates of generated SQL; all but string_agg may stand in a window.
 *
 *   sum_i(x)  sum_l(x)  SUM of int and smaller (int's range), of bigint
 *   sum_m(x)            SUM of money
 *   sum_d(x)            SUM of decimal: in the form of 38 digits
 *   sum_f(x)            SUM of float
 *   one(x)              the value of a scalar subquery: more than one row is an error
 *   sagg(x, separator, type)  STRING_AGG in the order of the rows
 */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "sandbox/sql/runtime.h"

typedef struct sum_state {
  int64_t count;
  batch_i128 exact;
  double approximate;
  bool overflow;
} sum_state;

static void sum_add(sqlite3_context *context, sqlite3_value *value, int sign) {
  /* SQLite aligns this memory to 8 bytes only: 128-bit integers are copied in and out. */
  void *memory = sqlite3_aggregate_context(context, (int)sizeof(sum_state));
  sum_state state;
  if (memory == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return;
  }
  memcpy(&state, memory, sizeof state);
  sql_value in = sql_value_of(value);
  state.count += sign;
  if (in.form == SQL_FORM_REAL) {
    state.approximate += sign * in.d;
  } else {
    batch_i128 term = sql_decimal_get(&in);
    state.overflow =
        state.overflow || (sign > 0 ? __builtin_add_overflow(state.exact, term, &state.exact)
                                    : __builtin_sub_overflow(state.exact, term, &state.exact));
  }
  memcpy(memory, &state, sizeof state);
}

static void sum_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sum_add(context, argv[0], 1);
}

static void sum_inverse(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sum_add(context, argv[0], -1);
}

static bool sum_get(sqlite3_context *context, sum_state *ret_state) {
  void *memory = sqlite3_aggregate_context(context, 0);
  if (memory == NULL) {
    return false;
  }
  memcpy(ret_state, memory, sizeof *ret_state);
  return ret_state->count > 0;
}

static void integer_value(sqlite3_context *context, int64_t low, int64_t high, const char *word) {
  sum_state state;
  if (!sum_get(context, &state)) {
    return;
  }
  if (state.overflow || state.exact < low || state.exact > high) {
    sql_raise_overflow(context, word);
    return;
  }
  sqlite3_result_int64(context, (int64_t)state.exact);
}

static void sum_i_value(sqlite3_context *context) {
  integer_value(context, INT32_MIN, INT32_MAX, "int");
}

static void sum_l_value(sqlite3_context *context) {
  bool tsql = sql_runtime_of(context)->dialect == ENGINE_TSQL;
  integer_value(context, INT64_MIN, INT64_MAX, tsql ? "bigint" : "long");
}

static void sum_m_value(sqlite3_context *context) {
  integer_value(context, INT64_MIN, INT64_MAX, "money");
}

static void sum_d_value(sqlite3_context *context) {
  sum_state state;
  if (!sum_get(context, &state)) {
    return;
  }
  if (state.overflow || !sql_decimal_fits(state.exact, 38)) {
    sql_raise_overflow(context, "numeric");
    return;
  }
  sql_value out = sql_decimal_put(state.exact, 38, &sql_runtime_of(context)->scratch);
  sql_value_result(context, &out);
}

static void sum_f_value(sqlite3_context *context) {
  sum_state state;
  if (!sum_get(context, &state)) {
    return;
  }
  if (!isfinite(state.approximate)) {
    sql_raise_overflow(context, "float");
    return;
  }
  sqlite3_result_double(context, state.approximate);
}

/* ---- scalar subqueries ---- */

typedef struct one_state {
  int64_t count;
  sqlite3_value *value;
} one_state;

static void one_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  one_state *state = sqlite3_aggregate_context(context, (int)sizeof *state);
  if (state == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (++state->count == 1) {
    state->value = sqlite3_value_dup(argv[0]);
    if (state->value == NULL) {
      sqlite3_result_error_nomem(context);
    }
    return;
  }
  if (runtime->dialect == ENGINE_TSQL) {
    sql_error_set(&runtime->error, 512, 16,
                  "Subquery returned more than 1 value. This is not permitted when the subquery "
                  "follows =, !=, <, <= , >, >= or when the subquery is used as an expression.");
  } else {
    sql_error_condition(&runtime->error, "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000",
                        "More than one row returned by a subquery used as an expression.");
  }
  sql_raise(context);
}

static void one_final(sqlite3_context *context) {
  one_state *state = sqlite3_aggregate_context(context, 0);
  if (state == NULL || state->value == NULL) {
    return;
  }
  sqlite3_result_value(context, state->value);
  sqlite3_value_free(state->value);
  state->value = NULL;
}

/* ---- STRING_AGG ---- */

static void sagg_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  br_buf *buf = sqlite3_aggregate_context(context, (int)sizeof *buf);
  if (buf == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (sqlite3_value_type(argv[0]) == SQLITE_NULL) {
    return;
  }
  br_status st = BR_OK;
  if (buf->max == 0) {
    br_buf_init(buf, BR_MIB(256));
  } else {
    sql_value separator = sql_value_of(argv[1]);
    st = separator.form == SQL_FORM_NULL ? BR_OK
                                         : br_buf_append(buf, separator.p, separator.n, NULL);
  }
  sql_value in = sql_value_of(argv[0]);
  if (st == BR_OK) {
    st = br_buf_append(buf, in.p, in.n, NULL);
  }
  const sql_type type = sql_type_argument(argv[2]);
  if (st == BR_OK && type.length != SQL_LENGTH_MAX && buf->len > type.length &&
      sql_text_units(&type, (const char *)buf->data, buf->len) > type.length) {
    sql_error_set(&sql_runtime_of(context)->error, 9829, 16,
                  "STRING_AGG aggregation result exceeded the limit of 8000 bytes. Use LOB types "
                  "to avoid result truncation.");
    st = BR_ERR_REMOTE;
  }
  if (st != BR_OK) {
    sql_fail_call(context, st);
  }
}

static void sagg_final(sqlite3_context *context) {
  br_buf *buf = sqlite3_aggregate_context(context, 0);
  if (buf == NULL || buf->max == 0) {
    return;
  }
  sqlite3_result_text64(context, buf->len == 0 ? "" : (const char *)buf->data, buf->len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
  br_buf_done(buf);
}

const sql_aggregate sql_aggregates[] = {
    {"sum_i", 1, sum_step, sum_i_value, sum_i_value, sum_inverse},
    {"sum_l", 1, sum_step, sum_l_value, sum_l_value, sum_inverse},
    {"sum_m", 1, sum_step, sum_m_value, sum_m_value, sum_inverse},
    {"sum_d", 1, sum_step, sum_d_value, sum_d_value, sum_inverse},
    {"sum_f", 1, sum_step, sum_f_value, sum_f_value, sum_inverse},
    {"one", 1, one_step, one_final, NULL, NULL},
    {"sagg", 3, sagg_step, sagg_final, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL},
};
