"""Character classes of Chinese, Japanese, Korean and other languages that are written without spaces.

Each class is a text to insert between `[` and `]` in a regular expression. The browser script
static/js/lib/character-classes.js has the same classes.
"""

from __future__ import annotations

# Letters of languages that are written without spaces or append endings to names: Thai to Burmese, Khmer, Chinese,
# Japanese, Korean.
UNSPACED_LETTERS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3021-\u302f\u3031-\u303c"
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U00020000-\U0003ffff"
)
# Punctuation that ends a URL in running text: quotation marks, dashes and ellipses that Chinese shares with other
# languages, commas and stops of Armenian, Hebrew, Arabic, Hindi and Ethiopic, and the blocks CJK Symbols and
# Punctuation, Vertical Forms, CJK Compatibility Forms, Small Form Variants, and Halfwidth and Fullwidth Forms.
SENTENCE_PUNCTUATION = (
    "\u00ab\u00bb\u0589\u05c3\u060c\u061b\u061f\u06d4\u0964\u0965\u1361-\u1368"
    "\u2014\u2015\u2018-\u201f\u2025\u2026\u2039\u203a\u203b\u2e3a\u2e3b\u3001-\u3004\u3008-\u3020\u3030\u303d-\u303f"
    "\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff64\uffe0-\uffee"
)
# All punctuation of Chinese and Japanese, and of the other languages above. The dots and waves in the first line also
# stand inside names and URLs.
PUNCTUATION = "\u00b7\u2027\u301c\u30a0\u30fb\uff65" + SENTENCE_PUNCTUATION
# Arrows, symbols and emoji. Behind a URL they belong to the sentence.
SYMBOLS = "\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff"
