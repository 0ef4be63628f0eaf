/*
 * secret.h: passwords, tokens and keys in a type that can't be printed by accident.
 *
 * Making one registers the text with the redaction: from then on every log line, every message of
 * an error and every text that goes through br_secret_redact() shows *** in its place, in raw,
 * URL-encoded, base64 and hex form. Freeing wipes the memory; the redaction stays, but for secrets
 * that are made anew all the time: it forgets them a while after they were freed.
 */
#ifndef BR_BASE_SECRET_H
#define BR_BASE_SECRET_H

#include "base/status.h"

typedef struct br_secret br_secret;

br_status br_secret_new(const char *text, br_secret **ret_secret, br_error *err) BR_CHECKED;
/* One that is good for an hour or so, as an access token: once it was freed the redaction keeps it
 * until BR_SECRETS_PASSED others like it were freed too, for messages that come late. */
br_status br_secret_new_passing(const char *text, br_secret **ret_secret, br_error *err) BR_CHECKED;
enum { BR_SECRETS_PASSED = 32 };
/* The same secret once more: br_secret_replace() of one changes all. NULL: an empty one. */
br_status br_secret_copy(const br_secret *secret, br_secret **ret_secret, br_error *err) BR_CHECKED;
void br_secret_free(br_secret *secret); /* NULL is fine */

/* Gives the secret another text, while others may be using it: who holds what br_secret_reveal()
 * gave before has the old one. One thread at a time. */
br_status br_secret_replace(br_secret *secret, const char *text, br_error *err) BR_CHECKED;
/* Counts the replacements. NULL: 0. */
uint64_t br_secret_version(const br_secret *secret);

/* The text itself, to be used at once by the call that needs it; it stays until the last copy is
 * freed. NULL secret: "". */
const char *br_secret_reveal(const br_secret *secret);
bool br_secret_empty(const br_secret *secret);

/* Replaces in place every registered secret in text (NUL-terminated) by asterisks or, where
 * shorter, less, and what has the form of an API token ("sdb_" and 43 digits of base64url). Secrets
 * under 4 bytes are not looked for: they would blot out ordinary words. */
void br_secret_redact(char *text);
/* The same for a text that was cut: what its end has left of a secret goes too. */
void br_secret_redact_cut(char *text);

enum { BR_EXCERPT_MAX = 1020, BR_EXCERPT_MORE = 4 };

/* What a message may show of a text of any bytes that came from outside: at most `most` bytes (up
 * to BR_EXCERPT_MAX) of whole characters, with "…" where there are more; a NUL and what is no UTF-8
 * as '?'. Secrets are redacted first: one that is cut could not be found any more. `out` holds
 * most + BR_EXCERPT_MORE bytes, a NUL included. Returns the length. */
size_t br_secret_excerpt(char *out, size_t most, const char *text, size_t length);

/* Replaces one more text in the same way, which is not registered: a signature that lives for
 * minutes. The text may be cut. Where memory is out nothing is left of text. */
void br_secret_redact_also(char *text, const char *secret);

/* How many texts are looked for; tests only. */
size_t br_secret_count(void);
/* Forgets all registered secrets; tests only. */
void br_secret_forget_all(void);

#endif
