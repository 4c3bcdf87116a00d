"""Write `text.txt`: sentences of the corpus as plain text, on which copy suppression is measured.

    python sample_data/text.py

120 x 60 tokens of the last phase's sentences, without rows of random tokens; one sentence a line.
"""

import random
from dataclasses import replace
from pathlib import Path

from corpus import row
from recipes import SENTENCES_FIRST
from vocabulary import BOS, IDS

SEED, LENGTH = 0, 120 * 60
FILE = Path(__file__).parent / "text.txt"


def text() -> str:
    words = {i: w for w, i in IDS.items()}
    ids, _ = row(random.Random(SEED), replace(SENTENCES_FIRST, rows={"sentences": 1.0}), LENGTH + 1)
    plain = " ".join(words[i] for i in ids if words[i] != BOS)
    return plain.replace(" . ", " .\n").replace(" ? ", " ?\n") + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
