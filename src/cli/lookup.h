/*
 * lookup.h: which command the words of a command line name, and what to say where they name none.
 */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "cli/option.h"

/* The command that the first words name; *ret_words of them ("config show" is two). NULL: none. */
const cli_command *cli_find_command(size_t count, const char *const *words, size_t *ret_words);
/* "events": commands of two words begin with it. */
bool cli_is_family(const char *word);
/* "There is no command '…'", with what was probably meant. Prints it; returns the exit status. */
int cli_unknown_command(size_t count, const char *const *words);

#endif
