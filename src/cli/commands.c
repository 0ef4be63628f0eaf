#include "cli/commands.h"

const cli_command *const cli_commands[] = {
    &cli_command_version, &cli_command_help, &cli_command_completion, &cli_command_man, NULL,
};
