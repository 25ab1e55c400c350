"""House rules, held by tests: import direction, where TensorFlow and sessions may be, size, docstrings, safe reading.

A rule takes a parsed file and yields (line, what is wrong); a test applies it to all files that it is meant for.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "deepmd_tf"
# Left may be imported by right, never back; parts of one layer may import each other, in one direction.
LAYERS = [
    {"errors", "registry", "keys", "precision", "tf1", "plugin", "log", "memory"},
    {"config"},
    {"data", "ops"},
    {"stat", "nn"},
    {"descriptor", "fitting"},
    {"model"},
    {"loss"},
    {"export"},
    {"infer"},
    {"selfcheck"},
    {"train"},
    {"compress"},
    {"cli"},
]
LAYER = {part: depth for depth, parts in enumerate(LAYERS) for part in parts}
ENTRY = {"__init__", "__main__"}
WITHOUT_TENSORFLOW = {"config", "data"}
SESSION_PARTS = {"train", "export", "infer"}
SESSION_FILES = {"ops/session.py"}
SESSIONS = {"Session", "InteractiveSession", "MonitoredSession"}
EVALUATORS = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.unsafe_load", "yaml.full_load", "os.system"}
MAX_LINES, USUAL_LINES = 400, 300
# An option of the field's command line that bears the name of a plug-in.
OPTION_NAMES = re.compile(r"nvnmd[-_]weight")

FILES = sorted(PACKAGE.rglob("*.py"))
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}


def part(path: Path) -> str:
    """The part of the package that a file belongs to: its folder, or its own name at the first level."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def hold(rule, files=FILES) -> None:
    """Fail with every place where the rule is broken."""
    found = [f"{path.relative_to(ROOT)}:{line}: {what}" for path in files for line, what in rule(TREES[path])]
    assert not found, "\n" + "\n".join(found)


def imports(tree: ast.AST):
    """Yield (line, dotted module) of every import, with the imported names of ``from`` appended."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names)


def parts_imported(tree: ast.AST):
    """Yield (line, part) of every import from this package."""
    for line, module in imports(tree):
        names = module.split(".")
        if names[0] == "deepmd_tf" and names[1] in LAYER:
            yield line, names[1]


def calls(tree: ast.AST, *names: str):
    """Yield the calls of the functions with these dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
            yield node


def test_every_part_stands_in_a_layer():
    assert {part(path) for path in FILES} - ENTRY <= set(LAYER), "add the new part to LAYERS, where it belongs"


@pytest.mark.parametrize("depth", range(len(LAYERS)))
def test_imports_go_one_way(depth):
    def rule(tree):
        return (
            (line, f"imports {name}, which stands above") for line, name in parts_imported(tree) if LAYER[name] > depth
        )

    hold(rule, [path for path in FILES if LAYER.get(part(path)) == depth])


def test_parts_of_one_layer_do_not_import_each_other_both_ways():
    pairs = {(part(path), name) for path in FILES for _, name in parts_imported(TREES[path])}
    assert not [f"{a} and {b} import each other" for a, b in pairs if a < b and (b, a) in pairs]


def test_imports_are_absolute():
    hold(lambda tree: ((line, "write the full name") for line, module in imports(tree) if module.startswith(".")))


def tensorflow_imports(tree):
    """Imports past ``deepmd_tf.tf1``, at the top or on use; private parts change with every release."""
    return (
        (line, f"imports {name}; use deepmd_tf.tf1")
        for line, name in imports(tree)
        if name.split(".")[0] == "tensorflow"
    )


def test_tensorflow_is_reached_through_tf1_alone():
    hold(tensorflow_imports, [path for path in FILES if path != PACKAGE / "tf1.py"])
    assert not [path for path in FILES if "tensorflow.python" in TEXTS[path]]


def test_data_and_config_know_no_tensorflow():
    def rule(tree):
        return (
            (line, f"{name} in a part that works without TensorFlow")
            for line, name in parts_imported(tree)
            if name == "tf1"
        )

    hold(rule, [path for path in FILES if part(path) in WITHOUT_TENSORFLOW])


def sessions(tree):
    """Uses of a session class of TensorFlow."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in SESSIONS:
            yield (
                node.lineno,
                f"{node.attr}; graphs are run in {', '.join(sorted(SESSION_PARTS))} and {', '.join(SESSION_FILES)}",
            )


def test_sessions_are_where_graphs_are_run():
    allowed = [
        path for path in FILES if part(path) in SESSION_PARTS or path.relative_to(PACKAGE).as_posix() in SESSION_FILES
    ]
    hold(sessions, [path for path in FILES if path not in allowed])


def test_the_package_names_no_plugin():
    naming = [str(path.relative_to(ROOT)) for path in FILES if "nvnmd" in OPTION_NAMES.sub("", TEXTS[path].lower())]
    assert not naming, "plug-ins are found by entry point, never named"


def test_files_stay_small():
    sizes = {str(path.relative_to(ROOT)): TEXTS[path].count("\n") for path in FILES}
    assert not {name: size for name, size in sizes.items() if size > MAX_LINES}
    assert sorted(sizes.values())[int(0.95 * (len(sizes) - 1))] <= USUAL_LINES


def evaluated_annotations(tree):
    """Modules with functions or classes that lack ``from __future__ import annotations``."""
    code = any(isinstance(node, (ast.ClassDef, ast.FunctionDef)) for node in tree.body)
    if code and "__future__.annotations" not in [module for _, module in imports(tree)]:
        yield 1, "from __future__ import annotations"


def test_annotations_are_not_evaluated():
    hold(evaluated_annotations)


def undocumented(tree):
    """The module, its public functions and classes, and the public methods that inherit no docstring."""
    if not ast.get_docstring(tree):
        yield 1, "the module has no docstring"
    public = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name[0] != "_"]
    for node in public:
        if not ast.get_docstring(node):
            yield node.lineno, f"{node.name} has no docstring"
        if isinstance(node, ast.ClassDef) and not node.bases:
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name[0] != "_"]
            yield from (
                (one.lineno, f"{node.name}.{one.name} has no docstring")
                for one in methods
                if not ast.get_docstring(one)
            )


def test_public_names_have_docstrings():
    hold(undocumented)


def pickled_loads(tree):
    """Calls of ``np.load`` that do not forbid code hidden in the file."""
    for call in calls(tree, "np.load", "numpy.load"):
        if not any(key.arg == "allow_pickle" and getattr(key.value, "value", None) is False for key in call.keywords):
            yield call.lineno, "np.load without allow_pickle=False"


def test_arrays_are_read_without_pickle():
    hold(pickled_loads)


def evaluations(tree):
    """Calls that may run what a file holds."""
    return ((call.lineno, f"{ast.unparse(call.func)} evaluates its input") for call in calls(tree, *EVALUATORS))


def test_nothing_read_is_evaluated():
    hold(evaluations)


def silent_options(tree):
    """Options of a command without a help text, or with one that only repeats their name."""
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        ):
            continue
        given = {key.arg: key.value for key in node.keywords}
        if getattr(given.get("action"), "value", None) == "version":
            continue
        names = {
            word
            for arg in node.args
            if isinstance(arg, ast.Constant)
            for word in re.findall(r"[a-z]+", arg.value.lower())
        }
        text = given.get("help")
        if text is None or (isinstance(text, ast.Constant) and set(re.findall(r"[a-z]+", text.value.lower())) <= names):
            yield node.lineno, "the help does not say what the option does"


def test_help_says_what_an_option_does():
    hold(silent_options, [path for path in FILES if part(path) == "cli"])


def untyped_errors(tree):
    """Errors that the program can neither turn into a sentence nor tell from a defect."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = ast.unparse(getattr(node.exc, "func", node.exc))
            if name in ("Exception", "BaseException", "RuntimeError", "SystemExit"):
                yield node.lineno, f"raises {name}; use a class of deepmd_tf.errors"


def test_errors_are_typed():
    hold(untyped_errors)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (parts_imported, "from deepmd_tf.cli import main"),
        (tensorflow_imports, "def f():\n    import tensorflow.compat.v1 as tf"),
        (sessions, "with tf.Session() as session: ..."),
        (evaluated_annotations, "def f(): ..."),
        (undocumented, '"""Doc."""\ndef f(): ...'),
        (undocumented, '"""Doc."""\nclass C:\n    """Doc."""\n    def f(self): ...'),
        (pickled_loads, "np.load(path)"),
        (pickled_loads, "np.load(path, allow_pickle=True)"),
        (evaluations, "eval(text)"),
        (silent_options, "parser.add_argument('--log-path', help='log path')"),
        (untyped_errors, "raise RuntimeError('x')"),
    ],
)
def test_each_rule_can_fail(rule, code):
    assert list(rule(ast.parse(code)))
