"""Programs of a Python that start at once, as what takes seconds is imported already.

    python fork_server.py MODULE ...

Takes one request a line: a JSON list of the working folder, the file for what is printed, and the arguments of a Python
(a script, ``-m`` and a module, or ``-c`` and code). Answers each with a line: the exit status. Every program is a
process of its own, a fork of this one, which only has the modules imported, and has five minutes. See ``programs.py``.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import traceback

LIMIT = 300  # s


def run(folder: str, printed: str, arguments: list[str]) -> int:
    """Exit status of the program, which prints to the file ``printed``."""
    child = os.fork()
    if child == 0:
        _be(folder, printed, arguments)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start(first: str, *others: str) -> None:
    """What the interpreter does with these arguments."""
    if first == "-c":
        sys.argv = ["-c", *others[1:]]
        exec(compile(others[0], "-c", "exec"), {"__name__": "__main__"})
    elif first == "-m":
        sys.argv = ["-m", *others[1:]]
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *others]
        sys.path[0] = os.path.dirname(first)
        runpy.run_path(first, run_name="__main__")


def _be(folder: str, printed: str, arguments: list[str]) -> None:
    """Become that program; does not return."""
    os.chdir(folder)
    to = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(to, 1)
    os.dup2(to, 2)
    signal.alarm(LIMIT)  # ends it, and the status tells
    status = 0
    try:
        start(*arguments)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for request in requests:
        print(run(*json.loads(request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
