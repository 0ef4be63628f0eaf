/*
 * rest_answer.h: what a statement looks like from outside: status, manifest, result.
 */
#ifndef SANDBOX_REST_ANSWER_H
#define SANDBOX_REST_ANSWER_H

#include "sandbox/rest_statement.h"

/* state: as it was seen under the lock. */
br_status rest_answer_statement(http_request *request, const rest_statement *s, rest_state state,
                                http_reply *reply, br_error *err) BR_CHECKED;
br_status rest_answer_chunk(http_request *request, const rest_statement *s, size_t number,
                            http_reply *reply, br_error *err) BR_CHECKED;

/* Presigned addresses (rest_storage.c). path: decoded, from the root. */
br_status rest_sign_url(const http_request *request, const char *method, const char *path,
                        uint64_t expires, br_buf *url, br_error *err) BR_CHECKED;
/* *ret_ok: the address is one that this server gave for this method, and it lives; else the reply
 * has been made. */
br_status rest_check_signature(http_request *request, const char *method, http_reply *reply,
                               bool *ret_ok, br_error *err) BR_CHECKED;

#endif
