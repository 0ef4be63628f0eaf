#include "cli/option.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

typedef struct option_value {
  const char **texts; /* borrowed from argv or the table */
  size_t count;
  uint64_t number;
  bool given;
} option_value;

struct cli_arguments {
  const cli_command *command;
  option_value *values; /* one for each row of the command's options */
  const char **operands;
  size_t operand_count;
  bool help;
};

/* Where parsing stands in argv. */
typedef struct cursor {
  int argc, at;
  char **argv;
} cursor;

static bool choice_holds(const char *choices, const char *word) {
  size_t length = strlen(word);
  for (const char *p = choices; *p != '\0';) {
    size_t n = strcspn(p, "|");
    if (n == length && memcmp(p, word, n) == 0) {
      return true;
    }
    p += n + (p[n] == '|');
  }
  return false;
}

static const char *last_choice(const char *choices) {
  const char *bar = strrchr(choices, '|');
  return bar == NULL ? choices : bar + 1;
}

/* "160M" to bytes. */
static br_status parse_size(const char *text, uint64_t *ret_value, br_error *err) {
  size_t length = strlen(text);
  unsigned shift = 0;
  if (length > 0) {
    static const char units[] = "KMG";
    const char *unit = strchr(units, text[length - 1] & ~0x20);
    shift = unit != NULL && *unit != '\0' ? 10U * (unsigned)(unit - units + 1) : 0;
  }
  char digits[24];
  size_t count = shift != 0 ? length - 1 : length;
  if (count == 0 || count >= sizeof digits) {
    return br_error_set(err, BR_ERR_USAGE, "'%s' is not a size", text);
  }
  memcpy(digits, text, count);
  digits[count] = '\0';
  br_status st = br_text_u64(digits, UINT64_MAX >> shift, ret_value, NULL);
  if (st != BR_OK) {
    return br_error_set(err, BR_ERR_USAGE,
                        "'%s' is not a size; write bytes, or a number with K, M or G", text);
  }
  *ret_value <<= shift;
  return BR_OK;
}

static br_status check_number(const cli_option *option, const char *text, uint64_t *ret_value,
                              br_error *err) {
  uint64_t value = 0;
  br_status st = option->kind == CLI_SIZE ? parse_size(text, &value, err)
                                          : br_text_u64(text, UINT64_MAX, &value, err);
  if (st != BR_OK) {
    return br_error_context(err, BR_ERR_USAGE, "--%s", option->name);
  }
  uint64_t maximum = option->maximum == 0 ? UINT64_MAX : option->maximum;
  if (value < option->minimum || value > maximum) {
    return br_error_set(err, BR_ERR_USAGE, "--%s: %s is out of range: %llu to %llu", option->name,
                        text, (unsigned long long)option->minimum, (unsigned long long)maximum);
  }
  *ret_value = value;
  return BR_OK;
}

/* Puts one value into an option; text NULL for flags. */
static br_status set_value(const cli_option *option, option_value *value, const char *text,
                           br_error *err) {
  if (value->given && option->kind != CLI_LIST && option->kind != CLI_FLAG) {
    return br_error_set(err, BR_ERR_USAGE, "--%s is given twice", option->name);
  }
  bool choice = option->kind == CLI_CHOICE || option->kind == CLI_OPTIONAL_CHOICE;
  if (choice && !choice_holds(option->choices, text)) {
    return br_error_set(err, BR_ERR_USAGE, "--%s: '%s' is not one of %s", option->name, text,
                        option->choices);
  }
  if (option->kind == CLI_NUMBER || option->kind == CLI_SIZE) {
    br_status st = check_number(option, text, &value->number, err);
    if (st != BR_OK) {
      return st;
    }
  }
  const char **texts = br_realloc_array(value->texts, value->count + 1, sizeof *texts);
  if (texts == NULL) {
    return br_error_nomem(err);
  }
  value->texts = texts;
  if (!value->given) {
    value->count = 0; /* the default makes way */
  }
  value->texts[value->count++] = text;
  value->given = true;
  return BR_OK;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t length) {
  for (size_t i = 0; i < command->option_count; i++) {
    const cli_option *option = &command->options[i];
    if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
      return option;
    }
  }
  return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter) {
  for (size_t i = 0; i < command->option_count; i++) {
    if (command->options[i].letter == letter) {
      return &command->options[i];
    }
  }
  return NULL;
}

static br_status unknown_option(const cli_command *command, const char *word, br_error *err) {
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count = 0;
  for (; count < command->option_count && count < MOST; count++) {
    names[count] = command->options[count].name;
  }
  char name[64] = "";
  size_t skip = strspn(word, "-");
  size_t length = strcspn(word + skip, "=");
  if (length < sizeof name) {
    memcpy(name, word + skip, length);
  }
  const char *nearest = br_text_nearest(name, names, count);
  br_error_set(err, BR_ERR_USAGE, "%s has no option %.*s", command->name, (int)(skip + length),
               word);
  if (nearest != NULL) {
    br_error_append(err, BR_ERR_USAGE, "; did you mean --%s?", nearest);
  }
  return BR_ERR_USAGE;
}

/* Takes the value of an option: behind '=', or the next word. */
static br_status take_value(cli_arguments *args, const cli_option *option, const char *attached,
                            cursor *c, br_error *err) {
  option_value *value = &args->values[option - args->command->options];
  if (option->kind == CLI_FLAG) {
    if (attached != NULL) {
      return br_error_set(err, BR_ERR_USAGE, "--%s takes no value", option->name);
    }
    return set_value(option, value, "true", err);
  }
  if (attached != NULL) {
    return set_value(option, value, attached, err);
  }
  const char *next = c->at < c->argc ? c->argv[c->at] : NULL;
  if (option->kind == CLI_OPTIONAL_CHOICE &&
      (next == NULL || !choice_holds(option->choices, next))) {
    return set_value(option, value, last_choice(option->choices), err);
  }
  if (next == NULL) {
    return br_error_set(err, BR_ERR_USAGE, "--%s wants a value: %s", option->name,
                        option->value_name != NULL ? option->value_name : option->choices);
  }
  c->at++;
  return set_value(option, value, next, err);
}

static br_status parse_word(cli_arguments *args, cursor *c, bool *only_operands, br_error *err) {
  const char *word = c->argv[c->at++];
  if (*only_operands || word[0] != '-' || word[1] == '\0') {
    args->operands[args->operand_count++] = word;
    return BR_OK;
  }
  if (strcmp(word, "--") == 0) {
    *only_operands = true;
    return BR_OK;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    args->help = true;
    return BR_OK;
  }
  const char *attached = NULL;
  const cli_option *option = NULL;
  if (word[1] == '-') {
    size_t length = strcspn(word + 2, "=");
    attached = word[2 + length] == '=' ? word + 2 + length + 1 : NULL;
    option = find_option(args->command, word + 2, length);
  } else {
    attached = word[2] != '\0' ? word + 2 : NULL;
    option = find_letter(args->command, word[1]);
  }
  return option == NULL ? unknown_option(args->command, word, err)
                        : take_value(args, option, attached, c, err);
}

static br_status set_defaults(cli_arguments *args, br_error *err) {
  for (size_t i = 0; i < args->command->option_count; i++) {
    const cli_option *option = &args->command->options[i];
    if (option->initial == NULL) {
      continue;
    }
    br_status st = set_value(option, &args->values[i], option->initial, err);
    if (st != BR_OK) {
      return st;
    }
    args->values[i].given = false;
  }
  return BR_OK;
}

static br_status check_complete(const cli_arguments *args, br_error *err) {
  const cli_command *command = args->command;
  for (size_t i = 0; i < command->option_count; i++) {
    if (command->options[i].required && !args->values[i].given) {
      return br_error_set(err, BR_ERR_USAGE, "%s needs --%s %s", command->name,
                          command->options[i].name, command->options[i].value_name);
    }
  }
  if (args->operand_count > command->operands_max) {
    return br_error_set(err, BR_ERR_USAGE, "%s: '%s' is too much", command->name,
                        args->operands[command->operands_max]);
  }
  if (args->operand_count < command->operands_min) {
    return br_error_set(err, BR_ERR_USAGE, "%s needs %s", command->name, command->operands);
  }
  return BR_OK;
}

br_status cli_parse(const cli_command *command, int argc, char **argv, cli_arguments **ret_args,
                    br_error *err) {
  cli_arguments *args = br_calloc(1, sizeof *args);
  if (args == NULL) {
    return br_error_nomem(err);
  }
  args->command = command;
  args->values = br_calloc(command->option_count, sizeof *args->values);
  args->operands = br_calloc((size_t)argc + 1, sizeof *args->operands);
  br_status st = args->values == NULL || args->operands == NULL ? br_error_nomem(err)
                                                                : set_defaults(args, err);
  cursor c = {.argc = argc, .argv = argv};
  bool only_operands = false;
  while (st == BR_OK && c.at < c.argc) {
    st = parse_word(args, &c, &only_operands, err);
  }
  if (st == BR_OK && !args->help) {
    st = check_complete(args, err);
  }
  if (st != BR_OK) {
    cli_arguments_free(args);
    return st;
  }
  *ret_args = args;
  return BR_OK;
}

void cli_arguments_free(cli_arguments *args) {
  if (args == NULL) {
    return;
  }
  for (size_t i = 0; args->values != NULL && i < args->command->option_count; i++) {
    br_free(args->values[i].texts);
  }
  br_free(args->values);
  br_free(args->operands);
  br_free(args);
}

/* The value of an option that the command has; a value that was never given where the name is not
 * in its table. */
static const option_value *value_of(const cli_arguments *args, const char *name) {
  static const option_value nothing;
  const cli_option *option = find_option(args->command, name, strlen(name));
  return option == NULL ? &nothing : &args->values[option - args->command->options];
}

bool cli_flag(const cli_arguments *args, const char *name) {
  return value_of(args, name)->given;
}

bool cli_given(const cli_arguments *args, const char *name) {
  return value_of(args, name)->given;
}

const char *cli_text(const cli_arguments *args, const char *name) {
  const option_value *value = value_of(args, name);
  return value->count == 0 ? NULL : value->texts[value->count - 1];
}

uint64_t cli_number(const cli_arguments *args, const char *name) {
  return value_of(args, name)->number;
}

size_t cli_list(const cli_arguments *args, const char *name, const char *const **ret_values) {
  const option_value *value = value_of(args, name);
  *ret_values = value->texts;
  return value->count;
}

size_t cli_operands(const cli_arguments *args, const char *const **ret_operands) {
  *ret_operands = args->operands;
  return args->operand_count;
}

bool cli_help_wanted(const cli_arguments *args) {
  return args->help;
}
