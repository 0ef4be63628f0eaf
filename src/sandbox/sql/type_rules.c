/*
 * type_rules.c: how types combine: precision and scale of decimal arithmetic, precedence, and which
 * conversions there are.
 *
 * T-SQL: "Precision, scale, and length", "Data type precedence" and the conversion chart of the
 * Transact-SQL reference. Databricks: "SQL data type rules" (least common type, ANSI mode).
 */
#include "sandbox/sql/types.h"

#include <string.h>

static unsigned max_u(unsigned a, unsigned b) {
  return a > b ? a : b;
}

static unsigned min_u(unsigned a, unsigned b) {
  return a < b ? a : b;
}

sql_type sql_type_as_decimal(const sql_type *type) {
  switch (type->kind) {
  case SQL_BIT:
    return sql_type_decimal(1, 0);
  case SQL_TINYINT:
  case SQL_BYTE:
    return sql_type_decimal(3, 0);
  case SQL_SMALLINT:
    return sql_type_decimal(5, 0);
  case SQL_INT:
    return sql_type_decimal(10, 0);
  case SQL_BIGINT:
    return sql_type_decimal(type->kind == SQL_BIGINT ? 19 : 20, 0);
  case SQL_MONEY:
    return sql_type_decimal(19, 4);
  case SQL_SMALLMONEY:
    return sql_type_decimal(10, 4);
  case SQL_DECIMAL:
    return *type;
  default:
    return sql_type_decimal(38, 0);
  }
}

/* Over 38 digits T-SQL keeps the integral part of sums, and 6 digits of scale of products. */
static sql_type adjust_tsql(int op, unsigned p, unsigned s, unsigned integral_sum) {
  if (p <= 38) {
    return sql_type_decimal(p, s);
  }
  if (op == '+' || op == '-') {
    return sql_type_decimal(38, min_u(s, 38 - min_u(integral_sum, 38)));
  }
  unsigned integral = p - s;
  if (integral < 32) {
    return sql_type_decimal(38, min_u(s, 38 - integral));
  }
  return sql_type_decimal(38, min_u(s, 6));
}

static sql_type adjust_databricks(unsigned p, unsigned s) {
  if (p <= 38) {
    return sql_type_decimal(p, s);
  }
  unsigned integral = p - s;
  unsigned least = min_u(s, 6);
  return sql_type_decimal(38, integral >= 38 ? least : max_u(38 - integral, least));
}

sql_type sql_type_decimal_result(engine_dialect dialect, int op, const sql_type *a,
                                 const sql_type *b) {
  unsigned p1 = a->precision;
  unsigned s1 = a->scale;
  unsigned p2 = b->precision;
  unsigned s2 = b->scale;
  unsigned p = 0;
  unsigned s = 0;
  unsigned integral = max_u(p1 - s1, p2 - s2);
  switch (op) {
  case '*':
    p = p1 + p2 + 1;
    s = s1 + s2;
    break;
  case '/':
    s = max_u(6, s1 + p2 + 1);
    p = p1 - s1 + s2 + s;
    break;
  case '%':
    s = max_u(s1, s2);
    p = min_u(p1 - s1, p2 - s2) + s;
    break;
  case '=': /* the smallest type that holds both */
    s = max_u(s1, s2);
    p = integral + s;
    op = '+';
    break;
  default:
    s = max_u(s1, s2);
    p = integral + s + 1;
    break;
  }
  if (p == 0) {
    p = 1;
  }
  return dialect == ENGINE_TSQL ? adjust_tsql(op, p, s, integral) : adjust_databricks(p, s);
}

/* Transact-SQL's order, lowest first. */
static const uint8_t precedence_tsql[SQL_KIND_COUNT] = {
    [SQL_VOID] = 0,           [SQL_BINARY] = 1,
    [SQL_VARBINARY] = 2,      [SQL_CHAR] = 3,
    [SQL_VARCHAR] = 4,        [SQL_NCHAR] = 5,
    [SQL_NVARCHAR] = 6,       [SQL_GUID] = 7,
    [SQL_ROWVERSION] = 8,     [SQL_IMAGE] = 9,
    [SQL_TEXT] = 10,          [SQL_NTEXT] = 11,
    [SQL_BIT] = 12,           [SQL_TINYINT] = 13,
    [SQL_SMALLINT] = 14,      [SQL_INT] = 15,
    [SQL_BIGINT] = 16,        [SQL_SMALLMONEY] = 17,
    [SQL_MONEY] = 18,         [SQL_DECIMAL] = 19,
    [SQL_REAL] = 20,          [SQL_FLOAT] = 21,
    [SQL_TIME] = 22,          [SQL_DATE] = 23,
    [SQL_SMALLDATETIME] = 24, [SQL_DATETIME] = 25,
    [SQL_DATETIME2] = 26,     [SQL_DATETIMEOFFSET] = 27,
    [SQL_XML] = 28,
};

static uint32_t longer(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

static uint8_t common_collation(const sql_type *a, const sql_type *b) {
  if (!sql_type_is_text(a->kind)) {
    return b->collation;
  }
  if (!sql_type_is_text(b->kind)) {
    return a->collation;
  }
  /* A collation other than the default was asked for. */
  return a->collation == SQL_COLLATION_CI ? b->collation : a->collation;
}

static bool common_tsql(const sql_type *a, const sql_type *b, sql_type *ret_type) {
  const sql_type *high = precedence_tsql[a->kind] >= precedence_tsql[b->kind] ? a : b;
  const sql_type *low = high == a ? b : a;
  sql_type type = *high;
  if (!sql_type_convertible(ENGINE_TSQL, low, high, true)) {
    return false;
  }
  if (high->kind == SQL_DECIMAL) {
    if (sql_type_is_text(low->kind) || sql_type_family(low->kind) == SQL_FAMILY_BINARY) {
      *ret_type = type;
      return true;
    }
    sql_type other = sql_type_as_decimal(low);
    if (low->kind != SQL_VOID) {
      type = sql_type_decimal_result(ENGINE_TSQL, '=', high, &other);
    }
  } else if (sql_type_is_text(high->kind)) {
    type.collation = common_collation(a, b);
    if (sql_type_is_text(low->kind)) {
      type.length = longer(a->length, b->length);
      if (type.kind == SQL_NCHAR && low->kind == SQL_VARCHAR) {
        type.kind = SQL_NVARCHAR; /* a fixed type with a varying one is varying */
      }
      if (type.length != SQL_LENGTH_MAX && sql_type_is_unicode(type.kind) && type.length > 4000) {
        type.length = 4000;
      }
    } else if (low->kind != SQL_VOID && sql_type_family(low->kind) == SQL_FAMILY_BINARY) {
      type.length = longer(a->length, b->length);
    }
  } else if (sql_type_family(high->kind) == SQL_FAMILY_BINARY &&
             sql_type_family(low->kind) == SQL_FAMILY_BINARY) {
    type.length = longer(a->length, b->length);
  } else if (high->kind == SQL_DATETIME2 && low->kind == SQL_DATETIME) {
    type.scale = (uint8_t)max_u(high->scale, 3);
  } else if (high->kind == low->kind ||
             ((high->kind == SQL_DATETIMEOFFSET || high->kind == SQL_DATETIME2) &&
              (low->kind == SQL_TIME || low->kind == SQL_DATETIME2))) {
    type.scale = (uint8_t)max_u(a->scale, b->scale);
  }
  *ret_type = type;
  return true;
}

static bool common_numbers(const sql_type *a, const sql_type *b, sql_type *ret_type) {
  if (a->kind == SQL_DECIMAL || b->kind == SQL_DECIMAL) {
    if (sql_type_family(a->kind) == SQL_FAMILY_FLOAT ||
        sql_type_family(b->kind) == SQL_FAMILY_FLOAT) {
      *ret_type = sql_type_of(SQL_FLOAT);
      return true;
    }
    sql_type x = sql_type_as_decimal(a);
    sql_type y = sql_type_as_decimal(b);
    *ret_type = sql_type_decimal_result(ENGINE_DATABRICKS, '=', &x, &y);
    return true;
  }
  if (sql_type_family(a->kind) != sql_type_family(b->kind)) {
    *ret_type = sql_type_of(SQL_FLOAT); /* an integer and a FLOAT are a DOUBLE */
    return true;
  }
  *ret_type = a->kind > b->kind ? *a : *b;
  return true;
}

static bool is_number(sql_kind kind) {
  sql_family family = sql_type_family(kind);
  return (family == SQL_FAMILY_INTEGER && kind != SQL_BIT) || family == SQL_FAMILY_DECIMAL ||
         family == SQL_FAMILY_FLOAT;
}

static bool same_complex(const sql_type *a, const sql_type *b) {
  return a->text != NULL && b->text != NULL && strcmp(a->text, b->text) == 0;
}

/* array(), map(), and those of NULLs alone: they fit every type of their kind. */
static bool holds_nothing(const sql_type *type) {
  return type->text != NULL &&
         (strcmp(type->text, "ARRAY<VOID>") == 0 || strcmp(type->text, "MAP<VOID, VOID>") == 0);
}

static bool common_databricks(const sql_type *a, const sql_type *b, sql_type *ret_type) {
  if (a->kind == SQL_VOID || b->kind == SQL_VOID) {
    *ret_type = a->kind == SQL_VOID ? *b : *a;
    return true;
  }
  if (is_number(a->kind) && is_number(b->kind)) {
    return common_numbers(a, b, ret_type);
  }
  if (a->kind == b->kind) {
    *ret_type = *a;
    if (a->kind == SQL_STRING) {
      ret_type->length = SQL_LENGTH_MAX;
    }
    if (holds_nothing(a)) {
      *ret_type = *b;
    }
    return sql_type_family(a->kind) != SQL_FAMILY_COMPLEX || same_complex(a, b) ||
           holds_nothing(a) || holds_nothing(b);
  }
  if (a->kind == SQL_STRING || b->kind == SQL_STRING) {
    const sql_type *other = a->kind == SQL_STRING ? b : a;
    if (sql_type_family(other->kind) == SQL_FAMILY_COMPLEX) {
      return false;
    }
    bool integer = sql_type_family(other->kind) == SQL_FAMILY_INTEGER && other->kind != SQL_BIT;
    *ret_type = integer                  ? sql_type_of(SQL_BIGINT)
                : is_number(other->kind) ? sql_type_of(SQL_FLOAT)
                                         : *other;
    return true;
  }
  if (sql_type_family(a->kind) == SQL_FAMILY_DATETIME &&
      sql_type_family(b->kind) == SQL_FAMILY_DATETIME) {
    bool instant = a->kind == SQL_TIMESTAMP || b->kind == SQL_TIMESTAMP;
    *ret_type = sql_type_of(instant ? SQL_TIMESTAMP : SQL_TIMESTAMP_NTZ);
    return true;
  }
  return false;
}

bool sql_type_common(engine_dialect dialect, const sql_type *a, const sql_type *b,
                     sql_type *ret_type) {
  return dialect == ENGINE_TSQL ? common_tsql(a, b, ret_type) : common_databricks(a, b, ret_type);
}

static bool is_number_tsql(sql_kind kind) {
  sql_family family = sql_type_family(kind);
  return family == SQL_FAMILY_INTEGER || family == SQL_FAMILY_DECIMAL ||
         family == SQL_FAMILY_MONEY || family == SQL_FAMILY_FLOAT;
}

static bool datetime_convertible(sql_kind from, sql_kind to, bool implicit) {
  bool old = to == SQL_DATETIME || to == SQL_SMALLDATETIME;
  if (sql_type_family(from) == SQL_FAMILY_DATETIME) {
    return !(from == SQL_DATE && to == SQL_TIME) && !(from == SQL_TIME && to == SQL_DATE);
  }
  if (sql_type_is_text(from)) {
    return from != SQL_XML && from != SQL_TEXT && from != SQL_NTEXT;
  }
  if (is_number_tsql(from)) {
    return old;
  }
  return sql_type_family(from) == SQL_FAMILY_BINARY && from != SQL_IMAGE && old && !implicit;
}

/* Number types to and from the others. */
static bool number_convertible(const sql_type *from, const sql_type *to, bool implicit) {
  sql_kind other = is_number_tsql(to->kind) ? from->kind : to->kind;
  bool to_number = is_number_tsql(to->kind);
  switch (sql_type_family(other)) {
  case SQL_FAMILY_TEXT:
    if (other == SQL_XML || other == SQL_TEXT || other == SQL_NTEXT) {
      return false;
    }
    /* money to and from text must be asked for. */
    return !implicit || to_number || sql_type_family(from->kind) != SQL_FAMILY_MONEY;
  case SQL_FAMILY_BINARY:
    return other != SQL_IMAGE && sql_type_family(to->kind) != SQL_FAMILY_FLOAT;
  case SQL_FAMILY_DATETIME:
    return (other == SQL_DATETIME || other == SQL_SMALLDATETIME) && (!implicit || !to_number);
  default:
    return false;
  }
}

static bool text_convertible(const sql_type *from, const sql_type *to, bool implicit) {
  if (sql_type_is_text(from->kind)) {
    return true;
  }
  switch (sql_type_family(from->kind)) {
  case SQL_FAMILY_BINARY:
    return from->kind != SQL_IMAGE && to->kind != SQL_TEXT && to->kind != SQL_NTEXT;
  case SQL_FAMILY_GUID:
  case SQL_FAMILY_DATETIME:
    return to->kind != SQL_TEXT && to->kind != SQL_NTEXT && to->kind != SQL_XML;
  default:
    (void)implicit;
    return false;
  }
}

static bool convertible_tsql(const sql_type *from, const sql_type *to, bool implicit) {
  if (from->kind == SQL_VOID || from->kind == to->kind) {
    return true;
  }
  if (is_number_tsql(from->kind) && is_number_tsql(to->kind)) {
    return true;
  }
  if (is_number_tsql(to->kind) ||
      (is_number_tsql(from->kind) && sql_type_family(to->kind) != SQL_FAMILY_DATETIME)) {
    return number_convertible(from, to, implicit);
  }
  switch (sql_type_family(to->kind)) {
  case SQL_FAMILY_DATETIME:
    return datetime_convertible(from->kind, to->kind, implicit);
  case SQL_FAMILY_TEXT:
    return text_convertible(from, to, implicit);
  case SQL_FAMILY_BINARY:
    if (sql_type_is_text(from->kind)) {
      return !implicit && from->kind != SQL_TEXT && from->kind != SQL_NTEXT;
    }
    return sql_type_family(from->kind) == SQL_FAMILY_BINARY || !implicit || from->kind == SQL_GUID;
  case SQL_FAMILY_GUID:
    return sql_type_family(from->kind) == SQL_FAMILY_BINARY ||
           (sql_type_is_text(from->kind) && from->kind != SQL_XML);
  default:
    return false;
  }
}

static bool convertible_databricks(const sql_type *from, const sql_type *to, bool implicit) {
  if (from->kind == SQL_VOID || from->kind == to->kind) {
    return sql_type_family(from->kind) != SQL_FAMILY_COMPLEX || from->text == NULL ||
           to->text == NULL || same_complex(from, to) || holds_nothing(from);
  }
  sql_family f = sql_type_family(from->kind);
  sql_family t = sql_type_family(to->kind);
  if (f == SQL_FAMILY_COMPLEX || t == SQL_FAMILY_COMPLEX) {
    return false;
  }
  if (to->kind == SQL_STRING || from->kind == SQL_STRING) {
    return true;
  }
  if (is_number(from->kind) && is_number(to->kind)) {
    return true;
  }
  if (f == SQL_FAMILY_DATETIME && t == SQL_FAMILY_DATETIME) {
    return true;
  }
  if (from->kind == SQL_BIT || to->kind == SQL_BIT) {
    return !implicit && (is_number(from->kind) || is_number(to->kind));
  }
  return false;
}

bool sql_type_convertible(engine_dialect dialect, const sql_type *from, const sql_type *to,
                          bool implicit) {
  return dialect == ENGINE_TSQL ? convertible_tsql(from, to, implicit)
                                : convertible_databricks(from, to, implicit);
}

bool sql_type_same_form(const sql_type *from, const sql_type *to) {
  sql_family f = sql_type_family(from->kind);
  if (from->kind == SQL_VOID) {
    return true;
  }
  if (f == SQL_FAMILY_INTEGER && sql_type_family(to->kind) == SQL_FAMILY_INTEGER) {
    /* The order of the kinds is the order of their ranges, but for tinyint and byte. */
    return from->kind == to->kind ||
           (to->kind > from->kind && !(from->kind == SQL_TINYINT && to->kind == SQL_BYTE));
  }
  if (sql_type_is_text(from->kind) && sql_type_is_text(to->kind)) {
    if (to->kind == SQL_XML ||
        (sql_type_is_unicode(from->kind) && !sql_type_is_unicode(to->kind))) {
      return from->kind == to->kind;
    }
    if (sql_type_is_fixed(to->kind)) {
      return sql_type_is_fixed(from->kind) && from->length == to->length;
    }
    return to->length == SQL_LENGTH_MAX || from->length <= to->length;
  }
  if (from->kind == to->kind) {
    switch (from->kind) {
    case SQL_DECIMAL:
      return from->scale == to->scale && from->precision <= to->precision &&
             (from->precision <= 18) == (to->precision <= 18);
    case SQL_TIME:
    case SQL_DATETIME2:
    case SQL_DATETIMEOFFSET:
      return from->scale <= to->scale;
    case SQL_BINARY:
      return from->length == to->length;
    case SQL_VARBINARY:
      return to->length == SQL_LENGTH_MAX || from->length <= to->length;
    default:
      return true;
    }
  }
  return (from->kind == SQL_BINARY || from->kind == SQL_VARBINARY) &&
         (to->kind == SQL_VARBINARY || to->kind == SQL_IMAGE) &&
         (to->length == SQL_LENGTH_MAX || from->length <= to->length);
}
