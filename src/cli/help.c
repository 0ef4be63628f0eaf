#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Appends text and stops at the first failure: st carries it through a run of calls. */
#define ADD(...)                                                                                   \
  do {                                                                                             \
    if (st == BR_OK) {                                                                             \
      st = br_buf_printf(out, err, __VA_ARGS__);                                                   \
    }                                                                                              \
  } while (0)

/* "-q, --queries-path DIR" into text. */
static void option_head(const cli_option *option, char *text, size_t size) {
  char letter[6] = "    ";
  if (option->letter != 0) {
    (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
  }
  const char *value = option->value_name != NULL ? option->value_name : option->choices;
  switch (option->kind) {
  case CLI_FLAG:
    (void)snprintf(text, size, "%s--%s", letter, option->name);
    break;
  case CLI_OPTIONAL_CHOICE:
    (void)snprintf(text, size, "%s--%s [%s]", letter, option->name, value);
    break;
  default:
    (void)snprintf(text, size, "%s--%s %s", letter, option->name, value);
    break;
  }
}

br_status cli_help_overview(const char *family, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  const size_t length = family == NULL ? 0 : strlen(family);
  ADD("Moves tables between SQL Server and Databricks.\n\nUsage: " CLI_PROGRAM
      " %s%sCOMMAND [OPTIONS]\n\nCommands:\n",
      family == NULL ? "" : family, family == NULL ? "" : " ");
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    const char *name = cli_commands[i]->name;
    if (family == NULL || (strncmp(name, family, length) == 0 && name[length] == ' ')) {
      ADD("  %-16s %s\n", name, cli_commands[i]->summary);
    }
  }
  ADD("\n'" CLI_PROGRAM
      " COMMAND --help' says more. Settings come from the environment or .env; 'config show' lists "
      "them.\nExit status: 0 all good, 1 something failed, 2 wrong usage.\n");
  return st;
}

static br_status add_option(const cli_option *option, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  char head[128];
  option_head(option, head, sizeof head);
  ADD(strlen(head) > 30 ? "  %s\n%34s%s" : "  %-30s%s  %s", head, "", option->help);
  if (option->required) {
    ADD(" (required)");
  }
  if (option->kind == CLI_LIST) {
    ADD(" (repeatable)");
  }
  if (option->initial != NULL) {
    ADD(" (default: %s)", option->initial);
  }
  ADD("\n");
  return st;
}

br_status cli_help_command(const cli_command *command, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  ADD("%s\n\nUsage: " CLI_PROGRAM " %s [OPTIONS]%s%s\n", command->summary, command->name,
      command->operands != NULL ? " " : "", command->operands != NULL ? command->operands : "");
  if (command->details != NULL) {
    ADD("\n%s\n", command->details);
  }
  ADD("\nOptions:\n");
  for (size_t i = 0; st == BR_OK && i < command->option_count; i++) {
    st = add_option(&command->options[i], out, err);
  }
  ADD("  %-30s  %s\n", "-h, --help", "this text");
  return st;
}

/* Text for man: a hyphen is a minus, a leading dot no macro. */
static br_status add_roff(const char *text, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (const char *p = text; st == BR_OK && *p != '\0'; p++) {
    bool line_start = p == text || p[-1] == '\n';
    if (line_start && (*p == '.' || *p == '\'')) {
      ADD("\\&");
    }
    if (*p == '-') {
      ADD("\\-");
    } else if (*p == '\\') {
      ADD("\\e");
    } else {
      ADD("%c", *p);
    }
  }
  return st;
}

static br_status add_man_option(const cli_option *option, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  char head[128];
  option_head(option, head, sizeof head);
  ADD(".TP\n.B ");
  if (st == BR_OK) {
    st = add_roff(head + strspn(head, " "), out, err);
  }
  ADD("\n");
  if (st == BR_OK) {
    st = add_roff(option->help, out, err);
  }
  if (option->initial != NULL) {
    ADD(" (default: %s)", option->initial);
  }
  ADD("%s.\n", option->required ? " (required)" : "");
  return st;
}

br_status cli_help_man_page(br_buf *out, br_error *err) {
  br_status st = BR_OK;
  ADD(".TH SQL\\-DATABRICKS\\-BRIDGE 1\n.SH NAME\nsql\\-databricks\\-bridge \\- moves tables "
      "between SQL Server and "
      "Databricks\n.SH SYNOPSIS\n.B sql\\-databricks\\-bridge\n.I COMMAND\n[OPTIONS]\n.SH "
      "COMMANDS\n");
  for (size_t i = 0; st == BR_OK && cli_commands[i] != NULL; i++) {
    const cli_command *command = cli_commands[i];
    ADD(".SS ");
    st = st == BR_OK ? add_roff(command->name, out, err) : st;
    ADD(" %s\n", command->operands != NULL ? command->operands : "");
    st = st == BR_OK ? add_roff(command->summary, out, err) : st;
    ADD(".\n");
    if (command->details != NULL) {
      ADD(".PP\n");
      st = st == BR_OK ? add_roff(command->details, out, err) : st;
      ADD("\n");
    }
    for (size_t k = 0; st == BR_OK && k < command->option_count; k++) {
      st = add_man_option(&command->options[k], out, err);
    }
  }
  ADD(".SH HELP\nEvery command takes \\-\\-help.\n.SH EXIT STATUS\n0 all good, 1 something failed, "
      "2 wrong usage.\n.SH FILES\n.TP\n.I "
      ".env\nsettings of the working "
      "directory; the environment wins.\n");
  return st;
}

/* Length of a command's first word; the rest, where there is one, begins behind the blank. */
static size_t first_word(const cli_command *command) {
  return strcspn(command->name, " ");
}

/* No command in front of this one begins with the same word. */
static bool begins_family(size_t index) {
  const size_t length = first_word(cli_commands[index]);
  for (size_t i = 0; i < index; i++) {
    if (first_word(cli_commands[i]) == length &&
        strncmp(cli_commands[i]->name, cli_commands[index]->name, length) == 0) {
      return false;
    }
  }
  return true;
}

static bool same_family(size_t a, size_t b) {
  const size_t length = first_word(cli_commands[a]);
  return first_word(cli_commands[b]) == length &&
         strncmp(cli_commands[a]->name, cli_commands[b]->name, length) == 0;
}

static br_status add_option_case(const cli_command *command, const char *word, size_t length,
                                 br_buf *out, br_error *err) {
  br_status st = BR_OK;
  ADD("  %.*s) options=\"", (int)length, word);
  for (size_t k = 0; k < command->option_count; k++) {
    ADD("--%s ", command->options[k].name);
  }
  ADD("--help\" ;;\n");
  return st;
}

/* "events": its second words, then the options of each. */
static br_status add_family_case(size_t index, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  const size_t length = first_word(cli_commands[index]);
  ADD("  %.*s)\n  if [ \"$COMP_CWORD\" = 2 ]; then\n    COMPREPLY=($(compgen -W \"", (int)length,
      cli_commands[index]->name);
  for (size_t i = index; cli_commands[i] != NULL; i++) {
    if (same_family(index, i)) {
      ADD("%s ", cli_commands[i]->name + length + 1);
    }
  }
  ADD("\" -- \"$word\"))\n    return\n  fi\n  case ${COMP_WORDS[2]} in\n");
  for (size_t i = index; st == BR_OK && cli_commands[i] != NULL; i++) {
    if (same_family(index, i)) {
      const char *word = cli_commands[i]->name + length + 1;
      st = add_option_case(cli_commands[i], word, strlen(word), out, err);
    }
  }
  ADD("  esac ;;\n");
  return st;
}

br_status cli_help_completion(br_buf *out, br_error *err) {
  br_status st = BR_OK;
  ADD("# bash completion of " CLI_PROGRAM
      "\n_sql_databricks_bridge() {\n  local word=${COMP_WORDS[COMP_CWORD]}\n"
      "  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W \"");
  for (size_t i = 0; cli_commands[i] != NULL; i++) {
    if (begins_family(i)) {
      ADD("%.*s ", (int)first_word(cli_commands[i]), cli_commands[i]->name);
    }
  }
  ADD("\" -- \"$word\"))\n    return\n  fi\n  local options=\n  case ${COMP_WORDS[1]} in\n");
  for (size_t i = 0; st == BR_OK && cli_commands[i] != NULL; i++) {
    const cli_command *command = cli_commands[i];
    const size_t length = first_word(command);
    if (command->name[length] == '\0') {
      st = add_option_case(command, command->name, length, out, err);
    } else if (begins_family(i)) {
      st = add_family_case(i, out, err);
    }
  }
  ADD("  esac\n  COMPREPLY=($(compgen -W \"$options\" -- \"$word\") $(compgen -f -- "
      "\"$word\"))\n}\n"
      "complete -F _sql_databricks_bridge " CLI_PROGRAM "\n");
  return st;
}
