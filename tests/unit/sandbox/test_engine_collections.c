/* Databricks' arrays, maps and JSON texts; hashes and encodings. Expected values: the examples of
 * its function reference, sha256sum and base64. */
#include "engine_fixture.h"

static void elements_are_found_by_index_and_key(void **state) {
  (void)state;
  CHECK({"SELECT array(10, 20, 30)[2], map(1, 'Hello', 2, 'World')[1], map('a', 1)['z']",
         "30|Hello|NULL\n"},
        {"SELECT element_at(array(1, 2, 3), 2), element_at(array(1, 2, 3), -1),"
         " element_at(map(1, 'a', 2, 'b'), 2), element_at(map('x', true), 'y')",
         "2|3|b|NULL\n"},
        {"SELECT array(1, 2, 3)[5]",
         "!22003 [INVALID_ARRAY_INDEX] The index 5 is out of bounds. The array has 3 elements."
         " SQLSTATE: 22003\n"},
        {"SELECT element_at(array(1, 2, 3), 5)",
         "!22003 [INVALID_ARRAY_INDEX_IN_ELEMENT_AT] The index 5 is out of bounds. The array has 3"
         " elements. SQLSTATE: 22003\n"},
        {"SELECT element_at(array(1), 0)",
         "!22003 [INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or >"
         " 0 (the first element has index 1). SQLSTATE: 22003\n"},
        {"SELECT get(array(1), 3), get(array(1), -1), try_element_at(array(1), 3)",
         "NULL|NULL|NULL\n"},
        {"SELECT array(CAST('12345678901234567890.5' AS DECIMAL(30, 1)))[0] + 1,"
         " array(DATE '2020-02-29')[0], array(9007199254740993)[0], array(array(1, 2))[0][1]",
         "12345678901234567891.5|2020-02-29|9007199254740993|2\n"},
        {"SELECT m['a\"b\\\\'] FROM (SELECT map('a\"b\\\\', 'it\\'s') AS m)", "it's\n"});
}

static void membership_keys_and_values(void **state) {
  (void)state;
  CHECK({"SELECT array_contains(array(1, 2, 3), 2), array_contains(array(1, NULL), 2),"
         " array_contains(array('a'), 'A'), array_contains(array(1), CAST(NULL AS INT))",
         "true|NULL|false|NULL\n"},
        {"SELECT map_contains_key(map(1, 'a', 2, 'b'), 2), map_contains_key(map('1', 'a'), '3')",
         "true|false\n"},
        {"SELECT map_keys(map(1, 'a', 2, 'b')), map_values(map('k', NULL)), size(map('a', 1)),"
         " size(array())",
         "[1,2]|[null]|1|0\n"},
        {"SELECT array_join(array('hello', NULL, 'world'), ' '), array_join(array(1, NULL), ',',"
         " 'x')",
         "hello world|1,x\n"});
}

static void json_texts_become_values_of_their_schema(void **state) {
  (void)state;
  CHECK(
      {"SELECT from_json('[\"a\", 1.10, {\"x\": 1}, null]', 'ARRAY<STRING>')",
       "[\"a\",\"1.10\",\"{\\\"x\\\":1}\",null]\n"},
      {"SELECT from_json('{\"a\":\"\\\\u00e9\"}', 'MAP<STRING, STRING>')['a'],"
       " from_json('[1, 2]', 'ARRAY<INT>')[1]",
       "\xc3\xa9|2\n"},
      {"SELECT from_json('[1, \"x\"]', 'ARRAY<INT>'), from_json('nope', 'ARRAY<STRING>'),"
       " from_json('{}', 'ARRAY<STRING>'), from_json(NULL, 'ARRAY<STRING>')",
       "NULL|NULL|NULL|NULL\n"},
      {"SELECT from_json('[1]', 'STRUCT<a: INT>')",
       "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: A part of a"
       " value of this type. SQLSTATE: 0A000\n"},
      {"SELECT to_json(array('a\"', NULL)), to_json(map('a', 1))", "[\"a\\\"\",null]|{\"a\":1}\n"},
      {"SELECT get_json_object('{\"a\":{\"b\":[1, 2.50]}}', '$.a.b[1]'),"
       " get_json_object('{\"a\":{\"b\": [1, \"x y\"]}}', '$.a'),"
       " get_json_object('{\"a.b\":\"q\"}', '$[\\'a.b\\']'), get_json_object('{}', '$.a'),"
       " get_json_object('{\"a\":null}', '$.a'), get_json_object('[', '$')",
       "2.50|{\"b\":[1,\"x y\"]}|q|NULL|NULL|NULL\n"});
}

static void rows_come_out_of_columns(void **state) {
  (void)state;
  CHECK({"CREATE TABLE c (id INT, tags ARRAY<STRING>, attributes MAP<STRING,STRING>)", ""},
        {"INSERT INTO c (id, tags, attributes) VALUES (1, array('x', 'y'), map('k', 'v')), (2,"
         " array(), NULL)",
         "(2)\n"},
        {"SELECT id FROM c WHERE array_contains(tags, 'y') AND attributes['k'] = 'v'", "1\n"},
        {"UPDATE c SET tags = from_json('[\"z\"]', 'ARRAY<STRING>'), attributes = map() WHERE id ="
         " 2; ",
         "(1)\n"},
        {"SELECT tags[0], size(attributes), attributes['q'] FROM c WHERE id = 2", "z|0|NULL\n"},
        {"INSERT INTO c (id, tags) VALUES (3, array(1))",
         "!22005 [DELTA_FAILED_TO_MERGE_FIELDS] Failed to merge fields 'tags' and 'tags':"
         " \"ARRAY<INT>\" is not \"ARRAY<STRING>\". SQLSTATE: 22005\n"});
}

static void explode_makes_rows(void **state) {
  (void)state;
  CHECK({"CREATE TABLE e (id INT COMMENT 'the id', a ARRAY<STRING>, m MAP<STRING, INT>)", ""},
        {"INSERT INTO e VALUES (1, array('x', 'y'), map('k', 5)), (2, NULL, map())", "(2)\n"},
        {"SELECT id, explode(a) AS v FROM e", "1|x\n1|y\n"},
        {"SELECT id, explode(m) FROM e", "1|k|5\n"},
        {"SELECT x + 1 FROM explode(array(1, 2)) AS t(x)", "2\n3\n"},
        {"SELECT e.id, v FROM e LATERAL VIEW explode(e.a) l AS v WHERE v > 'x'", "1|y\n"},
        {"SELECT e.id, l.key, l.value + 1 FROM e, LATERAL explode(e.m) AS l", "1|k|6\n"},
        {"SELECT id FROM e WHERE 'y' IN (SELECT explode(from_json('[\"y\"]', 'ARRAY<STRING>')))"
         " ORDER BY id",
         "1\n2\n"},
        {"SELECT explode(5)",
         "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: explode of this"
         " type. SQLSTATE: 0A000\n"},
        {"SELECT * FROM e LATERAL VIEW explode(e.m) l AS v",
         "!42802 [UDTF_ALIAS_NUMBER_MISMATCH] The number of aliases supplied in the AS clause does"
         " not match the number of columns output by the UDTF. Expected 2 aliases, but got 1."
         " SQLSTATE: 42802\n"});
}

static void what_there_is_is_shown(void **state) {
  (void)state;
  CHECK({"CREATE CATALOG IF NOT EXISTS `my-cat`", ""},
        {"CREATE SCHEMA IF NOT EXISTS `my-cat`.`some-s`", ""},
        {"CREATE TABLE `my-cat`.`some-s`.`t-1` (id INT COMMENT 'the id', a ARRAY<STRING>)", ""},
        {"SHOW CATALOGS", "main\nmy-cat\n"}, {"SHOW SCHEMAS IN `my-cat`", "default\nsome-s\n"},
        {"SHOW TABLES IN `my-cat`.`some-s`", "some-s|t-1|false\n"},
        {"DESCRIBE TABLE `my-cat`.`some-s`.`t-1`", "id|int|the id\na|array<string>|NULL\n"},
        {"SELECT IDENTIFIER('id') FROM IDENTIFIER('`my-cat`.`some-s`.' || '`t-1`')", ""},
        {"DESCRIBE EXTENDED x",
         "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: DESCRIBE"
         " EXTENDED. SQLSTATE: 0A000\n"});
}

static void identifiers_come_out_of_parameters(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_buf out;
  const engine_parameter parameter = {
      .name = "t",
      .type = {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX},
      .value = "`my-cat`.`some-s`.`t-1`",
      .value_length = 23};
  static const char *const texts[][2] = {
      {"INSERT INTO IDENTIFIER(:t) (id) VALUES (4)", "(1)\n"},
      {"SELECT id FROM IDENTIFIER(:t)", "4\n"},
      {"UPDATE IDENTIFIER(:t) SET id = 5", "(1)\n"},
      {"SELECT id FROM IDENTIFIER(:nope)",
       "!42601 [NOT_A_CONSTANT_STRING.NULL] The expression :nope used for the routine or clause"
       " IDENTIFIER must be a constant STRING which is NOT NULL. SQLSTATE: 42601\n"},
  };
  for (size_t i = 0; i < 4; i++) {
    br_buf_init(&out, SQL_TEXT_MAX);
    assert_int_equal(
        engine_execute(session, texts[i][0], strlen(texts[i][0]), &parameter, 1, NULL, &err),
        BR_OK);
    assert_int_equal(sql_text_results(session, &out, false, &err), BR_OK);
    assert_string_equal(br_buf_cstr(&out), texts[i][1]);
    br_buf_done(&out);
  }
}

static void intervals_move_points_in_time(void **state) {
  (void)state;
  CHECK(
      {"SELECT TIMESTAMP '2022-02-28 00:00:00' + INTERVAL 1 DAY, TIMESTAMP '2022-03-01 00:00:00' -"
       " INTERVAL '90' SECONDS, DATE '2022-03-31' - INTERVAL 1 MONTH, DATE '2022-03-31' + INTERVAL"
       " 1 HOUR",
       "2022-03-01 00:00:00.000000Z|2022-02-28 23:58:30.000000Z|2022-02-28|"
       "2022-03-31 01:00:00.000000Z\n"},
      {"SELECT timestampadd(MICROSECOND, 5, TIMESTAMP '2022-02-28 00:00:00') = TIMESTAMP"
       " '2022-02-28 00:00:00.000005', current_timestamp() - INTERVAL 5 MINUTES <"
       " current_timestamp()",
       "true|true\n"},
      {"SELECT current_timestamp() - INTERVAL '1-2' YEAR TO MONTH",
       "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: This INTERVAL."
       " SQLSTATE: 0A000\n"});
}

static void hashes_and_encodings(void **state) {
  (void)state;
  CHECK(
      {"SELECT sha2('abc', 256), sha2(X'616263', 0) = sha2('abc', 256), md5('abc'),"
       " sha2(NULL, 256)",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad|true|"
       "900150983cd24fb0d6963f7d28e17f72|NULL\n"},
      {"SELECT base64('Spark SQL'), unbase64('U3BhcmsgU1FM') = CAST('Spark SQL' AS BINARY),"
       " hex(17), hex('Spark SQL'), hex(-1), unhex('4D') = X'4d', unhex('x')",
       "U3BhcmsgU1FM|true|11|537061726B2053514C|FFFFFFFFFFFFFFFF|true|NULL\n"},
      {"SELECT unbase64('!')",
       "!22018 [CONVERSION_INVALID_INPUT] The value '!' (STRING) cannot be converted to BINARY"
       " because it is malformed. Use try_to_binary to tolerate malformed input and return NULL"
       " instead. SQLSTATE: 22018\n"},
      {"SELECT unix_micros(timestamp_micros(1230219000123123)), unix_millis(timestamp_micros(-1)),"
       " unix_seconds(timestamp_seconds(7)), CAST(timestamp_millis(1230219000123) AS STRING)",
       "1230219000123123|-1|7|2008-12-25 15:30:00.123\n"},
      {"SELECT greatest(10, 3, NULL), least('b', 'a'), greatest(1, 2.5)", "10|a|2.5\n"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_are_found_by_index_and_key),
      cmocka_unit_test(membership_keys_and_values),
      cmocka_unit_test(json_texts_become_values_of_their_schema),
      cmocka_unit_test(rows_come_out_of_columns),
      cmocka_unit_test(explode_makes_rows),
      cmocka_unit_test(what_there_is_is_shown),
      cmocka_unit_test(identifiers_come_out_of_parameters),
      cmocka_unit_test(intervals_move_points_in_time),
      cmocka_unit_test(hashes_and_encodings),
  };
  return cmocka_run_group_tests(tests, open_databricks, close_engine);
}
