#include "sync/reach.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/cascade.h"
#include "sync/change_internal.h"

/* What is asked about a change: below 0 it may reach other tables. */
enum { CASCADES = -1, IS_VIEW = -2, UNSEEN = -3 };

/* ---- the question ---- */

/* Foreign keys of tables that the login may not see are hidden from it, and may cascade all the
 * same. A server that does not know the property answers NULL: then nothing is refused. */
#define HAS_UNSEEN(catalog)                                                                        \
  "OBJECTPROPERTY(OBJECT_ID(@object), N'TableHasForeignRef') = 1 AND NOT EXISTS (SELECT 1 "        \
  "FROM " catalog "sys.foreign_keys AS f WHERE f.referenced_object_id = OBJECT_ID(@object))"

/* The property is of the database that is asked for it, whatever database the id is from: "[db].",
 * or NULL where it is the session's own. */
static const char *other_database(const sync_change *change) {
  const sync_name *name = &change->event->target;
  return name->count == SYNC_NAME_PARTS &&
                 !br_text_equal_nocase(name->parts[0], tds_database(change->conn))
             ? change->target->catalog
             : NULL;
}

/* A number of SQL over the parameter @object, appended: `cascades` where foreign keys carry the
 * change on, `otherwise` where nothing is to be said against it. unseen: the property is asked for.
 * The views of the catalog that are asked are those that slow servers answer soonest. */
static br_status add_number(const sync_change *change, const char *cascades, bool unseen,
                            const char *otherwise, br_buf *sql, br_error *err) {
  const char *catalog = change->target->catalog;
  const sync_event *event = change->event;
  br_status st = br_buf_printf(
      sql, err, "CASE WHEN EXISTS (SELECT 1 FROM %ssys.foreign_keys AS f WHERE ", catalog);
  st = st == BR_OK ? sync_cascades_where(change, sql, err) : st;
  st = st == BR_OK ? br_buf_printf(sql, err, ") THEN %s ", cascades) : st;
  if (st == BR_OK && event->operation == SYNC_DELETE && !event->options.allow_cascade) {
    st = br_buf_printf(sql, err,
                       "WHEN EXISTS (SELECT 1 FROM %ssys.views AS v WHERE v.object_id = "
                       "OBJECT_ID(@object)) THEN %d ",
                       catalog, IS_VIEW);
  }
  if (st == BR_OK && event->operation == SYNC_DELETE && unseen) {
    st = br_buf_printf(sql, err, "WHEN " HAS_UNSEEN("%s") " THEN %d ", catalog, UNSEEN);
  }
  return st == BR_OK ? br_buf_printf(sql, err, "ELSE %s END", otherwise) : st;
}

/* One statement, run in the database ("[db]."; NULL: the session's). */
static br_status ask_in(const sync_change *change, const char *database, bool unseen,
                        int64_t *ret_number, br_error *err) {
  char sql[SYNC_NAME_TEXT_MAX + 128];
  br_buf question;
  br_buf_init(&question, SYNC_SQL_MAX);
  br_status st = br_buf_text(&question, "SELECT ", err);
  st = st == BR_OK ? add_number(change, "-1", unseen, "0", &question, err) : st;
  const char *text = st == BR_OK ? br_buf_cstr(&question) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK && database != NULL) {
    (void)snprintf(
        sql, sizeof sql,
        "EXEC %ssys.sp_executesql @question, N'@object nvarchar(4000)', @object = @object",
        database);
  }
  const tds_parameter parameters[] = {sync_text_parameter("object", change->target->sql),
                                      sync_text_parameter("question", text)};
  st = st == BR_OK ? sync_query_number(change->conn, database == NULL ? text : sql, parameters,
                                       database == NULL ? 1 : 2, ret_number, err)
                   : st;
  br_buf_done(&question);
  return st;
}

/* A server without this procedure, or with none in other databases, is one that does not know the
 * property. */
static bool is_unknown(const br_error *why) {
  enum { NO_PROCEDURE = 2812, NO_MAPPING = 33557097 /* Babelfish's, for what has no number */ };
  return why->status == BR_ERR_REMOTE &&
         (why->native_code == NO_PROCEDURE || why->native_code == NO_MAPPING);
}

static br_status ask(const sync_change *change, int64_t *ret_number, br_error *err) {
  const bool deletion = change->event->operation == SYNC_DELETE;
  const char *other = deletion ? other_database(change) : NULL;
  br_error why = BR_ERROR_INIT;
  if (other == NULL) {
    return ask_in(change, NULL, deletion, ret_number, err);
  }
  const br_status st = ask_in(change, other, true, ret_number, &why);
  if (st != BR_OK && is_unknown(&why) && tds_is_usable(change->conn)) {
    return ask_in(change, NULL, false, ret_number, err);
  }
  if (st != BR_OK && err != NULL) {
    *err = why;
  }
  return st;
}

/* ---- without allow_cascade ---- */

static br_status explain(const sync_change *change, int64_t number, br_error *err) {
  if (number == IS_VIEW) {
    return br_error_set(err, BR_ERR_DATA,
                        "%s is a view: the foreign keys to the tables behind it are not looked at, "
                        "so it is not known whether deleting from it would change other tables; "
                        "name the table, or set metadata.allow_cascade to true",
                        change->target->plain);
  }
  /* A key can be seen where its table can't: then its table has no name for this login. */
  br_status st = number == CASCADES ? sync_cascades_refuse(change, err) : BR_OK;
  return st == BR_OK
             ? br_error_set(err, BR_ERR_DATA,
                            "Foreign keys of tables that this login may not see refer to %s, so it "
                            "is not known whether %s it would change other tables; grant VIEW "
                            "DEFINITION on them, or set metadata.allow_cascade to true",
                            change->target->plain,
                            change->event->operation == SYNC_DELETE ? "deleting from" : "updating")
             : st;
}

/* ---- with it ---- */

/* Only who may write every table may write one without a name. */
static br_status check_unseen(const sync_change *change, br_error *err) {
  br_status st = change->may_change(change->may_change_context, SYNC_UNSEEN_TABLE, err);
  return st == BR_ERR_AUTH ? br_error_set(err, st,
                                          "The change of %s may reach tables that this login may "
                                          "not see, and its user may not write every table; grant "
                                          "the login VIEW DEFINITION on them",
                                          change->target->plain)
                           : st;
}

static br_status check_table(const sync_change *change, const char *table, br_error *err) {
  br_status st = change->may_change(change->may_change_context, table, err);
  return st == BR_OK ? st
                     : br_error_context(err, st, "The change of %s would change %s too",
                                        change->target->plain, table);
}

static br_status check_rights(const sync_change *change, int64_t number, br_error *err) {
  if (number == UNSEEN) {
    return check_unseen(change, err);
  }
  sync_cascades found;
  br_status st = sync_cascades_find(change, &found, err);
  for (size_t i = 0; i < found.count && st == BR_OK; i++) {
    const char *table = found.items[i].table;
    if (sync_cascades_is_first(&found, i, SYNC_CASCADE_TABLE)) {
      st = table == NULL ? check_unseen(change, err) : check_table(change, table, err);
    }
  }
  sync_cascades_done(&found);
  return st;
}

/* ---- both ---- */

/* Nobody is there to be asked. */
static bool is_free(const sync_change *change) {
  return change->event->options.allow_cascade && change->may_change == NULL;
}

static br_status judge(const sync_change *change, int64_t number, br_error *err) {
  return number >= 0                            ? BR_OK
         : change->event->options.allow_cascade ? check_rights(change, number, err)
                                                : explain(change, number, err);
}

br_status sync_reach_refuse(const sync_change *change, br_error *err) {
  int64_t number = 0;
  br_status st = is_free(change) ? BR_OK : ask(change, &number, err);
  return st == BR_OK ? judge(change, number, err)
                     : br_error_context(err, st, "foreign keys to %s", change->target->plain);
}

/* Where the number says what is wrong no row is counted, for none stays changed. (In another
 * database the property is asked for before the transaction alone.) */
static br_status run_and_look(const sync_change *change, br_buf *sql,
                              const tds_parameter *parameters, size_t count, int64_t *ret_rows,
                              br_error *err) {
  const bool allowed = change->event->options.allow_cascade;
  int64_t number = 0;
  br_status st = br_buf_text(sql, "; SELECT ", err);
  st = st == BR_OK
           ? add_number(change, allowed ? "-1 - ROWCOUNT_BIG()" : "-1",
                        !allowed && other_database(change) == NULL, "ROWCOUNT_BIG()", sql, err)
           : st;
  st = st == BR_OK ? sync_run_for_number(change->conn, sql, parameters, count, &number, err) : st;
  st = st == BR_OK ? judge(change, allowed && number < 0 ? CASCADES : number, err) : st;
  if (st == BR_OK) {
    *ret_rows = number < 0 ? -1 - number : number;
  }
  return st;
}

br_status sync_reach_run(const sync_change *change, br_buf *sql, const tds_parameter *parameters,
                         size_t count, int64_t *ret_rows, br_error *err) {
  if (is_free(change)) {
    return sync_run_counted(change->conn, sql, parameters, count, ret_rows, err);
  }
  tds_parameter *all = br_calloc(count + 1, sizeof *all);
  if (all == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    all[i] = parameters[i];
  }
  all[count] = sync_text_parameter("object", change->target->sql);
  br_status st = run_and_look(change, sql, all, count + 1, ret_rows, err);
  br_free(all);
  return st;
}
