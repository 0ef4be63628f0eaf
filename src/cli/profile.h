/*
 * profile.h: the profile of ~/.databrickscfg that DATABRICKS_PROFILE names. Its secret follows the
 * file while a service runs; all else of it is as it was at the start.
 */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "base/secret.h"
#include "databricks/databricks.h"
#include "settings/settings.h"

typedef struct cli_profile {
  dbx_profile *values;    /* NULL: none is named */
  char *path;             /* of the file */
  br_secret *secret;      /* NULL: nobody has asked for it, or there is none */
  const char *secret_key; /* "token" or "client_secret" */
} cli_profile;

/* Once; where no profile is named, or it has been loaded, nothing happens. */
br_status cli_profile_load(cli_profile *profile, const settings *config, br_error *err) BR_CHECKED;
void cli_profile_done(cli_profile *profile);

/* NULL: no profile, or it has no such key. Borrowed. */
const char *cli_profile_get(const cli_profile *profile, const char *key);

/* The profile's secret of this key ("token" or "client_secret", one of them for good); NULL where
 * it has none. Borrowed. BR_ERR_USAGE: a placeholder, in strict mode. */
br_status cli_profile_secret(cli_profile *profile, const settings *config, const char *key,
                             const br_secret **ret_secret, br_error *err) BR_CHECKED;

/* Looks into the file again: a new secret replaces the old one for all who hold it. One that came
 * with another host or client id is for another workspace or user, and is refused: they are known
 * from the start only. On failure the secret stays. One thread at a time. */
br_status cli_profile_refresh(cli_profile *profile, const settings *config, bool *ret_replaced,
                              br_error *err) BR_CHECKED;

#endif
