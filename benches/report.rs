//! What a run found: sections of text and targets met or missed.

use std::fmt::Write as _;

/// A target of the project and what was measured.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is measured.
    pub what: String,
    /// The number.
    pub measured: f64,
    /// The bound.
    pub bound: f64,
    /// Whether the number must be at least the bound, or at most.
    pub at_least: bool,
    /// Unit, empty for ratios.
    pub unit: &'static str,
    /// What of the measured work takes the time, measured too: for the case that the target is missed.
    pub because: String,
}

impl Target {
    /// A ratio or time that must not be below `bound`.
    pub fn at_least(what: impl Into<String>, measured: f64, bound: f64) -> Self {
        Target { what: what.into(), measured, bound, at_least: true, unit: "", because: String::new() }
    }

    /// A ratio or time that must not be above `bound`.
    pub fn at_most(what: impl Into<String>, measured: f64, bound: f64) -> Self {
        Target { at_least: false, ..Self::at_least(what, measured, bound) }
    }

    /// With a unit.
    pub fn in_unit(self, unit: &'static str) -> Self {
        Target { unit, ..self }
    }

    /// With what takes the time.
    pub fn because(self, because: impl Into<String>) -> Self {
        Target { because: because.into(), ..self }
    }

    /// Whether it is met. A number that was not measured meets nothing.
    pub fn is_met(&self) -> bool {
        if self.at_least {
            self.measured >= self.bound
        } else {
            self.measured <= self.bound
        }
    }

    fn number(&self) -> String {
        let digits = if self.unit.is_empty() { 3 } else { 1 };
        format!("{:.digits$}{}", self.measured, self.unit)
    }

    fn limit(&self) -> String {
        format!("{} {}{}", if self.at_least { ">=" } else { "<=" }, self.bound, self.unit)
    }

    /// By how many percent of the bound a missed target is missed.
    fn missed_by(&self) -> f64 {
        (self.measured / self.bound - 1.0).abs() * 100.0
    }
}

/// A part of the report.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Markdown under it.
    pub text: String,
    /// The targets it decides.
    pub targets: Vec<Target>,
}

impl Section {
    /// An empty section.
    pub fn new(title: &str) -> Self {
        Section { title: title.into(), ..Self::default() }
    }

    /// Appends a paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}\n", wrapped(text));
    }

    /// Appends a table.
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let _ = writeln!(self.text, "| {} |", header.join(" | "));
        let _ = writeln!(self.text, "|{}", "---|".repeat(header.len()));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.join(" | "));
        }
        self.text.push('\n');
    }
}

/// The whole report, in markdown.
pub fn markdown(command: &str, about: &Section, sections: &[Section]) -> String {
    let mut text = format!("<!-- Written by `{command}`. -->\n# Benchmarks\n\n");
    text.push_str(&about.text);
    text.push_str("## Targets\n\n");
    text.push_str(&targets(sections));
    for section in sections {
        let _ = write!(text, "## {}\n\n{}", section.title, section.text);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn targets(sections: &[Section]) -> String {
    let mut section = Section::default();
    let all = || sections.iter().flat_map(|section| &section.targets);
    let rows: Vec<Vec<String>> = all()
        .map(|t| {
            let verdict = if t.is_met() { "met" } else { "**missed**" };
            vec![t.what.clone(), t.limit(), t.number(), verdict.into()]
        })
        .collect();
    section.table(&["what", "target", "measured", ""], &rows);
    for target in all().filter(|target| !target.is_met()) {
        section.paragraph(&format!(
            "**Missed: {}**, by {:.1} %. {}",
            target.what,
            target.missed_by(),
            target.because
        ));
    }
    section.text
}

/// One line that names every target with met or missed.
pub fn verdict(sections: &[Section]) -> String {
    let targets: Vec<String> = sections
        .iter()
        .flat_map(|section| &section.targets)
        .map(|t| format!("{} {} ({})", t.what, t.number(), if t.is_met() { "met" } else { "MISSED" }))
        .collect();
    format!("verdict: {}", targets.join("; "))
}

/// Lines of at most 110 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| !line.is_empty() && line.len() + 1 + word.len() > 110);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_meets_nothing() {
        assert!(!Target::at_least("a", f64::NAN, 1.0).is_met());
        assert!(!Target::at_most("a", f64::NAN, 1.0).is_met());
        assert!(Target::at_most("a", 0.3, 0.4).is_met());
        assert!(!Target::at_least("a", 0.3, 0.4).is_met());
    }

    #[test]
    fn long_text_is_wrapped() {
        let text = "word ".repeat(60);
        assert!(wrapped(&text).lines().all(|line| line.len() <= 110));
        assert_eq!(wrapped(&text).split_whitespace().count(), 60);
    }
}
