/* A name of a table, quoted again, is the same name; and the permissions see the table that SQL
 * Server gets. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/table_name.h"
#include "sync/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds) {
    abort();
  }
}

/* The parts from the table on; a schema that isn't named is dbo. */
static void check_same(const sync_name *a, const sync_name *b) {
  const size_t shorter = a->count < b->count ? a->count : b->count;
  for (size_t i = 1; i <= shorter; i++) {
    check(strcmp(a->parts[a->count - i], b->parts[b->count - i]) == 0);
  }
  check(a->count == b->count ||
        (a->count == 1 && b->count == 2 && strcmp(b->parts[0], "dbo") == 0));
}

static void check_permissions(const sync_name *name) {
  static char plain[SYNC_NAME_TEXT_MAX];
  static char storage[SYNC_NAME_TEXT_MAX + AUTH_NAME_EXTRA];
  auth_table_name seen;
  sync_name_plain(name, plain);
  if (auth_table_name_parse(plain, false, storage, &seen, NULL) != BR_OK) {
    return; /* no rule covers it */
  }
  check(strcasecmp(seen.table, name->parts[name->count - 1]) == 0);
  check(strcasecmp(seen.schema, name->count > 1 ? name->parts[name->count - 2] : "dbo") == 0);
  check(name->count < 3 ? seen.database == NULL : strcasecmp(seen.database, name->parts[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char sql[SYNC_NAME_TEXT_MAX];
  char *text = malloc(size + 1);
  check(text != NULL);
  memcpy(text, data, size);
  text[size] = '\0';
  for (int dialect = SYNC_SQLSERVER; dialect <= SYNC_DATABRICKS; dialect++) {
    sync_name name, again;
    if (sync_name_parse((sync_dialect)dialect, text, &name, NULL) != BR_OK) {
      continue;
    }
    sync_name_sql(&name, sql);
    check(sync_name_parse((sync_dialect)dialect, sql, &again, NULL) == BR_OK);
    check_same(&name, &again);
    if (dialect == SYNC_SQLSERVER) {
      check(sync_name_may_mean(&name, &again));
      check_permissions(&name);
    }
  }
  free(text);
  return 0;
}
