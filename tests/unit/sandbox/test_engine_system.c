/* System views and the functions that ask about objects, as tools ask them. */
#include "engine_fixture.h"

static void columns_are_described_as_sys_columns_does(void **state) {
  (void)state;
  CHECK({"CREATE DATABASE shop; USE shop", "#5701 Changed database context to 'shop'.\n"},
        {"CREATE TABLE dbo.Orders (Id int IDENTITY(5,2) CONSTRAINT PK_Orders PRIMARY KEY,"
         " Name nvarchar(40) NOT NULL CONSTRAINT DF_Name DEFAULT N'none',"
         " Code varchar(10) COLLATE Latin1_General_BIN2 NULL, Price decimal(10,2) CONSTRAINT CK_P"
         " CHECK (Price > 0), Twice AS Price * 2, At datetime2(3), Raw varbinary(max))",
         ""},
        {"SELECT c.name, c.column_id, t.name, c.max_length, c.precision, c.scale, c.collation_name,"
         " c.is_nullable, c.is_identity, c.is_computed, c.is_hidden, c.generated_always_type"
         " FROM sys.columns AS c INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id"
         " WHERE c.object_id = OBJECT_ID(N'dbo.Orders') ORDER BY c.column_id",
         "Id|1|int|4|10|0|NULL|false|true|false|false|0\n"
         "Name|2|nvarchar|80|0|0|SQL_Latin1_General_CP1_CI_AS|false|false|false|false|0\n"
         "Code|3|varchar|10|0|0|Latin1_General_BIN2|true|false|false|false|0\n"
         "Price|4|decimal|9|10|2|NULL|true|false|false|false|0\n"
         "Twice|5|decimal|9|12|2|NULL|true|false|true|false|0\n"
         "At|6|datetime2|7|23|3|NULL|true|false|false|false|0\n"
         "Raw|7|varbinary|-1|0|0|NULL|true|false|false|false|0\n"},
        {"SELECT name, seed_value, increment_value, last_value FROM [shop].sys.identity_columns",
         "Id|5|2|NULL\n"},
        {"SELECT name, definition, is_persisted FROM sys.computed_columns",
         "Twice|(Price * 2)|false\n"},
        {"SELECT c.name, d.name, d.definition FROM sys.default_constraints d JOIN sys.columns c ON"
         " c.default_object_id = d.object_id AND c.column_id = d.parent_column_id",
         "Name|DF_Name|(N'none')\n"},
        {"USE master; SELECT COUNT(*) FROM sys.columns WHERE object_id ="
         " OBJECT_ID('shop.dbo.Orders'); SELECT name FROM shop.sys.tables",
         "#5701 Changed database context to 'master'.\n0\nOrders\n"});
}

static void keys_and_foreign_keys_are_described(void **state) {
  (void)state;
  CHECK({"USE shop", "#5701 Changed database context to 'shop'.\n"},
        {"CREATE TABLE Lines (OrderId int NOT NULL, Nr int NOT NULL, Text nvarchar(10), CONSTRAINT"
         " PK_Lines PRIMARY KEY (OrderId, Nr), CONSTRAINT UQ_T UNIQUE (Text), CONSTRAINT FK_O"
         " FOREIGN KEY (OrderId) REFERENCES Orders(Id) ON DELETE CASCADE);"
         "CREATE TABLE Heap (a int); CREATE INDEX ix_a ON Heap (a DESC)",
         ""},
        {"SELECT k.name, k.type, i.index_id, i.name FROM sys.key_constraints k JOIN sys.indexes i"
         " ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id WHERE"
         " k.parent_object_id = OBJECT_ID('Lines') ORDER BY k.name",
         "PK_Lines|PK|1|PK_Lines\nUQ_T|UQ|2|UQ_T\n"},
        {"SELECT i.name, i.index_id, i.type_desc, i.is_unique, i.is_primary_key FROM sys.indexes i"
         " WHERE i.object_id = OBJECT_ID('Heap') ORDER BY i.index_id",
         "NULL|0|HEAP|false|false\nix_a|2|NONCLUSTERED|false|false\n"},
        {"SELECT c.name, x.key_ordinal, x.is_descending_key FROM sys.index_columns x JOIN"
         " sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id WHERE"
         " x.object_id = OBJECT_ID('Lines') AND x.index_id = 1 ORDER BY x.key_ordinal",
         "OrderId|1|false\nNr|2|false\n"},
        {"SELECT name, OBJECT_NAME(parent_object_id), OBJECT_NAME(referenced_object_id),"
         " delete_referential_action, delete_referential_action_desc, update_referential_action,"
         " is_disabled FROM sys.foreign_keys",
         "FK_O|Lines|Orders|1|CASCADE|0|false\n"},
        {"SELECT constraint_column_id, COL_NAME(parent_object_id, parent_column_id),"
         " COL_NAME(referenced_object_id, referenced_column_id) FROM sys.foreign_key_columns WHERE"
         " constraint_object_id = OBJECT_ID('FK_O', 'F')",
         "1|OrderId|Id\n"},
        {"SELECT name, definition, is_disabled FROM sys.check_constraints",
         "CK_P|(Price > 0)|false\n"},
        {"SELECT COUNT(*) FROM sys.triggers", "0\n"},
        {"SELECT RTRIM(type), COUNT(*) FROM sys.objects GROUP BY type ORDER BY 1",
         "C|1\nD|1\nF|1\nPK|2\nU|3\nUQ|1\n"});
}

static void functions_answer_for_objects(void **state) {
  (void)state;
  CHECK({"USE shop", "#5701 Changed database context to 'shop'.\n"},
        {"DECLARE @n nvarchar(100) = N'[dbo].[Orders]'; SELECT OBJECT_NAME(OBJECT_ID(@n)),"
         " OBJECT_NAME(OBJECT_ID('shop..Orders', 'U')), OBJECT_ID('Orders', 'V'),"
         " OBJECT_ID('no.such'), OBJECT_SCHEMA_NAME(OBJECT_ID(@n))",
         "Orders|Orders|NULL|NULL|dbo\n"},
        {"SELECT COL_LENGTH('dbo.Orders', 'Name'), COLUMNPROPERTY(OBJECT_ID('Orders'), 'Id',"
         " 'IsIdentity'), COLUMNPROPERTY(OBJECT_ID('Orders'), 'Code', 'AllowsNull'),"
         " COLUMNPROPERTY(OBJECT_ID('Orders'), 'Price', 'Precision')",
         "80|1|1|10\n"},
        {"SELECT TYPE_NAME(56), TYPE_NAME(256), TYPE_ID('nvarchar'), SCHEMA_ID('dbo') -"
         " SCHEMA_ID(), DB_NAME(DB_ID('shop'))",
         "int|sysname|231|0|shop\n"},
        {"SELECT OBJECTPROPERTY(OBJECT_ID('Lines'), 'TableHasPrimaryKey'),"
         " OBJECTPROPERTY(OBJECT_ID('Heap'), 'TableHasPrimaryKey'), IDENT_CURRENT('Orders')",
         "1|0|5\n"},
        {"SELECT DATABASEPROPERTYEX('shop', 'Collation'), DATABASEPROPERTYEX('none', 'Collation'),"
         " CAST(SERVERPROPERTY('EngineEdition') AS int), SERVERPROPERTY('Nothing')",
         "SQL_Latin1_General_CP1_CI_AS|NULL|3|NULL\n"},
        {"SELECT HAS_PERMS_BY_NAME('dbo.Orders', 'OBJECT', 'INSERT'), IS_MEMBER('db_owner')",
         "1|1\n"},
        {"SELECT QUOTENAME('a]b'), QUOTENAME('x', '''')", "[a]]b]|'x'\n"},
        /* echo -n abc | sha256sum; UTF-16LE of N'abc' */
        {"SELECT HASHBYTES('SHA2_256', 'abc'), HASHBYTES('MD5', N'abc'), HASHBYTES('none', 'x')",
         "0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD|"
         "0xCE1473CF80C6B3FDA8E3DFC006ADC315|NULL\n"});
}

static void temporary_tables_are_in_tempdb(void **state) {
  (void)state;
  CHECK({"CREATE TABLE #s (id int NOT NULL, v nvarchar(20) COLLATE Latin1_General_BIN2)", ""},
        {"SELECT CASE WHEN OBJECT_ID('tempdb..#s') IS NULL THEN 'no' ELSE 'yes' END,"
         " OBJECT_NAME(OBJECT_ID('tempdb.dbo.#s', 'U')), OBJECT_ID('tempdb..#t')",
         "yes|#s|NULL\n"},
        {"SELECT name, is_nullable, collation_name FROM tempdb.sys.columns WHERE object_id ="
         " OBJECT_ID('tempdb..#s') ORDER BY column_id",
         "id|false|NULL\nv|true|Latin1_General_BIN2\n"},
        {"CREATE UNIQUE INDEX ux ON #s (id); SELECT i.name, i.is_unique FROM tempdb.sys.indexes i"
         " WHERE i.object_id = OBJECT_ID('tempdb..#s') AND i.index_id > 0",
         "ux|true\n"},
        {"SELECT COL_LENGTH('tempdb..#s', 'v')", "40\n"},
        {"INSERT INTO tempdb..#s VALUES (1, N'x'); SELECT v FROM tempdb.dbo.#s", "(1)\nx\n"},
        {"DROP TABLE IF EXISTS #s; SELECT OBJECT_ID('tempdb..#s')", "NULL\n"},
        {"DROP TABLE IF EXISTS #s, #never", ""});
}

static void texts_run_in_a_scope_of_their_own(void **state) {
  (void)state;
  CHECK(
      {"DECLARE @n int = 4, @o nvarchar(10), @r int; EXEC @r = sp_executesql N'SET @out ="
       " CONCAT(@a, N''-'', @b); SELECT @a + 1', N'@a int, @b varchar(5) = ''d'', @out"
       " nvarchar(10) OUTPUT', @a = @n, @out = @o OUTPUT; SELECT @o, @r, @n",
       "5\n4-d|0|4\n"},
      {"DECLARE @x int = 1; EXEC ('DECLARE @x int = 7; SELECT @x'); SELECT @x", "7\n1\n"},
      {"EXEC (N'CREATE TABLE #inner (a int); INSERT INTO #inner VALUES (3); SELECT a FROM"
       " #inner'); SELECT OBJECT_ID('tempdb..#inner')",
       "(1)\n3\nNULL\n"},
      {"CREATE TABLE #outer (a int); EXEC ('INSERT INTO #outer VALUES (8)'); SELECT a FROM #outer;"
       " DROP TABLE #outer",
       "(1)\n8\n"},
      {"BEGIN TRY EXEC ('SELEC 1') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH", "102\n"},
      {"EXEC ('SELECT nope FROM sys.tables'); SELECT 'goes on'",
       "!207 Invalid column name 'nope'.\ngoes on\n"},
      {"EXEC sp_executesql N'RETURN; SELECT 1'; SELECT 2", "2\n"},
      {"EXEC sp_executesql N'SELECT @a', N'@a int'",
       "!8178 The parameterized query expects the parameter '@a', which was not supplied.\n"},
      {"DECLARE @i int = 0; WHILE @i < 3 BEGIN SET @i += 1; EXEC sp_executesql N'IF @i = 2 SELECT"
       " @i', N'@i int', @i END",
       "2\n"},
      {"EXEC ('EXEC (''SELECT 1'')'); EXEC ('BREAK'); SELECT 3",
       "1\n!135 Cannot use a BREAK statement outside the scope of a WHILE statement.\n3\n"},
      {"EXEC sp_nothing 1", "!2812 Could not find stored procedure 'sp_nothing'.\n"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_described_as_sys_columns_does),
      cmocka_unit_test(keys_and_foreign_keys_are_described),
      cmocka_unit_test(functions_answer_for_objects),
      cmocka_unit_test(temporary_tables_are_in_tempdb),
      cmocka_unit_test(texts_run_in_a_scope_of_their_own),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
