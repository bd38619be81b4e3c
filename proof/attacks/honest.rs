//! Honest answers, replayed: under every profile's own rule none may be refused.

use std::collections::BTreeMap;

use attestlm::profile::Profile;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::session::{Session, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::verify::{distances, verify, VerifyOptions};
use attestlm_proof::{request, Failure};
use serde_json::json;

use crate::cases::{
    expectations, fields, is_filtered, CONTEXT, FILTERED, GREEDY, HOT, POLICIES, POLICY_NAMES,
};
use crate::node::{answers, output_of};
use crate::pool::parallel;
use crate::roc::Distances;
use crate::subjects::Subject;

/// Answers of one session.
const BLOCK: usize = 16;
/// The numbers of these cases begin here: none is also a case of an attack.
const FIRST: usize = 100_000;
/// Choices of a request that asks for several.
const CHOICES: usize = 4;

/// What the requests of a block ask for besides an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Plain,
    Adapter,
    Grammar,
    Stop,
    Penalties,
    Choices,
}

const FLAVOURS: [(Flavour, &str); 8] = [
    (Flavour::Plain, "nothing else"),
    (Flavour::Adapter, "an adapter"),
    (Flavour::Plain, "nothing else"),
    (Flavour::Grammar, "a grammar"),
    (Flavour::Plain, "nothing else"),
    (Flavour::Stop, "a stop string"),
    (Flavour::Penalties, "penalties, a logit bias and a ban"),
    (Flavour::Choices, "four choices at once"),
];

/// What was replayed, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Honest {
    /// How many replays.
    pub replays: usize,
    /// Those that were not verified, described.
    pub alarms: Vec<String>,
    /// Replays by what they vary in.
    pub by: BTreeMap<(&'static str, String), usize>,
    /// The least tokens of an answer that no stop string ended.
    pub shortest: usize,
    /// Answers that a stop string ended.
    pub stopped: usize,
    /// The distances of every token under the other profile, one answer an entry.
    pub distances: Vec<Distances>,
}

impl Honest {
    fn new() -> Self {
        Honest { shortest: usize::MAX, ..Honest::default() }
    }

    fn note(&mut self, what: &'static str, value: impl Into<String>) {
        *self.by.entry((what, value.into())).or_default() += 1;
    }

    fn add(&mut self, other: Honest) {
        self.replays += other.replays;
        self.alarms.extend(other.alarms);
        for (key, count) in other.by {
            *self.by.entry(key).or_default() += count;
        }
        self.shortest = self.shortest.min(other.shortest);
        self.stopped += other.stopped;
        self.distances.extend(other.distances);
    }
}

/// Answers made under `profile`, at least `replays` of them, each verified with all the client knows, under
/// an exact profile; and each that is long enough measured under the other profile.
pub fn replays(
    subjects: &[Subject],
    profile: Profile,
    replays: usize,
    tokens: u32,
) -> Result<Honest, Failure> {
    let blocks = replays.div_ceil(subjects.len() * BLOCK);
    let items: Vec<(usize, usize)> =
        (0..blocks).flat_map(|block| (0..subjects.len()).map(move |subject| (subject, block))).collect();
    let parts = parallel(&items, |(subject, block)| one_block(subjects, *subject, profile, *block, tokens))?;
    let mut all = Honest::new();
    parts.into_iter().for_each(|part| all.add(part));
    Ok(all)
}

/// How a block's session is made, and what it is asked.
struct Setting {
    flavour: Flavour,
    what: &'static str,
    threads: u32,
    streams: u32,
}

impl Setting {
    fn of(block: usize) -> Self {
        let (flavour, what) = FLAVOURS[block % FLAVOURS.len()];
        Setting {
            flavour,
            what,
            // Few: two threads in each of two workers are slow.
            threads: if block % 9 == 4 { 2 } else { 1 },
            streams: [8, 1, 4, 8, 3][block % 5],
        }
    }
}

fn one_block(
    subjects: &[Subject],
    number: usize,
    profile: Profile,
    block: usize,
    tokens: u32,
) -> Result<Honest, Failure> {
    let subject = &subjects[number];
    let setting = Setting::of(block);
    let adapter = (setting.flavour == Flavour::Adapter).then_some(&subject.adapters[0]);
    let options = SessionOptions {
        profile: Some(profile),
        threads: Some(setting.threads),
        oversubscribe: true,
        context_tokens: CONTEXT,
        streams: setting.streams,
        adapter: adapter.cloned(),
        ..SessionOptions::default()
    };
    let mut session = Session::new(&subject.model, &options)?;
    let requests = requests(&mut session, &setting, block, tokens)?;
    let mut found = Honest::new();
    let mut asked = requests.iter().flat_map(|r| std::iter::repeat_n(r, r.policy.choices as usize));
    // As a client that asks again, after a pause, and after the node forgot: the answers to the first
    // streams are fresh, those of the next batch find the cache warm.
    let (first, rest) = requests.split_at(requests.len().min(setting.streams as usize));
    let mut documents = answers(&mut session, first)?;
    let fresh = documents.len();
    documents.extend(answers(&mut session, rest)?);
    for (at, document) in documents.iter().enumerate() {
        let request = asked.next().ok_or("an answer that nobody asked for")?;
        let options = VerifyOptions {
            model: Some(&subject.model),
            adapter,
            threads: Some(if block % 7 == 3 { 2 } else { 1 }),
            ..VerifyOptions::default()
        };
        if profile.is_exact() {
            let adapter = adapter.map_or([0; 32], |a| a.sha256());
            let wanted = expectations(request, &subject.model, adapter, &request.policy, profile);
            let verdict = verify(document, &wanted, &options)?.verdict;
            if verdict != (Verdict::Verified { prefix_only: false }) {
                found.alarms.push(format!("{}, block {block}, answer {at}: {verdict}", subject.name));
            }
        }
        found.replays += 1;
        found.note("model", subject.name);
        found.note("policy", policy_name(request));
        found.note("with", setting.what);
        found.note("session", if at < fresh { "fresh" } else { "warm" });
        found.note("sequences at once", setting.streams.to_string());
        found.note("threads of the session", setting.threads.to_string());
        found.note("threads of the replay", options.threads.unwrap_or(1).to_string());
        if document.receipt.finish == Finish::StopString {
            found.stopped += 1;
        } else {
            found.shortest = found.shortest.min(output_of(document)?.len());
        }
        if output_of(document)?.len() == tokens as usize {
            let other = if profile.is_exact() { Profile::Fast1 } else { Profile::EXACT[0] };
            let options = VerifyOptions { tolerant: true, profile: Some(other), ..options };
            let each = distances(document, &options)?;
            found.distances.push(Distances { subject: number, filtered: is_filtered(request), each });
        }
    }
    Ok(found)
}

fn policy_name(request: &Request) -> &'static str {
    POLICY_NAMES[match request.policy.is_greedy() {
        true => GREEDY,
        false if is_filtered(request) => FILTERED,
        false => HOT,
    }]
}

/// The requests of a block, together [`BLOCK`] answers.
fn requests(
    session: &mut Session,
    setting: &Setting,
    block: usize,
    tokens: u32,
) -> Result<Vec<Request>, Failure> {
    let choices = if setting.flavour == Flavour::Choices { CHOICES } else { 1 };
    let count = BLOCK / choices;
    let mut requests = Vec::with_capacity(count);
    for at in 0..count {
        let mut index = FIRST + block * BLOCK + at;
        if choices > 1 {
            // Greedy has one choice: every index of the block that is not greedy, none twice.
            index = FIRST + block * BLOCK + POLICIES * at;
            index += usize::from(index.is_multiple_of(POLICIES));
        }
        let mut fields = fields(index, tokens);
        match setting.flavour {
            Flavour::Plain | Flavour::Adapter | Flavour::Stop => {}
            Flavour::Grammar => fields["grammar"] = json!("root ::= [a-zA-Z0-9 .,?=+-]*"),
            Flavour::Penalties => {
                fields["repeatPenalty"] = json!("1.1");
                fields["presencePenalty"] = json!("0.3");
                fields["frequencyPenalty"] = json!("0.1");
                fields["logitBias"] = json!({ "70": "1.5" });
                fields["bans"] = json!([65]);
            }
            Flavour::Choices => fields["choices"] = json!(choices),
        }
        let asked = request(fields.clone())?;
        if setting.flavour == Flavour::Stop {
            // Something the answer says late, so that it is long before it ends there.
            let plain = answers(session, std::slice::from_ref(&asked))?;
            match late_words(&plain[0], session)? {
                Some(words) => fields["stop"] = json!([words]),
                None => fields["stop"] = json!(["a string that no answer has"]),
            }
            requests.push(request(fields)?);
        } else {
            requests.push(asked);
        }
    }
    Ok(requests)
}

/// A few characters of an answer's last quarter, if those are whole characters.
fn late_words(answer: &Document, session: &Session) -> Result<Option<String>, Failure> {
    let tokens = output_of(answer)?;
    let late = &tokens[tokens.len() * 3 / 4..];
    let bytes = session.model().vocab().detokenize(&late[..late.len().min(4)]);
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.is_empty()))
}
