/*
 * rest_catalog.h: what there is to find: catalogs, schemas, tables, volumes, warehouses.
 */
#ifndef SANDBOX_REST_CATALOG_H
#define SANDBOX_REST_CATALOG_H

#include "sandbox/rest.h"

br_status rest_list_catalogs(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_catalog(http_request *request, http_reply *reply, br_error *err);
br_status rest_list_schemas(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_schema(http_request *request, http_reply *reply, br_error *err);
br_status rest_list_tables(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_table(http_request *request, http_reply *reply, br_error *err);
br_status rest_table_exists(http_request *request, http_reply *reply, br_error *err);
br_status rest_list_volumes(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_volume(http_request *request, http_reply *reply, br_error *err);

br_status rest_list_warehouses(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_warehouse(http_request *request, http_reply *reply, br_error *err);
br_status rest_start_warehouse(http_request *request, http_reply *reply, br_error *err);
br_status rest_stop_warehouse(http_request *request, http_reply *reply, br_error *err);

#endif
