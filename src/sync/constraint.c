#include "sync/constraint.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { DUPLICATE_KEY = 2627, DUPLICATE_ROW = 2601, CONFLICT = 547 };

/* Columns of the catalog's rows: the constraint's name first. */
enum { KEY_COLUMN = 1, HAS_FILTER, REFERENCED_COLUMN = 2, REFERENCED_TABLE, DEFINITION = 1 };

/* ---- the catalog ---- */

static br_status ask_catalog(sync_change *change, br_buf *sql, const char *end,
                             sync_rows **ret_rows, br_error *err) {
  br_status st = sync_literal(sql, change->target->sql, err);
  st = st == BR_OK ? br_buf_text(sql, end, err) : st;
  return st == BR_OK ? sync_ask(change->conn, sql, ret_rows, err) : st;
}

static br_status read_keys(sync_change *change, sync_rows **ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  const char *catalog = change->target->catalog;
  br_status st = br_buf_printf(
      &sql, err,
      "SELECT i.name, c.name, i.has_filter FROM %ssys.indexes AS i JOIN %ssys.index_columns AS k "
      "ON k.object_id "
      "= i.object_id AND k.index_id = i.index_id JOIN %ssys.columns AS c ON c.object_id = "
      "k.object_id AND c.column_id = k.column_id WHERE i.is_unique = 1 AND k.key_ordinal > 0 AND "
      "i.object_id = OBJECT_ID(",
      catalog, catalog, catalog);
  st = st == BR_OK ? ask_catalog(change, &sql, ") ORDER BY i.name, k.key_ordinal", ret_rows, err)
                   : st;
  br_buf_done(&sql);
  return st;
}

static br_status read_references(sync_change *change, sync_rows **ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  const char *k = change->target->catalog;
  br_status st = br_buf_text(&sql, "SELECT f.name, c.name, r.name, ", err);
  st = st == BR_OK ? sync_literal(&sql, k, err) : st;
  st =
      st == BR_OK
          ? br_buf_printf(
                &sql, err,
                " + QUOTENAME(s.name) + N'.' + QUOTENAME(o.name) FROM %ssys.foreign_keys AS f JOIN "
                "%ssys.foreign_key_columns AS p ON p.constraint_object_id = "
                "f.object_id JOIN %ssys.columns AS c ON c.object_id = p.parent_object_id AND "
                "c.column_id = "
                "p.parent_column_id JOIN %ssys.columns AS r ON r.object_id = "
                "p.referenced_object_id AND "
                "r.column_id = p.referenced_column_id JOIN %ssys.objects AS o ON o.object_id = "
                "f.referenced_object_id JOIN %ssys.schemas AS s ON s.schema_id = o.schema_id WHERE "
                "f.parent_object_id = OBJECT_ID(",
                k, k, k, k, k, k)
          : st;
  st = st == BR_OK
           ? ask_catalog(change, &sql, ") ORDER BY f.name, p.constraint_column_id", ret_rows, err)
           : st;
  br_buf_done(&sql);
  return st;
}

/* The definition is NULL where the login may not see it. */
static br_status read_checks(sync_change *change, sync_rows **ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(&sql, err,
                               "SELECT k.name, k.definition FROM %ssys.check_constraints AS k "
                               "WHERE k.parent_object_id = OBJECT_ID(",
                               change->target->catalog);
  st = st == BR_OK ? ask_catalog(change, &sql, ") ORDER BY k.name", ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

/* ---- which one ---- */

static bool in_source(const sync_change *change, const char *name) {
  for (size_t i = 0; name != NULL && i < sync_source_columns(change->source); i++) {
    if (strcmp(sync_source_column(change->source, i)->name, name) == 0) {
      return true;
    }
  }
  return false;
}

/* A condition can be looked at where it is known and calls no function (in another database its
 * name could mean another one), a key where the source has its columns and all rows count. */
static bool is_usable(const sync_change *change, const sync_constraint *c, size_t row) {
  const char *definition = sync_rows_text(c->rows, row, DEFINITION);
  switch (c->kind) {
  case SYNC_UNIQUE_KEY:
    return in_source(change, sync_rows_text(c->rows, row, KEY_COLUMN)) &&
           !sync_rows_flag(c->rows, row, HAS_FILTER);
  case SYNC_FOREIGN_KEY:
    return in_source(change, sync_rows_text(c->rows, row, KEY_COLUMN));
  case SYNC_CHECK:
    return definition != NULL &&
           (change->target->catalog[0] == '\0' || strstr(definition, "].[") == NULL);
  }
  return false;
}

/* The rows of one constraint from `first` on; *ret_usable: the source has all its columns. */
static size_t group_length(const sync_change *change, const sync_constraint *c, size_t first,
                           bool *ret_usable) {
  const char *name = sync_rows_text(c->rows, first, 0);
  size_t count = 0;
  *ret_usable = name != NULL;
  for (; first + count < sync_rows_count(c->rows); count++) {
    const char *other = sync_rows_text(c->rows, first + count, 0);
    if (count > 0 && (name == NULL || other == NULL || strcmp(name, other) != 0)) {
      break;
    }
    *ret_usable = *ret_usable && is_usable(change, c, first + count);
  }
  return count;
}

/* The constraint that the message names: the longest name that is in it, for one may begin with
 * another. Returns its name's length, 0 = none. */
static size_t find_group(const sync_change *change, sync_constraint *c, const char *message,
                         bool *ret_usable) {
  size_t longest = 0, count = 0;
  for (size_t i = 0; i < sync_rows_count(c->rows); i += count) {
    const char *name = sync_rows_text(c->rows, i, 0);
    bool usable = false;
    count = group_length(change, c, i, &usable);
    if (name != NULL && strlen(name) > longest && strstr(message, name) != NULL) {
      longest = strlen(name);
      *ret_usable = usable;
      c->first = i;
      c->count = count;
    }
  }
  return longest;
}

static bool is_duplicate(const br_error *error) {
  return error->native_code == DUPLICATE_KEY || error->native_code == DUPLICATE_ROW;
}

bool sync_constraint_is_cause(const br_error *error) {
  return is_duplicate(error) || error->native_code == CONFLICT;
}

br_status sync_constraint_find(sync_change *change, const br_error *error,
                               sync_constraint *ret_constraint, bool *ret_found, br_error *err) {
  static br_status (*const readers[])(sync_change *, sync_rows **,
                                      br_error *) = {[SYNC_UNIQUE_KEY] = read_keys,
                                                     [SYNC_FOREIGN_KEY] = read_references,
                                                     [SYNC_CHECK] = read_checks};
  const sync_constraint_kind first = is_duplicate(error) ? SYNC_UNIQUE_KEY : SYNC_FOREIGN_KEY;
  const sync_constraint_kind last = is_duplicate(error) ? SYNC_UNIQUE_KEY : SYNC_CHECK;
  sync_constraint best = {.rows = NULL};
  size_t longest = 0;
  bool found = false;
  br_status st = BR_OK;
  for (sync_constraint_kind kind = first; kind <= last && st == BR_OK; kind++) {
    sync_constraint c = {.kind = kind};
    bool usable = false;
    st = readers[kind](change, &c.rows, err);
    const size_t length = st == BR_OK ? find_group(change, &c, error->message, &usable) : 0;
    if (length > longest) {
      longest = length;
      found = usable;
      sync_constraint_done(&best);
      best = c;
    } else {
      sync_constraint_done(&c);
    }
  }
  if (st != BR_OK) {
    sync_constraint_done(&best);
    return st;
  }
  *ret_constraint = best;
  *ret_found = found;
  return BR_OK;
}

void sync_constraint_done(sync_constraint *constraint) {
  sync_rows_free(constraint->rows);
  constraint->rows = NULL;
}

/* ---- its rows ---- */

static bool is_word(char c) {
  return isalnum((unsigned char)c) != 0 || (unsigned char)c >= 0x80 || strchr("_@#$", c) != NULL;
}

/* The name stands in the condition as a word. */
static bool mentions(const char *condition, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = condition; *at != '\0'; at++) {
    if (strncasecmp(at, name, length) == 0 && (at == condition || !is_word(at[-1])) &&
        (at[length] == '\0' || !is_word(at[length]))) {
      return true;
    }
  }
  return false;
}

bool sync_constraint_has(const sync_constraint *c, const char *column) {
  if (c->kind == SYNC_CHECK) {
    return mentions(sync_rows_text(c->rows, c->first, DEFINITION), column);
  }
  for (size_t i = 0; i < c->count; i++) {
    if (strcmp(sync_rows_text(c->rows, c->first + i, KEY_COLUMN), column) == 0) {
      return true;
    }
  }
  return false;
}

br_status sync_constraint_columns(const sync_constraint *c, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < c->count && st == BR_OK; i++) {
    st = br_buf_text(out, i == 0 ? "" : ", ", err);
    st = st == BR_OK ? sync_quote(out, SYNC_SQLSERVER,
                                  sync_rows_text(c->rows, c->first + i, KEY_COLUMN), err)
                     : st;
  }
  return st;
}

/* "t.[a] = s.[x] AND …" */
static br_status partner(const sync_constraint *c, br_buf *sql, br_error *err) {
  const size_t theirs = c->kind == SYNC_FOREIGN_KEY ? REFERENCED_COLUMN : KEY_COLUMN;
  br_status st = BR_OK;
  for (size_t i = 0; i < c->count && st == BR_OK; i++) {
    st = br_buf_text(sql, i == 0 ? "t." : " AND t.", err);
    st = st == BR_OK
             ? sync_quote(sql, SYNC_SQLSERVER, sync_rows_text(c->rows, c->first + i, theirs), err)
             : st;
    st = st == BR_OK ? br_buf_text(sql, " = s.", err) : st;
    st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER,
                                  sync_rows_text(c->rows, c->first + i, KEY_COLUMN), err)
                     : st;
  }
  return st;
}

static br_status missing_faults(const sync_change *change, const sync_constraint *c, br_buf *sql,
                                br_error *err) {
  br_status st = br_buf_printf(sql, err, " FROM %s AS s WHERE ", change->stage);
  for (size_t i = 0; i < c->count && st == BR_OK; i++) {
    st = br_buf_text(sql, "s.", err);
    st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER,
                                  sync_rows_text(c->rows, c->first + i, KEY_COLUMN), err)
                     : st;
    st = st == BR_OK ? br_buf_text(sql, " IS NOT NULL AND ", err) : st;
  }
  st = st == BR_OK ? br_buf_printf(sql, err, "NOT EXISTS (SELECT 1 FROM %s AS t WHERE ",
                                   sync_rows_text(c->rows, c->first, REFERENCED_TABLE))
                   : st;
  st = st == BR_OK ? partner(c, sql, err) : st;
  return st == BR_OK ? br_buf_text(sql, ")", err) : st;
}

/* Rows of the target are changed by their keys. */
static bool goes_by_keys(const sync_change *change) {
  return change->event->operation == SYNC_UPDATE || change->event->options.upsert;
}

/* A row that is updated is not in its own way. */
static br_status duplicate_faults(const sync_change *change, const sync_constraint *c, br_buf *sql,
                                  br_error *err) {
  br_status st = br_buf_printf(sql, err, " FROM %s AS s WHERE EXISTS (SELECT 1 FROM %s AS t WHERE ",
                               change->stage, change->target->sql);
  st = st == BR_OK ? partner(c, sql, err) : st;
  if (st == BR_OK && goes_by_keys(change)) {
    st = br_buf_text(sql, " AND NOT (", err);
    st = st == BR_OK ? sync_key_condition(change, "t.", "s.", sql, err) : st;
    st = st == BR_OK ? br_buf_text(sql, ")", err) : st;
  }
  return st == BR_OK ? br_buf_text(sql, ")", err) : st;
}

/* The rows as they would become: what the source lacks stays as the target has it. */
static br_status rows_to_be(const sync_change *change, br_buf *sql, br_error *err) {
  br_status st = br_buf_text(sql, " FROM (SELECT ", err);
  st = st == BR_OK ? sync_column_list(change, SYNC_ALL, "s.", sql, err) : st;
  for (size_t i = 0; i < change->target->count && st == BR_OK; i++) {
    const char *name = change->target->columns[i].name;
    if (!in_source(change, name)) {
      st = br_buf_text(sql, ", t.", err);
      st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
    }
  }
  st = st == BR_OK
           ? br_buf_printf(sql, err, " FROM %s AS s %s JOIN %s AS t ON ", change->stage,
                           change->event->options.upsert ? "LEFT" : "INNER", change->target->sql)
           : st;
  st = st == BR_OK ? sync_key_condition(change, "t.", "s.", sql, err) : st;
  return st == BR_OK ? br_buf_text(sql, ") AS s", err) : st;
}

/* The definition is SQL of the database's own, as the catalog has it, about its columns' names. */
static br_status check_faults(const sync_change *change, const sync_constraint *c, br_buf *sql,
                              br_error *err) {
  br_status st = goes_by_keys(change) ? rows_to_be(change, sql, err)
                                      : br_buf_printf(sql, err, " FROM %s AS s", change->stage);
  return st == BR_OK ? br_buf_printf(sql, err, " WHERE NOT (%s\n)",
                                     sync_rows_text(c->rows, c->first, DEFINITION))
                     : st;
}

br_status sync_constraint_faults(const sync_change *change, const sync_constraint *constraint,
                                 br_buf *sql, br_error *err) {
  switch (constraint->kind) {
  case SYNC_UNIQUE_KEY:
    return duplicate_faults(change, constraint, sql, err);
  case SYNC_FOREIGN_KEY:
    return missing_faults(change, constraint, sql, err);
  case SYNC_CHECK:
    return check_faults(change, constraint, sql, err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "A kind of constraint is not handled");
}
