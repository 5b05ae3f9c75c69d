#include <algorithm>

#include "policy/bpf_code.h"
#include "policy/compiler.h"

namespace crank::policy {
namespace {

constexpr std::uint64_t kMax32 = 0xffffffff;
constexpr std::uint32_t high(std::uint64_t value) {
    return static_cast<std::uint32_t>(value >> 32);
}
constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

// A step of a function from an argument's value to an action: from `first` to the next step.
struct Step {
    std::uint64_t first;
    std::uint32_t action;
};

// All steps that share the upper word `first`, or the whole range up to the next where one action
// holds for all of them.
struct HighRange {
    std::uint32_t first;
    std::vector<Step> lows;
};

// In a 32-bit register, a negative number in 64 bits is the same number in 32.
std::uint64_t narrow(std::uint64_t value) {
    bool negative = high(value) == kMax32 && (value & 0x80000000) != 0;
    return negative ? low(value) : value;
}

ArgumentTest narrow(ArgumentTest test) {
    bool masked = test.compare == Compare::masked_equal;
    test.value = masked ? low(test.value) : narrow(test.value);
    test.value_two = narrow(test.value_two);
    return test;
}

bool holds(const ArgumentTest& test, std::uint64_t argument) {
    switch (test.compare) {
        case Compare::not_equal: return argument != test.value;
        case Compare::less: return argument < test.value;
        case Compare::less_or_equal: return argument <= test.value;
        case Compare::equal: return argument == test.value;
        case Compare::greater_or_equal: return argument >= test.value;
        case Compare::greater: return argument > test.value;
        case Compare::masked_equal: return (argument & test.value) == test.value_two;
        case Compare::in_range: return argument >= test.value && argument <= test.value_two;
    }
    return false;
}

// Whether one argument's value alone decides, by order: then a tree serves.
bool is_step_function(const std::vector<NumberedRule>& rules) {
    unsigned index = rules.front().tests.front().index;
    return std::ranges::all_of(rules, [index](const NumberedRule& rule) {
        return std::ranges::all_of(rule.tests, [index](const ArgumentTest& test) {
            return test.index == index && test.compare != Compare::masked_equal;
        });
    });
}

std::uint32_t decide(const std::vector<NumberedRule>& rules, std::uint32_t otherwise,
                     std::uint64_t argument) {
    auto rule = std::ranges::find_if(rules, [argument](const NumberedRule& candidate) {
        return std::ranges::all_of(candidate.tests, [argument](const ArgumentTest& test) {
            return holds(test, argument);
        });
    });
    return rule == rules.end() ? otherwise : rule->action;
}

std::vector<Step> step_function(const std::vector<NumberedRule>& rules, std::uint32_t otherwise,
                                std::uint64_t highest) {
    std::vector<std::uint64_t> points = {0};
    auto add = [&points, highest](std::uint64_t value) {
        if (value > highest) return;
        points.push_back(value);
        if (value < highest) points.push_back(value + 1);
    };
    for (const NumberedRule& rule : rules) {
        for (const ArgumentTest& test : rule.tests) {
            add(test.value);
            if (test.compare == Compare::in_range) add(test.value_two);
        }
    }
    std::ranges::sort(points);
    std::vector<Step> steps;
    for (std::uint64_t point : points) {
        std::uint32_t action = decide(rules, otherwise, point);
        if (steps.empty() || steps.back().action != action) steps.push_back({point, action});
    }
    return steps;
}

std::vector<HighRange> by_high_word(const std::vector<Step>& steps) {
    std::vector<HighRange> ranges;
    std::uint32_t current = steps.front().action;
    for (std::size_t i = 0; i < steps.size();) {
        std::uint32_t word = high(steps[i].first);
        HighRange range{word, {}};
        if (low(steps[i].first) != 0) range.lows.push_back({0, current});
        for (; i < steps.size() && high(steps[i].first) == word; ++i) {
            current = steps[i].action;
            range.lows.push_back({low(steps[i].first), current});
        }
        bool mixed = range.lows.size() > 1;
        ranges.push_back(std::move(range));
        bool next_follows = i < steps.size() && high(steps[i].first) == word + 1;
        if (mixed && word != kMax32 && !next_follows) ranges.push_back({word + 1, {{0, current}}});
    }
    return ranges;
}

Target write_steps(Assembler& assembler, unsigned index, const std::vector<Step>& steps) {
    std::vector<RangeTarget> highs;
    for (const HighRange& range : by_high_word(steps)) {
        std::vector<RangeTarget> lows;
        for (const Step& step : range.lows)
            lows.push_back({low(step.first), Target::returning(step.action)});
        Target tree = write_range_tree(assembler, lows);
        highs.push_back({range.first, assembler.load(bpf::argument_low(index), tree)});
    }
    if (highs.size() == 1) return highs.front().target;
    return assembler.load(bpf::argument_high(index), write_range_tree(assembler, highs));
}

// One test, for rules that are no step function.
class TestWriter {
public:
    TestWriter(Assembler& assembler, bool high_words)
        : assembler_(assembler), high_words_(high_words) {}

    Target write(const ArgumentTest& test, Target then, Target otherwise) {
        switch (test.compare) {
            case Compare::equal: return equal(test, then, otherwise);
            case Compare::not_equal: return equal(test, otherwise, then);
            case Compare::greater: return above(test, bpf::kJgt, then, otherwise);
            case Compare::less_or_equal: return above(test, bpf::kJgt, otherwise, then);
            case Compare::greater_or_equal: return above(test, bpf::kJge, then, otherwise);
            case Compare::less: return above(test, bpf::kJge, otherwise, then);
            case Compare::masked_equal: return masked(test, then, otherwise);
            case Compare::in_range: {
                ArgumentTest upper{test.index, Compare::less_or_equal, test.value_two, 0};
                Target below_upper = write(upper, then, otherwise);
                return above(test, bpf::kJge, below_upper, otherwise);
            }
        }
        return otherwise;
    }

private:
    Target low_word(const ArgumentTest& test, Target next) {
        return assembler_.load(bpf::argument_low(test.index), next);
    }
    Target high_word(const ArgumentTest& test, Target next) {
        return assembler_.load(bpf::argument_high(test.index), next);
    }

    Target equal(const ArgumentTest& test, Target then, Target otherwise) {
        if (!high_words_ && high(test.value) != 0) return otherwise;
        Target lows =
            low_word(test, assembler_.branch(bpf::kJeq, low(test.value), then, otherwise));
        if (!high_words_) return lows;
        return high_word(test, assembler_.branch(bpf::kJeq, high(test.value), lows, otherwise));
    }

    Target above(const ArgumentTest& test, std::uint16_t comparison, Target then,
                 Target otherwise) {
        if (!high_words_ && high(test.value) != 0) return otherwise;
        Target lows =
            low_word(test, assembler_.branch(comparison, low(test.value), then, otherwise));
        if (!high_words_) return lows;
        Target same = assembler_.branch(bpf::kJeq, high(test.value), lows, otherwise);
        return high_word(test, assembler_.branch(bpf::kJgt, high(test.value), then, same));
    }

    Target masked(const ArgumentTest& test, Target then, Target otherwise) {
        if ((test.value_two & ~test.value) != 0) return otherwise;
        Target lows = then;
        if (low(test.value) != 0) {
            Target branch = assembler_.branch(bpf::kJeq, low(test.value_two), then, otherwise);
            lows = low_word(test, assembler_.and_with(low(test.value), branch));
        }
        if (!high_words_ || high(test.value) == 0) return lows;
        Target branch = assembler_.branch(bpf::kJeq, high(test.value_two), lows, otherwise);
        return high_word(test, assembler_.and_with(high(test.value), branch));
    }

    Assembler& assembler_;
    bool high_words_;
};

}  // namespace

Target write_argument_rules(Assembler& assembler, const std::vector<NumberedRule>& rules,
                            std::uint32_t otherwise, bool high_words) {
    if (rules.empty()) return Target::returning(otherwise);
    std::vector<NumberedRule> narrowed = rules;
    if (!high_words) {
        for (NumberedRule& rule : narrowed)
            for (ArgumentTest& test : rule.tests) test = narrow(test);
    }
    if (is_step_function(narrowed)) {
        std::uint64_t highest = high_words ? ~std::uint64_t{0} : kMax32;
        return write_steps(assembler, narrowed.front().tests.front().index,
                           step_function(narrowed, otherwise, highest));
    }
    TestWriter writer(assembler, high_words);
    Target next = Target::returning(otherwise);
    for (auto rule = narrowed.rbegin(); rule != narrowed.rend(); ++rule) {
        Target matched = Target::returning(rule->action);
        for (auto test = rule->tests.rbegin(); test != rule->tests.rend(); ++test)
            matched = writer.write(*test, matched, next);
        next = matched;
    }
    return next;
}

Target write_range_tree(Assembler& assembler, std::span<const RangeTarget> ranges) {
    if (ranges.size() == 1) return ranges.front().target;
    // One value among others of the same fate needs one comparison, not two.
    bool single = ranges.size() == 3 && ranges[0].target == ranges[2].target &&
                  ranges[2].first - ranges[1].first == 1;
    if (single)
        return assembler.branch(bpf::kJeq, ranges[1].first, ranges[1].target, ranges[0].target);
    std::size_t middle = ranges.size() / 2;
    Target upper = write_range_tree(assembler, ranges.subspan(middle));
    Target lower = write_range_tree(assembler, ranges.first(middle));
    return assembler.branch(bpf::kJge, ranges[middle].first, upper, lower);
}

}  // namespace crank::policy
