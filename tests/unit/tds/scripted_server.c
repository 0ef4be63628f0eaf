#include "scripted_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka.h"

enum { STEP_TIMEOUT_MS = 200000 };

static const char *play_step(const script_step *step, tds_reader *r, tds_writer *w,
                             br_cancel *cancel) {
  size_t tail = 0;
  switch (step->kind) {
  case SCRIPT_READ:
  case SCRIPT_DROP:
    if (tds_reader_begin(r, NULL) != BR_OK) {
      return "no message came";
    }
    if (r->type != step->type) {
      return "a message of another type came";
    }
    if (tds_reader_drop(r, NULL, 0, &tail, NULL) != BR_OK) {
      return "the message did not end";
    }
    return ((r->status & TDS_STATUS_IGNORE) != 0) == (step->kind == SCRIPT_DROP)
               ? NULL
               : "the message was given up, or should have been";
  case SCRIPT_PART:
  case SCRIPT_LAST:
    if (w->fill == 0) {
      tds_writer_begin(w, TDS_PACKET_RESPONSE, 0);
    }
    if (tds_writer_bytes(w, step->bytes, step->length, NULL) != BR_OK) {
      return "can't write";
    }
    if (step->kind == SCRIPT_PART) {
      return tds_writer_flush(w, NULL) == BR_OK ? NULL : "can't send";
    }
    return tds_writer_end(w, NULL) == BR_OK ? NULL : "can't send the end";
  case SCRIPT_CANCEL:
    br_cancel_request(cancel);
    return NULL;
  case SCRIPT_WAIT:
    return tds_reader_begin(r, NULL) == BR_DONE ? NULL : "the client did not close";
  case SCRIPT_END:
    break;
  }
  return NULL;
}

static void *play(void *argument) {
  scripted_server *server = argument;
  tds_wait wait = {.deadline = br_deadline_after_ms(STEP_TIMEOUT_MS)};
  tds_stream *stream = NULL;
  tds_reader r = {.stream = NULL};
  tds_writer w = {.stream = NULL};
  if (tds_stream_of_socket(server->fd, wait, &stream, NULL) != BR_OK ||
      tds_reader_init(&r, stream, NULL) != BR_OK ||
      tds_writer_init(&w, stream, TDS_PACKET_SIZE_LOGIN, NULL) != BR_OK) {
    server->problem = "no memory";
  }
  const script_step *step = server->steps;
  while (server->problem == NULL && step->kind != SCRIPT_END) {
    server->problem = play_step(step++, &r, &w, server->cancel);
  }
  tds_reader_done(&r);
  tds_writer_done(&w);
  tds_stream_close(stream);
  return NULL;
}

void scripted_server_start(scripted_server *server, const script_step *steps, br_cancel *cancel,
                           tds_stream **ret_client) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  *server = (scripted_server){.steps = steps, .cancel = cancel, .fd = ends[1]};
  assert_int_equal(tds_stream_of_socket(ends[0], tds_wait_forever(), ret_client, NULL), BR_OK);
  assert_int_equal(pthread_create(&server->thread, NULL, play, server), 0);
}

void scripted_server_join(scripted_server *server) {
  assert_int_equal(pthread_join(server->thread, NULL), 0);
  if (server->problem != NULL) {
    fail_msg("the server says: %s", server->problem);
  }
}
