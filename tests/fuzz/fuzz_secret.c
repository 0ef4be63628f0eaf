/* Redaction: the text never grows, and the secret isn't in it afterwards. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* length(1) secret text */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || data[0] < 4 || size < 1U + data[0]) {
    return 0;
  }
  size_t secret_length = data[0];
  size_t text_length = size - 1 - secret_length;
  char *secret_text = calloc(secret_length + 1, 1);
  char *text = calloc(text_length + 1, 1);
  require(secret_text != NULL && text != NULL);
  memcpy(secret_text, data + 1, secret_length);
  memcpy(text, data + 1 + secret_length, text_length);
  size_t before = strlen(text);
  br_secret *secret = NULL;
  require(br_secret_new(secret_text, &secret, NULL) == BR_OK);
  br_secret_redact(text);
  require(strlen(text) <= before);
  /* A secret with asterisks may come about by the asterisks that stand for it. */
  if (strlen(secret_text) >= 4 && strchr(secret_text, '*') == NULL) {
    require(strstr(text, secret_text) == NULL);
  }
  br_secret_free(secret);
  br_secret_forget_all();
  free(text);
  free(secret_text);
  return 0;
}
