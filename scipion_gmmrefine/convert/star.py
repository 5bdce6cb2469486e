# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""STAR tables as columns of text: numbers are made where they are needed, so that a name like 0003 stays what it is."""

import io
import re

from emtable import Table

# a quote opens a value at its beginning only, and ends it before a blank only
_WORDS = re.compile(r"""(?:^|(?<=\s))(?:"(.*?)"(?=\s|$)|'(.*?)'(?=\s|$)|(\S+))""")
_STAND_INS = {ord(" "): "\1", ord("'"): "\2", ord('"'): "\3"}
_EMPTY = "\4"
_RESTORED = {**{ord(new): chr(old) for old, new in _STAND_INS.items()}, ord(_EMPTY): ""}


def readTable(fileName, tableName=""):
    """One table of a STAR file.

    Parameters
    ----------
    fileName : str or Path
    tableName : str
        What follows ``data_``; empty takes the first table.

    Returns
    -------
    dict of list of str
        Column → its values, in file order.
    """
    with open(fileName) as handle:
        return parseTable(handle.read(), tableName)


def parseTable(text, tableName=""):
    """One table of the text of a STAR file, as ``readTable`` gives it."""
    table, isQuoted = Table(), any(quote in text for quote in "\"'")
    if isQuoted:  # emtable looks for quotes in the first row only, and takes those inside of a value for some
        text = "\n".join(map(_withoutQuotes, text.splitlines())) + "\n"
    table.readStar(io.StringIO(text), tableName, guessType=False)
    columns = zip(*table) if len(table) else ([] for _ in table.getColumnNames())
    if isQuoted:
        columns = ([value.translate(_RESTORED) for value in column] for column in columns)
    return dict(zip(table.getColumnNames(), map(list, columns)))


def _withoutQuotes(line):
    """A line whose quoted values are one word each, with stand-ins for blanks and quotes inside of values."""
    if "'" not in line and '"' not in line:
        return line
    return " ".join("".join(found).translate(_STAND_INS) or _EMPTY for found in _WORDS.findall(line))


def formatTable(tableName, columns):
    """A table as STAR text; floats get six decimals, text with a blank is quoted.

    Parameters
    ----------
    tableName : str
    columns : dict of list
        Column → its values, all columns of one length.

    Returns
    -------
    str
    """
    table = Table(columns=list(columns))
    for row in zip(*columns.values()):
        table.addRow(*(f'"{value}"' if isinstance(value, str) and " " in value else value for value in row))
    text = io.StringIO()
    table.writeStar(text, tableName)
    return text.getvalue()


def writeTables(fileName, tables):
    """Write a STAR file.

    Parameters
    ----------
    fileName : str or Path
    tables : dict of dict
        Table name → columns, as in ``formatTable``.
    """
    with open(fileName, "w") as handle:
        for tableName, columns in tables.items():
            handle.write(formatTable(tableName, columns))
