//! Go, Python and Node beside C: the same library, the same stream.

use std::path::Path;

use attestlm::engine::cpu;
use serde_json::{json, Value};

use super::settle;
use crate::contestants::{bindings, Contestant, C, PYTHON};
use crate::machine::first_line;
use crate::plan::Plan;
use crate::protocol::Child;
use crate::report::{Section, Target};
use crate::stats::{count, digits, median, spread, Spread};
use crate::{shapes, Result};

/// Tokens of a context: prompt and output.
const CONTEXT: u32 = 320;
/// Tokens of the prompt that is read anew.
const PROMPT: usize = 128;
/// Events of a block. A whole stream is hardly ever undisturbed on a machine that others use, a block is; one event
/// alone would leave out what a binding does only now and then.
const BLOCK: usize = 8;
/// How often the processes are started anew: where one's memory happens to lie makes it some percent faster or slower for
/// as long as it lives.
const STARTS: usize = 6;

/// A stream to measure.
struct Course {
    /// The stream, as tables name it.
    name: String,
    /// The model's path; empty for the bundled one.
    path: String,
    /// The tokens of the stream.
    tokens: u32,
    /// The input, as the beginning of a request.
    input: Value,
    /// Whether the prompt is read anew each time.
    forget: bool,
    /// Rounds of one stream through each, after each start; 0: only two sessions at once are measured.
    rounds: usize,
    /// Whether it decides the targets.
    decides: bool,
}

impl Course {
    fn all(plan: &Plan) -> Result<Vec<Course>> {
        let rounds = plan.rounds;
        let bundled = Course {
            name: "bundled, decode".into(),
            path: String::new(),
            tokens: 256,
            input: json!({"prompt": "Tom has"}),
            forget: false,
            rounds,
            decides: false,
        };
        let (name, path) = match &plan.bindings_shape {
            Some(shape) => (shape.name.clone(), plan.model(shape)?),
            None => return Ok(vec![Self::prompt("bundled", String::new()), bundled]),
        };
        let path = path.to_str().ok_or("a path that is no text")?.to_owned();
        let shape = Course {
            name: format!("{name}, decode"),
            path: path.clone(),
            tokens: 64,
            input: json!({"promptTokens": shapes::prompt(16)}),
            forget: false,
            rounds,
            decides: true,
        };
        Ok(vec![shape, Self::prompt(&name, path), bundled])
    }

    /// What arithmetic limits more than memory, which two sessions share.
    fn prompt(name: &str, path: String) -> Course {
        Course {
            name: format!("{name}, prompt of {PROMPT}"),
            path,
            tokens: 8,
            input: json!({"promptTokens": shapes::prompt(PROMPT)}),
            forget: true,
            rounds: 0,
            decides: false,
        }
    }

    /// What a contestant is started with: model, threads, context tokens, request.
    fn arguments(&self) -> [String; 4] {
        let mut request = self.input.clone();
        request["maxTokens"] = self.tokens.into();
        request["ignoreEog"] = true.into();
        request["nonce"] = format!("0x{}", "5a".repeat(32)).into();
        request["issuedAt"] = "1700000000".into();
        [self.path.clone(), "1".into(), CONTEXT.to_string(), request.to_string()]
    }
}

/// Measures.
///
/// # Errors
/// A language that is not there, or a failed answer.
pub fn run(plan: &Plan, target: &Path) -> Result<Vec<Section>> {
    eprintln!("building the bindings' contestants");
    let contestants = bindings::build(target)?;
    let (mut streams, mut pairs) = (overhead_section(), pairs_section());
    let (mut stream_rows, mut pair_rows) = (Vec::new(), Vec::new());
    for course in Course::all(plan)? {
        eprintln!("bindings: {}", course.name);
        let mut outcomes: Vec<Vec<Outcome>> = contestants.iter().map(|_| Vec::new()).collect();
        let mut field = Field::start(&contestants, &course)?;
        if course.rounds > 0 {
            for start in 0..STARTS {
                if start > 0 {
                    field = Field::start(&contestants, &course)?;
                }
                field.streams(&course, &mut outcomes)?;
            }
            for row in rows(&contestants, &course, &outcomes)? {
                streams.targets.extend(row.target(&course));
                stream_rows.push(row.cells(&course));
            }
        }
        if cpu::available_threads() < 2 {
            continue;
        }
        let pairs_of_course = field.pairs(plan.few_rounds * 3)?;
        pairs.targets.extend(pair_target(&course, &pairs_of_course));
        pair_rows.extend(pairs_of_course.iter().map(|pair| pair.cells(&course)));
    }
    streams.table(
        &[
            "stream",
            "through",
            "events",
            "undisturbed, ms a token",
            "median",
            "more than C, us a token",
            "/ C",
        ],
        &stream_rows,
    );
    pairs
        .table(&["stream", "through", "one, ms", "two at once, ms", "times one session (range)"], &pair_rows);
    let mut sections = vec![streams];
    if pair_rows.is_empty() {
        eprintln!("bindings: two sessions at once need two processors");
    } else {
        sections.push(pairs);
    }
    Ok(sections)
}

fn overhead_section() -> Section {
    let mut section = Section::new("Bindings");
    let versions = [("go", "version"), ("python3", "--version"), ("node", "--version")]
        .map(|(program, argument)| first_line(program, &[argument]))
        .join("; ");
    section.paragraph(&format!(
        "A stream, event by event, with answer and receipt, on one thread, by turns: through a program in C, a loop over \
         Go's `Session.Stream`, over Python's `Session.stream`, over Node's `session.stream`. Each is a process that stays for a sixth of the rounds, for where its memory lies makes some percent, \
         all load the same library, and all receipts are the same bytes. One thread, since a second one would be disturbed \
         by what a binding does on the other processor, and by neighbours twice. Undisturbed is the sum of what each {BLOCK} \
         events took at least in any round, which decides; a token's share includes that of the stream's begin and end. \
         The bundled model is the smallest there is: it shows a binding's own time, and decides nothing. \
         {versions} (Node)."
    ));
    section
}

fn pairs_section() -> Section {
    let mut section = Section::new("Two sessions at once");
    section.paragraph(
        "A stream on two sessions of one process, each on one thread: two threads in C and in Python, two goroutines, \
         two iterations of Node's one thread. Throughput beside that of one session alone in the same process, by turns. The \
         median decides. A prompt that is read anew each time is limited by arithmetic more than decoding, where two sessions \
         share the memory's bandwidth. C shows how much there is to gain on this machine: less, when others use it.",
    );
    section
}

/// The contestants at work on one course.
struct Field {
    children: Vec<Child>,
    forget: bool,
    /// What every answer must hold.
    receipt: String,
}

/// What a stream took.
struct Outcome {
    ms: f64,
    /// From the beginning to each event and to the end, of one session.
    times: Vec<f64>,
}

impl Field {
    fn start(contestants: &[Contestant], course: &Course) -> Result<Self> {
        let children: Vec<Child> = contestants
            .iter()
            .map(|contestant| contestant.clone().with_arguments(course.arguments()).start())
            .collect::<Result<_>>()?;
        let mut field = Field { children, forget: course.forget, receipt: String::new() };
        // The first streams read the prompt; the later ones find it in the cache, everywhere.
        let first = field.children[0].ask(&json!({"do": "stream", "sessions": 1, "forget": false}))?;
        field.receipt = first["receipts"][0].as_str().ok_or("no receipt")?.to_owned();
        for at in 0..field.children.len() {
            field.stream(at, 2)?;
        }
        Ok(field)
    }

    /// The request on so many sessions of a contestant.
    fn stream(&mut self, at: usize, sessions: usize) -> Result<Outcome> {
        let child = &mut self.children[at];
        settle();
        let answer = child.ask(&json!({"do": "stream", "sessions": sessions, "forget": self.forget}))?;
        let receipts = answer["receipts"].as_array().ok_or("no receipts")?;
        if receipts.len() != sessions || receipts.iter().any(|receipt| *receipt != self.receipt.as_str()) {
            return Err(format!("{}: another receipt than through C", child.name).into());
        }
        let ms = answer["ms"].as_f64().filter(|ms| *ms > 0.0).ok_or("no time")?;
        let times = answer["times"].as_array().ok_or("no times")?;
        Ok(Outcome { ms, times: times.iter().filter_map(Value::as_f64).collect() })
    }

    /// One stream through each, by turns.
    fn streams(&mut self, course: &Course, outcomes: &mut [Vec<Outcome>]) -> Result<()> {
        let contestants = self.children.len();
        for round in 0..course.rounds {
            for turn in 0..contestants {
                let at = (round + turn) % contestants;
                outcomes[at].push(self.stream(at, 1)?);
            }
        }
        Ok(())
    }

    /// One session, then two at once, in each.
    fn pairs(&mut self, rounds: usize) -> Result<Vec<Pair>> {
        let contestants = self.children.len();
        let mut times = vec![(Vec::new(), Vec::new()); contestants];
        for round in 0..rounds {
            for turn in 0..contestants {
                let at = (round + turn) % contestants;
                times[at].0.push(self.stream(at, 1)?.ms);
                times[at].1.push(self.stream(at, 2)?.ms);
            }
        }
        let pairs = self.children.iter().zip(&times).map(|(child, (one, two))| {
            let ratios: Vec<f64> = one.iter().zip(two).map(|(one, two)| 2.0 * one / two).collect();
            Pair { name: child.name, one: median(one), two: median(two), ratio: spread(&ratios) }
        });
        Ok(pairs.collect())
    }
}

/// What the streams through each took, beside those through C.
fn rows(contestants: &[Contestant], course: &Course, outcomes: &[Vec<Outcome>]) -> Result<Vec<Row>> {
    let through_c = undisturbed(&outcomes[0]);
    let rows = contestants.iter().zip(outcomes).map(|(contestant, outcomes)| {
        let whole: Vec<f64> = outcomes.iter().map(|outcome| outcome.ms).collect();
        let events = outcomes[0].times.len() - 1;
        if outcomes.iter().any(|outcome| outcome.times.len() != events + 1) {
            return Err(format!("{}: another number of events in each round", contestant.name).into());
        }
        Ok(Row {
            name: contestant.name,
            tokens: course.tokens,
            events,
            undisturbed: undisturbed(outcomes),
            median: median(&whole),
            through_c,
        })
    });
    rows.collect()
}

/// What one session took, and two at once, in milliseconds.
struct Pair {
    name: &'static str,
    one: f64,
    two: f64,
    /// Throughput of two by that of one.
    ratio: Spread,
}

impl Pair {
    fn cells(&self, course: &Course) -> Vec<String> {
        let Spread { median, least, most } = self.ratio;
        vec![
            course.name.clone(),
            self.name.into(),
            digits(self.one),
            digits(self.two),
            format!("{median:.2} ({least:.2} to {most:.2})"),
        ]
    }
}

/// Python's: it alone has a lock that would let one thread run at a time.
fn pair_target(course: &Course, pairs: &[Pair]) -> Option<Target> {
    let of = |name| pairs.iter().find(|pair| pair.name == name);
    let (c, python) = (of(C)?, of(PYTHON)?);
    if !course.decides {
        return None;
    }
    let what = format!("Python, two sessions in two threads / one, {}", course.name);
    Some(
        Target::at_least(what, python.ratio.median, 1.7)
            .because(format!("Two sessions in C reach {:.2} on this machine.", c.ratio.median)),
    )
}

/// Milliseconds of all blocks, each as short as it was in any round.
fn undisturbed(outcomes: &[Outcome]) -> f64 {
    let blocks = |outcome: &Outcome| -> Vec<f64> {
        let ends = outcome.times.chunks(BLOCK).filter_map(|block| block.last());
        ends.scan(0.0, |begun, end| Some(end - std::mem::replace(begun, *end))).collect()
    };
    let least = outcomes.iter().map(blocks).reduce(|mut least, round| {
        least.iter_mut().zip(round).for_each(|(least, block)| *least = least.min(block));
        least
    });
    least.iter().flatten().sum()
}

/// What a contestant's streams took, in milliseconds, beside C.
struct Row {
    name: &'static str,
    tokens: u32,
    events: usize,
    undisturbed: f64,
    median: f64,
    /// Undisturbed, too.
    through_c: f64,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.undisturbed / self.through_c
    }

    /// Microseconds a token.
    fn more(&self) -> f64 {
        (self.undisturbed - self.through_c) * 1e3 / f64::from(self.tokens)
    }

    fn cells(&self, course: &Course) -> Vec<String> {
        vec![
            course.name.clone(),
            self.name.into(),
            self.events.to_string(),
            format!("{:.3}", self.undisturbed / f64::from(self.tokens)),
            format!("{:.3}", self.median / f64::from(self.tokens)),
            format!("{:.1}", self.more()),
            format!("{:.3}", self.ratio()),
        ]
    }

    /// None for what the others are compared with.
    fn target(&self, course: &Course) -> Option<Target> {
        if self.name == C || !course.decides {
            return None;
        }
        let what = format!("stream through {} / C, {}", self.name, course.name);
        let an_event = (self.undisturbed - self.through_c) * 1e3 / count(self.events);
        Some(Target::at_most(what, self.ratio(), 1.02).because(format!(
            "An event takes {an_event:.1} us more than in C. On the bundled model, whose tokens cost nearly nothing, the \
             table has it without the machine's noise."
        )))
    }
}
