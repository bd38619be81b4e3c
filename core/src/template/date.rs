//! Dates in templates: `strftime_now` formats the request's date, never the clock.

use std::fmt::Write;

use crate::error::{Error, Result};

/// A calendar day, Gregorian, years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Date {
    /// Reads `YYYY-MM-DD`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = || Error::argument("date", "not a calendar day written YYYY-MM-DD");
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return Err(bad());
        }
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|d| d.parse::<u16>().ok()).ok_or_else(bad)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let small = |v: u16| u8::try_from(v).map_err(|_| bad());
        let date = Date { year, month: small(month)?, day: small(day)? };
        if year == 0 || !(1..=12).contains(&month) || day == 0 || date.day > date.days_in_month() {
            return Err(bad());
        }
        Ok(date)
    }

    fn leap(self) -> bool {
        (self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)) || self.year.is_multiple_of(400)
    }

    fn days_in_month(self) -> u8 {
        match self.month {
            2 => 28 + u8::from(self.leap()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(self) -> u16 {
        let before = (1..self.month).map(|month| u16::from(Date { month, ..self }.days_in_month()));
        before.sum::<u16>() + u16::from(self.day)
    }

    /// 0 is Sunday.
    fn weekday(self) -> usize {
        let years = u32::from(self.year) - 1;
        // 1 January of year 1 is a Monday in the proleptic Gregorian calendar.
        let days = 365 * years + years / 4 - years / 100 + years / 400 + u32::from(self.day_of_year());
        (days % 7) as usize
    }

    /// C's `strftime` for the conversions a day has: `%Y %y %m %-m %d %-d %e %b %h %B %a %A %j %F %D %%`.
    /// `Err` holds the first other one (a time of day, a zone).
    pub(crate) fn format(self, format: &str) -> std::result::Result<String, String> {
        let mut out = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let month = MONTHS.get(usize::from(self.month) - 1).copied().unwrap_or_default();
            let weekday = DAYS.get(self.weekday()).copied().unwrap_or_default();
            let conversion = rest.next();
            let written = match conversion {
                Some('Y') => write!(out, "{:04}", self.year),
                Some('y') => write!(out, "{:02}", self.year % 100),
                Some('m') => write!(out, "{:02}", self.month),
                Some('d') => write!(out, "{:02}", self.day),
                Some('e') => write!(out, "{:2}", self.day),
                Some('b' | 'h') => write!(out, "{month:.3}"),
                Some('B') => write!(out, "{month}"),
                Some('a') => write!(out, "{weekday:.3}"),
                Some('A') => write!(out, "{weekday}"),
                Some('j') => write!(out, "{:03}", self.day_of_year()),
                Some('F') => write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day),
                Some('D') => write!(out, "{:02}/{:02}/{:02}", self.month, self.day, self.year % 100),
                Some('%') => write!(out, "%"),
                Some('-') => match rest.next() {
                    Some('d') => write!(out, "{}", self.day),
                    Some('m') => write!(out, "{}", self.month),
                    other => return Err(format!("%-{}", other.map(String::from).unwrap_or_default())),
                },
                other => return Err(format!("%{}", other.map(String::from).unwrap_or_default())),
            };
            let _ = written; // writing to a String cannot fail
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn formats_as_strftime_does() {
        // From CPython's datetime.date.strftime.
        for (date, format, text) in [
            ("2024-07-26", "%d %b %Y", "26 Jul 2024"),
            ("2026-01-02", "%A, %B %-d, %Y", "Friday, January 2, 2026"),
            ("2024-02-29", "%j %a %y %e %m %F %D %%", "060 Thu 24 29 02 2024-02-29 02/29/24 %"),
            ("1999-12-31", "%j %a", "365 Fri"),
            ("0001-01-01", "%A", "Monday"),
            ("9999-12-31", "%A", "Friday"),
            ("2000-03-01", "%e %-m", " 1 3"),
        ] {
            assert_eq!(Date::parse(date).unwrap().format(format).unwrap(), text, "{date} {format}");
        }
        let date = Date::parse("2024-07-26").unwrap();
        for (format, rest) in [("%H:%M", "%H"), ("%-H", "%-H"), ("%", "%"), ("%é", "%é")] {
            assert_eq!(date.format(format).unwrap_err(), rest);
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2024",
            "2024-2-3",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "0000-01-01",
            "+024-01-01",
            "2024/01/01",
            "2024-01-01T00",
            "２０２４",
            "20é4-01-0",
        ] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
    }
}
