"""Story shapes: how numbers and operations become a word problem.

Each shape draws numbers, appends sentences and records one step per operation
in the order a reader would work them out. Wording is in `stories.py`.
"""

from dataclasses import dataclass

import stories as S


@dataclass(frozen=True)
class Level:
    """How hard the drawn problems are."""

    max_result: int
    max_product: int
    spelled: float      # share of problems with small numbers written as words
    spell_max: int
    distinct: bool      # no sentence and no number appears twice in a story
    steps: tuple        # training shares of 1, 2, 3 and 4 operations


# Training starts wide and ends on the level that the model is meant for: a
# number that appears once can be found in the story by its value.
LEVELS = {
    "wide": Level(199, 120, 0.12, 12, False, (0.08, 0.30, 0.32, 0.30)),
    "final": Level(99, 90, 0.05, 9, True, (0.07, 0.25, 0.30, 0.38)),
}

WORDS = ["zero", "one", "two", "three", "four", "five", "six",
         "seven", "eight", "nine", "ten", "eleven", "twelve"]
TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
DOUBLES = {2: "doubles", 3: "triples"}


class Reject(Exception):
    """The drawn numbers leave the supported range; draw again."""


class Story:
    """Collects sentences and steps while keeping every result in range."""

    def __init__(self, rng, level):
        self.r, self.level = rng, level
        self.spell = rng.random() < level.spelled
        self.parts, self.steps, self.given, self.used = [], [], [], set()
        p_boy, q_boy = rng.random() < 0.5, rng.random() < 0.5
        self.p = rng.choice(S.BOYS if p_boy else S.GIRLS)
        self.q = rng.choice([x for x in (S.BOYS if q_boy else S.GIRLS) if x != self.p])
        self.w = rng.choice([x for x in S.BOYS + S.GIRLS if x not in (self.p, self.q)])
        objs, conts, self.edible = rng.choice(S.OBJECTS)
        he, him, his = ("he", "him", "his") if p_boy else ("she", "her", "her")
        self.words = dict(p=self.p, q=self.q, w=self.w, he=he, he_l=he, him=him, his=his,
                          o=rng.choice(objs), o2=rng.choice(S.ANIMALS))
        self.conts = conts

    def num(self, n):
        return WORDS[n] if self.spell and 1 < n <= self.level.spell_max else str(n)

    def say(self, template, **nums):
        self.given += [v for v in nums.values() if isinstance(v, int)]
        nums = {k: self.num(v) if isinstance(v, int) else v for k, v in nums.items()}
        text = template.format(**{**self.words, "c": self.r.choice(self.conts), **nums})
        self.parts.append(text[0].upper() + text[1:])

    def pick(self, templates, **nums):
        if self.level.distinct:
            templates = [t for t in templates if t not in self.used]
            if not templates:
                raise Reject
        template = self.r.choice(templates)
        self.used.add(template)
        self.say(template, **nums)

    def op(self, a, sign, b):
        value = {"+": a + b, "-": a - b, "*": a * b}[sign]
        if not 0 <= value <= self.level.max_result or a < 1 or b < 1:
            raise Reject
        if sign == "*" and (min(a, b) > 9 or value > self.level.max_product):
            raise Reject
        self.steps.append(f"{a} {sign} {b} = {value}")
        return value

    def small(self):
        return self.r.randint(2, 9)

    def number(self, hi=60):
        return self.r.randint(2, 20) if self.r.random() < 0.4 else self.r.randint(2, hi)

    @property
    def ambiguous(self):
        """Does a number of the story, or one worked out on the way, recur?"""
        known = self.given + [int(x.split(" = ")[1]) for x in self.steps[:-1]]
        return len(set(known)) < len(known)

    @property
    def text(self):
        return " ".join(self.parts)

    @property
    def answer(self):
        return int(self.steps[-1].split(" = ")[1])


def take(s, value, hi=60):
    """A number that can be subtracted from `value`, usually not all of it."""
    if value < 2:
        raise Reject
    return s.r.randint(1 if value < 3 else 2, min(value, hi))


def group_numbers(s, limit):
    a, b = s.small(), s.r.randint(2, 12)
    if a * b > limit:
        raise Reject
    return a, b


def linear_story(s, n_steps):
    """A quantity that changes sentence by sentence, for a person or a place."""
    r = s.r
    own = r.random() < 0.45
    if own:
        setup, setup_groups, asks = S.OWN_SETUP, S.OWN_SETUP_GROUPS, S.OWN_ASK
        add, sub = S.OWN_ADD, S.OWN_SUB + (S.OWN_EAT if s.edible else [])
        add_groups, sub_groups = S.OWN_ADD_GROUPS, S.OWN_SUB_GROUPS
    else:
        key = r.choice(list(S.SCENES))
        setup, setup_groups, add, sub, add_groups, sub_groups, asks = S.SCENES[key]
        own = False
    x = r.random()
    if x < 0.25:
        a, b = group_numbers(s, 100)
        s.pick(setup_groups, a=a, b=b)
        value = s.op(a, "*", b)
    elif own and x < 0.35:
        n, m = s.number(), s.number(40)
        s.pick(S.OWN_SETUP_SUM, n=n, m=m)
        value = s.op(n, "+", m)
    else:
        value = s.number(80)
        s.pick(setup, n=value)
    while len(s.steps) < n_steps:
        left = n_steps - len(s.steps)
        x = r.random()
        if x < 0.3 and left >= 2:
            grow = r.random() < 0.5
            a, b = group_numbers(s, 60 if grow else value)
            s.pick(add_groups if grow else sub_groups, a=a, b=b)
            value = s.op(value, "+" if grow else "-", s.op(a, "*", b))
        elif own and x < 0.38 and 2 <= value <= 30:
            k = r.choice([2, 2, 3]) if value <= 20 else 2
            s.pick(S.OWN_MUL, k=TIMES[k], doubles=DOUBLES[k])
            value = s.op(value, "*", k)
        elif r.random() < 0.5:
            n = s.number(50)
            s.pick(add, n=n)
            value = s.op(value, "+", n)
        else:
            n = take(s, value)
            s.pick(sub, n=n)
            value = s.op(value, "-", n)
    s.pick(asks)


def compare(s, n_steps):
    """Two people, the second described relative to the first."""
    r, x = s.r, s.number(50)
    s.pick(["{p} has {n} {o}.", "{p} collected {n} {o}.", "{p} owns {n} {o}."], n=x)
    kind = r.choice(["more", "fewer", "times"])
    if kind == "more":
        y = s.number(40)
        s.pick(["{q} has {n} more {o} than {p}.", "{q} has {n} more than {p}."], n=y)
        other = s.op(x, "+", y)
    elif kind == "fewer":
        y = take(s, x)
        s.pick(["{q} has {n} fewer {o} than {p}.", "{q} has {n} fewer than {p}.", "{q} has {n} less than {p}."], n=y)
        other = s.op(x, "-", y)
    else:
        if x > 20:
            raise Reject
        k = r.choice([2, 2, 3, 4, 5])
        s.pick(["{q} has {k} as many {o} as {p}.", "{q} has {k} as many as {p}."], k=TIMES[k])
        other = s.op(x, "*", k)
    middle = n_steps - 2
    for _ in range(middle):
        if r.random() < 0.5:
            n = s.number(30)
            s.pick(["Then {q} buys {n} more {o}.", "{w} gives {q} {n} more.", "Later {q} finds {n} {o}."], n=n)
            other = s.op(other, "+", n)
        else:
            n = take(s, other)
            s.pick(["Then {q} loses {n} {o}.", "{q} gives {n} {o} to {w}.", "Later {q} sells {n} {o}."], n=n)
            other = s.op(other, "-", n)
    if other < 1:
        raise Reject
    if kind == "times" and other > x and r.random() < 0.3:
        s.pick(["How many more {o} does {q} have than {p}?"])
        s.op(other, "-", x)
    else:
        s.pick(["How many {o} do they have together?", "How many {o} do {p} and {q} have together?",
                "How many {o} do {p} and {q} have in total?"])
        s.op(x, "+", other)


def three_people(s, n_steps):
    x, y, z = s.number(), s.number(40), s.number(30)
    if n_steps == 2:
        s.pick(["{p} has {x} {o}, {q} has {y} and {w} has {z}.", "{p} picks {x} {o}, {q} picks {y} {o} and {w} picks {z} {o}."],
               x=x, y=y, z=z)
        s.pick(["How many {o} do they have together?", "How many {o} do the three friends have in total?"])
        s.op(s.op(x, "+", y), "+", z)
        return
    s.say("{p} has {x} {o}. {q} has {y} more than {p}.", x=x, y=y)
    second = s.op(x, "+", y)
    z = take(s, second)
    s.say("{w} has {z} fewer than {q}.", z=z)
    third = s.op(second, "-", z)
    if n_steps == 3:
        s.pick(["How many {o} do {q} and {w} have together?", "How many {o} do {q} and {w} have in total?"])
        s.op(second, "+", third)
    else:
        s.pick(["How many {o} do all three have together?", "How many {o} do the three friends have in total?"])
        s.op(s.op(x, "+", second), "+", third)


def ages(s, n_steps):
    x = s.r.randint(5, 40)
    s.say("{p} is {n} years old.", n=x)
    value, last = x, s.p
    people = [s.q, s.w, "Grandma", "Uncle Bill"]
    for i in range(n_steps):
        name = people[i]
        kind = s.r.random()
        if kind < 0.4:
            n = s.r.randint(2, 30)
            s.say(f"{name} is {{n}} years older than {last}.", n=n)
            value = s.op(value, "+", n)
        elif kind < 0.8 or value > 20:
            n = take(s, value - 1)
            s.say(f"{name} is {{n}} years younger than {last}.", n=n)
            value = s.op(value, "-", n)
        else:
            k = s.r.choice([2, 3])
            s.say(f"{name} is {TIMES[k]} as old as {last}.")
            value = s.op(value, "*", k)
        last = name
    s.say(f"How old is {last}?")


def two_products(s, n_steps):
    """Two kinds of groups, or a bill for two kinds of goods, with change."""
    r = s.r
    a, b = group_numbers(s, 90)
    c, d = group_numbers(s, 90)
    if n_steps == 2:
        shape = r.randrange(3)
        cost = s.op(a, "*", b)
        z = s.r.randint(cost, min(cost + 60, s.level.max_result))
        if shape == 0:
            s.say("{p} has {z} dollars and buys {a} {o} for {b} dollars each. How many dollars are left?", z=z, a=a, b=b)
        elif shape == 1:
            s.say("A rope is {z} meters long. {p} cuts off {a} pieces of {b} meters each. How many meters are left?", z=z, a=a, b=b)
        else:
            s.say("A book has {z} pages. {p} reads {b} pages a day for {a} days. How many pages are left to read?", z=z, a=a, b=b)
        s.op(z, "-", cost)
        return
    shape = r.randrange(4)
    if shape == 0:
        one, two = r.sample(["pen", "book", "ball", "cup", "cake", "hat", "toy"], 2)
        s.say(f"A {one} costs {{b}} dollars and a {two} costs {{d}} dollars. {{p}} buys {{a}} {one}s and {{c2}} {two}s.",
              a=a, b=b, c2=c, d=d)
        ask = "How many dollars does {p} pay?"
    elif shape == 1:
        c1 = r.choice(s.conts)
        s.say(f"{{p}} packs {{a}} small {c1} with {{b}} {{o}} each and {{c2}} big {c1} with {{d}} {{o}} each.", a=a, b=b, c2=c, d=d)
        ask = "How many {o} are there in total?"
    elif shape == 2:
        s.say("{p} walks {b} kilometers a day for {a} days and {d} kilometers a day for {c2} days.", a=a, b=b, c2=c, d=d)
        ask = "How many kilometers does {p} walk in total?"
    else:
        s.say("A hall has {a} rows of {b} chairs and {c2} rows of {d} chairs.", a=a, b=b, c2=c, d=d)
        ask = "How many chairs are there in total?"
    total = s.op(s.op(a, "*", b), "+", s.op(c, "*", d))
    if n_steps == 3:
        s.say(ask)
    elif shape == 0:
        z = r.randint(total, min(total + 50, s.level.max_result)) if total < s.level.max_result else total
        s.pick(["{he} has {z} dollars. How many dollars are left?", "{he} pays with {z} dollars. How much change does {he} get?"], z=z)
        s.op(z, "-", total)
    else:
        n = take(s, total)
        tail = {1: ["{he} gives {n} {o} to {q}. How many {o} are left?", "{n} {o} are bad. How many good {o} are there?"],
                2: ["The whole trip is {z} kilometers long. How many kilometers are left?"],
                3: ["{n} of the chairs are taken. How many chairs are free?", "{n} chairs are broken. How many good chairs are there?"]}
        if shape == 2:
            z = min(total + n, s.level.max_result)
            s.pick(tail[2], z=z)
            s.op(z, "-", total)
        else:
            s.pick(tail[shape], n=n)
            s.op(total, "-", n)


def exchange(s, n_steps):
    """One person hands things to another, then their holdings are compared."""
    x, y = s.number(80), s.number(50)
    n = take(s, x, 30)
    s.pick(["{p} has {x} {o} and {q} has {y} {o}.", "{p} had {x} {o}. {q} had {y} {o}."], x=x, y=y)
    s.pick(["{p} gives {n} {o} to {q}.", "Then {p} gives {q} {n} of {his} {o}."], n=n)
    mine, yours = s.op(x, "-", n), s.op(y, "+", n)
    if mine < 1 or n_steps < 3:
        raise Reject
    if n_steps == 4:
        m = take(s, yours, 30)
        s.pick(["Then {q} loses {m} {o}.", "Then {q} sells {m} {o}."], m=m)
        yours = s.op(yours, "-", m)
    if mine > yours:
        s.pick(["How many more {o} does {p} have than {q} now?"])
        s.op(mine, "-", yours)
    elif yours > mine and s.r.random() < 0.7:
        s.pick(["How many more {o} does {q} have than {p} now?"])
        s.op(yours, "-", mine)
    else:
        s.pick(["How many {o} do they have together now?"])
        s.op(mine, "+", yours)


def halves(s, n_steps):
    """Sums that are used again: work hours, scores and laps."""
    r = s.r
    shape = r.randrange(3)
    if shape == 0:
        a, b, c = r.randint(2, 6), r.randint(2, 6), r.randint(2, 9)
        s.pick(["{p} works {a} hours on Monday and {b} hours on Tuesday.", "{p} worked {a} hours in the morning and {b} hours in the evening."], a=a, b=b)
        s.pick(["{he} earns {m} dollars an hour.", "{he} gets {m} dollars for each hour."], m=c)
        value = s.op(s.op(a, "+", b), "*", c)
        noun, spend = "dollars", ["{he} spends {n} dollars.", "{he} gives {n} dollars to {q}."]
        more = ["{he} had {n} dollars before.", "{q} gives {him} {n} dollars."]
        ask = ["How many dollars does {p} have now?", "How many dollars does {he_l} have in the end?"]
    elif shape == 1:
        x, y = s.number(40), s.number(30)
        s.pick(["A team scores {n} points in the first half and {m} more than that in the second half.",
                "{p} scores {n} points in the first game and {m} more than that in the second game."], n=x, m=y)
        value = s.op(x, "+", s.op(x, "+", y))
        spend = ["A penalty takes {n} points away.", "Then {n} points are lost."]
        more = ["A bonus adds {n} points.", "Extra time gives {n} more points."]
        ask = ["How many points are there in total?", "What is the final score?"]
    else:
        a, b, c = r.randint(2, 6), r.randint(2, 6), r.randint(2, 9)
        s.pick(["There are {a} boys and {b} girls in a class.", "{a} boys and {b} girls come to a party."], a=a, b=b)
        s.pick(["Each child gets {m} {o}.", "Each of them brings {m} {o}."], m=c)
        value = s.op(s.op(a, "+", b), "*", c)
        spend = ["Then {n} {o} are lost.", "{n} {o} are given back."]
        more = ["The teacher has {n} more {o}.", "Another {n} {o} are on the table."]
        ask = ["How many {o} are there in total?", "How many {o} are there now?"]
    while len(s.steps) < n_steps:
        if r.random() < 0.5:
            n = s.number(40)
            s.pick(more, n=n)
            value = s.op(value, "+", n)
        else:
            n = take(s, value)
            s.pick(spend, n=n)
            value = s.op(value, "-", n)
    s.pick(ask)


# (shape, share of the problems)
SHAPES = [(linear_story, 0.58), (compare, 0.1), (three_people, 0.06), (ages, 0.06),
          (two_products, 0.09), (exchange, 0.05), (halves, 0.06)]
