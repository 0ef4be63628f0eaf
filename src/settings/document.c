/* docs/SETTINGS.md, made from the table of settings. */
#include <inttypes.h>
#include <string.h>

#include "settings/internal.h"

static const char intro[] =
    "# Settings\n"
    "\n"
    "Made from the table of settings, `src/settings/settings_table.c`; a test compares the two, "
    "and "
    "`BRIDGE_UPDATE_DOCS=1 meson test -C build test_document` writes this page anew.\n"
    "\n"
    "A setting is looked up in the environment first, then in `.env` in the working directory, "
    "then "
    "its default counts. A variable that the environment sets to nothing hides the one in `.env`. "
    "`config show` prints each setting, its value (secrets masked) and where it came from.\n"
    "\n"
    "- Each secret can also come from a file: `NAME_FILE=/run/secrets/name`. One line break at the "
    "end of the file doesn't count. `serve` and `sync` notice when it changes.\n"
    "- `.env` holds lines `NAME=value`, with `export` in front if you like. `# …` behind a blank "
    "is a "
    "comment. Single quotes keep everything as written; double quotes know `\\n`, `\\t`, `\\\"`, "
    "`\\\\`. Nothing is expanded.\n"
    "- An unknown name that begins with `SQLSERVER_`, `DATABRICKS_` or `SYNC_` is a warning with "
    "the "
    "nearest known name, in strict mode an error.\n"
    "- **Strict mode** is `ENVIRONMENT=production` or `USE_DATABRICKS=true`: the settings that a "
    "command needs must be there, placeholders (`your-token`, `changeme`, `<token>`…) are refused, "
    "the sandbox never stands in. All problems are listed at once; exit status 1. `serve` needs "
    "both sides and a warehouse for its poller (with `POLLER_ENABLED=false`: the sides that are "
    "configured), and `AUTH_ENABLED=false` is refused.\n"
    "- **Sandbox**: where no `SQLSERVER_*` and no `DATABRICKS_*` is set at all, the embedded "
    "servers "
    "stand in ([SANDBOX.md](SANDBOX.md)). `USE_DATABRICKS=false` says so for the Databricks side, "
    "`--sandbox [sqlserver|databricks|both]` for either. A side that a command needs and that is "
    "not configured is an error otherwise.\n";

static const char *const group_titles[SETTING_GROUP_COUNT] = {
    [SETTING_GROUP_SERVICE] = "Service",
    [SETTING_GROUP_SYNC] = "Sync",
    [SETTING_GROUP_SQLSERVER] = "SQL Server",
    [SETTING_GROUP_DATABRICKS] = "Databricks",
};

static br_status add_values(const setting_row *row, br_buf *out, br_error *err) {
  switch (row->kind) {
  case SETTING_KIND_BOOL:
    return br_buf_text(out, "true, false", err);
  case SETTING_KIND_NUMBER:
    return row->maximum == UINT64_MAX
               ? br_buf_printf(out, err, "a number from %" PRIu64, row->minimum)
               : br_buf_printf(out, err, "%" PRIu64 " to %" PRIu64, row->minimum, row->maximum);
  case SETTING_KIND_CHOICE:
    for (const char *p = row->choices; *p != '\0'; p++) {
      br_status st = *p == '|' ? br_buf_text(out, ", ", err) : br_buf_u8(out, (uint8_t)*p, err);
      if (st != BR_OK) {
        return st;
      }
    }
    return BR_OK;
  case SETTING_KIND_URL:
    return br_buf_text(out, "https:// address", err);
  case SETTING_KIND_TEXT:
    break;
  }
  return br_buf_text(out, row->secret ? "secret" : "text", err);
}

static br_status add_row(const setting_row *row, br_buf *out, br_error *err) {
  br_status st = br_buf_printf(out, err, "| `%s` | ", row->name);
  if (st == BR_OK) {
    st = add_values(row, out, err);
  }
  if (st == BR_OK) {
    st = row->initial == NULL ? br_buf_text(out, " |", err)
                              : br_buf_printf(out, err, " | `%s`", row->initial);
  }
  return st == BR_OK ? br_buf_printf(out, err, " | %s |\n", row->help) : st;
}

static br_status add_group(setting_group group, br_buf *out, br_error *err) {
  br_status st =
      br_buf_printf(out, err, "\n## %s\n\n| name | values | default | |\n|---|---|---|---|\n",
                    group_titles[group]);
  for (int i = 0; st == BR_OK && i < SETTING_COUNT; i++) {
    if (settings_table[i].group == group) {
      st = add_row(&settings_table[i], out, err);
    }
  }
  return st;
}

br_status settings_document(br_buf *out, br_error *err) {
  br_status st = br_buf_text(out, intro, err);
  for (int group = 0; st == BR_OK && group < SETTING_GROUP_COUNT; group++) {
    st = add_group((setting_group)group, out, err);
  }
  return st == BR_OK ? settings_document_cases(out, err) : st;
}
