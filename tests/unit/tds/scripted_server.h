/*
 * scripted_server.h: the other end of a connection, played by a thread step by step.
 */
#ifndef TESTS_TDS_SCRIPTED_SERVER_H
#define TESTS_TDS_SCRIPTED_SERVER_H

#include <pthread.h>

#include "base/cancel.h"
#include "tds/packet.h"

typedef enum script_kind {
  SCRIPT_END,
  SCRIPT_READ,   /* a message of type `type` must come */
  SCRIPT_DROP,   /* the same, given up by its sender (EOM | IGNORE) */
  SCRIPT_PART,   /* sends `bytes` in a packet that does not end the message */
  SCRIPT_LAST,   /* sends `bytes` in the packet that ends the message */
  SCRIPT_CANCEL, /* asks the client's token to stop */
  SCRIPT_WAIT,   /* until the client closes */
} script_kind;

typedef struct script_step {
  script_kind kind;
  tds_packet_type type;
  const void *bytes;
  size_t length;
} script_step;

#define SEND_PART(text)                                                                            \
  { .kind = SCRIPT_PART, .bytes = (text), .length = sizeof(text) - 1 }
#define SEND_LAST(text)                                                                            \
  { .kind = SCRIPT_LAST, .bytes = (text), .length = sizeof(text) - 1 }
#define EXPECT_GIVEN_UP(packet)                                                                    \
  { .kind = SCRIPT_DROP, .type = (packet) }
#define EXPECT(packet)                                                                             \
  { .kind = SCRIPT_READ, .type = (packet) }

typedef struct scripted_server {
  pthread_t thread;
  const script_step *steps;
  br_cancel *cancel;
  int fd;
  const char *problem; /* NULL: all steps went well */
} scripted_server;

/* Starts the thread; *ret_client is the stream of the client's end. */
void scripted_server_start(scripted_server *server, const script_step *steps, br_cancel *cancel,
                           tds_stream **ret_client);
/* Waits for the thread and fails the test where a step did not go as written. */
void scripted_server_join(scripted_server *server);

#endif
