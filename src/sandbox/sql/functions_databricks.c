/*
 * functions_databricks.c: Databricks SQL's functions.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/functions_databricks.h"

static sql_bound *now(sql_binder *b, sql_kind kind) {
  const sql_type type = sql_type_of(kind);
  return bind_new(b, type, false, sql_text(b->context, "f_now(%lld)", call_pack(&type)));
}

static sql_bound *bind_current_timestamp(sql_binder *b, const sql_call *call) {
  (void)call;
  return now(b, SQL_TIMESTAMP);
}

static sql_bound *bind_current_date(sql_binder *b, const sql_call *call) {
  (void)call;
  return now(b, SQL_DATE);
}

static sql_bound *bind_uuid(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_new(b, sql_type_of(SQL_STRING), false, "f_newid(1)");
}

static sql_bound *bind_current_catalog(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_string(b, b->names.database);
}

static sql_bound *bind_current_schema(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_string(b, b->names.schema);
}

static sql_bound *bind_current_user(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_string(b, b->environment->user);
}

/* ARRAY(a, b…): elements of one type. */
static sql_bound *bind_array(sql_binder *b, const sql_call *call) {
  sql_bound so_far = {.type = sql_type_of(SQL_VOID)};
  for (size_t i = 0; i < call->count; i++) {
    sql_type type;
    if (!bind_common(b, &so_far, call->args[i], "array", call->expr->line, &type)) {
      return NULL;
    }
    so_far.type = type;
  }
  const char *sql = sql_text(b->context, "f_array(%lld", call_pack(&so_far.type));
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *arg = call_as(b, call, i, &so_far.type);
    if (arg == NULL) {
      return NULL;
    }
    sql = sql_text(b->context, "%s,%s", sql, arg->sql);
  }
  char name[64];
  sql_type type = sql_type_of(SQL_ARRAY);
  sql_type_name(ENGINE_DATABRICKS, &so_far.type, name, sizeof name);
  type.text = sql_text(b->context, "ARRAY<%s>", so_far.type.text != NULL ? so_far.type.text : name);
  return bind_new(b, type, false, sql_text(b->context, "%s)", sql));
}

static sql_bound *bind_map(sql_binder *b, const sql_call *call) {
  sql_bound sides[2] = {{.type = sql_type_of(SQL_VOID)}, {.type = sql_type_of(SQL_VOID)}};
  if (call->count % 2 != 0) {
    return sql_fail_condition(b->context, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                              "The `map` requires 2n (n > 0) parameters but the actual number is "
                              "%zu.",
                              call->count);
  }
  for (size_t i = 0; i < call->count; i++) {
    sql_type type;
    if (!bind_common(b, &sides[i % 2], call->args[i], "map", call->expr->line, &type)) {
      return NULL;
    }
    sides[i % 2].type = type;
  }
  const char *sql =
      sql_text(b->context, "f_map(%lld,%lld", call_pack(&sides[0].type), call_pack(&sides[1].type));
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *arg = call_as(b, call, i, &sides[i % 2].type);
    if (arg == NULL) {
      return NULL;
    }
    sql = sql_text(b->context, "%s,%s", sql, arg->sql);
  }
  char key[64];
  char value[64];
  sql_type type = sql_type_of(SQL_MAP);
  sql_type_name(ENGINE_DATABRICKS, &sides[0].type, key, sizeof key);
  sql_type_name(ENGINE_DATABRICKS, &sides[1].type, value, sizeof value);
  type.text = sql_text(b->context, "MAP<%s, %s>", key, value);
  return bind_new(b, type, false, sql_text(b->context, "%s)", sql));
}

/* The texts that stand for values of these types are JSON already; options are not looked at. */
static sql_bound *bind_to_json(sql_binder *b, const sql_call *call) {
  const sql_bound *x = call->args[0];
  if (sql_type_family(x->type.kind) != SQL_FAMILY_COMPLEX) {
    return sql_unsupported(b->context, call->expr->line, "to_json of this type");
  }
  return bind_new(b, sql_type_of(SQL_STRING), x->nullable, x->sql);
}

static sql_bound *bind_size(sql_binder *b, const sql_call *call) {
  const sql_bound *x = call->args[0];
  if (x->type.kind == SQL_ARRAY) {
    return bind_new(b, sql_type_of(SQL_INT), x->nullable,
                    sql_text(b->context, "json_array_length(%s)", x->sql));
  }
  if (x->type.kind == SQL_MAP) {
    return bind_new(b, sql_type_of(SQL_INT), x->nullable,
                    sql_text(b->context, "(SELECT count(*) FROM json_each(%s))", x->sql));
  }
  return sql_unsupported(b->context, call->expr->line, "size of this type");
}

static sql_bound *bind_date(sql_binder *b, const sql_call *call) {
  const sql_type type = sql_type_of(br_text_equal_nocase(call->expr->text, "to_date") ||
                                            br_text_equal_nocase(call->expr->text, "date")
                                        ? SQL_DATE
                                        : SQL_TIMESTAMP);
  return bind_convert(b, call->args[0], &type, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
}

static sql_bound *bind_date_add(sql_binder *b, const sql_call *call) {
  const sql_type date = sql_type_of(SQL_DATE);
  bool subtract = br_text_equal_nocase(call->expr->text, "date_sub");
  sql_bound *x = call_as(b, call, 0, &date);
  sql_bound *days = call_integer(b, call, 1);
  return x == NULL || days == NULL
             ? NULL
             : bind_new(b, date, true,
                        sql_text(b->context, "f_dateadd(%d,%s(%s),%s,%lld)", SQL_PART_DAY,
                                 subtract ? "-" : "", days->sql, x->sql, call_pack(&date)));
}

/* timestampadd(unit, n, x): a DATE plus hours and less is a TIMESTAMP. */
static sql_bound *bind_timestampadd(sql_binder *b, const sql_call *call) {
  const sql_type instant = sql_type_of(SQL_TIMESTAMP);
  sql_part part = SQL_PART_DAY;
  if (!call_part(b, call->expr->list, call->expr->text, &part)) {
    return NULL;
  }
  sql_bound *count = call_integer(b, call, 1);
  sql_bound *x = call_moment(b, call, 2);
  if (x != NULL && x->type.kind == SQL_DATE && part >= SQL_PART_HOUR) {
    x = bind_convert(b, x, &instant, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
  }
  return count == NULL || x == NULL
             ? NULL
             : bind_new(b, x->type, true,
                        sql_text(b->context, "f_dateadd(%d,%s,%s,%lld)", (int)part, count->sql,
                                 x->sql, call_pack(&x->type)));
}

static sql_bound *bind_add_months(sql_binder *b, const sql_call *call) {
  const sql_type date = sql_type_of(SQL_DATE);
  sql_bound *x = call_as(b, call, 0, &date);
  sql_bound *months = call_integer(b, call, 1);
  return x == NULL || months == NULL
             ? NULL
             : bind_new(b, date, true,
                        sql_text(b->context, "f_dateadd(%d,%s,%s,%lld)", SQL_PART_MONTH,
                                 months->sql, x->sql, call_pack(&date)));
}

/* datediff(end, start): whole days. */
static sql_bound *bind_datediff(sql_binder *b, const sql_call *call) {
  const sql_type date = sql_type_of(SQL_DATE);
  sql_bound *end = call_as(b, call, 0, &date);
  sql_bound *start = call_as(b, call, 1, &date);
  return end == NULL || start == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_INT), true,
                        sql_text(b->context, "(%s - %s)", end->sql, start->sql));
}

static sql_bound *bind_last_day(sql_binder *b, const sql_call *call) {
  const sql_type date = sql_type_of(SQL_DATE);
  sql_bound *x = call_as(b, call, 0, &date);
  return x == NULL
             ? NULL
             : bind_new(b, date, x->nullable,
                        sql_text(b->context, "f_eomonth(%s,%lld,0)", x->sql, call_pack(&date)));
}

static sql_bound *bind_make_date(sql_binder *b, const sql_call *call) {
  const sql_type date = sql_type_of(SQL_DATE);
  sql_bound *y = call_integer(b, call, 0);
  sql_bound *m = call_integer(b, call, 1);
  sql_bound *d = call_integer(b, call, 2);
  return y == NULL || m == NULL || d == NULL
             ? NULL
             : bind_new(b, date, true,
                        sql_text(b->context, "f_fromparts(%lld,%s,%s,%s,0,0,0,0,0)",
                                 call_pack(&date), y->sql, m->sql, d->sql));
}

static sql_bound *bind_extract(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  return call_part(b, call->expr->list, call->expr->text, &part)
             ? bind_datepart_of(b, call, part, 1)
             : NULL;
}

/* year(x)…: dayofweek counts from Sunday = 1. */
static sql_bound *bind_part(sql_binder *b, const sql_call *call) {
  static const struct {
    const char *name;
    sql_part part;
  } names[] = {{"dayofmonth", SQL_PART_DAY},
               {"dayofweek", SQL_PART_WEEKDAY},
               {"weekofyear", SQL_PART_ISO_WEEK}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (br_text_equal_nocase(names[i].name, call->expr->text)) {
      return bind_datepart_of(b, call, names[i].part, 0);
    }
  }
  return bind_year(b, call);
}

static sql_bound *bind_unix_date(sql_binder *b, const sql_call *call) {
  const sql_type type = sql_type_of(SQL_DATE);
  sql_bound *x = call_as(b, call, 0, &type);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_INT), x->nullable,
                              sql_text(b->context, "(%s - %d)", x->sql, SQL_DAYS_1970));
}

static sql_bound *bind_instr(sql_binder *b, const sql_call *call) {
  bool locate = br_text_equal_nocase(call->expr->text, "locate");
  sql_bound *x = call_text(b, call, locate ? 1 : 0);
  sql_bound *what = call_text(b, call, locate ? 0 : 1);
  sql_bound *start = call->count > 2 ? call_integer(b, call, 2) : bind_integer(b, 1);
  return x == NULL || what == NULL || start == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_INT), true,
                        sql_text(b->context, "f_charindex(%s,%s,%s,%lld)", what->sql, x->sql,
                                 start->sql, call_pack(&x->type)));
}

static sql_bound *bind_sign(sql_binder *b, const sql_call *call) {
  const sql_type type = sql_type_of(SQL_FLOAT);
  sql_bound *x = call_number(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, type, x->nullable,
                              sql_text(b->context, "f_sign(%s,%lld)", x->sql, call_pack(&type)));
}

const sql_function_row sql_function_rows_databricks[] = {
    {"coalesce", 1, UINT8_MAX, false, bind_coalesce},
    {"ifnull", 2, 2, false, bind_coalesce},
    {"nvl", 2, 2, false, bind_coalesce},
    {"nullif", 2, 2, false, bind_nullif},
    {"if", 3, 3, false, bind_iif},
    {"iff", 3, 3, false, bind_iif},
    {"length", 1, 1, false, bind_len},
    {"len", 1, 1, false, bind_len},
    {"char_length", 1, 1, false, bind_len},
    {"character_length", 1, 1, false, bind_len},
    {"substring", 2, 3, false, bind_substring},
    {"substr", 2, 3, false, bind_substring},
    {"left", 2, 2, false, bind_left},
    {"right", 2, 2, false, bind_right},
    {"upper", 1, 1, false, bind_upper},
    {"ucase", 1, 1, false, bind_upper},
    {"lower", 1, 1, false, bind_lower},
    {"lcase", 1, 1, false, bind_lower},
    {"trim", 1, 2, false, bind_trim},
    {"ltrim", 1, 1, false, bind_ltrim},
    {"rtrim", 1, 1, false, bind_rtrim},
    {"replace", 2, 3, false, bind_replace},
    {"reverse", 1, 1, false, bind_reverse},
    {"repeat", 2, 2, false, bind_replicate},
    {"concat", 1, 254, false, bind_concat},
    {"concat_ws", 1, 254, false, bind_concat_ws},
    {"instr", 2, 2, false, bind_instr},
    {"locate", 2, 3, false, bind_instr},
    {"charindex", 2, 3, false, bind_instr},
    {"hex", 1, 1, false, bind_hex},
    {"abs", 1, 1, false, bind_abs},
    {"round", 1, 2, false, bind_round},
    {"ceil", 1, 1, false, bind_ceiling},
    {"ceiling", 1, 1, false, bind_ceiling},
    {"floor", 1, 1, false, bind_floor},
    {"power", 2, 2, false, bind_power},
    {"pow", 2, 2, false, bind_power},
    {"sign", 1, 1, false, bind_sign},
    {"sqrt", 1, 1, false, bind_math},
    {"exp", 1, 1, false, bind_math},
    {"ln", 1, 1, false, bind_math},
    {"log10", 1, 1, false, bind_math},
    {"current_timestamp", 0, 0, false, bind_current_timestamp},
    {"now", 0, 0, false, bind_current_timestamp},
    {"current_date", 0, 0, false, bind_current_date},
    {"curdate", 0, 0, false, bind_current_date},
    {"to_date", 1, 1, false, bind_date},
    {"date", 1, 1, false, bind_date},
    {"to_timestamp", 1, 1, false, bind_date},
    {"timestamp", 1, 1, false, bind_date},
    {"date_add", 2, 2, false, bind_date_add},
    {"dateadd", 2, 2, false, bind_date_add},
    {"date_sub", 2, 2, false, bind_date_add},
    {"timestampadd", 3, 3, true, bind_timestampadd},
    {"add_months", 2, 2, false, bind_add_months},
    {"datediff", 2, 2, false, bind_datediff},
    {"date_diff", 2, 2, false, bind_datediff},
    {"last_day", 1, 1, false, bind_last_day},
    {"make_date", 3, 3, false, bind_make_date},
    {"extract", 2, 2, true, bind_extract},
    {"date_part", 2, 2, true, bind_extract},
    {"year", 1, 1, false, bind_part},
    {"quarter", 1, 1, false, bind_part},
    {"month", 1, 1, false, bind_part},
    {"day", 1, 1, false, bind_part},
    {"dayofmonth", 1, 1, false, bind_part},
    {"dayofweek", 1, 1, false, bind_part},
    {"dayofyear", 1, 1, false, bind_part},
    {"weekofyear", 1, 1, false, bind_part},
    {"hour", 1, 1, false, bind_part},
    {"minute", 1, 1, false, bind_part},
    {"second", 1, 1, false, bind_part},
    {"unix_date", 1, 1, false, bind_unix_date},
    {"unix_micros", 1, 1, false, bind_unix},
    {"unix_millis", 1, 1, false, bind_unix},
    {"unix_seconds", 1, 1, false, bind_unix},
    {"timestamp_micros", 1, 1, false, bind_timestamp_of},
    {"timestamp_millis", 1, 1, false, bind_timestamp_of},
    {"timestamp_seconds", 1, 1, false, bind_timestamp_of},
    {"uuid", 0, 0, false, bind_uuid},
    {"array", 0, 254, false, bind_array},
    {"map", 0, 254, false, bind_map},
    {"size", 1, 1, false, bind_size},
    {"cardinality", 1, 1, false, bind_size},
    {"array_size", 1, 1, false, bind_size},
    {"to_json", 1, 2, false, bind_to_json},
    {"from_json", 2, 2, false, bind_from_json},
    {"get_json_object", 2, 2, false, bind_json_path},
    {"[]", 2, 2, false, bind_item},
    {"element_at", 2, 2, false, bind_item},
    {"try_element_at", 2, 2, false, bind_item},
    {"get", 2, 2, false, bind_item},
    {"array_contains", 2, 2, false, bind_json_has},
    {"map_contains_key", 2, 2, false, bind_json_has},
    {"map_keys", 1, 1, false, bind_json_part},
    {"map_values", 1, 1, false, bind_json_part},
    {"array_join", 2, 3, false, bind_array_join},
    {"sha2", 2, 2, false, bind_sha2},
    {"sha", 1, 1, false, bind_md5},
    {"sha1", 1, 1, false, bind_md5},
    {"md5", 1, 1, false, bind_md5},
    {"base64", 1, 1, false, bind_base64},
    {"unbase64", 1, 1, false, bind_unbase64},
    {"unhex", 1, 1, false, bind_unbase64},
    {"greatest", 2, 254, false, bind_extreme},
    {"least", 2, 254, false, bind_extreme},
    {"current_catalog", 0, 0, false, bind_current_catalog},
    {"current_schema", 0, 0, false, bind_current_schema},
    {"current_database", 0, 0, false, bind_current_schema},
    {"current_user", 0, 0, false, bind_current_user},
    {"session_user", 0, 0, false, bind_current_user},
    {NULL, 0, 0, false, NULL},
};
