//! The C interface beside the core that it wraps.

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::request::Request;
use attestlm::session::{GenerationEvent, Next, Session, SessionOptions, SharedSession};
use attestlm::signer::{KeySigner, Signer};
use attestlm_ffi as c;

use crate::plan::Plan;
use crate::report::{Section, Target};
use crate::stats::{digits, ms, spread};
use crate::Result;

/// Tokens of a stream.
const TOKENS: u32 = 256;
const OPTIONS: &str = r#"{"threads": 1, "contextTokens": 300}"#;
const KEY: [u8; 32] = [0x46; 32];

/// Measures.
///
/// # Errors
/// A failed answer.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    // Enough that one of them is undisturbed: a stream takes a tenth of a second.
    let rounds = plan.rounds * 8;
    let request = format!(
        r#"{{"prompt": "Tom has", "maxTokens": {TOKENS}, "ignoreEog": true, "nonce": "0x{}"}}"#,
        "5a".repeat(32)
    );
    let core = Core::new(&request)?;
    let interface = Interface::new(request)?;
    // The first stream reads the prompt; the later ones find it in the cache, on both sides.
    let receipts = (core.stream()?.1, interface.stream()?.1);
    if receipts.0 != receipts.1 {
        return Err("the two sides made different receipts".into());
    }
    let (mut of_core, mut of_interface) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for turn in 0..2 {
            super::settle();
            if (round + turn) % 2 == 0 {
                of_core.push(ms(core.stream()?.0));
            } else {
                of_interface.push(ms(interface.stream()?.0));
            }
        }
    }
    let (core, interface) = (spread(&of_core), spread(&of_interface));
    let ratio = interface.least / core.least;
    let mut section = Section::new("The C interface");
    section.paragraph(&format!(
        "A stream of {TOKENS} tokens of the bundled model on one thread, with receipt, {rounds} times by turns: through \
         `SharedSession` and through the C functions, which make JSON of every event and hand it over as bytes. The \
         model is the smallest there is, which makes the interface's share the largest. Undisturbed is the shortest \
         of all rounds, which decides."
    ));
    section.table(
        &["", "undisturbed, ms", "median, ms"],
        &[
            vec!["core".into(), digits(core.least), digits(core.median)],
            vec!["C functions".into(), digits(interface.least), digits(interface.median)],
        ],
    );
    section.targets.push(Target::at_most("stream through C / core, 256 tokens", ratio, 1.01).because(
        format!(
            "An event takes {} us more: its JSON, its copy and two calls.",
            digits((interface.least - core.least) * 1e3 / f64::from(TOKENS))
        ),
    ));
    Ok(vec![section])
}

struct Core {
    session: SharedSession,
    request: Request,
    signer: Arc<dyn Signer>,
}

impl Core {
    fn new(request: &str) -> Result<Self> {
        let model = Model::bundled()?;
        let session = Session::new(&model, &SessionOptions::from_json(OPTIONS.as_bytes())?)?;
        Ok(Core {
            session: SharedSession::new(session)?,
            request: fixed(Request::from_json(request.as_bytes())?),
            signer: Arc::new(KeySigner::from_bytes(&KEY)?),
        })
    }

    /// How long a stream took, and its receipt.
    fn stream(&self) -> Result<(Duration, String)> {
        let begun = Instant::now();
        let mut generation = self.session.generate(&self.request, Some(self.signer.clone()))?;
        let (mut read, mut document) = (0, None);
        while let Next::Event(event) = generation.next(None)? {
            match event {
                GenerationEvent::Text { text, .. } => read += text.len(),
                GenerationEvent::Done { answer, .. } => document = (*answer)?.receipt,
                _ => {}
            }
        }
        let took = begun.elapsed();
        if read == 0 {
            return Err("a stream without text".into());
        }
        Ok((took, document.ok_or("no receipt")??.to_json()?))
    }
}

/// The same moment in every receipt.
fn fixed(mut request: Request) -> Request {
    request.issued_at = Some(1_700_000_000);
    request
}

struct Interface {
    session: *mut c::attestlm_session_t,
    signer: *mut c::attestlm_signer_t,
    request: String,
}

impl Interface {
    fn new(request: String) -> Result<Self> {
        let (mut model, mut session, mut signer) = (null_mut(), null_mut(), null_mut());
        let request = request.replacen('{', r#"{"issuedAt": "1700000000", "#, 1);
        // SAFETY: texts are slices, results are writable, the model is freed once.
        unsafe {
            done(c::attestlm_model_bundled(&mut model, null_mut()))?;
            let (options, len) = (OPTIONS.as_ptr(), OPTIONS.len());
            done(c::attestlm_session_new(model, null(), options, len, &mut session, null_mut()))?;
            c::attestlm_model_free(model);
            done(c::attestlm_signer_from_key(KEY.as_ptr(), KEY.len(), &mut signer, null_mut()))?;
        }
        Ok(Interface { session, signer, request })
    }

    /// As [`Core::stream`].
    fn stream(&self) -> Result<(Duration, String)> {
        let (mut generation, mut event, mut receipt, mut json) =
            (null_mut(), null_mut(), null_mut(), null_mut());
        let mut read = 0;
        // SAFETY: handles are live until they are freed, once; texts are slices, results are writable.
        unsafe {
            let begun = Instant::now();
            let (text, len) = (self.request.as_ptr(), self.request.len());
            let status = c::attestlm_session_generate(
                self.session,
                text,
                len,
                self.signer,
                &mut generation,
                null_mut(),
            );
            done(status)?;
            while c::attestlm_generation_next(generation, -1, &mut event, null_mut()) == c::ATTESTLM_OK {
                let bytes = c::attestlm_bytes_data(event);
                read += std::hint::black_box(std::slice::from_raw_parts(bytes, c::attestlm_bytes_len(event)))
                    .len();
                c::attestlm_bytes_free(event);
            }
            done(c::attestlm_generation_receipt(generation, 0, &mut receipt, null_mut()))?;
            c::attestlm_generation_free(generation);
            let took = begun.elapsed();
            done(c::attestlm_receipt_to_json(receipt, 1, &mut json, null_mut()))?;
            c::attestlm_receipt_free(receipt);
            let text = std::slice::from_raw_parts(c::attestlm_bytes_data(json), c::attestlm_bytes_len(json));
            let text = String::from_utf8(text.to_vec())?;
            c::attestlm_bytes_free(json);
            if read == 0 {
                return Err("a stream without events".into());
            }
            Ok((took, text))
        }
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        // SAFETY: both are live, and not used afterwards.
        unsafe {
            c::attestlm_session_free(self.session);
            c::attestlm_signer_free(self.signer);
        }
    }
}

fn done(status: c::attestlm_status_t) -> Result<()> {
    if status == c::ATTESTLM_OK {
        Ok(())
    } else {
        Err(format!("a C function answered {status}").into())
    }
}
