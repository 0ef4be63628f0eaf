/*
 * cli.h: the command line: finds the command, parses its options by one table, runs it, prints the
 * error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Runs the program; returns the exit status: 0 all good, 1 something failed, 2 wrong usage. */
int cli_main(int argc, char **argv);

#endif
