/* Prints the table of types as Markdown, for docs/internals/types.md. */
#include <stdio.h>

#include "batch/type.h"

/* "d:19,4", or "d:p,s" where the arguments decide. */
static void arrow_format(const batch_type_row *row, char *text, size_t size) {
  const batch_sql_typespec spec = {.type = row->type, .precision = 38, .scale = 0};
  batch_type type;
  if (row->type == BATCH_SQL_DECIMAL) {
    (void)snprintf(text, size, "d:p,s");
  } else if (batch_type_resolve(&spec, NULL, &type, NULL, NULL) == BR_OK) {
    batch_type_arrow_format(&type, text, size);
  }
}

static void print_losses(unsigned loss) {
  const char *between = " ";
  for (unsigned bit = 1; bit <= loss; bit <<= 1) {
    if ((loss & bit) != 0) {
      (void)printf("%s%s", between, batch_loss_text((batch_loss)bit));
      between = "; ";
    }
  }
}

int main(void) {
  (void)printf("| SQL Server | Arrow | Parquet | Delta | may lose | note |\n");
  (void)printf("| --- | --- | --- | --- | --- | --- |\n");
  for (int i = 0; i < BATCH_SQL_TYPE_COUNT; i++) {
    const batch_type_row *row = batch_type_row_of((batch_sql_type)i);
    char format[32] = "";
    arrow_format(row, format, sizeof format);
    (void)printf("| %s | `%s` | %s | %s |", row->name, format, row->parquet_name, row->delta_name);
    print_losses(row->loss);
    (void)printf(" | %s |\n", row->note);
  }
  return 0;
}
