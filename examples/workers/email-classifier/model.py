"""A multinomial naive Bayes classifier for short e-mails, in plain Python.

Features are word stems, pairs of neighbouring words and a few shapes (money, times, exclamation
marks); a word of the subject counts twice. A feature counts once per mail. Nothing here is random,
and every sum runs in a fixed order, so the same data give the same model, bit for bit.
"""

import json
import math
import re

FORMAT = 2
# Words of a mail are not independent, as naive Bayes takes them to be, so that it is far too sure of
# itself: its scores are divided by the temperature that makes the probabilities of mails that were
# left out most likely.
TEMPERATURES = (1, 1.5, 2, 3, 4, 6, 8, 12, 16)
FOLDS = 5
SMOOTHING = 0.3  # Laplace's alpha: small, since most features are seen once
DIGITS = 5  # of a stored weight: more would only make the file larger

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:[.,:]\d+)*|[!?$%]+")
_SUFFIXES = ("ings", "ing", "ies", "ed", "es", "s")


def _stem(word):
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word[: -len(suffix)]
    return word


def _shape(token):
    if token[0].isdigit():
        if re.fullmatch(r"\d{1,2}:\d{2}", token):
            return "<time>"
        if re.fullmatch(r"[\d,]*\d\.\d{2}", token):
            return "<amount>"
        return "<number>"
    if token[0] in "!?$%":
        return token[0]
    return _stem(token)


def _tokens(text):
    return [_shape(token) for token in _TOKEN.findall(text.lower())]


def features(subject, text):
    """The features of a mail and their weights."""
    found = {}
    for part, weight in ((subject, 2), (text, 1)):
        words = _tokens(part)
        pairs = [f"{a} {b}" for a, b in zip(words, words[1:])]
        for feature in words + pairs:
            found[feature] = max(found.get(feature, 0), weight)
    return found


def _softmax(scores, temperature):
    best = max(scores)
    odds = [math.exp((score - best) / temperature) for score in scores]
    total = sum(odds)
    return [odd / total for odd in odds]


class Model:
    def __init__(self, priors, weights, temperature=1):
        self.temperature = temperature
        self.priors = priors  # label -> log P(label)
        self.weights = weights  # feature -> [log P(feature | label)], in the order of `priors`

    @classmethod
    def train(cls, mails):
        """`mails`: dictionaries with label, subject and text."""
        model = cls._count(mails)
        model.temperature = cls._calibrate(mails)
        return model

    @classmethod
    def _calibrate(cls, mails):
        """By cross validation: each fold is judged by a model that has not seen it."""
        judged = []
        for fold in range(FOLDS):
            model = cls._count([mail for i, mail in enumerate(mails) if i % FOLDS != fold])
            judged += [
                (model.scores(mail["subject"], mail["text"]), list(model.priors).index(mail["label"]))
                for i, mail in enumerate(mails)
                if i % FOLDS == fold
            ]

        def surprise(temperature):
            return -sum(math.log(max(_softmax(scores, temperature)[at], 1e-300))
                        for scores, at in judged)

        return min(TEMPERATURES, key=surprise)

    @classmethod
    def _count(cls, mails):
        labels = sorted({mail["label"] for mail in mails})
        if len(labels) < 2:
            raise ValueError("training needs mails of at least two labels")
        counts = {}
        totals = [0] * len(labels)
        seen = [0] * len(labels)
        for mail in mails:
            at = labels.index(mail["label"])
            seen[at] += 1
            for feature, weight in features(mail["subject"], mail["text"]).items():
                counts.setdefault(feature, [0] * len(labels))[at] += weight
                totals[at] += weight
        size = len(counts)
        weights = {
            feature: [
                round(math.log((count + SMOOTHING) / (total + SMOOTHING * size)), DIGITS)
                for count, total in zip(counts[feature], totals)
            ]
            for feature in sorted(counts)
        }
        priors = {label: math.log(n / len(mails)) for label, n in zip(labels, seen)}
        return cls(priors, weights)

    def scores(self, subject, text):
        """The logarithm of each label's likelihood, but for a constant, in the order of `priors`.
        A feature that no mail of the training part has says nothing and is left out."""
        scores = list(self.priors.values())
        for feature, weight in features(subject, text).items():
            known = self.weights.get(feature)
            if known is not None:
                scores = [score + weight * value for score, value in zip(scores, known)]
        return scores

    def classify(self, subject, text):
        """The probability of each label, most probable first."""
        probabilities = _softmax(self.scores(subject, text), self.temperature)
        ranked = sorted(zip(self.priors, probabilities), key=lambda pair: (-pair[1], pair[0]))
        return dict(ranked)

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            json.dump(
                {
                    "format": FORMAT,
                    "temperature": self.temperature,
                    "priors": self.priors,
                    "weights": self.weights,
                },
                out,
                ensure_ascii=False,
                separators=(",", ":"),
            )

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as source:
            stored = json.load(source)
        if stored.get("format") != FORMAT:
            raise ValueError(f"{path}: model format {stored.get('format')}, expected {FORMAT}")
        return cls(stored["priors"], stored["weights"], stored["temperature"])
