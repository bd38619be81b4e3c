//! Kill -9 while the command writes a receipt: the file is whole or absent.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::receipt::Document;
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm_proof::Failure;
use attestlm_testkit::{ModelSpec, Rng};

use crate::Scale;

/// What the kills left behind.
#[derive(Debug, Default)]
struct Found {
    absent: usize,
    /// The receipt of an earlier run.
    old: usize,
    new: usize,
    /// Killed between the first byte of the temporary file and its end.
    writing: usize,
    ended_before: usize,
}

struct Trial {
    folder: tempfile::TempDir,
    command: PathBuf,
    model: Model,
}

impl Trial {
    fn new() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        ModelSpec::nano().write_to(&folder.path().join("model.gguf"))?;
        let model = Model::open(&folder.path().join("model.gguf"))?;
        // Beside this program.
        let command = std::env::current_exe()?.with_file_name("attestlm");
        if !command.exists() {
            return Err(format!("{} is not built", command.display()).into());
        }
        Ok(Trial { folder, command, model })
    }

    fn receipt(&self) -> PathBuf {
        self.folder.path().join("r.json")
    }

    fn start(&self) -> Result<Child, Failure> {
        let mut command = Command::new(&self.command);
        command.current_dir(self.folder.path()).args([
            "run",
            "--model",
            "model.gguf",
            "--raw",
            "--ignore-eog",
        ]);
        command.args(["--prompt", "once upon a time", "--max-tokens", "200", "--receipt", "r.json"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.spawn()?)
    }

    /// A run to its end.
    fn whole_run(&self) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let status = self.start()?.wait()?;
        if !status.success() {
            return Err(format!("a run among what kills left ended with {status}").into());
        }
        self.check(&std::fs::read(self.receipt())?)?;
        Ok(begun.elapsed())
    }

    /// A receipt must be whole: it parses, and it verifies.
    fn check(&self, bytes: &[u8]) -> Result<(), Failure> {
        let document =
            Document::parse(bytes).map_err(|e| format!("a torn receipt, {} bytes: {e}", bytes.len()))?;
        let options = VerifyOptions { model: Some(&self.model), ..VerifyOptions::default() };
        match verify(&document, &Expectations::default(), &options)?.verdict {
            Verdict::Verified { prefix_only: false } => Ok(()),
            other => Err(format!("the receipt left is judged {other}").into()),
        }
    }

    /// Whether a receipt is being written: its temporary file is there.
    fn temporaries(&self) -> Result<usize, Failure> {
        let mut count = 0;
        for entry in std::fs::read_dir(self.folder.path())? {
            let name = entry?.file_name();
            count += usize::from(is_temporary(Path::new(&name)));
        }
        Ok(count)
    }
}

fn is_temporary(name: &Path) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(".attestlm-new-") && name.ends_with(".tmp")
}

/// Kills the command again and again.
///
/// # Errors
/// A torn receipt, a file that should not be there, or a run that trips over what was left.
pub fn run(scale: &Scale) -> Result<String, Failure> {
    let trial = Trial::new()?;
    let mut lengths = Vec::new();
    for _ in 0..3 {
        lengths.push(trial.whole_run()?);
    }
    lengths.sort_unstable();
    let length = lengths[1];
    let earlier = std::fs::read(trial.receipt())?;
    let mut rng = Rng::new(9);
    let mut found = Found::default();
    for i in 0..scale.kills {
        // Half of the runs find the receipt of an earlier one in place.
        let before = if i % 2 == 0 {
            if trial.receipt().exists() {
                std::fs::remove_file(trial.receipt())?;
            }
            None
        } else {
            std::fs::write(trial.receipt(), &earlier)?;
            Some(earlier.clone())
        };
        // The writing is a thousandth of a run: two of three kills wait for it.
        let (delay, watch) = if i % 3 == 0 {
            (length.mul_f64(1.1 * unit(&mut rng)), false)
        } else {
            // From a microsecond to 16 milliseconds, every order of magnitude alike.
            (Duration::from_secs_f64(1e-6 * (14.0 * unit(&mut rng)).exp2()), true)
        };
        kill(&trial, delay, watch, &mut found)?;
        match std::fs::read(trial.receipt()) {
            Ok(bytes) => {
                trial.check(&bytes)?;
                if before.as_ref() == Some(&bytes) {
                    found.old += 1;
                } else {
                    found.new += 1;
                }
            }
            Err(_) if before.is_some() => return Err("a kill lost the receipt that was there".into()),
            Err(_) => found.absent += 1,
        }
        for entry in std::fs::read_dir(trial.folder.path())? {
            let name = entry?.file_name();
            let text = name.to_string_lossy();
            let probe = text.starts_with(".attestlm-") && text.ends_with(".tmp");
            let known = ["model.gguf", "r.json"].contains(&&*text);
            if !known && !probe && !is_temporary(Path::new(&name)) {
                return Err(format!("{text} was left behind").into());
            }
        }
    }
    let left = trial.temporaries()?;
    trial.whole_run()?;
    let told = format!(
        "{} kills of `attestlm run --receipt`, {} of them while its temporary file was there: {} times no \
         receipt, {} times the old one, {} times the new one, each whole; a run beside the {left} temporary \
         files left went well",
        scale.kills, found.writing, found.absent, found.old, found.new
    );
    let least = scale.kills / 20;
    if found.writing < least || found.absent < least || found.old < least || found.new < least {
        return Err(format!("one of the moments was hardly met: {told}").into());
    }
    if found.ended_before > scale.kills / 2 {
        return Err(format!("{} runs had ended before the kill: {told}", found.ended_before).into());
    }
    Ok(told)
}

fn kill(trial: &Trial, delay: Duration, watch: bool, found: &mut Found) -> Result<(), Failure> {
    let lying = trial.temporaries()?;
    let mut child = trial.start()?;
    if watch {
        while trial.temporaries()? == lying {
            if child.try_wait()?.is_some() {
                break;
            }
        }
        let seen = Instant::now();
        while seen.elapsed() < delay {
            std::hint::spin_loop();
        }
    } else {
        std::thread::sleep(delay);
    }
    found.ended_before += usize::from(child.try_wait()?.is_some());
    child.kill()?;
    child.wait()?;
    // Still there after the kill: it came in the middle of the writing.
    found.writing += usize::from(trial.temporaries()? > lying);
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn unit(rng: &mut Rng) -> f64 {
    rng.below(1 << 20) as f64 / f64::from(1 << 20)
}
