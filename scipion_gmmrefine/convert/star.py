"""STAR tables as columns of text: numbers are made where they are needed, so that a name like 0003 stays what it is."""
import io

from emtable import Table


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
    table = Table()
    table.readStar(io.StringIO(text), tableName, guessType=False)
    columns = zip(*table) if len(table) else ([] for _ in table.getColumnNames())
    return dict(zip(table.getColumnNames(), map(list, columns)))


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
