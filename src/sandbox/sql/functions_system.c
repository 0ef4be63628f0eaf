/*
 * functions_system.c: T-SQL's functions about the server, its databases and their objects.
 *
 * Names of objects are looked up when the statement runs, also those that a variable holds: the
 * text asks the catalog, and f_namepart() takes a name apart.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/functions_tsql.h"

sql_bound *bind_newid(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_new(b, sql_type_of(SQL_GUID), false, "f_newid(0)");
}

sql_bound *tsql_sysname(sql_binder *b, const char *text) {
  const sql_type type = sql_type_text(SQL_NVARCHAR, 128);
  return text == NULL ? bind_literal(b, type, sql_value_null())
                      : bind_literal(b, type, sql_value_text(text, strlen(text)));
}

sql_bound *bind_db_name(sql_binder *b, const sql_call *call) {
  if (call->count == 0) {
    return tsql_sysname(b, b->names.database);
  }
  sql_bound *id = call_integer(b, call, 0);
  return id == NULL ? NULL
                    : bind_new(b, sql_type_text(SQL_NVARCHAR, 128), true,
                               sql_text(b->context,
                                        "(SELECT name FROM main.c_database WHERE id=%s)", id->sql));
}

sql_bound *bind_db_id(sql_binder *b, const sql_call *call) {
  sql_bound *name = call->count == 0 ? bind_string(b, b->names.database) : call_text(b, call, 0);
  return name == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_INT), true,
                        sql_text(b->context, "(SELECT id FROM main.c_database WHERE name=%s)",
                                 name->sql));
}

sql_bound *bind_schema_name(sql_binder *b, const sql_call *call) {
  if (call->count == 0) {
    return tsql_sysname(b, b->names.schema);
  }
  sql_bound *id = call_integer(b, call, 0);
  return id == NULL ? NULL
                    : bind_new(b, sql_type_text(SQL_NVARCHAR, 128), true,
                               sql_text(b->context, "(SELECT name FROM main.c_schema WHERE id=%s)",
                                        id->sql));
}

sql_bound *bind_user_name(sql_binder *b, const sql_call *call) {
  const char *name = call->expr->text;
  bool user = br_text_equal_nocase(name, "USER_NAME") || br_text_equal_nocase(name, "USER") ||
              br_text_equal_nocase(name, "CURRENT_USER") ||
              br_text_equal_nocase(name, "SESSION_USER");
  return tsql_sysname(b, user ? "dbo" : b->environment->user);
}

sql_bound *bind_schema_id(sql_binder *b, const sql_call *call) {
  sql_bound *name = call->count == 0 ? bind_string(b, b->names.schema) : call_text(b, call, 0);
  sql_bound *database = bind_string(b, b->names.database);
  return name == NULL || database == NULL
             ? NULL
             : bind_new(
                   b, sql_type_of(SQL_INT), true,
                   sql_text(b->context,
                            "(SELECT s.id FROM main.c_schema s JOIN main.c_database d ON d.id ="
                            " s.database_id WHERE d.name=%s AND s.name=%s)",
                            database->sql, name->sql));
}

/* ---- objects ---- */

static const char object_kinds[] =
    "SELECT id, schema_id, name, kind || ' ' AS kind, 0 AS parent FROM main.c_object UNION ALL"
    " SELECT " CATALOG_KEY_BASE " + i.id, o.schema_id, i.name, CASE i.kind WHEN 'P' THEN 'PK' ELSE"
    " 'UQ' END, o.id FROM main.c_index i JOIN main.c_object o ON o.id = i.object_id WHERE i.kind IN"
    " ('P', 'U') UNION ALL"
    " SELECT " CATALOG_CHECK_BASE
    " + k.id, o.schema_id, k.name, 'C ', o.id FROM main.c_check k JOIN"
    " main.c_object o ON o.id = k.object_id UNION ALL"
    " SELECT " CATALOG_FOREIGN_BASE " + f.id, o.schema_id, f.name, 'F ', o.id FROM main.c_foreign f"
    " JOIN main.c_object o ON o.id = f.object_id UNION ALL"
    " SELECT " CATALOG_DEFAULT_ID ", o.schema_id, c.default_name, 'D ', o.id FROM main.c_column c"
    " JOIN main.c_object o ON o.id = c.object_id WHERE c.default_text IS NOT NULL";

/* A text that finds the id of an object by its name, a text too. kind: NULL or a text. */
static const char *object_id_text(sql_binder *b, const char *name, const char *kind) {
  sql_bound *database = bind_string(b, b->names.database);
  sql_bound *schema = bind_string(b, b->names.schema);
  if (database == NULL || schema == NULL) {
    return NULL;
  }
  const char *wanted =
      kind == NULL
          ? ""
          : sql_text(b->context, " AND rtrim(x.kind)=rtrim(upper(%s)) COLLATE BINARY", kind);
  const char *temporary =
      !catalog_has_temporary(b->names.db)
          ? ""
          : sql_text(b->context,
                     "SELECT -x.id FROM (SELECT id, name, kind || ' ' AS kind FROM temp.c_object) x"
                     " WHERE x.name=f_namepart(%s,1) COLLATE wci%s UNION ALL ",
                     name, wanted == NULL ? "" : wanted);
  return sql_text(b->context,
                  "(%sSELECT x.id FROM (%s) x JOIN main.c_schema s ON s.id="
                  "x.schema_id JOIN main.c_database d ON d.id=s.database_id WHERE"
                  " x.name=f_namepart(%s,1) COLLATE wci AND s.name=ifnull(f_namepart(%s,2),%s) AND"
                  " d.name=ifnull(f_namepart(%s,3),%s)%s LIMIT 1)",
                  temporary, object_kinds, name, name, schema->sql, name, database->sql, wanted);
}

sql_bound *bind_object_id(sql_binder *b, const sql_call *call) {
  sql_bound *name = call_text(b, call, 0);
  sql_bound *kind = call->count > 1 ? call_text(b, call, 1) : NULL;
  if (name == NULL || (call->count > 1 && kind == NULL)) {
    return NULL;
  }
  const char *sql = object_id_text(b, name->sql, kind == NULL ? NULL : kind->sql);
  return sql == NULL ? NULL : bind_new(b, sql_type_of(SQL_INT), true, sql);
}

sql_bound *bind_object_name(sql_binder *b, const sql_call *call) {
  sql_bound *id = call_integer(b, call, 0);
  if (id == NULL) {
    return NULL;
  }
  const char *temporary =
      catalog_has_temporary(b->names.db)
          ? sql_text(b->context, "SELECT name FROM temp.c_object WHERE id=-%s UNION ALL ", id->sql)
          : "";
  return bind_new(b, sql_type_text(SQL_NVARCHAR, 128), true,
                  sql_text(b->context, "(%sSELECT x.name FROM (%s) x WHERE x.id=%s LIMIT 1)",
                           temporary, object_kinds, id->sql));
}

sql_bound *bind_object_schema_name(sql_binder *b, const sql_call *call) {
  sql_bound *id = call_integer(b, call, 0);
  return id == NULL ? NULL
                    : bind_new(b, sql_type_text(SQL_NVARCHAR, 128), true,
                               sql_text(b->context,
                                        "(SELECT s.name FROM (%s) x JOIN main.c_schema s ON"
                                        " s.id=x.schema_id WHERE x.id=%s LIMIT 1)",
                                        object_kinds, id->sql));
}

/* A constant's text; "" where the argument is none. */
static const char *constant_text(const sql_call *call, size_t index) {
  const sql_bound *arg = call->args[index];
  return arg->literal && arg->value.form == SQL_FORM_TEXT ? arg->value.p : "";
}

sql_bound *bind_objectproperty(sql_binder *b, const sql_call *call) {
  static const struct {
    const char *name, *sql; /* over a row o of c_object */
  } properties[] = {
      {"IsTable", "o.kind='U'"},
      {"IsUserTable", "o.kind='U'"},
      {"IsView", "o.kind='V'"},
      {"IsMSShipped", "0"},
      {"SchemaId", "o.schema_id"},
      {"TableHasPrimaryKey",
       "EXISTS (SELECT 1 FROM main.c_index i WHERE i.object_id=o.id AND i.kind='P')"},
      {"TableHasClustIndex",
       "EXISTS (SELECT 1 FROM main.c_index i WHERE i.object_id=o.id AND i.clustered=1)"},
      {"TableHasIdentity",
       "EXISTS (SELECT 1 FROM main.c_column c WHERE c.object_id=o.id AND c.identity=1)"},
      {"TableHasForeignKey", "EXISTS (SELECT 1 FROM main.c_foreign f WHERE f.object_id=o.id)"},
      {"TableHasForeignRef", "EXISTS (SELECT 1 FROM main.c_foreign f WHERE f.target_id=o.id)"},
      {"TableTemporalType", "0"},
  };
  sql_bound *id = call_integer(b, call, 0);
  for (size_t i = 0; id != NULL && i < sizeof properties / sizeof properties[0]; i++) {
    if (br_text_equal_nocase(constant_text(call, 1), properties[i].name)) {
      return bind_new(b, sql_type_of(SQL_INT), true,
                      sql_text(b->context, "(SELECT %s FROM main.c_object o WHERE o.id=%s)",
                               properties[i].sql, id->sql));
    }
  }
  return id == NULL ? NULL : bind_literal(b, sql_type_of(SQL_INT), sql_value_null());
}

/* Something of a column, by its table's id and its name. value: over a row c of c_column. */
static const char *column_text(sql_binder *b, const char *value, const char *object,
                               const char *where) {
  const char *temporary =
      catalog_has_temporary(b->names.db)
          ? sql_text(b->context,
                     "SELECT %s FROM temp.c_column c WHERE -c.object_id=%s AND %s UNION ALL ",
                     value, object, where)
          : "";
  return sql_text(b->context,
                  "(%sSELECT %s FROM main.c_column c WHERE c.object_id=%s AND %s LIMIT 1)",
                  temporary, value, object, where);
}

sql_bound *bind_col_length(sql_binder *b, const sql_call *call) {
  sql_bound *name = call_text(b, call, 0);
  sql_bound *column = call_text(b, call, 1);
  const char *id = name == NULL || column == NULL ? NULL : object_id_text(b, name->sql, NULL);
  return id == NULL ? NULL
                    : bind_new(b, sql_type_of(SQL_SMALLINT), true,
                               column_text(b, "f_type(c.type,7)", id,
                                           sql_text(b->context, "c.name=%s", column->sql)));
}

sql_bound *bind_col_name(sql_binder *b, const sql_call *call) {
  sql_bound *id = call_integer(b, call, 0);
  sql_bound *column = call_integer(b, call, 1);
  return id == NULL || column == NULL
             ? NULL
             : bind_new(
                   b, sql_type_text(SQL_NVARCHAR, 128), true,
                   column_text(b, "c.name", id->sql, sql_text(b->context, "c.id=%s", column->sql)));
}

sql_bound *bind_columnproperty(sql_binder *b, const sql_call *call) {
  static const struct {
    const char *name, *sql;
  } properties[] = {
      {"AllowsNull", "c.nullable"},
      {"ColumnId", "c.id"},
      {"IsComputed", "(c.computed IS NOT NULL)"},
      {"IsIdentity", "c.identity"},
      {"IsRowGuidCol", "0"},
      {"IsHidden", "0"},
      {"IsSparse", "0"},
      {"IsColumnSet", "0"},
      {"GeneratedAlwaysType", "0"},
      {"CharMaxLen", "f_type(c.type,1)"},
      {"Precision", "coalesce(f_type(c.type,1),f_type(c.type,8))"},
      {"Scale", "f_type(c.type,4)"},
  };
  sql_bound *id = call_integer(b, call, 0);
  sql_bound *column = call_text(b, call, 1);
  if (id == NULL || column == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
    if (br_text_equal_nocase(constant_text(call, 2), properties[i].name)) {
      return bind_new(b, sql_type_of(SQL_INT), true,
                      column_text(b, properties[i].sql, id->sql,
                                  sql_text(b->context, "c.name=%s", column->sql)));
    }
  }
  return bind_literal(b, sql_type_of(SQL_INT), sql_value_null());
}

sql_bound *bind_type_name(sql_binder *b, const sql_call *call) {
  sql_bound *id = call_integer(b, call, 0);
  return id == NULL ? NULL
                    : bind_new(b, sql_type_text(SQL_NVARCHAR, 128), true,
                               sql_text(b->context, "f_typename(%s)", id->sql));
}

sql_bound *bind_type_id(sql_binder *b, const sql_call *call) {
  sql_bound *name = call_text(b, call, 0);
  return name == NULL ? NULL
                      : bind_new(b, sql_type_of(SQL_INT), true,
                                 sql_text(b->context, "f_typeid(f_namepart(%s,1))", name->sql));
}

sql_bound *bind_ident_current(sql_binder *b, const sql_call *call) {
  const sql_type bigint = sql_type_of(SQL_BIGINT);
  const sql_type type = sql_type_decimal(38, 0);
  sql_bound *name = call_text(b, call, 0);
  const char *id = name == NULL ? NULL : object_id_text(b, name->sql, NULL);
  sql_bound *number =
      id == NULL
          ? NULL
          : bind_new(
                b, bigint, true,
                sql_text(b->context,
                         "(SELECT ifnull(o.identity_next-c.increment,c.seed) FROM main.c_object"
                         " o JOIN main.c_column c ON c.object_id=o.id AND c.identity=1 WHERE"
                         " o.id=%s)",
                         id));
  return number == NULL
             ? NULL
             : bind_convert(b, number, &type, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
}

/* ---- the server ---- */

sql_bound *bind_yes(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_integer(b, 1);
}

sql_bound *bind_host(sql_binder *b, const sql_call *call) {
  bool host = br_text_equal_nocase(call->expr->text, "HOST_NAME");
  return tsql_sysname(b, host ? "sandbox" : "sql-databricks-bridge");
}

typedef struct property {
  const char *name, *value;
} property;

static sql_bound *bind_property(sql_binder *b, const char *name, const property *properties) {
  for (const property *p = properties; p->name != NULL; p++) {
    if (br_text_equal_nocase(name, p->name)) {
      return tsql_sysname(b, p->value);
    }
  }
  return tsql_sysname(b, NULL);
}

sql_bound *bind_serverproperty(sql_binder *b, const sql_call *call) {
  static const property properties[] = {
      {"ProductVersion", "16.0.1000.6"},
      {"ProductLevel", "RTM"},
      {"ProductMajorVersion", "16"},
      {"ProductMinorVersion", "0"},
      {"Edition", "Developer Edition (64-bit)"},
      {"EngineEdition", "3"},
      {"ServerName", "sandbox"},
      {"MachineName", "sandbox"},
      {"Collation", "SQL_Latin1_General_CP1_CI_AS"},
      {"IsIntegratedSecurityOnly", "0"},
      {"IsClustered", "0"},
      {"IsHadrEnabled", "0"},
      {"IsFullTextInstalled", "0"},
      {NULL, NULL},
  };
  return bind_property(b, constant_text(call, 0), properties);
}

sql_bound *bind_databaseproperty(sql_binder *b, const sql_call *call) {
  static const property properties[] = {
      {"Collation", "SQL_Latin1_General_CP1_CI_AS"},
      {"Status", "ONLINE"},
      {"Updateability", "READ_WRITE"},
      {"UserAccess", "MULTI_USER"},
      {"Recovery", "FULL"},
      {"IsAutoClose", "0"},
      {"IsInStandBy", "0"},
      {NULL, NULL},
  };
  sql_bound *name = call_text(b, call, 0);
  sql_bound *value = bind_property(b, constant_text(call, 1), properties);
  return name == NULL || value == NULL
             ? NULL
             : bind_new(b, value->type, true,
                        sql_text(b->context, "(SELECT %s FROM main.c_database WHERE name=%s)",
                                 value->sql, name->sql));
}

/* HASHBYTES(algorithm, x): the bytes as they are stored, nvarchar in UTF-16. */
sql_bound *bind_hashbytes(sql_binder *b, const sql_call *call) {
  sql_bound *algorithm = call_text(b, call, 0);
  sql_bound *x = call->args[1];
  if (algorithm == NULL || x == NULL) {
    return NULL;
  }
  if (!sql_type_is_text(x->type.kind) && sql_type_family(x->type.kind) != SQL_FAMILY_BINARY) {
    return sql_fail(b->context, 8116, call->expr->line,
                    "Argument data type %s is invalid for argument 2 of hashbytes function.",
                    sql_type_word(ENGINE_TSQL, x->type.kind));
  }
  return bind_new(
      b, sql_type_text(SQL_VARBINARY, 8000), true,
      sql_text(b->context, "f_hash(%s,%s,%lld)", algorithm->sql, x->sql, call_pack(&x->type)));
}

/* APPLOCK_MODE(principal, resource, owner), APPLOCK_TEST(principal, resource, mode, owner) */
sql_bound *bind_applock(sql_binder *b, const sql_call *call) {
  bool test = br_text_equal_nocase(call->expr->text, "APPLOCK_TEST");
  sql_bound *database = bind_string(b, b->names.database);
  const char *sql =
      database == NULL
          ? NULL
          : sql_text(b->context, "(SELECT id FROM main.c_database WHERE name=%s)", database->sql);
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *arg = call_text(b, call, i);
    if (arg == NULL) {
      return NULL;
    }
    sql = sql_text(b->context, "%s,%s", sql, arg->sql);
  }
  return bind_new(b, test ? sql_type_of(SQL_SMALLINT) : sql_type_text(SQL_NVARCHAR, 32), true,
                  sql_text(b->context, test ? "f_lock_test(%s)" : "f_lock_mode(%s)", sql));
}
