/*
 * commands.h: the commands, one file cmd_….c each (or a family); commands.c puts them in order.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/option.h"
#include "cli/session.h"

extern const cli_command cli_command_extract;
extern const cli_command cli_command_list_queries;
extern const cli_command cli_command_show_params;
extern const cli_command cli_command_config_show;
extern const cli_command cli_command_sql;
extern const cli_command cli_command_sandbox;
extern const cli_command cli_command_test_connection;
extern const cli_command cli_command_token_new;
extern const cli_command cli_command_init;
extern const cli_command cli_command_serve;
extern const cli_command cli_command_sync;
extern const cli_command cli_command_events_list;
extern const cli_command cli_command_events_show;
extern const cli_command cli_command_events_emit;
extern const cli_command cli_command_events_plan;
extern const cli_command cli_command_events_retry;
extern const cli_command cli_command_events_cancel;
extern const cli_command cli_command_events_watch;
extern const cli_command cli_command_version;
extern const cli_command cli_command_help;
extern const cli_command cli_command_completion;
extern const cli_command cli_command_man;

#endif
