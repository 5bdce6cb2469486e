"""The errors a user is meant to read: one line, with what was found, what was expected and what to do."""


class EngineError(Exception):
    """Base of every error that ends a command with one line and exit code 1."""

    def __str__(self) -> str:
        """The message in one line, whatever lines other programs' messages in it have, and names of files with line ends."""
        return " ".join(super().__str__().split("\n")).replace("\r", " ").strip()


class InputError(EngineError):
    """The user's files or options cannot be used as they are."""


class ResourceError(EngineError):
    """The machine lacks what the job needs: memory, disk space, a GPU."""


class ConvergenceError(EngineError):
    """A run ended badly; the message says in which iteration and what was saved."""
