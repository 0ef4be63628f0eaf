/*
 * dotenv.h: the lines of a .env file.
 *
 *   NAME=value            blanks around name and value don't count; a # behind a blank begins a
 * comment export NAME='a # b'   single quotes: as written NAME="a\nb"           double quotes: \n
 * \r \t \" \\ \$ \` ; a value may go over several lines
 *
 * Nothing is expanded: $X stays $X.
 */
#ifndef SETTINGS_DOTENV_H
#define SETTINGS_DOTENV_H

#include "base/status.h"

typedef struct dotenv_entry {
  char *name;
  char *value;
  size_t line; /* 1-based */
} dotenv_entry;

typedef struct dotenv {
  dotenv_entry *entries;
  size_t count;
} dotenv;

/* name is the file's, for messages. Errors (BR_ERR_DATA) name the line, never a value. */
br_status dotenv_parse(const char *text, size_t length, const char *name, dotenv *ret_file,
                       br_error *err) BR_CHECKED;
void dotenv_done(dotenv *file);

#endif
