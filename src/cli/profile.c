#include "cli/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* NULL: none is named. */
static const char *profile_name(const settings *config) {
  const char *name = settings_get(config, SETTING_DATABRICKS_PROFILE);
  return name != NULL && name[0] != '\0' ? name : NULL;
}

static char *file_path(const settings *config) {
  const char *path = settings_get(config, SETTING_DATABRICKS_CONFIG_FILE);
  const bool given = path != NULL && path[0] != '\0';
  if (given && !br_text_starts_with(path, "~/")) {
    return br_strdup(path);
  }
  const char *home = getenv("HOME");
  return br_asprintf("%s/%s", home == NULL ? "" : home, given ? path + 2 : ".databrickscfg");
}

br_status cli_profile_load(cli_profile *profile, const settings *config, br_error *err) {
  const char *name = profile_name(config);
  if (name == NULL || profile->values != NULL) {
    return BR_OK;
  }
  if (profile->path == NULL) {
    profile->path = file_path(config);
  }
  return profile->path == NULL ? br_error_nomem(err)
                               : dbx_profile_load(profile->path, name, &profile->values, err);
}

void cli_profile_done(cli_profile *profile) {
  dbx_profile_free(profile->values);
  br_free(profile->path);
  br_secret_free(profile->secret);
  *profile = (cli_profile){0};
}

const char *cli_profile_get(const cli_profile *profile, const char *key) {
  return profile->values == NULL ? NULL : dbx_profile_get(profile->values, key);
}

static br_status refuse_placeholder(const settings *config, const char *key, const char *text,
                                    br_error *err) {
  return settings_strict(config) && settings_is_placeholder(text, true)
             ? br_error_set(
                   err, BR_ERR_USAGE,
                   "Strict mode refuses the profile %s: its %s is a placeholder, not a value",
                   profile_name(config), key)
             : BR_OK;
}

br_status cli_profile_secret(cli_profile *profile, const settings *config, const char *key,
                             const br_secret **ret_secret, br_error *err) {
  const char *text = cli_profile_get(profile, key);
  br_status st = BR_OK;
  if (profile->secret == NULL && text != NULL) {
    st = br_secret_new(text, &profile->secret, err);
    st = st == BR_OK ? refuse_placeholder(config, key, text, err) : st;
    profile->secret_key = key;
  }
  *ret_secret = profile->secret;
  return st;
}

/* What belongs to the secret must be what it was. */
static br_status check_same(const cli_profile *profile, const dbx_profile *now, const char *key,
                            br_error *err) {
  const char *before = cli_profile_get(profile, key);
  const char *after = dbx_profile_get(now, key);
  const bool same = before == NULL || after == NULL ? before == after : strcmp(before, after) == 0;
  return same ? BR_OK
              : br_error_set(err, BR_ERR_USAGE,
                             "%s has another %s for its profile now, which counts from the next "
                             "start on",
                             profile->path, key);
}

static br_status take(cli_profile *profile, const settings *config, const dbx_profile *now,
                      bool *ret_replaced, br_error *err) {
  const char *text = dbx_profile_get(now, profile->secret_key);
  if (text == NULL || text[0] == '\0') {
    return br_error_set(err, BR_ERR_USAGE, "the profile %s in %s has no %s", profile_name(config),
                        profile->path, profile->secret_key);
  }
  if (strcmp(text, br_secret_reveal(profile->secret)) == 0) {
    return BR_OK;
  }
  br_status st = check_same(profile, now, "host", err);
  st = st == BR_OK ? check_same(profile, now, "client_id", err) : st;
  st = st == BR_OK ? refuse_placeholder(config, profile->secret_key, text, err) : st;
  st = st == BR_OK ? dbx_credential_check(text, "The secret of the profile", err) : st;
  st = st == BR_OK ? br_secret_replace(profile->secret, text, err) : st;
  *ret_replaced = st == BR_OK;
  return st;
}

br_status cli_profile_refresh(cli_profile *profile, const settings *config, bool *ret_replaced,
                              br_error *err) {
  *ret_replaced = false;
  if (profile->secret == NULL) {
    return BR_OK;
  }
  dbx_profile *now = NULL;
  br_status st = dbx_profile_load(profile->path, profile_name(config), &now, err);
  if (st == BR_OK) {
    st = take(profile, config, now, ret_replaced, err);
    dbx_profile_free(now);
  }
  return st;
}
