/*
 * lock_words.h: the words of application locks: 'Exclusive', 'Session'…
 */
#ifndef SANDBOX_SQL_LOCK_WORDS_H
#define SANDBOX_SQL_LOCK_WORDS_H

#include "sandbox/applock.h"

/* False: no such word (NULL is none). */
bool applock_mode_of_word(const char *word, applock_mode *ret_mode);
bool applock_owner_of_word(const char *word, applock_owner *ret_owner);
const char *applock_mode_word(applock_mode mode); /* "NoLock" for none */

#endif
