"""The errors a user can cause, each with the action that mends it.

Every error of this module ends the ``dp`` program with :attr:`DeepmdError.exit_code` and its text on
one line; anything else that escapes is a defect of the program and keeps its traceback.
"""

from __future__ import annotations


class DeepmdError(Exception):
    """Base of the errors that are reported to the user as a sentence, not a traceback.

    Parameters
    ----------
    message : str
        What is wrong, with the values expected and found.
    hint : str, optional
        What to do about it; printed after the message.
    """

    exit_code = 2
    told = False

    def __init__(self, message: str, hint: str | None = None):
        self.message = message
        self.hint = hint
        super().__init__(message if hint is None else f"{message}. {hint}")


class ConfigError(DeepmdError):
    """The input file or the command line asks for something that is not there."""


class DataError(DeepmdError):
    """A data system is missing, malformed or inconsistent.

    Use :meth:`at` to name the place; the text then reads
    ``set.000/force.npy, frame 3, force: expected 576 values per frame, found 575``.
    """

    @classmethod
    def at(
        cls,
        file,
        *,
        expected: str,
        found: str,
        field: str | None = None,
        frame: int | None = None,
        hint: str | None = None,
    ) -> DataError:
        """Name file, frame and field of the fault, what was expected and what was found there."""
        place = str(file)
        if frame is not None:
            place += f", frame {frame}"
        if field is not None:
            place += f", {field}"
        return cls(f"{place}: expected {expected}, found {found}", hint)


class ModelFormatError(DeepmdError):
    """A frozen model file cannot be read or lacks something it must hold."""


class CheckpointError(DeepmdError):
    """No complete checkpoint where one was asked for, or one that does not fit the model."""


class SelfcheckError(DeepmdError):
    """A model file is not what it was made from, or its forces are not the gradient of its energy."""

    exit_code = 1


class OpLibraryError(DeepmdError):
    """The native library is missing or was built for another TensorFlow."""


class TrainingError(DeepmdError):
    """Training had to stop; what was saved before stays valid."""

    exit_code = 3


class SaveError(TrainingError):
    """A checkpoint could not be written (full disk, no permission, I/O error)."""

    exit_code = 4


class RankError(DeepmdError):
    """Another of the processes that train together has failed, ended or does not answer.

    Parameters
    ----------
    message, hint : str
        As of :class:`DeepmdError`.
    exit_code : int
        That of the process that has failed, where it is known.
    told : bool
        Whether another process tells the user, so that this one need not.
    """

    exit_code = 5

    def __init__(self, message: str, hint: str | None = None, *, exit_code: int = 5, told: bool = False):
        super().__init__(message, hint)
        self.exit_code, self.told = exit_code, told
