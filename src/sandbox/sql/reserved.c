/*
 * reserved.c: the words that are no names without quotes.
 */
#include <string.h>
#include <strings.h>

#include "sandbox/sql/lexer.h"

/* Transact-SQL, "Reserved keywords". Sorted. */
static const char *const reserved_tsql[] = {
    "ADD", "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "AUTHORIZATION", "BACKUP", "BEGIN", "BETWEEN",
    "BREAK", "BROWSE", "BULK", "BY", "CASCADE", "CASE", "CHECK", "CHECKPOINT", "CLOSE", "CLUSTERED",
    "COALESCE", "COLLATE", "COLUMN", "COMMIT", "COMPUTE", "CONSTRAINT", "CONTAINS", "CONTAINSTABLE",
    "CONTINUE", "CONVERT", "CREATE", "CROSS", "CURRENT", "CURRENT_DATE", "CURRENT_TIME",
    "CURRENT_TIMESTAMP", "CURRENT_USER", "CURSOR", "DATABASE", "DBCC", "DEALLOCATE", "DECLARE",
    "DEFAULT", "DELETE", "DENY", "DESC", "DISK", "DISTINCT", "DISTRIBUTED", "DOUBLE", "DROP",
    "DUMP", "ELSE", "END", "ERRLVL", "ESCAPE", "EXCEPT", "EXEC", "EXECUTE", "EXISTS", "EXIT",
    "EXTERNAL", "FETCH", "FILE", "FILLFACTOR", "FOR", "FOREIGN", "FREETEXT", "FREETEXTTABLE",
    "FROM", "FULL", "FUNCTION", "GOTO", "GRANT", "GROUP", "HAVING", "HOLDLOCK", "IDENTITY",
    "IDENTITYCOL", "IDENTITY_INSERT", "IF", "IN", "INDEX", "INNER", "INSERT", "INTERSECT", "INTO",
    "IS", "JOIN", "KEY", "KILL", "LEFT", "LIKE", "LINENO", "LOAD", "MERGE", "NATIONAL", "NOCHECK",
    "NONCLUSTERED", "NOT", "NULL", "NULLIF", "OF", "OFF", "OFFSETS", "ON", "OPEN", "OPENDATASOURCE",
    "OPENQUERY", "OPENROWSET", "OPENXML", "OPTION", "OR", "ORDER", "OUTER", "OVER", "PERCENT",
    "PIVOT", "PLAN", "PRECISION", "PRIMARY", "PRINT", "PROC", "PROCEDURE", "PUBLIC", "RAISERROR",
    "READ", "READTEXT", "RECONFIGURE", "REFERENCES", "REPLICATION", "RESTORE", "RESTRICT", "RETURN",
    "REVERT", "REVOKE", "RIGHT", "ROLLBACK", "ROWCOUNT", "ROWGUIDCOL", "RULE", "SAVE", "SCHEMA",
    "SECURITYAUDIT", "SELECT", "SEMANTICKEYPHRASETABLE", "SEMANTICSIMILARITYDETAILSTABLE",
    "SEMANTICSIMILARITYTABLE", "SESSION_USER", "SET", "SETUSER", "SHUTDOWN", "SOME", "STATISTICS",
    "SYSTEM_USER", "TABLE", "TABLESAMPLE", "TEXTSIZE", "THEN", "TO", "TOP", "TRAN", "TRANSACTION",
    "TRIGGER", "TRUNCATE", "TRY_CONVERT", "TSEQUAL", "UNION", "UNIQUE", "UNPIVOT", "UPDATE",
    "UPDATETEXT", "USE", "USER", "VALUES", "VARYING", "VIEW", "WAITFOR", "WHEN", "WHERE", "WHILE",
    "WITH", "WRITETEXT",
};

/* Words that would make the grammar ambiguous as aliases or columns. Databricks reserves few; these
 * begin or join clauses. Sorted. */
static const char *const reserved_databricks[] = {
    "AND",    "ANTI",  "AS",        "ASC",    "BETWEEN", "CASE",   "CROSS", "DESC",   "DISTINCT",
    "ELSE",   "END",   "EXCEPT",    "EXISTS", "FROM",    "FULL",   "GROUP", "HAVING", "IN",
    "INNER",  "INTERSECT", "IS",    "JOIN",   "LATERAL", "LEFT",   "LIKE",  "LIMIT",  "MINUS",
    "NATURAL", "NOT",  "NULL",      "OFFSET", "ON",      "OR",     "ORDER", "QUALIFY", "RIGHT",
    "SELECT", "SEMI",  "SET",       "THEN",   "UNION",   "USING",  "WHEN",  "WHERE",  "WITH",
};

bool sql_word_reserved(engine_dialect dialect, const char *word, size_t length) {
  const char *const *words = dialect == ENGINE_TSQL ? reserved_tsql : reserved_databricks;
  size_t low = 0;
  size_t high = dialect == ENGINE_TSQL ? sizeof reserved_tsql / sizeof reserved_tsql[0]
                                       : sizeof reserved_databricks / sizeof reserved_databricks[0];
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strncasecmp(word, words[middle], length);
    if (order == 0) {
      order = words[middle][length] == '\0' ? 0 : -1;
    }
    if (order == 0) {
      return true;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return false;
}
