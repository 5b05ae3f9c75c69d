"""Tests of the model, with nothing but Python: python3 test_classifier.py"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import train  # noqa: E402
from model import Model, features  # noqa: E402


class Data(unittest.TestCase):
    def setUp(self):
        self.mails = train.load()

    def test_is_large_and_balanced(self):
        counts = {}
        for mail in self.mails:
            counts[mail["label"]] = counts.get(mail["label"], 0) + 1
        self.assertEqual(sorted(counts), ["billing", "meeting", "spam", "support"])
        self.assertGreaterEqual(len(self.mails), 400)
        self.assertLess(max(counts.values()), 1.1 * min(counts.values()))

    def test_held_out_part_is_not_trained_on(self):
        part, held_out = train.split(self.mails)
        self.assertEqual(len(part) + len(held_out), len(self.mails))
        self.assertGreaterEqual(len(held_out), len(self.mails) // 5)
        known = {mail["text"].lower() for mail in part}
        self.assertEqual([mail for mail in held_out if mail["text"].lower() in known], [])

    def test_no_mail_stands_twice(self):
        self.assertEqual(len({mail["text"].lower() for mail in self.mails}), len(self.mails))


class Accuracy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        part, cls.held_out = train.split(train.load())
        cls.model = Model.train(part)

    def test_on_mails_it_has_not_seen(self):
        wrong = train.mistakes(self.model, self.held_out)
        accuracy = 1 - len(wrong) / len(self.held_out)
        self.assertGreaterEqual(accuracy, train.LEAST_ACCURACY, wrong)

    def test_of_each_label(self):
        for label in self.model.priors:
            mails = [mail for mail in self.held_out if mail["label"] == label]
            wrong = train.mistakes(self.model, mails)
            self.assertGreaterEqual(1 - len(wrong) / len(mails), 0.8, wrong)

    def test_is_as_sure_as_it_is_right(self):
        sure = [next(iter(self.model.classify(mail["subject"], mail["text"]).values()))
                for mail in self.held_out]
        wrong = train.mistakes(self.model, self.held_out)
        right = 1 - len(wrong) / len(self.held_out)
        self.assertLess(abs(sum(sure) / len(sure) - right), 0.1)

    def test_probabilities_sum_to_one_most_probable_first(self):
        result = self.model.classify("Invoice 12", "Please pay the invoice by Friday.")
        self.assertEqual(next(iter(result)), "billing")
        self.assertAlmostEqual(sum(result.values()), 1)
        self.assertEqual(list(result.values()), sorted(result.values(), reverse=True))

    def test_unknown_words_leave_the_priors(self):
        for text in ("", "qqqq zzzz", "\U0001f600"):
            result = self.model.classify("", text)
            self.assertLess(max(result.values()), 0.3, text)


class Determinism(unittest.TestCase):
    def test_same_data_same_bytes(self):
        part, _ = train.split(train.load())
        with tempfile.TemporaryDirectory() as scratch:
            paths = [Path(scratch) / name for name in ("first.json", "second.json")]
            for path in paths:
                Model.train(part).save(path)
            self.assertEqual(paths[0].read_bytes(), paths[1].read_bytes())
            again = Model.load(paths[0])
        mail = part[0]
        self.assertEqual(
            again.classify(mail["subject"], mail["text"]),
            Model.train(part).classify(mail["subject"], mail["text"]),
        )


class BadInput(unittest.TestCase):
    def test_one_label_cannot_be_trained(self):
        with self.assertRaisesRegex(ValueError, "at least two labels"):
            Model.train([{"label": "spam", "subject": "", "text": "x"}])

    def test_line_without_a_label_is_named(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "emails.jsonl"
            path.write_text('{"subject": "a", "text": "b"}\n')
            with self.assertRaisesRegex(ValueError, "emails.jsonl:1: no label"):
                train.load(path)

    def test_other_format_is_refused(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.json"
            path.write_text('{"format": 99}')
            with self.assertRaisesRegex(ValueError, "model format 99"):
                Model.load(path)

    def test_a_feature_counts_once(self):
        self.assertEqual(features("", "pay pay pay")["pay"], 1)
        self.assertEqual(features("pay", "pay")["pay"], 2)


if __name__ == "__main__":
    unittest.main()
