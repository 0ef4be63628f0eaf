/*
 * template.h: placeholders in SQL text.
 *
 *   {name}     the parameter's value, everywhere, strings and comments included; name =
 * [A-Za-z_][A-Za-z0-9_]*
 *   {{name}}   the text {name}
 *   any other brace stays as it is: {d '2013-01-01'}, {"json": 1}
 *
 * One pass: a value is never expanded again.
 */
#ifndef EXTRACT_TEMPLATE_H
#define EXTRACT_TEMPLATE_H

#include "base/buf.h"

/* What a text is made of, piece by piece. */
typedef enum extract_piece_kind { EXTRACT_PIECE_TEXT, EXTRACT_PIECE_NAME } extract_piece_kind;
typedef struct extract_piece {
  extract_piece_kind kind;
  const char *text; /* borrowed; TEXT: as it goes out, NAME: without braces */
  size_t length;
} extract_piece;

/* The piece at *at, which moves behind it; BR_DONE at the end of the text. */
br_status extract_template_next(const char **at, extract_piece *ret_piece) BR_CHECKED;

/* The names that a text uses, each once, sorted. Free with br_names_free(). */
br_status extract_template_names(const char *sql, char ***ret_names, size_t *ret_count,
                                 br_error *err) BR_CHECKED;

#endif
