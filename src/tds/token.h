/*
 * token.h: tokens of a response with a shape of their own, read into structs (MS-TDS 2.2.7). Each
 * function starts behind the token byte.
 */
#ifndef TDS_TOKEN_H
#define TDS_TOKEN_H

#include "tds/packet.h"
#include "tds/tds.h"

typedef struct tds_done {
  uint16_t status; /* TDS_DONE_… */
  uint16_t command;
  uint64_t rows;
} tds_done;
br_status tds_token_done(tds_reader *r, tds_done *ret_done, br_error *err) BR_CHECKED;

/* ERROR and INFO. */
br_status tds_token_message(tds_reader *r, tds_server_error *ret_message, br_error *err) BR_CHECKED;

typedef struct tds_login_ack {
  uint32_t tds_version;
  char program[128];
  uint8_t version[4]; /* major, minor, build high, build low */
} tds_login_ack;
br_status tds_token_login_ack(tds_reader *r, tds_login_ack *ret_ack, br_error *err) BR_CHECKED;

/* An ENVCHANGE: which of the fields are filled depends on the type. */
typedef struct tds_env_change {
  uint8_t type;                          /* tds_env */
  char text[256];                        /* database, language, packet size: the new value */
  uint8_t collation[TDS_COLLATION_SIZE]; /* TDS_ENV_COLLATION */
  uint64_t descriptor;                   /* TDS_ENV_BEGIN_TRANSACTION */
  uint16_t port;                         /* TDS_ENV_ROUTING */
  char server[512];
} tds_env_change;
br_status tds_token_env_change(tds_reader *r, tds_env_change *ret_change, br_error *err) BR_CHECKED;

/* The features that the server acknowledged, as bits 1 << id (bit 0: an id over 31); one that was
 * not asked for is the caller's to judge. */
br_status tds_token_feature_ack(tds_reader *r, uint32_t *ret_features, br_error *err) BR_CHECKED;
br_status tds_token_return_value(tds_reader *r, br_error *err) BR_CHECKED; /* passed over */
/* ORDER, TABNAME, COLINFO (16-bit length) and SESSIONSTATE (32-bit): passed over. */
br_status tds_token_skip16(tds_reader *r, br_error *err) BR_CHECKED;
br_status tds_token_skip32(tds_reader *r, br_error *err) BR_CHECKED;

#endif
