//! Any order of calls of the C interface that its header allows: live handles or NULL, in one thread. What every
//! call promises is checked after it: an error object exactly on failure, with the same code, results cleared; and
//! no call may answer `ATTESTLM_ERR_PANIC` or `ATTESTLM_ERR_INTERNAL`.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use attestlm::signer::{KeySigner, Signer};
use attestlm_ffi as c;
use attestlm_testkit::Rng;

use crate::vectors;

/// Calls of one input: more only take time.
const MOST_CALLS: usize = 64;
/// Handles of one kind that live at once.
const MOST_HANDLES: usize = 4;
/// The key that answers for the callback.
const KEY: [u8; 32] = [0x46; 32];

/// The input, read as a program.
struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> usize {
        self.byte().map_or(0, usize::from)
    }

    /// One of the texts that belong here, or bytes of the input.
    fn text(&mut self, known: &'a [Vec<u8>]) -> &'a [u8] {
        let choice = self.number();
        if choice < 200 && !known.is_empty() {
            return &known[choice % known.len()];
        }
        let (text, rest) = self.0.split_at(self.number().min(self.0.len()));
        self.0 = rest;
        text
    }
}

/// Live handles of one kind.
struct Pool<T> {
    live: Vec<*mut T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Pool<T> {
    fn new(free: unsafe extern "C" fn(*mut T)) -> Self {
        Pool { live: Vec::new(), free }
    }

    /// A live one, or NULL.
    fn pick(&self, program: &mut Program<'_>) -> *mut T {
        self.live.get(program.number() % (self.live.len() + 1)).copied().unwrap_or(null_mut())
    }

    fn keep(&mut self, handle: *mut T) {
        if !handle.is_null() {
            self.live.push(handle);
        }
        if self.live.len() > MOST_HANDLES {
            self.free_at(0);
        }
    }

    fn free_at(&mut self, at: usize) {
        if !self.live.is_empty() {
            let handle = self.live.remove(at % self.live.len());
            // SAFETY: it is live, and in the pool no more.
            unsafe { (self.free)(handle) };
        }
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        while !self.live.is_empty() {
            self.free_at(0);
        }
    }
}

/// Makes a call, whose last argument is the error, and checks what every call promises of status and error.
fn call(run: impl FnOnce(*mut *mut c::attestlm_error_t) -> i32) -> bool {
    let mut error = null_mut();
    let status = run(&mut error);
    assert_eq!(status < 0, !error.is_null(), "status {status}");
    assert!(status != c::ATTESTLM_ERR_PANIC && status != c::ATTESTLM_ERR_INTERNAL, "status {status}");
    // SAFETY: it is NULL or live; what it lends is read before it is freed.
    unsafe {
        assert_eq!(c::attestlm_error_code(error), status.min(0));
        if !error.is_null() {
            assert_ne!(*c::attestlm_error_message(error), 0, "an error says why");
            assert!(!c::attestlm_error_field(error).is_null());
        }
        c::attestlm_error_free(error);
    }
    status == 0
}

/// A call with a result: written exactly on success.
fn make<T>(run: impl FnOnce(*mut *mut T, *mut *mut c::attestlm_error_t) -> i32) -> *mut T {
    // Not NULL, so that clearing it shows.
    let mut result = std::ptr::dangling_mut();
    let succeeded = call(|error| run(&mut result, error));
    assert_eq!(succeeded, !result.is_null());
    result
}

/// A call whose result is bytes.
fn read(
    run: impl FnOnce(*mut *mut c::attestlm_bytes_t, *mut *mut c::attestlm_error_t) -> i32,
) -> Option<Vec<u8>> {
    let bytes = make(run);
    // SAFETY: NULL or live; copied before it is freed.
    unsafe {
        let (data, len) = (c::attestlm_bytes_data(bytes), c::attestlm_bytes_len(bytes));
        let copy = (!data.is_null()).then(|| {
            assert_eq!(*data.add(len), 0, "a NUL behind the last byte");
            std::slice::from_raw_parts(data, len).to_vec()
        });
        c::attestlm_bytes_free(bytes);
        copy
    }
}

unsafe extern "C" fn sign(env: *mut c_void, digest: *const u8, signature: *mut u8) -> i32 {
    let how = env as usize;
    let key = KeySigner::from_bytes(&KEY).expect("a key");
    // SAFETY: 32 bytes are lent.
    let digest = unsafe { *digest.cast::<[u8; 32]>() };
    let mut made = key.sign_digest(&digest).expect("a signature");
    if how == 1 {
        made[40] ^= 1;
    }
    // SAFETY: 65 bytes are writable.
    unsafe { signature.copy_from_nonoverlapping(made.as_ptr(), made.len()) };
    i32::from(how == 2)
}

/// Texts that belong in the arguments, so that calls get beyond their first check.
struct Texts {
    options: Vec<Vec<u8>>,
    requests: Vec<Vec<u8>>,
    continuations: Vec<Vec<u8>>,
    terms: Vec<Vec<u8>>,
    receipts: Vec<Vec<u8>>,
    proofs: Vec<Vec<u8>>,
    keystores: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
}

impl Texts {
    fn new() -> Self {
        let texts = |all: &[&str]| all.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let mut receipts: Vec<_> =
            vectors::cases("receipts").iter().map(|case| vectors::bytes(&case["document"])).collect();
        let generations = vectors::cases("generations");
        receipts.extend(
            generations
                .iter()
                .filter_map(|case| case["receipts"][0].as_str())
                .map(|text| text.as_bytes().to_vec()),
        );
        let keystores = vectors::cases("keystore");
        let light = |case: &&serde_json::Value| case["password"] == "" && case["address"].is_string();
        let light = keystores[0]["cases"].as_array().into_iter().flatten().find(light);
        Texts {
            options: texts(&[
                r#"{"threads": 1, "contextTokens": 64}"#,
                r#"{"threads": 1, "contextTokens": 32, "streams": 2, "ubatch": 8}"#,
                r#"{"threads": 1, "contextTokens": 48, "profile": "fast"}"#,
            ]),
            requests: texts(&[
                r#"{"prompt": "Tom has", "maxTokens": 3, "ignoreEog": true}"#,
                r#"{"prompt": "Tom", "maxTokens": 4, "temperature": 1, "choices": 2, "seed": "5"}"#,
                r#"{"messages": [{"role": "user", "content": "1 + 1"}], "maxTokens": 2, "temperature": "0.5"}"#,
                r#"{"prompt": "1", "maxTokens": 8, "grammar": "root ::= [0-9]{1,4}"}"#,
                r#"{"promptTokens": [1, 2, 3], "maxTokens": 64, "stop": ["a"], "repeatPenalty": "1.1"}"#,
                r#"{"prompt": "x", "maxTokens": 2, "domain": {"chainId": "1", "verifyingContract": "0x2222222222222222222222222222222222222222"}}"#,
            ]),
            continuations: texts(&[r#"{"text": " 7 apples"}"#, r#"{"tokens": [5, 6]}"#]),
            terms: texts(&[
                "",
                r#"{"threads": 1, "allowPrefix": true, "scored": true}"#,
                r#"{"threads": 1, "tolerant": true}"#,
                r#"{"signatureOnly": true}"#,
            ]),
            receipts,
            proofs: vectors::cases("merkle").iter().map(|case| vectors::bytes(&case["proof"])).collect(),
            keystores: light.map(|case| vectors::bytes(&case["keystore"])).into_iter().collect(),
            keys: vec![KEY.to_vec()],
        }
    }
}

thread_local! {
    static TEXTS: &'static Texts = Box::leak(Box::new(Texts::new()));
    /// Opened once: hashing it for every input would be most of the work.
    static MODEL: usize = {
        // SAFETY: both are writable.
        let model = make(|model, error| unsafe { c::attestlm_model_bundled(model, error) });
        // The library's first call silenced panics, which is right in a library of its own; here they are findings.
        drop(std::panic::take_hook());
        model as usize
    };
}

/// Everything that lives while a program runs.
struct World {
    texts: &'static Texts,
    model: *const c::attestlm_model_t,
    sessions: Pool<c::attestlm_session_t>,
    generations: Pool<c::attestlm_generation_t>,
    signers: Pool<c::attestlm_signer_t>,
    receipts: Pool<c::attestlm_receipt_t>,
    operations: Pool<c::attestlm_operation_t>,
    /// The last proof that was made.
    proof: Vec<u8>,
}

/// Runs the bytes as a program of calls.
pub fn run(data: &[u8]) {
    drop(play(data));
}

fn play(data: &[u8]) -> World {
    let mut world = World {
        texts: TEXTS.with(|texts| *texts),
        model: MODEL.with(|model| *model as *const _),
        sessions: Pool::new(c::attestlm_session_free),
        generations: Pool::new(c::attestlm_generation_free),
        signers: Pool::new(c::attestlm_signer_free),
        receipts: Pool::new(c::attestlm_receipt_free),
        operations: Pool::new(c::attestlm_operation_free),
        proof: Vec::new(),
    };
    let mut program = Program(data);
    for _ in 0..MOST_CALLS {
        let Some(operation) = program.byte() else { break };
        world.step(operation % 32, &mut program);
    }
    world
}

impl World {
    fn model(&self, program: &mut Program<'_>) -> *const c::attestlm_model_t {
        if program.number().is_multiple_of(8) {
            null()
        } else {
            self.model
        }
    }

    fn step(&mut self, operation: u8, program: &mut Program<'_>) {
        match operation {
            0..=7 => self.session(operation, program),
            8..=14 => self.generation(operation, program),
            15..=20 => self.signer(operation, program),
            30 | 31 => self.operation(program),
            _ => self.receipt(operation, program),
        }
    }

    fn operation(&mut self, program: &mut Program<'_>) {
        let operation = self.operations.pick(program);
        // SAFETY: handles are NULL or live, results are writable.
        unsafe {
            match program.number() % 4 {
                0 => self.operations.keep(make(|out, error| c::attestlm_operation_new(out, error))),
                1 => drop(call(|error| c::attestlm_operation_cancel(operation, error))),
                2 => {
                    let (mut done, mut total) = (u64::MAX, u64::MAX);
                    call(|error| c::attestlm_operation_progress(operation, &mut done, &mut total, error));
                    assert!(done <= total && total < u64::MAX);
                }
                _ => self.operations.free_at(program.number()),
            }
        }
    }

    fn session(&mut self, operation: u8, program: &mut Program<'_>) {
        let session = self.sessions.pick(program);
        // SAFETY: handles are NULL or live, texts are slices, results are writable.
        unsafe {
            match operation {
                0 | 1 => {
                    let (model, options) = (self.model(program), program.text(&self.texts.options));
                    let made = make(|out, error| {
                        c::attestlm_session_new(model, null(), options.as_ptr(), options.len(), out, error)
                    });
                    self.sessions.keep(made);
                }
                2 | 3 => {
                    let (request, signer) = (program.text(&self.texts.requests), self.signers.pick(program));
                    let made = make(|out, error| {
                        c::attestlm_session_generate(
                            session,
                            request.as_ptr(),
                            request.len(),
                            signer,
                            out,
                            error,
                        )
                    });
                    self.generations.keep(made);
                }
                4 => {
                    let request = program.text(&self.texts.requests);
                    let continuation = program.text(&self.texts.continuations);
                    let signer = self.signers.pick(program);
                    let operation = self.operations.pick(program);
                    let mut receipt = null_mut();
                    read(|out, error| {
                        c::attestlm_session_score(
                            session,
                            request.as_ptr(),
                            request.len(),
                            continuation.as_ptr(),
                            continuation.len(),
                            signer,
                            operation,
                            out,
                            &mut receipt,
                            error,
                        )
                    });
                    self.receipts.keep(receipt);
                }
                5 => drop(read(|out, error| c::attestlm_session_info(session, out, error))),
                6 => {
                    call(|error| match program.number() % 2 {
                        0 => c::attestlm_session_forget(session, error),
                        _ => c::attestlm_session_cancel(session, error),
                    });
                }
                _ => self.sessions.free_at(program.number()),
            }
        }
    }

    fn generation(&mut self, operation: u8, program: &mut Program<'_>) {
        let generation = self.generations.pick(program);
        let choice = u32::try_from(program.number() % 3).unwrap_or_default();
        // SAFETY: as for sessions.
        unsafe {
            match operation {
                8..=10 => {
                    // Until it ends, or as many events as the input says.
                    for _ in 0..=program.number() {
                        let mut event = null_mut();
                        let mut ended = false;
                        call(|error| {
                            let status = c::attestlm_generation_next(generation, 5, &mut event, error);
                            assert_eq!(status == 0, !event.is_null());
                            ended = status == c::ATTESTLM_END || status < 0;
                            status
                        });
                        c::attestlm_bytes_free(event);
                        if ended {
                            break;
                        }
                    }
                }
                11 => drop(read(|out, error| c::attestlm_generation_answer(generation, choice, out, error))),
                12 => {
                    let made =
                        make(|out, error| c::attestlm_generation_receipt(generation, choice, out, error));
                    self.receipts.keep(made);
                }
                13 => {
                    let (index, digest) = (u32::from(program.byte().unwrap_or(0)), choice as i32);
                    self.proof = read(|out, error| {
                        c::attestlm_generation_prove_token(generation, choice, index, digest, out, error)
                    })
                    .unwrap_or_default();
                }
                _ if program.number().is_multiple_of(2) => {
                    call(|error| c::attestlm_generation_cancel(generation, error));
                }
                _ => self.generations.free_at(program.number()),
            }
        }
    }

    fn signer(&mut self, operation: u8, program: &mut Program<'_>) {
        let signer = self.signers.pick(program);
        let of_key = KeySigner::from_bytes(&KEY).expect("a key").address();
        // SAFETY: as for sessions; the callback's environment is a number.
        unsafe {
            let made = match operation {
                15 => make(|out, error| c::attestlm_signer_random(out, error)),
                16 => {
                    let key = program.text(&self.texts.keys);
                    make(|out, error| c::attestlm_signer_from_key(key.as_ptr(), key.len(), out, error))
                }
                17 => {
                    let keystore = program.text(&self.texts.keystores);
                    make(|out, error| {
                        c::attestlm_signer_from_keystore(
                            keystore.as_ptr(),
                            keystore.len(),
                            null(),
                            0,
                            out,
                            error,
                        )
                    })
                }
                18 => {
                    let how = (program.number() % 3) as *mut c_void;
                    make(|out, error| {
                        c::attestlm_signer_callback(of_key.as_ptr(), 20, Some(sign), how, None, out, error)
                    })
                }
                19 => make(|out, error| c::attestlm_signer_external(of_key.as_ptr(), 20, out, error)),
                _ => {
                    let mut address = [0xff; 20];
                    let found = call(|error| c::attestlm_signer_address(signer, address.as_mut_ptr(), error));
                    assert!(found || address == [0; 20]);
                    self.signers.free_at(program.number());
                    return;
                }
            };
            self.signers.keep(made);
        }
    }

    fn receipt(&mut self, operation: u8, program: &mut Program<'_>) {
        let receipt = self.receipts.pick(program);
        // SAFETY: as for sessions.
        unsafe {
            match operation {
                21 => {
                    let text = program.text(&self.texts.receipts);
                    let made =
                        make(|out, error| c::attestlm_receipt_parse(text.as_ptr(), text.len(), out, error));
                    self.receipts.keep(made);
                }
                22 => {
                    let disclosed = i32::from(program.byte().unwrap_or(0)) % 2;
                    let text = read(|out, error| c::attestlm_receipt_to_json(receipt, disclosed, out, error));
                    if let Some(text) = text {
                        let again = make(|out, error| {
                            c::attestlm_receipt_parse(text.as_ptr(), text.len(), out, error)
                        });
                        assert!(!again.is_null(), "what was written can be read");
                        self.receipts.keep(again);
                    }
                }
                23 => drop(read(|out, error| c::attestlm_receipt_typed_data(receipt, out, error))),
                24 => {
                    let (mut digest, mut address) = ([0xff; 32], [0xff; 20]);
                    call(|error| c::attestlm_receipt_digest(receipt, digest.as_mut_ptr(), error));
                    call(|error| c::attestlm_receipt_signer(receipt, address.as_mut_ptr(), error));
                    let signature = KeySigner::from_bytes(&KEY)
                        .expect("a key")
                        .sign_digest(&digest)
                        .expect("a signature");
                    let wallets = program.number().is_multiple_of(4);
                    call(|error| match wallets {
                        true => {
                            c::attestlm_receipt_sign_as_wallet(receipt, digest.as_ptr(), digest.len(), error)
                        }
                        false => {
                            c::attestlm_receipt_sign(receipt, signature.as_ptr(), signature.len(), error)
                        }
                    });
                }
                25 => {
                    let (model, terms) = (self.model(program), program.text(&self.texts.terms));
                    let request = if program.number().is_multiple_of(2) {
                        &[]
                    } else {
                        program.text(&self.texts.requests)
                    };
                    let operation = self.operations.pick(program);
                    drop(read(|out, error| {
                        c::attestlm_receipt_verify(
                            receipt,
                            model,
                            null(),
                            terms.as_ptr(),
                            terms.len(),
                            request.as_ptr(),
                            request.len(),
                            operation,
                            out,
                            error,
                        )
                    }));
                }
                27 => {
                    let index = u32::from(program.byte().unwrap_or(0)) % 5;
                    let proof = read(|out, error| c::attestlm_receipt_prove_step(receipt, index, out, error));
                    if let Some(proof) = proof {
                        let stands = call(|error| {
                            c::attestlm_receipt_check_proof(receipt, proof.as_ptr(), proof.len(), error)
                        });
                        assert!(stands, "its own step");
                        self.proof = proof;
                    }
                }
                28 => {
                    let known = program.number().is_multiple_of(2);
                    let proof = if known { &self.proof } else { program.text(&self.texts.proofs) };
                    call(|error| {
                        c::attestlm_receipt_check_proof(receipt, proof.as_ptr(), proof.len(), error)
                    });
                }
                26 => {
                    let previous = self.receipts.pick(program);
                    call(|error| c::attestlm_receipt_check_follows(receipt, previous, error));
                }
                _ => self.receipts.free_at(program.number()),
            }
        }
    }
}

/// A whole way: request, answer, receipt, replay, proofs.
const WHOLE: [&[u8]; 12] = [
    &[30, 0, 0],          // an operation
    &[15, 0],             // a signer
    &[0, 0, 1, 0],        // a session: none picked, the model, the first options
    &[2, 0, 0, 0],        // a generation: session, request, signer
    &[8, 0, 0, 255],      // all its events
    &[12, 0, 0],          // the receipt of choice 0
    &[13, 0, 0, 1],       // a proof of token 1
    &[28, 0, 0],          // which stands
    &[22, 0, 1],          // its JSON, read again
    &[25, 1, 1, 0, 0, 0], // the second receipt is replayed, with the operation
    &[30, 0, 2],          // which tells how far it is
    &[27, 1, 0],          // a step of it is proven
];

/// The whole way, and programs of random bytes.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(1);
    let random = (0..64).map(|_| (0..192).map(|_| rng.next_u64().to_le_bytes()[0]).collect());
    std::iter::once(WHOLE.concat()).chain(random).collect()
}

#[cfg(test)]
mod tests {
    use super::{play, WHOLE};

    #[test]
    fn the_whole_way_is_gone() {
        let world = play(&WHOLE.concat());
        assert_eq!((world.receipts.live.len(), world.operations.live.len()), (2, 1));
        let proof = String::from_utf8(world.proof.clone()).unwrap();
        assert!(proof.contains("attestlm/step-proof"), "{proof}");
    }
}
