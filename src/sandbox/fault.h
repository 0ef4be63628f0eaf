/*
 * fault.h: bad luck on purpose, so that tests can see what a client does about it.
 *
 * Rules come as text (sandbox_options.faults, or the environment's BRIDGE_SANDBOX_FAULTS):
 *
 *   rest.status=429,retry_after=1,times=2,match=/fs/files,method=PUT; tds.close_row=100,after=1
 *
 * A rule is side.action=value with options behind commas; rules are separated by semicolons.
 * after=N lets the first N fitting requests pass, times=N limits how often it strikes (0, the
 * default: always), match=TEXT wants TEXT in the path or in the SQL, method=NAME an HTTP method.
 * The actions are the table in fault.c; docs/SANDBOX.md describes them.
 */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include "base/status.h"

typedef enum sandbox_fault_action {
  SANDBOX_FAULT_REST_STATUS,       /* answers with status `value` */
  SANDBOX_FAULT_REST_CUT_UPLOAD,   /* hangs up when `value` bytes of the body have come */
  SANDBOX_FAULT_REST_CUT_REPLY,    /* breaks off after `value` bytes of the reply's body */
  SANDBOX_FAULT_REST_HANG_UP,      /* closes instead of answering; nothing was done */
  SANDBOX_FAULT_REST_LOSE_REPLY,   /* does what was asked, then closes instead of answering */
  SANDBOX_FAULT_REST_DELAY,        /* waits `value` ms first */
  SANDBOX_FAULT_REST_EXPIRE_LINKS, /* a link to a chunk of a result lives `value` seconds */
  SANDBOX_FAULT_TDS_LOGIN_DELAY,   /* waits `value` ms before answering LOGIN7 */
  SANDBOX_FAULT_TDS_CLOSE_BYTES,   /* closes when `value` bytes have been sent after the login */
  SANDBOX_FAULT_TDS_STALL_BYTES,   /* sends nothing more from there on */
  SANDBOX_FAULT_TDS_GARBAGE_BYTES, /* sends 0xEE instead from there on */
  SANDBOX_FAULT_TDS_CLOSE_ROW,     /* the same in the middle of row `value` (1-based) */
  SANDBOX_FAULT_TDS_STALL_ROW,
  SANDBOX_FAULT_TDS_GARBAGE_ROW,
  SANDBOX_FAULT_TDS_ERROR_ROW, /* error 1205 instead of row `value` */
  SANDBOX_FAULT_TDS_ERROR,     /* error number `value` instead of running the batch */
  SANDBOX_FAULT_COUNT
} sandbox_fault_action;

typedef struct sandbox_faults sandbox_faults;

/* text NULL or empty: no rules. BR_ERR_USAGE names what it did not understand. */
br_status sandbox_faults_parse(const char *text, sandbox_faults **ret_faults,
                               br_error *err) BR_CHECKED;
void sandbox_faults_free(sandbox_faults *faults);

/* What a rule that strikes says. */
typedef struct sandbox_fault {
  uint64_t value;
  uint64_t retry_after; /* seconds; UINT64_MAX: not said */
} sandbox_fault;

/* Whether a rule for the action strikes now. text is searched for match=, method compared with
 * method= (may be NULL). Counts. Safe from any thread; NULL faults never strike. */
bool sandbox_fault_strikes(sandbox_faults *faults, sandbox_fault_action action, const char *text,
                           const char *method, sandbox_fault *ret_fault);

#endif
