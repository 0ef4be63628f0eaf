/*
 * rest_arrow.h: results as Arrow streams, with the types that a workspace gives them: every decimal
 * has 128 bits.
 */
#ifndef SANDBOX_REST_ARROW_H
#define SANDBOX_REST_ARROW_H

#include "base/buf.h"
#include "sandbox/engine.h"

typedef struct rest_arrow rest_arrow;

/* session: knows the types' own names; NULL: they are plain. BR_ERR_UNSUPPORTED: a nested type,
 * which the engine has as JSON text only. */
br_status rest_arrow_new(const batch_schema *schema, const engine_session *session,
                         rest_arrow **ret_arrow, br_error *err) BR_CHECKED;
void rest_arrow_free(rest_arrow *arrow);
/* Appends the first rows of a batch to a stream, whose beginning it writes where out is empty. */
br_status rest_arrow_put(rest_arrow *arrow, const batch *b, size_t rows, br_buf *out,
                         br_error *err) BR_CHECKED;

#endif
