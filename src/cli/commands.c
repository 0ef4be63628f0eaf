#include "cli/commands.h"

const cli_command *const cli_commands[] = {
    &cli_command_extract,
    &cli_command_list_queries,
    &cli_command_show_params,
    &cli_command_test_connection,
    &cli_command_config_show,
    &cli_command_sql,
    &cli_command_sandbox,
    &cli_command_token_new,
    &cli_command_version,
    &cli_command_help,
    &cli_command_completion,
    &cli_command_man,
    NULL,
};
