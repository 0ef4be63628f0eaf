#include "sync/reach.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sync/cascade.h"
#include "sync/query.h"

enum { SQL_ROOM = 4 * SYNC_NAME_TEXT_MAX + 1024 };

/* What sync_reach_number() says. */
enum { CASCADES = -1, IS_VIEW = -2, UNSEEN = -3 };

/* ---- without allow_cascade ---- */

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

br_status sync_reach_number(const sync_change *change, const char *otherwise, br_buf *sql,
                            br_error *err) {
  const char *catalog = change->target->catalog;
  br_status st = br_buf_printf(
      sql, err,
      "CASE WHEN EXISTS (SELECT 1 FROM %ssys.foreign_keys AS f WHERE f.referenced_object_id = "
      "OBJECT_ID(@object) AND f.delete_referential_action <> 0 AND f.is_disabled = 0) THEN %d "
      "WHEN EXISTS (SELECT 1 FROM %ssys.objects AS o WHERE o.object_id = OBJECT_ID(@object) AND "
      "o.type = 'V') THEN %d ",
      catalog, CASCADES, catalog, IS_VIEW);
  if (st == BR_OK && other_database(change) == NULL) {
    st = br_buf_printf(sql, err, "WHEN " HAS_UNSEEN("%s") " THEN %d ", catalog, UNSEEN);
  }
  return st == BR_OK ? br_buf_printf(sql, err, "ELSE %s END", otherwise) : st;
}

static br_status refuse_unseen(const sync_change *change, br_error *err) {
  return br_error_set(err, BR_ERR_DATA,
                      "Foreign keys of tables that this login may not see refer to %s, so it is "
                      "not known whether deleting from it would change other tables; grant VIEW "
                      "DEFINITION on them, or set metadata.allow_cascade to true",
                      change->target->plain);
}

br_status sync_reach_explain(const sync_change *change, int64_t number, br_error *err) {
  if (number == IS_VIEW) {
    return br_error_set(err, BR_ERR_DATA,
                        "%s is a view: the foreign keys to the tables behind it are not looked at, "
                        "so it is not known whether deleting from it would change other tables; "
                        "name the table, or set metadata.allow_cascade to true",
                        change->target->plain);
  }
  /* A key can be seen where its table can't: then its table has no name for this login. */
  br_status st = number == CASCADES ? sync_cascades_refuse(change, err) : BR_OK;
  return st == BR_OK ? refuse_unseen(change, err) : st;
}

/* A server without this procedure, or with none in other databases, is one that does not know the
 * property. */
static bool is_unknown(const br_error *why) {
  enum { NO_PROCEDURE = 2812, NO_MAPPING = 33557097 /* Babelfish's, for what has no number */ };
  return why->status == BR_ERR_REMOTE &&
         (why->native_code == NO_PROCEDURE || why->native_code == NO_MAPPING);
}

static br_status ask_other(sync_change *change, const char *database, int64_t *ret_number,
                           br_error *err) {
  static const char question[] = "SELECT CASE WHEN " HAS_UNSEEN("") " THEN 1 ELSE 0 END";
  char sql[SYNC_NAME_TEXT_MAX + 256];
  br_error why = BR_ERROR_INIT;
  int64_t unseen = 0;
  (void)snprintf(sql, sizeof sql,
                 "EXEC %ssys.sp_executesql @question, N'@object nvarchar(4000)', @object = @object",
                 database);
  const tds_parameter parameters[] = {sync_text_parameter("question", question),
                                      sync_text_parameter("object", change->target->sql)};
  br_status st = sync_query_number(change->conn, sql, parameters, 2, &unseen, &why);
  if (st != BR_OK && !(is_unknown(&why) && tds_is_usable(change->conn))) {
    *err = why;
    return st;
  }
  *ret_number = st == BR_OK && unseen == 1 ? UNSEEN : 0;
  return BR_OK;
}

/* What no foreign key that can be seen says. */
static br_status refuse_unknown(sync_change *change, br_error *err) {
  int64_t number = 0;
  br_buf sql;
  br_buf_init(&sql, SQL_ROOM);
  br_status st = br_buf_text(&sql, "SELECT ", err);
  st = st == BR_OK ? sync_reach_number(change, "0", &sql, err) : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  const tds_parameter object = sync_text_parameter("object", change->target->sql);
  st = st == BR_OK ? sync_query_number(change->conn, text, &object, 1, &number, err) : st;
  br_buf_done(&sql);
  const char *other = other_database(change);
  if (st == BR_OK && number == 0 && other != NULL) {
    st = ask_other(change, other, &number, err);
  }
  return st == BR_OK && number < 0 ? sync_reach_explain(change, number, err) : st;
}

/* ---- with it ---- */

static bool is_first_of_its_table(const sync_cascades *found, size_t index) {
  for (size_t i = 0; i < index; i++) {
    if (found->items[i].table_id == found->items[index].table_id) {
      return false;
    }
  }
  return true;
}

static br_status check_rights(const sync_change *change, br_error *err) {
  if (change->may_change == NULL) {
    return BR_OK;
  }
  sync_cascades found;
  br_status st = sync_cascades_find(change, &found, err);
  for (size_t i = 0; i < found.count && st == BR_OK; i++) {
    const char *table = found.items[i].table;
    if (is_first_of_its_table(&found, i)) {
      st = change->may_change(change->may_change_context, table, err);
      if (st != BR_OK) {
        br_error_context(err, st, "The change of %s would change %s too", change->target->plain,
                         table);
      }
    }
  }
  sync_cascades_done(&found);
  return st;
}

/* ---- both ---- */

br_status sync_reach_refuse(sync_change *change, br_error *err) {
  if (change->event->options.allow_cascade) {
    return check_rights(change, err);
  }
  br_status st = sync_cascades_refuse(change, err);
  return st == BR_OK && change->event->operation == SYNC_DELETE ? refuse_unknown(change, err) : st;
}

br_status sync_reach_check(const sync_change *change, br_error *err) {
  if (change->event->options.allow_cascade) {
    return check_rights(change, err);
  }
  return change->shelved && change->event->operation != SYNC_DELETE
             ? sync_cascades_refuse(change, err)
             : BR_OK;
}
