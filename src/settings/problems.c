/*
 * problems.c: judging: what is wrong, what is missing, and which sides the sandbox takes.
 */
#include <string.h>

#include "base/text.h"
#include "settings/internal.h"

bool settings_strict(const settings *s) {
  return strcmp(settings_get(s, SETTING_ENVIRONMENT), "production") == 0 ||
         settings_bool(s, SETTING_USE_DATABRICKS);
}

enum { LISTING_MAX = 4 * 1024 * 1024 };

/* What both modes list, in one form: a line each, counted. */
typedef struct listing {
  br_buf *out;
  size_t count;
} listing;

static br_status add_line(listing *list, const char *text, br_error *err) {
  list->count++;
  return br_buf_printf(list->out, err, "%s\n", text);
}

static br_status add_missing(const char *words, listing *list, br_error *err) {
  list->count++;
  return br_buf_printf(list->out, err, "%s is not set\n", words);
}

static br_status need(const settings *s, setting which, listing *list, br_error *err) {
  return settings_is_set(s, which) ? BR_OK : add_missing(settings_name(which), list, err);
}

static br_status list_missing_sqlserver(const settings *s, listing *list, br_error *err) {
  br_status st = need(s, SETTING_SQLSERVER_HOST, list, err);
  if (st == BR_OK) {
    st = need(s, SETTING_SQLSERVER_USERNAME, list, err);
  }
  return st == BR_OK ? need(s, SETTING_SQLSERVER_PASSWORD, list, err) : st;
}

/* A profile may bring host and credentials; whether it does is seen when it is read. */
static br_status list_missing_databricks(const settings *s, listing *list, br_error *err) {
  if (settings_is_set(s, SETTING_DATABRICKS_PROFILE)) {
    return BR_OK;
  }
  br_status st = need(s, SETTING_DATABRICKS_HOST, list, err);
  bool has_id = settings_is_set(s, SETTING_DATABRICKS_CLIENT_ID);
  bool has_secret = settings_is_set(s, SETTING_DATABRICKS_CLIENT_SECRET);
  if (st != BR_OK || settings_is_set(s, SETTING_DATABRICKS_TOKEN) || (has_id && has_secret)) {
    return st;
  }
  if (has_id || has_secret) {
    return need(s, has_id ? SETTING_DATABRICKS_CLIENT_SECRET : SETTING_DATABRICKS_CLIENT_ID, list,
                err);
  }
  return add_missing("DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
                     "DATABRICKS_PROFILE)",
                     list, err);
}

/* Statements are run where the service polls; a profile may name the warehouse. */
static br_status list_missing_warehouse(const settings *s, unsigned needs, listing *list,
                                        br_error *err) {
  const unsigned polled = SETTINGS_SERVICE | SETTINGS_DATABRICKS;
  if ((needs & polled) != polled || !settings_bool(s, SETTING_POLLER_ENABLED) ||
      settings_is_set(s, SETTING_DATABRICKS_WAREHOUSE_ID) ||
      settings_is_set(s, SETTING_DATABRICKS_PROFILE)) {
    return BR_OK;
  }
  return add_missing("DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH)", list, err);
}

static br_status list_missing(const settings *s, unsigned sides, listing *list, br_error *err) {
  br_status st = BR_OK;
  if ((sides & SETTINGS_SQLSERVER) != 0) {
    st = list_missing_sqlserver(s, list, err);
  }
  if (st == BR_OK && (sides & SETTINGS_DATABRICKS) != 0) {
    st = list_missing_databricks(s, list, err);
  }
  return st;
}

/* Placeholders in the settings of the sides named, and in those of no side. */
static br_status list_placeholders(const settings *s, unsigned sides, listing *list,
                                   br_error *err) {
  br_status st = BR_OK;
  for (int i = 0; st == BR_OK && i < SETTING_COUNT; i++) {
    setting which = (setting)i;
    unsigned side = settings_side_of(which);
    const br_secret *secret = settings_secret(s, which);
    const char *text = secret != NULL ? br_secret_reveal(secret) : s->values[i].text;
    if ((side & ~sides) != 0 || text == NULL ||
        !settings_is_placeholder(text, settings_is_secret(which))) {
      continue;
    }
    list->count++;
    st = br_buf_printf(list->out, err, "%s (%s) holds a placeholder, not a value\n",
                       settings_name(which), settings_origin(s, which));
  }
  return st;
}

static br_status list_problems(const settings *s, problem_kind kind, listing *list, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < s->problem_count; i++) {
    if (s->problems[i].kind == kind) {
      st = add_line(list, s->problems[i].text, err);
    }
  }
  return st;
}

/* What strict mode makes an error of and other modes warn of. */
static br_status list_doubtful(const settings *s, unsigned sides, listing *list, br_error *err) {
  br_status st = list_missing_warehouse(s, sides, list, err);
  st = st == BR_OK ? list_problems(s, PROBLEM_STRICT_ONLY, list, err) : st;
  return st == BR_OK ? list_placeholders(s, sides, list, err) : st;
}

/* In strict mode the poller, where it is on, needs both sides. */
static unsigned strict_needs(const settings *s, unsigned needs) {
  const bool polls = (needs & SETTINGS_SERVICE) != 0 && settings_bool(s, SETTING_POLLER_ENABLED);
  return polls ? needs | SETTINGS_BOTH : needs;
}

static br_status list_open_door(const settings *s, unsigned needs, listing *list, br_error *err) {
  if ((needs & SETTINGS_SERVICE) == 0 || settings_bool(s, SETTING_AUTH_ENABLED)) {
    return BR_OK;
  }
  list->count++;
  return br_buf_printf(list->out, err,
                       "AUTH_ENABLED (%s) is false; strict mode doesn't serve everybody\n",
                       settings_origin(s, SETTING_AUTH_ENABLED));
}

br_status settings_problems(const settings *s, unsigned needs, br_buf *out, size_t *ret_errors,
                            size_t *ret_warnings, br_error *err) {
  const bool strict = settings_strict(s);
  const unsigned needed_sides = strict ? strict_needs(s, needs) : needs;
  listing errors = {.out = out};
  listing warnings = {.out = out};
  br_status st = list_problems(s, PROBLEM_ERROR, &errors, err);
  if (st == BR_OK && strict) {
    st = list_missing(s, needed_sides, &errors, err);
    st = st == BR_OK ? list_open_door(s, needed_sides, &errors, err) : st;
  }
  if (st == BR_OK) {
    st = list_doubtful(s, needed_sides, strict ? &errors : &warnings, err);
  }
  if (st == BR_OK) {
    st = list_problems(s, PROBLEM_WARNING, &warnings, err);
  }
  if (st == BR_OK) {
    *ret_errors = errors.count;
    *ret_warnings = warnings.count;
  }
  return st;
}

/* The lines in out as one message; the last line break goes. */
static br_status fail_with_lines(br_buf *out, const char *head, const char *tail, br_error *err) {
  if (out->len > 0) {
    out->len--;
  }
  const char *lines = br_buf_cstr(out);
  if (lines == NULL) {
    return br_error_nomem(err);
  }
  return br_error_set(err, BR_ERR_USAGE, "%s\n%s%s", head, lines, tail);
}

static br_status refuse_strict(const settings *s, unsigned needed_sides, unsigned asked,
                               br_buf *out, br_error *err) {
  size_t errors = 0;
  size_t warnings = 0;
  br_status st = BR_OK;
  if (asked != 0) {
    errors = 1;
    st = br_buf_text(out, "--sandbox is not allowed\n", err);
  }
  size_t found = 0;
  if (st == BR_OK) {
    st = settings_problems(s, needed_sides, out, &found, &warnings, err);
  }
  if (st != BR_OK || errors + found == 0) {
    return st;
  }
  const bool polls = strict_needs(s, needed_sides) != needed_sides;
  return fail_with_lines(
      out, "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these settings:",
      polls ? "\nOnly the poller needs both sides: POLLER_ENABLED=false is for one alone" : "",
      err);
}

static br_status refuse_missing(const settings *s, unsigned sides, br_buf *out, br_error *err) {
  listing missing = {.out = out};
  unsigned incomplete = 0;
  for (unsigned side = SETTINGS_SQLSERVER; side <= SETTINGS_DATABRICKS; side <<= 1U) {
    size_t before = missing.count;
    br_status st = list_missing(s, sides & side, &missing, err);
    if (st != BR_OK) {
      return st;
    }
    incomplete |= missing.count > before ? side : 0U;
  }
  if (incomplete == 0) {
    return BR_OK;
  }
  /* Often the cause: a name that is mistyped, a file that can't be read. */
  size_t errors = 0, warnings = 0;
  br_status st = settings_problems(s, sides, out, &errors, &warnings, err);
  if (st != BR_OK) {
    return st;
  }
  static const char *const heads[] = {
      [SETTINGS_SQLSERVER] = "SQL Server is not configured:",
      [SETTINGS_DATABRICKS] = "Databricks is not configured:",
      [SETTINGS_BOTH] = "SQL Server and Databricks are not configured:",
  };
  const char *tail =
      incomplete == SETTINGS_DATABRICKS
          ? "\nSet it in the environment or .env, or let the embedded one stand in: "
            "USE_DATABRICKS=false or --sandbox databricks"
          : "\nSet it in the environment or .env, or let the embedded one stand in: --sandbox";
  return fail_with_lines(out, heads[incomplete], tail, err);
}

unsigned settings_configured_sides(const settings *s) {
  return s->configured_sides;
}

br_status settings_resolve_sandbox(const settings *s, unsigned needed_sides, unsigned asked,
                                   unsigned *ret_sandbox_sides, br_error *err) {
  br_buf out;
  br_buf_init(&out, LISTING_MAX);
  unsigned sandbox = 0;
  br_status st = BR_OK;
  if (settings_strict(s)) {
    st = refuse_strict(s, needed_sides, asked, &out, err);
  } else {
    /* Set and not strict: it says false. */
    bool without_databricks = settings_is_set(s, SETTING_USE_DATABRICKS);
    sandbox = asked;
    sandbox |= s->configured_sides == 0 ? needed_sides : 0U;
    sandbox |= without_databricks ? (unsigned)SETTINGS_DATABRICKS : 0U;
    sandbox &= needed_sides & SETTINGS_BOTH;
    st = refuse_missing(s, needed_sides & ~sandbox, &out, err);
  }
  br_buf_done(&out);
  if (st == BR_OK) {
    *ret_sandbox_sides = sandbox;
  }
  return st;
}
