/*
 * profile.h: the parser behind dbx_profile_load(), for files that are in memory already.
 */
#ifndef DATABRICKS_PROFILE_H
#define DATABRICKS_PROFILE_H

#include "databricks/databricks.h"

/* text need not end in NUL; file is its name, for messages. */
br_status dbx_profile_parse(const char *text, size_t length, const char *file, const char *profile,
                            dbx_profile **ret_profile, br_error *err) BR_CHECKED;

#endif
