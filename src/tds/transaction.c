/*
 * Transaction manager requests (MS-TDS 2.2.6.9). Which transaction is open is what the server's
 * ENVCHANGE tokens say (response.c), never what was asked for: it may have rolled back by itself.
 */
#include "tds/conn.h"

static br_status transact(tds_conn *conn, uint16_t type, uint8_t first, br_error *err) {
  br_status st = tds_conn_begin_request(conn, TDS_PACKET_TRANSACTION, err);
  if (st != BR_OK) {
    return st;
  }
  /* BEGIN: isolation level, then no name; COMMIT and ROLLBACK: no name, then no flags. */
  const uint8_t rest[2] = {first, 0};
  st = tds_writer_u16(&conn->writer, type, err);
  if (st == BR_OK) {
    st = tds_writer_bytes(&conn->writer, rest, sizeof rest, err);
  }
  st = tds_conn_end_request(conn, st, err);
  return st == BR_OK ? tds_conn_finish_answer(conn, err) : st;
}

br_status tds_begin(tds_conn *conn, tds_isolation isolation, br_error *err) {
  br_status st = transact(conn, TDS_TRANSACTION_BEGIN, (uint8_t)isolation, err);
  if (st == BR_OK && conn->transaction == 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The server has begun a transaction and not named it");
  }
  return st;
}

br_status tds_commit(tds_conn *conn, br_error *err) {
  return transact(conn, TDS_TRANSACTION_COMMIT, 0, err);
}

br_status tds_rollback(tds_conn *conn, br_error *err) {
  return tds_in_transaction(conn) ? transact(conn, TDS_TRANSACTION_ROLLBACK, 0, err) : BR_OK;
}

uint64_t tds_transaction(const tds_conn *conn) {
  return conn->transaction;
}

bool tds_in_transaction(const tds_conn *conn) {
  return conn->transaction != 0;
}
