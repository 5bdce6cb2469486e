"""Write one HTML page about a run: summary, figures, settings and provenance.

DIR is the folder of any command, e.g. of refine, refine-patches, composite, qscore or audit. Writes DIR/report.html, one file
that opens in any browser without a server or network and can be sent by mail; nothing else in DIR is changed. Of a run that
is not finished, what is there is shown. Where DIR holds the folders of several runs, each gets its report and
DIR/report.html lists them.
"""


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("directory", metavar="DIR", help="folder of a run, or of several runs")


def run(args):
    """Gather and write."""
    from gmmrefine.report.report import report

    path, notes = report(args.directory)
    for note in notes:
        print(note)
    print(path)
