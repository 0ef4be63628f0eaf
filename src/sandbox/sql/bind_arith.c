/*
 * bind_arith.c: operators between values, and the types of their results.
 */
#include "sandbox/sql/bind.h"
#include "sandbox/sql/lexer.h"

static const char *operator_word(int op) {
  switch (op) {
  case '+':
    return "add";
  case '-':
    return "subtract";
  case '*':
    return "multiply";
  case '/':
    return "divide";
  case '%':
    return "modulo";
  case '&':
    return "'&'";
  case '|':
    return "'|'";
  default:
    return "'^'";
  }
}

static sql_bound *incompatible(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                               int32_t line) {
  if (!b->is_tsql) {
    char f[64];
    char t[64];
    sql_type_name(ENGINE_DATABRICKS, &x->type, f, sizeof f);
    sql_type_name(ENGINE_DATABRICKS, &y->type, t, sizeof t);
    return sql_fail_condition(b->context, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09",
                              "Cannot resolve \"%c\" due to data type mismatch: the left and "
                              "right operands of the binary operator have incompatible types "
                              "(\"%s\" and \"%s\").",
                              op < 128 ? op : '|', f, t);
  }
  if (x->type.kind == y->type.kind) {
    return sql_fail(b->context, 8117, line, "Operand data type %s is invalid for %s operator.",
                    sql_type_word(ENGINE_TSQL, x->type.kind), operator_word(op));
  }
  return sql_fail(b->context, 402, line,
                  "The data types %s and %s are incompatible in the %s operator.",
                  sql_type_word(ENGINE_TSQL, x->type.kind),
                  sql_type_word(ENGINE_TSQL, y->type.kind), operator_word(op));
}

/* A whole-number literal counts with its own digits: 1.0 / 3 has scale 6. */
static sql_type decimal_type(const sql_bound *x) {
  if (x->literal && x->value.form == SQL_FORM_INTEGER &&
      sql_type_family(x->type.kind) == SQL_FAMILY_INTEGER) {
    unsigned digits = 1;
    while (digits < 19 && !sql_decimal_fits(x->value.i, digits)) {
      digits++;
    }
    return sql_type_decimal(digits, 0);
  }
  return sql_type_as_decimal(&x->type);
}

static sql_bound *call(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                       const sql_type *type, const sql_type *type_x, const sql_type *type_y,
                       int32_t line) {
  const sql_bound *p = bind_convert(b, x, type_x, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  const sql_bound *q = bind_convert(b, y, type_y, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  if (p == NULL || q == NULL) {
    return NULL;
  }
  return bind_new(b, *type, true,
                  sql_text(b->context, "ar(%d,%s,%s,%lld,%lld,%lld)", op, p->sql, q->sql,
                           (long long)sql_type_pack(type), (long long)sql_type_pack(type_x),
                           (long long)sql_type_pack(type_y)));
}

static sql_bound *decimal_arithmetic(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                                     int32_t line) {
  sql_type type_x = decimal_type(x);
  sql_type type_y = decimal_type(y);
  /* Text and NULL take the type of the other side. */
  if (sql_type_is_text(x->type.kind) || x->type.kind == SQL_VOID) {
    type_x = type_y;
  } else if (sql_type_is_text(y->type.kind) || y->type.kind == SQL_VOID) {
    type_y = type_x;
  }
  sql_type type = sql_type_decimal_result(b->context->dialect, op, &type_x, &type_y);
  return call(b, op, x, y, &type, &type_x, &type_y, line);
}

static sql_bound *concatenate(sql_binder *b, const sql_bound *x, const sql_bound *y, int32_t line) {
  sql_type type;
  if (!bind_common(b, x, y, "+", line, &type)) {
    return NULL;
  }
  bool binary = sql_type_family(type.kind) == SQL_FAMILY_BINARY;
  if (b->is_tsql && !binary) {
    bool unicode = sql_type_is_unicode(type.kind);
    uint64_t total = (uint64_t)x->type.length + y->type.length;
    uint32_t most = unicode ? 4000 : 8000;
    bool max = x->type.length == SQL_LENGTH_MAX || y->type.length == SQL_LENGTH_MAX;
    uint8_t collation = type.collation;
    type = sql_type_text(unicode ? SQL_NVARCHAR : SQL_VARCHAR, max            ? SQL_LENGTH_MAX
                                                               : total > most ? most
                                                                              : (uint32_t)total);
    type.collation = collation;
  } else if (binary) {
    uint64_t total = (uint64_t)x->type.length + y->type.length;
    type = sql_type_of(SQL_VARBINARY);
    type.length = total > 8000 ? SQL_LENGTH_MAX : (uint32_t)total;
  }
  sql_bound left = *x;
  sql_bound right = *y;
  sql_type open = type; /* the parts are not cut or padded */
  open.length = SQL_LENGTH_MAX;
  const sql_bound *p = bind_convert(b, &left, &open, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  const sql_bound *q = bind_convert(b, &right, &open, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  if (p == NULL || q == NULL) {
    return NULL;
  }
  sql_bound *bound = bind_new(b, open, x->nullable || y->nullable,
                              sql_text(b->context, "f_cat(%s,%s)", p->sql, q->sql));
  if (bound != NULL && type.length != SQL_LENGTH_MAX &&
      (uint64_t)x->type.length + y->type.length > type.length) {
    return bind_convert(b, bound, &type, SQL_EXPLICIT, SQL_STYLE_NONE, line);
  }
  if (bound != NULL) {
    bound->type = type;
  }
  return bound;
}

static bool is_old_datetime(sql_kind kind) {
  return kind == SQL_DATETIME || kind == SQL_SMALLDATETIME;
}

static sql_bound *arithmetic_tsql(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                                  int32_t line) {
  sql_family fx = sql_type_family(x->type.kind);
  sql_family fy = sql_type_family(y->type.kind);
  bool bitwise = op == '&' || op == '|' || op == '^';
  sql_type type;
  bool text_x = fx == SQL_FAMILY_TEXT;
  bool text_y = fy == SQL_FAMILY_TEXT;
  if (op == '+' && (text_x || text_y) && (text_x || fx == SQL_FAMILY_NONE) &&
      (text_y || fy == SQL_FAMILY_NONE)) {
    return concatenate(b, x, y, line);
  }
  if (op == '+' && fx == SQL_FAMILY_BINARY && fy == SQL_FAMILY_BINARY) {
    return concatenate(b, x, y, line);
  }
  if (!bind_common(b, x, y, operator_word(op), line, &type)) {
    return NULL;
  }
  if (type.kind == SQL_VOID) {
    type = sql_type_of(SQL_INT);
  }
  switch (sql_type_family(type.kind)) {
  case SQL_FAMILY_INTEGER:
    if (type.kind == SQL_BIT && !bitwise) {
      return incompatible(b, op, x, y, line);
    }
    return call(b, op, x, y, &type, &type, &type, line);
  case SQL_FAMILY_DECIMAL:
    return bitwise ? incompatible(b, op, x, y, line) : decimal_arithmetic(b, op, x, y, line);
  case SQL_FAMILY_FLOAT:
    if (bitwise || op == '%') {
      return incompatible(b, op, x, y, line);
    }
    return call(b, op, x, y, &type, &type, &type, line);
  case SQL_FAMILY_MONEY:
    return bitwise ? incompatible(b, op, x, y, line) : call(b, op, x, y, &type, &type, &type, line);
  case SQL_FAMILY_DATETIME:
    if (is_old_datetime(type.kind) && (op == '+' || op == '-')) {
      return call(b, op, x, y, &type, &type, &type, line);
    }
    return incompatible(b, op, x, y, line);
  default:
    return incompatible(b, op, x, y, line);
  }
}

/* date + n, date - n. */
static sql_bound *date_arithmetic(sql_binder *b, int op, const sql_bound *x, const sql_bound *y) {
  const sql_bound *date = x->type.kind == SQL_DATE ? x : y;
  const sql_bound *days = date == x ? y : x;
  sql_type date_type = sql_type_of(SQL_DATE);
  return bind_new(b, date_type, true,
                  sql_text(b->context, "f_dateadd(4,%s(%s),%s,%lld)", op == '-' ? "-" : "",
                           days->sql, date->sql, (long long)sql_type_pack(&date_type)));
}

static sql_bound *arithmetic_databricks(sql_binder *b, int op, const sql_bound *x,
                                        const sql_bound *y, int32_t line) {
  const sql_type string = sql_type_of(SQL_STRING);
  const sql_type floating = sql_type_of(SQL_FLOAT);
  sql_family fx = sql_type_family(x->type.kind);
  sql_family fy = sql_type_family(y->type.kind);
  sql_type type;
  if (op == SQL_OP_CONCAT) {
    const sql_bound *p = bind_convert(b, x, &string, SQL_EXPLICIT, SQL_STYLE_NONE, line);
    const sql_bound *q = bind_convert(b, y, &string, SQL_EXPLICIT, SQL_STYLE_NONE, line);
    return p == NULL || q == NULL ? NULL : concatenate(b, p, q, line);
  }
  if ((op == '+' || op == '-') && x->type.kind == SQL_DATE && fy == SQL_FAMILY_INTEGER) {
    return date_arithmetic(b, op, x, y);
  }
  if (op == '+' && y->type.kind == SQL_DATE && fx == SQL_FAMILY_INTEGER) {
    return date_arithmetic(b, op, x, y);
  }
  if (fx == SQL_FAMILY_DATETIME || fy == SQL_FAMILY_DATETIME) {
    return sql_unsupported(b->context, line, "Arithmetic with intervals");
  }
  if (x->type.kind == SQL_BIT || y->type.kind == SQL_BIT) {
    return incompatible(b, op, x, y, line);
  }
  if (fx == SQL_FAMILY_TEXT && fy == SQL_FAMILY_TEXT) {
    type = floating;
  } else if (!bind_common(b, x, y, operator_word(op), line, &type)) {
    return NULL;
  }
  if (type.kind == SQL_VOID) {
    type = sql_type_of(op == '/' ? SQL_FLOAT : SQL_INT);
  }
  sql_family family = sql_type_family(type.kind);
  if (op == 'd') {
    type = sql_type_of(SQL_BIGINT);
    return family == SQL_FAMILY_INTEGER ? call(b, '/', x, y, &type, &type, &type, line)
                                        : sql_unsupported(b->context, line, "DIV of fractions");
  }
  if (op == '/' && family == SQL_FAMILY_INTEGER) {
    return call(b, op, x, y, &floating, &floating, &floating, line);
  }
  if (family == SQL_FAMILY_DECIMAL && fx != SQL_FAMILY_TEXT && fy != SQL_FAMILY_TEXT) {
    return decimal_arithmetic(b, op, x, y, line);
  }
  if (family != SQL_FAMILY_INTEGER && family != SQL_FAMILY_FLOAT) {
    return incompatible(b, op, x, y, line);
  }
  return call(b, op, x, y, &type, &type, &type, line);
}

sql_bound *bind_arithmetic(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                           int32_t line) {
  if (x == NULL || y == NULL) {
    return NULL;
  }
  return b->is_tsql ? arithmetic_tsql(b, op, x, y, line) : arithmetic_databricks(b, op, x, y, line);
}
