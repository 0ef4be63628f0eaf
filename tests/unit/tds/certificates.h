/*
 * certificates.h: certificates made for the tests of one program, in a folder of their own:
 *
 *   ca          signs the others; give it as ca_file
 *   good        for localhost, 127.0.0.1 and ::1
 *   other       for elsewhere.example and 127.0.0.9
 *   expired, future, selfsigned (for localhost), wildcard (for *.example.test)
 */
#ifndef TESTS_TDS_CERTIFICATES_H
#define TESTS_TDS_CERTIFICATES_H

/* Group fixtures of cmocka. */
int certificates_make(void **state);
int certificates_remove(void **state);
/* PEM with key and certificate; the text is good for the next three calls. */
const char *certificate_path(const char *name);

#endif
