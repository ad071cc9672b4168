"""Code with its words marked: comments, texts, numbers, words of the language, names that are called. No more.

A reader of our own, one regular expression for each family of languages, because messages are written by anybody: each
alternative succeeds once it has begun, so that the whole is read once, from left to right, whatever it is. (Pygments,
measured on hostile texts of 4,000 code points, took 180 ms for Python, 245 ms for CSS and 1.5 s for C.)
The kinds are classes `t-c`, `t-s` … which static/css/conversation/syntax.css knows.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import NamedTuple

MARKS = 1_000  # in one piece of code; what has more is a table, or made to be large, and stays plain


class Language(NamedTuple):
    comments: str  # a regular expression, as the next
    strings: str
    words: str  # of the language, between spaces
    any_case: bool = False
    names: str = r"[A-Za-z_$][\w$]*"
    also: str = ""  # alternatives of its own, with the name of their kind


_SLASHES = r"//[^\n]*|/\*(?:.|\n)*?(?:\*/|\Z)"
_HASH = r"#[^\n]*"
_DASHES = r"--[^\n]*|/\*(?:.|\n)*?(?:\*/|\Z)"
_DOUBLE = r'"(?:[^"\\\n]|\\.)*+(?:"|\\?$)'
_SINGLE = r"'(?:[^'\\\n]|\\.)*+(?:'|\\?$)"
_BACKTICK = r"`(?:[^`\\]|\\(?:.|\n))*+(?:`|\\?\Z)"
_TRIPLE = r'(?:"""(?:.|\n)*?(?:"""|\Z)|' + r"'''(?:.|\n)*?(?:'''|\Z))"
_TEXTS = f"{_DOUBLE}|{_SINGLE}"
_CHAR = r"'(?:[^'\\\n]|\\[^\n]{1,9}?)'"  # a single character: elsewhere the sign means something else

_C = (
    "auto break case const continue default do else enum extern for goto if inline return sizeof static struct switch"
    " typedef union void volatile while bool char double float int long short signed unsigned true false NULL"
)
_JAVA = (
    "abstract break case catch class const continue default do else enum extends final finally for if implements import"
    " instanceof interface new package private protected public return static super switch this throw throws try while"
    " void boolean byte char double float int long short true false null var record"
)
_SCRIPT = (
    "as async await break case catch class const continue debugger default delete do else export extends finally for"
    " from function if import in instanceof let new of return static super switch this throw try typeof var void while"
    " with yield true false null undefined enum implements interface type declare namespace readonly keyof private"
    " public protected abstract string number boolean any never unknown"
)

_FAMILIES: dict[str, Language] = {
    "python py": Language(
        _HASH,
        rf"(?:\b[rbfuRBFU]{{1,2}})?(?:{_TRIPLE}|{_TEXTS})",
        "and as assert async await break case class continue def del elif else except finally for from global if import"
        " in is lambda match nonlocal not or pass raise return try while with yield True False None self",
        also=r"(?P<f>^[ \t]*+@[\w.]++)",
    ),
    "javascript js jsx typescript ts tsx mjs": Language(_SLASHES, f"{_TEXTS}|{_BACKTICK}", _SCRIPT),
    "json": Language(_SLASHES, _DOUBLE, "true false null", also=r'(?P<f>"(?:[^"\\\n]|\\.)*+"(?=\s{0,8}:))'),
    "c h": Language(_SLASHES, _TEXTS, _C, also=r"(?P<c2>^[ \t]*+#[^\n]*)"),
    "cpp c++ cc hpp": Language(
        _SLASHES,
        _TEXTS,
        f"{_C} catch class constexpr delete explicit friend mutable namespace new noexcept nullptr operator override"
        " private protected public template this throw try typename using virtual concept requires",
        also=r"(?P<c2>^[ \t]*+#[^\n]*)",
    ),
    "java": Language(_SLASHES, _TEXTS, _JAVA),
    "csharp cs c#": Language(
        _SLASHES,
        _TEXTS,
        f"{_JAVA} async await base bool decimal delegate event foreach get in internal is lock namespace"
        " object operator"
        " out override params readonly ref sealed set string struct typeof using virtual where yield",
    ),
    "kotlin kt": Language(
        _SLASHES,
        f"{_TRIPLE}|{_TEXTS}",
        "as break by catch class companion const constructor continue data do else enum false finally for fun if import"
        " in init interface internal is lateinit null object open override package private protected public return"
        " sealed super suspend this throw true try typealias val var when where while",
    ),
    "swift": Language(
        _SLASHES,
        f"{_TRIPLE}|{_DOUBLE}",
        "as async await break case catch class continue default defer deinit do else enum extension false"
        " fileprivate for"
        " func guard if import in init inout internal is let nil open override private protocol public repeat return"
        " self Self static struct subscript super switch throw throws true try typealias var where while",
    ),
    "go golang": Language(
        _SLASHES,
        f"{_TEXTS}|{_BACKTICK}",
        "break case chan const continue default defer else fallthrough for func go goto if import interface map package"
        " range return select struct switch type var true false nil iota any bool byte error float64 int"
        " int64 rune string",
    ),
    "rust rs": Language(
        _SLASHES,
        f"{_DOUBLE}|{_CHAR}",
        "as async await break const continue crate dyn else enum extern false fn for if impl in let loop"
        " match mod move mut"
        " pub ref return self Self static struct super trait true type unsafe use where while bool char f64 i32 i64 str"
        " u8 u32 u64 usize",
    ),
    "php": Language(
        f"{_SLASHES}|{_HASH}",
        _TEXTS,
        f"{_JAVA} array as echo elseif endforeach endif fn foreach function global include isset match namespace print"
        " require require_once self string trait unset use yield php",
    ),
    "ruby rb": Language(
        _HASH,
        _TEXTS,
        "alias and begin break case class def do else elsif end ensure false for if in module next nil not"
        " or redo rescue"
        " retry return self super then true undef unless until when while yield require attr_accessor attr_reader",
        also=r"(?P<n2>(?<![:\w]):[a-z_]\w*+)",
    ),
    "lua": Language(
        r"--\[\[(?:.|\n)*?(?:\]\]|\Z)|--[^\n]*",
        _TEXTS,
        "and break do else elseif end false for function goto if in local nil not or repeat return then true"
        " until while",
    ),
    "sql": Language(
        _DASHES,
        _SINGLE,
        "add all alter and any as asc begin between by case cascade check column commit constraint create cross default"
        " delete desc distinct drop else end exists explain foreign from full group having if in index inner"
        " insert into"
        " is join key left like limit not null offset on or order outer primary references returning right"
        " rollback select"
        " set table then union unique update using values view when where with true false",
        any_case=True,
    ),
    "sh bash shell zsh console": Language(
        r"(?:(?<=\s)|^)#[^\n]*",
        rf"{_DOUBLE}|'[^']*+(?:'|\Z)",
        "case do done elif else esac export fi for function if in local return select set sudo then time until while",
        names=r"[A-Za-z_][\w-]*+",
        also=r"(?P<n2>\$(?:\{[^}\n]*+\}?|\w++|[@#?*!$-]))",
    ),
    "css scss": Language(
        _SLASHES,
        _TEXTS,
        "important media supports layer container import keyframes font-face",
        names=r"-{0,2}[A-Za-z_][\w-]*+",
        also=r"(?P<f>-{0,2}[A-Za-z][\w-]*+(?=:\s))|(?P<n2>#[0-9a-fA-F]{3,8}\b)",
    ),
    "html xml svg vue": Language(
        r"<!--(?:.|\n)*?(?:-->|\Z)",
        r'(?<==)(?:"[^"]*+(?:"|\Z)|' + r"'[^']*+(?:'|\Z))",
        "",
        names=r"[A-Za-z][\w:-]*+",
        also=r"(?P<k></?[A-Za-z?][\w:-]*+|<![A-Za-z]++|/?>)|(?P<f>(?<=\s)[A-Za-z@:_][\w:.-]*+(?==))|(?P<n2>&#?\w{1,12};)",
    ),
    "yaml yml": Language(
        r"(?:(?<=\s)|^)#[^\n]*",
        _TEXTS,
        "true false null yes no on off",
        names=r"[A-Za-z_][\w-]*+",
        also=r"(?P<f>^[ \t]*+(?:- )?[\w./-]++(?=[ \t]{0,8}:(?:\s|$)))",
    ),
    "toml ini conf cfg properties env": Language(
        r"(?:(?<=\s)|^)[#;][^\n]*",
        _TEXTS,
        "true false",
        names=r"[A-Za-z_][\w-]*+",
        also=r"(?P<k>^\[[^\]\n]*+\]?\]?)|(?P<f>^[ \t]*+[\w.-]++(?=[ \t]{0,8}[=:]))",
    ),
    "dockerfile docker": Language(
        r"^[ \t]*+#[^\n]*",
        _TEXTS,
        "ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER"
        " VOLUME WORKDIR",
        also=r"(?P<n2>\$(?:\{[^}\n]*+\}?|\w++))",
    ),
    "diff patch": Language(
        r"^@@[^\n]*|^index [^\n]*|^diff [^\n]*",
        r"(?!)",
        "",
        also=r"(?P<k>^(?:\+\+\+|---)[^\n]*)|(?P<i>^\+[^\n]*)|(?P<d>^-[^\n]*)",
    ),
}
LANGUAGES = {name: language for names, language in _FAMILIES.items() for name in names.split()}

_NUMBER = r"(?<![\w.])(?:0[xXbBoO][0-9a-fA-F_]++|[0-9][0-9_]*+(?:\.[0-9_]++)?(?:[eE][+-]?[0-9]++)?)[a-zA-Z%]{0,4}"


def highlighted(code: str, language: str) -> str | None:
    """HTML of a piece of code; None where it is to stay plain. Lines end with a line feed."""
    name = language.lower()
    if name not in LANGUAGES:
        return None
    reader, words = _reader(name)
    any_case = LANGUAGES[name].any_case
    pieces, at, marks = [], 0, 0
    for match in reader.finditer(code):
        kind = (match.lastgroup or "")[:1]
        if kind == "w":
            word = match[0].lower() if any_case else match[0]
            kind = "k" if word in words else "f" if code[match.end() : match.end() + 1] == "(" else ""
        if not kind:
            continue
        marks += 1
        if marks > MARKS:
            return None
        pieces += [_said(code[at : match.start()]), f'<span class="t-{kind}">{_said(match[0])}</span>']
        at = match.end()
    return "".join([*pieces, _said(code[at:])])


def _said(text: str) -> str:
    return escape(text, quote=False)


@cache
def _reader(name: str) -> tuple[re.Pattern[str], frozenset[str]]:
    """What finds the pieces, and the words of the language. Groups are named for kinds; a figure sets two apart."""
    language = LANGUAGES[name]
    first = f"{language.also}|" if language.also else ""
    pattern = f"{first}(?P<c>{language.comments})|(?P<s>{language.strings})|(?P<n>{_NUMBER})|(?P<w>{language.names})"
    return re.compile(pattern, re.MULTILINE), frozenset(language.words.split())
