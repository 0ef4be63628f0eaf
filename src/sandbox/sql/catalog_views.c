/*
 * catalog_views.c: INFORMATION_SCHEMA, sys.… and Databricks' information_schema: each a query over
 * the catalog's tables. ?D stands for the id of the database asked for (0: the system catalog,
 * which sees all).
 */
#include "base/text.h"
#include "sandbox/sql/catalog.h"
#include "sandbox/sql/functions.h"

#define NAME128(n)                                                                                 \
  { n, SQL_NVARCHAR, 128 }
#define INTEGER(n)                                                                                 \
  { n, SQL_INT, 0 }
#define FLAG(n)                                                                                    \
  { n, SQL_BIT, 0 }
#define END                                                                                        \
  { NULL, SQL_VOID, 0 }
#define TEXT(n)                                                                                    \
  { n, SQL_STRING, 0 }

#define OBJECTS                                                                                    \
  " FROM main.c_object o JOIN main.c_schema s ON s.id = o.schema_id"                               \
  " JOIN main.c_database d ON d.id = s.database_id"
#define COLUMNS OBJECTS " JOIN main.c_column c ON c.object_id = o.id"
#define ORDINAL                                                                                    \
  "(SELECT count(*) FROM main.c_column e WHERE e.object_id = c.object_id AND e.id <= c.id)"
/* Seconds since 1970 as a datetime. */
#define MOMENT(x) "((" x ") * 300 + 25567 * 25920000)"

/* ---- T-SQL ---- */

static const catalog_view_column tables_columns[] = {NAME128("TABLE_CATALOG"),
                                                     NAME128("TABLE_SCHEMA"),
                                                     NAME128("TABLE_NAME"),
                                                     {"TABLE_TYPE", SQL_VARCHAR, 10},
                                                     END};
static const char tables_sql[] =
    "SELECT d.name AS c1, s.name AS c2, o.name AS c3,"
    " CASE o.kind WHEN 'V' THEN 'VIEW' ELSE 'BASE TABLE' END AS c4" OBJECTS
    " WHERE d.id = ?D AND o.kind IN ('U', 'V')";

static const catalog_view_column columns_columns[] = {NAME128("TABLE_CATALOG"),
                                                      NAME128("TABLE_SCHEMA"),
                                                      NAME128("TABLE_NAME"),
                                                      NAME128("COLUMN_NAME"),
                                                      INTEGER("ORDINAL_POSITION"),
                                                      {"COLUMN_DEFAULT", SQL_NVARCHAR, 4000},
                                                      {"IS_NULLABLE", SQL_VARCHAR, 3},
                                                      NAME128("DATA_TYPE"),
                                                      INTEGER("CHARACTER_MAXIMUM_LENGTH"),
                                                      INTEGER("CHARACTER_OCTET_LENGTH"),
                                                      {"NUMERIC_PRECISION", SQL_TINYINT, 0},
                                                      INTEGER("NUMERIC_SCALE"),
                                                      {"DATETIME_PRECISION", SQL_SMALLINT, 0},
                                                      NAME128("COLLATION_NAME"),
                                                      END};
static const char columns_sql[] =
    "SELECT d.name AS c1, s.name AS c2, o.name AS c3, c.name AS c4, " ORDINAL " AS c5,"
    " CASE WHEN c.default_text IS NOT NULL THEN '(' || c.default_text || ')' END AS c6,"
    " CASE c.nullable WHEN 1 THEN 'YES' ELSE 'NO' END AS c7, f_type(c.type, 0) AS c8,"
    " f_type(c.type, 1) AS c9, f_type(c.type, 2) AS c10, f_type(c.type, 3) AS c11,"
    " f_type(c.type, 4) AS c12, f_type(c.type, 5) AS c13, f_type(c.type, 10) AS c14" COLUMNS
    " WHERE d.id = ?D AND o.kind IN ('U', 'V')";

static const catalog_view_column schemata_columns[] = {
    NAME128("CATALOG_NAME"), NAME128("SCHEMA_NAME"), NAME128("SCHEMA_OWNER"), END};
static const char schemata_sql[] =
    "SELECT d.name AS c1, s.name AS c2, 'dbo' AS c3 FROM main.c_schema s JOIN main.c_database d"
    " ON d.id = s.database_id WHERE d.id = ?D";

static const catalog_view_column constraint_columns[] = {NAME128("CONSTRAINT_CATALOG"),
                                                         NAME128("CONSTRAINT_SCHEMA"),
                                                         NAME128("CONSTRAINT_NAME"),
                                                         NAME128("TABLE_CATALOG"),
                                                         NAME128("TABLE_SCHEMA"),
                                                         NAME128("TABLE_NAME"),
                                                         {"CONSTRAINT_TYPE", SQL_VARCHAR, 11},
                                                         END};
static const char constraint_sql[] =
    "SELECT d.name AS c1, s.name AS c2, k.name AS c3, d.name AS c4, s.name AS c5, o.name AS c6,"
    " k.kind AS c7" OBJECTS
    " JOIN (SELECT object_id, name, CASE kind WHEN 'P' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END AS kind"
    " FROM main.c_index WHERE kind IN ('P', 'U') UNION ALL SELECT object_id, name, 'CHECK' FROM"
    " main.c_check UNION ALL SELECT object_id, name, 'FOREIGN KEY' FROM main.c_foreign) k"
    " ON k.object_id = o.id WHERE d.id = ?D";

#define INDEX_KEYS                                                                                 \
  " JOIN main.c_index i ON i.object_id = o.id JOIN json_each('[' || i.columns || ']') j"           \
  " JOIN main.c_column c ON c.object_id = o.id AND c.id = abs(j.value)"
static const catalog_view_column key_columns[] = {
    NAME128("CONSTRAINT_CATALOG"), NAME128("CONSTRAINT_SCHEMA"), NAME128("CONSTRAINT_NAME"),
    NAME128("TABLE_CATALOG"),      NAME128("TABLE_SCHEMA"),      NAME128("TABLE_NAME"),
    NAME128("COLUMN_NAME"),        INTEGER("ORDINAL_POSITION"),  END};
static const char key_sql[] =
    "SELECT d.name AS c1, s.name AS c2, i.name AS c3, d.name AS c4, s.name AS c5, o.name AS c6,"
    " c.name AS c7, j.key + 1 AS c8" OBJECTS INDEX_KEYS " WHERE d.id = ?D AND i.kind IN ('P', 'U')";

static const catalog_view_column databases_columns[] = {
    NAME128("name"),
    INTEGER("database_id"),
    {"create_date", SQL_DATETIME, 0},
    {"compatibility_level", SQL_TINYINT, 0},
    NAME128("collation_name"),
    {"state", SQL_TINYINT, 0},
    {"state_desc", SQL_NVARCHAR, 60},
    FLAG("is_read_only"),
    {"snapshot_isolation_state", SQL_TINYINT, 0},
    FLAG("is_read_committed_snapshot_on"),
    END};
static const char databases_sql[] = "SELECT name AS c1, id AS c2, " MOMENT(
    "created") " AS c3, 160 AS c4,"
               " 'SQL_Latin1_General_CP1_CI_AS' AS c5, 0 AS c6, 'ONLINE' AS c7, 0 AS c8, 1 AS c9, "
               "0 AS c10"
               " FROM main.c_database";

static const catalog_view_column sys_schemas_columns[] = {NAME128("name"), INTEGER("schema_id"),
                                                          INTEGER("principal_id"), END};
static const char sys_schemas_sql[] =
    "SELECT name AS c1, id AS c2, 1 AS c3 FROM main.c_schema WHERE database_id = ?D";

static const catalog_view_column sys_objects_columns[] = {NAME128("name"),
                                                          INTEGER("object_id"),
                                                          INTEGER("schema_id"),
                                                          INTEGER("parent_object_id"),
                                                          {"type", SQL_CHAR, 2},
                                                          {"type_desc", SQL_NVARCHAR, 60},
                                                          {"create_date", SQL_DATETIME, 0},
                                                          {"modify_date", SQL_DATETIME, 0},
                                                          FLAG("is_ms_shipped"),
                                                          FLAG("temporal_type"),
                                                          END};
#define SYS_OBJECTS                                                                                \
  "SELECT o.name AS c1, o.id AS c2, o.schema_id AS c3, 0 AS c4, o.kind || ' ' AS c5,"              \
  " CASE o.kind WHEN 'V' THEN 'VIEW' ELSE 'USER_TABLE' END AS c6, " MOMENT(                        \
      "o.created") " AS c7, " MOMENT("o.modified") " AS c8, 0 AS c9, 0 AS c10" OBJECTS             \
                                                   " WHERE d.id = ?D AND o.kind IN "
static const char sys_objects_sql[] = SYS_OBJECTS "('U', 'V')";
static const char sys_tables_sql[] = SYS_OBJECTS "('U')";
static const char sys_views_sql[] = SYS_OBJECTS "('V')";

static const catalog_view_column sys_columns_columns[] = {INTEGER("object_id"),
                                                          NAME128("name"),
                                                          INTEGER("column_id"),
                                                          {"system_type_id", SQL_TINYINT, 0},
                                                          INTEGER("user_type_id"),
                                                          {"max_length", SQL_SMALLINT, 0},
                                                          {"precision", SQL_TINYINT, 0},
                                                          {"scale", SQL_TINYINT, 0},
                                                          NAME128("collation_name"),
                                                          FLAG("is_nullable"),
                                                          FLAG("is_identity"),
                                                          FLAG("is_computed"),
                                                          FLAG("is_rowguidcol"),
                                                          FLAG("is_sparse"),
                                                          FLAG("is_column_set"),
                                                          FLAG("is_hidden"),
                                                          {"generated_always_type", SQL_TINYINT, 0},
                                                          INTEGER("default_object_id"),
                                                          INTEGER("encryption_type"),
                                                          END};
static const char sys_columns_sql[] =
    "SELECT o.id AS c1, c.name AS c2, c.id AS c3, f_type(c.type, 6) AS c4, f_type(c.type, 6) AS c5,"
    " f_type(c.type, 7) AS c6, f_type(c.type, 8) AS c7, f_type(c.type, 9) AS c8,"
    " f_type(c.type, 10) AS c9, c.nullable AS c10, c.identity AS c11, c.computed IS NOT NULL AS "
    "c12,"
    " 0 AS c13, 0 AS c14, 0 AS c15, 0 AS c16, 0 AS c17, 0 AS c18, NULL AS c19" COLUMNS
    " WHERE d.id = ?D AND o.kind IN ('U', 'V')";

static const catalog_view_column sys_types_columns[] = {NAME128("name"),
                                                        {"system_type_id", SQL_TINYINT, 0},
                                                        INTEGER("user_type_id"),
                                                        INTEGER("schema_id"),
                                                        {"max_length", SQL_SMALLINT, 0},
                                                        {"precision", SQL_TINYINT, 0},
                                                        {"scale", SQL_TINYINT, 0},
                                                        FLAG("is_nullable"),
                                                        FLAG("is_user_defined"),
                                                        END};
static const char sys_types_sql[] =
    "SELECT f_type(value, 0) AS c1, f_type(value, 6) AS c2, f_type(value, 6) AS c3, 4 AS c4,"
    " f_type(value, 7) AS c5, f_type(value, 8) AS c6, f_type(value, 9) AS c7, 1 AS c8, 0 AS c9"
    " FROM "
    "json_each('[1,2,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,20,21,22,23,24,25,26,27,28,29,32]')";

static const catalog_view_column sys_indexes_columns[] = {INTEGER("object_id"),
                                                          NAME128("name"),
                                                          INTEGER("index_id"),
                                                          {"type", SQL_TINYINT, 0},
                                                          {"type_desc", SQL_NVARCHAR, 60},
                                                          FLAG("is_unique"),
                                                          FLAG("is_primary_key"),
                                                          FLAG("is_unique_constraint"),
                                                          FLAG("has_filter"),
                                                          FLAG("is_disabled"),
                                                          END};
static const char sys_indexes_sql[] =
    "SELECT o.id AS c1, i.name AS c2, i.id AS c3, CASE i.clustered WHEN 1 THEN 1 ELSE 2 END AS c4,"
    " CASE i.clustered WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END AS c5, i.is_unique AS c6,"
    " i.kind = 'P' AS c7, i.kind = 'U' AS c8, 0 AS c9, 0 AS c10" OBJECTS
    " JOIN main.c_index i ON i.object_id = o.id WHERE d.id = ?D";

static const catalog_view_column sys_index_columns_columns[] = {INTEGER("object_id"),
                                                                INTEGER("index_id"),
                                                                INTEGER("index_column_id"),
                                                                INTEGER("column_id"),
                                                                {"key_ordinal", SQL_TINYINT, 0},
                                                                FLAG("is_descending_key"),
                                                                FLAG("is_included_column"),
                                                                END};
static const char sys_index_columns_sql[] = "SELECT o.id AS c1, i.id AS c2, j.key + 1 AS c3, c.id "
                                            "AS c4, j.key + 1 AS c5, j.value < 0 AS c6,"
                                            " 0 AS c7" OBJECTS INDEX_KEYS " WHERE d.id = ?D";

static const catalog_view_column sys_identity_columns[] = {INTEGER("object_id"),
                                                           NAME128("name"),
                                                           INTEGER("column_id"),
                                                           {"seed_value", SQL_BIGINT, 0},
                                                           {"increment_value", SQL_BIGINT, 0},
                                                           {"last_value", SQL_BIGINT, 0},
                                                           END};
static const char sys_identity_sql[] =
    "SELECT o.id AS c1, c.name AS c2, c.id AS c3, c.seed AS c4, c.increment AS c5,"
    " o.identity_next - c.increment AS c6" COLUMNS " WHERE d.id = ?D AND c.identity = 1";

/* ---- Databricks ---- */

#define ASKED " (d.id = ?D OR ?D = 0)"

static const catalog_view_column dbx_catalogs_columns[] = {
    TEXT("catalog_name"), TEXT("catalog_owner"), TEXT("comment"), END};
static const char dbx_catalogs_sql[] =
    "SELECT name AS c1, 'sandbox' AS c2, comment AS c3 FROM main.c_database d WHERE" ASKED;

static const catalog_view_column dbx_schemata_columns[] = {
    TEXT("catalog_name"), TEXT("schema_name"), TEXT("schema_owner"), TEXT("comment"), END};
static const char dbx_schemata_sql[] =
    "SELECT d.name AS c1, s.name AS c2, 'sandbox' AS c3, s.comment AS c4 FROM main.c_schema s JOIN"
    " main.c_database d ON d.id = s.database_id WHERE" ASKED;

static const catalog_view_column dbx_tables_columns[] = {TEXT("table_catalog"),
                                                         TEXT("table_schema"),
                                                         TEXT("table_name"),
                                                         TEXT("table_type"),
                                                         TEXT("is_insertable_into"),
                                                         TEXT("table_owner"),
                                                         TEXT("comment"),
                                                         {"created", SQL_TIMESTAMP, 0},
                                                         TEXT("data_source_format"),
                                                         END};
static const char dbx_tables_sql[] =
    "SELECT d.name AS c1, s.name AS c2, o.name AS c3,"
    " CASE o.kind WHEN 'V' THEN 'VIEW' ELSE 'MANAGED' END AS c4,"
    " CASE o.kind WHEN 'V' THEN 'NO' ELSE 'YES' END AS c5, 'sandbox' AS c6, o.comment AS c7,"
    " o.created * 1000000 AS c8, CASE o.kind WHEN 'V' THEN 'UNKNOWN_DATA_SOURCE_FORMAT' ELSE"
    " 'DELTA' END AS c9" OBJECTS " WHERE o.kind IN ('U', 'V') AND" ASKED;

static const catalog_view_column dbx_columns_columns[] = {
    TEXT("table_catalog"),
    TEXT("table_schema"),
    TEXT("table_name"),
    TEXT("column_name"),
    {"ordinal_position", SQL_INT, 0},
    TEXT("column_default"),
    TEXT("is_nullable"),
    TEXT("full_data_type"),
    TEXT("data_type"),
    {"character_maximum_length", SQL_BIGINT, 0},
    {"numeric_precision", SQL_INT, 0},
    {"numeric_scale", SQL_INT, 0},
    TEXT("comment"),
    END};
static const char dbx_columns_sql[] =
    "SELECT d.name AS c1, s.name AS c2, o.name AS c3, c.name AS c4, " ORDINAL " - 1 AS c5,"
    " c.default_text AS c6, CASE c.nullable WHEN 1 THEN 'YES' ELSE 'NO' END AS c7,"
    " lower(coalesce(c.type_text, f_type(c.type, 11))) AS c8, f_type(c.type, 0) AS c9,"
    " f_type(c.type, 1) AS c10, f_type(c.type, 3) AS c11, f_type(c.type, 4) AS c12,"
    " c.comment AS c13" COLUMNS " WHERE o.kind IN ('U', 'V') AND" ASKED;

static const catalog_view_column dbx_volumes_columns[] = {TEXT("volume_catalog"),
                                                          TEXT("volume_schema"),
                                                          TEXT("volume_name"),
                                                          TEXT("volume_type"),
                                                          TEXT("volume_owner"),
                                                          TEXT("comment"),
                                                          END};
static const char dbx_volumes_sql[] =
    "SELECT d.name AS c1, s.name AS c2, o.name AS c3, 'MANAGED' AS c4, 'sandbox' AS c5,"
    " o.comment AS c6" OBJECTS " WHERE o.kind = 'L' AND" ASKED;

static const catalog_view views[] = {
    {"INFORMATION_SCHEMA", "TABLES", ENGINE_TSQL, tables_sql, tables_columns},
    {"INFORMATION_SCHEMA", "COLUMNS", ENGINE_TSQL, columns_sql, columns_columns},
    {"INFORMATION_SCHEMA", "SCHEMATA", ENGINE_TSQL, schemata_sql, schemata_columns},
    {"INFORMATION_SCHEMA", "TABLE_CONSTRAINTS", ENGINE_TSQL, constraint_sql, constraint_columns},
    {"INFORMATION_SCHEMA", "KEY_COLUMN_USAGE", ENGINE_TSQL, key_sql, key_columns},
    {"sys", "databases", ENGINE_TSQL, databases_sql, databases_columns},
    {"sys", "schemas", ENGINE_TSQL, sys_schemas_sql, sys_schemas_columns},
    {"sys", "objects", ENGINE_TSQL, sys_objects_sql, sys_objects_columns},
    {"sys", "all_objects", ENGINE_TSQL, sys_objects_sql, sys_objects_columns},
    {"sys", "tables", ENGINE_TSQL, sys_tables_sql, sys_objects_columns},
    {"sys", "views", ENGINE_TSQL, sys_views_sql, sys_objects_columns},
    {"sys", "columns", ENGINE_TSQL, sys_columns_sql, sys_columns_columns},
    {"sys", "all_columns", ENGINE_TSQL, sys_columns_sql, sys_columns_columns},
    {"sys", "types", ENGINE_TSQL, sys_types_sql, sys_types_columns},
    {"sys", "indexes", ENGINE_TSQL, sys_indexes_sql, sys_indexes_columns},
    {"sys", "index_columns", ENGINE_TSQL, sys_index_columns_sql, sys_index_columns_columns},
    {"sys", "identity_columns", ENGINE_TSQL, sys_identity_sql, sys_identity_columns},
    {"information_schema", "catalogs", ENGINE_DATABRICKS, dbx_catalogs_sql, dbx_catalogs_columns},
    {"information_schema", "schemata", ENGINE_DATABRICKS, dbx_schemata_sql, dbx_schemata_columns},
    {"information_schema", "tables", ENGINE_DATABRICKS, dbx_tables_sql, dbx_tables_columns},
    {"information_schema", "columns", ENGINE_DATABRICKS, dbx_columns_sql, dbx_columns_columns},
    {"information_schema", "volumes", ENGINE_DATABRICKS, dbx_volumes_sql, dbx_volumes_columns},
};

const catalog_view *catalog_system_view(engine_dialect dialect, const char *schema,
                                        const char *name) {
  for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
    if (views[i].dialect == dialect && br_text_equal_nocase(views[i].schema, schema) &&
        br_text_equal_nocase(views[i].name, name)) {
      return &views[i];
    }
  }
  return NULL;
}
