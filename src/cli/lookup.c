#include "cli/lookup.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"

enum { MOST_NAMES = 64, NAME_MAX_BYTES = 160 };

const cli_command *cli_find_command(size_t count, const char *const *words, size_t *ret_words) {
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    const char *name = cli_commands[i]->name;
    const size_t first = strcspn(name, " ");
    if (strlen(words[0]) != first || memcmp(name, words[0], first) != 0) {
      continue;
    }
    if (name[first] == '\0') {
      *ret_words = 1;
      return cli_commands[i];
    }
    if (count > 1 && strcmp(words[1], name + first + 1) == 0) {
      *ret_words = 2;
      return cli_commands[i];
    }
  }
  return NULL;
}

static bool is_of_family(const cli_command *command, const char *word) {
  const size_t length = strlen(word);
  return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

bool cli_is_family(const char *word) {
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    if (is_of_family(cli_commands[i], word)) {
      return true;
    }
  }
  return false;
}

/* "; there are 'events list', …" */
static void add_family(const char *word, br_error *err) {
  bool any = false;
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    if (is_of_family(cli_commands[i], word)) {
      br_error_append(err, BR_ERR_USAGE, "%s '%s'", any ? "," : "; there are",
                      cli_commands[i]->name);
      any = true;
    }
  }
}

typedef bool (*name_filter)(const char *name);

static bool is_any(const char *name) {
  (void)name;
  return true;
}

static bool is_one_word(const char *name) {
  return strchr(name, ' ') == NULL;
}

static const char *nearest_name(const char *word, name_filter wanted) {
  const char *names[MOST_NAMES];
  size_t count = 0;
  for (size_t i = 0; cli_commands[i] != NULL && count < MOST_NAMES; i++) {
    if (wanted(cli_commands[i]->name)) {
      names[count++] = cli_commands[i]->name;
    }
  }
  return br_text_nearest(word, names, count);
}

/* The command whose first word alone is near; NULL: none. */
static const cli_command *nearest_family(const char *word) {
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    char first[NAME_MAX_BYTES];
    const char *const candidate = first;
    const char *name = cli_commands[i]->name;
    const size_t length = strcspn(name, " ");
    if (name[length] == ' ' && length < sizeof first) {
      memcpy(first, name, length);
      first[length] = '\0';
      if (br_text_nearest(word, &candidate, 1) != NULL) {
        return cli_commands[i];
      }
    }
  }
  return NULL;
}

static void add_nearest(const char *shown, const char *nearest, br_error *err) {
  br_error_set(err, BR_ERR_USAGE,
               "There is no command '%s'; did you mean '%s'? '" CLI_PROGRAM " help' lists all",
               shown, nearest);
}

/* Neither a command nor the first word of some. */
static void explain(const char *first, const char *both, br_error *err) {
  const char *nearest = nearest_name(first, is_one_word);
  if (nearest != NULL) {
    add_nearest(strcmp(nearest, first) == 0 ? both : first, nearest, err);
    return;
  }
  nearest = nearest_name(both, is_any);
  if (nearest != NULL) {
    add_nearest(both, nearest, err);
    return;
  }
  const cli_command *family = nearest_family(first);
  br_error_set(err, BR_ERR_USAGE, "There is no command '%s'", first);
  if (family != NULL) {
    char word[NAME_MAX_BYTES];
    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(family->name, " "), family->name);
    add_family(word, err);
  } else {
    br_error_append(err, BR_ERR_USAGE, "; '" CLI_PROGRAM " help' lists all");
  }
}

int cli_unknown_command(size_t count, const char *const *words) {
  br_error err = BR_ERROR_INIT;
  const char *second = count > 1 && words[1][0] != '-' ? words[1] : NULL;
  char both[NAME_MAX_BYTES];
  (void)snprintf(both, sizeof both, "%.70s%s%.70s", words[0], second != NULL ? " " : "",
                 second != NULL ? second : "");
  if (!cli_is_family(words[0])) {
    explain(words[0], both, &err);
    return cli_fail(&err);
  }
  const char *nearest = second != NULL ? nearest_name(both, is_any) : NULL;
  if (nearest != NULL && strchr(nearest, ' ') != NULL) {
    add_nearest(both, nearest, &err);
  } else {
    br_error_set(&err, BR_ERR_USAGE, "There is no command '%s'", both);
    add_family(words[0], &err);
  }
  return cli_fail(&err);
}
