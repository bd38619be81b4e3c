//! What a dishonest node could do: change the last digit of an answer, make every commitment anew
//! and sign the lie with its own key. Signature and commitments are then in order; only the replay
//! shows that the model never said so. `make demo` runs it.
//!
//! ```text
//! forge receipt.json >forged.json
//! ```

use attestlm::commitment::{self, Salts};
use attestlm::model::Model;
use attestlm::receipt::{Document, Secrets, Signature};
use attestlm::signer::{KeySigner, Signer};
use attestlm::{steps, Error, ErrorKind, Result};

fn main() {
    match forge() {
        Ok(text) => print!("{text}"),
        Err(error) => {
            eprintln!("forge: {error}");
            std::process::exit(1);
        }
    }
}

fn forge() -> Result<String> {
    let bad = |what: &'static str| Error::new(ErrorKind::Receipt, what, "cannot be forged");
    let path = std::env::args_os().nth(1).ok_or_else(|| bad("path"))?;
    let text = std::fs::read(&path).map_err(|e| Error::io(path.as_ref(), &e))?;
    let mut document = Document::parse(&text)?;
    let model = Model::bundled()?;
    let vocab = model.vocab();

    let disclosure = document.disclosure.as_mut().ok_or_else(|| bad("disclosure"))?;
    let tokens = disclosure.output_tokens.as_mut().ok_or_else(|| bad("outputTokens"))?;
    let digit_of = |token: u32| match vocab.piece(token) {
        [digit @ b'0'..=b'9'] => Some(*digit),
        _ => None,
    };
    let said = tokens.iter_mut().rev().find(|token| digit_of(**token).is_some());
    let said = said.ok_or_else(|| bad("outputTokens"))?;
    let (other, digit) = (0..)
        .take(vocab.len())
        .filter_map(|token| Some((token, digit_of(token)?)))
        .find(|(_, digit)| Some(*digit) != digit_of(*said))
        .ok_or_else(|| bad("outputTokens"))?;
    *said = other;

    let Secrets::Nonce(nonce) = disclosure.secrets else { return Err(bad("nonce")) };
    let salts = Salts::derive(&nonce, disclosure.stream)?;
    // The text follows its tokens: the same last digit.
    let list = disclosure.steps.as_mut().ok_or_else(|| bad("steps"))?;
    let shown =
        list.last_mut().and_then(|step| step.text.iter_mut().rev().find(|byte| byte.is_ascii_digit()));
    *shown.ok_or_else(|| bad("steps"))? = digit;
    document.receipt.output = commitment::output(&salts.output, tokens);
    document.receipt.steps = steps::root(&salts.steps, list)?;

    let key = KeySigner::random()?;
    document.receipt.signer = key.address();
    document.signature = Signature::Key(key.sign_digest(&document.digest())?);
    document.to_json()
}
