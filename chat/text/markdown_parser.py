"""Parses the Markdown of messages: CommonMark with changes for chat and for East Asian languages.

Differences from CommonMark:

- Emphasis may begin and end next to East Asian punctuation, as in `**注意：**别忘了`.
- A backslash disappears only if it prevents formatting. Otherwise it is shown, as in `C:\\_new`.
- A quote needs a space after `>`. A line without `>` ends a quote, a line without indentation ends a list item.
- A code block begins with three backticks, and with nothing or the name of a programming language behind them. The
  three backticks that end it may stand behind the last line of code. Words behind them are the next line of the text.
- Kaomoji (faces made of characters) such as `(*^_^*)` are not emphasis, and those such as (´・ω・`) are no code.
- Names of characters such as `&lt;`, dates such as `2026. 11. 30.` and ideographic spaces before the first word remain
  as they are typed.

The rules are in chat/text/markdown_rules. The work for one text is limited to MAX_WORK; see `TooComplex`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from markdown_it import MarkdownIt, helpers

from chat.text.markdown_rules import blocks, code_fences, cost, emphasis, escapes, links


def create_parser(max_nesting: int) -> MarkdownIt:
    parser: Any = MarkdownIt("commonmark")
    parser.inline = emphasis.MessageInlineParser()
    parser.configure("commonmark", {"html": False, "breaks": True, "linkify": True, "maxNesting": max_nesting})
    parser.enable(["strikethrough", "linkify"])
    parser.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "code", "reference", "entity"])
    parser.helpers = SimpleNamespace(**{**vars(helpers), "parseLinkDestination": links.parse_target})
    parser.normalizeLink = links.normalize_target
    parser.validateLink = links.is_allowed_target
    parser.normalizeLinkText = str  # URLs are shown as they were written
    inline, pairs, block = parser.inline.ruler, parser.inline.ruler2, parser.block.ruler
    inline.before("text", "work", cost.inline_work_rule)
    inline.at("linkify", links.linkify_rule)
    inline.at("backticks", emphasis.backticks_rule)
    inline.at("link", links.link_rule)
    inline.at("autolink", links.autolink_rule)
    inline.at("escape", escapes.escape_rule)
    pairs.before("balance_pairs", "escapes", escapes.resolve_escapes_rule)
    pairs.after("balance_pairs", "faces", emphasis.faces_rule)
    block.before("fence", "work", cost.block_work_rule)
    block.at("fence", code_fences.fence_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("blockquote", blocks.quote_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("list", blocks.list_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    block.at("paragraph", blocks.paragraph_rule)
    block.before("paragraph", "item_end", blocks.item_end_rule, {"alt": ["paragraph", "list"]})
    parser.core.ruler.disable("linkify")  # it would also link `www.example.com` and e-mail addresses
    parser.core.ruler.push("links", links.annotate_links_rule)
    parser.core.ruler.push("list_numbers", blocks.list_numbers_rule)
    return parser
