# SPDX-License-Identifier: Apache-2.0
"""The house rules that no linter knows: headers, sizes, suppressions, addresses, codes of errors.

Every rule is a function from a tree to a list of problems, so that a test can plant a fault and
see it found. Run as `python -m tools.house [RULE]…`; without a rule, all of them.
"""

from __future__ import annotations

import ast
import io
import re
import runpy
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

FILE_LINES: Final = 500
FUNCTION_LINES: Final = 60
SUPPRESSION_PER_LINES: Final = 1000
SUPPRESSIONS_ANYWAY: Final = 3  # what a tree too small for the quota may have

_SKIP: Final = frozenset({"__pycache__", "dist", "site"})
_HIDDEN_BUT_OURS: Final = frozenset({".ci", ".gitignore"})
_TEXT: Final = frozenset(
    {".cfg", ".html", ".in", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".yml", ""}
)
_SPDX: Final = "# SPDX-License-Identifier: Apache-2.0"
_CODE_FOLDERS: Final = ("src", "tests", "tools", "demo", "benchmarks")

_LINK: Final = re.compile(r"\]\((?!\w+:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)

# Split, so that this file does not hold what it looks for.
_FOREIGN: Final = re.compile(
    "|".join(
        [
            r"/" + r"work/",
            r"(?<![a-z])/" + r"root/",
            r"/" + r"home/\w",
            r"/" + r"opt/wheels",
            r"pypi\." + r"org",
            r"python" + r"hosted\.org",
            r"deb\.debian\." + r"org",
            r"registry\.npm" + r"js",
        ]
    )
)
_ADDRESS: Final = re.compile(
    r"\w+://|^\s*-{1,2}(?:index|extra-index|find-links|i|f)\b| @ |file:|^/"
)
_ERROR_CLASSES: Final = frozenset(
    {"DeniedError", "DriverError", "MalformedError", "StaleError", "UntrustedError", "UsageError"}
)

# A suppression is good when it names what it silences and says why.
_SUPPRESSION: Final = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:|pylint:|fmt:|mypy:|nosec)")
_GOOD_SUPPRESSION: Final = re.compile(
    r"#\s*(?:noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)* - \S.{7,}"
    r"|type: ignore\[[a-z, -]+\]  # \S.{7,}"
    r"|pragma: no (?:cover|branch) - \S.{7,})"
)


def files(root: Path) -> Iterator[Path]:
    """Yield every text file of the tree that is ours, in a stable order."""
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith(".") and path.name not in _HIDDEN_BUT_OURS
        if hidden or path.is_symlink() or path.name in _SKIP:
            continue
        if path.is_dir():
            yield from files(path)
        elif path.suffix in _TEXT:
            yield path


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """Yield the Python files in `folders` of the tree, those that exist."""
    for folder in folders:
        if (root / folder).is_dir():
            yield from (path for path in files(root / folder) if path.suffix == ".py")


def headers(root: Path) -> list[str]:
    """Every program file says its licence in its first two lines."""
    return [
        f"{path.relative_to(root)}: no SPDX header"
        for path in files(root)
        if path.suffix in {".py", ".sh"} or path.name in {"Makefile", "run"}
        if _SPDX not in path.read_text(encoding="utf-8").splitlines()[:2]
    ]


def addresses(root: Path) -> list[str]:
    """No file names a folder of somebody's machine, or the host of a package registry."""
    foreign = re.compile(f"{_FOREIGN.pattern}|{re.escape(str(root.resolve()))}/")
    return [
        f"{path.relative_to(root)}:{number}: holds {found[0]!r}"
        for path in files(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := foreign.search(line))
    ]


def locks(root: Path) -> list[str]:
    """A lock file is versions and hashes: no address, no option, nothing without a hash."""
    problems = []
    for path in sorted((root / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root)
        problems += [
            f"{name}:{number}: holds an address"
            for number, line in enumerate(text.splitlines(), 1)
            if _ADDRESS.search(line)
        ]
        entries = re.sub(r"#.*", "", text).replace("\\\n", " ").splitlines()
        problems += [
            f"{name}: {entry.split()[0]} is not an exact version with hashes"
            for entry in entries
            if entry.strip() and not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:", entry)
        ]
    return problems


def sizes(root: Path) -> list[str]:
    """No Python file is over 500 lines, and in src no function is over 60."""
    problems = []
    for path in python_files(root, *_CODE_FOLDERS):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > FILE_LINES:
            problems.append(f"{path.relative_to(root)}: {count} lines, {FILE_LINES} are allowed")
    for path in python_files(root, "src"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES:
                    problems.append(
                        f"{path.relative_to(root)}:{node.lineno}: {node.name} has {count} lines,"
                        f" {FUNCTION_LINES} are allowed"
                    )
    return problems


def suppressions(root: Path) -> list[str]:
    """A silenced check names the rule and the reason, and in src there is a quota of them."""
    problems = []
    for path in python_files(root, *_CODE_FOLDERS):
        problems += [
            f"{path.relative_to(root)}:{number}: {comment!r} lacks a rule or a reason"
            for number, comment in _suppressions_of(path)
            if not _GOOD_SUPPRESSION.match(comment)
        ]
    lines = used = 0
    for path in python_files(root, "src"):
        lines += len(path.read_text(encoding="utf-8").splitlines())
        used += len(_suppressions_of(path))
    quota = max(SUPPRESSIONS_ANYWAY, lines // SUPPRESSION_PER_LINES)
    if used > quota:
        problems.append(f"src: {used} suppressions in {lines} lines, {quota} are allowed")
    return problems


def error_codes(root: Path) -> list[str]:
    """Every error made in src has a code of `troth.codes.CODES`, filed under its class."""
    table = code_table(root)
    problems = []
    for path in python_files(root, "src"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            code = node.args[0]
            if name in _ERROR_CLASSES and isinstance(code, ast.Constant):
                filed = table.get(str(code.value))
                if filed != name:
                    where = "not in CODES" if filed is None else f"a code of {filed}"
                    problems.append(
                        f"{path.relative_to(root)}:{node.lineno}: {name}({code.value!r}) is {where}"
                    )
    return problems


def code_table(root: Path) -> dict[str, str]:
    """Read `CODES` of the tree's table, whichever troth is installed.

    Returns:
        The name of the error class for each code.
    """
    codes = runpy.run_path(str(root / "src/troth/codes.py"))["CODES"]
    return {code: entry[0] for code, entry in codes.items()}


def literals(root: Path, *folders: str, but: frozenset[str] = frozenset()) -> set[str]:
    """Collect the string literals of the Python files in `folders`, docstrings left out.

    Args:
        root: the tree.
        folders: where to look.
        but: files to leave out, relative to the tree.
    """
    found: set[str] = set()
    for path in python_files(root, *folders):
        if str(path.relative_to(root)) in but:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bare = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if id(node) not in bare
        }
    return found


def links(root: Path) -> list[str]:
    """A link in a document beside the README leads somewhere; those in docs/ the site checks."""
    problems = []
    for path in sorted(root.glob("*.md")):
        for found in _LINK.finditer(path.read_text(encoding="utf-8")):
            target = root / found["path"] if found["path"] else path
            if not target.exists() or (found["anchor"] and found["anchor"] not in _anchors(target)):
                problems.append(f"{path.name}: {found[0][1:]} leads nowhere")
    return problems


def _anchors(path: Path) -> set[str]:
    """Return the names that the headings of a document get."""
    headings = _HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def _suppressions_of(path: Path) -> list[tuple[int, str]]:
    """Return line and text of each comment that silences a check."""
    text = path.read_text(encoding="utf-8")
    return [
        (token.start[0], token.string[found.start() :])
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        if (found := _SUPPRESSION.search(token.string))
    ]


RULES: Final[dict[str, Callable[[Path], list[str]]]] = {
    "headers": headers,
    "addresses": addresses,
    "locks": locks,
    "sizes": sizes,
    "suppressions": suppressions,
    "error-codes": error_codes,
    "links": links,
}


def main(names: list[str]) -> int:
    """Print the problems of the named rules, or of all; return the exit status."""
    problems = [problem for name in names or RULES for problem in RULES[name](ROOT)]
    print("\n".join(problems) if problems else f"house: {len(names or RULES)} rules hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
