/*
 * catalog_views.c: INFORMATION_SCHEMA, sys.… and Databricks' information_schema: each a query over
 * the catalog's tables. ?D stands for the id of the database asked for (0: the system catalog,
 * which sees all), ?S for the schema with the tables of objects ("main", or "temp" for #temp
 * tables), ?N for the sign of their ids ("" or "-").
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
  " FROM ?S.c_object o JOIN main.c_schema s ON s.id = o.schema_id"                                 \
  " JOIN main.c_database d ON d.id = s.database_id"
#define COLUMNS OBJECTS " JOIN ?S.c_column c ON c.object_id = o.id"
#define ORDINAL                                                                                    \
  "(SELECT count(*) FROM ?S.c_column e WHERE e.object_id = c.object_id AND e.id <= c.id)"
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
    " FROM ?S.c_index WHERE kind IN ('P', 'U') UNION ALL SELECT object_id, name, 'CHECK' FROM"
    " ?S.c_check UNION ALL SELECT object_id, name, 'FOREIGN KEY' FROM ?S.c_foreign) k"
    " ON k.object_id = o.id WHERE d.id = ?D";

#define INDEX_KEYS                                                                                 \
  " JOIN ?S.c_index i ON i.object_id = o.id JOIN json_each('[' || i.columns || ']') j"             \
  " JOIN ?S.c_column c ON c.object_id = o.id AND c.id = abs(j.value)"
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
    INTEGER("source_database_id"),
    {"create_date", SQL_DATETIME, 0},
    {"compatibility_level", SQL_TINYINT, 0},
    NAME128("collation_name"),
    {"user_access", SQL_TINYINT, 0},
    {"user_access_desc", SQL_NVARCHAR, 60},
    FLAG("is_read_only"),
    {"state", SQL_TINYINT, 0},
    {"state_desc", SQL_NVARCHAR, 60},
    {"snapshot_isolation_state", SQL_TINYINT, 0},
    {"snapshot_isolation_state_desc", SQL_NVARCHAR, 60},
    FLAG("is_read_committed_snapshot_on"),
    {"recovery_model", SQL_TINYINT, 0},
    {"recovery_model_desc", SQL_NVARCHAR, 60},
    FLAG("is_cdc_enabled"),
    FLAG("is_encrypted"),
    END};
static const char databases_sql[] = "SELECT name AS c1, id AS c2, NULL AS c3, " MOMENT(
    "created") " AS c4, 160 AS c5,"
               " 'SQL_Latin1_General_CP1_CI_AS' AS c6, 0 AS c7, 'MULTI_USER' AS c8, 0 AS c9, 0 AS "
               "c10,"
               " 'ONLINE' AS c11, 1 AS c12, 'ON' AS c13, 0 AS c14, 1 AS c15, 'FULL' AS c16, 0 AS "
               "c17,"
               " 0 AS c18 FROM main.c_database";

static const catalog_view_column sys_schemas_columns[] = {NAME128("name"), INTEGER("schema_id"),
                                                          INTEGER("principal_id"), END};
static const char sys_schemas_sql[] =
    "SELECT name AS c1, id AS c2, 1 AS c3 FROM main.c_schema WHERE database_id = ?D";

#define OBJECT_ID   "?No.id"
/* Ids of what the catalog counts apart from objects: CATALOG_… of catalog.h. */
#define KEY_ID      "(" CATALOG_KEY_BASE " + ?Ni.id)"
#define CHECK_ID    "(" CATALOG_CHECK_BASE " + ?Nk.id)"
#define FOREIGN_ID  "(" CATALOG_FOREIGN_BASE " + ?Nf.id)"
#define DEFAULT_ID  "(" CATALOG_DEFAULT_ID ")"
#define NOT_SHIPPED FLAG("is_ms_shipped"), FLAG("is_published"), FLAG("is_schema_published")

#define OBJECT_VIEW_COLUMNS                                                                        \
  NAME128("name"), INTEGER("object_id"), INTEGER("principal_id"), INTEGER("schema_id"),            \
      INTEGER("parent_object_id"), {"type", SQL_CHAR, 2}, {"type_desc", SQL_NVARCHAR, 60},         \
      {"create_date", SQL_DATETIME, 0}, {"modify_date", SQL_DATETIME, 0}, NOT_SHIPPED
/* c1 to c12 */
#define OBJECT_VIEW(name, id, parent, type, description)                                           \
  "SELECT " name " AS c1, " id " AS c2, NULL AS c3, o.schema_id AS c4, " parent " AS c5, " type    \
  " AS c6, " description                                                                           \
  " AS c7, " MOMENT("o.created") " AS c8, " MOMENT("o.modified") " AS c9,"                         \
                                                                 " 0 AS c10, 0 AS c11, 0 AS c12"
#define IN_DATABASE(kinds) OBJECTS " WHERE d.id = ?D AND o.kind IN (" kinds ")"

#define OBJECT_ROWS                                                                                \
  OBJECT_VIEW("o.name", OBJECT_ID, "0", "o.kind || ' '",                                           \
              "CASE o.kind WHEN 'V' THEN 'VIEW' ELSE 'USER_TABLE' END")
#define KEY_ROWS                                                                                   \
  OBJECT_VIEW("i.name", KEY_ID, OBJECT_ID, "CASE i.kind WHEN 'P' THEN 'PK' ELSE 'UQ' END",         \
              "CASE i.kind WHEN 'P' THEN 'PRIMARY_KEY_CONSTRAINT' ELSE 'UNIQUE_CONSTRAINT' END")
#define CHECK_ROWS OBJECT_VIEW("k.name", CHECK_ID, OBJECT_ID, "'C '", "'CHECK_CONSTRAINT'")
#define FOREIGN_ROWS                                                                               \
  OBJECT_VIEW("f.name", FOREIGN_ID, OBJECT_ID, "'F '", "'FOREIGN_KEY_CONSTRAINT'")
#define DEFAULT_ROWS                                                                               \
  OBJECT_VIEW("c.default_name", DEFAULT_ID, OBJECT_ID, "'D '", "'DEFAULT_CONSTRAINT'")

#define FROM_KEYS                                                                                  \
  OBJECTS " JOIN ?S.c_index i ON i.object_id = o.id WHERE d.id = ?D AND i.kind IN ('P', 'U')"
#define FROM_CHECKS           OBJECTS " JOIN ?S.c_check k ON k.object_id = o.id WHERE d.id = ?D"
#define FROM_FOREIGNS         OBJECTS " JOIN ?S.c_foreign f ON f.object_id = o.id WHERE d.id = ?D"
#define FROM_DEFAULTS         COLUMNS " WHERE d.id = ?D AND c.default_text IS NOT NULL"
/* As table_made_name() makes them. */
#define IS_MADE(name, prefix) name " LIKE '" prefix "\\_\\_%\\_\\_________' ESCAPE '\\'"

static const catalog_view_column sys_objects_columns[] = {OBJECT_VIEW_COLUMNS, END};
static const char sys_objects_sql[] =
    OBJECT_ROWS IN_DATABASE("'U', 'V'") " UNION ALL " KEY_ROWS FROM_KEYS
                                        " UNION ALL " CHECK_ROWS FROM_CHECKS
                                        " UNION ALL " FOREIGN_ROWS FROM_FOREIGNS
                                        " UNION ALL " DEFAULT_ROWS FROM_DEFAULTS;

static const catalog_view_column sys_tables_columns[] = {OBJECT_VIEW_COLUMNS,
                                                         INTEGER("max_column_id_used"),
                                                         FLAG("is_replicated"),
                                                         FLAG("is_tracked_by_cdc"),
                                                         FLAG("is_memory_optimized"),
                                                         {"temporal_type", SQL_TINYINT, 0},
                                                         {"temporal_type_desc", SQL_NVARCHAR, 60},
                                                         INTEGER("history_table_id"),
                                                         FLAG("is_external"),
                                                         FLAG("is_filetable"),
                                                         END};
static const char sys_tables_sql[] = OBJECT_ROWS
    ", (SELECT max(e.id) FROM ?S.c_column e WHERE e.object_id = o.id) AS c13, 0 AS c14, 0 AS c15,"
    " 0 AS c16, 0 AS c17, 'NON_TEMPORAL_TABLE' AS c18, NULL AS c19, 0 AS c20,"
    " 0 AS c21" IN_DATABASE("'U'");

static const catalog_view_column sys_views_columns[] = {OBJECT_VIEW_COLUMNS, FLAG("is_replicated"),
                                                        FLAG("with_check_option"), END};
static const char sys_views_sql[] = OBJECT_ROWS ", 0 AS c13, 0 AS c14" IN_DATABASE("'V'");

static const catalog_view_column sys_modules_columns[] = {
    INTEGER("object_id"), {"definition", SQL_NVARCHAR, SQL_LENGTH_MAX}, END};
static const char sys_modules_sql[] =
    "SELECT " OBJECT_ID " AS c1, 'CREATE VIEW ' || s.name || '.' || o.name || ' AS ' ||"
    " o.definition AS c2" IN_DATABASE("'V'");

/* There are none of these. */
static const char none_sql[] = OBJECT_ROWS OBJECTS " WHERE 0";
static const catalog_view_column sys_triggers_columns[] = {NAME128("name"),
                                                           INTEGER("object_id"),
                                                           {"parent_class", SQL_TINYINT, 0},
                                                           {"parent_class_desc", SQL_NVARCHAR, 60},
                                                           INTEGER("parent_id"),
                                                           {"type", SQL_CHAR, 2},
                                                           {"type_desc", SQL_NVARCHAR, 60},
                                                           {"create_date", SQL_DATETIME, 0},
                                                           {"modify_date", SQL_DATETIME, 0},
                                                           FLAG("is_ms_shipped"),
                                                           FLAG("is_disabled"),
                                                           FLAG("is_instead_of_trigger"),
                                                           END};

static const catalog_view_column sys_trigger_events_columns[] = {
    INTEGER("object_id"), INTEGER("type"), {"type_desc", SQL_NVARCHAR, 60},
    FLAG("is_first"),     FLAG("is_last"), END};

#define COLUMN_TYPE                                                                                \
  "f_type(c.type, 6) AS c4, f_type(c.type, 6) AS c5, f_type(c.type, 7) AS c6, f_type(c.type, 8)"   \
  " AS c7, f_type(c.type, 9) AS c8, f_type(c.type, 10) AS c9, c.nullable AS c10"
#define COLUMN_VIEW_COLUMNS                                                                        \
  INTEGER("object_id"), NAME128("name"), INTEGER("column_id"), {"system_type_id", SQL_TINYINT, 0}, \
      INTEGER("user_type_id"), {"max_length", SQL_SMALLINT, 0}, {"precision", SQL_TINYINT, 0},     \
      {"scale", SQL_TINYINT, 0}, NAME128("collation_name"), FLAG("is_nullable")
/* c1 to c10 */
#define COLUMN_ROWS "SELECT " OBJECT_ID " AS c1, c.name AS c2, c.id AS c3, " COLUMN_TYPE

static const catalog_view_column sys_columns_columns[] = {COLUMN_VIEW_COLUMNS,
                                                          FLAG("is_ansi_padded"),
                                                          FLAG("is_rowguidcol"),
                                                          FLAG("is_identity"),
                                                          FLAG("is_computed"),
                                                          FLAG("is_filestream"),
                                                          FLAG("is_replicated"),
                                                          INTEGER("xml_collection_id"),
                                                          INTEGER("default_object_id"),
                                                          INTEGER("rule_object_id"),
                                                          FLAG("is_sparse"),
                                                          FLAG("is_column_set"),
                                                          {"generated_always_type", SQL_TINYINT, 0},
                                                          INTEGER("encryption_type"),
                                                          FLAG("is_hidden"),
                                                          FLAG("is_masked"),
                                                          END};
static const char sys_columns_sql[] = COLUMN_ROWS
    ", 1 AS c11, 0 AS c12, c.identity AS c13, c.computed IS NOT NULL AS c14, 0 AS c15, 0 AS c16,"
    " 0 AS c17, CASE WHEN c.default_text IS NULL THEN 0 ELSE " DEFAULT_ID " END AS c18, 0 AS c19,"
    " 0 AS c20, 0 AS c21, 0 AS c22, NULL AS c23, 0 AS c24, 0 AS c25" COLUMNS
    " WHERE d.id = ?D AND o.kind IN ('U', 'V')";

static const catalog_view_column sys_identity_columns[] = {COLUMN_VIEW_COLUMNS,
                                                           FLAG("is_identity"),
                                                           {"seed_value", SQL_BIGINT, 0},
                                                           {"increment_value", SQL_BIGINT, 0},
                                                           {"last_value", SQL_BIGINT, 0},
                                                           FLAG("is_not_for_replication"),
                                                           END};
static const char sys_identity_sql[] = COLUMN_ROWS
    ", 1 AS c11, c.seed AS c12, c.increment AS c13, o.identity_next - c.increment AS c14,"
    " 0 AS c15" COLUMNS " WHERE d.id = ?D AND c.identity = 1";

static const catalog_view_column sys_computed_columns[] = {
    COLUMN_VIEW_COLUMNS,
    FLAG("is_computed"),
    {"definition", SQL_NVARCHAR, SQL_LENGTH_MAX},
    FLAG("is_persisted"),
    END};
static const char sys_computed_sql[] =
    COLUMN_ROWS ", 1 AS c11, '(' || c.computed || ')' AS c12, c.persisted AS c13" COLUMNS
                " WHERE d.id = ?D AND c.computed IS NOT NULL";

static const catalog_view_column sys_types_columns[] = {NAME128("name"),
                                                        {"system_type_id", SQL_TINYINT, 0},
                                                        INTEGER("user_type_id"),
                                                        INTEGER("schema_id"),
                                                        {"max_length", SQL_SMALLINT, 0},
                                                        {"precision", SQL_TINYINT, 0},
                                                        {"scale", SQL_TINYINT, 0},
                                                        NAME128("collation_name"),
                                                        FLAG("is_nullable"),
                                                        FLAG("is_user_defined"),
                                                        FLAG("is_assembly_type"),
                                                        FLAG("is_table_type"),
                                                        END};
/* The types by their kinds at their widest, as SQL Server lists them; sysname beside nvarchar. */
static const char sys_types_sql[] =
    "SELECT coalesce(t.name, f_type(t.type, 0)) AS c1, f_type(t.type, 6) AS c2,"
    " coalesce(t.id, f_type(t.type, 6)) AS c3, 4 AS c4, coalesce(t.length, f_type(t.type, 7)) AS"
    " c5, f_type(t.type, 8) AS c6, f_type(t.type, 9) AS c7, f_type(t.type, 10) AS c8,"
    " t.name IS NULL AS c9, 0 AS c10, 0 AS c11, 0 AS c12"
    " FROM (SELECT f_widest(value) AS type, NULL AS name, NULL AS id, NULL AS length FROM"
    " (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 40) "
    "SELECT value FROM n) WHERE f_widest(value) IS NOT NULL UNION ALL"
    " SELECT f_widest(-1), 'sysname', 256, 256) t";

#define INDEX_ID                                                                                   \
  "CASE i.clustered WHEN 1 THEN 1 ELSE (SELECT count(*) + 1 FROM ?S.c_index y WHERE y.object_id"   \
  " = i.object_id AND y.clustered = 0 AND y.id <= i.id) END"
static const catalog_view_column sys_indexes_columns[] = {
    INTEGER("object_id"),
    NAME128("name"),
    INTEGER("index_id"),
    {"type", SQL_TINYINT, 0},
    {"type_desc", SQL_NVARCHAR, 60},
    FLAG("is_unique"),
    INTEGER("data_space_id"),
    FLAG("ignore_dup_key"),
    FLAG("is_primary_key"),
    FLAG("is_unique_constraint"),
    {"fill_factor", SQL_TINYINT, 0},
    FLAG("is_padded"),
    FLAG("is_disabled"),
    FLAG("is_hypothetical"),
    FLAG("has_filter"),
    {"filter_definition", SQL_NVARCHAR, SQL_LENGTH_MAX},
    END};
#define INDEX_REST " 0 AS c11, 0 AS c12, 0 AS c13, 0 AS c14, 0 AS c15, NULL AS c16"
static const char sys_indexes_sql[] =
    "SELECT " OBJECT_ID " AS c1, i.name AS c2, " INDEX_ID " AS c3, CASE i.clustered WHEN 1 THEN 1"
    " ELSE 2 END AS c4, CASE i.clustered WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END AS c5,"
    " i.is_unique > 0 AS c6, 1 AS c7, i.is_unique = 2 AS c8, i.kind = 'P' AS c9, i.kind = 'U' AS "
    "c10," INDEX_REST OBJECTS " JOIN ?S.c_index i ON i.object_id = o.id WHERE d.id = ?D UNION ALL"
    " SELECT " OBJECT_ID ", NULL, 0, 0, 'HEAP', 0, 1, 0, 0, 0," INDEX_REST OBJECTS
    " WHERE d.id = ?D AND o.kind = 'U' AND NOT EXISTS (SELECT 1 FROM ?S.c_index i WHERE"
    " i.object_id = o.id AND i.clustered = 1)";

static const catalog_view_column sys_index_columns_columns[] = {
    INTEGER("object_id"),
    INTEGER("index_id"),
    INTEGER("index_column_id"),
    INTEGER("column_id"),
    {"key_ordinal", SQL_TINYINT, 0},
    {"partition_ordinal", SQL_TINYINT, 0},
    FLAG("is_descending_key"),
    FLAG("is_included_column"),
    END};
static const char sys_index_columns_sql[] =
    "SELECT " OBJECT_ID " AS c1, " INDEX_ID " AS c2, j.key + 1 AS c3, c.id AS c4, j.key + 1 AS c5,"
    " 0 AS c6, j.value < 0 AS c7, 0 AS c8" OBJECTS INDEX_KEYS " WHERE d.id = ?D";

/* ---- constraints ---- */

static const catalog_view_column sys_keys_columns[] = {
    OBJECT_VIEW_COLUMNS, INTEGER("unique_index_id"), FLAG("is_system_named"), FLAG("is_enforced"),
    END};
static const char sys_keys_sql[] =
    KEY_ROWS ", " INDEX_ID " AS c13, CASE i.kind WHEN 'P' THEN " IS_MADE(
        "i.name", "PK") " ELSE " IS_MADE("i.name", "UQ") " END AS c14, 1 AS c15" FROM_KEYS;

static const catalog_view_column sys_checks_columns[] = {
    OBJECT_VIEW_COLUMNS,
    FLAG("is_disabled"),
    FLAG("is_not_for_replication"),
    FLAG("is_not_trusted"),
    INTEGER("parent_column_id"),
    {"definition", SQL_NVARCHAR, SQL_LENGTH_MAX},
    FLAG("uses_database_collation"),
    FLAG("is_system_named"),
    END};
static const char sys_checks_sql[] =
    CHECK_ROWS ", 0 AS c13, 0 AS c14, 0 AS c15, 0 AS c16, k.text AS c17, 1 AS c18,"
               " " IS_MADE("k.name", "CK") " AS c19" FROM_CHECKS;

static const catalog_view_column sys_defaults_columns[] = {
    OBJECT_VIEW_COLUMNS,
    INTEGER("parent_column_id"),
    {"definition", SQL_NVARCHAR, SQL_LENGTH_MAX},
    FLAG("is_system_named"),
    END};
static const char sys_defaults_sql[] = DEFAULT_ROWS
    ", c.id AS c13, '(' || c.default_text || ')' AS c14, " IS_MADE("c.default_name",
                                                                   "DF") " AS c15" FROM_DEFAULTS;

#define ACTION(x)                                                                                  \
  "CASE " x                                                                                        \
  " WHEN 1 THEN 'CASCADE' WHEN 2 THEN 'SET_NULL' WHEN 3 THEN 'SET_DEFAULT' ELSE 'NO_ACTION' END"
static const catalog_view_column sys_foreigns_columns[] = {
    OBJECT_VIEW_COLUMNS,
    INTEGER("referenced_object_id"),
    INTEGER("key_index_id"),
    FLAG("is_disabled"),
    FLAG("is_not_for_replication"),
    FLAG("is_not_trusted"),
    {"delete_referential_action", SQL_TINYINT, 0},
    {"delete_referential_action_desc", SQL_NVARCHAR, 60},
    {"update_referential_action", SQL_TINYINT, 0},
    {"update_referential_action_desc", SQL_NVARCHAR, 60},
    FLAG("is_system_named"),
    END};
static const char sys_foreigns_sql[] = FOREIGN_ROWS
    ", ?Nf.target_id AS c13, coalesce((SELECT " INDEX_ID " FROM ?S.c_index i WHERE i.object_id ="
    " f.target_id AND i.columns = f.target_columns AND i.is_unique > 0 LIMIT 1), 1) AS c14,"
    " 0 AS c15, 0 AS c16, 0 AS c17, f.on_delete AS c18, " ACTION(
        "f.on_delete") " AS c19,"
                       " f.on_update AS c20, " ACTION("f.on_update") " AS c21, " IS_MADE(
                           "f.name", "FK") " AS c22" FROM_FOREIGNS;

static const catalog_view_column sys_foreign_columns[] = {INTEGER("constraint_object_id"),
                                                          INTEGER("constraint_column_id"),
                                                          INTEGER("parent_object_id"),
                                                          INTEGER("parent_column_id"),
                                                          INTEGER("referenced_object_id"),
                                                          INTEGER("referenced_column_id"),
                                                          END};
static const char sys_foreign_columns_sql[] =
    "SELECT " FOREIGN_ID " AS c1, j.key + 1 AS c2, " OBJECT_ID
    " AS c3, j.value AS c4, ?Nf.target_id"
    " AS c5, (SELECT value FROM json_each('[' || f.target_columns || ']') t WHERE t.key = j.key)"
    " AS c6" OBJECTS " JOIN ?S.c_foreign f ON f.object_id = o.id JOIN json_each('[' || f.columns ||"
    " ']') j WHERE d.id = ?D";

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
    {"sys", "tables", ENGINE_TSQL, sys_tables_sql, sys_tables_columns},
    {"sys", "views", ENGINE_TSQL, sys_views_sql, sys_views_columns},
    {"sys", "sql_modules", ENGINE_TSQL, sys_modules_sql, sys_modules_columns},
    {"sys", "columns", ENGINE_TSQL, sys_columns_sql, sys_columns_columns},
    {"sys", "all_columns", ENGINE_TSQL, sys_columns_sql, sys_columns_columns},
    {"sys", "identity_columns", ENGINE_TSQL, sys_identity_sql, sys_identity_columns},
    {"sys", "computed_columns", ENGINE_TSQL, sys_computed_sql, sys_computed_columns},
    {"sys", "types", ENGINE_TSQL, sys_types_sql, sys_types_columns},
    {"sys", "indexes", ENGINE_TSQL, sys_indexes_sql, sys_indexes_columns},
    {"sys", "index_columns", ENGINE_TSQL, sys_index_columns_sql, sys_index_columns_columns},
    {"sys", "key_constraints", ENGINE_TSQL, sys_keys_sql, sys_keys_columns},
    {"sys", "check_constraints", ENGINE_TSQL, sys_checks_sql, sys_checks_columns},
    {"sys", "default_constraints", ENGINE_TSQL, sys_defaults_sql, sys_defaults_columns},
    {"sys", "foreign_keys", ENGINE_TSQL, sys_foreigns_sql, sys_foreigns_columns},
    {"sys", "foreign_key_columns", ENGINE_TSQL, sys_foreign_columns_sql, sys_foreign_columns},
    {"sys", "triggers", ENGINE_TSQL, none_sql, sys_triggers_columns},
    {"sys", "trigger_events", ENGINE_TSQL, none_sql, sys_trigger_events_columns},
    {"sys", "procedures", ENGINE_TSQL, none_sql, sys_objects_columns},
    {"sys", "synonyms", ENGINE_TSQL, none_sql, sys_objects_columns},
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
