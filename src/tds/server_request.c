/*
 * Batches, remote procedure calls and transaction requests taken apart.
 */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/charset.h"
#include "tds/server.h"

enum {
  STATUS_OUTPUT = 0x01,
  STATUS_DEFAULT = 0x02,
  HEADER_TRANSACTION = 0x0002,
};

br_status tds_all_headers_read(const uint8_t *bytes, size_t length, size_t *ret_used,
                               br_error *err) {
  if (length < 4) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A request without headers");
  }
  size_t total = br_load_u32le(bytes);
  size_t at = 4;
  if (total < 4 || total > length) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A request's headers say they are %zu bytes long",
                        total);
  }
  while (at < total) {
    size_t size = total - at < 6 ? 0 : br_load_u32le(bytes + at);
    if (size < 6 || size > total - at) {
      return br_error_set(err, BR_ERR_PROTOCOL, "A header of a request is broken");
    }
    at += size;
  }
  *ret_used = total;
  return BR_OK;
}

uint64_t tds_all_headers_transaction(const uint8_t *bytes, size_t used) {
  for (size_t at = 4; at < used; at += br_load_u32le(bytes + at)) {
    if (br_load_u32le(bytes + at) >= 14 && br_load_u16le(bytes + at + 4) == HEADER_TRANSACTION) {
      return br_load_u64le(bytes + at + 6);
    }
  }
  return 0;
}

br_status tds_batch_text_read(const uint8_t *bytes, size_t length, br_buf *text, br_error *err) {
  if (length % 2 != 0) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A batch has half a character at its end");
  }
  br_status st = br_buf_reserve(text, length / 2 * 3 + 1, err);
  if (st != BR_OK) {
    return st;
  }
  size_t written = 0, used = 0;
  st = batch_utf16le_to_utf8(bytes, length, false, BATCH_INVALID_REPLACE, text->data + text->len,
                             &written, &used, err);
  if (st == BR_OK) {
    text->len += written;
  }
  return st;
}

static void parameter_done(tds_rpc_parameter *p) {
  batch_free(p->value);
  batch_schema_free(p->schema);
  *p = (tds_rpc_parameter){.value = NULL};
}

void tds_rpc_done(tds_rpc *rpc) {
  for (size_t i = 0; i < rpc->count; i++) {
    parameter_done(&rpc->parameters[i]);
  }
  br_free(rpc->parameters);
  *rpc = (tds_rpc){.parameters = NULL};
}

bool tds_rpc_parameter_is_null(const tds_rpc_parameter *parameter) {
  return !batch_column_is_valid(&parameter->value->columns[0], 0);
}

static br_status read_value(tds_reader *r, tds_rpc_parameter *p, br_error *err) {
  const tds_decode_options options = {.invalid_text = BATCH_INVALID_REPLACE,
                                      .max_cell = BR_LIMIT_CELL_DEFAULT};
  tds_decoder decoder;
  br_status st = tds_decoder_init(&decoder, &p->info, &options, err);
  if (st == BR_OK) {
    st = batch_schema_new(1, &p->schema, err);
  }
  if (st == BR_OK) {
    st = batch_schema_set(p->schema, 0, p->name, decoder.type, true, err);
  }
  if (st == BR_OK) {
    st = batch_new(p->schema, 1, &p->value, err);
  }
  if (st == BR_OK) {
    st = decoder.decode(&decoder, r, &p->value->columns[0], 0, err);
  }
  if (st == BR_OK) {
    p->value->rows = 1;
  }
  return st;
}

/* B_VARCHAR name, status, TYPE_INFO, value. */
static br_status read_parameter(tds_reader *r, uint8_t name_units, tds_rpc_parameter *p,
                                br_error *err) {
  br_reader view;
  uint8_t status = 0;
  br_status st = tds_reader_view(r, (size_t)name_units * 2, &view, err);
  if (st == BR_OK) {
    st = name_units > TDS_LOGIN7_NAME_MAX
             ? br_error_set(err, BR_ERR_PROTOCOL, "A parameter's name is too long")
             : tds_view_utf16(&view, name_units, p->name, sizeof p->name, err);
  }
  if (st == BR_OK) {
    st = tds_reader_u8(r, &status, err);
  }
  if (st == BR_OK) {
    p->output = (status & STATUS_OUTPUT) != 0;
    p->use_default = (status & STATUS_DEFAULT) != 0;
    st = tds_type_info_read(r, TDS_IN_PARAMETER, &p->info, err);
  }
  if (st == BR_OK) {
    p->info.nullable = true;
    st = tds_type_info_spec(&p->info, &p->spec, err);
  }
  return st == BR_OK ? read_value(r, p, err) : st;
}

static br_status read_parameters(tds_reader *r, tds_rpc *rpc, br_error *err) {
  size_t room = 0;
  while (!tds_reader_at_end(r)) {
    uint8_t units = 0;
    br_status st = tds_reader_u8(r, &units, err);
    if (st != BR_OK || units == TDS_RPC_BATCH_FLAG) {
      return st;
    }
    if (rpc->count == TDS_RPC_PARAMETERS_MAX) {
      return br_error_set(err, BR_ERR_LIMIT, "A call has more than %d parameters",
                          TDS_RPC_PARAMETERS_MAX);
    }
    if (rpc->count == room) {
      room = room == 0 ? 8 : room * 2;
      tds_rpc_parameter *more = br_realloc_array(rpc->parameters, room, sizeof *more);
      if (more == NULL) {
        return br_error_nomem(err);
      }
      rpc->parameters = more;
    }
    tds_rpc_parameter *p = &rpc->parameters[rpc->count];
    *p = (tds_rpc_parameter){.value = NULL};
    st = read_parameter(r, units, p, err);
    if (st != BR_OK) {
      parameter_done(p);
      return br_error_context(err, st, "parameter %zu", rpc->count + 1);
    }
    rpc->count++;
  }
  return BR_OK;
}

static br_status read_name(tds_reader *r, tds_rpc *rpc, br_error *err) {
  uint16_t units = 0;
  br_reader view;
  br_status st = tds_reader_u16(r, &units, err);
  if (st != BR_OK) {
    return st;
  }
  if (units == TDS_RPC_BY_NUMBER) {
    return tds_reader_u16(r, &rpc->procedure, err);
  }
  if (units == 0 || (size_t)units * 3 >= sizeof rpc->name) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A procedure's name has %u characters", units);
  }
  st = tds_reader_view(r, (size_t)units * 2, &view, err);
  return st == BR_OK ? tds_view_utf16(&view, units, rpc->name, sizeof rpc->name, err) : st;
}

br_status tds_rpc_read(tds_reader *r, tds_rpc *ret_rpc, br_error *err) {
  tds_rpc rpc = {.parameters = NULL};
  br_status st = read_name(r, &rpc, err);
  if (st == BR_OK) {
    st = tds_reader_u16(r, &rpc.options, err);
  }
  if (st == BR_OK) {
    st = read_parameters(r, &rpc, err);
  }
  if (st != BR_OK) {
    tds_rpc_done(&rpc);
    return st;
  }
  *ret_rpc = rpc;
  return BR_OK;
}

/* B_VARBYTE: unlike other names' lengths this one counts bytes. */
static br_status read_transaction_name(br_reader *view, tds_transaction_request *request,
                                       br_error *err) {
  uint8_t length = 0;
  br_status st = br_reader_u8(view, &length, err);
  if (st == BR_OK && length % 2 != 0) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "A transaction's name has half a character at its end");
  }
  return st == BR_OK ? tds_view_utf16(view, length / 2U, request->name, sizeof request->name, err)
                     : st;
}

static br_status read_end(br_reader *view, tds_transaction_request *request, br_error *err) {
  uint8_t flags = 0;
  br_status st = read_transaction_name(view, request, err);
  if (st == BR_OK) {
    st = br_reader_u8(view, &flags, err);
  }
  request->begin_next = (flags & 1) != 0;
  if (st == BR_OK && request->begin_next) {
    st = br_reader_u8(view, &request->isolation, err);
  }
  return st;
}

br_status tds_transaction_read(const uint8_t *bytes, size_t length,
                               tds_transaction_request *ret_request, br_error *err) {
  br_reader view = br_reader_of(bytes, length);
  tds_transaction_request request = {.type = 0};
  br_status st = br_reader_u16le(&view, &request.type, err);
  if (st != BR_OK) {
    return st;
  }
  switch (request.type) {
  case TDS_TRANSACTION_BEGIN:
    st = br_reader_u8(&view, &request.isolation, err);
    if (st == BR_OK && br_reader_left(&view) > 0) {
      st = read_transaction_name(&view, &request, err);
    }
    break;
  case TDS_TRANSACTION_COMMIT:
  case TDS_TRANSACTION_ROLLBACK:
    st = read_end(&view, &request, err);
    break;
  case TDS_TRANSACTION_SAVE:
    st = read_transaction_name(&view, &request, err);
    break;
  default:
    return br_error_set(err, BR_ERR_UNSUPPORTED, "Transaction request %u is not supported",
                        request.type);
  }
  if (st == BR_OK) {
    *ret_request = request;
  }
  return st;
}
