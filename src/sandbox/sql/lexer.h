/*
 * lexer.h: SQL text of either dialect to tokens.
 */
#ifndef SANDBOX_SQL_LEXER_H
#define SANDBOX_SQL_LEXER_H

#include "sandbox/sql/context.h"

typedef enum sql_token_kind {
  SQL_TOKEN_END,
  SQL_TOKEN_WORD,     /* keyword or plain name */
  SQL_TOKEN_QUOTED,   /* [x], "x", `x`: text is what stands between, unescaped */
  SQL_TOKEN_STRING,   /* text unescaped */
  SQL_TOKEN_NSTRING,  /* N'…' */
  SQL_TOKEN_NUMBER,   /* digits, point, exponent, Databricks' suffix: as written */
  SQL_TOKEN_MONEY,    /* $1.50: text without the sign */
  SQL_TOKEN_HEX,      /* 0x… or X'…': the hex digits */
  SQL_TOKEN_VARIABLE, /* @x: text without the sign */
  SQL_TOKEN_GLOBAL,   /* @@x: the same */
  SQL_TOKEN_MARKER,   /* :x: the same */
  SQL_TOKEN_SYMBOL,   /* op */
} sql_token_kind;

/* Symbols of more than one character; the others are their own character. */
enum {
  SQL_OP_LE = 256,
  SQL_OP_GE,
  SQL_OP_NE,
  SQL_OP_PLUS_SET, /* += -= *= /= %= follow in this order */
  SQL_OP_MINUS_SET,
  SQL_OP_TIMES_SET,
  SQL_OP_DIVIDE_SET,
  SQL_OP_MODULO_SET,
  SQL_OP_CAST,      /* :: */
  SQL_OP_CONCAT,    /* || */
  SQL_OP_NULL_SAFE, /* <=> */
};

typedef struct sql_token {
  sql_token_kind kind;
  int op;           /* symbols */
  bool reserved;    /* words that can't be names here */
  const char *text; /* NUL-terminated; may hold NUL inside strings */
  size_t length;
  const char *raw; /* in the batch */
  size_t raw_length;
  int32_t line;
} sql_token;

/* The tokens end with SQL_TOKEN_END. Failure: context->status. */
br_status sql_lex(sql_context *context, sql_token **ret_tokens, size_t *ret_count) BR_CHECKED;

/* Words that are no names without quotes, by dialect. */
bool sql_word_reserved(engine_dialect dialect, const char *word, size_t length);

#endif
