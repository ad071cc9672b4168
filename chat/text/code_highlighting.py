"""Highlights code blocks: comments, strings, numbers, keywords and names of called functions.

Each language is one regular expression. No library is used, because anybody can send a message, and code that is
written to attack the site must not make highlighting slow. (Pygments needed 180 ms for Python, 245 ms for CSS and 1.5 s
for C, for such texts of 4,000 characters.) The expressions read the code once from left to right, without backtracking.
Each comment, string and so on becomes a `<span>` with a class such as `t-c`, which static/css/conversation/syntax.css
styles.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import NamedTuple

MAX_TOKENS = 1_000  # per code block; a block with more tokens is not highlighted


class LanguageSyntax(NamedTuple):
    comments: str  # regular expression
    strings: str  # regular expression
    keywords: str  # separated by spaces
    is_case_insensitive: bool = False
    identifiers: str = r"[A-Za-z_$][\w$]*"
    extra: str = ""  # more alternatives; the name of each group is its token kind


_SLASHES = r"//[^\n]*|/\*(?:.|\n)*?(?:\*/|\Z)"
_HASH = r"#[^\n]*"
_DASHES = r"--[^\n]*|/\*(?:.|\n)*?(?:\*/|\Z)"
_DOUBLE = r'"(?:[^"\\\n]|\\.)*+(?:"|\\?$)'
_SINGLE = r"'(?:[^'\\\n]|\\.)*+(?:'|\\?$)"
_BACKTICK = r"`(?:[^`\\]|\\(?:.|\n))*+(?:`|\\?\Z)"
_TRIPLE = r'(?:"""(?:.|\n)*?(?:"""|\Z)|' + r"'''(?:.|\n)*?(?:'''|\Z))"
_STRINGS = f"{_DOUBLE}|{_SINGLE}"
_CHAR = r"'(?:[^'\\\n]|\\[^\n]{1,9}?)'"  # a character literal; `'` also begins lifetimes in Rust

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

_FAMILIES: dict[str, LanguageSyntax] = {
    "python py python3": LanguageSyntax(
        _HASH,
        rf"(?:\b[rbfuRBFU]{{1,2}})?(?:{_TRIPLE}|{_STRINGS})",
        "and as assert async await break case class continue def del elif else except finally for from global if import"
        " in is lambda match nonlocal not or pass raise return try while with yield True False None self",
        extra=r"(?P<f>^[ \t]*+@[\w.]++)",
    ),
    "javascript js jsx typescript ts tsx mjs": LanguageSyntax(_SLASHES, f"{_STRINGS}|{_BACKTICK}", _SCRIPT),
    "json": LanguageSyntax(_SLASHES, _DOUBLE, "true false null", extra=r'(?P<f>"(?:[^"\\\n]|\\.)*+"(?=\s{0,8}:))'),
    "c h": LanguageSyntax(_SLASHES, _STRINGS, _C, extra=r"(?P<c2>^[ \t]*+#[^\n]*)"),
    "cpp c++ cc hpp": LanguageSyntax(
        _SLASHES,
        _STRINGS,
        f"{_C} catch class constexpr delete explicit friend mutable namespace new noexcept nullptr operator override"
        " private protected public template this throw try typename using virtual concept requires",
        extra=r"(?P<c2>^[ \t]*+#[^\n]*)",
    ),
    "java": LanguageSyntax(_SLASHES, _STRINGS, _JAVA),
    "csharp cs c#": LanguageSyntax(
        _SLASHES,
        _STRINGS,
        f"{_JAVA} async await base bool decimal delegate event foreach get in internal is lock namespace"
        " object operator"
        " out override params readonly ref sealed set string struct typeof using virtual where yield",
    ),
    "kotlin kt": LanguageSyntax(
        _SLASHES,
        f"{_TRIPLE}|{_STRINGS}",
        "as break by catch class companion const constructor continue data do else enum false finally for fun if import"
        " in init interface internal is lateinit null object open override package private protected public return"
        " sealed super suspend this throw true try typealias val var when where while",
    ),
    "swift": LanguageSyntax(
        _SLASHES,
        f"{_TRIPLE}|{_DOUBLE}",
        "as async await break case catch class continue default defer deinit do else enum extension false"
        " fileprivate for"
        " func guard if import in init inout internal is let nil open override private protocol public repeat return"
        " self Self static struct subscript super switch throw throws true try typealias var where while",
    ),
    "go golang": LanguageSyntax(
        _SLASHES,
        f"{_STRINGS}|{_BACKTICK}",
        "break case chan const continue default defer else fallthrough for func go goto if import interface map package"
        " range return select struct switch type var true false nil iota any bool byte error float64 int"
        " int64 rune string",
    ),
    "rust rs": LanguageSyntax(
        _SLASHES,
        f"{_DOUBLE}|{_CHAR}",
        "as async await break const continue crate dyn else enum extern false fn for if impl in let loop"
        " match mod move mut"
        " pub ref return self Self static struct super trait true type unsafe use where while bool char f64 i32 i64 str"
        " u8 u32 u64 usize",
    ),
    "php": LanguageSyntax(
        f"{_SLASHES}|{_HASH}",
        _STRINGS,
        f"{_JAVA} array as echo elseif endforeach endif fn foreach function global include isset match namespace print"
        " require require_once self string trait unset use yield php",
    ),
    "ruby rb": LanguageSyntax(
        _HASH,
        _STRINGS,
        "alias and begin break case class def do else elsif end ensure false for if in module next nil not"
        " or redo rescue"
        " retry return self super then true undef unless until when while yield require attr_accessor attr_reader",
        extra=r"(?P<n2>(?<![:\w]):[a-z_]\w*+)",
    ),
    "lua": LanguageSyntax(
        r"--\[\[(?:.|\n)*?(?:\]\]|\Z)|--[^\n]*",
        _STRINGS,
        "and break do else elseif end false for function goto if in local nil not or repeat return then true"
        " until while",
    ),
    "sql": LanguageSyntax(
        _DASHES,
        _SINGLE,
        "add all alter and any as asc begin between by case cascade check column commit constraint create cross default"
        " delete desc distinct drop else end exists explain foreign from full group having if in index inner"
        " insert into"
        " is join key left like limit not null offset on or order outer primary references returning right"
        " rollback select"
        " set table then union unique update using values view when where with true false",
        is_case_insensitive=True,
    ),
    "sh bash shell zsh console": LanguageSyntax(
        r"(?:(?<=\s)|^)#[^\n]*",
        rf"{_DOUBLE}|'[^']*+(?:'|\Z)",
        "case do done elif else esac export fi for function if in local return select set sudo then time until while",
        identifiers=r"[A-Za-z_][\w-]*+",
        extra=r"(?P<n2>\$(?:\{[^}\n]*+\}?|\w++|[@#?*!$-]))",
    ),
    "css scss": LanguageSyntax(
        _SLASHES,
        _STRINGS,
        "important media supports layer container import keyframes font-face",
        identifiers=r"-{0,2}[A-Za-z_][\w-]*+",
        extra=r"(?P<f>-{0,2}[A-Za-z][\w-]*+(?=:\s))|(?P<n2>#[0-9a-fA-F]{3,8}\b)",
    ),
    "html xml svg vue": LanguageSyntax(
        r"<!--(?:.|\n)*?(?:-->|\Z)",
        r'(?<==)(?:"[^"]*+(?:"|\Z)|' + r"'[^']*+(?:'|\Z))",
        "",
        identifiers=r"[A-Za-z][\w:-]*+",
        extra=r"(?P<k></?[A-Za-z?][\w:-]*+|<![A-Za-z]++|/?>)|(?P<f>(?<=\s)[A-Za-z@:_][\w:.-]*+(?==))|(?P<n2>&#?\w{1,12};)",
    ),
    "yaml yml": LanguageSyntax(
        r"(?:(?<=\s)|^)#[^\n]*",
        _STRINGS,
        "true false null yes no on off",
        identifiers=r"[A-Za-z_][\w-]*+",
        extra=r"(?P<f>^[ \t]*+(?:- )?[\w./-]++(?=[ \t]{0,8}:(?:\s|$)))",
    ),
    "toml ini conf cfg properties env": LanguageSyntax(
        r"(?:(?<=\s)|^)[#;][^\n]*",
        _STRINGS,
        "true false",
        identifiers=r"[A-Za-z_][\w-]*+",
        extra=r"(?P<k>^\[[^\]\n]*+\]?\]?)|(?P<f>^[ \t]*+[\w.-]++(?=[ \t]{0,8}[=:]))",
    ),
    "dockerfile docker": LanguageSyntax(
        r"^[ \t]*+#[^\n]*",
        _STRINGS,
        "ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER"
        " VOLUME WORKDIR",
        extra=r"(?P<n2>\$(?:\{[^}\n]*+\}?|\w++))",
    ),
    "diff patch": LanguageSyntax(
        r"^@@[^\n]*|^index [^\n]*|^diff [^\n]*",
        r"(?!)",
        "",
        extra=r"(?P<k>^(?:\+\+\+|---)[^\n]*)|(?P<i>^\+[^\n]*)|(?P<d>^-[^\n]*)",
    ),
}
LANGUAGES = {name: syntax for names, syntax in _FAMILIES.items() for name in names.split()}
# Other names of languages and formats that people write behind the backticks of a code block.
_NOT_HIGHLIGHTED = (
    "text txt plain plaintext output log csv tsv md markdown r perl pl scala haskell hs elixir ex erlang erl"
    " clojure clj dart julia jl matlab octave objc objective-c objectivec powershell ps1 pwsh bat batch cmd make"
    " makefile cmake nginx apache graphql gql proto protobuf thrift latex tex bibtex vim vimscript asm assembly nasm"
    " wasm wat zig nim fortran cobol lisp elisp scheme ocaml ml fsharp f# fs groovy gradle solidity sol terraform"
    " hcl tf http less sass stylus svelte astro jsonc json5 jsonl ndjson mermaid plantuml dot graphviz verilog vhdl"
    " prolog pascal delphi basic vb vbnet vba awk sed fish tcsh tcl crystal d v coq lean agda racket rkt elm"
    " purescript reason rescript handlebars hbs jinja jinja2 django twig liquid erb ejs pug haml slim regex"
    " applescript arduino ino glsl hlsl wgsl cuda opencl qml gdscript abap ada sas stata spss brainfuck hack"
    " gitignore desktop systemd crontab cron po rst asciidoc adoc org typst promql cypher sparql mysql postgresql"
    " postgres pgsql plsql tsql sqlite mongodb redis ejs mdx wxml wxss ets"
)
LANGUAGE_NAMES = LANGUAGES.keys() | set(_NOT_HIGHLIGHTED.split())

_NUMBER = r"(?<![\w.])(?:0[xXbBoO][0-9a-fA-F_]++|[0-9][0-9_]*+(?:\.[0-9_]++)?(?:[eE][+-]?[0-9]++)?)[a-zA-Z%]{0,4}"


def highlight_code(code: str, language: str) -> str | None:
    """Returns the code as escaped HTML, in which comments, strings, keywords and so on (tokens) are highlighted.

    Returns None if the language is unknown or the code has more than MAX_TOKENS tokens. Lines of `code` must end with a
    line feed.
    """
    name = language.lower()
    if name not in LANGUAGES:
        return None
    pattern, keywords = _get_tokenizer(name)
    is_case_insensitive = LANGUAGES[name].is_case_insensitive
    pieces, end, token_count = [], 0, 0
    for match in pattern.finditer(code):
        kind = (match.lastgroup or "")[:1]
        if kind == "w":
            word = match[0].lower() if is_case_insensitive else match[0]
            kind = "k" if word in keywords else "f" if code[match.end() : match.end() + 1] == "(" else ""
        if not kind:
            continue
        token_count += 1
        if token_count > MAX_TOKENS:
            return None
        pieces += [_escape(code[end : match.start()]), f'<span class="t-{kind}">{_escape(match[0])}</span>']
        end = match.end()
    return "".join([*pieces, _escape(code[end:])])


def _escape(text: str) -> str:
    return escape(text, quote=False)


@cache
def _get_tokenizer(name: str) -> tuple[re.Pattern[str], frozenset[str]]:
    """Returns the regular expression for the tokens of a language, and its keywords.

    The first letter of a group name in the expression is the kind of token. A digit after it makes the name unique.
    """
    syntax = LANGUAGES[name]
    extra = f"{syntax.extra}|" if syntax.extra else ""
    pattern = f"{extra}(?P<c>{syntax.comments})|(?P<s>{syntax.strings})|(?P<n>{_NUMBER})|(?P<w>{syntax.identifiers})"
    return re.compile(pattern, re.MULTILINE), frozenset(syntax.keywords.split())
