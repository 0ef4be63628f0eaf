#include "sandbox/sql/lexer.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"

typedef struct lexer {
  sql_context *context;
  const char *at;
  const char *end;
  int32_t line;
  sql_token *tokens;
  size_t count, capacity;
} lexer;

static bool is_letter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}

static bool is_word(const lexer *lx, unsigned char c) {
  return is_letter(c) || is_digit(c) ||
         (lx->context->dialect == ENGINE_TSQL && (c == '@' || c == '#' || c == '$'));
}

static char peek(const lexer *lx, size_t ahead) {
  return (char)((size_t)(lx->end - lx->at) > ahead ? lx->at[ahead] : '\0');
}

static sql_token *push(lexer *lx, sql_token_kind kind) {
  if (lx->count == lx->capacity) {
    size_t capacity = lx->capacity == 0 ? 64 : lx->capacity * 2;
    sql_token *tokens = sql_new(lx->context, capacity * sizeof *tokens);
    if (tokens == NULL) {
      return NULL;
    }
    if (lx->count != 0) {
      memcpy(tokens, lx->tokens, lx->count * sizeof *tokens);
    }
    lx->tokens = tokens;
    lx->capacity = capacity;
  }
  sql_token *token = &lx->tokens[lx->count++];
  token->kind = kind;
  token->line = lx->line;
  token->raw = lx->at;
  token->text = "";
  return token;
}

static void unclosed(lexer *lx, const char *raw) {
  size_t length = (size_t)(lx->end - raw);
  int shown = length > 100 ? 100 : (int)length;
  if (lx->context->dialect == ENGINE_TSQL) {
    (void)sql_fail(lx->context, 105, lx->line,
                   "Unclosed quotation mark after the character string '%.*s'.", shown, raw);
  } else {
    (void)sql_fail_condition(lx->context, "PARSE_SYNTAX_ERROR", "42601",
                             "Syntax error at or near '%.*s'.", shown, raw - 1);
  }
}

/* Blanks and comments; T-SQL's and Databricks' block comments nest. */
static void skip_block_comment(lexer *lx) {
  int depth = 0;
  int32_t line = lx->line;
  while (lx->at < lx->end) {
    if (lx->at[0] == '/' && peek(lx, 1) == '*') {
      depth++;
      lx->at += 2;
    } else if (lx->at[0] == '*' && peek(lx, 1) == '/') {
      lx->at += 2;
      if (--depth == 0) {
        return;
      }
    } else {
      lx->line += *lx->at++ == '\n';
    }
  }
  if (lx->context->dialect == ENGINE_TSQL) {
    (void)sql_fail(lx->context, 113, line, "Missing end comment mark '*/'.");
  } else {
    (void)sql_fail_condition(lx->context, "UNCLOSED_BRACKETED_COMMENT", "42601",
                             "Found an unclosed bracketed comment.");
  }
}

static void skip_blanks(lexer *lx) {
  while (lx->at < lx->end && lx->context->status == BR_OK) {
    unsigned char c = (unsigned char)*lx->at;
    if (c == '\n') {
      lx->line++;
      lx->at++;
    } else if (c <= ' ') {
      lx->at++;
    } else if (c == 0xc2 && (unsigned char)peek(lx, 1) == 0xa0) {
      lx->at += 2; /* a no-break space out of a web page */
    } else if (c == 0xef && (unsigned char)peek(lx, 1) == 0xbb &&
               (unsigned char)peek(lx, 2) == 0xbf) {
      lx->at += 3; /* a byte order mark */
    } else if (c == '-' && peek(lx, 1) == '-') {
      while (lx->at < lx->end && *lx->at != '\n') {
        lx->at++;
      }
    } else if (c == '/' && peek(lx, 1) == '*') {
      skip_block_comment(lx);
    } else {
      return;
    }
  }
}

/* Between two quotes, a doubled one standing for itself. */
static void lex_doubled(lexer *lx, sql_token_kind kind, char close, size_t prefix) {
  sql_token *token = push(lx, kind);
  if (token == NULL) {
    return;
  }
  const char *raw = lx->at;
  const char *from = lx->at + prefix;
  const char *p = from;
  size_t doubled = 0;
  while (p < lx->end && (*p != close || (p + 1 < lx->end && p[1] == close))) {
    doubled += *p == close;
    lx->line += *p == '\n';
    p += *p == close ? 2 : 1;
  }
  if (p >= lx->end) {
    unclosed(lx, from);
    return;
  }
  char *text = sql_new(lx->context, (size_t)(p - from) - doubled + 1);
  if (text == NULL) {
    return;
  }
  char *out = text;
  for (const char *q = from; q < p; q += *q == close ? 2 : 1) {
    *out++ = *q;
  }
  token->text = text;
  token->length = (size_t)(out - text);
  lx->at = p + 1;
  token->raw_length = (size_t)(lx->at - raw);
}

static char *put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
    *out++ = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out++ = (char)(0xe0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    *out++ = (char)(0x80 | (c & 0x3f));
  } else {
    *out++ = (char)(0xf0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 0x3f));
    *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    *out++ = (char)(0x80 | (c & 0x3f));
  }
  return out;
}

/* \uXXXX and \UXXXXXXXX; false: not that many hex digits. */
static bool unicode_escape(const char **at, const char *end, size_t digits, char **out) {
  uint32_t c = 0;
  if ((size_t)(end - *at) < digits) {
    return false;
  }
  for (size_t i = 0; i < digits; i++) {
    const int digit = br_hex_digit((*at)[i]);
    if (digit < 0) {
      return false;
    }
    c = c << 4 | (uint32_t)digit;
  }
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
    return false;
  }
  *at += digits;
  *out = put_utf8(*out, c);
  return true;
}

/* Databricks' '…' and "…" with backslash escapes ("STRING type" of its reference). */
static char *unescape(const char *p, const char *end, char *out) {
  while (p < end) {
    if (*p != '\\' || p + 1 == end) {
      *out++ = *p++;
      continue;
    }
    char c = p[1];
    p += 2;
    switch (c) {
    case '0':
      *out++ = '\0';
      break;
    case 'b':
      *out++ = '\b';
      break;
    case 'n':
      *out++ = '\n';
      break;
    case 'r':
      *out++ = '\r';
      break;
    case 't':
      *out++ = '\t';
      break;
    case 'Z':
      *out++ = 0x1a;
      break;
    case '%':
    case '_':
      *out++ = '\\';
      *out++ = c;
      break;
    case 'u':
    case 'U':
      if (!unicode_escape(&p, end, c == 'u' ? 4 : 8, &out)) {
        *out++ = c;
      }
      break;
    default:
      *out++ = c;
      break;
    }
  }
  return out;
}

static void lex_escaped(lexer *lx, char quote, bool raw_string) {
  sql_token *token = push(lx, SQL_TOKEN_STRING);
  if (token == NULL) {
    return;
  }
  const char *raw = lx->at;
  const char *from = lx->at + (raw_string ? 2 : 1);
  const char *p = from;
  while (p < lx->end && *p != quote) {
    lx->line += *p == '\n';
    p += !raw_string && *p == '\\' && p + 1 < lx->end ? 2 : 1;
  }
  if (p >= lx->end) {
    unclosed(lx, from);
    return;
  }
  char *text = sql_new(lx->context, (size_t)(p - from) + 1);
  if (text == NULL) {
    return;
  }
  char *out = text;
  if (raw_string) {
    memcpy(text, from, (size_t)(p - from));
    out += p - from;
  } else {
    out = unescape(from, p, text);
  }
  token->text = text;
  token->length = (size_t)(out - text);
  lx->at = p + 1;
  token->raw_length = (size_t)(lx->at - raw);
}

/* A token of the characters at..at+length, its text without the first `skip` ones. NULL: failed. */
static sql_token *lex_plain(lexer *lx, sql_token_kind kind, size_t length, size_t skip) {
  sql_token *token = push(lx, kind);
  if (token == NULL) {
    return NULL;
  }
  token->raw_length = length;
  lx->at += length;
  char *text = sql_copy(lx->context, token->raw + skip, length - skip);
  if (text == NULL) {
    return NULL;
  }
  token->text = text;
  token->length = length - skip;
  return token;
}

static size_t number_length(const lexer *lx) {
  const char *p = lx->at;
  while (p < lx->end && is_digit((unsigned char)*p)) {
    p++;
  }
  if (p < lx->end && *p == '.') {
    p++;
    while (p < lx->end && is_digit((unsigned char)*p)) {
      p++;
    }
  }
  if (p < lx->end && (*p == 'e' || *p == 'E')) {
    const char *q = p + 1;
    q += q < lx->end && (*q == '+' || *q == '-');
    if (q < lx->end && is_digit((unsigned char)*q)) {
      while (q < lx->end && is_digit((unsigned char)*q)) {
        q++;
      }
      p = q;
    } else if (lx->context->dialect == ENGINE_TSQL) {
      p = q; /* 1e is 1e0 */
    }
  }
  if (lx->context->dialect == ENGINE_DATABRICKS) {
    while (p < lx->end && is_letter((unsigned char)*p)) {
      p++;
    }
  }
  return (size_t)(p - lx->at);
}

static void lex_number(lexer *lx) {
  if (lx->context->dialect == ENGINE_TSQL && lx->at[0] == '0' &&
      (peek(lx, 1) == 'x' || peek(lx, 1) == 'X')) {
    size_t length = 2;
    while (br_hex_digit(peek(lx, length)) >= 0) {
      length++;
    }
    (void)lex_plain(lx, SQL_TOKEN_HEX, length, 2);
    return;
  }
  (void)lex_plain(lx, SQL_TOKEN_NUMBER, number_length(lx), 0);
}

static void lex_word(lexer *lx, sql_token_kind kind, size_t sign) {
  size_t length = sign;
  while (lx->at + length < lx->end && is_word(lx, (unsigned char)lx->at[length])) {
    length++;
  }
  sql_token *token = lex_plain(lx, kind, length, sign);
  if (kind == SQL_TOKEN_WORD && token != NULL) {
    token->reserved = sql_word_reserved(lx->context->dialect, token->text, token->length);
    if (token->length > 128 && lx->context->dialect == ENGINE_TSQL) {
      (void)sql_fail(lx->context, 103, lx->line,
                     "The identifier that starts with '%.128s' is too long. Maximum length is 128.",
                     token->text);
    }
  }
}

static void lex_symbol(lexer *lx) {
  static const struct {
    const char *text;
    int op;
  } symbols[] = {
      {"<=>", SQL_OP_NULL_SAFE}, {"<=", SQL_OP_LE},         {">=", SQL_OP_GE},
      {"<>", SQL_OP_NE},         {"!=", SQL_OP_NE},         {"!<", SQL_OP_GE},
      {"!>", SQL_OP_LE},         {"+=", SQL_OP_PLUS_SET},   {"-=", SQL_OP_MINUS_SET},
      {"*=", SQL_OP_TIMES_SET},  {"/=", SQL_OP_DIVIDE_SET}, {"%=", SQL_OP_MODULO_SET},
      {"::", SQL_OP_CAST},       {"||", SQL_OP_CONCAT},     {"==", '='},
  };
  bool tsql = lx->context->dialect == ENGINE_TSQL;
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    size_t length = strlen(symbols[i].text);
    int op = symbols[i].op;
    if ((size_t)(lx->end - lx->at) < length || memcmp(lx->at, symbols[i].text, length) != 0 ||
        (tsql && (op == SQL_OP_NULL_SAFE || op == SQL_OP_CONCAT || op == '=')) ||
        (!tsql && op >= SQL_OP_PLUS_SET && op <= SQL_OP_MODULO_SET)) {
      continue;
    }
    sql_token *token = lex_plain(lx, SQL_TOKEN_SYMBOL, length, 0);
    if (token != NULL) {
      token->op = op;
    }
    return;
  }
  int op = (unsigned char)*lx->at;
  sql_token *token = lex_plain(lx, SQL_TOKEN_SYMBOL, 1, 0);
  if (token != NULL) {
    token->op = op;
  }
}

static bool lex_quoted_tsql(lexer *lx, char c) {
  if (c == '\'') {
    lex_doubled(lx, SQL_TOKEN_STRING, '\'', 1);
  } else if ((c == 'N' || c == 'n') && peek(lx, 1) == '\'') {
    lex_doubled(lx, SQL_TOKEN_NSTRING, '\'', 2);
  } else if (c == '[') {
    lex_doubled(lx, SQL_TOKEN_QUOTED, ']', 1);
  } else if (c == '"') {
    lex_doubled(lx, lx->context->quoted_identifier ? SQL_TOKEN_QUOTED : SQL_TOKEN_STRING, '"', 1);
  } else {
    return false;
  }
  return true;
}

static bool lex_quoted_databricks(lexer *lx, char c) {
  if (c == '\'' || c == '"') {
    lex_escaped(lx, c, false);
  } else if ((c == 'r' || c == 'R') && (peek(lx, 1) == '\'' || peek(lx, 1) == '"')) {
    lex_escaped(lx, peek(lx, 1), true);
  } else if ((c == 'X' || c == 'x') && peek(lx, 1) == '\'') {
    lex_doubled(lx, SQL_TOKEN_HEX, '\'', 2);
  } else if (c == '`') {
    lex_doubled(lx, SQL_TOKEN_QUOTED, '`', 1);
  } else {
    return false;
  }
  return true;
}

static void lex_token(lexer *lx) {
  bool tsql = lx->context->dialect == ENGINE_TSQL;
  char c = *lx->at;
  if (tsql ? lex_quoted_tsql(lx, c) : lex_quoted_databricks(lx, c)) {
    return;
  }
  if (is_digit((unsigned char)c) || (c == '.' && is_digit((unsigned char)peek(lx, 1)))) {
    lex_number(lx);
  } else if (is_letter((unsigned char)c) || (tsql && c == '#')) {
    lex_word(lx, SQL_TOKEN_WORD, 0);
  } else if (tsql && c == '@') {
    bool global = peek(lx, 1) == '@';
    lex_word(lx, global ? SQL_TOKEN_GLOBAL : SQL_TOKEN_VARIABLE, global ? 2 : 1);
  } else if (tsql && c == '$' && (is_digit((unsigned char)peek(lx, 1)) || peek(lx, 1) == '.')) {
    lx->at++;
    (void)lex_plain(lx, SQL_TOKEN_MONEY, number_length(lx), 0);
  } else if (!tsql && c == ':' && is_letter((unsigned char)peek(lx, 1))) {
    lex_word(lx, SQL_TOKEN_MARKER, 1);
  } else {
    lex_symbol(lx);
  }
}

br_status sql_lex(sql_context *context, sql_token **ret_tokens, size_t *ret_count) {
  lexer lx = {
      .context = context, .at = context->text, .end = context->text + context->length, .line = 1};
  while (context->status == BR_OK) {
    skip_blanks(&lx);
    if (context->status != BR_OK || lx.at >= lx.end) {
      break;
    }
    lex_token(&lx);
  }
  sql_token *end = push(&lx, SQL_TOKEN_END);
  if (end == NULL || context->status != BR_OK) {
    return context->status;
  }
  *ret_tokens = lx.tokens;
  *ret_count = lx.count;
  return BR_OK;
}
