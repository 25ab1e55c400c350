"""The ``dp`` program: finds its commands, parses the command line, turns errors into sentences and exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from types import ModuleType

import deepmd_tf.cli
from deepmd_tf import __version__, log, memory, plugin
from deepmd_tf.errors import ConfigError, DeepmdError
from deepmd_tf.registry import did_you_mean

BACKENDS = ("tensorflow", "tf")
OTHER_BACKENDS = {
    "pytorch": "PyTorch", "pt": "PyTorch", "pytorch-exportable": "PyTorch", "pt-expt": "PyTorch", "jax": "JAX",
    "paddle": "Paddle", "pd": "Paddle", "dpmodel": "NumPy", "dp": "NumPy", "tensorflow2": "TensorFlow 2 eager",
    "tf2": "TensorFlow 2 eager",
}  # fmt: skip
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(argv: list[str] | None = None) -> int:
    """Run ``dp`` with the arguments ``argv`` (those of the process by default); return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    command = None
    # TensorFlow loads Keras on import, a quarter of its start-up, unless told to look for an older Keras elsewhere.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    memory.keep_freed_memory()
    try:
        parser = make_parser()
        args = parser.parse_args(argv)
        check_backend(args)
        command = args.command
        if command is None:
            parser.print_help()
            return ConfigError.exit_code
        log.configure(args.log_level, args.log_path, getattr(args, "mpi_log", "master"))
        code = args.run(args)
        sys.stdout.flush()
        return code or 0
    except DeepmdError as error:
        if not error.told:
            print(f"{_program(command)}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{_program(command)}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has left; a flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def make_parser() -> argparse.ArgumentParser:
    """The parser with every command found in :mod:`deepmd_tf.cli` and in plug-ins."""
    plugin.load_plugins()
    parser = _Parser(
        prog="dp", formatter_class=_Help,
        description="Train, freeze, test and use Deep Potential models in TensorFlow.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"dp (deepmd-tf) {__version__}")
    _add_backend(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    for module in sorted(find_commands(), key=lambda module: module.NAME):
        examples = getattr(module, "EXAMPLES", ())
        sub = commands.add_parser(
            module.NAME, help=module.HELP, description=_sentence(module.HELP), formatter_class=_Help,
            epilog="\n".join(["examples:", *(f"    {line}" for line in examples)]) if examples else None,
        )  # fmt: skip
        module.arguments(sub)
        _add_logging(sub)
        sub.set_defaults(run=module.run)
    return parser


def find_commands() -> list[ModuleType]:
    """The modules of :mod:`deepmd_tf.cli` that hold a command, and those that plug-ins announce."""
    names = [f"deepmd_tf.cli.{found.name}" for found in pkgutil.iter_modules(deepmd_tf.cli.__path__)]
    own = [importlib.import_module(name) for name in names]
    return [module for module in own if hasattr(module, "NAME")] + [
        module for _, module in plugin.load(plugin.COMMANDS)
    ]


def check_backend(args: argparse.Namespace) -> None:
    """Refuse every backend but TensorFlow, asked for by option or by the environment variable ``DP_BACKEND``."""
    origin, name = ("", args.backend) if args.backend else ("DP_BACKEND: ", os.environ.get("DP_BACKEND", "tensorflow"))
    if name.lower() in BACKENDS:
        return
    if name.lower() not in OTHER_BACKENDS:
        raise ConfigError(f"{origin}there is no backend {name!r}", did_you_mean(name, BACKENDS))
    raise ConfigError(
        f"{origin}this program has the TensorFlow backend alone, not {OTHER_BACKENDS[name.lower()]}",
        "Leave the option out, or give --tf" if not origin else "Unset DP_BACKEND, or set it to tensorflow",
    )


def _add_backend(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-b", "--backend", metavar="BACKEND", help="backend: tensorflow (or tf) is the only one")
    group.add_argument(
        "--tensorflow",
        "--tf",
        dest="backend",
        action="store_const",
        const="tensorflow",
        help="the same as -b tensorflow",
    )
    for name in OTHER_BACKENDS:
        group.add_argument(f"--{name}", dest="backend", action="store_const", const=name, help=argparse.SUPPRESS)


def _add_logging(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("logging")
    group.add_argument(
        "-v", "--log-level", choices=list(log.LEVELS), default="INFO", metavar="LEVEL",
        help="least level that is shown: 0 or ERROR, 1 or WARNING, 2 or INFO, 3 or DEBUG (default: INFO)",
    )  # fmt: skip
    group.add_argument("-l", "--log-path", metavar="LOG_PATH", help="write the messages to this file as well")


def add_mpi_log(parser: argparse.ArgumentParser) -> None:
    """Add ``-m/--mpi-log`` to a command that several processes may run together."""
    parser.add_argument(
        "-m", "--mpi-log", choices=log.MPI_MODES, default="master",
        help="who logs when several processes run: master, the first alone; collect, all into the file of the first; "
        "workers, each into its own (default: master)",
    )  # fmt: skip


def _program(command: str | None) -> str:
    return f"dp {command}" if command else "dp"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the line ends of the examples, and a readable column for the options."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28, width=min(100, _terminal_width()))


def _terminal_width() -> int:
    try:
        return os.get_terminal_size().columns - 2
    except OSError:
        return 100


class _Parser(argparse.ArgumentParser):
    """Does not guess abbreviated options: a typing error is refused, not taken for another option."""

    def __init__(self, **options):
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str):
        """End with the usage line and one sentence."""
        self.print_usage(sys.stderr)
        self.exit(ConfigError.exit_code, f"{self.prog}: error: {message}. See '{self.prog} -h'\n")
