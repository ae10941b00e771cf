"""docs/migrating-from-patroni.md, followed to the letter: the tests run the commands that stand in its steps.

A step begins with its number in bold, `**P1.**`; the indented lines below it are its commands.
"""
import configparser
import re
import shlex

from .patroni import PROJECT

GUIDE = PROJECT / "docs/migrating-from-patroni.md"
STEP = re.compile(r"^\*\*([A-Z]\d+)\.\*\*(.*?)(?=^\*\*[A-Z]\d+\.\*\*|^#|\Z)", re.M | re.S)


def steps():
    """The commands of each step, by its number."""
    return {number: [line.strip() for line in body.splitlines() if line.startswith("    ")] for number, body in STEP.findall(GUIDE.read_text())}


def follow(herd, number, node, **words):
    """Does, as the operator of that node, what the step says. `words` stand for the capitals in it. Returns what was printed."""
    print(f"{number} on {node.name}")
    words = {"FILE": str(node.file), "SCOPE": herd.scope} | words
    printed = ""
    for line in steps()[number]:
        command, *arguments = [re.sub(r"\b[A-Z]+\b", lambda word: words.get(word[0], word[0]), part) for part in shlex.split(line)]
        if command != "systemctl":
            printed += herd.tool(command, *arguments)
        elif arguments[0] == "show":
            unit = configparser.RawConfigParser(strict=False)  # as Debian ships it
            unit.optionxform = str
            unit.read_string(next(herd.patroni.glob(f"**/{arguments[-1]}.service")).read_text())
            printed += unit["Service"][arguments[1].removeprefix("--property=")]
        else:
            service_manager(node, arguments[0], arguments[-1])
    return printed


def service_manager(node, action, program):
    if action == "disable":
        assert node.runs == program and node.process.poll() is None, f"{program} does not run on {node.name}"
        node.stop()
    else:
        assert action == "enable" and node.process is None, f"{action} {program} on {node.name}"
        node.runs = program
        node.start()
