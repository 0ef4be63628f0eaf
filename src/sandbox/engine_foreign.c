/*
 * engine_foreign.c: FOREIGN KEY: which keys can be made
 * (https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints).
 */
#include <stdlib.h>

#include "base/text.h"
#include "sandbox/engine_table.h"

typedef struct foreign_key {
  engine_table_maker *m;
  const sql_constraint *k;
  const char *name;
  const catalog_table *target;
  const catalog_column **own, **other; /* pairs */
  size_t own_count, other_count;
} foreign_key;

static const catalog_column **new_list(engine_table_maker *m, size_t count) {
  return sql_new(m->c, (count + 1) * sizeof(const catalog_column *));
}

/* The columns that names stand for; number: of the error where one is none. */
static bool take_columns(const foreign_key *f, const catalog_column *columns, size_t count,
                         const sql_names *names, int32_t number, const catalog_column **list,
                         size_t *ret_count) {
  size_t taken = 0;
  for (const sql_names *n = names; n != NULL; n = n->next) {
    size_t i = 0;
    while (i < count && !br_text_equal_nocase(columns[i].name, n->name)) {
      i++;
    }
    if (i == count) {
      (void)sql_fail(f->m->c, number, f->k->line,
                     "Foreign key '%s' references invalid column '%s' in %s table '%s'.", f->name,
                     n->name, number == 1769 ? "referencing" : "referenced",
                     number == 1769 ? f->m->name : f->target->name);
      return false;
    }
    list[taken++] = &columns[i];
  }
  *ret_count = taken;
  return true;
}

static size_t names_count(const sql_names *names) {
  size_t count = 0;
  for (const sql_names *n = names; n != NULL; n = n->next) {
    count++;
  }
  return count;
}

/* Without names the primary key is meant. */
static bool take_target_columns(foreign_key *f) {
  const catalog_table *t = f->target;
  if (f->k->target_columns != NULL) {
    f->other = new_list(f->m, names_count(f->k->target_columns));
    return f->other != NULL && take_columns(f, t->columns, t->column_count, f->k->target_columns,
                                            1770, f->other, &f->other_count);
  }
  f->other = new_list(f->m, t->column_count);
  for (size_t i = 0; f->other != NULL && i < t->index_count; i++) {
    const catalog_index *x = &t->indexes[i];
    for (size_t j = 0; x->kind == 'P' && j < x->column_count; j++) {
      f->other[f->other_count++] = catalog_column_id(t, abs(x->columns[j]));
    }
  }
  return f->other != NULL;
}

/* The index's columns are those that the key points to, in any order. */
static bool covers(const foreign_key *f, const catalog_index *x) {
  if (!x->unique || x->column_count != f->other_count) {
    return false;
  }
  for (size_t i = 0; i < f->other_count; i++) {
    size_t j = 0;
    while (j < x->column_count && abs(x->columns[j]) != f->other[i]->id) {
      j++;
    }
    if (j == x->column_count) {
      return false;
    }
  }
  return true;
}

static bool check_target(const foreign_key *f) {
  size_t i = 0;
  while (i < f->target->index_count && !covers(f, &f->target->indexes[i])) {
    i++;
  }
  if (f->other_count != 0 && f->other_count != f->own_count) {
    (void)sql_fail(f->m->c, 8139, f->k->line,
                   "Number of referencing columns in foreign key differs from number of referenced "
                   "columns, table '%s'.",
                   f->m->name);
  } else if (f->other_count == 0 || i == f->target->index_count) {
    (void)sql_fail(f->m->c, 1776, f->k->line,
                   "There are no primary or candidate keys in the referenced table '%s' that match "
                   "the referencing column list in the foreign key '%s'.",
                   f->target->name, f->name);
  }
  return f->m->c->status == BR_OK;
}

/* Lengths of characters and bytes are left alone: they change no comparison here. */
static bool check_pair(const foreign_key *f, const catalog_column *own,
                       const catalog_column *other) {
  const bool text = sql_type_is_text(own->type.kind);
  const bool same_type = own->type.kind == other->type.kind;
  const bool same_collation = !text || own->type.collation == other->type.collation;
  const bool same_form = text || sql_type_family(own->type.kind) == SQL_FAMILY_BINARY ||
                         sql_type_same_form(&own->type, &other->type);
  if (same_type && same_collation && same_form) {
    return true;
  }
  (void)sql_fail(f->m->c,
                 !same_type        ? 1778
                 : !same_collation ? 1757
                                   : 1753,
                 f->k->line,
                 "Column '%s.%s' is not %s referencing column '%s.%s' in foreign key '%s'.%s",
                 f->target->name, other->name,
                 !same_type        ? "the same data type as"
                 : !same_collation ? "of same collation as"
                                   : "the same length or scale as",
                 f->m->name, own->name, f->name,
                 same_type && same_collation ? " Columns participating in a foreign key "
                                               "relationship must be defined with the same length "
                                               "and scale."
                                             : "");
  return false;
}

static bool check_pairs(const foreign_key *f) {
  const bool sets_null = f->k->on_delete == SQL_FK_SET_NULL || f->k->on_update == SQL_FK_SET_NULL;
  for (size_t i = 0; i < f->own_count; i++) {
    if (!check_pair(f, f->own[i], f->other[i])) {
      return false;
    }
    if (sets_null && !f->own[i]->nullable) {
      (void)sql_fail(f->m->c, 1761, f->k->line,
                     "Cannot create the foreign key \"%s\" with the SET NULL referential action, "
                     "because one or more referencing columns are not nullable.",
                     f->name);
      return false;
    }
  }
  return true;
}

static const char *ids_text(const foreign_key *f, const catalog_column *const *columns,
                            size_t count) {
  const char *ids = "";
  for (size_t i = 0; i < count; i++) {
    ids = sql_text(f->m->c, "%s%s%d", ids, i == 0 ? "" : ",", columns[i]->id);
  }
  return ids;
}

static bool insert_key(const foreign_key *f) {
  const char *own = ids_text(f, f->own, f->own_count);
  const char *other = ids_text(f, f->other, f->other_count);
  return own != NULL && other != NULL &&
         catalog_run(f->m->c, f->m->s->db,
                     "INSERT INTO main.c_foreign(object_id, name, columns, target_id,"
                     " target_columns, on_delete, on_update) VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "issisii", f->m->id, f->name, own, f->target->id, other,
                     (int64_t)f->k->on_delete, (int64_t)f->k->on_update);
}

/* From one row that goes, or whose key changes, no table may be reached on two ways, nor the first
 * one again. Behind SET NULL a way ends: the row stays. action: "on_delete" or "on_update". */
static bool check_ways(const foreign_key *f, const char *action) {
  sqlite3_stmt *stmt = catalog_prepare(
      f->m->c, f->m->s->db,
      sql_text(
          f->m->c,
          "WITH RECURSIVE way(first, at, action, length) AS (SELECT target_id, object_id, %s,"
          " 1 FROM main.c_foreign WHERE %s <> 0 UNION ALL SELECT way.first, k.object_id, k.%s,"
          " way.length + 1 FROM way JOIN main.c_foreign k ON k.target_id = way.at WHERE k.%s <> 0"
          " AND way.action = %d AND way.at <> way.first AND way.length < 64) SELECT 1 FROM way"
          " GROUP BY first, at HAVING count(*) > 1 OR first = at LIMIT 1",
          action, action, action, action, (int)SQL_FK_CASCADE),
      "");
  const int rc = stmt == NULL ? SQLITE_ERROR : sqlite3_step(stmt);
  if (stmt != NULL && rc != SQLITE_ROW && rc != SQLITE_DONE) {
    (void)catalog_failed(f->m->c, f->m->s->db);
  }
  (void)sqlite3_finalize(stmt);
  if (rc == SQLITE_ROW) {
    (void)sql_fail(f->m->c, 1785, f->k->line,
                   "Introducing FOREIGN KEY constraint '%s' on table '%s' may cause cycles or "
                   "multiple cascade paths. Specify ON DELETE NO ACTION or ON UPDATE NO ACTION, or "
                   "modify other FOREIGN KEY constraints.",
                   f->name, f->m->name);
  }
  return f->m->c->status == BR_OK;
}

bool table_add_foreign(engine_table_maker *m, const catalog_column *columns, size_t count,
                       const sql_constraint *k) {
  if (m->temporary) {
    return true; /* SQL Server skips them on temporary tables */
  }
  foreign_key f = {.m = m,
                   .k = k,
                   .name = k->name != NULL ? k->name : table_made_name(m, "FK", k->columns->name),
                   .target = catalog_find(m->c, &m->b.names, &k->target, 'U'),
                   .own = new_list(m, names_count(k->columns))};
  if (m->c->status != BR_OK) {
    return false;
  }
  if (f.target == NULL) {
    (void)sql_fail(m->c, 1767, k->line, "Foreign key '%s' references invalid table '%s'.", f.name,
                   k->target.parts[k->target.count - 1]);
    return false;
  }
  if (k->on_update == SQL_FK_CASCADE || k->on_update == SQL_FK_SET_DEFAULT ||
      k->on_delete == SQL_FK_SET_DEFAULT) {
    (void)sql_unsupported(m->c, k->line, "ON UPDATE CASCADE and SET DEFAULT");
    return false;
  }
  return take_columns(&f, columns, count, k->columns, 1769, f.own, &f.own_count) &&
         take_target_columns(&f) && check_target(&f) && check_pairs(&f) && insert_key(&f) &&
         (k->on_delete == SQL_FK_NONE || check_ways(&f, "on_delete")) &&
         (k->on_update == SQL_FK_NONE || check_ways(&f, "on_update"));
}
