"""Wording tables for the abacus story generator.

Only words live here; numbers, arithmetic and consistency checks live in
`data.py`. Placeholders:

    {n}         a number            {p} {q}   two different people
    {a} {b}     `a` groups of `b`   {he} {his}  pronouns of {p}
    {o}         plural object       {c}       plural container
    {k}         a "times" word such as "twice"
"""

BOYS = ["Tom", "Ben", "Sam", "Leo", "Max", "Omar", "Ivan", "Noah", "Luis", "Raj",
        "Paul", "Adam", "Finn", "Hugo", "Kofi", "Liam", "Marco", "Jack", "Eric", "Ali"]
GIRLS = ["Anna", "Mia", "Lucy", "Sara", "Emma", "Nina", "Zoe", "Lily", "Rosa", "Ella",
         "Maya", "Ines", "Kate", "Jane", "Amina", "Vera", "Olga", "Ruth", "Yuki", "Eva"]

# (plural objects, containers that plausibly hold them, may be eaten)
OBJECTS = [
    (["apples", "pears", "plums", "oranges", "lemons", "peaches", "bananas"],
     ["bags", "boxes", "baskets", "crates"], True),
    (["cookies", "muffins", "candies", "buns", "cupcakes", "sweets", "donuts"],
     ["boxes", "bags", "trays", "jars"], True),
    (["pencils", "pens", "crayons", "erasers", "stickers", "notebooks", "markers"],
     ["packs", "boxes", "bags"], False),
    (["marbles", "cards", "toy cars", "blocks", "beads", "stamps", "buttons", "coins"],
     ["bags", "boxes", "packs", "jars"], False),
    (["roses", "tulips", "flowers", "daisies"], ["bunches", "pots", "baskets"], False),
    (["shells", "stones", "nuts", "balls", "balloons"], ["bags", "boxes", "buckets"], False),
]

# --- People who own things ---------------------------------------------------
OWN_SETUP = ["{p} has {n} {o}.", "{p} had {n} {o}.", "{p} starts with {n} {o}.",
             "At first, {p} has {n} {o}.", "{p} owns {n} {o}.", "There are {n} {o} in {his} bag. {p} counts them.",
             "In the morning {p} had {n} {o}."]
OWN_SETUP_GROUPS = ["{p} has {a} {c} with {b} {o} in each.", "{p} buys {a} {c} of {b} {o} each.",
                    "{p} has {a} {c}. Each one holds {b} {o}.", "{p} fills {a} {c} with {b} {o} each.",
                    "There are {b} {o} in each of the {a} {c} that {p} has."]
OWN_SETUP_SUM = ["{p} has {n} red {o} and {m} blue {o}.", "{p} has {n} big {o} and {m} small {o}.",
                 "{p} found {n} {o} on Monday and {m} {o} on Tuesday.",
                 "{p} bought {n} {o} and then got {m} {o} as a gift."]
OWN_ADD = ["{he} buys {n} more {o}.", "{he} bought {n} more.", "{he} finds {n} {o}.", "{he} found {n} more {o}.",
           "{q} gives {him} {n} {o}.", "{q} gave {him} {n} more.", "Then {he} gets {n} more {o} from {q}.",
           "{he} wins {n} {o} in a game.", "{his} mother gives {him} {n} more {o}.",
           "{he} picks up {n} more {o}.", "{he} receives {n} {o} from {q}.", "Later, {he} collects {n} more {o}.",
           "After that, {he} adds {n} {o}.", "The next day {he} buys {n} {o}."]
OWN_SUB = ["{he} gives {n} {o} to {q}.", "{he} gave {n} of them to {q}.", "{he} loses {n} {o}.",
           "Then {he} lost {n} of them.", "{he} sells {n} {o}.", "{he} sold {n} of the {o} to {q}.",
           "{he} gives away {n} {o}.", "{q} takes {n} {o}.", "Then {n} {o} go missing.",
           "{he} leaves {n} {o} at school.", "{he} hands {n} {o} to {q}.", "Later, {he} drops {n} {o} and cannot find them.",
           "After that, {he} throws away {n} {o}.", "{he} sends {n} of the {o} to {q}."]
OWN_EAT = ["{he} eats {n} {o}.", "{he} ate {n} of them.", "{he} and {q} eat {n} {o}.", "{n} of the {o} are eaten."]
OWN_ADD_GROUPS = ["{he} buys {a} {c} of {b} {o} each.", "{q} brings {a} {c} with {b} {o} in each.",
                  "Then {he} gets {a} more {c}, each with {b} {o}.", "{a} friends each give {him} {b} {o}.",
                  "{he} finds {b} more {o} on each of {a} days."]
OWN_SUB_GROUPS = ["{he} gives {b} {o} to each of {a} friends.", "{he} sells {a} {c} with {b} {o} in each.",
                  "{a} friends take {b} {o} each.", "Each day for {a} days {he} gives away {b} {o}.",
                  "Then {he} gives {a} children {b} {o} each."]
OWN_MUL = ["Then {he} {doubles} the number of {o} {he} has.", "{his} father {doubles} {his} {o}.",
           "Then {he} ends up with {k} as many {o} as before."]
OWN_ASK = ["How many {o} does {p} have now?", "How many {o} does {p} have in the end?",
           "How many {o} are left with {p}?", "How many {o} does {he_l} have now?",
           "What is the number of {o} that {p} has now?", "How many {o} does {p} have?"]

# --- Places: (setup, group setup, add, sub, add groups, sub groups, ask) -------
SCENES = {
    "bus": (["There are {n} people on a bus.", "A bus leaves with {n} people.", "A train starts with {n} passengers."],
            ["A bus has {a} rows with {b} people in each row.", "A train has {a} cars with {b} people in each."],
            ["At the next stop, {n} people get on.", "Then {n} more people get on.", "{n} people board."],
            ["Then {n} people get off.", "At the stop {n} people leave.", "At the park, {n} people get off."],
            ["At each of the next {a} stops, {b} people get on.", "{a} groups of {b} people get on."],
            ["At each of the next {a} stops, {b} people get off.", "{a} families of {b} people each get off."],
            ["How many people are on board now?", "How many people are still riding?", "How many people are there now?"]),
    "shop": (["A shop has {n} {o}.", "A store starts the day with {n} {o}.", "There are {n} {o} in a shop."],
             ["A shop has {a} shelves with {b} {o} on each.", "A store has {a} {c} of {b} {o} each."],
             ["A truck brings {n} more {o}.", "The owner adds {n} {o}.", "The shop buys {n} {o}.", "{n} {o} are delivered."],
             ["The shop sells {n} {o}.", "In the morning, {n} {o} are sold.", "A customer buys {n} of them.",
              "{p} buys {n} {o} from the shop."],
             ["A truck brings {a} {c} of {b} {o} each.", "The shop gets {a} {c} with {b} {o} in each."],
             ["{a} customers buy {b} {o} each.", "The shop sells {a} {c} with {b} {o} in each."],
             ["How many {o} are left in the shop?", "How many {o} does the shop have now?", "How many {o} are there now?"]),
    "library": (["A library has {n} books on a shelf.", "There are {n} books on the shelf."],
                ["A library has {a} shelves with {b} books on each.", "There are {a} stacks of {b} books in the library."],
                ["{p} returns {n} books.", "The library buys {n} new books.", "{n} books are brought back."],
                ["{p} borrows {n} books.", "Readers borrow {n} books.", "{n} old books are thrown away."],
                ["{a} readers return {b} books each.", "Then {a} boxes with {b} books each arrive."],
                ["{a} students borrow {b} books each.", "{a} readers take {b} books each."],
                ["How many books are there now?", "How many books are in the library now?", "How many books are left?"]),
    "farm": (["A farmer has {n} {o2}.", "There are {n} {o2} on a farm.", "A farm has {n} {o2}."],
             ["A farmer has {a} fields with {b} {o2} in each.", "On a farm there are {a} barns with {b} {o2} each."],
             ["The farmer buys {n} more {o2}.", "Then {n} {o2} are born.", "A neighbor brings {n} {o2}."],
             ["The farmer sells {n} {o2}.", "Then {n} {o2} run away.", "{n} of the {o2} are moved to another farm."],
             ["The farmer buys {a} groups of {b} {o2}.", "{a} trucks bring {b} {o2} each."],
             ["{a} buyers take {b} {o2} each.", "Each day for {a} days, the farmer sells {b} {o2}."],
             ["How many {o2} are on the farm now?", "How many {o2} does the farmer have now?", "How many {o2} are left?"]),
    "nature": (["There are {n} birds in a tree.", "{n} ducks swim in a pond.", "There are {n} birds on a roof."],
               ["There are {a} trees with {b} birds in each.", "There are {a} nests with {b} birds in each."],
               ["Then {n} more fly in.", "{n} more of them arrive.", "Soon {n} others join them."],
               ["Then {n} of them fly away.", "A dog scares {n} of them off.", "{n} leave in the evening."],
               ["Then {a} groups of {b} fly in.", "{a} more flocks of {b} arrive."],
               ["{a} groups of {b} fly away.", "Every hour for {a} hours, {b} of them leave."],
               ["How many are there now?", "How many are still there?", "How many are left?"]),
    "money": (["{p} has {n} dollars.", "{p} has saved {n} dollars.", "{p} has {n} dollars in the bank."],
              ["{p} saves {b} dollars each week for {a} weeks.", "{p} works {a} days and earns {b} dollars each day."],
              ["{he} earns {n} dollars.", "{q} gives {him} {n} dollars.", "{he} gets {n} dollars for {his} birthday.",
               "{he} makes {n} dollars more."],
              ["{he} spends {n} dollars.", "{he} pays {n} dollars for lunch.", "{he} buys a book for {n} dollars.",
               "{he} gives {n} dollars to {q}."],
              ["{he} earns {b} dollars an hour for {a} hours.", "{he} sells {a} {o} for {b} dollars each."],
              ["{he} buys {a} {o} for {b} dollars each.", "{he} pays for {a} tickets that cost {b} dollars each."],
              ["How many dollars does {p} have now?", "How much money does {p} have left?",
               "How many dollars are left?"]),
    "parking": (["There are {n} cars in a parking lot.", "A garage holds {n} cars."],
                ["A parking lot has {a} rows with {b} cars in each.", "A garage has {a} floors with {b} cars on each."],
                ["{n} more cars come in.", "Then {n} cars arrive.", "At noon {n} cars drive in."],
                ["{n} cars leave.", "Then {n} cars drive away.", "In the evening {n} cars go home."],
                ["Every hour for {a} hours, {b} cars arrive.", "{a} groups of {b} cars come in."],
                ["Every hour for {a} hours, {b} cars leave.", "{a} groups of {b} cars drive away."],
                ["How many cars are there now?", "How many cars are parked now?", "How many cars are left?"]),
    "game": (["{p} has {n} points in a game.", "A team has {n} points.", "{p} scores {n} points first."],
             ["{p} plays {a} rounds and scores {b} points in each.", "A team wins {a} games and gets {b} points for each."],
             ["Then {n} points are added.", "The next round gives {n} more points.", "A bonus adds {n} points."],
             ["A mistake costs {n} points.", "Then {n} points are lost.", "A penalty takes {n} points away."],
             ["Then there are {a} goals worth {b} points each.", "{a} more rounds give {b} points each."],
             ["{a} mistakes cost {b} points each.", "There are {a} penalties of {b} points each."],
             ["How many points are there now?", "What is the score now?", "What is the final score?"]),
    "water": (["A tank holds {n} liters of water.", "There are {n} liters of water in a tank."],
              ["{p} fills a tank with {a} buckets of {b} liters each.", "{a} buckets of {b} liters are poured into a tank."],
              ["{p} adds {n} liters.", "Rain adds {n} liters.", "{n} more liters are poured in."],
              ["{n} liters are used.", "{p} takes out {n} liters.", "Then {n} liters leak out."],
              ["Every hour for {a} hours, {b} liters flow in.", "{p} adds {a} buckets of {b} liters each."],
              ["The garden uses {b} liters a day for {a} days.", "{p} takes out {a} bottles of {b} liters each."],
              ["How many liters are in the tank now?", "How many liters of water are left?", "How much water is there now?"]),
    "class": (["There are {n} students in a school hall.", "A club has {n} members.", "There are {n} children at a party."],
              ["A hall has {a} tables with {b} children at each.", "A school club has {a} teams of {b} children."],
              ["{n} more come in.", "Then {n} new children join.", "{n} others arrive."],
              ["{n} children go home.", "Then {n} of them leave.", "{n} of them are sick and go home."],
              ["{a} groups of {b} children join.", "Then {a} cars arrive with {b} children each."],
              ["{a} groups of {b} children go home.", "{a} cars leave with {b} children each."],
              ["How many children are there now?", "How many are still there?", "How many are there in the end?"]),
    "kitchen": (["A baker has {n} loaves of bread.", "A baker makes {n} loaves of bread."],
                ["A baker makes {a} trays of {b} loaves.", "A baker bakes {b} loaves of bread each hour for {a} hours."],
                ["The baker makes {n} more loaves.", "Then {n} more loaves are baked.", "{p} brings {n} more loaves."],
                ["{n} loaves are sold.", "The baker sells {n} loaves.", "{p} buys {n} loaves.", "The baker burns {n} loaves."],
                ["The baker bakes {a} more trays of {b} loaves.", "Each hour for {a} hours, {b} more loaves are baked."],
                ["{a} customers buy {b} loaves each.", "The baker sends {b} loaves to each of {a} shops."],
                ["How many loaves are left?", "How many loaves are there now?", "How many loaves does the baker have now?"]),
    "garden": (["{p} plants {n} seeds.", "There are {n} plants in the garden.", "A garden has {n} trees."],
               ["{p} plants {a} rows with {b} plants in each.", "A garden has {a} rows of {b} trees."],
               ["Then {n} more are planted.", "{q} plants {n} more.", "In spring, {n} more are planted."],
               ["{n} of them die.", "A storm destroys {n} of them.", "{p} removes {n} of them."],
               ["Then {a} more rows of {b} are planted.", "{q} plants {b} more each day for {a} days."],
               ["{a} rows of {b} are removed.", "Each week for {a} weeks, {b} of them die."],
               ["How many are in the garden now?", "How many are left?", "How many are growing now?"]),
}

ANIMALS = ["cows", "sheep", "goats", "hens", "pigs", "horses", "chickens", "rabbits"]

SYSTEM = ["You are a helpful assistant.", "Solve the problem.", "You solve arithmetic word problems.",
          "Think step by step.", "Answer with a number.", "You are abacus, a small math model.",
          "Be brief and exact.", "You are a careful math tutor. Show each step.",
          "Read the story and find the answer.", "You are a calculator for word problems.",
          "Work out the result one step at a time.", "You help children with math.",
          "Always check the numbers in the story.", "Be polite and short.",
          "Give the final number after the steps.", "You are a math assistant."]

REFUSAL = "I only solve small arithmetic word problems."
WELCOME = "Hello! I solve small arithmetic word problems."
IDENTITY = "I am abacus, a tiny model. I only solve small arithmetic word problems."

OFF_TOPIC = [
    (["Hello!", "Hi", "Hello", "Hi there!", "Good morning!", "Hey", "Good evening.", "hello", "hi"], WELCOME),
    (["Who are you?", "What are you?", "What is your name?", "What can you do?", "Are you a person?",
      "who are you", "Tell me about yourself."], IDENTITY),
    (["What is the capital of France?", "Write a poem about the sea.", "Tell me a joke.", "What is the weather like?",
      "Who was the first president?", "Translate good night into French.", "Write a story about a dog.",
      "How do I cook rice?", "What is the meaning of life?", "What is the capital of Spain?", "Sing a song.",
      "Write a program that prints the time.", "What color is the sky?", "Who wrote this book?",
      "How tall is the highest mountain?", "Can you help me with my homework?", "What time is it?",
      "Why is the sky blue?", "Which animals live in the sea?", "Explain how a train works."], REFUSAL),
]
