//! Where an output ends: the one rule that generation follows and replay re-derives.
//!
//! After each token, in this order: an end-of-generation token ends the output (finish 0); a stop
//! string completed by the token's bytes ends it (1); a grammar that cannot continue ends it (3);
//! a full context ends it (4); `maxTokens` ends it (2). The tokens that caused the end belong to
//! the output; the *text* ends before an end-of-generation token or a stop string.

use crate::policy::SamplingPolicy;
use crate::receipt::Finish;
use crate::Token;

/// An output as it grows.
#[derive(Debug, Clone, Default)]
pub struct Output {
    tokens: Vec<Token>,
    bytes: Vec<u8>,
    /// Where the bytes of each token end.
    ends: Vec<usize>,
    /// Length of the text; the bytes may go on (a stop string, an end-of-generation token).
    text_len: usize,
    finish: Option<Finish>,
}

/// What a token is to the rule, beside its id.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    /// The token.
    pub token: Token,
    /// Its bytes.
    pub piece: &'a [u8],
    /// Whether it is an end-of-generation token.
    pub is_eog: bool,
    /// Whether the grammar, after it, cannot continue.
    pub grammar_ended: bool,
}

impl Output {
    /// Appends a token and answers how the output ended with it, if it did.
    pub fn push(&mut self, drawn: Drawn<'_>, policy: &SamplingPolicy, prompt_count: usize) -> Option<Finish> {
        let before = self.bytes.len();
        self.tokens.push(drawn.token);
        self.bytes.extend_from_slice(drawn.piece);
        self.ends.push(self.bytes.len());
        self.text_len = self.bytes.len();
        let count = self.tokens.len();
        self.finish = if drawn.is_eog && !policy.ignore_eog {
            self.text_len = before;
            Some(Finish::EndOfGeneration)
        } else if let Some(start) = self.stop_string(before, &policy.stop) {
            self.text_len = start;
            Some(Finish::StopString)
        } else if drawn.grammar_ended {
            Some(Finish::GrammarEnd)
        } else if prompt_count.saturating_add(count) >= policy.context_tokens as usize {
            Some(Finish::ContextFull)
        } else if count >= policy.max_tokens as usize {
            Some(Finish::MaxTokens)
        } else {
            None
        };
        self.finish
    }

    /// Where the earliest stop string that ends beyond `before` starts.
    fn stop_string(&self, before: usize, stops: &[String]) -> Option<usize> {
        stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| {
                let stop = stop.as_bytes();
                let from = (before + 1).saturating_sub(stop.len());
                let window = self.bytes.get(from..)?;
                window.windows(stop.len()).position(|w| w == stop).map(|at| from + at)
            })
            .min()
    }

    /// The tokens so far.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The bytes of all tokens.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the bytes of each token end.
    #[must_use]
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The text: what a user sees.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.bytes.get(..self.text_len).unwrap_or(&self.bytes)
    }

    /// How it ended.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// Ends the output where it is: the caller cancelled.
    pub fn cancel(&mut self) {
        self.finish.get_or_insert(Finish::Cancelled);
    }

    /// How many bytes of the text can be shown now: not the beginning of what may become a stop
    /// string, not part of a UTF-8 character.
    #[must_use]
    pub fn settled_len(&self, stops: &[String]) -> usize {
        let text = self.text();
        if self.finish.is_some() {
            return text.len();
        }
        let longest = stops.iter().map(String::len).max().unwrap_or(0);
        let pending = (1..longest.min(text.len() + 1))
            .rev()
            .find(|n| {
                text.get(text.len() - n..).is_some_and(|tail| {
                    stops.iter().any(|stop| stop.len() > *n && stop.as_bytes().starts_with(tail))
                })
            })
            .unwrap_or(0);
        let end = text.len() - pending;
        // An unfinished character at the end: a lead byte with too few continuation bytes.
        let shown = text.get(..end).unwrap_or(text);
        let unfinished = (1..=shown.len().min(3)).find(|n| {
            shown
                .get(shown.len() - n)
                .is_some_and(|b| (*b >= 0xF0 && *n < 4) || (*b >= 0xE0 && *n < 3) || (*b >= 0xC0 && *n < 2))
        });
        end - unfinished.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(stop: &[&str]) -> SamplingPolicy {
        SamplingPolicy {
            stop: stop.iter().map(|s| (*s).to_owned()).collect(),
            max_tokens: 100,
            context_tokens: 100,
            ..SamplingPolicy::default()
        }
    }

    fn drawn(piece: &str) -> Drawn<'_> {
        Drawn { token: 1, piece: piece.as_bytes(), is_eog: false, grammar_ended: false }
    }

    #[test]
    fn a_stop_string_across_tokens_ends_the_text_before_it() {
        let policy = policy(&["\n\nQ:", "STOP"]);
        let mut output = Output::default();
        for piece in ["42", "\n", "\nQ"] {
            assert_eq!(output.push(drawn(piece), &policy, 1), None);
        }
        assert_eq!(output.settled_len(&policy.stop), 2);
        assert_eq!(output.push(drawn(": next"), &policy, 1), Some(Finish::StopString));
        assert_eq!(output.text(), b"42");
        assert_eq!(output.bytes(), b"42\n\nQ: next");
        assert_eq!(output.settled_len(&policy.stop), 2);
    }

    #[test]
    fn order_of_the_ends() {
        let mut policy = policy(&[]);
        policy.max_tokens = 1;
        policy.context_tokens = 3;
        let push = |drawn, prompt| Output::default().push(drawn, &policy, prompt);
        assert_eq!(push(drawn("a"), 1), Some(Finish::MaxTokens));
        assert_eq!(push(drawn("a"), 2), Some(Finish::ContextFull));
        assert_eq!(push(Drawn { grammar_ended: true, ..drawn("a") }, 2), Some(Finish::GrammarEnd));
        let eog = Drawn { is_eog: true, grammar_ended: true, ..drawn("</s>") };
        assert_eq!(push(eog, 2), Some(Finish::EndOfGeneration));
        let mut ended = Output::default();
        ended.push(eog, &policy, 2);
        assert_eq!((ended.text(), ended.bytes()), (&b""[..], &b"</s>"[..]));
    }

    #[test]
    fn half_a_character_is_held_back() {
        let policy = policy(&[]);
        let mut output = Output::default();
        let smile = "a😀".as_bytes();
        for (i, byte) in smile.iter().enumerate() {
            output.push(Drawn { piece: &[*byte], ..drawn("") }, &policy, 1);
            assert_eq!(output.settled_len(&[]), if i == 4 { 5 } else { 1 }, "after byte {i}");
        }
    }
}
