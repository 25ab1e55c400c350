"""The frame of the ``dp`` program: commands, backends, logging, errors and exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import types

import pytest

from deepmd_tf import __version__, log, plugin
from deepmd_tf.cli import main as program
from deepmd_tf.errors import ConfigError, DataError, SaveError


@pytest.fixture
def command(monkeypatch):
    """Replace the commands by one, ``probe``, whose run is the function given."""
    monkeypatch.delenv("DP_BACKEND", raising=False)

    def make(run, arguments=lambda parser: None):
        module = types.SimpleNamespace(NAME="probe", HELP="try the frame", arguments=arguments, run=run)
        monkeypatch.setattr(program, "find_commands", lambda: [module])

    yield make
    root = logging.getLogger(log.ROOT)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.propagate = True


def raiser(error: BaseException):
    def run(args):
        raise error

    return run


def test_without_a_command_the_help_is_shown(command, capsys):
    command(lambda args: None)
    assert program.main([]) == 2
    out = capsys.readouterr().out
    assert out.startswith("usage: dp") and "try the frame" in out


def test_version(command, capsys):
    command(lambda args: None)
    with pytest.raises(SystemExit) as left:
        program.main(["--version"])
    assert left.value.code == 0 and __version__ in capsys.readouterr().out


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (5, 5)])
def test_exit_code_of_a_command(command, returned, code):
    command(lambda args: returned)
    assert program.main(["probe"]) == code


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ConfigError("wrong", "Do this"), 2, "dp probe: error: wrong. Do this\n"),
        (DataError("no data"), 2, "dp probe: error: no data\n"),
        (SaveError("disk full"), 4, "dp probe: error: disk full\n"),
        (KeyboardInterrupt(), 130, "dp probe: interrupted\n"),
    ],
)
def test_errors_become_sentences(command, capsys, error, code, text):
    command(raiser(error))
    assert program.main(["probe"]) == code
    assert capsys.readouterr().err == text


def test_defects_keep_their_traceback(command):
    command(raiser(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        program.main(["probe"])


@pytest.mark.parametrize("options", [["--tf"], ["--tensorflow"], ["-b", "tensorflow"], ["--backend", "TF"], []])
def test_tensorflow_is_accepted(command, options):
    command(lambda args: 7)
    assert program.main([*options, "probe"]) == 7


@pytest.mark.parametrize("options", [["--pt"], ["--pytorch"], ["--jax"], ["--pd"], ["-b", "pytorch"], ["--dpmodel"]])
def test_another_backend_is_refused(command, capsys, options):
    command(lambda args: 7)
    assert program.main([*options, "probe"]) == 2
    assert "has the TensorFlow backend alone" in capsys.readouterr().err


def test_backend_from_the_environment(command, capsys, monkeypatch):
    command(lambda args: 7)
    monkeypatch.setenv("DP_BACKEND", "pytorch")
    assert program.main(["probe"]) == 2
    assert capsys.readouterr().err.startswith("dp: error: DP_BACKEND: ")
    assert program.main(["--tf", "probe"]) == 7
    monkeypatch.setenv("DP_BACKEND", "TensorFlow")
    assert program.main(["probe"]) == 7


def test_misspelt_options_are_not_guessed(command, capsys):
    command(lambda args: None, lambda parser: parser.add_argument("--skip-neighbor-stat", action="store_true"))
    with pytest.raises(SystemExit) as left:
        program.main(["probe", "--skip-neighbor"])
    assert left.value.code == 2
    assert "--skip-neighbor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("0", "E"),
        ("ERROR", "E"),
        ("1", "EW"),
        ("WARNING", "EW"),
        ("2", "EWI"),
        ("INFO", "EWI"),
        ("3", "EWID"),
        ("DEBUG", "EWID"),
    ],
)
def test_log_level_and_file(command, tmp_path, level, shown, capsys):
    def run(args):
        logger = logging.getLogger("deepmd_tf.anything")
        for method, letter in ((logger.error, "E"), (logger.warning, "W"), (logger.info, "I"), (logger.debug, "D")):
            method("message %s", letter)

    command(run)
    file = tmp_path / "log"
    assert program.main(["probe", "-v", level, "-l", str(file)]) == 0
    lines = file.read_text().splitlines()
    assert "".join(line[-1] for line in lines) == shown
    assert capsys.readouterr().err.splitlines() == lines


@pytest.mark.parametrize(
    ("mode", "files", "shown"),
    [
        ("master", {}, "warned"),
        ("collect", {"log": "told warned"}, "told warned"),
        ("workers", {"log.2": "told warned"}, "told warned"),
    ],
)
def test_log_of_a_worker(command, tmp_path, monkeypatch, capsys, mode, files, shown):
    def run(args):
        logging.getLogger("deepmd_tf.x").info("told")
        logging.getLogger("deepmd_tf.x").warning("warned")

    monkeypatch.setenv("HOROVOD_RANK", "2")
    command(run, program.add_mpi_log)
    assert program.main(["probe", "-m", mode, "-l", str(tmp_path / "log")]) == 0
    written = {
        path.name: " ".join(line.split()[-1] for line in path.read_text().splitlines()) for path in tmp_path.iterdir()
    }
    assert written == files
    err = capsys.readouterr().err.splitlines()
    assert " ".join(line.split()[-1] for line in err) == shown
    assert all(" rank 2 " in line for line in err)


def entry_point(monkeypatch, group: str, value: str):
    point = plugin.EntryPoint("odd", value, group)
    monkeypatch.setattr(plugin, "entry_points", lambda group: [point] if group == point.group else [])
    plugin.load_plugins.cache_clear()


def test_a_plugin_that_fails_stops_the_program(command, monkeypatch, capsys):
    command(lambda args: 7)
    entry_point(monkeypatch, plugin.PLUGINS, "no_such_module_here")
    try:
        assert program.main(["probe"]) == 2
    finally:
        plugin.load_plugins.cache_clear()
    err = capsys.readouterr().err
    assert "plug-in 'odd' (no_such_module_here) cannot be loaded: ModuleNotFoundError" in err
    assert "Repair or uninstall" in err


def test_a_command_of_a_plugin_is_found(monkeypatch, tmp_path):
    (tmp_path / "odd_command.py").write_text(
        "NAME, HELP = 'odd', 'an odd command'\ndef arguments(p): ...\ndef run(a): return 9\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry_point(monkeypatch, plugin.COMMANDS, "odd_command")
    try:
        assert program.main(["odd"]) == 9
    finally:
        plugin.load_plugins.cache_clear()


def test_every_command_is_complete():
    for module in program.find_commands():
        parser = argparse.ArgumentParser()
        module.arguments(parser)
        assert module.NAME and module.HELP and callable(module.run)


def test_commands_start_without_tensorflow():
    code = "import sys; from deepmd_tf.cli.main import make_parser; make_parser(); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "False\n"


def test_a_reader_that_leaves_is_no_error():
    code = "import sys; from deepmd_tf.cli.main import main; sys.exit(main(['doc-train-input', '--out-type', 'json']))"
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == program.BROKEN_PIPE
