# SPDX-License-Identifier: BSD-2-Clause
"""
Every piece of configuration in the manual, README and conf/ is loaded as it stands there, fragments in the section to which they belong.
What it is told by: its first word is an option or a section, with "=" or "{" behind it.
"""
import collections
import re

import pytest

from house.build import TOP

PAGES = sorted((TOP / "man").glob("*.[1-9]"))
FILES = [*PAGES, TOP / "README.md", *(path for path in sorted((TOP / "conf").iterdir()) if path.name != "assay.conf.sample")]
TITLED = ("policy", "override", "ramp")
INLINE = re.compile(r'([a-z-]+)(?: "([^"{}]*)")? \{ ([^{}]*)\}')
# the user, the directories, how many domains a file has
OF_THE_MACHINE = re.compile(r'assay: config: (user "|socket directory |.*: \d+ domains? in )')
Example = collections.namedtuple("Example", "where text frame")


def options():
    """{option: [sections]} of the sample, which has all of them; "" is outside."""
    found, section = collections.defaultdict(list), ""
    for line in (TOP / "conf" / "assay.conf.sample").read_text().splitlines():
        if match := re.match(r'#?([a-z-]+)(?: "[^"]*")? \{$', line):
            section = match.group(1)
        elif line in ("}", "#}"):
            section = ""
        elif match := re.match(r"#?\s*#?([a-z-]+) = ", line):
            found[match.group(1)].append(section)
    return found


OPTIONS = options()
SECTIONS = {section for sections in OPTIONS.values() for section in sections} - {""} | {"findings"}


def plain(path):
    """The text without mdoc's macros and escapes, or the signs of comments."""
    text = path.read_text(encoding="utf-8")
    if path in PAGES:
        text = re.sub(r"(?m)^\.(Ic|Li|Cm|Pa|Ql|Pq|Po|Pc|Xr|Fl) ", "", text)
        for escape, char in (("\\(dq", '"'), ("\\&", ""), ("\\e", "\\"), ("\\-", "-")):
            text = text.replace(escape, char)
    elif path.parent.name == "conf":
        text = re.sub(r"(?m)^(#|dnl) ?", "", text)
    return text


def pieces(path):
    """(line, text) of each piece that is set apart, between .Bd and .Ed or indented by four; and the rest in one line."""
    found, rest, block, begin, inside = [], [], [], 0, False
    for number, line in enumerate(plain(path).splitlines() + [""], 1):
        if path in PAGES:
            inside = line.startswith(".Bd") or (inside and not line.startswith(".Ed"))
            is_of = inside and not line.startswith(".Bd")
        else:
            is_of = line.startswith("    ")
        if is_of:
            begin = begin or number
            block.append(line)
            continue
        if block:
            found.append((begin, "\n".join(block).rstrip() + "\n"))
            block, begin = [], 0
        rest.append(line)
    return found, re.sub(r"\s+", " ", " ".join(rest))


def frame_of(text):
    """The section in which the text may stand, "" for none; None: it is no configuration."""
    match = re.match(r'\s*([a-z-]+)(?: "[^"]*")?\s*([={])(?=\s)', text)
    if match is None:
        return None
    word, sign = match.groups()
    if sign == "{":
        return "" if word in SECTIONS else None
    sections = OPTIONS.get(word)
    return None if sections is None else "" if "" in sections else sections[0]


def examples():
    for path in FILES:
        if path.suffix == ".json":
            continue
        found, rest = pieces(path)
        for line, text in found:
            if frame_of(text) is not None:
                yield Example(f"{path.name}:{line}", text, frame_of(text))
        for match in INLINE.finditer(rest):
            section, _, inside = match.groups()
            if section in SECTIONS and "=" in inside:
                yield Example(f"{path.name}: {section} {{ {inside[:30]}", match.group(0), "")


def mentions():
    """(file, section, option) of "section { option }"."""
    for path in FILES:
        for match in INLINE.finditer(pieces(path)[1]):
            section, _, inside = match.groups()
            for option in re.findall(r"[a-z-]+", inside) if "=" not in inside and section in SECTIONS else ():
                yield path.name, section, option


EXAMPLES = list(examples())


def test_examples_are_found():
    names = collections.Counter(example.where.split(":")[0] for example in EXAMPLES)
    assert names["README.md"] >= 7 and names["assay.conf.5"] >= 6 and names["postfix-main.cf.snippet"] >= 1, names


def framed(example, directory):
    """The example where it belongs: in its section, with a record as an installed file has one, and with the files that it names."""
    text = example.text
    for name in set(re.findall(r"@/etc/assay/([\w.-]+)", text)):
        (directory / name).write_text(f"one.{name}.example\ntwo.{name}.example\n")
    text = text.replace("@/etc/assay/", f"@{directory}/")
    if example.frame:
        title = f' "{"dmarc-reject" if example.frame == "ramp" else "frame"}"' if example.frame in TITLED else ""
        text = f"{example.frame}{title} {{\n{text}}}\n"
    place = f'path = "{directory}/assay.db"\n'
    if "record {" not in text:
        text += f"record {{ {place} }}\n"
    elif "postgresql" not in text:
        text = text.replace("record {", f"record {{ {place}")
    return text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.where)
def test_example_loads(assay, tmp_path, example):
    """And there is nothing to be said against it, but for what this machine has not."""
    path = tmp_path / "assay.conf"
    path.write_text(framed(example, tmp_path))
    done = assay.run("config", path)
    assert done.returncode == 0, done.stderr.decode()
    assert [line for line in done.stderr.decode().splitlines() if not OF_THE_MACHINE.match(line)] == []


def test_mentioned_options_are_there():
    found = list(mentions())
    assert len(found) > 10
    wrong = [(name, section, option) for name, section, option in found if section not in OPTIONS.get(option, [])]
    assert wrong == []


def subcommands(assay):
    return re.findall(r"(?m)^  ([a-z-]+) +\w", assay.run("--help").stdout.decode())


def test_every_subcommand_is_told(assay):
    """In README's list, in ARCHITECTURE's, and with a part and a line of usage in the manual."""
    names = set(subcommands(assay))
    assert len(names) >= 15
    listed = re.search(r"(?ms)^- `assay` is the command line.*?\n\n", (TOP / "README.md").read_text(encoding="utf-8")).group(0)
    assert set(re.findall(r"`assay ([a-z-]+)[^`]*`", listed)) == names
    line = next(line for line in (TOP / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `tools/`"))
    assert set(re.search(r"assay: `([^`]*)`", line).group(1).split()) == names
    page = (TOP / "man" / "assay.1").read_text(encoding="utf-8")
    assert {name for name in names if not re.search(rf"(?m)^\.Nm assay {name}( |$)", page)} == set()
    assert {name for name in names if not re.search(rf"(?m)^\.Ss assay {name}$", page)} == set()
