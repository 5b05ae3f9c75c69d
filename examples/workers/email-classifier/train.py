"""Trains the model from data/emails.jsonl and says how well it does on mails it has not seen.

Every fourth mail of each label is held out: it is never trained on, and the accuracy is measured
on it alone.
"""

import json
import sys
from pathlib import Path

# Byte code holds the time stamp of its source, which would make each build's image another.
sys.dont_write_bytecode = True

from model import Model  # noqa: E402

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "emails.jsonl"
# In data/, which belongs to the worker; WORKDIR itself belongs to root.
MODEL = HERE / "data" / "model.json"
HELD_OUT_EVERY = 4
LEAST_ACCURACY = 0.9


def load(path=DATA):
    mails = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mail = json.loads(line)
        for field in ("label", "subject", "text"):
            if not isinstance(mail.get(field), str):
                raise ValueError(f"{path}:{number}: no {field}")
        mails.append(mail)
    return mails


def split(mails):
    """(training part, held-out part), by a mail's position among those of its label."""
    train, held_out, position = [], [], {}
    for mail in mails:
        at = position.get(mail["label"], 0)
        position[mail["label"]] = at + 1
        (held_out if at % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else train).append(mail)
    return train, held_out


def mistakes(model, mails):
    """The mails that `model` labels wrongly, each with the label it gave."""
    found = []
    for mail in mails:
        guess = next(iter(model.classify(mail["subject"], mail["text"])))
        if guess != mail["label"]:
            found.append((guess, mail))
    return found


def main():
    train, held_out = split(load())
    model = Model.train(train)
    wrong = mistakes(model, held_out)
    accuracy = 1 - len(wrong) / len(held_out)
    print(f"trained on {len(train)} mails, {len(model.weights)} features, temperature {model.temperature}")
    print(
        f"held-out accuracy: {accuracy:.3f} "
        f"({len(held_out) - len(wrong)} of {len(held_out)} mails not trained on)"
    )
    for guess, mail in wrong:
        print(f"  {mail['label']} taken for {guess}: {mail['subject']}")
    if accuracy < LEAST_ACCURACY:
        sys.exit(f"accuracy below {LEAST_ACCURACY}: the model is not written")
    model.save(MODEL)
    print(f"wrote {MODEL.relative_to(HERE)}")


if __name__ == "__main__":
    main()
