/*
 * fake_engine.h: an engine that knows a few statements by heart, for tests of the servers.
 *
 *   rows N       N rows: id int (0…), text nvarchar(50), NULL in every third row
 *   wide         one row with a column of most types
 *   count N      N rows affected
 *   fail         an error (208 / TABLE_OR_VIEW_NOT_FOUND)
 *   wait         runs until it is cancelled
 *   param        one row: the text of the first parameter
 *   use X        changes the database
 *   begin, commit   the transaction
 *
 * Statements are separated by ";".
 */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "sandbox/engine.h"

engine *fake_engine_make(void);
/* Rows that came in through engine_insert_batch() since the engine was made. */
uint64_t fake_engine_inserted(void);

#endif
