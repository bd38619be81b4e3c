//! Segmenters: where an output is cut into reasoning steps and the answer (`docs/spec/steps-1.md`).
//!
//! A pure function of the policy and the bytes of the output's tokens: a replay cuts again and must come to the same
//! steps.

use super::{Step, StepKind};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::SegmenterSpec;

/// The markers of a model whose template names no others.
pub const MARKERS: [&str; 2] = ["<think>", "</think>"];

/// Pairs of markers that chat templates write, the first of them for all that name none.
const KNOWN: [[&str; 2]; 5] = [
    MARKERS,
    ["[THINK]", "[/THINK]"],
    ["<thinking>", "</thinking>"],
    ["<reasoning>", "</reasoning>"],
    ["<seed:think>", "</seed:think>"],
];

/// The segmenter of a model whose request names none: markers that its template writes, or [`MARKERS`].
#[must_use]
pub fn of_template(template: Option<&str>) -> SegmenterSpec {
    let written = |pair: &&[&str; 2]| template.is_some_and(|text| text.contains(pair[1]));
    let pair = KNOWN.iter().find(written).unwrap_or(&MARKERS);
    SegmenterSpec {
        id: SegmenterSpec::MARKED,
        markers: pair.iter().map(|marker| (*marker).to_owned()).collect(),
    }
}

impl SegmenterSpec {
    /// The whole output is the answer.
    pub const WHOLE: u32 = 0;
    /// Reasoning stands between two markers at the beginning of the output.
    pub const MARKED: u32 = 1;
    /// As [`Self::MARKED`]; the prompt has opened the reasoning.
    pub const OPENED: u32 = 2;

    /// This segmenter after a prompt that ends with these bytes: one that ends with the opening marker, and at most
    /// white space after it, has opened the reasoning.
    #[must_use]
    pub fn after_prompt(mut self, prompt: &[u8]) -> Self {
        if let (Self::MARKED | Self::OPENED, Some(open)) = (self.id, self.markers.first()) {
            let opened = prompt.trim_ascii_end().ends_with(open.as_bytes());
            self.id = if opened { Self::OPENED } else { Self::MARKED };
        }
        self
    }

    /// Cuts an output: `text` is its text, `ends` are the offsets at which its tokens end; an end-of-generation token
    /// or a stop string goes beyond the text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a segmenter that this release does not know.
    pub fn segment(&self, text: &[u8], ends: &[usize]) -> Result<Vec<Step>> {
        let reasoning = match (self.id, self.markers.as_slice()) {
            (Self::WHOLE, _) => None,
            (Self::MARKED, [open, close]) => marked(text, open.as_bytes(), close.as_bytes()),
            (Self::OPENED, [_, close]) => Some(until(text, 0, close.as_bytes())),
            _ => {
                let why = format!("the step segmenter {} is not known here", self.id);
                return Err(Error::new(ErrorKind::Unsupported, "segmenter", why));
            }
        };
        // Where steps begin, as numbers of tokens: the first at 0, the answer last.
        let mut begins = vec![0];
        if let Some(reasoning) = reasoning {
            let answer = token_at(reasoning.end, ends);
            for begin in reasoning.starts(text).map(|offset| token_at(offset, ends)) {
                if begins.last().is_some_and(|last| *last < begin) && begin < answer {
                    begins.push(begin);
                }
            }
            // Without a token of reasoning everything is the answer.
            if answer > 0 {
                begins.push(answer);
            }
        }
        cut(&begins, text, ends)
    }
}

/// The bytes of the output that are reasoning, markers and the white space behind them included.
struct Reasoning {
    /// Where the text between the markers begins.
    body: usize,
    /// Where it ends.
    close: usize,
    /// Where the answer begins.
    end: usize,
}

/// Reasoning that begins with `open`, before which there is only white space.
fn marked(text: &[u8], open: &[u8], close: &[u8]) -> Option<Reasoning> {
    let begin = text.len() - text.trim_ascii_start().len();
    text.get(begin..)?.starts_with(open).then(|| until(text, begin + open.len(), close))
}

/// Reasoning from `body` to the first `close`, or to the end.
fn until(text: &[u8], body: usize, close: &[u8]) -> Reasoning {
    let rest = text.get(body..).unwrap_or_default();
    match rest.windows(close.len().max(1)).position(|window| window == close) {
        Some(at) => {
            let after = body + at + close.len();
            let answer = text.get(after..).unwrap_or_default().trim_ascii_start();
            Reasoning { body, close: body + at, end: text.len() - answer.len() }
        }
        None => Reasoning { body, close: text.len(), end: text.len() },
    }
}

/// A line of the reasoning.
struct Line<'a> {
    begin: usize,
    text: &'a [u8],
    after_blank: bool,
}

impl Reasoning {
    /// Where steps begin after the first: at paragraphs and items; without either, at lines.
    fn starts<'a>(&self, text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let mut begin = self.body;
        let mut after_blank = false;
        let mut lines = Vec::new();
        for line in text.get(self.body..self.close).unwrap_or_default().split(|byte| *byte == b'\n') {
            if line.trim_ascii().is_empty() {
                after_blank = true;
            } else {
                lines.push(Line { begin, text: line, after_blank });
                after_blank = false;
            }
            begin += line.len() + 1;
        }
        let structured = lines.iter().skip(1).any(Line::begins_a_part);
        lines
            .into_iter()
            .skip(1)
            .filter(move |line| !structured || line.begins_a_part())
            .map(|line| line.begin)
    }
}

impl Line<'_> {
    /// Whether it begins a paragraph, an item of a list, or a numbered step.
    fn begins_a_part(&self) -> bool {
        self.after_blank || is_item(self.text) || is_numbered_step(self.text)
    }
}

fn is_blank(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

/// `- `, `* `, `+ `, `• `, `12. ` or `12) `, indented or not.
fn is_item(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=3).contains(&digits) {
        return matches!(line.get(digits), Some(b'.' | b')')) && is_blank(line.get(digits + 1));
    }
    let bullets: [&[u8]; 4] = [b"-", b"*", b"+", "•".as_bytes()];
    bullets.iter().any(|bullet| line.starts_with(bullet) && is_blank(line.get(bullet.len())))
}

/// `Step 1`, in any case, behind what Markdown may put in front.
fn is_numbered_step(line: &[u8]) -> bool {
    let decoration = |byte: &u8| matches!(byte, b' ' | b'\t' | b'#' | b'*' | b'_' | b'>');
    let skipped = line.iter().take_while(|byte| decoration(byte)).count();
    let rest = line.get(skipped..).unwrap_or_default();
    rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"step"))
        && is_blank(rest.get(4))
        && rest.get(5).is_some_and(u8::is_ascii_digit)
}

/// How many tokens it takes to reach `offset`: a boundary inside a token moves to the end of that token.
fn token_at(offset: usize, ends: &[usize]) -> usize {
    match offset {
        0 => 0,
        _ => (ends.partition_point(|end| *end < offset) + 1).min(ends.len()),
    }
}

fn cut(begins: &[usize], text: &[u8], ends: &[usize]) -> Result<Vec<Step>> {
    let number = |value: usize| {
        u32::try_from(value).map_err(|_| Error::new(ErrorKind::Internal, "steps", "more than 2^32 tokens"))
    };
    // Bytes of the text up to a token.
    let offset = |token: usize| match token.checked_sub(1) {
        None => 0,
        Some(last) => ends.get(last).copied().unwrap_or(0).min(text.len()),
    };
    let following = begins.iter().skip(1).copied().chain([ends.len()]);
    let last = begins.len().saturating_sub(1);
    begins
        .iter()
        .zip(following)
        .enumerate()
        .map(|(index, (begin, end))| {
            Ok(Step {
                index: number(index)?,
                kind: if index == last { StepKind::Answer } else { StepKind::Reasoning },
                first_token: number(*begin)?,
                end_token: number(end)?,
                text: text.get(offset(*begin)..offset(end)).unwrap_or_default().to_vec(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::steps::check_tiling;

    fn spec(id: u32) -> SegmenterSpec {
        SegmenterSpec { id, markers: MARKERS.map(str::to_owned).to_vec() }
    }

    /// One token for each byte.
    fn bytewise(text: &str) -> Vec<usize> {
        (1..=text.len()).collect()
    }

    fn texts(id: u32, text: &str) -> Vec<String> {
        let steps = spec(id).segment(text.as_bytes(), &bytewise(text)).unwrap();
        check_tiling(&steps, u32::try_from(text.len()).unwrap()).unwrap();
        steps.into_iter().map(|step| String::from_utf8(step.text).unwrap()).collect()
    }

    #[test]
    fn lines_without_paragraphs_or_items_are_steps() {
        let text = "<think>\n12 + 7 = 19\n19 - 5 = 14\n</think>\n14\n";
        assert_eq!(texts(1, text), ["<think>\n12 + 7 = 19\n", "19 - 5 = 14\n</think>\n", "14\n"]);
        assert_eq!(texts(2, &text[8..]), ["12 + 7 = 19\n", "19 - 5 = 14\n</think>\n", "14\n"]);
    }

    #[test]
    fn paragraphs_items_and_numbered_steps_begin_steps() {
        let steps = texts(1, "<think>First\nof two lines.\n\nThen\nmore.\n\n\n</think>\n\nDone.");
        assert_eq!(steps, ["<think>First\nof two lines.\n\n", "Then\nmore.\n\n\n</think>\n\n", "Done."]);
        let steps =
            texts(1, "<think>\nPlan:\n1. add\n   the rest of it\n22) take away\n  - check\n• end\n</think>x");
        assert_eq!(
            steps,
            [
                "<think>\nPlan:\n",
                "1. add\n   the rest of it\n",
                "22) take away\n",
                "  - check\n",
                "• end\n</think>",
                "x"
            ]
        );
        let steps = texts(2, "Step 1: a\nb\n**step 2** c\nd\n### STEP 3\nstepwise\n-5 is less\n</think>");
        assert_eq!(
            steps,
            ["Step 1: a\nb\n", "**step 2** c\nd\n", "### STEP 3\nstepwise\n-5 is less\n</think>", ""]
        );
    }

    #[test]
    fn where_reasoning_is_and_where_not() {
        for text in ["", "no reasoning", "It is <think>\n1\n2</think> 3", "</think>", "<thin"] {
            assert_eq!(texts(1, text), [text], "{text}");
            assert_eq!(SegmenterSpec::default().segment(text.as_bytes(), &bytewise(text)).unwrap().len(), 1);
        }
        // White space may stand before it; without an end everything is reasoning.
        assert_eq!(texts(1, " \n<think>a\nb"), [" \n<think>a\n", "b", ""]);
        assert_eq!(texts(2, "a\nb"), ["a\n", "b", ""]);
        assert_eq!(texts(2, ""), [""]);
        // The first closing marker counts.
        assert_eq!(texts(1, "<think>a</think>b</think>c"), ["<think>a</think>", "b</think>c"]);
        assert_eq!(texts(1, "<think></think>"), ["<think></think>", ""]);
    }

    #[test]
    fn boundaries_inside_tokens_move_to_their_ends() {
        let text = b"<think>a\nb\nc</think>d";
        // a\nb\n is one token, c</think>d another, and an end-of-generation token follows.
        let steps = spec(1).segment(text, &[7, 11, 21, 30]).unwrap();
        let found: Vec<_> = steps.iter().map(|s| (s.first_token, s.end_token, s.text.as_slice())).collect();
        assert_eq!(found, [(0, 2, &text[..11]), (2, 3, &text[11..]), (3, 4, &b""[..])]);
        // A stop string cuts the text inside the last token.
        let steps = spec(1).segment(&text[..9], &[7, 11]).unwrap();
        assert_eq!(steps.last().map(|s| (s.first_token, s.end_token, s.text.len())), Some((2, 2, 0)));
    }

    #[test]
    fn the_template_and_the_prompt_decide() {
        assert_eq!(of_template(None), spec(1));
        assert_eq!(of_template(Some("{{ '[THINK]' }}{{ '[/THINK]' }}")).markers, ["[THINK]", "[/THINK]"]);
        assert_eq!(spec(1).after_prompt(b"<|assistant|><think>\n"), spec(2));
        assert_eq!(spec(1).after_prompt(b"<think>\n\n</think>\n\n"), spec(1));
        assert_eq!(SegmenterSpec::default().after_prompt(b"<think>"), SegmenterSpec::default());
        let unknown = SegmenterSpec { id: 9, markers: vec![] };
        assert_eq!(unknown.segment(b"", &[]).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    proptest! {
        #[test]
        fn every_output_is_tiled(
            id in 0u32..3,
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("<think>"), Just("</think>"), Just("\n"), Just("\n\n"), Just("Step 1 "), Just("- "), Just("a"), Just(""),
                    Just(" "), Just("•"),
                ],
                0..40,
            ),
            beyond in 0usize..3,
            cut in 0usize..3,
        ) {
            let text: String = pieces.concat();
            let mut ends = Vec::new();
            let mut len = 0;
            for piece in &pieces {
                len += piece.len();
                ends.push(len);
            }
            ends.extend((1..=beyond).map(|more| len + more));
            let shown = &text.as_bytes()[..len - cut.min(len)];
            let spec = if id == 0 { SegmenterSpec::default() } else { spec(id) };
            let steps = spec.segment(shown, &ends).unwrap();
            check_tiling(&steps, u32::try_from(ends.len()).unwrap()).unwrap();
            let joined: Vec<u8> = steps.iter().flat_map(|step| step.text.clone()).collect();
            prop_assert_eq!(joined, shown);
        }
    }
}
