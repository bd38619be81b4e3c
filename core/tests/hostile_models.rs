//! Hostile files and texts through the real engine: every one gives an error or works, and the
//! process lives.
//!
//! llama.cpp ends the process where it finds a contradiction, so each test runs its cases in child
//! processes of its own binary: a child prints the case before it tries it, and an abort, a signal,
//! a hang or a line on stderr is seen by the parent together with that case.
#![cfg(all(feature = "engine", target_os = "linux"))]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use attestlm::model::{Adapter, Model};
use attestlm::request::{Input, Request};
use attestlm::session::{Session, SessionOptions};
use attestlm::ErrorKind;
use attestlm_testkit::{mutate, Gguf, LoraSpec, ModelSpec, Value};

/// Names the part of a test that a child process runs.
const CHILD: &str = "ATTESTLM_HOSTILE_CHILD";
/// Address space of a child: a lying size must not make it allocate wildly.
const ADDRESS_SPACE: u64 = 4 << 30;
/// A child that takes longer hangs.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The part this process is to run, if it is a child.
fn child_part() -> Option<usize> {
    std::env::var(CHILD).ok().map(|part| part.parse().unwrap())
}

/// Says which case comes next, so that the parent can name the one that ended the process.
fn announce(case: impl std::fmt::Display) {
    println!("case {case}");
    std::io::stdout().flush().unwrap();
}

fn limit_address_space() {
    let limit = libc::rlimit { rlim_cur: ADDRESS_SPACE, rlim_max: ADDRESS_SPACE };
    // SAFETY: a valid struct; the limit is this process's own.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// Runs parts `0..parts` of `test` in child processes, two at a time, and answers the lines that
/// begin with `tally `, without that word.
fn run_children(test: &str, parts: usize) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let tallies = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    return;
                }
                let tally = run_child(test, part);
                tallies.lock().unwrap().push(tally);
            });
        }
    });
    tallies.into_inner().unwrap()
}

fn run_child(test: &str, part: usize) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, part.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if line.map(|line| send.send(line)).is_err() {
                return;
            }
        }
    });
    let deadline = std::time::Instant::now() + TIME_LIMIT;
    let (mut last, mut tally, mut hung) = (String::new(), None, false);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())) {
            Ok(line) => match (line.strip_prefix("case "), line.strip_prefix("tally ")) {
                (Some(case), _) => last = case.to_owned(),
                (_, Some(text)) => tally = Some(text.to_owned()),
                _ => {}
            },
            // Its end of the pipe is closed: it ended.
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                hung = true;
                child.kill().unwrap();
                break;
            }
        }
    }
    let status = child.wait().unwrap();
    let errors = errors.join().unwrap().unwrap();
    assert!(!hung, "{test}, part {part}: hangs at case {last}\n{errors}");
    assert!(
        status.success(),
        "{test}, part {part}: ended by {status} (signal {:?}) at case {last}\n{errors}",
        status.signal()
    );
    assert_eq!(errors, "", "{test}, part {part}: wrote to stderr");
    tally.unwrap_or_else(|| panic!("{test}, part {part}: ended without a tally, after case {last}"))
}

/// Sums the numbers of tallies, column by column.
fn sums<const N: usize>(tallies: &[String]) -> [usize; N] {
    let mut sums = [0; N];
    for tally in tallies {
        for (sum, number) in sums.iter_mut().zip(tally.split(' ')) {
            *sum += number.parse::<usize>().unwrap();
        }
    }
    sums
}

fn options() -> SessionOptions {
    SessionOptions { threads: Some(1), context_tokens: 64, ..SessionOptions::default() }
}

/// Four tokens from a prompt of text, through the whole session.
fn generate(session: &mut Session) -> attestlm::Result<usize> {
    let mut request = Request::new(Input::Prompt("Hello, 12 worlds".into()));
    request.policy.max_tokens = 4;
    request.policy.context_tokens = 64;
    let answers = session.generate(&request, None, &mut |_| true)?;
    Ok(answers.iter().map(|a| a.tokens.len()).sum())
}

/// How far a file comes.
#[derive(Default)]
struct Tally {
    opened: usize,
    started: usize,
    /// Under the exact profile, its graphs checked.
    exact: usize,
    answered: usize,
}

impl Tally {
    fn print(&self) {
        println!("tally {} {} {} {}", self.opened, self.started, self.exact, self.answered);
    }

    fn model(&mut self, path: &Path, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
        let error = match Model::open(path) {
            Ok(model) => {
                self.opened += 1;
                self.session(&model, &options()).err()
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            assert!(!error.message().is_empty());
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
        }
    }

    fn session(&mut self, model: &Model, options: &SessionOptions) -> attestlm::Result<()> {
        let mut session = Session::new(model, options)?;
        self.started += 1;
        self.exact += usize::from(session.unattested().is_none());
        assert!(generate(&mut session)? > 0);
        self.answered += 1;
        Ok(())
    }
}

const MODEL_PARTS: usize = 8;
const MODELS_PER_PART: u64 = 250;

#[test]
fn two_thousand_mutated_models_leave_the_process_alive() {
    let Some(part) = child_part() else {
        let tallies = run_children("two_thousand_mutated_models_leave_the_process_alive", MODEL_PARTS);
        let [opened, started, exact, answered] = sums(&tallies);
        println!(
            "{opened} of 2000 opened, {started} started a session, {exact} an exact one, {answered} answered"
        );
        // The mutants are worth something: many pass the validator and reach the engine.
        assert!((100..1500).contains(&opened), "{opened}");
        assert!(exact >= 100 && answered >= 100, "{exact} and {answered}");
        return;
    };
    limit_address_space();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.gguf");
    let base = ModelSpec::nano().to_bytes();
    let mut tally = Tally::default();
    let first = part as u64 * MODELS_PER_PART;
    for n in first..first + MODELS_PER_PART {
        announce(n);
        tally.model(&path, &mutate::mutant(&base, n));
    }
    tally.print();
}

/// Sizes that are lies wherever they stand.
const LIES: [u64; 8] = [0, 1, 600, 65_537, (1 << 31) - 1, 1 << 31, u32::MAX as u64, 1 << 33];

/// Files that lie in one well-chosen place.
fn liars() -> Vec<(String, Vec<u8>)> {
    let spec = ModelSpec::nano();
    let bytes = spec.to_bytes();
    let mut liars = vec![("block_count=600".to_owned(), mutate::too_many_layers(&bytes))];
    // The header's first numbers: version, tensors, keys, and the length of the first key.
    for (name, at) in [("tensors", 8), ("keys", 16), ("first key's length", 24)] {
        for lie in LIES.into_iter().chain([1 << 40, 1 << 62, u64::MAX]) {
            let mut liar = bytes.clone();
            liar[at..at + 8].copy_from_slice(&lie.to_le_bytes());
            liars.push((format!("{name} {lie}"), liar));
        }
    }
    for size in [0, 3, 4, 8, 23, 24, 100, bytes.len() / 2, bytes.len() - 1] {
        liars.push((format!("cut to {size} bytes"), bytes[..size].to_vec()));
    }
    let gguf = spec.to_gguf();
    for (key, value) in &gguf.metadata {
        if let Value::U32(_) = value {
            for lie in LIES.into_iter().filter_map(|lie| u32::try_from(lie).ok()) {
                let mut liar = gguf.clone();
                liar.set(key.clone(), lie);
                liars.push((format!("{key} = {lie}"), liar.to_bytes()));
            }
        }
        let mut liar = gguf.clone();
        liar.remove(key);
        liars.push((format!("without {key}"), liar.to_bytes()));
    }
    for key in [
        "expert_count",
        "expert_used_count",
        "attention.sliding_window",
        "rope.scaling.original_context_length",
    ] {
        for lie in LIES.into_iter().filter_map(|lie| u32::try_from(lie).ok()) {
            let mut liar = gguf.clone();
            liar.set(format!("llama.{key}"), lie);
            liars.push((format!("{key} = {lie}"), liar.to_bytes()));
        }
    }
    for lie in [f32::NAN, f32::INFINITY, 0.0, -1.0, f32::MIN_POSITIVE, f32::MAX] {
        for key in ["rope.freq_base", "attention.layer_norm_rms_epsilon", "rope.scaling.factor"] {
            let mut liar = gguf.clone();
            liar.set(format!("llama.{key}"), lie);
            liars.push((format!("{key} = {lie}"), liar.to_bytes()));
        }
    }
    liars
}

#[test]
fn files_that_lie_about_their_sizes_allocate_nothing_and_leave_the_process_alive() {
    let test = "files_that_lie_about_their_sizes_allocate_nothing_and_leave_the_process_alive";
    if child_part().is_none() {
        let [opened, started, exact, answered] = sums(&run_children(test, 1));
        println!("{opened} opened, {started} started a session, {exact} an exact one, {answered} answered");
        assert!(answered > 5, "{answered}");
        return;
    }
    limit_address_space();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("liar.gguf");
    let mut tally = Tally::default();
    for (name, bytes) in liars() {
        announce(name);
        tally.model(&path, &bytes);
    }
    // A well-formed file, asked for more context than there is memory.
    ModelSpec::nano().write_to(&path).unwrap();
    let model = Model::open(&path).unwrap();
    let huge = SessionOptions { context_tokens: 1 << 20, streams: 64, ..options() };
    announce("a context beyond the memory");
    let error = Session::new(&model, &huge).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Engine, "{error}");
    announce("a session after that");
    tally.session(&model, &options()).unwrap();
    tally.print();
}

#[test]
fn three_hundred_mutated_adapters_leave_the_process_alive() {
    if child_part().is_none() {
        let tallies = run_children("three_hundred_mutated_adapters_leave_the_process_alive", 2);
        let [opened, started, exact, answered] = sums(&tallies);
        println!(
            "{opened} of 300 opened, {started} started a session, {exact} an exact one, {answered} answered"
        );
        assert!((15..250).contains(&opened), "{opened}");
        assert!(answered >= 15, "{answered}");
        return;
    }
    limit_address_space();
    let part = child_part().unwrap() as u64;
    let folder = tempfile::tempdir().unwrap();
    let spec = ModelSpec::nano();
    let (path, model) = (folder.path().join("adapter.gguf"), folder.path().join("model.gguf"));
    spec.write_to(&model).unwrap();
    let model = Model::open(&model).unwrap();
    let base = LoraSpec::default().to_gguf(&spec).to_bytes();
    let mut tally = Tally::default();
    for n in part * 150..(part + 1) * 150 {
        announce(n);
        std::fs::write(&path, mutate::mutant(&base, n)).unwrap();
        if let Ok(adapter) = Adapter::open(&path, &model) {
            tally.opened += 1;
            let _ = tally.session(&model, &SessionOptions { adapter: Some(adapter), ..options() });
        }
    }
    tally.print();
}

/// A nano model on disk, its time of modification well in the past: whatever is written later has
/// another one, however coarse the file system's clock.
fn old_file(folder: &Path, gguf: &Gguf) -> std::path::PathBuf {
    let path = folder.join("old.gguf");
    gguf.write_to(&path).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    path
}

#[test]
fn a_file_changed_in_place_is_noticed_at_session_start() {
    let folder = tempfile::tempdir().unwrap();
    let spec = ModelSpec::nano();
    let change_a_byte = |path: &Path| {
        let mut file = File::options().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::End(-40)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::End(-40)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
    };
    let noticed = |session: attestlm::Result<Session>| {
        let error = session.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(error.message().contains("changed after it was opened"), "{error}");
    };

    let path = old_file(folder.path(), &spec.to_gguf());
    let model = Model::open(&path).unwrap();
    Session::new(&model, &options()).unwrap();
    change_a_byte(&path);
    noticed(Session::new(&model, &options()));

    let path = old_file(folder.path(), &spec.to_gguf());
    let model = Model::open(&path).unwrap();
    File::options().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    noticed(Session::new(&model, &options()));

    // Cut, the mapped weights are gone: nothing may touch them any more.
    let path = old_file(folder.path(), &spec.to_gguf());
    let model = Model::open(&path).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    noticed(Session::new(&model, &options()));

    // Another file under the name is not a change: the open one stays what it was.
    let path = old_file(folder.path(), &spec.to_gguf());
    let model = Model::open(&path).unwrap();
    let other = folder.path().join("other.gguf");
    ModelSpec { seed: 2, ..spec.clone() }.write_to(&other).unwrap();
    std::fs::rename(&other, &path).unwrap();
    Session::new(&model, &options()).unwrap();
    assert_ne!(Model::open(&path).unwrap().sha256(), model.sha256());

    let adapter_path = old_file(folder.path(), &LoraSpec::default().to_gguf(&spec));
    let adapter = Adapter::open(&adapter_path, &model).unwrap();
    let with_adapter = SessionOptions { adapter: Some(adapter), ..options() };
    Session::new(&model, &with_adapter).unwrap();
    change_a_byte(&adapter_path);
    noticed(Session::new(&model, &with_adapter));
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let refused = |path: &Path| {
        let (file, adapter) = (Model::open(path).map(|_| ()).unwrap_err(), {
            let model = at("model.gguf");
            ModelSpec::nano().write_to(&model).unwrap();
            Adapter::open(path, &Model::open(&model).unwrap()).map(|_| ()).unwrap_err()
        });
        assert_eq!((file.kind(), file.to_string()), (adapter.kind(), adapter.to_string()));
        file
    };
    let error = refused(folder.path());
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.to_string().ends_with("is a directory; a GGUF file is needed"), "{error}");

    let error = refused(&at("missing.gguf"));
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.field().ends_with("missing.gguf"), "{error}");

    // Opened without a writer, a FIFO would block for ever.
    let fifo = std::ffi::CString::new(at("fifo").to_str().unwrap()).unwrap();
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let error = refused(&at("fifo"));
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.to_string().ends_with("is not a regular file; a GGUF file is needed"), "{error}");

    std::fs::write(at("empty"), b"").unwrap();
    let error = refused(&at("empty"));
    assert_eq!(error.kind(), ErrorKind::Model);

    std::fs::write(at("text"), "This is not a model, but a text that is long enough.\n".repeat(100)).unwrap();
    let error = refused(&at("text"));
    assert_eq!(error.to_string(), "header: not a GGUF file: the first four bytes are not \"GGUF\"");
}

#[test]
fn a_split_model_names_the_merge_command() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut gguf = ModelSpec::nano().to_gguf();
    gguf.set("split.count", Value::U16(3));
    gguf.set("split.no", Value::U16(0));
    gguf.write_to(file.path()).unwrap();
    let error = Model::open(file.path()).map(|_| ()).unwrap_err();
    assert_eq!(error.field(), "split.count");
    assert!(error.message().contains("llama-gguf-split --merge"), "{error}");
}

/// Pre-tokenizers that llama.cpp splits with `std::regex`, one for each of its patterns, and whether
/// long runs of digits or white space are refused.
const RECURSIVE: [(&str, bool); 18] = [
    ("default", false),
    ("minicpm5", false),
    ("deepseek-coder", false),
    ("deepseek-v3", false),
    ("spark2_5", false),
    ("youtu", false),
    ("falcon", false),
    ("bloom", false),
    ("viking", false),
    ("tekken", false),
    ("chameleon", false),
    ("gpt-4o", false),
    ("bailingmoe", false),
    ("tiny_aya", false),
    ("exaone-moe", false),
    ("deepseek-llm", true),
    ("jais-2", true),
    ("superbpe", true),
];

#[test]
fn a_mebibyte_of_one_character_fits_the_tokenizers_stack() {
    let test = "a_mebibyte_of_one_character_fits_the_tokenizers_stack";
    if child_part().is_none() {
        run_children(test, 2);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for (pre, quadratic) in RECURSIVE.into_iter().skip(child_part().unwrap()).step_by(2) {
        let mut gguf = ModelSpec::nano().to_gguf();
        gguf.set("tokenizer.ggml.pre", pre);
        gguf.write_to(&path).unwrap();
        let model = Model::open(&path).unwrap();
        let vocab = model.vocab();
        assert!(model.header().tokenizer.recursive_split, "{pre}");
        for (c, can_be_refused) in [("A", false), ("7", true), (" ", true)] {
            announce(format!("{pre}: {c:?}"));
            let text = c.repeat(1 << 20);
            match vocab.tokenize(&text) {
                Ok(tokens) => {
                    assert!(!(quadratic && can_be_refused), "{pre}: {c:?}");
                    assert_eq!(vocab.detokenize(&tokens), text.as_bytes(), "{pre}: {c:?}");
                }
                Err(error) => {
                    assert!(quadratic && can_be_refused, "{pre}: {c:?}: {error}");
                    assert_eq!((error.kind(), error.field()), (ErrorKind::Argument, "prompt"));
                }
            }
        }
        announce(format!("{pre}: one byte more"));
        assert_eq!(vocab.tokenize(&"A".repeat((1 << 20) + 1)).unwrap_err().field(), "prompt");
        // What the caller's own thread must bear, and what is just too much for it.
        announce(format!("{pre}: on a small stack"));
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(256 << 10);
            let tokenize =
                || [127, 128, 129, 4095, 5000].map(|n| vocab.tokenize(&"A".repeat(n)).unwrap().len());
            let counts = small.spawn_scoped(scope, tokenize).unwrap().join().unwrap();
            assert_eq!(counts, [127, 128, 129, 4095, 5000], "{pre}");
        });
        // The longest runs let through take no noticeable time, also with what makes them quadratic.
        announce(format!("{pre}: runs"));
        let runs = (" ".repeat(512) + "1" + &"7".repeat(511) + "x").repeat(8);
        assert_eq!(vocab.detokenize(&vocab.tokenize(&runs).unwrap()), runs.as_bytes(), "{pre}");
    }
    println!("tally 0");
}
