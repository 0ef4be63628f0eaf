"""What Databricks SQL has and open-source Spark hasn't, rewritten before Spark sees a statement.

Names of three parts, paths of volumes, MERGE, RESTORE and the like need nothing: WorkspaceCatalog and WorkspaceFiles make
them Spark's own. Rewritten are read_files, COPY INTO, CREATE CATALOG, CREATE VOLUME, USE CATALOG, GRANT and REVOKE.
"""

import dataclasses
import re

TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<string>[rR]?'(?:[^'\\]|\\.)*'|[rR]?"(?:[^"\\]|\\.)*")
    | (?P<quoted>`(?:[^`]|``)*`)
    | (?P<parameter>:[A-Za-z_]\w*)
    | (?P<word>[A-Za-z_0-9]\w*)
    | (?P<sign>=>|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int

    def word(self):
        return self.text.upper() if self.kind == "word" else None


def comment_end(text, start):
    """The end of a bracketed comment, which may hold others."""
    depth, at = 1, start + 2
    while depth and at < len(text):
        if text.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("*/", at):
            depth, at = depth - 1, at + 2
        else:
            at += 1
    return at


def tokens(text):
    """The tokens of a statement, without blanks and comments."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        end = match.end()
        if match.lastgroup == "comment":
            end = comment_end(text, at)
        elif match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group(), at, end))
        at = end
    return found


ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def string_value(token):
    """The value of a string literal."""
    if token.text[0] in "rR":
        return token.text[2:-1]
    body = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), token.text[1:-1])
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), body, flags=re.DOTALL)


def name_parts(found, at):
    """The parts of the name that begins at a token, and the place behind it."""
    parts = []
    while at < len(found) and found[at].kind in ("word", "quoted"):
        token = found[at]
        parts.append(token.text[1:-1].replace("``", "`") if token.kind == "quoted" else token.text)
        at += 1
        if at >= len(found) or found[at].text != ".":
            break
        at += 1
    return parts, at


def quote(*parts):
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def closing(found, at):
    """The place of the parenthesis that closes the one at a place."""
    depth = 0
    for i in range(at, len(found)):
        depth += {"(": 1, ")": -1}.get(found[i].text, 0)
        if depth == 0:
            return i
    raise ValueError("a parenthesis is not closed")


def words(found, *expected):
    return [t.word() for t in found[: len(expected)]] == list(expected)


def literal_value(token, parameter):
    """A literal's text; that of a parameter is parameter(name)."""
    if token.kind == "string":
        return string_value(token)
    if token.kind == "parameter":
        return parameter(token.text[1:])
    return token.text


def named_arguments(found, parameter):
    """(positional values, {name: value}) of a call's arguments that are literals or parameters."""
    positional, named, at = [], {}, 0
    while at < len(found):
        if at + 1 < len(found) and found[at + 1].text == "=>":
            named[found[at].text.strip("`").lower()] = literal_value(found[at + 2], parameter)
            at += 3
        else:
            positional.append(literal_value(found[at], parameter))
            at += 1
        if at < len(found) and found[at].text != ",":
            raise ValueError(f"read_files takes literals and parameters only, not {found[at].text!r}")
        at += 1
    return positional, named


def replace_read_files(text, parameter, view):
    """The text with every read_files(…) replaced by the name that view(path, options) gives."""
    found = tokens(text)
    pieces, done = [], 0
    for i, token in enumerate(found):
        if token.word() != "READ_FILES" or i + 1 >= len(found) or found[i + 1].text != "(":
            continue
        end = closing(found, i + 1)
        positional, options = named_arguments(found[i + 2 : end], parameter)
        pieces += [text[done : token.start], view(positional[0], options)]
        done = found[end].end
    return "".join(pieces) + text[done:]


@dataclasses.dataclass
class CopyInto:
    """The parts of a COPY INTO statement."""

    target: list
    path: str
    query: tuple  # (text before the path, text behind it) of a SELECT; () without one
    format: str
    files: list
    pattern: str
    format_options: dict
    copy_options: dict


def option_list(found, at):
    """({name: value}, place behind) of a list ('name' = 'value', …) or of ('value', …) that begins at a place."""
    end = closing(found, at)
    inner = found[at + 1 : end]
    values, i = {}, 0
    while i < len(inner):
        name = string_value(inner[i]) if inner[i].kind == "string" else inner[i].text
        if i + 2 < len(inner) and inner[i + 1].text == "=":
            value = inner[i + 2]
            values[name] = string_value(value) if value.kind == "string" else value.text
            i += 4
        else:
            values[name] = None
            i += 2
    return values, end + 1


def copy_source(text, found, at):
    """((path, query), place behind) of what stands behind FROM."""
    if found[at].kind == "string":
        return (string_value(found[at]), ()), at + 1
    end = closing(found, at)
    place = max(i for i in range(at, end) if found[i].word() == "FROM") + 1
    path = found[place]
    query = (text[found[at + 1].start : path.start], text[path.end : found[end].start])
    return (string_value(path), query), end + 1


def parse_copy_into(text):
    """The CopyInto of a statement; None for any other statement."""
    found = tokens(text.rstrip().rstrip(";"))
    if not words(found, "COPY", "INTO"):
        return None
    target, at = name_parts(found, 2)
    if found[at].word() != "FROM":
        raise ValueError("COPY INTO with a list of columns is not supported here")
    (path, query), at = copy_source(text, found, at + 1)
    copy = CopyInto(target, path, query, "", [], "", {}, {})
    while at < len(found):
        word = found[at].word()
        if word == "FILEFORMAT":
            copy.format, at = found[at + 2].text.lower(), at + 3
        elif word == "PATTERN":
            copy.pattern, at = string_value(found[at + 2]), at + 3
        elif word == "FILES":
            files, at = option_list(found, at + 2)
            copy.files = list(files)
        elif word in ("FORMAT_OPTIONS", "COPY_OPTIONS"):
            options, at = option_list(found, at + 1)
            setattr(copy, word.lower(), options)
        else:
            raise ValueError(f"COPY INTO does not take {found[at].text!r} here")
    return copy


@dataclasses.dataclass
class Command:
    """A statement that the adapter carries out itself."""

    verb: str  # create_catalog, drop_catalog, create_volume, drop_volume, grant
    name: list
    quiet: bool  # IF EXISTS or IF NOT EXISTS


def parse_command(text):
    """The Command that a statement is; None for one that Spark runs."""
    found = tokens(text)
    if found and found[0].word() in ("GRANT", "REVOKE"):
        return Command("grant", [], True)
    if len(found) < 3 or found[0].word() not in ("CREATE", "DROP"):
        return None
    at = 2 if found[1].word() == "EXTERNAL" else 1
    if found[at].word() not in ("CATALOG", "VOLUME"):
        return None
    verb = f"{found[0].word()}_{found[at].word()}".lower()
    quiet = found[at + 1].word() == "IF"
    at += 1 + (0 if not quiet else 3 if found[0].word() == "CREATE" else 2)
    return Command(verb, name_parts(found, at)[0], quiet)


def use_catalog(text):
    """USE CATALOG is Spark's SET CATALOG."""
    found = tokens(text)
    if words(found, "USE", "CATALOG"):
        return "SET CATALOG " + text[found[2].start :]
    return text
