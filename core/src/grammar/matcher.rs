//! A grammar's progress along one output.

use std::sync::{Arc, Mutex};

use super::automaton::Automaton;
use super::states::{StateId, States, DEAD};
use super::vocab::{GrammarVocab, Role};
use super::{fault, gbnf, schema, Limits, ENGINE_ID};
use crate::policy::{GrammarKind, GrammarSpec};
use crate::{Error, ErrorKind, Result, Token};

/// A grammar compiled for one vocabulary. Cheap to clone; usable from many threads.
#[derive(Clone)]
pub struct Grammar {
    automaton: Arc<Automaton>,
    vocab: Arc<GrammarVocab>,
    /// Shared by the grammar's matchers until it has grown too large.
    states: Arc<Mutex<States>>,
    start: StateId,
}

impl Grammar {
    /// Compiles `spec` for `vocab`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if `spec.engine` is not [`ENGINE_ID`]. [`ErrorKind::Grammar`],
    /// naming line and column or the place in the schema, if the text is malformed, uses what
    /// is not supported, exceeds a limit, or allows no text or only the empty one.
    pub fn compile(spec: &GrammarSpec, vocab: &Arc<GrammarVocab>) -> Result<Grammar> {
        if spec.engine != ENGINE_ID {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "grammar.engine",
                format!("this build has the grammar engine {ENGINE_ID:?} and no other"),
            ));
        }
        if spec.text.len() > Limits::TEXT_BYTES {
            return Err(fault(format!("the text is longer than {} bytes", Limits::TEXT_BYTES)));
        }
        let (rules, root) = match spec.kind {
            GrammarKind::Gbnf => gbnf::parse(&spec.text)?,
            GrammarKind::JsonSchema => schema::compile(&spec.text)?,
        };
        let root = root.ok_or_else(|| fault("no rule is named \"root\""))?;
        let automaton = Automaton::new(&rules, root)?;
        let mut states = States::new(&automaton);
        let start = states.start(&automaton)?;
        if states.is_complete(start) {
            return Err(fault("only the empty text satisfies the grammar"));
        }
        Ok(Grammar {
            automaton: Arc::new(automaton),
            vocab: Arc::clone(vocab),
            states: Arc::new(Mutex::new(states)),
            start,
        })
    }

    /// A matcher at the beginning of an output.
    #[must_use]
    pub fn matcher(&self) -> Matcher {
        Matcher { grammar: self.clone(), state: self.start, ended: false }
    }

    /// The vocabulary the grammar was compiled for.
    #[must_use]
    pub fn vocab(&self) -> &Arc<GrammarVocab> {
        &self.vocab
    }
}

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grammar").field("vocab", &self.vocab).finish_non_exhaustive()
    }
}

/// Where one output stands in its grammar. A clone continues on its own.
///
/// What it answers is a function of the grammar's text, the vocabulary and the tokens accepted
/// so far, and of nothing else. After an error it stands where it stood before.
#[derive(Clone, Debug)]
pub struct Matcher {
    grammar: Grammar,
    state: StateId,
    ended: bool,
}

impl Matcher {
    /// Writes the tokens allowed next: token `t` is bit `t % 32` of word `t / 32`.
    ///
    /// `out` has [`GrammarVocab::mask_words`] words and is overwritten; bits behind the
    /// vocabulary are 0. End-of-generation tokens are allowed exactly where [`Self::can_end`].
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if `out` has another length. [`ErrorKind::Grammar`] if an
    /// end-of-generation token was accepted, no token of the vocabulary spells what the grammar
    /// asks for, or the grammar is too ambiguous here. `out` is all zeros then.
    pub fn mask(&mut self, out: &mut [u32]) -> Result<()> {
        out.fill(0);
        let words = self.grammar.vocab.mask_words();
        if out.len() != words {
            return Err(Error::argument("mask", format!("the mask of this vocabulary has {words} words")));
        }
        self.refuse_ended()?;
        let state = self.state_in_bounds()?;
        let Grammar { automaton, vocab, states, .. } = &self.grammar;
        let mask = states.lock().map_err(|_| poisoned())?.mask(automaton, vocab, state)?;
        out.copy_from_slice(&mask);
        Ok(())
    }

    /// Goes on behind `token`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if `token` is outside the vocabulary, [`ErrorKind::Grammar`] if
    /// the mask does not allow it.
    pub fn accept(&mut self, token: Token) -> Result<()> {
        self.refuse_ended()?;
        let state = self.state_in_bounds()?;
        let Grammar { automaton, vocab, states, .. } = &self.grammar;
        let Some((role, bytes)) = vocab.token(token) else {
            return Err(Error::argument("token", "the token is outside the vocabulary"));
        };
        let mut states = states.lock().map_err(|_| poisoned())?;
        match role {
            Role::Eog if states.can_end(state) => {
                self.ended = true;
                Ok(())
            }
            Role::Eog => Err(fault("the generation may not end here")),
            Role::Never => Err(fault("a control token is never part of a grammar's text")),
            Role::Text => {
                let next = states.advance(automaton, state, bytes)?;
                if next == DEAD {
                    return Err(fault("the token does not continue the grammar"));
                }
                self.state = next;
                Ok(())
            }
        }
    }

    /// Whether the text so far satisfies the grammar.
    #[must_use]
    pub fn can_end(&self) -> bool {
        self.ended || self.grammar.states.lock().is_ok_and(|s| s.can_end(self.state))
    }

    /// Whether the text satisfies the grammar and nothing can follow: the output ends here, with
    /// finish code 3, and no further token is drawn.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ended || self.grammar.states.lock().is_ok_and(|s| s.is_complete(self.state))
    }

    /// Moves to a collection of states of its own when the shared one has grown too large.
    fn state_in_bounds(&mut self) -> Result<StateId> {
        let fresh = {
            let shared = self.grammar.states.lock().map_err(|_| poisoned())?;
            if !shared.is_full() {
                return Ok(self.state);
            }
            let mut fresh = States::new(&self.grammar.automaton);
            self.grammar.start = fresh.start(&self.grammar.automaton)?;
            self.state = fresh.import(&shared, self.state);
            fresh
        };
        self.grammar.states = Arc::new(Mutex::new(fresh));
        Ok(self.state)
    }

    fn refuse_ended(&self) -> Result<()> {
        if self.ended {
            return Err(fault("the output has already ended"));
        }
        Ok(())
    }
}

fn poisoned() -> Error {
    Error::new(ErrorKind::Internal, "grammar", "an earlier call on this grammar failed half-way")
}
