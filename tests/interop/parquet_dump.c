#include "interop/parquet_dump.h"

br_status parquet_dump(const char *path, FILE *out, br_error *err) {
  (void)out;
  return br_error_set(err, BR_ERR_UNSUPPORTED, "%s: not yet", path);
}
