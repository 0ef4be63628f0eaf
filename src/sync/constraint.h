/*
 * constraint.h: the constraint of the target that an error of SQL Server names, and how rows of the
 * stage that break it are told from the others.
 */
#ifndef SYNC_CONSTRAINT_H
#define SYNC_CONSTRAINT_H

#include "sync/change_internal.h"

typedef enum sync_constraint_kind {
  SYNC_UNIQUE_KEY,
  SYNC_FOREIGN_KEY,
  SYNC_CHECK
} sync_constraint_kind;

typedef struct sync_constraint {
  sync_constraint_kind kind;
  sync_rows *rows;     /* of the catalog, all constraints of that kind; owned */
  size_t first, count; /* the rows that are about this one */
} sync_constraint;

/* SQL Server says that a constraint was broken. */
bool sync_constraint_is_cause(const br_error *error);
/* By error->native_code and the name in error->message. *ret_found false: none that the stage's
 * columns can be held against. error: of a broken constraint. */
br_status sync_constraint_find(sync_change *change, const br_error *error,
                               sync_constraint *ret_constraint, bool *ret_found,
                               br_error *err) BR_CHECKED;
void sync_constraint_done(sync_constraint *constraint);

/* Whether it speaks of a column of the source. */
bool sync_constraint_has(const sync_constraint *constraint, const char *column);
/* "[a], [b]", the columns of a key. Appended. */
br_status sync_constraint_columns(const sync_constraint *constraint, br_buf *out,
                                  br_error *err) BR_CHECKED;
/* " FROM … AS s WHERE …": the stage's rows that are at fault. Appended. */
br_status sync_constraint_faults(const sync_change *change, const sync_constraint *constraint,
                                 br_buf *sql, br_error *err) BR_CHECKED;

#endif
