/*
 * text.h: small helpers for text that people typed: comparison, UTF-8 checks, "did you mean".
 */
#ifndef BR_BASE_TEXT_H
#define BR_BASE_TEXT_H

#include "base/status.h"

/* ASCII only, locale-independent. */
bool br_text_equal_nocase(const char *a, const char *b);
int br_text_compare_nocase(const char *a, const char *b);
bool br_text_starts_with(const char *text, const char *prefix);
bool br_text_ends_with(const char *text, const char *suffix);

/* Whole text is valid UTF-8 (no surrogates, no overlong forms). On failure *ret_offset is the first
 * bad byte. */
bool br_utf8_valid(const char *text, size_t length, size_t *ret_offset);

/* Bytes of the well-formed character at text, of which `left` bytes (at least 1) are there; 0:
 * none. */
size_t br_utf8_char_length(const char *text, size_t left);

/* Each byte that belongs to no well-formed character becomes '?': what was cut or came broken can
 * be put into JSON and UTF-16. */
void br_utf8_repair(char *text);

/* Bytes at the front of text (valid UTF-8) that end behind a whole character: at most `most`. */
size_t br_utf8_cut(const char *text, size_t length, size_t most);

/* The candidate nearest to word by edit distance (case ignored), or NULL where none is near enough
 * to be meant. */
const char *br_text_nearest(const char *word, const char *const *candidates, size_t count);

/* Decimal digits to a number; no sign, blank or rest allowed. */
br_status br_text_u64(const char *text, uint64_t max, uint64_t *ret_value,
                      br_error *err) BR_CHECKED;

#endif
