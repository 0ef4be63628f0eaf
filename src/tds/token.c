#include "tds/token.h"

#include <string.h>

#include "base/limits.h"
#include "tds/typeinfo.h"

br_status tds_token_done(tds_reader *r, tds_done *ret_done, br_error *err) {
  br_status st = tds_reader_need(r, TDS_DONE_SIZE, err);
  if (st == BR_OK) {
    *ret_done = (tds_done){.status = br_load_u16le(r->pos),
                           .command = br_load_u16le(r->pos + 2),
                           .rows = br_load_u64le(r->pos + 4)};
    r->pos += TDS_DONE_SIZE;
  }
  return st;
}

/* A token with a 16-bit length: its bytes as a bounded view. */
static br_status view16(tds_reader *r, br_reader *ret_view, br_error *err) {
  uint16_t length = 0;
  br_status st = tds_reader_u16(r, &length, err);
  return st == BR_OK ? tds_reader_view(r, length, ret_view, err) : st;
}

br_status tds_token_message(tds_reader *r, tds_server_error *ret_message, br_error *err) {
  br_reader view;
  br_status st = view16(r, &view, err);
  if (st != BR_OK) {
    return st;
  }
  tds_server_error m = {.number = 0};
  uint32_t number = 0;
  uint32_t line = 0;
  st = br_reader_u32le(&view, &number, err);
  st = st == BR_OK ? br_reader_u8(&view, &m.state, err) : st;
  st = st == BR_OK ? br_reader_u8(&view, &m.severity, err) : st;
  st = st == BR_OK ? tds_view_usvarchar(&view, m.message, sizeof m.message, err) : st;
  st = st == BR_OK ? tds_view_bvarchar(&view, m.server, sizeof m.server, err) : st;
  st = st == BR_OK ? tds_view_bvarchar(&view, m.procedure, sizeof m.procedure, err) : st;
  st = st == BR_OK ? br_reader_u32le(&view, &line, err) : st;
  if (st != BR_OK) {
    return br_error_context(err, st, "A message of the server");
  }
  m.number = (int32_t)number;
  m.line = (int32_t)line;
  *ret_message = m;
  return BR_OK;
}

br_status tds_token_login_ack(tds_reader *r, tds_login_ack *ret_ack, br_error *err) {
  br_reader view;
  br_status st = view16(r, &view, err);
  tds_login_ack ack = {.tds_version = 0};
  uint8_t interface = 0;
  const uint8_t *version = NULL;
  st = st == BR_OK ? br_reader_u8(&view, &interface, err) : st;
  st = st == BR_OK ? br_reader_u32be(&view, &ack.tds_version, err) : st;
  st = st == BR_OK ? tds_view_bvarchar(&view, ack.program, sizeof ack.program, err) : st;
  st = st == BR_OK ? br_reader_view(&view, sizeof ack.version, &version, err) : st;
  if (st != BR_OK) {
    return br_error_context(err, st, "LOGINACK");
  }
  memcpy(ack.version, version, sizeof ack.version);
  *ret_ack = ack;
  return BR_OK;
}

/* The new value of a text ENVCHANGE; the old one behind it is of no interest. */
static br_status env_text(br_reader *view, tds_env_change *change, br_error *err) {
  return tds_view_bvarchar(view, change->text, sizeof change->text, err);
}

static br_status env_collation(br_reader *view, tds_env_change *change, br_error *err) {
  uint8_t length = 0;
  const uint8_t *bytes = NULL;
  br_status st = br_reader_u8(view, &length, err);
  st = st == BR_OK ? br_reader_view(view, length, &bytes, err) : st;
  if (st == BR_OK && length == TDS_COLLATION_SIZE) {
    memcpy(change->collation, bytes, TDS_COLLATION_SIZE);
  }
  return st;
}

static br_status env_descriptor(br_reader *view, tds_env_change *change, br_error *err) {
  uint8_t length = 0;
  br_status st = br_reader_u8(view, &length, err);
  if (st == BR_OK && length != 8) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A transaction descriptor of %u bytes", length);
  }
  return st == BR_OK ? br_reader_u64le(view, &change->descriptor, err) : st;
}

/* Protocol 0 = TCP, port, name (2.2.7.9, type 20). */
static br_status env_routing(br_reader *view, tds_env_change *change, br_error *err) {
  uint16_t length = 0;
  uint8_t protocol = 0;
  br_status st = br_reader_u16le(view, &length, err);
  if (st == BR_OK && length == 0) {
    return BR_OK;
  }
  st = st == BR_OK ? br_reader_u8(view, &protocol, err) : st;
  st = st == BR_OK ? br_reader_u16le(view, &change->port, err) : st;
  st = st == BR_OK ? tds_view_usvarchar(view, change->server, sizeof change->server, err) : st;
  if (st == BR_OK && (protocol != 0 || change->port == 0)) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A redirect to protocol %u, port %u", protocol,
                      change->port);
  }
  return st;
}

br_status tds_token_env_change(tds_reader *r, tds_env_change *ret_change, br_error *err) {
  br_reader view;
  br_status st = view16(r, &view, err);
  tds_env_change change = {.type = 0};
  st = st == BR_OK ? br_reader_u8(&view, &change.type, err) : st;
  if (st == BR_OK) {
    switch (change.type) {
    case TDS_ENV_DATABASE:
    case TDS_ENV_LANGUAGE:
    case TDS_ENV_PACKET_SIZE:
      st = env_text(&view, &change, err);
      break;
    case TDS_ENV_COLLATION:
      st = env_collation(&view, &change, err);
      break;
    case TDS_ENV_BEGIN_TRANSACTION:
      st = env_descriptor(&view, &change, err);
      break;
    case TDS_ENV_ROUTING:
      st = env_routing(&view, &change, err);
      break;
    default:
      break;
    }
  }
  if (st != BR_OK) {
    return br_error_context(err, st, "ENVCHANGE of type %u", change.type);
  }
  *ret_change = change;
  return BR_OK;
}

br_status tds_token_feature_ack(tds_reader *r, uint32_t *ret_features, br_error *err) {
  uint32_t features = 0;
  for (;;) {
    uint8_t id = 0;
    uint32_t length = 0;
    br_status st = tds_reader_u8(r, &id, err);
    if (st == BR_OK && id == TDS_FEATURE_TERMINATOR) {
      *ret_features = features;
      return BR_OK;
    }
    st = st == BR_OK ? tds_reader_u32(r, &length, err) : st;
    if (st == BR_OK && length > BR_LIMIT_TDS_TOKEN) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "Feature 0x%02X has %u bytes", id, length);
    }
    st = st == BR_OK ? tds_reader_skip(r, length, err) : st;
    if (st != BR_OK) {
      return br_error_context(err, st, "FEATUREEXTACK");
    }
    features |= 1U << (id < 32 ? id : 0);
  }
}

br_status tds_token_return_value(tds_reader *r, br_error *err) {
  uint16_t ordinal = 0;
  uint8_t units = 0;
  tds_type_info info;
  br_status st = tds_reader_u16(r, &ordinal, err);
  st = st == BR_OK ? tds_reader_u8(r, &units, err) : st;
  /* name, status, user type, flags */
  st = st == BR_OK ? tds_reader_skip(r, 2U * units + 1 + 4 + 2, err) : st;
  st = st == BR_OK ? tds_type_info_read(r, TDS_IN_RETURN, &info, err) : st;
  st = st == BR_OK ? tds_value_skip(r, &info, err) : st;
  return st == BR_OK ? st : br_error_context(err, st, "RETURNVALUE");
}

br_status tds_token_skip16(tds_reader *r, br_error *err) {
  uint16_t length = 0;
  br_status st = tds_reader_u16(r, &length, err);
  return st == BR_OK ? tds_reader_skip(r, length, err) : st;
}

br_status tds_token_skip32(tds_reader *r, br_error *err) {
  uint32_t length = 0;
  br_status st = tds_reader_u32(r, &length, err);
  if (st == BR_OK && length > BR_LIMIT_TDS_TOKEN) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A token of %u bytes", length);
  }
  return st == BR_OK ? tds_reader_skip(r, length, err) : st;
}
